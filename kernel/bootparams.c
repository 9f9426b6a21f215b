/* SPDX-License-Identifier: BSD-2-Clause */
/* The one parser of boot parameters. Its input is whatever a loader or a user passed: nothing of it is
 * trusted. */
#include "abi/bootparams.h"

#include "abi/assert.h"
#include "abi/memory.h"

#define SALT_CHARACTERS_MIN 11u /* 8 bytes */
#define HASH_CHARACTERS_MIN 22u /* 16 bytes */

enum boot_key {
#define BOOT_KEY(key, text) KEY_##key,
    BOOT_KEYS(BOOT_KEY)
#undef BOOT_KEY
        KEY_COUNT
};

struct span {
    const char *at;
    size_t bytes;
};

static const char *const key_names[KEY_COUNT] = {
#define BOOT_KEY(key, text) #key,
    BOOT_KEYS(BOOT_KEY)
#undef BOOT_KEY
};

static bool span_is(struct span s, const char *text)
{
    size_t i = 0;
    while (i < s.bytes && text[i] != 0 && text[i] == s.at[i])
        i++;
    return i == s.bytes && text[i] == 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return -1;
}

static bool parse_hex(struct span v, uint8_t *out, size_t bytes)
{
    if (v.bytes != bytes * 2)
        return false;
    for (size_t i = 0; i < bytes; i++) {
        int high = hex_digit(v.at[2 * i]);
        int low = hex_digit(v.at[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        out[i] = (uint8_t)(high * 16 + low);
    }
    return true;
}

static bool parse_nonce(struct span v, char out[2 * BOOT_NONCE_BYTES + 1])
{
    uint8_t bytes[BOOT_NONCE_BYTES];

    if (!parse_hex(v, bytes, sizeof bytes))
        return false;
    memcpy(out, v.at, v.bytes);
    out[v.bytes] = 0;
    return true;
}

static bool parse_number(struct span v, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    if (v.bytes == 0 || v.bytes > 10)
        return false;
    for (size_t i = 0; i < v.bytes; i++) {
        if (v.at[i] < '0' || v.at[i] > '9')
            return false;
        value = value * 10 + (uint64_t)(v.at[i] - '0');
    }
    if (value == 0 || value > max)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool parse_commit(struct span v, char *out)
{
    if (v.bytes == 0 || v.bytes >= BOOT_COMMIT_BYTES)
        return false;
    for (size_t i = 0; i < v.bytes; i++) {
        char c = v.at[i];
        if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || c == '-'))
            return false;
    }
    memcpy(out, v.at, v.bytes);
    out[v.bytes] = 0;
    return true;
}

static const char *const where_names[] = {"unknown", "simulator", "qemu", "gce"};

const char *boot_where_name(enum boot_where where)
{
    return where_names[where];
}

static bool parse_where(struct span v, enum boot_where *out)
{
    for (uint32_t i = BOOT_WHERE_SIMULATOR; i <= BOOT_WHERE_GCE; i++) {
        if (span_is(v, where_names[i])) {
            *out = (enum boot_where)i;
            return true;
        }
    }
    return false;
}

/* Which of them are names of hosts is for the service that compares with them. */
static bool parse_hosts(struct span v, char *out)
{
    if (v.bytes == 0 || v.bytes >= BOOT_HOSTS_BYTES)
        return false;
    for (size_t i = 0; i < v.bytes; i++) {
        if (v.at[i] <= ' ' || v.at[i] > '~')
            return false;
    }
    memcpy(out, v.at, v.bytes);
    out[v.bytes] = 0;
    return true;
}

/* Takes `text` off the front of `v`. */
static bool take_text(struct span *v, const char *text)
{
    size_t n = 0;

    while (text[n] != 0 && n < v->bytes && v->at[n] == text[n])
        n++;
    *v = (struct span){v->at + n, v->bytes - n};
    return text[n] == 0;
}

/* A number without a sign or a leading zero, of at most ten digits. */
static bool take_number(struct span *v)
{
    size_t n = 0;

    while (n < v->bytes && v->at[n] >= '0' && v->at[n] <= '9')
        n++;
    const bool good = n > 0 && n <= 10 && v->at[0] != '0';
    *v = (struct span){v->at + n, v->bytes - n};
    return good;
}

/* Base 64 without padding, of at least `least` characters. */
static bool take_base64(struct span *v, size_t least)
{
    size_t n = 0;

    while (n < v->bytes && ((v->at[n] >= '0' && v->at[n] <= '9') || (v->at[n] >= 'a' && v->at[n] <= 'z') ||
                            (v->at[n] >= 'A' && v->at[n] <= 'Z') || v->at[n] == '+' || v->at[n] == '/'))
        n++;
    *v = (struct span){v->at + n, v->bytes - n};
    return n >= least;
}

/* Its shape alone: what the numbers may be is for the service that checks a secret against it. */
static bool parse_verifier(struct span v, char *out)
{
    struct span left = v;

    if (v.bytes >= BOOT_VERIFIER_BYTES || !take_text(&left, "$argon2id$v=19$m=") || !take_number(&left) ||
        !take_text(&left, ",t=") || !take_number(&left) || !take_text(&left, ",p=1$") ||
        !take_base64(&left, SALT_CHARACTERS_MIN) || !take_text(&left, "$") ||
        !take_base64(&left, HASH_CHARACTERS_MIN) || left.bytes != 0)
        return false;
    memcpy(out, v.at, v.bytes);
    out[v.bytes] = 0;
    return true;
}

static bool parse_value(enum boot_key key, struct span v, struct boot_params *p)
{
    switch (key) {
    case KEY_mode:
        p->mode = span_is(v, "proof") ? BOOT_MODE_PROOF : BOOT_MODE_SERVE;
        return span_is(v, "proof") || span_is(v, "serve");
    case KEY_boot:
        return parse_hex(v, p->boot, sizeof p->boot);
    case KEY_chain_key:
        return parse_hex(v, p->chain_key, sizeof p->chain_key);
    case KEY_exchanges:
        return parse_number(v, BOOT_EXCHANGES_MAX, &p->exchanges);
    case KEY_verifier:
        return parse_verifier(v, p->verifier);
    case KEY_columns:
        return parse_number(v, BOOT_SIZE_MAX, &p->columns) && p->columns >= BOOT_COLUMNS_MIN;
    case KEY_rows:
        return parse_number(v, BOOT_SIZE_MAX, &p->rows) && p->rows >= BOOT_ROWS_MIN;
    case KEY_nonce:
        return parse_nonce(v, p->nonce);
    case KEY_hold:
        return parse_number(v, BOOT_HOLD_S_MAX, &p->hold_s);
    case KEY_network:
        p->network = span_is(v, "vpc") ? BOOT_NETWORK_VPC : BOOT_NETWORK_USER;
        return span_is(v, "vpc") || span_is(v, "user");
    case KEY_hosts:
        return parse_hosts(v, p->hosts);
    case KEY_where:
        return parse_where(v, &p->where);
    case KEY_probe:
        return parse_nonce(v, p->probe);
    case KEY_commit:
        return parse_commit(v, p->commit);
    case KEY_COUNT:
        break;
    }
    return false;
}

static enum boot_error parse_word(struct span word, uint32_t *seen, struct boot_params *p)
{
    size_t equals = 0;
    while (equals < word.bytes && word.at[equals] != '=')
        equals++;
    if (equals == 0 || equals == word.bytes)
        return BOOT_E_WORD;
    struct span name = {word.at, equals};
    struct span value = {word.at + equals + 1, word.bytes - equals - 1};
    for (uint32_t key = 0; key < KEY_COUNT; key++) {
        if (!span_is(name, key_names[key]))
            continue;
        if (*seen & (1u << key))
            return BOOT_E_REPEATED;
        *seen |= 1u << key;
        return parse_value((enum boot_key)key, value, p) ? BOOT_OK : BOOT_E_VALUE;
    }
    return BOOT_E_KEY;
}

struct boot_parse boot_params_parse(const char *line, size_t bytes, struct boot_params *out)
{
    struct boot_params p;
    uint32_t seen = 0;
    size_t at = 0;
    ASSERT(line != NULL);
    ASSERT(out != NULL);
    if (bytes > BOOT_LINE_BYTES_MAX)
        return (struct boot_parse){BOOT_E_LENGTH, BOOT_LINE_BYTES_MAX};
    memset(&p, 0, sizeof p);
    p.exchanges = BOOT_EXCHANGES_DEFAULT;
    memcpy(p.commit, "unknown", sizeof "unknown");
    while (at < bytes) {
        size_t start = at;
        while (at < bytes && line[at] != ' ')
            at++;
        if (at != start) {
            enum boot_error error = parse_word((struct span){line + start, at - start}, &seen, &p);
            if (error != BOOT_OK)
                return (struct boot_parse){error, (uint32_t)start};
        }
        at++;
    }
    *out = p;
    return (struct boot_parse){BOOT_OK, 0};
}

const char *boot_error_name(enum boot_error error)
{
    static const char *const names[BOOT_E_COUNT] = {"ok",           "not key=value",     "unknown key",
                                                    "key repeated", "value not allowed", "line too long"};
    ASSERT(error < BOOT_E_COUNT);
    return names[error];
}
