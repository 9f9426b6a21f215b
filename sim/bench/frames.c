/* SPDX-License-Identifier: BSD-2-Clause */
/* Cost of a frame: driver side alone, and with the device model's side, by direction, size and burst.
 * Transmit: slots taken, sent, reaped. Receive: frames taken with full validation, slots given back. The
 * frame's bytes are not written or read by the caller, as in DPDK's comparison; the device model copies them
 * once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/bench/bench.h"
#include "sim/bench/nic.h"

#define ROUNDS 20000u
#define WARM_UP 500u
#define BURST_MAX 32u

struct cost {
    double driver; /* cycles a frame */
    double all_in;
};

struct samples {
    double *driver;
    double *all_in;
};

static double per_frame(const struct bench *b, uint64_t cycles, uint16_t burst)
{
    return (double)(cycles > b->tsc_overhead ? cycles - b->tsc_overhead : 0) / burst;
}

static bool transmit_round(const struct bench *b, struct bench_nic *n, uint16_t burst, uint16_t bytes,
                           struct cost *out)
{
    uint16_t slots[BURST_MAX];
    struct nic_tx_frame frames[BURST_MAX];
    uint64_t start = bench_tsc();
    vnet_poll(&n->nic, 0, BURST_MAX);
    uint16_t got = vnet_tx_take(&n->nic, slots, burst);
    for (uint16_t i = 0; i < got; i++)
        frames[i] = (struct nic_tx_frame){.slot = slots[i], .length = bytes};
    uint16_t sent = vnet_send(&n->nic, frames, got);
    uint64_t driver = bench_tsc();
    dm_net_step(n->world.nets[0], 0, BURST_MAX);
    uint64_t end = bench_tsc();
    *out = (struct cost){per_frame(b, driver - start, burst), per_frame(b, end - start, burst)};
    return sent == burst;
}

static bool receive_round(const struct bench *b, struct bench_nic *n, uint16_t burst, const uint8_t *frame,
                          uint16_t bytes, struct cost *out)
{
    struct nic_rx_frame frames[BURST_MAX];
    uint16_t slots[BURST_MAX];
    uint64_t start = bench_tsc();
    for (uint16_t i = 0; i < burst; i++)
        dm_net_deliver(n->world.nets[0], frame, bytes);
    dm_net_step(n->world.nets[0], 0, BURST_MAX);
    uint64_t device = bench_tsc();
    uint16_t got = vnet_receive(&n->nic, frames, burst);
    for (uint16_t i = 0; i < got; i++)
        slots[i] = frames[i].slot;
    vnet_recycle(&n->nic, slots, got);
    uint64_t end = bench_tsc();
    *out = (struct cost){per_frame(b, end - device, burst), per_frame(b, end - start, burst)};
    return got == burst;
}

static bool measure(const struct bench *b, struct bench_nic *n, bool transmit, uint16_t burst, uint16_t bytes,
                    struct samples s, struct cost *median)
{
    static const uint8_t frame[NIC_FRAME_BYTES_MAX] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
    uint32_t rounds = b->quick ? ROUNDS / 10 : ROUNDS;
    uint32_t failed = 0;
    for (uint32_t i = 0; i < WARM_UP + rounds; i++) {
        struct cost c;
        bool whole =
            transmit ? transmit_round(b, n, burst, bytes, &c) : receive_round(b, n, burst, frame, bytes, &c);
        failed += !whole;
        if (i < WARM_UP)
            continue;
        s.driver[i - WARM_UP] = c.driver;
        s.all_in[i - WARM_UP] = c.all_in;
    }
    *median = (struct cost){bench_median(s.driver, rounds), bench_median(s.all_in, rounds)};
    if (failed)
        fprintf(stderr, "capos bench: %u of %u bursts were not taken whole\n", failed, WARM_UP + rounds);
    return failed == 0;
}

/* DPDK 22.11, virtio driver over its vhost, split ring, 64 bytes, burst 32, in TSC cycles: what was asked. */
static void asked(bool transmit, uint16_t burst, uint16_t bytes, double *driver, double *all_in)
{
    bool compared = burst == 32 && bytes == 64;
    *driver = compared ? (transmit ? 71 : 43) : 0;
    *all_in = compared ? (transmit ? 184 : 133) : 0;
}

static void add_rows(struct bench *b, enum dm_transport transport, bool transmit, uint16_t burst,
                     uint16_t bytes, struct cost median)
{
    double ask[2];
    const double cycles[2] = {median.driver, median.all_in};
    static const char *const sides[2] = {"driver side", "all-in"};
    asked(transmit, burst, bytes, &ask[0], &ask[1]);
    for (unsigned i = 0; i < 2; i++) {
        char name[72];
        snprintf(name, sizeof name, "%s %s %4u B, burst %2u, %s",
                 transport == DM_LEGACY ? "legacy" : "modern", transmit ? "TX" : "RX", bytes, burst,
                 sides[i]);
        struct bench_row *row = bench_add(b, name, "cycles/frame", cycles[i]);
        row->cycles = cycles[i];
        row->asked = ask[i];
        row->lower_is_better = true;
        row->limit = ask[i] != 0 ? "validation of every element; two private records a frame" : NULL;
    }
}

static bool measure_transport(struct bench *b, enum dm_transport transport, struct samples s)
{
    static const uint16_t bursts[2] = {1, 32};
    static const uint16_t sizes[2] = {64, NIC_FRAME_BYTES_MAX};
    struct bench_nic *n = calloc(1, sizeof *n);
    const struct bench_nic_config config = {transport, SIM_BACKEND_NONE, false};
    const char *why = n ? bench_nic_open(n, &config) : "no memory";
    bool whole = why == NULL;
    if (why)
        fprintf(stderr, "capos bench: %s\n", why);
    for (unsigned i = 0; whole && i < 8; i++) {
        bool transmit = i < 4;
        uint16_t burst = bursts[i & 1];
        uint16_t bytes = sizes[(i >> 1) & 1];
        struct cost median;
        whole = measure(b, n, transmit, burst, bytes, s, &median);
        add_rows(b, transport, transmit, burst, bytes, median);
    }
    if (why == NULL)
        bench_nic_close(n);
    free(n);
    return whole;
}

bool bench_frames(struct bench *b)
{
    struct samples s = {malloc(ROUNDS * sizeof(double)), malloc(ROUNDS * sizeof(double))};
    bool whole =
        s.driver && s.all_in && measure_transport(b, DM_MODERN, s) && measure_transport(b, DM_LEGACY, s);
    free(s.driver);
    free(s.all_in);
    return whole;
}
