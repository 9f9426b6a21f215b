/* SPDX-License-Identifier: BSD-2-Clause */
/* The memcpy family of the kernel world. Plain loops of eight bytes: `rep movsb` costs 30 ms a MiB under
 * emulation, and the kernel has no vector registers. Built with the options that keep the compiler from
 * calling these from these. */
#include "abi/memory.h"

#include <stdint.h>

#define WORD  sizeof(uint64_t)
#define BLOCK (4u * WORD)

/* Eight bytes at any address, of whatever type lies there. */
typedef uint64_t __attribute__((may_alias, aligned(1))) word;

void *memcpy(void *restrict to, const void *restrict from, size_t bytes)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    for (; bytes >= BLOCK; bytes -= BLOCK, in += BLOCK, out += BLOCK) {
        const word a = ((const word *)in)[0];
        const word b = ((const word *)in)[1];
        const word c = ((const word *)in)[2];
        const word d = ((const word *)in)[3];
        ((word *)out)[0] = a;
        ((word *)out)[1] = b;
        ((word *)out)[2] = c;
        ((word *)out)[3] = d;
    }
    for (; bytes >= WORD; bytes -= WORD, in += WORD, out += WORD)
        *(word *)out = *(const word *)in;
    for (; bytes > 0; bytes--)
        *out++ = *in++;
    return to;
}

void *memmove(void *to, const void *from, size_t bytes)
{
    uint8_t *out = to;
    const uint8_t *in = from;
    if ((uintptr_t)out - (uintptr_t)in >= bytes) { /* upwards never overtakes what is still to be read */
        for (; bytes >= WORD; bytes -= WORD, in += WORD, out += WORD)
            *(word *)out = *(const word *)in;
        for (; bytes > 0; bytes--)
            *out++ = *in++;
        return to;
    }
    for (; bytes >= WORD; bytes -= WORD)
        *(word *)(out + bytes - WORD) = *(const word *)(in + bytes - WORD);
    for (; bytes > 0; bytes--)
        out[bytes - 1u] = in[bytes - 1u];
    return to;
}

void *memset(void *to, int byte, size_t bytes)
{
    uint8_t *out = to;
    const word pattern = 0x0101010101010101ull * (uint8_t)byte;
    for (; bytes >= BLOCK; bytes -= BLOCK, out += BLOCK) {
        ((word *)out)[0] = pattern;
        ((word *)out)[1] = pattern;
        ((word *)out)[2] = pattern;
        ((word *)out)[3] = pattern;
    }
    for (; bytes >= WORD; bytes -= WORD, out += WORD)
        *(word *)out = pattern;
    for (; bytes > 0; bytes--)
        *out++ = (uint8_t)byte;
    return to;
}

int memcmp(const void *a, const void *b, size_t bytes)
{
    const uint8_t *left = a;
    const uint8_t *right = b;
    for (; bytes >= WORD && *(const word *)left == *(const word *)right;
         bytes -= WORD, left += WORD, right += WORD)
        continue;
    for (; bytes > 0; bytes--, left++, right++)
        if (*left != *right)
            return *left < *right ? -1 : 1;
    return 0;
}
