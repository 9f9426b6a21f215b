/* SPDX-License-Identifier: BSD-2-Clause */
/* Builds text in a buffer of the caller: bounded, without formats, without a libc. Once something does not
 * fit, nothing more is written and `overflow` stays set: the caller asks once, at the end. The text is not
 * terminated by a zero byte. */
#ifndef CAPOS_EVIDENCE_TEXT_H
#define CAPOS_EVIDENCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct text {
    char *at;
    size_t used;      /* bytes written */
    size_t capacity;  /* bytes at `at` */
    bool overflow;
};

/* An empty text over `capacity` bytes that the caller keeps alive. */
struct text text_over(char *buffer, size_t capacity);
void text_bytes(struct text *t, const char *bytes, size_t count);
/* `string` ends with a zero byte. */
void text_string(struct text *t, const char *string);
/* Decimal, without leading zeros. */
void text_u64(struct text *t, uint64_t value);
/* `digits` lower-case hexadecimal digits, 1 to 16, leading zeros kept, no 0x. */
void text_hex(struct text *t, uint64_t value, unsigned digits);
/* Two digits a byte, in memory order. */
void text_hex_bytes(struct text *t, const uint8_t *bytes, size_t count);
/* bus:device.function, as 00:04.0. */
void text_bdf(struct text *t, uint16_t bdf);
/* 52:54:00:12:34:56 */
void text_mac(struct text *t, const uint8_t mac[6]);

#endif
