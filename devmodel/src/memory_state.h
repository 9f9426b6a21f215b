/* SPDX-License-Identifier: BSD-2-Clause */
/* Guest memory's state, shared by memory.c, ledger.c and violation.c. Private to devmodel. */
#ifndef DM_MEMORY_STATE_H
#define DM_MEMORY_STATE_H

#include "capos/devmodel/memory.h"
#include "stack.h"

#define DM_LINE_BYTES      64u /* one event number for each such line */
#define DM_LINE_MIXED      0x80u /* no enum dm_owner: the line's bytes differ */
#define DM_EVENTS          4096u /* the last changes of owner are kept */
#define DM_EVENT_DEPTH     10u /* below DM_STACK_DEPTH: an event is taken for each exposed buffer */
#define DM_VIOLATIONS_KEPT 64u
#define DM_NOBODY          0u /* page_function: bdf + 1, so that fresh pages read as nobody's */

/* One change of owner. Overwritten in the ring when its number no longer matches the line's. */
struct dm_event {
    uint32_t number;
    uint16_t function;
    uint8_t owner;
    void *stack[DM_EVENT_DEPTH];
};

struct dm_memory {
    uint8_t *base;
    size_t bytes;
    uint64_t bus_base;
    bool ledger;
    uint8_t *line_owner; /* the owner of a whole line, or DM_LINE_MIXED; NULL without a ledger */
    uint8_t *owner; /* a byte a byte, valid for mixed lines only */
    uint32_t *line_event; /* number of the last change of owner in the line; 0: none */
    struct dm_event *events; /* DM_EVENTS */
    uint32_t event_number;
    uint32_t *page_function;
    uint8_t *page_used; /* since the last reset: mapped, or written by a device */
    uint32_t *used_pages; /* the same pages as a list, so that a reset visits only them */
    size_t used_count;
    struct dm_stack_bounds stack;
    struct dm_violation violations[DM_VIOLATIONS_KEPT];
    size_t violation_count;
    struct dm_memory_counts counts;
};

/* True when [at, at + bytes) lies inside; *offset is then its place. */
static inline bool dm_inside(const struct dm_memory *m, dm_addr at, size_t bytes, size_t *offset)
{
    uint64_t from = at.v - m->bus_base; /* below the base: wraps to a large number, refused */
    *offset = (size_t)from;
    return from <= m->bytes && bytes <= m->bytes - from;
}

static inline void dm_page_use(struct dm_memory *m, size_t page)
{
    if (!m->page_used[page]) {
        m->page_used[page] = 1;
        m->used_pages[m->used_count++] = (uint32_t)page;
    }
}

static inline uint8_t dm_ledger_owner(const struct dm_memory *m, size_t offset)
{
    uint8_t line = m->line_owner[offset / DM_LINE_BYTES];
    return line == DM_LINE_MIXED ? m->owner[offset] : line;
}

/* ledger.c: true when `function` may touch all these bytes so; else *bad is the first it may not. */
bool dm_ledger_allows(const struct dm_memory *m, uint16_t function, size_t offset, size_t bytes, bool write,
                      size_t *bad);
/* The event that last changed the byte's owner, NULL when there was none or it was overwritten. */
const struct dm_event *dm_ledger_event(const struct dm_memory *m, size_t offset);

/* violation.c: counts a violation and keeps the first DM_VIOLATIONS_KEPT. `offset` is the offending byte. */
void dm_violate(struct dm_memory *m, uint16_t function, size_t offset, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void dm_violate_outside(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, const char *verb);
/* "driver-owned by 00:03.0": whose the byte is. Returns `text`. */
const char *dm_owner_text(const struct dm_memory *m, size_t offset, char *text, size_t bytes);

#define DM_BDF_FORMAT    "%02x:%02x.%x"
#define DM_BDF_ARGS(bdf) (unsigned)((bdf) >> 8), (unsigned)(((bdf) >> 3) & 31u), (unsigned)((bdf)&7u)

#endif
