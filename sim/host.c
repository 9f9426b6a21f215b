/* SPDX-License-Identifier: BSD-2-Clause */
/* What the host world supplies to the rooms: the end of a failed assertion. */
#include <execinfo.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "abi/assert.h"

void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    void *stack[32];
    fflush(NULL);
    fprintf(stderr, "assertion failed: %s, %s:%u\n", expression, file, line);
    backtrace_symbols_fd(stack, backtrace(stack, 32), STDERR_FILENO);
    abort();
}
