/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of commands, and those that change something: each is a few calls on what the shell holds. What it
 * does not hold it cannot do, and says so. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

#define NAME_PARTS 3u
#define NAME_BYTES (8u * NAME_PARTS + 1u)

/* A BDF as BB:DD.F. */
static bool parse_bdf(const char *text, uint64_t *out)
{
    uint64_t part[3] = {0, 0, 0};
    uint32_t at = 0;

    for (; *text != 0; text++) {
        const char c = *text;

        if (c == ':' || c == '.') {
            if (++at > 2)
                return false;
        } else if (c >= '0' && c <= '9') {
            part[at] = part[at] * 16u + (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            part[at] = part[at] * 16u + (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    *out = part[0] << 8 | part[1] << 3 | part[2];
    return at == 2 && part[0] < 256u && part[1] < 32u && part[2] < 8u;
}

static void devices(struct shell *s)
{
    uint64_t bdf = 0;

    if (cap_is_none(s->inventory)) {
        shell_say(s, "this shell may not look: grant it inventory in the manifest\n");
    } else if (s->count == 1) {
        shell_devices(s);
    } else if (s->count == 3 && shell_same(s->word[1], "release") && parse_bdf(s->word[2], &bdf)) {
        const struct ring_completion done = shell_call(s, s->inventory, INVENTORY_RELEASE, bdf, 0);

        shell_outcome(s, &done, "only a function in quarantine is released: usage counts them\n");
    } else {
        shell_say(s, "usage: devices, or devices release BB:DD.F as devices lists it\n");
    }
}

static void name_of(struct shell *s, uint64_t service, char name[NAME_BYTES])
{
    for (uint64_t part = 0; part < NAME_PARTS; part++) {
        const struct ring_completion done = shell_call(s, s->supervisor, SUPERVISOR_NAME, service, part);

        for (uint32_t byte = 0; byte < 8u; byte++)
            name[8u * part + byte] = (char)(ring_completed(&done) ? done.value >> (8u * byte) : 0u);
    }
    name[NAME_BYTES - 1u] = '\0';
}

static uint64_t service_count(struct shell *s)
{
    const struct ring_completion count = shell_call(s, s->supervisor, SUPERVISOR_COUNT, 0, 0);

    return ring_completed(&count) ? count.value : 0;
}

static void services(struct shell *s)
{
    static const char *const words[] = {"waits", "runs", "ended", "given up"};
    const uint64_t count = service_count(s);

    shell_say(s, "name                    state     starts   process\n");
    for (uint64_t i = 0; i < count; i++) {
        const struct ring_completion state = shell_call(s, s->supervisor, SUPERVISOR_STATE, i, 0);
        char name[NAME_BYTES];
        struct row r;

        if (!ring_completed(&state))
            continue;
        name_of(s, i, name);
        row_begin(&r);
        text_string(&r.t, name);
        row_column(&r, 24);
        const uint64_t starts = state.value >> 16 & 0xffffu;
        const uint64_t word = state.value >> 8 & 3u;

        text_string(&r.t, word == SERVICE_ENDED && starts == 0 ? "left out" : words[word]);
        row_number(&r, starts, 40);
        if (state.value >> 32 != 0)
            row_number(&r, state.value >> 32, 50);
        row_end(s, &r);
    }
}

static void on_service(struct shell *s, uint16_t method, const char *next)
{
    const uint64_t count = service_count(s);

    for (uint64_t i = 0; i < count; i++) {
        char name[NAME_BYTES];

        name_of(s, i, name);
        if (!shell_same(name, s->word[1]))
            continue;
        const struct ring_completion done = shell_call(s, s->supervisor, method, i, 0);
        shell_outcome(s, &done, next);
        return;
    }
    shell_say(s, "no such service: services lists them\n");
}

static void kill(struct shell *s)
{
    on_service(s, SUPERVISOR_KILL, "only a service that runs is killed, and init never: see services\n");
}

static void restart(struct shell *s)
{
    on_service(s, SUPERVISOR_RESTART,
               "init is not restarted, reboot does that; nor is what another asks for\n");
}

static void power(struct shell *s, uint64_t how)
{
    const struct ring_completion done = shell_call(s, s->power, POWER_END, how, 0);

    shell_outcome(s, &done, "the run ends from outside as well: Ctrl-]\n");
}

static void poweroff(struct shell *s)
{
    power(s, 1);
}

static void reboot(struct shell *s)
{
    power(s, 2);
}

static void logout(struct shell *s)
{
    s->closed = true;
}

static void help(struct shell *s);

/* In groups by what one wants; a line without a function is a group's head. `help` shows them all on one
 * screen of 24 lines: heads of at most 16 columns, names with what they take of 23, the rest of 38. */
static const struct command commands[] = {
    {"See what runs", NULL, NULL, NULL, 0, 0},
    {"services", "", "services and their state", services, 0, 0},
    {"ps", "", "their memory, handles, calls, time", shell_ps, 0, 0},
    {"top", "", "the same by use, until a key is typed", shell_top, 0, 0},
    {"caps", "NUMBER", "what a process holds; NUMBER from ps", shell_caps, 1, 1},
    {"usage", "", "what is held altogether", shell_usage, 0, 0},
    {"Start and stop", NULL, NULL, NULL, 0, 0},
    {"restart", "SERVICE", "ends it if it runs, and starts it anew", restart, 1, 1},
    {"kill", "SERVICE", "ends it; its rule says if it returns", kill, 1, 1},
    {"logout", "", "ends this session, as does ^D", logout, 0, 0},
    {"poweroff", "", "takes all back and ends the system", poweroff, 0, 0},
    {"reboot", "", "the same, and begins anew", reboot, 0, 0},
    {"See the network", NULL, NULL, NULL, 0, 0},
    {"net", "", "address, routes, counters of the stack", shell_net, 0, 0},
    {"dhcp", "", "the lease: who gave it, and how long", shell_dhcp, 0, 0},
    {"sockets", "", "listening ports, and connections", shell_sockets, 0, 0},
    {"ping", "A.B.C.D", "four echoes, with their times; ^C ends", shell_ping, 1, 1},
    {"See the devices", NULL, NULL, NULL, 0, 0},
    {"nic", "", "the card: address, link, counters", shell_nic, 0, 0},
    {"devices", "", "PCI functions", devices, 0, 2},
    {"devices", "release BB:DD.F", "takes a function out of quarantine", devices, 0, 2},
    {"See the records", NULL, NULL, NULL, 0, 0},
    {"evidence", "", "markers emitted so far", shell_evidence, 0, 0},
    {"audit", "", "how many, chain head, drained or not", shell_audit, 0, 0},
    {"help", "", "this list", help, 0, 0},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(struct shell *s)
{
    const char *head = "";

    for (uint32_t i = 0; i < COMMANDS; i++) {
        const struct command *c = &commands[i];
        struct row r;

        if (c->run == NULL) {
            head = c->name;
            continue;
        }
        row_begin(&r);
        text_string(&r.t, head);
        row_column(&r, 17);
        text_string(&r.t, c->name);
        text_string(&r.t, " ");
        text_string(&r.t, c->takes);
        row_column(&r, 41);
        text_string(&r.t, c->does);
        row_end(s, &r);
        head = "";
    }
}

void shell_words(struct shell *s)
{
    char words[TERMINAL_WORDS_BYTES];
    struct text t = text_over(words, sizeof words);
    const uint64_t count = service_count(s);

    for (uint32_t i = 0; i < COMMANDS; i++) {
        if (commands[i].run == NULL || (i > 0 && shell_same(commands[i].name, commands[i - 1u].name)))
            continue;
        text_string(&t, commands[i].name);
        text_string(&t, " ");
    }
    text_string(&t, "|");
    for (uint64_t i = 0; i < count; i++) {
        char name[NAME_BYTES];

        name_of(s, i, name);
        text_string(&t, " ");
        text_string(&t, name);
    }
    memcpy(s->page.at, words, t.used);
    (void)ring_call(&s->rt->ring, s->terminal, TERMINAL_WORDS, RING_ARGS(0, t.used), NULL);
}

static void say_use(struct shell *s, const struct command *c)
{
    struct row r;

    row_begin(&r);
    text_string(&r.t, "usage: ");
    text_string(&r.t, c->name);
    text_string(&r.t, " ");
    text_string(&r.t, c->takes);
    text_string(&r.t, c->takes[0] != 0 ? ": " : "alone: ");
    text_string(&r.t, c->does);
    row_end(s, &r);
}

void shell_run(struct shell *s)
{
    ASSERT(s->count > 0);
    for (uint32_t i = 0; i < COMMANDS; i++) {
        const struct command *c = &commands[i];

        if (c->run == NULL || !shell_same(c->name, s->word[0]))
            continue;
        if (s->count - 1u < c->least || s->count - 1u > c->most)
            say_use(s, c);
        else
            c->run(s);
        return;
    }
    shell_say(s, "no such command: help lists them\n");
}
