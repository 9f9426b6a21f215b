/* SPDX-License-Identifier: BSD-2-Clause */
/* The device side of a split virtqueue (virtio 1.2, 2.7). Owns a private copy of every exposed descriptor;
 * trusts nothing in guest memory: each word is read once, checked, then used. */
#ifndef DM_VIRTIO_QUEUE_H
#define DM_VIRTIO_QUEUE_H

#include "capos/devmodel/memory.h"

struct dm_net;

#define DM_NO_VECTOR      0xffffu
#define DM_DESC_NEXT      1u
#define DM_DESC_WRITE     2u
#define DM_DESC_INDIRECT  4u
#define DM_QUEUE_SIZE_MAX 32768u

/* As in guest memory (2.7.5). */
struct dm_descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags;
    uint16_t next;
};
_Static_assert(sizeof(struct dm_descriptor) == 16, "2.7.5: a descriptor is 16 bytes");

/* A chain in flight, kept at its head's slot. */
struct dm_chain {
    uint32_t readable, writable; /* bytes by direction */
    uint16_t count; /* descriptors */
};

enum dm_slot { DM_SLOT_FREE = 0, DM_SLOT_WALKED, DM_SLOT_IN_FLIGHT };

/* A used element that a hostile device still has to write. */
struct dm_late_element {
    bool pending;
    uint16_t at;
    uint32_t id, length;
};

struct dm_queue {
    uint16_t index;
    uint16_t max_size; /* as offered; any number */
    uint16_t size; /* as the driver set it, or max_size */
    uint16_t vector;
    bool vector_checked; /* the driver read the vector back */
    bool enabled, broken, kicked, unkicked;
    bool disowned; /* its bytes went back although the queue still runs (firmware) */
    uint8_t written; /* address registers written: bit 0 descriptor, 1 driver, 2 device */
    uint32_t size_reads;
    uint32_t pfn;
    uint64_t desc, driver, device; /* bus addresses */
    uint16_t avail_seen; /* free-running: next available entry to fetch */
    uint16_t avail_known; /* free-running: entries known to be there */
    uint16_t used_index; /* free-running: elements written */
    uint16_t used_published; /* as last stored in used.idx */
    struct dm_descriptor *copy;
    struct dm_chain *chains;
    uint8_t *slots;
    uint16_t *fifo; /* heads in flight that the model may complete, oldest first */
    uint16_t fifo_at, fifo_count;
    uint32_t in_flight; /* exposed chains; more than fifo_count when a hostile device lost some */
    uint8_t *desc_host, *driver_host, *device_host; /* without a ledger: the areas, checked once at start */
    struct dm_late_element late; /* written at the next step */
    struct dm_late_element changed; /* rewritten at the next step */
};

/* Memory for max_size entries. False: out of memory. */
bool dm_queue_create(struct dm_queue *q, uint16_t index, uint16_t max_size);
void dm_queue_destroy(struct dm_queue *q);
/* The areas become the device's. False: not a size or not memory that a queue can use; the queue stays off.
 */
bool dm_queue_start(struct dm_net *net, struct dm_queue *q);
/* Every exposed byte goes back; registers and state as new. */
void dm_queue_reset(struct dm_net *net, struct dm_queue *q);
/* As reset, but keeps registers (a legacy page number of 0). */
void dm_queue_stop(struct dm_net *net, struct dm_queue *q);

/* Every exposed byte goes back, and the queue goes on regardless: what a device that nobody reset does. */
void dm_queue_disown(struct dm_net *net, struct dm_queue *q);

/* Reads the available index once. Returns entries not yet fetched; 0 also when the queue broke. */
uint16_t dm_queue_refresh(struct dm_net *net, struct dm_queue *q);
/* Fetches the next known entry, checks and exposes its chain and appends it to the fifo. False: none, or it
 * broke. */
bool dm_queue_fetch(struct dm_net *net, struct dm_queue *q, uint16_t *head);
/* Takes a chain out of the fifo, which must not be empty: the oldest, or the bus's choice. */
uint16_t dm_queue_pick(struct dm_net *net, struct dm_queue *q);
/* Puts a picked chain back as the oldest. */
void dm_queue_unpick(struct dm_queue *q, uint16_t head);
/* Gives the chain's bytes back and writes its used element; not visible before dm_queue_publish. */
void dm_queue_complete(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t length);
/* One store of used.idx for all elements since the last, then an interrupt if the driver wants one. */
void dm_queue_publish(struct dm_net *net, struct dm_queue *q);
/* With EVENT_IDX: asks for a notification of the next entry after those known (2.7.10.2). */
void dm_queue_want_kick(struct dm_net *net, struct dm_queue *q);
/* The driver built something unusable: counted, the queue stops, a modern device asks for a reset. */
void dm_queue_break(struct dm_net *net, struct dm_queue *q);
/* The chain's bytes go back to the driver; its slots are free. */
void dm_queue_release(struct dm_net *net, struct dm_queue *q, uint16_t head);
/* Peeks without fetching: a buffer was exposed and the driver did not say so (2.7.10.1). */
void dm_queue_check_kick(struct dm_net *net, struct dm_queue *q);
/* Writes used element `at` as (id, length). For the queue itself and for hostile behaviours. */
void dm_queue_write_element(struct dm_net *net, struct dm_queue *q, uint16_t at, uint32_t id,
                            uint32_t length);
/* Moves `bytes` between a chain and `data`, starting `skip` bytes into the parts of that direction. Returns
 * bytes moved; fewer when the chain ends or memory refuses. */
uint32_t dm_queue_gather(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t skip, uint8_t *data,
                         uint32_t bytes);
uint32_t dm_queue_scatter(struct dm_net *net, struct dm_queue *q, uint16_t head, uint32_t skip,
                          const uint8_t *data, uint32_t bytes);

static inline uint32_t dm_avail_bytes(uint16_t size)
{
    return 6u + 2u * size;
}

static inline uint32_t dm_used_bytes(uint16_t size)
{
    return 6u + 8u * size;
}

#endif
