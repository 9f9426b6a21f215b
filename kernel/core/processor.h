/* SPDX-License-Identifier: BSD-2-Clause */
/* What runs programs, as the core sees it: address spaces that hold pages, and one call that lets a program
 * run until it comes back. A machine implements it with page tables and ring 3, the simulator with stacks of
 * its own in one address space, a test with plain functions. The kernel has one stack a CPU: a program that
 * waits holds nothing of it. */
#ifndef CAPOS_KERNEL_CORE_PROCESSOR_H
#define CAPOS_KERNEL_CORE_PROCESSOR_H

#include <stdbool.h>
#include <stdint.h>

#define PROCESSOR_PAGE 4096u

enum processor_access { PROCESSOR_READ = 0, PROCESSOR_READ_WRITE, PROCESSOR_READ_EXECUTE };

enum processor_event {
    PROCESSOR_ENTER = 0, /* it called cap_enter */
    PROCESSOR_EXIT,
    PROCESSOR_FAULT,
    PROCESSOR_PREEMPTED, /* its time is over; it goes on where it was */
};

/* Registers at a fault, for the record. */
#define PROCESSOR_REGISTERS 18u /* rax rbx rcx rdx rsi rdi rbp rsp r8 to r15, rip, rflags */

struct processor_stop {
    enum processor_event event;
    uint32_t code; /* EXIT: its code. FAULT: exception vector (Intel SDM 3A, table 6-1) */
    uint32_t error; /* FAULT: error code */
    uint32_t min_complete; /* ENTER */
    uint64_t timeout_ns; /* ENTER */
    uint64_t address; /* FAULT: the address at fault, where there is one */
    uint64_t registers[PROCESSOR_REGISTERS];
};

struct processor_ops {
    /* Space `space` (0 to PROCESSES_MAX - 1), empty. False: no memory for it. */
    bool (*space_create)(void *ctx, uint16_t space);
    /* All mappings go; the pages are the caller's as before. Nothing of the space is reachable when it
     * returns (P12). Destroying the space that runs is allowed: it never comes back. */
    void (*space_destroy)(void *ctx, uint16_t space);
    /* Finds room for `pages` pages that lie together at `memory` (kernel address, page-aligned) with an
     * unmapped page on each side. The program's address of the first, or 0: none. Nothing is mapped yet. The
     * room comes free with `unmap` of the same range. */
    uint64_t (*reserve)(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages);
    /* Maps a part of a reserved room: `at` is its address, `memory` what belongs there. False: no table.
     * Never writable and executable (W^X). */
    bool (*map)(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                enum processor_access access);
    /* Takes the mappings of a whole reserved room away, whatever of it was mapped, and gives the room back.
     */
    void (*unmap)(void *ctx, uint16_t space, uint64_t at, uint32_t pages);
    /* Where this world's stubs for cap_enter and exit are, as the program sees them. */
    void (*entries)(void *ctx, uint16_t space, uint64_t *cap_enter, uint64_t *exit);
    /* The first `run` begins at `entry` with `argument` and the stack ending at `stack`. */
    void (*start)(void *ctx, uint16_t space, uint64_t entry, uint64_t stack, uint64_t argument);
    /* Lets it run until it stops. `result` is what its cap_enter returns, if it was there. */
    void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out);
    /* Which of `n` runnable programs is next, 0 to n - 1 (n >= 1), counted from the one after the last: a
     * machine says 0, the simulator chooses. */
    uint32_t (*pick)(void *ctx, uint32_t n);
};

struct processor {
    const struct processor_ops *ops;
    void *ctx;
};

#endif
