/* SPDX-License-Identifier: BSD-2-Clause */
/* The functions of a libc that Argon2's reference code calls, for a program. */
#include "user/authd/libc.h"

#include "abi/assert.h"
#include "abi/memory.h"

void *argon2_libc_take(size_t bytes)
{
    (void)bytes;
    return NULL;
}

void argon2_libc_give(void *at)
{
    ASSERT(at == NULL); /* nothing was ever taken */
}

void argon2_libc_wipe(void *at, size_t bytes)
{
    memset(at, 0, bytes);
    __asm__("" : : "r"(at) : "memory"); /* the bytes may be read behind the compiler's back */
}

size_t argon2_libc_length(const char *text)
{
    size_t n = 0;

    while (text[n] != 0)
        n++;
    return n;
}

int argon2_libc_compare(const char *a, const char *b, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (a[i] != b[i])
            return (unsigned char)a[i] < (unsigned char)b[i] ? -1 : 1;
        if (a[i] == 0)
            break;
    }
    return 0;
}

int argon2_libc_print(char *out, const char *format, ...)
{
    (void)out;
    ASSERT(format == NULL);
    return 0;
}
