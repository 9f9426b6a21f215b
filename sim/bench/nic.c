/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/bench/nic.h"

#include <stdlib.h>
#include <string.h>

#define POOL_PAGES 512u
#define START_TURNS_MAX 1000u

static struct sim_world_config world_config(const struct bench_nic_config *config)
{
    struct sim_world_config c = sim_world_defaults(config->transport);
    c.ledger = config->checked;
    c.traced = false;
    c.bridge_chipset = false;
    c.nics[0].backend = config->backend;
    c.nics[0].model.monitors = config->checked;
    c.nics[0].model.in_order = true;
    return c;
}

static const char *open_provider(struct bench_nic *n)
{
    struct kernel_direct_memory memory;
    kernel_init(n->kernel, &n->world.platform);
    kernel_scan(n->kernel);
    const struct pci_function_info *info = kernel_function_info(n->kernel, 0);
    if (!info)
        return "no function was found";
    n->info = *info;
    if (!device_reply_ok(kernel_direct_claim(n->kernel, info->bdf, &n->direct)) ||
        !device_reply_ok(kernel_direct_pages(n->kernel, info->bdf, POOL_PAGES, &memory)))
        return "the function or its pages could not be had";
    struct vnet_env env = {
        .info = &n->info,
        .registers =
            registers_direct_init(&n->registers, &n->world.platform, info->bdf, n->direct.bar_address, false),
        .author = author_direct_init(
            &n->author, &n->registers,
            (struct direct_memory){memory.cpu, memory.bus, (size_t)memory.pages * DMA_PAGE_BYTES}),
        .arena = n->arena,
        .arena_bytes = vnet_arena_bytes(),
        .rx_slots = BENCH_SLOTS,
        .tx_slots = BENCH_SLOTS,
    };
    if (vnet_open(&n->nic, &env) != PROVIDER_OK)
        return "the provider could not be opened";
    for (uint32_t i = 0; i < START_TURNS_MAX; i++) {
        platform_relax(&n->world.platform);
        if (vnet_poll(&n->nic, platform_now_ns(&n->world.platform), 64) == VNET_RUNNING)
            return NULL;
    }
    return "the provider did not start";
}

const char *bench_nic_open(struct bench_nic *n, const struct bench_nic_config *config)
{
    struct sim_world_config world = world_config(config);
    memset(n, 0, sizeof *n);
    const char *why = sim_world_open(&n->world, &world);
    if (why)
        return why;
    n->kernel = calloc(1, sizeof *n->kernel);
    n->arena = aligned_alloc(64, (vnet_arena_bytes() + 63u) & ~(size_t)63u);
    why = n->kernel && n->arena ? open_provider(n) : "no memory";
    if (why)
        bench_nic_close(n);
    return why;
}

void bench_nic_close(struct bench_nic *n)
{
    sim_world_close(&n->world);
    free(n->kernel);
    free(n->arena);
    memset(n, 0, sizeof *n);
}
