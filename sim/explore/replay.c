/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads the list, runs it, tells of each step. Trusts nothing in the file: sim_choices_load checks its form,
 * the run its content. */
#include "sim/explore/replay.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/explore/provider_object.h"
#include "sim/explore/report.h"
#include "sim/explore/timeline.h"

#define EXIT_HOLDS   0
#define EXIT_FAILED  1
#define EXIT_REFUSED 4
#define STEPS_MAX    (1u << 24)

struct replay {
    const struct xp_options *options;
    const struct xp_job *job;
    struct xp_world *w;
    struct sim_choices list;
    struct sim_replay_header header;
    char job_name[XP_JOB_NAME_BYTES], breaks[16];
    struct xp_path path;
    bool other_build;
    struct xp_run run;
    struct xp_timeline timeline;
    char timeline_path[XP_FILE_BYTES];
    char step_name[32];
    uint64_t step_at;
    bool stepping;
};

static int refuse(const struct replay *r, const char *why)
{
    fprintf(stderr, "capos explore: %s: %s\n", r->options->replay, why);
    return EXIT_REFUSED;
}

/* telling */

static void note(void *ctx, enum xp_lane lane, const char *text)
{
    struct replay *r = ctx;

    if (!r->options->json)
        printf("  %-9s  %s\n", xp_lane_name(lane), text);
    xp_timeline_add(&r->timeline, lane, r->timeline.now, 1, text);
    r->timeline.now++;
}

/* What the step left behind. */
static void close_step(struct replay *r)
{
    char state[XP_LINE_BYTES];

    if (!r->stepping)
        return;
    if (r->timeline.now == r->step_at)
        r->timeline.now++;
    xp_timeline_add(&r->timeline, XP_LANE_STEPS, r->step_at, r->timeline.now - r->step_at, r->step_name);
    r->w->ops->show(r->w, state, sizeof state);
    if (!r->options->json)
        printf("             %s\n", state);
    xp_timeline_add(&r->timeline, XP_LANE_STATE, r->timeline.now, 1, state);
}

static void next_step(void *ctx, size_t step)
{
    struct replay *r = ctx;

    close_step(r);
    r->w->note = note; /* not before: how it gets to its first state is no part of the trace */
    r->w->note_ctx = r;
    r->stepping = true;
    r->step_at = r->timeline.now;
    if (step > 0)
        snprintf(r->step_name, sizeof r->step_name, "step %zu", step);
    else
        snprintf(r->step_name, sizeof r->step_name, "honest continuation");
    if (!r->options->json)
        printf("%s\n", r->step_name);
}

/* the file */

/* The setup line names the job, how many steps there are, and what they break. */
static const char *parse_setup(struct replay *r, const struct xp_jobs *jobs)
{
    static char why[160];
    char place[16];
    int end = 0;

    if (sscanf(r->header.setup, "job=%63s steps=%zu breaks=%15s in=%15s%n", r->job_name, &r->path.steps,
               r->breaks, place, &end) != 4 ||
        r->header.setup[end] != 0 || r->path.steps > STEPS_MAX)
        return "its setup line is not one of the explorer's";
    r->job = xp_job_named(jobs, r->job_name);
    if (!r->job || !r->job->make) {
        snprintf(why, sizeof why, "its job %s is none of this build's", r->job_name);
        return why;
    }
    return NULL;
}

static const char *load(struct replay *r, const struct xp_jobs *jobs)
{
    static char why[200];
    FILE *in = fopen(r->options->replay, "r");

    if (!in)
        return strerror(errno);
    const bool loaded = sim_choices_load(&r->list, &r->header, in, why, sizeof why);
    fclose(in);
    if (!loaded)
        return why;
    r->path.list = r->list.replay;
    r->path.count = r->list.replay_count;
    r->other_build = strcmp(r->header.object, capos_provider_object) != 0 ||
                     strcmp(r->header.commit, r->options->commit) != 0;
    if (r->other_build && r->options->strict) {
        snprintf(why, sizeof why, "the list is from commit %.63s, another build", r->header.commit);
        return why;
    }
    return parse_setup(r, jobs);
}

/* the outcome */

static bool is_broken(const struct replay *r)
{
    return r->run.verdict.property != XP_HOLDS;
}

static void say_outcome(const struct replay *r)
{
    const struct xp_verdict *v = &r->run.verdict;

    putchar('\n');
    if (r->run.diverged && r->run.diverged_at < r->path.count)
        printf("step %zu: the list no longer fits (choice %zu of %zu): search again\n", r->run.steps,
               r->run.diverged_at + 1u, r->path.count);
    else if (r->run.diverged)
        printf("step %zu: the run asks for more than the list's %zu choices: search again\n", r->run.steps,
               r->path.count);
    else if (is_broken(r))
        printf("%s is broken%s: %s\n  %s: %s\n", xp_property_name(v->property),
               r->run.in_heal ? " in the honest continuation" : "", v->what, xp_property_name(v->property),
               xp_property_text(v->property));
    else
        printf("holds: %zu steps, %zu choices, nothing is broken\n", r->run.steps, r->run.used);
    printf("%s: %zu choices in %zu steps, written when %s was broken, by commit %s\n", r->job->name,
           r->path.count, r->path.steps, r->breaks, r->header.commit);
    if (r->timeline_path[0])
        printf("timeline: %s\n", r->timeline_path);
}

static void json_outcome(const struct replay *r)
{
    printf("{\"job\":\"%s\",\"breaks\":", r->job->name);
    xp_json_text(stdout, r->breaks);
    printf(",\"commit\":");
    xp_json_text(stdout, r->header.commit);
    printf(",\"other_build\":%s,\"choices\":%zu,\"choices_made\":%zu,\"steps\":%zu,\"steps_made\":%zu,"
           "\"diverged_at_step\":",
           r->other_build ? "true" : "false", r->path.count, r->run.used, r->path.steps, r->run.steps);
    if (r->run.diverged)
        printf("%zu", r->run.steps);
    else
        printf("null");
    printf(",\"holds\":%s,\"violation\":", !is_broken(r) && !r->run.diverged ? "true" : "false");
    if (is_broken(r)) {
        printf("{\"property\":\"%s\",\"in_continuation\":%s,\"what\":",
               xp_property_name(r->run.verdict.property), r->run.in_heal ? "true" : "false");
        xp_json_text(stdout, r->run.verdict.what);
        putchar('}');
    } else {
        printf("null");
    }
    printf(",\"timeline\":");
    xp_json_text(stdout, r->timeline_path[0] ? r->timeline_path : NULL);
    printf("}\n");
}

static void write_timeline(struct replay *r)
{
    (void)mkdir(r->options->run_dir, 0777);
    snprintf(r->timeline_path, sizeof r->timeline_path, "%s/timeline.json", r->options->run_dir);
    if (!xp_timeline_write(&r->timeline, r->job->name, r->timeline_path)) {
        fprintf(stderr, "capos explore: %s cannot be written\n", r->timeline_path);
        r->timeline_path[0] = 0;
    }
}

static int run(struct replay *r)
{
    if (r->other_build)
        fprintf(stderr,
                "capos explore: warning: the list is from commit %s, another build; it stops where it no "
                "longer fits\n",
                r->header.commit);
    r->w = r->job->make(r->job);
    if (!r->w)
        return refuse(r, "no memory for its world");
    xp_catch_faults();
    xp_replay(r->w, &r->path, true, next_step, r, &r->run);
    close_step(r);
    write_timeline(r);
    if (r->options->json)
        json_outcome(r);
    else
        say_outcome(r);
    r->job->release(r->w);
    return r->run.diverged || is_broken(r) ? EXIT_FAILED : EXIT_HOLDS;
}

int xp_replay_file(const struct xp_jobs *jobs, const struct xp_options *options)
{
    static struct replay r;
    int status;

    r.options = options;
    const char *why = load(&r, jobs);
    status = why ? refuse(&r, why) : run(&r);
    sim_choices_free(&r.list);
    xp_timeline_free(&r.timeline);
    return status;
}
