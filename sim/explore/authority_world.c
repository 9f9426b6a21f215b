/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`, grants: first states, steps, how it all ends. */
#include "sim/explore/authority_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

/* first states */

/* What owner 0 has done before the first state. */
static const struct auth_action ready[] = {{AUTH_CLAIM, 0, 0, 0},
                                           {AUTH_OPEN, 0, 1, 0},
                                           {AUTH_RESET, 0, 2, 0},
                                           {AUTH_POLL, 0, 2, 0},
                                           {AUTH_POOL, 0, 1, 0}};
/* Its claim goes to owner 1: it has no more slots. */
static const struct auth_action running[] = {{AUTH_QUEUE, 0, 3, 2}, {AUTH_PROGRAM, 0, 2, 4},
                                             {AUTH_DMA, 0, 1, 0},   {AUTH_GO, 0, 2, 0},
                                             {AUTH_MOVE, 0, 1, 1},  {AUTH_BUFFER, 0, 3, 0}};
#define READY_CALLS   (uint32_t)(sizeof ready / sizeof *ready)
#define RUNNING_CALLS (uint32_t)(sizeof running / sizeof *running)

uint32_t auth_calls_before(const struct auth_config *config)
{
    return config->start == AUTH_COLD ? 0
                                      : READY_CALLS + (config->start == AUTH_RUNNING ? RUNNING_CALLS : 0u);
}

static void prelude(struct auth_world *a, const struct auth_action *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        auth_act(a, &list[i]);
}

static void start(struct xp_world *w)
{
    struct auth_world *a = auth_of(w);
    struct sim_choices *choices = w->choices;

    w->choices = &a->first;
    xp_driver_current = &a->driver;
    memset(&a->ghost, 0, sizeof a->ghost);
    memset(&a->small, 0, sizeof a->small);
    auth_machine_start(&a->machine);
    auth_device_power_on(a);
    auth_few_records(&a->machine);
    a->base = kernel_usage(a->machine.kernel);
    for (uint8_t o = 0; o < a->config.owners; o++)
        auth_act(a, &(struct auth_action){AUTH_CREATE, o, 0, 0});
    if (a->config.start >= AUTH_READY)
        prelude(a, ready, READY_CALLS);
    if (a->config.start >= AUTH_RUNNING)
        prelude(a, running, RUNNING_CALLS);
    w->choices = choices;
}

/* steps */

static enum xp_step step(struct xp_world *w)
{
    struct auth_world *a = auth_of(w);
    struct auth_action actions[AUTH_ACTIONS_MAX];
    uint32_t count;

    count = auth_actions(a, actions);
    if (count == 0)
        return XP_STEP_NOTHING;
    auth_act(a, &actions[xp_choose_actor(w, count)]);
    return XP_STEP_DONE;
}

/* Every owner ends, one a step, the log is read, what is in quarantine is released. False: all that is done.
 */
static bool end_something(struct auth_world *a)
{
    for (uint8_t o = 0; o < a->config.owners; o++) {
        if (a->ghost.owners[o].alive) {
            auth_act(a, &(struct auth_action){AUTH_KILL, o, 0, 0});
            return true;
        }
    }
    if (a->machine_state.log_full) {
        auth_act(a, &(struct auth_action){AUTH_LOG_DRAINED, 0, 0, 0});
        return true;
    }
    for (uint8_t f = 0; f < a->config.functions; f++) {
        if (a->ghost.functions[f].quarantined) {
            auth_act(a, &(struct auth_action){AUTH_FREE_QUARANTINE, f, 0, 0});
            return true;
        }
    }
    return false;
}

/* In the end nothing is left of anybody (P16, P4). The device is honest from here on: nothing is asked. */
static enum xp_heal heal(struct xp_world *w)
{
    struct auth_world *a = auth_of(w);
    struct sim_choices *choices = w->choices;
    struct kernel_usage now;
    struct kernel_usage want = a->base;

    w->choices = &a->first;
    if (a->config.abuse)
        auth_abuse(a);
    const bool on = end_something(a);

    w->choices = choices;
    if (on)
        return XP_HEAL_ON;
    now = kernel_usage(a->machine.kernel);
    if (memcmp(&now, &want, sizeof now) != 0)
        xp_violate(w, XP_P16, "something is left of owners that all ended");
    return XP_HEAL_QUIET;
}

static void show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct auth_world *a = (const struct auth_world *)(const void *)w;
    size_t used = 0;

    for (uint32_t o = 0; o < a->config.owners && used + 40u < bytes; o++) {
        used += (size_t)snprintf(line + used, bytes - used, "owner %u:", o);
        for (uint32_t s = 1; a->ghost.owners[o].alive && s <= a->config.slots && used + 20u < bytes; s++)
            used += (size_t)snprintf(line + used, bytes - used, " %u.%u", a->ghost.owners[o].slot_object[s],
                                     a->ghost.owners[o].slot_generation[s]);
        used += (size_t)snprintf(line + used, bytes - used, "%s | ", a->ghost.owners[o].alive ? "" : " gone");
    }
    for (uint32_t f = 0; f < a->config.functions && used + 40u < bytes; f++)
        used += (size_t)snprintf(line + used, bytes - used, "function %u: status %u%s%s | ", f,
                                 a->devices[f].status, a->devices[f].resetting ? " resetting" : "",
                                 a->ghost.functions[f].quarantined ? " QUARANTINED" : "");
}

/* making it */

static struct xp_world_ops ops = {.name = "authority",
                                  .start = start,
                                  .step = step,
                                  .heal = heal,
                                  .fingerprint = auth_fingerprint,
                                  .show = show};
static const struct xp_world_ops restless = {
    .name = "authority", .start = start, .step = step, .fingerprint = auth_fingerprint, .show = show};

static void add(struct auth_world *a, void *at, size_t bytes)
{
    ASSERT(a->world.region_count < XP_REGIONS_MAX);
    a->world.regions[a->world.region_count++] = (struct xp_region){at, bytes, 0};
}

static const struct xp_driver_ops no_driver;

struct auth_world *auth_world_make(const struct auth_config *config)
{
    struct auth_world *a = calloc(1, sizeof *a);

    if (!a)
        return NULL;
    a->config = *config;
    sim_choices_init(&a->first, SIM_CHOOSE_FIRST, 0);
    a->first.unrecorded = true;
    a->world.ops = config->no_heal ? &restless : &ops;
    a->budget = (struct budget_limits){{[BUDGET_DEVICES] = 2,
                                        [BUDGET_REGISTERS] = 2,
                                        [BUDGET_POOLS] = 1,
                                        [BUDGET_POOL_PAGES] = 4,
                                        [BUDGET_BUFFERS] = 2,
                                        [BUDGET_QUEUES] = 1,
                                        [BUDGET_INTERRUPTS] = 1,
                                        [BUDGET_CAP_SLOTS] = AUTH_SLOTS}};
    a->machine = (struct auth_machine){.world = &a->world,
                                       .driver = &a->driver,
                                       .hooks = &auth_device_hooks,
                                       .ctx = a,
                                       .state = &a->machine_state,
                                       .limits = {.functions = config->functions,
                                                  .owners = config->owners,
                                                  .slots = config->slots,
                                                  .objects = 28,
                                                  .claims = 2,
                                                  .registers = 4,
                                                  .pools = 6,
                                                  .buffers = 6,
                                                  .queues = 4,
                                                  .interrupts = 4,
                                                  .queue_size = AUTH_QUEUE_SIZE}};
    ASSERT(config->owners <= AUTH_OWNERS);
    ASSERT(config->functions <= AUTH_FUNCTIONS);
    ASSERT(config->slots <= AUTH_SLOTS);
    ASSERT(config->generations <= AUTH_GENERATIONS);
    if (!auth_machine_make(&a->machine)) {
        auth_world_free(a);
        return NULL;
    }
    a->driver = (struct xp_driver){.ops = &no_driver,
                                   .world = &a->world,
                                   .immediate = true,
                                   .order = {.world = &a->world,
                                             .state = &a->order_state,
                                             .memory = a->machine.memory,
                                             .bytes = AUTH_PAGES * 4096u}};
    auth_machine_regions(&a->machine);
    add(a, &a->ghost, sizeof a->ghost);
    add(a, a->devices, sizeof a->devices);
    add(a, &a->small, sizeof a->small);
    add(a, &a->base, sizeof a->base);
    if (!auth_machine_words(&a->machine)) {
        auth_world_free(a);
        return NULL;
    }
    return a;
}

void auth_world_free(struct auth_world *a)
{
    if (!a)
        return;
    auth_machine_free(&a->machine);
    free(a);
}
