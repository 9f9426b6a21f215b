/* SPDX-License-Identifier: BSD-2-Clause */
/* Entry of the kernel, the same in every world: a world makes the platform, finds storage and the command
 * line, calls. */
#ifndef CAPOS_KERNEL_MAIN_H
#define CAPOS_KERNEL_MAIN_H

#include "abi/bootparams.h"
#include "evidence/console.h"
#include "evidence/emit.h"
#include "kernel/core/processor.h"
#include "kernel/kernel.h"
#include "kernel/userland.h"
#include "platform/platform.h"

/* Everything that the kernel owns. The caller places it; it need not be zeroed. */
struct kernel_storage {
    struct kernel kernel;
    struct evidence evidence;
    struct boot_params params;
    struct console console;
    struct package package;
    struct userland userland;
    uint64_t asked; /* markers that programs asked for, a bit each, whatever came of it */
    bool reboot; /* a holder of a Power asked for it: the world begins anew after the end */
};

struct kernel_boot {
    struct platform *platform;
    const char *command_line; /* boot parameters; not NUL-terminated */
    size_t command_line_bytes;
    const uint8_t *run_block; /* RUN_BLOCK_BYTES of an image, unchecked, whose boot line is in the place of
                                 an empty command line; NULL: there is none */
    bool line_open; /* firmware or a loader wrote on the first two serial ports, and may have left its lines
                       unfinished: the landmark is a line of its own, on both */
    const uint8_t *package; /* the boot package, unchecked, page-aligned and read-only; NULL: there is
                               none, which is a claim that fails */
    size_t package_bytes;
    const struct processor *processor; /* what runs programs */
};

/* inventory.c: the scan record as evidence. */
struct kernel_nics {
    uint32_t count; /* Ethernet controllers */
    bool first_has_vectors; /* the first of them has MSI-X */
};
struct kernel_nics kernel_inventory(struct kernel_storage *k);

/* Runs from the landmark to the end marker. 0: every claim held; 1: one failed (it was printed); 4: the
 * command line or the package was refused. Nothing of a device is left granted or running in any case. */
int kernel_main(struct kernel_storage *k, const struct kernel_boot *boot);

#endif
