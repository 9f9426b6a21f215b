/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan: every function of bus 0 and of every bus behind a bridge. Each is silenced the moment it is seen
 * (bus mastering off), sized with decoding off, and copied once. Trusts nothing that configuration space
 * says: a bridge may name any bus, a list may loop, a BAR may lie. */
#include "kernel/device/device.h"

#define BUSES_MAX     256u
#define SLOTS         32u
#define FUNCTIONS     8u
#define HEADER_TYPE   0x0eu
#define HEADER_MULTI  0x80u
#define HEADER_BRIDGE 0x01u
#define SECONDARY_BUS 0x19u
#define NO_DEVICE     0xffffu

/* Buses still to scan, and those seen: a bridge loop ends here. */
struct walk {
    uint32_t pending[BUSES_MAX / 32u];
    uint32_t seen[BUSES_MAX / 32u];
    uint16_t bridge[BUSES_MAX]; /* function record above the bus */
};

static void walk_add(struct walk *w, uint8_t bus, uint16_t bridge)
{
    uint32_t bit = 1u << (bus % 32u);

    if ((w->seen[bus / 32u] & bit) != 0)
        return;
    w->seen[bus / 32u] |= bit;
    w->pending[bus / 32u] |= bit;
    w->bridge[bus] = bridge;
}

static bool walk_next(struct walk *w, uint8_t *bus)
{
    for (uint32_t i = 0; i < BUSES_MAX; i++) {
        uint32_t bit = 1u << (i % 32u);

        if ((w->pending[i / 32u] & bit) == 0)
            continue;
        w->pending[i / 32u] &= ~bit;
        *bus = (uint8_t)i;
        return true;
    }
    return false;
}

static uint16_t silence(struct kernel *k, uint16_t bdf)
{
    uint16_t command = (uint16_t)platform_pci_read(k->platform, bdf, PCI_COMMAND, 2);

    /* Firmware may have left rings running: nothing masters the bus from here on. */
    platform_pci_write(k->platform, bdf, PCI_COMMAND, 2, (uint16_t)(command & ~PCI_COMMAND_MASTER));
    return command;
}

static void copy_config(struct kernel *k, struct function *f)
{
    for (uint16_t at = 0; at < PCI_CONFIG_BYTES; at = (uint16_t)(at + 4u)) {
        uint32_t word = platform_pci_read(k->platform, f->info.bdf, at, 4);

        memcpy(&f->info.config[at], &word, sizeof word);
    }
}

/* Returns the function's record, or NO_RECORD when the table is full; either way it is silent now. */
static uint16_t add_function(struct kernel *k, uint16_t bdf, uint16_t bridge)
{
    uint16_t command = silence(k, bdf);
    struct devices *d = &k->devices;
    uint16_t record = d->function_count;
    struct function *f;

    if (record >= FUNCTIONS_MAX) {
        d->functions_lost++;
        return NO_RECORD;
    }
    d->function_count++;
    f = &d->functions[record];
    memset(f, 0, sizeof *f);
    f->info.bdf = bdf;
    f->parent = bridge;
    f->claim = NO_RECORD;
    f->firmware_master = (command & PCI_COMMAND_MASTER) != 0;
    f->firmware_command = (uint16_t)(command & ~PCI_COMMAND_MASTER);
    f->command = f->firmware_command;
    f->state = DEVICE_DISCOVERED;
    f->info.header_type = (uint8_t)platform_pci_read(k->platform, bdf, HEADER_TYPE, 1);
    pci_size_bars(k, f);
    copy_config(k, f);
    pci_parse(f);
    return record;
}

static bool present(struct kernel *k, uint16_t bdf)
{
    return platform_pci_read(k->platform, bdf, 0, 2) != NO_DEVICE;
}

static void scan_function(struct kernel *k, struct walk *w, uint16_t bdf)
{
    uint16_t bridge = w->bridge[bdf >> 8];
    uint16_t record = add_function(k, bdf, bridge);
    const struct function *f;

    if (record == NO_RECORD)
        return;
    f = &k->devices.functions[record];
    if ((f->info.header_type & ~HEADER_MULTI) == HEADER_BRIDGE)
        walk_add(w, f->info.config[SECONDARY_BUS], record);
}

static void scan_bus(struct kernel *k, struct walk *w, uint8_t bus)
{
    k->devices.bus_count++;
    for (uint32_t slot = 0; slot < SLOTS; slot++) {
        uint16_t first = (uint16_t)((uint32_t)bus << 8 | slot << 3);
        bool has_first = present(k, first);
        uint32_t functions = FUNCTIONS;

        if (has_first) {
            scan_function(k, w, first);
            if ((platform_pci_read(k->platform, first, HEADER_TYPE, 1) & HEADER_MULTI) == 0)
                functions = 1;
        }
        for (uint32_t n = 1; n < functions; n++) {
            if (present(k, (uint16_t)(first | n)))
                scan_function(k, w, (uint16_t)(first | n));
        }
    }
}

void pci_scan(struct kernel *k)
{
    struct walk w;
    uint8_t bus = 0;

    ASSERT(k->devices.function_count == 0);
    memset(w.pending, 0, sizeof w.pending);
    memset(w.seen, 0, sizeof w.seen);
    walk_add(&w, 0, NO_RECORD);
    for (uint32_t turn = 0; turn < BUSES_MAX && walk_next(&w, &bus); turn++)
        scan_bus(k, &w, bus);
    pci_reject_overlaps(k);
}
