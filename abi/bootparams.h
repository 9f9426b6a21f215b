/* SPDX-License-Identifier: BSD-2-Clause */
/* Boot parameters: `key=value` words separated by blanks. One parser (kernel/bootparams.c) for every source:
 * the simulator's arguments, a loader's command line, the image's run block. An unknown key, a repeated key
 * or a bad value is refused, and says which. */
#ifndef CAPOS_ABI_BOOTPARAMS_H
#define CAPOS_ABI_BOOTPARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BOOT_COMMIT_BYTES      48u
#define BOOT_NONCE_BYTES       16u
#define BOOT_VERIFIER_BYTES    192u /* with its zero byte */
#define BOOT_LINE_BYTES_MAX    1024u
#define BOOT_EXCHANGES_DEFAULT 10000u
#define BOOT_EXCHANGES_MAX     10000000u
#define BOOT_COLUMNS_MIN       20u
#define BOOT_ROWS_MIN          5u
#define BOOT_SIZE_MAX          512u /* of either */
#define BOOT_HOSTS_BYTES       96u /* with its zero byte */
#define BOOT_HOLD_S_MAX        600u

/* BOOT_KEY(key, text): the closed list. */
#define BOOT_KEYS(BOOT_KEY)                                                                                  \
    BOOT_KEY(mode, "proof: every proof, then the end. serve: stay up until asked to end")                    \
    BOOT_KEY(boot, "boot id, 16 hex digits")                                                                 \
    BOOT_KEY(chain_key, "key of the evidence chain, 64 hex digits, never printed")                           \
    BOOT_KEY(exchanges, "frame exchanges of the proof, 1 to 10000000")                                       \
    BOOT_KEY(verifier, "of the operator's secret: $argon2id$v=19$m=KIB,t=PASSES,p=1$SALT$HASH")              \
    BOOT_KEY(columns, "of the terminal at the console, 20 to 512; without it 80")                            \
    BOOT_KEY(rows, "of the terminal at the console, 5 to 512; without it 24")                                \
    BOOT_KEY(nonce, "of this run, 32 hex digits: what a metadata server gives back")                         \
    BOOT_KEY(hold,                                                                                           \
             "seconds that the machine stays on behind the last line of its log, 1 to 600; without it 0")    \
    BOOT_KEY(network, "user: a user network behind the card (the default). vpc: Compute Engine's")           \
    BOOT_KEY(hosts, "what a browser may call this machine: NAME:PORT, or several of them between commas")    \
    BOOT_KEY(where, "what machine this is, for people: simulator, qemu or gce")                              \
    BOOT_KEY(probe, "of a proof: the web is served and asked for as well, and shows these 32 hex digits")    \
    BOOT_KEY(commit, "source commit of this build, [0-9a-z-]")

enum boot_mode { BOOT_MODE_SERVE = 0, BOOT_MODE_PROOF };
enum boot_network { BOOT_NETWORK_USER = 0, BOOT_NETWORK_VPC };
enum boot_where { BOOT_WHERE_UNKNOWN = 0, BOOT_WHERE_SIMULATOR, BOOT_WHERE_QEMU, BOOT_WHERE_GCE };

struct boot_params {
    enum boot_mode mode;
    uint8_t boot[8];
    uint8_t chain_key[32];
    uint32_t exchanges;
    uint32_t columns, rows; /* 0: not said */
    uint32_t hold_s;
    enum boot_network network;
    enum boot_where where; /* the word of whoever wrote the boot line */
    char hosts[BOOT_HOSTS_BYTES]; /* of printable characters without blanks; empty: none were given */
    char nonce[2 * BOOT_NONCE_BYTES + 1]; /* its digits; empty: none was given */
    char probe[2 * BOOT_NONCE_BYTES + 1]; /* its digits; empty: nobody asks for the web in this proof */
    char commit[BOOT_COMMIT_BYTES];
    char verifier[BOOT_VERIFIER_BYTES]; /* its shape was checked; empty: nobody can log in */
};

enum boot_error {
    BOOT_OK = 0,
    BOOT_E_WORD, /* not key=value */
    BOOT_E_KEY, /* unknown key */
    BOOT_E_REPEATED, /* key given twice */
    BOOT_E_VALUE, /* value malformed or out of range */
    BOOT_E_LENGTH, /* line longer than BOOT_LINE_BYTES_MAX */
    BOOT_E_COUNT
};

/* Result of a parse: on failure `at` is the byte offset of the word at fault. */
struct boot_parse {
    enum boot_error error;
    uint32_t at;
};

/* `line` need not end in NUL; `out` holds defaults for absent keys, and is untouched on failure. */
struct boot_parse boot_params_parse(const char *line, size_t bytes, struct boot_params *out);
const char *boot_error_name(enum boot_error error);
/* As the key takes it; "unknown". */
const char *boot_where_name(enum boot_where where);

#endif
