/* SPDX-License-Identifier: BSD-2-Clause */
/* The search and the replay. Owns the stack of snapshots and the set of states; trusts the world's step to depend on
 * its state and its choices alone (the odometer asserts it). */
#include "sim/explore/search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/assert.h"
#include "sim/explore/visited.h"

#define STACK_FIRST_BYTES (1u << 20)
#define PROGRESS_MASK     0xffffu

/* One state on the way down: its odometer, then its snapshot. */
struct frame {
    struct sim_odometer odometer;
    size_t below; /* offset of the frame below; SIZE_MAX: none */
    bool begun;
};

struct search {
    struct xp_world *w;
    const struct xp_limits *limits;
    struct xp_result *out;
    struct xp_visited visited;
    uint8_t *stack;
    size_t stack_room, stack_used, top;
    uint64_t depth;
    uint64_t heal_path[XP_HEAL_STEPS_MAX];
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static struct frame *frame_at(struct search *s, size_t at)
{
    return (struct frame *)(void *)(s->stack + at);
}

static bool push(struct search *s)
{
    const size_t need = sizeof(struct frame) + xp_state_bytes(s->w) + 16u;
    struct frame *f;

    if (s->stack_used + need > s->stack_room) {
        size_t room = s->stack_room * 2u;
        uint8_t *stack = s->visited.bytes + room > s->limits->memory_bytes ? NULL : realloc(s->stack, room);

        if (!stack) {
            s->out->cut = "memory";
            return false;
        }
        s->stack = stack;
        s->stack_room = room;
    }
    f = frame_at(s, s->stack_used);
    f->odometer.count = 0;
    f->begun = false;
    f->below = s->top;
    const size_t bytes = xp_state_save(s->w, (uint8_t *)(f + 1));
    s->top = s->stack_used;
    s->stack_used += (sizeof *f + bytes + 15u) & ~(size_t)15u;
    if (++s->depth > s->out->depth)
        s->out->depth = s->depth;
    return true;
}

static void pop(struct search *s)
{
    s->stack_used = s->top;
    s->top = frame_at(s, s->top)->below;
    s->depth--;
}

/* The choices from the first state to the step that the top frame is in. */
static void keep_path(struct search *s, bool with_top)
{
    size_t total = 0;
    size_t at;
    struct xp_path *path = &s->out->path;

    for (at = s->top; at != SIZE_MAX; at = frame_at(s, at)->below) {
        total += frame_at(s, at)->odometer.count;
        path->steps++;
    }
    path->steps -= with_top || path->steps == 0 ? 0 : 1;
    path->list = calloc(total ? total : 1, sizeof *path->list);
    if (!path->list)
        return;
    path->count = total;
    for (at = s->top; at != SIZE_MAX; at = frame_at(s, at)->below) {
        const struct sim_odometer *o = &frame_at(s, at)->odometer;

        if (at == s->top && !with_top) {
            path->count -= o->count;
            total -= o->count;
            continue;
        }
        for (uint16_t i = o->count; i > 0; i--)
            path->list[--total] = (struct sim_choice){NULL, o->n[i - 1u], o->picked[i - 1u]};
    }
}

static void violated(struct search *s, bool in_heal)
{
    s->out->violations++;
    s->out->verdict = s->w->verdict;
    s->out->in_heal = in_heal;
    keep_path(s, !in_heal);
}

/* Follows the honest continuation of the state that the world is in until it rests or meets a state that is
 * known to come to rest; all states on the way are then known as well. False: it does not. */
static bool comes_to_rest(struct search *s, uint64_t fingerprint)
{
    size_t length = 0;
    struct sim_choices *choices = s->w->choices;
    struct sim_choices none;
    bool holds = true;

    if (xp_visited_marks(&s->visited, fingerprint) & XP_LIVE)
        return true;
    sim_choices_init(&none, SIM_CHOOSE_FIRST, 0);
    none.unrecorded = true;
    s->w->choices = &none;
    while (true) {
        enum xp_heal healed;

        if (length == XP_HEAL_STEPS_MAX) {
            s->w->verdict = (struct xp_verdict){XP_P3, "the honest continuation does not come to rest"};
            holds = false;
            break;
        }
        s->heal_path[length++] = fingerprint;
        if (!xp_protected_heal(s->w, &healed)) {
            holds = false;
            break;
        }
        s->out->healed++;
        if (healed == XP_HEAL_QUIET)
            break;
        fingerprint = s->w->ops->fingerprint(s->w);
        if (xp_visited_marks(&s->visited, fingerprint) & XP_LIVE)
            break;
    }
    s->w->choices = choices;
    for (size_t i = 0; holds && i < length; i++)
        (void)xp_visited_mark(&s->visited, s->heal_path[i], XP_LIVE);
    return holds;
}

/* The world is in a state just reached. False: the search ends. */
static bool enter(struct search *s)
{
    const uint64_t fingerprint = s->w->ops->fingerprint(s->w);

    if (xp_visited_mark(&s->visited, fingerprint, XP_SEEN) & XP_SEEN)
        return true;
    if (s->visited.full) {
        s->out->cut = "memory";
        return false;
    }
    s->out->states++;
    if (s->limits->states_max && s->out->states > s->limits->states_max) {
        s->out->cut = "states";
        return false;
    }
    if (!push(s))
        return false;
    if (s->w->ops->heal && !s->limits->no_liveness && !comes_to_rest(s, fingerprint)) {
        frame_at(s, s->top)->odometer.count = 0;
        violated(s, true);
        return false;
    }
    return true;
}

/* Turns the top frame's odometer on by one step of the world. False: the search ends. */
static bool advance(struct search *s)
{
    struct frame *f = frame_at(s, s->top);
    enum xp_step stepped;

    if (f->begun && !sim_odometer_next(&f->odometer)) {
        pop(s);
        return true;
    }
    f->begun = true;
    sim_odometer_rewind(&f->odometer);
    s->w->choices->odometer = &f->odometer;
    xp_state_restore(s->w, (const uint8_t *)(f + 1));
    s->out->transitions++;
    if (!xp_protected_step(s->w, &stepped)) {
        f->odometer.count = f->odometer.cursor;
        violated(s, false);
        return false;
    }
    if (stepped == XP_STEP_NOTHING)
        return true;
    if ((s->out->transitions & PROGRESS_MASK) == 0 && s->limits->progress &&
        !s->limits->progress(s->limits->progress_ctx, s->out->states, s->out->transitions)) {
        s->out->cut = "interrupted";
        return false;
    }
    return enter(s);
}

void xp_search(struct xp_world *w, const struct xp_limits *limits, struct xp_result *out)
{
    struct search *s = calloc(1, sizeof *s);
    struct sim_choices choices;
    double started = seconds_now();

    memset(out, 0, sizeof *out);
    if (!s || !xp_visited_init(&s->visited, limits->memory_bytes)) {
        out->cut = "memory";
        free(s);
        return;
    }
    s->w = w;
    s->limits = limits;
    s->out = out;
    s->top = SIZE_MAX;
    s->stack_room = STACK_FIRST_BYTES;
    s->stack = malloc(s->stack_room);
    sim_choices_init(&choices, SIM_CHOOSE_EVERY, 0);
    w->choices = &choices;
    w->inline_calls = false;
    if (!xp_protected_start(w)) {
        out->violations = 1;
        out->verdict = w->verdict;
    } else if (s->stack && enter(s)) {
        while (s->top != SIZE_MAX && advance(s))
            ;
    }
    out->closed = s->top == SIZE_MAX && !out->violations && !out->cut;
    out->memory_bytes = s->visited.bytes + s->stack_room;
    out->missed = xp_visited_missed((double)xp_visited_count(&s->visited));
    out->seconds = seconds_now() - started;
    xp_visited_free(&s->visited);
    free(s->stack);
    free(s);
}

void xp_path_free(struct xp_path *path)
{
    free(path->list);
    *path = (struct xp_path){0};
}

void xp_heal_on(struct xp_world *w, struct xp_run *out)
{
    enum xp_heal healed = XP_HEAL_ON;

    for (size_t i = 0; i < XP_HEAL_STEPS_MAX && healed == XP_HEAL_ON; i++) {
        if (!xp_protected_heal(w, &healed)) {
            out->verdict = w->verdict;
            out->in_heal = true;
            return;
        }
    }
    if (healed == XP_HEAL_ON) {
        out->verdict = (struct xp_verdict){XP_P3, "the honest continuation does not come to rest"};
        out->in_heal = true;
    }
}

void xp_replay(struct xp_world *w, const struct xp_path *path, bool heal, void (*each)(void *ctx, size_t step),
               void *ctx, struct xp_run *out)
{
    struct sim_choices choices;
    enum xp_step stepped = XP_STEP_DONE;

    memset(out, 0, sizeof *out);
    sim_choices_init(&choices, SIM_CHOOSE_REPLAY, 0);
    choices.unrecorded = true;
    choices.replay = path->list;
    choices.replay_count = path->count;
    w->choices = &choices;
    w->inline_calls = false;
    bool holds = xp_protected_start(w);
    while (holds && stepped == XP_STEP_DONE && out->steps < path->steps && !choices.diverged) {
        if (each)
            each(ctx, out->steps + 1u);
        holds = xp_protected_step(w, &stepped);
        out->steps++;
    }
    out->used = (size_t)choices.asked;
    out->diverged = choices.diverged || (holds && choices.asked < path->count);
    out->diverged_at = choices.diverged ? choices.diverged_at : out->used;
    if (!holds && !choices.diverged)
        out->verdict = w->verdict;
    else if (holds && heal && w->ops->heal && !out->diverged) {
        if (each)
            each(ctx, 0);
        xp_heal_on(w, out);
    }
    w->choices = NULL;
}
