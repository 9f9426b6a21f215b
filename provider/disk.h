/* SPDX-License-Identifier: BSD-2-Clause */
/* A disk as its user sees it, whatever controller is before it: one read-only medium, blocks, reads that
 * complete. Polled: nothing blocks, sleeps, allocates or reads a clock; each call does a bounded amount.
 *
 * Life: open (of the driver) -> poll until READY or a final state -> read, take, give back, and poll -> stop
 * -> poll until STOPPED or QUARANTINED -> close (of the driver). Data of a read lies in a slot of the
 * driver's buffer: the caller's from take until give_back, the device's before, gone with stop. */
#ifndef CAPOS_PROVIDER_DISK_H
#define CAPOS_PROVIDER_DISK_H

#include <stdbool.h>
#include <stdint.h>

#include "provider/errors.h"

#define DISK_TEXT_BYTES      41u
#define DISK_SLOTS_MAX       32u
#define DISK_RESET_POLLS_MAX 1000u /* status reads, one a poll, before a reset counts as unconfirmed */
#define DISK_AGAIN_MAX       16u /* times that a command is asked again which the device put off */

enum disk_state {
    DISK_CLOSED = 0,
    DISK_RESETTING,
    DISK_STARTING, /* registers, queues, then who is there and how large */
    DISK_READY,
    DISK_STOPPING,
    DISK_STOPPED, /* reset confirmed; everything given back */
    DISK_QUARANTINED, /* reset not confirmed: what was the device's is the authority's to keep */
    DISK_STATE_COUNT
};

/* What the device says of itself: checked to be possible, not to be true. */
struct disk_identity {
    char text[DISK_TEXT_BYTES]; /* who made it, printable */
    uint32_t block_bytes; /* 512 to 4096, a power of two */
    uint64_t blocks;
    uint32_t unit; /* SCSI target, or NVMe namespace */
    uint32_t probed; /* units that were asked until one answered */
};

struct disk_done {
    uint32_t cookie; /* the caller's */
    enum provider_error error; /* PROVIDER_OK: `data` is `bytes` long; else there is none */
    const uint8_t *data;
    uint32_t bytes;
    uint16_t slot; /* to be given back either way */
};

struct disk_counters {
    uint64_t commands, reads, read_bytes;
    uint64_t put_off; /* answers that asked for patience */
    uint64_t failed; /* commands that the device did not do */
    uint64_t malformed; /* answers that contradict themselves, or what was asked */
    uint64_t faults; /* completions refused: the queue broke */
    uint64_t resets, needs_reset;
    uint64_t leftover; /* commands under way when it stopped */
};

struct disk_ops {
    const char *name; /* "virtio-scsi-legacy", "virtio-scsi-modern", "nvme" */
    enum disk_state (*poll)(void *ctx, uint64_t now_ns);
    /* Asks for `blocks` from `lba`, all of them on the disk, at most read_blocks_max(). PROVIDER_E_FULL: no
     * free slot; PROVIDER_E_RANGE; PROVIDER_E_STATE. */
    enum provider_error (*read)(void *ctx, uint64_t lba, uint32_t blocks, uint32_t cookie);
    /* Completions, at most `max`. */
    uint16_t (*take)(void *ctx, struct disk_done *out, uint16_t max);
    void (*give_back)(void *ctx, uint16_t slot);
    void (*stop)(void *ctx);
    const struct disk_identity *(*identity)(const void *ctx); /* while READY */
    uint32_t (*read_blocks_max)(const void *ctx); /* of one read, at least 1 while READY */
    enum provider_error (*error)(const void *ctx); /* the first reason of the last failure */
    const struct disk_counters *(*counters)(const void *ctx);
};

struct disk {
    const struct disk_ops *ops;
    void *ctx;
};

#endif
