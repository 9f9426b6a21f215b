/* SPDX-License-Identifier: BSD-2-Clause */
/* The operator's shell among its own files. */
#ifndef CAPOS_USER_SHELL_SHELL_H
#define CAPOS_USER_SHELL_SHELL_H

#include "abi/terminal.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define SHELL_LINE_BYTES (TERMINAL_LINE_BYTES + 1u)
#define SHELL_WORDS      4u
#define SHELL_PROCESSES  16u /* places of the kernel's table */
#define SHELL_ANSWER_NS  2000000000u /* that a service gets: one that hangs must not take the shell along */
#define SHELL_OUT_BYTES  96u /* of one line of output */
#define SHELL_WIDE       88u /* columns of a terminal that has room for the longest names */

struct shell {
    struct rt *rt;
    cap_id terminals, system, supervisor, power;
    cap_id login, inventory, nic, network, evidence; /* each or CAP_NONE */
    struct rt_memory range; /* records that calls write */
    cap_id terminal; /* the session, or CAP_NONE */
    struct rt_memory page; /* its buffer: the line first, then text on its way out */
    uint32_t out_bytes; /* of that text */
    bool closed; /* the session ended under us, or is to end */
    enum terminal_kind kind; /* of the session */
    uint32_t columns, rows; /* of its terminal */
    uint64_t source; /* of it, as abi/login.h numbers them */
    uint64_t asked; /* calls on the Nic so far */
    uint32_t count; /* words of the line */
    char *word[SHELL_WORDS];
};

/* A line of output, built column by column. */
struct row {
    struct text t;
    char at[SHELL_OUT_BYTES];
};

struct command {
    const char *name, *takes, *does;
    void (*run)(struct shell *s);
    uint32_t least, most; /* words behind the name */
};

/* login.c: asks for the operator's secret until it is right; without a log-in, at once. False: the session is
 * over. */
bool shell_login(struct shell *s);
/* Of a session that got in. */
void shell_logged_out(struct shell *s);
/* The number of a session's place, by what TERMINALS_OPEN says of it. */
uint64_t shell_source(uint64_t opened);

/* commands.c: one line, split into words; at least one. */
void shell_run(struct shell *s);
/* Names of commands and services, for the terminal to complete. */
void shell_words(struct shell *s);

/* tell.c: text, and what calls came to. */
void shell_say(struct shell *s, const char *text);
void shell_write(struct shell *s, const char *text, size_t bytes);
/* What was said so far is at the terminal. A terminal that ended is noted. */
void shell_flush(struct shell *s);
void row_begin(struct row *r);
/* At least one blank, up to this column. */
void row_column(struct row *r, uint32_t column);
/* Right-aligned, its last digit before column `end`. */
void row_number(struct row *r, uint64_t value, uint32_t end);
/* At most `most` bytes, up to a zero. */
void row_name(struct row *r, const char *name, uint32_t most);
void row_end(struct shell *s, struct row *r);
/* Columns for a process's name: all of it where there is room. Every table keeps within 80 with the least. */
uint32_t shell_name_columns(const struct shell *s);
/* Asks the terminal for its size, which may be another one than before. */
bool shell_size(struct shell *s);
/* `name  value`. */
void shell_pair(struct shell *s, const char *name, uint64_t value);
bool shell_same(const char *a, const char *b);
struct ring_completion shell_call(struct shell *s, cap_id cap, uint16_t method, uint64_t a0, uint64_t a1);
/* A call with a time limit; an answer that comes late is passed over. False: none came. */
bool shell_ask(struct shell *s, cap_id cap, uint16_t method, const uint64_t args[3], uint64_t ns,
               struct ring_completion *done);
/* Waits for a key, after what was said is shown. -1: none came. A terminal that ended gives one at once. */
int shell_key(struct shell *s, uint64_t ns);
/* Waits that long for ^C, after what was said is shown; other keys are the next line's. A terminal that ended
 * interrupts at once. */
bool shell_interrupted(struct shell *s, uint64_t ns);
/* A decimal number and nothing else. */
bool shell_number(const char *text, uint64_t *out);
/* A call that writes one record of `bytes`. False: refused. */
bool shell_record(struct shell *s, cap_id cap, uint16_t method, const uint64_t args[2], void *out,
                  uint32_t bytes);
/* Says what a call came to. `next`: what to do about a refusal. */
void shell_outcome(struct shell *s, const struct ring_completion *done, const char *next);

/* show.c and nic.c: commands that only look. */
void shell_ps(struct shell *s);
void shell_caps(struct shell *s);
void shell_usage(struct shell *s);
void shell_devices(struct shell *s);
void shell_evidence(struct shell *s);
void shell_audit(struct shell *s);
void shell_nic(struct shell *s);
/* net.c: what the network stack says of itself. */
void shell_net(struct shell *s);
void shell_dhcp(struct shell *s);
void shell_sockets(struct shell *s);
void shell_ping(struct shell *s);
/* top.c */
void shell_top(struct shell *s);

#endif
