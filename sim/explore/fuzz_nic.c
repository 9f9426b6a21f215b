/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to world `nic`: its bytes are the choices of one life. A violation aborts, so that the
 * fuzzer keeps the input; `capos-fuzz-nic FILE` runs one again. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/explore/nic_world.h"

#define SIZES 3u

/* Kept from one input to the next: making a world costs more than a life. */
static struct nic_world *worlds[2][SIZES];

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct nic_world *world_of(bool legacy, uint32_t size)
{
    struct nic_world **at = &worlds[legacy][size];
    const struct nic_config config = {.legacy = legacy,
                                      .size = (uint16_t)(1u << size),
                                      .frames_max = 4,
                                      .lies_max = 2,
                                      .lie_kinds = (1u << XP_NET_LIE_COUNT) - 1u,
                                      .queue_lie_kinds = (1u << XP_LIE_COUNT) - 1u,
                                      .events_max = 1,
                                      .event_kinds = (1u << XP_NET_EVENT_COUNT) - 1u,
                                      .suppress = true};

    if (!*at)
        *at = nic_lives_make(&config);
    if (!*at)
        abort();
    return *at;
}

__attribute__((destructor)) static void say(void)
{
    struct nic_counts sum = {0};

    for (unsigned i = 0; i < 2u * SIZES; i++) {
        const struct nic_world *n = worlds[i / SIZES][i % SIZES];

        if (!n)
            continue;
        sum.lives += n->counts.lives;
        sum.device_steps += n->counts.device_steps;
        sum.sent += n->counts.sent;
        sum.received += n->counts.received;
        sum.stopped += n->counts.stopped;
        sum.quarantined += n->counts.quarantined;
    }
    fprintf(stderr, "lives: lives=%lu device_steps=%lu sent=%lu received=%lu stopped=%lu quarantined=%lu\n",
            sum.lives, sum.device_steps, sum.sent, sum.received, sum.stopped, sum.quarantined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct sim_choices choices;
    struct nic_world *n;
    enum xp_step stepped;

    const uint8_t which = bytes > 0 ? data[0] : 0;
    const uint8_t faults = bytes > 1 ? data[1] : 0;
    const size_t head = bytes < 2 ? bytes : 2;

    n = world_of(which & 1u, (which >> 1) % SIZES);
    n->driver.order.model = (enum xp_model)((which >> 3) % XP_MODEL_COUNT);
    n->config.lies_max = n->device.lies_max = (uint8_t)(faults % 3u);
    n->device.events_max = (uint8_t)(faults >> 7);
    sim_choices_init(&choices, SIM_CHOOSE_BYTES, 0);
    choices.unrecorded = true;
    choices.bytes = data + head;
    choices.byte_count = bytes - head;
    n->world.choices = &choices;
    if (!xp_protected_start(&n->world) || !xp_protected_step(&n->world, &stepped)) {
        fprintf(stderr, "broken: %s: %s\n", xp_property_name(n->world.verdict.property),
                n->world.verdict.what);
        abort();
    }
    return 0;
}
