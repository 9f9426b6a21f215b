/* SPDX-License-Identifier: BSD-2-Clause */
/* The evidence emitter: order, chain, and the bytes of a line. Trusts the generated list; values may hold
 * anything. */
#include "evidence/emit.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/line.h"
#include "evidence/markers.h"
#include "kernel/core/digest.h"
#include "platform/platform.h"

#define WORD_BYTES_MAX 512u

void evidence_begin(struct evidence *ev, struct console *console, const uint8_t key[EVIDENCE_KEY_BYTES],
                    const uint8_t boot[EVIDENCE_BOOT_BYTES])
{
    ASSERT(console != NULL);
    memset(ev, 0, sizeof(*ev));
    ev->console = console;
    memcpy(ev->key, key, sizeof(ev->key));
    memcpy(ev->boot, boot, sizeof(ev->boot));
}

void evidence_line_begin(struct evidence_line *line, uint32_t marker, const struct evidence_rule *rule)
{
    ASSERT(marker < EVIDENCE_MARKER_COUNT);
    ASSERT(rule->name != NULL);
    line->rule = rule;
    line->marker = marker;
    line->facts = text_over(line->facts_buffer, sizeof(line->facts_buffer));
}

static void fact_name(struct evidence_line *line, const char *name)
{
    text_string(&line->facts, ",");
    text_string(&line->facts, name);
    text_string(&line->facts, "=");
}

/* Bytes that the grammar does not allow in a value, and the escape itself, become %XX; an empty word becomes
 * `-`. */
void evidence_fact_word(struct evidence_line *line, const char *name, const char *value)
{
    ASSERT(value != NULL);
    fact_name(line, name);
    if (value[0] == '\0')
        text_string(&line->facts, "-");
    for (size_t i = 0; value[i] != '\0'; i++) {
        if (i == WORD_BYTES_MAX) {
            line->facts.overflow = true;
            return;
        }
        bool plain = value[i] > ' ' && value[i] <= '~' && value[i] != ',' && value[i] != '%';
        if (plain) {
            text_bytes(&line->facts, &value[i], 1);
        } else {
            text_string(&line->facts, "%");
            text_hex(&line->facts, (uint8_t)value[i], 2);
        }
    }
}

void evidence_fact_u64(struct evidence_line *line, const char *name, uint64_t value)
{
    fact_name(line, name);
    text_u64(&line->facts, value);
}

static void fact_hex(struct evidence_line *line, const char *name, uint64_t value, unsigned digits)
{
    fact_name(line, name);
    text_string(&line->facts, "0x");
    text_hex(&line->facts, value, digits);
}

void evidence_fact_hex16(struct evidence_line *line, const char *name, uint16_t value)
{
    fact_hex(line, name, value, 4);
}

void evidence_fact_hex24(struct evidence_line *line, const char *name, uint32_t value)
{
    ASSERT(value < 1u << 24);
    fact_hex(line, name, value, 6);
}

void evidence_fact_hex64(struct evidence_line *line, const char *name, uint64_t value)
{
    fact_hex(line, name, value, 16);
}

void evidence_fact_bdf(struct evidence_line *line, const char *name, uint16_t value)
{
    fact_name(line, name);
    text_bdf(&line->facts, value);
}

void evidence_fact_mac(struct evidence_line *line, const char *name, const uint8_t value[6])
{
    fact_name(line, name);
    text_mac(&line->facts, value);
}

static enum evidence_status decide(const struct evidence *ev, const struct evidence_line *line)
{
    if (ev->ended)
        return EVIDENCE_E_ENDED;
    if (line->marker + 1u < ev->last)
        return EVIDENCE_E_ORDER;
    if (line->marker + 1u == ev->last && !line->rule->many)
        return EVIDENCE_E_REPEAT;
    return line->facts.overflow ? EVIDENCE_E_LONG : EVIDENCE_OK;
}

/* prefix, name, version, sequence number, boot id: all that stands before the chain field. */
static void put_head(struct text *t, const struct evidence *ev, const struct evidence_line *line)
{
    text_string(t, EVIDENCE_PREFIX " ");
    text_string(t, line->rule->name);
    text_string(t, " v1:seq=");
    text_u64(t, ev->seq);
    text_string(t, ",boot=");
    text_hex_bytes(t, ev->boot, sizeof(ev->boot));
}

enum evidence_status evidence_line_emit(struct evidence *ev, const struct evidence_line *line, bool last)
{
    enum evidence_status status = decide(ev, line);
    if (status != EVIDENCE_OK) {
        ev->refused++;
        return status;
    }
    char buffer[EVIDENCE_LINE_BYTES_MAX + 256u]; /* facts, and a head and chain below 256 bytes */
    struct text out = text_over(buffer, sizeof(buffer));
    put_head(&out, ev, line);
    const struct digest_part chained[] = {
        {ev->chain, sizeof(ev->chain)},
        {out.at, out.used},
        {line->facts.at, line->facts.used},
    };
    uint8_t chain[EVIDENCE_CHAIN_BYTES];
    digest_hmac_sha256(ev->key, chained, sizeof(chained) / sizeof(chained[0]), chain);

    text_string(&out, ",chain=");
    text_hex_bytes(&out, chain, sizeof(chain));
    text_bytes(&out, line->facts.at, line->facts.used);
    text_string(&out, "\n");
    ASSERT(!out.overflow);
    console_fresh_line(ev->console);
    platform_console_write(ev->console->platform, CONSOLE_EVIDENCE, out.at, out.used);
    platform_console_write(ev->console->platform, CONSOLE_MAIN, out.at, out.used);

    memcpy(ev->chain, chain, sizeof(chain));
    ev->last = line->marker + 1u;
    ev->lines[line->marker]++;
    ev->seq++;
    ev->ended = last;
    return EVIDENCE_OK;
}

enum evidence_status evidence_end(struct evidence *ev)
{
    enum evidence_status status = evidence_emit_end(ev, &(struct evidence_end){.count = ev->seq});
    ASSERT(status != EVIDENCE_E_LONG);
    if (status == EVIDENCE_OK)
        memset(ev->key, 0, sizeof(ev->key));
    return status;
}
