/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64, and the compare. Values here may be secrets, but their characters are no secret from who holds
 * them: the tables are looked up by value. */
#include "user/webd/protocol/base64.h"

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

static uint32_t encode(const char *alphabet, const uint8_t *in, uint32_t bytes, char *out)
{
    uint32_t used = 0, bits = 0, held = 0;

    for (uint32_t i = 0; i < bytes; i++) {
        held = (held << 8 | in[i]) & 0xffffu;
        for (bits += 8u; bits >= 6u; bits -= 6u)
            out[used++] = alphabet[held >> (bits - 6u) & 63u];
    }
    if (bits > 0)
        out[used++] = alphabet[held << (6u - bits) & 63u];
    return used;
}

void base64url(const uint8_t *in, uint32_t bytes, char *out)
{
    (void)encode(url, in, bytes, out);
}

void base64(const uint8_t *in, uint32_t bytes, char *out)
{
    for (uint32_t used = encode(standard, in, bytes, out); used < BASE64_BYTES(bytes); used++)
        out[used] = '=';
}

bool base64_is_16(const char *text, uint32_t count)
{
    if (count != BASE64_BYTES(16u) || text[22] != '=' || text[23] != '=')
        return false;
    for (uint32_t i = 0; i < 22u; i++) {
        uint32_t value = 0;

        while (value < 64u && standard[value] != text[i])
            value++;
        if (value == 64u || (i == 21u && value % 16u != 0))
            return false;
    }
    return true;
}

bool same_time_equal(const void *a, const void *b, uint32_t bytes)
{
    const uint8_t *one = a, *other = b;
    uint32_t differs = 0;

    for (uint32_t i = 0; i < bytes; i++) {
        differs |= (uint32_t)(one[i] ^ other[i]);
        __asm__("" : "+r"(differs)); /* the compiler may not stop at the first that differs */
    }
    return differs == 0;
}
