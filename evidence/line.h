/* SPDX-License-Identifier: BSD-2-Clause */
/* One evidence line while its facts are collected: for the generated code of markers.c, and for the sink,
 * which emits what programs say. */
#ifndef CAPOS_EVIDENCE_LINE_H
#define CAPOS_EVIDENCE_LINE_H

#include "evidence/emit.h"
#include "evidence/markers.h"
#include "evidence/text.h"

struct evidence_rule {
    const char *name;
    bool many;  /* may appear more than once, in a row */
};

struct evidence_line {
    const struct evidence_rule *rule;
    uint32_t marker;
    struct text facts;
    char facts_buffer[EVIDENCE_LINE_BYTES_MAX];
};

void evidence_line_begin(struct evidence_line *line, uint32_t marker, const struct evidence_rule *rule);
/* The same with the list's own rule. Generated. */
void evidence_line_of(struct evidence_line *line, enum evidence_marker marker);
void evidence_fact_word(struct evidence_line *line, const char *name, const char *value);
void evidence_fact_u64(struct evidence_line *line, const char *name, uint64_t value);
void evidence_fact_hex16(struct evidence_line *line, const char *name, uint16_t value);
void evidence_fact_hex24(struct evidence_line *line, const char *name, uint32_t value);
void evidence_fact_hex64(struct evidence_line *line, const char *name, uint64_t value);
void evidence_fact_bdf(struct evidence_line *line, const char *name, uint16_t value);
void evidence_fact_mac(struct evidence_line *line, const char *name, const uint8_t value[6]);
/* Decides, then emits: a refused line changes nothing but the count of refusals. `last`: this is the closing
 * marker. */
enum evidence_status evidence_line_emit(struct evidence *ev, const struct evidence_line *line, bool last);

#endif
