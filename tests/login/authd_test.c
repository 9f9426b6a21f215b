/* SPDX-License-Identifier: BSD-2-Clause */
/* authd in the simulator: loginprobe judges what it answers and says so; this looks for the secret in the
 * memory of programs, and for each attempt in the audit log. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "abi/login.h"
#include "tests/support/booted.h"

#define SECRET "correct horse 7"
#define VERIFIER                                                                                             \
    "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$Ita5RWe7DSgiml06HvirQJkJFQ1eWSXbOK8EWcTGLM0"
#define TEXT_BYTES (1u << 20)
#define LIMIT_NS   300000000000ull /* of virtual time */
#define TURN_NS    100000u /* of virtual time: it is waited for a minute of it */

static struct {
    struct booted b;
    size_t said_bytes, log_bytes;
    uint32_t looks, held;
    char said[1u << 16], log[TEXT_BYTES];
} t;

static bool said(const char *what)
{
    return strstr(t.said, what) != NULL;
}

/* How often the secret, or one that differs in its last byte, stands in what programs can reach. */
static uint32_t found(void)
{
    const struct platform_memory_region memory = platform_memory_region(&t.b.world.platform);
    const uint8_t *at = memory.cpu, *end = at + memory.bytes;
    uint32_t times = 0;

    while ((at = memmem(at, (size_t)(end - at), SECRET, sizeof SECRET - 2)) != NULL) {
        times++;
        at++;
    }
    return times;
}

static bool ends_with(const char *line)
{
    const size_t n = strlen(line);

    return t.said_bytes >= n && strcmp(t.said + t.said_bytes - n, line) == 0;
}

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    (void)ctx;
    if (port == CONSOLE_AUDIT)
        booted_keep(t.log, sizeof t.log, &t.log_bytes, text, bytes);
    if (port != CONSOLE_MAIN)
        return;
    booted_keep(t.said, sizeof t.said, &t.said_bytes, text, bytes);
    if (ends_with("loginprobe: look\n")) {
        t.looks++;
        cr_expect_eq(found(), 0, "look %u", t.looks);
    } else if (ends_with("loginprobe: find\n")) {
        cr_expect_eq(found(), 1, "where it is, and nowhere else");
    } else if (ends_with("loginprobe: held\n")) {
        t.held = found();
    }
}

static int end_requested(void *ctx)
{
    (void)ctx;
    return said("all holds") || said("does not hold") || platform_now_ns(&t.b.world.platform) > LIMIT_NS;
}

static void boot(const char *line)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);

    memset(&t, 0, sizeof t);
    config.nic_count = 0;
    config.programs_bytes = BOOTED_PROGRAMS_BYTES;
    config.traced = false;
    config.console = console;
    config.end_requested = end_requested;
    booted_open(&t.b, &config, LOGIN_PACKAGE);
    t.b.world.platform.turn_ns = TURN_NS;
    cr_expect_eq(booted_boot(&t.b, line), 0);
    cr_expect(!said("$argon2id") && !said("c2FsdHNhbHRzYWx0"), "the verifier is printed");
    cr_expect(!said(SECRET) && strstr(t.log, SECRET) == NULL);
    booted_close(&t.b);
}

/* Records of the log of this kind and source. */
static uint32_t noted(enum audit_kind kind, uint32_t source, unsigned owner)
{
    uint32_t records = 0;

    for (const char *line = t.log; line != NULL && *line != 0; line = strchr(line, '\n') + 1) {
        unsigned by, seen, interface, index;

        if (sscanf(line, "audit: seq=%*u owner=%u kind=%u interface=%u handle=%u", &by, &seen, &interface,
                   &index) == 4 &&
            seen == kind && interface == CAP_IF_AUDIT_NOTE && index == source && by == owner)
            records++;
    }
    return records;
}

static unsigned writer(enum audit_kind kind)
{
    for (const char *line = t.log; line != NULL && *line != 0; line = strchr(line, '\n') + 1) {
        unsigned by, seen;

        if (sscanf(line, "audit: seq=%*u owner=%u kind=%u", &by, &seen) == 2 && seen == kind)
            return by;
    }
    return AUDIT_OWNER_KERNEL;
}

Test(authd, answers_waits_records_and_leaves_no_secret_behind, .timeout = 120)
{
    boot("mode=serve verifier=" VERIFIER);
    cr_assert(said("loginprobe: all holds\n"), "%s", t.said);
    cr_expect_eq(t.looks, 5);
    cr_expect_eq(t.held, LOGIN_HELD, "in authd's own data, and nowhere else");
    const unsigned authd = writer(AUDIT_LOGIN_ACCEPTED);
    cr_expect_neq(authd, AUDIT_OWNER_KERNEL);
    cr_expect_eq(noted(AUDIT_LOGIN_ACCEPTED, LOGIN_SOURCE_CONSOLE, authd), 6);
    /* wrong ones: 1 at once, 6 too often, 1 after that, 3 before the log was full; refused: 6 */
    cr_expect_eq(noted(AUDIT_LOGIN_REFUSED, LOGIN_SOURCE_CONSOLE, authd), 17);
    cr_expect_eq(noted(AUDIT_LOGIN_DELAYED, LOGIN_SOURCE_CONSOLE, authd), 5);
    /* 2 in between, then 1, 1 of each change, 1 with the new one */
    cr_expect_eq(noted(AUDIT_LOGIN_ACCEPTED, 0x0a000203u, authd), 6);
    cr_expect_eq(noted(AUDIT_LOGIN_REFUSED, 0x0a000203u, authd), 6);
    cr_expect_eq(noted(AUDIT_SECRET_CHANGED, 0x0a000203u, authd), 2);
    for (uint32_t source = 0x0a000204u; source < 0x0a000204u + 12u; source++)
        cr_expect_eq(noted(AUDIT_LOGIN_REFUSED, source, authd), 1);
    cr_expect_eq(noted(AUDIT_LOGIN_DELAYED, 0x0a000210u, authd), 1);
    cr_expect_eq(noted(AUDIT_LOGIN_REFUSED, 0x0a000210u, authd), 1, "the second while one was held");
    cr_expect_eq(noted(AUDIT_LOGIN_ACCEPTED, 0x0a000210u, authd), 1);
    cr_expect_eq(noted(AUDIT_SESSION_ENDED, LOGIN_SOURCE_CONSOLE, authd), 1);
}

Test(authd, without_a_verifier_nobody_can_log_in, .timeout = 120)
{
    boot("mode=serve");
    cr_assert(said("loginprobe: nobody can log in: all holds\n"), "%s", t.said);
    const unsigned authd = writer(AUDIT_LOGIN_REFUSED);
    cr_expect_eq(noted(AUDIT_LOGIN_REFUSED, LOGIN_SOURCE_CONSOLE, authd), 1);
}

Test(authd, a_verifier_beyond_its_memory_is_refused_by_name, .timeout = 120)
{
    boot("mode=serve verifier=$argon2id$v=19$m=65,t=1,p=1$c2FsdHNhbHRzYWx0c2FsdA$"
         "Ita5RWe7DSgiml06HvirQJkJFQ1eWSXbOK8EWcTGLM0");
    cr_assert(said("authd: the verifier of the boot line is refused: it asks for more memory than"), "%s",
              t.said);
    cr_assert(said("loginprobe: nobody can log in: all holds\n"), "%s", t.said);
}
