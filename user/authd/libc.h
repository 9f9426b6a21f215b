/* SPDX-License-Identifier: BSD-2-Clause */
/* What Argon2's reference code calls of a libc beside the memcpy family, under names of our own
 * (CMakeLists.txt of this folder). */
#ifndef CAPOS_USER_AUTHD_LIBC_H
#define CAPOS_USER_AUTHD_LIBC_H

#include <stddef.h>

/* There is no heap: NULL. The memory of a check comes through the library's own allocator hook. */
void *argon2_libc_take(size_t bytes);
void argon2_libc_give(void *at);
/* Zeroes, also what nobody reads afterwards. */
void argon2_libc_wipe(void *at, size_t bytes);
/* Bytes before the zero byte. */
size_t argon2_libc_length(const char *text);
/* Of at most `count` bytes, as unsigned numbers: below, at or above zero. */
int argon2_libc_compare(const char *a, const char *b, size_t count);
/* For the encoder, which only the host program uses: to reach it in a program is a bug. */
int argon2_libc_print(char *out, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
