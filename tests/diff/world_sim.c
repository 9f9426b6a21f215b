/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of the device models: one NIC, in order, libslirp behind it. */
#include <stdlib.h>

#include "sim/world.h"
#include "tests/diff/diff.h"

struct diff_world {
    struct sim_world world;
};

static enum dm_transport transport_of(enum diff_transport transport)
{
    return transport == DIFF_LEGACY ? DM_LEGACY : transport == DIFF_MODERN ? DM_MODERN : DM_TRANSITIONAL;
}

const char *diff_world_open(struct diff_world **out, const struct diff_config *config)
{
    struct sim_world_config c = sim_world_defaults(transport_of(config->transport));
    struct diff_world *w = calloc(1, sizeof *w);
    if (!w)
        return "no memory";
    c.mode = SIM_CHOOSE_FIRST;
    c.nics[0].model.in_order = true;
    c.nics[0].model.msix_vectors = config->msix == DIFF_MSIX_ABSENT ? 0 : DIFF_VECTORS;
    c.nics[0].model.features |=
        (config->merge ? DM_NET_F_MRG_RXBUF : 0) | (config->event_index ? DM_F_EVENT_IDX : 0);
    const char *why = sim_world_open(&w->world, &c);
    if (why)
        free(w);
    else
        *out = w;
    return why;
}

struct platform *diff_world_platform(struct diff_world *w)
{
    return &w->world.platform;
}

const char *diff_world_failure(const struct diff_world *w)
{
    (void)w;
    return NULL;
}

void diff_world_close(struct diff_world *w)
{
    sim_world_close(&w->world);
    free(w);
}
