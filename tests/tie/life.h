/* SPDX-License-Identifier: BSD-2-Clause */
/* One whole life drawn from a seed: world, device, its lies, the order of calls, the end. Every choice falls
 * between two calls of the provider. The world's trace hash takes in each platform call, frame, choice,
 * publication (with the whole ring as it then is) and completion, and what each call answered. */
#ifndef CAPOS_TESTS_TIE_LIFE_H
#define CAPOS_TESTS_TIE_LIFE_H

#include <stdio.h>

#include "tests/support/rig.h"

enum ending {
    END_STOP = 0,
    END_KILL, /* the owner is killed while the provider runs; direct: released by force */
    END_EXIT, /* the same by its own exit */
    END_NEEDS_RESET,
    END_REMOVAL,
    END_COUNT
};
extern const char *const ending_names[END_COUNT];

struct life_result {
    uint64_t hash;
    uint64_t calls; /* platform calls and other traced events */
    uint32_t published; /* chains that the author took */
    uint64_t completed; /* transmit chains reaped and receive buffers taken in */
    uint32_t fired; /* how often the armed attack did something */
    const char *attack; /* name, or "none" */
    enum dm_transport transport;
    enum rig_author author;
    enum ending ending;
    bool again; /* a second life on the same function */
    enum vnet_state state;
    enum provider_error error;
};

/* `memory` is lent and reset. `steps`: where the hash after each call goes, one line a call; NULL: nowhere.
 */
struct life_result life_run(uint64_t seed, struct dm_memory *memory, FILE *steps);

#endif
