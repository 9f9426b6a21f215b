/* SPDX-License-Identifier: BSD-2-Clause */
/* A provider over a model NIC with nothing else running: the direct author, frames by hand. */
#ifndef CAPOS_SIM_BENCH_NIC_H
#define CAPOS_SIM_BENCH_NIC_H

#include "kernel/kernel.h"
#include "provider/direct.h"
#include "provider/virtio_net.h"
#include "sim/world.h"

#define BENCH_SLOTS 128u

struct bench_nic {
    struct sim_world world;
    struct kernel *kernel;
    uint8_t *arena;
    struct kernel_direct direct;
    struct registers_direct registers;
    struct author_direct author;
    struct virtio_net nic;
    struct pci_function_info info;
};

struct bench_nic_config {
    enum dm_transport transport;
    enum sim_backend_kind backend;
    bool checked;   /* ledger and monitors on */
};

/* Running, or NULL text of what failed. */
const char *bench_nic_open(struct bench_nic *n, const struct bench_nic_config *config);
void bench_nic_close(struct bench_nic *n);

#endif
