/* SPDX-License-Identifier: BSD-2-Clause */
/* A record of the audit log as a line of its port:
 *     audit: seq=N owner=N kind=N interface=N handle=INDEX.GENERATION bdf=BB:DD.F result=N chain=<64 hex>
 * The numbers are the kernel's; the chain lets a reader check that no record is missing or changed. Whoever
 * carries records to the port writes them this way. */
#ifndef CAPOS_EVIDENCE_AUDIT_LINE_H
#define CAPOS_EVIDENCE_AUDIT_LINE_H

#include "abi/methods.h"
#include "evidence/text.h"

#define AUDIT_LINE_BYTES 192u /* the longest, with its newline */

/* Appends the line and its newline; `t` has AUDIT_LINE_BYTES of room (asserted). */
void audit_line_text(struct text *t, const struct audit_line *record);

#endif
