/* SPDX-License-Identifier: BSD-2-Clause */
/* The device room's functions among its own files. Each call decides first, then acts: a refused call changes
 * nothing. `o` is the calling owner, live; handles are looked up in its table. */
#ifndef CAPOS_KERNEL_DEVICE_DEVICE_H
#define CAPOS_KERNEL_DEVICE_DEVICE_H

#include "abi/assert.h"
#include "abi/memory.h"
#include "kernel/kernel.h"

#define PCI_COMMAND         0x04u
#define PCI_COMMAND_PORTS   0x0001u
#define PCI_COMMAND_MEMORY  0x0002u
#define PCI_COMMAND_MASTER  0x0004u
#define PCI_COMMAND_NO_INTX 0x0400u

static inline struct device_reply reply_value(uint64_t value)
{
    return (struct device_reply){CAP_EX_NONE, DEV_OK, CAP_NONE, value};
}

static inline struct device_reply reply_cap(cap_id cap)
{
    return (struct device_reply){CAP_EX_NONE, DEV_OK, cap, 0};
}

static inline struct device_reply reply_error(enum device_error error)
{
    return (struct device_reply){CAP_EX_NONE, error, CAP_NONE, 0};
}

static inline struct device_reply reply_exception(enum cap_exception exception)
{
    return (struct device_reply){exception, DEV_OK, CAP_NONE, 0};
}

/* A typed look-up: the record number behind a handle, or the exception. T2: under the one kernel lock, so
 * that no revoke comes between look-up and use. */
struct found {
    enum cap_exception exception;
    uint16_t record;
};

static inline struct found find(struct kernel *k, const struct owner *o, cap_id id,
                                enum cap_interface interface)
{
    struct cap_lookup looked = captable_lookup(&o->caps, &k->core.objects, id, interface);

    if (looked.exception != CAP_EX_NONE)
        return (struct found){looked.exception, NO_RECORD};
    return (struct found){CAP_EX_NONE, k->core.objects.entries[looked.object.index].payload};
}

/* charge.c: I16. */
bool charge_covered(const struct owner *o, enum budget_kind kind, uint32_t amount);
void charge_take(struct owner *o, enum budget_kind kind, uint32_t amount, struct charge *out);
void charge_refund(struct kernel *k, struct charge *charge);
/* Keeps the pages of a quarantined pool charged, `kept` of them; the rest goes back. */
void charge_hold_pages(struct kernel *k, struct charge *charge, uint32_t kept);
void charge_refund_held(struct kernel *k, struct charge *charge);

/* pci_scan.c, pci_parse.c, pci_bars.c */
void pci_scan(struct kernel *k);
void pci_parse(struct function *f);
void pci_size_bars(struct kernel *k, struct function *f);
void pci_reject_overlaps(struct kernel *k);

/* function.c: the command register. */
uint16_t function_find(const struct kernel *k, uint16_t bdf); /* NO_RECORD: none */
void function_decode_on(struct kernel *k, uint16_t function);
void function_decode_restore(struct kernel *k, uint16_t function);
void function_master_on(struct kernel *k, uint16_t function);
/* Off, here and on bridges that nothing else needs. True when it reads back off. */
bool function_master_off(struct kernel *k, uint16_t function);
bool function_master_reads_off(struct kernel *k, uint16_t function);
/* Off, where kernel code's own driver had the command register in its hands. True when it reads back off. */
bool function_master_take_back(struct kernel *k, uint16_t function);

/* windows.c */
bool windows_check(const struct function *f, const struct reg_table *table, const struct reg_window *windows);

/* registers.c: DeviceMmio and DevicePorts. */
struct device_reply registers_open(struct kernel *k, struct owner *o, cap_id device,
                                   const struct reg_table *table, const struct reg_window *windows);
struct device_reply registers_read(struct kernel *k, struct owner *o, cap_id id, uint16_t row,
                                   uint16_t index);
struct device_reply registers_write(struct kernel *k, struct owner *o, cap_id id, uint16_t row,
                                    uint16_t index, uint32_t value);
struct device_reply registers_write_address(struct kernel *k, struct owner *o, cap_id id, uint16_t row,
                                            cap_id queue);
/* Rings a queue's bell if its state allows it now (I13); otherwise it is owed. */
void registers_bell(struct kernel *k, struct dma_queue *q);
/* Tells the device how far the completion queue of an enabled pair was read. */
void registers_bell_head(struct kernel *k, struct dma_queue *q);
void registers_free(struct kernel *k, struct register_grant *r);

/* pages.c */
void dma_pages_init(struct kernel *k);
bool dma_pages_take(struct kernel *k, uint16_t function, uint16_t pool, uint32_t count, struct dma_run *out);
/* A page becomes the function's for good: the device is about to learn its address (I2, sticky). */
void dma_pages_activate(struct kernel *k, uint16_t function, uint32_t first, uint32_t count);
/* Unmap, scrub, free: only what no device can reach any more (I4, I10, I20). */
void dma_pages_give(struct kernel *k, uint16_t function, struct dma_run run);
void dma_pages_quarantine(struct kernel *k, uint16_t function, struct dma_run run);
/* Every quarantined page of the pool: unmapped, scrubbed, free. */
uint32_t dma_pages_release_pool(struct kernel *k, uint16_t function, uint16_t pool);
static inline uint8_t *page_cpu(const struct kernel *k, uint32_t page)
{
    return k->devices.pages.region.cpu + (size_t)page * DMA_PAGE_BYTES;
}
static inline uint64_t page_bus(const struct kernel *k, uint32_t page)
{
    return k->devices.pages.region.bus.v + (uint64_t)page * DMA_PAGE_BYTES;
}

/* A buffer's or ring's pages are about to be scrubbed or kept: whoever shows them to a program stops now
 * (I20). */
static inline void memory_leaves(struct kernel *k, enum cap_interface interface, uint16_t record)
{
    if (k->devices.watch.leaves != NULL)
        k->devices.watch.leaves(k->devices.watch.ctx, interface, record);
}

/* pool.c, buffer.c */
struct device_reply pool_create(struct kernel *k, struct owner *o, cap_id device, uint32_t pages);
/* A pool record without object, for kernel code's own driver. NO_RECORD: none free. */
uint16_t pool_take_record(struct kernel *k, uint16_t claim, uint32_t pages);
/* After a confirmed reset: everything in it unmapped, scrubbed, freed, refunded. */
void pool_free(struct kernel *k, uint16_t pool);
/* Without one: its pages are kept, and charged. */
void pool_quarantine(struct kernel *k, uint16_t pool);
struct device_reply buffer_create(struct kernel *k, struct owner *o, cap_id pool, uint32_t bytes,
                                  uint8_t direction);
struct device_reply buffer_map(struct kernel *k, struct owner *o, cap_id id);
struct device_reply buffer_destroy(struct kernel *k, struct owner *o, cap_id id, enum audit_kind kind);
/* Frees the record; its pages go the way of the pool. */
void buffer_drop(struct kernel *k, struct dma_buffer *b, bool confirmed);

/* queue.c */
struct queue_request {
    cap_id pool;
    cap_id registers;
    uint16_t queue;
    uint16_t size;
    uint16_t bell_index;
    uint16_t avail_flags;
};
struct device_reply queue_create(struct kernel *k, struct owner *o, const struct queue_request *request,
                                 struct dma_queue_view *out);
struct device_reply queue_destroy(struct kernel *k, struct owner *o, cap_id id, enum audit_kind kind);
void queue_drop(struct kernel *k, struct dma_queue *q, bool confirmed);
/* Every queue of the claim stops taking publications and bells, now. */
void queues_stop(struct kernel *k, struct claim *claim);
/* Every publication of the claim is forgotten, before any buffer that one names goes, whatever pool it lies
 * in: they go to quarantine with their pages, or the device was reset. */
void queues_forget(struct kernel *k, const struct claim *claim);
/* A confirmed reset: what was published is nobody's any more; the rings are over (I12: the epoch rises). */
void queues_after_reset(struct kernel *k, struct claim *claim);
struct dma_queue *queue_of(struct kernel *k, const struct claim *claim, uint16_t number); /* NULL: none */

/* broker.c */
struct device_reply broker_publish(struct kernel *k, struct owner *o, cap_id queue,
                                   const struct dma_publication *batch, uint16_t count);
struct device_reply broker_reap(struct kernel *k, struct owner *o, cap_id queue);
/* Takes completions in. Returns how many; a bad one marks the queue broken. */
uint16_t broker_take_in(struct kernel *k, struct dma_queue *q);
/* Forgets every outstanding publication. Returns how many there were. */
uint16_t broker_forget(struct kernel *k, struct dma_queue *q);

/* pair.c: what of the broker's work is another for submission and completion queues. */
/* Pages of a pair: submission queue, PRP lists, the page for answers, then the completion queue. False: no
 * size of ours. */
bool pair_layout_for(uint32_t size, struct split_layout *out);
void pair_init(struct kernel *k, struct dma_queue *q, uint16_t record);
/* Decides a publication of the pair whose segments may be: segment 0 is the command, read once, segment 1 its
 * data. `records`: their buffers. DEV_OK: *out is what it asks for. */
enum device_error pair_decide(struct kernel *k, const struct dma_queue *q, const struct dma_publication *p,
                              const uint16_t *records, struct nvme_command *out);
/* Our record of what was decided. */
void pair_admit(struct dma_queue *q, uint16_t slot, const struct nvme_command *command);
/* Writes the command of our record behind `ahead` others; not visible before pair_publish. */
void pair_write(struct kernel *k, struct dma_queue *q, uint16_t slot, uint16_t ahead);
void pair_publish(struct kernel *k, struct dma_queue *q, uint16_t count);
uint16_t pair_take_in(struct kernel *k, struct dma_queue *q);

/* What both forms of queue have in common, in broker.c. */
/* The outstanding chain at `head` ends: its bytes are the driver's again, its slots free. */
void broker_end_chain(struct kernel *k, struct dma_queue *q, uint16_t head);
void broker_break(struct kernel *k, struct dma_queue *q, enum broker_fault fault);
/* I5: the record behind a head belongs to this life of queue and buffers. `writable`: bytes the device may
 * write. */
bool broker_current(const struct kernel *k, const struct dma_queue *q, uint16_t head, uint64_t *writable);

/* interrupt.c */
struct device_reply interrupt_create(struct kernel *k, struct owner *o, cap_id device, uint16_t vector);
struct device_reply interrupt_wait(struct kernel *k, struct owner *o, cap_id id);
struct device_reply interrupt_ack(struct kernel *k, struct owner *o, cap_id id);
struct device_reply interrupt_mask(struct kernel *k, struct owner *o, cap_id id, bool masked);
void interrupt_drop(struct kernel *k, struct interrupt *i);
void interrupts_drop_all(struct kernel *k, struct claim *claim);

/* claim.c */
struct device_reply claim_device(struct kernel *k, struct owner *o, uint16_t bdf);
struct device_reply claim_info(struct kernel *k, struct owner *o, cap_id device,
                               struct pci_function_info *out);
struct device_reply claim_enable_dma(struct kernel *k, struct owner *o, cap_id device);
/* Decides whether `bdf` may be claimed; *function is its record. */
enum device_error claim_decide(const struct kernel *k, uint16_t bdf, uint16_t *function);
uint16_t claim_take_record(struct kernel *k, uint16_t function); /* NO_RECORD: none free */

/* quiesce.c */
/* May the reset be written now? Not while the device starts, where the table says so. */
bool quiesce_settled(struct kernel *k, const struct quiesce *q);
/* Waits until it may, writes the reset and reads until it is confirmed; each at most polls_max times (Z7). */
bool quiesce_run(struct kernel *k, const struct quiesce *q);
/* Stops the device and waits; on success its queues are over and it is in DEVICE_RESET. */
bool quiesce_claim(struct kernel *k, struct claim *claim);
void device_begin_reset(struct kernel *k, struct claim *claim);
void device_end_reset(struct kernel *k, struct claim *claim);

/* teardown.c */
/* The one way out for a device (T3). False: quarantined. */
bool teardown_device(struct kernel *k, uint16_t claim, enum audit_kind kind);
/* The same, when the caller already knows whether the reset is confirmed. */
bool teardown_with(struct kernel *k, uint16_t claim, enum audit_kind kind, bool confirmed);
struct device_reply teardown_release(struct kernel *k, struct owner *o, cap_id id);
/* object_destroy of core_owner_end. */
void teardown_object(void *kernel, uint16_t object);

#endif
