/* SPDX-License-Identifier: BSD-2-Clause */
#include "evidence/audit_line.h"

#include "abi/assert.h"

#define BDF_NONE 0xffffu

static void number(struct text *t, const char *key, uint64_t value)
{
    text_string(t, key);
    text_u64(t, value);
}

void audit_line_text(struct text *t, const struct audit_line *record)
{
    number(t, "audit: seq=", record->seq);
    number(t, " owner=", record->owner);
    number(t, " kind=", record->kind);
    number(t, " interface=", record->interface);
    number(t, " handle=", record->handle.index);
    number(t, ".", record->handle.generation);
    text_string(t, " bdf=");
    if (record->bdf == BDF_NONE)
        text_string(t, "none");
    else
        text_bdf(t, record->bdf);
    number(t, " result=", record->result);
    text_string(t, " chain=");
    text_hex_bytes(t, record->chain, sizeof record->chain);
    text_string(t, "\n");
    ASSERT(!t->overflow);
}
