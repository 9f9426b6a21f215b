/* SPDX-License-Identifier: BSD-2-Clause */
#include "recorder.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

void platform_console_write(struct platform *p, enum platform_console port, const char *text, size_t bytes)
{
    if (p->bytes[port] + bytes >= RECORD_BYTES_MAX)
        abort();
    memcpy(p->text[port] + p->bytes[port], text, bytes);
    p->bytes[port] += bytes;
    p->text[port][p->bytes[port]] = '\0';
    p->writes[port]++;
}

_Noreturn void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    fprintf(stderr, "%s:%u: %s\n", file, line, expression);
    abort();
}
