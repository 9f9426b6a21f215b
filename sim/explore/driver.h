/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver's calls, left at every access that somebody else could notice or answer, and taken up again. No C
 * stack is kept: a call under way is its private memory at entry, its operation and arguments, and the values
 * that it read so far; taking it up means running it again against those values, up to the next access.
 * Stores that it did are in shared memory already and are not done twice. */
#ifndef CAPOS_EXPLORE_DRIVER_H
#define CAPOS_EXPLORE_DRIVER_H

#include "sim/explore/image.h"
#include "sim/explore/order.h"

#define XP_LOG_MAX      256u /* values that one call may read: beyond, P3 */
#define XP_ACCESSES_MAX 600u /* accesses of one call: beyond, P3 */
#define XP_ARGUMENTS    4u

enum xp_access_kind {
    XP_ACCESS_LOAD = 0,
    XP_ACCESS_STORE,
    XP_ACCESS_WRITE_BARRIER,
    XP_ACCESS_READ_BARRIER,
    XP_ACCESS_FULL_BARRIER,
    XP_ACCESS_REGISTER_READ,
    XP_ACCESS_REGISTER_WRITE,
    XP_ACCESS_POINT, /* no access: a place where others may come between, such as a kernel call */
    XP_ACCESS_ANSWER /* a word of what the call at the last point returned, by ops->registers: nobody comes
                        between */
};

struct xp_access {
    uint64_t address; /* offset into shared memory, or the register's address */
    uint64_t value;
    uint8_t kind;
    uint8_t width;
};

struct xp_read {
    uint32_t value;
    uint32_t from; /* offset or register */
};

/* The call under way. Lies last in the world's last region: only `reads` entries of the log are live. */
struct xp_call {
    _Alignas(8) uint8_t active;
    uint8_t op;
    uint8_t arguments[XP_ARGUMENTS];
    uint16_t done; /* accesses done */
    uint16_t reads;
    struct xp_read log[XP_LOG_MAX];
};

struct xp_driver;

struct xp_driver_ops {
    /* The call itself: code under test, and the checks of what it returned. */
    void (*run)(struct xp_driver *d, const struct xp_call *call);
    /* The driver has just loaded `value` from shared memory. NULL: nobody wants to know. */
    void (*loaded)(struct xp_driver *d, uint32_t offset, uint64_t value);
    /* A register access, after everything waiting became visible. Returns what is read. */
    uint32_t (*registers)(struct xp_driver *d, const struct xp_access *access);
    /* Inline calls: asks who acts; true: this driver goes on. */
    bool (*turn)(struct xp_driver *d);
    /* A name for an offset, for traces. */
    void (*place)(struct xp_driver *d, uint32_t offset, char *text, size_t bytes);
};

struct xp_driver {
    const struct xp_driver_ops *ops;
    struct xp_world *world;
    struct xp_order order;
    struct xp_call *call;
    struct xp_region
        private_memory; /* the driver's own; the world's regions in it are restored when a call is left */
    /* Shared memory that the driver also writes without ringmem.h (zeroing, headers): such stores of the part
     * of a call that is run again are taken back. */
    struct xp_region shared[4];
    uint32_t shared_count;
    struct xp_kept {
        xp_word **at;
        uint64_t *words;
        uint32_t count;
    } own_kept, shared_kept; /* xp_driver_prepare */
    bool immediate; /* accesses are just done: nobody else is there (set-up) */
    bool unattended; /* nobody comes between, but stores are judged: traffic before a run */
    /* while a call runs */
    bool running, may, again;
    uint16_t now, read_now;
    uint16_t known; /* accesses done before: the call is being taken up again */
    uint32_t accesses;
    jmp_buf leave;
};

/* The driver that ringmem.h and platform.h of this process belong to. */
extern struct xp_driver *xp_driver_current;

/* After the world's regions are listed: memory to keep what a call that is left puts back. False: none. */
bool xp_driver_prepare(struct xp_driver *d);
void xp_driver_free(struct xp_driver *d);
/* At the beginning of a step: no call is running, whatever a broken property left in the middle of. */
void xp_driver_rest(struct xp_driver *d);
/* Starts a call: runs up to its first visible access, or to its end. */
void xp_call_begin(struct xp_driver *d, uint8_t op, const uint8_t *arguments);
/* Lets the call under way do one visible access and go on to the next. */
void xp_call_resume(struct xp_driver *d);
/* Gives the call up: what it held in private memory is as at its entry. */
void xp_call_abandon(struct xp_driver *d);
/* One access of the running call. Returns what is read. */
uint64_t xp_access(struct xp_driver *d, struct xp_access access);
/* Bytes of struct xp_call in use. */
size_t xp_call_bytes(const struct xp_call *call);

#endif
