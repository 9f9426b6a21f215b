/* SPDX-License-Identifier: BSD-2-Clause */
/* DeviceMmio and DevicePorts: interprets the rows of a checked table. I14: no access outside the table; I1,
 * I2: address rows are written here alone, from live rings; I13: bells only for enabled queues. */
#include "kernel/device/device.h"

#define MSIX_MOVE_BYTES 4u

static uint32_t hw_read(struct kernel *k, const struct register_grant *r, const struct reg_row *row,
                        uint64_t at)
{
    return r->table->ports ? platform_port_read(k->platform, (uint16_t)at, row->width)
                           : platform_mmio_read(k->platform, at, row->width);
}

static void hw_write(struct kernel *k, const struct register_grant *r, const struct reg_row *row, uint64_t at,
                     uint32_t value)
{
    k->devices.claims[r->claim].quiesce.wrote = 1;
    if (r->table->ports)
        platform_port_write(k->platform, (uint16_t)at, row->width, value);
    else
        platform_mmio_write(k->platform, at, row->width, value);
}

/* Address of register `index` of the row plus `extra` bytes. False: outside the window (I14). */
static bool locate(const struct kernel *k, const struct register_grant *r, const struct reg_row *row,
                   uint32_t index, uint64_t extra, uint64_t *at)
{
    const struct reg_window *w = &r->windows[row->section];
    uint64_t offset = (uint64_t)row->offset + (uint64_t)index * row->width + extra;

    /* The legacy configuration moves at each access with the MSI-X enable bit (virtio 1.2, 4.1.4.10). */
    if (row->moves_with_msix && k->devices.claims[r->claim].msix_on)
        offset += MSIX_MOVE_BYTES;
    if (index >= row->count || offset + row->width > w->length)
        return false;
    *at = r->address[row->section] + offset;
    return true;
}

static bool bell_at(const struct kernel *k, const struct register_grant *r, uint32_t bell_index, uint64_t *at)
{
    const struct reg_row *row = &r->table->rows[r->bell_row];

    return locate(k, r, row, 0, (uint64_t)bell_index * r->windows[row->section].bell_multiplier, at);
}

struct call {
    struct device_reply refusal;
    struct register_grant *r;
    struct claim *claim;
    struct function *f;
    const struct reg_row *row;
};

/* What reads, writes and address writes have in common. False: refused. */
static bool begin(struct kernel *k, struct owner *o, cap_id id, uint16_t row, struct call *c)
{
    struct cap_lookup looked = captable_lookup_any(&o->caps, &k->core.objects, id);
    uint8_t interface;

    if (looked.exception != CAP_EX_NONE) {
        c->refusal = reply_exception(looked.exception);
        return false;
    }
    interface = k->core.objects.entries[looked.object.index].interface;
    if (interface != CAP_IF_DEVICE_MMIO && interface != CAP_IF_DEVICE_PORTS) {
        c->refusal = reply_exception(CAP_EX_INTERFACE);
        return false;
    }
    c->r = &k->devices.registers[k->core.objects.entries[looked.object.index].payload];
    c->claim = &k->devices.claims[c->r->claim];
    c->f = &k->devices.functions[c->claim->function];
    ASSERT(c->r->used);
    ASSERT(c->claim->used);
    if (row >= c->r->table->row_count) { /* I14 */
        c->refusal = reply_error(DEV_E_REGISTER);
        return false;
    }
    c->row = &c->r->table->rows[row];
    return true;
}

/* Is the row's register there now, in one of these states? */
static bool usable(const struct call *c, uint16_t states)
{
    return (states & IN_STATE(c->f->state)) != 0 && (!c->row->with_msix_only || c->claim->msix_on);
}

/* Queues whose bell was owed get it once the new state allows it. */
static void pay_bells(struct kernel *k, const struct claim *claim)
{
    for (uint16_t n = 0; n < DMA_QUEUES_MAX; n++) {
        struct dma_queue *q = queue_of(k, claim, n);

        if (q != NULL && q->bell_owed)
            registers_bell(k, q);
    }
}

static void take_step(struct kernel *k, const struct call *c, uint16_t row, uint32_t value)
{
    const struct reg_table *table = c->r->table;

    for (uint32_t i = 0; i < table->step_count; i++) {
        const struct reg_step *step = &table->steps[i];

        if (step->row != row || (value & step->mask) != step->bits ||
            (step->from_states & IN_STATE(c->f->state)) == 0)
            continue;
        c->f->state = step->to;
        pay_bells(k, c->claim);
        return;
    }
}

struct device_reply registers_read(struct kernel *k, struct owner *o, cap_id id, uint16_t row, uint16_t index)
{
    struct call c;
    uint64_t at;
    uint32_t value;

    if (!begin(k, o, id, row, &c))
        return c.refusal;
    /* I1: no address can be read back. */
    if ((c.row->direction & REG_READ) == 0 || c.row->kind == REG_ADDRESS)
        return reply_error(DEV_E_REGISTER);
    if (!usable(&c, c.row->read_states))
        return reply_error(DEV_E_STATE);
    if (index >= c.row->count)
        return reply_error(DEV_E_VALUE);
    if (!locate(k, c.r, c.row, index, 0, &at))
        return reply_error(DEV_E_REGISTER);

    value = hw_read(k, c.r, c.row, at);
    if (row == c.r->confirm_row && c.f->state == DEVICE_RESETTING &&
        (value & c.claim->quiesce.mask) == c.claim->quiesce.until)
        device_end_reset(k, c.claim);
    else if (c.row->kind == REG_CONFIRM)
        take_step(k, &c, row, value);
    return reply_value(value);
}

/* Is the device's own idea of the selected queue's size that of our ring? A larger one would let it read
 * beyond. */
static bool size_agrees(struct kernel *k, const struct call *c, const struct dma_queue *q)
{
    const struct reg_row *row = &c->r->table->rows[c->r->size_row];
    uint64_t at;

    ASSERT(c->r->size_row != NO_RECORD);
    return locate(k, c->r, row, 0, 0, &at) && hw_read(k, c->r, row, at) == q->ring.size;
}

static enum device_error decide_enable(struct kernel *k, const struct call *c, uint32_t value)
{
    const struct dma_queue *q = queue_of(k, c->claim, c->r->selected);
    const bool pair = c->r->table->ring_format == RING_PAIR;

    if (!pair && value != 1)
        return DEV_E_VALUE;
    if (q == NULL || q->over ||
        q->addresses_written != c->r->address_rows) /* I2: every address is a live ring's */
        return DEV_E_QUEUE;
    if (pair) /* the device takes what is written here for the size of what lies there */
        return value == (uint32_t)(q->ring.size - 1u) * 0x10001u ? DEV_OK : DEV_E_QUEUE_SIZE;
    return size_agrees(k, c, q) ? DEV_OK : DEV_E_QUEUE_SIZE;
}

/* A bell by its owner's own hand: the value names the queue (virtio 1.2, 4.1.5.2). */
static enum device_error decide_bell(struct kernel *k, const struct call *c, uint32_t value, uint64_t *at)
{
    const struct dma_queue *q = value < DMA_QUEUES_MAX ? queue_of(k, c->claim, (uint16_t)value) : NULL;

    if (c->r->table->ring_format == RING_PAIR) /* its value is a position, which the broker alone knows */
        return DEV_E_REGISTER;
    if (q == NULL || !q->enabled || q->broken) /* I13 */
        return DEV_E_QUEUE;
    return bell_at(k, c->r, q->bell_index, at) ? DEV_OK : DEV_E_REGISTER;
}

static enum device_error decide_write(struct kernel *k, const struct call *c, uint16_t index, uint32_t value,
                                      uint64_t *at)
{
    const struct reg_row *row = c->row;
    bool reset = row->kind == REG_QUIESCE && value == c->r->table->quiesce_write;

    if ((row->direction & REG_WRITE) == 0 || row->kind == REG_ADDRESS)
        return DEV_E_REGISTER;
    if (index >= row->count)
        return DEV_E_VALUE;
    /* A reset is idempotent and possible in every state; while one runs nothing else is. */
    if (!reset && (!usable(c, row->write_states) || c->f->state == DEVICE_RESETTING))
        return DEV_E_STATE;
    if (!reset &&
        ((value & ~row->write_mask) != 0 ||
         (row->kind == REG_QUIESCE && c->r->table->start_write != 0 && value != c->r->table->start_write)))
        return DEV_E_VALUE;
    if (reset && !quiesce_settled(k, &c->claim->quiesce)) /* a reset that would mean nothing: ask again */
        return DEV_E_BUSY;
    if (!locate(k, c->r, row, index, 0, at))
        return DEV_E_REGISTER;
    if (row->kind == REG_BELL)
        return decide_bell(k, c, value, at);
    return row->enables_queue ? decide_enable(k, c, value) : DEV_OK;
}

struct device_reply registers_write(struct kernel *k, struct owner *o, cap_id id, uint16_t row,
                                    uint16_t index, uint32_t value)
{
    struct call c;
    uint64_t at = 0;
    enum device_error error;

    if (!begin(k, o, id, row, &c))
        return c.refusal;
    error = decide_write(k, &c, index, value, &at);
    if (error != DEV_OK)
        return reply_error(error);

    if (c.row->kind == REG_QUIESCE && value == c.r->table->quiesce_write)
        device_begin_reset(k, c.claim);
    if (c.row->kind == REG_BELL)
        k->stats.bells++;
    else
        k->stats.register_writes++;
    hw_write(k, c.r, c.row, at, value);
    if (c.row->selects_queue)
        c.r->selected = (uint16_t)value;
    if (c.row->enables_queue)
        queue_of(k, c.claim, c.r->selected)->enabled = 1;
    if (c.row->kind != REG_QUIESCE || value != c.r->table->quiesce_write)
        take_step(k, &c, row, value);
    return reply_value(0);
}

/* The word that the row takes of the ring's address. False: it does not fit the register. */
static bool address_word(const struct kernel *k, const struct call *c, const struct dma_queue *q,
                         uint32_t *word)
{
    const struct split_layout *layout = &q->ring.layout;
    uint64_t address = page_bus(k, q->run.first);

    if (c->row->part == RING_DRIVER_AREA)
        address += layout->driver_offset;
    else if (c->row->part == RING_DEVICE_AREA)
        address += layout->device_offset;
    ASSERT((address & ((1ull << c->row->shift) - 1u)) == 0);
    address >>= c->row->shift;
    if (c->row->half == 1) {
        *word = (uint32_t)(address >> 32);
        return true;
    }
    *word = (uint32_t)address;
    if (address >> 32 == 0)
        return true;
    for (uint32_t i = 0; i < c->r->table->row_count; i++) {
        const struct reg_row *other = &c->r->table->rows[i];

        if (other->kind == REG_ADDRESS && other->part == c->row->part && other->half == 1)
            return true;
    }
    return false;
}

/* T6: without an IOMMU an address is authority over all memory: the kernel writes every one itself. */
struct device_reply registers_write_address(struct kernel *k, struct owner *o, cap_id id, uint16_t row,
                                            cap_id queue)
{
    struct call c;
    struct dma_queue *q;
    uint64_t at;
    uint32_t word;

    if (!begin(k, o, id, row, &c))
        return c.refusal;
    const struct found found = find(k, o, queue, CAP_IF_DMA_QUEUE);
    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    q = &k->devices.queues[found.record];
    if (c.row->kind != REG_ADDRESS)
        return reply_error(DEV_E_REGISTER);
    if ((c.row->write_states & IN_STATE(c.f->state)) == 0 || c.f->state == DEVICE_RESETTING)
        return reply_error(DEV_E_STATE);
    if (q->claim != c.r->claim)
        return reply_error(DEV_E_FOREIGN);
    if (q->number != c.r->selected || q->over ||
        q->enabled) /* I2: this queue's registers, this queue's ring */
        return reply_error(DEV_E_QUEUE);
    if (!address_word(k, &c, q, &word))
        return reply_error(DEV_E_VALUE);
    if (!locate(k, c.r, c.row, 0, 0, &at))
        return reply_error(DEV_E_REGISTER);
    if (c.r->table->queue_programs && !size_agrees(k, &c, q))
        return reply_error(DEV_E_QUEUE_SIZE);

    dma_pages_activate(k, c.claim->function, q->run.first, q->run.count);
    hw_write(k, c.r, c.row, at, word);
    k->stats.register_writes++;
    q->addresses_written |= 1ull << row;
    if (c.r->table->queue_programs && q->addresses_written == c.r->address_rows)
        q->enabled = 1;
    take_step(k, &c, row, word);
    return reply_value(0);
}

/* None before the state in which the table allows it (I13; virtio 1.2, 3.1.1); it stays owed. */
static bool bell_allowed(const struct kernel *k, const struct dma_queue *q, const struct register_grant *r)
{
    const struct claim *claim = &k->devices.claims[q->claim];
    const struct reg_row *row = &r->table->rows[r->bell_row];

    return q->enabled && (row->write_states & IN_STATE(k->devices.functions[claim->function].state)) != 0;
}

static void ring_bell(struct kernel *k, const struct register_grant *r, uint32_t index, uint32_t value)
{
    uint64_t at;
    const bool placed = bell_at(k, r, index, &at);

    ASSERT(placed); /* queue_create checked it */
    k->stats.bells++;
    hw_write(k, r, &r->table->rows[r->bell_row], at, value);
}

void registers_bell(struct kernel *k, struct dma_queue *q)
{
    const struct claim *claim = &k->devices.claims[q->claim];
    const struct register_grant *r;

    ASSERT(claim->registers != NO_RECORD);
    r = &k->devices.registers[claim->registers];
    q->bell_owed = 1;
    if (!bell_allowed(k, q, r))
        return;
    q->bell_owed = 0;
    ring_bell(k, r, q->bell_index, q->pair ? q->ring.avail_idx & (q->ring.size - 1u) : q->number);
}

void registers_bell_head(struct kernel *k, struct dma_queue *q)
{
    const struct claim *claim = &k->devices.claims[q->claim];
    const struct register_grant *r;

    ASSERT(q->pair != NULL && claim->registers != NO_RECORD);
    r = &k->devices.registers[claim->registers];
    if (bell_allowed(k, q, r))
        ring_bell(k, r, q->bell_index + 1u, q->used_seen & (q->ring.size - 1u));
}
