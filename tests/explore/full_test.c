/* SPDX-License-Identifier: BSD-2-Clause */
/* World `full`: a seed is a run, bit for bit, wherever the host puts its memory; a run's list of choices is
 * the run; what is broken in it comes with a list that was made short. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/jobs.h"
#include "sim/explore/random.h"
#include "sim/explore/shrink.h"

#define SEEDS 12u
#define STEPS 64u
#define LINE  400u

static struct xp_jobs jobs;
static const struct xp_job *job;

static struct xp_world *make(const char *name)
{
    struct xp_world *w;

    if (jobs.count == 0)
        xp_full_jobs(&jobs);
    job = xp_job_named(&jobs, name);
    cr_assert_not_null(job);
    w = job->make(job);
    cr_assert_not_null(w);
    return w;
}

/* One life to its end; the line tells its trace. */
static void live(struct xp_world *w, struct sim_choices *c, uint64_t seed, char *line, uint64_t *steps)
{
    struct xp_random_run run;

    sim_choices_init(c, SIM_CHOOSE_RANDOM, seed);
    w->choices = c;
    cr_assert(xp_random_run(w, STEPS, &run), "seed %llu: %s", (unsigned long long)seed, w->verdict.what);
    w->ops->show(w, line, LINE);
    *steps = run.steps;
}

static const char *trace_of(const char *line)
{
    const char *trace = strstr(line, " trace ");

    cr_assert_not_null(trace, "%s", line);
    return trace;
}

static void equal_and_apart(const char *name)
{
    struct xp_world *one = make(name);
    struct xp_world *other = make(name);
    static char lines[SEEDS][LINE];
    char again[LINE];
    struct sim_choices c;
    uint64_t steps;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        live(one, &c, seed, lines[seed], &steps);
        sim_choices_free(&c);
        live(other, &c, seed, again, &steps);
        cr_expect_str_eq(lines[seed], again);
        sim_choices_free(&c);
        for (uint64_t before = 0; before < seed; before++)
            cr_expect(strcmp(trace_of(lines[before]), trace_of(lines[seed])) != 0, "%s", lines[seed]);
    }
    job->release(one);
    job->release(other);
}

Test(full, a_seed_is_a_run_and_another_seed_is_another_modern)
{
    equal_and_apart("X11/modern/daily");
}

Test(full, a_seed_is_a_run_and_another_seed_is_another_legacy)
{
    equal_and_apart("X11/legacy/daily");
}

Test(full, a_list_of_choices_is_the_run)
{
    struct xp_world *one = make("X11/modern/daily");
    struct xp_world *other = make("X11/modern/daily");
    char line[LINE], again[LINE];
    struct sim_choices c;
    struct xp_run run;
    uint64_t steps;

    for (uint64_t seed = 0; seed < SEEDS; seed++) {
        live(one, &c, seed, line, &steps);
        const struct xp_path path = {.list = c.list, .count = c.count, .steps = steps};
        xp_replay(other, &path, true, NULL, NULL, &run);
        cr_assert(!run.diverged, "seed %llu leaves its list", (unsigned long long)seed);
        cr_assert_eq(run.verdict.property, XP_HOLDS, "%s", run.verdict.what);
        other->ops->show(other, again, sizeof again);
        cr_expect_str_eq(line, again);
        sim_choices_free(&c);
    }
    job->release(one);
    job->release(other);
}

static const struct xp_world_ops *real;

/* Three crashes count as broken. */
static enum xp_step step_with_bug(struct xp_world *w)
{
    const enum xp_step stepped = real->step(w);
    char line[LINE];

    real->show(w, line, sizeof line);
    if (strstr(line, " crashes 3 "))
        xp_violate(w, XP_P1, "planted");
    return stepped;
}

Test(full, what_is_broken_comes_with_a_short_list)
{
    struct xp_world *w = make("X11/modern/daily");
    struct xp_world_ops ops = *w->ops;
    const struct xp_random_plan plan = {.first_seed = 1, .runs = 200};
    const struct xp_limits limits = {0};
    const struct xp_shrink_limits shrink = {.steps = 400, .bytes = 1u << 20};
    struct xp_result result;
    struct xp_shrunk shrunk;
    struct xp_run again;
    uint64_t seed = 0;

    real = w->ops;
    ops.step = step_with_bug;
    w->ops = &ops;
    xp_random_runs(w, &plan, &limits, &result, &seed);
    cr_assert_eq(result.verdict.property, XP_P1, "%s", result.verdict.what);
    xp_shrink(w, &result.path, &result.verdict, result.in_heal, &shrink, &shrunk);
    cr_assert(shrunk.replays);
    cr_expect_lt(shrunk.after.count, 50, "%zu choices are left of %zu", shrunk.after.count,
                 result.path.count);
    const struct xp_path path = {
        .list = shrunk.after.list, .count = shrunk.after.count, .steps = shrunk.after.steps};
    xp_replay(w, &path, false, NULL, NULL, &again);
    cr_expect_eq(again.verdict.property, XP_P1);
    xp_steps_free(&shrunk.before);
    xp_steps_free(&shrunk.after);
    xp_path_free(&result.path);
    job->release(w);
}
