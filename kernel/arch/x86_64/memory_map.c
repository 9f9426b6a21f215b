/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/memory_map.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

static uint64_t end_of(const struct memory_range *r)
{
    return r->base + r->bytes;
}

void memory_map_init(struct memory_map *m)
{
    m->count = 0;
    m->refused = 0;
}

void memory_map_add(struct memory_map *m, uint64_t base, uint64_t bytes, enum memory_kind kind)
{
    ASSERT(kind != MEMORY_NONE);
    if (kind != MEMORY_RAM && bytes > UINT64_MAX - base)
        bytes = UINT64_MAX - base; /* what is reserved stays so as far as there are addresses */
    if (bytes == 0 || bytes > UINT64_MAX - base || m->count >= MEMORY_RANGES_MAX) {
        m->refused++;
        return;
    }
    m->ranges[m->count++] = (struct memory_range){base, bytes, (uint8_t)kind};
}

static void remove_range(struct memory_map *m, uint32_t at)
{
    ASSERT(at < m->count);
    m->count--;
    for (uint32_t i = at; i < m->count; i++)
        m->ranges[i] = m->ranges[i + 1u];
}

static void sort(struct memory_map *m)
{
    for (uint32_t i = 1; i < m->count; i++) {
        const struct memory_range r = m->ranges[i];
        uint32_t at = i;
        while (at > 0 && m->ranges[at - 1u].base > r.base) {
            m->ranges[at] = m->ranges[at - 1u];
            at--;
        }
        m->ranges[at] = r;
    }
}

/* Takes from the range `at` what the range `keeper` covers. What stays behind the keeper becomes a range of
 * its own; where there is no room for one, RAM is lost and anything else goes to the keeper, which is more
 * cautious. */
static void yield_to(struct memory_map *m, uint32_t at, uint32_t keeper)
{
    struct memory_range *r = &m->ranges[at];
    struct memory_range *k = &m->ranges[keeper];
    const uint64_t end = end_of(r);
    const uint64_t keeper_end = end_of(k);
    if (k->base > r->base) {
        r->bytes = k->base - r->base;
        if (keeper_end < end && m->count < MEMORY_RANGES_MAX)
            memory_map_add(m, keeper_end, end - keeper_end, (enum memory_kind)r->kind);
        else if (keeper_end < end && r->kind != MEMORY_RAM)
            k->bytes = end - k->base;
    } else if (keeper_end < end) {
        r->base = keeper_end;
        r->bytes = end - keeper_end;
    } else {
        r->bytes = 0;
    }
}

/* One overlap less, or false. Of two of one kind the second gives way: they say the same. */
static bool settle_one(struct memory_map *m)
{
    for (uint32_t i = 0; i < m->count; i++) {
        for (uint32_t j = i + 1u; j < m->count; j++) {
            const struct memory_range a = m->ranges[i];
            const struct memory_range b = m->ranges[j];
            if (a.base >= end_of(&b) || b.base >= end_of(&a))
                continue;
            if (a.kind < b.kind)
                yield_to(m, i, j);
            else
                yield_to(m, j, i);
            if (m->ranges[j].bytes == 0)
                remove_range(m, j);
            if (m->ranges[i].bytes == 0)
                remove_range(m, i);
            return true;
        }
    }
    return false;
}

static void whole_pages(struct memory_map *m)
{
    for (uint32_t i = 0; i < m->count;) {
        struct memory_range *r = &m->ranges[i];
        const uint64_t skip = (MEMORY_PAGE - r->base % MEMORY_PAGE) % MEMORY_PAGE;
        if (r->kind != MEMORY_RAM) {
            i++;
            continue;
        }
        if (r->bytes < skip + MEMORY_PAGE) {
            remove_range(m, i);
            continue;
        }
        r->base += skip;
        r->bytes = (r->bytes - skip) & ~(uint64_t)(MEMORY_PAGE - 1u);
        i++;
    }
}

void memory_map_settle(struct memory_map *m)
{
    const uint32_t steps_max = MEMORY_RANGES_MAX * MEMORY_RANGES_MAX;
    uint32_t steps = 0;
    while (steps < steps_max && settle_one(m))
        steps++;
    if (steps == steps_max) /* no map that firmware makes: it is believed in nothing */
        m->count = 0;
    whole_pages(m);
    sort(m);
}

uint64_t memory_map_ram_bytes(const struct memory_map *m)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < m->count; i++)
        sum += m->ranges[i].kind == MEMORY_RAM ? m->ranges[i].bytes : 0;
    return sum;
}

struct memory_range memory_map_largest_ram(const struct memory_map *m, uint64_t from, uint64_t below)
{
    struct memory_range best = {0, 0, MEMORY_RAM};
    ASSERT(from % MEMORY_PAGE == 0);
    ASSERT(below % MEMORY_PAGE == 0);
    for (uint32_t i = 0; i < m->count; i++) {
        const struct memory_range *r = &m->ranges[i];
        const uint64_t first = r->base > from ? r->base : from;
        const uint64_t end = end_of(r) < below ? end_of(r) : below;
        if (r->kind == MEMORY_RAM && end > first && end - first > best.bytes) {
            best.base = first;
            best.bytes = end - first;
        }
    }
    return best;
}

enum memory_kind memory_map_kind(const struct memory_map *m, uint64_t base, uint64_t bytes)
{
    uint8_t kind = MEMORY_NONE;
    uint64_t at = base;
    if (bytes == 0 || bytes > UINT64_MAX - base)
        return MEMORY_NONE;
    for (uint32_t i = 0; i < m->count && at < base + bytes; i++) {
        const struct memory_range *r = &m->ranges[i];
        if (at < r->base)
            return MEMORY_NONE; /* ranges are sorted: a hole begins here */
        if (at >= end_of(r))
            continue;
        kind = r->kind > kind ? r->kind : kind;
        at = end_of(r);
    }
    return at >= base + bytes ? (enum memory_kind)kind : MEMORY_NONE;
}

bool memory_map_touches_memory(const struct memory_map *m, uint64_t base, uint64_t bytes)
{
    if (bytes == 0 || bytes > UINT64_MAX - base)
        return true;
    for (uint32_t i = 0; i < m->count; i++) {
        const struct memory_range *r = &m->ranges[i];
        if (r->kind != MEMORY_RESERVED && base < end_of(r) && r->base < base + bytes)
            return true;
    }
    return false;
}
