/* SPDX-License-Identifier: BSD-2-Clause */
/* The broker: programs name buffers, the kernel writes descriptors, or commands (pair.c). Our record of each
 * descriptor slot is the truth; ring memory is written here and never read back, but for the used ring, whose
 * every word is read once and checked. A publication is decided whole before the device can see any of it. */
#include "kernel/device/device.h"
#include "kernel/device/units.h"
#include "ringmem.h"

void broker_end_chain(struct kernel *k, struct dma_queue *q, uint16_t head)
{
    const uint8_t count = q->slots[head].count;
    uint16_t at = head;

    ASSERT(q->slots[head].state == SLOT_HEAD);
    ASSERT(count >= 1 && count <= DMA_CHAIN_MAX);
    for (uint8_t i = 0; i < count; i++) {
        struct broker_slot *slot = &q->slots[at];

        buffer_range_clear(k, &k->devices.buffers[slot->buffer], slot->offset, slot->length);
        slot->state = SLOT_FREE;
        at = slot->next;
    }
    ASSERT(q->outstanding > 0);
    q->outstanding--;
    if (q->pair != NULL && q->pair->answer == head)
        q->pair->answer = NO_RECORD;
}

void broker_break(struct kernel *k, struct dma_queue *q, enum broker_fault fault)
{
    k->stats.faults[fault]++;
    if (!q->broken)
        q->first_fault = (uint8_t)fault;
    q->broken = 1;
}

bool broker_current(const struct kernel *k, const struct dma_queue *q, uint16_t head, uint64_t *writable)
{
    uint16_t at = head;

    *writable = 0;
    for (uint8_t i = 0; i < q->slots[head].count; i++) {
        const struct broker_slot *slot = &q->slots[at];

        if (slot->queue_epoch != q->epoch ||
            slot->buffer_generation != k->devices.buffers[slot->buffer].object.generation)
            return false;
        if (slot->direction == DMA_FROM_DEVICE)
            *writable += slot->length;
        at = slot->next;
    }
    return true;
}

/* One used element, read once: in range, a head, in flight, current, length within bounds (I5 to I7). */
static enum broker_fault take_element(struct kernel *k, struct dma_queue *q, struct split_used element)
{
    const struct claim *claim = &k->devices.claims[q->claim];
    uint32_t id;
    uint64_t writable;

    if (!dev_u32_below(element.id, q->ring.size, &id))
        return BROKER_FAULT_RANGE;
    if (q->slots[id].state == SLOT_CHAINED)
        return BROKER_FAULT_NOT_HEAD;
    if (q->slots[id].state != SLOT_HEAD)
        return BROKER_FAULT_IDLE; /* I6 */
    if (!broker_current(k, q, (uint16_t)id, &writable))
        return BROKER_FAULT_STALE; /* I5 */
    /* I7. Where rings are programmed by one address (legacy), devices report anything for chains without a
     * writable part (virtio 1.2, 5.1.6.1), and nobody learns the length from us: there is nothing to bound.
     */
    const bool meaningless = writable == 0 && claim->registers != NO_RECORD &&
                             k->devices.registers[claim->registers].table->queue_programs;
    if (!meaningless && element.length.untrusted > writable)
        return BROKER_FAULT_LENGTH;
    broker_end_chain(k, q, (uint16_t)id);
    return BROKER_FAULT_NONE;
}

uint16_t broker_take_in(struct kernel *k, struct dma_queue *q)
{
    const uint8_t *device_area = q->ring.base + q->ring.layout.device_offset;
    uint16_t ready;
    uint16_t taken = 0;

    ASSERT(q->used);
    if (q->broken || q->over)
        return 0;
    if (q->pair != NULL)
        return pair_take_in(k, q);
    /* I8, also with nothing outstanding: an index that moved early would shift every later element. */
    if (!dev_u16_distance(split_used_index(device_area), q->used_seen, q->outstanding, &ready)) {
        broker_break(k, q, BROKER_FAULT_INDEX); /* I8 */
        return 0;
    }
    if (ready == 0)
        return 0;
    /* Elements are loaded after the index that announced them (virtio 1.2, 2.7.14). */
    ring_read_barrier();
    for (; taken < ready; taken++) { /* at most `outstanding`, hence at most the queue's size */
        const struct split_used element = split_used_element(device_area, q->ring.size, q->used_seen);
        const enum broker_fault fault = take_element(k, q, element);

        q->used_seen++; /* consumed either way: never stuck */
        if (fault != BROKER_FAULT_NONE) {
            broker_break(k, q, fault);
            break;
        }
    }
    k->stats.completions += taken;
    return taken;
}

uint16_t broker_forget(struct kernel *k, struct dma_queue *q)
{
    const uint16_t forgotten = q->outstanding;

    for (uint32_t i = 0; i < q->ring.size && q->outstanding != 0; i++) {
        if (q->slots[i].state == SLOT_HEAD)
            broker_end_chain(k, q, (uint16_t)i);
    }
    ASSERT(q->outstanding == 0);
    return forgotten;
}

/* A publish call on its way to a decision. */
struct batch {
    struct kernel *k;
    struct owner *o;
    struct dma_queue *q;
    cap_id last_id; /* the buffer looked up last: most batches name one */
    uint16_t last_buffer;
};

/* What a check says: at most one of the two is set. Small enough for registers; becomes a reply at the end.
 */
struct verdict {
    uint16_t exception; /* enum cap_exception */
    uint16_t error; /* enum device_error */
};

static bool fine(struct verdict v)
{
    return v.exception == CAP_EX_NONE && v.error == DEV_OK;
}

static struct verdict says(enum device_error error)
{
    return (struct verdict){CAP_EX_NONE, (uint16_t)error};
}

static struct verdict find_buffer(struct batch *b, cap_id id)
{
    const struct dma_buffer *buffer;
    struct found found;

    if (cap_same(id, b->last_id) && !cap_is_none(id))
        return says(DEV_OK);
    found = find(b->k, b->o, id, CAP_IF_DMA_BUFFER);
    if (found.exception != CAP_EX_NONE)
        return (struct verdict){(uint16_t)found.exception, DEV_OK};
    buffer = &b->k->devices.buffers[found.record];
    /* P10: of this function and this owner, or not at all. */
    if (buffer->claim != b->q->claim || buffer->charge.owner != b->q->charge.owner)
        return says(DEV_E_FOREIGN);
    b->last_id = id;
    b->last_buffer = found.record;
    return says(DEV_OK);
}

/* When fine, the buffer's record is b->last_buffer. */
static struct verdict check_segment(struct batch *b, const struct dma_segment *s)
{
    const struct verdict found = find_buffer(b, s->buffer);
    const struct dma_buffer *buffer;

    if (!fine(found))
        return found;
    buffer = &b->k->devices.buffers[b->last_buffer];
    if (s->direction != buffer->direction) /* I19 */
        return says(DEV_E_DIRECTION);
    if (s->length == 0 || s->length > buffer->bytes || s->offset > buffer->bytes - s->length)
        return says(DEV_E_RANGE);
    return says(buffer_range_idle(b->k, buffer, s->offset, s->length) ? DEV_OK : DEV_E_BUSY);
}

/* Within a chain: readable before writable (virtio 1.2, 2.7.4.2), no byte twice, no slot twice (I19: no
 * cycle). */
static enum device_error check_pairs(const struct dma_publication *p, const uint16_t *records)
{
    for (uint8_t i = 1; i < p->count; i++) {
        const struct dma_segment *s = &p->segments[i];

        if (p->segments[i - 1].direction == DMA_FROM_DEVICE && s->direction == DMA_TO_DEVICE)
            return DEV_E_DIRECTION;
        for (uint8_t j = 0; j < i; j++) {
            const struct dma_segment *t = &p->segments[j];

            if (records[i] == records[j] && s->offset < t->offset + t->length &&
                t->offset < s->offset + s->length)
                return DEV_E_BUSY;
            if (p->slots[i] == p->slots[j])
                return DEV_E_SLOT;
        }
    }
    return DEV_OK;
}

/* Decides one publication and, if it may be, writes our record of it. Nothing is visible to the device yet.
 */
static struct verdict admit(struct batch *b, const struct dma_publication *p)
{
    struct dma_queue *q = b->q;
    uint16_t records[DMA_CHAIN_MAX];
    struct nvme_command command;

    if (p->count == 0 || p->count > DMA_CHAIN_MAX || p->count > q->ring.size) /* I19 */
        return says(DEV_E_CHAIN);
    for (uint8_t i = 0; i < p->count; i++) {
        const struct verdict verdict = check_segment(b, &p->segments[i]);

        if (!fine(verdict))
            return verdict;
        records[i] = b->last_buffer;
        if (p->slots[i] >= q->ring.size || q->slots[p->slots[i]].state != SLOT_FREE)
            return says(DEV_E_SLOT);
    }
    enum device_error error = check_pairs(p, records);
    if (error == DEV_OK && q->pair != NULL)
        error = pair_decide(b->k, q, p, records, &command);
    if (error != DEV_OK)
        return says(error);

    for (uint8_t i = 0; i < p->count; i++) {
        struct dma_buffer *buffer = &b->k->devices.buffers[records[i]];
        const struct dma_segment *s = &p->segments[i];

        q->slots[p->slots[i]] = (struct broker_slot){
            .offset = s->offset,
            .length = s->length,
            .buffer_generation = buffer->object.generation,
            .queue_epoch = q->epoch,
            .buffer = records[i],
            .next = i + 1 < p->count ? p->slots[i + 1] : p->slots[i],
            .state = i == 0 ? SLOT_HEAD : SLOT_CHAINED,
            .count = p->count,
            .direction = s->direction,
        };
        buffer_range_mark(b->k, buffer, s->offset, s->length);
    }
    if (q->pair != NULL)
        pair_admit(q, p->slots[0], &command);
    q->outstanding++;
    return says(DEV_OK);
}

/* Acts on an admitted chain: from our record alone, not from what the caller can still change. */
static void write_chain(struct kernel *k, struct dma_queue *q, uint16_t head, uint16_t ahead)
{
    const uint8_t count = q->slots[head].count;
    const uint16_t function = k->devices.claims[q->claim].function;
    uint16_t at = head;

    for (uint8_t i = 0; i < count; i++) {
        const struct broker_slot *slot = &q->slots[at];
        const struct dma_buffer *buffer = &k->devices.buffers[slot->buffer];
        const uint32_t first = buffer->run.first + slot->offset / DMA_PAGE_BYTES;
        const uint32_t last = buffer->run.first + (slot->offset + slot->length - 1u) / DMA_PAGE_BYTES;

        ASSERT(slot->buffer_generation ==
               buffer->object.generation); /* I2: a live record's address, or none */
        dma_pages_activate(k, function, first, last - first + 1u);
        split_write_descriptor(&q->ring, at,
                               (struct split_descriptor){
                                   .address = page_bus(k, buffer->run.first) + slot->offset,
                                   .length = slot->length,
                                   .next = slot->next,
                                   .writable = slot->direction == DMA_FROM_DEVICE,
                                   .more = i + 1 < count,
                               });
        at = slot->next;
    }
    split_put_available(&q->ring, head, ahead);
}

static void act(struct kernel *k, struct dma_queue *q, const uint16_t *heads, uint16_t count)
{
    const struct claim *claim = &k->devices.claims[q->claim];
    bool wanted;

    k->stats.publications += count;
    for (uint16_t i = 0; i < count; i++) {
        if (q->pair != NULL)
            pair_write(k, q, heads[i], i);
        else
            write_chain(k, q, heads[i], i);
    }
    if (q->pair != NULL) {
        pair_publish(k, q, count);
        return;
    }
    wanted = split_publish(&q->ring, count);
    ASSERT(claim->registers != NO_RECORD);
    /* One bell a batch. Suppression is honoured where the table enables queues apart; legacy devices: always
     * (E31). */
    if (wanted || k->devices.registers[claim->registers].table->queue_programs)
        registers_bell(k, q);
}

/* Takes back what this call had admitted: the refused call changes nothing (P14). Then the one exception: a
 * buffer or slot of an earlier call, offered again before the broker saw it complete, is refused, counted,
 * and the queue goes to quarantine, for either the driver lies or the used ring that it read. */
static void refuse(struct batch *b, const uint16_t *heads, uint16_t count, const struct dma_publication *p,
                   enum device_error error)
{
    bool early = false;

    for (uint16_t i = 0; i < count; i++)
        broker_end_chain(b->k, b->q, heads[i]);
    if (error != DEV_E_BUSY && error != DEV_E_SLOT)
        return;
    for (uint8_t i = 0; i < p->count; i++) {
        early |= check_segment(b, &p->segments[i]).error == DEV_E_BUSY;
        early |= p->slots[i] < b->q->ring.size && b->q->slots[p->slots[i]].state != SLOT_FREE;
    }
    if (early) {
        b->k->stats.early_offers++;
        b->q->broken = 1;
    }
}

/* The one read of the caller's memory (Z1): what is checked is what is used. */
static void read_once(const struct dma_publication *from, struct dma_publication *to)
{
    const uint8_t count =
        __atomic_load_n(&from->count, __ATOMIC_RELAXED); /* bounds the copy as well as the check */

    to->count = count;
    memcpy(to->slots, from->slots, sizeof to->slots);
    for (uint8_t i = 0; i < count && i < DMA_CHAIN_MAX; i++)
        to->segments[i] = from->segments[i];
}

struct device_reply broker_publish(struct kernel *k, struct owner *o, cap_id queue,
                                   const struct dma_publication *batch, uint16_t count)
{
    const struct found found = find(k, o, queue, CAP_IF_DMA_QUEUE);
    uint16_t heads[DMA_BATCH_MAX];

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    struct dma_queue *q = &k->devices.queues[found.record];
    struct batch b = {k, o, q, CAP_NONE, NO_RECORD};
    if (q->over || !q->enabled)
        return reply_error(DEV_E_QUEUE);
    (void)broker_take_in(k, q);
    if (q->broken)
        return reply_error(DEV_E_COMPLETION);
    if (count > DMA_BATCH_MAX)
        return reply_error(DEV_E_CHAIN);

    for (uint16_t i = 0; i < count; i++) {
        struct dma_publication p;

        read_once(&batch[i], &p);
        const struct verdict verdict = admit(&b, &p);
        if (fine(verdict)) {
            heads[i] = p.slots[0];
            continue;
        }
        refuse(&b, heads, i, &p, (enum device_error)verdict.error);
        return (struct device_reply){(enum cap_exception)verdict.exception, (enum device_error)verdict.error,
                                     CAP_NONE, 0};
    }
    if (count != 0)
        act(k, q, heads, count);
    return reply_value(count);
}

struct device_reply broker_reap(struct kernel *k, struct owner *o, cap_id queue)
{
    const struct found found = find(k, o, queue, CAP_IF_DMA_QUEUE);
    struct dma_queue *q;
    uint16_t taken;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    q = &k->devices.queues[found.record];
    if (q->over)
        return reply_error(DEV_E_QUEUE);
    taken = broker_take_in(k, q);
    return q->broken ? reply_error(DEV_E_COMPLETION) : reply_value(taken);
}
