/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and author through capabilities: the kernel checks each register access against the table and
 * writes every descriptor. The caller places both structs and keeps them until the provider is closed; it
 * holds the device and the pool, and gives them back itself. */
#ifndef CAPOS_PROVIDER_BROKERED_H
#define CAPOS_PROVIDER_BROKERED_H

#include "provider/seams.h"

struct registers_brokered {
    const struct device_authority *authority;
    cap_id device;
    cap_id registers; /* CAP_NONE until open */
    struct device_reply last; /* the last refusal, for the record */
    uint64_t refused;
};

/* `device`: a claimed Device. */
struct registers registers_brokered_init(struct registers_brokered *b,
                                         const struct device_authority *authority, cap_id device);

struct author_brokered {
    const struct device_authority *authority;
    struct registers_brokered *registers;
    cap_id pool;
    struct device_reply last;
    uint64_t refused;
    struct dma_publication batch[DMA_BATCH_MAX]; /* built here, not on a small stack */
};

/* `pool`: a DMAPool of the same device. */
struct author author_brokered_init(struct author_brokered *a, const struct device_authority *authority,
                                   cap_id pool, struct registers_brokered *registers);

/* A capability as a 64-bit handle, and back. */
static inline uint64_t brokered_pack(cap_id cap)
{
    return (uint64_t)cap.generation << 32 | cap.index;
}

static inline cap_id brokered_unpack(uint64_t handle)
{
    return (cap_id){(uint32_t)handle, (uint32_t)(handle >> 32)};
}

#endif
