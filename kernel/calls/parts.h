/* SPDX-License-Identifier: BSD-2-Clause */
/* The room's functions among its own files. */
#ifndef CAPOS_KERNEL_CALLS_PARTS_H
#define CAPOS_KERNEL_CALLS_PARTS_H

#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/line.h"
#include "kernel/calls/calls.h"

static inline struct object_reply done(uint64_t value)
{
    return (struct object_reply){.value = value};
}

static inline struct object_reply done_cap(cap_id cap)
{
    return (struct object_reply){.cap = cap};
}

static inline struct object_reply transport(enum ring_status status)
{
    return (struct object_reply){.status = (uint8_t)status};
}

static inline struct object_reply refused(uint16_t result)
{
    return (struct object_reply){.result = result};
}

static inline struct object_reply still_waits(void)
{
    return (struct object_reply){.waits = true};
}

static inline struct owner *caller(const struct calls *c, const struct object_call *call)
{
    return c->system->processes[call->process].owner;
}

/* door.c */
/* A refusal that no other room records: counted, audited. */
struct object_reply calls_deny(struct calls *c, const struct object_call *call, enum cap_exception exception);
/* The same for a method's result. */
struct object_reply calls_refuse(struct calls *c, const struct object_call *call, uint16_t result);
/* Writes one record of the kernel's to the caller's range. */
struct object_reply calls_give(const struct object_call *call, const void *record, uint32_t bytes);

/* functions.c */
struct object_reply calls_functions(struct calls *c, const struct object_call *call);
struct object_reply calls_function(struct calls *c, const struct object_call *call);
struct object_reply calls_inventory(struct calls *c, const struct object_call *call);
/* A Function, and the Device that was claimed by it. */
void calls_end_function(struct calls *c, uint16_t object, enum audit_kind kind);
/* All that were taken from this Functions object. */
void calls_end_functions(struct calls *c, uint16_t object);

/* device.c */
struct object_reply calls_device_reply(const struct device_reply *reply);
struct object_reply calls_device(struct calls *c, const struct object_call *call);
struct object_reply calls_registers(struct calls *c, const struct object_call *call);
struct object_reply calls_pool(struct calls *c, const struct object_call *call);
struct object_reply calls_interrupt(struct calls *c, const struct object_call *call);

/* memory.c */
struct object_reply calls_buffer(struct calls *c, const struct object_call *call);
struct object_reply calls_queue(struct calls *c, const struct object_call *call);
/* memory_watch of the kernel. */
void calls_memory_leaves(void *calls, enum cap_interface interface, uint16_t record);

/* logs.c */
struct object_reply calls_serial(struct calls *c, const struct object_call *call);

#define PROMPT_KERNEL 0u /* no process has this number */

/* prompt.c: the main console among several programs. Each writer begins at the start of a line. */
void calls_prompt_write(struct calls *c, uint32_t process, const char *text, uint32_t bytes);
/* After a call's last piece, or a line of the kernel's: the reader's unfinished line is shown again. */
void calls_prompt_again(struct calls *c, uint32_t process);
void calls_prompt_read(struct calls *c, uint32_t process);
/* SERIAL_LINE and SERIAL_CLEAR. False: the process is not the one that reads. */
bool calls_prompt_draw(struct calls *c, uint32_t process, const char *text, uint32_t bytes, uint32_t cursor);
bool calls_prompt_clear(struct calls *c, uint32_t process);
struct object_reply calls_audit(struct calls *c, const struct object_call *call);
struct object_reply calls_audit_note(struct calls *c, const struct object_call *call);
struct object_reply calls_entropy(struct calls *c, const struct object_call *call);
bool calls_serial_port(uint16_t port);

/* sink.c */
struct object_reply calls_sink_call(struct calls *c, const struct object_call *call);
/* A free sink record, or CALLS_SINKS_MAX. */
uint16_t calls_sink_free(const struct calls *c);
bool calls_same_text(const char *a, const char *b);

/* facts.c */
/* Does what the marker claims hold, as far as the kernel sees? */
bool calls_fact_condition(struct calls *c, uint16_t process, enum evidence_marker marker);
/* One fact that is the kernel's to fill in; the condition held. */
void calls_fact(struct calls *c, uint16_t process, enum evidence_marker marker,
                const struct evidence_fact *fact, struct evidence_line *line);

/* witness.c */
void calls_witness_claim(struct calls *c, uint16_t process, uint16_t bdf);
/* A call on the device, its registers or interrupts succeeded. */
void calls_witness_grant(struct calls *c, const struct object_call *call, const struct object_reply *reply);
/* It gave an Interrupt back whose messages came on `route`. */
void calls_witness_route(struct calls *c, uint16_t process, uint16_t route);
/* EVIDENCE_LATE_MESSAGE. */
struct object_reply calls_late_message(struct calls *c, const struct object_call *call);
void calls_witness_release(struct calls *c, uint16_t process);
/* NULL: the process claimed nothing. */
struct calls_witness *calls_witness_of(struct calls *c, uint16_t process);

/* status.c */
struct object_reply calls_system(struct calls *c, const struct object_call *call);
struct object_reply calls_power(struct calls *c, const struct object_call *call);

#endif
