/* SPDX-License-Identifier: BSD-2-Clause */
/* The ownership ledger: the owner of each byte, the function of each page, and the call that last changed
 * them. Asked for every DMA access, so a line of one owner is one byte, and scans go sixteen lines at a time.
 * Each request is judged whole before anything changes. */
#include "memory_state.h"

#include <string.h>

typedef uint8_t lanes __attribute__((vector_size(16)));

/* DM_UNMAPPED 0, DM_DRIVER_OWNED 1, DM_DEVICE_READABLE 2, DM_DEVICE_WRITABLE 3: bit 1 says that it is the
 * device's. A line of mixed owners matches no mask: its bytes are looked at one by one. */
_Static_assert(DM_DEVICE_READABLE == 2 && DM_DEVICE_WRITABLE == 3, "scans test owner bits");
#define MASK_EXACT  (3u | DM_LINE_MIXED)
#define MASK_DEVICE (2u | DM_LINE_MIXED)

/* True when (byte & mask) == value for all bytes. */
static inline bool all_are(const uint8_t *at, size_t bytes, uint8_t mask, uint8_t value)
{
    lanes wrong = {0};
    size_t i = 0;
    for (; bytes - i >= sizeof(lanes); i += sizeof(lanes)) {
        lanes v;
        memcpy(&v, at + i, sizeof v);
        wrong |= (v & mask) ^ value;
    }
    uint64_t halves[2];
    memcpy(halves, &wrong, sizeof halves);
    uint8_t rest = 0;
    for (; i < bytes; i++)
        rest |= (uint8_t)((at[i] & mask) ^ value);
    return (halves[0] | halves[1] | rest) == 0;
}

/* The first byte of [offset, offset + bytes) whose owner differs; the end when none does. */
static size_t first_other(const struct dm_memory *m, size_t offset, size_t bytes, uint8_t mask, uint8_t value)
{
    size_t end = offset + bytes;
    while (offset < end && (dm_ledger_owner(m, offset) & mask) == value)
        offset++;
    return offset;
}

/* Part of one line. */
static inline bool part_is(const struct dm_memory *m, size_t offset, size_t bytes, uint8_t mask,
                           uint8_t value)
{
    uint8_t line = m->line_owner[offset / DM_LINE_BYTES];
    return line == DM_LINE_MIXED ? all_are(m->owner + offset, bytes, mask, value) : (line & mask) == value;
}

/* Bytes of the line that `offset` lies in, from there, at most `bytes`. */
static inline size_t rest_of_line(size_t offset, size_t bytes)
{
    size_t rest = DM_LINE_BYTES - offset % DM_LINE_BYTES;
    return rest < bytes ? rest : bytes;
}

static bool owners_are(const struct dm_memory *m, size_t offset, size_t bytes, uint8_t mask, uint8_t value)
{
    size_t end = offset + bytes;
    while (offset < end) {
        size_t lines = offset % DM_LINE_BYTES == 0 ? (end - offset) / DM_LINE_BYTES : 0;
        if (lines != 0 && all_are(m->line_owner + offset / DM_LINE_BYTES, lines, mask, value)) {
            offset += lines * DM_LINE_BYTES;
            continue;
        }
        size_t part = rest_of_line(offset, end - offset);
        if (!part_is(m, offset, part, mask, value))
            return false;
        offset += part;
    }
    return true;
}

/* Part of one line gets an owner of its own: the line is mixed from then on, until it is given away whole. */
static void part_becomes(struct dm_memory *m, size_t offset, size_t bytes, enum dm_owner to)
{
    size_t line = offset / DM_LINE_BYTES;
    if (m->line_owner[line] != DM_LINE_MIXED) {
        memset(m->owner + line * DM_LINE_BYTES, m->line_owner[line], DM_LINE_BYTES);
        m->line_owner[line] = DM_LINE_MIXED;
    }
    memset(m->owner + offset, (int)to, bytes);
}

static void owners_become(struct dm_memory *m, size_t offset, size_t bytes, enum dm_owner to)
{
    size_t end = offset + bytes;
    size_t part = offset % DM_LINE_BYTES == 0 ? 0 : rest_of_line(offset, bytes);
    if (part != 0)
        part_becomes(m, offset, part, to);
    offset += part;
    size_t lines = (end - offset) / DM_LINE_BYTES;
    memset(m->line_owner + offset / DM_LINE_BYTES, (int)to, lines);
    offset += lines * DM_LINE_BYTES;
    if (offset < end)
        part_becomes(m, offset, end - offset, to);
}

/* True when the bytes are mapped for `function` and their owner matches; else *bad is the first other. */
static inline bool range_is(const struct dm_memory *m, uint16_t function, size_t offset, size_t bytes,
                            uint8_t mask, uint8_t value, size_t *bad)
{
    size_t last = (offset + bytes - 1) / DM_PAGE_BYTES;
    for (size_t page = offset / DM_PAGE_BYTES; page <= last; page++) {
        if (m->page_function[page] != function + 1u) {
            size_t start = page * DM_PAGE_BYTES;
            *bad = start > offset ? start : offset;
            return false;
        }
    }
    if (owners_are(m, offset, bytes, mask, value))
        return true;
    *bad = first_other(m, offset, bytes, mask, value);
    return false;
}

bool dm_ledger_allows(const struct dm_memory *m, uint16_t function, size_t offset, size_t bytes, bool write,
                      size_t *bad)
{
    if (write)
        return range_is(m, function, offset, bytes, MASK_EXACT, DM_DEVICE_WRITABLE, bad);
    return range_is(m, function, offset, bytes, MASK_DEVICE, DM_DEVICE_READABLE, bad);
}

const struct dm_event *dm_ledger_event(const struct dm_memory *m, size_t offset)
{
    if (!m->ledger || offset >= m->bytes)
        return NULL;
    uint32_t number = m->line_event[offset / DM_LINE_BYTES];
    if (number == 0)
        return NULL;
    const struct dm_event *event = &m->events[number % DM_EVENTS];
    return event->number == number ? event : NULL;
}

/* Writes the new owner and the event that made it. */
static void change(struct dm_memory *m, uint16_t function, size_t offset, size_t bytes, enum dm_owner to)
{
    if (++m->event_number == 0) /* 0 means no event */
        m->event_number = 1;
    struct dm_event *event = &m->events[m->event_number % DM_EVENTS];
    event->number = m->event_number;
    event->function = function;
    event->owner = (uint8_t)to;
    dm_stack_take(&m->stack, event->stack, DM_EVENT_DEPTH);
    owners_become(m, offset, bytes, to);
    size_t last = (offset + bytes - 1) / DM_LINE_BYTES;
    for (size_t line = offset / DM_LINE_BYTES; line <= last; line++)
        m->line_event[line] = m->event_number;
}

/* Map and unmap speak of whole pages. False, and a violation, for anything else. */
static bool whole_pages(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, const char *verb,
                        size_t *offset)
{
    if (!dm_inside(m, at, bytes, offset)) {
        dm_violate_outside(m, function, at, bytes, verb);
        return false;
    }
    if (bytes == 0 || at.v % DM_PAGE_BYTES != 0 || bytes % DM_PAGE_BYTES != 0) {
        dm_violate(m, function, *offset, DM_BDF_FORMAT " %s %zu bytes at 0x%llx: not whole pages",
                   DM_BDF_ARGS(function), verb, bytes, (unsigned long long)at.v);
        return false;
    }
    return true;
}

void dm_memory_map(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes)
{
    size_t offset;
    char whose[64];
    if (!whole_pages(m, function, at, bytes, "is mapped", &offset))
        return;
    size_t first = offset / DM_PAGE_BYTES;
    size_t end = (offset + bytes) / DM_PAGE_BYTES;
    for (size_t page = first; page < end; page++) {
        if (m->page_function[page] != DM_NOBODY) {
            size_t bad = page * DM_PAGE_BYTES;
            dm_violate(m, function, bad, DM_BDF_FORMAT " is mapped page 0x%llx, which is %s",
                       DM_BDF_ARGS(function), (unsigned long long)(m->bus_base + bad),
                       dm_owner_text(m, bad, whose, sizeof whose));
            return;
        }
    }
    for (size_t page = first; page < end; page++) {
        m->page_function[page] = function + 1u;
        dm_page_use(m, page);
    }
    m->counts.mapped_bytes += bytes;
    if (m->ledger)
        change(m, function, offset, bytes, DM_DRIVER_OWNED);
}

/* Still done when bytes are exposed: the machine has no way to stop an authority that is wrong. */
static void unmap_page(struct dm_memory *m, uint16_t function, size_t page)
{
    size_t offset = page * DM_PAGE_BYTES;
    if (m->ledger) {
        if (!owners_are(m, offset, DM_PAGE_BYTES, MASK_DEVICE, 0)) {
            size_t exposed = 0;
            for (size_t i = 0; i < DM_PAGE_BYTES; i++)
                exposed += (dm_ledger_owner(m, offset + i) & DM_DEVICE_READABLE) != 0;
            size_t bad = first_other(m, offset, DM_PAGE_BYTES, MASK_DEVICE, 0);
            dm_violate(m, function, bad,
                       DM_BDF_FORMAT " loses page 0x%llx while %zu of its bytes are exposed, first 0x%llx",
                       DM_BDF_ARGS(function), (unsigned long long)(m->bus_base + offset), exposed,
                       (unsigned long long)(m->bus_base + bad));
            m->counts.exposed_bytes -= exposed;
        }
        change(m, function, offset, DM_PAGE_BYTES, DM_UNMAPPED);
    }
    m->page_function[page] = DM_NOBODY;
    m->counts.mapped_bytes -= DM_PAGE_BYTES;
}

void dm_memory_unmap(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes)
{
    size_t offset;
    char whose[64];
    if (!whole_pages(m, function, at, bytes, "loses", &offset))
        return;
    size_t end = (offset + bytes) / DM_PAGE_BYTES;
    for (size_t page = offset / DM_PAGE_BYTES; page < end; page++) {
        if (m->page_function[page] == function + 1u) {
            unmap_page(m, function, page);
            continue;
        }
        size_t bad = page * DM_PAGE_BYTES;
        dm_violate(m, function, bad, DM_BDF_FORMAT " loses page 0x%llx, which is %s", DM_BDF_ARGS(function),
                   (unsigned long long)(m->bus_base + bad), dm_owner_text(m, bad, whose, sizeof whose));
    }
}

/* Judges a change of owner by a device model. False, and a violation, when it may not happen. */
static bool may_change(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, uint8_t mask,
                       uint8_t value, const char *verb)
{
    size_t offset;
    size_t bad = 0;
    char whose[64];
    if (!dm_inside(m, at, bytes, &offset)) {
        dm_violate_outside(m, function, at, bytes, verb);
        return false;
    }
    if (bytes == 0 || !m->ledger || range_is(m, function, offset, bytes, mask, value, &bad))
        return true;
    dm_violate(m, function, bad, DM_BDF_FORMAT " %s %zu bytes at 0x%llx: byte 0x%llx is %s",
               DM_BDF_ARGS(function), verb, bytes, (unsigned long long)at.v,
               (unsigned long long)(m->bus_base + bad), dm_owner_text(m, bad, whose, sizeof whose));
    return false;
}

bool dm_memory_expose(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, enum dm_owner as)
{
    bool device = as == DM_DEVICE_READABLE || as == DM_DEVICE_WRITABLE;
    if (!device || !may_change(m, function, at, bytes, MASK_EXACT, DM_DRIVER_OWNED, "is shown"))
        return false;
    if (bytes != 0 && m->ledger) {
        change(m, function, (size_t)(at.v - m->bus_base), bytes, as);
        m->counts.exposed_bytes += bytes;
    }
    return true;
}

bool dm_memory_return(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes)
{
    if (!may_change(m, function, at, bytes, MASK_DEVICE, DM_DEVICE_READABLE, "gives back"))
        return false;
    if (bytes != 0 && m->ledger) {
        change(m, function, (size_t)(at.v - m->bus_base), bytes, DM_DRIVER_OWNED);
        m->counts.exposed_bytes -= bytes;
    }
    return true;
}

enum dm_owner dm_memory_owner(const struct dm_memory *m, dm_addr at)
{
    size_t offset;
    if (!dm_inside(m, at, 1, &offset))
        return DM_UNMAPPED;
    if (m->ledger)
        return (enum dm_owner)dm_ledger_owner(m, offset);
    return m->page_function[offset / DM_PAGE_BYTES] == DM_NOBODY ? DM_UNMAPPED : DM_DRIVER_OWNED;
}
