/* SPDX-License-Identifier: BSD-2-Clause */
/* Commands: each is a few calls on what the shell holds. What it does not hold it cannot do, and says so. */
#include "abi/assert.h"
#include "abi/device.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/shell/shell.h"

#define PROCESSES_MAX 16u
#define SLOTS_MAX     256u
#define OUT_BYTES     192u
#define NAME_PARTS    3u

struct command {
    const char *name, *takes, *does;
    void (*run)(struct shell *s);
};

void shell_say(struct shell *s, const char *text)
{
    (void)rt_print(s->rt, text);
}

static bool same(const char *a, const char *b)
{
    while (*a != 0 && *a == *b) {
        a++;
        b++;
    }
    return *a == *b;
}

static struct ring_completion call(struct shell *s, cap_id cap, uint16_t method, uint64_t a0, uint64_t a1)
{
    return ring_call(&s->rt->ring, cap, method, RING_ARGS(a0, a1), NULL);
}

/* A call that writes one record of `bytes`. */
static bool record(struct shell *s, cap_id cap, uint16_t method, uint64_t a0, uint64_t a1, void *out,
                   uint32_t bytes)
{
    const struct ring_extra range = ring_range(s->range.cap, 0, bytes);
    const struct ring_completion done = ring_call(&s->rt->ring, cap, method, RING_ARGS(a0, a1), &range);

    if (ring_completed(&done))
        memcpy(out, s->range.at, bytes);
    return ring_completed(&done);
}

/* Says what a call came to. */
static void outcome(struct shell *s, const struct ring_completion *done)
{
    char line[OUT_BYTES];
    struct text t = text_over(line, sizeof line);

    if (ring_completed(done)) {
        text_string(&t, "done");
    } else {
        text_string(&t, "refused: status ");
        text_u64(&t, done->status);
        text_string(&t, ", exception ");
        text_u64(&t, done->exception);
        text_string(&t, ", result ");
        text_u64(&t, done->result);
    }
    text_string(&t, "\n");
    (void)rt_write(s->rt, t.at, t.used);
}

static void put_name(struct text *t, const char name[24])
{
    for (uint32_t i = 0; i < 24u && name[i] != 0; i++)
        text_bytes(t, &name[i], 1);
}

static void field(struct text *t, const char *name, uint64_t value)
{
    text_string(t, " ");
    text_string(t, name);
    text_string(t, "=");
    text_u64(t, value);
}

static void ps(struct shell *s)
{
    for (uint64_t i = 0; i < PROCESSES_MAX; i++) {
        struct process_info info;
        char line[OUT_BYTES];
        struct text t = text_over(line, sizeof line);

        if (!record(s, s->system, SYSTEM_PROCESS, i, 0, &info, sizeof info))
            continue;
        text_u64(&t, i);
        text_string(&t, " ");
        put_name(&t, info.name);
        field(&t, "process", info.number);
        field(&t, "pages", info.pages);
        field(&t, "caps", info.caps);
        field(&t, "entries", info.entries);
        field(&t, "calls", info.calls);
        field(&t, "denials", info.denials);
        field(&t, "run_us", info.run_ns / 1000u);
        text_string(&t, "\n");
        (void)rt_write(s->rt, t.at, t.used);
    }
}

static bool parse(const char *text, uint64_t *out)
{
    *out = 0;
    if (text[0] == 0)
        return false;
    for (; *text != 0; text++) {
        if (*text < '0' || *text > '9' || *out > 0xffffffffu)
            return false;
        *out = *out * 10u + (uint64_t)(*text - '0');
    }
    return true;
}

static void caps(struct shell *s)
{
    uint64_t process = 0;

    if (s->count != 2 || !parse(s->word[1], &process)) {
        shell_say(s, "caps INDEX, the first number of a line of ps\n");
        return;
    }
    for (uint64_t slot = 1; slot < SLOTS_MAX; slot++) {
        struct cap_line cap;
        char line[OUT_BYTES];
        struct text t = text_over(line, sizeof line);

        if (!record(s, s->system, SYSTEM_CAP, process, slot, &cap, sizeof cap))
            break;
        if (cap.interface == CAP_IF_NONE)
            continue;
        text_u64(&t, cap.id.index);
        text_string(&t, ".");
        text_u64(&t, cap.id.generation);
        field(&t, "interface", cap.interface);
        field(&t, "payload", cap.payload);
        text_string(&t, "\n");
        (void)rt_write(s->rt, t.at, t.used);
    }
}

static void usage(struct shell *s)
{
    struct system_usage u;
    char line[2 * OUT_BYTES];
    struct text t = text_over(line, sizeof line);

    if (!record(s, s->system, SYSTEM_USAGE, 0, 0, &u, sizeof u))
        return;
    text_string(&t, "usage:");
    field(&t, "processes", u.processes);
    field(&t, "caps", u.caps);
    field(&t, "pages_used", u.pages_used);
    field(&t, "pages_free", u.pages_free);
    field(&t, "dma_pages_used", u.dma_pages_used);
    field(&t, "devices_claimed", u.devices_claimed);
    field(&t, "devices_quarantined", u.devices_quarantined);
    field(&t, "interrupts", u.interrupts);
    field(&t, "audit_records", u.audit_records);
    field(&t, "denials", u.denials);
    text_string(&t, "\n");
    (void)rt_write(s->rt, t.at, t.used);
}

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

static void list_devices(struct shell *s)
{
    const struct ring_completion count = call(s, s->functions, FUNCTIONS_COUNT, 0, 0);

    for (uint64_t i = 0; ring_completed(&count) && i < count.value; i++) {
        struct pci_function_info info;
        char line[OUT_BYTES];
        struct text t = text_over(line, sizeof line);

        if (!record(s, s->functions, FUNCTIONS_INFO, i, 0, &info, sizeof info))
            continue;
        text_bdf(&t, info.bdf);
        text_string(&t, " ");
        text_hex(&t, info.vendor, 4);
        text_string(&t, ":");
        text_hex(&t, info.device, 4);
        text_string(&t, " class ");
        text_hex(&t, info.class_code, 6);
        text_string(&t, "\n");
        (void)rt_write(s->rt, t.at, t.used);
    }
}

static void devices(struct shell *s)
{
    uint64_t bdf = 0;

    if (cap_is_none(s->functions)) {
        shell_say(s, "this shell holds no functions\n");
    } else if (s->count == 1) {
        list_devices(s);
    } else if (s->count == 3 && same(s->word[1], "release") && parse_bdf(s->word[2], &bdf)) {
        const struct ring_completion done = call(s, s->functions, FUNCTIONS_RELEASE_QUARANTINE, bdf, 0);

        outcome(s, &done);
    } else {
        shell_say(s, "devices, or devices release BB:DD.F\n");
    }
}

/* Number of the service of this name. False: there is none. */
static bool service_named(struct shell *s, const char *name, uint64_t *out)
{
    const struct ring_completion count = call(s, s->supervisor, SUPERVISOR_COUNT, 0, 0);

    for (uint64_t i = 0; ring_completed(&count) && i < count.value; i++) {
        char text[8u * NAME_PARTS + 1u] = {0};

        for (uint64_t part = 0; part < NAME_PARTS; part++) {
            const struct ring_completion done = call(s, s->supervisor, SUPERVISOR_NAME, i, part);

            for (uint32_t byte = 0; ring_completed(&done) && byte < 8u; byte++)
                text[8u * part + byte] = (char)(done.value >> (8u * byte));
        }
        if (name != NULL && same(text, name)) {
            *out = i;
            return true;
        }
        const struct ring_completion state = call(s, s->supervisor, SUPERVISOR_STATE, i, 0);
        if (name == NULL && ring_completed(&state)) {
            static const char *const words[] = {"waits", "runs", "ended", "given up"};
            char line[OUT_BYTES];
            struct text t = text_over(line, sizeof line);

            text_string(&t, text);
            text_string(&t, " ");
            text_string(&t, words[state.value >> 8 & 3u]);
            field(&t, "starts", state.value >> 16 & 0xffffu);
            field(&t, "process", state.value >> 32);
            text_string(&t, "\n");
            (void)rt_write(s->rt, t.at, t.used);
        }
    }
    return false;
}

static void services(struct shell *s)
{
    uint64_t none;

    (void)service_named(s, NULL, &none);
}

static void on_service(struct shell *s, uint16_t method)
{
    uint64_t service = 0;

    if (s->count != 2 || !service_named(s, s->word[1], &service)) {
        shell_say(s, "no such service: see services\n");
        return;
    }
    const struct ring_completion done = call(s, s->supervisor, method, service, 0);
    outcome(s, &done);
}

static void kill(struct shell *s)
{
    on_service(s, SUPERVISOR_KILL);
}

static void restart(struct shell *s)
{
    on_service(s, SUPERVISOR_RESTART);
}

static void poweroff(struct shell *s)
{
    const struct ring_completion done = call(s, s->system, SYSTEM_POWER, 1, 0);

    outcome(s, &done);
}

static void help(struct shell *s);

static const struct command commands[] = {
    {"help", "", "this list", help},
    {"ps", "", "processes", ps},
    {"caps", "INDEX", "what a process holds", caps},
    {"usage", "", "what is held altogether", usage},
    {"services", "", "services of the manifest", services},
    {"kill", "SERVICE", "ends it; its rule says whether it comes back", kill},
    {"restart", "SERVICE", "ends it and starts it anew", restart},
    {"devices", "[release BDF]", "PCI functions; out of quarantine", devices},
    {"poweroff", "", "ends the system", poweroff},
};
#define COMMANDS (sizeof commands / sizeof commands[0])

static void help(struct shell *s)
{
    for (uint32_t i = 0; i < COMMANDS; i++) {
        char line[OUT_BYTES];
        struct text t = text_over(line, sizeof line);

        text_string(&t, commands[i].name);
        text_string(&t, " ");
        text_string(&t, commands[i].takes);
        text_string(&t, "  ");
        text_string(&t, commands[i].does);
        text_string(&t, "\n");
        (void)rt_write(s->rt, t.at, t.used);
    }
}

void shell_run(struct shell *s)
{
    ASSERT(s->count > 0);
    for (uint32_t i = 0; i < COMMANDS; i++) {
        if (same(commands[i].name, s->word[0])) {
            commands[i].run(s);
            return;
        }
    }
    shell_say(s, "no such command: see help\n");
}
