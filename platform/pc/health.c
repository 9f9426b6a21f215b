/* SPDX-License-Identifier: BSD-2-Clause */
#include "platform/pc/health.h"

static bool leans(struct entropy_health *h, uint8_t byte)
{
    if (h->window == 0) {
        h->sample = byte;
        h->counted = 0;
    }
    h->counted += byte == h->sample ? 1u : 0u;
    h->window = (h->window + 1u) % HEALTH_WINDOW;
    return h->counted >= HEALTH_CUTOFF;
}

bool entropy_health(struct entropy_health *h, uint64_t word)
{
    h->repeats = h->repeats != 0 && word == h->last ? h->repeats + 1u : 1u;
    h->last = word;
    h->failed = h->failed || h->repeats >= HEALTH_REPEATS;
    for (uint32_t i = 0; i < 8; i++)
        h->failed = leans(h, (uint8_t)(word >> (8u * i))) || h->failed;
    return !h->failed;
}
