/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot package as it ships, from its keyboard, in this process: frames through the driver process, what
 * the shell shows, a driver killed and back under the frame client, an orderly end with nothing held. Under
 * the sanitizers its programs are linked in. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/booted.h"

#define TEXT_BYTES (1u << 18)
#define LIMIT_NS   20000000000ull /* of virtual time */
#define SECRET     "correct horse 7"
#define VERIFIER                                                                                             \
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Ita5RWe7DSgiml06HvirQJkJFQ1eWSXbOK8EWcTGLM0"
#define FRAMES     "frames: sent 8, arp replies 4, echo replies 4, others 0\n"
#define FRAMES_END "init: frames ended with code 0\n"

/* What is typed once `due` was said, after what was typed before. */
static const struct step {
    const char *due, *types;
} steps[] = {
    {FRAMES_END, ""},
    {"secret: ", "not " SECRET "\n"},
    {"that is not the secret\n", SECRET "\n"},
    {"capos> ", "help\n"},
    {"takes all back and ends the system\n", "ps\n"},
    {"capos> ps\n", "services\n"},
    {"frames                  ended          1         7\n", "caps 5\n"},
    {"inventory                0\n", "devices\n"},
    {"020000 network card\n", "nic\n"},
    {"frames sent                        8\n", "evidence\n"},
    {"capos> evidence\n", "audit\n"},
    {"not yet drained                    0\n", "usage\n"},
    {"denials ", "devices release 00:04.0\n"},
    {"only a function in quarantine is released: usage counts them\n", "kill nobody\n"},
    {"no such service: services lists them\n", "kill nicd\n"},
    {", polled\n", "restart frames\n"},
    {FRAMES, ""},
    {FRAMES_END, "restart auditd\n"},
    {"capos> restart auditd\n", "se\x7fx\x7f\x7f\n"},
    {"capos> ", "kill shell\n"},
    {"init: shell was killed\n", ""},
    {"secret: ", SECRET "\n"},
    {"capos> ", "no-such-command\n"},
    {"no such command: help lists them\n", "poweroff\n"},
};
#define STEPS (sizeof steps / sizeof steps[0])

static struct {
    struct booted b;
    size_t step, from, text_bytes;
    char text[TEXT_BYTES];
} t;

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx;
    for (size_t i = 0; port == CONSOLE_MAIN && i < bytes && t.text_bytes + 1u < sizeof t.text; i++) {
        if (text[i] != '\r')
            t.text[t.text_bytes++] = text[i];
    }
}

/* In what programs can reach: once somebody is logged in, nobody has it any more. */
static bool has_secret(void)
{
    const struct platform_memory_region memory = platform_memory_region(&t.b.world.platform);

    return memmem(memory.cpu, memory.bytes, SECRET, sizeof SECRET - 1u) != NULL;
}

static size_t keyboard(void *ctx, enum platform_console port, char *buffer, size_t bytes)
{
    const struct step *s = &steps[t.step];

    (void)ctx;
    if (port != CONSOLE_MAIN || t.step == STEPS)
        return 0;
    const char *said = strstr(t.text + t.from, s->due);
    if (said == NULL || strlen(s->types) > bytes)
        return 0;
    t.from = (size_t)(said - t.text) + strlen(s->due);
    t.step++;
    if (strcmp(s->due, "capos> ") == 0)
        cr_expect(!has_secret(), "step %zu", t.step);
    memcpy(buffer, s->types, strlen(s->types));
    return strlen(s->types);
}

static int end_requested(void *ctx)
{
    (void)ctx;
    return platform_now_ns(&t.b.world.platform) > LIMIT_NS;
}

static void run_plainly(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    t.b.inner.ops->run(ctx, space, result, out);
}

static void session(enum dm_transport transport, bool isolate)
{
    struct sim_world_config config = sim_world_defaults(transport);

    memset(&t, 0, sizeof t);
    config.nics[0].backend = SIM_BACKEND_SCRIPT;
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.console = console;
    config.console_read = keyboard;
    config.end_requested = end_requested;
    booted_open(&t.b, &config, SHIPPED_PACKAGE);
    memcpy(t.b.params.verifier, VERIFIER, sizeof VERIFIER);
    const char *failed = booted_run(&t.b, isolate, run_plainly);
    const char *last = t.text + (t.text_bytes > 2000u ? t.text_bytes - 2000u : 0);
    cr_expect_null(failed, "%s", failed);
    cr_expect_eq(t.step, STEPS, "not said: %s\n%s", steps[t.step % STEPS].due, last);
    cr_expect_null(strstr(t.text, SECRET), "the secret is shown");
    cr_expect_eq(sim_world_complaints(&t.b.world, 2), 0);
    booted_close(&t.b);
}

Test(session, an_operators_hour_with_a_modern_card)
{
    session(DM_MODERN, false);
}

Test(session, an_operators_hour_with_a_legacy_card)
{
    session(DM_LEGACY, false);
}

Test(session, and_isolated)
{
    session(DM_MODERN, true);
}
