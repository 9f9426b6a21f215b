/* SPDX-License-Identifier: BSD-2-Clause */
/* Bring your own driver: what a virtio network driver must look like for `./capos explore --driver DIR` to
 * try every order of events on it. DIR holds C files; together they define byd_driver(). Nothing of capos is
 * needed but this header. The driver runs in steps: at each access to a register or to shared memory the
 * explorer may let the device, the memory system or time go first, and it runs a call again from its
 * beginning to get back to a place. So a driver under exploration
 *   - keeps all of its state in the `state_bytes` that it is given: no static variables, no heap;
 *   - reaches registers, rings and what the device wrote through the callbacks alone; buffers it may fill
 * directly as long as the device does not own them;
 *   - has no other input: no clock, no randomness. */
#ifndef CAPOS_BRING_YOUR_DRIVER_H
#define CAPOS_BRING_YOUR_DRIVER_H

#include <stdint.h>

enum byd_transport { BYD_LEGACY = 0, BYD_MODERN };
enum byd_barrier { BYD_WRITE_BARRIER = 0, BYD_READ_BARRIER, BYD_FULL_BARRIER };

/* What the driver is handed at attach; valid until detach returns. */
struct byd_services {
    void *ctx;
    /* Registers by their offset: legacy in BAR 0 (virtio 1.2, 4.1.4.10), MSI-X off; modern: common
     * configuration from 0, notify from 0x1000 (multiplier 0), device configuration from 0x2000. Width 1, 2
     * or 4 bytes. */
    uint32_t (*register_read)(void *ctx, uint32_t offset, uint8_t width);
    void (*register_write)(void *ctx, uint32_t offset, uint8_t width, uint32_t value);
    /* Ring words in `memory`: width 2, 4 or 8 bytes, aligned. */
    uint64_t (*load)(void *ctx, const void *at, uint8_t width);
    void (*store)(void *ctx, void *at, uint8_t width, uint64_t value);
    void (*barrier)(void *ctx, enum byd_barrier kind);
    /* Copies out of a buffer what the device wrote there. */
    void (*copy_in)(void *ctx, void *to, const void *from, uint32_t bytes);
    uint8_t *memory; /* page-aligned, zeroed before attach; the driver's until detach */
    uint32_t memory_bytes; /* rings first: descriptors may point at offsets from `buffers` on */
    uint32_t buffers;
    uint64_t bus; /* device address of memory[0] */
};

struct byd_driver {
    const char *name;
    enum byd_transport transport;
    uint32_t state_bytes; /* at most 4096; zeroed before attach */
    /* Brings the device up. 0, or -1: refused; nothing is then left running. */
    int (*attach)(void *state, const struct byd_services *s);
    /* Takes completions in. Copies at most one received frame of at most `bytes` to `frame`; returns its
     * length, 0 when there is none, -1 when the device is broken: detach is then called. */
    int (*poll)(void *state, const struct byd_services *s, uint8_t *frame, uint32_t bytes);
    /* 0: taken over; 1: no room now; -1: broken. */
    int (*send)(void *state, const struct byd_services *s, const uint8_t *frame, uint32_t bytes);
    /* Ends everything: when it returns the device no longer reaches `memory`. */
    void (*detach)(void *state, const struct byd_services *s);
};

/* Defined by the driver. */
const struct byd_driver *byd_driver(void);

#endif
