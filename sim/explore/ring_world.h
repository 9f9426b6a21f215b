/* SPDX-License-Identifier: BSD-2-Clause */
/* World `ring`: one split virtqueue. The driver is provider/virtq.* over the direct author, the shipped
 * source; a thin caller posts chains, takes completions in and resets the queue. The device is queue.h's. */
#ifndef CAPOS_EXPLORE_RING_WORLD_H
#define CAPOS_EXPLORE_RING_WORLD_H

#include "platform/explore/platform_explore.h"
#include "provider/direct.h"
#include "provider/virtq.h"
#include "sim/explore/driver.h"
#include "sim/explore/queue.h"

#define RING_STRIDE 32u /* bytes of a buffer: 16 writable, then 8 readable */

/* What one chain looks like: bit i of `chains` lets the caller post kind i. */
enum ring_chain {
    RING_CHAIN_WRITABLE = 0,
    RING_CHAIN_READABLE,
    RING_CHAIN_BOTH /* readable, then writable */,
    RING_CHAIN_COUNT
};

struct ring_config {
    uint16_t size; /* queue size, power of two, 1 to 8192 */
    uint16_t start; /* free-running indices start here, by that much traffic */
    uint16_t batch_max; /* chains of one publication, at most NIC_BATCH_MAX */
    uint8_t chains; /* bits of enum ring_chain */
    enum xp_model model;
    bool suppress, short_writes, in_order;
    bool resets; /* the caller may reset the queue at any time between calls */
    uint8_t lies_max;
    uint32_t lie_kinds;
    bool swarm; /* runs at random: what the fields above from `batch_max` on bound is drawn in each first step
                 */
    /* reductions, each of which can be left out to check it */
    bool unrenamed; /* no renaming of slots */
    bool unrebased; /* no rebasing of indices */
    bool unhidden; /* every store is a place where others may come between */
};

/* Field groups of the fingerprint: bits of xp_world.hash_without. */
enum ring_field {
    RING_F_AVAIL = 0,
    RING_F_FREE_LIST,
    RING_F_USED_SEEN,
    RING_F_USED_READY,
    RING_F_BROKEN,
    RING_F_POSTED,
    RING_F_DEVICE_INDEX,
    RING_F_DEVICE_MOOD,
    RING_F_HOLDERS,
    RING_F_DESCRIPTORS,
    RING_F_ENTRIES,
    RING_F_ELEMENTS,
    RING_F_USED_WORDS,
    RING_F_PAYLOAD,
    RING_F_STORES,
    RING_F_OLD,
    RING_F_CALL,
    RING_F_LOG,
    RING_F_LIES,
    RING_F_COUNT
};
const char *ring_field_name(enum ring_field field);

/* The driver's own memory: what a call that is left puts back. */
struct ring_private {
    struct registers_direct registers;
    struct author_direct author;
    struct virtq queue;
    struct provider_buffer buffer;
};

struct ring_world {
    struct xp_world world;
    struct ring_config config;
    struct xp_driver driver;
    struct xp_queue device;
    struct platform platform;
    struct registers register_ops;
    struct author author_ops;
    struct split_layout layout;
    uint8_t *memory; /* shared: ring, then buffers */
    uint32_t memory_bytes, buffers;
    uint8_t *scribbled; /* the driver's areas as it wrote them, when a liar may scribble over them */
    uint8_t status; /* device status register, during resets only */
    struct ring_private *own; /* with the slots of virtq behind it */
    struct virtq_slot *slots;
    struct ring_swarm *swarm; /* NULL: not at random */
    uint32_t posted, resets; /* segments posted, resets: of this run; no part of the state */
    struct xp_queue_state queue_state;
    struct xp_order_state order_state;
    struct xp_call call;
};

/* NULL: no memory. Freed with ring_world_free. `config` is copied. */
struct ring_world *ring_world_make(const struct ring_config *config);
void ring_world_free(struct ring_world *r);

/* ring_hash.c */
uint64_t ring_fingerprint(struct xp_world *w);

#endif
