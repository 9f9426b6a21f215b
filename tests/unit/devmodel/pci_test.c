/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI host: sizing, decoding, bridges, absent functions, MSI-X. The model behind it is one that remembers. */
#include "capos/devmodel/pci.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

#define BDF 0x0018u
#define MEM32_AT 0xe0001000ull
#define MEM64_AT 0x800000000ull
#define PORTS_AT 0xc040u
#define ALL 0xffffffffu
#define TABLE 0x100u
#define PBA 0x800u

struct memo {
    unsigned reads, writes, config_writes, config_reads, steps, destroyed, bar, messages;
    uint32_t offset, value;
    uint8_t width;
    uint64_t message_address;
    uint32_t message_data;
    unsigned *destroy_count;
};

static uint32_t memo_read(void *model, unsigned bar, uint32_t offset, uint8_t width)
{
    struct memo *m = model;
    m->reads++;
    m->bar = bar;
    m->offset = offset;
    m->width = width;
    return 0x11223344;
}

static void memo_write(void *model, unsigned bar, uint32_t offset, uint8_t width, uint32_t value)
{
    struct memo *m = model;
    m->writes++;
    m->bar = bar;
    m->offset = offset;
    m->width = width;
    m->value = value;
}

static void memo_config_written(void *model, uint16_t offset, uint8_t width)
{
    (void)offset;
    (void)width;
    ((struct memo *)model)->config_writes++;
}

static void memo_config_reading(void *model, uint16_t offset, uint8_t width)
{
    (void)offset;
    (void)width;
    ((struct memo *)model)->config_reads++;
}

static uint32_t memo_step(void *model, uint32_t budget)
{
    ((struct memo *)model)->steps++;
    return budget;
}

static void memo_destroy(void *model)
{
    ((struct memo *)model)->destroyed++;
}

static const struct dm_function_ops memo_ops = {.bar_read = memo_read,
                                                .bar_write = memo_write,
                                                .config_written = memo_config_written,
                                                .config_reading = memo_config_reading,
                                                .step = memo_step,
                                                .destroy = memo_destroy};

static void on_message(void *ctx, uint64_t address, uint32_t data)
{
    struct memo *m = ctx;
    m->messages++;
    m->message_address = address;
    m->message_data = data;
}

static struct dm_function_config nic_config(void)
{
    struct dm_function_config c = {.bdf = BDF, .vendor = 0x1af4, .device = 0x1041, .subsystem_vendor = 0x1af4,
                                   .subsystem = 0x1100, .revision = 1, .class_code = 0x020000, .msix_vectors = 70,
                                   .msix_bar = 1, .msix_table_offset = TABLE, .msix_pba_offset = PBA,
                                   .firmware_command = 0x0003};
    c.bars[0].kind = DM_BAR_PORTS;
    c.bars[0].bytes = 64;
    c.bars[0].firmware_address = PORTS_AT;
    c.bars[1].kind = DM_BAR_MEM32;
    c.bars[1].bytes = 4096;
    c.bars[1].firmware_address = MEM32_AT;
    c.bars[4].kind = DM_BAR_MEM64;
    c.bars[4].bytes = 16384;
    c.bars[4].firmware_address = MEM64_AT;
    return c;
}

struct bench {
    struct memo memo;
    struct dm_bus *bus;
    struct dm_function *f;
};

static void open_bench(struct bench *b)
{
    memset(b, 0, sizeof *b);
    const struct dm_bus_config config = {.msi = on_message, .msi_ctx = &b->memo};
    b->bus = dm_bus_create(&config);
    const struct dm_function_config nic = nic_config();
    b->f = dm_bus_attach(b->bus, &nic, &memo_ops, &b->memo);
    cr_assert(b->f != NULL);
}

static uint32_t get(struct bench *b, uint16_t offset, uint8_t width)
{
    return dm_pci_read(b->bus, BDF, offset, width);
}

static void put(struct bench *b, uint16_t offset, uint8_t width, uint32_t value)
{
    dm_pci_write(b->bus, BDF, offset, width, value);
}

Test(pci, header_shows_identity_at_every_width)
{
    struct bench b;
    open_bench(&b);
    cr_assert(eq(u32, get(&b, 0, 4), 0x10411af4));
    cr_assert(eq(u32, get(&b, 2, 2), 0x1041));
    cr_assert(eq(u32, get(&b, 1, 1), 0x1a));
    cr_assert(eq(u32, get(&b, 8, 4), 0x02000001));
    cr_assert(eq(u32, get(&b, 0x2c, 4), 0x11001af4));
    cr_assert(eq(u32, get(&b, 0x0e, 1), 0));
    cr_assert(eq(u32, get(&b, 0x3d, 1), 1));
    put(&b, 0, 4, 0);
    cr_assert(eq(u32, get(&b, 0, 4), 0x10411af4), "read-only");
    cr_assert(eq(uint, b.memo.config_writes, 1));
    cr_assert(eq(uint, b.memo.config_reads, 8));
    dm_bus_destroy(b.bus);
    cr_assert(eq(uint, b.memo.destroyed, 1), "the bus owns the model");
}

Test(pci, absent_functions_read_all_ones_and_take_no_writes)
{
    struct bench b;
    open_bench(&b);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0000, 0, 4), ALL), "00:00.0 may be absent");
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0019, 0, 2), 0xffff));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0118, 0, 1), 0xff));
    dm_pci_write(b.bus, 0x0019, 4, 2, 7);
    cr_assert(eq(u64, dm_bus_counts(b.bus).missed, 4));
    dm_bus_destroy(b.bus);
}

Test(pci, odd_accesses_are_refused_and_counted)
{
    struct bench b;
    open_bench(&b);
    cr_assert(eq(u32, get(&b, 1, 4), ALL));
    cr_assert(eq(u32, get(&b, 1, 2), 0xffff));
    cr_assert(eq(u32, get(&b, 0, 3), 0xffffff));
    cr_assert(eq(u32, get(&b, 0, 0), 0));
    cr_assert(eq(u32, get(&b, 256, 4), ALL));
    cr_assert(eq(u32, get(&b, 0xfffc, 4), ALL));
    put(&b, 5, 2, 7);
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT, 8), ALL));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + 4094, 4), ALL), "across the end of the BAR");
    cr_assert(eq(u64, dm_bus_counts(b.bus).odd, 9));
    cr_assert(eq(uint, b.memo.reads, 0));
    dm_bus_destroy(b.bus);
}

Test(pci, bars_answer_to_sizing)
{
    struct bench b;
    open_bench(&b);
    cr_assert(eq(u32, get(&b, 0x10, 4), PORTS_AT | 1));
    put(&b, 0x10, 4, ALL);
    cr_assert(eq(u32, get(&b, 0x10, 4), 0xffffffc1), "64 ports");
    put(&b, 0x14, 4, ALL);
    cr_assert(eq(u32, get(&b, 0x14, 4), 0xfffff000), "4096 bytes, 32-bit");
    put(&b, 0x20, 4, ALL);
    put(&b, 0x24, 4, ALL);
    cr_assert(eq(u32, get(&b, 0x20, 4), 0xffffc004), "16384 bytes, 64-bit");
    cr_assert(eq(u32, get(&b, 0x24, 4), ALL));
    put(&b, 0x18, 4, ALL);
    cr_assert(eq(u32, get(&b, 0x18, 4), 0), "a BAR that is not there");
    put(&b, 0x30, 4, ALL);
    cr_assert(eq(u32, get(&b, 0x30, 4), 0), "no expansion ROM");
    dm_bus_destroy(b.bus);
}

Test(pci, bars_decode_where_and_when_they_should)
{
    struct bench b;
    open_bench(&b);
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT + 18, 1), 0x44), "cut to the width");
    cr_assert(eq(u32, b.memo.offset, 18));
    cr_assert(eq(uint, b.memo.bar, 0));
    dm_mmio_write(b.bus, MEM64_AT + 16380, 2, 0xabcd1234);
    cr_assert(eq(uint, b.memo.bar, 4));
    cr_assert(eq(u32, b.memo.offset, 16380));
    cr_assert(eq(u32, b.memo.value, 0x1234));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT + 16384, 4), ALL));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT - 1, 1), 0xff));
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT + 64, 1), 0xff));
    put(&b, 4, 2, 0x0001);
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT, 4), ALL), "memory off");
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), 0x11223344));
    put(&b, 4, 2, 0x0002);
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), ALL), "ports off");
    put(&b, 0x20, 4, 0xd0000000);
    put(&b, 0x24, 4, 0x1f);
    cr_assert(eq(u32, dm_mmio_read(b.bus, 0x1fd0000004ull, 4), 0x11223344), "moved");
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM64_AT, 4), ALL));
    put(&b, 0x24, 4, 0);
    put(&b, 0x20, 4, 0);
    cr_assert(eq(u32, dm_mmio_read(b.bus, 0, 4), ALL), "address 0 is not assigned");
    dm_bus_destroy(b.bus);
}

Test(pci, a_model_without_operations_reads_as_zero)
{
    const struct dm_bus_config bus_config = {0};
    struct dm_bus *bus = dm_bus_create(&bus_config);
    const struct dm_function_config nic = nic_config();
    cr_assert(dm_bus_attach(bus, &nic, NULL, NULL) != NULL);
    cr_assert(eq(u32, dm_port_read(bus, PORTS_AT, 4), 0));
    dm_port_write(bus, PORTS_AT, 4, 1);
    cr_assert(eq(u32, dm_bus_step(bus, 5), 0));
    dm_bus_destroy(bus);
    dm_bus_destroy(NULL);
}

Test(pci, command_register_keeps_only_its_bits)
{
    struct bench b;
    open_bench(&b);
    cr_assert(eq(u32, get(&b, 4, 2), 3));
    cr_assert(not(dm_function_bus_master(b.f)));
    put(&b, 4, 2, 0xffff);
    cr_assert(eq(u32, get(&b, 4, 2), 0x0547));
    cr_assert(dm_function_bus_master(b.f));
    put(&b, 4, 2, 0);
    cr_assert(not(dm_function_bus_master(b.f)));
    dm_bus_destroy(b.bus);
}

Test(pci, intx_shows_in_status_and_obeys_the_disable_bit)
{
    struct bench b;
    open_bench(&b);
    cr_assert(dm_function_set_intx(b.f, true));
    cr_assert(eq(u32, get(&b, 6, 2) & 8, 8));
    put(&b, 4, 2, 0x0400);
    cr_assert(not(dm_function_set_intx(b.f, true)));
    cr_assert(eq(u32, get(&b, 6, 2) & 8, 8), "status shows it although the pin is quiet");
    cr_assert(not(dm_function_set_intx(b.f, false)));
    cr_assert(eq(u32, get(&b, 6, 2) & 8, 0));
    dm_bus_destroy(b.bus);
}

Test(pci, capabilities_form_a_list_until_the_space_is_full)
{
    struct bench b;
    open_bench(&b);
    const uint8_t body[18] = {20, 1, 4};
    uint8_t first = (uint8_t)get(&b, 0x34, 1);
    cr_assert(eq(u32, get(&b, 6, 2) & 0x10, 0x10));
    cr_assert(eq(u32, get(&b, first, 1), 0x11), "MSI-X comes first");
    uint8_t added[16];
    unsigned count = 0;
    for (uint8_t at; (at = dm_function_add_capability(b.f, 9, body, sizeof body)) != 0;)
        added[count++] = at;
    cr_assert(eq(uint, count, 9), "12 bytes of MSI-X and 9 times 20 fit behind 0x40");
    uint8_t at = (uint8_t)get(&b, first + 1u, 1);
    for (unsigned i = 0; i < count; i++) {
        cr_assert(eq(u8, at, added[i]));
        cr_assert(eq(u32, at % 4u, 0));
        cr_assert(eq(u32, get(&b, at + 2u, 1), 20));
        at = (uint8_t)get(&b, at + 1u, 1);
    }
    cr_assert(eq(u8, at, 0));
    put(&b, added[0] + 4u, 1, 0x77);
    cr_assert(eq(u32, get(&b, added[0] + 4u, 1), 4), "read-only unless made writable");
    dm_function_make_writable(b.f, added[0] + 4u, 1);
    put(&b, added[0] + 4u, 1, 0x77);
    cr_assert(eq(u32, get(&b, added[0] + 4u, 1), 0x77));
    dm_function_config_bytes(b.f)[0x34] = 0x43;
    cr_assert(eq(u32, get(&b, 0x34, 1), 0x43), "broken on purpose");
    dm_bus_destroy(b.bus);
}

Test(pci, a_removed_function_is_absent)
{
    struct bench b;
    open_bench(&b);
    put(&b, 4, 2, 7);
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), 0x11223344));
    dm_function_remove(b.f);
    cr_assert(eq(u32, get(&b, 0, 4), ALL));
    cr_assert(eq(u32, dm_port_read(b.bus, PORTS_AT, 4), ALL));
    cr_assert(not(dm_function_bus_master(b.f)));
    cr_assert(not(dm_function_msix_raise(b.f, 0)));
    cr_assert(not(dm_function_set_intx(b.f, true)));
    cr_assert(eq(u32, dm_bus_step(b.bus, 1), 0));
    dm_bus_destroy(b.bus);
    cr_assert(eq(uint, b.memo.destroyed, 1));
}

static struct dm_function_config bridge_config(uint16_t bdf, uint8_t secondary)
{
    return (struct dm_function_config){.bdf = bdf, .vendor = 0x1b36, .device = 1, .header_type = 1,
                                       .class_code = 0x060400, .bridge_secondary = secondary};
}

Test(pci, functions_behind_bridges_are_found_by_walking)
{
    struct bench b;
    open_bench(&b);
    const struct dm_function_config inner = bridge_config(0x0108, 2); /* attached before the bridge above it */
    const struct dm_function_config outer = bridge_config(0x0020, 1);
    struct dm_function_config far = nic_config();
    far.bdf = 0x0208;
    cr_assert(dm_bus_attach(b.bus, &inner, NULL, NULL) != NULL);
    cr_assert(dm_bus_attach(b.bus, &far, NULL, NULL) != NULL);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), ALL), "nothing leads there");
    cr_assert(dm_bus_attach(b.bus, &outer, NULL, NULL) != NULL);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0020, 0x18, 4) & 0xffffff, 0x020100), "subordinate covers both");
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0108, 0x18, 4) & 0xffffff, 0x020201));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), 0x10411af4));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0020, 0x0e, 1), 1));
    dm_pci_write(b.bus, 0x0020, 0x1a, 1, 1);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), ALL), "subordinate too small");
    dm_pci_write(b.bus, 0x0020, 0x18, 4, 0x00090500);
    dm_pci_write(b.bus, 0x0508, 0x18, 4, 0x00080705);
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0508, 0, 4), 0x00011b36), "renumbered");
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0708, 0, 4), 0x10411af4));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0208, 0, 4), ALL));
    cr_assert(eq(u32, dm_pci_read(b.bus, 0x0808, 0, 4), ALL));
    dm_bus_destroy(b.bus);
}

Test(pci, contradictory_configurations_are_refused)
{
    const struct dm_bus_config bus_config = {0};
    struct dm_bus *bus = dm_bus_create(&bus_config);
    const struct dm_function_config good = nic_config();
    for (int i = 0; i < 16; i++) {
        struct dm_function_config c = good;
        c.bdf = 0x30;
        switch (i) {
        case 0: c.bars[0].bytes = 48; break;
        case 1: c.bars[0].bytes = 2; break;
        case 2: c.bars[1].bytes = 8; break;
        case 3: c.bars[1].firmware_address = MEM32_AT + 16; break;
        case 4: c.bars[0].firmware_address = 0x10000; break;
        case 5: c.bars[5].kind = DM_BAR_MEM32; c.bars[5].bytes = 4096; break;
        case 6: c.bars[4].kind = DM_BAR_NONE; c.bars[5] = good.bars[4]; break;
        case 7: c.bars[1].firmware_address = 0x100000000ull; break;
        case 8: c.msix_bar = 0; break;
        case 9: c.msix_bar = 6; break;
        case 10: c.msix_table_offset = 4096 - 64; break;
        case 11: c.msix_pba_offset = TABLE + 16; break;
        case 12: c.msix_vectors = 2049; break;
        case 13: c.header_type = 2; break;
        case 14: c.header_type = 1; break; /* a bridge has two BARs */
        default: c.bars[1].kind = (enum dm_bar_kind)7; break;
        }
        cr_assert(dm_bus_attach(bus, &c, &memo_ops, NULL) == NULL, "case %d", i);
    }
    cr_assert(dm_bus_attach(bus, &good, NULL, NULL) != NULL);
    cr_assert(dm_bus_attach(bus, &good, NULL, NULL) == NULL, "the slot is taken");
    struct dm_function_config bridge = bridge_config(0x0028, 1);
    cr_assert(dm_bus_attach(bus, &bridge, NULL, NULL) != NULL);
    bridge.bdf = 0x0030;
    cr_assert(dm_bus_attach(bus, &bridge, NULL, NULL) == NULL, "one bridge leads to a bus");
    bridge.bdf = 0x0310;
    bridge.bridge_secondary = 2;
    cr_assert(dm_bus_attach(bus, &bridge, NULL, NULL) == NULL, "a bridge leads downwards");
    dm_bus_destroy(bus);
}

Test(pci, the_bus_takes_a_bounded_number_of_functions)
{
    const struct dm_bus_config bus_config = {0};
    struct dm_bus *bus = dm_bus_create(&bus_config);
    struct dm_function_config c = {.vendor = 1};
    for (uint16_t i = 0; i < DM_FUNCTIONS_MAX; i++) {
        c.bdf = i;
        cr_assert(dm_bus_attach(bus, &c, NULL, NULL) != NULL);
    }
    c.bdf = DM_FUNCTIONS_MAX;
    cr_assert(dm_bus_attach(bus, &c, NULL, NULL) == NULL);
    dm_bus_destroy(bus);
}

static uint32_t last_choice(void *ctx, uint32_t n, const char *tag)
{
    cr_assert(tag != NULL);
    return ctx ? n - 1 : n + 5;
}

Test(pci, choices_stay_in_range_and_default_to_zero)
{
    int yes = 1;
    const struct dm_bus_config configs[] = {{0}, {.choose = last_choice, .choose_ctx = &yes}, {.choose = last_choice}};
    const uint32_t wanted[] = {0, 6, 6};
    for (int i = 0; i < 3; i++) {
        struct dm_bus *bus = dm_bus_create(&configs[i]);
        cr_assert(eq(u32, dm_bus_choose(bus, 7, "t"), wanted[i]));
        cr_assert(eq(u32, dm_bus_choose(bus, 1, "t"), 0));
        cr_assert(dm_bus_memory(bus) == NULL);
        dm_bus_destroy(bus);
    }
}

/* MSI-X. */

static void msix_control(struct bench *b, uint16_t control)
{
    put(b, (uint16_t)(get(b, 0x34, 1) + 2u), 2, control);
}

static void msix_entry(struct bench *b, unsigned v, uint64_t address, uint32_t data, uint32_t control)
{
    uint64_t at = MEM32_AT + TABLE + 16 * v;
    dm_mmio_write(b->bus, at, 4, (uint32_t)address);
    dm_mmio_write(b->bus, at + 4, 4, (uint32_t)(address >> 32));
    dm_mmio_write(b->bus, at + 8, 4, data);
    dm_mmio_write(b->bus, at + 12, 4, control);
}

static uint32_t pending(struct bench *b, unsigned word)
{
    return dm_mmio_read(b->bus, MEM32_AT + PBA + 4 * word, 4);
}

Test(msix, capability_tells_where_the_table_is)
{
    struct bench b;
    open_bench(&b);
    uint16_t at = (uint16_t)get(&b, 0x34, 1);
    cr_assert(eq(u32, get(&b, at + 2u, 2), 69));
    cr_assert(eq(u32, get(&b, at + 4u, 4), TABLE | 1));
    cr_assert(eq(u32, get(&b, at + 8u, 4), PBA | 1));
    msix_control(&b, 0xffff);
    cr_assert(eq(u32, get(&b, at + 2u, 2), 0xc000 | 69), "only enable and function mask are writable");
    cr_assert(dm_function_msix_enabled(b.f));
    dm_bus_destroy(b.bus);
}

Test(msix, entries_start_masked_and_hold_what_is_written)
{
    struct bench b;
    struct dm_msix_entry e;
    open_bench(&b);
    for (uint16_t v = 0; v < 70; v++) {
        cr_assert(dm_function_msix_entry(b.f, v, &e));
        cr_assert(e.masked);
        cr_assert(not(e.pending));
    }
    cr_assert(not(dm_function_msix_entry(b.f, 70, &e)));
    msix_entry(&b, 69, 0x1fee00003ull, 0x41, ALL);
    cr_assert(dm_function_msix_entry(b.f, 69, &e));
    cr_assert(eq(u64, e.address, 0x1fee00000ull), "a dword address");
    cr_assert(eq(u32, e.data, 0x41));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + TABLE + 16 * 69 + 12, 4), 1), "reserved bits stay 0");
    cr_assert(eq(uint, b.memo.writes, 0), "the table is the bus's");
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 16 * 70, 4, 5);
    cr_assert(eq(uint, b.memo.writes, 1), "behind it is the model's");
    dm_bus_destroy(b.bus);
}

Test(msix, table_takes_only_dwords)
{
    struct bench b;
    open_bench(&b);
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 8, 2, 5);
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 10, 4, 5);
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + TABLE + 8, 4), 0));
    cr_assert(eq(u32, dm_mmio_read(b.bus, MEM32_AT + TABLE + 8, 1), 0xff));
    cr_assert(eq(u64, dm_bus_counts(b.bus).odd, 3));
    dm_bus_destroy(b.bus);
}

Test(msix, a_message_goes_out_only_enabled_unmasked_and_with_bus_mastering)
{
    struct bench b;
    open_bench(&b);
    msix_entry(&b, 2, 0xfee01000, 0x31, 0);
    cr_assert(not(dm_function_msix_raise(b.f, 2)), "off");
    msix_control(&b, 0x8000);
    cr_assert(not(dm_function_msix_raise(b.f, 70)), "no such vector");
    cr_assert(dm_function_msix_raise(b.f, 2));
    cr_assert(eq(uint, b.memo.messages, 0), "no bus mastering");
    cr_assert(eq(u32, pending(&b, 0), 4));
    put(&b, 4, 2, 7);
    cr_assert(eq(uint, b.memo.messages, 1), "what was pending goes out");
    cr_assert(eq(u64, b.memo.message_address, 0xfee01000));
    cr_assert(eq(u32, b.memo.message_data, 0x31));
    cr_assert(eq(u32, pending(&b, 0), 0));
    cr_assert(dm_function_msix_raise(b.f, 2));
    cr_assert(eq(uint, b.memo.messages, 2));
    cr_assert(eq(u64, dm_bus_counts(b.bus).messages, 2));
    cr_assert(not(dm_function_set_intx(b.f, true)), "INTx is quiet while MSI-X is on");
    dm_bus_destroy(b.bus);
}

Test(msix, masks_hold_back_and_pending_is_delivered_once)
{
    struct bench b;
    open_bench(&b);
    put(&b, 4, 2, 7);
    msix_control(&b, 0xc000);
    msix_entry(&b, 63, 0xfee00000, 63, 0);
    msix_entry(&b, 64, 0xfee00000, 64, 1);
    cr_assert(dm_function_msix_raise(b.f, 63));
    cr_assert(dm_function_msix_raise(b.f, 63));
    cr_assert(dm_function_msix_raise(b.f, 64));
    cr_assert(eq(u32, pending(&b, 1), 0x80000000u));
    cr_assert(eq(u32, pending(&b, 2), 1));
    dm_mmio_write(b.bus, MEM32_AT + PBA, 4, ALL);
    cr_assert(eq(u32, pending(&b, 0), 0), "pending bits are the device's");
    cr_assert(eq(uint, b.memo.messages, 0));
    msix_control(&b, 0x8000);
    cr_assert(eq(uint, b.memo.messages, 1), "raised twice while masked: one message");
    cr_assert(eq(u32, b.memo.message_data, 63));
    dm_mmio_write(b.bus, MEM32_AT + TABLE + 16 * 64 + 12, 4, 0);
    cr_assert(eq(uint, b.memo.messages, 2));
    cr_assert(eq(u32, b.memo.message_data, 64));
    cr_assert(eq(u32, pending(&b, 2), 0));
    dm_bus_destroy(b.bus);
}

Test(pci, step_lets_each_function_work)
{
    struct bench b;
    open_bench(&b);
    struct memo second = {0};
    struct dm_function_config other = nic_config();
    other.bdf = 0x0021;
    cr_assert(dm_bus_attach(b.bus, &other, &memo_ops, &second) != NULL);
    cr_assert(eq(u32, dm_bus_step(b.bus, 3), 6));
    cr_assert(eq(uint, b.memo.steps, 1));
    cr_assert(eq(uint, second.steps, 1));
    cr_assert(eq(u16, dm_function_bdf(b.f), BDF));
    cr_assert(dm_function_bus(b.f) == b.bus);
    dm_bus_destroy(b.bus);
}
