/* SPDX-License-Identifier: BSD-2-Clause */
/* The runs, and a clock that ends one which does not come back. */
#include "sim/explore/every.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static void on_endless(int number)
{
    (void)number;
    if (xp_current && xp_current->in_step)
        xp_violate(xp_current, XP_P3, "a run does not end within %d s of processor time",
                   XP_EVERY_SECONDS_MAX);
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
    out->path.steps = 1;
    for (size_t i = 0; i < count; i++)
        out->path.list[i] = o ? (struct sim_choice){NULL, o->n[i], o->picked[i]} : c->list[i];
}

/* False: a property is broken, or nobody wants more. */
static bool run(struct xp_world *w, uint64_t turn, const struct xp_limits *limits, struct xp_result *out)
{
    enum xp_step stepped;

    out->transitions++;
    if (!xp_protected_step(w, &stepped)) {
        keep(out, w->choices, w);
        return false;
    }
    out->states++;
    if ((out->transitions & (turn - 1u)) != 0)
        return true;
    watch(XP_EVERY_SECONDS_MAX);
    if (!limits->progress || limits->progress(limits->progress_ctx, out->states, out->transitions))
        return true;
    out->cut = "interrupted";
    return false;
}

static void every_combination(struct xp_world *w, uint64_t turn, const struct xp_limits *limits,
                              struct xp_result *out)
{
    struct sim_odometer odometer = {.count = 0};
    struct sim_choices choices;

    sim_choices_init(&choices, SIM_CHOOSE_EVERY, 0);
    choices.odometer = &odometer;
    w->choices = &choices;
    do
        sim_odometer_rewind(&odometer);
    while (run(w, turn, limits, out) && sim_odometer_next(&odometer));
}

static void drawn_ones(struct xp_world *w, uint64_t drawn, uint64_t turn, const struct xp_limits *limits,
                       struct xp_result *out)
{
    struct sim_choices choices;

    sim_choices_init(&choices, SIM_CHOOSE_RANDOM, 1);
    w->choices = &choices;
    do
        choices.count = 0; /* a list of its own for each */
    while (run(w, turn, limits, out) && out->transitions < drawn);
    sim_choices_free(&choices);
}

void xp_every(struct xp_world *w, uint64_t drawn, uint64_t turn, const struct xp_limits *limits,
              struct xp_result *out)
{
    struct sigaction action = {.sa_handler = on_endless, .sa_flags = SA_NODEFER};
    const double started = seconds_now();

    memset(out, 0, sizeof *out);
    sigaction(SIGVTALRM, &action, NULL);
    watch(XP_EVERY_SECONDS_MAX);
    if (!xp_protected_start(w)) {
        out->violations = 1;
        out->verdict = w->verdict;
    } else if (drawn) {
        drawn_ones(w, drawn, turn, limits, out);
    } else {
        every_combination(w, turn, limits, out);
    }
    watch(0);
    out->closed = out->violations == 0 && !out->cut;
    out->depth = 1;
    out->seconds = seconds_now() - started;
}
