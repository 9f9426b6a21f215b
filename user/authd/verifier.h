/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's verifier and the check against it: Argon2id, version 19, one lane. Pure but for the memory
 * that a check is lent. The verifier comes from the boot line and is compared, never followed; a secret is
 * anybody's. */
#ifndef CAPOS_USER_AUTHD_VERIFIER_H
#define CAPOS_USER_AUTHD_VERIFIER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define VERIFIER_SALT_BYTES_MAX 48u
#define VERIFIER_HASH_BYTES_MIN 16u
#define VERIFIER_HASH_BYTES_MAX 64u
#define VERIFIER_PASSES_MAX     64u

struct verifier {
    uint32_t memory_kib, passes;
    uint32_t salt_bytes, hash_bytes;
    uint8_t salt[VERIFIER_SALT_BYTES_MAX];
    uint8_t hash[VERIFIER_HASH_BYTES_MAX];
};

enum verifier_error {
    VERIFIER_OK = 0,
    VERIFIER_E_SHAPE, /* not $argon2id$v=19$m=KIB,t=PASSES,p=1$SALT$HASH */
    VERIFIER_E_MEMORY, /* asks for more memory than there is */
    VERIFIER_E_PASSES /* asks for more passes than VERIFIER_PASSES_MAX */
};

/* `text`: `bytes` of it, not terminated. `memory_kib`: what a check may use. */
enum verifier_error verifier_read(struct verifier *v, const char *text, size_t bytes, uint32_t memory_kib);
/* Is it the secret? `memory`: v->memory_kib KiB, 8-aligned, any content, zeroes afterwards; `secret`: its
 * bytes are zeroes afterwards. The time that the comparison takes does not depend on what is compared. */
bool verifier_check(const struct verifier *v, uint8_t *secret, uint32_t bytes, uint8_t *memory);
/* *v becomes the verifier of that secret: as costly as it was, its hash as long, with this salt, of 8 to
 * VERIFIER_SALT_BYTES_MAX bytes. `memory` and `secret` as above. */
void verifier_change(struct verifier *v, const uint8_t *salt, uint32_t salt_bytes, uint8_t *secret,
                     uint32_t bytes, uint8_t *memory);
/* "ok", "not an Argon2id verifier", ... */
const char *verifier_error_name(enum verifier_error error);

#endif
