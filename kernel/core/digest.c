/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 and HMAC-SHA-256 behind our own names: BearSSL does the work, its types stay in this file. */
#include "kernel/core/digest.h"

#include "abi/assert.h"
#include "bearssl_hash.h"
#include "bearssl_hmac.h"

_Static_assert(sizeof(br_sha256_context) <= sizeof(struct digest_sha256),
               "the state holds BearSSL's context");
_Static_assert(br_sha256_SIZE == DIGEST_BYTES, "SHA-256 makes 32 bytes");

#define PARTS_MAX 64u

static br_sha256_context *context_of(struct digest_sha256 *digest)
{
    return (br_sha256_context *)(void *)digest->state;
}

void digest_sha256_init(struct digest_sha256 *digest)
{
    ASSERT(digest != NULL);
    br_sha256_init(context_of(digest));
}

void digest_sha256_update(struct digest_sha256 *digest, const void *bytes, size_t count)
{
    ASSERT(bytes != NULL || count == 0);
    br_sha256_update(context_of(digest), bytes, count);
}

void digest_sha256_final(struct digest_sha256 *digest, uint8_t out[DIGEST_BYTES])
{
    ASSERT(out != NULL);
    br_sha256_out(context_of(digest), out);
}

void digest_hmac_sha256(const uint8_t key[DIGEST_BYTES], const struct digest_part *parts, size_t part_count,
                        uint8_t out[DIGEST_BYTES])
{
    br_hmac_key_context prepared;
    br_hmac_context context;

    ASSERT(key != NULL);
    ASSERT(part_count <= PARTS_MAX);
    br_hmac_key_init(&prepared, &br_sha256_vtable, key, DIGEST_BYTES);
    br_hmac_init(&context, &prepared, 0);
    for (size_t i = 0; i < part_count; i++)
        br_hmac_update(&context, parts[i].bytes, parts[i].count);
    (void)br_hmac_out(&context, out);
}
