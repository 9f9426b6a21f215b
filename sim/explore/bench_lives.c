/* SPDX-License-Identifier: BSD-2-Clause */
/* For the bench: whole lives at random in world `nic`, all monitors on. capos-bench-lives N: N lives of each
 * transport; prints them and the device's steps in them. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/explore/nic_world.h"

#define SIZE   4u
#define FRAMES 4u

/* False: something broke, and is said. */
static bool live(bool legacy, uint64_t lives, struct nic_counts *sum)
{
    const struct nic_config config = {.legacy = legacy,
                                      .size = SIZE,
                                      .frames_max = FRAMES,
                                      .lies_max = 1,
                                      .lie_kinds = (1u << XP_NET_LIE_COUNT) - 1u,
                                      .queue_lie_kinds = (1u << XP_LIE_COUNT) - 1u,
                                      .events_max = 1,
                                      .event_kinds = (1u << XP_NET_EVENT_COUNT) - 1u,
                                      .suppress = true};
    struct nic_world *n = nic_lives_make(&config);
    struct sim_choices choices;
    enum xp_step stepped;
    bool holds = n != NULL;

    for (uint64_t seed = 0; holds && seed < lives; seed++) {
        sim_choices_init(&choices, SIM_CHOOSE_RANDOM, seed);
        choices.unrecorded = true;
        n->world.choices = &choices;
        n->config.lies_max = n->device.lies_max =
            seed % 4u == 1; /* a lie in one life of four, an event in another */
        n->device.events_max = seed % 4u == 2;
        holds = xp_protected_start(&n->world) && xp_protected_step(&n->world, &stepped);
        if (!holds)
            fprintf(stderr, "capos bench: life %llu: %s: %s\n", (unsigned long long)seed,
                    xp_property_name(n->world.verdict.property), n->world.verdict.what);
    }
    if (n) {
        sum->lives += n->counts.lives;
        sum->device_steps += n->counts.device_steps;
    }
    nic_world_free(n);
    return holds;
}

int main(int argc, char **argv)
{
    const uint64_t lives = argc == 2 ? strtoull(argv[1], NULL, 10) : 0;
    struct nic_counts sum = {0};

    if (lives == 0) {
        fprintf(stderr, "usage: capos-bench-lives LIVES\n");
        return 2;
    }
    xp_catch_faults();
    if (!live(false, lives, &sum) || !live(true, lives, &sum))
        return 1;
    printf("{\"lives\":%llu,\"device_steps\":%llu}\n", (unsigned long long)sum.lives,
           (unsigned long long)sum.device_steps);
    return 0;
}
