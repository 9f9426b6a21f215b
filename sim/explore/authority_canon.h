/* SPDX-License-Identifier: BSD-2-Clause */
/* What fingerprints of the kernel's rooms are made of: its records and the machine, without what no
 * continuation can tell apart. Generations and epochs only grow: whether a reference is current counts.
 * Routes are told from the next one that will be handed out, a ring from the next used element. */
#ifndef CAPOS_EXPLORE_AUTHORITY_CANON_H
#define CAPOS_EXPLORE_AUTHORITY_CANON_H

#include "sim/explore/authority_machine.h"

#define AUTH_CANON_BYTES 24576u

struct auth_canon {
    struct auth_machine *m;
    uint8_t rank[OWNERS_MAX]; /* the number that stands for an owner */
    size_t used;
    uint8_t bytes[AUTH_CANON_BYTES];
};

void auth_put(struct auth_canon *c, const void *at, size_t bytes);
static inline void auth_put8(struct auth_canon *c, uint32_t value)
{
    const uint8_t byte = (uint8_t)value;

    auth_put(c, &byte, 1);
}
static inline void auth_put16(struct auth_canon *c, uint32_t value)
{
    const uint16_t half = (uint16_t)value;

    auth_put(c, &half, 2);
}
static inline void auth_put32(struct auth_canon *c, uint32_t value)
{
    auth_put(c, &value, 4);
}

/* Of a queue's ring: the free-running index that all others are told from, a multiple of the size. */
static inline uint16_t auth_ring_base(const struct dma_queue *q)
{
    return (uint16_t)(q->used_seen - (q->used_seen & (q->ring.size - 1u)));
}

/* Claims, registers, pools, buffers, queues with their rings, interrupts, functions, messages, MSI-X tables.
 */
void auth_put_records(struct auth_canon *c);
/* Page records, and what stands in pages that are no rings. */
void auth_put_pages(struct auth_canon *c);

#endif
