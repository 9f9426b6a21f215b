/* SPDX-License-Identifier: BSD-2-Clause */
/* The trace hash: every platform call in order, one multiplication each. Not for security: it tells two runs
 * apart. */
#ifndef CAPOS_PLATFORM_SIM_TRACE_H
#define CAPOS_PLATFORM_SIM_TRACE_H

#include "platform/sim/platform_sim.h"

enum trace_kind {
    TRACE_PCI_READ = 1,
    TRACE_PCI_WRITE,
    TRACE_MMIO_READ,
    TRACE_MMIO_WRITE,
    TRACE_PORT_READ,
    TRACE_PORT_WRITE,
    TRACE_DMA_MAP,
    TRACE_DMA_UNMAP,
    TRACE_MSI,
    TRACE_TURN,
    TRACE_ENTROPY,
    TRACE_CONSOLE,
    TRACE_FRAME,
    TRACE_CHOICE,
    TRACE_HANDOVER, /* buffers handed to the device, or back */
    TRACE_CONSOLE_READ
};

#define TRACE_START 0x6361706f73747263ull

static inline uint64_t trace_mix(uint64_t hash, uint64_t value)
{
    hash = (hash ^ value) * 0x9e3779b97f4a7c15ull;
    return hash ^ (hash >> 29);
}

static inline void trace_call(struct platform *p, enum trace_kind kind, uint64_t where, uint64_t value)
{
    if (!p->traced)
        return;
    p->trace = trace_mix(trace_mix(p->trace, where), value ^ ((uint64_t)kind << 56));
    p->trace_calls++;
}

#endif
