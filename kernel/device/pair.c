/* SPDX-License-Identifier: BSD-2-Clause */
/* Submission and completion queues (NVM Express 1.4, 4). A driver says what it wants in 64 bytes without an
 * address; they are read once, decided, and the command that the device sees is written from that decision
 * and from live records alone (I2). What bounds a read is known here: the size of a namespace's blocks comes
 * from an IDENTIFY whose answer the device writes to a page of the kernel's, from which the driver gets a
 * copy. */
#include "kernel/device/device.h"
#include "ringmem.h"

#define LIST_BYTES (NVME_LIST_ENTRIES * 8u) /* of one slot: no list crosses a page */
/* Bits of a pair's addresses_written, which commands carry. */
#define CREATED_COMPLETION 1u
#define CREATED_SUBMISSION 2u
#define NAMESPACE_HEAD     192u /* bytes of a namespace's description that its format lies in (5.15.2.1) */

_Static_assert(DMA_PAGE_BYTES == NVME_PAGE_BYTES && DMA_PAGE_BYTES % LIST_BYTES == 0, "pages of CC.MPS 0");

static uint32_t whole_pages(uint32_t bytes)
{
    return (bytes + DMA_PAGE_BYTES - 1u) & ~(DMA_PAGE_BYTES - 1u);
}

bool pair_layout_for(uint32_t size, struct split_layout *out)
{
    if (size < NVME_ENTRIES_MIN || size > NVME_ENTRIES_MAX || (size & (size - 1u)) != 0)
        return false;
    out->driver_offset = whole_pages(size * NVME_COMMAND_BYTES); /* PRP lists */
    out->device_offset = out->driver_offset + whole_pages(size * LIST_BYTES) + DMA_PAGE_BYTES;
    out->bytes = out->device_offset + whole_pages(size * NVME_COMPLETION_BYTES);
    return true;
}

/* The page for answers: before the completion queue. */
static uint32_t answer_offset(const struct dma_queue *q)
{
    return q->ring.layout.device_offset - DMA_PAGE_BYTES;
}

void pair_init(struct kernel *k, struct dma_queue *q, uint16_t record)
{
    q->pair = &k->devices.pairs[record];
    q->pair->head = 0;
    q->pair->answer = NO_RECORD;
}

/* Both halves of a pair are created with what is there: its number, its size, once. */
static enum device_error decide_create(struct kernel *k, const struct dma_queue *q,
                                       const struct nvme_command *command)
{
    const struct dma_queue *made = queue_of(k, &k->devices.claims[q->claim], command->queue);
    const uint64_t before = command->kind == NVME_CREATE_COMPLETION_QUEUE ? 0 : CREATED_COMPLETION;

    if (made == NULL || made == q || made->over || made->addresses_written != before)
        return DEV_E_QUEUE;
    return command->entries == made->ring.size ? DEV_OK : DEV_E_QUEUE_SIZE;
}

/* As many bytes as the device will write, neither more nor less. */
static enum device_error decide_data(const struct claim *claim, const struct nvme_command *command,
                                     const struct dma_publication *p)
{
    const uint32_t bytes = p->count == 2 ? p->segments[1].length : 0;
    uint64_t wanted = nvme_answer_bytes(command);

    if (command->kind == NVME_READ) {
        if (claim->nsid == 0 || command->nsid != claim->nsid)
            return DEV_E_STATE; /* nobody said how large its blocks are */
        wanted = (uint64_t)command->blocks << claim->block_shift;
    }
    if (bytes != wanted || bytes > NVME_DATA_BYTES_MAX)
        return DEV_E_RANGE;
    /* 4.3: PRP1 is a multiple of four. */
    return p->count == 2 && p->segments[1].offset % 4u != 0 ? DEV_E_RANGE : DEV_OK;
}

enum device_error pair_decide(struct kernel *k, const struct dma_queue *q, const struct dma_publication *p,
                              const uint16_t *records, struct nvme_command *out)
{
    const struct dma_segment *s = &p->segments[0];
    uint8_t bytes[NVME_COMMAND_BYTES];

    /* 4.1.3: a queue holds one command less than it has entries. */
    if (p->count > 2 || q->outstanding >= q->ring.size - 1u)
        return DEV_E_CHAIN;
    if (s->direction != DMA_TO_DEVICE || (p->count == 2 && p->segments[1].direction != DMA_FROM_DEVICE))
        return DEV_E_DIRECTION;
    if (s->length != sizeof bytes)
        return DEV_E_RANGE;
    /* Z1: the one read of what the driver can still change. */
    memcpy(bytes, page_cpu(k, k->devices.buffers[records[0]].run.first) + s->offset, sizeof bytes);
    if (!nvme_decode_command(bytes, q->number == NVME_ADMIN_QUEUE, out))
        return DEV_E_VALUE;
    if ((out->kind == NVME_IDENTIFY_CONTROLLER || out->kind == NVME_IDENTIFY_NAMESPACE) &&
        q->pair->answer != NO_RECORD)
        return DEV_E_BUSY;
    const enum device_error error = decide_data(&k->devices.claims[q->claim], out, p);
    if (error != DEV_OK)
        return error;
    if (out->kind == NVME_CREATE_COMPLETION_QUEUE || out->kind == NVME_CREATE_SUBMISSION_QUEUE)
        return decide_create(k, q, out);
    return DEV_OK;
}

void pair_admit(struct dma_queue *q, uint16_t slot, const struct nvme_command *command)
{
    q->pair->commands[slot] = (struct pair_command){.command = *command};
    if (nvme_answer_bytes(command) != 0)
        q->pair->answer = slot;
}

/* Pages that a segment touches. */
static uint32_t pages_of(const struct broker_slot *data)
{
    return (data->offset + data->length - 1u) / DMA_PAGE_BYTES - data->offset / DMA_PAGE_BYTES + 1u;
}

static uint32_t list_offset(const struct dma_queue *q, uint16_t slot)
{
    return q->ring.layout.driver_offset + slot * LIST_BYTES;
}

/* PRPs of a buffer's bytes (4.3): the second page by itself, more by a list. */
static struct nvme_pointers data_pointers(struct kernel *k, struct dma_queue *q, uint16_t slot)
{
    const struct broker_slot *data = &q->slots[q->slots[slot].next];
    const struct dma_buffer *buffer = &k->devices.buffers[data->buffer];
    const uint32_t first = data->offset / DMA_PAGE_BYTES;
    const uint32_t pages = pages_of(data);
    const uint32_t list = list_offset(q, slot);
    struct nvme_pointers p = {page_bus(k, buffer->run.first) + data->offset, 0};

    ASSERT(data->buffer_generation == buffer->object.generation); /* I2: a live record's address, or none */
    ASSERT(pages - 1u <= NVME_LIST_ENTRIES);
    dma_pages_activate(k, k->devices.claims[q->claim].function, buffer->run.first + first, pages);
    if (pages == 2)
        p.prp2 = page_bus(k, buffer->run.first + first + 1u);
    if (pages <= 2)
        return p;
    p.prp2 = page_bus(k, q->run.first) + list;
    for (uint32_t i = 0; i + 1u < pages; i++)
        ring_store64(q->ring.base + list + 8u * i, page_bus(k, buffer->run.first + first + 1u + i));
    return p;
}

static struct nvme_pointers create_pointers(struct kernel *k, const struct dma_queue *q,
                                            const struct nvme_command *command)
{
    const struct claim *claim = &k->devices.claims[q->claim];
    struct dma_queue *made = queue_of(k, claim, command->queue);
    const bool completion = command->kind == NVME_CREATE_COMPLETION_QUEUE;

    dma_pages_activate(k, claim->function, made->run.first, made->run.count);
    made->addresses_written |= completion ? CREATED_COMPLETION : CREATED_SUBMISSION;
    return (struct nvme_pointers){
        page_bus(k, made->run.first) + (completion ? made->ring.layout.device_offset : 0), 0};
}

static struct nvme_pointers pointers_of(struct kernel *k, struct dma_queue *q, uint16_t slot)
{
    const struct nvme_command *command = &q->pair->commands[slot].command;

    switch (command->kind) {
    case NVME_READ:
        return data_pointers(k, q, slot);
    case NVME_CREATE_COMPLETION_QUEUE:
    case NVME_CREATE_SUBMISSION_QUEUE:
        return create_pointers(k, q, command);
    case NVME_IDENTIFY_CONTROLLER:
    case NVME_IDENTIFY_NAMESPACE: /* what a device leaves out is zero, not the answer before */
        memset(q->ring.base + answer_offset(q), 0, DMA_PAGE_BYTES);
        return (struct nvme_pointers){page_bus(k, q->run.first) + answer_offset(q), 0};
    default:
        return (struct nvme_pointers){0, 0};
    }
}

static void store_entry(const struct dma_queue *q, uint16_t position, const uint8_t bytes[NVME_COMMAND_BYTES])
{
    uint8_t *at = q->ring.base + (size_t)(position & (q->ring.size - 1u)) * NVME_COMMAND_BYTES;

    for (uint32_t i = 0; i < NVME_COMMAND_BYTES; i += 8u) {
        uint64_t word;

        memcpy(&word, bytes + i, sizeof word);
        ring_store64(at + i, word);
    }
}

/* I4: neither the entry of a command that was done nor its list leads to memory that is the driver's again,
 * and who reads beyond the list of the next one does not come there either. */
static void forget_pointers(const struct dma_queue *q, uint16_t slot)
{
    static const uint8_t nothing[NVME_COMMAND_BYTES];
    const struct pair_command *c = &q->pair->commands[slot];
    uint8_t *list = q->ring.base + list_offset(q, slot);

    store_entry(q, c->position, nothing);
    if (c->command.kind != NVME_READ)
        return;
    for (uint32_t i = 0; i + 1u < pages_of(&q->slots[q->slots[slot].next]); i++)
        ring_store64(list + 8u * i, 0);
}

void pair_write(struct kernel *k, struct dma_queue *q, uint16_t slot, uint16_t ahead)
{
    struct pair_command *c = &q->pair->commands[slot];
    uint8_t bytes[NVME_COMMAND_BYTES];

    c->position = (uint16_t)(q->ring.avail_idx + ahead);
    ASSERT((uint16_t)(c->position - q->pair->head) < q->ring.size - 1u); /* never full: 4.1.3 */
    nvme_encode_command(&c->command, slot, pointers_of(k, q, slot), bytes);
    store_entry(q, c->position, bytes);
}

void pair_publish(struct kernel *k, struct dma_queue *q, uint16_t count)
{
    q->ring.avail_idx = (uint16_t)(q->ring.avail_idx + count);
    /* 4.1: entries and lists before the tail doorbell that makes them the controller's. */
    ring_write_barrier();
    registers_bell(k, q);
}

/* The answer, copied to where the driver asked for it; of a namespace, what the kernel itself heard. */
static void take_answer(struct kernel *k, struct dma_queue *q, uint16_t slot)
{
    const struct nvme_command *command = &q->pair->commands[slot].command;
    const struct broker_slot *data = &q->slots[q->slots[slot].next];
    const uint8_t *answer = q->ring.base + answer_offset(q);
    struct claim *claim = &k->devices.claims[q->claim];
    struct nvme_namespace space;
    uint8_t head[NAMESPACE_HEAD];

    memcpy(page_cpu(k, k->devices.buffers[data->buffer].run.first) + data->offset, answer, data->length);
    if (command->kind != NVME_IDENTIFY_NAMESPACE)
        return;
    memcpy(head, answer, sizeof head);
    claim->nsid = nvme_decode_namespace(head, &space) && space.blocks != 0 ? command->nsid : 0;
    claim->block_shift = space.block_shift;
}

/* What a command that the device did changes here. */
static void done(struct kernel *k, struct dma_queue *q, uint16_t slot)
{
    const struct nvme_command *command = &q->pair->commands[slot].command;

    if (nvme_answer_bytes(command) != 0)
        take_answer(k, q, slot);
    if (command->kind == NVME_CREATE_SUBMISSION_QUEUE) /* I13: from here on it may be rung */
        queue_of(k, &k->devices.claims[q->claim], command->queue)->enabled = 1;
}

/* How far the device took commands out: not beyond what was put in, and beyond the one that it says is done.
 */
static bool take_head(struct dma_queue *q, dev_u32 head, uint16_t position)
{
    const uint16_t mask = (uint16_t)(q->ring.size - 1u);
    const uint16_t held = (uint16_t)(q->ring.avail_idx - q->pair->head);
    uint32_t at;
    uint16_t moved;

    if (!dev_u32_below(head, q->ring.size, &at))
        return false;
    moved = (uint16_t)(at - q->pair->head) & mask;
    if (moved > held)
        return false;
    q->pair->head = (uint16_t)(q->pair->head + moved);
    return (uint16_t)(position - q->pair->head) >= (uint16_t)(held - moved);
}

static enum broker_fault take_completion(struct kernel *k, struct dma_queue *q,
                                         const struct nvme_completion *c)
{
    uint32_t id;
    uint64_t writable;

    if (q->outstanding == 0 || c->queue.untrusted != q->number)
        return BROKER_FAULT_INDEX; /* I8 */
    if (!dev_u32_below(c->id, q->ring.size, &id))
        return BROKER_FAULT_RANGE;
    if (q->slots[id].state == SLOT_CHAINED)
        return BROKER_FAULT_NOT_HEAD;
    if (q->slots[id].state != SLOT_HEAD)
        return BROKER_FAULT_IDLE; /* I6 */
    if (!broker_current(k, q, (uint16_t)id, &writable))
        return BROKER_FAULT_STALE; /* I5 */
    if (!take_head(q, c->head, q->pair->commands[id].position))
        return BROKER_FAULT_INDEX;
    if (c->status == 0)
        done(k, q, (uint16_t)id);
    forget_pointers(q, (uint16_t)id);
    broker_end_chain(k, q, (uint16_t)id);
    return BROKER_FAULT_NONE;
}

uint16_t pair_take_in(struct kernel *k, struct dma_queue *q)
{
    const uint8_t *area = q->ring.base + q->ring.layout.device_offset;
    enum broker_fault fault = BROKER_FAULT_NONE;
    struct nvme_completion c;
    uint16_t taken = 0;

    /* Each takes one of what is outstanding, or ends it. */
    while (fault == BROKER_FAULT_NONE && nvme_completion_at(area, q->ring.size, q->used_seen, &c)) {
        fault = take_completion(k, q, &c);
        q->used_seen++; /* consumed either way: never stuck */
        if (fault == BROKER_FAULT_NONE)
            taken++;
        else
            broker_break(k, q, fault);
    }
    if (taken > 0)
        registers_bell_head(k, q);
    k->stats.completions += taken;
    return taken;
}
