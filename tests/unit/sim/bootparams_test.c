/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot parameters: what is accepted, and that each kind of fault is refused at its place. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "abi/bootparams.h"

/* The reference code's own example: "password" with the salt "somesalt". */
#define VERIFIER "$argon2id$v=19$m=256,t=2,p=1$c29tZXNhbHQ$nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4"

#define NONCE "00112233445566778899aabbccddeeff"
#define KEY64 "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

static struct boot_parse parse(const char *line, struct boot_params *out)
{
    return boot_params_parse(line, strlen(line), out);
}

Test(bootparams, defaults_for_absent_keys)
{
    struct boot_params p;
    cr_assert_eq(parse("", &p).error, BOOT_OK);
    cr_assert_eq(p.mode, BOOT_MODE_SERVE);
    cr_assert_eq(p.exchanges, BOOT_EXCHANGES_DEFAULT);
    cr_assert_str_eq(p.commit, "unknown");
    cr_assert_str_eq(p.verifier, "");
    cr_assert(p.columns == 0 && p.rows == 0);
    cr_assert_eq(p.hold_s, 0);
    cr_assert(p.network == BOOT_NETWORK_USER && p.nonce[0] == 0 && p.probe[0] == 0);
}

Test(bootparams, every_key_is_taken)
{
    struct boot_params p;
    struct boot_parse r = parse(
        "  mode=proof  boot=00112233445566ff chain_key=" KEY64 " exchanges=12 commit=ab-9 verifier=" VERIFIER
        " columns=512 rows=5 hold=600 where=gce hosts=a:1,b:2 network=vpc nonce=" NONCE " probe=" NONCE,
        &p);
    cr_assert_eq(r.error, BOOT_OK, "%s at %u", boot_error_name(r.error), r.at);
    cr_assert_eq(p.mode, BOOT_MODE_PROOF);
    cr_assert_eq(p.boot[1], 0x11);
    cr_assert_eq(p.boot[7], 0xff);
    cr_assert_eq(p.chain_key[31], 0x1f);
    cr_assert_eq(p.exchanges, 12);
    cr_assert_str_eq(p.commit, "ab-9");
    cr_assert_str_eq(p.verifier, VERIFIER);
    cr_assert(p.columns == 512 && p.rows == 5);
    cr_assert_eq(p.hold_s, 600);
    cr_assert_eq(p.where, BOOT_WHERE_GCE);
    cr_assert_str_eq(p.hosts, "a:1,b:2");
    cr_assert_eq(p.network, BOOT_NETWORK_VPC);
    cr_assert_str_eq(p.nonce, NONCE);
    cr_assert_str_eq(p.probe, NONCE);
}

Test(bootparams, each_fault_is_refused_at_its_word_and_leaves_the_result_alone)
{
    static const struct {
        const char *line;
        enum boot_error error;
        uint32_t at;
    } cases[] = {
        {"mode", BOOT_E_WORD, 0},
        {"=proof", BOOT_E_WORD, 0},
        {"mode=proof color=red", BOOT_E_KEY, 11},
        {"mode=proof mode=proof", BOOT_E_REPEATED, 11},
        {"mode=proofs", BOOT_E_VALUE, 0},
        {"mode=", BOOT_E_VALUE, 0},
        {"columns=19", BOOT_E_VALUE, 0},
        {"columns=513", BOOT_E_VALUE, 0},
        {"hold=0", BOOT_E_VALUE, 0},
        {"where=moon", BOOT_E_VALUE, 0},
        {"where=unknown", BOOT_E_VALUE, 0},
        {"hosts=\x7f", BOOT_E_VALUE, 0},
        {"hold=601", BOOT_E_VALUE, 0},
        {"rows=4", BOOT_E_VALUE, 0},
        {"rows=513", BOOT_E_VALUE, 0},
        {"network=", BOOT_E_VALUE, 0},
        {"network=vpcs", BOOT_E_VALUE, 0},
        {"nonce=", BOOT_E_VALUE, 0},
        {"nonce=0011", BOOT_E_VALUE, 0},
        {"probe=1", BOOT_E_VALUE, 0},
        {"nonce=" NONCE "0", BOOT_E_VALUE, 0},
        {"nonce=00112233445566778899aabbccddeefF", BOOT_E_VALUE, 0},
        {"boot=0011", BOOT_E_VALUE, 0},
        {"boot=00112233445566FG", BOOT_E_VALUE, 0},
        {"chain_key=00", BOOT_E_VALUE, 0},
        {"exchanges=0", BOOT_E_VALUE, 0},
        {"exchanges=-1", BOOT_E_VALUE, 0},
        {"exchanges=10000001", BOOT_E_VALUE, 0},
        {"exchanges=99999999999999999999", BOOT_E_VALUE, 0},
        {"commit=UPPER", BOOT_E_VALUE, 0},
        {"commit=0123456789012345678901234567890123456789012345678", BOOT_E_VALUE, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct boot_params p;
        memset(&p, 0x5a, sizeof p);
        struct boot_parse r = parse(cases[i].line, &p);
        cr_assert_eq(r.error, cases[i].error, "%s: %s", cases[i].line, boot_error_name(r.error));
        cr_assert_eq(r.at, cases[i].at, "%s: at %u", cases[i].line, r.at);
        cr_assert_eq(((uint8_t *)&p)[sizeof p - 1], 0x5a, "%s: the result was touched", cases[i].line);
    }
}

/* Each is the good one with one thing wrong. */
Test(bootparams, a_verifier_of_another_shape_is_refused)
{
    static const char verifier[] = VERIFIER;
    static const struct {
        const char *good, *bad;
    } changes[] = {
        {"$argon2id", "$argon2i"},
        {"$argon2id", "argon2id"},
        {"v=19", "v=16"},
        {"m=256", "m=0256"},
        {"m=256", "m="},
        {"m=256", "m=-256"},
        {"m=256", "m=12345678901"},
        {"t=2", "t=0"},
        {"t=2,", "t=2"},
        {"p=1", "p=2"},
        {"p=1$", "p=1"},
        {"c29tZXNhbHQ", "c29tZXNhbH"},
        {"c29tZXNhbHQ", "c29tZX NhbHQ"},
        {"c29tZXNhbHQ", "c29tZXNhbH="},
        {"c29tZXNhbHQ$", "c29tZXNhbHQ"},
        {"nf65EOgLrQMR/uIPnA4rEsF5h7TKyQwu9U1bMCHGi/4", "nf65EOgLrQMR/uIPnA4rE"},
        {"Gi/4", "Gi/4$"},
        {"Gi/4", "Gi/4\n"},
    };
    for (size_t i = 0; i < sizeof changes / sizeof *changes; i++) {
        char line[512];
        struct boot_params p;
        const char *at = strstr(verifier, changes[i].good);
        cr_assert_not_null(at);
        snprintf(line, sizeof line, "verifier=%.*s%s%s", (int)(at - verifier), verifier, changes[i].bad,
                 at + strlen(changes[i].good));
        cr_expect_eq(parse(line, &p).error, BOOT_E_VALUE, "%s", line);
    }
}

Test(bootparams, a_verifier_longer_than_its_place_is_refused)
{
    char line[] =
        "verifier=" VERIFIER "4444444444444444444444444444444444444444444444444444444444444444444444444444"
        "44444444444444444444444444444444444444444444";
    struct boot_params p;
    const size_t longest = sizeof "verifier=" - 1u + BOOT_VERIFIER_BYTES - 1u;
    cr_assert_gt(sizeof line - 1u, longest);
    cr_assert_eq(boot_params_parse(line, longest, &p).error, BOOT_OK);
    cr_assert_eq(strlen(p.verifier), BOOT_VERIFIER_BYTES - 1u);
    cr_assert_eq(boot_params_parse(line, longest + 1u, &p).error, BOOT_E_VALUE);
}

Test(bootparams, a_line_beyond_the_limit_is_refused)
{
    char line[BOOT_LINE_BYTES_MAX + 1];
    struct boot_params p;
    memset(line, ' ', sizeof line);
    cr_assert_eq(boot_params_parse(line, sizeof line, &p).error, BOOT_E_LENGTH);
    cr_assert_eq(boot_params_parse(line, sizeof line - 1, &p).error, BOOT_OK);
}

Test(bootparams, no_prefix_of_a_good_line_reads_beyond_its_end)
{
    static const char line[] = "mode=proof boot=00112233445566ff exchanges=12";
    for (size_t n = 0; n < sizeof line; n++) {
        char *exact = malloc(n ? n : 1); /* the sanitizer sees a read past it */
        struct boot_params p;
        memcpy(exact, line, n);
        struct boot_parse r = boot_params_parse(exact, n, &p);
        cr_assert(r.error == BOOT_OK || r.at <= n);
        free(exact);
    }
}
