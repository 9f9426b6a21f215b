/* SPDX-License-Identifier: BSD-2-Clause */
/* The measuring program among its own files. */
#ifndef CAPOS_SIM_BENCH_PROGRAMS_BENCH_H
#define CAPOS_SIM_BENCH_PROGRAMS_BENCH_H

#include "abi/nic.h"
#include "user/frames/frame.h"
#include "user/rt/rt.h"

struct bench {
    struct rt *rt;
    cap_id nic, echo, spawner, supervisor;
    uint64_t child; /* number of the program that does nothing, in the boot package */
    uint64_t driver; /* number of the driver's service */
    struct rt_memory input, request, memory; /* what was typed, what a start is asked with, the Nic's share */
    struct nic_share *share;
    uint32_t tx_tail, rx_head; /* own */
    struct frame_addresses addresses;
};

/* network.c. False: the driver or the network did not do what it should. */
bool network_attach(struct bench *b);
/* `count` times an ARP request to the gateway and its answer, one after the other. */
bool network_trips(struct bench *b, uint32_t count, uint32_t batch);
/* `count` frames of 60 bytes, `batch` of them given with one NIC_KICK; back when all are the device's. */
bool network_send(struct bench *b, uint32_t count, uint32_t batch);
/* Takes frames, as many as there are, `count` in all and after the first: `begins` is said when that came. */
bool network_receive(struct bench *b, uint32_t count, uint32_t batch);

/* main.c: says that what is measured begins now. */
void bench_begins(struct bench *b);

#endif
