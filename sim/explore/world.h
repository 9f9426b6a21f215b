/* SPDX-License-Identifier: BSD-2-Clause */
/* What the explorer needs to know of a world. A world is a flat state (a few regions of memory that hold all
 * that a step can change), one step function that asks choose() for everything that could go another way, and
 * a fingerprint. The same step serves exhaustive search, random runs, replay and a fuzzer's bytes. One world
 * runs at a time in a process: code under test reaches it through functions without a context. */
#ifndef CAPOS_EXPLORE_WORLD_H
#define CAPOS_EXPLORE_WORLD_H

#include <setjmp.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "sim/choose.h"

enum xp_property {
    XP_HOLDS = 0,
#define XP_PROPERTY(name, text) XP_##name,
#include "sim/explore/property.def"
#undef XP_PROPERTY
    XP_PROPERTY_COUNT
};
const char *xp_property_name(enum xp_property p);
const char *xp_property_text(enum xp_property p);

enum xp_mark {
#define XP_MARK(name, text) XP_M_##name,
#include "sim/explore/mark.def"
#undef XP_MARK
    XP_MARK_COUNT
};
const char *xp_mark_text(enum xp_mark mark);

/* The first property found broken in a step, and what was seen. */
struct xp_verdict {
    enum xp_property property;
    char what[200];
};

enum xp_step { XP_STEP_DONE = 0, XP_STEP_NOTHING /* nothing can happen any more */ };
enum xp_heal { XP_HEAL_ON = 0, XP_HEAL_QUIET /* everything came to rest */ };

#define XP_REGIONS_MAX 96u
struct xp_region {
    void *at;
    size_t bytes; /* at most */
    bool varies; /* ops->live tells how many of them are in use */
};

/* Who acts: the lanes of a trace. */
enum xp_lane {
    XP_LANE_DRIVER = 0,
    XP_LANE_MEMORY,
    XP_LANE_DEVICE,
    XP_LANE_AUTHORITY,
    XP_LANE_WORLD,
    XP_LANE_COUNT
};

struct xp_world;

struct xp_world_ops {
    const char *name;
    /* Puts the world into its first state. */
    void (*start)(struct xp_world *w);
    /* One step of whoever xp_choose_actor() picks: asked once and first in each step, so that a list of
     * choices tells how many steps it has. Ends early, by xp_violate, when a property is broken. */
    enum xp_step (*step)(struct xp_world *w);
    /* One step of the honest, fair continuation; asks nothing. NULL: the world has no liveness to check. */
    enum xp_heal (*heal)(struct xp_world *w);
    /* Canonical: equal for states that no continuation can tell apart. NULL: the world is run at random only.
     */
    uint64_t (*fingerprint)(struct xp_world *w);
    /* The state in one readable line, for traces. At most `bytes` - 1 characters. */
    void (*show)(const struct xp_world *w, char *line, size_t bytes);
    /* Bytes in use of a region whose size varies; what lies behind them is zero. */
    size_t (*live)(const struct xp_world *w, uint32_t region);
};

/* First member of each world's struct. */
struct xp_world {
    const struct xp_world_ops *ops;
    struct sim_choices *choices;
    struct xp_region regions[XP_REGIONS_MAX];
    uint32_t region_count; /* 0: its state cannot be laid flat; it is run at random, again from its start */
    bool inline_calls; /* driver calls run through, choosing at each yield; false: left at each yield */
    /* For the checks of the reductions: fingerprints without them. */
    bool unrenamed; /* interchangeable things keep their numbers */
    bool unrebased; /* free-running indices are told as they are */
    uint64_t hash_without; /* bit per field group left out of the fingerprint: a planted bug */
    uint64_t hash_seed;
    struct xp_verdict verdict;
    jmp_buf escape; /* where xp_violate goes: the step that is running */
    bool in_step;
    uint64_t acted; /* how often who acts was asked */
    void (*note)(void *ctx, enum xp_lane lane, const char *text); /* NULL: no trace is wanted */
    void *note_ctx;
    uint64_t *marks; /* XP_MARK_COUNT counters: how often each was done; NULL: not counted */
};

/* The world that the code under test runs in; set while a step runs. */
extern struct xp_world *xp_current;

/* A property is broken: keeps the first text, ends the step. */
_Noreturn void xp_violate(struct xp_world *w, enum xp_property property, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* One line of a trace; costs nothing when none is wanted. */
#define xp_note(w, lane, ...)                                                                                \
    do {                                                                                                     \
        if ((w)->note)                                                                                       \
            xp_note_text((w), (lane), __VA_ARGS__);                                                          \
    } while (0)
void xp_note_text(struct xp_world *w, enum xp_lane lane, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Runs step, start or heal with everything that can go wrong in them caught: a broken property, a failed
 * assertion, a stray access. False: the verdict says which. */
bool xp_protected_step(struct xp_world *w, enum xp_step *out);
bool xp_protected_start(struct xp_world *w);
bool xp_protected_heal(struct xp_world *w, enum xp_heal *out);
/* Stray accesses become violations from here on. */
void xp_catch_faults(void);

static inline void xp_mark(struct xp_world *w, unsigned mark)
{
    if (w->marks)
        w->marks[mark]++;
}

/* Who acts, of n who can: recorded even when there is no other. */
static inline uint32_t xp_choose_actor(struct xp_world *w, uint32_t n)
{
    w->acted++;
    return sim_choose(w->choices, n, "who");
}

static inline uint32_t xp_choose(struct xp_world *w, uint32_t n, const char *tag)
{
    return n == 1 ? 0 : sim_choose(w->choices, n, tag);
}

#endif
