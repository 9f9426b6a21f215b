/* SPDX-License-Identifier: BSD-2-Clause */
/* The run block of an image: written as door/image.py writes it, and each way in which it may be bad. */
#include <criterion/criterion.h>
#include <string.h>

#include "kernel/core/digest.h"
#include "kernel/run_block.h"

static struct run_block block;
static struct run_block_text text;

static void hash(void)
{
    struct digest_sha256 digest;
    memset(block.hash, 0, sizeof block.hash);
    digest_sha256_init(&digest);
    digest_sha256_update(&digest, &block, sizeof block);
    digest_sha256_final(&digest, block.hash);
}

static void honest(void)
{
    memset(&block, 0, sizeof block);
    memset(&text, 0x5a, sizeof text);
    block.magic = RUN_BLOCK_MAGIC;
    block.version = RUN_BLOCK_VERSION;
    block.text_bytes = 10;
    memcpy(block.text, "mode=proof", 10);
    hash();
}

static enum run_block_error read(void)
{
    return run_block_read((const uint8_t *)&block, &text);
}

Test(run_block, its_text_is_the_boot_line)
{
    honest();
    cr_assert_eq(read(), RUN_BLOCK_OK);
    cr_assert_eq(text.bytes, 10);
    cr_assert_eq(memcmp(text.at, "mode=proof", 10), 0);
    block.text_bytes = RUN_BLOCK_TEXT_BYTES;
    memset(block.text, 'a', sizeof block.text);
    hash();
    cr_assert_eq(read(), RUN_BLOCK_OK);
    cr_assert_eq(text.bytes, RUN_BLOCK_TEXT_BYTES);
}

Test(run_block, one_that_is_all_zero_says_nothing)
{
    memset(&block, 0, sizeof block);
    cr_assert_eq(read(), RUN_BLOCK_OK);
    cr_assert_eq(text.bytes, 0);
}

Test(run_block, a_bit_of_it_changed_anywhere_is_noticed)
{
    honest();
    for (size_t at = 0; at < sizeof block; at++) {
        ((uint8_t *)&block)[at] ^= (uint8_t)(1u << at % 8u);
        cr_assert_neq(read(), RUN_BLOCK_OK, "byte %zu", at);
        ((uint8_t *)&block)[at] ^= (uint8_t)(1u << at % 8u);
    }
    cr_assert_eq(read(), RUN_BLOCK_OK);
}

Test(run_block, each_reason_has_its_name_even_where_the_hash_holds)
{
    static const struct {
        uint32_t word, value;
        enum run_block_error due;
    } changes[] = {{0, 0, RUN_BLOCK_E_MAGIC},           {1, 2, RUN_BLOCK_E_VERSION},
                   {2, 0, RUN_BLOCK_E_LENGTH},          {2, RUN_BLOCK_TEXT_BYTES + 1, RUN_BLOCK_E_LENGTH},
                   {2, UINT32_MAX, RUN_BLOCK_E_LENGTH}, {2, 9, RUN_BLOCK_E_PADDING},
                   {3, 1, RUN_BLOCK_E_PADDING}};
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        honest();
        memcpy((uint8_t *)&block + 4 * changes[i].word, &changes[i].value, 4);
        hash();
        cr_assert_eq(read(), changes[i].due, "change %zu", i);
        cr_assert_eq(((uint8_t *)&text)[0], 0x5a, "nothing was set");
        cr_assert_gt(strlen(run_block_error_name(changes[i].due)), 2);
    }
    honest();
    block.hash[31] ^= 1;
    cr_assert_eq(read(), RUN_BLOCK_E_HASH);
}
