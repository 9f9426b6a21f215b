/* SPDX-License-Identifier: BSD-2-Clause */
/* A world's state laid flat: its regions one behind the other, each as the aligned words that it lies in.
 * Going from one state to a next is told as the words that changed, so that a long way down costs a few words
 * a step. Bytes that share a word with a region's ends belong to the world and are copied with it. */
#ifndef CAPOS_EXPLORE_IMAGE_H
#define CAPOS_EXPLORE_IMAGE_H

#include "sim/explore/world.h"

#define XP_VARYING_MAX 4u

typedef uint64_t __attribute__((may_alias)) xp_word;

struct xp_image {
    struct xp_world *world;
    xp_word **at; /* where each word of the regions of constant size lies */
    uint32_t fixed; /* how many */
    uint32_t varying_count;
    struct {
        xp_word *at;
        uint32_t region;
        uint32_t first; /* its words in `words` */
        uint32_t live; /* of them in use in the image; those behind are zero */
    } varying[XP_VARYING_MAX];
    uint32_t word_count; /* all regions whole */
    uint64_t *words;
};

/* All zero. False: no memory. */
bool xp_image_init(struct xp_image *image, struct xp_world *w);
void xp_image_free(struct xp_image *image);
/* The world becomes what the image holds. */
void xp_image_restore(const struct xp_image *image);

/* At most so many bytes for one xp_image_take. */
size_t xp_image_change_bytes(const struct xp_image *image);
/* The image becomes what the world is; writes what it was where that differs. `change`: 8-aligned. Returns
 * bytes, a multiple of 8. */
size_t xp_image_take(struct xp_image *image, uint8_t *change);
/* Undoes the last xp_image_take that is not undone yet. */
void xp_image_undo(struct xp_image *image, const uint8_t *change);

/* Words of the regions that lie between `from` and `from` + `bytes`. Their number; at most `max` are listed.
 */
uint32_t xp_words_within(const struct xp_world *w, const void *from, size_t bytes, xp_word **at,
                         uint32_t max);
static inline void xp_words_save(xp_word *const *at, uint32_t count, uint64_t *to)
{
    for (uint32_t i = 0; i < count; i++)
        to[i] = *at[i];
}
static inline void xp_words_restore(xp_word *const *at, uint32_t count, const uint64_t *from)
{
    for (uint32_t i = 0; i < count; i++)
        *at[i] = from[i];
}

#endif
