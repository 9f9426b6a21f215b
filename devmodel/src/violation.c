/* SPDX-License-Identifier: BSD-2-Clause */
/* What is written down when a rule of the ledger is broken: one line, the stack of the touch, and the stack
 * of the call that last changed the byte's owner. Off the data path. */
#include "memory_state.h"

#include <execinfo.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

_Static_assert(DM_EVENT_DEPTH < DM_STACK_DEPTH, "an event's stack fits, with its NULL");

void dm_violate(struct dm_memory *m, uint16_t function, size_t offset, const char *format, ...)
{
    size_t index = m->violation_count++;
    if (index >= DM_VIOLATIONS_KEPT)
        return;
    struct dm_violation *v = &m->violations[index];
    memset(v, 0, sizeof *v);
    v->function = function;
    v->address = m->bus_base + offset;
    va_list args;
    va_start(args, format);
    vsnprintf(v->what, sizeof v->what, format, args);
    va_end(args);
    dm_stack_take(&m->stack, v->touch_stack, DM_STACK_DEPTH - 1);
    const struct dm_event *event = dm_ledger_event(m, offset);
    if (event)
        memcpy(v->owner_stack, event->stack, sizeof event->stack);
}

void dm_violate_outside(struct dm_memory *m, uint16_t function, dm_addr at, size_t bytes, const char *verb)
{
    dm_violate(m, function, (size_t)(at.v - m->bus_base),
               DM_BDF_FORMAT " %s %zu bytes at 0x%llx: outside memory 0x%llx-0x%llx", DM_BDF_ARGS(function),
               verb, bytes, (unsigned long long)at.v, (unsigned long long)m->bus_base,
               (unsigned long long)(m->bus_base + m->bytes - 1));
}

const char *dm_owner_text(const struct dm_memory *m, size_t offset, char *text, size_t bytes)
{
    static const char *const names[] = {"unmapped", "driver-owned", "device-readable", "device-writable"};
    uint32_t function = m->page_function[offset / DM_PAGE_BYTES];
    if (function == DM_NOBODY)
        snprintf(text, bytes, "unmapped");
    else
        snprintf(text, bytes, "%s by " DM_BDF_FORMAT,
                 m->ledger ? names[dm_ledger_owner(m, offset) & 3u] : "mapped", DM_BDF_ARGS(function - 1u));
    return text;
}

size_t dm_memory_violations(const struct dm_memory *m)
{
    return m->violation_count;
}

const struct dm_violation *dm_memory_violation(const struct dm_memory *m, size_t i)
{
    bool kept = i < m->violation_count && i < DM_VIOLATIONS_KEPT;
    return kept ? &m->violations[i] : NULL;
}

static void print_stack(void *const *stack, int fd)
{
    int depth = 0;
    while (depth < DM_STACK_DEPTH && stack[depth])
        depth++;
    if (depth == 0)
        dprintf(fd, "    (none: the byte never had an owner, or its event was overwritten)\n");
    else
        backtrace_symbols_fd(stack, depth, fd);
}

void dm_violation_print(const struct dm_violation *v, int fd)
{
    dprintf(fd, "violation: %s\n  touched by:\n", v->what);
    print_stack(v->touch_stack, fd);
    dprintf(fd, "  last change of owner:\n");
    print_stack(v->owner_stack, fd);
}
