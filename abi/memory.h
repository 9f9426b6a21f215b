/* SPDX-License-Identifier: BSD-2-Clause */
/* The four memory functions that freestanding code may call: the compiler may emit calls to them anyway, and each world
 * (kernel image, user program, host process) supplies them. Semantics as in C17, 7.24. */
#ifndef CAPOS_ABI_MEMORY_H
#define CAPOS_ABI_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict destination, const void *restrict source, size_t bytes);
void *memmove(void *destination, const void *source, size_t bytes);
void *memset(void *destination, int value, size_t bytes);
int memcmp(const void *left, const void *right, size_t bytes);

#endif
