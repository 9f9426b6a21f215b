/* SPDX-License-Identifier: BSD-2-Clause */
/* Lines of the transcript. */
#include <stdarg.h>
#include <string.h>

#include "tests/diff/diff.h"

void diff_section(struct diff *d, const char *name)
{
    snprintf(d->section, sizeof d->section, "%s", name);
}

__attribute__((format(printf, 2, 0))) static void begin(struct diff *d, const char *key, va_list arguments)
{
    fprintf(d->out, "%s %s.", d->config->name, d->section);
    vfprintf(d->out, key, arguments);
}

void diff_say(struct diff *d, uint64_t value, const char *key, ...)
{
    va_list arguments;
    va_start(arguments, key);
    begin(d, key, arguments);
    va_end(arguments);
    fprintf(d->out, " %#llx\n", (unsigned long long)value);
}

void diff_say_bytes(struct diff *d, const uint8_t *bytes, size_t count, const char *key)
{
    fprintf(d->out, "%s %s.%s ", d->config->name, d->section, key);
    for (size_t i = 0; i < count; i++)
        fprintf(d->out, "%02x", bytes[i]);
    fprintf(d->out, "%s\n", count ? "" : "-");
}

void diff_say_text(struct diff *d, const char *text, const char *key)
{
    fprintf(d->out, "%s %s.%s %s\n", d->config->name, d->section, key, text);
}
