/* SPDX-License-Identifier: BSD-2-Clause */
/* Evidence lines: what a run showed, in an order, chained by a key that is never printed. A line is
 *     cloudboot-evidence: <name> v1:seq=N,boot=<16 hex>,chain=<64 hex>,key=value,...
 * with chain = HMAC-SHA-256(key, previous chain || the line without its chain field and without the newline),
 * the first previous chain being 32 zero bytes. Each line goes to the evidence port alone and to the main
 * console. The functions that emit, one a marker with its facts as a struct, are generated:
 * evidence/markers.h. */
#ifndef CAPOS_EVIDENCE_EMIT_H
#define CAPOS_EVIDENCE_EMIT_H

#include <stdbool.h>
#include <stdint.h>

#include "evidence/console.h"

#define EVIDENCE_KEY_BYTES 32u
#define EVIDENCE_CHAIN_BYTES 32u
#define EVIDENCE_BOOT_BYTES 8u
#define EVIDENCE_MARKERS_MAX 64u
#define EVIDENCE_LINE_BYTES_MAX 1024u

enum evidence_status {
    EVIDENCE_OK = 0,
    EVIDENCE_E_ENDED,   /* `end` was emitted: the log is closed */
    EVIDENCE_E_ORDER,   /* a marker that stands later in the list was emitted already */
    EVIDENCE_E_REPEAT,  /* this marker may appear once */
    EVIDENCE_E_LONG     /* the facts do not fit into EVIDENCE_LINE_BYTES_MAX */
};

struct evidence {
    struct console *console;               /* port 1; its platform has port 2 as well */
    uint8_t key[EVIDENCE_KEY_BYTES];
    uint8_t chain[EVIDENCE_CHAIN_BYTES];   /* of the line before */
    uint8_t boot[EVIDENCE_BOOT_BYTES];     /* names this boot in each line */
    uint64_t seq;                          /* of the next line: lines emitted so far */
    uint32_t last;                         /* highest marker emitted, plus 1; 0: none */
    uint32_t refused;                      /* calls that changed nothing */
    uint32_t lines[EVIDENCE_MARKERS_MAX];  /* emitted, by marker */
    bool ended;
};

/* An open log without a line. `console` outlives it; key and boot id are copied. */
void evidence_begin(struct evidence *ev, struct console *console, const uint8_t key[EVIDENCE_KEY_BYTES],
                    const uint8_t boot[EVIDENCE_BOOT_BYTES]);
/* Emits `end` with the number of lines before it: nothing comes after. The key is wiped. */
enum evidence_status evidence_end(struct evidence *ev);

#endif
