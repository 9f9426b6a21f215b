/* SPDX-License-Identifier: BSD-2-Clause */
/* Opening registers: a checked table bound to checked windows of one claimed function. */
#include "kernel/core/regtable.h"
#include "kernel/device/device.h"

static uint16_t free_record(const struct kernel *k)
{
    for (uint16_t i = 0; i < REGISTERS_MAX; i++) {
        if (!k->devices.registers[i].used)
            return i;
    }
    return NO_RECORD;
}

/* Finds the rows that the interpreter asks for by role. */
static void note_roles(struct register_grant *r)
{
    r->bell_row = NO_RECORD;
    r->size_row = NO_RECORD;
    r->confirm_row = r->table->quiesce_row;
    r->address_rows = 0;
    for (uint16_t i = 0; i < r->table->row_count; i++) {
        const struct reg_row *row = &r->table->rows[i];

        if (row->kind == REG_BELL)
            r->bell_row = i;
        if (row->sizes_queue)
            r->size_row = i;
        if (row->kind == REG_CONFIRM)
            r->confirm_row = i;
        if (row->kind == REG_ADDRESS)
            r->address_rows |= 1ull << i;
    }
}

/* The claim's own copy of how the device is stopped: driver and table may be gone by then. */
static void note_quiesce(struct claim *claim, const struct register_grant *r)
{
    const struct reg_table *table = r->table;
    const struct reg_row *row = &table->rows[table->quiesce_row];
    const struct reg_row *confirm = &table->rows[r->confirm_row];

    claim->quiesce = (struct quiesce){
        .address = r->address[row->section] + row->offset,
        .confirm = r->address[confirm->section] + confirm->offset,
        .write = table->quiesce_write,
        .until = table->quiesce_until,
        .mask = table->quiesce_mask != 0 ? table->quiesce_mask : UINT32_MAX,
        .running = table->running_mask,
        .settled = table->settled_mask,
        .polls_max = table->quiesce_polls_max,
        .width = row->width,
        .confirm_width = confirm->width,
        .ports = table->ports,
        .known = 1,
        .wrote = claim->quiesce.wrote,
    };
}

/* What stops the device, and says that it stopped, must be reachable, or nobody could ever stop it. */
static bool quiesce_inside(const struct reg_table *table, const struct reg_window *windows)
{
    for (uint32_t i = 0; i < table->row_count; i++) {
        const struct reg_row *row = &table->rows[i];

        if ((row->kind == REG_QUIESCE || row->kind == REG_CONFIRM) &&
            (uint32_t)row->offset + row->width > windows[row->section].length)
            return false;
    }
    return true;
}

static enum device_error decide(const struct kernel *k, const struct claim *claim,
                                const struct reg_table *table, const struct reg_window *windows)
{
    const struct function *f = &k->devices.functions[claim->function];

    if (!regtable_check(table))
        return DEV_E_TABLE;
    /* The quiesce row is asserted by the check; one driven table a claim, because one reset ends it. */
    if (table->section_count != 0 &&
        (table->quiesce_row >= table->row_count || claim->registers != NO_RECORD))
        return table->quiesce_row >= table->row_count ? DEV_E_TABLE : DEV_E_STATE;
    if (table->section_count != 0 && windows == NULL)
        return DEV_E_WINDOW;
    if (!windows_check(f, table, windows))
        return DEV_E_WINDOW;
    if (table->section_count != 0 && !quiesce_inside(table, windows))
        return DEV_E_WINDOW;
    return DEV_OK;
}

static enum cap_exception room(const struct kernel *k, const struct owner *o)
{
    if (!charge_covered(o, BUDGET_REGISTERS, 1))
        return CAP_EX_BUDGET;
    if (free_record(k) == NO_RECORD)
        return CAP_EX_EXHAUSTED;
    return core_grant_check(&k->core, o);
}

struct device_reply registers_open(struct kernel *k, struct owner *o, cap_id device,
                                   const struct reg_table *table, const struct reg_window *windows)
{
    const struct found found = find(k, o, device, CAP_IF_DEVICE);
    struct reg_window copy[REG_SECTIONS_MAX] = {0};
    struct claim *claim;
    struct register_grant *r;

    if (found.exception != CAP_EX_NONE)
        return reply_exception(found.exception);
    claim = &k->devices.claims[found.record];
    if (table != NULL && windows != NULL &&
        table->section_count <= REG_SECTIONS_MAX) /* read once, then checked */
        memcpy(copy, windows, table->section_count * sizeof copy[0]);
    const enum device_error error = decide(k, claim, table, windows == NULL ? NULL : copy);
    if (error != DEV_OK)
        return reply_error(error);
    const enum cap_exception exception = room(k, o);
    if (exception != CAP_EX_NONE)
        return reply_exception(exception);

    const uint16_t record = free_record(k);
    const struct function *f = &k->devices.functions[claim->function];
    r = &k->devices.registers[record];
    r->used = 1;
    r->table = table;
    r->claim = found.record;
    r->selected = table->ring_format == RING_PAIR ? NVME_ADMIN_QUEUE : NO_QUEUE;
    memcpy(r->windows, copy, sizeof copy);
    for (uint32_t i = 0; i < REG_SECTIONS_MAX; i++)
        r->address[i] = copy[i].length != 0 ? f->bar_address[copy[i].bar] + copy[i].offset : 0;
    note_roles(r);
    if (table->section_count != 0) {
        claim->registers = record;
        note_quiesce(claim, r);
    }
    charge_take(o, BUDGET_REGISTERS, 1, &r->charge);
    return reply_cap(core_grant(&k->core, o, table->ports ? CAP_IF_DEVICE_PORTS : CAP_IF_DEVICE_MMIO, record,
                                claim->object.index, f->info.bdf, &r->object));
}

void registers_free(struct kernel *k, struct register_grant *r)
{
    struct claim *claim = &k->devices.claims[r->claim];

    ASSERT(r->used);
    if (claim->registers != NO_RECORD && &k->devices.registers[claim->registers] == r)
        claim->registers = NO_RECORD;
    charge_refund(k, &r->charge);
    r->used = 0;
}
