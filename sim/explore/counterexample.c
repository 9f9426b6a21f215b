/* SPDX-License-Identifier: BSD-2-Clause */
/* Shrinking within bounds, and the file. The run's folder is made here, when there is something to put into
 * it. */
#include "sim/explore/counterexample.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/explore/provider_object.h"
#include "sim/explore/shrink.h"

#define SHRINK_STEPS_MAX 40000000u /* a minute of a ring world's steps */
#define SHRINK_BYTES_MAX (256u << 20)
#define SHORT_ENOUGH     12u

static bool write_list(const char *path, const struct xp_job *job, const struct xp_options *options,
                       const struct xp_shrunk *shrunk, bool in_heal)
{
    struct sim_choices list = {
        .list = shrunk->after.list, .count = shrunk->after.count, .asked = shrunk->after.count};
    struct sim_replay_header header = {0};
    FILE *out = fopen(path, "w");

    if (!out)
        return false;
    snprintf(header.commit, sizeof header.commit, "%s", options->commit);
    snprintf(header.object, sizeof header.object, "%s", capos_provider_object);
    snprintf(header.setup, sizeof header.setup, "job=%s steps=%zu breaks=%s in=%s", job->name,
             shrunk->after.steps, xp_property_name(shrunk->verdict.property),
             in_heal ? "continuation" : "step");
    const bool saved = sim_choices_save(&list, &header, out);
    return fclose(out) == 0 && saved;
}

static void name_file(const struct xp_job *job, const struct xp_options *options, char *path, size_t bytes)
{
    char name[XP_JOB_NAME_BYTES];

    snprintf(name, sizeof name, "%s", job->name);
    for (char *at = name; *at; at++)
        *at = *at == '/' ? '-' : *at;
    snprintf(path, bytes, "%s/%s.choices", options->run_dir, name);
}

void xp_counterexample_make(const struct xp_job *job, struct xp_world *w, const struct xp_options *options,
                            struct xp_result *result, struct xp_found *found)
{
    const uint64_t share = options->memory_bytes / options->workers;
    const struct xp_shrink_limits limits = {
        SHRINK_STEPS_MAX, share < SHRINK_BYTES_MAX ? share : SHRINK_BYTES_MAX, SHORT_ENOUGH};
    struct xp_shrunk shrunk;

    memset(found, 0, sizeof *found);
    found->choices_before = result->path.count;
    found->steps_before = result->path.steps;
    xp_shrink(w, &result->path, &result->verdict, result->in_heal, &limits, &shrunk);
    found->replays = shrunk.replays;
    if (shrunk.replays) {
        result->verdict = shrunk.verdict;
        found->choices = shrunk.after.count;
        found->steps = shrunk.after.steps;
        found->tries = shrunk.tries;
        (void)mkdir(options->run_dir, 0777); /* there already: another job's is in it */
        name_file(job, options, found->file, sizeof found->file);
        if (!write_list(found->file, job, options, &shrunk, result->in_heal))
            found->file[0] = 0;
    }
    xp_steps_free(&shrunk.before);
    xp_steps_free(&shrunk.after);
    xp_path_free(&result->path);
}
