/* SPDX-License-Identifier: BSD-2-Clause */
/* UTF-8 by RFC 3629, byte by byte: no overlong forms, no surrogates, nothing above 10ffff. */
#ifndef CAPOS_USER_WEBD_UTF8_H
#define CAPOS_USER_WEBD_UTF8_H

#include <stdbool.h>
#include <stdint.h>

/* Zero: at the beginning of a character. */
struct utf8 {
    uint8_t due; /* bytes that the character under way still needs */
    uint8_t low, high; /* what the next of them may be, if `due` is not 0 */
};

/* One more byte. False: it cannot stand here; the state is as at the beginning. */
bool utf8_byte(struct utf8 *u, uint8_t byte);
/* Whether all of it is whole characters. */
bool utf8_whole(const uint8_t *bytes, uint32_t count);

#endif
