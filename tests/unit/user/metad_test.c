/* SPDX-License-Identifier: BSD-2-Clause */
/* What metad makes of an answer: each way that one is none is refused by its own name, and no answer that was
 * cut anywhere gives a nonce. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "user/metad/answer.h"

#define NONCE "00112233445566778899aabbccddeeff"
#define GOOD  "HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nContent-Length: 32\r\n\r\n" NONCE

static enum metadata_error parse(const char *text, struct metadata_answer *out)
{
    return metadata_parse(text, strlen(text), out);
}

Test(metad, an_answer_gives_its_nonce)
{
    static const char *const good[] = {
        GOOD,
        "HTTP/1.0 200 OK\r\nmetadata-flavor:Google\r\n\r\n" NONCE,
        "HTTP/1.1 200 OK\r\nDate: Thu, 01 Jan 1970 00:00:00 GMT\r\nMETADATA-FLAVOR: \tGoogle \r\nServer: "
        "Metadata "
        "Server for VM\r\ncontent-length: 32\r\n\r\n" NONCE,
    };
    struct metadata_answer a;

    for (unsigned i = 0; i < sizeof good / sizeof *good; i++) {
        cr_assert_eq(parse(good[i], &a), METADATA_OK, "%s: %s", good[i],
                     metadata_error_name(parse(good[i], &a)));
        cr_assert_eq(a.status, 200);
        cr_assert_str_eq(a.nonce, NONCE);
    }
}

Test(metad, what_is_no_answer_is_refused_by_name)
{
    static const struct {
        const char *text;
        enum metadata_error error;
    } cases[] = {
        {"", METADATA_E_SHORT},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n", METADATA_E_SHORT},
        {"SSH-2.0-OpenSSH\r\n\r\n", METADATA_E_STATUS},
        {"HTTP/1.1 2x0 OK\r\n\r\n", METADATA_E_STATUS},
        {"HTTP/2.0 200 OK\r\n\r\n", METADATA_E_STATUS},
        {"HTTP/1.1 404 Not Found\r\nMetadata-Flavor: Google\r\n\r\n" NONCE, METADATA_E_CODE},
        {"HTTP/1.1 503 Busy\r\nMetadata-Flavor: Google\r\n\r\n", METADATA_E_CODE},
        {"HTTP/1.1 200 OK\r\n\r\n" NONCE, METADATA_E_FLAVOR},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Goggle\r\n\r\n" NONCE, METADATA_E_FLAVOR},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google2\r\n\r\n" NONCE, METADATA_E_FLAVOR},
        {"HTTP/1.1 200 OK\r\nX-Metadata-Flavor: Google\r\n\r\n" NONCE, METADATA_E_FLAVOR},
        {"HTTP/1.1 200 OK\r\n\r\nMetadata-Flavor: Google\r\n" NONCE, METADATA_E_FLAVOR},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\n" NONCE "\n", METADATA_E_BODY},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\n00112233445566778899aabbccddeeF0",
         METADATA_E_BODY},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\n\r\n", METADATA_E_BODY},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nContent-Length: 33\r\n\r\n" NONCE, METADATA_E_SHORT},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nContent-Length: -1\r\n\r\n" NONCE, METADATA_E_SHORT},
        {"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nContent-Length: 18446744073709551648\r\n\r\n" NONCE,
         METADATA_E_SHORT},
    };
    struct metadata_answer a;

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        const enum metadata_error error = parse(cases[i].text, &a);

        cr_assert_eq(error, cases[i].error, "%s: %s", cases[i].text, metadata_error_name(error));
    }
}

Test(metad, no_answer_that_was_cut_gives_a_nonce)
{
    struct metadata_answer a;
    char text[sizeof GOOD];

    for (size_t bytes = 0; bytes < sizeof GOOD - 1u; bytes++) {
        memcpy(text, GOOD, bytes);
        cr_assert_neq(metadata_parse(text, bytes, &a), METADATA_OK, "cut at %zu", bytes);
    }
}

Test(metad, an_answer_beyond_its_bound_is_refused)
{
    static char text[METADATA_ANSWER_MAX + 1u];
    struct metadata_answer a;

    memset(text, 'x', sizeof text);
    cr_assert_eq(metadata_parse(text, sizeof text, &a), METADATA_E_LONG);
    cr_assert_eq(metadata_parse(text, sizeof text - 1u, &a), METADATA_E_SHORT);
    for (unsigned i = 0; i < METADATA_ERROR_COUNT; i++)
        cr_assert(metadata_error_name(i) != NULL && metadata_error_name(i)[0] != 0);
}
