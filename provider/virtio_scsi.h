/* SPDX-License-Identifier: BSD-2-Clause */
/* A polled virtio SCSI host provider (virtio 1.2, 5.6): one request queue, one disk, reads alone. The control
 * and event queues stay unused, as a driver may leave them. The caller owns the struct, the arena and the
 * pace. Trusts nothing that the device says. */
#ifndef CAPOS_PROVIDER_VIRTIO_SCSI_H
#define CAPOS_PROVIDER_VIRTIO_SCSI_H

#include "provider/disk.h"
#include "provider/format/scsi.h"
#include "provider/transport.h"
#include "provider/virtq.h"

#define VSCSI_QUEUE_REQUESTS  2u /* 5.6.2 */
#define VSCSI_CHAIN           3u /* request, response, data: a descriptor each (5.6.6) */
#define VSCSI_TARGETS_MAX     8u /* that are asked; a boot disk of Compute Engine is target 1 */
#define VSCSI_SLOT_BYTES_MIN  4096u
#define VSCSI_SLOT_BYTES_MAX  (256u << 10) /* 512 blocks of 512 bytes: what Compute Engine takes at once */
#define VSCSI_REQUEST_STRIDE  64u
#define VSCSI_RESPONSE_STRIDE 128u
#define VSCSI_HEALTH_POLLS    1024u /* polls between two reads of the device status: a power of two */

struct vscsi_env {
    const struct pci_function_info *info;
    struct registers registers;
    struct author author;
    void *arena; /* vscsi_arena_bytes(); stays the caller's */
    size_t arena_bytes;
    uint16_t slots; /* reads under way at most: 1 to DISK_SLOTS_MAX, as the queue takes */
    uint32_t slot_bytes; /* of one read: VSCSI_SLOT_BYTES_MIN to _MAX, whole pages */
    uint64_t reset_timeout_ns; /* 0: only the poll bound counts */
};

enum vscsi_step {
    VSCSI_STEP_ACKNOWLEDGE = 0,
    VSCSI_STEP_FEATURES,
    VSCSI_STEP_CONFIG,
    VSCSI_STEP_DMA,
    VSCSI_STEP_QUEUE,
    VSCSI_STEP_BUFFERS,
    VSCSI_STEP_DRIVER_OK,
    VSCSI_STEP_INQUIRY, /* from here on a command each, asked again as long as it is put off */
    VSCSI_STEP_UNIT_READY,
    VSCSI_STEP_CAPACITY_10,
    VSCSI_STEP_CAPACITY_16,
    VSCSI_STEP_COUNT
};

enum vscsi_slot_state { VSCSI_SLOT_FREE = 0, VSCSI_SLOT_POSTED, VSCSI_SLOT_LENT };

struct vscsi_slot {
    uint8_t state; /* enum vscsi_slot_state: in exactly one (P1) */
    uint32_t cookie;
    uint32_t asked; /* bytes of data */
};

/* Public so that a caller can place it. Fields are the provider's to change. */
struct virtio_scsi {
    enum disk_state state;
    enum provider_error error;
    const struct transport_ops *transport;
    struct vscsi_env env;
    struct virtio_probe probe;
    uint64_t features_offered, features_accepted;
    uint8_t status; /* private copy of the status bits that were set */
    uint8_t step; /* enum vscsi_step, while STARTING */
    bool asking; /* a command of STARTING is under way */
    uint8_t again; /* times that it was put off */
    uint8_t target, targets; /* asked now, and how many there may be */
    uint16_t rejected_queue_size;
    uint32_t max_sectors; /* of one command, in 512-byte sectors; 0: the device says no bound */
    uint32_t polls, reset_polls;
    uint64_t reset_deadline_ns;
    uint64_t next_id; /* command tags: never the same twice */
    struct virtq requests;
    struct provider_buffer request_buffer, response_buffer, data_buffer;
    struct vscsi_slot slot[DISK_SLOTS_MAX];
    struct disk_identity identity;
    struct disk_counters counters;
};

size_t vscsi_arena_bytes(void);
/* `s` is all zero or closed. On failure nothing is held. PROVIDER_E_NOT_VIRTIO: no SCSI host. */
enum provider_error vscsi_open(struct virtio_scsi *s, const struct vscsi_env *env);
struct disk vscsi_disk(struct virtio_scsi *s);
/* PROVIDER_E_STATE: not stopped. */
enum provider_error vscsi_close(struct virtio_scsi *s);

/* Between its files. */
/* Does the next step of STARTING. */
void vscsi_start_step(struct virtio_scsi *s);
/* A command in `slot`, which is free: false, and the teardown has begun, when the author refused. */
bool vscsi_command(struct virtio_scsi *s, uint16_t slot, const uint8_t *cdb, uint32_t asked);
/* The next completion; false: none, or the queue broke and the teardown has begun. */
bool vscsi_completion(struct virtio_scsi *s, uint16_t *slot, struct scsi_reply *reply);
void vscsi_teardown_begin(struct virtio_scsi *s, enum provider_error error);
void vscsi_teardown_step(struct virtio_scsi *s, uint64_t now_ns);
bool vscsi_reset_wait(struct virtio_scsi *s, uint64_t now_ns, bool *done);

#endif
