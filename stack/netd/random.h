/* SPDX-License-Identifier: BSD-2-Clause */
/* Numbers that nobody outside can guess, for one process: HMAC_DRBG over SHA-256 (SP 800-90A, 10.1.2), and
 * the initial sequence numbers of RFC 6528. What it gives is as good as the bytes that it was seeded with. */
#ifndef CAPOS_STACK_NETD_RANDOM_H
#define CAPOS_STACK_NETD_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bearssl_rand.h"

#define RANDOM_SEED_MIN  32u /* bytes of entropy: 256 bits */
#define RANDOM_BYTES_MAX 65536u /* of one request: SP 800-90A, table 2 */
#define RANDOM_DRAWS_MAX (1u << 16) /* requests before it wants a seed; the standard would allow 2^48 */
#define RANDOM_KEY_BYTES 32u

struct random {
    br_hmac_drbg_context drbg;
    uint8_t key[RANDOM_KEY_BYTES]; /* of sequence numbers: one for the life of the process */
    uint64_t draws; /* since the last seed */
};

struct random_endpoint {
    uint8_t address[4]; /* IPv4, first byte first */
    uint16_t port;
};

/* First use. `entropy`: RANDOM_SEED_MIN bytes or more, of the kernel's; the caller wipes them. */
void random_seed(struct random *r, const void *entropy, size_t bytes);
/* Adds entropy to what is there: what was drawn before says nothing of what comes. Bytes as above. */
void random_reseed(struct random *r, const void *entropy, size_t bytes);
/* Time for random_reseed. It gives numbers nevertheless. */
bool random_wants_seed(const struct random *r);
/* 0 to RANDOM_BYTES_MAX bytes. */
void random_bytes(struct random *r, void *out, size_t bytes);
uint32_t random_u32(struct random *r);
/* A connection's first sequence number: a clock of 4 us plus a keyed hash of its two ends. `now_ns` never
 * goes back, so for one pair of ends the number only rises; between pairs, and between processes, there is no
 * relation. */
uint32_t random_isn(const struct random *r, uint64_t now_ns, const struct random_endpoint *local,
                    const struct random_endpoint *remote);

/* What lwIP draws from: its callbacks have no context. `clock` is nanoseconds that never go back. All three
 * outlive lwIP. Before this call lwIP may not run. */
void random_serve_lwip(struct random *r, uint64_t (*clock)(void *context), void *context);

#endif
