/* SPDX-License-Identifier: BSD-2-Clause */
/* Trusts Argon2's reference code with the hash and with the text form; decides what of it is accepted. */
#include "user/authd/verifier.h"

#include "abi/assert.h"
#include "abi/bootparams.h"
#include "abi/memory.h"
#include "argon2.h"
#include "encoding.h"
#include "user/authd/libc.h"

#define STACK_WIPED_BYTES 16384u /* below the caller: more than the library's deepest frames */

/* The library's allocator hook comes without a context: the memory that the check under way was lent. */
static struct {
    uint8_t *at;
    size_t bytes;
} lent;

static int take(uint8_t **memory, size_t bytes)
{
    *memory = bytes <= lent.bytes ? lent.at : NULL;
    return 0;
}

static void give(uint8_t *memory, size_t bytes)
{
    ASSERT(memory == lent.at && bytes <= lent.bytes); /* the library zeroed it */
}

enum verifier_error verifier_read(struct verifier *v, const char *text, size_t bytes, uint32_t memory_kib)
{
    char terminated[BOOT_VERIFIER_BYTES];
    argon2_context c = {.salt = v->salt, .saltlen = sizeof v->salt, .out = v->hash, .outlen = sizeof v->hash};

    if (bytes >= sizeof terminated)
        return VERIFIER_E_SHAPE;
    memcpy(terminated, text, bytes);
    terminated[bytes] = 0;
    if (decode_string(&c, terminated, Argon2_id) != ARGON2_OK || c.version != ARGON2_VERSION_13 ||
        c.lanes != 1 || c.outlen < VERIFIER_HASH_BYTES_MIN)
        return VERIFIER_E_SHAPE;
    v->memory_kib = c.m_cost;
    v->passes = c.t_cost;
    v->salt_bytes = c.saltlen;
    v->hash_bytes = c.outlen;
    if (v->memory_kib > memory_kib)
        return VERIFIER_E_MEMORY;
    return v->passes > VERIFIER_PASSES_MAX ? VERIFIER_E_PASSES : VERIFIER_OK;
}

/* Every byte is looked at, whatever is found. */
static bool same(const uint8_t *a, const uint8_t *b, uint32_t bytes)
{
    uint32_t different = 0;

    for (uint32_t i = 0; i < bytes; i++)
        different |= (uint32_t)(a[i] ^ b[i]);
    return different == 0;
}

static void hash(const struct verifier *v, uint8_t *secret, uint32_t bytes, uint8_t *out)
{
    uint8_t salt[VERIFIER_SALT_BYTES_MAX];
    argon2_context c = {.out = out,
                        .outlen = v->hash_bytes,
                        .pwd = secret,
                        .pwdlen = bytes,
                        .salt = salt,
                        .saltlen = v->salt_bytes,
                        .t_cost = v->passes,
                        .m_cost = v->memory_kib,
                        .lanes = 1,
                        .threads = 1,
                        .version = ARGON2_VERSION_13,
                        .allocate_cbk = take,
                        .free_cbk = give,
                        .flags = ARGON2_FLAG_CLEAR_PASSWORD};

    memcpy(salt, v->salt, sizeof salt);
    const int error = argon2_ctx(&c, Argon2_id);
    ASSERT(error == ARGON2_OK); /* the verifier was read, and the memory is there */
}

__attribute__((noinline)) static bool check(const struct verifier *v, uint8_t *secret, uint32_t bytes)
{
    uint8_t found[VERIFIER_HASH_BYTES_MAX];

    hash(v, secret, bytes, found);
    const bool right = same(found, v->hash, v->hash_bytes);
    argon2_libc_wipe(found, sizeof found);
    return right;
}

__attribute__((noinline)) static void change(struct verifier *v, uint8_t *secret, uint32_t bytes)
{
    uint8_t found[VERIFIER_HASH_BYTES_MAX];

    hash(v, secret, bytes, found);
    memcpy(v->hash, found, v->hash_bytes);
    argon2_libc_wipe(found, sizeof found);
}

/* What the calls before left below this frame. */
__attribute__((noinline)) static void wipe_stack(void)
{
    uint8_t left[STACK_WIPED_BYTES];

    argon2_libc_wipe(left, sizeof left);
}

static void lend(const struct verifier *v, uint8_t *memory)
{
    ASSERT((uintptr_t)memory % 8u == 0);
    lent.at = memory;
    lent.bytes = (size_t)v->memory_kib * 1024u;
}

bool verifier_check(const struct verifier *v, uint8_t *secret, uint32_t bytes, uint8_t *memory)
{
    lend(v, memory);
    const bool right = check(v, secret, bytes);
    argon2_libc_wipe(secret, bytes);
    wipe_stack();
    return right;
}

void verifier_change(struct verifier *v, const uint8_t *salt, uint32_t salt_bytes, uint8_t *secret,
                     uint32_t bytes, uint8_t *memory)
{
    ASSERT(salt_bytes >= ARGON2_MIN_SALT_LENGTH && salt_bytes <= VERIFIER_SALT_BYTES_MAX);
    lend(v, memory);
    memset(v->salt, 0, sizeof v->salt);
    memcpy(v->salt, salt, salt_bytes);
    v->salt_bytes = salt_bytes;
    change(v, secret, bytes);
    argon2_libc_wipe(secret, bytes);
    wipe_stack();
}

const char *verifier_error_name(enum verifier_error error)
{
    switch (error) {
    case VERIFIER_OK:
        return "ok";
    case VERIFIER_E_SHAPE:
        return "not an Argon2id verifier of version 19 with one lane";
    case VERIFIER_E_MEMORY:
        return "it asks for more memory than this service has";
    case VERIFIER_E_PASSES:
        return "it asks for too many passes";
    }
    ASSERT(error == VERIFIER_OK);
    return "";
}
