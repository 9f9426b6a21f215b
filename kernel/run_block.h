/* SPDX-License-Identifier: BSD-2-Clause */
/* The run block of a disk image (abi/disk.h): checked whole before a byte of it is used. Pure: no I/O. */
#ifndef CAPOS_KERNEL_RUN_BLOCK_H
#define CAPOS_KERNEL_RUN_BLOCK_H

#include <stddef.h>
#include <stdint.h>

#include "abi/disk.h"

enum run_block_error {
    RUN_BLOCK_OK = 0,
    RUN_BLOCK_E_MAGIC,
    RUN_BLOCK_E_VERSION,
    RUN_BLOCK_E_LENGTH, /* of the text: none, or more than there is room for */
    RUN_BLOCK_E_PADDING, /* a byte behind the text, or the reserved word, is not zero */
    RUN_BLOCK_E_HASH,
    RUN_BLOCK_E_COUNT
};

/* A boot line, not NUL-terminated; it lies in the block. bytes 0: no run was written into it. */
struct run_block_text {
    const char *at;
    size_t bytes;
};

/* `block`: RUN_BLOCK_BYTES. `out` is set on success alone. */
enum run_block_error run_block_read(const uint8_t *block, struct run_block_text *out);
const char *run_block_error_name(enum run_block_error error);

#endif
