/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`, lives: the device's registers with its resets and writes under way, the ends of an
 * owner, and what they leave behind. */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/authority_life.h"
#include "sim/explore/net_registers.h"

#define STATUS 20u
#define ENABLE 28u
#define LANDS_AT                                                                                             \
    112u /* behind a ring's words and a frame's: what a late write does to those is a lie like any other */
#define PATTERN 0xd0d0d0d0d0d0d0d0ull

static struct life_world *world_of(struct auth_machine *m)
{
    return m->ctx;
}

/* writes under way */

static uint32_t pending_count(const struct life_world *l)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < LIFE_PENDING; i++)
        count += l->state.pending[i] != 0;
    return count;
}

void life_land(struct life_world *l, uint32_t which)
{
    struct life_state *s = &l->state;
    const uint32_t page = s->pending[which];

    ASSERT(page != 0);
    for (uint32_t i = which; i + 1u < LIFE_PENDING; i++)
        s->pending[i] = s->pending[i + 1u];
    s->pending[LIFE_PENDING - 1u] = 0;
    xp_note(&l->world, XP_LANE_DEVICE, "a write lands in page %u%s", page, s->late ? ", late" : "");
    auth_device_write(&l->machine, 0, page, LANDS_AT, PATTERN, !s->late);
    if (pending_count(l) == 0)
        s->late = 0;
}

static void land_some(struct life_world *l, uint32_t count)
{
    while (count-- > 0 && pending_count(l) > 0)
        life_land(l, 0);
}

/* The page of a receive buffer that it holds, when it holds one; else of a ring. */
static uint8_t target(struct life_world *l, bool ring)
{
    for (uint32_t i = 0; !ring && i < l->config.size; i++) {
        if (l->slots[0][i].holder != XP_DRIVERS && l->slots[0][i].head)
            return (uint8_t)(l->slots[0][i].data / 4096u);
    }
    return (uint8_t)auth_page_of(l->net_state.rings[0].desc);
}

static void under_way(struct life_world *l, uint32_t writes, uint32_t first, bool late)
{
    for (uint32_t i = 0; i < writes; i++)
        l->state.pending[i] = target(l, (first + i) % 2u);
    l->state.late = writes > 0 && late;
}

static bool may_be_under_way(const struct life_world *l)
{
    return l->net_state.rings[0].enabled && auth_master(&l->machine, 0) && pending_count(l) == 0;
}

/* How the reset that was just asked for will go. */
static void draw_reset(struct life_world *l)
{
    static const uint32_t kinds[] = {1, 2, 4};
    static const uint8_t reads[] = {0, LIFE_NEVER, 1, 2};

    if (l->mode) {
        l->net_state.reset_left = l->mode->confirm;
        if (may_be_under_way(l))
            under_way(l, l->mode->writes, 0, l->mode->late);
        return;
    }
    l->net_state.reset_left = reads[xp_choose(&l->world, kinds[l->config.late], "reset.confirm")];
    if (!may_be_under_way(l))
        return;
    const uint32_t writes = xp_choose(&l->world, l->config.pending + 1u, "reset.pending");
    const uint32_t first = writes > 0 ? xp_choose(&l->world, 2, "reset.target") : 0;

    under_way(l, writes, first,
              writes > 0 && l->config.hostile && xp_choose(&l->world, 2, "reset.late") == 1);
}

/* Nothing is left of what it knew. */
static void forget(struct life_world *l)
{
    xp_net_bind(&l->device);
    xp_net_reset_done(&l->device);
    memset(l->written, 0, LIFE_WRITTEN);
}

/* registers */

static uint32_t read_register(struct auth_machine *m, uint32_t f, uint32_t offset, uint8_t width)
{
    struct life_world *l = world_of(m);
    const bool resetting = l->net_state.resetting;
    struct xp_access a = {.address = XP_NET_BAR + offset, .kind = XP_ACCESS_REGISTER_READ, .width = width};
    uint32_t value;

    (void)f;
    if (offset == STATUS && resetting && l->net_state.reset_left == 0 && !l->state.late)
        land_some(l, LIFE_PENDING); /* honest: what was under way is there before it says so */
    value = xp_net_register(&l->device, &a);
    if (offset == STATUS && resetting && !l->net_state.resetting) {
        forget(l);
        l->state.reset = 1;
        l->state.stale = 0;
        l->state.dormant = 0;
        xp_note(&l->world, XP_LANE_DEVICE, "confirms its reset");
    }
    return value;
}

static void write_register(struct auth_machine *m, uint32_t f, uint32_t offset, uint8_t width, uint32_t value)
{
    struct life_world *l = world_of(m);
    const bool pending = l->net_state.resetting && l->net_state.reset_left != LIFE_NEVER;
    const uint8_t left = l->net_state.reset_left;
    struct xp_access a = {
        .address = XP_NET_BAR + offset, .value = value, .kind = XP_ACCESS_REGISTER_WRITE, .width = width};

    (void)f;
    (void)xp_net_register(&l->device, &a);
    if (offset == STATUS && value == 0 && pending)
        l->net_state.reset_left = left; /* it is at it */
    else if (offset == STATUS && value == 0)
        draw_reset(l);
    if (offset == ENABLE)
        auth_told(m, 0, auth_page_of(l->net_state.rings[l->net_state.selected].desc), true);
}

/* The kernel polls: a write that lands meanwhile differs in nothing from one that lands when the kernel is
 * done, or before the confirmation. */
static void waits(struct auth_machine *m)
{
    (void)m;
}

static bool may_write(struct auth_machine *m, uint32_t f, uint32_t page)
{
    struct life_world *l = world_of(m);

    for (uint32_t i = 0; i < LIFE_PENDING; i++) {
        if (l->state.pending[i] == page && !l->state.late)
            return true;
    }
    if (l->state.stale)
        return false;
    if (l->state.dormant)
        return m->state->pages[page].told == f + 1u;
    for (uint32_t q = 0; q < XP_NET_QUEUES; q++) {
        if (!l->net_state.rings[q].enabled)
            continue;
        if (auth_page_of(l->net_state.rings[q].desc) == page)
            return true;
        for (uint32_t i = 0; q == 0 && i < l->config.size; i++) {
            if (l->slots[q][i].holder != XP_DRIVERS && l->slots[q][i].head &&
                l->slots[q][i].data / 4096u == page)
                return true;
        }
    }
    return false;
}

static void mastered(struct auth_machine *m, uint32_t f)
{
    struct life_world *l = world_of(m);

    (void)f;
    if (!l->state.reset || l->net_state.resetting)
        xp_violate(&l->world, XP_P9, "the function becomes a bus master, not reset since it was claimed");
}

const struct auth_hooks life_hooks = {.read = read_register,
                                      .write = write_register,
                                      .waits = waits,
                                      .may_write = may_write,
                                      .mastered = mastered};

void life_forget(struct life_world *l)
{
    struct xp_net_state *n = &l->net_state;

    if (!n->resetting || auth_master(&l->machine, 0))
        return;
    l->state.dormant |= n->rings[0].enabled || n->rings[1].enabled;
    const struct xp_net_state kept = *n;

    forget(l);
    n->resetting = kept.resetting;
    n->reset_left = kept.reset_left;
}

void life_interrupt_gone(struct life_world *l)
{
    l->state.unmasked = l->state.due = l->state.shown = 0;
    for (uint32_t i = 0; i < AUTH_MESSAGES; i++)
        l->machine_state.messages[i].to = 0;
}

/* ends */

static bool knows_rings(const struct life_world *l)
{
    return !l->state.stale &&
           (l->state.dormant || l->net_state.rings[0].enabled || l->net_state.rings[1].enabled);
}

void life_settled(struct life_world *l)
{
    const struct kernel_usage now = kernel_usage(l->machine.kernel);
    struct kernel_usage want = l->base;
    struct life_state *s = &l->state;
    const bool kept = l->machine.kernel->devices.functions[0].quarantined;
    uint32_t mapped = 0;

    s->charged = kept && s->alive && (s->charged || !s->quarantined); /* not of an owner before */
    s->quarantined = kept;
    for (uint32_t i = 0; i < AUTH_PAGES; i++)
        mapped += l->machine_state.pages[i].mapped != 0;
    want.owners += s->alive;
    if (s->quarantined) {
        if (!l->net_state.resetting)
            xp_violate(&l->world, XP_P16, "the function is in quarantine and its reset is confirmed");
        want.quarantined_devices++;
        want.pages_quarantined = mapped;
        want.pages_guard = now.pages_guard;
        want.budget_used[BUDGET_POOL_PAGES] += s->charged ? mapped : 0u;
    } else if (knows_rings(l)) {
        xp_violate(&l->world, XP_I11,
                   "the function knows rings, has confirmed no reset, and is not quarantined");
    } else if (mapped > 0) {
        xp_violate(&l->world, XP_P4, "%u pages are still mapped", mapped);
    }
    for (size_t i = 0; i < sizeof now / 4u; i++) {
        const uint32_t is = ((const uint32_t *)(const void *)&now)[i];
        const uint32_t was = ((const uint32_t *)(const void *)&want)[i];

        if (is != was)
            xp_violate(&l->world, XP_P16, "after its end field %zu of usage is %u, should be %u", i, is, was);
    }
}

void life_given_back(struct life_world *l)
{
    const struct kernel_usage now = kernel_usage(l->machine.kernel);
    const uint32_t buffers = now.buffers - l->base.buffers;
    const uint32_t queues = now.queues - l->base.queues;

    if (l->own->nic.state == VNET_STOPPED && buffers + queues > 0)
        xp_violate(&l->world, XP_P4, "a provider that is stopped has %u buffers and %u queues left", buffers,
                   queues);
}

void life_create(struct life_world *l)
{
    struct owner *o = auth_owner_create(&l->machine, &l->budget, CAP_GENERATION_LIMIT_MAX);

    if (!o)
        xp_violate(&l->world, XP_P16, "an owner cannot come again");
    memset(l->own, 0, offsetof(struct life_own, author));
    l->state.alive = 1;
    (void)kernel_authority(&l->state.binding, l->machine.kernel, o);
    auth_log_drain(&l->machine);
}

/* Its handles and its binding reach nothing, and nothing changes (I9, P12, T10). */
static void stale_calls(struct life_world *l, const struct life_own *own, struct kernel_binding old)
{
    struct kernel_binding binding;
    struct owner *o = &l->machine.kernel->core.owners[0];
    struct device_authority k;
    struct pci_function_info info;
    struct device_reply replies[5];

    o->state = OWNER_LIVE;
    k = kernel_authority(&binding, l->machine.kernel, o);
    o->state = OWNER_FREE;
    binding = old;
    auth_remember(&l->machine);
    replies[0] = k.ops->info(k.ctx, own->device, &info);
    replies[1] = k.ops->interrupt_ack(k.ctx, own->interrupt);
    replies[2] = k.ops->reg_write(k.ctx, own->registers.registers, 0, 0, 0);
    replies[3] = k.ops->release(k.ctx, own->pool);
    replies[4] = k.ops->claim(k.ctx, AUTH_BDF(0));
    for (uint32_t i = 0; i < 5; i++) {
        if (replies[i].exception != CAP_EX_STALE)
            xp_violate(&l->world, XP_I9, "call %u of an owner that was killed is answered with %s, %s", i,
                       cap_exception_name(replies[i].exception), device_error_name(replies[i].error));
    }
    auth_unchanged(&l->machine, "a call of an owner that was killed", replies[0]);
}

static void end(struct life_world *l, void (*how)(struct kernel *k, struct owner *o))
{
    struct owner *o = &l->machine.kernel->core.owners[0];
    const struct kernel_binding old = {l->machine.kernel, o, o->epoch};

    how(l->machine.kernel, o);
    l->state.alive = 0;
    life_interrupt_gone(l);
    if (!l->machine_state.log_full)
        auth_log_drain(&l->machine);
    auth_machine_judge(&l->machine);
    life_settled(l);
    if (pending_count(l) == 0) /* else the same again */
        stale_calls(l, l->own, old);
    auth_log_drain(&l->machine);
    memset(l->own, 0, offsetof(struct life_own, author));
}

void life_kill(struct life_world *l)
{
    xp_note(&l->world, XP_LANE_AUTHORITY, "the owner is killed");
    if (l->call.active)
        xp_call_abandon(&l->driver);
    end(l, owner_kill);
}

void life_exit(struct life_world *l)
{
    xp_note(&l->world, XP_LANE_AUTHORITY, "the owner exits");
    end(l, owner_exit);
}

void life_free_quarantine(struct life_world *l)
{
    struct device_reply reply;
    struct life_state *s = &l->state;

    xp_note(&l->world, XP_LANE_AUTHORITY, "the function is released from quarantine");
    l->machine.privileged = true;
    reply = device_release_quarantine(l->machine.kernel, AUTH_BDF(0));
    l->machine.privileged = false;
    if (!device_reply_ok(reply))
        xp_violate(&l->world, XP_I11, "quarantine is left with %s", device_error_name(reply.error));
    s->quarantined = 0;
    if (l->net_state.resetting) { /* no bus master: what it remembers does no harm before it is one again */
        s->stale = 1;
        if (l->config.hostile)
            s->late = pending_count(l) > 0;
        else
            memset(s->pending, 0, sizeof s->pending);
    }
    auth_log_drain(&l->machine);
    auth_machine_judge(&l->machine);
    life_settled(l);
}
