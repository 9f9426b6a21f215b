/* SPDX-License-Identifier: BSD-2-Clause */
/* The check of a secret against the reference code's own example, what of a verifier is refused, what a check
 * leaves behind; and how long wrong secrets make one wait. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/login.h"
#include "user/authd/delays.h"
#include "user/authd/verifier.h"

#define SOMESALT   "$c29tZXNhbHQ$"
#define SECOND     1000000000ull
#define MEMORY_MAX 4096u

/* Of the reference code's own tests: "password", Argon2id, version 19. */
#define HASH "nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"
static const char example[] = "$argon2id$v=19$m=256,t=2,p=1" SOMESALT HASH;

static enum verifier_error take(struct verifier *v, const char *text)
{
    char *exact = malloc(strlen(text) + 1); /* the sanitizer sees a read past it */
    memcpy(exact, text, strlen(text));
    const enum verifier_error error = verifier_read(v, exact, strlen(text), MEMORY_MAX);
    free(exact);
    return error;
}

static bool right(const struct verifier *v, const char *text)
{
    uint8_t secret[LOGIN_SECRET_BYTES_MAX] = {0};
    uint8_t *memory = malloc(v->memory_kib * 1024u);
    memset(memory, 0xa5, v->memory_kib * 1024u);
    memcpy(secret, text, strlen(text));
    const bool same = verifier_check(v, secret, (uint32_t)strlen(text), memory);
    for (size_t i = 0; i < sizeof secret; i++)
        cr_assert_eq(secret[i], 0, "a byte of the secret is left");
    for (size_t i = 0; i < v->memory_kib * 1024u / 4096u * 4096u; i++)
        cr_assert_eq(memory[i], 0, "byte %zu of the memory is left", i);
    free(memory);
    return same;
}

Test(verifier, the_reference_codes_example)
{
    struct verifier v;
    cr_assert_eq(take(&v, example), VERIFIER_OK);
    cr_assert(v.memory_kib == 256 && v.passes == 2 && v.salt_bytes == 8 && v.hash_bytes == 32);
    cr_expect(right(&v, "password"));
    cr_expect(!right(&v, "Password"));
    cr_expect(!right(&v, "passwordpassword"));
    cr_expect(right(&v, "password"), "a check changes nothing");
}

Test(verifier, one_other_bit_of_the_hash_or_the_salt_is_another_secret)
{
    struct verifier v;
    cr_assert_eq(take(&v, example), VERIFIER_OK);
    for (uint32_t byte = 0; byte < v.hash_bytes; byte += 31) {
        v.hash[byte] ^= 1;
        cr_expect(!right(&v, "password"), "byte %u", byte);
        v.hash[byte] ^= 1;
    }
    v.salt[7] ^= 0x80;
    cr_expect(!right(&v, "password"));
}

Test(verifier, what_is_refused_is_refused_by_name)
{
    static const struct {
        const char *text;
        enum verifier_error error;
    } cases[] = {
        {"", VERIFIER_E_SHAPE},
        {"$argon2i$v=19$m=256,t=2,p=1" SOMESALT HASH, VERIFIER_E_SHAPE},
        {"$argon2id$m=256,t=2,p=1" SOMESALT HASH, VERIFIER_E_SHAPE},
        {"$argon2id$v=16$m=256,t=2,p=1" SOMESALT HASH, VERIFIER_E_SHAPE},
        {"$argon2id$v=19$m=256,t=2,p=2" SOMESALT HASH, VERIFIER_E_SHAPE},
        {"$argon2id$v=19$m=256,t=2,p=1" SOMESALT "nf65EOgLrQM", VERIFIER_E_SHAPE}, /* 8 bytes of hash */
        {"$argon2id$v=19$m=7,t=2,p=1" SOMESALT HASH, VERIFIER_E_SHAPE},
        {"$argon2id$v=19$m=4097,t=2,p=1" SOMESALT HASH, VERIFIER_E_MEMORY},
        {"$argon2id$v=19$m=256,t=65,p=1" SOMESALT HASH, VERIFIER_E_PASSES},
        {"$argon2id$v=19$m=4096,t=64,p=1" SOMESALT HASH, VERIFIER_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct verifier v;
        cr_expect_eq(take(&v, cases[i].text), cases[i].error, "%s", cases[i].text);
        cr_expect(strlen(verifier_error_name(cases[i].error)) > 0);
    }
}

Test(verifier, every_prefix_of_a_good_one_is_refused)
{
    struct verifier v;
    for (size_t n = 0; n < strlen(example) - 22; n++) {
        char part[200];
        snprintf(part, sizeof part, "%.*s", (int)n, example);
        cr_expect_eq(take(&v, part), VERIFIER_E_SHAPE, "%s", part);
    }
}

/* Wrong `times` times, each as soon as it may be. The last moment. */
static uint64_t wrong(struct delays *d, uint64_t source, uint64_t now_ns, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        now_ns = delays_due(d, source, now_ns);
        delays_checked(d, source, now_ns, false);
    }
    return now_ns;
}

static uint64_t wait_s(const struct delays *d, uint64_t source, uint64_t now_ns)
{
    return (delays_due(d, source, now_ns) - now_ns) / SECOND;
}

Test(delays, grow_with_each_wrong_one_to_a_minute_and_end_with_the_right_one)
{
    static const uint64_t due_s[] = {0, 0, 0, 1, 2, 4, 8, 16, 32, 60, 60, 60};
    for (uint64_t source = LOGIN_SOURCE_CONSOLE; source < 2; source++) {
        struct delays d;
        uint64_t now_ns = 5 * SECOND;
        delays_init(&d);
        for (size_t i = 0; i < sizeof due_s / sizeof *due_s - 1; i++) {
            cr_expect_eq(wait_s(&d, source, now_ns), due_s[i], "source %lu, try %zu", source, i);
            now_ns = wrong(&d, source, now_ns, 1);
        }
        now_ns = delays_due(&d, source, now_ns);
        delays_checked(&d, source, now_ns, true);
        cr_expect_eq(wait_s(&d, source, now_ns), 0);
        now_ns = wrong(&d, source, now_ns, DELAYS_FREE - 1u);
        cr_expect_eq(wait_s(&d, source, now_ns), 0);
    }
}

Test(delays, a_quarter_of_an_hour_without_a_wrong_one_forgets)
{
    struct delays d;
    delays_init(&d);
    uint64_t now_ns = wrong(&d, 7, SECOND, 9);
    cr_expect_eq(wait_s(&d, 7, now_ns), 60);
    now_ns = wrong(&d, 7, now_ns + DELAYS_FORGOTTEN_NS, 1);
    cr_expect_eq(wait_s(&d, 7, now_ns), 0);
}

Test(delays, many_from_afar_hold_up_those_from_afar_and_neither_the_console_nor_who_was_right_before)
{
    struct delays d;
    uint64_t now_ns = SECOND;
    delays_init(&d);
    delays_checked(&d, 1000, now_ns, true);
    for (uint64_t source = 1; source <= DELAYS_FREE_ALL + 2u; source++)
        now_ns = wrong(&d, source, now_ns, 1);
    cr_expect_eq(wait_s(&d, 2000, now_ns), 4, "one that was never seen");
    cr_expect_eq(wait_s(&d, LOGIN_SOURCE_CONSOLE, now_ns), 0);
    cr_expect_eq(wait_s(&d, 1000, now_ns), 0);
    for (uint64_t source = 10; source <= 300; source++) /* more than the table has: 1000 stays */
        now_ns = wrong(&d, source, now_ns, 1);
    cr_expect_eq(wait_s(&d, 2000, now_ns), 60);
    cr_expect_eq(wait_s(&d, 1000, now_ns), 0);
    (void)wrong(&d, LOGIN_SOURCE_CONSOLE, now_ns, 4);
    cr_expect_eq(wait_s(&d, 1000, now_ns), 0, "the console's mistakes are its own");
}
