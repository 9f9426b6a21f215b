/* SPDX-License-Identifier: BSD-2-Clause */
/* The sample package. Trusts its callers, who are tests. */
#include "tests/support/package_build.h"

#include <string.h>

#include "abi/assert.h"
#include "kernel/core/digest.h"
#include "provider/tables.h"

static const char *const program_names[] = {"init", "shell", "nicd"};

static const struct package_service services[BUILT_SERVICES] = {
    [BUILT_SHELL] =
        {.name = "shell", .program = 1, .grant_count = 5, .restart = RESTART_ALWAYS, .restart_budget = 2},
    [BUILT_INIT] = {.name = "init", .program = 0, .grant_count = 4, .pages = 8},
    [BUILT_NICD] = {.name = "nicd",
                    .program = 2,
                    .grant_count = 4,
                    .restart = RESTART_ALWAYS,
                    .restart_budget = 16,
                    .pages = PACKAGE_PAGES_MAX},
};
static const char *const texts[BUILT_SERVICES] = {"prompt=capos", "", "table=0 poll=64"};

static const struct package_grant grants[BUILT_GRANTS] = {
    [BUILT_SHELL_CONSOLE] = {.name = "console", .kind = GRANT_KERNEL, .interface = CAP_IF_SERIAL, .port = 1},
    [BUILT_SHELL_NIC] = {.name = "net",
                         .kind = GRANT_SERVED,
                         .interface = CAP_IF_NIC,
                         .service = BUILT_NICD,
                         .served = "nic"},
    [BUILT_SHELL_SUPERVISOR] = {.name = "boss",
                                .kind = GRANT_SERVED,
                                .interface = CAP_IF_SUPERVISOR,
                                .service = BUILT_INIT,
                                .served = "supervisor"},
    [BUILT_SHELL_SINK] = {.name = "sink", .kind = GRANT_EVIDENCE, .interface = CAP_IF_EVIDENCE, .markers = 2},
    [BUILT_SHELL_SERVES] = {.name = "supervisor", .kind = GRANT_SERVES, .interface = CAP_IF_SUPERVISOR},
    [BUILT_INIT_SPAWNER] = {.name = "spawner", .kind = GRANT_KERNEL, .interface = CAP_IF_SPAWNER},
    [BUILT_INIT_CONSOLE] = {.name = "console", .kind = GRANT_KERNEL, .interface = CAP_IF_SERIAL, .port = 1},
    [BUILT_INIT_SINK] = {.name = "sink", .kind = GRANT_EVIDENCE, .interface = CAP_IF_EVIDENCE, .markers = 6},
    [BUILT_INIT_SUPERVISOR] = {.name = "supervisor", .kind = GRANT_SERVES, .interface = CAP_IF_SUPERVISOR},
    [BUILT_NICD_FUNCTION] = {.name = "function",
                             .kind = GRANT_DEVICE,
                             .interface = CAP_IF_FUNCTION,
                             .vendor = 0x1af4,
                             .device_id = PACKAGE_ANY,
                             .device_class = 0x0200},
    [BUILT_NICD_NIC] = {.name = "nic", .kind = GRANT_SERVES, .interface = CAP_IF_NIC},
    [BUILT_NICD_SECOND] = {.name = "second",
                           .kind = GRANT_DEVICE,
                           .interface = CAP_IF_FUNCTION,
                           .vendor = 0x1af4,
                           .device_id = PACKAGE_ANY,
                           .device_class = 0x0200,
                           .number = 1},
    [BUILT_NICD_SUPERVISOR] = {.name = "boss",
                               .kind = GRANT_SERVED,
                               .interface = CAP_IF_SUPERVISOR,
                               .service = BUILT_INIT,
                               .served = "supervisor"},
};

static struct package_extent put(struct built *b, const void *part, size_t bytes)
{
    const size_t at = (b->n + 7u) & ~(size_t)7u;

    ASSERT(at + bytes <= sizeof b->bytes);
    if (bytes > 0)
        memcpy(b->bytes + at, part, bytes);
    b->n = at + bytes;
    return (struct package_extent){(uint32_t)at, (uint32_t)bytes};
}

static void put_table(struct built *b, struct package_table *out, const char *name, const struct reg_table *t)
{
    const struct package_table_head head = {
        t->row_count,         t->step_count,     t->section_count, t->ports,
        t->quiesce_row,       t->queue_programs, t->quiesce_write, t->quiesce_until,
        t->quiesce_polls_max, t->ring_align,     t->ring_format,   {0},
        t->quiesce_mask,      t->start_write,    t->running_mask,  t->settled_mask};

    strcpy(out->name, name);
    out->head = put(b, &head, sizeof head);
    out->rows = put(b, t->rows, t->row_count * sizeof *t->rows);
    out->steps = put(b, t->steps, t->step_count * sizeof *t->steps);
}

void built_sample(struct built *b)
{
    struct package_program programs[3] = {0};
    struct package_service with_text[BUILT_SERVICES];
    struct package_table tables[2] = {0};
    struct package_header h = {.magic = PACKAGE_MAGIC,
                               .version = PACKAGE_VERSION,
                               .programs = 3,
                               .services = BUILT_SERVICES,
                               .grants = BUILT_GRANTS,
                               .tables = 2,
                               .init = 0};
    uint16_t first = 0;

    memset(b, 0, sizeof *b);
    b->n = sizeof h;
    for (uint32_t i = 0; i < 3; i++) {
        strcpy(programs[i].name, program_names[i]);
        programs[i].file = put(b, program_names[i], strlen(program_names[i]));
    }
    memcpy(with_text, services, sizeof services);
    for (uint32_t i = 0; i < BUILT_SERVICES; i++) {
        with_text[i].first_grant = first;
        with_text[i].text = put(b, texts[i], strlen(texts[i]));
        first = (uint16_t)(first + services[i].grant_count);
    }
    put_table(b, &tables[0], "legacy", &virtio_net_legacy_table);
    put_table(b, &tables[1], "modern", &virtio_net_modern_table);
    h.program_list = put(b, programs, sizeof programs);
    h.service_list = put(b, with_text, sizeof with_text);
    h.grant_list = put(b, grants, sizeof grants);
    h.table_list = put(b, tables, sizeof tables);
    h.bytes = (uint32_t)b->n;
    memcpy(b->bytes, &h, sizeof h);
    built_hash(b->bytes, b->n);
}

struct package_header *built_header(struct built *b)
{
    return (void *)b->bytes;
}

void *built_part(struct built *b, struct package_extent extent)
{
    return b->bytes + extent.offset;
}

struct package_program *built_program(struct built *b, uint32_t at)
{
    return (struct package_program *)built_part(b, built_header(b)->program_list) + at;
}

struct package_service *built_service(struct built *b, uint32_t at)
{
    return (struct package_service *)built_part(b, built_header(b)->service_list) + at;
}

struct package_grant *built_grant(struct built *b, uint32_t at)
{
    return (struct package_grant *)built_part(b, built_header(b)->grant_list) + at;
}

struct package_table *built_table(struct built *b, uint32_t at)
{
    return (struct package_table *)built_part(b, built_header(b)->table_list) + at;
}

static void hash(const uint8_t *bytes, size_t n, uint8_t out[DIGEST_BYTES])
{
    struct digest_sha256 digest;

    digest_sha256_init(&digest);
    digest_sha256_update(&digest, bytes, n);
    digest_sha256_final(&digest, out);
}

static void hash_program(uint8_t *bytes, size_t n, uint64_t at)
{
    struct package_program program;

    if (at > n || n - at < sizeof program)
        return;
    memcpy(&program, bytes + at, sizeof program);
    if (program.file.offset > n || program.file.bytes > n - program.file.offset)
        return;
    hash(bytes + program.file.offset, program.file.bytes, program.hash);
    memcpy(bytes + at, &program, sizeof program);
}

void built_hash_whole(uint8_t *bytes, size_t n)
{
    uint8_t whole[DIGEST_BYTES];

    if (n < sizeof(struct package_header))
        return;
    memset(bytes + offsetof(struct package_header, hash), 0, DIGEST_BYTES);
    hash(bytes, n, whole);
    memcpy(bytes + offsetof(struct package_header, hash), whole, DIGEST_BYTES);
}

void built_hash(uint8_t *bytes, size_t n)
{
    struct package_header h;

    if (n < sizeof h)
        return;
    memcpy(&h, bytes, sizeof h);
    for (uint64_t i = 0; i < h.programs && i < PACKAGE_PROGRAMS_MAX; i++)
        hash_program(bytes, n, h.program_list.offset + i * sizeof(struct package_program));
    built_hash_whole(bytes, n);
}
