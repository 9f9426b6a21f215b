/* SPDX-License-Identifier: BSD-2-Clause */
/* Bytes in and out: serial ports, the audit log, entropy. Text is escaped on its way out, so that no line of
 * a program can pass for evidence. What is taken from a port or from the log is in the caller's range when
 * the call completes: nothing is taken that has no room there. */
#include "abi/login.h"
#include "evidence/audit_line.h"
#include "kernel/calls/parts.h"
#include "kernel/core/audit.h"
#include "platform/platform.h"

#define CHUNK_BYTES   256u
#define WRITE_MAX     4096u /* bytes of one call: a longer text is taken in part */
#define ENTROPY_MAX   256u
#define DRAIN_RECORDS 8u /* at a time, on the stack */

_Static_assert(sizeof(struct audit_line) == sizeof(struct audit_record), "one layout");
_Static_assert(offsetof(struct audit_line, handle) == offsetof(struct audit_record, handle), "one layout");
_Static_assert(offsetof(struct audit_line, bdf) == offsetof(struct audit_record, bdf), "one layout");
_Static_assert(offsetof(struct audit_line, kind) == offsetof(struct audit_record, kind), "one layout");
_Static_assert(offsetof(struct audit_line, result) == offsetof(struct audit_record, result), "one layout");
_Static_assert(offsetof(struct audit_line, chain) == offsetof(struct audit_record, chain), "one layout");

bool calls_serial_port(uint16_t port)
{
    return port == CONSOLE_MAIN || port == CONSOLE_AUDIT; /* evidence has its port for itself */
}

static struct object_reply serial_write(struct calls *c, const struct object_call *call)
{
    const uint32_t process = c->system->processes[call->process].number;
    const uint32_t bytes = call->range_bytes < WRITE_MAX ? call->range_bytes : WRITE_MAX;
    char chunk[CHUNK_BYTES];

    for (uint32_t at = 0; at < bytes; at += CHUNK_BYTES) {
        const uint32_t part = bytes - at < CHUNK_BYTES ? bytes - at : CHUNK_BYTES;

        memcpy(chunk, call->range + at, part); /* read once: what was escaped is what goes out */
        if (call->payload == CONSOLE_MAIN)
            calls_prompt_write(c, process, chunk, part);
        else
            console_write(&c->audit_port, chunk, part);
    }
    if (call->payload == CONSOLE_MAIN)
        calls_prompt_again(c, process);
    return done(bytes);
}

static struct object_reply serial_read(struct calls *c, const struct object_call *call)
{
    char chunk[CHUNK_BYTES];
    const uint32_t room = call->range_bytes < CHUNK_BYTES ? call->range_bytes : CHUNK_BYTES;
    const size_t got = platform_console_read(c->platform, (enum platform_console)call->payload, chunk, room);

    ASSERT(got <= room);
    if (call->payload == CONSOLE_MAIN)
        calls_prompt_read(c, c->system->processes[call->process].number);
    if (got == 0)
        return still_waits();
    memcpy(call->range, chunk, got);
    return done(got);
}

static struct object_reply serial_line(struct calls *c, const struct object_call *call)
{
    char line[SERIAL_LINE_BYTES];

    if (call->range_bytes > sizeof line || call->args[0] > call->range_bytes)
        return refused(SYS_E_VALUE);
    memcpy(line, call->range, call->range_bytes); /* read once: what is kept is what was drawn */
    for (uint32_t i = 0; i < call->range_bytes; i++) {
        if (line[i] < ' ' || line[i] > '~')
            return refused(SYS_E_VALUE);
    }
    return call->payload == CONSOLE_MAIN &&
                   calls_prompt_draw(c, c->system->processes[call->process].number, line, call->range_bytes,
                                     (uint32_t)call->args[0])
               ? done(0)
               : refused(SYS_E_STATE);
}

struct object_reply calls_serial(struct calls *c, const struct object_call *call)
{
    const uint32_t process = c->system->processes[call->process].number;

    ASSERT(calls_serial_port(call->payload));
    switch (call->method) {
    case SERIAL_WRITE:
        return serial_write(c, call);
    case SERIAL_READ:
        return serial_read(c, call);
    case SERIAL_LINE:
        return serial_line(c, call);
    case SERIAL_CLEAR:
        return call->payload == CONSOLE_MAIN && calls_prompt_clear(c, process) ? done(0)
                                                                               : refused(SYS_E_STATE);
    default:
        return transport(RING_E_METHOD);
    }
}

struct object_reply calls_audit(struct calls *c, const struct object_call *call)
{
    struct audit_record records[DRAIN_RECORDS];
    const uint32_t room = call->range_bytes / (uint32_t)sizeof records[0];
    uint32_t given = 0;

    if (call->method != AUDIT_DRAIN)
        return transport(RING_E_METHOD);
    if (room == 0)
        return transport(RING_E_RANGE);
    if (!kernel_audit_take(c->kernel, call->args[0]))
        return refused(SYS_E_VALUE);
    while (given < room && given < AUDIT_RECORDS_MAX) {
        const uint32_t part = room - given < DRAIN_RECORDS ? room - given : DRAIN_RECORDS;
        const uint32_t got = kernel_audit_read(c->kernel, given, records, part);

        memcpy(call->range + given * sizeof records[0], records, got * sizeof records[0]);
        given += got;
        if (got < part)
            break;
    }
    return given == 0 ? still_waits() : done(given);
}

/* As a grant does, it needs room in the log beside what is kept for a reader; it keeps none for an end. */
struct object_reply calls_audit_note(struct calls *c, const struct object_call *call)
{
    static const uint8_t kinds[AUDIT_NOTE_END] = {
        [AUDIT_NOTE_LOGIN_ACCEPTED] = AUDIT_LOGIN_ACCEPTED, [AUDIT_NOTE_LOGIN_REFUSED] = AUDIT_LOGIN_REFUSED,
        [AUDIT_NOTE_LOGIN_DELAYED] = AUDIT_LOGIN_DELAYED,   [AUDIT_NOTE_SESSION_ENDED] = AUDIT_SESSION_ENDED,
        [AUDIT_NOTE_SECRET_CHANGED] = AUDIT_SECRET_CHANGED,
    };

    if (call->method != AUDIT_NOTE)
        return transport(RING_E_METHOD);
    if (call->args[0] >= AUDIT_NOTE_END || kinds[call->args[0]] == 0)
        return calls_refuse(c, call, SYS_E_VALUE);
    const struct audit_event event = {
        .handle = {(uint32_t)call->args[1], (uint32_t)(call->args[1] >> 32)},
        .owner = caller(c, call)->index,
        .bdf = AUDIT_BDF_NONE,
        .kind = kinds[call->args[0]],
        .object_kind = call->interface,
        .result = 0,
    };
    if (!audit_note(&c->kernel->core.audit, &event))
        return calls_deny(c, call, CAP_EX_AUDIT_FULL);
    if (call->args[1] == LOGIN_SOURCE_CONSOLE) {
        c->logins.accepted += event.kind == AUDIT_LOGIN_ACCEPTED;
        c->logins.refused += event.kind == AUDIT_LOGIN_REFUSED;
    } else {
        c->logins.remote += event.kind == AUDIT_LOGIN_ACCEPTED;
    }
    return done(0);
}

void calls_audit_rest(struct kernel *k, struct platform *platform)
{
    struct audit_record record;
    struct audit_line out;
    struct console port;
    char line[AUDIT_LINE_BYTES];

    console_init_port(&port, platform, CONSOLE_AUDIT);
    while (kernel_audit_drain(k, &record, 1) != 0) {
        struct text t = text_over(line, sizeof line);

        memcpy(&out, &record, sizeof out);
        audit_line_text(&t, &out);
        console_write(&port, t.at, t.used);
    }
}

struct object_reply calls_entropy(struct calls *c, const struct object_call *call)
{
    uint8_t bytes[ENTROPY_MAX];

    if (call->method != ENTROPY_FILL)
        return transport(RING_E_METHOD);
    if (call->range_bytes > sizeof bytes)
        return transport(RING_E_RANGE);
    const bool secret = platform_entropy(c->platform, bytes, call->range_bytes);
    if (secret)
        memcpy(call->range, bytes, call->range_bytes);
    memset(bytes, 0, sizeof bytes);
    return secret ? done(call->range_bytes) : refused(SYS_E_STATE);
}
