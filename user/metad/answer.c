/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/metad/answer.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define STATUS_BYTES 12u /* HTTP/1.1 200 */

/* `text` begins with `word`, in any case. */
static bool begins(const char *text, size_t bytes, const char *word)
{
    size_t i = 0;

    for (; word[i] != 0; i++) {
        const char c = i < bytes ? text[i] : 0;

        if (c != word[i] && (c < 'A' || c > 'Z' || c + ('a' - 'A') != word[i]))
            return false;
    }
    return true;
}

/* Where the header ends: behind its empty line; 0: nowhere. */
static size_t header_end(const char *text, size_t bytes)
{
    for (size_t i = 0; i + 4u <= bytes; i++) {
        if (memcmp(text + i, "\r\n\r\n", 4) == 0)
            return i + 4u;
    }
    return 0;
}

/* The value of the field `name` (lower case, with its colon), without blanks around it; NULL: no such field.
 */
static const char *field(const char *text, size_t end, const char *name, size_t *bytes)
{
    size_t name_bytes = 0;

    while (name[name_bytes] != 0)
        name_bytes++;
    for (size_t i = 0; i + 2u < end; i++) {
        if (text[i] != '\r' || text[i + 1u] != '\n' || !begins(text + i + 2u, end - i - 2u, name))
            continue;
        size_t first = i + 2u + name_bytes, last = first;
        while (first < end && (text[first] == ' ' || text[first] == '\t'))
            first++;
        for (last = first; last < end && text[last] != '\r';)
            last++;
        while (last > first && (text[last - 1u] == ' ' || text[last - 1u] == '\t'))
            last--;
        *bytes = last - first;
        return text + first;
    }
    return NULL;
}

static bool status_of(const char *text, size_t bytes, uint16_t *out)
{
    if (bytes < STATUS_BYTES || memcmp(text, "HTTP/1.", 7) != 0 || text[8] != ' ')
        return false;
    *out = 0;
    for (size_t i = 9; i < STATUS_BYTES; i++) {
        if (text[i] < '0' || text[i] > '9')
            return false;
        *out = (uint16_t)(*out * 10u + (uint16_t)(text[i] - '0'));
    }
    return true;
}

/* A Content-Length, if there is one, says how long the body is. */
static bool length_agrees(const char *text, size_t end, size_t body)
{
    size_t bytes = 0, value = 0;
    const char *at = field(text, end, "content-length:", &bytes);

    if (at == NULL)
        return true;
    for (size_t i = 0; i < bytes; i++) {
        if (at[i] < '0' || at[i] > '9' || value > METADATA_ANSWER_MAX)
            return false;
        value = value * 10u + (size_t)(at[i] - '0');
    }
    return bytes > 0 && value == body;
}

enum metadata_error metadata_parse(const char *text, size_t bytes, struct metadata_answer *out)
{
    size_t value_bytes = 0;

    ASSERT(text != NULL && out != NULL);
    memset(out, 0, sizeof *out);
    if (bytes > METADATA_ANSWER_MAX)
        return METADATA_E_LONG;
    const size_t end = header_end(text, bytes);
    if (end == 0)
        return METADATA_E_SHORT;
    if (!status_of(text, bytes, &out->status))
        return METADATA_E_STATUS;
    if (out->status != 200)
        return METADATA_E_CODE;
    const char *flavor = field(text, end, "metadata-flavor:", &value_bytes);
    if (flavor == NULL || value_bytes != 6u || memcmp(flavor, "Google", 6) != 0)
        return METADATA_E_FLAVOR;
    if (!length_agrees(text, end, bytes - end))
        return METADATA_E_SHORT;
    if (bytes - end != METADATA_NONCE_DIGITS)
        return METADATA_E_BODY;
    for (size_t i = 0; i < METADATA_NONCE_DIGITS; i++) {
        const char c = text[end + i];

        if ((c < '0' || c > '9') && (c < 'a' || c > 'f'))
            return METADATA_E_BODY;
    }
    memcpy(out->nonce, text + end, METADATA_NONCE_DIGITS);
    return METADATA_OK;
}

const char *metadata_error_name(enum metadata_error error)
{
    static const char *const names[METADATA_ERROR_COUNT] = {"ok",
                                                            "the connection ended before the answer did",
                                                            "the answer has no status line",
                                                            "the server refused",
                                                            "whoever answered is not the metadata server",
                                                            "the value is no nonce",
                                                            "the answer is too long"};

    ASSERT(error < METADATA_ERROR_COUNT);
    return names[error];
}
