/* SPDX-License-Identifier: BSD-2-Clause */
/* Base64 as the web's protocols write it (RFC 4648), and a compare that takes the same time whatever differs.
 */
#ifndef CAPOS_USER_WEBD_BASE64_H
#define CAPOS_USER_WEBD_BASE64_H

#include <stdbool.h>
#include <stdint.h>

/* Characters of `bytes` bytes: without padding, and with it. */
#define BASE64URL_BYTES(bytes) (((bytes)*4u + 2u) / 3u)
#define BASE64_BYTES(bytes)    (((bytes) + 2u) / 3u * 4u)

/* RFC 4648 5, without padding: BASE64URL_BYTES(bytes) characters, not terminated. */
void base64url(const uint8_t *in, uint32_t bytes, char *out);
/* RFC 4648 4, padded: BASE64_BYTES(bytes) characters, not terminated. */
void base64(const uint8_t *in, uint32_t bytes, char *out);
/* Whether `text` is the canonical padded form of just 16 bytes: 22 characters of which the last has no loose
 * bits, and
 * `==` (RFC 6455 4.1, Sec-WebSocket-Key). */
bool base64_is_16(const char *text, uint32_t count);
/* Whether two runs of bytes are equal; the time depends on `bytes` alone. */
bool same_time_equal(const void *a, const void *b, uint32_t bytes);

#endif
