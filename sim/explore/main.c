/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's program: picks the jobs, has them done, says what came of it. */
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/explore/provider_object.h"
#include "sim/explore/options.h"
#include "sim/explore/pool.h"
#include "sim/explore/replay.h"
#include "sim/explore/report.h"

#define EXIT_HOLDS       0
#define EXIT_FAILED      1
#define EXIT_USAGE       2
#define EXIT_MISSING     3
#define EXIT_REFUSED     4
#define EXIT_INTERRUPTED 130

static bool named_by(const struct xp_job *job, const char *pattern)
{
    return strcmp(job->run, pattern) == 0 || fnmatch(pattern, job->name, 0) == 0;
}

/* Patterns choose; those that start with an exclamation mark leave out. */
static bool is_chosen(const struct xp_options *o, const struct xp_job *job)
{
    bool choosing = false;
    bool named = false;
    bool whole = false; /* whole names need no --deep */

    if (o->world && strcmp(o->world, job->world) != 0)
        return false;
    for (size_t i = 0; i < o->pattern_count; i++) {
        const char *pattern = o->patterns[i];

        if (pattern[0] == '!') {
            if (named_by(job, pattern + 1))
                return false;
            continue;
        }
        choosing = true;
        named = named || named_by(job, pattern);
        whole = whole || strcmp(pattern, job->name) == 0;
    }
    return (named || !choosing) && (whole || o->deep || !job->deep);
}

/* Every name given must name something. False: said why. */
static bool names_are_known(const struct xp_options *o, const struct xp_jobs *jobs)
{
    bool world = o->world == NULL;

    for (size_t j = 0; j < jobs->count && !world; j++)
        world = strcmp(o->world, jobs->list[j].world) == 0;
    if (!world) {
        xp_options_usage("no such world, --list shows them", o->world);
        return false;
    }
    for (size_t i = 0; i < o->pattern_count; i++) {
        const char *pattern = o->patterns[i] + (o->patterns[i][0] == '!');
        const struct xp_options one = {.world = o->world,
                                       .patterns = {pattern},
                                       .pattern_count = 1,
                                       .deep = o->deep || pattern != o->patterns[i]};
        bool any = false;
        bool known = false;

        for (size_t j = 0; j < jobs->count; j++) {
            any = any || is_chosen(&one, &jobs->list[j]);
            known = known || named_by(&jobs->list[j], pattern);
        }
        if (any)
            continue;
        xp_options_usage(known ? "only with --deep, or in another world" : "no job is named by", pattern);
        return false;
    }
    return true;
}

static void list_jobs(const struct xp_jobs *jobs, const size_t *chosen, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct xp_job *job = &jobs->list[chosen[i]];
        char bounds[XP_BOUNDS_BYTES];

        xp_job_bounds(job, bounds, sizeof bounds);
        printf("%-24s %-9s %-5s %s%s\n", job->name, job->world, job->deep ? "deep" : "daily", bounds,
               job->bounded ? " (ends at a bound)" : "");
    }
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static int explore(const struct xp_options *o, const struct xp_jobs *jobs, const size_t *chosen, size_t count)
{
    struct xp_outcome *outcomes = calloc(count, sizeof *outcomes);
    const double started = seconds_now();
    struct xp_report report = {.jobs = jobs,
                               .chosen = chosen,
                               .count = count,
                               .outcomes = outcomes,
                               .options = o,
                               .object = capos_provider_object};

    if (!outcomes)
        return EXIT_MISSING;
    report.interrupted = !xp_pool_run(jobs, chosen, count, o, outcomes);
    report.seconds = seconds_now() - started;
    if (o->json)
        xp_report_json(&report, stdout);
    else
        xp_report_table(&report, stdout);
    const bool holds = xp_report_holds(&report);
    free(outcomes);
    return report.interrupted ? EXIT_INTERRUPTED : holds ? EXIT_HOLDS : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    struct xp_options options;
    struct xp_jobs jobs = {0};
    const enum xp_options_result parsed = xp_options_parse(&options, argc, argv);
    size_t count = 0;
    int status = EXIT_HOLDS;

    if (parsed != XP_OPTIONS_RUN)
        return parsed == XP_OPTIONS_HELP ? EXIT_HOLDS : EXIT_USAGE;
    if (options.driver_object) {
        const char *refused = xp_brought_jobs(&jobs, options.driver_object);

        if (refused) {
            fprintf(stderr, "capos explore: %s: %s\n", options.driver, refused);
            return EXIT_REFUSED;
        }
    } else {
        xp_all_jobs(&jobs);
    }
    if (options.replay)
        return xp_replay_file(&jobs, &options);
    if (!names_are_known(&options, &jobs))
        return EXIT_USAGE;
    size_t *chosen = calloc(jobs.count, sizeof *chosen);
    if (!chosen)
        return EXIT_MISSING;
    for (size_t i = 0; i < jobs.count; i++) {
        if (is_chosen(&options, &jobs.list[i]))
            chosen[count++] = i;
    }
    if (count == 0)
        status = (int)xp_options_usage("nothing is left to explore", NULL);
    else if (options.list)
        list_jobs(&jobs, chosen, count);
    else
        status = explore(&options, &jobs, chosen, count);
    free(chosen);
    free(jobs.list);
    return status;
}
