/* SPDX-License-Identifier: BSD-2-Clause */
/* A small scripted machine for the kernel's own tests: configuration space, BARs that are plain bytes, two
 * register layouts with a status that confirms a reset when told to, a DMA region, and a log of what was done
 * in which order. Not a device model: the test plays the device. */
#ifndef CAPOS_TESTS_FAKE_PLATFORM_H
#define CAPOS_TESTS_FAKE_PLATFORM_H

#include <stdbool.h>

#include "platform/platform.h"

#define FAKE_FUNCTIONS 12u
#define FAKE_BAR_BYTES 0x4000u
#define FAKE_DMA_PAGES 1024u
#define FAKE_LOG       8192u
#define FAKE_ROUTES    64u
#define FAKE_QUEUES    4u
#define FAKE_PORTS     4u    /* serial, by number; 0 is none */
#define FAKE_TEXT      2048u /* bytes kept of each */

/* Well-known functions of fake_standard. */
#define FAKE_MODERN_BDF 0x0018u /* 00:03.0 */
#define FAKE_LEGACY_BDF 0x0020u /* 00:04.0 */
#define FAKE_BRIDGE_BDF 0x0028u /* 00:05.0, bus 1 behind it */
#define FAKE_BEHIND_BDF 0x0100u /* 01:00.0, modern */

enum fake_kind { FAKE_PLAIN = 0, FAKE_MODERN, FAKE_LEGACY };

enum fake_event_kind {
    FAKE_CONFIG_WRITE = 1,
    FAKE_REG_WRITE,
    FAKE_RESET_WRITE, /* status 0 */
    FAKE_MASTER_ON,
    FAKE_MASTER_OFF,
    FAKE_DECODE_OFF, /* command written with decoding off while it was on */
    FAKE_MAP,
    FAKE_UNMAP
};

struct fake_event {
    uint8_t kind;
    uint8_t width;
    uint16_t bdf;
    uint64_t address;
    uint64_t value;
};

struct fake_function {
    bool present;
    uint8_t kind; /* enum fake_kind */
    uint16_t bdf;
    uint8_t config[256];
    uint32_t bar_mask[6]; /* what reads back after all ones were written; 0: absent */
    uint8_t regs[6][FAKE_BAR_BYTES];
    uint16_t queue_size[FAKE_QUEUES];
    uint16_t notify_off[FAKE_QUEUES];
    int32_t reset_reads; /* status reads before it reads 0 after a reset; -1: never */
    int32_t reads_left;
    uint8_t status_while_resetting;
    bool every_function; /* answers for all eight functions of its slot */
    bool master_stuck; /* the bus master bit cannot be cleared */
    bool dead_msix; /* the MSI-X table does not hold what is written */
    uint32_t resets;
};

struct platform {
    bool no_entropy; /* its bytes are good for no secret */
    struct fake_function functions[FAKE_FUNCTIONS];
    uint8_t *dma;
    uint64_t bus_base;
    uint32_t dma_pages;
    uint16_t mapped_for[FAKE_DMA_PAGES]; /* bdf + 1, 0: unmapped */
    uint32_t mapped_pages;
    uint32_t bad_maps; /* mapped twice, or unmapped for another */
    uint32_t msi_count[FAKE_ROUTES];
    uint32_t relaxes;
    char said[FAKE_PORTS][FAKE_TEXT]; /* what was written, NUL-terminated while it fits */
    uint32_t said_bytes[FAKE_PORTS];
    const char *typed; /* what comes next at the main port; NULL: nothing */
    struct fake_event log[FAKE_LOG];
    uint32_t events;
};

/* An empty machine with a DMA region. */
void fake_init(struct platform *p);
struct fake_function *fake_add(struct platform *p, uint16_t bdf, enum fake_kind kind);
/* Modern, legacy, bridge, and a modern function behind it; queues of 8 entries. 00:00.0 is absent. */
void fake_standard(struct platform *p);
struct fake_function *fake_at(struct platform *p, uint16_t bdf);
/* Type 0 BAR: size a power of two; flags: the low bits. A 64-bit memory BAR takes two. */
void fake_bar(struct fake_function *f, uint32_t bar, uint64_t address, uint64_t size, uint32_t flags);
void fake_msix(struct fake_function *f, uint8_t at, uint16_t vectors, uint8_t bar, uint32_t table,
               uint32_t pba);
bool fake_master(const struct fake_function *f);
/* Index in the log of the first event of the kind from `from` on, or FAKE_LOG. */
uint32_t fake_find(const struct platform *p, uint32_t from, enum fake_event_kind kind);
uint32_t fake_count(const struct platform *p, uint32_t from, enum fake_event_kind kind);

#endif
