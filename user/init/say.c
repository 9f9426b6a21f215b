/* SPDX-License-Identifier: BSD-2-Clause */
/* Init's words on the console. */
#include "user/init/init.h"

#define LINE_BYTES 96u

struct line {
    char text[LINE_BYTES];
    uint32_t bytes;
};

static void add(struct line *line, const char *text, uint32_t most)
{
    for (uint32_t i = 0; i < most && text[i] != 0 && line->bytes < LINE_BYTES; i++)
        line->text[line->bytes++] = text[i];
}

static void add_number(struct line *line, uint64_t number)
{
    char digits[20];
    uint32_t at = sizeof digits;

    do {
        digits[--at] = (char)('0' + number % 10u);
        number /= 10u;
    } while (number != 0);
    add(line, digits + at, (uint32_t)sizeof digits - at);
}

void say(struct init *init, uint32_t service, const char *text, uint64_t number)
{
    struct line line = {.bytes = 0};

    add(&line, "init: ", LINE_BYTES);
    add(&line, init->package.services[service].name, PACKAGE_NAME_BYTES);
    add(&line, " ", LINE_BYTES);
    add(&line, text, LINE_BYTES);
    if (number != SAY_NONE)
        add_number(&line, number);
    add(&line, "\n", LINE_BYTES);
    (void)rt_write(init->rt, line.text, line.bytes);
}
