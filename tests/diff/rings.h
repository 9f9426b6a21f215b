/* SPDX-License-Identifier: BSD-2-Clause */
/* Rings by hand, in the machine's DMA memory: every word is the script's own. Legacy layout for both
 * interfaces: descriptors, available ring, used ring on the next page (virtio 1.2, 2.7.2). */
#ifndef CAPOS_TESTS_DIFF_RINGS_H
#define CAPOS_TESTS_DIFF_RINGS_H

#include "tests/diff/diff.h"

#define RINGS_QUEUES       2u
#define RINGS_RX           0u
#define RINGS_TX           1u
#define RINGS_BYTES        0x4000u /* a queue: 256 entries */
#define RINGS_BUFFERS      0x10000u
#define RINGS_BUFFER_BYTES 2048u
#define RINGS_BUFFER_COUNT 64u
#define RINGS_MAPPED       (RINGS_BUFFERS + RINGS_BUFFER_COUNT * RINGS_BUFFER_BYTES)

#define DESC_NEXT     1u
#define DESC_WRITE    2u
#define DESC_INDIRECT 4u

struct rings {
    struct diff *d;
    uint8_t *cpu;
    uint64_t bus;
    uint64_t features; /* accepted */
    uint32_t header; /* bytes of the virtio-net header */
    uint16_t avail_idx[RINGS_QUEUES];
    uint16_t size;
};

/* Maps and zeroes the memory; bus mastering on. */
void rings_open(struct rings *r, struct diff *d);
void rings_close(struct rings *r);
/* From reset to just before DRIVER_OK, both queues set up, memory zeroed. False: a step did not take. */
bool rings_begin(struct rings *r, uint64_t accept);
void rings_ready(struct rings *r);

uint8_t *rings_buffer(struct rings *r, uint32_t buffer);
/* Header and an ARP request for the gateway; returns their bytes. */
uint32_t rings_put_arp(struct rings *r, uint32_t buffer);
void rings_describe(struct rings *r, uint16_t queue, uint16_t slot, uint32_t buffer, uint32_t bytes,
                    uint16_t flags, uint16_t next);
/* Puts a head into the available ring and moves the index. */
void rings_expose(struct rings *r, uint16_t queue, uint16_t head);
void rings_set_avail_flags(struct rings *r, uint16_t queue, uint16_t flags);
void rings_set_used_event(struct rings *r, uint16_t queue, uint16_t at);
void rings_jump(struct rings *r, uint16_t queue, uint16_t avail_idx);
uint16_t rings_used_idx(struct rings *r, uint16_t queue);
uint16_t rings_used_flags(struct rings *r, uint16_t queue);
uint16_t rings_avail_event(struct rings *r, uint16_t queue);
void rings_used_element(struct rings *r, uint16_t queue, uint16_t at, uint32_t *id, uint32_t *length);
/* Turns the world until the used index reaches `idx`; false when it does not. */
bool rings_wait(struct rings *r, uint16_t queue, uint16_t idx);

#endif
