/* SPDX-License-Identifier: BSD-2-Clause */
/* Flat states and changes between them. Owns its words; trusts the world's list of regions to be complete. */
#include "sim/explore/image.h"

#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

/* A change: its head, the index of each changed word, then (8-aligned) what they were. */
struct change {
    uint32_t count;
    uint32_t live[XP_VARYING_MAX];
    uint32_t index[];
};

static xp_word *first_word(const struct xp_region *r)
{
    return (xp_word *)((uintptr_t)r->at & ~(uintptr_t)7);
}

static uint32_t words_of(const struct xp_region *r)
{
    const uintptr_t end = ((uintptr_t)r->at + r->bytes + 7u) & ~(uintptr_t)7;

    return (uint32_t)((end - (uintptr_t)first_word(r)) / 8u);
}

uint32_t xp_words_within(const struct xp_world *w, const void *from, size_t bytes, xp_word **at, uint32_t max)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < w->region_count; i++) {
        const struct xp_region *r = &w->regions[i];

        if (r->varies || (uintptr_t)r->at < (uintptr_t)from ||
            (uintptr_t)r->at + r->bytes > (uintptr_t)from + bytes)
            continue;
        for (uint32_t j = 0; j < words_of(r); j++, count++) {
            if (count < max)
                at[count] = first_word(r) + j;
        }
    }
    return count;
}

bool xp_image_init(struct xp_image *image, struct xp_world *w)
{
    uint32_t words;

    *image = (struct xp_image){.world = w};
    image->fixed = xp_words_within(w, NULL, SIZE_MAX, NULL, 0);
    words = image->fixed;
    for (uint32_t i = 0; i < w->region_count; i++) {
        const struct xp_region *r = &w->regions[i];

        if (!r->varies)
            continue;
        ASSERT(image->varying_count < XP_VARYING_MAX);
        ASSERT((uintptr_t)r->at % 8u == 0);
        image->varying[image->varying_count].at = first_word(r);
        image->varying[image->varying_count].region = i;
        image->varying[image->varying_count++].first = words;
        words += words_of(r);
    }
    image->word_count = words;
    image->at = calloc(image->fixed ? image->fixed : 1u, sizeof *image->at);
    image->words = calloc(words, sizeof *image->words);
    if (!image->at || !image->words) {
        xp_image_free(image);
        return false;
    }
    (void)xp_words_within(w, NULL, SIZE_MAX, image->at, image->fixed);
    return true;
}

void xp_image_free(struct xp_image *image)
{
    free(image->at);
    free(image->words);
    *image = (struct xp_image){0};
}

static uint32_t live_words(const struct xp_image *image, uint32_t which)
{
    return (uint32_t)((image->world->ops->live(image->world, image->varying[which].region) + 7u) / 8u);
}

void xp_image_restore(const struct xp_image *image)
{
    uint32_t live[XP_VARYING_MAX]; /* asked first: other regions tell it */

    for (uint32_t v = 0; v < image->varying_count; v++)
        live[v] = live_words(image, v);
    xp_words_restore(image->at, image->fixed, image->words);
    for (uint32_t v = 0; v < image->varying_count; v++) {
        const uint32_t was = live[v];
        const uint32_t now = image->varying[v].live;
        xp_word *to = image->varying[v].at;
        const uint64_t *from = image->words + image->varying[v].first;

        for (uint32_t i = 0; i < now; i++)
            to[i] = from[i];
        for (uint32_t i = now; i < was; i++)
            to[i] = 0;
    }
}

size_t xp_image_change_bytes(const struct xp_image *image)
{
    return sizeof(struct change) + image->word_count * (sizeof(uint32_t) + sizeof(uint64_t)) + 16u;
}

static size_t old_words_at(uint32_t count)
{
    return (sizeof(struct change) + count * sizeof(uint32_t) + 7u) & ~(size_t)7;
}

size_t xp_image_take(struct xp_image *image, uint8_t *change)
{
    struct change *c = (struct change *)(void *)change;
    uint32_t count = 0;

    for (uint32_t i = 0; i < image->fixed; i++) {
        c->index[count] = i; /* kept if the word differs: no branch */
        count += *image->at[i] != image->words[i];
    }
    for (uint32_t v = 0; v < image->varying_count; v++) {
        const uint32_t live = live_words(image, v);
        const uint32_t was = image->varying[v].live;
        const uint32_t first = image->varying[v].first;

        for (uint32_t i = 0; i < (live > was ? live : was); i++) {
            c->index[count] = first + i;
            count += image->varying[v].at[i] != image->words[first + i];
        }
        c->live[v] = was;
        image->varying[v].live = live;
    }
    c->count = count;
    uint64_t *old = (uint64_t *)(void *)(change + old_words_at(count));
    for (uint32_t n = 0, v = 0; n < count; n++) {
        const uint32_t i = c->index[n];

        old[n] = image->words[i];
        while (i >= image->fixed && v + 1u < image->varying_count && i >= image->varying[v + 1u].first)
            v++;
        image->words[i] =
            i < image->fixed ? *image->at[i] : image->varying[v].at[i - image->varying[v].first];
    }
    return old_words_at(count) + count * sizeof *old;
}

void xp_image_undo(struct xp_image *image, const uint8_t *change)
{
    const struct change *c = (const struct change *)(const void *)change;
    const uint64_t *old = (const uint64_t *)(const void *)(change + old_words_at(c->count));

    for (uint32_t n = 0; n < c->count; n++)
        image->words[c->index[n]] = old[n];
    for (uint32_t v = 0; v < image->varying_count; v++)
        image->varying[v].live = c->live[v];
}
