/* SPDX-License-Identifier: BSD-2-Clause */
/* What the program around lwIP supplies: a clock of the test's, a seeded generator, and an end. */
#ifndef CAPOS_TESTS_UNIT_STACK_WORLD_H
#define CAPOS_TESTS_UNIT_STACK_WORLD_H

#include <stdint.h>

extern uint64_t world_now_ns;

/* Seeds the generator that lwIP draws from with a fixed text, and starts lwIP. */
void world_start(void);

#endif
