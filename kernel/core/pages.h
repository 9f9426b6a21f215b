/* SPDX-License-Identifier: BSD-2-Clause */
/* Pages of programs and MemoryObjects: a region apart from DMA. Runs lie together, are found first-fit, come
 * zeroed, and are scrubbed as they are given back, before anyone else can see them. */
#ifndef CAPOS_KERNEL_CORE_PAGES_H
#define CAPOS_KERNEL_CORE_PAGES_H

#include <stdbool.h>
#include <stdint.h>

#include "kernel/core/processor.h"

#define PAGE_SOURCE_MAX 16384u /* pages kept: 64 MiB; what lies behind is not used */

struct page_source {
    uint8_t *memory; /* page-aligned */
    uint32_t count;
    uint32_t used;
    uint32_t fresh; /* pages from here on were never given out and are not known to be zero */
    uint64_t taken[PAGE_SOURCE_MAX / 64u]; /* a bit a page */
};

/* `memory` is the source's from now on, with any content. */
void page_source_init(struct page_source *source, uint8_t *memory, uint32_t count);
/* A run of `pages` zeroed pages, or NULL: no such run is free. pages >= 1. */
uint8_t *page_source_take(struct page_source *source, uint32_t pages);
/* Scrubs and gives back a run that was taken (asserted), with the same count. Nothing maps it any more. */
void page_source_give(struct page_source *source, uint8_t *memory, uint32_t pages);

#endif
