/* SPDX-License-Identifier: BSD-2-Clause */
/* BearSSL does the work. lwIP asks without a context: this file holds the one pointer that answers it. */
#include "stack/netd/random.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "bearssl_hash.h"
#include "bearssl_hmac.h"
#include "hooks.h"

#define ISN_TICK_NS 4000u /* RFC 6528, 3 */

static struct {
    struct random *random;
    uint64_t (*clock)(void *context);
    void *context;
} serving;

void random_seed(struct random *r, const void *entropy, size_t bytes)
{
    ASSERT(bytes >= RANDOM_SEED_MIN);
    br_hmac_drbg_init(&r->drbg, &br_sha256_vtable, entropy, bytes);
    r->draws = 0;
    random_bytes(r, r->key, sizeof(r->key));
}

void random_reseed(struct random *r, const void *entropy, size_t bytes)
{
    ASSERT(bytes >= RANDOM_SEED_MIN);
    br_hmac_drbg_update(&r->drbg, entropy, bytes);
    r->draws = 0;
}

bool random_wants_seed(const struct random *r)
{
    return r->draws >= RANDOM_DRAWS_MAX;
}

void random_bytes(struct random *r, void *out, size_t bytes)
{
    ASSERT(bytes <= RANDOM_BYTES_MAX);
    br_hmac_drbg_generate(&r->drbg, out, bytes);
    r->draws++;
}

uint32_t random_u32(struct random *r)
{
    uint32_t value = 0;

    random_bytes(r, &value, sizeof(value));
    return value;
}

static void put_endpoint(uint8_t *out, const struct random_endpoint *end)
{
    memcpy(out, end->address, sizeof(end->address));
    out[4] = (uint8_t)(end->port >> 8);
    out[5] = (uint8_t)end->port;
}

uint32_t random_isn(const struct random *r, uint64_t now_ns, const struct random_endpoint *local,
                    const struct random_endpoint *remote)
{
    uint8_t ends[12];
    uint32_t hash = 0;
    br_hmac_key_context key;
    br_hmac_context mac;

    put_endpoint(ends, local);
    put_endpoint(ends + 6, remote);
    br_hmac_key_init(&key, &br_sha256_vtable, r->key, sizeof(r->key));
    br_hmac_init(&mac, &key, sizeof(hash));
    br_hmac_update(&mac, ends, sizeof(ends));
    (void)br_hmac_out(&mac, &hash);
    return (uint32_t)(now_ns / ISN_TICK_NS) + hash;
}

void random_serve_lwip(struct random *r, uint64_t (*clock)(void *context), void *context)
{
    serving.random = r;
    serving.clock = clock;
    serving.context = context;
}

uint32_t netd_random32(void)
{
    ASSERT(serving.random != NULL);
    return random_u32(serving.random);
}

static struct random_endpoint endpoint(const ip_addr_t *address, u16_t port)
{
    struct random_endpoint end = {.port = port};
    const u32_t word = ip4_addr_get_u32(ip_2_ip4(address)); /* as it is sent */

    memcpy(end.address, &word, sizeof(end.address));
    return end;
}

u32_t netd_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port)
{
    ASSERT(serving.random != NULL);
    const struct random_endpoint here = endpoint(local, local_port);
    const struct random_endpoint there = endpoint(remote, remote_port);

    return random_isn(serving.random, serving.clock(serving.context), &here, &there);
}
