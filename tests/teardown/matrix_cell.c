/* SPDX-License-Identifier: BSD-2-Clause */
/* Plays one cell: phase and load, the cause, what the provider makes of it, the end of the claim. Measures
 * first, then holds against the rule. */
#include "tests/teardown/matrix.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HEALTH_TURNS (VNET_HEALTH_POLLS + 16u) /* a running provider has read status and link by then */
#define DRIVE_TURNS  (HEALTH_TURNS + 2u * VNET_RESET_POLLS_MAX)
#define DRAIN_TURNS  8u
#define FRAMES_AGAIN 5u

bool scene_wrong(struct scene *s, const char *format, ...)
{
    va_list arguments;
    if (s->result.wrong[0] != 0)
        return false;
    va_start(arguments, format);
    (void)vsnprintf(s->result.wrong, sizeof s->result.wrong, format, arguments);
    va_end(arguments);
    return false;
}

static bool ends_owner(const struct scene *s)
{
    return s->cell.cause == CAUSE_CRASH || s->cell.cause == CAUSE_EXIT;
}

static bool takes_claim(const struct scene *s)
{
    return ends_owner(s) || s->cell.cause == CAUSE_REVOKE;
}

/* Pages that the device may know, as long as their holder has not given them back. */
static uint32_t pages_known(const struct scene *s)
{
    const struct rig *r = &s->rig;
    if (s->cell.author == RIG_DIRECT)
        return s->cell.phase == PHASE_CLAIMED && !s->opened ? 0 : r->config.pool_pages;
    return s->opened && r->nic.state != VNET_STOPPED ? rig_pages_published(r) : 0;
}

static struct device_reply release_claim(struct scene *s, bool confirmed)
{
    struct rig *r = &s->rig;
    r->claimed = false;
    if (s->cell.author == RIG_DIRECT)
        return kernel_direct_release(r->kernel, r->bdf, confirmed);
    return r->authority.ops->release(r->authority.ctx, r->device);
}

/* The cause itself, now. */
static void strike(void *ctx)
{
    struct scene *s = ctx;
    struct rig *r = &s->rig;
    s->caused = true;
    s->before = r->nic.state;
    s->pages = pages_known(s);
    switch (s->cell.cause) {
    case CAUSE_REVOKE:
        s->release = release_claim(s, !s->opened || r->nic.state == VNET_STOPPED);
        break;
    case CAUSE_CRASH:
    case CAUSE_EXIT:
        if (s->cell.cause == CAUSE_CRASH)
            owner_kill(r->kernel, r->owner);
        else
            owner_exit(r->kernel, r->owner);
        r->owner = NULL;
        r->claimed = false;
        break;
    case CAUSE_DEVICE_RESET:
        dm_net_reset_itself(rig_net(r));
        break;
    case CAUSE_NEEDS_RESET:
        dm_net_need_reset(rig_net(r));
        break;
    case CAUSE_LINK_DOWN:
        dm_net_set_link(rig_net(r), false);
        break;
    case CAUSE_REMOVAL:
        dm_net_remove(rig_net(r));
        break;
    default:
        if (s->opened)
            vnet_stop(&r->nic);
        break;
    }
}

/* What a busy client does whatever comes back: one frame out, all frames in. */
static void press(struct scene *s)
{
    struct rig *r = &s->rig;
    struct nic_rx_frame frames[NIC_BATCH_MAX];
    (void)rig_send(r, 60, 1);
    const uint16_t count = vnet_receive(&r->nic, frames, NIC_BATCH_MAX);
    for (uint16_t i = 0; i < count; i++)
        vnet_recycle(&r->nic, &frames[i].slot, 1);
}

/* Polls until the provider is at an end, or has run long enough to have noticed everything. */
static void drive(struct scene *s)
{
    struct rig *r = &s->rig;
    uint32_t running = 0;
    for (uint32_t i = 0; i < DRIVE_TURNS && running < HEALTH_TURNS; i++) {
        if (s->cell.phase == PHASE_TRAFFIC)
            press(s);
        enum vnet_state state = rig_turn(r);
        if (state == VNET_STOPPED || state == VNET_QUARANTINED || state == VNET_CLOSED)
            return;
        running += state == VNET_RUNNING;
    }
}

static bool link_comes_back(struct scene *s)
{
    struct rig *r = &s->rig;
    NEED(s, vnet_link(&r->nic) == NIC_LINK_DOWN);
    NEED(s, rig_exchange(r, 1) == 0);
    NEED(s, r->nic.state == VNET_RUNNING);
    dm_net_set_link(rig_net(r), true);
    for (uint32_t i = 0; i < HEALTH_TURNS; i++)
        (void)rig_turn(r);
    NEED(s, vnet_link(&r->nic) == NIC_LINK_UP);
    return true;
}

/* The provider lives: everything that was in flight comes home, frames pass, then it is stopped in order. */
static bool goes_on(struct scene *s)
{
    struct rig *r = &s->rig;
    struct nic_rx_frame frames[NIC_BATCH_MAX];
    if (s->cell.cause == CAUSE_LINK_DOWN && !link_comes_back(s))
        return false;
    dm_hostile_arm(dm_net_hostile(rig_net(r)), DM_ATTACK_NEVER_COMPLETE_TX, 0, 0, 0);
    for (uint16_t i = 0; i < s->lent_count; i++)
        vnet_recycle(&r->nic, &s->lent_frames[i].slot, 1);
    if (s->lent_count != 0)
        vnet_tx_return(&r->nic, &s->lent_slot, 1);
    for (uint32_t i = 0; i < DRAIN_TURNS; i++) {
        (void)rig_turn(r);
        const uint16_t count = vnet_receive(&r->nic, frames, NIC_BATCH_MAX);
        for (uint16_t at = 0; at < count; at++)
            vnet_recycle(&r->nic, &frames[at].slot, 1);
    }
    NEED(s, virtq_outstanding(&r->nic.tx) == 0);
    NEED(s, rig_exchange(r, FRAMES_AGAIN) == FRAMES_AGAIN);
    NEED(s, r->nic.counters.refused == 0);
    (void)rig_stop(r);
    return true;
}

static enum matrix_kind kind_of(const struct scene *s)
{
    const enum vnet_state now = s->rig.nic.state;
    if (!s->opened)
        return KIND_NONE;
    if (takes_claim(s) && s->cell.author == RIG_DIRECT && s->before != VNET_STOPPED &&
        s->before != VNET_QUARANTINED)
        return KIND_LET_GO;
    if (s->before == VNET_STOPPED || s->before == VNET_QUARANTINED)
        return now == s->before ? KIND_KEEPS : KIND_COUNT;
    if (now == VNET_RUNNING)
        return KIND_GOES_ON;
    if (takes_claim(s))
        return KIND_CUT_OFF;
    if (s->cell.cause == CAUSE_REMOVAL)
        return KIND_LOST;
    return s->cell.cause == CAUSE_SHUTDOWN || s->cell.phase == PHASE_STOPPING ? KIND_ORDERLY : KIND_STOPS;
}

/* A second stop does nothing; what was left over is counted by kind, each once (3.3.1). */
static bool stopped_once(struct scene *s)
{
    struct rig *r = &s->rig;
    const struct vnet_leftovers *l = &r->nic.leftovers;
    const struct vnet_counters counters = r->nic.counters;
    const enum vnet_state end = r->nic.state;
    uint32_t sent = 0;
    NEED(s, rig_stop(r) == end);
    NEED(s, memcmp(&counters, &r->nic.counters, sizeof counters) == 0);
    if (s->cell.phase != PHASE_IDLE)
        return true;
    if (s->cell.load == LOAD_ONE)
        sent = 1;
    if (s->cell.load == LOAD_MANY)
        sent = r->config.tx_slots;
    if (s->cell.load == LOAD_UNSEEN)
        sent = 2;
    NEED(s, l->posted + l->used_unseen == r->config.rx_slots - s->lent_count + sent);
    /* What was sent came round; the transmits themselves are completed in one load only. */
    NEED(s, l->used_unseen == (s->cell.load == LOAD_UNSEEN ? 2u * sent : sent));
    NEED(s, l->lent == (s->lent_count != 0 ? s->lent_count + 1u : 0u));
    NEED(s, l->half_published == 0);
    return true;
}

/* The cause, and everything that the provider does about it. */
static bool live_through(struct scene *s)
{
    struct rig *r = &s->rig;
    const bool posting = s->cell.phase >= PHASE_ARM && s->cell.phase <= PHASE_TRAFFIC;
    if (s->cell.load == LOAD_HALF && posting) {
        if (!scene_publish_refused(s, strike))
            return false;
    } else {
        strike(s);
    }
    NEED(s, s->caused);
    if (!s->opened && !takes_claim(s) && s->cell.cause != CAUSE_SHUTDOWN)
        (void)scene_open(s); /* the driver comes, and finds the device like this */
    if (s->opened && !(takes_claim(s) && s->cell.author == RIG_DIRECT))
        drive(s);
    s->result.kind = kind_of(s);
    if (s->result.kind == KIND_GOES_ON && !goes_on(s))
        return false;
    if (s->result.kind == KIND_ORDERLY && s->cell.cause == CAUSE_SHUTDOWN && !stopped_once(s))
        return false;
    const bool ran = s->result.kind != KIND_NONE && s->result.kind != KIND_LET_GO;
    s->result.end = ran ? r->nic.state : VNET_CLOSED;
    s->result.error = s->opened ? r->nic.error : PROVIDER_OK;
    return true;
}

static bool judge_provider(struct scene *s)
{
    const struct matrix_expectation *e = &s->expected;
    const struct matrix_result *got = &s->result;
    const bool error_fits = e->error == MATRIX_ANY ? got->error != PROVIDER_OK
                                                   : got->error == e->error || got->kind == KIND_LET_GO;
    if (got->kind != e->kind || got->end != e->end || !error_fits)
        return scene_wrong(s, "the provider: %s, state %u, %s; expected %s, state %u, %s",
                           matrix_kind_name(got->kind), (unsigned)got->end, provider_error_name(got->error),
                           matrix_kind_name(e->kind), (unsigned)e->end, provider_error_name(e->error));
    NEED(s, s->cell.load != LOAD_HALF || s->rig.nic.leftovers.half_published > 0);
    return true;
}

/* The end of the claim where the cause was not that, then of the owner. */
static bool leave(struct scene *s)
{
    struct rig *r = &s->rig;
    const enum vnet_state state = r->nic.state;
    if (!takes_claim(s)) {
        scene_note_handles(s);
        s->pages = pages_known(s);
    }
    if (s->opened && s->result.kind != KIND_LET_GO)
        NEED(s, vnet_close(&r->nic) == PROVIDER_OK);
    if (!takes_claim(s))
        s->release = release_claim(s, !s->opened || state == VNET_STOPPED);
    if (s->cell.author == RIG_BROKERED && !scene_old_handles_refused(s))
        return false;
    if (r->owner) { /* T12: as long as it lives it pays for what is kept */
        const uint32_t kept = kernel_usage(r->kernel).pages_quarantined;
        NEED(s, kernel_usage(r->kernel).budget_used[BUDGET_POOL_PAGES] == kept);
        owner_exit(r->kernel, r->owner);
        r->owner = NULL;
    }
    if (ends_owner(s)) /* no reply tells: the usage will */
        s->release.error = kernel_usage(r->kernel).quarantined_devices == 0 ? DEV_OK : DEV_E_UNCONFIRMED;
    NEED(s, rig_drain_audit(r));
    return true;
}

static bool play(struct scene *s)
{
    if (s->expected.kind == KIND_IMPOSSIBLE)
        return scene_show_impossible(s);
    if (!scene_reach(s))
        return false;
    scene_note_handles(s);
    if (s->cell.phase != PHASE_STOPPING)
        scene_confirm(s);
    return live_through(s) && judge_provider(s) && leave(s) && scene_check_after(s) && scene_live_again(s);
}

struct matrix_result matrix_play(const struct matrix_cell *cell, struct rig_lent *lent)
{
    static struct scene s; /* large; every field is set anew */
    struct rig_config config = rig_defaults(cell->transport, cell->author);
    memset(&s, 0, sizeof s);
    s.cell = *cell;
    s.expected = matrix_expect(cell);
    config.lent = lent;
    config.world.traced = true;
    config.interrupts = cell->author == RIG_BROKERED;
    rig_open(&s.rig, &config);
    (void)play(&s);
    if (rig_complaints(&s.rig) != 0)
        (void)scene_wrong(&s, "complaint: %s", rig_complaint(&s.rig));
    rig_close(&s.rig);
    return s.result;
}
