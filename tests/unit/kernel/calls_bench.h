/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench of the object door's tests: the fake machine, a system with two processes that hold what a first
 * process is given, and a processor that notes what is mapped. A test makes calls as the core would: with a
 * handle that was looked up. */
#ifndef CAPOS_TESTS_UNIT_KERNEL_CALLS_BENCH_H
#define CAPOS_TESTS_UNIT_KERNEL_CALLS_BENCH_H

#include "kernel/calls/calls.h"
#include "tests/unit/kernel/bench.h"

#define ROOMS_MAX 64u

struct room {
    uint8_t *memory;
    uint64_t at;
    uint32_t pages;
    uint16_t space;
    uint8_t access; /* enum processor_access */
    bool mapped, taken;
};

struct calls_bench {
    struct evidence evidence;
    struct console console;
    struct calls calls;
    struct system system;
    struct room rooms[ROOMS_MAX];
    bool no_map; /* the processor has no table for it */
    uint32_t unmaps;
    uint32_t unmapped_dirty; /* unmapped while the first byte was not yet scrubbed */
    cap_id roots[CAP_IF_COUNT]; /* of process 0 */
    _Alignas(4096) uint8_t range[2 * 4096];
};

extern struct calls_bench cb;
#define S            (&cb.system)
#define TABLE_MODERN 0u
#define TABLE_LEGACY 1u
#define TABLE_EMPTY  2u

void calls_start(void);
/* CALL by process `process` with handle `cap`, no range. */
struct object_reply ask(uint16_t process, cap_id cap, uint16_t method, uint64_t a0, uint64_t a1);
/* The same with cb.range, `bytes` of it. */
struct object_reply ask_with(uint16_t process, cap_id cap, uint16_t method, uint64_t a0, uint32_t bytes);
struct object_reply give_back(uint16_t process, cap_id cap);
/* The mapped room at a program's address, or NULL. */
struct room *room_at(uint64_t at);
uint32_t rooms_mapped(void);

#define MODERN_INDEX 0u /* the fake's first function */

/* A network card of process 0: what it has of it. */
struct door_nic {
    cap_id function, device, registers, pool, rx, queue[2];
    uint64_t rx_at, view_at;
};

/* The capability that a call gave; it is good. */
cap_id must(struct object_reply reply);
void claim(struct door_nic *n);
void write_register(const struct door_nic *n, uint16_t row, uint64_t value);
/* As an argument names a handle. */
uint64_t packed(cap_id cap);
/* Claimed, memory, and the device told of it and running. */
void up(struct door_nic *n);

#define good(reply)                                                                                          \
    do {                                                                                                     \
        struct object_reply g_ = (reply);                                                                    \
        cr_assert(!g_.waits && g_.status == 0 && g_.exception == 0 && g_.result == 0, "%u %u %u %u",         \
                  g_.waits, g_.status, g_.exception, g_.result);                                             \
    } while (0)
#define says(reply, code)                                                                                    \
    do {                                                                                                     \
        struct object_reply g_ = (reply);                                                                    \
        cr_assert(!g_.waits && g_.status == 0 && g_.exception == 0 && g_.result == (code), "%u %u %u",       \
                  g_.status, g_.exception, g_.result);                                                       \
    } while (0)
#define throws(reply, code)                                                                                  \
    do {                                                                                                     \
        struct object_reply g_ = (reply);                                                                    \
        cr_assert(!g_.waits && g_.status == 0 && g_.exception == (code), "%u %u %u", g_.status,              \
                  g_.exception, g_.result);                                                                  \
    } while (0)
#define transports(reply, code)                                                                              \
    do {                                                                                                     \
        struct object_reply g_ = (reply);                                                                    \
        cr_assert(!g_.waits && g_.status == (code), "%u %u %u", g_.status, g_.exception, g_.result);         \
    } while (0)

#endif
