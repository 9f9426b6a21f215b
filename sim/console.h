/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's console: standard output, the run folder's logs, the terminal, signals.
 * On a terminal all keys go to the guest (which reads none yet: they are counted and dropped) and Ctrl-]
 * quits. */
#ifndef CAPOS_SIM_CONSOLE_H
#define CAPOS_SIM_CONSOLE_H

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

#include "platform/platform.h"
#include "sim/options.h"

struct sim_console {
    FILE *main_log;      /* run folder: console.log */
    FILE *evidence_log;  /* run folder: evidence.log */
    bool quiet;          /* --json: nothing of the console on standard output */
    bool serve;          /* stays up: waits for keys between turns */
    bool raw;            /* terminal settings are ours */
    bool input_ended;    /* end of input is no input: the system stays up */
    bool until_seen;
    bool quit;
    const char *until;
    struct termios before;
    unsigned long keys_dropped;
    char line[512];      /* the evidence line under way, for --until */
    size_t line_bytes;
};

/* False with errno when a log cannot be made. Installs handlers for SIGINT and SIGTERM. */
bool sim_console_open(struct sim_console *c, const struct sim_options *o);
void sim_console_close(struct sim_console *c);
void sim_console_write(void *console, enum platform_console port, const char *text, size_t bytes);
/* True once Ctrl-], a signal or the awaited marker was seen. While the system stays up, waits a millisecond
 * for keys. */
int sim_console_end_requested(void *console);
/* A signal ended the run. */
bool sim_console_interrupted(void);

#endif
