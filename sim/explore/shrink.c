/* SPDX-License-Identifier: BSD-2-Clause */
/* Delta debugging over steps. Owns its lists and one snapshot of the first state; trusts the world to be
 * deterministic, and finds out when it is not: then the path does not replay. */
#include "sim/explore/shrink.h"

#include <stdlib.h>
#include <string.h>

#include "sim/explore/image.h"
#include "sim/explore/shortest.h"

/* A run as it is recorded. */
struct record {
    struct xp_steps run;
    size_t choice_room, step_room;
    bool cut; /* no memory: not to be used */
};

/* The best run so far with a change: steps left out, one pick replaced. */
struct change {
    size_t from, to; /* steps left out; from == to: none */
    size_t choice; /* SIZE_MAX: none */
    uint32_t picked;
};

struct shrinker {
    struct xp_world *w;
    enum xp_property property;
    bool in_heal;
    bool flat; /* false: the world is started again, its state cannot be kept */
    struct xp_image first; /* the state after start */
    uint8_t *change; /* room for the image's own book-keeping */
    struct xp_steps best;
    struct record tried;
    struct xp_verdict verdict;
    uint64_t steps_left, tries;
};

void xp_steps_free(struct xp_steps *s)
{
    free(s->list);
    free(s->ends);
    *s = (struct xp_steps){0};
}

static void *grown(void *list, size_t *room, size_t need, size_t bytes, bool *cut)
{
    void *larger;

    if (need <= *room)
        return list;
    *room = *room * 2u > need ? *room * 2u : need + 63u;
    larger = realloc(list, *room * bytes);
    *cut = *cut || !larger;
    return larger ? larger : list;
}

static void record_step(struct record *r, const struct sim_choices *c)
{
    struct xp_steps *run = &r->run;

    run->list = grown(run->list, &r->choice_room, run->count + c->count, sizeof *run->list, &r->cut);
    run->ends = grown(run->ends, &r->step_room, run->steps + 1u, sizeof *run->ends, &r->cut);
    if (r->cut)
        return;
    if (c->count > 0)
        memcpy(run->list + run->count, c->list, c->count * sizeof *c->list);
    run->count += c->count;
    run->ends[run->steps++] = run->count;
}

/* Runs one step; true while nothing is broken and something can still happen. */
static bool step(struct shrinker *s, struct sim_choices *c, bool *holds)
{
    enum xp_step stepped;

    c->count = 0;
    *holds = xp_protected_step(s->w, &stepped);
    record_step(&s->tried, c);
    s->steps_left -= s->steps_left > 0;
    return *holds && stepped == XP_STEP_DONE;
}

/* The run is over: is the property broken, where it has to be? */
static bool broken(struct shrinker *s, bool holds)
{
    struct xp_run run = {0};

    if (s->tried.cut)
        return false;
    if (holds && s->in_heal)
        xp_heal_on(s->w, &run);
    s->verdict = holds ? run.verdict : s->w->verdict;
    return (holds == s->in_heal) && s->verdict.property == s->property;
}

static void begin(struct shrinker *s, struct sim_choices *c, enum sim_choose_mode mode)
{
    sim_choices_init(c, mode, 0);
    s->w->choices = c;
    s->w->inline_calls = false;
    s->tried.run.count = 0;
    s->tried.run.steps = 0;
    s->tries++;
}

static void end(struct shrinker *s, struct sim_choices *c)
{
    c->replay = NULL; /* not its own */
    sim_choices_free(c);
    s->w->choices = NULL;
}

static bool try(struct shrinker *s, const struct change *change)
{
    struct sim_choices c;
    bool holds = true;
    bool on = true;
    uint32_t was = 0;

    if (s->steps_left == 0)
        return false;
    begin(s, &c, SIM_CHOOSE_NEAR);
    if (change->choice != SIZE_MAX) {
        was = s->best.list[change->choice].picked;
        s->best.list[change->choice].picked = change->picked;
    }
    if (s->flat)
        xp_image_restore(&s->first);
    else
        (void)xp_protected_start(s->w); /* the run before began so */
    for (size_t i = 0; i < s->best.steps && on && s->steps_left > 0; i++) {
        const size_t from = i == 0 ? 0 : s->best.ends[i - 1u];

        if (i >= change->from && i < change->to)
            continue;
        c.replay = s->best.list + from;
        c.replay_count = s->best.ends[i] - from;
        c.asked = 0;
        on = step(s, &c, &holds);
    }
    const bool yes = (s->steps_left > 0 || !holds) && broken(s, holds);
    if (change->choice != SIZE_MAX)
        s->best.list[change->choice].picked = was;
    end(s, &c);
    return yes;
}

static uint64_t picks(const struct xp_steps *run)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < run->count; i++)
        sum += run->list[i].picked;
    return sum;
}

/* Fewer steps, then fewer choices, then lower ones. */
static bool smaller(const struct xp_steps *a, const struct xp_steps *b)
{
    if (a->steps != b->steps)
        return a->steps < b->steps;
    if (a->count != b->count)
        return a->count < b->count;
    return picks(a) < picks(b);
}

/* True: the change kept the property broken and is the best run from now on. */
static bool keep_if_better(struct shrinker *s, const struct change *change)
{
    if (!try(s, change) || !smaller(&s->tried.run, &s->best))
        return false;
    xp_steps_free(&s->best);
    s->best = s->tried.run;
    s->tried = (struct record){0};
    return true;
}

/* The shortest end of the run that will do, by powers of two: cheap where the world can start anew on its
 * way. */
static void keep_the_end(struct shrinker *s)
{
    for (size_t kept = 4; kept < s->best.steps; kept *= 2) {
        if (keep_if_better(s, &(struct change){0, s->best.steps - kept, SIZE_MAX, 0}))
            return;
    }
}

static bool take_out(struct shrinker *s, size_t piece)
{
    bool better = false;

    for (size_t at = 0; at < s->best.steps && s->steps_left > 0;) {
        const size_t to = at + piece < s->best.steps ? at + piece : s->best.steps;

        if (keep_if_better(s, &(struct change){at, to, SIZE_MAX, 0}))
            better = true;
        else
            at = to;
    }
    return better;
}

static bool lower(struct shrinker *s)
{
    bool better = false;

    for (size_t i = 0; i < s->best.count && s->steps_left > 0; i++) {
        for (uint32_t picked = 0; i < s->best.count && picked < s->best.list[i].picked; picked++) {
            if (keep_if_better(s, &(struct change){0, 0, i, picked})) {
                better = true;
                break;
            }
        }
    }
    return better;
}

static void copy_steps(struct xp_steps *to, const struct xp_steps *from)
{
    *to = (struct xp_steps){.list = calloc(from->count + 1u, sizeof *to->list),
                            .ends = calloc(from->steps + 1u, sizeof *to->ends)};
    if (!to->list || !to->ends) {
        xp_steps_free(to);
        return;
    }
    to->count = from->count;
    to->steps = from->steps;
    if (from->count > 0)
        memcpy(to->list, from->list, from->count * sizeof *to->list);
    if (from->steps > 0)
        memcpy(to->ends, from->ends, from->steps * sizeof *to->ends);
}

/* The path as the search left it, from the start, cut into steps. */
static bool replay(struct shrinker *s, const struct xp_path *path)
{
    struct sim_choices c;
    bool holds = true;
    bool on = true;

    begin(s, &c, SIM_CHOOSE_REPLAY);
    c.replay = path->list;
    c.replay_count = path->count;
    if (xp_protected_start(s->w)) {
        if (s->flat)
            (void)xp_image_take(&s->first, s->change);
        s->steps_left += path->steps; /* the path itself costs nothing */
        for (size_t i = 0; i < path->steps && on; i++)
            on = step(s, &c, &holds);
    }
    const bool yes = !c.diverged && broken(s, holds);
    end(s, &c);
    return yes;
}

static void make_small(struct shrinker *s)
{
    bool smaller;

    do {
        smaller = take_out(s, 2);
        smaller = take_out(s, 1) || smaller;
        smaller = lower(s) || smaller;
    } while (smaller);
}

/* A way of the fewest steps, when it can be found. */
static void go_straight(struct shrinker *s, size_t bytes_max)
{
    const struct xp_wanted wanted = {s->property, s->in_heal, s->best.steps, bytes_max};
    struct xp_path path;

    if (!s->flat || !xp_shortest(s->w, &wanted, &path))
        return;
    if (replay(s, &path) && smaller(&s->tried.run, &s->best)) {
        xp_steps_free(&s->best);
        s->best = s->tried.run;
        s->tried = (struct record){0};
        make_small(s);
    }
    xp_path_free(&path);
}

void xp_shrink(struct xp_world *w, const struct xp_path *path, const struct xp_verdict *verdict, bool in_heal,
               const struct xp_shrink_limits *limits, struct xp_shrunk *out)
{
    struct shrinker s = {
        .w = w, .property = verdict->property, .in_heal = in_heal, .steps_left = limits->steps};

    memset(out, 0, sizeof *out);
    s.flat = w->region_count > 0;
    if (s.flat)
        s.change = xp_image_init(&s.first, w) ? malloc(xp_image_change_bytes(&s.first)) : NULL;
    if ((s.change || !s.flat) && replay(&s, path)) {
        copy_steps(&out->before, &s.tried.run);
        s.best = s.tried.run;
        s.tried = (struct record){0};
        out->replays = true;
        out->verdict = s.verdict;
        keep_the_end(&s);
        for (size_t piece = s.best.steps / 2u; piece > 2; piece /= 2u)
            (void)take_out(&s, piece);
        make_small(&s);
        if (s.best.count > limits->short_enough)
            go_straight(&s, limits->bytes);
        s.steps_left = UINT64_MAX;
        if (try(&s, &(struct change){0, 0, SIZE_MAX, 0}))
            out->verdict = s.verdict;
        out->after = s.best;
        out->tries = s.tries;
    }
    xp_steps_free(&s.tried.run);
    xp_image_free(&s.first);
    free(s.change);
}
