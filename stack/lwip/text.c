/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP calls of a libc beside the memcpy family. */
#include "stack/lwip/text.h"

#include <limits.h>

size_t net_text_length(const char *text)
{
    size_t n = 0;

    while (text[n] != 0)
        n++;
    return n;
}

int net_text_compare(const char *a, const char *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i])
            return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
        if (a[i] == 0)
            break;
    }
    return 0;
}

int net_text_number(const char *text)
{
    int value = 0;

    for (; *text >= '0' && *text <= '9'; text++) {
        const int digit = *text - '0';

        if (value > (INT_MAX - digit) / 10)
            return INT_MAX;
        value = value * 10 + digit;
    }
    return value;
}
