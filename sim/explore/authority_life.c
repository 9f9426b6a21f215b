/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`, lives: who may act, fingerprints, how it comes to rest. */
#include "sim/explore/authority_life.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "abi/assert.h"
#include "provider/format/virtio_ids.h"
#include "sim/explore/authority_canon.h"

#define BUFFERS_FROM (LIFE_RX_PAGE * 4096u)
#define KEPT_BYTES   40u /* of a buffer's second slot: header and a frame's first bytes */
#define OVERTAKES    2u /* new routes by which a message may be overtaken on its way */
#define VIRTIO_CAPS  0x50u

/* who may act */

enum actor {
    ACT_DRIVER = 0,
    ACT_KILL,
    ACT_CREATE,
    ACT_EXIT,
    ACT_FREE_QUARANTINE,
    ACT_LAND,
    ACT_SEND,
    ACT_ARRIVES,
    ACT_DEVICE
};

struct list {
    uint8_t actor[64], which[64];
    uint32_t count;
};

static void offer(struct list *list, enum actor actor, uint32_t which)
{
    ASSERT(list->count < 64);
    list->actor[list->count] = (uint8_t)actor;
    list->which[list->count++] = (uint8_t)which;
}

static bool message_is_old(const struct life_world *l)
{
    const struct auth_message *m = &l->machine_state.messages[0];

    return m->under_way &&
           ((l->machine.kernel->devices.next_route - m->route) & (AUTH_ROUTES - 1u)) > OVERTAKES;
}

static void offer_driver(struct life_world *l, struct list *list)
{
    if (l->call.active) {
        offer(list, ACT_DRIVER, LIFE_CLOSE + 1u);
        return;
    }
    for (uint32_t op = LIFE_BIND; op <= LIFE_CLOSE; op++) {
        if (life_may(l, (enum life_op)op) && !(op == LIFE_BIND && message_is_old(l)))
            offer(list, ACT_DRIVER, op);
    }
}

static void offer_all(struct life_world *l, struct list *list)
{
    const struct life_state *s = &l->state;
    const struct auth_message *m = &l->machine_state.messages[0];

    list->count = 0;
    offer_driver(l, list);
    if (s->alive && l->config.kills)
        offer(list, ACT_KILL, 0);
    if (!s->alive)
        offer(list, ACT_CREATE, 0);
    if (s->alive && !l->call.active && (l->own->closed || (!l->own->bound && s->quarantined)))
        offer(list, ACT_EXIT, 0);
    if (s->quarantined)
        offer(list, ACT_FREE_QUARANTINE, 0);
    if (s->pending[0])
        offer(list, ACT_LAND, 0);
    if (s->unmasked && s->due == 0 && !m->under_way)
        offer(list, ACT_SEND, 0);
    if (m->under_way)
        offer(list, ACT_ARRIVES, 0);
    xp_net_bind(&l->device);
    /* Told to reset it begins nothing new: what it still writes is what is under way. */
    const bool runs = auth_master(&l->machine, 0) && !l->net_state.resetting;
    const uint32_t moves = runs ? xp_net_moves(&l->device) : 0;

    for (uint32_t i = 0; i < moves; i++)
        offer(list, ACT_DEVICE, i);
}

void life_begin(struct life_world *l, enum life_op op)
{
    static const char *const names[] = {"bind", "poll", "send", "receive", "interrupt", "stop", "close"};
    const uint8_t none[XP_ARGUMENTS] = {0};

    xp_note(&l->world, XP_LANE_DRIVER, "call: %s", names[op]);
    if (op == LIFE_CLOSE)
        life_given_back(l);
    xp_call_begin(&l->driver, (uint8_t)op, none);
}

void life_arrives(struct life_world *l)
{
    xp_note(&l->world, XP_LANE_DEVICE, "a message arrives");
    l->state.due = (uint8_t)(l->state.due + (l->machine_state.messages[0].to != 0));
    auth_arrives(&l->machine, 0);
}

static void act(struct life_world *l, enum actor actor, uint32_t which)
{
    switch (actor) {
    case ACT_DRIVER:
        if (l->call.active)
            xp_call_resume(&l->driver);
        else
            life_begin(l, (enum life_op)which);
        break;
    case ACT_KILL:
        life_kill(l);
        break;
    case ACT_CREATE:
        life_create(l);
        break;
    case ACT_EXIT:
        life_exit(l);
        break;
    case ACT_FREE_QUARANTINE:
        life_free_quarantine(l);
        break;
    case ACT_LAND:
        life_land(l, 0);
        break;
    case ACT_SEND:
        xp_note(&l->world, XP_LANE_DEVICE, "sends a message");
        (void)auth_send(&l->machine, 0, 0, 1);
        break;
    case ACT_ARRIVES:
        life_arrives(l);
        break;
    case ACT_DEVICE:
        xp_net_move(&l->device, which);
        break;
    }
}

/* An interrupt has due what was its own and nothing else. */
static void judge_interrupt(struct life_world *l)
{
    const struct interrupt *i = &l->machine.kernel->devices.interrupts[0];
    const bool live = i->used && i->charge.active;
    const uint32_t due = live ? l->machine_state.counts[i->route] - i->acked : 0;

    if (due != l->state.due)
        xp_violate(&l->world, due > l->state.due ? XP_I15 : XP_P17,
                   "the interrupt has %u messages due, %u were its own", due, l->state.due);
}

/* After a close the owner holds nothing. */
static void judge_closed(struct life_world *l)
{
    const bool kept = l->fault && l->fault->kept;

    if (l->state.alive && l->own->closed && !l->call.active && !kept)
        life_settled(l);
}

void life_judge(struct life_world *l)
{
    auth_machine_judge(&l->machine);
    judge_interrupt(l);
    judge_closed(l);
    life_forget(l);
}

static enum xp_step step(struct xp_world *w)
{
    struct life_world *l = life_of(w);
    struct list list;
    uint32_t which;

    l->mode = NULL;
    offer_all(l, &list);
    if (list.count == 0)
        return XP_STEP_NOTHING;
    which = xp_choose_actor(w, list.count);
    act(l, (enum actor)list.actor[which], list.which[which]);
    life_judge(l);
    return XP_STEP_DONE;
}

/* Up to the end of the owner that is there. False: nobody is, and nothing is in quarantine. */
static bool end_in_order(struct life_world *l)
{
    if (life_may(l, LIFE_STOP))
        life_begin(l, LIFE_STOP);
    else if (life_may(l, LIFE_POLL))
        life_begin(l, LIFE_POLL);
    else if (life_may(l, LIFE_CLOSE))
        life_begin(l, LIFE_CLOSE);
    else if (l->state.alive)
        life_exit(l);
    else if (l->state.quarantined)
        life_free_quarantine(l);
    else
        return false;
    return true;
}

/* Whoever comes next can use the device. */
static void prove(struct life_world *l)
{
    const enum vnet_state state = l->own->nic.state;

    if (!l->state.alive)
        life_create(l);
    else if (life_may(l, LIFE_BIND))
        life_begin(l, LIFE_BIND);
    else if (!l->own->bound || state == VNET_STOPPING || state == VNET_STOPPED || state == VNET_QUARANTINED)
        xp_violate(&l->world, XP_P3, "the next owner cannot use the function: provider in state %u, %s",
                   state, provider_error_name(l->own->nic.error));
    else if (auth_master(&l->machine, 0) && xp_net_deliver(&l->device))
        return;
    else if (life_may(l, LIFE_SEND))
        life_begin(l, LIFE_SEND);
    else if (life_carried(l))
        l->state.proof = LIFE_PROVEN;
    else
        life_begin(l, state == VNET_RUNNING && !l->own->received ? LIFE_RECEIVE : LIFE_POLL);
}

/* The call ends, the provider is stopped, everything is given back, the owner exits, quarantine is released:
 * exactly as before anybody came. The next owner then sends and receives, and ends the same way. */
enum xp_heal life_heal(struct xp_world *w)
{
    static const struct life_mode honest; /* resets at once: nothing is asked */
    struct life_world *l = life_of(w);

    l->mode = &honest;
    xp_net_bind(&l->device);
    if (l->call.active)
        xp_call_resume(&l->driver);
    else if (l->machine_state.messages[0].under_way)
        life_arrives(l);
    else if (l->state.proof == LIFE_PROVING)
        prove(l);
    else if (!end_in_order(l)) {
        if (l->state.proof == LIFE_PROVEN)
            return XP_HEAL_QUIET;
        l->state.proof = LIFE_PROVING;
    }
    life_judge(l);
    return XP_HEAL_ON;
}

/* fingerprint */

static void put_owner(struct auth_canon *c, const struct life_world *l)
{
    const struct core *core = &l->machine.kernel->core;
    const struct owner *o = &core->owners[0];

    auth_put8(c, o->state);
    auth_put16(c, core->objects.live_count);
    if (o->state == OWNER_FREE)
        return;
    auth_put(c, o->budget.used, sizeof o->budget.used);
    auth_put32(c, o->held_pages);
    auth_put16(c, o->caps.fresh);
    auth_put16(c, o->caps.free_head);
    for (uint32_t s = 1; s < o->caps.fresh; s++) {
        const struct cap_slot *slot = &o->caps.slots[s];

        auth_put8(c, slot->state);
        auth_put8(c, slot->interface);
        auth_put8(c, object_live(&core->objects, slot->object));
        auth_put32(c, slot->generation);
        auth_put16(c, slot->next_free);
    }
}

static uint64_t fingerprint(struct xp_world *w)
{
    const struct life_world *l = life_of(w);
    struct auth_canon c;

    c.m = &life_of(w)->machine;
    memset(c.rank, 0, sizeof c.rank);
    c.used = life_canonical(l, c.bytes, sizeof c.bytes);
    put_owner(&c, l);
    auth_put_records(&c);
    auth_put_pages(&c);
    auth_put(&c, auth_at(c.m, LIFE_RX_PAGE, LIFE_SLOT_BYTES), KEPT_BYTES);
    auth_put(&c, auth_at(c.m, LIFE_TX_PAGE, LIFE_SLOT_BYTES), KEPT_BYTES);
    auth_put(&c, &l->net_state, sizeof l->net_state);
    auth_put(&c, l->device.queue_states, sizeof l->device.queue_states);
    auth_put(&c, l->slots, sizeof l->slots);
    auth_put(&c, l->flight, sizeof l->flight);
    auth_put(&c, l->written, 2u * 256u);
    auth_put(&c, &l->state, offsetof(struct life_state, binding));
    auth_put(&c, &l->call, xp_call_bytes(&l->call));
    return XXH3_64bits(c.bytes, c.used);
}

/* set-up */

static uint32_t registers(struct xp_driver *d, const struct xp_access *a)
{
    return life_answer(life_of(d->world), (uint32_t)a->address);
}

static void run(struct xp_driver *d, const struct xp_call *call)
{
    life_call(life_of(d->world), call);
}

static bool hidden(void *ctx, uint32_t offset, uint8_t width)
{
    (void)width;
    return xp_net_hidden(&((const struct life_world *)ctx)->device, offset);
}

static void place(struct xp_driver *d, uint32_t offset, char *text, size_t bytes)
{
    if (!xp_net_place(&life_of(d->world)->device, offset, text, bytes))
        snprintf(text, bytes, "offset %u", offset);
}

static void place_of(void *ctx, uint32_t offset, char *text, size_t bytes)
{
    place(&((struct life_world *)ctx)->driver, offset, text, bytes);
}

static bool turn(struct xp_driver *d) /* asked by the kernel's own accesses alone */
{
    (void)d;
    return true;
}

static const struct xp_driver_ops driver_ops = {
    .run = run, .registers = registers, .turn = turn, .place = place};

/* A store became visible to the device: what it names, the device knows from here on. */
static void seen(void *ctx, uint32_t offset, uint8_t width, uint64_t value)
{
    struct life_world *l = ctx;

    xp_net_seen(&l->device, offset, width, value);
    for (uint32_t i = 0; i < l->config.size; i++) {
        const struct xp_slot *slot = &l->slots[0][i];

        if (slot->head && slot->holder == XP_EXPOSED && slot->data)
            auth_told(&l->machine, 0, slot->data / 4096u, false);
    }
}

static size_t live(const struct xp_world *w, uint32_t region)
{
    const struct life_world *l = (const struct life_world *)(const void *)w;

    return region + 1u == w->region_count ? xp_call_bytes(&l->call) : xp_order_state_bytes(&l->order_state);
}

/* Three windows in the first BAR, told by capabilities that follow the MSI-X one. */
static void describe(struct life_world *l)
{
    static const struct {
        uint8_t type, bytes;
        uint32_t offset, length;
    } caps[] = {{VIRTIO_CAP_COMMON, VIRTIO_CAP_SIZE, 0, 56},
                {VIRTIO_CAP_NOTIFY, VIRTIO_CAP_NOTIFY_SIZE, XP_NET_NOTIFY_AT, 4},
                {VIRTIO_CAP_ISR, VIRTIO_CAP_SIZE, 0x1800, 1},
                {VIRTIO_CAP_DEVICE, VIRTIO_CAP_SIZE, XP_NET_CONFIG_AT, 16}};
    uint8_t *config = l->machine.config[0];
    uint32_t at = VIRTIO_CAPS;

    config[0x41] = VIRTIO_CAPS;
    config[0x2e] = 1; /* subsystem: network */
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++, at += 0x18u) {
        uint8_t *cap = config + at;

        cap[0] = 0x09;
        cap[1] = (uint8_t)(i + 1u < sizeof caps / sizeof *caps ? at + 0x18u : 0);
        cap[VIRTIO_CAP_LENGTH] = caps[i].bytes;
        cap[VIRTIO_CAP_TYPE] = caps[i].type;
        memcpy(cap + VIRTIO_CAP_OFFSET, &caps[i].offset, 4);
        memcpy(cap + VIRTIO_CAP_BYTES, &caps[i].length, 4);
    }
}

static void start(struct xp_world *w)
{
    struct life_world *l = life_of(w);

    memset(l->own, 0, sizeof *l->own);
    memset(&l->state, 0, sizeof l->state);
    memset(&l->call, 0, sizeof l->call);
    memset(l->written, 0, 512);
    l->driver.running = false;
    l->driver.unattended = false;
    xp_driver_current = &l->driver;
    xp_order_forget(&l->driver.order);
    xp_net_power_on(&l->device);
    auth_machine_start(&l->machine);
    auth_few_records(&l->machine);
    l->base = kernel_usage(l->machine.kernel);
}

static void show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct life_world *l = (const struct life_world *)(const void *)w;

    snprintf(line, bytes,
             "owner: %s%s%s, provider in state %u | device: status 0x%02x%s | %u writes under way%s%s",
             l->state.alive ? "alive" : "gone", l->own->bound ? ", bound" : "",
             l->call.active ? ", in a call" : "", l->own->nic.state, l->net_state.status,
             l->net_state.resetting ? " resetting" : "",
             (l->state.pending[0] != 0) + (l->state.pending[1] != 0) + (l->state.pending[2] != 0),
             l->state.late ? " for long" : "", l->state.quarantined ? " | QUARANTINED" : "");
}

static const struct xp_world_ops ops = {.name = "authority",
                                        .start = start,
                                        .step = step,
                                        .heal = life_heal,
                                        .fingerprint = fingerprint,
                                        .show = show,
                                        .live = live};

static void add(struct life_world *l, void *at, size_t bytes, bool varies)
{
    ASSERT(l->world.region_count < XP_REGIONS_MAX);
    l->world.regions[l->world.region_count++] = (struct xp_region){at, bytes, varies};
}

static void add_regions(struct life_world *l)
{
    auth_machine_regions(&l->machine);
    add(l, auth_at(&l->machine, LIFE_RX_PAGE, LIFE_SLOT_BYTES), KEPT_BYTES, false);
    add(l, auth_at(&l->machine, LIFE_TX_PAGE, LIFE_SLOT_BYTES), KEPT_BYTES, false);
    add(l, l->own, offsetof(struct life_own, author), false);
    add(l, &l->own->author, offsetof(struct author_brokered, batch), false);
    add(l, l->written, 512, false);
    add(l, l->slots, sizeof l->slots, false);
    add(l, l->flight, sizeof l->flight, false);
    add(l, &l->net_state, sizeof l->net_state, false);
    add(l, l->device.queue_states, sizeof l->device.queue_states, false);
    add(l, &l->state, sizeof l->state, false);
    add(l, &l->base, sizeof l->base, false);
    add(l, &l->order_state, sizeof l->order_state, true);
    add(l, &l->call, sizeof l->call, true);
}

static void wire(struct life_world *l)
{
    l->driver = (struct xp_driver){.ops = &driver_ops,
                                   .world = &l->world,
                                   .call = &l->call,
                                   .private_memory = {l->own, sizeof *l->own, 0}};
    l->driver.order = (struct xp_order){.world = &l->world,
                                        .state = &l->order_state,
                                        .memory = l->machine.memory,
                                        .bytes = AUTH_PAGES * 4096u,
                                        .ctx = l,
                                        .seen = seen,
                                        .hidden = hidden,
                                        .place = place_of};
    l->device = (struct xp_net){.world = &l->world,
                                .order = &l->driver.order,
                                .state = &l->net_state,
                                .size = l->config.size,
                                .bus = AUTH_BUS,
                                .memory_bytes = AUTH_PAGES * 4096u,
                                .buffers = BUFFERS_FROM,
                                .frames_max = l->config.frames};
    for (uint32_t i = 0; i < XP_NET_QUEUES; i++) {
        l->device.queues[i].slots = l->slots[i];
        l->device.queues[i].flight = l->flight[i];
        l->device.queues[i].written = l->written + 256u * i;
    }
}

struct life_world *life_world_make(const struct life_config *config)
{
    struct life_world *l = calloc(1, sizeof *l);

    if (!l)
        return NULL;
    ASSERT(config->size >= 1 && config->size <= LIFE_SIZE);
    l->config = *config;
    l->world.ops = &ops;
    l->budget = budget_limits_generous();
    l->own = calloc(1, sizeof *l->own);
    l->written = calloc(2, 256);
    l->machine = (struct auth_machine){.world = &l->world,
                                       .driver = &l->driver,
                                       .hooks = &life_hooks,
                                       .ctx = l,
                                       .state = &l->machine_state,
                                       .limits = {.functions = 1,
                                                  .owners = 1,
                                                  .slots = 12,
                                                  .objects = 12,
                                                  .claims = 1,
                                                  .registers = 1,
                                                  .pools = 1,
                                                  .buffers = 2,
                                                  .queues = 2,
                                                  .interrupts = 1,
                                                  .queue_size = LIFE_SIZE}};
    if (!l->own || !l->written || !auth_machine_make(&l->machine)) {
        life_world_free(l);
        return NULL;
    }
    describe(l);
    wire(l);
    add_regions(l);
    if (!auth_machine_words(&l->machine) || !xp_driver_prepare(&l->driver)) {
        life_world_free(l);
        return NULL;
    }
    return l;
}

void life_world_free(struct life_world *l)
{
    if (!l)
        return;
    if (l->change)
        xp_image_free(&l->first);
    free(l->change);
    auth_machine_free(&l->machine);
    xp_driver_free(&l->driver);
    free(l->own);
    free(l->written);
    free(l);
}
