/* SPDX-License-Identifier: BSD-2-Clause */
/* The way to rest. Owns the list of states on it; trusts fingerprints as the search does. */
#include "sim/explore/rest.h"

void xp_rest_init(struct xp_rest *r)
{
    sim_choices_init(&r->none, SIM_CHOOSE_FIRST, 0);
    r->none.unrecorded = true;
}

bool xp_comes_to_rest(struct xp_rest *r, struct xp_world *w, struct xp_visited *known, uint64_t fingerprint,
                      uint64_t *steps)
{
    size_t length = 0;
    struct sim_choices *choices = w->choices;
    bool holds = true;

    w->choices = &r->none;
    while (true) {
        enum xp_heal healed;

        if (length == XP_HEAL_STEPS_MAX) {
            w->verdict = (struct xp_verdict){XP_P3, "the honest continuation does not come to rest"};
            holds = false;
            break;
        }
        r->way[length++] = fingerprint;
        if (!xp_protected_heal(w, &healed)) {
            holds = false;
            break;
        }
        ++*steps;
        if (healed == XP_HEAL_QUIET)
            break;
        fingerprint = w->ops->fingerprint(w);
        if (xp_visited_marks(known, fingerprint) & XP_LIVE)
            break;
    }
    w->choices = choices;
    for (size_t i = 0; holds && i < length; i++)
        (void)xp_visited_mark(known, r->way[i], XP_LIVE);
    return holds;
}
