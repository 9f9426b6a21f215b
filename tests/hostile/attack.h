/* SPDX-License-Identifier: BSD-2-Clause */
/* One hostile life: a device that breaks one obligation, a provider that lives through it, and what came of
 * it. A case names its outcome before it runs; attack_judge says what differs. */
#ifndef CAPOS_TESTS_HOSTILE_ATTACK_H
#define CAPOS_TESTS_HOSTILE_ATTACK_H

#include "tests/support/rig.h"

#define ALWAYS           UINT32_MAX
#define ATTACK_FRAMES    40u /* sent while the attack is armed */
#define ATTACK_TURNS_MAX 8000u /* polls of one whole case */

enum outcome {
    UNAFFECTED = 0, /* every frame right, orderly stop, confirmed */
    DROPPED, /* frames dropped and counted, the provider runs on, orderly stop */
    ALTERED, /* frames delivered as the device wrote them, within what was posted; orderly stop */
    SILENT, /* nothing is received; the provider runs on and stops orderly */
    BACK_PRESSURE, /* the caller is told that no transmit slot is free; orderly stop */
    BROKEN, /* a queue broke or the device failed: stopped by a confirmed reset */
    FAILS_AT_OPEN, /* refused before a register was written */
    FAILS_AT_START, /* given up before RUNNING, reset confirmed */
    FAILS_ON_RETRY, /* the first life is unaffected, the second gives up at start */
    QUARANTINED, /* reset not confirmed: pages kept */
    CANNOT, /* no opportunity on this transport: `reason` says why */
    OUTCOME_COUNT
};

enum attack_when {
    BORN = 0, /* armed in the device's configuration: before the scan */
    ARMED, /* after the scan, before the claim */
    RUNNING /* once frames have gone round */
};

#define ON_LEGACY   1u
#define ON_MODERN   2u
#define ON_BOTH     3u
#define BY_BROKERED 1u
#define BY_DIRECT   2u
#define BY_BOTH     3u

struct attack_case {
    enum dm_attack attack;
    uint8_t transports, authors;
    uint8_t when; /* enum attack_when */
    uint8_t stays; /* 1: what the attack did to the function outlives it */
    uint32_t at, times;
    uint64_t value;
    enum outcome outcome;
    enum provider_error error; /* of the end; PROVIDER_OK: none */
    uint64_t drop_features; /* taken out of the defaults' offer */
    uint64_t add_features;
    enum dm_rule blamed; /* a rule that the device's own lie makes the driver break; 0: none */
    const char *reason; /* CANNOT: why */
};

struct attack_result {
    enum outcome outcome;
    enum provider_error error;
    uint32_t fired, right, turns, quarantined_pages;
    char wrong[256]; /* empty: as the case says, and everything given back */
};

extern const struct attack_case attack_cases[];
extern const uint32_t attack_case_count;
extern const char *const outcome_names[OUTCOME_COUNT];

/* Runs the case in a world of its own, then once more with the attack cleared. */
struct attack_result attack_run(const struct attack_case *c, enum dm_transport transport,
                                enum rig_author author);

#endif
