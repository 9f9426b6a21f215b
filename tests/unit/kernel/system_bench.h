/* SPDX-License-Identifier: BSD-2-Clause */
/* The bench of the process layer's tests: a processor whose programs are what the test writes into their ring
 * pages, or step functions; an object door with a serial port to wait on; and checks after every turn that
 * what is charged is what is held, and that nothing is mapped that was given back. */
#ifndef CAPOS_TESTS_UNIT_KERNEL_SYSTEM_BENCH_H
#define CAPOS_TESTS_UNIT_KERNEL_SYSTEM_BENCH_H

#include <criterion/criterion.h>
#include <string.h>

#include "kernel/core/system.h"

#define BENCH_PAGES   256u
#define BENCH_ROOMS   64u
#define BENCH_PACKAGE 2u
#define NEVER         0xffffffffu

/* A reserved room of a space. */
struct bench_room {
    bool used;
    uint16_t space;
    uint64_t at;
    uint8_t *memory;
    uint32_t pages, mapped;
    enum processor_access access;
};

/* Fills in what the program does: its stop, and its ring page beforehand. */
typedef void (*bench_step)(uint16_t process, struct processor_stop *stop);

struct system_bench {
    struct core core;
    struct system system;
    uint8_t *pages, *package;
    struct bench_room rooms[BENCH_ROOMS];
    uint64_t next_at;
    bool spaces[PROCESSES_MAX];
    struct processor_stop stop[PROCESSES_MAX]; /* of the next run; ENTER(0, 0) when nothing was set */
    bench_step step[PROCESSES_MAX];
    uint32_t result[PROCESSES_MAX]; /* what its last cap_enter returned */
    uint16_t wanted, ran;
    uint64_t now;
    uint32_t fail_after; /* processor operations that succeed before one fails; NEVER */
    uint32_t loader_error;
    /* the door's */
    uint32_t input; /* bytes that the serial port has */
    uint32_t door_calls, destroyed;
    uint16_t ended_count, last_ended;
    uint8_t ended_how;
    uint32_t ended_code;
    uint8_t written[64];
    uint32_t turns;
};
extern struct system_bench sb;
#define S (&sb.system)

/* Capabilities of a process that root() made. */
struct root {
    uint16_t p;
    cap_id memory_source, endpoint_source, timer, spawner, serial, dma_buffer;
};

void system_bench_start(void);
/* A running process with a root capability of each kind. */
struct root root(const char *name);

/* One turn in which `p` runs when it can; false: it could not. All checks hold after it. */
bool turn(uint16_t p);
/* Turns in which nobody has to run. */
void turns(uint32_t n);
void checks(void);

struct ring_page *ring_of(uint16_t p);
void submit(uint16_t p, const struct ring_submission *r);
/* The next unread completion, read. False: none. */
bool take(uint16_t p, struct ring_completion *out);
/* Submits, runs, takes the one completion that must be there. */
struct ring_completion one(uint16_t p, struct ring_submission r);
/* Submits and runs: nothing may have completed. */
void waits(uint16_t p, struct ring_submission r);
/* Must be there, after at most a turn. */
struct ring_completion completed(uint16_t p);
void nothing_completed(uint16_t p);

struct ring_submission nop(void);
struct ring_submission call0(cap_id cap, uint16_t method);
struct ring_submission call1(cap_id cap, uint16_t method, uint64_t a);
struct ring_submission call2(cap_id cap, uint16_t method, uint64_t a, uint64_t b);
struct ring_submission with(struct ring_submission r, uint8_t flags, cap_id extra);
struct ring_submission ranged(struct ring_submission r, cap_id memory, uint32_t offset, uint32_t length);
struct ring_submission recv(cap_id endpoint, uint64_t place);
struct ring_submission answer(uint64_t token, uint16_t result, uint64_t value);
struct ring_submission release(cap_id cap);

/* Everything that is held, all fields u32: compared whole. */
struct bench_held {
    struct system_held system;
    uint32_t owners, objects, caps, rooms, spaces;
    uint32_t budget[PROCESSES_MAX][BUDGET_COUNT];
};
struct bench_held held(void);
void same_held(const struct bench_held *before);
/* Kernel memory behind a program's address, mapped. */
uint8_t *behind(uint16_t p, uint64_t at);
/* Records of the kind in the log since the last call of this; drains it. */
uint32_t audited(enum audit_kind kind);

#define good(c)                                                                                              \
    do {                                                                                                     \
        const struct ring_completion c_ = (c);                                                               \
        cr_assert(c_.status == RING_OK && c_.exception == 0 && c_.result == 0,                               \
                  "status %u exception %u result %u", c_.status, c_.exception, c_.result);                   \
    } while (0)
#define is_status(c, want)                                                                                   \
    do {                                                                                                     \
        const struct ring_completion c_ = (c);                                                               \
        cr_assert(c_.status == (want) && c_.exception == 0 && c_.result == 0 && c_.value == 0 &&             \
                      cap_is_none(c_.cap),                                                                   \
                  "status %u exception %u result %u, expected %s", c_.status, c_.exception, c_.result,       \
                  #want);                                                                                    \
    } while (0)
#define is_exception(c, want)                                                                                \
    do {                                                                                                     \
        const struct ring_completion c_ = (c);                                                               \
        cr_assert(c_.status == RING_OK && c_.exception == (want) && c_.result == 0 && c_.value == 0 &&       \
                      cap_is_none(c_.cap),                                                                   \
                  "status %u exception %u result %u, expected %s", c_.status, c_.exception, c_.result,       \
                  #want);                                                                                    \
    } while (0)
#define is_result(c, want)                                                                                   \
    do {                                                                                                     \
        const struct ring_completion c_ = (c);                                                               \
        cr_assert(c_.status == RING_OK && c_.exception == 0 && c_.result == (want),                          \
                  "status %u exception %u result %u, expected %s", c_.status, c_.exception, c_.result,       \
                  #want);                                                                                    \
    } while (0)

#endif
