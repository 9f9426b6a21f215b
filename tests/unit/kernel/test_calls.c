/* SPDX-License-Identifier: BSD-2-Clause */
/* The object door: devices as calls, memory in sight of programs and out of it again, ports, log, sinks. */
#include "evidence/markers.h"
#include "kernel/calls/parts.h"
#include "tests/unit/kernel/calls_bench.h"

TestSuite(calls, .init = calls_start);

static struct object_reply publish(const struct door_nic *n, uint16_t slot, uint32_t bytes)
{
    const struct dma_publication p = one(slot, segment(n->rx, 64u * slot, 64, DMA_FROM_DEVICE));

    memcpy(cb.range, &p, sizeof p);
    return ask_with(0, n->queue[0], QUEUE_PUBLISH, 1, bytes);
}

Test(calls, a_life_of_a_device_and_nothing_is_left)
{
    struct door_nic n;

    up(&n);
    struct object_reply sent = publish(&n, 0, sizeof(struct dma_publication));
    good(sent);
    cr_assert_eq(sent.value, 1);
    cr_assert_eq(kernel_stats(K)->publications, 1);
    cr_assert_eq(rooms_mapped(), 2);
    good(give_back(0, n.device));
    cr_assert_eq(rooms_mapped(), 0);
    good(give_back(0, n.function));
    as_before();
    throws(ask(0, n.rx, BUFFER_MAP, 0, 0), CAP_EX_STALE);
}

Test(calls, a_buffer_is_mapped_once_and_its_address_is_no_kernel_address)
{
    struct door_nic n;

    up(&n);
    cr_assert_not_null(room_at(n.rx_at));
    cr_assert_eq(room_at(n.rx_at)->access, PROCESSOR_READ_WRITE);
    cr_assert_eq(room_at(n.rx_at)->pages, 8);
    struct object_reply again = ask(0, n.rx, BUFFER_MAP, 0, 0);
    good(again);
    cr_assert_eq(again.value, n.rx_at);
    cr_assert_eq(rooms_mapped(), 2);
}

Test(calls, the_view_of_a_queue_is_read_only_and_shows_no_descriptor)
{
    struct door_nic n;
    const struct room *view;

    up(&n);
    good(publish(&n, 3, sizeof(struct dma_publication)));
    view = room_at(n.view_at);
    cr_assert_not_null(view);
    cr_assert_eq(view->access, PROCESSOR_READ);
    cr_assert_eq(view->pages, 1);
    /* I1: the descriptor and the available ring were written, and nothing of them lies on these pages. */
    for (uint32_t i = 0; i < 4096; i++)
        cr_assert_eq(view->memory[i], 0, "byte %u", i);
    uint64_t address;
    memcpy(&address, view->memory - 4096 + 16 * 3, sizeof address);
    cr_assert_eq(address & ~4095ull, P->bus_base + (uint64_t)(room_at(n.rx_at)->memory - P->dma));
}

Test(calls, memory_is_unmapped_before_it_is_scrubbed)
{
    struct door_nic n;

    up(&n);
    room_at(n.rx_at)->memory[0] = 0x77;
    good(ask(0, n.rx, BUFFER_DESTROY, 0, 0));
    cr_assert_eq(cb.unmaps, 1);
    cr_assert_eq(cb.unmapped_dirty, 1, "the pages were scrubbed first");
    good(give_back(0, n.device));
    cr_assert_eq(cb.unmaps, 2);
    cr_assert_eq(rooms_mapped(), 0);
}

Test(calls, memory_that_goes_to_quarantine_is_unmapped_as_well)
{
    struct door_nic n;

    up(&n);
    good(publish(&n, 0, sizeof(struct dma_publication)));
    fake_at(P, FAKE_MODERN_BDF)->reset_reads = -1;
    says(give_back(0, n.device), DEV_E_UNCONFIRMED);
    cr_assert_eq(rooms_mapped(), 0);
    cr_assert_gt(kernel_usage(K).pages_quarantined, 0);
    good(ask(0, cb.roots[CAP_IF_INVENTORY], INVENTORY_RELEASE, FAKE_MODERN_BDF, 0));
    cr_assert_eq(kernel_usage(K).pages_quarantined, 0);
}

Test(calls, a_process_that_ends_leaves_nothing_mapped_or_claimed)
{
    struct door_nic n;

    up(&n);
    core_owner_end(&K->core, S->processes[0].owner, AUDIT_KILL, system_destroy, S);
    cr_assert_eq(rooms_mapped(), 0);
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_DISCOVERED);
    cr_assert_eq(kernel_usage(K).live_objects, 0);
}

Test(calls, a_map_that_finds_no_table_leaves_nothing_reserved)
{
    struct door_nic n;

    claim(&n);
    n.pool = must(ask(0, n.device, DEVICE_POOL_CREATE, 32, 0));
    n.rx = must(ask(0, n.pool, POOL_BUFFER_CREATE, 4096, DMA_FROM_DEVICE));
    cb.no_map = true;
    says(ask(0, n.rx, BUFFER_MAP, 0, 0), DEV_E_NO_MEMORY);
    cr_assert(!cb.rooms[0].taken);
    cb.no_map = false;
    good(ask(0, n.rx, BUFFER_MAP, 0, 0));
}

Test(calls, a_function_is_taken_once_and_takes_its_device_with_it)
{
    struct door_nic n;
    cap_id copy;

    claim(&n);
    says(ask(0, cb.roots[CAP_IF_FUNCTIONS], FUNCTIONS_TAKE, MODERN_INDEX, 0), SYS_E_STATE);
    says(ask(0, cb.roots[CAP_IF_FUNCTIONS], FUNCTIONS_TAKE, 1000, 0), SYS_E_VALUE);
    says(ask(0, n.function, FUNCTION_CLAIM, 0, 0), DEV_E_CLAIMED);
    /* A copy given back is a copy less. */
    cr_assert_eq(process_transfer(S, 0, n.function, 1, false, &copy), CAP_EX_NONE);
    good(give_back(1, copy));
    good(ask(0, n.device, DEVICE_ENABLE_DMA, 0, 0).result == DEV_E_STATE
             ? (struct object_reply){0}
             : (struct object_reply){.status = 1});
    good(give_back(0, n.function));
    throws(ask(0, n.device, DEVICE_ENABLE_DMA, 0, 0), CAP_EX_STALE);
    cr_assert_eq(kernel_device_state(K, FAKE_MODERN_BDF), DEVICE_DISCOVERED);
    as_before();
    claim(&n);
}

Test(calls, arguments_that_do_not_fit_are_refused_and_change_nothing)
{
    struct door_nic n;

    up(&n);
    const struct kernel_usage before = kernel_usage(K);
    const uint64_t wide = 1ull << 32;
    says(ask(0, n.device, DEVICE_POOL_CREATE, wide, 0), DEV_E_NO_MEMORY);
    says(ask(0, n.device, DEVICE_INTERRUPT_CREATE, 0x10000, 0), DEV_E_VECTOR);
    says(ask(0, n.registers, REGISTERS_READ, wide, 0), DEV_E_REGISTER);
    says(ask(0, n.registers, REGISTERS_WRITE, MODERN_STATUS, wide), DEV_E_VALUE);
    says(ask(0, n.registers, REGISTERS_WRITE_ADDRESS, MODERN_QUEUE_DESC_LOW | 1u << 16, packed(n.queue[0])),
         DEV_E_REGISTER);
    says(ask(0, n.pool, POOL_BUFFER_CREATE, wide | 4096u, DMA_TO_DEVICE), DEV_E_RANGE);
    says(ask(0, n.pool, POOL_BUFFER_CREATE, 4096, 0x100u | DMA_TO_DEVICE), DEV_E_DIRECTION);
    says(ask_with(0, n.queue[0], QUEUE_PUBLISH, DMA_BATCH_MAX + 1u, sizeof cb.range), DEV_E_CHAIN);
    transports(publish(&n, 0, sizeof(struct dma_publication) - 1u), RING_E_RANGE);
    says(ask_with(0, n.device, DEVICE_OPEN_REGISTERS, 3, sizeof modern_windows), DEV_E_TABLE);
    transports(ask_with(0, n.device, DEVICE_OPEN_REGISTERS, TABLE_MODERN, sizeof modern_windows - 1u),
               RING_E_RANGE);
    transports(ask_with(0, n.device, DEVICE_INFO, 0, sizeof(struct pci_function_info) - 1u), RING_E_RANGE);
    const struct kernel_usage after = kernel_usage(K);
    cr_assert_eq(memcmp(&before, &after, sizeof after), 0);
    cr_assert_eq(kernel_stats(K)->publications, 0);
}

Test(calls, the_scan_record_comes_without_addresses)
{
    struct pci_function_info info;
    struct object_reply count = ask(0, cb.roots[CAP_IF_FUNCTIONS], FUNCTIONS_COUNT, 0, 0);

    good(count);
    cr_assert_eq(count.value, kernel_function_count(K));
    good(ask_with(0, cb.roots[CAP_IF_FUNCTIONS], FUNCTIONS_INFO, MODERN_INDEX, sizeof info));
    memcpy(&info, cb.range, sizeof info);
    cr_assert_eq(info.bdf, FAKE_MODERN_BDF);
    for (uint32_t bar = 0; bar < PCI_BARS; bar++) {
        uint32_t word;

        memcpy(&word, &info.config[0x10 + 4 * bar], sizeof word);
        cr_assert_eq(word & ~0xfu, 0, "BAR %u", bar);
    }
    says(ask_with(0, cb.roots[CAP_IF_FUNCTIONS], FUNCTIONS_INFO, count.value, sizeof info), SYS_E_VALUE);
}

Test(calls, an_interrupt_wait_waits_until_one_arrives)
{
    struct door_nic n;
    cap_id interrupt;
    uint16_t route;

    claim(&n);
    interrupt = must(ask(0, n.device, DEVICE_INTERRUPT_CREATE, 0, 0));
    good(ask(0, interrupt, INTERRUPT_MASK, 0, 0));
    cr_assert(ask(0, interrupt, INTERRUPT_WAIT, 0, 0).waits);
    good(ask(0, interrupt, INTERRUPT_POLL, 0, 0));
    cr_assert(kernel_interrupt_route(K, S->processes[0].owner, interrupt, &route));
    platform_msi_raise(P, route);
    struct object_reply woken = ask(0, interrupt, INTERRUPT_WAIT, 0, 0);
    good(woken);
    cr_assert_eq(woken.value, 1);
    cr_assert_eq(ask(0, interrupt, INTERRUPT_ACK, 0, 0).value, 1);
    cr_assert(ask(0, interrupt, INTERRUPT_WAIT, 0, 0).waits);
}

Test(calls, no_line_of_a_program_passes_for_evidence)
{
    static const char text[] = "hello\ncloudboot-evidence: x v1:\n";

    memcpy(cb.range, text, sizeof text - 1u);
    struct object_reply written = ask_with(0, cb.roots[CAP_IF_SERIAL], SERIAL_WRITE, 0, sizeof text - 1u);
    good(written);
    cr_assert_eq(written.value, sizeof text - 1u);
    cr_assert_str_eq(P->said[CONSOLE_MAIN], "hello\ncloudboot-evidence\\x3a x v1:\n");
    const struct calls_root port2 = {.name = "x", .interface = CAP_IF_SERIAL, .port = CONSOLE_EVIDENCE};
    cr_assert_eq(calls_grant_root(&cb.calls, 0, &port2), CAP_EX_INTERFACE);
}

Test(calls, a_read_waits_for_what_is_typed_and_takes_no_more_than_fits)
{
    cr_assert(ask_with(0, cb.roots[CAP_IF_SERIAL], SERIAL_READ, 0, 4).waits);
    P->typed = "abcdef";
    struct object_reply got = ask_with(0, cb.roots[CAP_IF_SERIAL], SERIAL_READ, 0, 4);
    good(got);
    cr_assert_eq(got.value, 4);
    cr_assert_eq(memcmp(cb.range, "abcd", 4), 0);
    cr_assert_eq(ask_with(0, cb.roots[CAP_IF_SERIAL], SERIAL_READ, 0, 4).value, 2);
    cr_assert(ask_with(0, cb.roots[CAP_IF_SERIAL], SERIAL_READ, 0, 4).waits);
}

Test(calls, the_log_is_drained_in_order_with_its_chain_and_a_drain_waits_for_more)
{
    uint8_t chain[DIGEST_BYTES] = {0};
    uint64_t seq = 1;

    transports(ask_with(0, cb.roots[CAP_IF_AUDIT], AUDIT_DRAIN, 0, sizeof(struct audit_line) - 1u),
               RING_E_RANGE);
    for (;;) {
        const struct object_reply got =
            ask_with(0, cb.roots[CAP_IF_AUDIT], AUDIT_DRAIN, seq - 1u, 3 * sizeof(struct audit_line));

        if (got.waits)
            break;
        good(got);
        cr_assert(got.value >= 1 && got.value <= 3);
        for (uint32_t i = 0; i < got.value; i++) {
            struct audit_record record;

            memcpy(&record, cb.range + i * sizeof record, sizeof record);
            cr_assert_eq(record.seq, seq++);
            cr_assert(audit_follows(chain, &record));
            memcpy(chain, record.chain, sizeof chain);
        }
    }
    cr_assert_eq(seq - 1u, kernel_audit_count(K));
    says(ask_with(0, cb.roots[CAP_IF_AUDIT], AUDIT_DRAIN, seq, sizeof(struct audit_line)), SYS_E_VALUE);
}

Test(calls, records_that_were_given_stay_until_their_reader_says_that_they_are_where_they_belong)
{
    const uint32_t bytes = 2 * sizeof(struct audit_line);

    for (uint64_t again = 0; again < 3; again++) { /* a reader that ended, and the next one */
        struct audit_line first;

        cr_assert_eq(ask_with(0, cb.roots[CAP_IF_AUDIT], AUDIT_DRAIN, 0, bytes).value, 2);
        memcpy(&first, cb.range, sizeof first);
        cr_assert_eq(first.seq, 1);
    }
    cr_assert_eq(ask_with(0, cb.roots[CAP_IF_AUDIT], AUDIT_DRAIN, 1, bytes).value, 2);
    cr_assert_eq(((const struct audit_line *)(const void *)cb.range)->seq, 2);
}

/* The last record of the log, which is empty afterwards. */
static struct audit_record last_record(void)
{
    struct audit_record record = {0};

    while (kernel_audit_drain(K, &record, 1) == 1)
        ;
    return record;
}

Test(calls, what_is_noted_is_a_record_with_who_said_it_and_its_number)
{
    static const struct {
        enum audit_note note;
        enum audit_kind kind;
    } notes[] = {
        {AUDIT_NOTE_LOGIN_ACCEPTED, AUDIT_LOGIN_ACCEPTED}, {AUDIT_NOTE_LOGIN_REFUSED, AUDIT_LOGIN_REFUSED},
        {AUDIT_NOTE_LOGIN_DELAYED, AUDIT_LOGIN_DELAYED},   {AUDIT_NOTE_SESSION_ENDED, AUDIT_SESSION_ENDED},
        {AUDIT_NOTE_SECRET_CHANGED, AUDIT_SECRET_CHANGED},
    };
    const cap_id noter = cb.roots[CAP_IF_AUDIT_NOTE];

    for (uint32_t i = 0; i < AUDIT_NOTE_END - 1u; i++) {
        const uint64_t before = kernel_audit_count(K);

        good(ask(0, noter, AUDIT_NOTE, notes[i].note, 0x700000002ull + i));
        cr_assert_eq(kernel_audit_count(K), before + 1u);
        const struct audit_record record = last_record();
        cr_assert_eq(record.kind, notes[i].kind);
        cr_assert(record.handle.index == 2u + i && record.handle.generation == 7u);
        cr_assert_eq(record.owner, S->processes[0].owner->index);
        cr_assert(record.object_kind == CAP_IF_AUDIT_NOTE && record.result == 0);
    }
    cr_assert(cb.calls.logins.remote == 1 && cb.calls.logins.accepted == 0);
    says(ask(0, noter, AUDIT_NOTE, 0, 0), SYS_E_VALUE);
    says(ask(0, noter, AUDIT_NOTE, AUDIT_NOTE_END, 0), SYS_E_VALUE);
    says(ask(0, noter, AUDIT_NOTE, UINT64_MAX, 0), SYS_E_VALUE);
    cr_assert_eq(last_record().kind, AUDIT_DENIAL);
    transports(ask(0, noter, AUDIT_NOTE + 1u, 1, 0), RING_E_METHOD);
}

Test(calls, a_full_log_refuses_a_note_and_keeps_its_room_for_a_reader)
{
    const cap_id noter = cb.roots[CAP_IF_AUDIT_NOTE];
    uint32_t written = 0;

    while (ask(0, noter, AUDIT_NOTE, AUDIT_NOTE_LOGIN_REFUSED, written).exception == CAP_EX_NONE)
        cr_assert(++written < AUDIT_RECORDS_MAX);
    cr_assert_gt(written, 0);
    const uint64_t full = kernel_audit_count(K);
    cr_assert_eq(ask(0, noter, AUDIT_NOTE, AUDIT_NOTE_LOGIN_ACCEPTED, 0).exception, CAP_EX_AUDIT_FULL);
    cr_assert_eq(kernel_audit_count(K), full);
    cr_assert(audit_has_reader_room(&K->core.audit, AUDIT_READER_ROOM / 2u));
    (void)last_record();
    good(ask(0, noter, AUDIT_NOTE, AUDIT_NOTE_LOGIN_ACCEPTED, 0));
}

Test(calls, a_refused_call_is_a_denial_in_the_log_of_its_process)
{
    struct door_nic n;
    struct audit_record record = {0};

    claim(&n);
    says(ask(0, n.device, DEVICE_ENABLE_DMA, 0, 0), DEV_E_STATE);
    says(ask(0, cb.roots[CAP_IF_EVIDENCE], EVIDENCE_NARROW, 0, 0), SYS_E_NAME);
    while (kernel_audit_drain(K, &record, 1) == 1)
        ;
    cr_assert_eq(record.kind, AUDIT_DENIAL);
    cr_assert_eq(record.owner, S->processes[0].owner->index);
    cr_assert_eq(record.object_kind, CAP_IF_EVIDENCE);
    cr_assert_eq(record.result, AUDIT_RESULT_ERROR + SYS_E_NAME);
}

static struct object_reply emit(cap_id sink, uint32_t marker, const char *facts)
{
    const uint32_t bytes = (uint32_t)strlen(facts);

    memcpy(cb.range, facts, bytes);
    return bytes == 0 ? ask(0, sink, EVIDENCE_EMIT, marker, 0)
                      : ask_with(0, sink, EVIDENCE_EMIT, marker, bytes);
}

Test(calls, a_sink_emits_what_the_kernel_sees_and_no_other)
{
    static const char facts[] = "tx_slots=64";
    const cap_id sink = cb.roots[CAP_IF_EVIDENCE];
    struct door_nic n;

    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, facts), SYS_E_CONDITION);
    up(&n);
    says(emit(sink, EVIDENCE_AUDIT, ""), SYS_E_NAME); /* not on this list */
    says(emit(sink, EVIDENCE_INVENTORY, ""), SYS_E_NAME); /* the kernel's own */
    says(emit(sink, EVIDENCE_MARKER_COUNT, ""), SYS_E_NAME);
    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, ""), SYS_E_VALUE);
    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, "tx_slots=64 epoch=7"), SYS_E_VALUE);
    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, "tx_slots=64 tx_slots=64"), SYS_E_VALUE);
    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, "tx_slots=6x"), SYS_E_VALUE);
    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, "tx_slots=64 "), DEV_OK);
    cr_assert_not_null(strstr(P->said[CONSOLE_EVIDENCE], "provider-nic-active v1:seq=0,"));
    cr_assert_not_null(
        strstr(P->said[CONSOLE_EVIDENCE], ",bdf=00:03.0,rx_armed=0,tx_slots=64,author=brokered,epoch="));
    says(emit(sink, EVIDENCE_PROVIDER_NIC_ACTIVE, facts), SYS_E_CONDITION); /* once */
    says(emit(sink, EVIDENCE_FIRST_FRAME, "ethertype=0x0806 used_len=76 reply_mac=52:55:0a:00:02:02"),
         SYS_E_CONDITION); /* nothing was received */
    says(emit(sink, EVIDENCE_PROVIDER_NIC_TEARDOWN, "leftover_posted=0 leftover_lent=0 stale_tried=1"),
         SYS_E_CONDITION); /* it is not torn down */
    cb.calls.witnesses[0].completions -= 4u; /* as if it had seen so many */
    for (uint32_t held = 0; held < 8u; held++) { /* the web's wants all three, and another than the driver */
        cb.calls.probed = (held & 1u) != 0;
        cb.calls.logins.remote = held >> 1 & 1u;
        cb.evidence.lines[EVIDENCE_L4_ROUND_TRIP] = held >> 2;
        cr_expect_eq(calls_fact_condition(&cb.calls, 1, EVIDENCE_WEB_UI_L4), held == 7u, "%u", held);
        cr_expect_not(calls_fact_condition(&cb.calls, 0, EVIDENCE_WEB_UI_L4));
    }
}

Test(calls, a_teardown_is_evidence_after_old_handles_were_refused)
{
    static const char facts[] = "leftover_posted=0 leftover_lent=0 stale_tried=1";
    const cap_id sink = cb.roots[CAP_IF_EVIDENCE];
    struct door_nic n;

    up(&n);
    good(give_back(0, n.device));
    says(emit(sink, EVIDENCE_PROVIDER_NIC_TEARDOWN, facts), SYS_E_CONDITION);
    S->processes[0].denials++; /* as the core counts a dead handle */
    good(emit(sink, EVIDENCE_PROVIDER_NIC_TEARDOWN, facts));
    cr_assert_not_null(strstr(P->said[CONSOLE_EVIDENCE], ",reset=confirmed,leftover_posted=0,"));
    cr_assert_not_null(strstr(P->said[CONSOLE_EVIDENCE], ",stale_refused=1,stale_tried=1,budget=restored,"));
}

Test(calls, denials_are_evidence_when_each_has_a_record_and_nothing_is_held_more)
{
    const cap_id sink = cb.roots[CAP_IF_EVIDENCE];
    struct door_nic n;

    says(emit(sink, EVIDENCE_DRIVER_DENIALS, "tried=1"), SYS_E_CONDITION); /* it claimed nothing */
    claim(&n);
    says(emit(sink, EVIDENCE_DRIVER_DENIALS, "tried=0"),
         SYS_E_CONDITION); /* none was tried: but this is one */
    S->processes[0].denials++; /* as the ring counts it */
    const cap_id pool = must(ask(0, n.device, DEVICE_POOL_CREATE, 1, 0));
    says(emit(sink, EVIDENCE_DRIVER_DENIALS, "tried=1"), SYS_E_CONDITION); /* something is held more */
    S->processes[0].denials++;
    good(give_back(0, pool));
    good(emit(sink, EVIDENCE_DRIVER_DENIALS, "tried=2"));
    cr_assert_not_null(strstr(P->said[CONSOLE_EVIDENCE], ",tried=2,denied=2,audited=2,budget=restored\n"));
}

Test(calls, denials_without_a_record_each_are_no_evidence)
{
    const cap_id sink = cb.roots[CAP_IF_EVIDENCE];
    struct door_nic n;

    claim(&n);
    S->processes[0].denials++; /* refused, and nobody recorded it */
    says(emit(sink, EVIDENCE_DRIVER_DENIALS, "tried=1"), SYS_E_CONDITION);
}

Test(calls, a_late_message_comes_once_and_on_a_route_that_is_nobodys)
{
    const cap_id sink = cb.roots[CAP_IF_EVIDENCE];
    const uint64_t active = 1ull << EVIDENCE_PROVIDER_NIC_ACTIVE;
    cap_id interrupt, narrow;
    struct door_nic n;

    says(ask(0, sink, EVIDENCE_LATE_MESSAGE, 1, 0), SYS_E_STATE); /* it claimed nothing */
    claim(&n);
    narrow = must(ask(0, sink, EVIDENCE_NARROW, active, 0));
    says(ask(0, narrow, EVIDENCE_LATE_MESSAGE, 1, 0), SYS_E_NAME);
    interrupt = must(ask(0, n.device, DEVICE_INTERRUPT_CREATE, 0, 0));
    says(ask(0, sink, EVIDENCE_LATE_MESSAGE, 1, 0), SYS_E_STATE); /* none was given back */
    good(give_back(0, interrupt));
    says(ask(0, sink, EVIDENCE_LATE_MESSAGE, 2, 0), SYS_E_VALUE);
    says(ask(0, sink, EVIDENCE_LATE_MESSAGE, 0, 0), SYS_E_STATE); /* none was sent */
    interrupt = must(ask(0, n.device, DEVICE_INTERRUPT_CREATE, 0, 0));
    cr_assert_eq(ask(0, sink, EVIDENCE_LATE_MESSAGE, 1, 0).value, 1u);
    says(ask(0, sink, EVIDENCE_LATE_MESSAGE, 1, 0), SYS_E_STATE); /* once */
    cr_assert_eq(ask(0, sink, EVIDENCE_LATE_MESSAGE, 0, 0).value, 1u);
    cr_assert_eq(ask(0, interrupt, INTERRUPT_POLL, 0, 0).value, 0u);
}

Test(calls, delivered_interrupts_are_no_evidence_before_the_kernel_saw_all_of_it)
{
    static const char facts[] =
        "vector=0 frames=3 delivered=1 acked=1 masked_delivered=0 unmasked_delivered=1 "
        "stale_tried=1 stale_woken=0 successor_delivered=1";
    const cap_id sink = cb.roots[CAP_IF_EVIDENCE];
    struct door_nic n;

    up(&n);
    says(emit(sink, EVIDENCE_INTERRUPT_DELIVERED, facts), SYS_E_CONDITION); /* none came */
    const cap_id first = must(ask(0, n.device, DEVICE_INTERRUPT_CREATE, 0, 0));
    uint16_t route = 0;
    cr_assert(kernel_interrupt_route(K, S->processes[0].owner, first, &route));
    good(ask(0, first, INTERRUPT_MASK, 0, 0));
    for (uint32_t i = 0; i < 2; i++) {
        platform_msi_raise(P, route);
        good(ask(0, first, INTERRUPT_POLL, 0, 0)); /* what was seen is what is acknowledged */
        good(ask(0, first, INTERRUPT_ACK, 0, 0));
    }
    good(give_back(0, first));
    const cap_id next = must(ask(0, n.device, DEVICE_INTERRUPT_CREATE, 0, 0));
    cr_assert(kernel_interrupt_route(K, S->processes[0].owner, next, &route));
    platform_msi_raise(P, route);
    good(give_back(0, n.device));
    S->processes[0].denials++; /* an old handle */
    says(emit(sink, EVIDENCE_INTERRUPT_DELIVERED, facts), SYS_E_CONDITION); /* no late message */
    good(ask(0, sink, EVIDENCE_LATE_MESSAGE, 1, 0));
    good(emit(sink, EVIDENCE_INTERRUPT_DELIVERED, facts));
    cr_assert_not_null(strstr(P->said[CONSOLE_EVIDENCE], ",interrupts=4,budget=restored,"
                                                         "device_autonomous_raise=proven\n"));
}

Test(calls, a_sink_narrows_and_never_widens)
{
    const cap_id root = cb.roots[CAP_IF_EVIDENCE];
    const uint64_t active = 1ull << EVIDENCE_PROVIDER_NIC_ACTIVE;
    cap_id narrow;

    says(ask(0, root, EVIDENCE_NARROW, 1ull << EVIDENCE_AUDIT, 0), SYS_E_NAME);
    says(ask(0, root, EVIDENCE_NARROW, 1ull << 63, 0), SYS_E_NAME);
    narrow = must(ask(0, root, EVIDENCE_NARROW, active, 0));
    says(ask(0, narrow, EVIDENCE_NARROW, active | 1ull << EVIDENCE_FIRST_FRAME, 0), SYS_E_NAME);
    says(emit(narrow, EVIDENCE_FIRST_FRAME, ""), SYS_E_NAME);
    says(emit(narrow, EVIDENCE_PROVIDER_NIC_ACTIVE, "tx_slots=1"), SYS_E_CONDITION);
    /* Its records are used again once it is gone; it goes with its source. */
    for (uint32_t i = 0; i < 3 * CALLS_SINKS_MAX; i++)
        good(give_back(0, must(ask(0, root, EVIDENCE_NARROW, active, 0))));
    good(give_back(0, root));
    throws(ask(0, narrow, EVIDENCE_NARROW, active, 0), CAP_EX_STALE);
}

Test(calls, system_shows_processes_and_handles_and_power_alone_ends_it)
{
    const cap_id system = cb.roots[CAP_IF_SYSTEM], power = cb.roots[CAP_IF_POWER];
    struct system_usage usage;
    struct cap_line line;

    good(ask_with(0, system, SYSTEM_PROCESS, 1, sizeof(struct process_info)));
    says(ask_with(0, system, SYSTEM_PROCESS, 2, sizeof(struct process_info)), SYS_E_VALUE);
    good(ask_with(0, system, SYSTEM_USAGE, 0, sizeof usage));
    memcpy(&usage, cb.range, sizeof usage);
    cr_assert_eq(usage.processes, 2);
    cr_assert_eq(usage.audit_records, kernel_audit_count(K));
    cr_assert(ask_with(0, system, SYSTEM_CAP, 0, sizeof line).result == SYS_E_VALUE); /* slot 0 */
    for (uint16_t method = SYSTEM_EVIDENCE + 1u; method < SYSTEM_EVIDENCE + 4u; method++)
        transports(ask(0, system, method, 1, 0), RING_E_METHOD);
    transports(ask(0, power, POWER_END + 1u, 1, 0), RING_E_METHOD);
    says(ask(0, power, POWER_END, 0, 0), SYS_E_VALUE);
    says(ask(0, power, POWER_END, 3, 0), SYS_E_VALUE);
    cr_assert_eq(cb.calls.power, CALLS_POWER_STAYS);
    good(ask(0, power, POWER_END, 1, 0));
    cr_assert_eq(cb.calls.power, CALLS_POWER_OFF);
    transports(ask_with(0, cb.roots[CAP_IF_ENTROPY], ENTROPY_FILL, 0, 257), RING_E_RANGE);
    good(ask_with(0, cb.roots[CAP_IF_ENTROPY], ENTROPY_FILL, 0, 256));
}

Test(calls, entropy_that_is_good_for_no_secret_is_refused_and_not_shown)
{
    memset(cb.range, 0x5a, 256);
    P->no_entropy = true;
    says(ask_with(0, cb.roots[CAP_IF_ENTROPY], ENTROPY_FILL, 0, 256), SYS_E_STATE);
    for (unsigned i = 0; i < 256; i++)
        cr_assert_eq(cb.range[i], 0x5a);
    P->no_entropy = false;
    good(ask_with(0, cb.roots[CAP_IF_ENTROPY], ENTROPY_FILL, 0, 256));
    cr_assert_eq(cb.range[0], 0);
}
