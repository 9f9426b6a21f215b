/* SPDX-License-Identifier: BSD-2-Clause */
/* SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104), over BearSSL. */
#ifndef CAPOS_KERNEL_CORE_DIGEST_H
#define CAPOS_KERNEL_CORE_DIGEST_H

#include <stddef.h>
#include <stdint.h>

#define DIGEST_BYTES 32u

/* State of a running hash: the caller places it; contents belong to digest.c. */
struct digest_sha256 {
    _Alignas(8) uint8_t state[128];
};

struct digest_part {
    const void *bytes;
    size_t count;
};

void digest_sha256_init(struct digest_sha256 *digest);
void digest_sha256_update(struct digest_sha256 *digest, const void *bytes, size_t count);
void digest_sha256_final(struct digest_sha256 *digest, uint8_t out[DIGEST_BYTES]);

/* HMAC over the parts in order, keyed with 32 bytes. */
void digest_hmac_sha256(const uint8_t key[DIGEST_BYTES], const struct digest_part *parts, size_t part_count,
                        uint8_t out[DIGEST_BYTES]);

#endif
