/* SPDX-License-Identifier: BSD-2-Clause */
/* Register tables, direct registers and the direct author over a scripted machine: offsets, widths, halves,
 * bells, memory (rows E5, E6, E20-E24, E26, E34, E39, E41; bugs 7, 36, 39, 40). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "provider/direct.h"
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"

struct access {
    char space;
    bool write;
    uint64_t address;
    uint8_t width;
    uint32_t value;
};

struct platform {
    struct access log[128];
    uint32_t count;
    uint32_t value; /* what reads give */
    uint16_t command;
};

static struct platform machine;

static void logged(char space, bool write, uint64_t address, uint8_t width, uint32_t value)
{
    if (machine.count < 128)
        machine.log[machine.count++] = (struct access){space, write, address, width, value};
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    cr_assert_eq(bdf, 0x18);
    cr_assert_eq(offset, 4);
    cr_assert_eq(width, 2);
    return p->command;
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    cr_assert_eq(bdf, 0x18);
    cr_assert_eq(offset, 4);
    cr_assert_eq(width, 2);
    p->command = (uint16_t)value;
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    logged('m', false, address, width, 0);
    return p->value;
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    (void)p;
    logged('m', true, address, width, value);
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    logged('p', false, port, width, 0);
    return p->value;
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    (void)p;
    logged('p', true, port, width, value);
}

static void last_is(char space, bool write, uint64_t address, uint8_t width, uint32_t value)
{
    struct access *a = &machine.log[machine.count - 1];

    cr_assert_gt(machine.count, 0);
    cr_assert_eq(a->space, space);
    cr_assert_eq(a->write, write);
    cr_assert_eq(a->address, address, "%lx, not %lx", (unsigned long)a->address, (unsigned long)address);
    cr_assert_eq(a->width, width);
    if (write)
        cr_assert_eq(a->value, value);
}

static const uint64_t legacy_bars[PCI_BARS] = {0xc040};
static const uint64_t modern_bars[PCI_BARS] = {0, 0, 0, 0, 0xfe000000};

static struct registers open_legacy(struct registers_direct *d, bool msix)
{
    static const struct reg_window window = {.bar = 0, .length = LEGACY_WINDOW_BYTES};
    struct registers r = registers_direct_init(d, &machine, 0x18, legacy_bars, msix);

    machine = (struct platform){0};
    cr_assert_eq(r.ops->open(r.ctx, &virtio_net_legacy_table, &window), PROVIDER_OK);
    return r;
}

static struct registers open_modern(struct registers_direct *d)
{
    struct pci_function_info info = fake_info(false);
    struct virtio_probe p = virtio_probe_function(&info);
    struct registers r = registers_direct_init(d, &machine, 0x18, modern_bars, false);

    machine = (struct platform){0};
    cr_assert_eq(p.kind, VIRTIO_MODERN);
    cr_assert_eq(r.ops->open(r.ctx, &virtio_net_modern_table, p.windows), PROVIDER_OK);
    return r;
}

static void table_is_sound(const struct reg_table *t)
{
    unsigned quiesce = 0;

    for (uint16_t i = 0; i < t->row_count; i++) {
        const struct reg_row *a = &t->rows[i];

        cr_assert(a->width == 1 || a->width == 2 || a->width == 4, "row %u", i);
        cr_assert_eq(a->offset % a->width, 0);
        cr_assert_geq(a->count, 1);
        cr_assert_lt(a->section, t->section_count);
        cr_assert_eq((a->direction & REG_READ) != 0, a->read_states != 0, "row %u", i);
        cr_assert_eq((a->direction & REG_WRITE) != 0, a->write_states != 0, "row %u", i);
        cr_assert_eq((a->read_states | a->write_states) & IN_STATE(DEVICE_DISCOVERED), 0);
        quiesce += a->kind == REG_QUIESCE;
        for (uint16_t k = 0; k < i; k++) {
            const struct reg_row *b = &t->rows[k];

            /* What moves out of the way with MSI-X shares its place with what is there only then. */
            if (a->with_msix_only + b->with_msix_only == 1 && a->moves_with_msix + b->moves_with_msix == 1)
                continue;
            cr_assert(a->section != b->section || a->offset >= b->offset + b->width * b->count ||
                          b->offset >= a->offset + a->width * a->count,
                      "rows %u and %u overlap", i, k);
        }
        /* Rings may not move while the device runs, and no bell rings before it does (3.1.1). */
        if (a->kind == REG_ADDRESS)
            cr_assert_eq(a->write_states & (IN_STATE(DEVICE_DRIVER_OK) | IN_STATE(DEVICE_RESETTING)), 0);
        if (a->kind == REG_BELL)
            cr_assert_eq(a->write_states, IN_STATE(DEVICE_DRIVER_OK));
    }
    cr_assert_eq(quiesce, 1);
    cr_assert_eq(t->rows[t->quiesce_row].kind, REG_QUIESCE);
    cr_assert_leq(t->quiesce_polls_max, REG_QUIESCE_POLLS_MAX);
    cr_assert_leq(t->row_count, REG_ROWS_MAX);
    cr_assert_leq(t->step_count, REG_STEPS_MAX);
}

Test(tables, both_are_sound)
{
    table_is_sound(&virtio_net_legacy_table);
    table_is_sound(&virtio_net_modern_table);
}

Test(tables, the_queue_vector_is_the_only_register_of_msix_and_isr_is_in_neither)
{
    const struct reg_table *m = &virtio_net_modern_table;
    const struct reg_table *l = &virtio_net_legacy_table;

    for (uint16_t i = 0; i < m->row_count; i++) {
        cr_assert(m->rows[i].section != MODERN_COMMON || m->rows[i].offset != 16);
        cr_assert_lt(m->rows[i].section, MODERN_ISR);
        cr_assert_eq(m->rows[i].with_msix_only, i == MODERN_QUEUE_VECTOR);
    }
    cr_assert_eq(m->rows[MODERN_QUEUE_VECTOR].offset, 26);
    for (uint16_t i = 0; i < LEGACY_ROWS; i++) {
        cr_assert_neq(l->rows[i].offset, 19);
        cr_assert(l->rows[i].offset != 20 || l->rows[i].moves_with_msix);
        cr_assert_eq(l->rows[i].with_msix_only, i == LEGACY_QUEUE_VECTOR);
    }
    cr_assert_eq(l->rows[LEGACY_QUEUE_VECTOR].offset, 22);
}

Test(direct, spec_4_1_4_10_legacy_offsets_and_widths)
{
    static const struct {
        uint16_t row;
        uint16_t offset;
        uint8_t width;
        bool write;
    } want[] = {
        {LEGACY_HOST_FEATURES, 0, 4, false}, {LEGACY_GUEST_FEATURES, 4, 4, true},
        {LEGACY_QUEUE_SIZE, 12, 2, false},   {LEGACY_QUEUE_SELECT, 14, 2, true},
        {LEGACY_STATUS, 18, 1, true},        {LEGACY_CONFIG, 20, 1, false},
    };
    struct registers_direct d;
    struct registers r = open_legacy(&d, false);

    cr_assert_eq(machine.command & 0x405, 0x401, "ports decoded, INTx off, bus mastering untouched");
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (want[i].write)
            cr_assert_eq(r.ops->write(r.ctx, want[i].row, 0, 1), PROVIDER_OK);
        else
            cr_assert_eq(r.ops->read(r.ctx, want[i].row, 0).error, PROVIDER_OK);
        last_is('p', want[i].write, 0xc040u + want[i].offset, want[i].width, 1);
    }
}

Test(direct, legacy_configuration_moves_by_4_with_msix_and_nothing_else_does)
{
    struct registers_direct d;
    struct registers r = open_legacy(&d, true);

    r.ops->read(r.ctx, LEGACY_CONFIG, 7);
    last_is('p', false, 0xc040 + 24 + 7, 1, 0);
    r.ops->read(r.ctx, LEGACY_STATUS, 0);
    last_is('p', false, 0xc040 + 18, 1, 0);
    r.ops->write(r.ctx, LEGACY_QUEUE_VECTOR, 0, 2);
    last_is('p', true, 0xc040 + 22, 2, 2);
}

Test(direct, a_vector_register_is_not_touched_while_msix_is_off)
{
    struct registers_direct d;
    struct registers r = open_legacy(&d, false);

    r.ops->read(r.ctx, LEGACY_STATUS, 0);
    cr_assert_eq(r.ops->write(r.ctx, LEGACY_QUEUE_VECTOR, 0, 2), PROVIDER_E_REGISTER);
    cr_assert_eq(r.ops->read(r.ctx, LEGACY_QUEUE_VECTOR, 0).error, PROVIDER_E_REGISTER);
    last_is('p', false, 0xc040 + 18, 1, 0);
    r = open_modern(&d);
    cr_assert_eq(r.ops->write(r.ctx, MODERN_QUEUE_VECTOR, 0, 2), PROVIDER_E_REGISTER);
}

Test(direct, spec_4_1_4_3_modern_offsets_and_widths)
{
    static const struct {
        uint16_t row;
        uint64_t address;
        uint8_t width;
        bool write;
    } want[] = {
        {MODERN_DEVICE_FEATURE_SELECT, 0, 4, true}, {MODERN_DEVICE_FEATURE, 4, 4, false},
        {MODERN_DRIVER_FEATURE_SELECT, 8, 4, true}, {MODERN_DRIVER_FEATURE, 12, 4, true},
        {MODERN_NUM_QUEUES, 18, 2, false},          {MODERN_STATUS, 20, 1, true},
        {MODERN_GENERATION, 21, 1, false},          {MODERN_QUEUE_SELECT, 22, 2, true},
        {MODERN_QUEUE_SIZE, 24, 2, false},          {MODERN_QUEUE_ENABLE, 28, 2, true},
        {MODERN_QUEUE_NOTIFY_OFF, 30, 2, false},    {MODERN_CONFIG, 0x2000, 1, false},
    };
    struct registers_direct d;
    struct registers r = open_modern(&d);

    cr_assert_eq(machine.command & 0x406, 0x402);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        if (want[i].write)
            cr_assert_eq(r.ops->write(r.ctx, want[i].row, 0, 1), PROVIDER_OK);
        else
            cr_assert_eq(r.ops->read(r.ctx, want[i].row, 0).error, PROVIDER_OK);
        last_is('m', want[i].write, 0xfe000000 + want[i].address, want[i].width, 1);
    }
}

Test(direct, spec_4_1_3_1_the_link_status_is_one_access_of_16_bits_on_modern)
{
    struct registers_direct d;
    struct registers r = open_modern(&d);
    uint8_t status[2];

    machine.value = 0x3201;
    cr_assert_eq(virtio_modern_transport.config_read(&r, 6, status, 2), PROVIDER_OK);
    cr_assert_eq(machine.count, 3, "generation, status, generation");
    cr_assert_eq(machine.log[1].address, 0xfe002006);
    cr_assert_eq(machine.log[1].width, 2);
    cr_assert_eq(status[0], 0x01);
    cr_assert_eq(status[1], 0x32);
}

Test(direct, spec_4_1_3_2_addresses_are_written_in_halves)
{
    struct registers_direct d;
    struct registers r = open_modern(&d);
    struct provider_ring ring = {.queue = 1, .size = 8, .handle = 0x123456789000ull};

    cr_assert_eq(virtio_modern_transport.queue_enable(&r, &ring), PROVIDER_OK);
    cr_assert_eq(machine.count, 8);
    cr_assert_eq(machine.log[0].address, 0xfe000016, "select first");
    static const uint64_t want[] = {0x56789000, 0x1234, 0x56789080, 0x1234, 0x56789098, 0x1234};
    for (uint32_t i = 0; i < 6; i++) {
        cr_assert_eq(machine.log[1 + i].address, 0xfe000020 + 4 * i);
        cr_assert_eq(machine.log[1 + i].width, 4);
        cr_assert_eq(machine.log[1 + i].value, want[i], "half %u: %x", i, machine.log[1 + i].value);
    }
    cr_assert_eq(machine.log[7].address, 0xfe00001c, "4.1.4.3.2: enable last");
    cr_assert_eq(machine.log[7].value, 1);
}

Test(direct, spec_4_1_5_1_3_1_legacy_address_is_a_page_number_and_never_cut_short)
{
    struct registers_direct d;
    struct registers r = open_legacy(&d, false);
    struct provider_ring ring = {.size = 256, .handle = 0x7ffff000};

    cr_assert_eq(virtio_legacy_transport.queue_enable(&r, &ring), PROVIDER_OK);
    last_is('p', true, 0xc048, 4, 0x7ffff);
    ring.handle = 0xfffffffffffull & ~0xfffull;
    cr_assert_eq(r.ops->write_address(r.ctx, LEGACY_QUEUE_PFN, &ring), PROVIDER_OK);
    last_is('p', true, 0xc048, 4, 0xffffffffu);
    uint32_t count = machine.count;
    ring.handle = 1ull << 44;
    cr_assert_eq(r.ops->write_address(r.ctx, LEGACY_QUEUE_PFN, &ring), PROVIDER_E_QUEUE_ADDRESS);
    cr_assert_eq(machine.count, count, "nothing written");
}

Test(direct, a_bell_outside_its_window_is_refused)
{
    struct registers_direct d;
    struct registers r = open_modern(&d);
    uint64_t address;

    (void)r;
    cr_assert(registers_direct_bell(&d, 0, &address));
    cr_assert_eq(address, 0xfe003000);
    cr_assert(registers_direct_bell(&d, 1023, &address));
    cr_assert_eq(address, 0xfe003ffc);
    cr_assert_not(registers_direct_bell(&d, 1024, &address));
    cr_assert_not(registers_direct_bell(&d, 0xffff, &address));
    d.windows[MODERN_NOTIFY].length = 4096 + 2; /* 4.1.4.4.1: room for two bytes is enough */
    cr_assert(registers_direct_bell(&d, 1024, &address));
    d.windows[MODERN_NOTIFY].bell_multiplier = 0x80000000u;
    cr_assert_not(registers_direct_bell(&d, 0xffff, &address));
}

Test(direct, a_window_in_a_bar_without_address_is_refused)
{
    static const uint64_t none[PCI_BARS];
    static const struct reg_window windows[2] = {{.bar = 0, .length = 32}, {.bar = 6, .length = 32}};
    struct registers_direct d;
    struct registers r = registers_direct_init(&d, &machine, 0x18, none, false);

    machine = (struct platform){0};
    cr_assert_eq(r.ops->open(r.ctx, &virtio_net_legacy_table, &windows[0]), PROVIDER_E_REGISTER);
    cr_assert_eq(r.ops->open(r.ctx, &virtio_net_legacy_table, &windows[1]), PROVIDER_E_REGISTER);
    cr_assert_eq(machine.command, 0);
}

Test(direct, author_divides_its_block_and_gets_it_back)
{
    static _Alignas(4096) uint8_t memory[16 * 4096];
    static struct author_direct a;
    struct registers_direct d;
    struct registers r = open_legacy(&d, false);
    struct author author =
        author_direct_init(&a, &d, (struct direct_memory){memory, {0x90000000}, sizeof memory});
    struct provider_buffer first, second, third, more;
    struct provider_ring ring;

    memset(memory, 0xff, sizeof memory);
    cr_assert_eq(author.ops->buffer_create(&a, 4096, DMA_TO_DEVICE, &first), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_create(&a, 5000, DMA_TO_DEVICE, &second), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_create(&a, 1, DMA_FROM_DEVICE, &third), PROVIDER_OK);
    cr_assert_eq(second.handle, 0x90001000);
    cr_assert_eq(third.handle, 0x90003000);
    for (int i = 0; i < 4 * 4096; i++)
        cr_assert_eq(memory[i], 0, "zeroed for its owner");
    cr_assert_eq(author_direct_used(&a), 4 * 4096);
    cr_assert_eq(author.ops->buffer_destroy(&a, &second), PROVIDER_OK);
    cr_assert_null(second.cpu);
    /* 256 entries, legacy: 3 pages; the hole of 2 is too small, the next thing of one page takes it. */
    cr_assert_eq(author.ops->queue_create(&a, 0, 256, 0, 1, &ring), PROVIDER_OK);
    cr_assert_eq(ring.handle, 0x90004000);
    cr_assert_eq(author.ops->buffer_create(&a, 100, DMA_TO_DEVICE, &second), PROVIDER_OK);
    cr_assert_eq(second.handle, 0x90001000);
    cr_assert_eq(author.ops->buffer_create(&a, 16 * 4096, DMA_TO_DEVICE, &more), PROVIDER_E_MEMORY);
    cr_assert_eq(author.ops->queue_create(&a, 1, 8192, 0, 1, &ring), PROVIDER_E_MEMORY);
    cr_assert_eq(author.ops->queue_create(&a, 1, 3, 0, 1, &ring), PROVIDER_E_QUEUE_SIZE);
    /* A ring whose address was written may be running: nothing goes back before a reset is read back. */
    ring = (struct provider_ring){.queue = 0, .size = 256, .handle = 0x90004000};
    cr_assert_eq(r.ops->write_address(r.ctx, LEGACY_QUEUE_PFN, &ring), PROVIDER_OK);
    cr_assert_eq(author.ops->queue_destroy(&a, &ring), PROVIDER_E_BUSY);
    cr_assert_eq(author.ops->buffer_destroy(&a, &first), PROVIDER_E_BUSY);
    machine.value = 0;
    r.ops->read(r.ctx, LEGACY_STATUS, 0);
    cr_assert_eq(author.ops->queue_destroy(&a, &ring), PROVIDER_E_BUSY,
                 "status 0 without a reset says nothing");
    r.ops->write(r.ctx, LEGACY_STATUS, 0, 0);
    machine.value = 1;
    r.ops->read(r.ctx, LEGACY_STATUS, 0);
    cr_assert_eq(author.ops->queue_destroy(&a, &ring), PROVIDER_E_BUSY);
    machine.value = 0;
    r.ops->read(r.ctx, LEGACY_STATUS, 0);
    cr_assert_eq(author.ops->queue_destroy(&a, &ring), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_destroy(&a, &first), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_destroy(&a, &second), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_destroy(&a, &third), PROVIDER_OK);
    cr_assert_eq(author_direct_used(&a), 0);
}

Test(direct, the_author_runs_out_of_blocks_before_it_runs_over)
{
    static _Alignas(4096) uint8_t memory[(DIRECT_BLOCKS_MAX + 1) * 4096];
    static struct author_direct a;
    struct registers_direct d;
    struct provider_buffer buffer;

    open_legacy(&d, false);
    struct author author =
        author_direct_init(&a, &d, (struct direct_memory){memory, {0x1000}, sizeof memory});
    for (uint32_t i = 0; i < DIRECT_BLOCKS_MAX; i++)
        cr_assert_eq(author.ops->buffer_create(&a, 1, DMA_TO_DEVICE, &buffer), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_create(&a, 1, DMA_TO_DEVICE, &buffer), PROVIDER_E_MEMORY);
}

/* Publishes one frame with used.flags as given; returns the bells rung. */
static uint64_t bells_for(bool legacy, uint8_t used_flags)
{
    static _Alignas(4096) uint8_t memory[16 * 4096];
    static struct author_direct a;
    struct registers_direct d;
    struct provider_buffer buffer;
    struct provider_ring ring;

    if (legacy)
        open_legacy(&d, false);
    else
        open_modern(&d);
    struct author author =
        author_direct_init(&a, &d, (struct direct_memory){memory, {0x5000000}, sizeof memory});
    cr_assert_eq(author.ops->queue_create(&a, 1, 8, 1, 1, &ring), PROVIDER_OK);
    cr_assert_eq(author.ops->buffer_create(&a, 4096, DMA_TO_DEVICE, &buffer), PROVIDER_OK);
    a.queues[1].ring.base[a.queues[1].ring.layout.device_offset] = used_flags;
    struct author_segment s[2] = {{buffer.handle, 0, 10, 3, DMA_TO_DEVICE, 1},
                                  {buffer.handle, 10, 60, 5, DMA_TO_DEVICE, 0}};
    cr_assert_eq(author.ops->publish(&a, &ring, s, 2), PROVIDER_OK);
    const uint8_t *descriptor = a.queues[1].ring.base + 3 * 16;
    cr_assert_eq(descriptor[12], 1, "readable, goes on");
    cr_assert_eq(descriptor[14], 5);
    if (a.bells > 0)
        last_is(legacy ? 'p' : 'm', true, legacy ? 0xc050 : 0xfe003004, 2, 1);
    return a.bells;
}

Test(direct, bells_are_16_bits_wide_carry_the_queue_and_heed_suppression_on_modern_alone)
{
    cr_assert_eq(bells_for(true, 0), 1);
    cr_assert_eq(bells_for(true, 1), 1);
    cr_assert_eq(bells_for(false, 0), 1);
    cr_assert_eq(bells_for(false, 1), 0);
    cr_assert_eq(bells_for(false, 0xfe), 1);
}

Test(direct, bus_mastering_goes_on_and_off_and_nothing_else_with_it)
{
    struct registers_direct d;
    struct registers r = open_modern(&d);

    machine.command = 0x0103;
    cr_assert_eq(r.ops->enable_dma(r.ctx), PROVIDER_OK);
    cr_assert_eq(machine.command, 0x0107);
    r.ops->disable_dma(r.ctx);
    cr_assert_eq(machine.command, 0x0103);
    r.ops->close(r.ctx);
    cr_assert_null(d.table);
}
