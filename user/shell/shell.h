/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's shell among its own files. */
#ifndef CAPOS_USER_SHELL_SHELL_H
#define CAPOS_USER_SHELL_SHELL_H

#include "evidence/text.h"
#include "user/rt/rt.h"

#define SHELL_LINE_BYTES 96u
#define SHELL_WORDS      4u

struct shell {
    struct rt *rt;
    cap_id console, system, supervisor, functions;
    struct rt_memory range; /* records that calls write */
    uint32_t count; /* words of the line */
    char *word[SHELL_WORDS];
};

/* commands.c: one line, split into words; at least one. */
void shell_run(struct shell *s);
/* Text and numbers to the console. */
void shell_say(struct shell *s, const char *text);

#endif
