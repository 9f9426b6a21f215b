/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine under world `authority`: PCI functions with their MSI-X tables, DMA pages, messages on their
 * way. Below it a device of the world's (hooks); above it the real kernel rooms. It keeps its own book of
 * every page: for whom it is mapped, which function was ever told its address, whether it is clean. By that
 * book it judges each mapping, each unmapping and each write of a device, at once (P9, P18, I3, I4, I10, I12,
 * I20). */
#ifndef CAPOS_EXPLORE_AUTHORITY_MACHINE_H
#define CAPOS_EXPLORE_AUTHORITY_MACHINE_H

#include "kernel/kernel.h"
#include "platform/explore/platform_explore.h"
#include "sim/explore/driver.h"

#define AUTH_FUNCTIONS  2u
#define AUTH_VECTORS    2u
#define AUTH_PAGES      24u
#define AUTH_PAGE_SHOWN 128u /* bytes of a page that anybody writes, beside its last 8 */
#define AUTH_ROUTES     32u
#define AUTH_MESSAGES   2u
#define AUTH_BUS        0x100000000ull
#define AUTH_BAR                                                                                             \
    0x10000000ull /* of function 0: registers, 16 KiB; the next function's lie AUTH_STRIDE higher */
#define AUTH_BAR_BYTES 0x4000u
#define AUTH_TABLE     0x20000000ull /* of function 0: MSI-X table, then PBA, 4 KiB */
#define AUTH_STRIDE    0x100000ull
#define AUTH_BDF(f)    ((uint16_t)(0x18u + 8u * (f)))

/* What the kernel's records of this world can grow to: its snapshot holds no more of struct kernel. */
struct auth_limits {
    uint8_t functions, owners, slots, objects, claims, registers, pools, buffers, queues, interrupts;
    uint16_t queue_size;
};

struct auth_entry {
    uint32_t low, high, data, control;
};

struct auth_pci {
    uint16_t command, msix;
    struct auth_entry entries[AUTH_VECTORS];
};

struct auth_page {
    uint8_t mapped; /* function + 1 */
    uint8_t told; /* function + 1 that ever learned its address: for good */
    uint8_t dirty; /* a device wrote it while it was nobody's */
    uint8_t ring; /* its address stands in a register of the function, told in this epoch */
    uint32_t epoch; /* of the function when it was told */
};

/* A message that was sent and has not arrived. */
struct auth_message {
    uint8_t under_way;
    uint8_t route;
    uint8_t to; /* the world's own name of who is to get it; 0: nobody any more */
    uint8_t reserved;
};

struct auth_machine_state {
    struct auth_pci pci[AUTH_FUNCTIONS];
    struct auth_page pages[AUTH_PAGES];
    uint32_t counts[AUTH_ROUTES];
    struct auth_message messages[AUTH_MESSAGES];
    uint8_t log_full; /* nobody drains the audit log: this many records + 1 still fit */
    uint8_t reserved[7];
};

struct auth_machine;

struct auth_hooks {
    uint32_t (*read)(struct auth_machine *m, uint32_t function, uint32_t offset, uint8_t width);
    void (*write)(struct auth_machine *m, uint32_t function, uint32_t offset, uint8_t width, uint32_t value);
    /* The kernel waits for a reset. */
    void (*waits)(struct auth_machine *m);
    /* Could the function, by what it knows, still write this page? */
    bool (*may_write)(struct auth_machine *m, uint32_t function, uint32_t page);
    /* Bus mastering goes on. */
    void (*mastered)(struct auth_machine *m, uint32_t function);
    void (*mapped)(struct auth_machine *m, uint32_t function, uint32_t first,
                   uint32_t count); /* NULL: not told */
};

struct auth_machine {
    struct xp_world *world;
    struct xp_driver *driver; /* its order holds the DMA pages */
    const struct auth_hooks *hooks;
    void *ctx;
    struct kernel *kernel;
    struct platform platform;
    uint8_t *memory;
    struct auth_limits limits;
    uint8_t config[AUTH_FUNCTIONS][PCI_CONFIG_BYTES];
    uint8_t sizing[AUTH_FUNCTIONS]; /* bit per BAR that reads back its mask: during the scan */
    bool started; /* the scan is over */
    bool privileged; /* device_release_quarantine is running */
    struct auth_machine_state *state; /* in a region of the world's */
    xp_word **words; /* all of the world's regions; auth_machine_words */
    struct auth_run {
        xp_word *at;
        uint32_t first, words; /* those that lie one behind the other */
    } * runs;
    uint64_t *before, *kept;
    uint32_t word_count, run_count;
};

/* Allocates pages and kernel; false: no memory. `capabilities`: config bytes of virtio's, NULL: none. */
bool auth_machine_make(struct auth_machine *m);
void auth_machine_free(struct auth_machine *m);
/* Power on, kernel initialised and scanned. */
void auth_machine_start(struct auth_machine *m);
/* Adds what a step can change of kernel, pages and machine to the world's regions. */
void auth_machine_regions(struct auth_machine *m);
/* After all regions are listed. False: no memory. */
bool auth_machine_words(struct auth_machine *m);
/* All words as they are, and as they were: one such keeping at a time. */
void auth_keep(struct auth_machine *m);
void auth_put_back(struct auth_machine *m);
/* What may not change by a refused call: all words but those of the log. */
void auth_remember(struct auth_machine *m);
void auth_unchanged(struct auth_machine *m, const char *what, struct device_reply reply);

/* Is `at` (inside struct kernel) a byte that the regions leave out and that may change all the same:
 * counters, the log's contents? For the check that they leave out nothing else. */
bool auth_machine_uncounted(const struct auth_machine *m, size_t at);

/* An owner with a handle table of limits.slots: all others are retired, as after a long life. */
struct owner *auth_owner_create(struct auth_machine *m, const struct budget_limits *budget,
                                uint32_t generations);
/* The function learned the page's address. */
void auth_told(struct auth_machine *m, uint32_t function, uint32_t page, bool ring);
/* A write of the device, `offset` below AUTH_PAGE_SHOWN - 8. `honest`: it is not late. */
void auth_device_write(struct auth_machine *m, uint32_t function, uint32_t page, uint32_t offset,
                       uint64_t value, bool honest);
/* The function sends the message of an entry if it may. False: masked, or MSI-X is off. */
bool auth_send(struct auth_machine *m, uint32_t function, uint32_t vector, uint8_t to);
void auth_arrives(struct auth_machine *m, uint32_t message);
/* After a step: pages against the kernel's records, unclaimed functions silent, the log's places. */
void auth_machine_judge(struct auth_machine *m);
/* The log's reader: takes all out, or stopped when `room` records fit. */
void auth_log_drain(struct auth_machine *m);
void auth_log_fill(struct auth_machine *m, uint32_t room);

static inline bool auth_master(const struct auth_machine *m, uint32_t function)
{
    return (m->state->pci[function].command & 4u) != 0;
}
static inline uint32_t auth_page_of(uint64_t bus)
{
    return (uint32_t)((bus - AUTH_BUS) / 4096u);
}
static inline uint8_t *auth_at(struct auth_machine *m, uint32_t page, uint32_t offset)
{
    return m->memory + (size_t)page * 4096u + offset;
}

#endif
