/* SPDX-License-Identifier: BSD-2-Clause */
/* auditd: carries the audit log to its serial port, a line a record:
 *     audit: seq=N owner=N kind=N interface=N handle=INDEX.GENERATION bdf=BB:DD.F result=N chain=<64 hex>
 * The numbers are the kernel's; the chain lets a reader check that no record is missing or changed. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define LINE_BYTES 192u
#define BDF_NONE   0xffffu

enum auditd_exit { AUDITD_EXIT_GRANT = 1, AUDITD_EXIT_MEMORY, AUDITD_EXIT_LOG };

static void number(struct text *t, const char *key, uint64_t value)
{
    text_string(t, key);
    text_u64(t, value);
}

static bool put(struct rt *rt, const struct audit_line *record)
{
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line);

    number(&t, "audit: seq=", record->seq);
    number(&t, " owner=", record->owner);
    number(&t, " kind=", record->kind);
    number(&t, " interface=", record->interface);
    number(&t, " handle=", record->handle.index);
    number(&t, ".", record->handle.generation);
    text_string(&t, " bdf=");
    if (record->bdf == BDF_NONE)
        text_string(&t, "none");
    else
        text_bdf(&t, record->bdf);
    number(&t, " result=", record->result);
    text_string(&t, " chain=");
    text_hex_bytes(&t, record->chain, sizeof record->chain);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    return rt_write(rt, t.at, t.used);
}

uint32_t program_main(struct rt *rt)
{
    const cap_id log = rt_grant(rt, "audit", CAP_IF_AUDIT);
    struct rt_memory memory;

    if (cap_is_none(log))
        return AUDITD_EXIT_GRANT;
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &memory))
        return AUDITD_EXIT_MEMORY;
    for (;;) {
        const struct ring_extra range = ring_range(memory.cap, 0, RING_PAGE_BYTES);
        const struct ring_completion done = ring_call(&rt->ring, log, AUDIT_DRAIN, NULL, &range);

        if (!ring_completed(&done) || done.value > RING_PAGE_BYTES / sizeof(struct audit_line))
            return AUDITD_EXIT_LOG;
        for (uint64_t i = 0; i < done.value; i++) {
            struct audit_line record;

            memcpy(&record, memory.at + i * sizeof record, sizeof record);
            if (!put(rt, &record))
                return AUDITD_EXIT_LOG; /* what is drained and not written is lost: init hears of it */
        }
    }
}
