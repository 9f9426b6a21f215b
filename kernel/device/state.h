/* SPDX-License-Identifier: BSD-2-Clause */
/* The device room's private records: fixed pools, placed by struct kernel. Fields are the room's to change;
 * nobody outside reads them. Addresses (BARs, pages) live here and nowhere else (I1). */
#ifndef CAPOS_KERNEL_DEVICE_STATE_H
#define CAPOS_KERNEL_DEVICE_STATE_H

#include "abi/device.h"
#include "abi/regtable.h"
#include "kernel/core/owner.h"
#include "platform/platform.h"
#include "provider/format/nvme.h"
#include "provider/format/split.h"

#define FUNCTIONS_MAX   64u /* PCI functions kept; more are silenced and counted */
#define CLAIMS_MAX      4u /* functions claimed at once */
#define POOLS_MAX       16u /* DMA pools, those in quarantine included */
#define CLAIM_POOLS_MAX 4u /* DMA pools of one claim */
#define BUFFERS_MAX     128u
#define REGISTERS_MAX   8u /* two a claim: one driven, one with an empty window */
#define QUEUES_MAX      (CLAIMS_MAX * DMA_QUEUES_MAX)
#define INTERRUPTS_MAX  16u
/* Platform routes, handed out in turn: a late one meets nobody new (I15). */
#define ROUTES_MAX               32u
#define PAGES_MAX                32768u /* DMA pages kept: 128 MiB */
#define DMA_UNIT_BYTES           64u /* grain of "published": 64 units a page, one bit each */
#define QUARANTINE_PAGES_DEFAULT 8192u
#define NO_RECORD                0xffffu
#define NO_QUEUE                 0xffffu

/* Pool life of a page: Free -> Granted -> Active -> Revoking -> Quarantined -> Scrubbed -> Free. Revoking and
 * Scrubbed are passed within one call. A guard page is nobody's and stays unmapped (T8). */
enum page_state { PAGE_FREE = 0, PAGE_GRANTED, PAGE_ACTIVE, PAGE_REVOKING, PAGE_QUARANTINED, PAGE_SCRUBBED };

struct page {
    uint64_t published; /* units in an outstanding publication (I4) */
    uint16_t sticky; /* function index that it was once published to, or NO_RECORD */
    uint16_t pool; /* pool that holds it (I3: one at most) */
    uint8_t state; /* enum page_state */
    uint8_t guards; /* neighbouring runs that use it as guard */
    uint8_t clean; /* scrubbed since anyone could write it */
    uint8_t reserved;
};

struct pages {
    struct platform_dma_region region;
    uint32_t count; /* pages of the region that are kept */
    uint32_t fresh; /* pages from here on were never used and hold no valid record */
    uint32_t granted, active, quarantined, guards;
    uint32_t promised; /* sum of the live pools' sizes */
    uint32_t quarantine_cap; /* T12: at this many quarantined pages no further grants */
    struct page page[PAGES_MAX];
};

/* A copy of what ends a device's work, so that it can be run when table and driver are gone. */
struct quiesce {
    uint64_t address;
    uint64_t confirm; /* where the device says that it is done; may be the same */
    uint32_t write;
    uint32_t until;
    uint32_t mask; /* bits that `until` is compared in */
    uint32_t running, settled; /* reg_table's masks: when a reset may begin */
    uint32_t polls_max;
    uint8_t width;
    uint8_t confirm_width;
    uint8_t ports;
    uint8_t known; /* a driven table was opened */
    uint8_t wrote; /* a register was written: only a confirmed reset ends what that started */
    uint8_t reserved[3];
};

struct function {
    struct pci_function_info info; /* what programs may see: addresses blanked (I1) */
    uint64_t bar_address[PCI_BARS];
    struct quiesce quiesce; /* in quarantine: how to ask it to stop once more */
    uint32_t epoch; /* rises at each claim and each reset */
    uint32_t quarantined_pages;
    uint16_t parent; /* bridge above, or NO_RECORD on bus 0 */
    uint16_t claim; /* NO_RECORD when nobody's */
    uint16_t firmware_command; /* command register as found, bus mastering taken out */
    uint16_t command; /* as last written: never read back from the device to decide */
    uint8_t msix_offset; /* MSI-X capability in configuration space, 0: none usable */
    uint8_t firmware_master; /* bus mastering was on at scan */
    uint8_t masters; /* reasons to have bus mastering on: own, or functions below a bridge */
    uint8_t quarantined;
    uint8_t state; /* enum device_state */
    uint8_t reserved;
};

/* Resources counted against an owner until refunded, once (I16). */
struct charge {
    uint32_t owner_epoch;
    uint32_t amount;
    uint16_t owner;
    uint8_t kind; /* enum budget_kind */
    uint8_t active;
};

struct claim {
    struct object_ref object;
    struct quiesce quiesce;
    struct charge charge;
    uint16_t function;
    uint16_t registers; /* record of the driven table, or NO_RECORD */
    uint16_t queues[DMA_QUEUES_MAX];
    uint16_t pool_count;
    uint8_t used;
    uint8_t dma_on;
    uint8_t msix_on;
    uint8_t direct; /* driven by kernel code with addresses */
    uint8_t interrupts; /* live Interrupt objects */
    /* The namespace that the device last described, in the kernel's own hearing: reads of it have a length.
     * 0: none. */
    uint8_t block_shift;
    uint32_t nsid;
};

struct register_grant {
    struct object_ref object;
    struct charge charge;
    const struct reg_table *table;
    struct reg_window windows[REG_SECTIONS_MAX];
    uint64_t address[REG_SECTIONS_MAX]; /* of the windows' first bytes */
    uint16_t claim;
    uint16_t selected; /* value last written to the select row */
    uint16_t bell_row; /* row index, or NO_RECORD */
    uint16_t size_row;
    uint16_t
        confirm_row; /* where a reset is confirmed: the quiesce row, unless there is one of REG_CONFIRM */
    uint64_t address_rows; /* bit per row of kind REG_ADDRESS */
    uint8_t used;
};

enum dma_pool_state { POOL_UNUSED = 0, POOL_LIVE, POOL_QUARANTINED };

struct dma_pool {
    struct object_ref object;
    struct charge charge; /* of the pool object */
    struct charge pages_charge;
    uint32_t pages_max;
    uint32_t pages_used;
    uint16_t claim;
    uint16_t function;
    uint8_t state; /* enum dma_pool_state */
};

/* A run of pages: what buffers and rings are made of. */
struct dma_run {
    uint32_t first;
    uint32_t count;
};

/* Free -> Allocated -> Mapped -> Published -> Completed -> (Mapped | Revoked) -> Quarantined -> Scrubbed ->
 * Free. */
enum buffer_state { BUFFER_FREE = 0, BUFFER_ALLOCATED, BUFFER_MAPPED, BUFFER_PUBLISHED, BUFFER_COMPLETED };

struct dma_buffer {
    struct object_ref object; /* its generation is the buffer's (I5) */
    struct charge charge;
    struct dma_run run;
    uint32_t bytes;
    uint32_t publications; /* outstanding segments */
    uint16_t claim;
    uint16_t pool;
    uint8_t state; /* enum buffer_state */
    uint8_t direction; /* enum dma_direction */
    uint8_t mapped; /* its holder has its address */
};

enum broker_slot_state { SLOT_FREE = 0, SLOT_HEAD, SLOT_CHAINED };

/* Our own record of one published descriptor: the truth about it (Z4). */
struct broker_slot {
    uint32_t offset;
    uint32_t length;
    uint32_t buffer_generation;
    uint32_t queue_epoch;
    uint16_t buffer; /* record */
    uint16_t next; /* slot of the chain's next segment */
    uint8_t state; /* enum broker_slot_state */
    uint8_t count; /* at the head: segments of the chain */
    uint8_t direction;
    uint8_t reserved;
};

/* Why a completion was refused. */
enum broker_fault {
    BROKER_FAULT_NONE = 0,
    BROKER_FAULT_INDEX, /* the used index advanced by more than is outstanding (I8); of a pair, a completion
                           without a command, or one that names another queue or a head that cannot be */
    BROKER_FAULT_RANGE, /* id not below the size */
    BROKER_FAULT_NOT_HEAD, /* id inside a chain */
    BROKER_FAULT_IDLE, /* id not in flight: early, or a second time (I6) */
    BROKER_FAULT_STALE, /* queue epoch or buffer generation differ (I5) */
    BROKER_FAULT_LENGTH, /* more bytes than were posted (I7) */
    BROKER_FAULT_COUNT
};

/* Our own record of one command under way on a pair: its bytes were written from this. */
struct pair_command {
    struct nvme_command command;
    uint16_t position; /* of its entry in the submission queue */
};

/* A pair's state beside what it has in common with a split ring. */
struct pair {
    uint16_t head; /* of the submission queue, free-running, as the device last said */
    uint16_t answer; /* slot of the IDENTIFY whose answer goes to the kernel's page, or NO_RECORD */
    struct pair_command commands[NVME_ENTRIES_MAX]; /* by slot */
};

struct dma_queue {
    struct object_ref object;
    struct charge charge;
    struct dma_run run;
    struct split_ring ring; /* of a pair: avail_idx is the submission queue's tail, the completion queue is
                               the device area */
    struct pair *pair; /* of a pair: its own record's; NULL: a split ring */
    uint64_t addresses_written; /* address rows, or commands, that carry this ring */
    uint32_t epoch;
    uint16_t claim;
    uint16_t pool;
    uint16_t number;
    uint16_t bell_index;
    uint16_t outstanding; /* chains */
    uint16_t used_seen; /* free-running */
    uint8_t used;
    uint8_t enabled; /* the device was told (I13) */
    uint8_t over; /* a reset ended it: only destroy is left */
    uint8_t broken; /* quarantined after a bad completion or an early offer */
    uint8_t bell_owed; /* published while the bell was not yet allowed */
    uint8_t first_fault; /* enum broker_fault */
    struct broker_slot *slots; /* DMA_QUEUE_SIZE_MAX of them, this record's own */
};

struct interrupt {
    struct object_ref object;
    struct charge charge;
    uint32_t seen; /* deliveries reported by the last wait */
    uint32_t acked; /* deliveries acknowledged */
    uint16_t claim;
    uint16_t vector;
    uint16_t route;
    uint8_t used;
    uint8_t active; /* was unmasked: MSI-X enable may be on */
};

/* Who shows DMA pages to programs; `record`: of a buffer or queue. */
struct memory_watch {
    void *ctx;
    void (*leaves)(void *ctx, enum cap_interface interface, uint16_t record);
};

struct devices {
    struct memory_watch watch;
    uint16_t function_count;
    uint16_t functions_lost; /* found beyond FUNCTIONS_MAX */
    uint16_t bus_count;
    uint16_t next_route;
    uint32_t routes_used; /* bit per route */
    /* I1: programs see pages. A device area, which is shown to them, shares none with descriptors, whatever
     * less the device asks for; set: it may, no program sees pages here (kernel_pack_rings). */
    bool packed_rings;
    struct function functions[FUNCTIONS_MAX];
    struct claim claims[CLAIMS_MAX];
    struct register_grant registers[REGISTERS_MAX];
    struct dma_pool pools[POOLS_MAX];
    struct dma_buffer buffers[BUFFERS_MAX];
    struct dma_queue queues[QUEUES_MAX];
    struct interrupt interrupts[INTERRUPTS_MAX];
    struct pages pages;
    struct broker_slot slots[QUEUES_MAX][DMA_QUEUE_SIZE_MAX];
    struct pair pairs[QUEUES_MAX];
};

#endif
