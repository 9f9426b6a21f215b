/* SPDX-License-Identifier: BSD-2-Clause */
/* The capability walk: tables over identity, BARs, alignments and lengths (rows E7-E10, E14, E26, E29, E36;
 * Z9). Every graph of up to four nodes is world `pci`'s. */
#include <criterion/criterion.h>
#include <string.h>

#include "provider/format/virtio_ids.h"
#include "provider/seams.h"
#include "provider/tables.h"

#define BAR_BYTES 0x4000u

static void put32(uint8_t *at, uint32_t v)
{
    memcpy(at, &v, 4);
}

static void put_cap(struct pci_function_info *info, uint8_t at, uint8_t next, uint8_t type, uint8_t bar,
                    uint32_t offset, uint32_t bytes)
{
    uint8_t *c = info->config + at;

    c[0] = 9;
    c[1] = next;
    c[2] = type == VIRTIO_CAP_NOTIFY ? 20 : 16;
    c[3] = type;
    c[4] = bar;
    put32(c + 8, offset);
    put32(c + 12, bytes);
    if (type == VIRTIO_CAP_NOTIFY)
        put32(c + 16, 4);
}

static struct pci_function_info function(uint16_t device)
{
    struct pci_function_info info = {.vendor = 0x1af4, .device = device, .subsystem = 1};

    info.bars[4] = (struct pci_bar){.size = BAR_BYTES, .kind = PCI_BAR_MEMORY64, .assigned = 1};
    info.config[6] = 0x10;
    info.config[0x34] = 0x40;
    return info;
}

static const uint8_t order[4] = {VIRTIO_CAP_COMMON, VIRTIO_CAP_ISR, VIRTIO_CAP_DEVICE, VIRTIO_CAP_NOTIFY};

/* Where node i of a graph stands, and what its window's offset is: far enough apart to tell who was chosen.
 */
static uint8_t place(int i)
{
    return (uint8_t)(0x40 + 0x18 * i);
}

static struct pci_function_info sound(uint16_t device)
{
    struct pci_function_info info = function(device);

    for (int i = 0; i < 4; i++)
        put_cap(&info, place(i), i < 3 ? place(i + 1) : 0, order[i], 4, 0x1000u * i, 0x1000);
    return info;
}

Test(probe, sound_functions_are_modern_and_print_why)
{
    struct pci_function_info info = sound(0x1041);
    struct virtio_probe p = virtio_probe_function(&info);

    cr_assert_eq(p.kind, VIRTIO_MODERN);
    cr_assert_eq(p.device_type, 1);
    cr_assert_eq(p.windows[MODERN_COMMON].length, MODERN_COMMON_BYTES, "no more than is needed");
    cr_assert_eq(p.windows[MODERN_DEVICE].length, VIRTIO_NET_CONFIG_BYTES);
    cr_assert_eq(p.windows[MODERN_NOTIFY].bell_multiplier, 4);
    cr_assert_eq(p.windows[MODERN_NOTIFY].length, 0x1000);
    cr_assert_not_null(p.reason);
}

Test(probe, transitional_prefers_capabilities_and_falls_back_to_ports)
{
    struct pci_function_info info = sound(0x1000);

    info.bars[0] = (struct pci_bar){.size = 64, .kind = PCI_BAR_PORTS, .assigned = 1};
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_MODERN);
    info.config[place(0) + 3] = 77; /* no common configuration any more */
    struct virtio_probe p = virtio_probe_function(&info);
    cr_assert_eq(p.kind, VIRTIO_LEGACY);
    cr_assert_eq(p.windows[0].bar, 0);
    cr_assert_eq(p.windows[0].length, LEGACY_WINDOW_BYTES);
    info.device = 0x1041; /* 4.1.5.1.2.1: a modern function without capabilities fails, gracefully */
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE);
}

Test(probe, compute_engine_function_without_any_capability_is_legacy)
{
    struct pci_function_info info = {.vendor = 0x1af4, .device = 0x1000, .subsystem = 1};

    info.bars[0] = (struct pci_bar){.size = 64, .kind = PCI_BAR_PORTS, .assigned = 1};
    info.bars[1] = (struct pci_bar){.size = 4096, .kind = PCI_BAR_MEMORY, .assigned = 1};
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_LEGACY);
    for (uint32_t device = 0xfff; device <= 0x1080; device++) {
        info.device = (uint16_t)device;
        cr_assert_eq(virtio_probe_function(&info).kind == VIRTIO_LEGACY, device >= 0x1000 && device <= 0x103f,
                     "%x", device);
    }
}

Test(probe, legacy_needs_an_assigned_port_bar_that_holds_the_block)
{
    struct pci_function_info good = {.vendor = 0x1af4, .device = 0x1000, .subsystem = 1};

    good.bars[0] = (struct pci_bar){.size = 32, .kind = PCI_BAR_PORTS, .assigned = 1};
    cr_assert_eq(virtio_probe_function(&good).kind, VIRTIO_LEGACY);
    struct pci_function_info bad = good;
    bad.bars[0].size = 16;
    cr_assert_eq(virtio_probe_function(&bad).kind, VIRTIO_NONE);
    bad = good;
    bad.bars[0].assigned = 0;
    cr_assert_eq(virtio_probe_function(&bad).kind, VIRTIO_NONE);
    bad = good;
    bad.bars[0].kind = PCI_BAR_MEMORY;
    cr_assert_eq(virtio_probe_function(&bad).kind, VIRTIO_NONE);
    bad = good;
    bad.header_type = 1;
    cr_assert_eq(virtio_probe_function(&bad).kind, VIRTIO_NONE);
    bad.header_type = 0x80; /* multi-function */
    cr_assert_eq(virtio_probe_function(&bad).kind, VIRTIO_LEGACY);
    bad = good;
    bad.vendor = 0x8086;
    cr_assert_eq(virtio_probe_function(&bad).kind, VIRTIO_NONE);
}

Test(probe, type_comes_from_the_subsystem_or_the_device_id)
{
    struct pci_function_info info = sound(0x1042);

    cr_assert_eq(virtio_probe_function(&info).device_type, 2);
    info.device = 0x1004;
    info.subsystem = 8;
    cr_assert_eq(virtio_probe_function(&info).device_type, 8);
}

/* One field of one structure changed: is the function still modern? */
struct change {
    const char *what;
    int node; /* of `order`: 0 common, 1 isr, 2 device, 3 notify */
    uint32_t offset, bytes;
    uint8_t cap_len, bar;
    uint32_t multiplier;
    bool modern;
};

static const struct change changes[] = {
    {"common as needed", 0, 0, 56, 16, 4, 0, true},
    {"common one byte short", 0, 0, 55, 16, 4, 0, false},
    {"common one byte long", 0, 0, 57, 16, 4, 0, true},
    {"common misaligned", 0, 2, 0x100, 16, 4, 0, false},
    {"common at the end of its BAR", 0, BAR_BYTES - 56, 56, 16, 4, 0, true},
    {"common four bytes beyond its BAR", 0, BAR_BYTES - 52, 56, 16, 4, 0, false},
    {"length zero", 0, 0, 0, 16, 4, 0, false},
    {"length 4 GiB - 1", 0, 0, 0xffffffffu, 16, 4, 0, false},
    {"offset plus length wraps 32 bits", 0, 0xfffffffcu, 0x100, 16, 4, 0, false},
    {"cap_len larger than known", 0, 0, 56, 40, 4, 0, true},
    {"cap_len shorter than the structure", 0, 0, 56, 15, 4, 0, false},
    {"cap_len beyond configuration space", 0, 0, 56, 255, 4, 0, false},
    {"reserved BAR 6", 0, 0, 56, 16, 6, 0, false},
    {"reserved BAR 255", 0, 0, 56, 16, 255, 0, false},
    {"absent BAR", 0, 0, 56, 16, 3, 0, false},
    {"isr of one byte at an odd offset", 1, 0x1001, 1, 16, 4, 0, true},
    {"isr of length zero", 1, 0x1001, 0, 16, 4, 0, false},
    {"device of 8", 2, 0x2000, 8, 16, 4, 0, true},
    {"device of 7", 2, 0x2000, 7, 16, 4, 0, false},
    {"device of 9", 2, 0x2000, 9, 16, 4, 0, true},
    {"device misaligned", 2, 0x2001, 8, 16, 4, 0, false},
    {"notify multiplier 0", 3, 0x3000, 2, 20, 4, 0, true},
    {"notify multiplier 1", 3, 0x3000, 2, 20, 4, 1, false},
    {"notify multiplier 2", 3, 0x3000, 2, 20, 4, 2, true},
    {"notify multiplier 3", 3, 0x3000, 2, 20, 4, 3, false},
    {"notify multiplier 6", 3, 0x3000, 2, 20, 4, 6, false},
    {"notify multiplier 2^31", 3, 0x3000, 2, 20, 4, 0x80000000u, true},
    {"notify of one byte", 3, 0x3000, 1, 20, 4, 4, false},
    {"notify at an odd offset", 3, 0x3001, 2, 20, 4, 4, false},
    {"notify without its multiplier", 3, 0x3000, 2, 16, 4, 4, false},
};

Test(probe, one_field_of_one_structure_changed)
{
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        const struct change *c = &changes[i];
        struct pci_function_info info = sound(0x1041);
        uint8_t *cap = info.config + place(c->node);

        cap[2] = c->cap_len;
        cap[4] = c->bar;
        put32(cap + 8, c->offset);
        put32(cap + 12, c->bytes);
        if (c->node == 3)
            put32(cap + 16, c->multiplier);
        cr_assert_eq(virtio_probe_function(&info).kind == VIRTIO_MODERN, c->modern, "%s", c->what);
    }
}

Test(probe, bars_count_as_the_kernel_found_them)
{
    struct pci_function_info info = sound(0x1041);

    info.bars[4].size = 0x3fff; /* the notify window no longer fits */
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE);
    info = sound(0x1041);
    info.bars[4].assigned = 0;
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE);
    info = sound(0x1041);
    info.bars[4].kind = PCI_BAR_PORTS;
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE);
    info = sound(0x1041);
    info.bars[4].kind = PCI_BAR_MEMORY;
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_MODERN);
    info.bars[4].size = 1ull << 40;
    put32(info.config + place(3) + 8, 0xfffffffcu); /* offset + length above 4 GiB, inside the BAR */
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE);
}

Test(probe, list_ends_where_the_header_says_there_is_none)
{
    struct pci_function_info info = sound(0x1041);

    info.config[6] = 0;
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE);
    for (uint32_t first = 0; first < 0x40; first += 4) {
        info = sound(0x1041);
        info.config[0x34] = (uint8_t)first;
        cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_NONE, "pointer into the header");
    }
}

Test(probe, reserved_types_and_other_vendors_capabilities_are_stepped_over)
{
    struct pci_function_info info = sound(0x1041);

    /* MSI-X, a reserved cfg_type and a second, worse common structure in front: found behind them all the
     * same. */
    info.config[0x34] = 0xc0;
    info.config[0xc0] = 0x11;
    info.config[0xc1] = 0xd0;
    put_cap(&info, 0xd0, 0xe8, 200, 4, 0, 0x100);
    put_cap(&info, 0xe8, 0x40, VIRTIO_CAP_COMMON, 4, 0, 8);
    struct virtio_probe p = virtio_probe_function(&info);
    cr_assert_eq(p.kind, VIRTIO_MODERN);
    cr_assert_eq(p.windows[MODERN_COMMON].offset, 0);
}

Test(probe, a_capability_cut_off_by_the_end_of_configuration_space_is_ignored)
{
    struct pci_function_info info = sound(0x1041);

    info.config[place(3) + 1] = 0xf4;
    info.config[0xf4] = 9;
    info.config[0xf5] = 0;
    info.config[0xf4 + 3] = VIRTIO_CAP_NOTIFY;
    cr_assert_eq(virtio_probe_function(&info).kind, VIRTIO_MODERN);
}

Test(probe, random_configuration_space_ends_in_some_kind)
{
    uint64_t x = 88172645463325252ull;

    for (int run = 0; run < 200000; run++) {
        struct pci_function_info info = function(run & 1 ? 0x1041 : 0x1000);

        for (int i = 0x34; i < 256; i++) {
            x ^= x << 13, x ^= x >> 7, x ^= x << 17;
            info.config[i] = (x & 7) < 3 ? (uint8_t)(x >> 8) & 0xfc : (uint8_t)((x >> 16) % 10);
        }
        struct virtio_probe p = virtio_probe_function(&info);
        cr_assert_not_null(p.reason);
        for (int i = 0; p.kind == VIRTIO_MODERN && i < 4; i++) {
            cr_assert_lt(p.windows[i].bar, 6);
            cr_assert_leq(p.windows[i].offset + (uint64_t)p.windows[i].length, BAR_BYTES);
        }
    }
}
