/* SPDX-License-Identifier: BSD-2-Clause */
/* Table and JSON. Trusts outcomes to be the pool's. */
#include "sim/explore/report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/visited.h"

#define NAME_COLUMNS 16

static const char *const state_words[XP_STATE_COUNT] = {"closed", "bounded", "cut", "failed", "BROKEN"};

/* One line of the table: a job, or several that differ in where they start. */
struct row {
    char name[XP_JOB_NAME_BYTES];
    size_t jobs;
    uint64_t states, transitions, depth, memory_bytes;
    double seconds;
    enum xp_state state; /* the worst of its jobs */
};

static const struct xp_job *job_at(const struct xp_report *r, size_t at)
{
    return &r->jobs->list[r->chosen[at]];
}

bool xp_report_holds(const struct xp_report *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (xp_outcome_state(job_at(r, i), &r->outcomes[i]) > XP_BOUNDED)
            return false;
    }
    return true;
}

static const char *cut_of(const struct xp_outcome *o)
{
    return o->finished ? o->result.cut : o->died[0] ? NULL : o->started ? "interrupted" : "not started";
}

static void row_name(const struct xp_report *r, size_t at, char *name)
{
    const struct xp_job *job = job_at(r, at);

    snprintf(name, XP_JOB_NAME_BYTES, "%s", job->name);
    if (job->summed && !r->options->verbose && strrchr(name, '/'))
        *strrchr(name, '/') = 0;
}

static void row_add(struct row *row, const struct xp_job *job, const struct xp_outcome *o)
{
    const enum xp_state state = xp_outcome_state(job, o);
    const struct xp_result *result = &o->result;

    row->jobs++;
    row->states += result->states;
    row->transitions += result->transitions;
    row->seconds += result->seconds;
    row->depth = result->depth > row->depth ? result->depth : row->depth;
    row->memory_bytes = result->memory_bytes > row->memory_bytes ? result->memory_bytes : row->memory_bytes;
    row->state = state > row->state ? state : row->state;
}

/* Rows in the order of the list. Returns how many. */
static size_t rows_make(const struct xp_report *r, struct row *rows)
{
    size_t count = 0;

    for (size_t i = 0; i < r->count; i++) {
        char name[XP_JOB_NAME_BYTES];
        size_t to = 0;

        row_name(r, i, name);
        while (to < count && (!job_at(r, i)->summed || strcmp(rows[to].name, name) != 0))
            to++;
        if (to == count) {
            memset(&rows[count], 0, sizeof rows[count]);
            memcpy(rows[count++].name, name, sizeof name);
        }
        row_add(&rows[to], job_at(r, i), &r->outcomes[i]);
    }
    return count;
}

static double rate(uint64_t states, double seconds)
{
    return seconds > 0 ? (double)states / seconds : 0;
}

static uint64_t megabytes(uint64_t bytes)
{
    return (bytes + (1u << 20) - 1u) >> 20;
}

static void print_rows(const struct xp_report *r, FILE *out)
{
    struct row *rows = calloc(r->count ? r->count : 1, sizeof *rows);
    int width = NAME_COLUMNS;

    if (!rows)
        return;
    const size_t count = rows_make(r, rows);
    for (size_t i = 0; i < count; i++)
        width = (int)strlen(rows[i].name) > width ? (int)strlen(rows[i].name) : width;
    fprintf(out, "%-*s jobs %10s %11s %7s %5s %7s %5s\n", width, "run", "states", "transitions", "depth",
            "MB", "seconds", "k/s");
    for (size_t i = 0; i < count; i++)
        fprintf(out, "%-*s %4zu %10" PRIu64 " %11" PRIu64 " %7" PRIu64 " %5" PRIu64 " %7.1f %5.0f %s\n",
                width, rows[i].name, rows[i].jobs, rows[i].states, rows[i].transitions, rows[i].depth,
                megabytes(rows[i].memory_bytes), rows[i].seconds, rate(rows[i].states, rows[i].seconds) / 1e3,
                state_words[rows[i].state]);
    free(rows);
}

static void print_found(const struct xp_outcome *o, const char *driver, FILE *out)
{
    const struct xp_found *f = &o->found;

    if (f->choices_before == 0 && !f->replays)
        return;
    if (!f->replays) {
        fprintf(out,
                "  its path of %" PRIu64
                " choices does not break it when replayed: a step depends on more than its "
                "choices\n",
                f->choices_before);
        return;
    }
    fprintf(out, "  shrunk from %" PRIu64 " choices in %" PRIu64 " steps to %" PRIu64 " in %" PRIu64 "\n",
            f->choices_before, f->steps_before, f->choices, f->steps);
    if (f->file[0])
        fprintf(out, "  ./capos explore%s%s --replay %s\n", driver ? " --driver " : "", driver ? driver : "",
                f->file);
    else
        fprintf(out, "  its choices could not be written\n");
}

/* Everything that keeps a job from holding, a paragraph each. */
static void print_troubles(const struct xp_report *r, FILE *out)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct xp_outcome *o = &r->outcomes[i];
        const struct xp_job *job = job_at(r, i);
        const struct xp_verdict *v = &o->result.verdict;

        switch (xp_outcome_state(job, o)) {
        case XP_BROKEN:
            fprintf(out, "\n%s: %s is broken%s: %s\n  %s: %s\n", job->name, xp_property_name(v->property),
                    o->result.in_heal ? " in the honest continuation" : "", v->what,
                    xp_property_name(v->property), xp_property_text(v->property));
            print_found(o, r->options->driver, out);
            break;
        case XP_DIED:
            fprintf(out, "\n%s: failed: %s\n", job->name, o->died);
            break;
        case XP_CUT:
            if (o->started)
                fprintf(out, "\n%s: cut: %s, after %" PRIu64 " states\n", job->name,
                        cut_of(o) ? cut_of(o) : "not closed", o->result.states);
            break;
        case XP_CLOSED:
        case XP_BOUNDED:
        case XP_STATE_COUNT:
            break;
        }
    }
}

struct totals {
    uint64_t states, transitions, violations;
    size_t in_state[XP_STATE_COUNT], not_started;
    double missed;
};

static struct totals totals_of(const struct xp_report *r)
{
    struct totals t = {0};

    for (size_t i = 0; i < r->count; i++) {
        const struct xp_outcome *o = &r->outcomes[i];

        t.states += o->result.states;
        t.transitions += o->result.transitions;
        t.violations += o->result.violations;
        t.missed += o->result.missed;
        t.in_state[xp_outcome_state(job_at(r, i), o)]++;
        t.not_started += !o->started;
    }
    return t;
}

void xp_report_table(const struct xp_report *r, FILE *out)
{
    const struct totals t = totals_of(r);

    print_rows(r, out);
    print_troubles(r, out);
    fprintf(out, "\nfingerprints of %u bits: %.2g states are expected to have been taken for another one\n",
            XP_FINGERPRINT_BITS, t.missed);
    fprintf(out,
            "%zu jobs, %" PRIu64 " states, %" PRIu64 " transitions in %.1f s by %u processes with %" PRIu64
            " MB\n",
            r->count, t.states, t.transitions, r->seconds, r->options->workers,
            megabytes(r->options->memory_bytes));
    fprintf(out, "%" PRIu64 " violations, %zu closed, %zu bounded, %zu cut, %zu failed", t.violations,
            t.in_state[XP_CLOSED], t.in_state[XP_BOUNDED], t.in_state[XP_CUT], t.in_state[XP_DIED]);
    if (t.not_started)
        fprintf(out, " (%zu of the cut not started)", t.not_started);
    fprintf(out, "\nprovider_object=%s commit %s\n%s\n", r->object, r->options->commit,
            r->interrupted       ? "interrupted"
            : xp_report_holds(r) ? "holds"
                                 : "does not hold");
}

void xp_json_text(FILE *out, const char *text)
{
    if (!text) {
        fputs("null", out);
        return;
    }
    fputc('"', out);
    for (; *text; text++) {
        const unsigned char c = (unsigned char)*text;

        if (c == '"' || c == '\\')
            fprintf(out, "\\%c", c);
        else if (c < 0x20 || c > 0x7e)
            fprintf(out, "\\u%04x", c);
        else
            fputc(c, out);
    }
    fputc('"', out);
}

static void json_violation(const struct xp_outcome *o, FILE *out)
{
    const struct xp_verdict *v = &o->result.verdict;

    if (o->result.violations == 0) {
        fputs("null", out);
        return;
    }
    fprintf(out, "{\"property\":\"%s\",\"text\":", xp_property_name(v->property));
    xp_json_text(out, xp_property_text(v->property));
    fputs(",\"what\":", out);
    xp_json_text(out, v->what);
    fprintf(out,
            ",\"in_continuation\":%s,\"replays\":%s,\"choices_before\":%" PRIu64 ",\"choices\":%" PRIu64
            ",\"steps\":%" PRIu64 ",\"file\":",
            o->result.in_heal ? "true" : "false", o->found.replays ? "true" : "false",
            o->found.choices_before, o->found.choices, o->found.steps);
    xp_json_text(out, o->found.file[0] ? o->found.file : NULL);
    fputc('}', out);
}

static void json_job(const struct xp_job *job, const struct xp_outcome *o, FILE *out)
{
    const enum xp_state state = xp_outcome_state(job, o);
    const struct xp_result *x = &o->result;
    char bounds[XP_BOUNDS_BYTES];

    xp_job_bounds(job, bounds, sizeof bounds);
    fprintf(out, "{\"name\":\"%s\",\"world\":\"%s\",\"run\":\"%s\",\"bounds\":", job->name, job->world,
            job->run);
    xp_json_text(out, bounds);
    fprintf(out,
            ",\"states\":%" PRIu64 ",\"transitions\":%" PRIu64 ",\"continuation_steps\":%" PRIu64
            ",\"depth\":%" PRIu64 ",\"violations\":%" PRIu64 ",\"closed\":%s,\"bounded\":%s,\"cut\":",
            x->states, x->transitions, x->healed, x->depth, x->violations,
            state == XP_CLOSED ? "true" : "false", job->bounded ? "true" : "false");
    xp_json_text(out, state == XP_CUT ? (cut_of(o) ? cut_of(o) : "not closed") : NULL);
    fputs(",\"failed\":", out);
    xp_json_text(out, state == XP_DIED ? o->died : NULL);
    fprintf(out,
            ",\"seconds\":%.3f,\"states_per_second\":%.0f,\"memory_bytes\":%" PRIu64
            ",\"missed_expected\":%.3g,\"fingerprint_bits\":%u,\"violation\":",
            x->seconds, rate(x->states, x->seconds), x->memory_bytes, x->missed, XP_FINGERPRINT_BITS);
    json_violation(o, out);
    fputc('}', out);
}

void xp_report_json(const struct xp_report *r, FILE *out)
{
    const struct totals t = totals_of(r);

    fputs("{\"worlds\":[", out);
    for (size_t i = 0; i < r->count; i++) {
        fputs(i ? ",\n" : "\n", out);
        json_job(job_at(r, i), &r->outcomes[i], out);
    }
    fprintf(out,
            "],\n\"totals\":{\"jobs\":%zu,\"states\":%" PRIu64 ",\"transitions\":%" PRIu64
            ",\"violations\":%" PRIu64 ",\"closed\":%zu,\"bounded\":%zu,\"cut\":%zu,\"failed\":%zu,"
            "\"seconds\":%.3f,\"missed_expected\":%.3g},\n",
            r->count, t.states, t.transitions, t.violations, t.in_state[XP_CLOSED], t.in_state[XP_BOUNDED],
            t.in_state[XP_CUT], t.in_state[XP_DIED], r->seconds, t.missed);
    fputs("\"commit\":", out);
    xp_json_text(out, r->options->commit);
    fprintf(out,
            ",\"provider_object\":\"%s\",\"workers\":%u,\"memory_limit_bytes\":%" PRIu64
            ",\"interrupted\":%s,\"holds\":%s}\n",
            r->object, r->options->workers, r->options->memory_bytes, r->interrupted ? "true" : "false",
            xp_report_holds(r) && !r->interrupted ? "true" : "false");
}
