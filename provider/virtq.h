/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtqueue's private state: which slot is free, in flight, and with how many writable bytes. Our own record is the
 * truth; ring memory is never read back. virtq writes no descriptor: an author does.
 * A used element goes through: in range -> a head -> in flight -> length within bounds -> consumed either way.
 * A bad one marks the queue broken for good (until stop); it never sticks and is never skipped silently. */
#ifndef CAPOS_PROVIDER_VIRTQ_H
#define CAPOS_PROVIDER_VIRTQ_H

#include "provider/seams.h"

/* Why a completion was refused: each counted. */
enum virtq_fault {
    VIRTQ_FAULT_NONE = 0,
    VIRTQ_FAULT_INDEX,      /* used.idx advanced by more than is outstanding (I8, Z5) */
    VIRTQ_FAULT_RANGE,      /* used.id not below the queue size (Z2) */
    VIRTQ_FAULT_NOT_HEAD,   /* used.id is not the head of a chain (Z2) */
    VIRTQ_FAULT_NOT_POSTED, /* used.id is not in flight: early, late, twice (I5, I6) */
    VIRTQ_FAULT_LENGTH,     /* used.len beyond the posted writable bytes (I7, Z3) */
    VIRTQ_FAULT_COUNT
};

struct virtq_slot {
    uint32_t writable;   /* posted device-writable bytes of the chain */
    uint16_t next;       /* next slot of the chain, or of the free list */
    uint8_t state;       /* free, head in flight, part of a chain in flight */
    uint8_t count;       /* slots of the chain, at its head */
    uint32_t cookie;     /* the caller's */
};

struct virtq {
    struct provider_ring ring;
    struct virtq_slot *slots;   /* ring.size of them, the caller's arena */
    uint16_t size;
    uint16_t free_count;
    uint16_t free_head;
    uint16_t in_flight;         /* chains */
    uint16_t used_seen;         /* free-running index of the next used element */
    uint16_t used_ready;        /* elements known to be there, not yet taken */
    bool broken;
    uint8_t first_fault;        /* enum virtq_fault */
    uint32_t faults[VIRTQ_FAULT_COUNT];
};

/* A completed chain. `written` is at most what was posted (I7); `legacy_tx` lengths are ignored before this. */
struct virtq_done {
    uint32_t cookie;
    uint32_t written;
};

/* `slots` holds ring->size entries and stays the caller's. */
void virtq_init(struct virtq *q, const struct provider_ring *ring, struct virtq_slot *slots);
/* Takes chain->count free slots, fills chain->slots and records the posting. PROVIDER_E_FULL leaves no trace.
 * The caller publishes, or calls virtq_abandon if the author refused. */
enum provider_error virtq_prepare(struct virtq *q, struct author_chain *chain, uint32_t cookie);
void virtq_abandon(struct virtq *q, const struct author_chain *chain);
/* Takes in at most `max` completions. ignore_length: transmit queues of legacy devices (5.1.6.1).
 * Stops at the first fault, consumes it, marks the queue broken. */
uint16_t virtq_reap(struct virtq *q, struct virtq_done *out, uint16_t max, bool ignore_length);
/* After a confirmed reset, or for quarantine: what is still posted, for the leftover count. */
uint16_t virtq_outstanding(const struct virtq *q);

#endif
