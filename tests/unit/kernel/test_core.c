/* SPDX-License-Identifier: BSD-2-Clause */
/* kernel/core without any platform: objects, capability tables, budgets, digest, audit, owners. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "kernel/core/owner.h"

_Noreturn void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "assertion failed: %s (%s:%u)\n", expression, file, line);
    abort();
}

static struct core core;
static struct captable a, b;

static void start(void)
{
    memset(&core, 0x5a, sizeof core);
    core_init(&core);
    captable_init(&a, CAP_GENERATION_LIMIT_MAX);
    captable_init(&b, CAP_GENERATION_LIMIT_MAX);
}

static struct object_ref make(uint16_t parent)
{
    return object_create(&core.objects, CAP_IF_DEVICE, 7, 0, parent);
}

TestSuite(core, .init = start);

Test(core, a_derived_object_dies_with_its_source_and_no_other)
{
    struct object_ref root = make(OBJECT_NONE), child = make(root.index), leaf = make(child.index);
    struct object_ref sibling = make(root.index), other = make(OBJECT_NONE);

    cr_assert_eq(object_kill(&core.objects, child.index), 2);
    cr_assert(object_live(&core.objects, root));
    cr_assert_not(object_live(&core.objects, child));
    cr_assert_not(object_live(&core.objects, leaf));
    cr_assert(object_live(&core.objects, sibling));
    cr_assert_eq(object_kill(&core.objects, root.index), 2);
    cr_assert_not(object_live(&core.objects, sibling));
    cr_assert(object_live(&core.objects, other));
    cr_assert_eq(core.objects.live_count, 1);
}

Test(core, a_reused_object_entry_has_a_new_generation)
{
    struct object_ref first = make(OBJECT_NONE), second;

    object_kill(&core.objects, first.index);
    second = make(OBJECT_NONE);
    cr_assert_eq(first.index, second.index);
    cr_assert_not(object_live(&core.objects, first));
    cr_assert(object_live(&core.objects, second));
    cr_assert_eq(object_at(&core.objects, second)->payload, 7);
}

Test(core, an_object_entry_retires_before_its_generation_wraps)
{
    struct object_ref ref = make(OBJECT_NONE);

    core.objects.entries[ref.index].generation = 0xffffffffu;
    object_kill(&core.objects, ref.index);
    cr_assert_eq(core.objects.retired_count, 1);
    cr_assert_neq(make(OBJECT_NONE).index, ref.index);
}

Test(core, the_object_pool_says_when_it_is_used_up)
{
    for (uint32_t i = 1; i < OBJECTS_MAX; i++)
        cr_assert_neq(make(OBJECT_NONE).index, OBJECT_NONE);
    cr_assert_not(object_pool_has_room(&core.objects));
    cr_assert_eq(make(OBJECT_NONE).index, OBJECT_NONE);
    cr_assert_eq(core.objects.live_count, OBJECTS_MAX - 1);
}

Test(core, a_wide_and_deep_tree_dies_whole)
{
    struct object_ref root = make(OBJECT_NONE), at = root;

    for (uint32_t i = 2; i < OBJECTS_MAX; i++) {
        struct object_ref next = make(at.index);

        if (i % 3 == 0)
            at = next;
    }
    cr_assert_eq(object_kill(&core.objects, root.index), OBJECTS_MAX - 1);
    cr_assert_eq(core.objects.live_count, 0);
}

Test(core, null_forged_foreign_and_stale_handles_are_told_apart)
{
    struct object_ref object = make(OBJECT_NONE);
    cap_id id = captable_insert(&a, object, CAP_IF_DEVICE);
    cap_id next = captable_insert(&a, object, CAP_IF_DEVICE);

    cr_assert_eq(captable_lookup(&a, &core.objects, id, CAP_IF_DEVICE).exception, CAP_EX_NONE);
    cr_assert_eq(captable_lookup(&a, &core.objects, CAP_NONE, CAP_IF_DEVICE).exception, CAP_EX_INVALID);
    cr_assert_eq(captable_lookup(&a, &core.objects, (cap_id){0, 1}, CAP_IF_DEVICE).exception, CAP_EX_INVALID);
    cr_assert_eq(captable_lookup(&a, &core.objects, (cap_id){200, 1}, CAP_IF_DEVICE).exception,
                 CAP_EX_INVALID);
    cr_assert_eq(captable_lookup(&a, &core.objects, (cap_id){0xffffffffu, 1}, CAP_IF_DEVICE).exception,
                 CAP_EX_INVALID);
    cr_assert_eq(captable_lookup(&a, &core.objects, (cap_id){CAP_SLOTS_MAX, 1}, CAP_IF_DEVICE).exception,
                 CAP_EX_INVALID);
    cr_assert_eq(captable_lookup(&a, &core.objects, id, CAP_IF_DMA_POOL).exception, CAP_EX_INTERFACE);
    cr_assert_eq(
        captable_lookup(&a, &core.objects, (cap_id){id.index, id.generation + 1}, CAP_IF_DEVICE).exception,
        CAP_EX_STALE);
    cr_assert_eq(captable_lookup(&b, &core.objects, id, CAP_IF_DEVICE).exception, CAP_EX_INVALID);
    cr_assert_eq(captable_remove(&a, &core.objects, id), CAP_EX_NONE);
    cr_assert_eq(captable_lookup(&a, &core.objects, id, CAP_IF_DEVICE).exception, CAP_EX_STALE);
    cr_assert_eq(captable_remove(&a, &core.objects, id), CAP_EX_STALE);
    cr_assert_eq(captable_lookup(&a, &core.objects, (cap_id){id.index, 900}, CAP_IF_DEVICE).exception,
                 CAP_EX_INVALID);
    object_kill(&core.objects, object.index);
    cr_assert_eq(captable_lookup(&a, &core.objects, next, CAP_IF_DEVICE).exception, CAP_EX_STALE);
}

Test(core, t1_a_slot_is_retired_before_its_generation_could_wrap)
{
    struct object_ref object = make(OBJECT_NONE);
    cap_id ids[3];

    captable_init(&a, 3);
    for (uint32_t i = 0; i < 3; i++) {
        ids[i] = captable_insert(&a, object, CAP_IF_DEVICE);
        cr_assert_eq(ids[i].index, ids[0].index);
        cr_assert_eq(captable_remove(&a, &core.objects, ids[i]), CAP_EX_NONE);
    }
    cr_assert_eq(a.retired_count, 1);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert_eq(captable_lookup(&a, &core.objects, ids[i], CAP_IF_DEVICE).exception, CAP_EX_STALE);
    cr_assert_neq(captable_insert(&a, object, CAP_IF_DEVICE).index, ids[0].index);
}

Test(core, t1_a_table_whose_slots_are_all_retired_is_full_for_good)
{
    struct object_ref object = make(OBJECT_NONE);

    captable_init(&a, 1);
    for (uint32_t i = 1; i < CAP_SLOTS_MAX; i++)
        cr_assert_eq(captable_remove(&a, &core.objects, captable_insert(&a, object, CAP_IF_DEVICE)),
                     CAP_EX_NONE);
    cr_assert(cap_is_none(captable_insert(&a, object, CAP_IF_DEVICE)));
    cr_assert_not(captable_has_room(&a));
    cr_assert_eq(a.live_count, 0);
}

Test(core, copy_and_move_keep_the_interface_and_roll_back_whole)
{
    struct object_ref object = make(OBJECT_NONE);
    cap_id id = captable_insert(&a, object, CAP_IF_DEVICE), copy, moved = CAP_NONE;
    struct captable image;

    cr_assert_eq(captable_copy(&a, &core.objects, id, &b, &copy), CAP_EX_NONE);
    cr_assert_eq(captable_lookup(&b, &core.objects, copy, CAP_IF_DEVICE).exception, CAP_EX_NONE);
    cr_assert_eq(captable_move(&a, &core.objects, id, &b, &moved), CAP_EX_NONE);
    cr_assert_eq(captable_lookup(&a, &core.objects, id, CAP_IF_DEVICE).exception, CAP_EX_STALE);
    cr_assert_eq(captable_copy(&a, &core.objects, id, &b, &moved), CAP_EX_STALE);
    while (captable_has_room(&b))
        (void)captable_insert(&b, object, CAP_IF_DEVICE);
    id = captable_insert(&a, object, CAP_IF_DEVICE);
    image = a;
    cr_assert_eq(captable_move(&a, &core.objects, id, &b, &moved), CAP_EX_NO_SLOT);
    cr_assert_eq(memcmp(&image, &a, sizeof a), 0);
    cr_assert_eq(captable_lookup(&a, &core.objects, id, CAP_IF_DEVICE).exception, CAP_EX_NONE);
}

Test(core, a_budget_is_exact_to_the_last_unit)
{
    struct budget_limits limits = budget_limits_generous();
    struct budget budget;

    limits.limit[BUDGET_POOL_PAGES] = 10;
    budget_init(&budget, &limits);
    cr_assert(budget_reserve(&budget, BUDGET_POOL_PAGES, 10));
    cr_assert_not(budget_reserve(&budget, BUDGET_POOL_PAGES, 1));
    budget_refund(&budget, BUDGET_POOL_PAGES, 10);
    cr_assert_not(budget_reserve(&budget, BUDGET_POOL_PAGES, 11));
    cr_assert_eq(budget.used[BUDGET_POOL_PAGES], 0);
    cr_assert(budget_reserve(&budget, BUDGET_DEVICES, 0xffffffffu));
    cr_assert_not(budget_reserve(&budget, BUDGET_DEVICES, 1));
    budget.limits.limit[BUDGET_DEVICES] = 5;
    cr_assert_not(budget_covers(&budget, BUDGET_DEVICES, 0));
}

Test(core, i16_a_second_refund_is_our_bug, .signal = SIGABRT)
{
    struct budget_limits limits = budget_limits_generous();
    struct budget budget;

    budget_init(&budget, &limits);
    (void)budget_reserve(&budget, BUDGET_QUEUES, 1);
    budget_refund(&budget, BUDGET_QUEUES, 1);
    budget_refund(&budget, BUDGET_QUEUES, 1);
}

static void hex(const uint8_t *bytes, char *out)
{
    for (uint32_t i = 0; i < DIGEST_BYTES; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
}

Test(core, sha256_gives_the_published_vectors)
{
    struct digest_sha256 d;
    uint8_t out[DIGEST_BYTES];
    char text[65];

    digest_sha256_init(&d);
    digest_sha256_final(&d, out);
    hex(out, text);
    cr_assert_str_eq(text, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    digest_sha256_init(&d);
    digest_sha256_update(&d, "a", 1);
    digest_sha256_update(&d, "bc", 2);
    digest_sha256_final(&d, out);
    hex(out, text);
    cr_assert_str_eq(text, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

/* RFC 4231's keys have other lengths; HMAC pads a key of up to 64 bytes with zeroes, so that test case 2's
 * "Jefe" is the same key as "Jefe" and 28 zeroes. */
Test(core, hmac_gives_rfc_4231_test_case_2_in_any_split)
{
    uint8_t key[DIGEST_BYTES] = "Jefe";
    const char *text = "what do ya want for nothing?";
    uint8_t out[DIGEST_BYTES];
    char seen[65];

    for (size_t cut = 0; cut <= strlen(text); cut++) {
        const struct digest_part parts[2] = {{text, cut}, {text + cut, strlen(text) - cut}};

        digest_hmac_sha256(key, parts, 2, out);
        hex(out, seen);
        cr_assert_str_eq(seen, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    }
}

static const struct audit_event grant = {{3, 1}, 2, 0x18, AUDIT_GRANT, CAP_IF_DMA_POOL, 0};
static const struct audit_event end = {{3, 1}, 2, 0x18, AUDIT_RELEASE, CAP_IF_DMA_POOL, 0};
static const struct audit_event denial = {{9, 9}, 2, AUDIT_BDF_NONE, AUDIT_DENIAL, CAP_IF_NONE, CAP_EX_STALE};

Test(core, audit_records_are_chained_and_numbered_without_gaps)
{
    struct audit_record records[8];
    uint8_t chain[DIGEST_BYTES] = {0};

    for (uint32_t i = 0; i < 3; i++)
        audit_grant(&core.audit, &grant);
    audit_end(&core.audit, &end);
    cr_assert_eq(audit_drain(&core.audit, records, 8), 4);
    for (uint32_t i = 0; i < 4; i++) {
        cr_assert_eq(records[i].seq, i + 1);
        cr_assert(audit_follows(chain, &records[i]));
        memcpy(chain, records[i].chain, sizeof chain);
    }
    cr_assert_eq(memcmp(chain, audit_head(&core.audit), sizeof chain), 0);
    cr_assert_eq(audit_count(&core.audit), 4);
}

Test(core, a_changed_dropped_or_swapped_audit_record_breaks_the_chain)
{
    struct audit_record r[3];
    uint8_t zero[DIGEST_BYTES] = {0};

    for (uint32_t i = 0; i < 3; i++)
        audit_grant(&core.audit, &grant);
    cr_assert_eq(audit_drain(&core.audit, r, 3), 3);
    cr_assert_not(audit_follows(r[0].chain, &r[2]));
    cr_assert_not(audit_follows(zero, &r[1]));
    struct audit_record changed = r[0];
    changed.owner++;
    cr_assert_not(audit_follows(zero, &changed));
    changed = r[0];
    changed.result = 1;
    cr_assert_not(audit_follows(zero, &changed));
    changed = r[0];
    changed.handle.generation++;
    cr_assert_not(audit_follows(zero, &changed));
    cr_assert(audit_follows(zero, &r[0]));
}

Test(core, a_full_audit_log_blocks_grants_and_keeps_room_for_every_end)
{
    struct audit_record out[AUDIT_RECORDS_MAX];
    uint32_t grants = 0;

    while (audit_has_room(&core.audit, 1)) {
        audit_grant(&core.audit, &grant);
        grants++;
    }
    cr_assert_eq(grants, (AUDIT_RECORDS_MAX - AUDIT_READER_ROOM) / 2);
    cr_assert_not(audit_note(&core.audit, &grant));
    for (uint32_t i = 0; i < grants; i++)
        audit_end(&core.audit, &end);
    cr_assert_not(audit_has_room(&core.audit, 1));
    for (grants = 0; audit_has_reader_room(&core.audit, 1); grants++) {
        audit_grant(&core.audit, &grant);
        audit_end(&core.audit, &end);
    }
    cr_assert_eq(grants, AUDIT_READER_ROOM / 2);
    cr_assert_eq(audit_drain(&core.audit, out, AUDIT_RECORDS_MAX), AUDIT_RECORDS_MAX);
    cr_assert(audit_has_room(&core.audit, 1));
}

/* What was read leaves when its reader says so, and no further; the numbers say which. */
Test(core, audit_records_stay_until_they_are_taken)
{
    struct audit_record out[8];

    for (uint32_t i = 0; i < 5; i++)
        audit_grant(&core.audit, &grant);
    cr_assert_eq(audit_read(&core.audit, 0, out, 8), 5);
    cr_assert_eq(audit_read(&core.audit, 3, out, 8), 2);
    cr_assert_eq(out[0].seq, 4);
    cr_assert_eq(audit_read(&core.audit, 6, out, 8), 0);
    cr_assert(audit_take(&core.audit, 0));
    cr_assert_eq(audit_waiting(&core.audit), 5);
    cr_assert(audit_take(&core.audit, 3));
    cr_assert_eq(audit_waiting(&core.audit), 2);
    cr_assert(audit_take(&core.audit, 2)); /* they are gone */
    cr_assert_not(audit_take(&core.audit, 6)); /* not made yet */
    cr_assert_eq(audit_waiting(&core.audit), 2);
    cr_assert_eq(audit_read(&core.audit, 0, out, 1), 1);
    cr_assert_eq(out[0].seq, 4);
    cr_assert(audit_take(&core.audit, 5));
    cr_assert_eq(audit_waiting(&core.audit), 0);
}

Test(core, the_room_of_a_reader_is_for_its_start_and_its_grants_alone)
{
    const struct budget_limits limits = budget_limits_generous();
    struct owner *starter = core_owner_spawn(&core, &limits, 1, false);
    struct object_ref object;

    cr_assert_not_null(starter);
    while (core_grant_check(&core, starter) == CAP_EX_NONE) {
        const cap_id cap = core_grant(&core, starter, CAP_IF_TIMER, 0, OBJECT_NONE, AUDIT_BDF_NONE, &object);

        cr_assert_not(cap_is_none(cap));
        core_revoke(&core, object.index, AUDIT_RELEASE, AUDIT_BDF_NONE);
    }
    cr_assert_eq(core_grant_check(&core, starter), CAP_EX_AUDIT_FULL);
    cr_assert_eq(core_start_check(&core, starter, 3, false), CAP_EX_AUDIT_FULL);
    cr_assert_eq(core_start_check(&core, starter, 3, true), CAP_EX_NONE);
    while (audit_has_room(&core.audit, 1))
        audit_grant(&core.audit, &grant);
    cr_assert_null(core_owner_spawn(&core, &limits, 2, false));
    struct owner *reader = core_owner_spawn(&core, &limits, 2, true);
    cr_assert_not_null(reader);
    cr_assert_eq(core_grant_check(&core, reader), CAP_EX_NONE);
    cr_assert_eq(core_grant_check(&core, starter), CAP_EX_AUDIT_FULL);
}

Test(core, a_flood_of_denials_is_counted_and_cannot_block_grants)
{
    struct audit_record out[AUDIT_RECORDS_MAX];
    uint32_t n;

    for (uint32_t i = 0; i < 5 * AUDIT_RECORDS_MAX; i++)
        audit_denial(&core.audit, &denial);
    cr_assert(audit_has_room(&core.audit, 1));
    n = audit_drain(&core.audit, out, AUDIT_RECORDS_MAX);
    cr_assert_lt(n, AUDIT_RECORDS_MAX);
    cr_assert_eq(audit_drain(&core.audit, out, 1), 1);
    cr_assert_eq(out[0].kind, AUDIT_DENIALS_COUNTED);
    cr_assert_eq(out[0].handle.index + n, 5 * AUDIT_RECORDS_MAX);
}

Test(core, an_end_without_a_grant_is_our_bug, .signal = SIGABRT)
{
    audit_end(&core.audit, &end);
}

static struct owner *owner_with(uint32_t cap_slots)
{
    struct budget_limits limits = budget_limits_generous();

    limits.limit[BUDGET_CAP_SLOTS] = cap_slots;
    return core_owner_create(&core, &limits, CAP_GENERATION_LIMIT_MAX);
}

static uint32_t destroyed;

static void destroy(void *ctx, uint16_t object)
{
    destroyed++;
    core_revoke(ctx, object, AUDIT_REVOKE, AUDIT_BDF_NONE);
}

Test(core, owners_are_a_fixed_number_and_each_life_has_its_epoch)
{
    struct owner *o = NULL;
    uint32_t epoch;

    for (uint32_t i = 0; i < OWNERS_MAX; i++)
        cr_assert_not_null(o = owner_with(8));
    cr_assert_null(owner_with(8));
    epoch = o->epoch;
    core_owner_end(&core, o, AUDIT_EXIT, destroy, &core);
    cr_assert_eq(owner_with(8), o);
    cr_assert_eq(o->epoch, epoch + 1);
}

Test(core, a_revoked_object_is_stale_in_every_table_and_its_slots_come_back)
{
    struct owner *giver = owner_with(8), *taker = owner_with(8);
    struct object_ref root, child;
    cap_id id = core_grant(&core, giver, CAP_IF_DEVICE, 0, OBJECT_NONE, 0x18, &root), copy;
    cap_id derived = core_grant(&core, giver, CAP_IF_DMA_POOL, 0, root.index, 0x18, &child);

    cr_assert_eq(core_transfer(&core, giver, derived, taker, false, &copy), CAP_EX_NONE);
    core_revoke(&core, root.index, AUDIT_RELEASE, 0x18);
    cr_assert_eq(captable_lookup_any(&giver->caps, &core.objects, id).exception, CAP_EX_STALE);
    cr_assert_eq(captable_lookup_any(&giver->caps, &core.objects, derived).exception, CAP_EX_STALE);
    cr_assert_eq(captable_lookup_any(&taker->caps, &core.objects, copy).exception, CAP_EX_STALE);
    cr_assert_eq(giver->budget.used[BUDGET_CAP_SLOTS], 0);
    cr_assert_eq(taker->budget.used[BUDGET_CAP_SLOTS], 0);
    cr_assert_eq(core.audit.reserved, 2); /* the owners' own ends */
}

Test(core, a_transfer_that_cannot_be_whole_changes_nothing)
{
    struct owner *giver = owner_with(8), *poor = owner_with(0), *full = owner_with(1000);
    struct object_ref object;
    cap_id id = core_grant(&core, giver, CAP_IF_DEVICE, 0, OBJECT_NONE, 0x18, &object), out;

    cr_assert_eq(core_transfer(&core, giver, id, poor, true, &out), CAP_EX_BUDGET);
    for (uint32_t i = 1; i < CAP_SLOTS_MAX; i++) {
        cr_assert_eq(core_transfer(&core, giver, id, full, false, &out), CAP_EX_NONE);
    }
    cr_assert_eq(core_transfer(&core, giver, id, full, true, &out), CAP_EX_NO_SLOT);
    cr_assert_eq(core_transfer(&core, giver, (cap_id){id.index, 77}, poor, true, &out), CAP_EX_STALE);
    cr_assert_eq(captable_lookup(&giver->caps, &core.objects, id, CAP_IF_DEVICE).exception, CAP_EX_NONE);
    cr_assert_eq(giver->budget.used[BUDGET_CAP_SLOTS], 1);
    core_owner_end(&core, full, AUDIT_KILL, destroy, &core);
    cr_assert(object_live(&core.objects, object));
}

Test(core, a_grant_is_refused_by_the_first_thing_that_is_missing)
{
    struct owner *o = owner_with(2);
    struct object_ref object;
    uint32_t fillers = 0;

    cr_assert_eq(core_grant_check(&core, o), CAP_EX_NONE);
    while (audit_has_room(&core.audit, 2)) {
        audit_grant(&core.audit, &grant);
        fillers++;
    }
    cr_assert_eq(core_grant_check(&core, o), CAP_EX_AUDIT_FULL);
    cr_assert_null(fillers < 2 ? o : NULL);
    struct audit_record out[AUDIT_RECORDS_MAX];
    (void)audit_drain(&core.audit, out, AUDIT_RECORDS_MAX);
    (void)core_grant(&core, o, CAP_IF_DEVICE, 0, OBJECT_NONE, 0, &object);
    (void)core_grant(&core, o, CAP_IF_DEVICE, 0, OBJECT_NONE, 0, &object);
    cr_assert_eq(core_grant_check(&core, o), CAP_EX_BUDGET);
    o->budget.limits.limit[BUDGET_CAP_SLOTS] = 3;
    while (object_pool_has_room(&core.objects))
        (void)make(OBJECT_NONE);
    cr_assert_eq(core_grant_check(&core, o), CAP_EX_EXHAUSTED);
}

Test(core, an_owner_cannot_be_made_while_the_audit_log_is_full)
{
    while (audit_has_room(&core.audit, 1))
        audit_grant(&core.audit, &grant);
    cr_assert_null(owner_with(1));
}

Test(core, an_owner_end_destroys_sources_first_and_leaves_nothing)
{
    struct owner *o = owner_with(100), *other = owner_with(100);
    struct object_ref root, child, foreign;
    cap_id id, copy;

    id = core_grant(&core, o, CAP_IF_DEVICE, 0, OBJECT_NONE, 0, &root);
    (void)core_grant(&core, o, CAP_IF_DMA_POOL, 0, root.index, 0, &child);
    (void)core_grant(&core, o, CAP_IF_DMA_BUFFER, 0, child.index, 0, &child);
    cap_id theirs = core_grant(&core, other, CAP_IF_DEVICE, 0, OBJECT_NONE, 0, &foreign);
    cr_assert_eq(core_transfer(&core, other, theirs, o, false, &copy), CAP_EX_NONE);
    cr_assert_eq(core_transfer(&core, o, id, other, false, &copy), CAP_EX_NONE);
    destroyed = 0;
    core_owner_end(&core, o, AUDIT_KILL, destroy, &core);
    cr_assert_eq(destroyed, 1);
    cr_assert_eq(core.objects.live_count, 1);
    cr_assert_eq(other->caps.live_count, 1);
    cr_assert(object_live(&core.objects, foreign));
}

Test(core, every_exception_has_its_own_name)
{
    for (unsigned i = 0; i < CAP_EX_COUNT; i++) {
        for (unsigned j = 0; j < i; j++)
            cr_assert_str_neq(cap_exception_name(i), cap_exception_name(j));
    }
    cr_assert_str_eq(cap_exception_name((enum cap_exception)CAP_EX_COUNT), "unknown");
}
