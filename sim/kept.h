/* SPDX-License-Identifier: BSD-2-Clause */
/* What a running system of programs holds, for who compares it before and after something that must leave
 * nothing behind. Reads the kernel's records, changes nothing. */
#ifndef CAPOS_SIM_KEPT_H
#define CAPOS_SIM_KEPT_H

#include "kernel/core/system.h"
#include "kernel/kernel.h"

/* u32 all of it: two of them compare with memcmp. Pages of the pool include those that a device may use. */
struct sim_kept {
    uint32_t processes, handles, memories, memory_pages, endpoints, clients, mappings, owners, caps, objects,
        claims, quarantined, registers, pools, buffers, queues, interrupts, dma_pages, promised, masters;
};

static inline struct sim_kept sim_kept_of(const struct system *system, const struct kernel *kernel)
{
    const struct system_held h = system_held(system);
    const struct kernel_usage u = kernel_usage(kernel);

    return (struct sim_kept){h.processes,      h.handles,         h.memories,
                             h.memory_pages,   h.endpoints,       h.clients,
                             h.mappings,       u.owners,          u.live_caps,
                             u.live_objects,   u.claimed_devices, u.quarantined_devices,
                             u.registers,      u.pools,           u.buffers,
                             u.queues,         u.interrupts,      u.pages_granted + u.pages_active,
                             u.pages_promised, u.bus_masters_on};
}

#endif
