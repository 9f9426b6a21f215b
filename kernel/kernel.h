/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel as its surroundings use it: place a struct kernel, initialise it, scan, create owners, hand each
 * a device_authority. Trusts its caller (boot code, simulator, tests); trusts neither owners nor devices. One
 * thread at a time. About 5 MiB, of which initialisation touches a few KiB. */
#ifndef CAPOS_KERNEL_H
#define CAPOS_KERNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/device.h"
#include "kernel/core/owner.h"
#include "kernel/device/state.h"

/* Everything held, by kind. All fields are u32: two of them compare with memcmp, for "exactly as before". */
struct kernel_usage {
    uint32_t owners;
    uint32_t live_caps;
    uint32_t live_objects;
    uint32_t claimed_devices;
    uint32_t quarantined_devices;
    uint32_t registers;
    uint32_t pools;
    uint32_t buffers;
    uint32_t queues;
    uint32_t interrupts;
    uint32_t outstanding_publications;
    uint32_t pages_granted;
    uint32_t pages_active;
    uint32_t pages_quarantined;
    uint32_t pages_guard;
    uint32_t pages_promised; /* sum of the live pools' sizes */
    uint32_t bus_masters_on;
    uint32_t budget_used[BUDGET_COUNT]; /* sum over owners */
};

/* Counters that only grow. */
struct kernel_stats {
    uint64_t exceptions[CAP_EX_COUNT]; /* refused calls by exception */
    uint64_t errors[DEV_E_COUNT]; /* refused calls by device error */
    uint64_t register_writes; /* accepted through register capabilities, addresses included; bells apart */
    uint64_t publications;
    uint64_t completions;
    uint64_t bells;
    uint64_t faults[BROKER_FAULT_COUNT];
    uint64_t early_offers; /* buffers or slots offered again before the broker saw them complete */
    uint64_t resets_confirmed; /* by the kernel's own quiesce */
    uint64_t resets_unconfirmed;
    uint64_t leftovers; /* publications never seen used, at a reset */
    uint64_t pages_scrubbed;
    uint64_t pages_sticky; /* pages bound to one function until power-off */
};

struct kernel {
    struct platform *platform;
    struct core core;
    struct kernel_stats stats;
    struct devices devices;
};

/* Any content before; the same struct may be used for the next life after the last one ended. */
void kernel_init(struct kernel *k, struct platform *platform);
/* Scans PCI: bus mastering off everywhere first, before any page is handed out. Once a life. */
void kernel_scan(struct kernel *k);

/* For the room that shows memory to programs. Whole pages: of a live buffer, or of a live queue's device area
 * alone. Records are payloads of objects. */
struct kernel_memory {
    uint8_t *memory;
    uint32_t pages;
};
struct kernel_memory kernel_buffer_memory(const struct kernel *k, uint16_t buffer);
struct kernel_memory kernel_queue_view(const struct kernel *k, uint16_t queue);
/* Chains of the function's queue that its device has; 0 when there is no such queue. */
uint16_t kernel_queue_outstanding(const struct kernel *k, uint16_t bdf, uint16_t queue);
/* Takes in what the function's device has used on each queue, as a publication does for its own. */
void kernel_take_in(struct kernel *k, uint16_t bdf);
/* The live Device object over a function, or OBJECT_NONE. */
uint16_t kernel_device_object(const struct kernel *k, uint16_t bdf);
/* object_destroy for the objects of this room; `kernel`: a struct kernel. */
void kernel_destroy_object(void *kernel, uint16_t object);
/* From now on `watch` hears of each buffer and ring whose pages leave their holder, before they do. */
void kernel_watch_memory(struct kernel *k, struct memory_watch watch);

uint16_t kernel_function_count(const struct kernel *k);
uint16_t kernel_bus_count(const struct kernel *k);
/* NULL beyond the count. Valid until the next kernel_init; addresses are blanked. */
const struct pci_function_info *kernel_function_info(const struct kernel *k, uint16_t index);
/* Firmware had left bus mastering on. */
bool kernel_function_firmware_master(const struct kernel *k, uint16_t index);
/* enum device_state, and the epoch, of a function; DEVICE_STATE_COUNT when there is none. */
enum device_state kernel_device_state(const struct kernel *k, uint16_t bdf);
uint32_t kernel_device_epoch(const struct kernel *k, uint16_t bdf);

/* NULL: no owner free, or the audit log is full. The kernel keeps it; the pointer is dead after its end. */
struct owner *owner_create(struct kernel *k, const struct budget_limits *limits);
/* The same with a small generation limit, for tests of retirement (T1). */
struct owner *owner_create_limited(struct kernel *k, const struct budget_limits *limits,
                                   uint32_t generation_limit);
/* Orderly exit and kill are one function (P16): all that the owner holds is torn down, in teardown order. */
void owner_exit(struct kernel *k, struct owner *owner);
void owner_kill(struct kernel *k, struct owner *owner);
/* Another handle to the same object, in another owner's table: whole or not at all. A move takes it from the
 * giver. The charge stays with the creator, whose end ends the object. Exceptions: the handle's, NO_SLOT,
 * BUDGET, AUDIT_FULL. */
struct device_reply owner_cap_copy(struct kernel *k, struct owner *from, cap_id id, struct owner *to);
struct device_reply owner_cap_move(struct kernel *k, struct owner *from, cap_id id, struct owner *to);

/* What device_authority.ctx points at; the caller keeps it as long as it uses the authority. After the
 * owner's end every call through it is CAP_EX_STALE. */
struct kernel_binding {
    struct kernel *k;
    struct owner *owner;
    uint32_t owner_epoch;
};
struct device_authority kernel_authority(struct kernel_binding *storage, struct kernel *k,
                                         struct owner *owner);

/* Privileged: proves that the function's bus mastering is off, tries its end once more, scrubs its pages and
 * frees them (they stay sticky to it). DEV_E_NO_FUNCTION, DEV_E_STATE (not in quarantine), DEV_E_UNCONFIRMED
 * (bus mastering still reads on: nothing changed), or CAP_EX_AUDIT_FULL. value: pages released. */
struct device_reply device_release_quarantine(struct kernel *k, uint16_t bdf);
/* From here on a ring's areas lie as close as its device's table lets them, on one page where they fit: for a
 * world that maps nothing to anybody and counts pages. Where programs run it is never called. */
void kernel_pack_rings(struct kernel *k);
/* T12: quarantined pages at which claims and pools are refused with DEV_E_LIMIT. Default
 * QUARANTINE_PAGES_DEFAULT. */
void kernel_set_quarantine_cap(struct kernel *k, uint32_t pages);

struct kernel_usage kernel_usage(const struct kernel *k);
const struct kernel_stats *kernel_stats(const struct kernel *k);
/* The audit log; kernel/core/audit.h says what each does, and how the chain is checked. */
uint32_t kernel_audit_read(const struct kernel *k, uint32_t skip, struct audit_record *out, uint32_t max);
bool kernel_audit_take(struct kernel *k, uint64_t seq);
uint32_t kernel_audit_drain(struct kernel *k, struct audit_record *out, uint32_t max);
uint64_t kernel_audit_count(const struct kernel *k);
const uint8_t *kernel_audit_head(const struct kernel *k);

/* Privileged: the platform's route behind a live Interrupt of `o`, for who proves that an old one is dead.
 * False: no such handle. */
bool kernel_interrupt_route(struct kernel *k, struct owner *o, cap_id interrupt, uint16_t *route);
/* An Interrupt has this route. */
bool kernel_route_live(const struct kernel *k, uint16_t route);

/* Early bring-up: kernel code drives a function itself, with addresses. One claim like any other; no handle.
 */
struct kernel_direct {
    uint16_t bdf;
    uint64_t bar_address[PCI_BARS]; /* 0: absent, invalid or unassigned */
};
struct kernel_direct_memory {
    uint8_t *cpu;
    dev_addr bus;
    uint32_t pages;
};
/* Fails as device_authority_ops.claim does. On success the device is DEVICE_CLAIMED, decoding, bus mastering
 * off. */
struct device_reply kernel_direct_claim(struct kernel *k, uint16_t bdf, struct kernel_direct *out);
/* Contiguous zeroed pages, mapped for the function, sticky to it; guard pages around. They go at the release.
 */
struct device_reply kernel_direct_pages(struct kernel *k, uint16_t bdf, uint32_t pages,
                                        struct kernel_direct_memory *out);
/* The driver has confirmed the reset itself. */
struct device_reply kernel_direct_enable_dma(struct kernel *k, uint16_t bdf);
/* Bus mastering off, then pages scrubbed and freed, or kept in quarantine when the driver could not confirm
 * the reset (DEV_E_UNCONFIRMED). */
struct device_reply kernel_direct_release(struct kernel *k, uint16_t bdf, bool reset_confirmed);

const char *device_error_name(enum device_error error);
const char *device_state_name(enum device_state state);
const char *broker_fault_name(enum broker_fault fault);

#endif
