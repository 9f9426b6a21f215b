/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole runs of the kernel in a world: the verdict, the order of markers, and that a failed claim is never
 * green. */
#include "user/prove/prove.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "capos/devmodel/vpc.h"
#include "kernel/core/digest.h"
#include "kernel/run_block.h"
#include "tests/support/booted.h"

#define LINE                                                                                                 \
    "mode=proof exchanges=20 boot=0000000000000001 "                                                         \
    "chain_key=0000000000000000000000000000000000000000000000000000000000000001"

struct outcome {
    int status;
    size_t complaints;
    uint64_t trace;
    uint64_t now_ns;
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
    static struct booted b;
    memset(o, 0, sizeof *o);
    c->console_ctx = o;
    c->console = console;
    c->programs_bytes = BOOTED_PROGRAMS_BYTES;
    booted_open(&b, c, PACKAGE);
    o->status = booted_boot(&b, line);
    o->complaints = sim_world_complaints(&b.world, -1);
    o->trace = b.world.platform.trace;
    o->now_ns = b.world.platform.now_ns;
    booted_close(&b);
}

/* As `run`, with a block whose text is `text`; and what a loader has written is before it on both ports. */
static void run_by_image(struct outcome *o, const char *text, const char *line)
{
    static struct booted b;
    static struct run_block block;
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    struct digest_sha256 digest;
    memset(o, 0, sizeof *o);
    memset(&block, 0, sizeof block);
    if (text[0] != 0) {
        block.magic = RUN_BLOCK_MAGIC;
        block.version = RUN_BLOCK_VERSION;
        block.text_bytes = (uint32_t)strlen(text);
        memcpy(block.text, text, strlen(text));
        digest_sha256_init(&digest);
        digest_sha256_update(&digest, &block, sizeof block);
        digest_sha256_final(&digest, block.hash);
    }
    c.console_ctx = o;
    c.console = console;
    c.programs_bytes = BOOTED_PROGRAMS_BYTES;
    booted_open(&b, &c, PACKAGE);
    b.run_block = (const uint8_t *)&block;
    o->status = booted_boot(&b, line);
    booted_close(&b);
}

static bool has(const struct outcome *o, const char *marker)
{
    char needle[64];
    snprintf(needle, sizeof needle, "cloudboot-evidence: %s ", marker);
    return strstr(o->text, needle) != NULL;
}

static struct outcome result, again;

/* A network on which somebody else speaks whenever an answer comes: before it, to everybody. */
struct busy_network {
    struct dm_backend backend; /* first: it is one */
    struct dm_backend *inner;
    dm_frame_sink sink;
    void *ctx;
    uint64_t strangers;
};

static bool busy_sink(void *ctx, const uint8_t *frame, size_t bytes)
{
    static const uint8_t stranger[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2, 0, 0, 0, 0, 9, 0x88, 0xb5};
    struct busy_network *n = ctx;

    n->strangers += n->sink(n->ctx, stranger, sizeof stranger);
    return n->sink(n->ctx, frame, bytes);
}

static void busy_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct busy_network *n = (struct busy_network *)(void *)b;

    n->inner->ops->send(n->inner, frame, bytes);
}

static uint32_t busy_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                          void *ctx)
{
    struct busy_network *n = (struct busy_network *)(void *)b;

    n->sink = sink;
    n->ctx = ctx;
    return n->inner->ops->poll(n->inner, now_ns, budget, busy_sink, n);
}

static void busy_destroy(struct dm_backend *b)
{
    dm_backend_destroy(((struct busy_network *)(void *)b)->inner);
}

static const struct dm_backend_ops busy_ops = {
    .name = "busy", .send = busy_send, .poll = busy_poll, .destroy = busy_destroy};

Test(kernel_main, who_else_speaks_fails_the_proof_on_our_own_network_and_not_on_a_clouds)
{
    const struct dm_vpc_config vpc = dm_vpc_defaults();
    const struct dm_script_config script = {{2, 0, 0, 0, 0, 1}, {10, 0, 2, 2}, {10, 0, 2, 15}};

    for (unsigned cloud = 0; cloud < 2; cloud++) {
        struct busy_network network = {.backend = {&busy_ops}};
        struct sim_world_config c = sim_world_defaults(DM_LEGACY);

        network.inner = cloud ? dm_vpc_create(&vpc) : dm_script_create(&script);
        cr_assert_not_null(network.inner);
        c.nics[0].backend = SIM_BACKEND_GIVEN;
        c.nics[0].given = &network.backend;
        if (cloud)
            dm_vpc_guest_mac(&vpc, c.nics[0].model.mac);
        run(&result, &c, cloud ? LINE " network=vpc" : LINE);
        cr_assert_gt(network.strangers, 0);
        cr_assert_eq(result.status, cloud ? 0 : 1, "%s", result.text);
        cr_assert_eq(has(&result, "frame-exchange"), cloud == 1, "%s", result.text);
        cr_assert_eq(result.complaints, 0);
    }
}

Test(kernel_main, a_machine_stays_on_behind_its_last_line_for_as_long_as_it_was_told)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);

    c.nics[0].backend = SIM_BACKEND_SCRIPT;
    run(&again, &c, LINE);
    run(&result, &c, LINE " hold=2");
    cr_assert_eq(again.status, 0);
    cr_assert_eq(result.status, 0);
    cr_assert_str_eq(result.text, again.text);
    cr_assert_geq(result.now_ns, again.now_ns + 2000000000u);
    cr_assert_lt(result.now_ns, again.now_ns + 3000000000u);
}

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
        cr_assert(has(&result, "interrupt-delivered"));
        cr_assert_not_null(strstr(result.text, ",interrupts=0\n"), "polled once the proof is over");
        cr_assert_null(strstr(result.text, "items=interrupt-delivery"));
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

Test(kernel_main, a_run_block_is_the_boot_line_of_an_image_and_not_a_second_one)
{
    static const char landmark[] = "\ncapos kernel starting\n";
    run_by_image(&result, "commit=x mode=party", "");
    cr_assert_eq(result.status, 4);
    cr_assert_eq(strncmp(result.text, landmark, sizeof landmark - 1), 0);
    cr_assert_not_null(strstr(result.text, "boot parameters refused: value not allowed at byte 9\n"));
    run_by_image(&result, "mode=proof", "mode=serve");
    cr_assert_eq(result.status, 4);
    cr_assert_not_null(
        strstr(result.text, "boot parameters refused: run block: the loader has a boot line as well\n"));
    run_by_image(&result, "", "mode=party"); /* an empty one says nothing */
    cr_assert_not_null(strstr(result.text, "boot parameters refused: value not allowed at byte 0\n"));
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

static void run_hostile(enum dm_transport transport, enum dm_attack attack, uint64_t value)
{
    struct sim_world_config c = sim_world_defaults(transport);
    struct dm_hostile h;
    dm_hostile_clear(&h);
    dm_hostile_arm(&h, attack, 0, UINT32_MAX, value);
    c.nics[0].model.hostile = &h;
    c.nics[0].backend = SIM_BACKEND_SCRIPT;
    run(&result, &c, LINE);
}

/* What fails is said, is not shown as a marker, and nothing is left running or granted behind it. */
static void fails_with(const char *claim)
{
    static const char verdict[] = "\nclaim failed: a proof of the programs did not hold\n";
    char line[96];
    snprintf(line, sizeof line, "\nnicd: %s\n", claim);
    cr_assert_eq(result.status, 1, "%s", result.text);
    cr_assert_not_null(strstr(result.text, line), "%s", result.text);
    cr_assert_null(strstr(strstr(result.text, line) + 1, "\nnicd: "), "said once: %s", result.text);
    cr_assert_not_null(strstr(result.text, verdict), "%s", result.text);
    cr_assert_eq(strstr(result.text, "claim failed"), strstr(result.text, verdict) + 1, "%s", result.text);
    cr_assert(has(&result, "provider-nic-bound") && has(&result, "end"));
    cr_assert_not(has(&result, "interrupt-delivered"));
    cr_assert_not(has(&result, "provider-nic-active"));
    cr_assert_null(strstr(result.text, "items=interrupt-delivery"), "it was attempted");
    cr_assert_eq(result.complaints, 0);
}

Test(kernel_main, a_device_that_raises_nothing_fails_the_claim_in_bounded_time)
{
    run_hostile(DM_MODERN, DM_ATTACK_NEVER_NOTIFY, 0);
    fails_with("the device raised no interrupt");
    cr_assert_lt(result.now_ns, 2ull * PROVE_WAIT_NS);
    run_hostile(DM_LEGACY, DM_ATTACK_NEVER_NOTIFY, 0);
    fails_with("the device raised no interrupt");
}

Test(kernel_main, a_vector_that_reads_back_as_none_fails_the_claim)
{
    run_hostile(DM_MODERN, DM_ATTACK_MSIX_NO_VECTOR, 0);
    fails_with("vector");
    run_hostile(DM_LEGACY, DM_ATTACK_MSIX_NO_VECTOR, 0);
    fails_with("vector");
}

Test(kernel_main, an_interrupt_that_belongs_to_no_buffer_fails_the_claim)
{
    run_hostile(DM_MODERN, DM_ATTACK_SPURIOUS_NOTIFY, 0);
    fails_with("an interrupt came before a buffer was used");
}

Test(kernel_main, without_msix_delivery_is_listed_as_not_attempted_and_the_rest_holds)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    c.nics[0].model.msix_vectors = 0;
    run(&result, &c, LINE);
    cr_assert_eq(result.status, 0, "%s", result.text);
    cr_assert_not(has(&result, "interrupt-delivered"));
    cr_assert_not_null(strstr(result.text, "items=interrupt-delivery+device-autonomous-raise+"));
    cr_assert(has(&result, "frame-exchange"));
}

Test(kernel_main, one_vector_is_enough)
{
    struct sim_world_config c = sim_world_defaults(DM_LEGACY);
    c.nics[0].model.msix_vectors = 1;
    run(&result, &c, LINE);
    cr_assert_eq(result.status, 0, "%s", result.text);
    cr_assert_not_null(strstr(result.text, ",vector=0,frames=3,delivered=1,acked=1,masked_delivered=0,"));
}
