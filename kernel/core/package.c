/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot package's parts: every offset, count, name and reference, before anything follows it. Trusts
 * nothing in the bytes but that they stay as they are. */
#include "kernel/core/package.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "kernel/core/package_parts.h"
#include "kernel/core/regtable.h"

static enum package_error refuse(struct package_place *at, enum package_list list, uint32_t entry,
                                 enum package_error error)
{
    at->list = (uint8_t)list;
    at->entry = (uint16_t)entry;
    return error;
}

bool package_extent_ok(const struct package *p, struct package_extent e, uint32_t bytes_min)
{
    return e.bytes >= bytes_min && e.offset % 8u == 0 && e.offset >= sizeof(struct package_header) &&
           e.offset <= p->header->bytes && e.bytes <= p->header->bytes - e.offset;
}

static const void *part(const struct package *p, struct package_extent e)
{
    return p->bytes + e.offset;
}

/* A list of `count` entries; empty ones may lie anywhere. */
static bool list_ok(const struct package *p, struct package_extent e, uint32_t count, uint32_t entry_bytes)
{
    return e.bytes == count * entry_bytes && package_extent_ok(p, e, 0);
}

bool package_name_ok(const char *name)
{
    uint32_t n = 0;

    while (n < PACKAGE_NAME_BYTES && name[n] != 0) {
        const char c = name[n++];

        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    for (uint32_t i = n; i < PACKAGE_NAME_BYTES; i++) {
        if (name[i] != 0)
            return false;
    }
    return n > 0 && n < PACKAGE_NAME_BYTES;
}

bool package_name_same(const char *a, const char *b)
{
    return memcmp(a, b, PACKAGE_NAME_BYTES) == 0;
}

enum package_error package_check_header(const uint8_t *bytes, size_t n, struct package *p,
                                        struct package_place *at)
{
    const struct package_header *h;

    ASSERT((uintptr_t)bytes % 8u == 0);
    memset(p, 0, sizeof *p);
    *at = (struct package_place){PACKAGE_HEADER, 0};
    if (bytes == NULL || n < sizeof *h || n > PACKAGE_BYTES_MAX)
        return PACKAGE_E_SIZE;
    p->bytes = bytes;
    p->header = h = (const void *)bytes;
    if (h->magic != PACKAGE_MAGIC)
        return PACKAGE_E_MAGIC;
    if (h->version != PACKAGE_VERSION)
        return PACKAGE_E_VERSION;
    return h->bytes == n ? PACKAGE_OK : PACKAGE_E_SIZE;
}

static enum package_error check_lists(struct package *p)
{
    const struct package_header *h = p->header;

    if (h->programs == 0 || h->programs > PACKAGE_PROGRAMS_MAX || h->services == 0 ||
        h->services > PACKAGE_SERVICES_MAX || h->grants > PACKAGE_GRANTS_MAX ||
        h->tables > PACKAGE_TABLES_MAX)
        return PACKAGE_E_COUNT;
    if (!list_ok(p, h->program_list, h->programs, sizeof *p->programs) ||
        !list_ok(p, h->service_list, h->services, sizeof *p->services) ||
        !list_ok(p, h->grant_list, h->grants, sizeof *p->grants) ||
        !list_ok(p, h->table_list, h->tables, sizeof *p->tables))
        return PACKAGE_E_EXTENT;
    p->programs = part(p, h->program_list);
    p->services = part(p, h->service_list);
    p->grants = part(p, h->grant_list);
    p->tables = part(p, h->table_list);
    return PACKAGE_OK;
}

static enum package_error check_programs(const struct package *p, struct package_place *at)
{
    for (uint32_t i = 0; i < p->header->programs; i++) {
        if (!package_name_ok(p->programs[i].name))
            return refuse(at, PACKAGE_PROGRAMS, i, PACKAGE_E_NAME);
        for (uint32_t k = 0; k < i; k++) {
            if (package_name_same(p->programs[i].name, p->programs[k].name))
                return refuse(at, PACKAGE_PROGRAMS, i, PACKAGE_E_NAME);
        }
        if (!package_extent_ok(p, p->programs[i].file, 1))
            return refuse(at, PACKAGE_PROGRAMS, i, PACKAGE_E_EXTENT);
    }
    return PACKAGE_OK;
}

static bool table_ok(const struct package *p, const struct package_table *t)
{
    struct package_table_head head;

    memcpy(&head, part(p, t->head), sizeof head);
    if (head.row_count > REG_ROWS_MAX || head.step_count > REG_STEPS_MAX ||
        t->rows.bytes != head.row_count * sizeof(struct reg_row) ||
        t->steps.bytes != head.step_count * sizeof(struct reg_step))
        return false;
    const struct reg_table table = package_table_over(&head, part(p, t->rows), part(p, t->steps));

    return regtable_check(&table);
}

static enum package_error check_tables(const struct package *p, struct package_place *at)
{
    for (uint32_t i = 0; i < p->header->tables; i++) {
        const struct package_table *t = &p->tables[i];

        if (!package_name_ok(t->name))
            return refuse(at, PACKAGE_TABLES, i, PACKAGE_E_NAME);
        for (uint32_t k = 0; k < i; k++) {
            if (package_name_same(t->name, p->tables[k].name))
                return refuse(at, PACKAGE_TABLES, i, PACKAGE_E_NAME);
        }
        if (!package_extent_ok(p, t->head, sizeof(struct package_table_head)) ||
            !package_extent_ok(p, t->rows, 0) || !package_extent_ok(p, t->steps, 0) ||
            t->head.bytes != sizeof(struct package_table_head))
            return refuse(at, PACKAGE_TABLES, i, PACKAGE_E_EXTENT);
        if (!table_ok(p, t))
            return refuse(at, PACKAGE_TABLES, i, PACKAGE_E_TABLE);
    }
    return PACKAGE_OK;
}

enum package_error package_check_rest(struct package *p, struct package_place *at)
{
    enum package_error error = check_lists(p);

    if (error == PACKAGE_OK)
        error = check_programs(p, at);
    if (error == PACKAGE_OK)
        error = package_check_services(p, at);
    return error == PACKAGE_OK ? check_tables(p, at) : error;
}

enum package_error package_check_parts(const uint8_t *bytes, size_t n, struct package *out,
                                       struct package_place *at)
{
    struct package_place nowhere;
    struct package_place *place = at ? at : &nowhere;
    const enum package_error error = package_check_header(bytes, n, out, place);

    return error == PACKAGE_OK ? package_check_rest(out, place) : error;
}

const uint8_t *package_file(const struct package *p, uint32_t program, uint32_t *bytes)
{
    ASSERT(program < p->header->programs);
    *bytes = p->programs[program].file.bytes;
    return part(p, p->programs[program].file);
}

const char *package_text(const struct package *p, uint32_t service, uint32_t *bytes)
{
    ASSERT(service < p->header->services);
    *bytes = p->services[service].text.bytes;
    return part(p, p->services[service].text);
}

struct reg_table package_table_over(const struct package_table_head *head, const struct reg_row *rows,
                                    const struct reg_step *steps)
{
    return (struct reg_table){.rows = rows,
                              .steps = steps,
                              .row_count = head->row_count,
                              .step_count = head->step_count,
                              .section_count = head->section_count,
                              .ports = head->ports,
                              .quiesce_row = head->quiesce_row,
                              .queue_programs = head->queue_programs,
                              .quiesce_write = head->quiesce_write,
                              .quiesce_until = head->quiesce_until,
                              .quiesce_polls_max = head->quiesce_polls_max,
                              .ring_align = head->ring_align,
                              .ring_format = head->ring_format,
                              .reserved = {head->reserved[0], head->reserved[1], head->reserved[2]},
                              .quiesce_mask = head->quiesce_mask,
                              .start_write = head->start_write,
                              .running_mask = head->running_mask,
                              .settled_mask = head->settled_mask};
}

void package_table(const struct package *p, uint32_t table, struct package_table_copy *out)
{
    const struct package_table *t;
    struct package_table_head head;

    ASSERT(table < p->header->tables);
    t = &p->tables[table];
    memcpy(&head, part(p, t->head), sizeof head);
    memcpy(out->rows, part(p, t->rows), t->rows.bytes);
    memcpy(out->steps, part(p, t->steps), t->steps.bytes);
    memcpy(out->name, t->name, sizeof out->name);
    out->table = package_table_over(&head, out->rows, out->steps);
    out->table.name = out->name;
}

const struct package_grant *package_grant(const struct package *p, uint32_t service, uint32_t number)
{
    ASSERT(service < p->header->services);
    ASSERT(number < p->services[service].grant_count);
    return &p->grants[p->services[service].first_grant + number];
}

static bool zeros(const uint8_t *at, size_t bytes)
{
    while (bytes > 0 && at[bytes - 1u] == 0)
        bytes--;
    return bytes == 0;
}

const uint8_t *package_provider(const struct package *p, const uint8_t *file)
{
    for (uint32_t i = 0; p != NULL && i < p->header->programs; i++) {
        const struct package_program *program = &p->programs[i];

        if (part(p, program->file) == file && !zeros(program->provider, sizeof program->provider))
            return program->provider;
    }
    return NULL;
}

const char *package_error_name(enum package_error error)
{
    static const char *const names[PACKAGE_ERROR_COUNT] = {"ok",       "size",  "magic", "version", "hash",
                                                           "extent",   "count", "name",  "program", "field",
                                                           "dangling", "cycle", "claim", "table"};

    ASSERT(error < PACKAGE_ERROR_COUNT);
    return names[error];
}

const char *package_list_name(enum package_list list)
{
    static const char *const names[] = {"header", "program", "service", "grant", "table"};

    ASSERT(list <= PACKAGE_TABLES);
    return names[list];
}
