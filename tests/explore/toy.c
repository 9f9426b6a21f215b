/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/explore/toy.h"

#include <stdio.h>
#include <string.h>

static struct toy *toy_of(const struct xp_world *w)
{
    return (struct toy *)(uintptr_t)w;
}

static void start(struct xp_world *w)
{
    memset(&toy_of(w)->state, 0, sizeof toy_of(w)->state);
}

/* Who acts: left goes on, right goes on, or the flag takes one of four values. */
static enum xp_step step(struct xp_world *w)
{
    struct toy *t = toy_of(w);

    switch (xp_choose_actor(w, 3)) {
    case 0:
        t->state.left = (t->state.left + 1) % t->modulus;
        if (t->breaks_left && t->state.left == t->breaks_left && t->state.flag == 3 &&
            xp_choose(w, 4, "coin") == 1 && (!t->forgets || t->hidden++ == 0))
            xp_violate(w, XP_P1, "left is %llu", (unsigned long long)t->state.left);
        break;
    case 1:
        t->state.right = (t->state.right + 1) % t->modulus;
        break;
    default:
        t->state.flag = xp_choose(w, 4, "flag");
        break;
    }
    xp_note(w, XP_LANE_WORLD, "moves");
    return XP_STEP_DONE;
}

static enum xp_heal heal(struct xp_world *w)
{
    struct toy *t = toy_of(w);

    if (t->stuck_right && t->state.right >= t->stuck_right)
        xp_violate(w, XP_P3, "stuck at %llu", (unsigned long long)t->state.right);
    if (t->state.left == 0)
        return XP_HEAL_QUIET;
    t->state.left--;
    return XP_HEAL_ON;
}

static uint64_t fingerprint(struct xp_world *w)
{
    const struct toy_state *s = &toy_of(w)->state;
    uint64_t mixed = (s->left << 32 | s->right << 8 | s->flag) * 0x9e3779b97f4a7c15u;

    mixed = (mixed ^ mixed >> 29) * 0xbf58476d1ce4e5b9u;
    return mixed ^ mixed >> 32;
}

static void show(const struct xp_world *w, char *line, size_t bytes)
{
    snprintf(line, bytes, "toy: left %llu", (unsigned long long)toy_of(w)->state.left);
}

static const struct xp_world_ops ops = {
    .name = "toy", .start = start, .step = step, .heal = heal, .fingerprint = fingerprint, .show = show};

void toy_init(struct toy *t, uint64_t modulus)
{
    memset(t, 0, sizeof *t);
    t->world.ops = &ops;
    t->modulus = modulus;
    t->world.regions[t->world.region_count++] = (struct xp_region){&t->state, sizeof t->state, false};
}
