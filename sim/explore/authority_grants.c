/* SPDX-License-Identifier: BSD-2-Clause */
/* Doing what was picked, and what the book makes of the answer. */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/authority_world.h"

#define POOL_PAGES 2u

static const struct reg_window window = {.length = 0x100};

struct device_authority auth_authority(struct auth_world *a, uint32_t owner, struct kernel_binding *storage)
{
    struct owner *o = &a->machine.kernel->core.owners[owner];
    struct device_authority authority = {0};

    if (o->state == OWNER_LIVE)
        authority = kernel_authority(storage, a->machine.kernel, o);
    return authority;
}

cap_id auth_cap(const struct auth_world *a, uint32_t owner, uint32_t slot)
{
    return (cap_id){slot, a->ghost.owners[owner].slot_generation[slot]};
}

/* doing it */

static struct device_reply program(const struct device_authority *k, cap_id registers, cap_id queue)
{
    struct device_reply reply = k->ops->reg_write(k->ctx, registers, 1, 0, 0);

    if (device_reply_ok(reply))
        reply = k->ops->reg_write_address(k->ctx, registers, 3, queue);
    if (device_reply_ok(reply))
        reply = k->ops->reg_write(k->ctx, registers, 4, 0, 1);
    return reply;
}

/* In slot 0, in slot 1, or a chain over both; each slot has its own part of the buffer. */
static struct device_reply publish(struct auth_world *a, const struct device_authority *k, cap_id queue,
                                   cap_id buffer)
{
    const uint32_t shape = xp_choose(&a->world, 3, "publish.shape");
    struct dma_publication p = {.slots = {shape == 1, 1}, .count = shape == 2 ? 2 : 1};

    for (uint32_t i = 0; i < p.count; i++)
        p.segments[i] = (struct dma_segment){.buffer = buffer,
                                             .offset = AUTH_UNIT * p.slots[i],
                                             .length = AUTH_UNIT,
                                             .direction = DMA_FROM_DEVICE};
    a->run_count = (uint8_t)shape; /* what is asked, for the book */
    (void)k->ops->reap(k->ctx, queue); /* what is ready is taken in before anything is compared */
    auth_take_in(a);
    auth_remember(&a->machine);
    return k->ops->publish(k->ctx, queue, &p, 1);
}

static struct device_reply over_interrupt(const struct device_authority *k, uint8_t op, cap_id id)
{
    switch (op) {
    case AUTH_UNMASK:
        return k->ops->interrupt_mask(k->ctx, id, false);
    case AUTH_MASK:
        return k->ops->interrupt_mask(k->ctx, id, true);
    case AUTH_WAIT:
        return k->ops->interrupt_wait(k->ctx, id);
    default:
        return k->ops->interrupt_ack(k->ctx, id);
    }
}

static struct device_reply make_queue(const struct device_authority *k, cap_id pool, cap_id registers)
{
    struct dma_queue_view view;

    return k->ops->queue_create(k->ctx, pool, registers, 0, AUTH_QUEUE_SIZE, 0, 0, &view);
}

static struct device_reply transfer(struct auth_world *a, const struct auth_action *x)
{
    struct kernel *k = a->machine.kernel;
    const cap_id id = auth_cap(a, x->owner, x->a);

    return x->op == AUTH_COPY ? owner_cap_copy(k, &k->core.owners[x->owner], id, &k->core.owners[x->b])
                              : owner_cap_move(k, &k->core.owners[x->owner], id, &k->core.owners[x->b]);
}

static struct device_reply call(struct auth_world *a, const struct auth_action *x)
{
    struct kernel_binding binding;
    const struct device_authority k = auth_authority(a, x->owner, &binding);
    const cap_id first = auth_cap(a, x->owner, x->a);
    const cap_id second = x->b <= AUTH_SLOTS ? auth_cap(a, x->owner, x->b) : CAP_NONE;

    switch (x->op) {
    case AUTH_CLAIM:
        return k.ops->claim(k.ctx, AUTH_BDF(x->a));
    case AUTH_OPEN:
        return k.ops->open_registers(k.ctx, first, &auth_table, &window);
    case AUTH_RESET:
        return k.ops->reg_write(k.ctx, first, 0, 0, 0);
    case AUTH_POLL:
        return k.ops->reg_read(k.ctx, first, 0, 0);
    case AUTH_GO:
        return k.ops->reg_write(k.ctx, first, 0, 0, 4);
    case AUTH_DMA:
        return k.ops->enable_dma(k.ctx, first);
    case AUTH_POOL:
        return k.ops->pool_create(k.ctx, first, POOL_PAGES);
    case AUTH_BUFFER:
        return k.ops->buffer_create(k.ctx, first, 2u * AUTH_UNIT, DMA_FROM_DEVICE);
    case AUTH_QUEUE:
        return make_queue(&k, first, second);
    case AUTH_PROGRAM:
        return program(&k, first, second);
    case AUTH_MAP:
        return k.ops->buffer_map(k.ctx, first);
    case AUTH_PUBLISH:
        return publish(a, &k, first, second);
    case AUTH_REAP:
        return k.ops->reap(k.ctx, first);
    case AUTH_DESTROY:
        return auth_kind_at(a, x->owner, x->a) == CAP_IF_DMA_QUEUE ? k.ops->queue_destroy(k.ctx, first)
                                                                   : k.ops->buffer_destroy(k.ctx, first);
    case AUTH_INTERRUPT:
        return k.ops->interrupt_create(k.ctx, first, x->b);
    case AUTH_RELEASE:
        return k.ops->release(k.ctx, first);
    case AUTH_COPY:
    case AUTH_MOVE:
        return transfer(a, x);
    default:
        return over_interrupt(&k, x->op, first);
    }
}

/* what the book makes of it */

static uint8_t granted_kind(uint8_t op)
{
    static const uint8_t kinds[AUTH_OPS] = {
        [AUTH_CLAIM] = CAP_IF_DEVICE,    [AUTH_OPEN] = CAP_IF_DEVICE_MMIO,
        [AUTH_POOL] = CAP_IF_DMA_POOL,   [AUTH_BUFFER] = CAP_IF_DMA_BUFFER,
        [AUTH_QUEUE] = CAP_IF_DMA_QUEUE, [AUTH_INTERRUPT] = CAP_IF_INTERRUPT};

    return kinds[op];
}

static void granted(struct auth_world *a, const struct auth_action *x, struct device_reply reply)
{
    const uint8_t kind = granted_kind(x->op);
    const uint8_t parent = x->op == AUTH_CLAIM ? AUTH_NO_OBJECT : a->ghost.owners[x->owner].slot_object[x->a];
    const uint8_t name = auth_granted(a, x->owner, reply.cap, kind, parent);
    struct auth_object *made = &a->ghost.objects[name];

    if (kind == CAP_IF_DEVICE) {
        struct auth_place *place = &a->ghost.functions[x->a];

        if (place->quarantined)
            xp_violate(&a->world, XP_P9, "function %u is claimed out of quarantine", x->a);
        if (place->claim)
            xp_violate(&a->world, XP_I3, "function %u is claimed twice", x->a);
        made->function = x->a;
        *place = (struct auth_place){.claim = name};
    }
    if (kind == CAP_IF_DMA_POOL)
        made->pages = POOL_PAGES;
    if (kind != CAP_IF_DMA_BUFFER && kind != CAP_IF_DMA_QUEUE)
        return;
    made->first = a->run_first;
    made->pages = a->run_count;
    if (made->pages != 1)
        xp_violate(&a->world, XP_P13, "a piece of one page is made of %u", made->pages);
}

static void published(struct auth_world *a, const struct auth_action *x)
{
    const uint8_t buffer = a->ghost.owners[x->owner].slot_object[x->b];
    struct auth_object *q = &a->ghost.objects[a->ghost.owners[x->owner].slot_object[x->a]];
    const struct auth_object *b = &a->ghost.objects[buffer];
    const uint32_t shape = a->run_count;

    if (b->function != q->function || b->owner != q->owner)
        xp_violate(&a->world, XP_P10, "a buffer of another function or owner is published");
    if (!q->programmed || q->over || q->broken)
        xp_violate(&a->world, XP_I2, "something is published in a queue that is %s",
                   q->over     ? "over"
                   : q->broken ? "broken"
                               : "not programmed");
    for (uint32_t s = shape == 1 ? 1 : 0; s <= (shape == 0 ? 0u : 1u); s++) {
        if (q->slots[s])
            xp_violate(&a->world, XP_P1, "slot %u is published while it is out", s);
        q->slots[s] = buffer;
        q->chained[s] = shape == 2 && s == 1;
        a->ghost.objects[buffer].publications++;
    }
}

static void mapped(struct auth_world *a, const struct auth_action *x, uint64_t address)
{
    struct auth_object *b = &a->ghost.objects[a->ghost.owners[x->owner].slot_object[x->a]];

    if (address >= AUTH_BUS && address < AUTH_BUS + AUTH_PAGES * 4096u)
        xp_violate(&a->world, XP_I1, "a buffer is mapped at the device's address of it");
    if (address != (uint64_t)(uintptr_t)auth_at(&a->machine, b->first, 0))
        xp_violate(&a->world, XP_I3, "a buffer is mapped at another's page");
    b->mapped = 1;
    memset(auth_at(&a->machine, b->first, 2u * AUTH_UNIT - 24u), 0xb5,
           8); /* what nobody else may ever read */
    memset(auth_at(&a->machine, b->first, 4088u), 0xb5, 8);
}

/* An accepted call. */
static void accepted(struct auth_world *a, const struct auth_action *x, struct device_reply reply)
{
    struct auth_object *o = &a->ghost.objects[a->ghost.owners[x->owner].slot_object[x->a]];

    if (x->op == AUTH_RELEASE || x->op == AUTH_DESTROY)
        auth_take_in(a);
    if (granted_kind(x->op)) {
        granted(a, x, reply);
        return;
    }
    switch (x->op) {
    case AUTH_MAP:
        mapped(a, x, reply.value);
        break;
    case AUTH_PUBLISH:
        published(a, x);
        break;
    case AUTH_COPY:
    case AUTH_MOVE:
        auth_transferred(a, x->owner, x->a, x->b, reply.cap, x->op == AUTH_MOVE);
        break;
    case AUTH_RELEASE:
        if (o->owner != x->owner) {
            auth_drop_slot(a, x->owner, x->a);
            break;
        }
        __attribute__((fallthrough));
    case AUTH_DESTROY:
        if (o->publications > 0)
            xp_violate(&a->world, XP_I4, "a published buffer is destroyed");
        auth_end_object(a, a->ghost.owners[x->owner].slot_object[x->a]);
        break;
    case AUTH_WAIT:
        o->shown = o->pending;
        if (reply.value != o->pending)
            xp_violate(&a->world, reply.value > o->pending ? XP_I15 : XP_P17,
                       "a wait reports %llu messages, %u were its own", (unsigned long long)reply.value,
                       o->pending);
        break;
    case AUTH_ACK:
        o->pending = (uint8_t)(o->pending - o->shown);
        o->shown = 0;
        break;
    default:
        break;
    }
}

/* Nobody may say no to these. */
static bool must_be_accepted(struct auth_world *a, const struct auth_action *x, struct device_reply reply)
{
    const bool room = a->machine_state.log_full == 0 && !a->small.run_out;

    switch (x->op) {
    case AUTH_CLAIM:
        return room && auth_has_slot(a, x->owner) && !a->ghost.functions[x->a].claim &&
               !a->ghost.functions[x->a].quarantined;
    case AUTH_UNMASK:
    case AUTH_MASK:
    case AUTH_WAIT:
    case AUTH_ACK:
    case AUTH_MAP:
        return true;
    case AUTH_RELEASE:
        return reply.error != DEV_E_BUSY;
    default:
        return false;
    }
}

/* Gone all the same: the device would not stop, and everything of it went to quarantine. */
static bool gone_unconfirmed(struct auth_world *a, const struct auth_action *x, struct device_reply reply)
{
    uint8_t name = a->ghost.owners[x->owner].slot_object[x->a];

    if ((x->op != AUTH_RELEASE && x->op != AUTH_DESTROY) || reply.error != DEV_E_UNCONFIRMED)
        return false;
    while (a->ghost.objects[name].parent)
        name = a->ghost.objects[name].parent;
    auth_end_object(a, name);
    return true;
}

static void refused(struct auth_world *a, const struct auth_action *x, struct device_reply reply)
{
    const struct auth_ghost before = a->ghost;
    struct auth_object *o = &a->ghost.objects[a->ghost.owners[x->owner].slot_object[x->a]];

    if (gone_unconfirmed(a, x, reply))
        return;
    if (must_be_accepted(a, x, reply))
        xp_violate(&a->world, XP_P16, "%s %s: a call that nothing stands against is refused",
                   cap_exception_name(reply.exception), device_error_name(reply.error));
    auth_take_in(a);
    if (x->op == AUTH_PUBLISH && (reply.error == DEV_E_BUSY || reply.error == DEV_E_SLOT)) {
        o->broken = 1; /* an early offer (I4): the one refusal that leaves a trace */
        return;
    }
    if (memcmp(&before, &a->ghost, sizeof before) == 0 && x->op != AUTH_PROGRAM)
        auth_unchanged(&a->machine, "a call", reply);
}

/* P15: the same once more is a clean error. */
static void again(struct auth_world *a, const struct auth_action *x, cap_id id)
{
    struct kernel_binding binding;
    const struct device_authority k = auth_authority(a, x->owner, &binding);
    struct device_reply reply;

    auth_remember(&a->machine);
    reply = k.ops->release(k.ctx, id);
    if (reply.exception != CAP_EX_STALE)
        xp_violate(&a->world, XP_P15, "a second release is answered with %s, %s",
                   cap_exception_name(reply.exception), device_error_name(reply.error));
    auth_unchanged(&a->machine, "a second release", reply);
}

/* A binding of an owner's former life reaches nothing. */
static void old_binding(struct auth_world *a, uint32_t owner, uint32_t epoch)
{
    struct kernel_binding binding;
    struct device_authority k;
    struct device_reply reply;
    struct owner *o = &a->machine.kernel->core.owners[owner];
    const uint8_t state = o->state;

    o->state = OWNER_LIVE;
    k = kernel_authority(&binding, a->machine.kernel, o);
    o->state = state;
    binding.owner_epoch = epoch;
    auth_remember(&a->machine);
    reply = k.ops->claim(k.ctx, AUTH_BDF(0));
    if (reply.exception != CAP_EX_STALE)
        xp_violate(&a->world, XP_I9, "a call of an owner that ended is answered with %s, %s",
                   cap_exception_name(reply.exception), device_error_name(reply.error));
    auth_unchanged(&a->machine, "a call of an owner that ended", reply);
}

static void over_owner(struct auth_world *a, const struct auth_action *x)
{
    struct kernel *k = a->machine.kernel;
    struct owner *o = &k->core.owners[x->owner];
    const uint32_t epoch = o->epoch;

    if (x->op != AUTH_CREATE) {
        if (x->op == AUTH_KILL)
            owner_kill(k, o);
        else
            owner_exit(k, o);
        auth_end_owner(a, x->owner);
        old_binding(a, x->owner, epoch);
        return;
    }
    auth_remember(&a->machine);
    /* The lowest free record: the others stand in for owners that live. */
    uint8_t states[AUTH_OWNERS];
    for (uint32_t i = 0; i < AUTH_OWNERS; i++) {
        states[i] = k->core.owners[i].state;
        k->core.owners[i].state = i == x->owner ? OWNER_FREE : OWNER_LIVE;
    }
    const struct owner *made = auth_owner_create(&a->machine, &a->budget, auth_last_generation(a));
    for (uint32_t i = 0; i < AUTH_OWNERS; i++) {
        if (i != x->owner)
            k->core.owners[i].state = states[i];
    }
    if (!made) {
        if (!a->machine_state.log_full)
            xp_violate(&a->world, XP_P16, "an owner cannot come again");
        auth_unchanged(&a->machine, "an owner's creation",
                       (struct device_reply){.exception = CAP_EX_AUDIT_FULL});
        return;
    }
    a->ghost.owners[x->owner].alive = 1;
    if (epoch > 0)
        old_binding(a, x->owner, epoch - 1u);
}

static void free_quarantine(struct auth_world *a, uint32_t f)
{
    struct device_reply reply;
    const uint32_t kept = a->ghost.functions[f].kept;

    a->machine.privileged = true;
    reply = device_release_quarantine(a->machine.kernel, AUTH_BDF(f));
    a->machine.privileged = false;
    if (reply.exception == CAP_EX_AUDIT_FULL && a->machine_state.log_full)
        return;
    if (!device_reply_ok(reply) || reply.value != kept)
        xp_violate(&a->world, XP_I11, "quarantine is left with %s, %llu of %u pages",
                   device_error_name(reply.error), (unsigned long long)reply.value, kept);
    a->ghost.functions[f] = (struct auth_place){0};
    for (uint32_t o = 0; o < AUTH_OWNERS; o++)
        a->ghost.owners[o].held[f] = 0;
    /* No bus master: what it knows does no harm before it is one again, and that takes a reset (mastered). */
    a->devices[f] = (struct auth_device){.resetting = a->devices[f].resetting, .lies = a->devices[f].lies};
}

static void tell(struct auth_world *a, const struct auth_action *x)
{
    static const char *const names[AUTH_OPS] = {"create",
                                                "kill",
                                                "exit",
                                                "claim",
                                                "open registers",
                                                "reset",
                                                "poll",
                                                "go",
                                                "DMA on",
                                                "pool",
                                                "buffer",
                                                "queue",
                                                "program",
                                                "map",
                                                "publish",
                                                "reap",
                                                "destroy",
                                                "interrupt",
                                                "unmask",
                                                "mask",
                                                "wait",
                                                "ack",
                                                "release",
                                                "copy",
                                                "move",
                                                "release from quarantine",
                                                "the log is full",
                                                "the log is drained",
                                                "something runs out",
                                                "fetch",
                                                "complete",
                                                "lie",
                                                "land",
                                                "send",
                                                "arrives"};

    xp_note(&a->world, x->op >= AUTH_FREE_QUARANTINE ? XP_LANE_AUTHORITY : XP_LANE_DRIVER, "%s %u: %s %u %u",
            x->op >= AUTH_DEVICE_FETCH || x->op == AUTH_FREE_QUARANTINE ? "function" : "owner", x->owner,
            names[x->op], x->a, x->b);
}

static void ordinary(struct auth_world *a, const struct auth_action *x)
{
    const cap_id id = auth_cap(a, x->owner, x->a <= AUTH_SLOTS ? x->a : 0);
    struct device_reply reply;

    if (a->config.withhold)
        auth_withhold_each(a, x, call);
    auth_remember(&a->machine);
    reply = call(a, x);
    if (device_reply_ok(reply)) {
        if (reply.value >= AUTH_BUS && reply.value < AUTH_BUS + AUTH_PAGES * 4096u)
            xp_violate(&a->world, XP_I1, "a reply holds the device address 0x%llx",
                       (unsigned long long)reply.value);
        accepted(a, x, reply);
    } else {
        xp_note(&a->world, XP_LANE_AUTHORITY, "refused: %s, %s", cap_exception_name(reply.exception),
                device_error_name(reply.error));
        refused(a, x, reply);
    }
    if (x->op == AUTH_RELEASE && reply.error != DEV_E_BUSY)
        again(a, x, id);
}

static void run_out(struct auth_world *a)
{
    a->small.run_out = 1;
    auth_run_out(&a->machine, (enum auth_resource)(a->config.forever - 1u), &a->base);
}

void auth_act(struct auth_world *a, const struct auth_action *x)
{
    if (a->world.note)
        tell(a, x);
    for (uint32_t f = 0; f < AUTH_FUNCTIONS; f++)
        a->devices[f].acked = 0;
    if (x->op >= AUTH_DEVICE_FETCH)
        auth_device_act(a, x);
    else if (x->op <= AUTH_EXIT)
        over_owner(a, x);
    else if (x->op == AUTH_FREE_QUARANTINE)
        free_quarantine(a, x->owner);
    else if (x->op == AUTH_LOG_FULL)
        auth_log_fill(&a->machine, xp_choose(&a->world, 4, "log.room"));
    else if (x->op == AUTH_LOG_DRAINED)
        auth_log_drain(&a->machine);
    else if (x->op == AUTH_RUN_OUT)
        run_out(a);
    else
        ordinary(a, x);
    auth_take_in(a);
    for (uint32_t f = 0; f < AUTH_FUNCTIONS; f++) {
        if (a->devices[f].acked)
            auth_reset_over(a, f);
        a->devices[f].acked = 0;
    }
    if (!a->machine_state.log_full)
        auth_log_drain(&a->machine);
    auth_judge(a);
}
