/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/authd/delays.h"

#include <stddef.h>

#include "abi/login.h"
#include "abi/memory.h"

void delays_init(struct delays *d)
{
    memset(d, 0, sizeof *d);
}

static bool forgotten(const struct delays_count *c, uint64_t now_ns)
{
    return now_ns - c->last_ns >= DELAYS_FORGOTTEN_NS;
}

/* After `wrong` of them, `allowed` of which cost nothing. */
static uint64_t delay_of(uint32_t wrong, uint32_t allowed)
{
    uint64_t ns = DELAYS_FIRST_NS;

    if (wrong < allowed)
        return 0;
    for (uint32_t i = allowed; i < wrong && ns < DELAYS_MOST_NS; i++)
        ns *= 2u;
    return ns < DELAYS_MOST_NS ? ns : DELAYS_MOST_NS;
}

static void was_wrong(struct delays_count *c, uint64_t now_ns, uint32_t allowed)
{
    if (forgotten(c, now_ns))
        c->wrong = 0;
    if (c->wrong < UINT32_MAX)
        c->wrong++;
    c->last_ns = now_ns;
    c->until_ns = now_ns + delay_of(c->wrong, allowed);
}

static const struct delays_source *find(const struct delays *d, uint64_t source)
{
    for (uint32_t i = 0; i < DELAYS_SOURCES; i++) {
        if (d->sources[i].used && d->sources[i].source == source)
            return &d->sources[i];
    }
    return NULL;
}

/* The place of a source, an unused one, or that of whom nothing was heard longest; one that was never right
 * goes before one that was. */
static struct delays_source *place(struct delays *d, uint64_t source)
{
    struct delays_source *out = &d->sources[0];

    for (uint32_t i = 0; i < DELAYS_SOURCES; i++) {
        struct delays_source *s = &d->sources[i];

        if (s->used && s->source == source)
            return s;
        if (!out->used)
            continue;
        if (!s->used || (out->right_before && !s->right_before) ||
            (out->right_before == s->right_before && s->count.last_ns < out->count.last_ns))
            out = s;
    }
    *out = (struct delays_source){.source = source, .used = true};
    return out;
}

static uint64_t later(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

uint64_t delays_due(const struct delays *d, uint64_t source, uint64_t now_ns)
{
    const struct delays_source *known = find(d, source);

    if (source == LOGIN_SOURCE_CONSOLE)
        return later(now_ns, d->console.until_ns);
    if (known != NULL && known->right_before)
        return later(now_ns, known->count.until_ns);
    return later(later(now_ns, d->all.until_ns), known != NULL ? known->count.until_ns : 0);
}

void delays_checked(struct delays *d, uint64_t source, uint64_t now_ns, bool right)
{
    struct delays_source *afar = source == LOGIN_SOURCE_CONSOLE ? NULL : place(d, source);
    struct delays_count *own = afar == NULL ? &d->console : &afar->count;

    if (right) {
        *own = (struct delays_count){.last_ns = now_ns};
        if (afar != NULL)
            afar->right_before = true;
        return;
    }
    was_wrong(own, now_ns, DELAYS_FREE);
    if (afar != NULL)
        was_wrong(&d->all, now_ns, DELAYS_FREE_ALL);
}
