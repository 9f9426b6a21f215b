/* SPDX-License-Identifier: BSD-2-Clause */
/* A bind that fails at each of its steps, for each of the reasons that a step can have: refused by the seam,
 * by a budget, by a pool that is used up, by a full audit log. Rolled back exactly: usage is compared byte
 * for byte. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/rig.h"
#include "tests/teardown/faulty.h"

#define CALLS_MAX 400u /* of one bind and its undoing */

static char scene_text[160];
#define CHECK(condition) cr_assert(condition, "%s: %s", scene_text, #condition)

static const char *const transports[] = {"legacy", "modern"};
static const char *const authors[] = {"brokered", "direct"};

/* The direct driver could not confirm its reset: its device is reset by hand, then released. */
static void release_by_force(struct rig *r)
{
    CHECK(rig_reset_by_hand(r));
    CHECK(device_reply_ok(device_release_quarantine(r->kernel, r->bdf)));
}

static void live_again(struct rig *r)
{
    CHECK(rig_attach(r) == PROVIDER_OK);
    CHECK(rig_start(r) == VNET_RUNNING);
    CHECK(rig_exchange(r, 3) == 3);
    CHECK(rig_stop(r) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(r)));
    CHECK(rig_usage_restored(r));
}

/* What the provider took is back already when it says STOPPED: only claim and memory are held. Bus mastering
 * of a brokered function goes off with its claim. */
static void check_rolled_back(struct rig *r, const struct kernel_usage *claimed)
{
    struct kernel_usage now = kernel_usage(r->kernel);
    now.bus_masters_on = claimed->bus_masters_on;
    CHECK(rig_usage_same(&now, claimed));
    if (r->config.author == RIG_DIRECT)
        CHECK(author_direct_used(&r->author_direct) == 0);
}

/* The n-th call of the seams fails. False: the whole life took fewer calls. */
static bool fail_call(enum dm_transport transport, enum rig_author author, uint32_t n)
{
    struct rig rig;
    struct faulty faulty;
    struct vnet_env env;
    const struct rig_config config = rig_defaults(transport, author);
    rig_open(&rig, &config);
    CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
    struct kernel_usage claimed = kernel_usage(rig.kernel);
    faulty_between(&faulty, &env, n);
    enum provider_error opened = vnet_open(&rig.nic, &env);
    if (opened == PROVIDER_OK && rig_start(&rig) == VNET_RUNNING)
        (void)rig_exchange(&rig, 2);
    if (opened == PROVIDER_OK)
        (void)rig_stop(&rig);
    snprintf(scene_text, sizeof scene_text, "%s, %s, call %u: %s of row %u", transports[transport],
             authors[author], n, faulty.failed ? faulty.failed : "none", faulty.failed_row);
    enum vnet_state state = rig.nic.state;
    enum provider_error error = opened == PROVIDER_OK ? rig.nic.error : opened;
    bool failed = faulty.failed != NULL;
    CHECK((error != PROVIDER_OK) == failed);
    CHECK(state == VNET_STOPPED || state == VNET_QUARANTINED ||
          (state == VNET_CLOSED && opened != PROVIDER_OK));
    if (state != VNET_QUARANTINED)
        check_rolled_back(&rig, &claimed);
    struct device_reply release = rig_take_back(&rig);
    /* A broker resets the device itself, whatever its driver could not find out. */
    if (state == VNET_QUARANTINED && author == RIG_DIRECT) {
        CHECK(release.error == DEV_E_UNCONFIRMED);
        release_by_force(&rig);
    } else {
        CHECK(device_reply_ok(release));
    }
    CHECK(rig_usage_restored(&rig));
    live_again(&rig);
    cr_assert(rig_complaints(&rig) == 0, "%s: %s", scene_text, rig_complaint(&rig));
    rig_close(&rig);
    return failed;
}

Test(bind_steps, each_failing_step_is_rolled_back_exactly)
{
    for (unsigned at = 0; at < 4; at++) {
        uint32_t n = 0;
        while (fail_call((enum dm_transport)(at & 1u), (enum rig_author)(at >> 1), n)) {
            n++;
            cr_assert(n < CALLS_MAX);
        }
        cr_assert(n > 40, "a bind of %u calls", n);
        printf("%s, %s: %u calls failed one by one\n", transports[at & 1u], authors[at >> 1], n);
    }
}

/* What a whole life of this configuration holds at its height. */
static struct kernel_usage height(enum dm_transport transport)
{
    struct rig rig;
    const struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    rig_open(&rig, &config);
    CHECK(rig_attach(&rig) == PROVIDER_OK);
    CHECK(rig_start(&rig) == VNET_RUNNING);
    struct kernel_usage usage = kernel_usage(rig.kernel);
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(device_reply_ok(rig_take_back(&rig)));
    rig_close(&rig);
    return usage;
}

/* The owner may hold `limit` of `kind`: enough, or the bind fails where it meets the limit. */
static void bind_within(enum dm_transport transport, enum budget_kind kind, uint32_t limit, uint32_t needed)
{
    struct rig rig;
    struct vnet_env env;
    struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    config.limits.limit[kind] = limit;
    snprintf(scene_text, sizeof scene_text, "%s, %u of %u of budget %u", transports[transport], limit, needed,
             (unsigned)kind);
    rig_open(&rig, &config);
    enum provider_error error = rig_claim(&rig, &env);
    struct kernel_usage claimed = kernel_usage(rig.kernel);
    bool opened = error == PROVIDER_OK && vnet_open(&rig.nic, &env) == PROVIDER_OK;
    bool runs = opened && rig_start(&rig) == VNET_RUNNING;
    CHECK(runs == (limit >= needed));
    if (!runs && error == PROVIDER_OK) {
        CHECK(rig.nic.state == VNET_STOPPED || rig.nic.state == VNET_CLOSED ||
              rig_stop(&rig) == VNET_STOPPED);
        check_rolled_back(&rig, &claimed);
        CHECK(kernel_stats(rig.kernel)->exceptions[CAP_EX_BUDGET] > 0);
    }
    if (runs)
        CHECK(rig_stop(&rig) == VNET_STOPPED);
    (void)rig_take_back(&rig);
    CHECK(rig_usage_restored(&rig));
    rig.config.limits = budget_limits_generous();
    live_again(&rig);
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

Test(bind_steps, each_budget_one_short_is_rolled_back_exactly)
{
    for (unsigned transport = 0; transport < 2; transport++) {
        snprintf(scene_text, sizeof scene_text, "%s", transports[transport]);
        struct kernel_usage full = height((enum dm_transport)transport);
        for (unsigned kind = 0; kind < BUDGET_COUNT; kind++)
            for (uint32_t limit = 0; limit <= full.budget_used[kind] && limit < 16; limit++)
                bind_within((enum dm_transport)transport, (enum budget_kind)kind, limit,
                            full.budget_used[kind]);
    }
}

/* A pool of each size below what is needed: memory runs out at each piece in turn. */
Test(bind_steps, each_pool_too_small_is_rolled_back_exactly)
{
    for (unsigned at = 0; at < 4; at++) {
        struct rig rig;
        struct rig_config config = rig_defaults((enum dm_transport)(at & 1u), (enum rig_author)(at >> 1));
        /* Two rings, two buffers of eight. Only a dense ring has one page. */
        uint32_t needed = (at & 1u) != 0 && (at >> 1) == RIG_DIRECT ? 18 : 20;
        for (uint32_t pages = 1; pages <= needed; pages++) {
            struct vnet_env env;
            snprintf(scene_text, sizeof scene_text, "%s, %s, %u pages", transports[at & 1u], authors[at >> 1],
                     pages);
            config.pool_pages = pages;
            rig_open(&rig, &config);
            CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
            struct kernel_usage claimed = kernel_usage(rig.kernel);
            CHECK(vnet_open(&rig.nic, &env) == PROVIDER_OK);
            bool runs = rig_start(&rig) == VNET_RUNNING;
            CHECK(runs == (pages == needed));
            CHECK(rig_stop(&rig) == VNET_STOPPED);
            CHECK(rig.nic.error == (runs ? PROVIDER_OK : PROVIDER_E_MEMORY));
            check_rolled_back(&rig, &claimed);
            CHECK(device_reply_ok(rig_take_back(&rig)));
            CHECK(rig_usage_restored(&rig));
            CHECK(rig_complaints(&rig) == 0);
            rig_close(&rig);
        }
    }
}

/* All but `left` of the kernel's buffer records are taken by the same owner. */
static void with_buffers_left(enum dm_transport transport, uint32_t left)
{
    struct rig rig;
    struct vnet_env env;
    struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    config.pool_pages = BUFFERS_MAX + 40;
    snprintf(scene_text, sizeof scene_text, "%s, %u buffer records left", transports[transport], left);
    rig_open(&rig, &config);
    CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
    const struct device_authority *a = &rig.authority;
    for (uint32_t i = 0; i < BUFFERS_MAX - left; i++)
        CHECK(device_reply_ok(a->ops->buffer_create(a->ctx, rig.pool, 64, DMA_TO_DEVICE)));
    struct kernel_usage claimed = kernel_usage(rig.kernel);
    CHECK(vnet_open(&rig.nic, &env) == PROVIDER_OK);
    CHECK((rig_start(&rig) == VNET_RUNNING) == (left >= 2));
    CHECK(rig_stop(&rig) == VNET_STOPPED);
    CHECK(rig.nic.error == (left >= 2 ? PROVIDER_OK : PROVIDER_E_MEMORY));
    CHECK(kernel_stats(rig.kernel)->exceptions[CAP_EX_EXHAUSTED] == (left >= 2 ? 0u : 1u));
    check_rolled_back(&rig, &claimed);
    CHECK(device_reply_ok(rig_take_back(&rig)));
    CHECK(rig_usage_restored(&rig));
    CHECK(rig_complaints(&rig) == 0);
    rig_close(&rig);
}

Test(bind_steps, used_up_records_are_rolled_back_exactly)
{
    for (unsigned transport = 0; transport < 2; transport++)
        for (uint32_t left = 0; left <= 2; left++)
            with_buffers_left((enum dm_transport)transport, left);
}

/* No room in the audit log for what a bind would record: it fails, is undone (ends have their room), and
 * works again once a consumer took records out. */
Test(bind_steps, full_audit_log_blocks_a_bind_and_nothing_else)
{
    struct rig rig;
    struct vnet_env env;
    const struct rig_config config = rig_defaults(DM_MODERN, RIG_BROKERED);
    uint32_t refused_at_open = 0;
    uint32_t refused_later = 0;
    for (uint32_t room = 0; room < 24; room++) {
        snprintf(scene_text, sizeof scene_text, "%u records of room", room);
        rig_open(&rig, &config);
        CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
        const struct device_authority *a = &rig.authority;
        struct device_reply reply = {0};
        cap_id buffer = CAP_NONE;
        for (uint32_t i = 0; i < AUDIT_RECORDS_MAX && reply.exception != CAP_EX_AUDIT_FULL; i++) {
            reply = a->ops->buffer_create(a->ctx, rig.pool, 64, DMA_TO_DEVICE);
            if (device_reply_ok(reply)) {
                buffer = reply.cap;
                CHECK(device_reply_ok(a->ops->buffer_destroy(a->ctx, buffer)));
            }
        }
        CHECK(reply.exception == CAP_EX_AUDIT_FULL);
        struct audit_record records[24];
        CHECK(kernel_audit_drain(rig.kernel, records, room) == room);
        struct kernel_usage claimed = kernel_usage(rig.kernel);
        enum provider_error opened = vnet_open(&rig.nic, &env);
        bool runs = opened == PROVIDER_OK && rig_start(&rig) == VNET_RUNNING;
        refused_at_open += opened != PROVIDER_OK;
        refused_later += opened == PROVIDER_OK && !runs;
        if (opened == PROVIDER_OK)
            CHECK(rig_stop(&rig) == VNET_STOPPED);
        check_rolled_back(&rig, &claimed);
        vnet_close(&rig.nic);
        CHECK(device_reply_ok(a->ops->release(a->ctx, rig.device)));
        owner_exit(rig.kernel, rig.owner);
        CHECK(rig_usage_restored(&rig));
        CHECK(rig_complaints(&rig) == 0);
        rig_close(&rig);
    }
    cr_assert(refused_at_open > 0);
    cr_assert(refused_later > 0);
}

/* The handle table of an owner is full: the same. */
Test(bind_steps, each_missing_handle_slot_is_rolled_back_exactly)
{
    for (uint32_t left = 0; left < 6; left++) {
        struct rig rig;
        struct vnet_env env;
        struct rig_config config = rig_defaults(DM_MODERN, RIG_BROKERED);
        config.pool_pages = 64;
        snprintf(scene_text, sizeof scene_text, "%u slots left", left);
        config.limits.limit[BUDGET_CAP_SLOTS] = 2 + left;
        rig_open(&rig, &config);
        CHECK(rig_claim(&rig, &env) == PROVIDER_OK);
        struct kernel_usage claimed = kernel_usage(rig.kernel);
        enum provider_error opened = vnet_open(&rig.nic, &env);
        bool runs = opened == PROVIDER_OK && rig_start(&rig) == VNET_RUNNING;
        CHECK(runs == (left >= 5)); /* registers, two queues, two buffers */
        if (opened == PROVIDER_OK)
            CHECK(rig_stop(&rig) == VNET_STOPPED);
        check_rolled_back(&rig, &claimed);
        CHECK(device_reply_ok(rig_take_back(&rig)));
        CHECK(rig_usage_restored(&rig));
        rig_close(&rig);
    }
}
