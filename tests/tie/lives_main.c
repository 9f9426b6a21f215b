/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-tie [--from N] [--seeds N] [--steps]: whole lives, a line a seed with the hash of all that the
 * platform and the device were told. Built from the same sources over the shipped and over the observed
 * rooms: the output must be equal. --steps: the hash after each call as well, to see where two runs part. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/tie/life.h"

static const char *const state_names[VNET_STATE_COUNT] = {"closed",   "resetting", "starting",   "running",
                                                          "stopping", "stopped",   "quarantined"};

static int usage(void)
{
    fputs("usage: capos-tie [--from N] [--seeds N] [--steps]\n", stderr);
    return 2;
}

static void print(uint64_t seed, const struct life_result *r)
{
    printf("seed=%" PRIu64 " hash=%016" PRIx64 " calls=%" PRIu64 " published=%u completed=%" PRIu64
           " transport=%s author=%s ending=%s lives=%u attack=%s fired=%u state=%s error=%s\n",
           seed, r->hash, r->calls, r->published, r->completed,
           r->transport == DM_MODERN ? "modern" : "legacy", r->author == RIG_DIRECT ? "direct" : "brokered",
           ending_names[r->ending], r->again ? 2u : 1u, r->attack, r->fired, state_names[r->state],
           provider_error_name(r->error));
}

int main(int argc, char **argv)
{
    const struct dm_memory_config shape = {SIM_MEMORY_BYTES_DEFAULT, SIM_BUS_BASE, true};
    uint64_t from = 1;
    uint64_t seeds = 1000;
    FILE *steps = NULL;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--steps") == 0)
            steps = stdout;
        else if (i + 1 < argc && strcmp(argv[i], "--from") == 0)
            from = strtoull(argv[++i], NULL, 10);
        else if (i + 1 < argc && strcmp(argv[i], "--seeds") == 0)
            seeds = strtoull(argv[++i], NULL, 10);
        else
            return usage();
    }
    struct dm_memory *memory = dm_memory_create(&shape);
    if (!memory) {
        fputs("capos-tie: no memory\n", stderr);
        return 3;
    }
    for (uint64_t seed = from; seed - from < seeds; seed++) {
        const struct life_result r = life_run(seed, memory, steps);
        print(seed, &r);
    }
    dm_memory_destroy(memory);
    return fflush(stdout) == 0 ? 0 : 1;
}
