/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole lives of a driver a second: a new world, scan, claim, provider up through capabilities, an ARP
 * request and its answer, provider down, the owner's end with everything as it was before. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "provider/brokered.h"
#include "provider/virtio_net.h"
#include "sim/bench/bench.h"
#include "sim/host_clock.h"
#include "sim/world.h"
#include "user/frames/frame.h"

#define LIVES      2000u
#define BLOCK      100u
#define POOL_PAGES 256u
#define RX_SLOTS   128u
#define TX_SLOTS   64u
#define BUDGET     64u /* completions a poll */
#define TURNS_MAX  100000u

struct life {
    struct sim_world world;
    struct kernel kernel;
    struct kernel_binding binding;
    struct device_authority authority;
    struct registers_brokered registers;
    struct author_brokered author;
    struct virtio_net nic;
    struct pci_function_info info;
    uint8_t *arena;
};

static bool poll_until(struct life *l, enum vnet_state wanted)
{
    for (uint32_t i = 0; i < TURNS_MAX; i++) {
        if (vnet_poll(&l->nic, platform_now_ns(&l->world.platform), BUDGET) == wanted)
            return true;
        platform_relax(&l->world.platform);
    }
    return false;
}

static bool up(struct life *l, struct owner *owner)
{
    const struct device_authority *a = &l->authority;
    l->authority = kernel_authority(&l->binding, &l->kernel, owner);
    const struct device_reply device = a->ops->claim(a->ctx, l->info.bdf);
    const struct device_reply pool = a->ops->pool_create(a->ctx, device.cap, POOL_PAGES);
    const struct vnet_env env = {
        .info = &l->info,
        .registers = registers_brokered_init(&l->registers, a, device.cap),
        .author = author_brokered_init(&l->author, a, pool.cap, &l->registers),
        .arena = l->arena,
        .arena_bytes = vnet_arena_bytes(),
        .rx_slots = RX_SLOTS,
        .tx_slots = TX_SLOTS,
    };

    return device_reply_ok(device) && device_reply_ok(pool) && vnet_open(&l->nic, &env) == PROVIDER_OK &&
           poll_until(l, VNET_RUNNING);
}

static bool exchange(struct life *l)
{
    struct frame_addresses addresses = {.our_ip = {10, 0, 2, 15}, .peer_ip = {10, 0, 2, 2}};
    struct nic_rx_frame frame;
    uint16_t slot;

    memcpy(addresses.our_mac, l->nic.mac, sizeof addresses.our_mac);
    if (vnet_tx_take(&l->nic, &slot, 1) != 1)
        return false;
    const struct nic_tx_frame request = {
        .slot = slot, .length = frame_arp_request(vnet_tx_data(&l->nic, slot), &addresses)};
    if (vnet_send(&l->nic, &request, 1) != 1)
        return false;
    for (uint32_t i = 0; i < TURNS_MAX; i++) {
        platform_relax(&l->world.platform);
        vnet_poll(&l->nic, platform_now_ns(&l->world.platform), BUDGET);
        if (vnet_receive(&l->nic, &frame, 1) == 0)
            continue;
        const bool right = frame_parse(frame.data, frame.length, &addresses, 0).kind == FRAME_ARP_REPLY;
        vnet_recycle(&l->nic, &frame.slot, 1);
        return right;
    }
    return false;
}

static bool down(struct life *l)
{
    vnet_stop(&l->nic);
    return poll_until(l, VNET_STOPPED) && vnet_close(&l->nic) == PROVIDER_OK;
}

static bool one_life(struct life *l, const struct sim_world_config *config)
{
    const struct budget_limits limits = budget_limits_generous();

    if (sim_world_open(&l->world, config) != NULL)
        return false;
    kernel_init(&l->kernel, &l->world.platform);
    kernel_scan(&l->kernel);
    const struct kernel_usage before = kernel_usage(&l->kernel);
    struct owner *owner = owner_create(&l->kernel, &limits);
    const struct pci_function_info *info = kernel_function_info(&l->kernel, 0);
    bool holds = owner != NULL && info != NULL;
    if (holds) {
        l->info = *info;
        holds = up(l, owner) && exchange(l) && down(l);
        owner_exit(&l->kernel, owner);
    }
    const struct kernel_usage after = kernel_usage(&l->kernel);
    holds = holds && memcmp(&before, &after, sizeof before) == 0 && sim_world_complaints(&l->world, -1) == 0;
    sim_world_close(&l->world);
    return holds;
}

static bool lives_of(struct bench *b, enum sim_backend_kind backend, const char *name, double ask)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);
    const struct dm_memory_config memory = {SIM_MEMORY_BYTES_DEFAULT, SIM_BUS_BASE, true};
    struct life *l = calloc(1, sizeof *l);
    uint32_t blocks = (b->quick ? LIVES / 10 : LIVES) / BLOCK;
    double samples[LIVES / BLOCK];
    config.memory = dm_memory_create(&memory);
    if (l)
        l->arena = aligned_alloc(64, (vnet_arena_bytes() + 63u) & ~(size_t)63u);
    bool whole = l && l->arena && config.memory;
    config.bridge_chipset = false;
    config.nics[0].backend = backend;
    config.traced = false;
    for (uint32_t i = 0; whole && i < blocks; i++) {
        uint64_t start = host_clock_ns();
        for (uint32_t j = 0; whole && j < BLOCK; j++)
            whole = one_life(l, &config);
        samples[i] = BLOCK * 1e9 / (double)(host_clock_ns() - start);
    }
    if (whole) {
        struct bench_row *row = bench_add(b, name, "lives/s", bench_median(samples, blocks));
        row->asked = ask;
        row->limit = "hashing of the audit chain; pages zeroed and scrubbed";
    } else {
        fprintf(stderr, "capos bench: a life did not hold\n");
    }
    if (config.memory)
        dm_memory_destroy(config.memory);
    if (l)
        free(l->arena);
    free(l);
    return whole;
}

bool bench_lives(struct bench *b)
{
    return lives_of(b, SIM_BACKEND_SCRIPT, "driver lives, scripted peer, ledger and monitors", 5000) &&
           lives_of(b, SIM_BACKEND_SLIRP, "driver lives, libslirp, ledger and monitors", 0);
}
