/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/console.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define KEY_QUIT        0x1d /* Ctrl-] */
#define EVIDENCE_PREFIX "cloudboot-evidence: "

#define SECOND_NS 1000000000ull

/* Signals reach a process, not a console: the flags of the program that are global, set by handlers. */
static atomic_int interrupted;
static atomic_int skips; /* not done yet */

static void on_signal(int number)
{
    (void)number;
    interrupted = 1;
}

static void on_skip(int number)
{
    (void)number;
    skips++;
}

static FILE *open_log(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, "w");
}

static void take_terminal(struct sim_console *c)
{
    if (!isatty(STDIN_FILENO) || tcgetattr(STDIN_FILENO, &c->before) != 0)
        return;
    struct termios raw = c->before;
    raw.c_lflag &= (tcflag_t) ~(ICANON | ECHO | ISIG);
    raw.c_cc[VMIN] = 0;
    raw.c_cc[VTIME] = 0;
    if (tcsetattr(STDIN_FILENO, TCSANOW, &raw) == 0) {
        c->raw = true;
        fputs("Ctrl-] quits\n", stdout);
    }
}

bool sim_console_open(struct sim_console *c, const struct sim_options *o)
{
    struct sigaction action = {.sa_handler = on_signal};
    memset(c, 0, sizeof *c);
    c->quiet = o->json;
    c->serve = !o->proof;
    c->until = o->until;
    c->run_dir = o->run_dir;
    c->main_log = open_log(o->run_dir, "console.log");
    c->evidence_log = open_log(o->run_dir, "evidence.log");
    if (!c->main_log || !c->evidence_log)
        return false;
    setvbuf(c->evidence_log, NULL, _IOLBF, 0); /* who waits outside reads it meanwhile */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    action.sa_handler = SIG_IGN; /* libslirp sends to peers that are gone: no end of the run */
    sigaction(SIGPIPE, &action, NULL);
    c->skip_ns = o->skip_seconds * SECOND_NS;
    action.sa_handler = on_skip;
    if (c->skip_ns != 0)
        sigaction(SIGUSR1, &action, NULL);
    if (c->serve)
        take_terminal(c);
    return true;
}

void sim_console_close(struct sim_console *c)
{
    if (c->raw)
        tcsetattr(STDIN_FILENO, TCSANOW, &c->before);
    if (c->main_log)
        fclose(c->main_log);
    if (c->evidence_log)
        fclose(c->evidence_log);
    if (c->audit_log)
        fclose(c->audit_log);
    c->audit_log = NULL;
    c->main_log = NULL;
    c->evidence_log = NULL;
    c->raw = false;
}

/* The line is one of this marker. */
static bool is_marker(const struct sim_console *c, const char *marker)
{
    size_t prefix = strlen(EVIDENCE_PREFIX);
    size_t name = strlen(marker);
    return strncmp(c->line, EVIDENCE_PREFIX, prefix) == 0 && strncmp(c->line + prefix, marker, name) == 0 &&
           c->line[prefix + name] == ' ';
}

/* A number of the line; 0: it has no such fact. */
static uint64_t fact(const struct sim_console *c, const char *key)
{
    char word[32];
    snprintf(word, sizeof word, ",%s=", key);
    const char *at = strstr(c->line, word);
    return at ? strtoull(at + strlen(word), NULL, 10) : 0;
}

static void watch_line(struct sim_console *c)
{
    c->line[c->line_bytes] = 0;
    c->line_bytes = 0;
    if (c->until && is_marker(c, c->until))
        c->until_seen = true;
    if (is_marker(c, "interrupt-delivered")) {
        c->nic_sent += fact(c, "frames");
    } else if (is_marker(c, "frame-exchange")) {
        c->nic_sent += fact(c, "tx_frames");
        c->nic_received += fact(c, "rx_frames");
        c->nic_counted = true;
    } else if (is_marker(c, "neighbour") && c->knock) {
        sim_knock_begin(c->knock, c->knock_port);
    } else if (is_marker(c, "l4-round-trip") && c->knock) {
        char word[64];
        snprintf(word, sizeof word, ",number=0x%016llx,", (unsigned long long)c->knock->number);
        c->number_named = strstr(c->line, word) != NULL;
    } else if (is_marker(c, "provider-nic-teardown") && c->world) {
        c->wire = dm_net_counts(c->world->nets[0]); /* frames of later lives are their clients' */
    }
}

static void watch(struct sim_console *c, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] == '\n')
            watch_line(c);
        else if (text[i] != '\r' && c->line_bytes + 1 < sizeof c->line)
            c->line[c->line_bytes++] = text[i];
    }
}

void sim_console_write(void *console, enum platform_console port, const char *text, size_t bytes)
{
    struct sim_console *c = console;
    if (port == CONSOLE_AUDIT) {
        if (!c->audit_log)
            c->audit_log = open_log(c->run_dir, "audit.log");
        if (c->audit_log)
            fwrite(text, 1, bytes, c->audit_log);
        return;
    }
    if (port == CONSOLE_EVIDENCE) {
        fwrite(text, 1, bytes, c->evidence_log);
        watch(c, text, bytes);
        return;
    }
    fwrite(text, 1, bytes, c->main_log);
    if (c->quiet)
        return;
    fwrite(text, 1, bytes, stdout);
    if (c->forwards && bytes > 0 && text[bytes - 1] == '\n') {
        sim_forwards_print(c->forwards, stdout);
        c->forwards = NULL;
    }
    if (fflush(stdout) != 0 && errno == EPIPE)
        c->quit = true; /* who read it is gone */
}

static void read_keys(struct sim_console *c)
{
    unsigned char keys[64];
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    int wait_ms = c->serve ? 1 : 0;
    if (c->input_ended) {
        poll(NULL, 0, wait_ms);
        return;
    }
    if (poll(&input, 1, wait_ms) <= 0)
        return;
    ssize_t got = read(STDIN_FILENO, keys, sizeof keys);
    if (got <= 0) {
        c->input_ended = got == 0 || !c->raw;
        return;
    }
    for (ssize_t i = 0; i < got; i++) {
        if (c->raw && keys[i] == KEY_QUIT)
            c->quit = true;
        else if (c->keys_to - c->keys_from < sizeof c->keys)
            c->keys[c->keys_to++ % sizeof c->keys] = keys[i];
        else
            c->keys_dropped++;
    }
}

size_t sim_console_read(void *console, enum platform_console port, char *buffer, size_t bytes)
{
    struct sim_console *c = console;
    size_t got = 0;
    while (port == CONSOLE_MAIN && got < bytes && c->keys_from != c->keys_to)
        buffer[got++] = (char)c->keys[c->keys_from++ % sizeof c->keys];
    return got;
}

int sim_console_end_requested(void *console)
{
    struct sim_console *c = console;
    if (c->serve)
        read_keys(c);
    if (c->knock)
        sim_knock_poll(c->knock);
    if (c->clock_ns && skips > 0) { /* at a turn's end: whatever is due meanwhile is due now */
        skips--;
        *c->clock_ns += c->skip_ns;
    }
    return interrupted || c->quit || c->until_seen;
}

bool sim_console_interrupted(void)
{
    return interrupted != 0;
}
