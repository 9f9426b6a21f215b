/* SPDX-License-Identifier: BSD-2-Clause */
/* Teardown from each state, in each way, with the reset confirmed at once, late, too late for the driver, or
 * never: everything back as it was, or exactly the pages in quarantine that the device still knows. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "provider/tables.h"
#include "tests/support/rig.h"

enum state {
    CLAIMED = 0,
    POOLED, /* claimed, with memory, no register open */
    OPENED, /* registers open, none written */
    RESETTING, /* reset written, not yet read back */
    ACKNOWLEDGED,
    NEGOTIATED,
    PROGRAMMED, /* queues known to the device */
    BUFFERED,
    DRIVING, /* DRIVER_OK, nothing posted */
    RUNNING_IDLE, /* receive armed, nothing sent */
    RUNNING_ONE, /* one transmit in flight */
    RUNNING_FULL, /* all transmit slots in flight */
    RUNNING_LENT, /* received frames and a transmit slot in the caller's hands */
    STATE_COUNT
};
static const char *const state_names[STATE_COUNT] = {
    "claimed",  "pooled",  "opened",     "resetting",  "acknowledged", "negotiated",    "programmed",
    "buffered", "driving", "running, 0", "running, 1", "running, all", "running, lent",
};

enum way { STOP = 0, STOP_TWICE, RELEASE, KILL, WAY_COUNT };
static const char *const way_names[WAY_COUNT] = {"stop", "stop twice", "release", "kill"};

enum confirm { AT_ONCE = 0, LATE, TOO_LATE, NEVER, CONFIRM_COUNT };
static const char *const confirm_names[CONFIRM_COUNT] = {"at once", "late", "too late for the driver",
                                                         "never"};

#define LATE_READS     7u
#define TOO_LATE_READS (2u * VNET_RESET_POLLS_MAX) /* within the kernel's bound */

struct scene {
    enum state state;
    enum way way;
    enum confirm confirm;
    enum rig_author author;
    enum dm_transport transport;
};

static char scene_text[160];

static void name_scene(const struct scene *s)
{
    snprintf(scene_text, sizeof scene_text, "%s, %s, confirmed %s, %s, %s", state_names[s->state],
             way_names[s->way], confirm_names[s->confirm], s->author == RIG_DIRECT ? "direct" : "brokered",
             s->transport == DM_LEGACY ? "legacy" : "modern");
}

#define CHECK(condition) cr_assert(condition, "%s: %s", scene_text, #condition)

static void arm(struct rig *r, enum dm_attack attack, uint64_t value)
{
    dm_hostile_arm(dm_net_hostile(rig_net(r)), attack, 0, UINT32_MAX, value);
}

/* Polls a starting provider until it has done every step before `step`. */
static void start_until(struct rig *r, enum vnet_step step)
{
    for (uint32_t i = 0; i < 64; i++) {
        if (r->nic.state == VNET_STARTING && r->nic.step >= step)
            return;
        (void)rig_turn(r);
    }
    CHECK(!"the step is reached");
}

/* Frames back and not recycled, one transmit slot taken and not sent. */
static void lend(struct rig *r)
{
    struct nic_rx_frame frames[4];
    uint16_t slot;
    uint16_t got = 0;
    for (uint8_t i = 0; i < 3; i++)
        CHECK(rig_send(r, 60, i));
    for (uint32_t i = 0; i < 16 && got < 3; i++) {
        (void)rig_turn(r);
        got = (uint16_t)(got + vnet_receive(&r->nic, frames, 4));
    }
    CHECK(got == 3);
    CHECK(vnet_tx_take(&r->nic, &slot, 1) == 1);
}

static void run(struct rig *r, enum state state)
{
    CHECK(rig_start(r) == VNET_RUNNING);
    if (state == RUNNING_LENT)
        lend(r);
    if (state != RUNNING_ONE && state != RUNNING_FULL)
        return;
    arm(r, DM_ATTACK_NEVER_COMPLETE_TX, 0);
    uint32_t count = state == RUNNING_ONE ? 1u : r->config.tx_slots;
    for (uint32_t i = 0; i < count; i++)
        CHECK(rig_send(r, 60, (uint8_t)i));
    for (uint32_t i = 0; i < 4; i++)
        (void)rig_turn(r);
    CHECK(virtq_outstanding(&r->nic.tx) == count);
}

static void claim_only(struct rig *r)
{
    if (r->config.author == RIG_DIRECT) {
        CHECK(device_reply_ok(kernel_direct_claim(r->kernel, r->bdf, &r->direct)));
    } else {
        r->owner = owner_create(r->kernel, &r->config.limits);
        r->authority = kernel_authority(&r->binding, r->kernel, r->owner);
        struct device_reply reply = r->authority.ops->claim(r->authority.ctx, r->bdf);
        CHECK(device_reply_ok(reply));
        r->device = reply.cap;
    }
    r->claimed = true;
}

static void reach(struct rig *r, enum state state)
{
    static const enum vnet_step steps[STATE_COUNT] = {
        [ACKNOWLEDGED] = VNET_STEP_FEATURES, [NEGOTIATED] = VNET_STEP_CONFIG,
        [PROGRAMMED] = VNET_STEP_BUFFERS,    [BUFFERED] = VNET_STEP_DRIVER_OK,
        [DRIVING] = VNET_STEP_ARM,
    };
    struct vnet_env env;
    if (state == CLAIMED) {
        claim_only(r);
        return;
    }
    CHECK(rig_claim(r, &env) == PROVIDER_OK);
    if (state == POOLED)
        return;
    if (state == OPENED) {
        struct virtio_probe probe = virtio_probe_function(&r->info);
        const struct reg_table *table =
            probe.kind == VIRTIO_MODERN ? &virtio_net_modern_table : &virtio_net_legacy_table;
        CHECK(env.registers.ops->open(env.registers.ctx, table, probe.windows) == PROVIDER_OK);
        return;
    }
    CHECK(vnet_open(&r->nic, &env) == PROVIDER_OK);
    if (state >= RUNNING_IDLE)
        run(r, state);
    else if (state != RESETTING)
        start_until(r, steps[state]);
}

/* Does the device have bits of status to lose? Before ACKNOWLEDGE it reads 0 whatever it does. */
static bool stops_late(const struct scene *s)
{
    return s->state >= ACKNOWLEDGED;
}

/* What the provider may conclude by itself. */
static bool driver_confirms(const struct scene *s)
{
    return !stops_late(s) || s->confirm == AT_ONCE || s->confirm == LATE;
}

/* What the kernel concludes in the end: through a broker it has its own, longer bound. Its own driver's word
 * is all it has of a device that was driven directly, and a release without a stop brings no such word. */
static bool confirmed_in_the_end(const struct scene *s)
{
    bool stopped = s->way == STOP || s->way == STOP_TWICE;
    if (s->author == RIG_BROKERED)
        return !stops_late(s) || s->confirm != NEVER;
    return s->state < RESETTING || (stopped && driver_confirms(s));
}

static void stop(struct rig *r, const struct scene *s)
{
    enum vnet_state expected = driver_confirms(s) ? VNET_STOPPED : VNET_QUARANTINED;
    if (s->state < RESETTING)
        return;
    CHECK(rig_stop(r) == expected);
    if (s->way != STOP_TWICE)
        return;
    struct vnet_counters counters = r->nic.counters;
    CHECK(rig_stop(r) == expected);
    CHECK(memcmp(&counters, &r->nic.counters, sizeof counters) == 0); /* the second stop did nothing */
}

/* Leftovers by kind, of a provider that stopped by itself. */
static void check_leftovers(struct rig *r, const struct scene *s)
{
    const struct vnet_leftovers *l = &r->nic.leftovers;
    uint32_t sent = s->state == RUNNING_ONE ? 1 : s->state == RUNNING_FULL ? r->config.tx_slots : 0;
    uint32_t lent = s->state == RUNNING_LENT ? 3 : 0;
    if (s->state < RUNNING_IDLE)
        return;
    /* Frames went round while one was sent: receive buffers may be used and not seen. */
    CHECK(l->posted + l->used_unseen == r->config.rx_slots - lent + sent);
    CHECK(l->lent == lent + (lent ? 1u : 0u));
    CHECK(l->half_published == 0);
}

static struct device_reply leave(struct rig *r, const struct scene *s)
{
    struct device_reply reply = {0};
    if (s->way == STOP || s->way == STOP_TWICE) {
        stop(r, s);
        check_leftovers(r, s);
        if (s->author == RIG_DIRECT && s->state < RESETTING)
            r->nic.state = VNET_CLOSED; /* nothing was written: there is nothing to confirm */
        return rig_take_back(r);
    }
    if (s->author == RIG_DIRECT) {
        reply = kernel_direct_release(r->kernel, r->bdf, s->state < RESETTING);
    } else if (s->way == KILL) {
        owner_kill(r->kernel, r->owner);
        r->owner = NULL;
        reply.error = confirmed_in_the_end(s) ? DEV_OK : DEV_E_UNCONFIRMED; /* a kill has no reply */
    } else {
        reply = r->authority.ops->release(r->authority.ctx, r->device);
        struct device_reply again = r->authority.ops->release(r->authority.ctx, r->device);
        CHECK(again.exception == CAP_EX_STALE);
        owner_exit(r->kernel, r->owner);
        r->owner = NULL;
    }
    r->claimed = false;
    memset(&r->nic, 0, sizeof r->nic);
    CHECK(rig_drain_audit(r));
    return reply;
}

/* Pages that the device may still know. */
static uint32_t pages_known(const struct rig *r, const struct scene *s)
{
    if (s->author == RIG_DIRECT)
        return s->state == CLAIMED ? 0 : r->config.pool_pages;
    return rig_pages_published(r);
}

/* The kernel's own driver resets what it drove before anybody forces the release: it waits as long as it
 * takes. */
static void reset_by_hand(struct rig *r)
{
    struct virtio_probe probe = virtio_probe_function(&r->info);
    struct platform *p = &r->world.platform;
    const struct reg_window *w = &probe.windows[0];
    bool legacy = probe.kind == VIRTIO_LEGACY;
    uint64_t at = r->direct.bar_address[w->bar] + w->offset + (legacy ? 18u : 20u);
    if (legacy)
        platform_port_write(p, (uint16_t)at, 1, 0);
    else
        platform_mmio_write(p, at, 1, 0);
    for (uint32_t i = 0; i < TOO_LATE_READS; i++)
        if ((legacy ? platform_port_read(p, (uint16_t)at, 1) : platform_mmio_read(p, at, 1)) == 0)
            return;
    CHECK(!"the device resets");
}

/* No claim until the privileged release; then as before. */
static void leave_quarantine(struct rig *r, const struct scene *s, uint32_t pages)
{
    CHECK(rig_try_claim(r).error == DEV_E_QUARANTINED);
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    if (s->author == RIG_DIRECT)
        reset_by_hand(r);
    struct device_reply release = device_release_quarantine(r->kernel, r->bdf);
    CHECK(device_reply_ok(release));
    CHECK(release.value == pages);
    CHECK(device_release_quarantine(r->kernel, r->bdf).error == DEV_E_STATE);
    CHECK(rig_usage_restored(r));
}

static void live_again(struct rig *r)
{
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    CHECK(rig_attach(r) == PROVIDER_OK);
    CHECK(rig_start(r) == VNET_RUNNING);
    CHECK(rig_exchange(r, 5) == 5);
    CHECK(rig_stop(r) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(r)));
    CHECK(rig_usage_restored(r));
}

static void play(const struct scene *s)
{
    struct rig rig;
    const struct rig_config config = rig_defaults(s->transport, s->author);
    name_scene(s);
    rig_open(&rig, &config);
    reach(&rig, s->state);
    uint32_t pages = pages_known(&rig, s);
    if (s->confirm == LATE || s->confirm == TOO_LATE)
        arm(&rig, DM_ATTACK_RESET_LATE, s->confirm == LATE ? LATE_READS : TOO_LATE_READS);
    else if (s->confirm == NEVER)
        arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    struct device_reply reply = leave(&rig, s);
    if (confirmed_in_the_end(s)) {
        CHECK(device_reply_ok(reply));
        CHECK(rig_usage_restored(&rig));
    } else {
        CHECK(reply.error == DEV_E_UNCONFIRMED);
        CHECK(rig_usage_quarantined(&rig, pages));
        leave_quarantine(&rig, s, pages);
    }
    live_again(&rig);
    cr_assert(rig_complaints(&rig) == 0, "%s: %s", scene_text, rig_complaint(&rig));
    rig_close(&rig);
}

static void every_state(enum rig_author author, enum dm_transport transport)
{
    uint32_t ways = author == RIG_DIRECT ? KILL : WAY_COUNT; /* kernel code is nobody's to kill */
    for (uint32_t state = 0; state < STATE_COUNT; state++)
        for (uint32_t way = 0; way < ways; way++)
            for (uint32_t confirm = 0; confirm < CONFIRM_COUNT; confirm++) {
                const struct scene s = {(enum state)state, (enum way)way, (enum confirm)confirm, author,
                                        transport};
                play(&s);
            }
}

Test(teardown_states, every_state_by_every_way_with_every_confirmation_brokered_legacy)
{
    every_state(RIG_BROKERED, DM_LEGACY);
}

Test(teardown_states, every_state_by_every_way_with_every_confirmation_brokered_modern)
{
    every_state(RIG_BROKERED, DM_MODERN);
}

Test(teardown_states, every_state_by_every_way_with_every_confirmation_direct_legacy)
{
    every_state(RIG_DIRECT, DM_LEGACY);
}

Test(teardown_states, every_state_by_every_way_with_every_confirmation_direct_modern)
{
    every_state(RIG_DIRECT, DM_MODERN);
}

static void begin(struct rig *r, unsigned at)
{
    const struct rig_config config =
        rig_defaults(at & 1u ? DM_MODERN : DM_LEGACY, at & 2u ? RIG_DIRECT : RIG_BROKERED);
    snprintf(scene_text, sizeof scene_text, "case %u", at);
    rig_open(r, &config);
    CHECK(rig_attach(r) == PROVIDER_OK);
    CHECK(rig_start(r) == VNET_RUNNING);
    CHECK(rig_exchange(r, 5) == 5);
}

/* A frame through every transmit slot, so that every page of the buffers was named to the device. */
static void use_every_slot(struct rig *r)
{
    struct nic_rx_frame frames[NIC_BATCH_MAX];
    uint16_t back = 0;
    for (uint16_t i = 0; i < r->config.tx_slots; i++)
        CHECK(rig_send(r, 60, (uint8_t)i));
    for (uint32_t turn = 0; turn < 16 && back < r->config.tx_slots; turn++) {
        (void)rig_turn(r);
        uint16_t count = vnet_receive(&r->nic, frames, NIC_BATCH_MAX);
        for (uint16_t i = 0; i < count; i++)
            vnet_recycle(&r->nic, &frames[i].slot, 1);
        back = (uint16_t)(back + count);
    }
    CHECK(back == r->config.tx_slots);
    (void)rig_turn(r); /* the device takes the recycled buffers in */
}

/* The state of every page: a published one stays its function's, nobody's memory is a guard, what is free
 * holds nothing. */
static void check_pages(const struct rig *r)
{
    const struct pages *p = &r->kernel->devices.pages;
    for (uint32_t i = 0; i < p->fresh; i++) {
        const struct page *page = &p->page[i];
        CHECK(page->state != PAGE_ACTIVE || page->sticky != NO_RECORD);
        CHECK(page->state == PAGE_FREE || page->guards == 0);
        CHECK(page->state != PAGE_FREE || page->published == 0);
        CHECK(page->state != PAGE_FREE || page->pool == NO_RECORD);
    }
}

static uint32_t sticky_to(const struct rig *r, uint16_t function)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < r->kernel->devices.pages.fresh; i++)
        count += r->kernel->devices.pages.page[i].sticky == function;
    return count;
}

static uint16_t function_of(const struct rig *r)
{
    for (uint16_t i = 0; i < r->kernel->devices.function_count; i++)
        if (r->kernel->devices.functions[i].info.bdf == r->bdf)
            return i;
    return NO_RECORD;
}

/* The device writes an old receive buffer after its reset was confirmed and everything was given back: the
 * bytes land in pages that nobody but this device's driver will ever hold, and the next holder sees zeroes.
 */
Test(teardown_states, late_write_after_the_reset_lands_in_sticky_pages_only)
{
    for (unsigned at = 0; at < 2; at++) {
        struct rig rig;
        struct vnet_env env;
        begin(&rig, at);
        uint32_t published = rig_pages_published(&rig);
        use_every_slot(&rig);
        CHECK(rig_stop(&rig) == VNET_STOPPED);
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(rig_usage_restored(&rig));
        CHECK(sticky_to(&rig, function_of(&rig)) == published);
        arm(&rig, DM_ATTACK_DMA_AFTER_RESET, 0); /* not armed while it lived: nothing was remembered */
        CHECK(rig_attach(&rig) == PROVIDER_OK);
        CHECK(rig_start(&rig) == VNET_RUNNING);
        use_every_slot(&rig);
        CHECK(rig_stop(&rig) ==
              VNET_STOPPED); /* rings and buffers are back; the claim, a bus master, is not */
        for (uint32_t i = 0; i < 4; i++)
            platform_relax(&rig.world.platform);
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(dm_memory_counts(rig.world.memory).rogue_writes == 1);
        CHECK(sticky_to(&rig, function_of(&rig)) == published);
        check_pages(&rig);

        CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
        struct device_reply buffer =
            rig.authority.ops->buffer_create(rig.authority.ctx, rig.pool, 64 * 4096, DMA_FROM_DEVICE);
        uint32_t bytes = 64 * 4096;
        if (!device_reply_ok(buffer)) {
            bytes = 16 * 4096;
            buffer = rig.authority.ops->buffer_create(rig.authority.ctx, rig.pool, bytes, DMA_FROM_DEVICE);
        }
        CHECK(device_reply_ok(buffer));
        struct device_reply mapped = rig.authority.ops->buffer_map(rig.authority.ctx, buffer.cap);
        const uint8_t *memory = (const uint8_t *)(uintptr_t)mapped.value;
        for (uint32_t i = 0; i < bytes; i++)
            CHECK(memory[i] == 0);
        rig.nic.state = VNET_CLOSED;
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(rig_usage_restored(&rig));
        CHECK(rig_complaints(&rig) == 0);
        rig_close(&rig);
    }
}

/* Two functions: what one of them ever knew is never granted to the other, however much that one asks for. */
Test(teardown_states, published_pages_are_granted_again_to_the_same_function_only)
{
    struct rig rig;
    struct rig_config config = rig_defaults(DM_MODERN, RIG_BROKERED);
    config.world.nic_count = 2;
    config.world.nics[1] = config.world.nics[0];
    snprintf(scene_text, sizeof scene_text, "two functions");
    rig_open(&rig, &config);
    uint16_t first = rig.bdf;
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    use_every_slot(&rig);
    uint32_t published = rig_pages_published(&rig);
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(&rig)));

    uint16_t function = function_of(&rig);
    rig.bdf = (uint16_t)(first + 8u);
    CHECK(function_of(&rig) != NO_RECORD);
    struct vnet_env env;
    CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
    uint32_t granted = 0;
    while (device_reply_ok(
        rig.authority.ops->buffer_create(rig.authority.ctx, rig.pool, DMA_PAGE_BYTES, DMA_TO_DEVICE)))
        granted++;
    CHECK(granted == rig.config.pool_pages);
    const struct pages *p = &rig.kernel->devices.pages;
    for (uint32_t i = 0; i < p->fresh; i++)
        CHECK(p->page[i].sticky != function || p->page[i].state == PAGE_FREE);
    rig.nic.state = VNET_CLOSED;
    CHECK(device_reply_ok(rig_take_back(&rig)));

    rig.bdf = first;
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    CHECK(sticky_to(&rig, function) == published); /* the same pages again, not new ones */
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(&rig)));
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

/* T12: past the cap of quarantined pages nothing is granted any more, to anybody, until somebody releases. */
Test(teardown_states, quarantine_cap_refuses_further_grants)
{
    struct rig rig;
    struct rig_config config = rig_defaults(DM_LEGACY, RIG_BROKERED);
    config.world.nic_count = 2;
    config.world.nics[1] = config.world.nics[0];
    snprintf(scene_text, sizeof scene_text, "quarantine cap");
    rig_open(&rig, &config);
    uint16_t first = rig.bdf;
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    uint32_t pages = rig_pages_published(&rig);
    kernel_set_quarantine_cap(rig.kernel, pages);
    arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    CHECK(rig_stop(&rig) == VNET_QUARANTINED);
    CHECK(rig_take_back(&rig).error == DEV_E_UNCONFIRMED);
    rig.bdf = (uint16_t)(first + 8u);
    CHECK(rig_try_claim(&rig).error == DEV_E_LIMIT);
    kernel_set_quarantine_cap(rig.kernel, pages + 1);
    CHECK(device_reply_ok(rig_try_claim(&rig)));
    kernel_set_quarantine_cap(rig.kernel, pages);
    dm_hostile_clear(dm_net_hostile(rig_net(&rig)));
    CHECK(device_release_quarantine(rig.kernel, first).value == pages);
    CHECK(device_reply_ok(rig_try_claim(&rig)));
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

/* A device that goes on after the release of its quarantine was asked for is still no bus master: its pages
 * are free only because it cannot reach them, and the kernel says so by having read it back. */
Test(teardown_states, quarantine_is_left_by_the_privileged_release_alone)
{
    struct rig rig;
    begin(&rig, 0);
    uint32_t pages = rig_pages_published(&rig);
    arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    owner_kill(rig.kernel, rig.owner);
    rig.owner = NULL;
    CHECK(rig_usage_quarantined(&rig, pages));
    for (uint32_t i = 0; i < 2000; i++) /* no time-out frees it */
        platform_relax(&rig.world.platform);
    for (uint32_t i = 0; i < 5; i++) /* no bind does */
        CHECK(rig_try_claim(&rig).error == DEV_E_QUARANTINED);
    CHECK(rig_drain_audit(&rig));
    CHECK(rig.audited[AUDIT_QUARANTINE] == 1);
    CHECK(rig.audited[AUDIT_QUARANTINE_RELEASE] == 0);
    CHECK(rig_usage_quarantined(&rig, pages));
    check_pages(&rig);
    dm_hostile_clear(dm_net_hostile(rig_net(&rig)));
    CHECK(device_release_quarantine(rig.kernel, rig.bdf).value == pages);
    CHECK(device_release_quarantine(rig.kernel, 0x00f8).error == DEV_E_NO_FUNCTION);
    CHECK(rig_drain_audit(&rig));
    CHECK(rig.audited[AUDIT_QUARANTINE_RELEASE] == 1);
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

/* The owner is killed while its device is in quarantine, and the other way round: the pages are accounted
 * once. */
Test(teardown_states, quarantine_outlives_its_owner)
{
    struct rig rig;
    begin(&rig, 1);
    uint32_t pages = rig_pages_published(&rig);
    arm(&rig, DM_ATTACK_RESET_NEVER, 0);
    CHECK(rig_stop(&rig) == VNET_QUARANTINED);
    CHECK(rig.authority.ops->release(rig.authority.ctx, rig.device).error == DEV_E_UNCONFIRMED);
    CHECK(kernel_usage(rig.kernel).budget_used[BUDGET_POOL_PAGES] ==
          pages); /* T12: its owner goes on paying */
    dm_hostile_clear(dm_net_hostile(rig_net(&rig)));
    CHECK(device_release_quarantine(rig.kernel, rig.bdf).value == pages);
    CHECK(kernel_usage(rig.kernel).budget_used[BUDGET_POOL_PAGES] == 0);
    owner_kill(rig.kernel, rig.owner);
    rig.owner = NULL;
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}
