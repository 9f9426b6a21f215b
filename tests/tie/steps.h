/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rooms do to ring memory while a call of theirs runs, in order. Two recorders fill one list: the
 * shipped build's is the processor (steps_trap.c), the observed build's its own ringmem.h (steps_observe.c).
 * One recording a process, in one static: signal handlers and linker wraps are given no context. */
#ifndef CAPOS_TESTS_TIE_STEPS_H
#define CAPOS_TESTS_TIE_STEPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/tie/author_tap.h"

#define STEPS_EVENTS_MAX 65536u
#define STEPS_CODE_BYTES 15u /* the longest instruction */

enum steps_kind {
    STEPS_CALL = 0, /* a call of the script begins; `what` names it */
    STEPS_LOAD,
    STEPS_STORE,
    STEPS_FULL_BARRIER, /* an instruction that orders all: both recorders see it */
    STEPS_WRITE_BARRIER, /* no instruction on x86: only the observed build tells of these two */
    STEPS_READ_BARRIER,
    STEPS_BULK, /* memset, memcpy and their like: `width` bytes at `at`, `what` names the function */
    STEPS_REGISTER /* a platform call; `what` names it, `at` is the register */
};

struct steps_event {
    enum steps_kind kind;
    uint32_t width; /* bytes; 0: the instruction at `code` is not known to the decoder */
    uint64_t at; /* address in this process, or of a register */
    uint64_t value;
    const char *what;
    uint8_t code[STEPS_CODE_BYTES];
};

/* `base`, `bytes`: all memory that devices can reach, page-aligned. Once a process. */
void steps_init(uint8_t *base, size_t bytes);
/* Forgets the list. */
void steps_clear(void);
/* Around one call into the rooms. */
void steps_enter(const char *call);
void steps_leave(void);
/* The list as text: offsets in the rings of `tap` (0: "rx", 1: "tx"), all else in device memory left out.
 * Lines of what has no instruction begin with '~'. False, and a line on standard error: an access to a ring
 * in a form that the decoder does not know, or a list that was full. */
bool steps_print(const struct author_tap *tap);

/* For the recorders and the doors. NULL: not inside a call, or paused. */
struct steps_event *steps_note(enum steps_kind kind, uint64_t at, uint32_t width, uint64_t value,
                               const char *what);
bool steps_in_memory(const void *at, size_t bytes); /* does it touch device memory? */
/* Inside a call the rooms leave through a door: nothing is recorded until the resume. `memory`: what is
 * behind the door may touch device memory. Returns what resume is to be given. */
enum steps_pause { STEPS_NOT_PAUSED = 0, STEPS_PAUSED };
enum steps_pause steps_pause(bool memory);
void steps_resume(enum steps_pause paused);

/* Each recorder's own. `on`: every instruction, or observed access, is recorded from here. `memory`: when
 * off, device memory may be touched. */
void recorder_init(uint8_t *base, size_t bytes);
void recorder_set(bool on, bool memory);

#endif
