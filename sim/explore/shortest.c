/* SPDX-License-Identifier: BSD-2-Clause */
/* Level by level: states of one level whole, of all levels the choices that led there. Owns its memory and
 * keeps to the bound; trusts fingerprints as the search does. */
#include "sim/explore/shortest.h"

#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/image.h"
#include "sim/explore/visited.h"

#define NO_NODE UINT32_MAX

/* How a state was reached. */
struct node {
    uint32_t from;
    uint32_t first; /* its choices in `picked` */
    uint16_t count;
};

struct picked {
    uint16_t n, value;
};

/* The states of one level. */
struct level {
    uint8_t *states;
    uint32_t *nodes;
    size_t count, room;
};

struct breadth {
    struct xp_world *w;
    const struct xp_wanted *wanted;
    struct xp_visited visited;
    struct xp_image image;
    uint8_t *change;
    struct node *nodes;
    size_t node_count, node_room;
    struct picked *picked;
    size_t picked_count, picked_room;
    struct level now, next;
    struct sim_choices choices, none;
    struct sim_odometer odometer;
    bool full;
    uint32_t found; /* the node that the broken step or continuation starts from */
};

static size_t state_bytes(const struct breadth *b)
{
    return b->image.word_count * sizeof *b->image.words + sizeof b->image.varying;
}

static size_t bytes_in_use(const struct breadth *b)
{
    return b->visited.bytes + b->node_room * sizeof *b->nodes + b->picked_room * sizeof *b->picked +
           (b->now.room + b->next.room) * (state_bytes(b) + sizeof *b->now.nodes);
}

/* Room for one more of `bytes` each; sets full when the bound is reached. */
static void *room_for(struct breadth *b, void *list, size_t count, size_t *room, size_t bytes)
{
    const size_t larger = *room ? *room * 2u : 64u;
    void *grown;

    if (count < *room)
        return list;
    grown = bytes_in_use(b) + larger * bytes > b->wanted->bytes_max ? NULL : realloc(list, larger * bytes);
    if (!grown) {
        b->full = true;
        return list;
    }
    *room = larger;
    return grown;
}

static void keep_state(struct breadth *b, uint32_t node)
{
    struct level *l = &b->next;
    size_t room = l->room;

    l->states = room_for(b, l->states, l->count, &room, state_bytes(b));
    l->nodes = room_for(b, l->nodes, l->count, &l->room, sizeof *l->nodes);
    if (b->full)
        return;
    (void)xp_image_take(&b->image, b->change);
    uint8_t *to = l->states + l->count * state_bytes(b);
    memcpy(to, b->image.varying, sizeof b->image.varying);
    memcpy(to + sizeof b->image.varying, b->image.words, b->image.word_count * sizeof *b->image.words);
    l->nodes[l->count++] = node;
}

static void go_to(struct breadth *b, size_t at)
{
    const uint8_t *from = b->now.states + at * state_bytes(b);

    memcpy(b->image.varying, from, sizeof b->image.varying);
    memcpy(b->image.words, from + sizeof b->image.varying, b->image.word_count * sizeof *b->image.words);
    xp_image_restore(&b->image);
}

static uint32_t add_node(struct breadth *b, uint32_t from, uint16_t count)
{
    b->nodes = room_for(b, b->nodes, b->node_count, &b->node_room, sizeof *b->nodes);
    for (uint16_t i = 0; i < count && !b->full; i++) {
        b->picked = room_for(b, b->picked, b->picked_count, &b->picked_room, sizeof *b->picked);
        if (!b->full)
            b->picked[b->picked_count++] = (struct picked){b->odometer.n[i], b->odometer.picked[i]};
    }
    if (b->full || b->node_count == NO_NODE)
        return NO_NODE;
    b->nodes[b->node_count] = (struct node){from, (uint32_t)(b->picked_count - count), count};
    return (uint32_t)b->node_count++;
}

static bool is_wanted(const struct breadth *b, const struct xp_verdict *v, bool in_heal)
{
    return v->property == b->wanted->property && in_heal == b->wanted->in_heal;
}

/* Is the honest continuation of the state that the world is in broken as it is wanted? */
static bool heals_badly(struct breadth *b)
{
    struct xp_run run = {0};

    if (!b->wanted->in_heal || !b->w->ops->heal)
        return false;
    b->w->choices = &b->none;
    xp_heal_on(b->w, &run);
    b->w->choices = &b->choices;
    return is_wanted(b, &run.verdict, true);
}

/* The world is in a state just reached from `from`. True: what is wanted is found. */
static bool enter(struct breadth *b, uint32_t from, uint16_t count)
{
    const uint64_t fingerprint = b->w->ops->fingerprint(b->w);

    if (xp_visited_mark(&b->visited, fingerprint, XP_SEEN) & XP_SEEN)
        return false;
    b->full = b->full || b->visited.full;
    const uint32_t node = b->full ? NO_NODE : add_node(b, from, count);
    if (node == NO_NODE)
        return false;
    keep_state(b, node);
    if (!heals_badly(b))
        return false;
    b->found = node;
    return true;
}

/* All steps from one state of the level. */
static bool expand(struct breadth *b, size_t at)
{
    enum xp_step stepped;

    b->odometer.count = 0;
    do {
        sim_odometer_rewind(&b->odometer);
        go_to(b, at);
        if (!xp_protected_step(b->w, &stepped)) {
            if (!is_wanted(b, &b->w->verdict, false))
                continue;
            b->found = add_node(b, b->now.nodes[at], b->odometer.cursor);
            return b->found != NO_NODE;
        }
        if (stepped == XP_STEP_DONE && enter(b, b->now.nodes[at], b->odometer.cursor))
            return true;
    } while (!b->full && sim_odometer_next(&b->odometer));
    return false;
}

static bool by_levels(struct breadth *b)
{
    if (!xp_protected_start(b->w))
        return false;
    if (enter(b, NO_NODE, 0))
        return true;
    for (size_t steps = 0; steps < b->wanted->steps_max && b->next.count > 0 && !b->full; steps++) {
        const struct level was = b->now;

        b->now = b->next;
        b->next = was;
        b->next.count = 0;
        for (size_t at = 0; at < b->now.count && !b->full; at++) {
            if (expand(b, at))
                return true;
        }
    }
    return false;
}

static bool write_path(const struct breadth *b, struct xp_path *out)
{
    size_t total = 0;

    *out = (struct xp_path){0};
    for (uint32_t at = b->found; b->nodes[at].from != NO_NODE; at = b->nodes[at].from) {
        total += b->nodes[at].count;
        out->steps++;
    }
    out->list = calloc(total ? total : 1, sizeof *out->list);
    if (!out->list)
        return false;
    out->count = total;
    for (uint32_t at = b->found; b->nodes[at].from != NO_NODE; at = b->nodes[at].from) {
        for (uint16_t i = b->nodes[at].count; i > 0; i--) {
            const struct picked *p = &b->picked[b->nodes[at].first + i - 1u];

            out->list[--total] = (struct sim_choice){NULL, p->n, p->value};
        }
    }
    return true;
}

bool xp_shortest(struct xp_world *w, const struct xp_wanted *wanted, struct xp_path *out)
{
    struct breadth *b = calloc(1, sizeof *b);
    bool found = false;

    if (!b || !w->ops->fingerprint) { /* states that cannot be told apart: of runs at random */
        free(b);
        return false;
    }
    b->w = w;
    b->wanted = wanted;
    sim_choices_init(&b->none, SIM_CHOOSE_FIRST, 0);
    b->none.unrecorded = true;
    sim_choices_init(&b->choices, SIM_CHOOSE_EVERY, 0);
    b->choices.odometer = &b->odometer;
    w->choices = &b->choices;
    w->inline_calls = false;
    if (xp_image_init(&b->image, w) && xp_visited_init(&b->visited, wanted->bytes_max / 4u)) {
        b->change = malloc(xp_image_change_bytes(&b->image));
        found = b->change && by_levels(b) && write_path(b, out);
    }
    w->choices = NULL;
    xp_visited_free(&b->visited);
    xp_image_free(&b->image);
    free(b->change);
    free(b->nodes);
    free(b->picked);
    free(b->now.states);
    free(b->now.nodes);
    free(b->next.states);
    free(b->next.nodes);
    free(b);
    return found;
}
