/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to world `nic`: its bytes are the choices of one life. A violation aborts, so that the fuzzer keeps
 * the input; `capos-fuzz-nic FILE` runs one again. */
#include <stdio.h>
#include <stdlib.h>

#include "sim/explore/nic_world.h"

#define SIZES 3u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static struct nic_world *world_of(bool legacy, uint32_t size)
{
    static struct nic_world *worlds[2][SIZES]; /* kept from one input to the next: making one costs more than a life */
    struct nic_world **at = &worlds[legacy][size];
    const struct nic_config config = {.legacy = legacy, .size = (uint16_t)(1u << size), .frames_max = 4,
                                      .lies_max = 2, .lie_kinds = (1u << XP_NET_LIE_COUNT) - 1u,
                                      .queue_lie_kinds = (1u << XP_LIE_COUNT) - 1u, .events_max = 1,
                                      .event_kinds = (1u << XP_NET_EVENT_COUNT) - 1u, .suppress = true};

    if (!*at)
        *at = nic_lives_make(&config);
    if (!*at)
        abort();
    return *at;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct sim_choices choices;
    struct nic_world *n;
    enum xp_step stepped;

    if (bytes < 2)
        return 0;
    n = world_of(data[0] & 1u, (data[0] >> 1) % SIZES);
    n->driver.order.model = (enum xp_model)((data[0] >> 3) % XP_MODEL_COUNT);
    n->config.lies_max = n->device.lies_max = (uint8_t)(data[1] % 3u);
    n->device.events_max = (uint8_t)(data[1] >> 7);
    sim_choices_init(&choices, SIM_CHOOSE_BYTES, 0);
    choices.unrecorded = true;
    choices.bytes = data + 2;
    choices.byte_count = bytes - 2;
    n->world.choices = &choices;
    if (!xp_protected_start(&n->world) || !xp_protected_step(&n->world, &stepped)) {
        fprintf(stderr, "broken: %s: %s\n", xp_property_name(n->world.verdict.property), n->world.verdict.what);
        abort();
    }
    return 0;
}
