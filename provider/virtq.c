/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtqueue's slower half: set-up, undoing, leftovers, faults. Owns the shadow in the caller's arena;
 * trusts the author for ring memory and nothing that stands in it. */
#include "provider/virtq.h"

void virtq_init(struct virtq *q, const struct provider_ring *ring, struct virtq_slot *slots)
{
    ASSERT(ring->size > 0);
    ASSERT((ring->size & (ring->size - 1u)) == 0);
    ASSERT(ring->device_area != NULL);

    *q = (struct virtq){.ring = *ring, .slots = slots, .size = ring->size, .free_count = ring->size};
    for (uint16_t i = 0; i < ring->size; i++)
        slots[i] =
            (struct virtq_slot){.next = i + 1u < ring->size ? (uint16_t)(i + 1u) : (uint16_t)VIRTQ_NO_SLOT};
}

void virtq_abandon(struct virtq *q, const struct author_segment *chain)
{
    ASSERT(chain[0].slot < q->size);
    virtq_retire(q, chain[0].slot);
}

uint16_t virtq_reap(struct virtq *q, struct virtq_done *out, uint16_t max, bool ignore_length)
{
    uint16_t ready = virtq_ready(q, max);
    uint16_t taken = 0;

    ASSERT(ready <= max);
    while (taken < ready && virtq_take(q, &out[taken], ignore_length))
        taken++;
    return taken;
}

uint16_t virtq_outstanding(const struct virtq *q)
{
    ASSERT(q->in_flight <= q->size);
    return q->in_flight;
}

uint16_t virtq_used_unseen(const struct virtq *q)
{
    uint16_t there;

    if (q->ring.device_area == NULL || q->broken)
        return 0;
    if (!dev_u16_distance(split_used_index(q->ring.device_area), q->used_seen, q->in_flight, &there))
        return 0;
    return there;
}

void virtq_fault(struct virtq *q, enum virtq_fault fault)
{
    ASSERT(fault > VIRTQ_FAULT_NONE);
    ASSERT(fault < VIRTQ_FAULT_COUNT);
    if (!q->broken)
        q->first_fault = (uint8_t)fault;
    q->broken = true;
    q->faults[fault]++;
}

const char *virtq_fault_name(enum virtq_fault fault)
{
    static const char *const names[VIRTQ_FAULT_COUNT] = {
        "none", "index", "range", "not-head", "not-posted", "length",
    };

    return (unsigned)fault < VIRTQ_FAULT_COUNT ? names[fault] : "unknown";
}
