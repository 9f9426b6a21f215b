/* SPDX-License-Identifier: BSD-2-Clause */
/* World `pci`: a function behind the platform's door, the scan over it, the probe over what the scan wrote
 * down, and what is asked of both. */
#include "sim/explore/pci_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/device/device.h"
#include "platform/explore/platform_explore.h"
#include "provider/seams.h"

#define BDF              0x18u /* bus 0, slot 3 */
#define LIST_FIRST       0x40u
#define SCRAMBLED_MAX    6u
#define ALL_FOUR         0x1eu /* structures 1 to 4 */
#define CONFIG_READS_MAX 120u /* of the function in one scan: 64 of the copy, the rest of its header */

struct pci_world {
    struct xp_world world;
    struct pci_config config;
    struct platform platform;
    struct kernel kernel;
    struct pci_verdict expected;
    uint8_t space[XP_PCI_BYTES];
    uint8_t sizing; /* bit of each BAR that holds all ones */
    uint8_t reads[XP_PCI_BYTES / 4u]; /* of each word */
    uint32_t reads_all;
    bool transitional;
    uint64_t steps; /* the one thing that a step leaves behind; no other step looks at it */
};

static struct pci_world *pci_of(void *w)
{
    return w;
}

/* What a BAR register reads as after all ones were written (PCI 3.0, 6.2.5.1). */
static uint32_t bar_mask(const struct pci_world *p, uint32_t bar)
{
    switch (bar) {
    case 0:
        return p->transitional ? 0xffffffc1u : 0;
    case 1:
        return ~(XP_PCI_BAR1_BYTES - 1u);
    case 3:
        return ~(XP_PCI_BAR3_BYTES - 1u);
    case 4:
        return ~(XP_PCI_BAR4_BYTES - 1u) | 4u;
    case 5:
        return 0xffffffffu;
    default:
        return 0;
    }
}

static uint32_t door_read(void *ctx, enum platform_space space, uint64_t address, uint8_t width)
{
    struct pci_world *p = pci_of(ctx);
    const uint32_t at = (uint32_t)(address & 0xfffu);
    uint32_t value = 0;

    if (space != PLATFORM_PCI || address >> 12 != BDF)
        return UINT32_MAX >> (32u - 8u * width);
    if (at + width > XP_PCI_BYTES)
        xp_violate(&p->world, XP_P6, "configuration space is read at 0x%x, %u bytes wide", at, width);
    if (++p->reads_all > CONFIG_READS_MAX)
        xp_violate(&p->world, XP_P3, "more than %u reads of configuration space in one scan",
                   CONFIG_READS_MAX);
    p->reads[at / 4u]++;
    if (at >= 0x10u && at < 0x28u && ((uint32_t)p->sizing >> ((at - 0x10u) / 4u) & 1u))
        return bar_mask(p, (at - 0x10u) / 4u);
    memcpy(&value, p->space + at, width);
    return value;
}

static void door_write(void *ctx, enum platform_space space, uint64_t address, uint8_t width, uint32_t value)
{
    struct pci_world *p = pci_of(ctx);
    const uint32_t at = (uint32_t)(address & 0xfffu);

    if (space != PLATFORM_PCI || address >> 12 != BDF)
        xp_violate(&p->world, XP_P8, "a scan writes outside the function: 0x%llx",
                   (unsigned long long)address);
    if (at == 4u && width == 2u) {
        memcpy(p->space + at, &value, width);
        return;
    }
    if (at < 0x10u || at >= 0x28u || width != 4u || at % 4u != 0) /* 4.1.4.1: capabilities are read only */
        xp_violate(&p->world, XP_P8, "a scan writes 0x%x to configuration space at 0x%x", value, at);
    const uint32_t bar = (at - 0x10u) / 4u;

    p->sizing = (uint8_t)((p->sizing & ~(1u << bar)) | (unsigned)(value == UINT32_MAX) << bar);
    if (value != UINT32_MAX && memcmp(p->space + at, &value, 4) != 0)
        xp_violate(&p->world, XP_P8, "BAR %u is left as 0x%x", bar, value);
}

static void put(struct pci_world *p, uint32_t at, uint32_t value, uint8_t width)
{
    memcpy(p->space + at, &value, width);
}

/* Header of an ordinary function; firmware left bus mastering on. */
static void header(struct pci_world *p)
{
    memset(p->space, 0, sizeof p->space);
    memset(p->space + LIST_FIRST, 0xa5, sizeof p->space - LIST_FIRST); /* what no walk should reach */
    put(p, 0x00, 0x1af4, 2);
    put(p, 0x02, p->transitional ? 0x1000 : 0x1041, 2);
    put(p, 0x04, 0x0007, 2);
    put(p, 0x08, p->transitional ? 0x02000000u : 0x02000001u, 4);
    put(p, 0x10, p->transitional ? 0xc001u : 0, 4);
    put(p, 0x14, 0xfe000000u, 4);
    put(p, 0x20, 0x80000000u | 4u, 4);
    put(p, 0x24, 0x00000001u, 4);
    put(p, 0x2c, 0x1af4, 2);
    put(p, 0x2e, 1, 2);
}

static void scramble(struct pci_world *p)
{
    const uint32_t bytes = xp_choose(&p->world, SCRAMBLED_MAX + 1u, "bytes");

    for (uint32_t i = 0; i < bytes; i++) {
        const uint32_t at = xp_choose(&p->world, XP_PCI_BYTES - 0x34u, "at");
        const uint32_t value = xp_choose(&p->world, 256, "value");

        p->space[0x34u + at] = (uint8_t)value;
    }
}

/* The kernel's record: silent, one copy, no address in it. */
static const struct pci_function_info *scanned(struct pci_world *p)
{
    struct devices *d = &p->kernel.devices;

    d->function_count = 0;
    d->functions_lost = 0;
    d->bus_count = 0;
    p->reads_all = 0;
    memset(p->reads, 0, sizeof p->reads);
    pci_scan(&p->kernel);
    const struct pci_function_info *info = &d->functions[0].info;

    if (d->function_count != 1)
        xp_violate(&p->world, XP_P6, "the scan finds %u functions where one is", d->function_count);
    for (uint32_t at = LIST_FIRST; at < XP_PCI_BYTES; at += 4u) {
        if (p->reads[at / 4u] != 1)
            xp_violate(&p->world, XP_P6, "the word at 0x%x is read %u times", at, p->reads[at / 4u]);
    }
    if ((p->space[4] & 4u) != 0)
        xp_violate(&p->world, XP_P9, "the function masters the bus after the scan");
    if (memcmp(info->config + 0x34, p->space + 0x34, XP_PCI_BYTES - 0x34u) != 0)
        xp_violate(&p->world, XP_P7, "the scan's copy of the capability list is not what was read");
    for (uint32_t at = 0x10u; at < 0x28u; at++) {
        if ((at % 4u ? info->config[at] : info->config[at] & 0xf0u) != 0)
            xp_violate(&p->world, XP_I1, "the copy shows a part of the address in BAR %u", (at - 0x10u) / 4u);
    }
    if (info->msix.vectors != p->expected.vectors)
        xp_violate(&p->world, XP_P6, "the scan finds %u vectors, there are %u", info->msix.vectors,
                   p->expected.vectors);
    return info;
}

static void judge_window(struct pci_world *p, const struct reg_window *w, int type)
{
    const struct pci_verdict *v = &p->expected;

    if (w->bar != v->bar[type] || w->offset != v->offset[type] || w->length != v->length[type] ||
        w->bell_multiplier != (type == 2 ? v->multiplier : 0u))
        xp_violate(&p->world, XP_P6,
                   "structure %d: BAR %u, 0x%x, %u bytes are taken; BAR %u, 0x%x, %u are due", type, w->bar,
                   w->offset, w->length, v->bar[type], v->offset[type], v->length[type]);
}

static void probed(struct pci_world *p, const struct pci_function_info *info)
{
    static const int types[] = {1, 2, 4, 3}; /* of the windows, in order */
    const struct virtio_probe probe = virtio_probe_function(info);
    const bool modern = p->expected.found == ALL_FOUR;
    const enum virtio_transport_kind due = modern            ? VIRTIO_MODERN
                                           : p->transitional ? VIRTIO_LEGACY
                                                             : VIRTIO_NONE;

    xp_note(&p->world, XP_LANE_DRIVER, "probe: %s", probe.reason);
    if (probe.kind != due || probe.device_type != 1 || !probe.reason)
        xp_violate(&p->world, XP_P6, "the probe says kind %d, type %u; %d is due", probe.kind,
                   probe.device_type, due);
    for (int i = 0; modern && i < 4; i++)
        judge_window(p, &probe.windows[i], types[i]);
    if (due == VIRTIO_LEGACY &&
        (probe.windows[0].bar != 0 || probe.windows[0].offset != 0 || probe.windows[0].length > 64))
        xp_violate(&p->world, XP_P6, "the legacy window is %u bytes at %u of BAR %u", probe.windows[0].length,
                   probe.windows[0].offset, probe.windows[0].bar);
}

static enum xp_step pci_step(struct xp_world *w)
{
    struct pci_world *p = pci_of(w);
    struct pci_verdict by_bytes;

    p->steps++;
    p->sizing = 0;
    p->transitional = xp_choose(w, 2, "identity") == 1;
    header(p);
    p->space[6] = 0x10;
    pci_graph_build(w, p->space, &p->expected);
    if (p->expected.found == ALL_FOUR &&
        xp_choose(w, 2, "status") == 1) { /* PCI 3.0, 6.2.3: no list at all */
        p->space[6] = 0;
        p->expected = (struct pci_verdict){0};
    }
    if (p->config.scrambled)
        scramble(p);
    pci_oracle(p->space, &by_bytes);
    if (!p->config.scrambled && memcmp(&by_bytes, &p->expected, sizeof by_bytes) != 0)
        xp_violate(w, XP_P19, "the two oracles differ: found 0x%x and 0x%x", p->expected.found,
                   by_bytes.found);
    p->expected = by_bytes;
    probed(p, scanned(p));
    return XP_STEP_DONE;
}

static void pci_start(struct xp_world *w)
{
    pci_of(w)->steps = 0;
}

static uint64_t pci_fingerprint(struct xp_world *w)
{
    return pci_of(w)->steps;
}

static void pci_show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct pci_world *p = (const struct pci_world *)(const void *)w;

    snprintf(line, bytes, "%s function, first capability at 0x%02x, structures 0x%02x due, %u vectors",
             p->transitional ? "transitional" : "modern", p->space[0x34], p->expected.found,
             p->expected.vectors);
}

static const struct xp_world_ops pci_ops = {
    .name = "pci",
    .start = pci_start,
    .step = pci_step,
    .fingerprint = pci_fingerprint,
    .show = pci_show,
};

struct xp_world *pci_world_make(const struct pci_config *config)
{
    struct pci_world *p = calloc(1, sizeof *p);

    if (!p)
        return NULL;
    p->world.ops = &pci_ops;
    p->config = *config;
    p->platform = (struct platform){.ctx = p, .read = door_read, .write = door_write};
    p->kernel.platform = &p->platform;
    p->world.regions[0] = (struct xp_region){&p->steps, sizeof p->steps, 0};
    p->world.region_count = 1;
    return &p->world;
}

void pci_world_free(struct xp_world *w)
{
    free(w);
}
