/* SPDX-License-Identifier: BSD-2-Clause */
/* auditd: carries the audit log to its serial port, a line a record (evidence/audit_line.h). The lines of a
 * batch go out in the same entry of the kernel in which the log is told that they are out: wherever this
 * process ends, each record is either on the port or still in the log. */
#include "abi/memory.h"
#include "evidence/audit_line.h"
#include "user/rt/rt.h"

#define WRITE_BYTES 4096u /* that a port takes at once */
#define BATCH       (WRITE_BYTES / AUDIT_LINE_BYTES)
#define USER_WRITE  1u

enum auditd_exit { AUDITD_EXIT_GRANT = 1, AUDITD_EXIT_MEMORY, AUDITD_EXIT_LOG };

struct auditd {
    struct rt *rt;
    cap_id log, port;
    struct rt_memory records, lines;
    uint32_t bytes; /* of lines that are to go out */
    uint64_t last; /* record that they end with */
};

/* What was taken over goes out and leaves the log, and more is taken over; waits for it. False: the port or
 * the log is gone. */
static bool carry(struct auditd *a, uint64_t *count)
{
    const struct ring_extra lines = ring_range(a->lines.cap, 0, a->bytes);
    const struct ring_extra records = ring_range(a->records.cap, 0, BATCH * sizeof(struct audit_line));
    const struct ring_submission write = ring_make_call(a->port, SERIAL_WRITE, NULL, &lines);
    struct ring_completion written = {.value = 0};

    if (a->bytes != 0 && !ring_submit(&a->rt->ring, USER_WRITE, &write))
        return false;
    const struct ring_completion taken =
        ring_call(&a->rt->ring, a->log, AUDIT_DRAIN, RING_ARGS(a->last), &records);
    if (a->bytes != 0 && !ring_wait(&a->rt->ring, 0, &written))
        return false;
    *count = taken.value;
    return ring_completed(&written) && written.value == a->bytes && ring_completed(&taken) &&
           taken.value <= BATCH;
}

static void take_over(struct auditd *a, uint64_t count)
{
    struct text t = text_over((char *)a->lines.at, WRITE_BYTES);

    for (uint64_t i = 0; i < count; i++) {
        struct audit_line record;

        memcpy(&record, a->records.at + i * sizeof record, sizeof record);
        audit_line_text(&t, &record);
        a->last = record.seq;
    }
    a->bytes = (uint32_t)t.used;
}

uint32_t program_main(struct rt *rt)
{
    struct auditd a = {.rt = rt, .log = rt_grant(rt, "audit", CAP_IF_AUDIT), .port = rt->console};
    uint64_t count;

    if (cap_is_none(a.log) || cap_is_none(a.port))
        return AUDITD_EXIT_GRANT;
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &a.records) || !rt_memory_make(rt, WRITE_BYTES, &a.lines))
        return AUDITD_EXIT_MEMORY;
    while (carry(&a, &count))
        take_over(&a, count);
    return AUDITD_EXIT_LOG;
}
