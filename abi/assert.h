/* SPDX-License-Identifier: BSD-2-Clause */
/* Assertions for our own bugs: always on, in every build. Nothing that a device, a program, a network, a file
 * or a user says may reach one. The world that links a room supplies `capos_assert_failed`. */
#ifndef CAPOS_ABI_ASSERT_H
#define CAPOS_ABI_ASSERT_H

_Noreturn void capos_assert_failed(const char *expression, const char *file, unsigned line);

#define ASSERT(expression) \
    ((expression) ? (void)0 : capos_assert_failed(#expression, __FILE__, (unsigned)__LINE__))

#endif
