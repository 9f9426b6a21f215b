/* SPDX-License-Identifier: BSD-2-Clause */
/* Levels. Owns its nodes and their choices; trusts the world's step to depend on its state and its choices
 * alone. */
#include "sim/explore/breadth.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "abi/assert.h"
#include "sim/explore/image.h"
#include "sim/explore/rest.h"

#define PROGRESS_MASK 0xffffu
#define NO_NODE       UINT32_MAX

struct node {
    uint32_t before;
    uint32_t choices; /* offset into the picks */
    uint16_t count;
    bool last; /* the search does not go on from it */
};

struct pick {
    uint16_t n, picked;
};

struct breadth {
    struct xp_world *w;
    const struct xp_limits *limits;
    struct xp_result *out;
    struct xp_visited visited;
    struct node *nodes;
    size_t node_count, node_room;
    struct pick *picks;
    size_t pick_count, pick_room;
    struct xp_image first, image;
    uint8_t *change; /* of one xp_image_take; never undone */
    struct sim_odometer odometer;
    struct sim_choices choices;
    struct xp_rest rest;
};

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static size_t bytes_used(const struct breadth *b)
{
    return b->visited.bytes + b->node_room * sizeof *b->nodes + b->pick_room * sizeof *b->picks;
}

static bool grow(struct breadth *b)
{
    if (b->node_count == b->node_room) {
        const size_t room = b->node_room ? b->node_room * 2u : 4096u;
        struct node *nodes = bytes_used(b) + room * sizeof *nodes > b->limits->memory_bytes
                                 ? NULL
                                 : realloc(b->nodes, room * sizeof *nodes);

        if (!nodes)
            return false;
        b->nodes = nodes;
        b->node_room = room;
    }
    if (b->pick_count + SIM_STEP_CHOICES_MAX > b->pick_room) {
        const size_t room = b->pick_room ? b->pick_room * 2u : 16384u;
        struct pick *picks = bytes_used(b) + room * sizeof *picks > b->limits->memory_bytes
                                 ? NULL
                                 : realloc(b->picks, room * sizeof *picks);

        if (!picks)
            return false;
        b->picks = picks;
        b->pick_room = room;
    }
    return true;
}

/* The path to a node, then the odometer's choices as far as they were asked. */
static void keep_path(struct breadth *b, uint32_t node, uint16_t more)
{
    struct xp_path *path = &b->out->path;
    size_t total = more;

    for (uint32_t at = node; b->nodes[at].before != NO_NODE; at = b->nodes[at].before) {
        total += b->nodes[at].count;
        path->steps++;
    }
    path->steps += more > 0;
    path->list = calloc(total ? total : 1, sizeof *path->list);
    if (!path->list)
        return;
    path->count = total;
    for (uint16_t i = more; i > 0; i--)
        path->list[--total] = (struct sim_choice){NULL, b->odometer.n[i - 1u], b->odometer.picked[i - 1u]};
    for (uint32_t at = node; b->nodes[at].before != NO_NODE; at = b->nodes[at].before) {
        const struct pick *p = b->picks + b->nodes[at].choices;

        for (uint16_t i = b->nodes[at].count; i > 0; i--)
            path->list[--total] = (struct sim_choice){NULL, p[i - 1u].n, p[i - 1u].picked};
    }
}

static void violated(struct breadth *b, uint32_t node, uint16_t more, bool in_heal)
{
    b->out->violations = 1;
    b->out->verdict = b->w->verdict;
    b->out->in_heal = in_heal;
    keep_path(b, node, more);
}

/* The world is in a state just reached from `before` by the odometer's choices. False: the search ends. */
static bool enter(struct breadth *b, uint32_t before)
{
    const uint64_t fingerprint = b->w->ops->fingerprint(b->w);
    const unsigned had = xp_visited_mark(&b->visited, fingerprint, XP_SEEN);

    if (had & XP_SEEN)
        return true;
    if (b->visited.full || b->node_count >= NO_NODE || b->pick_count >= UINT32_MAX - SIM_STEP_CHOICES_MAX ||
        !grow(b)) {
        b->out->cut = "memory";
        return false;
    }
    b->out->states++;
    if (b->limits->states_max && b->out->states > b->limits->states_max) {
        b->out->cut = "states";
        return false;
    }
    b->nodes[b->node_count++] = (struct node){before, (uint32_t)b->pick_count, b->odometer.cursor, false};
    for (uint16_t i = 0; i < b->odometer.cursor; i++)
        b->picks[b->pick_count++] = (struct pick){b->odometer.n[i], b->odometer.picked[i]};
    if (b->limits->entered && !b->limits->entered(b->limits->entered_ctx, b->w))
        b->nodes[b->node_count - 1u].last = true;
    if (b->w->ops->heal && !b->limits->no_liveness && !(had & XP_LIVE) &&
        !xp_comes_to_rest(&b->rest, b->w, &b->visited, fingerprint, &b->out->healed)) {
        violated(b, (uint32_t)b->node_count - 1u, 0, true);
        return false;
    }
    return true;
}

/* The world becomes the state of a node, step by step from the first. */
static void make_again(struct breadth *b, uint32_t node)
{
    uint32_t way[UINT8_MAX];
    uint32_t length = 0;
    enum xp_step stepped;

    xp_image_restore(&b->first);
    for (uint32_t at = node; b->nodes[at].before != NO_NODE; at = b->nodes[at].before)
        way[length++] = at;
    while (length > 0) {
        const struct node *n = &b->nodes[way[--length]];

        for (uint16_t i = 0; i < n->count; i++) {
            b->odometer.n[i] = b->picks[n->choices + i].n;
            b->odometer.picked[i] = b->picks[n->choices + i].picked;
        }
        b->odometer.count = n->count;
        sim_odometer_rewind(&b->odometer);
        const bool holds = xp_protected_step(b->w, &stepped);
        ASSERT(holds);
    }
    (void)xp_image_take(&b->image, b->change);
    b->odometer.count = 0;
    b->odometer.cursor = 0;
}

static bool expand(struct breadth *b, uint32_t node)
{
    enum xp_step stepped;

    make_again(b, node);
    do {
        sim_odometer_rewind(&b->odometer);
        xp_image_restore(&b->image);
        b->out->transitions++;
        if (!xp_protected_step(b->w, &stepped)) {
            violated(b, node, b->odometer.cursor, false);
            return false;
        }
        if (stepped == XP_STEP_DONE && !enter(b, node))
            return false;
        if ((b->out->transitions & PROGRESS_MASK) == 0 && b->limits->progress &&
            !b->limits->progress(b->limits->progress_ctx, b->out->states, b->out->transitions)) {
            b->out->cut = "interrupted";
            return false;
        }
    } while (sim_odometer_next(&b->odometer));
    return true;
}

static bool all_levels(struct breadth *b, uint32_t levels)
{
    size_t begin = 0;

    for (uint32_t level = 0; level < levels && begin < b->node_count; level++) {
        const size_t end = b->node_count;

        for (size_t node = begin; node < end; node++) {
            if (!b->nodes[node].last && !expand(b, (uint32_t)node))
                return false;
        }
        begin = end;
        b->out->depth = level + 1u;
    }
    b->out->closed = begin == b->node_count;
    return true;
}

static bool prepare(struct breadth *b)
{
    if (!xp_image_init(&b->first, b->w) || !xp_image_init(&b->image, b->w) ||
        !xp_visited_init(&b->visited, b->limits->memory_bytes))
        return false;
    b->change = malloc(xp_image_change_bytes(&b->image));
    xp_rest_init(&b->rest);
    sim_choices_init(&b->choices, SIM_CHOOSE_EVERY, 0);
    b->choices.odometer = &b->odometer;
    b->w->choices = &b->choices;
    b->w->inline_calls = false;
    return b->change != NULL;
}

void xp_breadth(struct xp_world *w, uint32_t levels, const struct xp_limits *limits, struct xp_result *out)
{
    struct breadth b = {.w = w, .limits = limits, .out = out};
    const double started = seconds_now();

    ASSERT(levels < UINT8_MAX);
    memset(out, 0, sizeof *out);
    if (!prepare(&b)) {
        out->cut = "memory";
    } else if (!xp_protected_start(w)) {
        out->violations = 1;
        out->verdict = w->verdict;
    } else {
        (void)xp_image_take(&b.first, b.change);
        if (enter(&b, NO_NODE))
            (void)all_levels(&b, levels);
    }
    out->memory_bytes = bytes_used(&b) + 2u * b.first.word_count * sizeof *b.first.words;
    out->missed = xp_visited_missed((double)xp_visited_count(&b.visited));
    out->seconds = seconds_now() - started;
    xp_visited_free(&b.visited);
    xp_image_free(&b.first);
    xp_image_free(&b.image);
    free(b.change);
    free(b.nodes);
    free(b.picks);
    w->choices = NULL;
}
