/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit log when nobody reads it, when somebody does again, and when its reader is killed wherever it is:
 * a full log blocks grants and nothing else (blocker.c looks), and at the port every record stands once, from
 * the first to the last that the kernel made. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/booted.h"

#define TEXT_BYTES (2u << 20)
#define GRANTS_MIN 256u /* before the log is full */
#define KILLS_MIN  20u /* of a reader that holds records */

static struct {
    struct booted b;
    uint32_t kills;
    uint64_t carried; /* records that had left the log at the last kill */
    size_t said_bytes, log_bytes;
    char said[1u << 16], log[TEXT_BYTES];
} t;

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx;
    if (port == CONSOLE_MAIN)
        booted_keep(t.said, sizeof t.said, &t.said_bytes, text, bytes);
    else if (port == CONSOLE_AUDIT)
        booted_keep(t.log, sizeof t.log, &t.log_bytes, text, bytes);
}

static uint16_t bdf_of(const char *text)
{
    unsigned bus, device, function;

    if (strcmp(text, "none") == 0)
        return AUDIT_BDF_NONE;
    cr_assert_eq(sscanf(text, "%x:%x.%x", &bus, &device, &function), 3, "%s", text);
    return (uint16_t)(bus << 8 | device << 3 | function);
}

static struct audit_record record_of(const char *line)
{
    struct audit_record r = {0};
    char bdf[16], chain[2 * DIGEST_BYTES + 1];
    unsigned owner, kind, interface, result;
    unsigned long seq;

    cr_assert_eq(
        sscanf(line,
               "audit: seq=%lu owner=%u kind=%u interface=%u handle=%u.%u bdf=%15s result=%u chain=%64s",
               &seq, &owner, &kind, &interface, &r.handle.index, &r.handle.generation, bdf, &result, chain),
        9, "%.200s", line);
    r.seq = seq;
    r.owner = (uint16_t)owner;
    r.kind = (uint8_t)kind;
    r.object_kind = (uint8_t)interface;
    r.result = (uint8_t)result;
    r.bdf = bdf_of(bdf);
    for (size_t i = 0; i < DIGEST_BYTES; i++) {
        unsigned byte;

        cr_assert_eq(sscanf(chain + 2 * i, "%2x", &byte), 1);
        r.chain[i] = (uint8_t)byte;
    }
    return r;
}

/* How many lines the log has; the chain is whole from the first record on, and `last` is its end. */
static uint64_t whole(uint8_t last[DIGEST_BYTES])
{
    uint64_t seq = 0;

    memset(last, 0, DIGEST_BYTES);
    for (const char *line = t.log; *line != 0; line = strchr(line, '\n') + 1) {
        const struct audit_record r = record_of(line);

        cr_assert_eq(r.seq, ++seq);
        cr_assert(audit_follows(last, &r), "the chain breaks at record %lu", (unsigned long)seq);
        memcpy(last, r.chain, DIGEST_BYTES);
        cr_assert_not_null(strchr(line, '\n'));
    }
    return seq;
}

/* Another program is about to run. A reader that was given records and has not run since is killed, if one
 * carried some since the last kill. */
static void between(uint16_t space)
{
    struct system *s = &t.b.k->userland.system;
    const struct audit *log = &t.b.k->kernel.core.audit;
    const uint64_t left = audit_count(log) - audit_waiting(log);

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        const struct process *p = &s->processes[i];

        if (i == space || !process_live(s, i) || strcmp(p->name, "auditd") != 0)
            continue;
        if (p->state != PROCESS_READY || left == t.carried)
            return;
        t.carried = left;
        t.kills++;
        process_end(s, i, PROCESS_KILLED, 0);
        return;
    }
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    between(space);
    t.b.inner.ops->run(ctx, space, result, out);
}

static uint64_t number_behind(const char *words)
{
    const char *at = strstr(t.said, words);
    unsigned long number = 0;

    cr_assert_not_null(at, "%s", t.said);
    cr_assert_eq(sscanf(at + strlen(words), "%lu", &number), 1);
    return number;
}

Test(audit, a_log_without_a_reader_blocks_grants_and_a_reader_finds_every_record)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);
    uint8_t last[DIGEST_BYTES];

    memset(&t, 0, sizeof t);
    config.nics[0].backend = SIM_BACKEND_LOOP;
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.console = console;
    booted_open(&t.b, &config, AUDIT_PACKAGE);
    const char *failed = booted_run(&t.b, false, run);
    cr_assert_null(failed, "%s", failed);
    cr_assert_not_null(strstr(t.said, "blocker: done"), "%s", t.said);
    cr_expect_geq(t.kills, KILLS_MIN, "%u", t.kills);
    cr_expect_gt(number_behind("blocker: refused after grants: "), GRANTS_MIN);
    const uint64_t carried = whole(last); /* by auditd alone */
    cr_expect_geq(carried, number_behind("blocker: granted again, records so far: "));
    cr_expect_lt(carried, kernel_audit_count(&t.b.k->kernel));

    calls_audit_rest(&t.b.k->kernel, &t.b.world.platform);
    cr_expect_eq(whole(last), kernel_audit_count(&t.b.k->kernel));
    cr_expect_eq(memcmp(last, kernel_audit_head(&t.b.k->kernel), sizeof last), 0);
    cr_expect_gt(kernel_audit_count(&t.b.k->kernel), 2 * AUDIT_RECORDS_MAX);
    booted_close(&t.b);
}
