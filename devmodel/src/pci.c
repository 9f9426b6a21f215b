/* SPDX-License-Identifier: BSD-2-Clause */
/* The PCI host: who answers to a configuration address, a port, a memory address; bridges; the order in which
 * functions work. Every address and width comes from a driver: what nobody decodes reads as all ones. */
#include "pci_state.h"

#include <stdlib.h>
#include <string.h>

#define BRIDGE_SECONDARY   0x19u
#define BRIDGE_SUBORDINATE 0x1au
#define BRIDGE_DEPTH_MAX   DM_FUNCTIONS_MAX

struct dm_bus *dm_bus_create(const struct dm_bus_config *config)
{
    struct dm_bus *bus = calloc(1, sizeof *bus);
    if (bus)
        bus->config = *config;
    return bus;
}

void dm_bus_destroy(struct dm_bus *bus)
{
    if (!bus)
        return;
    for (uint32_t i = 0; i < bus->function_count; i++)
        dm_function_free(bus->functions[i]);
    free(bus);
}

struct dm_bus_counts dm_bus_counts(const struct dm_bus *bus)
{
    return bus->counts;
}

struct dm_memory *dm_bus_memory(const struct dm_bus *bus)
{
    return bus->config.memory;
}

uint32_t dm_bus_choose(struct dm_bus *bus, uint32_t n, const char *tag)
{
    if (n <= 1 || !bus->config.choose)
        return 0;
    uint32_t picked = bus->config.choose(bus->config.choose_ctx, n, tag);
    return picked < n ? picked : n - 1u;
}

/* Firmware numbers buses so that a bridge's subordinate number covers every bridge below it. */
static void number_bridges(struct dm_bus *bus)
{
    for (uint32_t pass = 0; pass < bus->function_count; pass++) {
        bool changed = false;
        for (uint32_t i = 0; i < bus->function_count; i++) {
            struct dm_function *upper = bus->functions[i];
            if (!dm_is_bridge(upper) || upper->config.bridge_secondary == 0)
                continue;
            for (uint32_t k = 0; k < bus->function_count; k++) {
                const struct dm_function *lower = bus->functions[k];
                bool below = dm_is_bridge(lower) && lower->config.bdf >> 8 == upper->config.bridge_secondary;
                if (below && lower->subordinate > upper->subordinate) {
                    upper->subordinate = lower->subordinate;
                    changed = true;
                }
            }
            upper->bytes[BRIDGE_SUBORDINATE] = upper->subordinate;
        }
        if (!changed)
            return;
    }
}

struct dm_function *dm_bus_attach(struct dm_bus *bus, const struct dm_function_config *config,
                                  const struct dm_function_ops *ops, void *model)
{
    if (bus->function_count == DM_FUNCTIONS_MAX || !dm_function_config_valid(config))
        return NULL;
    bool bridge = (config->header_type & 0x7fu) == 1u && config->bridge_secondary != 0;
    for (uint32_t i = 0; i < bus->function_count; i++) {
        const struct dm_function *other = bus->functions[i];
        if (other->config.bdf == config->bdf)
            return NULL;
        if (bridge && dm_is_bridge(other) && other->config.bridge_secondary == config->bridge_secondary)
            return NULL;
    }
    struct dm_function *f = dm_function_new(config, ops, model);
    if (!f)
        return NULL;
    f->bus = bus;
    f->subordinate = config->bridge_secondary;
    bus->functions[bus->function_count++] = f;
    bus->decode_stale = true;
    if (bridge)
        number_bridges(bus);
    return f;
}

/* The bus number under which the functions behind `number` were attached, or -1. Follows the bridges'
 * registers as they are now, at most one level a step. */
static int home_bus(const struct dm_bus *bus, uint8_t number)
{
    uint8_t home = 0;
    if (number == 0)
        return 0;
    for (uint32_t depth = 0; depth < BRIDGE_DEPTH_MAX; depth++) {
        const struct dm_function *next = NULL;
        for (uint32_t i = 0; i < bus->function_count && !next; i++) {
            const struct dm_function *f = bus->functions[i];
            bool candidate = dm_is_bridge(f) && !f->removed && f->config.bdf >> 8 == home &&
                             f->bytes[BRIDGE_SECONDARY] != 0 && f->config.bridge_secondary != 0;
            if (candidate && number >= f->bytes[BRIDGE_SECONDARY] && number <= f->bytes[BRIDGE_SUBORDINATE])
                next = f;
        }
        if (!next)
            return -1;
        home = next->config.bridge_secondary;
        if (next->bytes[BRIDGE_SECONDARY] == number)
            return home;
    }
    return -1;
}

static struct dm_function *find(struct dm_bus *bus, uint16_t bdf)
{
    int home = home_bus(bus, (uint8_t)(bdf >> 8));
    if (home < 0)
        return NULL;
    uint32_t wanted = (uint32_t)home << 8 | (bdf & 0xffu);
    for (uint32_t i = 0; i < bus->function_count; i++) {
        struct dm_function *f = bus->functions[i];
        if (f->config.bdf == wanted && !f->removed)
            return f;
    }
    return NULL;
}

static bool width_known(uint8_t width)
{
    return width == 1 || width == 2 || width == 4;
}

/* Counts the access; the function that it reaches, or NULL. */
static struct dm_function *config_target(struct dm_bus *bus, uint16_t bdf, uint16_t offset, uint8_t width)
{
    bus->counts.config_accesses++;
    if (!width_known(width) || offset % width != 0 || offset >= DM_CONFIG_BYTES) {
        bus->counts.odd++;
        return NULL;
    }
    struct dm_function *f = find(bus, bdf);
    if (!f)
        bus->counts.missed++;
    return f;
}

uint32_t dm_pci_read(struct dm_bus *bus, uint16_t bdf, uint16_t offset, uint8_t width)
{
    struct dm_function *f = config_target(bus, bdf, offset, width);
    return dm_mask_width(f ? dm_function_config_read(f, offset, width) : DM_ALL_ONES, width);
}

void dm_pci_write(struct dm_bus *bus, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    struct dm_function *f = config_target(bus, bdf, offset, width);
    if (f)
        dm_function_config_write(f, offset, width, value);
}

static void decode_again(struct dm_bus *bus)
{
    bus->port_count = 0;
    bus->memory_count = 0;
    bus->port_last = NULL;
    bus->memory_last = NULL;
    for (uint32_t i = 0; i < bus->function_count; i++)
        dm_function_decode(bus->functions[i]);
    bus->decode_stale = false;
}

/* The BAR that decodes `address`; one of them where two overlap. *last remembers it for the next access. */
static const struct dm_decode *lookup(struct dm_bus *bus, const struct dm_decode *list, const uint32_t *count,
                                      const struct dm_decode **last, uint64_t address, uint8_t width)
{
    if (bus->decode_stale)
        decode_again(bus);
    const struct dm_decode *hit = *last;
    if (!hit || address - hit->base >= hit->bytes) {
        hit = NULL;
        for (uint32_t i = 0; i < *count && !hit; i++) {
            if (address - list[i].base < list[i].bytes)
                hit = &list[i];
        }
    }
    if (!hit) {
        bus->counts.missed++;
        return NULL;
    }
    if (!width_known(width) || address - hit->base > hit->bytes - width) {
        bus->counts.odd++;
        return NULL;
    }
    *last = hit;
    return hit;
}

static uint32_t bar_read(const struct dm_decode *hit, uint64_t address, uint8_t width)
{
    struct dm_function *f = hit->function;
    uint32_t offset = (uint32_t)(address - hit->base);
    if (dm_msix_hit(f, hit->bar, offset))
        return dm_msix_read(f, offset, width);
    return f->ops.bar_read ? f->ops.bar_read(f->model, hit->bar, offset, width) : 0;
}

static void bar_write(const struct dm_decode *hit, uint64_t address, uint8_t width, uint32_t value)
{
    struct dm_function *f = hit->function;
    uint32_t offset = (uint32_t)(address - hit->base);
    if (dm_msix_hit(f, hit->bar, offset))
        dm_msix_write(f, offset, width, value);
    else if (f->ops.bar_write)
        f->ops.bar_write(f->model, hit->bar, offset, width, dm_mask_width(value, width));
}

static const struct dm_decode *port_target(struct dm_bus *bus, uint16_t port, uint8_t width)
{
    bus->counts.port_accesses++;
    return lookup(bus, bus->ports, &bus->port_count, &bus->port_last, port, width);
}

static const struct dm_decode *memory_target(struct dm_bus *bus, uint64_t address, uint8_t width)
{
    bus->counts.mmio_accesses++;
    return lookup(bus, bus->memory, &bus->memory_count, &bus->memory_last, address, width);
}

uint32_t dm_port_read(struct dm_bus *bus, uint16_t port, uint8_t width)
{
    const struct dm_decode *hit = port_target(bus, port, width);
    return dm_mask_width(hit ? bar_read(hit, port, width) : DM_ALL_ONES, width);
}

void dm_port_write(struct dm_bus *bus, uint16_t port, uint8_t width, uint32_t value)
{
    const struct dm_decode *hit = port_target(bus, port, width);
    if (hit)
        bar_write(hit, port, width, value);
}

uint32_t dm_mmio_read(struct dm_bus *bus, uint64_t address, uint8_t width)
{
    const struct dm_decode *hit = memory_target(bus, address, width);
    return dm_mask_width(hit ? bar_read(hit, address, width) : DM_ALL_ONES, width);
}

void dm_mmio_write(struct dm_bus *bus, uint64_t address, uint8_t width, uint32_t value)
{
    const struct dm_decode *hit = memory_target(bus, address, width);
    if (hit)
        bar_write(hit, address, width, value);
}

uint32_t dm_bus_step(struct dm_bus *bus, uint32_t budget)
{
    uint32_t done = 0;
    for (uint32_t i = 0; i < bus->function_count; i++) {
        struct dm_function *f = bus->functions[i];
        if (f->ops.step && !f->removed)
            done += f->ops.step(f->model, budget);
    }
    return done;
}
