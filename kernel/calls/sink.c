/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence sinks: a program emits markers of its list, and no marker whose condition the kernel does not
 * itself see hold. What the kernel knows it fills in; what the program says is copied once, parsed whole, and
 * goes into its place in the line. */
#include "evidence/text.h"
#include "kernel/calls/parts.h"
#include "kernel/core/digest.h"

#include "platform/platform.h"

#define WORDS_BYTES_MAX 512u
#define WORDS_MAX       16u
#define MARKER_BITS     ((1ull << EVIDENCE_MARKER_COUNT) - 1u)

_Static_assert(EVIDENCE_MARKER_COUNT < 64u, "a bit a marker");

struct word {
    const char *key, *value; /* both end in NUL */
    bool used;
};

struct words {
    char text[WORDS_BYTES_MAX + 1u];
    struct word word[WORDS_MAX];
    uint32_t count;
};

uint16_t calls_sink_free(const struct calls *c)
{
    for (uint16_t i = 0; i < CALLS_SINKS_MAX; i++) {
        if (!object_live(&c->kernel->core.objects, c->sinks[i].object))
            return i;
    }
    return CALLS_SINKS_MAX;
}

/* `key=value` words with one blank between two. False: they are not. */
static bool split_words(struct words *w, const struct object_call *call)
{
    uint32_t at = 0;

    w->count = 0;
    if (call->range_bytes > WORDS_BYTES_MAX)
        return false;
    if (call->range_bytes != 0)
        memcpy(w->text, call->range, call->range_bytes); /* read once */
    w->text[call->range_bytes] = '\0';
    while (w->text[at] != '\0') {
        char *key = &w->text[at];
        char *value = NULL;

        for (; w->text[at] != '\0' && w->text[at] != ' '; at++) {
            if (w->text[at] < '!' || w->text[at] > '~')
                return false;
            if (w->text[at] == '=' && value == NULL) {
                w->text[at] = '\0';
                value = &w->text[at + 1u];
            }
        }
        if (value == NULL || value == &w->text[at] || w->count == WORDS_MAX)
            return false;
        w->word[w->count++] = (struct word){key, value, false};
        if (w->text[at] == ' ')
            w->text[at++] = '\0';
    }
    return true;
}

bool calls_same_text(const char *a, const char *b)
{
    while (*a != '\0' && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

/* The value of the one word with this key. NULL: none, or it stands there twice (then one stays unused). */
static const char *value_of(struct words *w, const char *key)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (!w->word[i].used && calls_same_text(w->word[i].key, key)) {
            w->word[i].used = true;
            return w->word[i].value;
        }
    }
    return NULL;
}

static bool all_used(const struct words *w)
{
    for (uint32_t i = 0; i < w->count; i++) {
        if (!w->word[i].used)
            return false;
    }
    return true;
}

static bool parse_decimal(const char *text, uint64_t *out)
{
    *out = 0;
    if (text[0] == '\0')
        return false;
    for (; *text != '\0'; text++) {
        const uint64_t digit = (uint64_t)(*text - '0');

        if (*text < '0' || *text > '9' || *out > (UINT64_MAX - digit) / 10u)
            return false;
        *out = *out * 10u + digit;
    }
    return true;
}

static bool parse_digits(const char *text, uint32_t digits, uint64_t *out)
{
    *out = 0;
    for (uint32_t i = 0; i < digits; i++) {
        const char digit = text[i];

        if (digit >= '0' && digit <= '9')
            *out = *out << 4 | (uint64_t)(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            *out = *out << 4 | (uint64_t)(digit - 'a' + 10);
        else
            return false;
    }
    return true;
}

/* 0x and exactly that many digits. */
static bool parse_hex(const char *text, uint32_t digits, uint64_t *out)
{
    return text[0] == '0' && text[1] == 'x' && parse_digits(&text[2], digits, out) &&
           text[2u + digits] == '\0';
}

static bool parse_mac(const char *text, uint8_t out[6])
{
    for (uint32_t i = 0; i < 6u; i++) {
        uint64_t byte;

        if (!parse_digits(&text[3u * i], 2, &byte) || text[3u * i + 2u] != (i == 5u ? '\0' : ':'))
            return false;
        out[i] = (uint8_t)byte;
    }
    return true;
}

/* One fact as the program gave it. */
static bool put_given(struct evidence_line *line, const struct evidence_fact *fact, const char *text)
{
    uint8_t mac[6];
    uint64_t value;

    switch ((enum evidence_kind)fact->kind) {
    case EVIDENCE_KIND_WORD:
        evidence_fact_word(line, fact->name, text);
        return true;
    case EVIDENCE_KIND_U64:
        if (!parse_decimal(text, &value))
            return false;
        evidence_fact_u64(line, fact->name, value);
        return true;
    case EVIDENCE_KIND_HEX16:
        if (!parse_hex(text, 4, &value))
            return false;
        evidence_fact_hex16(line, fact->name, (uint16_t)value);
        return true;
    case EVIDENCE_KIND_HEX64:
        if (!parse_hex(text, 16, &value))
            return false;
        evidence_fact_hex64(line, fact->name, value);
        return true;
    case EVIDENCE_KIND_MAC:
        if (!parse_mac(text, mac))
            return false;
        evidence_fact_mac(line, fact->name, mac);
        return true;
    default: /* no program fills in a fact of another kind */
        return false;
    }
}

/* What the program has to find out is what the kernel knows, and told no program: the nonce of the run, the
 * hash of the package. True of every other fact. */
static bool told_to_nobody(const struct calls *c, enum evidence_marker marker, const char *fact,
                           const char *given)
{
    char hash[2u * DIGEST_BYTES + 1u];
    struct text t = text_over(hash, sizeof hash - 1u);

    if (marker == EVIDENCE_METADATA_NONCE && calls_same_text(fact, "nonce"))
        return c->nonce[0] != '\0' && calls_same_text(given, c->nonce);
    if (marker != EVIDENCE_STORAGE_PACKAGE || !calls_same_text(fact, "package"))
        return true;
    if (c->package == NULL)
        return false;
    text_hex_bytes(&t, c->package->header->hash, DIGEST_BYTES);
    hash[t.used] = '\0';
    return calls_same_text(given, hash);
}

static struct object_reply emit(struct calls *c, const struct object_call *call, uint64_t markers)
{
    const struct evidence_fact *facts;
    struct evidence_line line;
    struct words words;
    uint32_t count;

    if (call->args[0] >= EVIDENCE_MARKER_COUNT || (markers >> call->args[0] & 1u) == 0)
        return calls_refuse(c, call, SYS_E_NAME);
    const enum evidence_marker marker = (enum evidence_marker)call->args[0];
    count = evidence_program_facts(marker, &facts);
    if (count == 0) /* the kernel's own */
        return calls_refuse(c, call, SYS_E_NAME);
    c->asked |= UINT64_C(1) << marker;
    if (!split_words(&words, call))
        return refused(SYS_E_VALUE);
    if (!calls_fact_condition(c, call->process, marker))
        return calls_refuse(c, call, SYS_E_CONDITION);
    evidence_line_of(&line, marker);
    for (uint32_t i = 0; i < count; i++) {
        const char *given = NULL;

        if (facts[i].by_kernel) {
            calls_fact(c, call->process, marker, &facts[i], &line);
            continue;
        }
        given = value_of(&words, facts[i].name);
        if (given == NULL || !put_given(&line, &facts[i], given))
            return refused(SYS_E_VALUE);
        if (!told_to_nobody(c, marker, facts[i].name, given))
            return calls_refuse(c, call, SYS_E_CONDITION);
    }
    if (!all_used(&words))
        return refused(SYS_E_VALUE);
    if (evidence_line_emit(c->evidence, &line, false) != EVIDENCE_OK) /* its place in the list is over */
        return calls_refuse(c, call, SYS_E_CONDITION);
    calls_prompt_again(c, PROMPT_KERNEL);
    return done(0);
}

static struct object_reply narrow(struct calls *c, const struct object_call *call, uint64_t markers)
{
    const uint16_t record = calls_sink_free(c);
    struct owner *owner = caller(c, call);
    enum cap_exception exception;

    if (call->args[0] == 0 || (call->args[0] & ~markers) != 0 || (call->args[0] & ~MARKER_BITS) != 0)
        return calls_refuse(c, call, SYS_E_NAME);
    exception = record == CALLS_SINKS_MAX ? CAP_EX_EXHAUSTED : core_grant_check(c->system->core, owner);
    if (exception != CAP_EX_NONE)
        return calls_deny(c, call, exception);
    c->sinks[record].markers = call->args[0];
    return done_cap(core_grant(c->system->core, owner, CAP_IF_EVIDENCE, record, call->object, AUDIT_BDF_NONE,
                               &c->sinks[record].object));
}

struct object_reply calls_sink_call(struct calls *c, const struct object_call *call)
{
    const uint64_t markers = c->sinks[call->payload].markers;

    ASSERT(call->payload < CALLS_SINKS_MAX);
    if (call->method == EVIDENCE_EMIT)
        return emit(c, call, markers);
    if (call->method == EVIDENCE_LATE_MESSAGE)
        return (markers >> EVIDENCE_INTERRUPT_DELIVERED & 1u) == 0 ? calls_refuse(c, call, SYS_E_NAME)
                                                                   : calls_late_message(c, call);
    return call->method == EVIDENCE_NARROW ? narrow(c, call, markers) : transport(RING_E_METHOD);
}
