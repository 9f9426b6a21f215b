/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of the process layer ask of each other; nobody outside includes this. Refusals travel as
 * object_reply; whoever completes a submission does so through ring_answer, once. */
#ifndef CAPOS_KERNEL_CORE_PARTS_H
#define CAPOS_KERNEL_CORE_PARTS_H

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"
#include "kernel/core/system.h"

#define NO_ENTRY 0xffffu

static inline struct object_reply reply_ok(uint64_t value, cap_id cap)
{
    return (struct object_reply){.value = value, .cap = cap};
}

static inline struct object_reply reply_status(enum ring_status status)
{
    return (struct object_reply){.status = (uint8_t)status};
}

/* For serve.c to audit. */
static inline struct object_reply reply_denied(enum cap_exception exception)
{
    return (struct object_reply){.exception = (uint8_t)exception};
}

static inline struct object_reply reply_result(enum system_error result)
{
    return (struct object_reply){.result = (uint16_t)result};
}

static inline struct object_reply reply_waits(void)
{
    return (struct object_reply){.waits = true};
}

static inline bool same_object(struct object_ref a, struct object_ref b)
{
    return a.index == b.index && a.generation == b.generation;
}

/* Served by programs, through endpoints. */
static inline bool interface_served(uint8_t interface)
{
    return interface >= CAP_IF_NIC;
}

static inline struct process *process_at(struct system *s, uint16_t index)
{
    ASSERT(index < PROCESSES_MAX);
    ASSERT(s->processes[index].state != PROCESS_FREE);
    return &s->processes[index];
}

/* ring.c */
void ring_reset(struct process *p);
/* Takes what was submitted. The process may have ended by it: compare its number. */
enum ring_enter ring_enter(struct system *s, struct process *p, uint32_t min_complete);
/* What cap_enter waited for is there, apart from time. */
bool ring_satisfied(const struct process *p);
/* Completes one accepted submission of a live process. */
void ring_answer(struct process *p, uint64_t user, const struct object_reply *reply);
void ring_answer_received(struct process *p, uint64_t user, uint32_t inbox,
                          const struct ring_received *received);
/* Audits a refused use of `cap`; the reply says why. */
struct object_reply ring_deny(struct system *s, const struct process *p, cap_id cap,
                              enum cap_exception exception);
/* RING_E_LIMIT, audited: what was to wait has no place. CAP_EX_BUDGET: the caller's own, CAP_EX_EXHAUSTED:
 * all there are. */
struct object_reply ring_limit(struct system *s, const struct process *p, cap_id cap,
                               enum cap_exception exception);
struct cap_lookup ring_lookup(const struct system *s, const struct process *p, cap_id cap);
/* Does `cap` still name this object in the process's table? */
bool ring_still(const struct system *s, const struct process *p, cap_id cap, struct object_ref object);

/* methods.c */
enum range_use { RANGE_NONE = 0, RANGE_READ, RANGE_READ_MAY, RANGE_WRITE };
/* False: the interface has no such method, or is not the kernel's. */
bool method_known(uint8_t interface, uint16_t method, enum range_use *range);

/* serve.c: CALL on an object of the kernel. */
struct object_reply serve_call(struct system *s, struct process *p, const struct ring_submission *submission,
                               struct object_ref object);
/* The same for one that waits: asked again. */
struct object_reply serve_again(struct system *s, struct process *p, const struct ring_submission *submission,
                                struct object_ref object);

/* call.c: queued and received calls. */
struct object_reply call_submit(struct system *s, struct process *p, const struct ring_submission *submission,
                                struct object_ref client);
struct object_reply call_receive(struct system *s, struct process *p,
                                 const struct ring_submission *submission);
struct object_reply call_return(struct system *s, struct process *p,
                                const struct ring_submission *submission);
/* Pairs queued calls with receives of the endpoint. */
void call_match(struct system *s, uint16_t endpoint);
/* Receives and queued calls whose handle is gone complete with RING_E_CANCELLED. */
void call_sweep(struct system *s);
/* Every call of the endpoint (`queued_only`: those that nobody received) completes with the status. */
void call_end_endpoint(struct system *s, uint16_t endpoint, bool queued_only, enum ring_status status);
void call_end_client(struct system *s, struct object_ref client);
/* Its calls and receives go without a completion; who waits for its answers is disconnected. */
void call_end_process(struct system *s, struct process *p);

/* endpoint.c */
struct object_reply endpoint_create(struct system *s, const struct object_call *call);
struct object_reply endpoint_call(struct system *s, const struct object_call *call);
void endpoint_destroy(struct system *s, uint16_t object, enum audit_kind kind);
void client_destroy(struct system *s, uint16_t object, enum audit_kind kind);
/* The process holds no handle to it any more. `gave_up`: by release, not by a move. */
void endpoint_left(struct system *s, uint16_t endpoint, uint16_t process, bool gave_up);
/* Whose server it was: queued callers are disconnected. Before its table is cleared. */
void endpoint_end_process(struct system *s, const struct process *p);

/* memory.c */
struct object_reply memory_create(struct system *s, const struct object_call *call);
struct object_reply memory_call(struct system *s, const struct object_call *call);
struct object_reply memory_package(struct system *s, const struct object_call *call);
void memory_destroy(struct system *s, uint16_t object, enum audit_kind kind);
/* The process holds no handle to it any more: unmapped, and charged to `heir` if it was charged, or to the
 * first that holds it when that is PROCESS_NONE. */
void memory_left(struct system *s, uint16_t memory, uint16_t process, uint16_t heir);
/* Would a move that takes the charge along stay within the receiver's budget? */
bool memory_covered(const struct system *s, uint16_t memory, uint16_t from, const struct process *to);
void memory_end_process(struct system *s, const struct process *p);

/* waiter.c */
struct object_reply waiter_add(struct system *s, struct process *p, enum waiter_kind kind,
                               const struct ring_submission *submission, struct object_ref object,
                               struct object_ref range);
void waiter_serve(struct system *s);
void waiter_end_process(struct system *s, struct process *p);

/* process.c */
void handle_destroy(struct system *s, uint16_t object, enum audit_kind kind);
struct object_reply process_call(struct system *s, const struct object_call *call);
uint64_t process_end_value(const struct process_handle *handle);

/* spawn.c */
struct object_reply spawner_call(struct system *s, const struct object_call *call);

/* objects.c */
bool process_core_serves(uint8_t interface);
bool object_held(const struct process *p, struct object_ref object);
void object_end(struct system *s, uint16_t object, enum audit_kind kind);
/* Derived objects end before their source's record does. */
void object_end_derived(struct system *s, uint16_t object);
/* Objects that nobody can use any more: no handle is left. */
void object_reap(struct system *s);
struct object_reply object_release(struct system *s, struct process *p, cap_id cap);

#endif
