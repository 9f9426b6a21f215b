/* SPDX-License-Identifier: BSD-2-Clause */
/* The package's hashes: over the whole, before any other part of it is read, and over each program file. */
#include "abi/memory.h"
#include "kernel/core/digest.h"
#include "kernel/core/package_parts.h"

_Static_assert(sizeof((struct package_header){0}.hash) == DIGEST_BYTES, "ABI");

static bool whole_same(const struct package *p)
{
    const size_t hash_at = offsetof(struct package_header, hash);
    const size_t rest_at = hash_at + DIGEST_BYTES;
    const uint8_t zeros[DIGEST_BYTES] = {0};
    uint8_t hash[DIGEST_BYTES];
    struct digest_sha256 digest;

    digest_sha256_init(&digest);
    digest_sha256_update(&digest, p->bytes, hash_at);
    digest_sha256_update(&digest, zeros, sizeof zeros);
    digest_sha256_update(&digest, p->bytes + rest_at, p->header->bytes - rest_at);
    digest_sha256_final(&digest, hash);
    return memcmp(hash, p->header->hash, sizeof hash) == 0;
}

static bool file_same(const struct package *p, uint32_t program)
{
    uint8_t hash[DIGEST_BYTES];
    struct digest_sha256 digest;
    uint32_t bytes;
    const uint8_t *file = package_file(p, program, &bytes);

    digest_sha256_init(&digest);
    digest_sha256_update(&digest, file, bytes);
    digest_sha256_final(&digest, hash);
    return memcmp(hash, p->programs[program].hash, sizeof hash) == 0;
}

enum package_error package_check(const uint8_t *bytes, size_t n, struct package *out,
                                 struct package_place *at)
{
    struct package_place nowhere;
    struct package_place *place = at ? at : &nowhere;
    enum package_error error = package_check_header(bytes, n, out, place);

    if (error != PACKAGE_OK)
        return error;
    if (!whole_same(out))
        return PACKAGE_E_HASH;
    error = package_check_rest(out, place);
    for (uint32_t i = 0; error == PACKAGE_OK && i < out->header->programs; i++) {
        if (!file_same(out, i)) {
            *place = (struct package_place){PACKAGE_PROGRAMS, (uint16_t)i};
            error = PACKAGE_E_PROGRAM;
        }
    }
    return error;
}
