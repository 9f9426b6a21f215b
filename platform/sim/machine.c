/* SPDX-License-Identifier: BSD-2-Clause */
/* The rest of the simulator's machine: clock, entropy, console, message-signalled interrupts, the end of the
 * run. */
#include <string.h>

#include "platform/sim/trace.h"

#define TURN_NS_DEFAULT 1000u /* one relax: a microsecond of virtual time */

void platform_sim_init(struct platform *p, struct dm_memory *memory, struct dm_bus *bus,
                       const struct platform_sim_hooks *hooks)
{
    memset(p, 0, sizeof *p);
    p->memory = memory;
    p->bus = bus;
    if (hooks)
        p->hooks = *hooks;
    p->turn_ns = TURN_NS_DEFAULT;
    p->traced = true;
    p->trace = TRACE_START;
}

void platform_sim_msi(void *platform, uint64_t address, uint32_t data)
{
    struct platform *p = platform;
    uint32_t route = data - SIM_MSI_VECTOR_FIRST;
    trace_call(p, TRACE_MSI, address, data);
    if (address != SIM_MSI_ADDRESS || route >= SIM_ROUTES_MAX) {
        p->msi_stray++;
        return;
    }
    p->msi_count[route]++;
}

void platform_sim_trace(struct platform *p, uint32_t kind, const void *data, size_t bytes)
{
    const uint8_t *at = data;
    uint64_t word = 0;
    if (!p->traced)
        return;
    for (; bytes >= sizeof word; at += sizeof word, bytes -= sizeof word) {
        memcpy(&word, at, sizeof word);
        p->trace = trace_mix(p->trace, word);
    }
    word = 0;
    memcpy(&word, at, bytes);
    p->trace = trace_mix(p->trace, word ^ ((uint64_t)kind << 56));
    p->trace_calls++;
}

struct platform_msi platform_msi_message(struct platform *p, uint16_t route)
{
    (void)p;
    return (struct platform_msi){SIM_MSI_ADDRESS, SIM_MSI_VECTOR_FIRST + route % SIM_ROUTES_MAX};
}

uint32_t platform_msi_count(struct platform *p, uint16_t route)
{
    return p->msi_count[route % SIM_ROUTES_MAX];
}

void platform_msi_raise(struct platform *p, uint16_t route)
{
    const struct platform_msi message = platform_msi_message(p, route);
    platform_sim_msi(p, message.address, message.data);
}

uint32_t platform_interrupts(struct platform *p)
{
    uint32_t taken = 0;
    for (uint32_t route = 0; route < SIM_ROUTES_MAX; route++)
        taken += p->msi_count[route];
    return taken;
}

uint64_t platform_now_ns(struct platform *p)
{
    return p->now_ns;
}

void platform_relax(struct platform *p)
{
    uint32_t steps = 0;
    p->now_ns += p->turn_ns;
    if (p->hooks.turn)
        steps = p->hooks.turn(p->hooks.ctx, p->now_ns);
    trace_call(p, TRACE_TURN, p->now_ns, steps);
}

bool platform_entropy(struct platform *p, void *buffer, size_t bytes)
{
    if (p->hooks.entropy)
        p->hooks.entropy(p->hooks.ctx, buffer, bytes);
    else
        memset(buffer, 0, bytes);
    platform_sim_trace(p, TRACE_ENTROPY, buffer, bytes);
    return true;
}

void platform_console_write(struct platform *p, enum platform_console port, const char *text, size_t bytes)
{
    platform_sim_trace(p, TRACE_CONSOLE, text, bytes);
    if (p->hooks.console)
        p->hooks.console(p->hooks.ctx, port, text, bytes);
}

size_t platform_console_read(struct platform *p, enum platform_console port, char *buffer, size_t bytes)
{
    const size_t got = p->hooks.console_read ? p->hooks.console_read(p->hooks.ctx, port, buffer, bytes) : 0;
    if (got > 0)
        platform_sim_trace(p, TRACE_CONSOLE_READ, buffer, got);
    return got;
}

int platform_end_requested(struct platform *p)
{
    return p->hooks.end_requested ? p->hooks.end_requested(p->hooks.ctx) : 0;
}

const char *platform_name(const struct platform *p)
{
    (void)p;
    return "sim";
}
