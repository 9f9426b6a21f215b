/* SPDX-License-Identifier: BSD-2-Clause */
/* The bounded text builder. Owns no memory; trusts its caller's buffer and nothing else. */
#include "evidence/text.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define U64_DIGITS_MAX 20u
#define STRING_BYTES_MAX 4096u /* bounds the scan for the end of a constant */

struct text text_over(char *buffer, size_t capacity)
{
    ASSERT(buffer != NULL);
    ASSERT(capacity > 0);
    return (struct text){.at = buffer, .used = 0, .capacity = capacity, .overflow = false};
}

void text_bytes(struct text *t, const char *bytes, size_t count)
{
    ASSERT(t->used <= t->capacity);
    if (t->overflow || count > t->capacity - t->used) {
        t->overflow = true;
        return;
    }
    memcpy(t->at + t->used, bytes, count);
    t->used += count;
}

void text_string(struct text *t, const char *string)
{
    ASSERT(string != NULL);
    size_t count = 0;
    while (count < STRING_BYTES_MAX && string[count] != '\0')
        count++;
    ASSERT(count < STRING_BYTES_MAX);
    text_bytes(t, string, count);
}

void text_u64(struct text *t, uint64_t value)
{
    char digits[U64_DIGITS_MAX];
    size_t at = U64_DIGITS_MAX;
    do {
        ASSERT(at > 0);
        digits[--at] = (char)('0' + value % 10u);
        value /= 10u;
    } while (value != 0);
    text_bytes(t, digits + at, U64_DIGITS_MAX - at);
}

static char hex_digit(uint64_t value)
{
    return "0123456789abcdef"[value & 0xfu];
}

void text_hex(struct text *t, uint64_t value, unsigned digits)
{
    ASSERT(digits >= 1 && digits <= 16);
    ASSERT(digits == 16 || value >> (4u * digits) == 0);
    char out[16];
    for (unsigned i = 0; i < digits; i++)
        out[i] = hex_digit(value >> (4u * (digits - 1u - i)));
    text_bytes(t, out, digits);
}

void text_hex_bytes(struct text *t, const uint8_t *bytes, size_t count)
{
    ASSERT(bytes != NULL);
    for (size_t i = 0; i < count; i++)
        text_hex(t, bytes[i], 2);
}

void text_bdf(struct text *t, uint16_t bdf)
{
    text_hex(t, bdf >> 8, 2);
    text_bytes(t, ":", 1);
    text_hex(t, (bdf >> 3) & 0x1fu, 2);
    text_bytes(t, ".", 1);
    text_hex(t, bdf & 7u, 1);
}

void text_mac(struct text *t, const uint8_t mac[6])
{
    for (unsigned i = 0; i < 6; i++) {
        if (i > 0)
            text_bytes(t, ":", 1);
        text_hex(t, mac[i], 2);
    }
}
