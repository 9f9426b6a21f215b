/* SPDX-License-Identifier: BSD-2-Clause */
/* ARP pairs a second: through provider, device model and libslirp, against the same request injected straight
 * into libslirp. The three are measured in turns, so that a slow moment of the machine slows all of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "user/frames/frame.h"
#include "sim/bench/bench.h"
#include "sim/host_clock.h"
#include "sim/bench/nic.h"

#define BLOCKS 60u
#define PAIRS_A_BLOCK 2000u
#define TURNS_MAX 1000u

static const struct frame_addresses addresses = {
    .our_mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56}, .our_ip = {10, 0, 2, 15}, .peer_ip = {10, 0, 2, 2}};

static bool count_reply(void *ctx, const uint8_t *frame, size_t bytes)
{
    uint64_t *replies = ctx;
    *replies += frame_parse(frame, bytes, &addresses, 0).kind == FRAME_ARP_REPLY;
    return true;
}

/* ns a pair, or 0 when an answer was missing. */
static double direct_block(struct dm_backend *slirp, uint64_t *now_ns)
{
    uint8_t request[FRAME_ECHO_BYTES];
    uint64_t replies = 0;
    uint16_t bytes = frame_arp_request(request, &addresses);
    uint64_t start = host_clock_ns();
    for (uint32_t i = 0; i < PAIRS_A_BLOCK; i++) {
        slirp->ops->send(slirp, request, bytes);
        slirp->ops->poll(slirp, *now_ns += 1000, 4, count_reply, &replies);
    }
    uint64_t end = host_clock_ns();
    return replies == PAIRS_A_BLOCK ? (double)(end - start) / PAIRS_A_BLOCK : 0;
}

static bool one_pair(struct bench_nic *n)
{
    uint16_t slot;
    struct nic_rx_frame frame;
    if (vnet_tx_take(&n->nic, &slot, 1) == 0)
        return false;
    struct nic_tx_frame request = {.slot = slot};
    request.length = frame_arp_request(vnet_tx_data(&n->nic, slot), &addresses);
    if (vnet_send(&n->nic, &request, 1) != 1)
        return false;
    for (uint32_t turn = 0; turn < TURNS_MAX; turn++) {
        platform_relax(&n->world.platform);
        vnet_poll(&n->nic, platform_now_ns(&n->world.platform), 8);
        if (vnet_receive(&n->nic, &frame, 1) == 0)
            continue;
        bool right = frame_parse(frame.data, frame.length, &addresses, 0).kind == FRAME_ARP_REPLY;
        vnet_recycle(&n->nic, &frame.slot, 1);
        return right;
    }
    return false;
}

static double provider_block(struct bench_nic *n)
{
    uint32_t right = 0;
    uint64_t start = host_clock_ns();
    for (uint32_t i = 0; i < PAIRS_A_BLOCK; i++)
        right += one_pair(n);
    uint64_t end = host_clock_ns();
    return right == PAIRS_A_BLOCK ? (double)(end - start) / PAIRS_A_BLOCK : 0;
}

struct blocks {
    double direct[BLOCKS], checked[BLOCKS], plain[BLOCKS];
    double ratio_checked[BLOCKS], ratio_plain[BLOCKS];
};

static bool run_blocks(struct bench_nic *checked, struct bench_nic *plain, struct dm_backend *slirp,
                       struct blocks *s, uint32_t count)
{
    uint64_t now_ns = 0;
    for (uint32_t i = 0; i < count; i++) {
        s->direct[i] = direct_block(slirp, &now_ns);
        s->checked[i] = provider_block(checked);
        s->plain[i] = provider_block(plain);
        if (s->direct[i] <= 0 || s->checked[i] <= 0 || s->plain[i] <= 0)
            return false;
        s->ratio_checked[i] = s->checked[i] / s->direct[i];
        s->ratio_plain[i] = s->plain[i] / s->direct[i];
    }
    return true;
}

static void add_ratio(struct bench *b, const char *name, double got, double ask)
{
    struct bench_row *row = bench_add(b, name, "times direct", got);
    row->asked = ask;
    row->lower_is_better = true;
    row->limit = "two ring passes, two device turns and two bells a pair";
}

static void add_rows(struct bench *b, struct blocks *s, uint32_t count)
{
    bench_add(b, "ARP pair, injected into libslirp", "ns/pair", bench_median(s->direct, count));
    bench_add(b, "ARP pair, provider + devmodel, ledger and monitors", "ns/pair",
              bench_median(s->checked, count));
    bench_add(b, "ARP pair, provider + devmodel, without", "ns/pair", bench_median(s->plain, count));
    add_ratio(b, "ARP pair against direct, ledger and monitors", bench_median(s->ratio_checked, count), 10);
    add_ratio(b, "ARP pair against direct, without", bench_median(s->ratio_plain, count), 5);
}

bool bench_pairs(struct bench *b)
{
    const struct bench_nic_config with = {DM_MODERN, SIM_BACKEND_SLIRP, true};
    const struct bench_nic_config without = {DM_MODERN, SIM_BACKEND_SLIRP, false};
    const struct dm_slirp_config defaults = dm_slirp_defaults();
    uint32_t count = b->quick ? BLOCKS / 10 : BLOCKS;
    struct bench_nic *nics = calloc(2, sizeof *nics);
    struct blocks *s = calloc(1, sizeof *s);
    struct dm_backend *slirp = dm_slirp_create(&defaults);
    const char *why = nics && s && slirp ? bench_nic_open(&nics[0], &with) : "no memory, or no libslirp";
    bool first = why == NULL;
    if (first)
        why = bench_nic_open(&nics[1], &without);
    bool whole = why == NULL && run_blocks(&nics[0], &nics[1], slirp, s, count);
    if (whole)
        add_rows(b, s, count);
    else
        fprintf(stderr, "capos bench: %s\n", why ? why : "an ARP answer was missing");
    if (first && why == NULL)
        bench_nic_close(&nics[1]);
    if (first)
        bench_nic_close(&nics[0]);
    if (slirp)
        dm_backend_destroy(slirp);
    free(s);
    free(nics);
    return whole;
}
