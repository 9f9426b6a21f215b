/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/run_block.h"

#include <stdbool.h>

#include "abi/assert.h"
#include "abi/memory.h"
#include "kernel/core/digest.h"

_Static_assert(sizeof(((struct run_block *)0)->hash) == DIGEST_BYTES, "ABI");

static bool all_zero(const uint8_t *at, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++)
        if (at[i] != 0)
            return false;
    return true;
}

static bool hash_holds(const uint8_t *block, const uint8_t *hash)
{
    static const uint8_t none[DIGEST_BYTES];
    struct digest_sha256 digest;
    uint8_t got[DIGEST_BYTES];
    const size_t text = offsetof(struct run_block, text);
    ASSERT(text == offsetof(struct run_block, hash) + DIGEST_BYTES);
    digest_sha256_init(&digest);
    digest_sha256_update(&digest, block, offsetof(struct run_block, hash));
    digest_sha256_update(&digest, none, sizeof none);
    digest_sha256_update(&digest, block + text, RUN_BLOCK_TEXT_BYTES);
    digest_sha256_final(&digest, got);
    return memcmp(got, hash, sizeof got) == 0;
}

enum run_block_error run_block_read(const uint8_t *block, struct run_block_text *out)
{
    const uint8_t *text = block + offsetof(struct run_block, text);
    uint32_t head[4];
    ASSERT(block != NULL);
    ASSERT(out != NULL);
    memcpy(head, block, sizeof head); /* magic, version, text_bytes, reserved */
    if (all_zero(block, RUN_BLOCK_BYTES)) {
        *out = (struct run_block_text){NULL, 0};
        return RUN_BLOCK_OK;
    }
    if (head[0] != RUN_BLOCK_MAGIC)
        return RUN_BLOCK_E_MAGIC;
    if (head[1] != RUN_BLOCK_VERSION)
        return RUN_BLOCK_E_VERSION;
    if (head[2] == 0 || head[2] > RUN_BLOCK_TEXT_BYTES)
        return RUN_BLOCK_E_LENGTH;
    if (head[3] != 0 || !all_zero(text + head[2], RUN_BLOCK_TEXT_BYTES - head[2]))
        return RUN_BLOCK_E_PADDING;
    if (!hash_holds(block, block + offsetof(struct run_block, hash)))
        return RUN_BLOCK_E_HASH;
    *out = (struct run_block_text){(const char *)text, head[2]};
    return RUN_BLOCK_OK;
}

const char *run_block_error_name(enum run_block_error error)
{
    static const char *const names[RUN_BLOCK_E_COUNT] = {"ok",
                                                         "not its magic",
                                                         "version not known",
                                                         "length of the text",
                                                         "not zero behind the text",
                                                         "hash does not hold"};
    ASSERT(error < RUN_BLOCK_E_COUNT);
    return names[error];
}
