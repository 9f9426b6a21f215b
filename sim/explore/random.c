/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs at random. Owns the list of choices of the run under way; trusts the world to ask who acts once and
 * first in each step, and at each yield of a call that runs through. */
#include "sim/explore/random.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHORTEST      64u /* questions of who acts in a run: so many, or up to 16 times as many */
#define LENGTHS       5u
#define PROGRESS_MASK 0x3fu /* a run may be the life of a whole system */

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

/* Nobody comes between any more: the world asks nothing that matters, and is answered with the first. */
static bool heals(struct xp_world *w, struct xp_random_run *run)
{
    struct sim_choices *choices = w->choices;
    struct sim_choices none;
    enum xp_heal healed = XP_HEAL_ON;

    sim_choices_init(&none, SIM_CHOOSE_FIRST, 0);
    none.unrecorded = true;
    w->choices = &none;
    run->in_heal = true;
    while (healed == XP_HEAL_ON && run->healed < XP_HEAL_STEPS_MAX && xp_protected_heal(w, &healed))
        run->healed++;
    w->choices = choices;
    if (w->verdict.property == XP_HOLDS && healed == XP_HEAL_ON)
        w->verdict = (struct xp_verdict){XP_P3, "the honest continuation does not come to rest"};
    return w->verdict.property == XP_HOLDS;
}

bool xp_random_run(struct xp_world *w, uint64_t steps_max, struct xp_random_run *run)
{
    enum xp_step stepped = XP_STEP_DONE;

    *run = (struct xp_random_run){0};
    w->inline_calls = true;
    w->acted = 0;
    if (!xp_protected_start(w))
        return false;
    while (stepped == XP_STEP_DONE && w->acted < steps_max) {
        const bool holds = xp_protected_step(w, &stepped);

        run->steps = w->acted;
        if (!holds)
            return false;
    }
    return heals(w, run);
}

/* The run's choices become the result's path. */
static void keep(struct sim_choices *c, const struct xp_random_run *run, struct xp_result *out)
{
    out->path = (struct xp_path){.list = c->list, .count = c->count, .steps = run->steps};
    c->list = NULL;
    c->count = c->room = 0;
}

static const char *never_done(const uint64_t *marks, uint64_t must)
{
    for (unsigned i = 0; i < XP_MARK_COUNT; i++) {
        if ((must >> i & 1u) && marks[i] == 0)
            return xp_mark_text((enum xp_mark)i);
    }
    return NULL;
}

void xp_random_runs(struct xp_world *w, const struct xp_random_plan *plan, const struct xp_limits *limits,
                    struct xp_result *out, uint64_t *seed)
{
    uint64_t marks[XP_MARK_COUNT] = {0};
    struct sim_choices choices;
    struct xp_random_run run;
    const double started = seconds_now();

    _Static_assert(XP_MARK_COUNT <= 64, "a bit each");
    memset(out, 0, sizeof *out);
    sim_choices_init(&choices, SIM_CHOOSE_RANDOM, 0);
    w->choices = &choices;
    w->marks = marks;
    for (uint64_t i = 0; i < plan->runs && !out->violations && !out->cut; i++) {
        *seed = plan->first_seed + i;
        sim_prng_seed(&choices.prng, *seed);
        choices.count = 0;
        choices.asked = 0;
        if (!xp_random_run(w, (uint64_t)SHORTEST << sim_prng_below(&choices.prng, LENGTHS), &run)) {
            out->violations = 1;
            out->verdict = w->verdict;
            out->in_heal = run.in_heal;
            keep(&choices, &run, out);
        }
        out->states++;
        out->transitions += run.steps;
        out->healed += run.healed;
        out->depth = run.steps > out->depth ? run.steps : out->depth;
        if ((i & PROGRESS_MASK) == 0 && limits->progress &&
            !limits->progress(limits->progress_ctx, out->states, out->transitions))
            out->cut = "interrupted";
    }
    if (!out->violations && !out->cut)
        out->cut = never_done(marks, plan->must);
    out->memory_bytes = choices.room * sizeof *choices.list;
    out->seconds = seconds_now() - started;
    w->marks = NULL;
    w->choices = NULL;
    sim_choices_free(&choices);
}
