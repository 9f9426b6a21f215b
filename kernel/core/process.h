/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes: an owner, an address space, a ring page, a start-up page. Owns their pages and their order of
 * running; trusts the processor to isolate them and nothing that a program wrote. One thread, under the kernel
 * lock; a turn runs one program until it comes back. */
#ifndef CAPOS_KERNEL_CORE_PROCESS_H
#define CAPOS_KERNEL_CORE_PROCESS_H

#include "abi/methods.h"
#include "abi/ring.h"
#include "abi/startup.h"
#include "kernel/core/owner.h"
#include "kernel/core/processor.h"

#define PROCESSES_MAX OWNERS_MAX
#define WAITERS_MAX   64u /* calls on kernel objects that wait, of all processes */
#define ENDPOINTS_MAX 16u
#define CALLS_MAX     128u /* calls on endpoints, queued or received, of all processes */

/* Pages of programs and MemoryObjects: a region apart from DMA. */
struct page_source {
    uint8_t *memory; /* page-aligned */
    uint32_t count;
};

struct system; /* system.h */

/* A call on an object of the kernel, for the rooms above the core. */
struct object_call {
    uint16_t process;
    uint16_t object;    /* live entry of the object pool */
    uint16_t payload;   /* its record */
    uint8_t interface;  /* enum cap_interface */
    uint16_t method;
    uint64_t args[3];
    cap_id cap;         /* the caller's handle */
    uint8_t *range;     /* of the caller's MemoryObject, or NULL. The program may change it at any moment: what
                           decides is copied first */
    uint32_t range_bytes;
};

struct object_reply {
    uint8_t status;    /* enum ring_status */
    uint8_t exception; /* enum cap_exception */
    uint16_t result;
    uint64_t value;
    cap_id cap;
    bool waits;        /* nothing of the above yet: asked again each turn, with the same call */
};

/* What the core does not serve itself. */
struct object_door {
    void *ctx;
    struct object_reply (*call)(void *ctx, struct system *s, const struct object_call *call);
    /* Ends the object in its room's teardown order (owner.h); it is dead afterwards. */
    object_destroy destroy;
    /* A release asked by a holder. Default of the core for its own kinds; others here. */
    struct object_reply (*release)(void *ctx, struct system *s, uint16_t process, cap_id cap);
    /* A process ended, in whatever way, all it held is gone. */
    void (*ended)(void *ctx, struct system *s, uint16_t process);
};

#endif
