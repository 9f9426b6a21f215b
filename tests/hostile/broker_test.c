/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver gone bad, in the place of nicd: with the provider's own capabilities it asks the authority for
 * what it must not have. Each misuse is refused with its error and one audit record, and changes nothing. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "provider/tables.h"
#include "tests/support/rig.h"

#define FREE_SLOT 40u /* of 64: 16 are in flight */

struct misuse {
    const char *name;
    struct device_reply (*act)(struct rig *r);
    enum cap_exception exception;
    enum device_error error;
    bool breaks; /* the queue goes to quarantine: driver or device lies, nobody knows which */
};

static struct device_reply ask(struct rig *r, const struct virtq *q, const struct dma_publication *p,
                               uint16_t count)
{
    return r->authority.ops->publish(r->authority.ctx, brokered_unpack(q->ring.handle), p, count);
}

static struct dma_publication one(uint64_t buffer, uint32_t offset, uint32_t length, uint8_t direction,
                                  uint16_t slot)
{
    return (struct dma_publication){
        .slots = {slot},
        .count = 1,
        .segments = {
            {.buffer = brokered_unpack(buffer), .offset = offset, .length = length, .direction = direction}}};
}

static struct dma_publication tx_one(struct rig *r, uint32_t offset, uint32_t length, uint16_t slot)
{
    return one(r->nic.tx_buffer.handle, offset, length, DMA_TO_DEVICE, slot);
}

static struct device_reply buffer_offered_again_early(struct rig *r)
{
    struct dma_publication p =
        one(r->nic.rx_buffer.handle, VNET_DATA_OFFSET, 100, DMA_FROM_DEVICE, FREE_SLOT);
    return ask(r, &r->nic.rx, &p, 1);
}

static struct device_reply one_byte_of_a_published_buffer(struct rig *r)
{
    struct dma_publication p =
        one(r->nic.rx_buffer.handle, VNET_RX_SLOT_BYTES + 1000, 1, DMA_FROM_DEVICE, FREE_SLOT);
    return ask(r, &r->nic.rx, &p, 1);
}

static struct device_reply slot_reused_early(struct rig *r)
{
    const struct device_authority *a = &r->authority;
    struct device_reply fresh = a->ops->buffer_create(a->ctx, r->pool, 4096, DMA_FROM_DEVICE);
    cr_assert(device_reply_ok(fresh));
    struct dma_publication p = one(brokered_pack(fresh.cap), 0, 2048, DMA_FROM_DEVICE, 0);
    return ask(r, &r->nic.rx, &p, 1);
}

static struct device_reply same_slot_twice_in_one_batch(struct rig *r)
{
    struct dma_publication p[2] = {tx_one(r, 0, 100, FREE_SLOT), tx_one(r, 2048, 100, FREE_SLOT)};
    return ask(r, &r->nic.tx, p, 2);
}

static struct device_reply same_buffer_twice_in_one_batch(struct rig *r)
{
    struct dma_publication p[2] = {tx_one(r, 0, 100, FREE_SLOT), tx_one(r, 0, 100, FREE_SLOT + 1)};
    return ask(r, &r->nic.tx, p, 2);
}

static struct device_reply same_bytes_twice_in_one_chain(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 100, FREE_SLOT);
    p.count = 2;
    p.slots[1] = FREE_SLOT + 1;
    p.segments[1] = p.segments[0];
    p.segments[1].offset = 99;
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply chain_that_loops(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 100, FREE_SLOT);
    p.count = 2;
    p.slots[1] = FREE_SLOT;
    p.segments[1] = p.segments[0];
    p.segments[1].offset = 2048;
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply chain_too_long(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 100, FREE_SLOT);
    p.count = DMA_CHAIN_MAX + 1;
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply chain_of_nothing(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 100, FREE_SLOT);
    p.count = 0;
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply batch_too_long(struct rig *r)
{
    static struct dma_publication p[DMA_BATCH_MAX + 1];
    for (uint32_t i = 0; i <= DMA_BATCH_MAX; i++)
        p[i] = tx_one(r, 64 * i, 64, (uint16_t)(i % 64));
    return ask(r, &r->nic.tx, p, DMA_BATCH_MAX + 1);
}

static struct device_reply slot_out_of_range(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 100, 64);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply transmit_buffer_named_writable(struct rig *r)
{
    struct dma_publication p = one(r->nic.tx_buffer.handle, 0, 100, DMA_FROM_DEVICE, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply direction_of_nothing(struct rig *r)
{
    struct dma_publication p = one(r->nic.tx_buffer.handle, 0, 100, 0, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply writable_before_readable(struct rig *r)
{
    const struct device_authority *a = &r->authority;
    struct device_reply fresh = a->ops->buffer_create(a->ctx, r->pool, 4096, DMA_FROM_DEVICE);
    cr_assert(device_reply_ok(fresh));
    struct dma_publication p = one(brokered_pack(fresh.cap), 0, 100, DMA_FROM_DEVICE, FREE_SLOT);
    p.count = 2;
    p.slots[1] = FREE_SLOT + 1;
    p.segments[1] = tx_one(r, 0, 100, 0).segments[0];
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply length_of_nothing(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 0, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply beyond_the_buffer(struct rig *r)
{
    struct dma_publication p = tx_one(r, 16 * 2048 - 1, 2, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply offset_plus_length_wraps(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0xfffffff0u, 0x20, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply forged_buffer(struct rig *r)
{
    cap_id forged = brokered_unpack(r->nic.tx_buffer.handle);
    forged.generation++;
    struct dma_publication p = one(brokered_pack(forged), 0, 100, DMA_TO_DEVICE, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply no_buffer(struct rig *r)
{
    struct dma_publication p = one(0, 0, 100, DMA_TO_DEVICE, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply queue_named_as_buffer(struct rig *r)
{
    struct dma_publication p = one(r->nic.tx.ring.handle, 0, 100, DMA_TO_DEVICE, FREE_SLOT);
    return ask(r, &r->nic.tx, &p, 1);
}

static struct device_reply buffer_named_as_queue(struct rig *r)
{
    struct dma_publication p = tx_one(r, 0, 100, FREE_SLOT);
    return r->authority.ops->publish(r->authority.ctx, brokered_unpack(r->nic.tx_buffer.handle), &p, 1);
}

static struct device_reply published_buffer_destroyed(struct rig *r)
{
    return r->authority.ops->buffer_destroy(r->authority.ctx, brokered_unpack(r->nic.rx_buffer.handle));
}

static struct device_reply running_queue_destroyed(struct rig *r)
{
    return r->authority.ops->queue_destroy(r->authority.ctx, brokered_unpack(r->nic.rx.ring.handle));
}

static struct device_reply second_ring_for_a_running_queue(struct rig *r)
{
    struct dma_queue_view view;
    return r->authority.ops->queue_create(r->authority.ctx, r->pool, r->registers_brokered.registers, 0, 64,
                                          0, 1, &view);
}

static struct device_reply ring_of_three(struct rig *r)
{
    struct dma_queue_view view;
    return r->authority.ops->queue_create(r->authority.ctx, r->pool, r->registers_brokered.registers, 2, 3, 2,
                                          1, &view);
}

static struct device_reply bell_beyond_the_window(struct rig *r)
{
    struct dma_queue_view view;
    return r->authority.ops->queue_create(r->authority.ctx, r->pool, r->registers_brokered.registers, 2, 64,
                                          0x4000, 1, &view);
}

/* Rows differ by transport; the roles are the same. */
static uint16_t row(const struct rig *r, uint16_t modern, uint16_t legacy)
{
    return r->nic.probe.kind == VIRTIO_MODERN ? modern : legacy;
}

static struct device_reply write_row(struct rig *r, uint16_t at, uint16_t index, uint32_t value)
{
    return r->authority.ops->reg_write(r->authority.ctx, r->registers_brokered.registers, at, index, value);
}

static struct device_reply bell_of_no_queue(struct rig *r)
{
    return write_row(r, row(r, MODERN_BELL, LEGACY_QUEUE_NOTIFY), 0, 2);
}

static struct device_reply bell_out_of_range(struct rig *r)
{
    return write_row(r, row(r, MODERN_BELL, LEGACY_QUEUE_NOTIFY), 0, 0xffff);
}

static struct device_reply bell_of_a_queue_not_enabled(struct rig *r)
{
    struct dma_queue_view view;
    struct device_reply made = r->authority.ops->queue_create(
        r->authority.ctx, r->pool, r->registers_brokered.registers, 2, 64, 2, 1, &view);
    cr_assert(device_reply_ok(made), "%s", device_error_name(made.error));
    return bell_of_no_queue(r);
}

static struct device_reply row_outside_the_table(struct rig *r)
{
    return write_row(r, row(r, MODERN_ROWS, LEGACY_ROWS), 0, 0);
}

static struct device_reply address_by_plain_write(struct rig *r)
{
    return write_row(r, row(r, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN), 0, 0x1000);
}

static struct device_reply address_read_back(struct rig *r)
{
    return r->authority.ops->reg_read(r->authority.ctx, r->registers_brokered.registers,
                                      row(r, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN), 0);
}

static struct device_reply address_while_running(struct rig *r)
{
    return r->authority.ops->reg_write_address(r->authority.ctx, r->registers_brokered.registers,
                                               row(r, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN),
                                               brokered_unpack(r->nic.rx.ring.handle));
}

static struct device_reply features_while_running(struct rig *r)
{
    return write_row(r, row(r, MODERN_DRIVER_FEATURE, LEGACY_GUEST_FEATURES), 0, 0);
}

static struct device_reply read_only_row_written(struct rig *r)
{
    return write_row(r, row(r, MODERN_QUEUE_SIZE, LEGACY_QUEUE_SIZE), 0, 64);
}

static struct device_reply configuration_written(struct rig *r)
{
    return write_row(r, row(r, MODERN_CONFIG, LEGACY_CONFIG), 0, 0x52);
}

static struct device_reply index_beyond_the_row(struct rig *r)
{
    return r->authority.ops->reg_read(r->authority.ctx, r->registers_brokered.registers,
                                      row(r, MODERN_CONFIG, LEGACY_CONFIG), 8);
}

static struct device_reply bits_outside_the_mask(struct rig *r)
{
    return write_row(r, row(r, MODERN_STATUS, LEGACY_STATUS), 0, 0x40);
}

static struct device_reply registers_opened_twice(struct rig *r)
{
    return r->authority.ops->open_registers(r->authority.ctx, r->device, r->nic.transport->table,
                                            r->nic.probe.windows);
}

static struct device_reply function_claimed_twice(struct rig *r)
{
    return r->authority.ops->claim(r->authority.ctx, r->bdf);
}

static struct device_reply function_that_is_not(struct rig *r)
{
    return r->authority.ops->claim(r->authority.ctx, 0x00f8);
}

static struct device_reply pool_of_nothing(struct rig *r)
{
    return r->authority.ops->pool_create(r->authority.ctx, r->device, 0);
}

static struct device_reply vector_beyond_the_table(struct rig *r)
{
    return r->authority.ops->interrupt_create(r->authority.ctx, r->device, 2000);
}

static const struct misuse misuses[] = {
    {"a buffer offered again before the broker saw it complete", buffer_offered_again_early, CAP_EX_NONE,
     DEV_E_BUSY, true},
    {"one byte of a published buffer", one_byte_of_a_published_buffer, CAP_EX_NONE, DEV_E_BUSY, true},
    {"a slot reused before the broker saw it complete", slot_reused_early, CAP_EX_NONE, DEV_E_SLOT, true},
    {"a slot twice in a batch", same_slot_twice_in_one_batch, CAP_EX_NONE, DEV_E_SLOT, false},
    {"a buffer twice in a batch", same_buffer_twice_in_one_batch, CAP_EX_NONE, DEV_E_BUSY, false},
    {"bytes twice in a chain", same_bytes_twice_in_one_chain, CAP_EX_NONE, DEV_E_BUSY, false},
    {"a chain that loops", chain_that_loops, CAP_EX_NONE, DEV_E_SLOT, false},
    {"a chain too long", chain_too_long, CAP_EX_NONE, DEV_E_CHAIN, false},
    {"a chain of nothing", chain_of_nothing, CAP_EX_NONE, DEV_E_CHAIN, false},
    {"a batch too long", batch_too_long, CAP_EX_NONE, DEV_E_CHAIN, false},
    {"a slot out of range", slot_out_of_range, CAP_EX_NONE, DEV_E_SLOT, false},
    {"a transmit buffer named writable", transmit_buffer_named_writable, CAP_EX_NONE, DEV_E_DIRECTION, false},
    {"a direction that is none", direction_of_nothing, CAP_EX_NONE, DEV_E_DIRECTION, false},
    {"writable before readable", writable_before_readable, CAP_EX_NONE, DEV_E_DIRECTION, false},
    {"a length of 0", length_of_nothing, CAP_EX_NONE, DEV_E_RANGE, false},
    {"bytes beyond the buffer", beyond_the_buffer, CAP_EX_NONE, DEV_E_RANGE, false},
    {"offset plus length wraps", offset_plus_length_wraps, CAP_EX_NONE, DEV_E_RANGE, false},
    {"a forged buffer", forged_buffer, CAP_EX_STALE, DEV_OK, false},
    {"no buffer", no_buffer, CAP_EX_INVALID, DEV_OK, false},
    {"a queue named as buffer", queue_named_as_buffer, CAP_EX_INTERFACE, DEV_OK, false},
    {"a buffer named as queue", buffer_named_as_queue, CAP_EX_INTERFACE, DEV_OK, false},
    {"a published buffer destroyed", published_buffer_destroyed, CAP_EX_NONE, DEV_E_BUSY, false},
    {"a running queue destroyed", running_queue_destroyed, CAP_EX_NONE, DEV_E_BUSY, false},
    {"a second ring for a running queue", second_ring_for_a_running_queue, CAP_EX_NONE, DEV_E_BUSY, false},
    {"a ring of three", ring_of_three, CAP_EX_NONE, DEV_E_QUEUE_SIZE, false},
    {"a bell of a queue that is not", bell_of_no_queue, CAP_EX_NONE, DEV_E_QUEUE, false},
    {"a bell of a queue not enabled", bell_of_a_queue_not_enabled, CAP_EX_NONE, DEV_E_QUEUE, false},
    {"a bell out of range", bell_out_of_range, CAP_EX_NONE, DEV_E_QUEUE, false},
    {"a row outside the table", row_outside_the_table, CAP_EX_NONE, DEV_E_REGISTER, false},
    {"an address by a plain write", address_by_plain_write, CAP_EX_NONE, DEV_E_REGISTER, false},
    {"an address read back", address_read_back, CAP_EX_NONE, DEV_E_REGISTER, false},
    {"an address while running", address_while_running, CAP_EX_NONE, DEV_E_STATE, false},
    {"features while running", features_while_running, CAP_EX_NONE, DEV_E_STATE, false},
    {"a read-only row written", read_only_row_written, CAP_EX_NONE, DEV_E_REGISTER, false},
    {"the configuration written", configuration_written, CAP_EX_NONE, DEV_E_REGISTER, false},
    {"an index beyond the row", index_beyond_the_row, CAP_EX_NONE, DEV_E_VALUE, false},
    {"bits outside the mask", bits_outside_the_mask, CAP_EX_NONE, DEV_E_VALUE, false},
    {"registers opened twice", registers_opened_twice, CAP_EX_NONE, DEV_E_STATE, false},
    {"a function claimed twice", function_claimed_twice, CAP_EX_NONE, DEV_E_CLAIMED, false},
    {"a function that is not", function_that_is_not, CAP_EX_NONE, DEV_E_NO_FUNCTION, false},
    {"a pool of nothing", pool_of_nothing, CAP_EX_NONE, DEV_E_RANGE, false},
    {"a vector beyond the table", vector_beyond_the_table, CAP_EX_NONE, DEV_E_VECTOR, false},
};

static void bring_up(struct rig *r, enum dm_transport transport)
{
    const struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    rig_open(r, &config);
    cr_assert(rig_attach(r) == PROVIDER_OK);
    cr_assert(rig_start(r) == VNET_RUNNING);
    cr_assert(rig_exchange(r, 4) == 4);
    /* What is complete is taken in: a refused call must not look as if it had changed the count. */
    for (uint32_t i = 0; i < 2; i++) {
        const struct virtq *q = i == 0 ? &r->nic.rx : &r->nic.tx;
        cr_assert(device_reply_ok(r->authority.ops->reap(r->authority.ctx, brokered_unpack(q->ring.handle))));
    }
    cr_assert(rig_drain_audit(r));
}

/* Everything goes back, nothing was complained of. */
static void end(struct rig *r, const char *name)
{
    enum vnet_state state = rig_stop(r);
    cr_assert(state == VNET_STOPPED, "%s: stop ended in %d", name, (int)state);
    cr_assert(device_reply_ok(rig_take_back(r)), "%s: not released", name);
    cr_assert(rig_usage_restored(r), "%s: usage differs", name);
    cr_assert(rig_complaints(r) == 0, "%s: %s", name, rig_complaint(r));
    rig_close(r);
}

/* A broken queue takes nothing more; the driver learns it and stops. */
static void check_broken(struct rig *r, const char *name)
{
    struct dma_publication p = tx_one(r, 0, 100, FREE_SLOT);
    bool rx = r->kernel->devices.queues[0].broken != 0;
    struct device_reply reply = rx ? ask(r, &r->nic.rx, &p, 1) : ask(r, &r->nic.tx, &p, 1);
    cr_assert(reply.error == DEV_E_COMPLETION, "%s: the queue goes on: %s", name,
              device_error_name(reply.error));
    reply = write_row(r, row(r, MODERN_BELL, LEGACY_QUEUE_NOTIFY), 0, rx ? 0 : 1);
    cr_assert(reply.error == DEV_E_QUEUE, "%s: its bell rings: %s", name, device_error_name(reply.error));
    (void)rig_exchange(r, 40);
    cr_assert(r->nic.error == PROVIDER_E_REFUSED, "%s: the provider ends with %s", name,
              provider_error_name(r->nic.error));
}

/* Some take a buffer or a queue of their own first: usage is then theirs. */
static bool took_more(const struct misuse *m)
{
    return m->act == slot_reused_early || m->act == writable_before_readable ||
           m->act == bell_of_a_queue_not_enabled;
}

static void misuse(enum dm_transport transport, const struct misuse *m)
{
    struct rig rig;
    bring_up(&rig, transport);
    struct kernel_usage before = kernel_usage(rig.kernel);
    uint32_t denials = rig.audited[AUDIT_DENIAL];
    uint64_t writes = kernel_stats(rig.kernel)->register_writes;
    uint64_t early = kernel_stats(rig.kernel)->early_offers;
    struct device_reply reply = m->act(&rig);
    cr_assert(reply.exception == m->exception && reply.error == m->error, "%s: %s, %s", m->name,
              cap_exception_name(reply.exception), device_error_name(reply.error));
    cr_assert(rig_drain_audit(&rig));
    cr_assert(rig.audited[AUDIT_DENIAL] == denials + 1, "%s: %u audit records", m->name,
              rig.audited[AUDIT_DENIAL] - denials);
    cr_assert(kernel_stats(rig.kernel)->register_writes == writes, "%s: a register was written", m->name);
    cr_assert(kernel_stats(rig.kernel)->early_offers == early + (m->breaks ? 1u : 0u), "%s: early offers",
              m->name);
    struct kernel_usage after = kernel_usage(rig.kernel);
    if (!took_more(m))
        cr_assert(rig_usage_same(&after, &before), "%s: usage changed", m->name);
    if (m->breaks)
        check_broken(&rig, m->name);
    else
        cr_assert(rig_exchange(&rig, 24) == 24, "%s: traffic is disturbed", m->name);
    end(&rig, m->name);
}

Test(broker, each_misuse_is_refused_and_recorded_on_legacy)
{
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++)
        misuse(DM_LEGACY, &misuses[i]);
}

Test(broker, each_misuse_is_refused_and_recorded_on_modern)
{
    static const struct misuse bell = {"a bell beyond the window", bell_beyond_the_window, CAP_EX_NONE,
                                       DEV_E_VALUE, false};
    for (size_t i = 0; i < sizeof misuses / sizeof misuses[0]; i++)
        misuse(DM_MODERN, &misuses[i]);
    misuse(DM_MODERN, &bell);
}

/* Before the features are fixed no queue is programmed, enabled or rung, whatever the driver holds (3.1.1).
 */
static void too_early(enum dm_transport transport)
{
    struct rig rig;
    struct dma_queue_view view;
    const struct rig_config config = rig_defaults(transport, RIG_BROKERED);
    rig_open(&rig, &config);
    cr_assert(rig_attach(&rig) == PROVIDER_OK);
    for (uint32_t i = 0; i < 8 && !(rig.nic.state == VNET_STARTING && rig.nic.step == VNET_STEP_FEATURES);
         i++)
        (void)rig_turn(&rig);
    cr_assert(kernel_device_state(rig.kernel, rig.bdf) == DEVICE_RESET);
    const struct device_authority *a = &rig.authority;
    cap_id registers = rig.registers_brokered.registers;
    struct device_reply queue = a->ops->queue_create(a->ctx, rig.pool, registers, 0, 64, 0, 1, &view);
    cr_assert(device_reply_ok(queue));
    cr_assert(device_reply_ok(write_row(&rig, row(&rig, MODERN_QUEUE_SELECT, LEGACY_QUEUE_SELECT), 0, 0)));
    uint64_t writes = kernel_stats(rig.kernel)->register_writes;
    uint16_t address = row(&rig, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN);
    cr_assert(a->ops->reg_write_address(a->ctx, registers, address, queue.cap).error == DEV_E_STATE);
    if (transport == DM_MODERN)
        cr_assert(write_row(&rig, MODERN_QUEUE_ENABLE, 0, 1).error == DEV_E_STATE);
    cr_assert(write_row(&rig, row(&rig, MODERN_BELL, LEGACY_QUEUE_NOTIFY), 0, 0).error == DEV_E_STATE);
    struct dma_publication p = {.count = 1};
    cr_assert(a->ops->publish(a->ctx, queue.cap, &p, 1).error == DEV_E_QUEUE);
    cr_assert(kernel_stats(rig.kernel)->register_writes == writes);
    cr_assert(device_reply_ok(a->ops->queue_destroy(a->ctx, queue.cap)));
    cr_assert(rig_start(&rig) == VNET_RUNNING);
    end(&rig, "too early");
}

Test(broker, nothing_is_programmed_before_the_features_are_fixed)
{
    too_early(DM_LEGACY);
    too_early(DM_MODERN);
}

/* What the provider refuses of its caller: slots that are not the caller's, lengths that are no frame's.
 * Counted, and nothing else happens. */
Test(broker, slots_that_are_not_lent_are_refused_and_counted)
{
    for (unsigned at = 0; at < 2; at++) {
        struct rig rig;
        bring_up(&rig, at ? DM_MODERN : DM_LEGACY);
        struct kernel_usage before = kernel_usage(rig.kernel);
        const uint16_t posted = 3;
        const uint16_t beyond = rig.nic.rx_slots;
        vnet_recycle(&rig.nic, &posted, 1);
        vnet_recycle(&rig.nic, &beyond, 1);
        cr_assert(rig.nic.counters.refused == 2);
        struct nic_tx_frame never_taken = {.slot = 5, .length = 60};
        cr_assert(vnet_send(&rig.nic, &never_taken, 1) == 0);
        uint16_t slot;
        cr_assert(vnet_tx_take(&rig.nic, &slot, 1) == 1);
        struct nic_tx_frame wrong[] = {{slot, 13}, {slot, NIC_FRAME_BYTES_MAX + 1}, {rig.nic.tx_slots, 60}};
        for (uint32_t i = 0; i < 3; i++)
            cr_assert(vnet_send(&rig.nic, &wrong[i], 1) == 0);
        cr_assert(rig.nic.counters.refused == 6);
        vnet_tx_return(&rig.nic, &slot, 1);
        vnet_tx_return(&rig.nic, &slot, 1);
        cr_assert(rig.nic.counters.refused == 7);
        struct kernel_usage after = kernel_usage(rig.kernel);
        cr_assert(rig_usage_same(&after, &before));
        cr_assert(rig_exchange(&rig, 24) == 24);
        end(&rig, "slots");
    }
}

/* The used ring as the device writes it: what the driver has mapped read-only is the same memory. */
static uint8_t *used_ring(const struct virtq *q)
{
    return (uint8_t *)(uintptr_t)q->ring.device_area;
}

static void store_element(uint8_t *ring, uint16_t at, uint32_t id, uint32_t length)
{
    memcpy(ring + SPLIT_RING_OFFSET + 8u * at, &id, sizeof id);
    memcpy(ring + SPLIT_RING_OFFSET + 8u * at + 4, &length, sizeof length);
}

/* The n-th head in flight of a queue. */
static uint16_t head_in_flight(const struct virtq *q, uint16_t n)
{
    for (uint16_t i = 0; i < q->size; i++)
        if (q->slots[i].state == VIRTQ_SLOT_HEAD && n-- == 0)
            return i;
    return VIRTQ_NO_SLOT;
}

/* Z1 across the two readers: the driver saw the one element, the broker sees the other. The broker's record
 * decides. */
static void element_changes_between_driver_and_broker(enum dm_transport transport)
{
    struct rig rig;
    bring_up(&rig, transport);
    const struct virtq *q = &rig.nic.rx;
    uint8_t *ring = used_ring(q);
    uint16_t next = q->used_seen;
    uint16_t index = (uint16_t)(next + 1u);
    uint16_t first = head_in_flight(q, 0);
    uint16_t second = head_in_flight(q, 1);
    struct nic_rx_frame frame;
    cr_assert(second != VIRTQ_NO_SLOT);
    /* A frame as a device would have written it: num_buffers is 1. */
    rig.nic.rx_buffer.cpu[q->slots[first].cookie * VNET_RX_SLOT_BYTES + VNET_DATA_OFFSET - 2] = 1;
    store_element(ring, next % q->size, first, 80);
    memcpy(ring + SPLIT_INDEX_OFFSET, &index, sizeof index);
    cr_assert(vnet_receive(&rig.nic, &frame, 1) == 1, "the forged frame was not taken in");
    store_element(ring, next % q->size, second, 80);
    vnet_recycle(&rig.nic, &frame.slot, 1);
    cr_assert(rig.nic.error == PROVIDER_E_REFUSED, "ended with %s", provider_error_name(rig.nic.error));
    cr_assert(rig.author_brokered.last.error == DEV_E_BUSY || rig.author_brokered.last.error == DEV_E_SLOT,
              "%s", device_error_name(rig.author_brokered.last.error));
    cr_assert(kernel_stats(rig.kernel)->early_offers == 1);
    cr_assert(rig.nic.leftovers.half_published == 1);
    cr_assert(rig_stop(&rig) == VNET_STOPPED);
    cr_assert(device_reply_ok(rig_take_back(&rig)));
    cr_assert(rig_usage_restored(&rig));
    cr_assert(rig_complaints(&rig) == 0, "%s", rig_complaint(&rig));
    rig_close(&rig);
}

Test(broker, element_changed_between_two_reads_is_an_early_offer_on_legacy)
{
    element_changes_between_driver_and_broker(DM_LEGACY);
}

Test(broker, element_changed_between_two_reads_is_an_early_offer_on_modern)
{
    element_changes_between_driver_and_broker(DM_MODERN);
}
