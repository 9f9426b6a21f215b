/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X5, and X9 over its grants, in world `authority`. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "sim/explore/authority_world.h"
#include "sim/explore/jobs.h"

#define PAIR_DEPTH 10u /* steps */

static const char *const part_names[] = {"memory",   "queues",   "interrupts", "copies", "restarts",
                                         "full-log", "releases", "exits",      "moves"};
#define PARTS (unsigned)(sizeof part_names / sizeof *part_names)

static struct auth_config config_of(const struct xp_job *job)
{
    struct auth_config config;

    memcpy(&config, job->config, sizeof config);
    return config;
}

static struct xp_world *make(const struct xp_job *job)
{
    const struct auth_config config = config_of(job);
    struct auth_world *a = auth_world_make(&config);

    return a ? &a->world : NULL;
}

static void release(struct xp_world *w)
{
    auth_world_free(auth_of(w));
}

/* Appends what `format` says to the text, as far as it has room. */
static void say(char *text, size_t bytes, const char *format, ...) __attribute__((format(printf, 3, 4)));
static void say(char *text, size_t bytes, const char *format, ...)
{
    const size_t used = strlen(text);
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(text + used, bytes - used, format, arguments);
    va_end(arguments);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    const struct auth_config c = config_of(job);
    const uint32_t before = auth_calls_before(&c);

    say(text, bytes, "%u owner%s of %u slots", c.owners, c.owners > 1 ? "s" : "", c.slots);
    if (c.generations)
        say(text, bytes, " that serve %u times", c.generations);
    for (unsigned i = 0; i < PARTS; i++) {
        if (c.parts & 1u << i)
            say(text, bytes, ", %s", part_names[i]);
    }
    if (c.lies)
        say(text, bytes, ", %u lie%s", c.lies, c.lies > 1 ? "s" : "");
    if (c.pending)
        say(text, bytes, ", %u writes under way%s", c.pending, c.hostile ? ", late ones too" : "");
    if (c.abuse)
        say(text, bytes, ", each bad handle in each call");
    if (c.hopeless)
        say(text, bytes, ", hopeless calls too");
    if (c.withhold)
        say(text, bytes, ", each allocation fails once");
    if (c.forever)
        say(text, bytes, ", no %s any more", auth_resource_name((enum auth_resource)(c.forever - 1u)));
    if (before)
        say(text, bytes, " after %u calls of one owner", before);
}

static struct xp_job *add(struct xp_jobs *jobs, const char *name, const struct auth_config *c,
                          uint32_t weight)
{
    struct xp_job *job = xp_job_add(jobs, c->withhold || c->forever ? "X9" : "X5", "authority", "%s", name);

    _Static_assert(sizeof *c <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, c, sizeof *c);
    job->make = make;
    job->release = release;
    job->bounds = bounds;
    job->bounded = c->depth > 0;
    job->levels = c->depth;
    job->weight = weight;
    return job;
}

/* Handles alone, over claims: slots that retire within the bound. */
static void handles(struct xp_jobs *jobs)
{
    struct auth_config c = {.owners = 2,
                            .functions = 1,
                            .slots = 3,
                            .generations = 3,
                            .parts =
                                AUTH_PART_COPIES | AUTH_PART_MOVES | AUTH_PART_RELEASES | AUTH_PART_RESTARTS};

    add(jobs, "X5/handles/2-owners/3-slots", &c, 2000);
    c.parts = AUTH_PART_COPIES | AUTH_PART_MOVES;
    add(jobs, "X5/handles/2-owners/moves", &c, 1000);
    c.owners = 3;
    c.slots = 2;
    c.parts |= AUTH_PART_RELEASES | AUTH_PART_RESTARTS;
    add(jobs, "X5/handles/3-owners/2-slots", &c, 2000);
}

/* A driver's whole life with a device that lies and whose writes are late; no slot retires. */
static void traffic(struct xp_jobs *jobs)
{
    static const struct {
        const char *name;
        uint8_t owners, pending, lies;
        uint16_t parts;
        uint32_t weight;
    } list[] = {
        {"X5/traffic/restarts", 1, 3, 1, AUTH_PART_RESTARTS, 1000},
        {"X5/traffic/log", 1, 1, 0, AUTH_PART_LOG, 1000},
        {"X5/traffic/releases", 1, 1, 0, AUTH_PART_RELEASES | AUTH_PART_RESTARTS, 3000},
        {"X5/traffic/2-owners/log", 2, 1, 0, AUTH_PART_RESTARTS | AUTH_PART_LOG, 2000},
        {"X5/traffic/2-owners/interrupts", 2, 1, 0, AUTH_PART_RESTARTS | AUTH_PART_INTERRUPTS, 4000},
        {"X5/traffic/2-owners/exits", 2, 1, 0, AUTH_PART_EXITS | AUTH_PART_INTERRUPTS, 1000},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const struct auth_config c = {.owners = list[i].owners,
                                      .functions = 1,
                                      .slots = AUTH_SLOTS,
                                      .parts =
                                          (uint16_t)(AUTH_PART_MEMORY | AUTH_PART_QUEUES | list[i].parts),
                                      .late = 2,
                                      .pending = list[i].pending,
                                      .hostile = 1,
                                      .lies = list[i].lies};

        add(jobs, list[i].name, &c, list[i].weight);
    }
}

/* A driver's life with each two of the parts beside it: to the fixpoint, or, where handles go from hand to
 * hand, to a depth from power-on. */
static void pairs(struct xp_jobs *jobs)
{
    char name[XP_JOB_NAME_BYTES];

    for (unsigned i = 2; i < PARTS; i++)
        for (unsigned j = i + 1u; j < PARTS; j++) {
            struct auth_config c = {.owners = 2,
                                    .functions = 1,
                                    .slots = AUTH_SLOTS,
                                    .parts =
                                        (uint16_t)(AUTH_PART_MEMORY | AUTH_PART_QUEUES | 1u << i | 1u << j),
                                    .late = 2,
                                    .pending = 1,
                                    .hostile = 1};

            c.depth = c.parts & (AUTH_PART_COPIES | AUTH_PART_MOVES) ? PAIR_DEPTH : 0;
            snprintf(name, sizeof name, "X5/pair/%s-%s", part_names[i], part_names[j]);
            add(jobs, name, &c, 20000)->deep = true;
        }
}

/* What owners must not get: from each state every call with every handle that must not work; and, as steps,
 * calls that the book knows to be refused. */
static void refused(struct xp_jobs *jobs)
{
    struct auth_config handles_of = {.owners = 2,
                                     .functions = 1,
                                     .slots = 2,
                                     .generations = 3,
                                     .parts = AUTH_PART_COPIES | AUTH_PART_MOVES | AUTH_PART_RELEASES,
                                     .abuse = 1};
    struct auth_config driver = {.owners = 1,
                                 .functions = 1,
                                 .slots = AUTH_SLOTS,
                                 .parts = AUTH_PART_MEMORY | AUTH_PART_QUEUES | AUTH_PART_RESTARTS,
                                 .late = 2,
                                 .pending = 1,
                                 .hostile = 1,
                                 .abuse = 1};

    add(jobs, "X5/handles/bad", &handles_of, 1000);
    add(jobs, "X5/traffic/bad", &driver, 1000);
    handles_of.abuse = driver.abuse = 0;
    handles_of.hopeless = driver.hopeless = 1;
    handles_of.parts |= AUTH_PART_RESTARTS;
    driver.parts |= AUTH_PART_LOG;
    driver.late = 1;
    driver.pending = driver.hostile = 0;
    add(jobs, "X5/handles/hopeless", &handles_of, 1000);
    add(jobs, "X5/traffic/hopeless", &driver, 1000);
}

/* Pools of two owners over one function, one handed to the other: where a buffer and its queue are of
 * different pools. */
static void pools(struct xp_jobs *jobs)
{
    const struct auth_config c = {.owners = 2,
                                  .functions = 1,
                                  .slots = AUTH_SLOTS,
                                  .parts = AUTH_PART_MEMORY | AUTH_PART_QUEUES | AUTH_PART_MOVES,
                                  .start = AUTH_READY,
                                  .depth = 9,
                                  .late = 1};

    add(jobs, "X5/pools/ready/9", &c, 1000);
}

/* Every allocation of every grant fails once; and each resource runs out for good, at any moment. */
static void withheld(struct xp_jobs *jobs)
{
    struct auth_config c = {.owners = 1,
                            .functions = 1,
                            .slots = AUTH_SLOTS,
                            .parts = AUTH_PART_MEMORY | AUTH_PART_QUEUES | AUTH_PART_INTERRUPTS |
                                     AUTH_PART_RESTARTS,
                            .late = 1,
                            .pending = 1,
                            .hostile = 1,
                            .withhold = 1};
    char name[XP_JOB_NAME_BYTES];

    add(jobs, "X9/grants/once", &c, 1000);
    c.owners = 2;
    c.slots = 2;
    c.generations = 3;
    c.parts = AUTH_PART_COPIES | AUTH_PART_MOVES | AUTH_PART_RELEASES;
    add(jobs, "X9/handles/once", &c, 1000);
    c.withhold = 0;
    c.owners = 1;
    c.slots = AUTH_SLOTS;
    c.generations = 0;
    c.pending = c.hostile = 0;
    for (unsigned r = 0; r < AUTH_RESOURCES; r++) {
        const bool interrupts = r == AUTH_R_INTERRUPTS || r == AUTH_R_BUDGETS + BUDGET_INTERRUPTS;

        if (r == AUTH_R_OWNERS)
            continue; /* no grant needs one */
        c.parts =
            AUTH_PART_MEMORY | AUTH_PART_RESTARTS | (interrupts ? AUTH_PART_INTERRUPTS : AUTH_PART_QUEUES);
        c.forever = (uint8_t)(r + 1u);
        snprintf(name, sizeof name, "X9/grants/forever/%s", auth_resource_name((enum auth_resource)r));
        add(jobs, name, &c, 1000)->summed = true;
    }
}

/* Everything at once, to a depth. */
static void everything(struct xp_jobs *jobs)
{
    static const struct {
        const char *name;
        uint8_t start, depth;
        bool deep;
    } list[] = {
        {"X5/all/cold/5", AUTH_COLD, 5, false},       {"X5/all/ready/3", AUTH_READY, 3, false},
        {"X5/all/running/2", AUTH_RUNNING, 2, false}, {"X5/all/cold/7", AUTH_COLD, 7, true},
        {"X5/all/ready/5", AUTH_READY, 5, true},      {"X5/all/running/4", AUTH_RUNNING, 4, true},
    };

    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        const struct auth_config c = {.owners = AUTH_OWNERS,
                                      .functions = 1,
                                      .slots = AUTH_SLOTS,
                                      .generations = AUTH_GENERATIONS,
                                      .parts = AUTH_PART_ALL,
                                      .start = list[i].start,
                                      .depth = list[i].depth,
                                      .late = 2,
                                      .pending = 3,
                                      .hostile = 1,
                                      .lies = 1};

        add(jobs, list[i].name, &c, list[i].deep ? 100000u : 1000u)->deep = list[i].deep;
    }
}

void xp_authority_jobs(struct xp_jobs *jobs)
{
    handles(jobs);
    traffic(jobs);
    pairs(jobs);
    pools(jobs);
    refused(jobs);
    withheld(jobs);
    everything(jobs);
}
