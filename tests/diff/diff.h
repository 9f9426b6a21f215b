/* SPDX-License-Identifier: BSD-2-Clause */
/* One script over two machines: the device models, and QEMU's devices. It is written against platform.h alone
 * and prints a transcript, one `<configuration> <section>.<key> <value>` a line; compare.py holds two
 * transcripts against each other. Keys never depend on what a device says, so a line that is missing is a
 * difference too. */
#ifndef CAPOS_TESTS_DIFF_H
#define CAPOS_TESTS_DIFF_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "platform/platform.h"

#define DIFF_BDF          0x20u /* 00:04.0 in both worlds */
#define DIFF_BARS         6u
#define DIFF_QUEUE_SIZE   256u
#define DIFF_VECTORS      3u
#define DIFF_SETTLE_TURNS 48u /* after which a device that means to do nothing has done it */
#define DIFF_WAIT_TURNS   20000u /* for something that must happen */

enum diff_transport { DIFF_LEGACY = 0, DIFF_MODERN, DIFF_TRANSITIONAL };
enum diff_msix { DIFF_MSIX_ABSENT = 0, DIFF_MSIX_OFF, DIFF_MSIX_ON };

struct diff_config {
    char name[40];
    enum diff_transport transport;
    enum diff_msix msix;
    bool merge; /* VIRTIO_NET_F_MRG_RXBUF is offered */
    bool event_index; /* VIRTIO_F_EVENT_IDX is offered */
};

enum diff_bar_kind { DIFF_BAR_ABSENT = 0, DIFF_BAR_PORTS, DIFF_BAR_MEMORY, DIFF_BAR_MEMORY64 };

struct diff {
    struct platform *p;
    const struct diff_config *config;
    FILE *out;
    char section[32];
    struct diff_bar {
        enum diff_bar_kind kind;
        uint64_t base, size;
    } bars[DIFF_BARS];
    uint8_t msix_at, window_at; /* capabilities: MSI-X, PCI_CFG; 0: none */
    uint64_t common, isr, device, notify; /* addresses of the modern windows */
    uint32_t notify_multiplier;
    bool legacy; /* the interface that the script uses now */
};

/* world_sim.c and world_qtest.c: the machine behind the script. NULL on success, else what is missing. */
struct diff_world;
const char *diff_world_open(struct diff_world **out, const struct diff_config *config);
struct platform *diff_world_platform(struct diff_world *w);
/* NULL, or why what was read is worth nothing: the machine died under the script. */
const char *diff_world_failure(const struct diff_world *w);
void diff_world_close(struct diff_world *w);

/* script_*.c, in the order of the run. */
void diff_script_pci(struct diff *d);
void diff_script_modern(struct diff *d);
void diff_script_legacy(struct diff *d);
void diff_script_rings(struct diff *d);
void diff_script_faults(struct diff *d);
void diff_script_provider(struct diff *d);

/* transcript.c */
void diff_section(struct diff *d, const char *name);
void diff_say(struct diff *d, uint64_t value, const char *key, ...) __attribute__((format(printf, 3, 4)));
void diff_say_bytes(struct diff *d, const uint8_t *bytes, size_t count, const char *key);
void diff_say_text(struct diff *d, const char *text, const char *key);

/* registers.c: the interface in use, `legacy` or modern. */
enum { /* legacy, offsets in BAR 0 (virtio 1.2, 4.1.4.10) */
       L_HOST = 0x00,
       L_GUEST = 0x04,
       L_PFN = 0x08,
       L_SIZE = 0x0c,
       L_SELECT = 0x0e,
       L_NOTIFY = 0x10,
       L_STATUS = 0x12,
       L_ISR = 0x13,
       L_CONFIG_VECTOR = 0x14,
       L_QUEUE_VECTOR = 0x16
};
enum { /* modern, offsets in the common window (4.1.4.3) */
       M_DEVICE_SELECT = 0x00,
       M_DEVICE = 0x04,
       M_DRIVER_SELECT = 0x08,
       M_DRIVER = 0x0c,
       M_CONFIG_VECTOR = 0x10,
       M_QUEUES = 0x12,
       M_STATUS = 0x14,
       M_GENERATION = 0x15,
       M_SELECT = 0x16,
       M_SIZE = 0x18,
       M_QUEUE_VECTOR = 0x1a,
       M_ENABLE = 0x1c,
       M_NOTIFY_OFF = 0x1e,
       M_DESC = 0x20,
       M_DRIVER_AREA = 0x28,
       M_DEVICE_AREA = 0x30,
       M_END = 0x38
};
#define STATUS_ACKNOWLEDGE 0x01u
#define STATUS_DRIVER      0x02u
#define STATUS_DRIVER_OK   0x04u
#define STATUS_FEATURES_OK 0x08u
#define STATUS_FAILED      0x80u
#define F_MAC              (1ull << 5)
#define F_MERGE            (1ull << 15)
#define F_STATUS           (1ull << 16)
#define F_ANY_LAYOUT       (1ull << 27)
#define F_EVENT_INDEX      (1ull << 29)
#define F_UNUSED           (1ull << 30) /* a trap for drivers that accept everything (6.3) */
#define F_VERSION_1        (1ull << 32)

/* BARs and capabilities as configuration space has them. */
void diff_find(struct diff *d);
uint32_t diff_get(struct diff *d, uint32_t offset, uint8_t width);
void diff_put(struct diff *d, uint32_t offset, uint8_t width, uint32_t value);
/* Device configuration; on legacy where it lies now (20 or 24). */
uint32_t diff_config_get(struct diff *d, uint32_t offset, uint8_t width);
void diff_config_put(struct diff *d, uint32_t offset, uint8_t width, uint32_t value);
uint8_t diff_isr(struct diff *d);
uint8_t diff_status(struct diff *d);
void diff_set_status(struct diff *d, uint8_t status);
void diff_select_queue(struct diff *d, uint16_t queue);
void diff_kick(struct diff *d, uint16_t queue);
uint64_t diff_offered(struct diff *d);
void diff_accept(struct diff *d, uint64_t features);
/* Status 0 written; true once it is read back, within DIFF_WAIT_TURNS. */
bool diff_reset(struct diff *d);
void diff_command(struct diff *d, uint16_t command);
bool diff_msix_enabled(struct diff *d);
/* Programs each entry with a message of the platform, unmasked, and sets enable; or clears it. */
void diff_msix_switch(struct diff *d, bool on);
void diff_settle(struct diff *d);

#endif
