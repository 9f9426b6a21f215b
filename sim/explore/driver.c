/* SPDX-License-Identifier: BSD-2-Clause */
/* Calls that are left and taken up again, and what ringmem.h of the observed build does in the explorer. */
#include "sim/explore/driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "platform/explore/ringmem.h"

/* ringmem.h has no context to hand over. */
struct xp_driver *xp_driver_current;

size_t xp_call_bytes(const struct xp_call *call)
{
    return offsetof(struct xp_call, log) + call->reads * sizeof call->log[0];
}

static bool keep(struct xp_kept *k, const struct xp_world *w, const struct xp_region *parts,
                 uint32_t part_count)
{
    for (uint32_t i = 0; i < part_count; i++)
        k->count += xp_words_within(w, parts[i].at, parts[i].bytes, NULL, 0);
    k->at = calloc(k->count + 1u, sizeof *k->at);
    k->words = calloc(k->count + 1u, sizeof *k->words);
    if (!k->at || !k->words)
        return false;
    for (uint32_t i = 0, used = 0; i < part_count; i++)
        used += xp_words_within(w, parts[i].at, parts[i].bytes, k->at + used, k->count - used);
    return true;
}

bool xp_driver_prepare(struct xp_driver *d)
{
    return keep(&d->own_kept, d->world, &d->private_memory, 1) &&
           keep(&d->shared_kept, d->world, d->shared, d->shared_count);
}

void xp_driver_free(struct xp_driver *d)
{
    free(d->own_kept.at);
    free(d->own_kept.words);
    free(d->shared_kept.at);
    free(d->shared_kept.words);
}

static void save(struct xp_kept *k)
{
    xp_words_save(k->at, k->count, k->words);
}

static void put_back(const struct xp_kept *k)
{
    xp_words_restore(k->at, k->count, k->words);
}

static bool reads(uint8_t kind)
{
    return kind == XP_ACCESS_LOAD || kind == XP_ACCESS_REGISTER_READ || kind == XP_ACCESS_ANSWER;
}

/* Could another party notice this access, or change what it yields? */
static bool visible(struct xp_driver *d, const struct xp_access *a)
{
    switch ((enum xp_access_kind)a->kind) {
    case XP_ACCESS_STORE:
        if (!xp_order_store_is_seen(&d->order))
            return false;
        return d->order.state->waiting > 0 || !d->order.hidden(d->order.ctx, (uint32_t)a->address, a->width);
    case XP_ACCESS_FULL_BARRIER:
        return xp_order_waits(&d->order);
    case XP_ACCESS_WRITE_BARRIER:
    case XP_ACCESS_READ_BARRIER:
    case XP_ACCESS_ANSWER:
        return false;
    case XP_ACCESS_LOAD:
    case XP_ACCESS_REGISTER_READ:
    case XP_ACCESS_REGISTER_WRITE:
    case XP_ACCESS_POINT:
        break;
    }
    return true;
}

static void note(struct xp_driver *d, const struct xp_access *a, uint64_t value)
{
    static const char *const verbs[] = {"loads",        "stores",         "write barrier",   "read barrier",
                                        "full barrier", "reads register", "writes register", "goes on"};
    char place[64];

    if (!d->world->note)
        return;
    if (a->kind == XP_ACCESS_LOAD || a->kind == XP_ACCESS_STORE)
        d->ops->place(d, (uint32_t)a->address, place, sizeof place);
    else if (a->kind == XP_ACCESS_REGISTER_READ || a->kind == XP_ACCESS_REGISTER_WRITE)
        snprintf(place, sizeof place, "0x%llx", (unsigned long long)a->address);
    else
        place[0] = 0;
    if (place[0])
        xp_note_text(d->world, XP_LANE_DRIVER, "%s %s: 0x%llx", verbs[a->kind], place,
                     (unsigned long long)(reads(a->kind) ? value : a->value));
    else
        xp_note_text(d->world, XP_LANE_DRIVER, "%s", verbs[a->kind]);
}

static uint64_t perform(struct xp_driver *d, const struct xp_access *a)
{
    uint64_t value = 0;

    switch ((enum xp_access_kind)a->kind) {
    case XP_ACCESS_LOAD:
        value = xp_order_load(&d->order, (uint32_t)a->address, a->width);
        if (d->ops->loaded)
            d->ops->loaded(d, (uint32_t)a->address, value);
        break;
    case XP_ACCESS_STORE:
        note(d, a, 0);
        xp_order_store(&d->order, (uint32_t)a->address, a->width, a->value);
        return 0;
    case XP_ACCESS_WRITE_BARRIER:
        xp_order_write_barrier(&d->order);
        break;
    case XP_ACCESS_READ_BARRIER:
        xp_order_read_barrier(&d->order);
        break;
    case XP_ACCESS_FULL_BARRIER:
        xp_order_full_barrier(&d->order);
        break;
    case XP_ACCESS_REGISTER_READ:
    case XP_ACCESS_REGISTER_WRITE:
        /* platform.h: registers are ordered with memory: stores before a write, loads after a read. */
        xp_order_drain(&d->order);
        value = d->ops->registers(d, a);
        if (a->kind == XP_ACCESS_REGISTER_READ)
            xp_order_read_barrier(&d->order);
        break;
    case XP_ACCESS_POINT:
        break;
    case XP_ACCESS_ANSWER:
        return d->ops->registers(d, a);
    }
    note(d, a, value);
    return value;
}

/* Set-up: memory as it is, registers answer, nobody comes between. */
static uint64_t at_once(struct xp_driver *d, const struct xp_access *a)
{
    if (a->kind == XP_ACCESS_LOAD)
        return xp_order_peek(&d->order, (uint32_t)a->address, a->width);
    if (a->kind == XP_ACCESS_STORE)
        xp_order_put(&d->order, (uint32_t)a->address, a->width, a->value);
    if (a->kind == XP_ACCESS_REGISTER_READ || a->kind == XP_ACCESS_REGISTER_WRITE)
        return d->ops->registers(d, a);
    return 0;
}

/* An access that was done before the call was left. */
static bool done_before(const struct xp_driver *d)
{
    return d->now < d->known;
}

static uint64_t done_again(struct xp_driver *d, uint8_t kind)
{
    d->now++;
    return reads(kind) ? d->call->log[d->read_now++].value : 0;
}

static void log_access(struct xp_driver *d, const struct xp_access *a, uint64_t value)
{
    struct xp_call *call = d->call;

    d->now++;
    call->done++;
    if (!reads(a->kind))
        return;
    if (call->reads == XP_LOG_MAX)
        xp_violate(d->world, XP_P3, "one call reads more than %u values", XP_LOG_MAX);
    call->log[call->reads++] = (struct xp_read){(uint32_t)value, (uint32_t)a->address};
    d->read_now++;
}

/* At a visible access: leaves the call, or asks who comes between. Returns true when the driver's turn is
 * used up by the access: not when those who came between have made it one that nobody notices; then the turn
 * is still to be had. */
static bool may_go_on(struct xp_driver *d, const struct xp_access *a)
{
    if (d->may)
        return true;
    if (!d->world->inline_calls)
        longjmp(d->leave, 1);
    while (!d->ops->turn(d))
        ;
    d->may = true;
    return visible(d, a);
}

static uint64_t new_access(struct xp_driver *d, const struct xp_access *a)
{
    uint64_t value;

    if (d->immediate || !d->running)
        return at_once(d, a);
    if (d->again) { /* from here on it is new */
        d->again = false;
        put_back(&d->shared_kept);
    }
    if (visible(d, a) && may_go_on(d, a))
        d->may = false;
    if (++d->accesses > XP_ACCESSES_MAX)
        xp_violate(d->world, XP_P3, "one call makes more than %u accesses", XP_ACCESSES_MAX);
    value = perform(d, a);
    if (!d->world->inline_calls)
        log_access(d, a, value);
    return value;
}

uint64_t xp_access(struct xp_driver *d, struct xp_access access)
{
    return done_before(d) ? done_again(d, access.kind) : new_access(d, &access);
}

static void finish(struct xp_driver *d)
{
    d->running = false;
    d->known = 0;
    memset(d->call, 0, xp_call_bytes(d->call));
}

static void run(struct xp_driver *d, bool may)
{
    d->may = may;
    d->now = 0;
    d->read_now = 0;
    d->accesses = d->call->done;
    d->running = true;
    d->known = d->world->inline_calls ? 0 : d->call->done;
    if (d->world->inline_calls) {
        d->ops->run(d, d->call);
        finish(d);
        return;
    }
    save(&d->own_kept);
    d->again = d->shared_kept.count > 0 && d->call->done > 0;
    if (d->again)
        save(&d->shared_kept);
    if (setjmp(d->leave) == 0) {
        d->ops->run(d, d->call);
        finish(d);
    } else {
        d->running = false;
        d->known = 0;
        put_back(&d->own_kept);
    }
}

void xp_driver_rest(struct xp_driver *d)
{
    d->running = false;
    d->immediate = false;
    d->known = 0;
}

void xp_call_begin(struct xp_driver *d, uint8_t op, const uint8_t *arguments)
{
    ASSERT(!d->call->active);
    ASSERT(d->call->done == 0 && d->call->reads == 0);
    d->call->active = 1;
    d->call->op = op;
    memcpy(d->call->arguments, arguments, XP_ARGUMENTS);
    run(d, false);
}

void xp_call_resume(struct xp_driver *d)
{
    ASSERT(d->call->active);
    ASSERT(!d->world->inline_calls);
    run(d, true);
}

void xp_call_abandon(struct xp_driver *d)
{
    finish(d);
}

static struct xp_access in_memory(struct xp_driver *d, const void *at, uint8_t width, uint8_t kind)
{
    const uint64_t offset = (uint64_t)((const uint8_t *)at - d->order.memory);

    if (offset + width > d->order.bytes)
        xp_violate(d->world, XP_P6, "an access %u bytes wide at offset %lld leaves shared memory of %u bytes",
                   width, (long long)offset, d->order.bytes);
    if (offset % width != 0)
        xp_violate(d->world, XP_P8, "an access %u bytes wide at offset %llu", width,
                   (unsigned long long)offset);
    return (struct xp_access){.address = offset, .kind = kind, .width = width};
}

uint32_t ring_observed_load(const void *at, uint8_t width)
{
    struct xp_driver *d = xp_driver_current;

    if (done_before(d))
        return (uint32_t)done_again(d, XP_ACCESS_LOAD);
    const struct xp_access access = in_memory(d, at, width, XP_ACCESS_LOAD);
    return (uint32_t)new_access(d, &access);
}

void ring_observed_store(void *at, uint8_t width, uint64_t value)
{
    struct xp_driver *d = xp_driver_current;

    if (done_before(d)) {
        d->now++;
        return;
    }
    struct xp_access access = in_memory(d, at, width, XP_ACCESS_STORE);
    access.value = value;
    (void)new_access(d, &access);
}

void ring_observed_barrier(enum ring_barrier kind)
{
    static const uint8_t kinds[] = {[RING_BARRIER_WRITE] = XP_ACCESS_WRITE_BARRIER,
                                    [RING_BARRIER_READ] = XP_ACCESS_READ_BARRIER,
                                    [RING_BARRIER_FULL] = XP_ACCESS_FULL_BARRIER};

    struct xp_driver *d = xp_driver_current;
    const struct xp_access access = {.kind = kinds[kind]};

    if (done_before(d))
        d->now++;
    else
        (void)new_access(d, &access);
}
