/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a capos disk holds what the kernel and its programs look for, and the run block that is written into
 * an image for one run. The image builder (door/image.py) and the tests read these values from here. */
#ifndef CAPOS_ABI_DISK_H
#define CAPOS_ABI_DISK_H

#include <stdint.h>

/* All places are in sectors of 512 bytes, whatever the disk's own block is; both are multiples of 4096 bytes.
 */
#define DISK_SECTOR_BYTES    512u
#define DISK_BYTES           (1ull << 30) /* of an image: whole GiB, as a cloud wants it */
#define DISK_CAPOS_SECTOR    102400u      /* third partition: raw, no file system */
#define DISK_CAPOS_SECTORS   32768u
#define DISK_RUN_SECTOR      DISK_CAPOS_SECTOR
#define DISK_PACKAGE_SECTOR  (DISK_CAPOS_SECTOR + RUN_BLOCK_BYTES / DISK_SECTOR_BYTES)

/* The run block. All zero: no run was written into this image, the defaults hold. Else the whole of it is
 * checked before a byte is used. Hashes of an image are taken with the block zeroed. */
#define RUN_BLOCK_BYTES      4096u
#define RUN_BLOCK_MAGIC      0x72706163u /* "capr" */
#define RUN_BLOCK_VERSION    1u
#define RUN_BLOCK_TEXT_BYTES (RUN_BLOCK_BYTES - 48u)

struct run_block {
    uint32_t magic;
    uint32_t version;
    uint32_t text_bytes; /* of `text`, without padding; zero bytes fill the rest */
    uint32_t reserved;   /* 0 */
    uint8_t hash[32];    /* SHA-256 of the block with this field zero */
    char text[RUN_BLOCK_TEXT_BYTES]; /* a boot line: abi/bootparams.h */
};
_Static_assert(sizeof(struct run_block) == RUN_BLOCK_BYTES, "ABI");

#endif
