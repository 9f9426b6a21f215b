/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's console: standard output, the run folder's logs, the terminal, signals.
 * Keys go to the guest; what it does not read in time is dropped and counted. On a terminal Ctrl-] quits. */
#ifndef CAPOS_SIM_CONSOLE_H
#define CAPOS_SIM_CONSOLE_H

#include <stdbool.h>
#include <stdio.h>
#include <termios.h>

#include "platform/platform.h"
#include "sim/forwards.h"
#include "sim/knock.h"
#include "sim/options.h"
#include "sim/world.h"

struct sim_console {
    FILE *main_log; /* run folder: console.log */
    FILE *evidence_log; /* run folder: evidence.log */
    FILE *audit_log; /* run folder: audit.log, made when something is written to the third port */
    const char *run_dir;
    bool quiet; /* --json: nothing of the console on standard output */
    bool serve; /* stays up: waits for keys between turns */
    bool raw; /* terminal settings are ours */
    uint64_t skip_ns; /* --skip */
    uint64_t *clock_ns; /* set by who boots: virtual time, which SIGUSR1 moves on by skip_ns */
    bool input_ended; /* end of input is no input: the system stays up */
    bool until_seen;
    bool quit;
    const char *until;
    struct termios before;
    unsigned char keys[256]; /* typed, not read by the guest */
    unsigned keys_from, keys_to; /* free-running */
    unsigned long keys_dropped;
    uint64_t nic_sent, nic_received; /* frames as the evidence counts them, over all lives of the NIC */
    bool nic_counted; /* the last of these lives said its counts */
    const struct sim_world *world; /* set by who boots: whose NIC it is */
    const struct sim_forwards *forwards; /* set by who boots, or NULL: told behind the kernel's first line */
    struct sim_knock *knock; /* set by who boots, with the port: a proof's client outside; or NULL */
    uint16_t knock_port;
    bool number_named; /* the evidence names the number that the client sent */
    struct dm_net_counts wire; /* the device's, when that life was over */
    char line[512]; /* the evidence line under way */
    size_t line_bytes;
};

/* False with errno when a log cannot be made. Installs handlers for SIGINT and SIGTERM, and with --skip
 * for SIGUSR1; SIGPIPE is ignored. */
bool sim_console_open(struct sim_console *c, const struct sim_options *o);
void sim_console_close(struct sim_console *c);
void sim_console_write(void *console, enum platform_console port, const char *text, size_t bytes);
/* platform_console_read: what was typed at the main port. */
size_t sim_console_read(void *console, enum platform_console port, char *buffer, size_t bytes);
/* True once Ctrl-], a signal or the awaited marker was seen. While the system stays up, waits a millisecond
 * for keys. */
int sim_console_end_requested(void *console);
/* A signal ended the run. */
bool sim_console_interrupted(void);

#endif
