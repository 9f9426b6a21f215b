/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kinds of disk differ by in world `disk`: opening, arming and judging. A life itself is one for all
 * (disk_world.c), over struct disk. */
#ifndef CAPOS_EXPLORE_DISK_KIND_H
#define CAPOS_EXPLORE_DISK_KIND_H

#include "kernel/kernel.h"
#include "provider/brokered.h"
#include "provider/nvme.h"
#include "provider/virtio_scsi.h"
#include "sim/explore/disk_world.h"

#define DISK_DISTURBED_MAX 2u
#define DISK_WORLD_SLOTS   2u /* of each provider */

struct disk_kind;

struct disk_life {
    struct disk_world *d;
    const struct disk_kind *kind;
    struct owner *owner;
    struct kernel_binding binding;
    struct device_authority authority;
    cap_id device;
    struct registers_brokered registers;
    struct author_brokered author;
    union {
        struct virtio_scsi scsi;
        struct nvme nvme;
    } driver;
    struct disk disk;
    uint32_t turns;
    uint32_t what[DISK_DISTURBED_MAX], when[DISK_DISTURBED_MAX];
    uint32_t told; /* the kind's: what the model forgets when the same lie is armed once more */
    bool stall, stop;
};

/* A lie is an index into the kind's own list. */
struct disk_kind {
    uint32_t pool_pages;
    uint32_t lies;
    /* Sizes of the device, so that lives stay short. */
    void (*configure)(struct sim_disk_config *c);
    /* On success life->disk is set. */
    enum provider_error (*open)(struct disk_life *l, const struct pci_function_info *info, cap_id pool);
    enum disk_state (*state)(const struct disk_life *l);
    enum provider_error (*close)(struct disk_life *l);
    void (*arm)(struct disk_life *l, uint32_t lie); /* once, from now on */
    bool (*is_of_opening)(uint32_t lie); /* nothing asks for it again once the disk is open */
    void (*fail)(struct disk_life *l); /* it says that it is broken, and wants a reset */
    void (*reset_itself)(struct disk_life *l);
    /* A lie about what a read brings that no provider could see through was told. */
    bool (*brings_other_bytes)(const struct disk_life *l);
    bool failing_is_no_end; /* fail() in the middle of a reset keeps it from being confirmed */
    /* This lie keeps a reset from being confirmed in time; after any other one a life ends in order. */
    bool (*withholds_reset)(uint32_t lie);
    /* It said that it would never confirm a reset, by a lie told in this life. */
    bool (*never_resets)(const struct disk_life *l);
    /* The rule that the driver broke by the watch of the model, or NULL. */
    const char *(*broken)(const struct disk_life *l);
};

extern const struct disk_kind disk_kind_scsi, disk_kind_nvme;

#endif
