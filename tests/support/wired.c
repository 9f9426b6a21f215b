/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/wired.h"

#include <criterion/criterion.h>
#include <string.h>

#define IDLE_TURNS 2u /* nothing ran and nothing moved in so many: time goes on to when something does */
#define LOG_TURNS  64u /* between two looks at a log that no program reads */

static uint32_t counted_turn(void *ctx, uint64_t now_ns)
{
    struct wired *w = ctx;

    w->steps = w->turn(ctx, now_ns);
    return w->steps;
}

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    struct wired *w = ctx;

    if (w->also != NULL)
        w->also(port, text, bytes);
    if (port != CONSOLE_MAIN)
        return;
    cr_assert_leq(bytes, WIRED_TEXT_BYTES / 2u);
    if (w->used + bytes >= WIRED_TEXT_BYTES) {
        w->dropped += w->used - WIRED_TEXT_BYTES / 4u;
        memmove(w->text, w->text + w->used - WIRED_TEXT_BYTES / 4u, WIRED_TEXT_BYTES / 4u);
        w->used = WIRED_TEXT_BYTES / 4u;
    }
    memcpy(w->text + w->used, text, bytes);
    w->used += bytes;
    w->text[w->used] = 0;
}

static size_t console_read(void *ctx, enum platform_console port, char *buffer, size_t bytes)
{
    struct wired *w = ctx;

    if (port != CONSOLE_MAIN || w->typed_count == 0)
        return 0;
    if (bytes > w->typed_count)
        bytes = w->typed_count;
    memcpy(buffer, w->typed, bytes);
    w->typed_count -= bytes;
    memmove(w->typed, w->typed + bytes, w->typed_count);
    return bytes;
}

static struct dm_backend *put_together(struct wired *w, const struct wired_config *config)
{
    struct dm_backend *hub;

    for (uint32_t i = 0; i < config->port_count; i++)
        cr_assert_not_null(config->ports[i]);
    hub = dm_hub_create(config->ports, config->port_count);
    cr_assert_not_null(hub);
    if (config->wire == NULL)
        return hub;
    w->wire = dm_wire_create(hub, config->wire);
    cr_assert_not_null(w->wire);
    return w->wire;
}

void wired_open(struct wired *w, const struct wired_config *config)
{
    struct sim_world_config world = sim_world_defaults(DM_MODERN);

    memset(w, 0, sizeof *w);
    world.seed = config->seed;
    world.nics[0].backend = SIM_BACKEND_GIVEN;
    world.nic_count = config->port_count > 0;
    if (config->port_count > 0)
        world.nics[0].given = put_together(w, config);
    world.programs_bytes = BOOTED_PROGRAMS_BYTES;
    world.traced = config->traced;
    world.console_ctx = w;
    world.console = console;
    world.console_read = console_read;
    w->also = config->said;
    booted_open(&w->b, &world, config->package);
    cr_assert_eq((void *)w->b.world.platform.hooks.ctx, (void *)w);
    if (config->verifier != NULL)
        strncpy(w->b.params.verifier, config->verifier, sizeof w->b.params.verifier - 1u);
    w->turn = w->b.world.platform.hooks.turn;
    w->b.world.platform.hooks.turn = counted_turn;
    for (uint32_t i = 0; i < w->b.k->package.header->programs; i++)
        w->reads_log = w->reads_log || strcmp(w->b.k->package.programs[i].name, "auditd") == 0;
    cr_assert_null(booted_begin(&w->b, false, config->run));
}

static void drain_log(struct wired *w)
{
    struct audit_record records[64];

    while (kernel_audit_drain(&w->b.k->kernel, records, 64) == 64)
        ;
}

/* Nothing runs and nothing moves: no need to wait for the time at which something does. */
static void leap(struct wired *w, const struct system_turn *turn, uint64_t limit_ns)
{
    struct platform *p = &w->b.world.platform;
    const struct dm_backend *backend = w->b.world.backends[0];
    const uint64_t due_ns = backend != NULL ? dm_backend_next_due(backend) : DM_NEVER;
    uint64_t to_ns = turn->deadline_ns < due_ns ? turn->deadline_ns : due_ns;

    w->idle = 0;
    if (limit_ns < to_ns)
        to_ns = limit_ns;
    if (to_ns > p->now_ns)
        p->now_ns = to_ns;
}

bool wired_until(struct wired *w, uint64_t limit_ns, bool (*holds)(struct wired *w, void *ctx), void *ctx)
{
    struct platform *p = &w->b.world.platform;
    struct userland *u = &w->b.k->userland;
    const uint64_t until_ns = limit_ns > UINT64_MAX - p->now_ns ? UINT64_MAX : p->now_ns + limit_ns;

    while (p->now_ns < until_ns && process_live(&u->system, u->init)) {
        const struct system_turn turn = system_turn(&u->system, p->now_ns);

        if (!w->reads_log && w->turns % LOG_TURNS == 0)
            drain_log(w);
        w->turns++;
        if ((turn.ran || w->steps != 0) && holds != NULL && holds(w, ctx))
            return true;
        platform_relax(p);
        w->idle = turn.ran || w->steps != 0 ? 0 : w->idle + 1u;
        if (w->idle >= IDLE_TURNS)
            leap(w, &turn, until_ns);
    }
    return false;
}

void wired_pass(struct wired *w, uint64_t ns)
{
    (void)wired_until(w, ns, NULL, NULL);
}

uint64_t wired_now(const struct wired *w)
{
    return w->b.world.platform.now_ns;
}

void wired_type(struct wired *w, const char *keys)
{
    wired_type_bytes(w, keys, strlen(keys));
}

void wired_type_bytes(struct wired *w, const void *keys, size_t bytes)
{
    cr_assert_leq(bytes, WIRED_TYPED_BYTES - w->typed_count);
    memcpy(w->typed + w->typed_count, keys, bytes);
    w->typed_count += bytes;
}

bool wired_said(const struct wired *w, const char *what)
{
    return strstr(w->text, what) != NULL;
}

const char *wired_close(struct wired *w)
{
    const char *failed = booted_end(&w->b);

    if (sim_world_complaints(&w->b.world, 2) != 0)
        failed = "ledger or monitors saw something wrong";
    booted_close(&w->b);
    return failed;
}

struct dm_peer_config wired_peer(void)
{
    return (struct dm_peer_config){.mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x02},
                                   .address = {10, 0, 2, 2},
                                   .dhcp = {.guest = {10, 0, 2, 15}}};
}

struct dm_client_config wired_client(void)
{
    return (struct dm_client_config){.mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x09},
                                     .address = {10, 0, 2, 9},
                                     .guest = {10, 0, 2, 15},
                                     .connections_max = 1};
}
