/* SPDX-License-Identifier: BSD-2-Clause */
/* Run X8 over world `pci`: every graph in turn, and random ones with scrambled bytes. Not a search: steps do
 * not know of each other, so none has to be remembered. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

#include "sim/explore/jobs.h"
#include "sim/explore/pci_world.h"

#define STEP_SECONDS_MAX 10 /* of processor time: an endless walk, and nothing else */
#define TURN_MASK        0xffffu
#define SCRAMBLED_RUNS   100000000ull

struct pci_job {
    struct pci_config config;
    uint64_t runs; /* 0: every graph */
};

static struct xp_world *make(const struct xp_job *job)
{
    struct pci_job j;

    memcpy(&j, job->config, sizeof j);
    return pci_world_make(&j.config);
}

static void bounds(const struct xp_job *job, char *text, size_t bytes)
{
    struct pci_job j;

    memcpy(&j, job->config, sizeof j);
    if (j.runs)
        snprintf(text, bytes, "%llu random graphs with some bytes scrambled", (unsigned long long)j.runs);
    else
        snprintf(text, bytes,
                 "every graph: to 4 nodes of the plain kinds, to 3 of all, modern and transitional");
}

static void on_endless(int number)
{
    (void)number;
    if (xp_current && xp_current->in_step)
        xp_violate(xp_current, XP_P3, "a walk does not end within %d s of processor time", STEP_SECONDS_MAX);
}

/* The clock starts anew. 0: it stops. */
static void watch(time_t seconds)
{
    const struct itimerval timer = {.it_value = {.tv_sec = seconds}};

    setitimer(ITIMER_VIRTUAL, &timer, NULL);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void keep(struct xp_result *out, const struct sim_choices *c, const struct xp_world *w)
{
    const struct sim_odometer *o = c->odometer;
    const size_t count = o ? o->cursor : c->count;

    out->violations = 1;
    out->verdict = w->verdict;
    out->path.list = calloc(count ? count : 1, sizeof *out->path.list);
    if (!out->path.list)
        return;
    out->path.count = count;
    for (size_t i = 0; i < count; i++)
        out->path.list[i] = o ? (struct sim_choice){NULL, o->n[i], o->picked[i]} : c->list[i];
}

/* Each run is one function. False: a property is broken. */
static bool run(struct xp_world *w, struct xp_result *out)
{
    enum xp_step stepped;

    out->transitions++;
    if (!xp_protected_step(w, &stepped)) {
        keep(out, w->choices, w);
        return false;
    }
    out->states++;
    return true;
}

static bool goes_on(const struct xp_limits *limits, struct xp_result *out)
{
    if ((out->transitions & TURN_MASK) != 0)
        return true;
    watch(STEP_SECONDS_MAX);
    if (!limits->progress || limits->progress(limits->progress_ctx, out->states, out->transitions))
        return true;
    out->cut = "interrupted";
    return false;
}

static void every_graph(struct xp_world *w, const struct xp_limits *limits, struct xp_result *out)
{
    struct sim_odometer odometer = {.count = 0};
    struct sim_choices choices;

    sim_choices_init(&choices, SIM_CHOOSE_EVERY, 0);
    choices.odometer = &odometer;
    w->choices = &choices;
    do
        sim_odometer_rewind(&odometer);
    while (run(w, out) && goes_on(limits, out) && sim_odometer_next(&odometer));
    out->closed = out->violations == 0 && !out->cut;
}

static void scrambled(struct xp_world *w, uint64_t runs, const struct xp_limits *limits,
                      struct xp_result *out)
{
    struct sim_choices choices;

    sim_choices_init(&choices, SIM_CHOOSE_RANDOM, 1);
    w->choices = &choices;
    do
        choices.count = 0; /* a list of its own for each */
    while (run(w, out) && out->transitions < runs && goes_on(limits, out));
    out->closed = out->violations == 0 && !out->cut;
    sim_choices_free(&choices);
}

static void run_it(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out)
{
    struct sigaction action = {.sa_handler = on_endless, .sa_flags = SA_NODEFER};
    struct xp_world *w = make(job);
    const double started = seconds_now();
    struct pci_job j;

    memset(out, 0, sizeof *out);
    memcpy(&j, job->config, sizeof j);
    if (!w) {
        out->cut = "memory";
        return;
    }
    sigaction(SIGVTALRM, &action, NULL);
    watch(STEP_SECONDS_MAX);
    if (!xp_protected_start(w)) {
        out->violations = 1;
        out->verdict = w->verdict;
    } else if (j.runs) {
        scrambled(w, j.runs, limits, out);
    } else {
        every_graph(w, limits, out);
    }
    watch(0);
    out->depth = 1;
    out->seconds = seconds_now() - started;
    pci_world_free(w);
}

static struct xp_job *add(struct xp_jobs *jobs, const char *name, const struct pci_job *config)
{
    struct xp_job *job = xp_job_add(jobs, "X8", "pci", "X8/%s", name);

    _Static_assert(sizeof *config <= XP_JOB_CONFIG_BYTES, "fits");
    memcpy(job->config, config, sizeof *config);
    job->make = make;
    job->release = pci_world_free;
    job->bounds = bounds;
    job->run_it = run_it;
    return job;
}

void xp_pci_jobs(struct xp_jobs *jobs)
{
    const struct pci_job every = {.runs = 0};
    const struct pci_job random = {.config = {.scrambled = true}, .runs = SCRAMBLED_RUNS};

    add(jobs, "graphs", &every)->weight = 2000;
    struct xp_job *job = add(jobs, "scrambled", &random);

    job->deep = true;
    job->bounded = true;
    job->weight = 100000;
}
