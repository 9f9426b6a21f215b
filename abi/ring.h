/* SPDX-License-Identifier: BSD-2-Clause */
/* The capability ring: one page that a process shares with the kernel. A program writes submissions, calls
 * cap_enter, reads completions. Two system calls exist: cap_enter and exit (startup.h names their entries).
 *
 * Every record is copied by the kernel before it is checked; a program may change the page at any moment, and
 * harms itself alone. The kernel keeps its own copies of the two indices that it writes: a corrupted head or
 * tail is detected, never followed. Each accepted submission yields exactly one completion, and is accepted
 * only while that completion has a place: at most RING_COMPLETIONS are unread or under way together. What
 * finds no place stays submitted until the next cap_enter.
 *
 * An object ends when its maker releases it or ends; then every handle to it, in whatever table, is stale. A
 * MemoryObject is the exception: it lives while anybody holds it. Any other holder's release gives back a
 * copy. */
#ifndef CAPOS_ABI_RING_H
#define CAPOS_ABI_RING_H

#include <stdint.h>

#include "abi/cap.h"
#include "abi/errors.h"

#define RING_VERSION     1u
#define RING_SUBMISSIONS 16u
#define RING_COMPLETIONS 32u
#define RING_INBOX       16u /* places for received calls */
#define RING_PAGE_BYTES  4096u

#define RING_FOREVER UINT64_MAX /* timeout_ns: until something completes */

enum ring_opcode {
    RING_NOP = 1, /* completes at once */
    RING_CALL,    /* a method of the object behind `cap` */
    RING_RECV,    /* the next call on the endpoint `cap`, into inbox place args[0] */
    RING_RETURN,  /* answers the received call with token args[0]: `result`, value args[1] */
    RING_RELEASE  /* gives `cap` back; its maker ends the object by it */
};

/* What `extra` is; at most one. */
enum ring_flags {
    RING_EXTRA_COPY = 1,  /* CALL, RETURN: a capability that the other side gets as well */
    RING_EXTRA_MOVE = 2,  /* CALL, RETURN: a capability that the other side gets instead */
    RING_EXTRA_RANGE = 4  /* CALL on an object of the kernel: `length` bytes of a MemoryObject from `offset`,
                             exactly where its method has a range */
};

/* What the opcode and the flags give no meaning is 0, `args` excepted. A capability that comes along is
 * handed over when the call is received, whole; when it cannot be, the call completes with the exception, and
 * nothing moved. */
struct ring_submission {
    uint64_t user;    /* comes back in the completion */
    uint8_t opcode;   /* enum ring_opcode */
    uint8_t flags;    /* enum ring_flags */
    uint16_t method;  /* CALL: of the interface (methods.h) */
    uint16_t result;  /* RETURN: method result, 0 is success */
    uint16_t reserved; /* 0 */
    cap_id cap;
    uint64_t args[3];
    cap_id extra;
    uint32_t offset;
    uint32_t length;
};
_Static_assert(sizeof(struct ring_submission) == 64, "ABI");

struct ring_completion {
    uint64_t user;
    uint8_t status;    /* enum ring_status: the transport */
    uint8_t exception; /* enum cap_exception: the capability; 0 unless status is RING_OK */
    uint16_t result;   /* of the method, its interface's enum; 0 unless both others are 0 */
    uint32_t inbox;    /* RECV: the place that was filled */
    uint64_t value;
    cap_id cap;        /* CALL: the result capability, or CAP_NONE */
};
_Static_assert(sizeof(struct ring_completion) == 32, "ABI");

/* A received call, in an inbox place. */
struct ring_received {
    uint64_t token;     /* for RETURN; used once */
    uint64_t badge;     /* which client capability was called: the server's own number */
    uint16_t method;
    uint16_t interface; /* enum cap_interface that the client holds */
    uint32_t cap_interface; /* enum cap_interface of `cap`: what can be asked of it, and whether a program
                               would answer; CAP_IF_NONE: nothing came */
    uint64_t args[3];
    cap_id cap;         /* what came with the call, in the server's table; or CAP_NONE */
    uint64_t reserved2;
};
_Static_assert(sizeof(struct ring_received) == 64, "ABI");

/* Transport status: the closed enum of the first layer. */
enum ring_status {
    RING_OK = 0,
    RING_E_OPCODE, /* no such opcode */
    RING_E_FLAGS, /* flags unknown, more than one, or not for this opcode or object: DMA memory stays with
                     who made it */
    RING_E_RESERVED, /* a field that must be zero is not */
    RING_E_METHOD, /* the interface has no such method */
    RING_E_INBOX, /* RECV: no such place, or one that another RECV under way names */
    RING_E_TOKEN, /* RETURN: no call with this token waits for this process, or its caller is gone */
    RING_E_RANGE, /* offset and length leave the MemoryObject, or are not what the method takes */
    RING_E_LIMIT, /* a bound on waiting calls, receives or timers is reached: a denial, like an exception */
    RING_E_DISCONNECTED, /* the server ended before it answered */
    RING_E_CANCELLED, /* the object waited on was revoked, or the handle to it is gone */
    RING_STATUS_COUNT
};

/* What cap_enter returns; checked in the order MIN, SUBMIT_TAIL, COMPLETE_HEAD. */
enum ring_enter {
    RING_ENTERED = 0, /* min_complete reached, or time over; RING_FOREVER: or nothing under way to wait for */
    RING_ENTER_E_SUBMIT_TAIL, /* submit_tail is not within RING_SUBMISSIONS of submit_head: nothing taken */
    RING_ENTER_E_COMPLETE_HEAD, /* complete_head names completions that were never written: nothing taken */
    RING_ENTER_E_MIN /* min_complete is above RING_COMPLETIONS: nothing taken */
};

/* All indices free-running, masked at use. */
struct ring_header {
    uint32_t version;       /* RING_VERSION, written by the kernel */
    uint16_t submissions;   /* sizes, written by the kernel */
    uint16_t completions;
    uint16_t inbox;
    uint16_t reserved;
    uint32_t submit_head;   /* kernel: taken up to here */
    uint32_t submit_tail;   /* program: written up to here */
    uint32_t complete_head; /* program: read up to here */
    uint32_t complete_tail; /* kernel: written up to here */
    uint32_t reserved2;
    uint64_t now_ns;        /* kernel: time of the last return from it */
    uint64_t reserved3[3];
};
_Static_assert(sizeof(struct ring_header) == 64, "ABI");

struct ring_page {
    struct ring_header header;
    struct ring_submission submissions[RING_SUBMISSIONS];
    struct ring_completion completions[RING_COMPLETIONS];
    struct ring_received inbox[RING_INBOX];
    uint8_t unused[RING_PAGE_BYTES - 64u * (1u + RING_SUBMISSIONS + RING_INBOX) - 32u * RING_COMPLETIONS];
};
_Static_assert(sizeof(struct ring_page) == RING_PAGE_BYTES, "ABI");

#endif
