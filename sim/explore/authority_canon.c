/* SPDX-License-Identifier: BSD-2-Clause */
/* Records in canonical form. Reads the kernel, changes nothing. */
#include "sim/explore/authority_canon.h"

#include <string.h>

#include "abi/assert.h"

void auth_put(struct auth_canon *c, const void *at, size_t bytes)
{
    ASSERT(c->used + bytes <= sizeof c->bytes);
    memcpy(c->bytes + c->used, at, bytes);
    c->used += bytes;
}

static void blank_ref(struct auth_canon *c, struct object_ref *ref)
{
    *ref = (struct object_ref){object_live(&c->m->kernel->core.objects, *ref), 0};
}

static void blank_charge(struct auth_canon *c, struct charge *charge)
{
    const struct owner *o = &c->m->kernel->core.owners[charge->owner];

    if (!charge->active) {
        *charge = (struct charge){0};
        return;
    }
    charge->owner_epoch = o->state != OWNER_FREE && charge->owner_epoch == o->epoch;
    charge->owner = charge->owner_epoch ? c->rank[charge->owner] : 0;
}

static void put_claims(struct auth_canon *c)
{
    const struct devices *d = &c->m->kernel->devices;

    for (uint32_t i = 0; i < c->m->limits.claims; i++) {
        struct claim claim = d->claims[i];

        auth_put8(c, claim.used);
        if (!claim.used)
            continue;
        blank_ref(c, &claim.object);
        blank_charge(c, &claim.charge);
        auth_put(c, &claim, sizeof claim);
    }
    for (uint32_t i = 0; i < c->m->limits.registers; i++) {
        struct register_grant r = d->registers[i];

        auth_put8(c, r.used);
        if (!r.used)
            continue;
        blank_ref(c, &r.object);
        blank_charge(c, &r.charge);
        auth_put(c, &r, sizeof r);
    }
}

static void put_memory_records(struct auth_canon *c)
{
    const struct devices *d = &c->m->kernel->devices;

    for (uint32_t i = 0; i < c->m->limits.pools; i++) {
        struct dma_pool p = d->pools[i];

        auth_put8(c, p.state);
        if (p.state == POOL_UNUSED)
            continue;
        blank_ref(c, &p.object);
        blank_charge(c, &p.charge);
        blank_charge(c, &p.pages_charge);
        auth_put(c, &p, sizeof p);
    }
    for (uint32_t i = 0; i < c->m->limits.buffers; i++) {
        struct dma_buffer b = d->buffers[i];

        auth_put8(c, b.state);
        if (b.state == BUFFER_FREE)
            continue;
        blank_ref(c, &b.object);
        blank_charge(c, &b.charge);
        auth_put(c, &b, sizeof b);
    }
}

static void put_slots(struct auth_canon *c, const struct dma_queue *q)
{
    for (uint32_t i = 0; i < q->ring.size; i++) {
        struct broker_slot s = q->slots[i];

        auth_put8(c, s.state);
        if (s.state == SLOT_FREE)
            continue;
        s.buffer_generation =
            s.buffer_generation == c->m->kernel->devices.buffers[s.buffer].object.generation;
        s.queue_epoch = s.queue_epoch == q->epoch;
        auth_put(c, &s, sizeof s);
    }
}

/* The ring as its author wrote it, told from the next element that the broker takes in. */
static void put_ring(struct auth_canon *c, const struct dma_queue *q)
{
    uint8_t page[AUTH_PAGE_SHOWN];
    const uint16_t base = auth_ring_base(q);
    const uint32_t indices[] = {q->ring.layout.driver_offset + 2u, q->ring.layout.device_offset + 2u};

    memcpy(page, auth_at(c->m, q->run.first, 0), sizeof page);
    for (uint32_t i = 0; i < 2; i++) {
        uint16_t index;

        ASSERT(indices[i] + 2u <= sizeof page);
        memcpy(&index, page + indices[i], 2);
        index = (uint16_t)(index - base);
        memcpy(page + indices[i], &index, 2);
    }
    auth_put(c, page, sizeof page);
    auth_put16(c, (uint16_t)(q->ring.avail_idx - base));
    auth_put16(c, (uint16_t)(q->used_seen - base));
}

static void put_queues(struct auth_canon *c)
{
    const struct devices *k = &c->m->kernel->devices;

    for (uint32_t i = 0; i < c->m->limits.queues; i++) {
        struct dma_queue q = k->queues[i];

        auth_put8(c, q.used);
        if (!q.used || !q.slots)
            continue;
        put_slots(c, &q);
        put_ring(c, &q);
        blank_ref(c, &q.object);
        blank_charge(c, &q.charge);
        q.epoch = 0;
        q.ring.avail_idx = q.used_seen = 0;
        q.ring.base = NULL; /* its run tells both */
        q.slots = NULL;
        auth_put(c, &q, sizeof q);
    }
}

static uint32_t route_from(const struct auth_canon *c, uint32_t route)
{
    return (route - c->m->kernel->devices.next_route) & (AUTH_ROUTES - 1u);
}

static void put_interrupts(struct auth_canon *c)
{
    const struct auth_machine_state *m = c->m->state;
    const struct devices *d = &c->m->kernel->devices;
    const uint32_t next = d->next_route & (AUTH_ROUTES - 1u);

    auth_put32(c, next ? d->routes_used >> next | d->routes_used << (AUTH_ROUTES - next) : d->routes_used);
    for (uint32_t i = 0; i < c->m->limits.interrupts; i++) {
        struct interrupt r = d->interrupts[i];

        auth_put8(c, r.used);
        if (!r.used || r.claim == NO_RECORD || !r.charge.active)
            continue;
        blank_ref(c, &r.object);
        blank_charge(c, &r.charge);
        auth_put32(c, m->counts[r.route] - r.acked);
        r.seen -= r.acked;
        r.acked = 0;
        r.route = (uint16_t)route_from(c, r.route);
        auth_put(c, &r, sizeof r);
    }
    for (uint32_t i = 0; i < AUTH_MESSAGES; i++) {
        auth_put8(c, m->messages[i].under_way);
        auth_put8(c, m->messages[i].under_way ? route_from(c, m->messages[i].route) : 0);
        auth_put8(c, m->messages[i].to);
    }
    for (uint32_t f = 0; f < c->m->limits.functions; f++) {
        auth_put(c, &m->pci[f], offsetof(struct auth_pci, entries));
        for (uint32_t v = 0; v < AUTH_VECTORS; v++) {
            const struct auth_entry *e = &m->pci[f].entries[v];

            auth_put32(c, e->control);
            auth_put32(c, e->low);
            auth_put32(c, e->data ? 1u + route_from(c, e->data - 0x30u) : 0);
        }
    }
}

static void put_functions(struct auth_canon *c)
{
    for (uint32_t f = 0; f < c->m->limits.functions; f++) {
        struct function kept = c->m->kernel->devices.functions[f];

        kept.epoch = 0;
        if (!kept.quarantined) /* it tells how to ask once more: until then nobody reads it */
            memset(&kept.quiesce, 0, sizeof kept.quiesce);
        auth_put(c, &kept.quiesce, sizeof kept - offsetof(struct function, quiesce));
    }
}

void auth_put_records(struct auth_canon *c)
{
    put_claims(c);
    put_memory_records(c);
    put_queues(c);
    put_interrupts(c);
    put_functions(c);
}

static bool is_ring(const struct auth_canon *c, uint32_t page)
{
    for (uint32_t i = 0; i < c->m->limits.queues; i++) {
        const struct dma_queue *q = &c->m->kernel->devices.queues[i];

        if (q->used && q->slots && q->run.first == page)
            return true;
    }
    return false;
}

void auth_put_pages(struct auth_canon *c)
{
    const struct pages *p = &c->m->kernel->devices.pages;

    auth_put32(c, p->fresh);
    for (uint32_t i = 0; i < AUTH_PAGES; i++) {
        const struct auth_page *page = &c->m->state->pages[i];

        if (i < p->fresh)
            auth_put(c, &p->page[i], sizeof p->page[i]);
        auth_put8(c, (uint32_t)page->mapped << 4 | page->told);
        auth_put8(c, (uint32_t)page->dirty << 1 | page->ring);
        if (page->ring)
            auth_put8(c, page->epoch == kernel_device_epoch(c->m->kernel, AUTH_BDF(page->mapped - 1u)));
        if ((page->mapped || page->dirty) && !is_ring(c, i)) {
            auth_put(c, auth_at(c->m, i, 0), AUTH_PAGE_SHOWN);
            auth_put(c, auth_at(c->m, i, 4088), 8);
        }
    }
}
