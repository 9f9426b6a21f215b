/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted machine's parts. Owns its DMA region; trusts the test. */
#include "tests/support/fake_platform.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

static _Alignas(4096) uint8_t dma_memory[FAKE_DMA_PAGES * 4096u];

_Noreturn void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "assertion failed: %s (%s:%u)\n", expression, file, line);
    abort();
}

static uint32_t get(const uint8_t *at, uint8_t width)
{
    uint32_t value = 0;

    memcpy(&value, at, width);
    return value;
}

static void put(uint8_t *at, uint8_t width, uint32_t value)
{
    memcpy(at, &value, width);
}

static void note(struct platform *p, enum fake_event_kind kind, uint16_t bdf, uint64_t address,
                 uint64_t value, uint8_t width)
{
    if (p->events < FAKE_LOG)
        p->log[p->events++] = (struct fake_event){(uint8_t)kind, width, bdf, address, value};
}

void fake_init(struct platform *p)
{
    memset(p, 0, sizeof *p);
    memset(dma_memory, 0xa5, sizeof dma_memory); /* RAM is not zero at power-on */
    p->dma = dma_memory;
    p->bus_base = 0x200000000ull + 0x7fff000ull;
    p->dma_pages = FAKE_DMA_PAGES;
}

struct fake_function *fake_add(struct platform *p, uint16_t bdf, enum fake_kind kind)
{
    for (uint32_t i = 0; i < FAKE_FUNCTIONS; i++) {
        struct fake_function *f = &p->functions[i];

        if (f->present)
            continue;
        f->present = true;
        f->kind = (uint8_t)kind;
        f->bdf = bdf;
        put(&f->config[0x00], 2, 0x1af4);
        put(&f->config[0x02], 2, kind == FAKE_LEGACY ? 0x1000 : 0x1041);
        put(&f->config[0x08], 4, 0x02000000);
        put(&f->config[0x2c], 2, 0x1af4);
        put(&f->config[0x2e], 2, 1);
        put(&f->config[0x06], 2, 0x10);
        for (uint32_t q = 0; q < FAKE_QUEUES; q++) {
            f->queue_size[q] = 8;
            f->notify_off[q] = (uint16_t)q;
        }
        return f;
    }
    abort();
}

void fake_bar(struct fake_function *f, uint32_t bar, uint64_t address, uint64_t size, uint32_t flags)
{
    f->bar_mask[bar] = (uint32_t)(~(size - 1u) | flags);
    put(&f->config[0x10 + 4 * bar], 4, (uint32_t)address | flags);
    if ((flags & 7u) == 4u && bar < 5) {
        f->bar_mask[bar + 1] = (uint32_t)(~(size - 1u) >> 32);
        put(&f->config[0x14 + 4 * bar], 4, (uint32_t)(address >> 32));
    }
}

void fake_msix(struct fake_function *f, uint8_t at, uint16_t vectors, uint8_t bar, uint32_t table,
               uint32_t pba)
{
    f->config[0x34] = at;
    f->config[at] = 0x11;
    f->config[at + 1] = 0;
    put(&f->config[at + 2], 2, vectors - 1u);
    put(&f->config[at + 4], 4, table | bar);
    put(&f->config[at + 8], 4, pba | bar);
}

static void add_modern(struct platform *p, uint16_t bdf, uint64_t base)
{
    struct fake_function *f = fake_add(p, bdf, FAKE_MODERN);

    fake_bar(f, 0, base, 0x4000, 4);
    fake_bar(f, 2, (base & 0xffffffffu) + 0x10000000u, 0x1000, 0);
    fake_msix(f, 0x40, 4, 2, 0, 0x800);
}

void fake_standard(struct platform *p)
{
    struct fake_function *f;

    add_modern(p, FAKE_MODERN_BDF, 0x1c0000000ull);
    f = fake_add(p, FAKE_LEGACY_BDF, FAKE_LEGACY);
    fake_bar(f, 0, 0xc000, 64, 1);
    fake_bar(f, 1, 0xe1000000, 0x1000, 0);
    fake_msix(f, 0x98, 4, 1, 0, 0x800);
    f = fake_add(p, FAKE_BRIDGE_BDF, FAKE_PLAIN);
    put(&f->config[0x00], 2, 0x1b36);
    put(&f->config[0x08], 4, 0x06040000);
    f->config[0x0e] = 1;
    f->config[0x19] = 1;
    add_modern(p, FAKE_BEHIND_BDF, 0x1c1000000ull);
}

struct fake_function *fake_at(struct platform *p, uint16_t bdf)
{
    for (uint32_t i = 0; i < FAKE_FUNCTIONS; i++) {
        struct fake_function *f = &p->functions[i];

        if (f->present && (f->bdf == bdf || (f->every_function && f->bdf == (bdf & ~7))))
            return f;
    }
    return NULL;
}

bool fake_master(const struct fake_function *f)
{
    return (f->config[4] & 4u) != 0;
}

uint32_t fake_find(const struct platform *p, uint32_t from, enum fake_event_kind kind)
{
    for (uint32_t i = from; i < p->events; i++) {
        if (p->log[i].kind == kind)
            return i;
    }
    return FAKE_LOG;
}

uint32_t fake_count(const struct platform *p, uint32_t from, enum fake_event_kind kind)
{
    uint32_t count = 0;

    for (uint32_t i = from; i < p->events; i++)
        count += p->log[i].kind == kind;
    return count;
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    const struct fake_function *f = fake_at(p, bdf);

    return f == NULL ? 0xffffffffu >> (32 - 8 * width) : get(&f->config[offset], width);
}

static void write_command(struct platform *p, struct fake_function *f, uint16_t value)
{
    uint16_t before = (uint16_t)get(&f->config[4], 2);

    if (f->master_stuck)
        value |= before & 4u;
    if ((before & 4u) == 0 && (value & 4u) != 0)
        note(p, FAKE_MASTER_ON, f->bdf, 0, value, 2);
    if ((before & 4u) != 0 && (value & 4u) == 0)
        note(p, FAKE_MASTER_OFF, f->bdf, 0, value, 2);
    if ((before & 3u) != 0 && (value & 3u) == 0)
        note(p, FAKE_DECODE_OFF, f->bdf, 0, value, 2);
    put(&f->config[4], 2, value);
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    struct fake_function *f = fake_at(p, bdf);

    if (f == NULL)
        return;
    note(p, FAKE_CONFIG_WRITE, bdf, offset, value, width);
    if (offset == 4) {
        write_command(p, f, (uint16_t)value);
    } else if (offset >= 0x10 && offset < 0x28) {
        uint32_t bar = (offset - 0x10u) / 4u;
        bool upper =
            bar > 0 && (f->bar_mask[bar - 1] & 7u) == 4u && (bar < 2 || (f->bar_mask[bar - 2] & 7u) != 4u);
        uint32_t flags = upper ? 0 : f->bar_mask[bar] & ((f->bar_mask[bar] & 1u) ? 3u : 15u);

        put(&f->config[offset], 4, (value & f->bar_mask[bar]) | flags);
    } else {
        put(&f->config[offset], width, value);
    }
}

/* The function and BAR that decode `address`, if decoding is on. */
static struct fake_function *decode(struct platform *p, uint64_t address, bool ports, uint32_t *bar,
                                    uint32_t *offset)
{
    for (uint32_t i = 0; i < FAKE_FUNCTIONS; i++) {
        struct fake_function *f = &p->functions[i];

        if (!f->present || (f->config[4] & (ports ? 1u : 2u)) == 0 || f->config[0x0e] != 0)
            continue;
        for (uint32_t b = 0; b < 6; b++) {
            uint32_t mask = f->bar_mask[b];
            uint64_t base = get(&f->config[0x10 + 4 * b], 4);

            if (mask == 0 || ((mask & 1u) != 0) != ports)
                continue;
            if ((mask & 7u) == 4u)
                base |= (uint64_t)get(&f->config[0x14 + 4 * b], 4) << 32;
            base &= ports ? ~3ull : ~15ull;
            if (address >= base && address - base < FAKE_BAR_BYTES && address - base <= (~mask | 15u)) {
                *bar = b;
                *offset = (uint32_t)(address - base);
                return f;
            }
            if ((mask & 7u) == 4u)
                b++;
        }
    }
    return NULL;
}

struct layout {
    uint32_t bar, status, select, size, notify_off;
};

static struct layout layout_of(const struct fake_function *f)
{
    if (f->kind == FAKE_MODERN)
        return (struct layout){0, 20, 22, 24, 30};
    if (f->kind == FAKE_LEGACY)
        return (struct layout){0, 18, 14, 12, FAKE_BAR_BYTES};
    return (struct layout){6, 0, 0, 0, 0};
}

static uint32_t reg_read(struct platform *p, uint64_t address, uint8_t width, bool ports)
{
    uint32_t bar, offset;
    struct fake_function *f = decode(p, address, ports, &bar, &offset);

    if (f == NULL)
        return 0xffffffffu >> (32 - 8 * width);
    const struct layout l = layout_of(f);
    if (bar == l.bar) {
        uint16_t queue = (uint16_t)get(&f->regs[bar][l.select], 2);

        if (offset == l.status && f->reads_left != 0) {
            if (f->reads_left > 0)
                f->reads_left--;
            return f->status_while_resetting;
        }
        if (offset == l.size)
            return queue < FAKE_QUEUES ? f->queue_size[queue] : 0;
        if (offset == l.notify_off)
            return queue < FAKE_QUEUES ? f->notify_off[queue] : 0;
    }
    return get(&f->regs[bar][offset], width);
}

static void reg_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value, bool ports)
{
    uint32_t bar, offset;
    struct fake_function *f = decode(p, address, ports, &bar, &offset);

    if (f == NULL)
        return;
    const struct layout l = layout_of(f);
    if (bar == l.bar && offset == l.status && value == 0) {
        note(p, FAKE_RESET_WRITE, f->bdf, offset, value, width);
        f->resets++;
        f->status_while_resetting = f->regs[bar][offset] != 0 ? f->regs[bar][offset] : 0xffu;
        f->reads_left = f->reset_reads;
    } else {
        note(p, FAKE_REG_WRITE, f->bdf, address, value, width);
    }
    if (f->dead_msix && bar != l.bar)
        return;
    put(&f->regs[bar][offset], width, value);
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    return reg_read(p, address, width, false);
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    reg_write(p, address, width, value, false);
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    return reg_read(p, port, width, true);
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    reg_write(p, port, width, value, true);
}

struct platform_dma_region platform_dma_region(struct platform *p)
{
    return (struct platform_dma_region){p->dma, {p->bus_base}, (size_t)p->dma_pages * 4096u};
}

void platform_dma_map(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    note(p, FAKE_MAP, bdf, bus.v, bytes, 0);
    for (uint64_t page = (bus.v - p->bus_base) / 4096; page < (bus.v - p->bus_base + bytes) / 4096; page++) {
        p->bad_maps += p->mapped_for[page] != 0;
        p->mapped_for[page] = (uint16_t)(bdf + 1u);
        p->mapped_pages++;
    }
}

void platform_dma_unmap(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    note(p, FAKE_UNMAP, bdf, bus.v, bytes, 0);
    for (uint64_t page = (bus.v - p->bus_base) / 4096; page < (bus.v - p->bus_base + bytes) / 4096; page++) {
        p->bad_maps += p->mapped_for[page] != (uint16_t)(bdf + 1u);
        p->mapped_for[page] = 0;
        p->mapped_pages--;
    }
}

struct platform_msi platform_msi_message(struct platform *p, uint16_t route)
{
    (void)p;
    return (struct platform_msi){0xfee00000ull, 0x40u + route};
}

uint32_t platform_msi_count(struct platform *p, uint16_t route)
{
    return p->msi_count[route];
}

void platform_msi_raise(struct platform *p, uint16_t route)
{
    p->msi_count[route]++;
}

uint32_t platform_interrupts(struct platform *p)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < sizeof p->msi_count / sizeof p->msi_count[0]; i++)
        sum += p->msi_count[i];
    return sum;
}

uint64_t platform_now_ns(struct platform *p)
{
    return p->relaxes * 1000ull;
}

void platform_relax(struct platform *p)
{
    p->relaxes++;
}

bool platform_entropy(struct platform *p, void *buffer, size_t bytes)
{
    memset(buffer, 0, bytes);
    return !p->no_entropy;
}

void platform_console_write(struct platform *p, enum platform_console port, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes && p->said_bytes[port] < FAKE_TEXT - 1u; i++)
        p->said[port][p->said_bytes[port]++] = text[i];
    fwrite(text, 1, bytes, stderr);
}

size_t platform_console_read(struct platform *p, enum platform_console port, char *buffer, size_t bytes)
{
    size_t got = 0;

    while (port == CONSOLE_MAIN && p->typed != NULL && *p->typed != 0 && got < bytes)
        buffer[got++] = *p->typed++;
    return got;
}

const char *platform_name(const struct platform *p)
{
    (void)p;
    return "fake";
}

uint64_t platform_memory_bytes(const struct platform *p)
{
    return (uint64_t)p->dma_pages * 4096u;
}
