/* SPDX-License-Identifier: BSD-2-Clause */
/* The metadata server's answer, as bytes of a stranger: a pure decision over one copy. */
#ifndef CAPOS_USER_METAD_ANSWER_H
#define CAPOS_USER_METAD_ANSWER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METADATA_NONCE_DIGITS 32u
#define METADATA_ANSWER_MAX   4096u

enum metadata_error {
    METADATA_OK = 0,
    METADATA_E_SHORT, /* the connection ended before the answer did */
    METADATA_E_STATUS, /* no status line of HTTP/1.x */
    METADATA_E_CODE, /* another status than 200 */
    METADATA_E_FLAVOR, /* no `Metadata-Flavor: Google`: not the metadata server */
    METADATA_E_BODY, /* not 32 hex digits */
    METADATA_E_LONG, /* more than METADATA_ANSWER_MAX bytes */
    METADATA_ERROR_COUNT
};

struct metadata_answer {
    uint16_t status; /* 0: none was read */
    char nonce[METADATA_NONCE_DIGITS + 1];
};

/* `text`: all that came until the peer said that no more comes (RFC 9112, 6.3: a body without framing ends
 * with the connection; a Content-Length has to agree with it). `out` is set as far as it was read. */
enum metadata_error metadata_parse(const char *text, size_t bytes, struct metadata_answer *out);
const char *metadata_error_name(enum metadata_error error);

#endif
