/* SPDX-License-Identifier: BSD-2-Clause */
/* Several backends on one wire. Owns them; keeps no frame itself. */
#include "backend_state.h"

#include <stdlib.h>

struct hub {
    struct dm_kept_backend kept;
    uint32_t count;
    uint32_t turn; /* the port that is asked first */
    struct dm_backend *ports[DM_HUB_PORTS];
};

static void hub_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct hub *h = (struct hub *)b;
    dm_count_from_guest(&h->kept.counts, frame, bytes);
    for (uint32_t i = 0; i < h->count; i++)
        h->ports[i]->ops->send(h->ports[i], frame, bytes);
}

/* One frame of each port in turn, so that a flood on one leaves the others their share. Each port is polled
 * at least once, with an empty budget too: its time goes on. */
static uint32_t hub_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                         void *ctx)
{
    struct hub *h = (struct hub *)b;
    uint32_t done = 0, quiet = 0;
    for (uint32_t polls = 0; polls < h->count || (quiet < h->count && done < budget); polls++) {
        struct dm_backend *port = h->ports[h->turn];
        uint32_t got = port->ops->poll(port, now_ns, done < budget ? 1 : 0, sink, ctx);
        h->turn = (h->turn + 1u) % h->count;
        done += got;
        quiet = got ? 0 : quiet + 1u;
    }
    h->kept.counts.to_guest += done;
    return done;
}

static void hub_destroy(struct dm_backend *b)
{
    struct hub *h = (struct hub *)b;
    for (uint32_t i = 0; i < h->count; i++)
        dm_backend_destroy(h->ports[i]);
    free(h);
}

static uint64_t hub_next_due(const struct dm_backend *b)
{
    const struct hub *h = (const struct hub *)b;
    uint64_t due = DM_NEVER;
    for (uint32_t i = 0; i < h->count; i++) {
        uint64_t port_due = dm_backend_next_due(h->ports[i]);
        if (port_due < due)
            due = port_due;
    }
    return due;
}

static struct dm_backend_counts hub_counts(const struct dm_backend *b)
{
    const struct hub *h = (const struct hub *)b;
    struct dm_backend_counts counts = h->kept.counts;
    for (uint32_t i = 0; i < h->count; i++)
        counts.dropped += dm_backend_counts(h->ports[i]).dropped;
    return counts;
}

static const struct dm_backend_ops hub_ops = {.name = "hub",
                                              .send = hub_send,
                                              .poll = hub_poll,
                                              .destroy = hub_destroy,
                                              .next_due = hub_next_due,
                                              .counts = hub_counts};

struct dm_backend *dm_hub_create(struct dm_backend *const *ports, uint32_t count)
{
    if (count == 0 || count > DM_HUB_PORTS)
        return NULL;
    struct hub *h = calloc(1, sizeof *h);
    if (!h)
        return NULL;
    h->kept.base.ops = &hub_ops;
    h->count = count;
    for (uint32_t i = 0; i < count; i++)
        h->ports[i] = ports[i];
    return &h->kept.base;
}
