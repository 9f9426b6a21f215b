/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`: its regions hold all that a step can change, and the states that its fingerprints take
 * for one are one: the search without reductions, to the same depth, finds the same. */
#include <criterion/criterion.h>
#include <criterion/logging.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/authority_world.h"
#include "sim/explore/breadth.h"
#include "sim/explore/visited.h"

#define MEMORY_BYTES ((size_t)2 << 30)

static const struct auth_config everything = {.owners = 2,
                                              .functions = 1,
                                              .slots = 4,
                                              .generations = 3,
                                              .parts = AUTH_PART_ALL,
                                              .start = AUTH_RUNNING,
                                              .depth = 2,
                                              .late = 2,
                                              .pending = 1,
                                              .hostile = 1,
                                              .lies = 1};

/* what lies outside the regions */

/* Bytes of the kernel and of the pages, as they were after start, and which of them may change: those of
 * regions, and those that count for nothing. */
struct outside {
    struct auth_world *a;
    uint8_t *kernel, *pages;
    uint8_t *kernel_free, *pages_free;
    const uint8_t *changed; /* first byte that may not change and did */
    bool seen[XP_REGIONS_MAX]; /* to change */
};

static void allow(const struct xp_region *r, const void *block, size_t bytes, uint8_t *allowed)
{
    const uintptr_t from = (uintptr_t)r->at;
    const uintptr_t at = (uintptr_t)block;

    if (from >= at && from + r->bytes <= at + bytes)
        memset(allowed + (from - at), 1, r->bytes);
}

/* Of a world that was started. `regions`: they may change. */
static void outside_make(struct outside *o, struct auth_world *a, bool regions)
{
    const size_t kernel = sizeof(struct kernel);
    const size_t pages = AUTH_PAGES * 4096u;

    *o = (struct outside){.a = a,
                          .kernel = malloc(kernel),
                          .pages = malloc(pages),
                          .kernel_free = calloc(1, kernel),
                          .pages_free = calloc(1, pages)};
    memcpy(o->kernel, a->machine.kernel, kernel);
    memcpy(o->pages, a->machine.memory, pages);
    for (uint32_t i = 0; regions && i < a->world.region_count; i++) {
        allow(&a->world.regions[i], a->machine.kernel, kernel, o->kernel_free);
        allow(&a->world.regions[i], a->machine.memory, pages, o->pages_free);
    }
    for (size_t at = 0; at < kernel; at++)
        o->kernel_free[at] |= auth_machine_uncounted(&a->machine, at);
}

static void outside_free(struct outside *o)
{
    free(o->kernel);
    free(o->pages);
    free(o->kernel_free);
    free(o->pages_free);
}

static const uint8_t *changed_in(const uint8_t *now, const uint8_t *was, const uint8_t *allowed, size_t bytes)
{
    for (size_t at = 0; at < bytes; at += 64) { /* a line at a time: most are as they were */
        const size_t length = bytes - at < 64 ? bytes - at : 64;

        if (memcmp(now + at, was + at, length) == 0)
            continue;
        for (size_t i = at; i < at + length; i++) {
            if (now[i] != was[i] && !allowed[i])
                return now + i;
        }
    }
    return NULL;
}

static const uint8_t *changed_outside(const struct outside *o)
{
    const uint8_t *const kernel = (const uint8_t *)o->a->machine.kernel;
    const uint8_t *const changed = changed_in(kernel, o->kernel, o->kernel_free, sizeof(struct kernel));

    return changed ? changed : changed_in(o->a->machine.memory, o->pages, o->pages_free, AUTH_PAGES * 4096u);
}

static bool look_outside(void *ctx, struct xp_world *w)
{
    struct outside *o = ctx;

    (void)w;
    if (!o->changed)
        o->changed = changed_outside(o);
    return true;
}

/* Which regions hold a byte that would be missed. */
static bool look_at_each(void *ctx, struct xp_world *w)
{
    struct outside *o = ctx;
    const uint8_t *const kernel = (const uint8_t *)o->a->machine.kernel;

    for (uint32_t i = 0; i < w->region_count; i++) {
        const uint8_t *const at = w->regions[i].at;
        const size_t in_kernel = (size_t)(at - kernel);
        const size_t in_pages = (size_t)(at - o->a->machine.memory);

        if (at >= kernel && in_kernel < sizeof(struct kernel))
            o->seen[i] |= changed_in(at, o->kernel + in_kernel, o->kernel_free + in_kernel,
                                     w->regions[i].bytes) != NULL;
        else if (at >= o->a->machine.memory && in_pages < AUTH_PAGES * 4096u)
            o->seen[i] |=
                changed_in(at, o->pages + in_pages, o->pages_free + in_pages, w->regions[i].bytes) != NULL;
    }
    return true;
}

/* Every state of the search is looked at. */
static void explore_outside(const struct auth_config *config, bool regions,
                            bool (*look)(void *ctx, struct xp_world *w), struct outside *o)
{
    struct auth_world *a = auth_world_make(config);
    const struct xp_limits limits = {.memory_bytes = MEMORY_BYTES, .entered = look, .entered_ctx = o};
    struct xp_result out;

    cr_assert_not_null(a);
    cr_assert(xp_protected_start(&a->world));
    outside_make(o, a, regions);
    xp_breadth(&a->world, config->depth, &limits, &out);
    cr_assert_eq(out.violations, 0, "%s: %s", xp_property_name(out.verdict.property), out.verdict.what);
    cr_assert_null(out.cut);
    cr_log_info("%llu states looked at", (unsigned long long)out.states);
    xp_path_free(&out.path);
}

Test(authority, nothing_outside_the_regions_changes)
{
    static const struct {
        uint8_t start, depth;
    } from[] = {{AUTH_COLD, 4}, {AUTH_READY, 3}, {AUTH_RUNNING, 2}};

    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        struct auth_config config = everything;
        struct outside o;

        config.start = from[i].start;
        config.depth = from[i].depth;
        config.withhold = 1;
        explore_outside(&config, true, look_outside, &o);
        cr_assert_null(o.changed, "start %u: byte %lld of the kernel, %lld of the pages changes in no region",
                       config.start, (long long)(o.changed - (const uint8_t *)o.a->machine.kernel),
                       (long long)(o.changed - o.a->machine.memory));
        outside_free(&o);
        auth_world_free(o.a);
    }
}

/* Of the kernel, of the first pages: taken for none, each of these regions is missed. */
Test(authority, a_region_that_is_left_out_is_noticed)
{
    struct outside o;
    uint32_t noticed = 0;

    explore_outside(&everything, false, look_at_each, &o);
    for (uint32_t i = 0; i < o.a->world.region_count; i++)
        noticed += o.seen[i];
    cr_log_info("%u of %u regions change", noticed, o.a->world.region_count);
    cr_assert_geq(noticed, 15, "only %u of %u regions are seen to change", noticed, o.a->world.region_count);
    outside_free(&o);
    auth_world_free(o.a);
}

/* reductions */

struct found {
    struct xp_visited set; /* canonical */
    uint64_t states;
};

static bool keep(void *ctx, struct xp_world *w)
{
    struct found *f = ctx;
    const bool plain = w->unrenamed;

    w->unrenamed = false;
    (void)xp_visited_mark(&f->set, w->ops->fingerprint(w), XP_SEEN);
    w->unrenamed = plain;
    return true;
}

static void find(const struct auth_config *config, bool plain, struct found *f)
{
    struct auth_world *a = auth_world_make(config);
    const struct xp_limits limits = {.memory_bytes = MEMORY_BYTES, .entered = keep, .entered_ctx = f};
    struct xp_result out;

    cr_assert_not_null(a);
    cr_assert(xp_visited_init(&f->set, MEMORY_BYTES));
    a->world.unrenamed = plain;
    if (config->depth)
        xp_breadth(&a->world, config->depth, &limits, &out);
    else
        xp_search(&a->world, &limits, &out);
    cr_assert_eq(out.violations, 0, "%s: %s", xp_property_name(out.verdict.property), out.verdict.what);
    cr_assert_null(out.cut);
    f->states = out.states;
    xp_path_free(&out.path);
    auth_world_free(a);
}

static size_t missing(const struct found *a, const struct found *b)
{
    size_t count = 0;

    for (uint32_t i = 0; i < XP_SHARDS; i++)
        for (size_t n = 0; n <= a->set.shards[i].mask; n++)
            count += a->set.shards[i].slots[n] != 0 &&
                     (xp_visited_marks(&b->set, a->set.shards[i].slots[n]) & XP_SEEN) == 0;
    return count;
}

static void agree(const struct auth_config *config, const char *what)
{
    struct found plain = {.states = 0};
    struct found reduced = {.states = 0};

    find(config, true, &plain);
    find(config, false, &reduced);
    cr_log_info("%s: %llu states without reductions, %llu with them", what, (unsigned long long)plain.states,
                (unsigned long long)reduced.states);
    cr_expect_gt(plain.states, reduced.states, "%s: nothing was reduced", what);
    cr_expect_eq(xp_visited_count(&reduced.set), reduced.states);
    cr_expect_eq(missing(&plain, &reduced), 0,
                 "%s: %zu states of the plain search are not in the reduced one", what,
                 missing(&plain, &reduced));
    cr_expect_eq(missing(&reduced, &plain), 0,
                 "%s: %zu states of the reduced search are not in the plain one", what,
                 missing(&reduced, &plain));
    xp_visited_free(&plain.set);
    xp_visited_free(&reduced.set);
}

/* No generation comes again and nobody restarts: both searches close. */
Test(authority, handles_and_records_are_renamed_and_nothing_new_is_found)
{
    const struct auth_config config = {.owners = 2,
                                       .functions = 1,
                                       .slots = 2,
                                       .generations = 2,
                                       .parts = AUTH_PART_COPIES | AUTH_PART_RELEASES | AUTH_PART_EXITS};

    agree(&config, "handles");
}

Test(authority, of_everything_to_a_depth_nothing_new_is_found)
{
    static const struct {
        uint8_t start, depth;
        const char *what;
    } from[] = {{AUTH_COLD, 5, "from power-on"},
                {AUTH_READY, 3, "a pool is there"},
                {AUTH_RUNNING, 3, "the queue runs"}};

    for (size_t i = 0; i < sizeof from / sizeof *from; i++) {
        struct auth_config config = everything;

        config.start = from[i].start;
        config.depth = from[i].depth;
        config.no_heal = 1;
        agree(&config, from[i].what);
        config.generations = 0;
        agree(&config, from[i].what);
    }
}
