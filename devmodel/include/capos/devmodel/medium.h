/* SPDX-License-Identifier: BSD-2-Clause */
/* What is on a disk: bytes that can be read. */
#ifndef CAPOS_DEVMODEL_MEDIUM_H
#define CAPOS_DEVMODEL_MEDIUM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct dm_medium {
    uint64_t bytes; /* its size; 0: none */
    /* Writes bytes [offset, offset + bytes) of it, all inside, to `out`. False: it cannot be read there. */
    bool (*read)(void *ctx, uint64_t offset, void *out, uint32_t bytes);
    void *ctx;
};

#ifdef __cplusplus
}
#endif
#endif
