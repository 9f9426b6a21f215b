/* SPDX-License-Identifier: BSD-2-Clause */
/* The rows of catalogue.def. */
#include "tests/hostile/attack.h"

#define PROVIDER_E_OK PROVIDER_OK
#define BY(outcome_, error_, counters_)                                                                      \
    {                                                                                                        \
        .outcome = (outcome_), .error = PROVIDER_E_##error_, .counters = (counters_)                         \
    }
#define BUT_NOT(reason_)                                                                                     \
    {                                                                                                        \
        .outcome = CANNOT, .reason = (reason_)                                                               \
    }
#define EACH(brokered, direct)                                                                               \
    {                                                                                                        \
        [RIG_BROKERED] = brokered, [RIG_DIRECT] = direct                                                     \
    }
#define SAME(outcome, error, counters)                                                                       \
    EACH(BY(outcome, error, counters), BY(outcome, error, (counters) & ~KERNEL_COUNTERS))
#define NEVER(reason) EACH(BUT_NOT(reason), BUT_NOT(reason))

const struct attack_row attack_rows[] = {
#define HOSTILE(name_, attack_, when_, at_, times_, value_, how_, legacy_, modern_, text_)                   \
    {.name = #name_,                                                                                         \
     .text = text_,                                                                                          \
     .attack = DM_ATTACK_##attack_,                                                                          \
     .when = (when_),                                                                                        \
     .at = (at_),                                                                                            \
     .times = (times_),                                                                                      \
     .value = (value_),                                                                                      \
     .how = (how_),                                                                                          \
     .expect = {[DM_LEGACY] = legacy_, [DM_MODERN] = modern_}},
#include "tests/hostile/catalogue.def"
};

const uint32_t attack_row_count = sizeof attack_rows / sizeof attack_rows[0];
