/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's machine: platform.h over devmodel. One struct a world; nothing is shared between worlds.
 * Every call adds to a trace hash, so that two runs can be compared; virtual time moves only in
 * platform_relax. */
#ifndef CAPOS_PLATFORM_SIM_H
#define CAPOS_PLATFORM_SIM_H

#include <stdbool.h>

#include "capos/devmodel/memory.h"
#include "capos/devmodel/pci.h"
#include "platform/platform.h"

#define SIM_ROUTES_MAX 64u
/* Message address of the first route's vector, as an x86 local APIC has it (Intel SDM 3A, 11.11.1). */
#define SIM_MSI_ADDRESS 0xfee00000ull
#define SIM_MSI_VECTOR_FIRST 0x40u

/* The world around the machine. Members may be NULL. */
struct platform_sim_hooks {
    void *ctx;
    /* One turn of devices and backends at `now_ns`; from platform_relax. Returns steps done, 0: quiet. */
    uint32_t (*turn)(void *ctx, uint64_t now_ns);
    void (*console)(void *ctx, enum platform_console port, const char *text, size_t bytes);
    /* As platform_console_read. NULL: nobody types. What it returns is part of the run's trace. */
    size_t (*console_read)(void *ctx, enum platform_console port, char *buffer, size_t bytes);
    /* Fills with the run's generator. NULL: zeroes. */
    void (*entropy)(void *ctx, void *buffer, size_t bytes);
    int (*end_requested)(void *ctx);
};

struct platform {
    struct dm_memory *memory;
    struct dm_bus *bus;
    struct platform_sim_hooks hooks;
    struct platform_memory_region programs; /* none until platform_sim_memory_open */
    uint64_t now_ns;
    uint64_t turn_ns;         /* how far a relax moves the clock */
    bool traced;
    uint64_t trace;           /* rolling hash of every call */
    uint64_t trace_calls;
    uint32_t msi_count[SIM_ROUTES_MAX];
    uint32_t msi_stray;       /* messages to no route of ours */
};

/* Memory and bus stay the caller's and outlive the platform. Time starts at 0, the trace at its fixed start.
 */
void platform_sim_init(struct platform *p, struct dm_memory *memory, struct dm_bus *bus,
                       const struct platform_sim_hooks *hooks);
/* Zeroed host memory of `bytes`, whole pages, as the region of programs. False with errno: none to be had. It
 * goes with platform_sim_memory_close, which may be called without. */
bool platform_sim_memory_open(struct platform *p, size_t bytes);
void platform_sim_memory_close(struct platform *p);
/* For dm_bus_config.msi with the platform as context. */
void platform_sim_msi(void *platform, uint64_t address, uint32_t data);
/* Adds `bytes` of anything else that belongs to the run (frames, choices) to the trace. */
void platform_sim_trace(struct platform *p, uint32_t kind, const void *data, size_t bytes);

#endif
