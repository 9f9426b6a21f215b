/* SPDX-License-Identifier: BSD-2-Clause */
/* A machine whose devices are QEMU's: platform.h over a QEMU process whose CPU is parked. Ports, memory and
 * PCI configuration go through its qtest socket, DMA memory is guest RAM that both processes map. One struct
 * a machine; several live side by side. Nothing lies on disk: socket and RAM are inherited descriptors. When
 * QEMU dies or does not answer in time, every register reads as all ones and `failure` says why. */
#ifndef CAPOS_PLATFORM_QTEST_H
#define CAPOS_PLATFORM_QTEST_H

#include <stdbool.h>
#include <sys/types.h>

#include "platform/platform.h"

#define QTEST_MEMORY_BYTES  (64u << 20)
#define QTEST_DMA_BASE      (16u << 20) /* device address of the DMA region: guest-physical */
#define QTEST_DMA_BYTES     (16u << 20)
#define QTEST_ROUTES_MAX    64u
#define QTEST_ARGUMENTS_MAX 24u
#define QTEST_REPLY_BYTES   256u

struct platform_qtest_config {
    const char *qemu; /* program, looked up on PATH */
    const char *kernel; /* the parked CPU's program: park.elf of this build */
    const char *const *arguments; /* devices, for QEMU's command line; NULL-terminated */
    struct platform_memory_region programs; /* the caller's, whole pages, for what runs in this process */
};

struct platform {
    pid_t pid;
    int socket;
    uint8_t *memory; /* guest RAM from address 0 */
    struct platform_memory_region programs;
    char reply[QTEST_REPLY_BYTES]; /* received, not yet taken */
    size_t reply_bytes;
    uint64_t commands; /* sent so far */
    uint32_t msi_count[QTEST_ROUTES_MAX];
    const char *failure; /* constant text; NULL: alive */
};

/* Starts QEMU and waits until firmware has set up PCI and the CPU is parked. NULL on success, else one line
 * of constant text; nothing is then held. `p` must not move while it is open. */
const char *platform_qtest_open(struct platform *p, const struct platform_qtest_config *config);
/* Kills the process and waits for its end. Any state, also after a failure. */
void platform_qtest_close(struct platform *p);

#endif
