/* SPDX-License-Identifier: BSD-2-Clause */
/* The brokered registers and author against a scripted authority: what is asked, and what each refusal
 * becomes. */
#include <criterion/criterion.h>
#include <string.h>

#include "provider/brokered.h"
#include "provider/tables.h"

struct authority {
    struct device_reply reply; /* what every call answers, but for `map` and `destroy` */
    struct device_reply map, destroy;
    uint32_t calls, destroyed, released;
    cap_id last_cap;
    uint32_t row, index, value;
    struct dma_publication batch[DMA_BATCH_MAX];
    uint16_t count;
    struct dma_queue_view view;
};

static struct device_reply on_info(void *ctx, cap_id device, struct pci_function_info *out)
{
    (void)device, (void)out;
    return ((struct authority *)ctx)->reply;
}

static struct device_reply on_claim(void *ctx, uint16_t bdf)
{
    (void)bdf;
    return ((struct authority *)ctx)->reply;
}

static struct device_reply on_open(void *ctx, cap_id device, const struct reg_table *table,
                                   const struct reg_window *windows)
{
    struct authority *a = ctx;

    (void)table, (void)windows;
    a->calls++;
    a->last_cap = device;
    return a->reply;
}

static struct device_reply on_read(void *ctx, cap_id registers, uint16_t row, uint16_t index)
{
    struct authority *a = ctx;

    a->calls++;
    a->last_cap = registers;
    a->row = row;
    a->index = index;
    return a->reply;
}

static struct device_reply on_write(void *ctx, cap_id registers, uint16_t row, uint16_t index, uint32_t value)
{
    struct authority *a = ctx;

    on_read(ctx, registers, row, index);
    a->value = value;
    return a->reply;
}

static struct device_reply on_write_address(void *ctx, cap_id registers, uint16_t row, cap_id queue)
{
    struct authority *a = ctx;

    (void)registers;
    a->calls++;
    a->row = row;
    a->last_cap = queue;
    return a->reply;
}

static struct device_reply on_cap(void *ctx, cap_id cap)
{
    struct authority *a = ctx;

    a->calls++;
    a->last_cap = cap;
    return a->reply;
}

static struct device_reply on_map(void *ctx, cap_id cap)
{
    (void)cap;
    return ((struct authority *)ctx)->map;
}

static struct device_reply on_destroy(void *ctx, cap_id cap)
{
    struct authority *a = ctx;

    a->last_cap = cap;
    a->destroyed++;
    return a->destroy;
}

static struct device_reply on_release(void *ctx, cap_id cap)
{
    struct authority *a = ctx;

    a->last_cap = cap;
    a->released++;
    return a->reply;
}

static struct device_reply on_buffer(void *ctx, cap_id pool, uint32_t bytes, uint8_t direction)
{
    struct authority *a = ctx;

    (void)bytes, (void)direction;
    a->last_cap = pool;
    return a->reply;
}

static struct device_reply on_queue(void *ctx, cap_id pool, cap_id registers, uint16_t queue, uint16_t size,
                                    uint16_t bell_index, uint16_t avail_flags, struct dma_queue_view *out)
{
    struct authority *a = ctx;

    (void)pool, (void)registers, (void)queue, (void)bell_index, (void)avail_flags;
    *out = a->view;
    out->size = size;
    return a->reply;
}

static struct device_reply on_publish(void *ctx, cap_id queue, const struct dma_publication *batch,
                                      uint16_t count)
{
    struct authority *a = ctx;

    a->last_cap = queue;
    a->count = count;
    memcpy(a->batch, batch, count * sizeof *batch);
    return a->reply;
}

static const struct device_authority_ops ops = {
    .claim = on_claim,
    .info = on_info,
    .open_registers = on_open,
    .reg_read = on_read,
    .reg_write = on_write,
    .reg_write_address = on_write_address,
    .enable_dma = on_cap,
    .buffer_create = on_buffer,
    .buffer_map = on_map,
    .buffer_destroy = on_destroy,
    .queue_create = on_queue,
    .publish = on_publish,
    .queue_destroy = on_destroy,
    .release = on_release,
};

static struct authority authority;
static const struct device_authority handle = {&ops, &authority};
static struct registers_brokered rb;
static struct author_brokered ab;
static const cap_id device = {3, 7}, pool = {4, 9}, thing = {5, 0xfffffffeu};
static uint8_t memory[4096];

static struct registers registers_here(void)
{
    memset(&authority, 0, sizeof authority);
    authority.reply.cap = thing;
    authority.map.value = (uintptr_t)memory;
    authority.view.device_area = memory;
    return registers_brokered_init(&rb, &handle, device);
}

Test(brokered, a_handle_survives_being_packed)
{
    static const cap_id caps[] = {{1, 0}, {0xffffffffu, 0xffffffffu}, {5, 0xfffffffeu}};

    for (int i = 0; i < 3; i++)
        cr_assert(cap_same(brokered_unpack(brokered_pack(caps[i])), caps[i]));
}

Test(brokered, registers_go_by_row_and_capability)
{
    struct registers r = registers_here();

    cr_assert_eq(r.ops->open(r.ctx, &virtio_net_legacy_table, NULL), PROVIDER_OK);
    cr_assert(cap_same(authority.last_cap, device));
    cr_assert(cap_same(rb.registers, thing));
    authority.reply.value = 0x1234567;
    struct reg_value v = r.ops->read(r.ctx, 5, 3);
    cr_assert_eq(v.error, PROVIDER_OK);
    cr_assert_eq(v.value.untrusted, 0x1234567);
    cr_assert_eq(authority.row, 5);
    cr_assert_eq(authority.index, 3);
    cr_assert(cap_same(authority.last_cap, thing));
    cr_assert_eq(r.ops->write(r.ctx, 6, 2, 99), PROVIDER_OK);
    cr_assert_eq(authority.value, 99);
    struct provider_ring ring = {.handle = brokered_pack(pool)};
    cr_assert_eq(r.ops->write_address(r.ctx, 2, &ring), PROVIDER_OK);
    cr_assert(cap_same(authority.last_cap, pool));
    cr_assert_eq(r.ops->enable_dma(r.ctx), PROVIDER_OK);
    cr_assert(cap_same(authority.last_cap, device));
    r.ops->disable_dma(r.ctx);
    r.ops->close(r.ctx);
    cr_assert_eq(authority.released, 1);
    cr_assert(cap_same(authority.last_cap, thing));
    r.ops->close(r.ctx);
    cr_assert_eq(authority.released, 1, "given back once");
}

Test(brokered, every_refusal_of_a_register_is_kept_and_counted)
{
    struct registers r = registers_here();
    struct provider_ring ring = {0};

    authority.reply.exception = CAP_EX_STALE;
    cr_assert_eq(r.ops->open(r.ctx, &virtio_net_legacy_table, NULL), PROVIDER_E_REGISTER);
    cr_assert(cap_is_none(rb.registers));
    cr_assert_eq(r.ops->read(r.ctx, 0, 0).error, PROVIDER_E_REGISTER);
    authority.reply = (struct device_reply){.error = DEV_E_VALUE};
    cr_assert_eq(r.ops->write(r.ctx, 0, 0, 0), PROVIDER_E_REGISTER);
    cr_assert_eq(r.ops->write_address(r.ctx, 0, &ring), PROVIDER_E_REGISTER);
    cr_assert_eq(r.ops->enable_dma(r.ctx), PROVIDER_E_REGISTER);
    cr_assert_eq(rb.refused, 5);
    cr_assert_eq(rb.last.error, DEV_E_VALUE);
}

Test(brokered, each_refusal_of_memory_has_its_own_error)
{
    static const struct {
        enum cap_exception exception;
        enum device_error error;
        enum provider_error want;
    } cases[] = {
        {CAP_EX_BUDGET, DEV_OK, PROVIDER_E_MEMORY},
        {CAP_EX_EXHAUSTED, DEV_OK, PROVIDER_E_MEMORY},
        {CAP_EX_NO_SLOT, DEV_OK, PROVIDER_E_MEMORY},
        {CAP_EX_STALE, DEV_OK, PROVIDER_E_REFUSED},
        {CAP_EX_AUDIT_FULL, DEV_OK, PROVIDER_E_REFUSED},
        {CAP_EX_NONE, DEV_E_NO_MEMORY, PROVIDER_E_MEMORY},
        {CAP_EX_NONE, DEV_E_BUSY, PROVIDER_E_BUSY},
        {CAP_EX_NONE, DEV_E_QUEUE_SIZE, PROVIDER_E_QUEUE_SIZE},
        {CAP_EX_NONE, DEV_E_COMPLETION, PROVIDER_E_REFUSED},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct provider_buffer buffer = {.cpu = memory, .handle = brokered_pack(thing)};
        struct provider_ring ring = {.handle = brokered_pack(thing), .size = 8};
        struct author_segment s = {.length = 1};

        registers_here();
        struct author a = author_brokered_init(&ab, &handle, pool, &rb);
        authority.reply = (struct device_reply){.exception = cases[i].exception, .error = cases[i].error};
        authority.destroy = authority.reply;
        struct provider_buffer kept = buffer;
        cr_assert_eq(a.ops->buffer_create(a.ctx, 1, DMA_TO_DEVICE, &kept), cases[i].want);
        cr_assert_eq(memcmp(&kept, &buffer, sizeof kept), 0, "nothing is held on failure");
        cr_assert_eq(a.ops->queue_create(a.ctx, 0, 8, 0, 1, &ring), cases[i].want);
        cr_assert_eq(a.ops->publish(a.ctx, &ring, &s, 1), cases[i].want);
        cr_assert_eq(a.ops->queue_destroy(a.ctx, &ring), cases[i].want);
        cr_assert_eq(ring.size, 8, "still held");
        cr_assert_eq(a.ops->buffer_destroy(a.ctx, &buffer), cases[i].want);
        cr_assert_not_null(buffer.cpu);
        cr_assert_eq(ab.refused, 5);
    }
}

Test(brokered, a_buffer_that_cannot_be_mapped_goes_back_at_once)
{
    struct provider_buffer buffer = {0};

    registers_here();
    struct author a = author_brokered_init(&ab, &handle, pool, &rb);
    authority.map = (struct device_reply){.exception = CAP_EX_NO_SLOT};
    cr_assert_eq(a.ops->buffer_create(a.ctx, 10, DMA_TO_DEVICE, &buffer), PROVIDER_E_MEMORY);
    cr_assert_eq(authority.destroyed, 1);
    cr_assert(cap_same(authority.last_cap, thing));
    cr_assert_null(buffer.cpu);
    cr_assert_eq(buffer.bytes, 0, "nothing is held on failure");
}

Test(brokered, a_buffer_that_is_neither_mapped_nor_taken_back_is_not_forgotten)
{
    struct provider_buffer buffer = {0};

    registers_here();
    struct author a = author_brokered_init(&ab, &handle, pool, &rb);
    authority.map = (struct device_reply){.exception = CAP_EX_NO_SLOT};
    authority.destroy = (struct device_reply){.error = DEV_E_BUSY};
    cr_assert_eq(a.ops->buffer_create(a.ctx, 10, DMA_TO_DEVICE, &buffer), PROVIDER_E_MEMORY);
    cr_assert_null(buffer.cpu);
    cr_assert_eq(buffer.bytes, 10);
    authority.destroy = (struct device_reply){0};
    cr_assert_eq(a.ops->buffer_destroy(a.ctx, &buffer), PROVIDER_OK);
    cr_assert(cap_same(authority.last_cap, thing));
    cr_assert_eq(authority.destroyed, 2);
    cr_assert_eq(buffer.bytes, 0);
}

Test(brokered, a_flat_batch_becomes_publications_chain_by_chain)
{
    struct author_segment s[4] = {
        {brokered_pack(thing), 0, 10, 7, DMA_TO_DEVICE, 1},
        {brokered_pack(thing), 10, 60, 2, DMA_TO_DEVICE, 0},
        {brokered_pack(pool), 4096, 100, 5, DMA_FROM_DEVICE, 0},
        {brokered_pack(thing), 1, 2, 3, DMA_TO_DEVICE, 0},
    };
    struct provider_ring ring;
    struct provider_buffer buffer;

    registers_here();
    struct author a = author_brokered_init(&ab, &handle, pool, &rb);
    cr_assert_eq(a.ops->queue_create(a.ctx, 1, 16, 3, 1, &ring), PROVIDER_OK);
    cr_assert_eq(ring.queue, 1);
    cr_assert_eq(ring.size, 16);
    cr_assert_eq(ring.bell_index, 3);
    cr_assert_eq(a.ops->publish(a.ctx, &ring, s, 4), PROVIDER_OK);
    cr_assert(cap_same(authority.last_cap, thing));
    cr_assert_eq(authority.count, 3);
    cr_assert_eq(authority.batch[0].count, 2);
    cr_assert_eq(authority.batch[0].slots[0], 7);
    cr_assert_eq(authority.batch[0].slots[1], 2);
    cr_assert_eq(authority.batch[0].segments[1].offset, 10);
    cr_assert_eq(authority.batch[1].count, 1);
    cr_assert(cap_same(authority.batch[1].segments[0].buffer, pool));
    cr_assert_eq(authority.batch[1].segments[0].direction, DMA_FROM_DEVICE);
    cr_assert_eq(authority.batch[2].slots[0], 3);
    cr_assert_eq(a.ops->buffer_create(a.ctx, 10, DMA_TO_DEVICE, &buffer), PROVIDER_OK);
    cr_assert_eq(buffer.cpu, memory);
    cr_assert_eq(a.ops->buffer_destroy(a.ctx, &buffer), PROVIDER_OK);
    cr_assert_null(buffer.cpu);
    cr_assert_eq(a.ops->queue_destroy(a.ctx, &ring), PROVIDER_OK);
    cr_assert_eq(ring.size, 0);
}
