/* SPDX-License-Identifier: BSD-2-Clause */
/* A process `a` with a request page, and the children that it starts. */
#ifndef CAPOS_TESTS_UNIT_KERNEL_SPAWN_BENCH_H
#define CAPOS_TESTS_UNIT_KERNEL_SPAWN_BENCH_H

#include "tests/unit/kernel/system_bench.h"

#define GRANTS 4u

extern struct root a;
extern cap_id page; /* a MemoryObject of a's for requests, mapped at request_bytes */
extern uint8_t *request_bytes;
/* What the next start_call asks for. */
extern struct spawn_request request;
extern struct spawn_grant grants[STARTUP_GRANTS_MAX];

void spawn_bench_start(void);
struct spawn_grant give(const char *name, cap_id cap, bool move);
struct ring_submission start_call(uint64_t program, uint32_t count);
/* The number of the process that was made last. */
uint16_t newest(void);
/* Started by a with timer, serial, endpoint source and memory source, in this order. */
cap_id start_child(uint16_t *child);
/* One of `parent`, which holds a spawner and a memory source as its first two grants. Its Process capability.
 */
cap_id start_grandchild(uint16_t parent, uint16_t *child);
void stops(uint16_t p, enum processor_event event, uint32_t code);

#endif
