/* SPDX-License-Identifier: BSD-2-Clause */
/* World `nic`: who may act, what is judged, how it comes to rest. */
#include "sim/explore/nic_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "abi/assert.h"

#define MEMORY_BYTES (NIC_PAGES * 4096u)
#define CANON_BYTES  16384u
#define SLOT_BYTES   2048u /* of a buffer: what is kept of each are the bytes around the frame's beginning */
#define KEPT_FROM    0u
#define KEPT_BYTES   40u

static struct nic_world *nic_of(struct xp_world *w)
{
    return (struct nic_world *)(void *)w;
}

/* doors */

static uint32_t register_access(struct xp_driver *d, const struct xp_access *a)
{
    return xp_net_register(&nic_of(d->world)->device, a);
}

static uint32_t door_read(void *ctx, enum platform_space space, uint64_t address, uint8_t width)
{
    struct nic_world *n = ctx;

    if (space == PLATFORM_PCI)
        return 0;
    return (uint32_t)xp_access(
        &n->driver, (struct xp_access){.address = address, .kind = XP_ACCESS_REGISTER_READ, .width = width});
}

static void door_write(void *ctx, enum platform_space space, uint64_t address, uint8_t width, uint32_t value)
{
    struct nic_world *n = ctx;

    if (space == PLATFORM_PCI)
        return;
    (void)xp_access(&n->driver, (struct xp_access){.address = address,
                                                   .value = value,
                                                   .kind = XP_ACCESS_REGISTER_WRITE,
                                                   .width = width});
}

/* judgements */

void nic_received(struct nic_world *n, uint32_t word, uint32_t bytes)
{
    n->book->settled = 0;
    n->counts.received++;
    xp_note(&n->world, XP_LANE_DRIVER, "delivers a frame of %u bytes, 0x%x", bytes, word);
    if (xp_net_lies(&n->device) > 0)
        return;
    if (word != xp_payload(n->book->expected))
        xp_violate(&n->world, XP_P7, "a frame 0x%x is delivered, 0x%x is the next that the device gave", word,
                   xp_payload(n->book->expected));
    n->book->expected = (uint8_t)((n->book->expected + 1u) % XP_NET_SEQUENCE);
}

void nic_memory_returned(struct nic_world *n, const char *what)
{
    if (!xp_net_quiet(&n->device))
        xp_violate(&n->world, XP_P9, "%s is given back while the device may still reach it (status 0x%x%s)",
                   what, n->device.state->status, n->device.state->resetting ? ", reset not confirmed" : "");
}

/* calls */

static void run_call(struct xp_driver *d, const struct xp_call *call)
{
    struct nic_world *n = nic_of(d->world);
    const struct nic_adapter *a = n->adapter;

    switch ((enum nic_op)call->op) {
    case NIC_OPEN:
        if (n->config.lives_max > 0) /* else it is any number: not counted */
            n->book->lives++;
        n->book->opened = 1;
        n->book->sent = 0;
        n->book->expected = 0; /* opening resets the device, and it numbers from there */
        a->open(n);
        break;
    case NIC_POLL:
        a->poll(n, call->arguments[0]);
        break;
    case NIC_SEND:
        a->send(n);
        break;
    case NIC_RECEIVE:
        a->receive(n);
        break;
    case NIC_STOP:
        a->stop(n);
        break;
    }
}

void nic_begin(struct nic_world *n, enum nic_op op, uint8_t argument)
{
    static const char *const names[] = {"open", "poll", "send", "receive", "stop"};
    const uint8_t arguments[XP_ARGUMENTS] = {argument};

    xp_note(&n->world, XP_LANE_DRIVER, "call: %s", names[op]);
    xp_call_begin(&n->driver, (uint8_t)op, arguments);
}

/* An honest device's driver does not end in quarantine, nor break. */
static void judge_phase(struct nic_world *n)
{
    const struct xp_net_state *s = n->device.state;

    if (n->call.active || xp_net_lies(&n->device) > 0 || s->events > 0)
        return;
    if (n->adapter->phase(n) == NIC_QUARANTINED || n->book->refused)
        xp_violate(&n->world, XP_P7, "the driver gives up on an honest device");
}

struct choice {
    uint8_t op, argument;
};

static uint32_t choices(struct nic_world *n, struct choice *out)
{
    const enum nic_phase phase = n->adapter->phase(n);
    const bool provider = n->config.driver == NULL;
    uint32_t count = 0;

    if (phase == NIC_CLOSED || phase == NIC_STOPPED) {
        if (n->config.lives_max == 0 || n->book->lives < n->config.lives_max)
            out[count++] = (struct choice){NIC_OPEN, 0};
        return count;
    }
    if (phase == NIC_QUARANTINED)
        return 0;
    if (!n->book->refused) {
        out[count++] = (struct choice){NIC_POLL, 0};
        if (phase == NIC_RUNNING && provider) {
            out[count++] = (struct choice){NIC_POLL, 1};
            out[count++] = (struct choice){NIC_POLL, 2};
            out[count++] = (struct choice){NIC_RECEIVE, 0};
        }
        if (phase == NIC_RUNNING && n->book->sent < n->config.frames_max)
            out[count++] = (struct choice){NIC_SEND, 0};
    }
    if (phase != NIC_STOPPING)
        out[count++] = (struct choice){NIC_STOP, 0};
    return count;
}

bool nic_operate(struct nic_world *n)
{
    struct choice ops[8];
    const uint32_t count = choices(n, ops);

    if (count == 0)
        return false;
    const struct choice op = ops[xp_choose(&n->world, count, "op")];

    nic_begin(n, (enum nic_op)op.op, op.argument);
    return true;
}

/* 0: nobody can act; 1: the driver is to act; 2: somebody else did. */
static int pick_actor(struct nic_world *n)
{
    struct choice ops[8];
    const uint32_t driver = n->call.active || choices(n, ops) > 0;
    uint32_t flush;
    uint32_t moves;
    uint32_t who;

    xp_net_bind(&n->device);
    flush = xp_order_ready(&n->driver.order) > 0;
    moves = xp_net_moves(&n->device);
    if (driver + flush + moves == 0)
        return 0;
    who = xp_choose_actor(&n->world, driver + flush + moves);
    if (driver && who == 0)
        return 1;
    who -= driver;
    if (flush && who == 0)
        xp_order_flush(&n->driver.order,
                       xp_choose(&n->world, xp_order_ready(&n->driver.order), "order.flush"));
    else
        xp_net_move(&n->device, who - flush);
    n->counts.device_steps++;
    return 2;
}

static enum xp_step nic_step(struct xp_world *w)
{
    struct nic_world *n = nic_of(w);
    const int acted = pick_actor(n);

    if (acted == 0)
        return XP_STEP_NOTHING;
    if (acted == 1 && n->call.active)
        xp_call_resume(&n->driver);
    else if (acted == 1)
        (void)nic_operate(n);
    judge_phase(n);
    return XP_STEP_DONE;
}

static bool turn(struct xp_driver *d)
{
    return d->unattended || pick_actor(nic_of(d->world)) == 1;
}

/* The honest continuation: the call ends, memory settles, the device works off what it has, completions are
 * taken in; then the driver is stopped, and stopping comes to an end. */
static enum xp_heal nic_heal(struct xp_world *w)
{
    struct nic_world *n = nic_of(w);
    const enum nic_phase phase = n->adapter->phase(n);

    n->device.state->armed = 0;
    xp_net_bind(&n->device);
    if (n->call.active) {
        xp_call_resume(&n->driver);
    } else if (n->order_state.waiting > 0) {
        xp_order_drain(&n->driver.order);
    } else if (xp_net_heal(&n->device)) {
        n->counts.device_steps++;
    } else if (phase == NIC_STARTING || phase == NIC_STOPPING) {
        nic_begin(n, NIC_POLL, 0);
    } else if (phase == NIC_RUNNING && n->book->refused) {
        nic_begin(n, NIC_STOP, 0);
    } else if (phase == NIC_RUNNING && !n->adapter->idle(n)) {
        const struct xp_queue_state *tx = &n->device.queue_states[1];
        const struct xp_queue_state *rx = &n->device.queue_states[0];
        const bool blameless = xp_net_lies(&n->device) == 0 && n->device.state->events == 0;

        if (n->book->settled++ < NIC_SETTLE_POLLS)
            nic_begin(n, n->book->settled & 1u ? NIC_RECEIVE : NIC_POLL, 0);
        else if (blameless)
            xp_violate(
                w, XP_P3,
                "everything is at rest, yet not all is home: transmit %u of %u fetched, receive %u of %u",
                tx->fetched, tx->exposed, rx->fetched, rx->exposed);
        else
            nic_begin(n, NIC_STOP, 0);
    } else if (phase == NIC_RUNNING) {
        nic_begin(n, NIC_STOP, 0);
    } else {
        return XP_HEAL_QUIET;
    }
    return XP_HEAL_ON;
}

/* fingerprint */

struct canon {
    size_t used;
    uint8_t bytes[CANON_BYTES];
};

static void put(struct canon *c, const void *at, size_t bytes)
{
    ASSERT(c->used + bytes <= sizeof c->bytes);
    memcpy(c->bytes + c->used, at, bytes);
    c->used += bytes;
}

static uint64_t nic_fingerprint(struct xp_world *w)
{
    const struct nic_world *n = nic_of(w);
    struct canon c;

    c.used = n->adapter->canonical(n, c.bytes, sizeof c.bytes);
    for (uint32_t i = 0; i < w->region_count; i++) {
        const struct xp_region *r = &w->regions[i];

        if (r->at == (void *)n->book)
            put(&c, n->book, sizeof *n->book);
        else
            put(&c, r->at, r->varies ? w->ops->live(w, i) : r->bytes);
    }
    return XXH3_64bits(c.bytes, c.used);
}

/* set-up */

static bool hidden(void *ctx, uint32_t offset, uint8_t width)
{
    (void)width;
    return xp_net_hidden(&((const struct nic_world *)ctx)->device, offset);
}

static void place(struct xp_driver *d, uint32_t offset, char *text, size_t bytes)
{
    if (!xp_net_place(&nic_of(d->world)->device, offset, text, bytes))
        snprintf(text, bytes, "offset %u", offset);
}

static void loaded(struct xp_driver *d, uint32_t offset, uint64_t value)
{
    struct nic_world *n = nic_of(d->world);

    if (xp_net_lies(&n->device) > 0)
        xp_net_loaded(&n->device, offset, (uint32_t)value);
}

static void place_of(void *ctx, uint32_t offset, char *text, size_t bytes)
{
    place(&((struct nic_world *)ctx)->driver, offset, text, bytes);
}

static void seen(void *ctx, uint32_t offset, uint8_t width, uint64_t value)
{
    xp_net_seen(&((struct nic_world *)ctx)->device, offset, width, value);
}

static void nic_start(struct xp_world *w)
{
    struct nic_world *n = nic_of(w);

    memset(n->memory, 0, MEMORY_BYTES);
    memset(n->book, 0, n->driver.private_memory.bytes);
    memset(&n->call, 0, sizeof n->call);
    n->driver.running = false;
    n->driver.unattended = false;
    xp_driver_current = &n->driver;
    xp_order_forget(&n->driver.order);
    xp_net_power_on(&n->device);
    n->adapter->start(n);
}

static void nic_show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct nic_world *n = (const struct nic_world *)(const void *)w;
    static const char *const phases[] = {"closed",   "starting", "running",
                                         "stopping", "stopped",  "quarantined"};
    const struct xp_queue_state *q = n->device.queue_states;

    snprintf(line, bytes,
             "driver: %s%s | device: status 0x%02x%s%s | rx sees %u fetched %u shown %u | tx sees %u fetched "
             "%u shown %u "
             "| waiting %u",
             phases[n->adapter->phase(n)], n->call.active ? ", in a call" : "", n->net_state.status,
             n->net_state.resetting ? " resetting" : "", n->net_state.removed ? " REMOVED" : "", q[0].exposed,
             q[0].fetched, q[0].used_shown, q[1].exposed, q[1].fetched, q[1].used_shown,
             n->order_state.waiting);
}

static size_t live(const struct xp_world *w, uint32_t region)
{
    const struct nic_world *n = (const struct nic_world *)(const void *)w;

    return region + 1u == w->region_count ? xp_call_bytes(&n->call) : xp_order_state_bytes(&n->order_state);
}

static const struct xp_world_ops nic_ops = {
    .name = "nic",
    .start = nic_start,
    .step = nic_step,
    .heal = nic_heal,
    .fingerprint = nic_fingerprint,
    .show = nic_show,
    .live = live,
};

static const struct xp_driver_ops driver_ops = {
    .run = run_call,
    .loaded = loaded,
    .registers = register_access,
    .turn = turn,
    .place = place,
};

static void add(struct nic_world *n, void *at, size_t bytes, bool varies)
{
    ASSERT(n->world.region_count < XP_REGIONS_MAX);
    n->world.regions[n->world.region_count++] = (struct xp_region){at, bytes, varies};
}

/* The parts of shared memory that matter: rings, and the beginning of each buffer. */
static void add_memory(struct nic_world *n)
{
    const uint32_t size = n->config.lies_max > 0 ? 2u * n->config.size : n->config.size;
    const uint32_t ring = n->config.legacy ? 8192u : 4096u;

    for (uint32_t q = 0; q < XP_NET_QUEUES; q++) {
        add(n, n->memory + q * ring,
            16u * size + 6u + 2u * size + (n->config.legacy ? 0u : 8u + 8u * size + 8u), false);
        if (n->config.legacy)
            add(n, n->memory + q * ring + 4096u, 8u + 8u * size, false);
    }
    n->driver.shared_count = n->world.region_count;
    for (uint32_t i = 0; i < n->world.region_count; i++)
        n->driver.shared[i] = n->world.regions[i];
    /* Receive buffers lie behind the rings; of each the header and the frame's first bytes. */
    for (uint32_t slot = 0; slot < size; slot++)
        add(n, n->memory + XP_NET_QUEUES * ring + slot * SLOT_BYTES + KEPT_FROM, KEPT_BYTES, false);
}

static bool allocate(struct nic_world *n)
{
    const size_t own = sizeof *n->book + n->adapter->private_bytes;

    n->memory = aligned_alloc(4096, MEMORY_BYTES);
    n->book = calloc(1, own);
    n->scribbled[0] = calloc(2, 256);
    if (!n->memory || !n->book || !n->scribbled[0])
        return false;
    n->scribbled[1] = n->scribbled[0] + 256;
    n->own = (uint8_t *)(n->book + 1);
    n->driver.private_memory = (struct xp_region){n->book, own, 0};
    add_memory(n);
    add(n, n->book, own, false);
    add(n, n->scribbled[0], 512, false);
    add(n, n->slots, sizeof n->slots, false);
    add(n, n->flight, sizeof n->flight, false);
    add(n, &n->net_state, sizeof n->net_state, false);
    add(n, n->device.queue_states, sizeof n->device.queue_states, false);
    add(n, &n->order_state, sizeof n->order_state, true);
    add(n, &n->call, sizeof n->call, true);
    return true;
}

static void wire(struct nic_world *n)
{
    struct xp_net *d = &n->device;

    n->platform = (struct platform){.ctx = n, .read = door_read, .write = door_write};
    n->driver.ops = &driver_ops;
    n->driver.world = &n->world;
    n->driver.call = &n->call;
    n->driver.order = (struct xp_order){.world = &n->world,
                                        .state = &n->order_state,
                                        .memory = n->memory,
                                        .bytes = MEMORY_BYTES,
                                        .model = n->config.model,
                                        .ctx = n,
                                        .seen = seen,
                                        .hidden = hidden,
                                        .place = place_of};
    *d = (struct xp_net){.world = &n->world,
                         .order = &n->driver.order,
                         .state = &n->net_state,
                         .legacy = n->config.legacy,
                         .size = n->config.size,
                         .bus = NIC_BUS,
                         .memory_bytes = MEMORY_BYTES,
                         .buffers = n->config.driver || n->config.legacy ? NIC_BUFFERS : 8192u,
                         .lies_max = n->config.lies_max,
                         .events_max = n->config.events_max,
                         .frames_max = n->config.frames_max,
                         .lie_kinds = n->config.lie_kinds,
                         .event_kinds = n->config.event_kinds};
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        d->queues[i].slots = n->slots[i];
        d->queues[i].flight = n->flight[i];
        d->queues[i].written = n->scribbled[i];
        d->queues[i].suppress = n->config.suppress;
        d->queues[i].lie_kinds = n->config.queue_lie_kinds;
    }
}

struct nic_world *nic_world_make(const struct nic_config *config)
{
    struct nic_world *n = calloc(1, sizeof *n);

    if (!n)
        return NULL;
    ASSERT(config->size >= 1 && config->size <= NIC_SIZE_MAX);
    n->config = *config;
    n->adapter = config->driver ? &nic_brought_adapter : &nic_provider_adapter;
    n->world.ops = &nic_ops;
    if (!allocate(n)) {
        nic_world_free(n);
        return NULL;
    }
    wire(n);
    if (!xp_driver_prepare(&n->driver)) {
        nic_world_free(n);
        return NULL;
    }
    return n;
}

void nic_world_free(struct nic_world *n)
{
    if (!n)
        return;
    free(n->memory);
    free(n->book);
    xp_driver_free(&n->driver);
    free(n->scribbled[0]);
    free(n);
}
