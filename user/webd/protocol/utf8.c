/* SPDX-License-Identifier: BSD-2-Clause */
/* The grammar of RFC 3629 4: the first byte says how many follow and what the second may be. */
#include "user/webd/protocol/utf8.h"

#define TAIL_LOW  0x80u
#define TAIL_HIGH 0xbfu

static const struct {
    uint8_t first, last; /* of the first byte */
    uint8_t due, low, high;
} leads[] = {
    {0xc2, 0xdf, 1, TAIL_LOW, TAIL_HIGH}, {0xe0, 0xe0, 2, 0xa0, TAIL_HIGH},
    {0xe1, 0xec, 2, TAIL_LOW, TAIL_HIGH}, {0xed, 0xed, 2, TAIL_LOW, 0x9f},
    {0xee, 0xef, 2, TAIL_LOW, TAIL_HIGH}, {0xf0, 0xf0, 3, 0x90, TAIL_HIGH},
    {0xf1, 0xf3, 3, TAIL_LOW, TAIL_HIGH}, {0xf4, 0xf4, 3, TAIL_LOW, 0x8f},
};

bool utf8_byte(struct utf8 *u, uint8_t byte)
{
    if (u->due > 0) {
        const bool fits = byte >= u->low && byte <= u->high;

        *u = (struct utf8){fits ? (uint8_t)(u->due - 1u) : 0, TAIL_LOW, TAIL_HIGH};
        return fits;
    }
    if (byte < TAIL_LOW)
        return true;
    for (uint32_t i = 0; i < sizeof(leads) / sizeof(leads[0]); i++)
        if (byte >= leads[i].first && byte <= leads[i].last) {
            *u = (struct utf8){leads[i].due, leads[i].low, leads[i].high};
            return true;
        }
    return false;
}

bool utf8_whole(const uint8_t *bytes, uint32_t count)
{
    struct utf8 u = {0, 0, 0};

    for (uint32_t i = 0; i < count; i++)
        if (!utf8_byte(&u, bytes[i]))
            return false;
    return u.due == 0;
}
