/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole runs of the kernel in a world: the verdict, the order of markers, and that a failed claim is never
 * green. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/main.h"
#include "sim/world.h"

#define LINE "mode=proof exchanges=20 boot=0000000000000001 " \
             "chain_key=0000000000000000000000000000000000000000000000000000000000000001"

struct outcome {
    int status;
    size_t complaints;
    uint64_t trace;
    char text[1 << 16];
    size_t bytes;
};

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    struct outcome *o = ctx;
    if (port != CONSOLE_MAIN || o->bytes + bytes >= sizeof o->text)
        return;
    memcpy(o->text + o->bytes, text, bytes);
    o->bytes += bytes;
    o->text[o->bytes] = 0;
}

static void run(struct outcome *o, struct sim_world_config *c, const char *line)
{
    static struct sim_world w;
    struct kernel_storage *k = calloc(1, sizeof *k);
    memset(o, 0, sizeof *o);
    c->console_ctx = o;
    c->console = console;
    cr_assert_null(sim_world_open(&w, c));
    const struct kernel_boot boot = {&w.platform, line, strlen(line), "sha256:test"};
    o->status = kernel_main(k, &boot);
    o->complaints = sim_world_complaints(&w, -1);
    o->trace = w.platform.trace;
    sim_world_close(&w);
    free(k);
}

static bool has(const struct outcome *o, const char *marker)
{
    char needle[64];
    snprintf(needle, sizeof needle, "cloudboot-evidence: %s ", marker);
    return strstr(o->text, needle) != NULL;
}

static struct outcome result, again;

Test(kernel_main, proof_holds_on_both_transports_and_both_peers)
{
    static const enum sim_backend_kind peers[2] = {SIM_BACKEND_SCRIPT, SIM_BACKEND_SLIRP};
    for (unsigned i = 0; i < 4; i++) {
        struct sim_world_config c = sim_world_defaults(i & 1 ? DM_LEGACY : DM_MODERN);
        c.nics[0].backend = peers[i >> 1];
        run(&result, &c, LINE);
        cr_assert_eq(result.status, 0, "%s", result.text);
        cr_assert_eq(result.complaints, 0);
        cr_assert_eq(strncmp(result.text, "capos kernel starting\n", 22), 0);
        cr_assert(strstr(result.text, i & 1 ? "used_len=74," : "used_len=76,") ||
                  peers[i >> 1] == SIM_BACKEND_SCRIPT);
        cr_assert(has(&result, "provider-nic-teardown") && has(&result, "end"));
    }
}

Test(kernel_main, same_seed_gives_the_same_trace_and_another_does_not)
{
    struct sim_world_config c = sim_world_defaults(DM_LEGACY);
    c.mode = SIM_CHOOSE_RANDOM;
    c.idle_turns = true;
    c.seed = 11;
    run(&result, &c, LINE);
    run(&again, &c, LINE);
    cr_assert_eq(result.status, 0, "%s", result.text);
    cr_assert_eq(result.trace, again.trace);
    c.seed = 12;
    run(&again, &c, LINE);
    cr_assert_eq(again.status, 0, "%s", again.text);
    cr_assert_neq(result.trace, again.trace);
}

Test(kernel_main, without_a_nic_it_fails_closed_and_still_ends_its_log)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    c.nic_count = 0;
    run(&result, &c, LINE);
    cr_assert_eq(result.status, 1);
    cr_assert_not(has(&result, "provider-nic-bound"));
    cr_assert(has(&result, "inventory") && has(&result, "end"));
}

Test(kernel_main, bad_parameters_are_refused_after_the_landmark_and_before_any_device)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    run(&result, &c, "mode=party");
    cr_assert_eq(result.status, 4);
    cr_assert_str_eq(result.text,
                     "capos kernel starting\nboot parameters refused: value not allowed at byte 0\n");
}

Test(kernel_main, a_device_that_never_confirms_its_reset_is_never_green)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    struct dm_hostile h;
    dm_hostile_clear(&h);
    dm_hostile_arm(&h, DM_ATTACK_RESET_NEVER, 0, UINT32_MAX, 0);
    c.nics[0].model.hostile = &h;
    run(&result, &c, LINE);
    cr_assert_eq(result.status, 1, "%s", result.text);
    cr_assert_not(has(&result, "provider-nic-teardown"));
    cr_assert(has(&result, "end"));
}

Test(kernel_main, a_wire_without_answers_is_never_green)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    c.nics[0].backend = SIM_BACKEND_NONE;
    run(&result, &c, LINE);
    cr_assert_eq(result.status, 1);
    cr_assert_not(has(&result, "first-frame"));
    cr_assert_not(has(&result, "frame-exchange"));
}
