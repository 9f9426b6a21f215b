/* SPDX-License-Identifier: BSD-2-Clause */
/* An author that passes each call on to another and tells of it: where the rings lie, and what is handed to
 * the device. Stands between the provider and its author; changes nothing. */
#ifndef CAPOS_TESTS_TIE_AUTHOR_TAP_H
#define CAPOS_TESTS_TIE_AUTHOR_TAP_H

#include "provider/seams.h"
#include "provider/virtq.h"

struct tapped_ring {
    const uint8_t *base; /* descriptor table; NULL: no such queue now */
    struct split_layout layout;
};

struct author_tap {
    struct author inner;
    void *ctx;
    /* After each publication, refused ones too; the segments are lent for the call. May be NULL. */
    void (*published)(void *ctx, const struct provider_ring *ring, const struct author_segment *segments,
                      uint16_t segment_count, enum provider_error error);
    uint32_t ring_align; /* of its device area: SPLIT_ALIGN_LEGACY or SPLIT_ALIGN_MODERN */
    struct tapped_ring rings[DMA_QUEUES_MAX];
};

/* `inner` is the author that does the work; `tap` outlives the provider. The rings are forgotten. */
struct author author_tap_init(struct author_tap *tap, struct author inner, uint32_t ring_align);

#endif
