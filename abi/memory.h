/* SPDX-License-Identifier: BSD-2-Clause */
/* The memcpy family for freestanding code: each world that links a room supplies these four, and nothing else
 * of libc. */
#ifndef CAPOS_ABI_MEMORY_H
#define CAPOS_ABI_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);
void *memset(void *to, int byte, size_t bytes);
int memcmp(const void *a, const void *b, size_t bytes);

#endif
