/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes: an owner, an address space, a ring page, a start-up page. Owns their pages and their order of
 * running; trusts the processor to isolate them and nothing that a program wrote. One thread, under the
 * kernel lock; a turn runs one program until it comes back. */
#ifndef CAPOS_KERNEL_CORE_PROCESS_H
#define CAPOS_KERNEL_CORE_PROCESS_H

#include "abi/methods.h"
#include "abi/ring.h"
#include "abi/startup.h"
#include "kernel/core/owner.h"
#include "kernel/core/processor.h"

#define PROCESSES_MAX OWNERS_MAX
#define PROCESS_NONE  0xffffu
#define WAITERS_MAX   64u /* calls on kernel objects that wait, of all processes */
#define ENDPOINTS_MAX 16u
#define CLIENTS_MAX   128u /* client capabilities of all endpoints */
#define CALLS_MAX     128u /* calls on endpoints, queued or received, of all processes */
#define MEMORIES_MAX  128u /* MemoryObjects */
#define HANDLES_MAX   32u /* Process objects, those of ended processes included */

struct system; /* system.h */

/* A call on an object of the kernel, for the rooms above the core. */
struct object_call {
    uint16_t process;
    uint16_t object; /* live entry of the object pool */
    uint16_t payload; /* its record */
    uint8_t interface; /* enum cap_interface */
    uint16_t method;
    uint64_t args[3];
    cap_id cap; /* the caller's handle */
    /* Of the caller's MemoryObject, or NULL. Present, and writable, as the method's line in methods.c asks:
     * the core has checked that; its length is the door's to check. The program may change it at any moment:
     * what decides is copied first. */
    uint8_t *range;
    uint32_t range_bytes;
};

struct object_reply {
    uint8_t status; /* enum ring_status */
    uint8_t exception; /* enum cap_exception */
    uint16_t result;
    uint64_t value;
    cap_id cap;
    bool denied; /* `status` or `result` is a refusal that the audit log has: counted as a denial */
    bool waits; /* nothing of the above yet: asked again each turn, with the same call */
};

/* What the core does not serve itself. The core has looked the handle up, checked that the interface has the
 * method, and resolved the range; it counts and audits the exceptions that come back as denials, unless the
 * room below has already (`denials_audited`). */
struct object_door {
    void *ctx;
    struct object_reply (*call)(void *ctx, struct system *s, const struct object_call *call);
    /* Ends the object in its room's teardown order (owner.h); it is dead afterwards. */
    object_destroy destroy;
    /* RELEASE of a handle to an object that the core does not serve: the handle is gone when this says
     * RING_OK without exception, and what was mapped by it is unmapped. */
    struct object_reply (*release)(void *ctx, struct system *s, uint16_t process, cap_id cap);
    /* A process ended, in whatever way; all it held is gone, its record (system.h) still tells name, end,
     * code and the last stop. */
    void (*ended)(void *ctx, struct system *s, uint16_t process);
    bool denials_audited; /* call and release write their own denials to the audit log */
};

#endif
