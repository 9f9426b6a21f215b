/* SPDX-License-Identifier: BSD-2-Clause */
/* The driver by hand: owns its world (memory, bus, device, backend); trusts the model, which is what is
 * tested. */
#include "raw_driver.h"

#include <stdlib.h>
#include <string.h>

static uint32_t choose(void *ctx, uint32_t n, const char *tag)
{
    struct raw *r = ctx;
    uint32_t turn = r->choices_made++;
    (void)tag;
    return r->choices && turn < r->choice_count ? r->choices[turn] % n : 0;
}

static void message(void *ctx, uint64_t address, uint32_t data)
{
    struct raw *r = ctx;
    (void)address;
    (void)data;
    r->messages++;
}

struct dm_net_config raw_config(enum dm_transport transport)
{
    struct dm_net_config config = dm_net_defaults(transport);
    config.queue_size[RAW_RX] = RAW_ENTRIES;
    config.queue_size[RAW_TX] = RAW_ENTRIES;
    config.queue_size[RAW_CTRL] = RAW_ENTRIES;
    return config;
}

static uint64_t bar(struct raw *r, unsigned index)
{
    uint16_t at = (uint16_t)(0x10 + 4 * index);
    uint32_t low = dm_pci_read(r->bus, r->config.bdf, at, 4);
    if (low & 1)
        return low & ~3u;
    if ((low & 6) == 4)
        return ((uint64_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 4), 4) << 32) | (low & ~15u);
    return low & ~15u;
}

void raw_open(struct raw *r, const struct dm_net_config *config, bool ledger)
{
    struct dm_memory_config mc = {.bytes = RAW_MEMORY_BYTES, .bus_base = RAW_BUS_BASE, .ledger = ledger};
    struct dm_bus_config bc = {.choose = choose, .choose_ctx = r, .msi = message, .msi_ctx = r};
    memset(r, 0, sizeof *r);
    r->config = *config;
    if (!r->config.backend)
        r->config.backend = dm_loop_create();
    r->memory = dm_memory_create(&mc);
    bc.memory = r->memory;
    r->bus = dm_bus_create(&bc);
    r->net = dm_net_create(r->bus, &r->config);
    if (!r->memory || !r->bus || !r->net)
        abort();
    r->legacy = config->transport == DM_LEGACY;
    r->accept = DM_NET_F_MAC | DM_NET_F_STATUS | DM_F_ANY_LAYOUT | DM_F_VERSION_1;
    dm_memory_map(r->memory, config->bdf, (dm_addr){RAW_BUS_BASE}, RAW_MAPPED_BYTES);
    r->io = config->transport == DM_MODERN ? 0 : bar(r, 0);
    r->msix = config->msix_vectors ? bar(r, 1) : 0;
    r->mmio = config->transport == DM_LEGACY ? 0 : bar(r, 4);
    for (uint16_t q = 0; q < 3; q++)
        raw_place_ring(r, q, RAW_ENTRIES);
}

void raw_close(struct raw *r)
{
    dm_bus_destroy(r->bus);
    dm_backend_destroy(r->config.backend);
    dm_memory_destroy(r->memory);
}

uint32_t raw_get(struct raw *r, uint32_t offset, uint8_t width)
{
    if (r->legacy)
        return dm_port_read(r->bus, (uint16_t)(r->io + offset), width);
    return dm_mmio_read(r->bus, r->mmio + offset, width);
}

void raw_put(struct raw *r, uint32_t offset, uint8_t width, uint32_t value)
{
    if (r->legacy)
        dm_port_write(r->bus, (uint16_t)(r->io + offset), width, value);
    else
        dm_mmio_write(r->bus, r->mmio + offset, width, value);
}

uint8_t *raw_at(struct raw *r, uint32_t offset)
{
    return dm_memory_base(r->memory) + offset;
}

uint64_t raw_bus(uint32_t offset)
{
    return RAW_BUS_BASE + offset;
}

void raw_command(struct raw *r, uint16_t command)
{
    dm_pci_write(r->bus, r->config.bdf, 4, 2, command);
}

void raw_msix_on(struct raw *r)
{
    uint8_t at = (uint8_t)dm_pci_read(r->bus, r->config.bdf, 0x34, 1);
    for (unsigned i = 0; i < 48 && at; i++) {
        if (dm_pci_read(r->bus, r->config.bdf, at, 1) == 0x11)
            break;
        at = (uint8_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(at + 1), 1);
    }
    for (uint32_t v = 0; v < r->config.msix_vectors; v++) {
        dm_mmio_write(r->bus, r->msix + 16 * v, 4, 0xfee00000);
        dm_mmio_write(r->bus, r->msix + 16 * v + 4, 4, 0);
        dm_mmio_write(r->bus, r->msix + 16 * v + 8, 4, 0x40 + v);
        dm_mmio_write(r->bus, r->msix + 16 * v + 12, 4, 0);
    }
    dm_pci_write(r->bus, r->config.bdf, (uint16_t)(at + 2), 2, 0x8000);
}

uint8_t raw_status(struct raw *r)
{
    return (uint8_t)raw_get(r, r->legacy ? L_STATUS : M_STATUS, 1);
}

void raw_set_status(struct raw *r, uint8_t status)
{
    raw_put(r, r->legacy ? L_STATUS : M_STATUS, 1, status);
}

uint8_t raw_reset(struct raw *r)
{
    raw_set_status(r, 0);
    return raw_status(r);
}

void raw_begin(struct raw *r)
{
    (void)raw_reset(r);
    raw_command(r, 7);
    raw_set_status(r, 1);
    raw_set_status(r, 3);
}

uint64_t raw_offered(struct raw *r)
{
    uint64_t low, high;
    if (r->legacy)
        return raw_get(r, L_HOST, 4);
    raw_put(r, M_DEVICE_SELECT, 4, 0);
    low = raw_get(r, M_DEVICE, 4);
    raw_put(r, M_DEVICE_SELECT, 4, 1);
    high = raw_get(r, M_DEVICE, 4);
    return low | (high << 32);
}

void raw_write_features(struct raw *r, uint64_t accepted)
{
    if (r->legacy) {
        raw_put(r, L_GUEST, 4, (uint32_t)accepted);
        return;
    }
    raw_put(r, M_DRIVER_SELECT, 4, 0);
    raw_put(r, M_DRIVER, 4, (uint32_t)accepted);
    raw_put(r, M_DRIVER_SELECT, 4, 1);
    raw_put(r, M_DRIVER, 4, (uint32_t)(accepted >> 32));
}

uint8_t raw_negotiate(struct raw *r)
{
    uint64_t accepted = raw_offered(r) & r->accept;
    raw_write_features(r, accepted);
    r->header = !r->legacy || (accepted & DM_NET_F_MRG_RXBUF) ? 12 : 10;
    if (!r->legacy)
        raw_set_status(r, 0x0b);
    return raw_status(r);
}

void raw_read_mac(struct raw *r, uint8_t mac[6])
{
    uint32_t at = r->legacy ? L_CONFIG : M_CONFIG;
    if (r->legacy && (dm_pci_read(r->bus, r->config.bdf, 0x34, 1) != 0))
        for (uint8_t cap = (uint8_t)dm_pci_read(r->bus, r->config.bdf, 0x34, 1); cap;
             cap = (uint8_t)dm_pci_read(r->bus, r->config.bdf, (uint16_t)(cap + 1), 1))
            if (dm_pci_read(r->bus, r->config.bdf, cap, 1) == 0x11 &&
                (dm_pci_read(r->bus, r->config.bdf, (uint16_t)(cap + 2), 2) & 0x8000))
                at = L_CONFIG_MSIX;
    for (unsigned pass = 0; pass < (r->legacy ? 2u : 1u); pass++) {
        if (!r->legacy)
            (void)raw_get(r, M_GENERATION, 1);
        for (uint32_t i = 0; i < 6; i++)
            mac[i] = (uint8_t)raw_get(r, at + i, 1);
        if (!r->legacy)
            (void)raw_get(r, M_GENERATION, 1);
    }
}

void raw_place_ring(struct raw *r, uint16_t queue, uint16_t size)
{
    struct raw_ring *ring = &r->rings[queue];
    ring->size = size;
    ring->desc = queue * RAW_RING_BYTES;
    ring->avail = ring->desc + 16u * size;
    ring->used = (ring->avail + 6u + 2u * size + 4095u) & ~4095u;
    ring->avail_idx = 0;
    ring->used_seen = 0;
    memset(raw_at(r, ring->desc), 0, RAW_RING_BYTES);
}

void raw_setup_queue(struct raw *r, uint16_t queue)
{
    const struct raw_ring *ring = &r->rings[queue];
    if (r->legacy) {
        raw_put(r, L_SELECT, 2, queue);
        raw_put(r, L_PFN, 4, (uint32_t)(raw_bus(ring->desc) >> 12));
        return;
    }
    raw_put(r, M_SELECT, 2, queue);
    raw_put(r, M_SIZE, 2, ring->size);
    raw_put(r, M_DESC, 4, (uint32_t)raw_bus(ring->desc));
    raw_put(r, M_DESC + 4, 4, (uint32_t)(raw_bus(ring->desc) >> 32));
    raw_put(r, M_AVAIL, 4, (uint32_t)raw_bus(ring->avail));
    raw_put(r, M_AVAIL + 4, 4, (uint32_t)(raw_bus(ring->avail) >> 32));
    raw_put(r, M_USED, 4, (uint32_t)raw_bus(ring->used));
    raw_put(r, M_USED + 4, 4, (uint32_t)(raw_bus(ring->used) >> 32));
    raw_put(r, M_ENABLE, 2, 1);
}

void raw_ready(struct raw *r)
{
    raw_set_status(r, r->legacy ? 0x07 : 0x0f);
}

void raw_bring_up(struct raw *r)
{
    uint8_t mac[6];
    raw_begin(r);
    (void)raw_negotiate(r);
    raw_read_mac(r, mac);
    raw_setup_queue(r, RAW_RX);
    raw_setup_queue(r, RAW_TX);
    if (raw_offered(r) & r->accept & DM_NET_F_CTRL_VQ)
        raw_setup_queue(r, RAW_CTRL);
    raw_ready(r);
}

static void store16(uint8_t *at, uint16_t v)
{
    memcpy(at, &v, sizeof v);
}

void raw_descriptor(struct raw *r, uint16_t queue, uint16_t slot, uint32_t buffer_offset, uint32_t bytes,
                    uint16_t flags, uint16_t next)
{
    uint8_t *d = raw_at(r, r->rings[queue].desc + 16u * slot);
    uint64_t address = raw_bus(buffer_offset);
    memcpy(d, &address, 8);
    memcpy(d + 8, &bytes, 4);
    store16(d + 12, flags);
    store16(d + 14, next);
}

void raw_expose(struct raw *r, uint16_t queue, uint16_t head)
{
    struct raw_ring *ring = &r->rings[queue];
    store16(raw_at(r, ring->avail + 4u + 2u * (ring->avail_idx % ring->size)), head);
    ring->avail_idx++;
    store16(raw_at(r, ring->avail + 2), ring->avail_idx);
}

void raw_kick(struct raw *r, uint16_t queue)
{
    raw_put(r, r->legacy ? L_NOTIFY : M_NOTIFY + 4u * queue, 2, queue);
}

void raw_arm(struct raw *r, uint16_t slot)
{
    raw_descriptor(r, RAW_RX, slot, RAW_BUFFERS + slot * RAW_BUFFER_BYTES, RAW_BUFFER_BYTES, RAW_WRITE, 0);
    raw_expose(r, RAW_RX, slot);
}

void raw_send(struct raw *r, uint16_t slot, uint32_t frame_bytes, uint8_t fill)
{
    uint32_t at = RAW_BUFFERS + (RAW_TX_BUFFER + slot) * RAW_BUFFER_BYTES;
    memset(raw_at(r, at), 0, r->header);
    memset(raw_at(r, at) + r->header, fill, frame_bytes);
    raw_descriptor(r, RAW_TX, slot, at, r->header + frame_bytes, 0, 0);
    raw_expose(r, RAW_TX, slot);
    raw_kick(r, RAW_TX);
}

uint32_t raw_step(struct raw *r)
{
    r->now_ns += 1000;
    return dm_net_step(r->net, r->now_ns, 64);
}

uint16_t raw_used_index(struct raw *r, uint16_t queue)
{
    uint16_t index;
    memcpy(&index, raw_at(r, r->rings[queue].used + 2), 2);
    return index;
}

void raw_element(struct raw *r, uint16_t queue, uint16_t at, uint32_t *id, uint32_t *length)
{
    const struct raw_ring *ring = &r->rings[queue];
    const uint8_t *e = raw_at(r, ring->used + 4u + 8u * (at % ring->size));
    memcpy(id, e, 4);
    memcpy(length, e + 4, 4);
}

uint64_t raw_broken(const struct raw *r, enum dm_rule rule)
{
    return dm_net_monitor(r->net)->broken[rule];
}

uint64_t raw_exercised(const struct raw *r, enum dm_rule rule)
{
    return dm_net_monitor(r->net)->exercised[rule];
}
