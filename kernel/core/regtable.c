/* SPDX-License-Identifier: BSD-2-Clause */
/* Checks a register table once, so that the interpreter in registers.c need not doubt its rows again. A table
 * comes with a driver: nothing in it is believed before this. */
#include "kernel/core/regtable.h"

#include <stddef.h>

#define RING_SHIFT_MAX    12u
#define MSIX_MOVE_BYTES   4u
#define PAIR_ADDRESS_ROWS 4u /* two queues, two halves each */
/* A step may not make a device run that was never reset, nor claim that it was. */
#define STEP_FROM                                                                                            \
    (IN_STATE(DEVICE_RESET) | IN_STATE(DEVICE_FEATURES_OK) | IN_STATE(DEVICE_QUEUES_PROGRAMMED) |            \
     IN_STATE(DEVICE_DRIVER_OK))
#define STEP_TO                                                                                              \
    (IN_STATE(DEVICE_FEATURES_OK) | IN_STATE(DEVICE_QUEUES_PROGRAMMED) | IN_STATE(DEVICE_DRIVER_OK))

static bool width_holds(uint8_t width, uint32_t value)
{
    return width == 4 || value >> (8u * width) == 0;
}

static bool address_row_ok(const struct reg_row *row)
{
    if (row->width != 4 || row->direction != REG_WRITE || row->count != 1 || row->write_mask != 0)
        return false;
    if (row->part > RING_DEVICE_AREA || row->half > 1 || row->shift > RING_SHIFT_MAX)
        return false;
    /* Only the ring's start is page-aligned: other parts would lose bits in a shift. */
    return row->shift == 0 || row->part == RING_WHOLE || row->part == RING_DESCRIPTORS;
}

static bool kind_ok(const struct reg_table *table, const struct reg_row *row, uint32_t index)
{
    bool plain = row->kind == REG_PLAIN;

    if (!plain && (row->selects_queue || row->enables_queue || row->sizes_queue || row->moves_with_msix ||
                   row->with_msix_only))
        return false;
    switch (row->kind) {
    case REG_PLAIN:
        return (!(row->selects_queue || row->enables_queue) ||
                (row->direction == REG_WRITE && row->count == 1)) &&
               (!row->sizes_queue || (row->direction == REG_READ && row->count == 1));
    case REG_ADDRESS:
        return address_row_ok(row);
    case REG_BELL:
        return row->direction == REG_WRITE && row->count == 1 && row->width >= 2;
    case REG_QUIESCE:
        return index == table->quiesce_row && row->direction == REG_READ_WRITE && row->count == 1 &&
               width_holds(row->width, table->quiesce_write) && width_holds(row->width, table->quiesce_until);
    case REG_CONFIRM:
        return row->direction == REG_READ && row->count == 1 && width_holds(row->width, table->quiesce_until);
    default:
        return false;
    }
}

static bool row_ok(const struct reg_table *table, uint32_t index)
{
    const struct reg_row *row = &table->rows[index];
    uint32_t states = (uint32_t)row->read_states | row->write_states;

    if (row->section >= table->section_count || row->kind > REG_CONFIRM)
        return false;
    if (row->width != 1 && row->width != 2 && row->width != 4)
        return false;
    if (row->direction < REG_READ || row->direction > REG_READ_WRITE || row->offset % row->width != 0)
        return false;
    if (row->count == 0 ||
        (uint32_t)row->offset + (uint32_t)row->count * row->width + MSIX_MOVE_BYTES > 0x10000u)
        return false;
    if (!width_holds(row->width, row->write_mask) || (states & ~IN_CLAIMED_STATES) != 0)
        return false;
    if (row->moves_with_msix > 1 || row->selects_queue > 1 || row->enables_queue > 1 ||
        row->sizes_queue > 1 || row->with_msix_only > 1)
        return false;
    return kind_ok(table, row, index);
}

static bool steps_ok(const struct reg_table *table)
{
    for (uint32_t i = 0; i < table->step_count; i++) {
        const struct reg_step *step = &table->steps[i];

        if (step->row >= table->row_count || step->to >= DEVICE_STATE_COUNT)
            return false;
        if (step->from_states == 0 || (step->from_states & ~STEP_FROM) != 0 ||
            (IN_STATE(step->to) & STEP_TO) == 0)
            return false;
        if ((step->bits & ~step->mask) != 0)
            return false;
    }
    return true;
}

/* Rows of each kind that may occur at most once, or must. */
struct row_counts {
    uint32_t quiesce, confirm, bells, selects, enables, sizes, addresses;
};

static struct row_counts count_rows(const struct reg_table *table)
{
    struct row_counts n = {0};

    for (uint32_t i = 0; i < table->row_count; i++) {
        const struct reg_row *row = &table->rows[i];

        n.quiesce += row->kind == REG_QUIESCE;
        n.confirm += row->kind == REG_CONFIRM;
        n.bells += row->kind == REG_BELL;
        n.addresses += row->kind == REG_ADDRESS;
        n.selects += row->selects_queue;
        n.enables += row->enables_queue;
        n.sizes += row->sizes_queue;
    }
    return n;
}

static bool row_counts_ok(const struct reg_table *table)
{
    const struct row_counts n = count_rows(table);

    if (n.quiesce != 1 || n.confirm > 1 || n.bells > 1 || n.selects > 1 || n.enables > 1 || n.sizes > 1)
        return false;
    if (n.addresses == 0)
        return n.enables == 0 && table->ring_format == RING_SPLIT;
    if (table->ring_format == RING_PAIR) /* queue 0 alone has registers, and its size is what we write */
        return n.addresses == PAIR_ADDRESS_ROWS && n.bells == 1 && n.selects == 0 && n.sizes == 0 &&
               n.enables == 1 && n.confirm == 1 && table->queue_programs == 0;
    /* Rings need a bell, a way to name the queue, the device's idea of its size, and one way to start it. */
    return n.bells == 1 && n.selects == 1 && n.sizes == 1 &&
           (table->queue_programs ? n.enables == 0 : n.enables == 1);
}

/* What a reset is, and when it may begin. */
static bool quiesce_ok(const struct reg_table *table)
{
    const bool confirm = count_rows(table).confirm != 0;
    const uint32_t mask = table->quiesce_mask != 0 ? table->quiesce_mask : UINT32_MAX;

    if (table->quiesce_polls_max == 0 || table->quiesce_polls_max > REG_QUIESCE_POLLS_MAX)
        return false;
    if ((table->quiesce_until & ~mask) != 0 || (table->running_mask != 0) != (table->settled_mask != 0))
        return false;
    if (table->running_mask == 0)
        return table->ring_format == RING_SPLIT;
    /* The written values are those of a device that runs, and of one that does not. */
    return confirm && table->start_write != 0 && (table->start_write & table->running_mask) != 0 &&
           (table->quiesce_write & table->running_mask) == 0;
}

bool regtable_check(const struct reg_table *table)
{
    if (table == NULL || table->row_count > REG_ROWS_MAX || table->step_count > REG_STEPS_MAX ||
        table->section_count > REG_SECTIONS_MAX || table->ports > 1 || table->queue_programs > 1)
        return false;
    if (table->section_count ==
        0) /* the empty window of a function whose only memory BAR is the MSI-X table */
        return table->row_count == 0 && table->step_count == 0;
    if (table->rows == NULL || table->row_count == 0 || (table->steps == NULL && table->step_count != 0))
        return false;
    if ((table->ring_align != 4 && table->ring_align != 4096) || table->ring_format > RING_PAIR)
        return false;
    if (table->reserved[0] != 0 || table->reserved[1] != 0 || table->reserved[2] != 0)
        return false;
    for (uint32_t i = 0; i < table->row_count; i++) {
        if (!row_ok(table, i))
            return false;
    }
    return steps_ok(table) && row_counts_ok(table) && quiesce_ok(table);
}
