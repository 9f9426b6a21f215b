/* SPDX-License-Identifier: BSD-2-Clause */
/* How a cell's phase and load are reached, and how it is shown that they cannot meet. */
#include "tests/teardown/matrix.h"

#include <string.h>

#include "provider/tables.h"

#define LATE_READS        7u
#define TOO_LATE_READS    (2u * VNET_RESET_POLLS_MAX) /* within the kernel's bound */
#define MANY_WHILE_ARMING 7u /* of 16 */
#define STEPS_MAX         64u
#define LENT_FRAMES       3u
#define GONE              0xffu

void scene_confirm(struct scene *s)
{
    struct dm_hostile *h = dm_net_hostile(rig_net(&s->rig));
    dm_hostile_arm(h, DM_ATTACK_RESET_NEVER, 0, 0, 0);
    dm_hostile_arm(h, DM_ATTACK_RESET_LATE, 0, 0, 0);
    if (s->cell.confirm == CONFIRM_LATE || s->cell.confirm == CONFIRM_TOO_LATE)
        dm_hostile_arm(h, DM_ATTACK_RESET_LATE, 0, UINT32_MAX,
                       s->cell.confirm == CONFIRM_LATE ? LATE_READS : TOO_LATE_READS);
    if (s->cell.confirm == CONFIRM_NEVER)
        dm_hostile_arm(h, DM_ATTACK_RESET_NEVER, 0, UINT32_MAX, 0);
}

static void hold_transmits(struct scene *s, bool hold)
{
    dm_hostile_arm(dm_net_hostile(rig_net(&s->rig)), DM_ATTACK_NEVER_COMPLETE_TX, 0, hold ? UINT32_MAX : 0,
                   0);
}

enum provider_error scene_open(struct scene *s)
{
    struct rig *r = &s->rig;
    if (s->cell.phase == PHASE_CLAIMED && rig_fund(r, &s->env) != PROVIDER_OK)
        return PROVIDER_E_MEMORY;
    if (s->cell.phase == PHASE_BOUND)
        s->env.registers.ops->close(s->env.registers.ctx);
    faulty_between(&s->faulty, &s->env, UINT32_MAX);
    enum provider_error error = vnet_open(&r->nic, &s->env);
    s->opened = error == PROVIDER_OK;
    return error;
}

/* With the provider at a given step, that step not yet done. */
static bool start_until(struct scene *s, enum vnet_step step)
{
    struct rig *r = &s->rig;
    for (uint32_t i = 0; i < STEPS_MAX; i++) {
        if (r->nic.state == VNET_STARTING && r->nic.step == step)
            return true;
        (void)rig_turn(r);
    }
    return scene_wrong(s, "step %u was not reached", (unsigned)step);
}

static bool bind_only(struct scene *s)
{
    struct virtio_probe probe = virtio_probe_function(&s->rig.info);
    const struct reg_table *table =
        probe.kind == VIRTIO_MODERN ? &virtio_net_modern_table : &virtio_net_legacy_table;
    NEED(s, s->env.registers.ops->open(s->env.registers.ctx, table, probe.windows) == PROVIDER_OK);
    return true;
}

/* Receive buffers posted as far as `count`, two of them used when asked for. */
static bool load_arming(struct scene *s)
{
    static const uint8_t frame[64] = {1};
    struct rig *r = &s->rig;
    uint16_t count = 0;
    if (s->cell.load == LOAD_ONE)
        count = 1;
    else if (s->cell.load != LOAD_NOTHING && s->cell.load != LOAD_HALF)
        count = MANY_WHILE_ARMING;
    if (count != 0)
        (void)vnet_poll(&r->nic, platform_now_ns(&r->world.platform), count);
    platform_relax(&r->world.platform); /* the device takes them in */
    NEED(s, r->nic.state == VNET_STARTING && r->nic.step == VNET_STEP_ARM);
    NEED(s, virtq_outstanding(&r->nic.rx) == count);
    if (s->cell.load != LOAD_UNSEEN && s->cell.load != LOAD_LENT)
        return true;
    for (uint32_t i = 0; i < 2; i++)
        NEED(s, dm_net_deliver(rig_net(r), frame, sizeof frame));
    platform_relax(&r->world.platform);
    NEED(s, virtq_used_unseen(&r->nic.rx) == 2);
    return true;
}

/* `count` frames that the device has fetched and does not complete. */
static bool load_in_flight(struct scene *s, uint16_t count)
{
    struct rig *r = &s->rig;
    hold_transmits(s, true);
    for (uint16_t i = 0; i < count; i++)
        NEED(s, rig_send(r, 60, (uint8_t)i));
    for (uint32_t i = 0; i < 2; i++)
        platform_relax(&r->world.platform);
    NEED(s, virtq_outstanding(&r->nic.tx) == count && virtq_used_unseen(&r->nic.tx) == 0);
    NEED(s, dm_net_counts(rig_net(r)).in_flight > 0);
    return true;
}

static bool load_lent(struct scene *s)
{
    struct rig *r = &s->rig;
    for (uint8_t i = 0; i < LENT_FRAMES; i++)
        NEED(s, rig_send(r, 60, i));
    for (uint32_t i = 0; i < 16 && s->lent_count < LENT_FRAMES; i++) {
        (void)rig_turn(r);
        s->lent_count = (uint16_t)(s->lent_count + vnet_receive(&r->nic, s->lent_frames + s->lent_count,
                                                                (uint16_t)(4u - s->lent_count)));
    }
    NEED(s, s->lent_count == LENT_FRAMES);
    NEED(s, vnet_tx_take(&r->nic, &s->lent_slot, 1) == 1);
    NEED(s, r->nic.rx_lent == LENT_FRAMES && r->nic.tx_lent == 1);
    return true;
}

static bool load_unseen(struct scene *s)
{
    struct rig *r = &s->rig;
    for (uint8_t i = 0; i < 2; i++)
        NEED(s, rig_send(r, 60, i));
    for (uint32_t i = 0; i < 4; i++)
        platform_relax(&r->world.platform);
    NEED(s, virtq_used_unseen(&r->nic.tx) == 2 && virtq_used_unseen(&r->nic.rx) == 2);
    return true;
}

bool scene_publish_refused(struct scene *s, void (*meanwhile)(void *ctx))
{
    struct rig *r = &s->rig;
    s->faulty.fail_at = s->faulty.calls;
    s->faulty.meanwhile = meanwhile;
    s->faulty.meanwhile_ctx = s;
    if (r->nic.state == VNET_STARTING)
        (void)rig_turn(r);
    else
        (void)rig_send(r, 60, 1);
    NEED(s, s->faulty.failed != NULL && strcmp(s->faulty.failed, "publish") == 0);
    NEED(s, r->nic.leftovers.half_published > 0);
    NEED(s, r->nic.state == VNET_STOPPING || r->nic.state == VNET_QUARANTINED);
    return true;
}

static bool load_running(struct scene *s)
{
    switch (s->cell.load) {
    case LOAD_ONE:
        return load_in_flight(s, 1);
    case LOAD_MANY:
        return load_in_flight(s, s->rig.config.tx_slots);
    case LOAD_UNSEEN:
        return load_unseen(s);
    case LOAD_LENT:
        return load_lent(s);
    default:
        NEED(s, virtq_outstanding(&s->rig.nic.tx) == 0);
        return true;
    }
}

/* From RUNNING to where the cell says: the reset of the way out is written there, or behind it. */
static bool leave_running(struct scene *s)
{
    struct rig *r = &s->rig;
    const bool refused = s->cell.load == LOAD_HALF;
    if (s->cell.phase == PHASE_QUARANTINED)
        dm_hostile_arm(dm_net_hostile(rig_net(r)), DM_ATTACK_RESET_NEVER, 0, UINT32_MAX, 0);
    else if (s->cell.phase == PHASE_STOPPING)
        scene_confirm(s);
    if (refused && !scene_publish_refused(s, NULL))
        return false;
    if (!refused)
        vnet_stop(&r->nic);
    if (s->cell.phase == PHASE_STOPPING) {
        NEED(s, r->nic.state == VNET_STOPPING);
        return true;
    }
    const enum vnet_state end = rig_stop(r);
    NEED(s, end == (s->cell.phase == PHASE_STOPPED ? VNET_STOPPED : VNET_QUARANTINED));
    return true;
}

static bool reach_running(struct scene *s)
{
    struct rig *r = &s->rig;
    NEED(s, rig_start(r) == VNET_RUNNING);
    NEED(s, rig_exchange(r, s->cell.phase == PHASE_TRAFFIC ? 2u * r->config.tx_slots : 2u) > 1);
    (void)rig_turn(r); /* the last transmit is taken in */
    if (!load_running(s))
        return false;
    return s->cell.phase <= PHASE_TRAFFIC || leave_running(s);
}

bool scene_reach(struct scene *s)
{
    static const enum vnet_step steps[] = {
        [PHASE_ACKNOWLEDGE] = VNET_STEP_ACKNOWLEDGE, [PHASE_FEATURES] = VNET_STEP_FEATURES,
        [PHASE_CONFIG] = VNET_STEP_CONFIG,           [PHASE_DMA] = VNET_STEP_DMA,
        [PHASE_QUEUES] = VNET_STEP_QUEUES,           [PHASE_BUFFERS] = VNET_STEP_BUFFERS,
        [PHASE_DRIVER_OK] = VNET_STEP_DRIVER_OK,     [PHASE_ARM] = VNET_STEP_ARM,
    };
    const enum matrix_phase phase = s->cell.phase;
    NEED(s, rig_claim_function(&s->rig) == PROVIDER_OK);
    if (phase == PHASE_CLAIMED)
        return true;
    NEED(s, rig_fund(&s->rig, &s->env) == PROVIDER_OK);
    if (phase == PHASE_POOLED)
        return true;
    if (phase == PHASE_BOUND)
        return bind_only(s);
    NEED(s, scene_open(s) == PROVIDER_OK);
    if (phase == PHASE_RESETTING)
        return true;
    if (phase >= PHASE_IDLE)
        return reach_running(s);
    return start_until(s, steps[phase]) && (phase != PHASE_ARM || load_arming(s));
}

/* Nothing is in flight, whatever is tried: not in the provider, not in the kernel, not in the device. */
static bool nothing_moves(struct scene *s)
{
    static const uint8_t frame[64] = {1};
    struct rig *r = &s->rig;
    struct nic_rx_frame out[2];
    const struct nic_tx_frame none = {0, 60};
    uint16_t slot = 0;
    const uint32_t half = r->nic.leftovers.half_published;
    (void)dm_net_deliver(rig_net(r), frame, sizeof frame);
    for (uint32_t i = 0; i < 3; i++)
        platform_relax(&r->world.platform);
    NEED(s, vnet_tx_take(&r->nic, &slot, 1) == 0);
    NEED(s, vnet_send(&r->nic, &none, 1) == 0);
    NEED(s, vnet_receive(&r->nic, out, 2) == 0);
    NEED(s, r->nic.leftovers.half_published == half);
    NEED(s, kernel_usage(r->kernel).outstanding_publications == 0);
    NEED(s, dm_net_counts(rig_net(r)).in_flight == 0);
    return true;
}

/* STOPPED came of a life with this load: it is counted, and nothing of it is left. */
static bool nothing_left(struct scene *s)
{
    struct rig *r = &s->rig;
    const struct vnet_leftovers *l = &r->nic.leftovers;
    const struct kernel_usage usage = kernel_usage(r->kernel);
    NEED(s, s->cell.load != LOAD_UNSEEN || l->used_unseen == 4);
    NEED(s, s->cell.load != LOAD_LENT || l->lent == LENT_FRAMES + 1u);
    NEED(s, s->cell.load != LOAD_HALF || l->half_published == 1);
    NEED(s, s->cell.load != LOAD_ONE || l->posted > 0);
    NEED(s, s->cell.load != LOAD_MANY || l->posted >= r->config.tx_slots);
    if (s->cell.author == RIG_BROKERED)
        NEED(s, usage.queues == 0 && usage.buffers == 0);
    else
        NEED(s, author_direct_used(&r->author_direct) == 0);
    for (uint16_t i = 0; i < s->lent_count; i++)
        vnet_recycle(&r->nic, &s->lent_frames[i].slot, 1); /* the client did not know yet */
    return nothing_moves(s);
}

static bool is_gone(struct scene *s)
{
    struct rig *r = &s->rig;
    uint8_t status = 0;
    dm_net_remove(rig_net(r));
    NEED(s, platform_pci_read(&r->world.platform, r->bdf, 0, 4) == UINT32_MAX);
    if (!s->opened || r->nic.state == VNET_STOPPED)
        return true;
    for (uint32_t i = 0; i < 2u * LATE_READS; i++) {
        NEED(s, r->nic.transport->status_read(&s->env.registers, &status) == PROVIDER_OK);
        NEED(s, status == GONE);
    }
    return true;
}

bool scene_show_impossible(struct scene *s)
{
    const struct matrix_cell *c = &s->cell;
    if (c->author == RIG_DIRECT && (c->cause == CAUSE_CRASH || c->cause == CAUSE_EXIT)) {
        NEED(s, rig_claim_function(&s->rig) == PROVIDER_OK);
        NEED(s, s->rig.owner == NULL && kernel_usage(s->rig.kernel).owners == 0);
        return true;
    }
    if (!scene_reach(s))
        return false;
    if (c->phase <= PHASE_DRIVER_OK && c->load != LOAD_NOTHING)
        return nothing_moves(s);
    if (c->phase == PHASE_STOPPED && c->load != LOAD_NOTHING)
        return nothing_left(s);
    if (c->phase == PHASE_ARM && c->load == LOAD_LENT) {
        struct nic_rx_frame out[2];
        NEED(s, vnet_receive(&s->rig.nic, out, 2) == 0 && s->rig.nic.rx_lent == 0);
        return true;
    }
    if (c->cause == CAUSE_REMOVAL)
        return is_gone(s);
    NEED(s, c->load == LOAD_HALF);
    if (!scene_publish_refused(s, NULL))
        return false;
    NEED(s, s->rig.nic.state == VNET_STOPPING);
    return true;
}
