/* SPDX-License-Identifier: BSD-2-Clause */
/* The search and the replay. Owns the stack of changes and the set of states; trusts the world's step to
 * depend on its state and its choices alone (the odometer asserts it). */
#include "sim/explore/search.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/assert.h"
#include "sim/explore/image.h"
#include "sim/explore/rest.h"

#define STACK_FIRST_BYTES (1u << 20)
#define PROGRESS_MASK     0xffffu

/* One state on the way down: how it differs from the one before, then, while a later one is above it, its
 * odometer. */
struct frame {
    size_t below; /* offset of the frame below; SIZE_MAX: none */
    uint32_t bytes; /* of the change */
    uint16_t choices;
};

struct parked {
    uint16_t n, picked;
};

struct search {
    struct xp_world *w;
    const struct xp_limits *limits;
    struct xp_result *out;
    struct xp_visited visited;
    uint8_t *stack;
    size_t stack_room, stack_used, top;
    struct xp_image image; /* the state of the top frame */
    struct sim_odometer odometer; /* its */
    bool begun; /* it was stepped from */
    bool restored; /* the world is in that state */
    uint64_t depth;
    struct xp_rest rest;
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

static uint8_t *change_of(struct frame *f)
{
    return (uint8_t *)(f + 1);
}

static struct parked *parked_of(struct frame *f)
{
    return (struct parked *)(void *)(change_of(f) + f->bytes);
}

static bool make_room(struct search *s)
{
    const size_t need = sizeof(struct frame) + xp_image_change_bytes(&s->image) +
                        SIM_STEP_CHOICES_MAX * sizeof(struct parked) + 8u;
    size_t room = s->stack_room;
    uint8_t *stack;

    if (s->stack_used + need <= room)
        return true;
    while (s->stack_used + need > room)
        room *= 2u;
    stack = s->visited.bytes + room > s->limits->memory_bytes ? NULL : realloc(s->stack, room);
    if (!stack) {
        s->out->cut = "memory";
        return false;
    }
    s->stack = stack;
    s->stack_room = room;
    return true;
}

/* The odometer of the top frame goes on the stack: another frame comes above. */
static void park(struct search *s)
{
    struct frame *f = frame_at(s, s->top);
    struct parked *p = parked_of(f);

    f->choices = s->odometer.count;
    for (uint16_t i = 0; i < s->odometer.count; i++)
        p[i] = (struct parked){s->odometer.n[i], s->odometer.picked[i]};
    s->stack_used += (f->choices * sizeof *p + 7u) & ~(size_t)7;
}

static void unpark(struct search *s)
{
    struct frame *f = frame_at(s, s->top);
    const struct parked *p = parked_of(f);

    for (uint16_t i = 0; i < f->choices; i++) {
        s->odometer.n[i] = p[i].n;
        s->odometer.picked[i] = p[i].picked;
    }
    s->odometer.count = f->choices;
    s->odometer.cursor = f->choices;
    s->stack_used = s->top + sizeof *f + f->bytes;
}

static bool push(struct search *s)
{
    struct frame *f;

    if (!make_room(s))
        return false;
    if (s->top != SIZE_MAX)
        park(s);
    f = frame_at(s, s->stack_used);
    f->below = s->top;
    f->bytes = (uint32_t)xp_image_take(&s->image, change_of(f));
    s->top = s->stack_used;
    s->stack_used += sizeof *f + f->bytes;
    s->odometer.count = 0;
    s->begun = false;
    s->restored = true;
    if (++s->depth > s->out->depth)
        s->out->depth = s->depth;
    return true;
}

static void pop(struct search *s)
{
    struct frame *f = frame_at(s, s->top);

    xp_image_undo(&s->image, change_of(f));
    s->restored = false;
    s->stack_used = s->top;
    s->top = f->below;
    if (s->top != SIZE_MAX)
        unpark(s);
    s->begun = true;
    s->depth--;
}

/* The choices from the first state to the step that the top frame is in. */
static void keep_path(struct search *s, bool with_top)
{
    struct xp_path *path = &s->out->path;
    size_t total = s->odometer.count;

    for (size_t at = s->top; at != SIZE_MAX; at = frame_at(s, at)->below) {
        total += at == s->top ? 0u : frame_at(s, at)->choices;
        path->steps++;
    }
    path->steps -= with_top || path->steps == 0 ? 0 : 1; /* the top state was only reached */
    path->list = calloc(total ? total : 1, sizeof *path->list);
    if (!path->list)
        return;
    path->count = total;
    for (uint16_t i = s->odometer.count; i > 0; i--)
        path->list[--total] = (struct sim_choice){NULL, s->odometer.n[i - 1u], s->odometer.picked[i - 1u]};
    for (size_t at = frame_at(s, s->top)->below; at != SIZE_MAX; at = frame_at(s, at)->below) {
        const struct parked *p = parked_of(frame_at(s, at));

        for (uint16_t i = frame_at(s, at)->choices; i > 0; i--)
            path->list[--total] = (struct sim_choice){NULL, p[i - 1u].n, p[i - 1u].picked};
    }
}

static void violated(struct search *s, bool in_heal)
{
    s->out->violations++;
    s->out->verdict = s->w->verdict;
    s->out->in_heal = in_heal;
    keep_path(s, !in_heal);
}

static bool comes_to_rest(struct search *s, uint64_t fingerprint)
{
    s->restored = false;
    return xp_comes_to_rest(&s->rest, s->w, &s->visited, fingerprint, &s->out->healed);
}

/* The world is in a state just reached. False: the search ends. */
static bool enter(struct search *s)
{
    const uint64_t fingerprint = s->w->ops->fingerprint(s->w);
    const unsigned had = xp_visited_mark(&s->visited, fingerprint, XP_SEEN);

    if (had & XP_SEEN)
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
    if (s->limits->entered && !s->limits->entered(s->limits->entered_ctx, s->w))
        return true;
    if (!push(s))
        return false;
    if (s->w->ops->heal && !s->limits->no_liveness && !(had & XP_LIVE) && !comes_to_rest(s, fingerprint)) {
        violated(s, true);
        return false;
    }
    return true;
}

/* Turns the top frame's odometer on by one step of the world. False: the search ends. */
static bool advance(struct search *s)
{
    enum xp_step stepped;

    if (s->begun && !sim_odometer_next(&s->odometer)) {
        pop(s);
        return true;
    }
    s->begun = true;
    sim_odometer_rewind(&s->odometer);
    if (!s->restored)
        xp_image_restore(&s->image);
    s->restored = false;
    s->out->transitions++;
    if (!xp_protected_step(s->w, &stepped)) {
        s->odometer.count = s->odometer.cursor;
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

static void search_free(struct search *s)
{
    xp_visited_free(&s->visited);
    xp_image_free(&s->image);
    free(s->stack);
    free(s);
}

static bool prepare(struct search *s, size_t memory_bytes)
{
    s->top = SIZE_MAX;
    s->stack_room = STACK_FIRST_BYTES;
    s->stack = malloc(s->stack_room);
    xp_rest_init(&s->rest);
    return s->stack && xp_image_init(&s->image, s->w) && xp_visited_init(&s->visited, memory_bytes);
}

void xp_search(struct xp_world *w, const struct xp_limits *limits, struct xp_result *out)
{
    struct search *s = calloc(1, sizeof *s);
    struct sim_choices choices;
    double started;

    memset(out, 0, sizeof *out);
    if (!s) {
        out->cut = "memory";
        return;
    }
    s->w = w;
    s->limits = limits;
    s->out = out;
    if (!prepare(s, limits->memory_bytes)) {
        out->cut = "memory";
        search_free(s);
        return;
    }
    sim_choices_init(&choices, SIM_CHOOSE_EVERY, 0);
    choices.odometer = &s->odometer;
    w->choices = &choices;
    w->inline_calls = false;
    const bool holds = xp_protected_start(w);

    started = seconds_now(); /* traffic to where the run starts is no exploration */
    if (!holds) {
        out->violations = 1;
        out->verdict = w->verdict;
    } else if (enter(s)) {
        while (s->top != SIZE_MAX && advance(s))
            ;
    }
    out->closed = s->top == SIZE_MAX && !out->violations && !out->cut;
    out->memory_bytes = s->visited.bytes + s->stack_room + s->image.word_count * sizeof *s->image.words;
    out->missed = xp_visited_missed((double)xp_visited_count(&s->visited));
    out->seconds = seconds_now() - started;
    search_free(s);
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

void xp_replay(struct xp_world *w, const struct xp_path *path, bool heal,
               void (*each)(void *ctx, size_t step), void *ctx, struct xp_run *out)
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
