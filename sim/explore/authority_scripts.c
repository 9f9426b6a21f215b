/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`, scripts: one life from binding to its end, a frame each way, with calls refused, things
 * that run out and a kill at chosen places; then the next owner's, with nothing in its way. Each step is one
 * script from the world's first state. */
#include <stdlib.h>

#include "sim/explore/authority_life.h"

#define NOT_AT_ALL  UINT32_MAX
#define ROUNDS_MAX  100u /* operations of one life */
#define CARRY_MAX   12u /* of them while it runs */
#define HEAL_MAX    4000u
#define SETTLES_MAX 40u
#define READS       4u

/* faults */

static bool lacks(struct device_reply reply)
{
    return reply.exception == CAP_EX_NO_SLOT || reply.exception == CAP_EX_BUDGET ||
           reply.exception == CAP_EX_EXHAUSTED || reply.exception == CAP_EX_AUDIT_FULL ||
           reply.error == DEV_E_NO_MEMORY;
}

static bool refused(struct life_world *l, struct life_fault *f, struct device_reply *reply)
{
    const struct life_request *r = l->request;

    *reply = (struct device_reply){.exception = CAP_EX_EXHAUSTED};
    if (!f->bitten)
        f->first_yield = f->yields;
    f->bitten = true;
    f->kept |= r->op == ASK_RELEASE && cap_same(r->cap, l->own->device);
    xp_note(&l->world, XP_LANE_AUTHORITY, "the call is refused");
    return true;
}

/* The one call lacks it. A call that needs none of it is done as ever. */
static bool lacks_once(struct life_world *l, struct life_fault *f, struct device_reply *reply)
{
    auth_withhold(&l->machine, 0, f->resource);
    auth_remember(&l->machine);
    *reply = life_kernel_does(l, l->request);
    f->bitten = lacks(*reply);
    if (f->bitten)
        auth_unchanged(&l->machine, "a call without what it needs", *reply);
    auth_withhold_end(&l->machine, f->resource); /* and what the call did is undone */
    auth_remember(&l->machine);
    f->first_yield = f->yields;
    if (f->bitten)
        xp_note(&l->world, XP_LANE_AUTHORITY, "%s run out for this call", auth_resource_name(f->resource));
    return f->bitten;
}

/* Fewer pages than are in use is nothing that the kernel could meet: only who takes some finds none. */
static bool takes_pages(enum life_ask op)
{
    return op == ASK_POOL || op == ASK_BUFFER || op == ASK_QUEUE;
}

bool life_fault_answers(struct life_world *l, struct life_fault *f, struct device_reply *reply)
{
    const uint32_t call = f->calls++;

    if (call == f->refuse || call == f->refuse_too)
        return refused(l, f, reply);
    if (call != f->lack_at || (f->resource == AUTH_R_PAGES && !takes_pages(l->request->op)))
        return false;
    if (!f->for_good)
        return lacks_once(l, f, reply);
    xp_note(&l->world, XP_LANE_AUTHORITY, "%s run out for good", auth_resource_name(f->resource));
    auth_run_out(&l->machine, f->resource, &l->base);
    auth_remember(&l->machine);
    return false;
}

void life_fault_sees(struct life_fault *f, struct device_reply reply)
{
    if (!f->for_good || f->calls != f->lack_at + 1u || !lacks(reply))
        return;
    f->bitten = true;
    f->first_yield = f->yields;
}

/* one life */

static bool ended(const struct life_world *l)
{
    return l->own->nic.state == VNET_STOPPED || l->own->nic.state == VNET_QUARANTINED;
}

/* False: the owner was killed. */
static bool does(struct life_world *l, enum life_op op)
{
    struct life_fault *f = l->fault;

    life_begin(l, op);
    while (l->call.active) {
        if (f->yields++ == f->kill_at) {
            life_kill(l);
            life_judge(l);
            return false;
        }
        xp_call_resume(&l->driver);
        auth_machine_judge(&l->machine);
    }
    life_judge(l);
    return true;
}

/* The device works off what it has; its message is on the way, and there. */
static void settle(struct life_world *l)
{
    for (uint32_t i = 0; i < SETTLES_MAX && auth_master(&l->machine, 0) && !l->net_state.resetting; i++) {
        xp_net_bind(&l->device);
        if (!xp_net_deliver(&l->device))
            break;
    }
    if (l->state.unmasked && l->state.due == 0 && auth_send(&l->machine, 0, 0, 1))
        life_arrives(l);
}

static enum life_op next_op(const struct life_world *l, uint32_t carried)
{
    if (l->own->nic.state != VNET_RUNNING)
        return LIFE_POLL;
    if (life_may(l, LIFE_INTERRUPT) && carried == 0)
        return LIFE_INTERRUPT;
    if (life_carried(l) || carried >= CARRY_MAX)
        return LIFE_STOP;
    if (life_may(l, LIFE_SEND))
        return LIFE_SEND;
    return !l->own->received && carried % 2u ? LIFE_RECEIVE : LIFE_POLL;
}

/* From binding to the close, or the kill. */
static void live(struct life_world *l)
{
    uint32_t carried = 0;

    life_create(l);
    if (!does(l, LIFE_BIND) || !l->own->bound)
        return;
    for (uint32_t i = 0; !ended(l); i++) {
        settle(l);
        const enum life_op op = next_op(l, carried);

        if (i == ROUNDS_MAX)
            xp_violate(&l->world, XP_P3, "a life does not end within %u operations", ROUNDS_MAX);
        if (!does(l, op))
            return;
        carried += l->own->nic.state == VNET_RUNNING;
    }
    (void)does(l, LIFE_CLOSE);
}

static const struct life_mode honest_mode;

/* The life with the fault in it, from the first state; then everything to rest. */
static void play(struct life_world *l, struct life_fault *f, const struct life_mode *mode)
{
    xp_driver_rest(&l->driver);
    xp_image_restore(&l->first);
    l->fault = f;
    l->mode = mode;
    live(l);
    l->fault = NULL;
    l->mode = &honest_mode;
    while (l->state.pending[0])
        life_land(l, 0);
    if (f->lack_at != NOT_AT_ALL && f->for_good) {
        l->state.proof = LIFE_PROVEN; /* nobody can come any more */
        auth_log_drain(&l->machine);
    }
    for (uint32_t i = 0; life_heal(&l->world) == XP_HEAL_ON; i++) {
        if (i == HEAL_MAX)
            xp_violate(&l->world, XP_P3, "the honest continuation does not come to rest");
    }
}

/* scripts */

/* Confirmed at once, after one or two reads, or never; nothing under way, or three writes that land before,
 * or after. */
static struct life_mode mode_of(uint32_t which)
{
    static const uint8_t reads[READS] = {0, LIFE_NEVER, 1, 2};

    return (struct life_mode){.confirm = reads[which % READS],
                              .writes = which >= READS ? LIFE_PENDING : 0,
                              .late = which >= 2u * READS};
}

static struct life_fault nothing(void)
{
    return (struct life_fault){
        .refuse = NOT_AT_ALL, .refuse_too = NOT_AT_ALL, .lack_at = NOT_AT_ALL, .kill_at = NOT_AT_ALL};
}

/* A place to be killed at, from where something was refused to the end of the life; the last: not killed. */
static void kill_somewhere(struct life_world *l, struct life_fault f, const struct life_mode *mode)
{
    struct life_fault before = f;

    play(l, &before, mode);
    if (!l->config.kills)
        return;
    const uint32_t from = before.bitten ? before.first_yield : 0;
    const uint32_t at = xp_choose(&l->world, before.yields - from + 1u, "kill");

    if (at == before.yields - from)
        return;
    f.kill_at = from + at;
    play(l, &f, mode);
}

static void refusals(struct life_world *l, const struct life_mode *mode)
{
    struct life_fault f = nothing();
    struct life_fault plain = nothing();

    play(l, &plain, mode);
    f.refuse = xp_choose(&l->world, plain.calls, "refused");
    if (l->config.seconds) {
        struct life_fault one = f;

        play(l, &one, mode);
        const uint32_t more = xp_choose(&l->world, one.calls - f.refuse, "refused.too");

        f.refuse_too = more ? f.refuse + more : NOT_AT_ALL;
    }
    kill_somewhere(l, f, mode);
}

static void run_out(struct life_world *l, const struct life_mode *mode)
{
    struct life_fault f = nothing();
    struct life_fault plain = nothing();
    struct life_fault tried;

    play(l, &plain, mode);
    f.resource = (enum auth_resource)xp_choose(&l->world, AUTH_RESOURCES, "resource");
    f.for_good = xp_choose(&l->world, 2, "for.good") == 1;
    f.lack_at = xp_choose(&l->world, plain.calls, "lacks");
    if (f.resource == AUTH_R_OWNERS)
        return; /* nobody of these lives makes one */
    tried = f;
    play(l, &tried, mode);
    if (tried.bitten) /* else the call needed none of it */
        kill_somewhere(l, f, mode);
}

static enum xp_step script(struct xp_world *w)
{
    struct life_world *l = life_of(w);
    const struct life_mode mode = mode_of(xp_choose(w, l->config.modes, "mode"));

    w->inline_calls = false;
    if (l->config.lack)
        run_out(l, &mode);
    else
        refusals(l, &mode);
    return XP_STEP_DONE;
}

/* The first state is kept: the world is put back into it before each life. */
static void start(struct xp_world *w)
{
    struct life_world *l = life_of(w);

    l->fault = NULL;
    l->mode = &honest_mode;
    l->start(w);
    (void)xp_image_take(&l->first, l->change);
}

struct life_world *life_scripts_make(const struct life_config *config)
{
    static struct xp_world_ops ops; /* the world's own, with another step */
    struct life_world *l = life_world_make(config);

    if (!l)
        return NULL;
    ops = *l->world.ops;
    l->start = ops.start;
    ops.start = start;
    ops.step = script;
    ops.heal = NULL;
    ops.fingerprint = NULL;
    l->world.ops = &ops;
    if (xp_image_init(&l->first, &l->world))
        l->change = aligned_alloc(8, xp_image_change_bytes(&l->first));
    if (!l->change) {
        life_world_free(l);
        return NULL;
    }
    return l;
}
