/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole lives a second: a new world, boot, bind proof, provider up, an ARP and an echo, teardown, end of the
 * log. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/main.h"
#include "sim/bench/bench.h"
#include "sim/world.h"

#define LIVES 2000u
#define BLOCK 100u

static const char line[] = "mode=proof exchanges=1 boot=0000000000000001 "
                           "chain_key=0000000000000000000000000000000000000000000000000000000000000001";

static bool one_life(struct kernel_storage *k, struct sim_world *w, const struct sim_world_config *config)
{
    if (sim_world_open(w, config) != NULL)
        return false;
    const struct kernel_boot boot = {.platform = &w->platform,
                                     .command_line = line,
                                     .command_line_bytes = sizeof line - 1,
                                     .provider_object = "sha256:0"};
    bool holds = kernel_main(k, &boot) == 0 && sim_world_complaints(w, -1) == 0;
    sim_world_close(w);
    return holds;
}

static bool lives_of(struct bench *b, enum sim_backend_kind backend, const char *name, double ask)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);
    const struct dm_memory_config memory = {SIM_MEMORY_BYTES_DEFAULT, SIM_BUS_BASE, true};
    struct kernel_storage *k = calloc(1, sizeof *k);
    struct sim_world *w = calloc(1, sizeof *w);
    uint32_t blocks = (b->quick ? LIVES / 10 : LIVES) / BLOCK;
    double samples[LIVES / BLOCK];
    config.memory = dm_memory_create(&memory);
    bool whole = k && w && config.memory;
    config.nics[0].backend = backend;
    config.traced = false;
    for (uint32_t i = 0; whole && i < blocks; i++) {
        uint64_t start = bench_now_ns();
        for (uint32_t j = 0; whole && j < BLOCK; j++)
            whole = one_life(k, w, &config);
        samples[i] = BLOCK * 1e9 / (double)(bench_now_ns() - start);
    }
    if (whole) {
        struct bench_row *row = bench_add(b, name, "lives/s", bench_median(samples, blocks));
        row->asked = ask;
        row->limit = "hashing of the evidence and audit chains; pages zeroed and scrubbed";
    } else {
        fprintf(stderr, "capos bench: a life did not hold\n");
    }
    if (config.memory)
        dm_memory_destroy(config.memory);
    free(k);
    free(w);
    return whole;
}

bool bench_lives(struct bench *b)
{
    return lives_of(b, SIM_BACKEND_SCRIPT, "whole lives, scripted peer, ledger and monitors", 5000) &&
           lives_of(b, SIM_BACKEND_SLIRP, "whole lives, libslirp, ledger and monitors", 0);
}
