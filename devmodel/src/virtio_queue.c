/* SPDX-License-Identifier: BSD-2-Clause */
/* Split virtqueue, device side: areas, fetching and walking chains, and the private copies. The other half,
 * giving buffers back, is virtio_used.c. One thread: the driver's barriers cannot be seen from here. */
#include <assert.h>
#include <stdlib.h>

#include "net_model.h"

bool dm_queue_create(struct dm_queue *q, uint16_t index, uint16_t max_size)
{
    size_t slots = max_size ? max_size : 1u;
    memset(q, 0, sizeof *q);
    q->index = index;
    q->max_size = max_size;
    q->size = max_size;
    q->vector = DM_NO_VECTOR;
    q->copy = calloc(slots, sizeof *q->copy);
    q->chains = calloc(slots, sizeof *q->chains);
    q->slots = calloc(slots, sizeof *q->slots);
    q->fifo = calloc(slots, sizeof *q->fifo);
    if (q->copy && q->chains && q->slots && q->fifo)
        return true;
    dm_queue_destroy(q);
    return false;
}

void dm_queue_destroy(struct dm_queue *q)
{
    free(q->copy);
    free(q->chains);
    free(q->slots);
    free(q->fifo);
    q->copy = NULL;
    q->chains = NULL;
    q->slots = NULL;
    q->fifo = NULL;
}

/* Bytes of an area, to read or to write; NULL and a violation when they are not the device's. */
static inline uint8_t *area(struct dm_net *net, uint8_t *host, uint64_t base, uint32_t offset, uint32_t bytes,
                            bool write)
{
    if (host)
        return host + offset;
    return dm_dma_window(net->memory, net->config.bdf, (dm_addr){base + offset}, bytes, write);
}

static void check_areas(struct dm_net *net, const struct dm_queue *q)
{
    dm_check(net, DM_RULE_ALIGN_DESCRIPTOR, q->desc % 16 == 0, "queue %u: descriptor table at %#llx",
             q->index, (unsigned long long)q->desc);
    dm_check(net, DM_RULE_ALIGN_AVAILABLE, q->driver % 2 == 0, "queue %u: available ring at %#llx", q->index,
             (unsigned long long)q->driver);
    dm_check(net, DM_RULE_ALIGN_USED, q->device % 4 == 0, "queue %u: used ring at %#llx", q->index,
             (unsigned long long)q->device);
}

static bool expose_areas(struct dm_net *net, const struct dm_queue *q)
{
    struct dm_memory *m = net->memory;
    uint16_t f = net->config.bdf;
    if (!dm_memory_expose(m, f, (dm_addr){q->desc}, 16u * q->size, DM_DEVICE_READABLE))
        return false;
    if (!dm_memory_expose(m, f, (dm_addr){q->driver}, dm_avail_bytes(q->size), DM_DEVICE_READABLE)) {
        dm_memory_return(m, f, (dm_addr){q->desc}, 16u * q->size);
        return false;
    }
    if (!dm_memory_expose(m, f, (dm_addr){q->device}, dm_used_bytes(q->size), DM_DEVICE_WRITABLE)) {
        dm_memory_return(m, f, (dm_addr){q->driver}, dm_avail_bytes(q->size));
        dm_memory_return(m, f, (dm_addr){q->desc}, 16u * q->size);
        return false;
    }
    return true;
}

static void return_areas(struct dm_net *net, const struct dm_queue *q)
{
    dm_memory_return(net->memory, net->config.bdf, (dm_addr){q->desc}, 16u * q->size);
    dm_memory_return(net->memory, net->config.bdf, (dm_addr){q->driver}, dm_avail_bytes(q->size));
    dm_memory_return(net->memory, net->config.bdf, (dm_addr){q->device}, dm_used_bytes(q->size));
}

bool dm_queue_start(struct dm_net *net, struct dm_queue *q)
{
    uint8_t *used;
    assert(!q->enabled);
    assert(q->in_flight == 0);
    if (q->size == 0 || q->size > q->max_size || (q->size & (q->size - 1u)) != 0)
        return false;
    check_areas(net, q);
    if (!expose_areas(net, q))
        return false;
    q->enabled = true;
    q->avail_seen = 0;
    q->avail_known = 0;
    q->used_index = 0;
    q->used_published = 0;
    if (!net->ledger) {
        uint16_t f = net->config.bdf;
        q->desc_host = dm_dma_window(net->memory, f, (dm_addr){q->desc}, 16u * q->size, false);
        q->driver_host = dm_dma_window(net->memory, f, (dm_addr){q->driver}, dm_avail_bytes(q->size), false);
        q->device_host = dm_dma_window(net->memory, f, (dm_addr){q->device}, dm_used_bytes(q->size), true);
    }
    used = area(net, q->device_host, q->device, 0, 2, true);
    if (used)
        dm_check(net, DM_RULE_USED_FLAGS_ZERO, dm_load16(used) == 0, "queue %u: used.flags starts as %#x",
                 q->index, dm_load16(used));
    if (net->hostile_touched)
        dm_lie_queue_enabled(net, q);
    return true;
}

void dm_queue_stop(struct dm_net *net, struct dm_queue *q)
{
    if (q->enabled) {
        for (uint32_t head = 0; head < q->size && q->in_flight; head++)
            if (q->chains[head].count)
                dm_queue_release(net, q, (uint16_t)head);
        if (!q->disowned)
            return_areas(net, q);
    }
    assert(q->in_flight == 0);
    q->disowned = false;
    q->enabled = false;
    q->broken = false;
    q->kicked = false;
    q->unkicked = false;
    q->fifo_at = 0;
    q->fifo_count = 0;
    q->desc_host = NULL;
    q->driver_host = NULL;
    q->device_host = NULL;
    q->late.pending = false;
    q->changed.pending = false;
}

void dm_queue_disown(struct dm_net *net, struct dm_queue *q)
{
    if (!q->enabled || q->disowned)
        return;
    for (uint32_t slot = 0; slot < q->size && net->ledger; slot++)
        if (q->slots[slot] == DM_SLOT_IN_FLIGHT)
            dm_memory_return(net->memory, net->config.bdf, (dm_addr){q->copy[slot].address},
                             q->copy[slot].length);
    return_areas(net, q);
    q->disowned = true;
}

void dm_queue_reset(struct dm_net *net, struct dm_queue *q)
{
    dm_queue_stop(net, q);
    q->size = q->max_size;
    q->vector = DM_NO_VECTOR;
    q->vector_checked = true;
    q->written = 0;
    q->pfn = 0;
    q->desc = 0;
    q->driver = 0;
    q->device = 0;
}

void dm_queue_break(struct dm_net *net, struct dm_queue *q)
{
    net->counts.malformed++;
    q->broken = true;
    q->avail_known = q->avail_seen;
    if (dm_negotiated(net, DM_F_VERSION_1))
        dm_device_needs_reset(net);
}

uint16_t dm_queue_refresh(struct dm_net *net, struct dm_queue *q)
{
    const uint8_t *ring = area(net, q->driver_host, q->driver, 0, 4, false);
    uint16_t flags, index, fresh;
    if (!ring) {
        dm_queue_break(net, q);
        return 0;
    }
    flags = dm_load16(ring);
    index = dm_load16(ring + 2);
    fresh = (uint16_t)(index - q->avail_seen);
    if (dm_negotiated(net, DM_F_EVENT_IDX))
        dm_check(net, DM_RULE_AVAIL_FLAGS_EVENT, flags == 0, "queue %u: avail.flags is %#x", q->index, flags);
    else
        dm_check(net, DM_RULE_AVAIL_FLAGS, flags <= 1, "queue %u: avail.flags is %#x", q->index, flags);
    dm_check(net, DM_RULE_AVAIL_MONOTONIC, fresh + q->in_flight <= q->size,
             "queue %u: avail.idx %u, %u fetched, %u in flight", q->index, index, q->avail_seen,
             q->in_flight);
    if (fresh > q->size) {
        dm_queue_break(net, q);
        return 0;
    }
    q->avail_known = index;
    return fresh;
}

void dm_queue_check_kick(struct dm_net *net, struct dm_queue *q)
{
    const uint8_t *ring;
    bool exposed;
    if (!net->monitor.enabled || !q->enabled || q->broken || q->kicked)
        return;
    ring = area(net, q->driver_host, q->driver, 2, 2, false);
    exposed = ring && dm_load16(ring) != q->avail_known;
    if (exposed || q->unkicked)
        dm_check(net, DM_RULE_MUST_KICK, !(exposed && q->unkicked),
                 "queue %u: avail.idx %u exposed without a notification", q->index, dm_load16(ring));
    q->unkicked = exposed; /* judged at the second look: the driver may still be between store and notify */
}

/* One descriptor of a chain: read once, kept, judged. False: unusable. */
static inline bool take(struct dm_net *net, struct dm_queue *q, uint16_t slot, struct dm_chain *chain)
{
    const uint8_t *at = area(net, q->desc_host, q->desc, 16u * slot, 16, false);
    struct dm_descriptor *d = &q->copy[slot];
    uint64_t total;
    if (!at)
        return false;
    memcpy(d, at, sizeof *d);
    dm_check(net, DM_RULE_INDIRECT_NEGOTIATED, !(d->flags & DM_DESC_INDIRECT),
             "queue %u: slot %u is indirect", q->index, slot);
    if ((d->flags & DM_DESC_INDIRECT) || d->length == 0)
        return false;
    if (d->flags & DM_DESC_WRITE) {
        total = (uint64_t)chain->writable + d->length;
        chain->writable = (uint32_t)total;
    } else {
        dm_check(net, DM_RULE_WRITABLE_LAST, chain->writable == 0,
                 "queue %u: slot %u is readable, after writable", q->index, slot);
        if (chain->writable)
            return false;
        total = (uint64_t)chain->readable + d->length;
        chain->readable = (uint32_t)total;
    }
    dm_check(net, DM_RULE_CHAIN_BYTES, total <= UINT32_MAX, "queue %u: chain of %llu bytes", q->index,
             (unsigned long long)total);
    return total <= UINT32_MAX;
}

/* Walks on from `head`, which was taken; each visited slot is marked. Returns slots visited, the head's
 * included; *whole says whether the chain is usable. */
static uint16_t walk_rest(struct dm_net *net, struct dm_queue *q, uint16_t head, struct dm_chain *chain,
                          bool *whole)
{
    uint16_t slot = head;
    uint16_t visited = 1;
    *whole = false;
    q->slots[head] = DM_SLOT_WALKED;
    while (q->copy[slot].flags & DM_DESC_NEXT) { /* bounded: each turn marks one of q->size slots */
        bool fresh;
        slot = q->copy[slot].next;
        if (slot >= q->size)
            return visited;
        fresh = q->slots[slot] == DM_SLOT_FREE;
        if (q->slots[slot] == DM_SLOT_WALKED)
            dm_check(net, DM_RULE_CHAIN_LENGTH, false, "queue %u: chain from %u loops at %u", q->index, head,
                     slot);
        else
            dm_check(net, DM_RULE_EXPOSED_ONCE, fresh, "queue %u: slot %u is already exposed", q->index,
                     slot);
        if (!fresh)
            return visited;
        q->slots[slot] = DM_SLOT_WALKED;
        visited++;
        if (!take(net, q, slot, chain))
            return visited;
    }
    *whole = true;
    return visited;
}

static inline bool expose_one(struct dm_net *net, const struct dm_descriptor *d)
{
    enum dm_owner owner = d->flags & DM_DESC_WRITE ? DM_DEVICE_WRITABLE : DM_DEVICE_READABLE;
    return !net->ledger ||
           dm_memory_expose(net->memory, net->config.bdf, (dm_addr){d->address}, d->length, owner);
}

/* `count` slots from `head` on become `state`. The first `returned` of them give their bytes back. */
static void mark(struct dm_net *net, struct dm_queue *q, uint16_t head, uint16_t count, enum dm_slot state,
                 uint16_t returned)
{
    uint16_t slot = head;
    for (uint16_t i = 0; i < count; i++) {
        const struct dm_descriptor *d = &q->copy[slot];
        q->slots[slot] = (uint8_t)state;
        if (net->ledger && i < returned)
            dm_memory_return(net->memory, net->config.bdf, (dm_addr){d->address}, d->length);
        slot = d->next;
    }
}

/* The rest of a chain of several descriptors, exposed as a whole or not at all. Returns its count; 0:
 * unusable. */
static uint16_t fetch_chain(struct dm_net *net, struct dm_queue *q, uint16_t head, struct dm_chain *chain)
{
    bool whole;
    uint16_t count = walk_rest(net, q, head, chain, &whole);
    uint16_t slot = head, exposed = 0;
    while (whole && exposed < count && expose_one(net, &q->copy[slot])) {
        slot = q->copy[slot].next;
        exposed++;
    }
    if (exposed < count) {
        mark(net, q, head, count, DM_SLOT_FREE, exposed);
        return 0;
    }
    mark(net, q, head, count, DM_SLOT_IN_FLIGHT, 0);
    return count;
}

/* One chain, from its head on. Returns its descriptors, 0 when it is unusable: then nothing is exposed or
 * marked. */
static inline uint16_t fetch_head(struct dm_net *net, struct dm_queue *q, uint16_t head,
                                  struct dm_chain *chain)
{
    uint16_t count = 1;
    if (head >= q->size)
        return 0;
    dm_check(net, DM_RULE_EXPOSED_ONCE, q->slots[head] == DM_SLOT_FREE,
             "queue %u: head %u is already exposed", q->index, head);
    if (q->slots[head] != DM_SLOT_FREE || !take(net, q, head, chain))
        return 0;
    if (q->copy[head].flags & DM_DESC_NEXT)
        count = fetch_chain(net, q, head, chain);
    else if (expose_one(net, &q->copy[head]))
        q->slots[head] = DM_SLOT_IN_FLIGHT;
    else
        count = 0;
    if (count)
        dm_check(net, DM_RULE_CHAIN_LENGTH, count <= q->size, "queue %u: %u descriptors", q->index, count);
    return count;
}

bool dm_queue_fetch(struct dm_net *net, struct dm_queue *q, uint16_t *head)
{
    struct dm_chain chain = {0, 0, 0};
    const uint8_t *entry;
    uint16_t mask = (uint16_t)(q->size - 1u);
    if (q->avail_seen == q->avail_known)
        return false;
    entry = area(net, q->driver_host, q->driver, 4u + 2u * (q->avail_seen & mask), 2, false);
    if (entry) {
        *head = dm_load16(entry);
        chain.count = fetch_head(net, q, *head, &chain);
    }
    if (chain.count == 0) {
        dm_queue_break(net, q);
        return false;
    }
    assert(q->fifo_count < q->size);
    q->chains[*head] = chain;
    q->avail_seen++;
    q->in_flight++;
    q->fifo[(q->fifo_at + q->fifo_count) & mask] = *head;
    q->fifo_count++;
    if (net->hostile_touched)
        dm_lie_fetched(net, q, *head);
    return true;
}
