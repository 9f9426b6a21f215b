/* SPDX-License-Identifier: BSD-2-Clause */
/* One hostile life: a device that breaks one obligation, a provider that lives through it, and what came of
 * it. The catalogue (catalogue.def) names outcome, error and counters before it runs; attack_run says what
 * differs. */
#ifndef CAPOS_TESTS_HOSTILE_ATTACK_H
#define CAPOS_TESTS_HOSTILE_ATTACK_H

#include "tests/support/rig.h"

#define ALWAYS            UINT32_MAX
#define ATTACK_FRAMES     40u /* sent while the attack is armed */
#define ATTACK_TURNS_MAX  8000u /* polls of one whole case */
#define ATTACK_TRANSPORTS 3u /* by enum dm_transport */
#define ATTACK_AUTHORS    2u

enum outcome {
#define OUTCOME(name, title, text) name,
#include "tests/hostile/catalogue.def"
    OUTCOME_COUNT
};

enum attack_counter {
#define COUNTER(name, title) COUNTER_##name,
#include "tests/hostile/catalogue.def"
    COUNTER_COUNT
};
#define COUNTED(name) (1u << COUNTER_##name)
/* What the kernel counts, of a driver that it brokers for; the counters before it are the provider's. */
#define KERNEL_COUNTERS (~(COUNTED(KERNEL_REFUSED) - 1u))

enum attack_when {
    BORN = 0, /* armed in the device's configuration: before the scan */
    ARMED, /* after the scan, before the claim */
    RUNNING /* once frames have gone round */
};

/* How the life differs from an ordinary one, a bit each. */
enum attack_how {
    PLAIN = 0,
    STAYS = 1, /* what the attack did to the function outlives it */
    CHAINS_OF_TWO = 2, /* ANY_LAYOUT is not offered */
    WITH_VECTOR = 4, /* the broker's provider asks for an interrupt */
    BY_HAND = 8, /* the provider never reads that register: the test does, so that the lie is told */
    BLAMED = 16 /* the device's own lie makes its monitor blame the driver for EXPOSED_ONCE */
};

struct expectation {
    enum outcome outcome;
    enum provider_error error; /* of the end; PROVIDER_OK: none */
    uint32_t counters; /* exactly those that rise */
    const char *reason; /* CANNOT: why */
};

struct attack_row {
    const char *name, *text;
    enum dm_attack attack;
    enum attack_when when;
    uint32_t at, times;
    uint64_t value;
    uint32_t how; /* enum attack_how */
    struct expectation expect[ATTACK_TRANSPORTS][ATTACK_AUTHORS];
};

struct attack_result {
    enum outcome outcome;
    enum provider_error error;
    uint32_t counters;
    uint32_t fired, right, turns, quarantined_pages;
    bool again; /* with the attack cleared, frames pass */
    char wrong[256]; /* empty: as the row says, and everything given back */
};

extern const struct attack_row attack_rows[];
extern const uint32_t attack_row_count;
extern const char *const outcome_names[OUTCOME_COUNT];
extern const char *const counter_names[COUNTER_COUNT];

/* Runs the row in a world of its own, then once more with the attack cleared. */
struct attack_result attack_run(const struct attack_row *row, enum dm_transport transport,
                                enum rig_author author, struct rig_lent *lent);

/* Which counters of the provider rose in its life; which of the kernel's since `before`. */
uint32_t counted_by_provider(const struct virtio_net *nic);
uint32_t counted_by_kernel(const struct kernel_stats *now, const struct kernel_stats *before);
/* Reads the register that the attack lies about, where this transport has one: while the life runs, or (set
 * up already it would tell the truth) before it begins. */
void read_by_hand(struct rig *r, enum dm_attack attack, bool running);

#endif
