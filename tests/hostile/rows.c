/* SPDX-License-Identifier: BSD-2-Clause */
/* What is due of the attacking program. One refusal each: one denial counted, and one record in the audit log
 * unless the call was malformed; nothing held that was not held before. */
#include "tests/hostile/rows.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "abi/device.h"
#include "abi/methods.h"
#include "abi/ring.h"

#define LINE_BYTES 256u

struct row {
    const char *kind, *name;
    uint64_t enter, status, exception, result, denials, cause, records;
    uint64_t machine; /* another vector there; 0: the same */
};

static const struct row rows[] = {
#define ATTACK(phase, name, enter, status, exception, result, denials, cause)                                \
    {"attack", #name, enter, status, exception, result, denials, cause, (cause) != 0, 0},
#define FAULT(kind, vector, machine)                                                                         \
    {"fault", #kind, 0, 0, 0, (uint64_t)PROCESS_FAULTED | (uint64_t)(vector) << 8, 0, vector, 1, machine},
#include "tests/hostile/program/attacks.def"
#undef ATTACK
};

size_t hostile_rows(void)
{
    return sizeof rows / sizeof rows[0];
}

void hostile_row(size_t at, bool machine, char *out, size_t bytes)
{
    const struct row *r = &rows[at];
    const bool other = machine && r->machine != 0;
    const uint64_t cause = other ? r->machine : r->cause;
    const uint64_t result = other ? (uint64_t)PROCESS_FAULTED | r->machine << 8 : r->result;

    snprintf(out, bytes,
             "%s %s enter=%lu status=%lu exception=%lu result=%lu denials=%lu records=%lu cause=%lu same=1 "
             "empty=1 whole=1",
             r->kind, r->name, (unsigned long)r->enter, (unsigned long)r->status, (unsigned long)r->exception,
             (unsigned long)result, (unsigned long)r->denials, (unsigned long)r->records,
             (unsigned long)cause);
}

/* How often the line stands in the text, whole. */
static size_t times(const char *text, const char *line)
{
    const size_t bytes = strlen(line);
    size_t n = 0;

    for (const char *at = strstr(text, line); at != NULL; at = strstr(at + 1, line))
        n += (at == text || at[-1] == '\n') && (at[bytes] == '\n' || at[bytes] == '\r');
    return n;
}

static size_t lines_of(const char *text, const char *kind)
{
    const size_t bytes = strlen(kind);
    size_t n = 0;

    for (const char *at = strstr(text, kind); at != NULL; at = strstr(at + bytes, kind))
        n += at == text || at[-1] == '\n';
    return n;
}

static void quote(FILE *out, const char *text, const struct row *r)
{
    char start[LINE_BYTES];

    snprintf(start, sizeof start, "%s %s enter=", r->kind, r->name);
    const char *said = strstr(text, start);
    fprintf(out, "  said: %.*s\n", said == NULL ? 7 : (int)strcspn(said, "\r\n"),
            said == NULL ? "nothing" : said);
}

size_t hostile_judge(const char *text, bool machine, void *out)
{
    size_t wrong = 0;

    for (size_t i = 0; i < hostile_rows(); i++) {
        char line[LINE_BYTES];

        hostile_row(i, machine, line, sizeof line);
        if (times(text, line) == 1)
            continue;
        wrong++;
        if (out != NULL) {
            fprintf(out, "due:    %s\n", line);
            quote(out, text, &rows[i]);
        }
    }
    return wrong + (lines_of(text, "attack ") + lines_of(text, "fault ") != hostile_rows());
}
