/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to what a metadata server answers (user/metad/answer.c). An input is the answer, in
 * memory of just its size. A nonce that is handed out has 32 digits and stands at the answer's end, or this
 * aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fuzz/room.h"
#include "user/metad/answer.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[METADATA_ERROR_COUNT] = {"ok",     "short", "status", "code",
                                                        "flavor", "body",  "long"};
static unsigned long counts[METADATA_ERROR_COUNT], inputs;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "answers: inputs=%lu", inputs);
    for (unsigned i = 0; i < METADATA_ERROR_COUNT; i++)
        fprintf(stderr, " %s=%lu", names[i], counts[i]);
    fputc('\n', stderr);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    struct metadata_answer out;
    char *text = malloc(bytes > 0 ? bytes : 1u);

    if (text == NULL)
        abort();
    memcpy(text, data, bytes);
    const enum metadata_error error = metadata_parse(text, bytes, &out);
    need(error < METADATA_ERROR_COUNT && metadata_error_name(error) != NULL);
    if (error == METADATA_OK) {
        need(out.status == 200 && bytes <= METADATA_ANSWER_MAX && bytes > METADATA_NONCE_DIGITS);
        need(strnlen(out.nonce, sizeof out.nonce) == METADATA_NONCE_DIGITS);
        need(strspn(out.nonce, "0123456789abcdef") == METADATA_NONCE_DIGITS);
        need(memcmp(text + bytes - METADATA_NONCE_DIGITS, out.nonce, METADATA_NONCE_DIGITS) == 0);
    }
    inputs++;
    counts[error]++;
    free(text);
    return 0;
}
