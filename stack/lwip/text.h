/* SPDX-License-Identifier: BSD-2-Clause */
/* The three functions on text that lwIP calls, under names of our own (CMakeLists.txt of this folder). */
#ifndef CAPOS_STACK_LWIP_TEXT_H
#define CAPOS_STACK_LWIP_TEXT_H

#include <stddef.h>

/* Bytes before the zero byte. */
size_t net_text_length(const char *text);
/* Of at most `count` bytes, as unsigned numbers: below, at or above zero. */
int net_text_compare(const char *a, const char *b, size_t count);
/* Leading decimal digits; INT_MAX where they are more than that. No sign, no space: lwIP asks for the number
 * in an interface's name. */
int net_text_number(const char *text);

#endif
