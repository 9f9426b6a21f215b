/* SPDX-License-Identifier: BSD-2-Clause */
/* The disk's driver process, in a proof: what it may do over the function and what it may not, then one real
 * life: who is there, one block, the boot package as it lies on the disk, and the way down. Everything is
 * static or of the device's pool. Trusts nothing that the device says. */
#ifndef CAPOS_USER_DISKD_DISKD_H
#define CAPOS_USER_DISKD_DISKD_H

#include "provider/brokered.h"
#include "provider/nvme.h"
#include "provider/virtio_scsi.h"
#include "user/prove/prove.h"

#define DISKD_POOL_PAGES  192u /* a ring of 8192 entries, and the slots below */
#define DISKD_SLOTS       4u
#define DISKD_SLOT_BYTES  (64u << 10)
#define DISKD_TAKE        4u /* completions a turn */
#define DISKD_ARENA_BYTES (144u << 10)

enum diskd_exit {
    DISKD_EXIT_GRANT = 1, /* no sink, no memory */
    DISKD_EXIT_PROOF /* a claim did not hold, which was said */
};

struct diskd {
    struct prove prove;
    struct handles handles;
    struct device_authority authority; /* of handles.device, which records */
    cap_id device;
    struct pci_function_info info;
    struct registers_brokered registers;
    struct author_brokered author;
    union { /* the driver of the function that was granted */
        struct virtio_scsi scsi;
        struct nvme nvme;
    } driver;
    bool is_nvme;
    uint64_t leftover; /* commands that were under way when it stopped */
    struct disk disk; /* of the driver above; ops NULL: none is open */
    _Alignas(16) uint8_t arena[DISKD_ARENA_BYTES];
};

/* device.c. False: said why on the console. */
/* The first function of a disk that was granted; CAP_NONE: the machine has none. */
cap_id diskd_function(struct rt *rt);
bool diskd_prepare(struct diskd *d, cap_id function);
/* Claims the function anew, every handle recorded. */
bool diskd_claim(struct diskd *d);
/* Pool and provider, polled until the disk can be read. */
bool diskd_start(struct diskd *d);
/* Provider first: it stops, resets and gives its buffers back. False: the reset was not confirmed. */
bool diskd_stop(struct diskd *d);

/* bind.c: grants composed over the function and taken back; no register of it written. */
bool diskd_prove_bind(struct diskd *d);
/* read.c: one block, then the package that lies on the disk, if one does. */
bool diskd_prove_read(struct diskd *d);
bool diskd_prove_package(struct diskd *d);

#endif
