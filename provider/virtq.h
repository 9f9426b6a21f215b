/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtqueue's private state: which slot is free, in flight, and with how many writable bytes. Our own
 * record is the truth; ring memory is never read back. virtq writes no descriptor: an author does. A used
 * element goes through: in range -> a head -> in flight -> length within bounds -> consumed either way. A bad
 * one marks the queue broken for good (until stop); it never sticks and is never skipped silently. The two
 * steps that run once a frame are inline; the owner of a queue calls them from its own loop. */
#ifndef CAPOS_PROVIDER_VIRTQ_H
#define CAPOS_PROVIDER_VIRTQ_H

#include "provider/format/split.h"
#include "provider/seams.h"

/* Why a completion was refused: each counted. */
enum virtq_fault {
    VIRTQ_FAULT_NONE = 0,
    VIRTQ_FAULT_INDEX, /* used.idx advanced by more than is outstanding, or went back (I8, Z5) */
    VIRTQ_FAULT_RANGE, /* used.id not below the queue size (Z2) */
    VIRTQ_FAULT_NOT_HEAD, /* used.id is not the head of a chain (Z2) */
    VIRTQ_FAULT_NOT_POSTED, /* used.id is not in flight: early, late, twice (I5, I6) */
    VIRTQ_FAULT_LENGTH, /* used.len beyond the posted writable bytes (I7, Z3) */
    VIRTQ_FAULT_COUNT
};

enum virtq_slot_state {
    VIRTQ_SLOT_FREE = 0,
    VIRTQ_SLOT_HEAD, /* head of a chain in flight */
    VIRTQ_SLOT_PART /* later segment of a chain in flight */
};

#define VIRTQ_NO_SLOT 0xffffu

struct virtq_slot {
    uint32_t writable; /* at a head: posted device-writable bytes of the chain */
    uint32_t cookie; /* at a head: the caller's */
    uint16_t next; /* next slot of the chain, or of the free list */
    uint8_t state; /* enum virtq_slot_state */
    uint8_t count; /* at a head: slots of the chain */
};

struct virtq {
    struct provider_ring ring;
    struct virtq_slot *slots; /* ring.size of them, the caller's arena */
    uint16_t size;
    uint16_t free_count;
    uint16_t free_head;
    uint16_t in_flight; /* chains */
    uint16_t used_seen; /* free-running index of the next used element */
    uint16_t used_ready; /* elements known to be there, not yet taken */
    bool broken;
    uint8_t first_fault; /* enum virtq_fault */
    uint32_t faults[VIRTQ_FAULT_COUNT];
};

/* A completed chain. `written` is at most what was posted (I7); 0 where the length is ignored. */
struct virtq_done {
    uint32_t cookie;
    uint32_t written;
};

/* `slots` holds ring->size entries and stays the caller's. */
void virtq_init(struct virtq *q, const struct provider_ring *ring, struct virtq_slot *slots);
/* Undoes virtq_prepare for a chain that was not published. Several: the last prepared first. */
void virtq_abandon(struct virtq *q, const struct author_segment *chain);
/* Takes in at most `max` completions. ignore_length: transmit queues of legacy devices (5.1.6.1).
 * Stops at the first fault, consumes it, marks the queue broken. */
uint16_t virtq_reap(struct virtq *q, struct virtq_done *out, uint16_t max, bool ignore_length);
/* Chains posted and not taken in: after a confirmed reset, or for quarantine, what is left over. */
uint16_t virtq_outstanding(const struct virtq *q);
/* Elements in the used ring not yet taken in, as far as the index can be believed. For the leftover count
 * alone. */
uint16_t virtq_used_unseen(const struct virtq *q);
/* Counts the fault, keeps the first, breaks the queue. */
void virtq_fault(struct virtq *q, enum virtq_fault fault);
const char *virtq_fault_name(enum virtq_fault fault);

/* Takes `count` free slots for the segments of `chain`, fills slot and more, records the posting.
 * PROVIDER_E_FULL and PROVIDER_E_STATE (broken) leave no trace. The caller publishes, or abandons if the
 * author refuses. */
static inline enum provider_error virtq_prepare(struct virtq *q, struct author_segment *chain, uint8_t count,
                                                uint32_t cookie)
{
    uint16_t head = q->free_head;
    uint16_t slot = head;
    uint32_t writable = 0;

    ASSERT(count > 0);
    ASSERT(count <= DMA_CHAIN_MAX);
    if (q->broken)
        return PROVIDER_E_STATE;
    if (count > q->free_count)
        return PROVIDER_E_FULL;

    /* The free list's links become the chain's: nothing to relink. */
    for (uint8_t i = 0; i < count; i++) {
        chain[i].slot = slot;
        chain[i].more = i + 1u < count;
        if (chain[i].direction == DMA_FROM_DEVICE)
            writable += chain[i].length;
        q->slots[slot].state = VIRTQ_SLOT_PART;
        slot = q->slots[slot].next;
    }
    q->slots[head].state = VIRTQ_SLOT_HEAD;
    q->slots[head].count = count;
    q->slots[head].writable = writable;
    q->slots[head].cookie = cookie;
    q->free_head = slot;
    q->free_count = (uint16_t)(q->free_count - count);
    q->in_flight++;
    return PROVIDER_OK;
}

/* Gives the slots of the chain at `head` back to the free list. Our own record says which they are (Z4). */
static inline void virtq_retire(struct virtq *q, uint32_t head)
{
    uint16_t tail = (uint16_t)head;
    uint8_t count = q->slots[head].count;

    ASSERT(q->slots[head].state == VIRTQ_SLOT_HEAD);
    ASSERT(q->in_flight > 0);
    q->slots[head].state = VIRTQ_SLOT_FREE;
    for (uint8_t i = 1; i < count; i++) {
        tail = q->slots[tail].next;
        q->slots[tail].state = VIRTQ_SLOT_FREE;
    }
    q->slots[tail].next = q->free_head;
    q->free_head = (uint16_t)head;
    q->free_count = (uint16_t)(q->free_count + count);
    q->in_flight--;
}

/* How many completions may be taken now, at most `max`: one load of used.idx, none while enough are known. */
static inline uint16_t virtq_ready(struct virtq *q, uint16_t max)
{
    uint16_t there;

    if (q->broken)
        return 0;
    if (q->used_ready < max) {
        dev_u16 index = split_used_index(q->ring.device_area);
        if (!dev_u16_distance(index, q->used_seen, q->in_flight, &there) || there < q->used_ready) {
            virtq_fault(q, VIRTQ_FAULT_INDEX);
            return 0;
        }
        q->used_ready = there;
        /* 2.7.14: the index load before the loads of elements and buffers that it announces. */
        ring_read_barrier();
    }
    return q->used_ready < max ? q->used_ready : max;
}

/* Takes one completion that virtq_ready announced. False: a fault; the element is consumed, the queue broken.
 */
static inline bool virtq_take(struct virtq *q, struct virtq_done *out, bool ignore_length)
{
    struct split_used element = split_used_element(q->ring.device_area, q->size, q->used_seen);
    const struct virtq_slot *slot;
    uint32_t id;

    ASSERT(q->used_ready > 0);
    ASSERT(!q->broken);
    q->used_seen++;
    q->used_ready--;
    if (!dev_u32_below(element.id, q->size, &id)) {
        virtq_fault(q, VIRTQ_FAULT_RANGE);
        return false;
    }
    slot = &q->slots[id];
    if (slot->state != VIRTQ_SLOT_HEAD) {
        virtq_fault(q, slot->state == VIRTQ_SLOT_PART ? VIRTQ_FAULT_NOT_HEAD : VIRTQ_FAULT_NOT_POSTED);
        return false;
    }
    out->cookie = slot->cookie;
    out->written = 0;
    virtq_retire(q, id);
    if (!ignore_length && !dev_u32_below(element.length, slot->writable + 1u, &out->written)) {
        virtq_fault(q, VIRTQ_FAULT_LENGTH);
        return false;
    }
    return true;
}

#endif
