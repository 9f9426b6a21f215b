/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver by hand for tests of the device model: every register and ring word is the test's own, right or
 * wrong. It shares nothing with the provider. Queue memory: 64 KiB a queue; buffers of 2 KiB from 256 KiB on.
 */
#ifndef TEST_RAW_DRIVER_H
#define TEST_RAW_DRIVER_H

#include "capos/devmodel/net.h"

#define RAW_MEMORY_BYTES (1024u * 1024u)
#define RAW_MAPPED_BYTES (768u * 1024u)
#define RAW_BUS_BASE     0x40000000ull
#define RAW_RING_BYTES   0x10000u
#define RAW_BUFFERS      0x40000u
#define RAW_BUFFER_BYTES 2048u
#define RAW_ENTRIES      16u
#define RAW_RX           0u
#define RAW_TX           1u
#define RAW_CTRL         2u
#define RAW_TX_BUFFER    64u /* transmit slot i uses buffer RAW_TX_BUFFER + i */

#define RAW_NEXT     1u
#define RAW_WRITE    2u
#define RAW_INDIRECT 4u

/* Legacy registers. */
enum {
    L_HOST = 0,
    L_GUEST = 4,
    L_PFN = 8,
    L_SIZE = 12,
    L_SELECT = 14,
    L_NOTIFY = 16,
    L_STATUS = 18,
    L_ISR = 19,
    L_CONFIG_VECTOR = 20,
    L_QUEUE_VECTOR = 22,
    L_CONFIG = 20,
    L_CONFIG_MSIX = 24
};
/* Modern registers, offsets in BAR 4. */
enum {
    M_DEVICE_SELECT = 0,
    M_DEVICE = 4,
    M_DRIVER_SELECT = 8,
    M_DRIVER = 12,
    M_CONFIG_VECTOR = 16,
    M_QUEUES = 18,
    M_STATUS = 20,
    M_GENERATION = 21,
    M_SELECT = 22,
    M_SIZE = 24,
    M_QUEUE_VECTOR = 26,
    M_ENABLE = 28,
    M_NOTIFY_OFF = 30,
    M_DESC = 32,
    M_AVAIL = 40,
    M_USED = 48,
    M_ISR = 0x1000,
    M_CONFIG = 0x2000,
    M_NOTIFY = 0x3000
};

struct raw_ring {
    uint32_t desc, avail, used; /* offsets in memory */
    uint16_t size, avail_idx, used_seen;
};

struct raw {
    struct dm_net_config config;
    struct dm_memory *memory;
    struct dm_bus *bus;
    struct dm_net *net;
    uint64_t io, mmio, msix;
    bool legacy; /* which interface this driver uses */
    uint64_t accept; /* features to accept; masked by the offer in raw_negotiate */
    uint32_t header;
    struct raw_ring rings[3];
    uint32_t messages; /* MSI-X messages seen */
    const uint32_t *choices; /* what the bus chooses, in turn; NULL: 0 */
    uint32_t choice_count, choices_made;
    uint64_t now_ns;
};

/* Small queues, loop behind them. The caller may change config before raw_open. */
struct dm_net_config raw_config(enum dm_transport transport);
void raw_open(struct raw *r, const struct dm_net_config *config, bool ledger);
void raw_close(struct raw *r);

uint32_t raw_get(struct raw *r, uint32_t offset, uint8_t width);
void raw_put(struct raw *r, uint32_t offset, uint8_t width, uint32_t value);
uint8_t *raw_at(struct raw *r, uint32_t offset);
uint64_t raw_bus(uint32_t offset);
void raw_command(struct raw *r, uint16_t command);
void raw_msix_on(struct raw *r);

uint8_t raw_status(struct raw *r);
void raw_set_status(struct raw *r, uint8_t status);
/* Writes 0 and reads once. */
uint8_t raw_reset(struct raw *r);
void raw_begin(struct raw *r); /* bus mastering, reset, ACKNOWLEDGE, DRIVER */
uint64_t raw_offered(struct raw *r);
void raw_write_features(struct raw *r, uint64_t accepted);
uint8_t raw_negotiate(struct raw *r); /* features; modern: FEATURES_OK, re-read. Returns the status read */
void raw_read_mac(struct raw *r, uint8_t mac[6]);
void raw_place_ring(struct raw *r, uint16_t queue, uint16_t size);
void raw_setup_queue(struct raw *r, uint16_t queue);
void raw_ready(struct raw *r); /* DRIVER_OK */
void raw_bring_up(struct raw *r); /* all of it */

void raw_descriptor(struct raw *r, uint16_t queue, uint16_t slot, uint32_t buffer_offset, uint32_t bytes,
                    uint16_t flags, uint16_t next);
void raw_expose(struct raw *r, uint16_t queue, uint16_t head);
void raw_kick(struct raw *r, uint16_t queue);
void raw_arm(struct raw *r, uint16_t slot); /* one receive buffer, exposed, not kicked */
void raw_send(struct raw *r, uint16_t slot, uint32_t frame_bytes, uint8_t fill); /* exposed and kicked */
uint32_t raw_step(struct raw *r);
uint16_t raw_used_index(struct raw *r, uint16_t queue);
void raw_element(struct raw *r, uint16_t queue, uint16_t at, uint32_t *id, uint32_t *length);

uint64_t raw_broken(const struct raw *r, enum dm_rule rule);
uint64_t raw_exercised(const struct raw *r, enum dm_rule rule);

#endif
