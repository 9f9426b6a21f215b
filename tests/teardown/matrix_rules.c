/* SPDX-License-Identifier: BSD-2-Clause */
/* The rules of matrix.def, and what they say of one cell. */
#include "tests/teardown/matrix.h"

#include "abi/assert.h"

#define BY_BROKERED   (1u << RIG_BROKERED)
#define BY_DIRECT     (1u << RIG_DIRECT)
#define BY_ALL        (BY_BROKERED | BY_DIRECT)
#define ON_MODERN     (1u << DM_MODERN)
#define ANY_TRANSPORT (1u << DM_LEGACY | 1u << DM_MODERN)
#define C(name)       (1u << CAUSE_##name)
#define C_ALL         ((1u << CAUSE_COUNT) - 1u)
#define C_ENDS        (C(REVOKE) | C(CRASH) | C(EXIT))
#define P(name)       (1u << PHASE_##name)
#define P_TO(a, b)    ((2u << PHASE_##b) - (1u << PHASE_##a))
#define P_ALL         ((1u << PHASE_COUNT) - 1u)
#define P_POSTING     P_TO(ARM, TRAFFIC) /* buffers are being published */
#define L(name)       (1u << LOAD_##name)
#define L_ALL         ((1u << LOAD_COUNT) - 1u)
#define L_SOME        (L_ALL & ~L(NOTHING))
#define N(name)       (1u << CONFIRM_##name)
#define N_ALL         ((1u << CONFIRM_COUNT) - 1u)

#define PROVIDER_E_OK  PROVIDER_OK
#define PROVIDER_E_ANY MATRIX_ANY

const struct matrix_rule matrix_rules[] = {
#define RULE(name_, authors_, transports_, causes_, phases_, loads_, confirms_, kind_, error_, reset_,       \
             text_)                                                                                          \
    {.name = #name_,                                                                                         \
     .text = text_,                                                                                          \
     .authors = (authors_),                                                                                  \
     .transports = (transports_),                                                                            \
     .causes = (causes_),                                                                                    \
     .phases = (phases_),                                                                                    \
     .loads = (loads_),                                                                                      \
     .confirms = (confirms_),                                                                                \
     .kind = KIND_##kind_,                                                                                   \
     .error = PROVIDER_E_##error_,                                                                           \
     .reset = RESET_##reset_},
#include "tests/teardown/matrix.def"
};
const uint32_t matrix_rule_count = sizeof matrix_rules / sizeof matrix_rules[0];

const char *matrix_kind_name(enum matrix_kind kind)
{
    static const char *const names[KIND_COUNT] = {
        [KIND_IMPOSSIBLE] = "impossible",
        [KIND_NONE] = "none",
        [KIND_GOES_ON] = "goes on",
        [KIND_STOPS] = "stops",
        [KIND_ORDERLY] = "orderly",
        [KIND_CUT_OFF] = "cut off",
        [KIND_LOST] = "lost",
        [KIND_LET_GO] = "let go",
        [KIND_KEEPS] = "keeps",
    };
    return (unsigned)kind < KIND_COUNT ? names[kind] : "unknown";
}

static const struct matrix_rule *rule_of(const struct matrix_cell *c)
{
    for (uint32_t i = 0; i < matrix_rule_count; i++) {
        const struct matrix_rule *r = &matrix_rules[i];
        if ((r->authors >> c->author & r->transports >> c->transport & r->causes >> c->cause &
             r->phases >> c->phase & r->loads >> c->load & r->confirms >> c->confirm & 1u) != 0)
            return r;
    }
    ASSERT(false && "no rule fits a cell");
}

/* Does the provider get its reset confirmed in this column? */
static bool provider_confirms(enum matrix_reset reset, enum matrix_confirm confirm)
{
    return reset == RESET_NOTHING ||
           (reset == RESET_ASKED && (confirm == CONFIRM_AT_ONCE || confirm == CONFIRM_LATE));
}

static bool kernel_confirms(enum matrix_reset reset, enum matrix_confirm confirm)
{
    return reset == RESET_NOTHING || (reset != RESET_NOBODY && confirm != CONFIRM_NEVER);
}

static enum vnet_state end_of(const struct matrix_rule *rule, const struct matrix_cell *c)
{
    switch (rule->kind) {
    case KIND_NONE:
    case KIND_LET_GO:
    case KIND_IMPOSSIBLE:
        return VNET_CLOSED;
    case KIND_KEEPS:
        return c->phase == PHASE_STOPPED ? VNET_STOPPED : VNET_QUARANTINED;
    case KIND_CUT_OFF:
    case KIND_LOST:
        return VNET_QUARANTINED;
    default:
        return provider_confirms(rule->reset, c->confirm) ? VNET_STOPPED : VNET_QUARANTINED;
    }
}

struct matrix_expectation matrix_expect(const struct matrix_cell *c)
{
    const struct matrix_rule *rule = rule_of(c);
    struct matrix_expectation e = {rule, rule->kind, end_of(rule, c), rule->error, false};
    if (e.kind != KIND_IMPOSSIBLE && e.kind != KIND_NONE && c->load == LOAD_HALF)
        e.error = PROVIDER_E_REFUSED; /* the first reason stays */
    if (e.end == VNET_QUARANTINED && e.error == PROVIDER_OK)
        e.error = PROVIDER_E_RESET;
    if (c->author == RIG_BROKERED)
        e.restored = kernel_confirms(rule->reset, c->confirm);
    else /* its driver's word, or nothing was ever written */
        e.restored = (e.end == VNET_STOPPED && rule->reset != RESET_NOBODY) || e.kind == KIND_NONE;
    return e;
}
