/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/rig.h"

#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "provider/format/virtio_ids.h"

#define FRAME_SEED_STEP 13u

struct rig_config rig_defaults(enum dm_transport transport, enum rig_author author)
{
    struct rig_config c = {.world = sim_world_defaults(transport), .author = author, .rx_slots = 16, .tx_slots = 16};
    c.world.nics[0].backend = SIM_BACKEND_LOOP;
    c.world.nics[0].model.queue_size[0] = 64;
    c.world.nics[0].model.queue_size[1] = 64;
    return c;
}

static void find_nic(struct rig *r)
{
    for (uint16_t i = 0; i < kernel_function_count(r->kernel); i++) {
        const struct pci_function_info *info = kernel_function_info(r->kernel, i);
        if (info->vendor != VIRTIO_PCI_VENDOR)
            continue;
        r->bdf = info->bdf;
        r->info = *info;
        return;
    }
    ASSERT(r->config.world.nic_count == 0);
}

void rig_open(struct rig *r, const struct rig_config *config)
{
    memset(r, 0, sizeof *r);
    r->config = *config;
    const char *why = sim_world_open(&r->world, &config->world);
    ASSERT(why == NULL);
    r->kernel = calloc(1, sizeof *r->kernel);
    r->arena = aligned_alloc(64, (vnet_arena_bytes() + 63u) & ~(size_t)63u);
    ASSERT(r->kernel && r->arena);
    kernel_init(r->kernel, &r->world.platform);
    kernel_scan(r->kernel);
    find_nic(r);
    r->before = kernel_usage(r->kernel);
}

static enum provider_error attach_brokered(struct rig *r, struct vnet_env *env)
{
    const struct budget_limits limits = budget_limits_generous();
    r->owner = owner_create(r->kernel, &limits);
    ASSERT(r->owner != NULL);
    r->authority = kernel_authority(&r->binding, r->kernel, r->owner);
    const struct device_authority *a = &r->authority;
    struct device_reply device = a->ops->claim(a->ctx, r->bdf);
    if (!device_reply_ok(device))
        return PROVIDER_E_REFUSED;
    r->claimed = true;
    r->device = device.cap;
    struct device_reply pool = a->ops->pool_create(a->ctx, device.cap, RIG_POOL_PAGES);
    if (!device_reply_ok(pool))
        return PROVIDER_E_REFUSED;
    r->pool = pool.cap;
    env->registers = registers_brokered_init(&r->registers_brokered, a, device.cap);
    env->author = author_brokered_init(&r->author_brokered, a, pool.cap, &r->registers_brokered);
    return PROVIDER_OK;
}

static enum provider_error attach_direct(struct rig *r, struct vnet_env *env)
{
    struct kernel_direct_memory memory;
    if (!device_reply_ok(kernel_direct_claim(r->kernel, r->bdf, &r->direct)))
        return PROVIDER_E_REFUSED;
    r->claimed = true;
    if (!device_reply_ok(kernel_direct_pages(r->kernel, r->bdf, RIG_POOL_PAGES, &memory)))
        return PROVIDER_E_REFUSED;
    env->registers = registers_direct_init(&r->registers_direct, &r->world.platform, r->bdf, r->direct.bar_address, false);
    env->author = author_direct_init(&r->author_direct, &r->registers_direct,
                                     (struct direct_memory){memory.cpu, memory.bus,
                                                            (size_t)memory.pages * DMA_PAGE_BYTES});
    return PROVIDER_OK;
}

enum provider_error rig_attach(struct rig *r)
{
    struct vnet_env env = {.info = &r->info,
                           .arena = r->arena,
                           .arena_bytes = vnet_arena_bytes(),
                           .rx_slots = r->config.rx_slots,
                           .tx_slots = r->config.tx_slots};
    enum provider_error error =
        r->config.author == RIG_BROKERED ? attach_brokered(r, &env) : attach_direct(r, &env);
    memset(&r->nic, 0, sizeof r->nic);
    return error == PROVIDER_OK ? vnet_open(&r->nic, &env) : error;
}

enum vnet_state rig_turn(struct rig *r)
{
    platform_relax(&r->world.platform);
    return vnet_poll(&r->nic, platform_now_ns(&r->world.platform), 64);
}

enum vnet_state rig_start(struct rig *r)
{
    for (uint32_t i = 0; i < RIG_TURNS_MAX; i++) {
        enum vnet_state state = rig_turn(r);
        if (state == VNET_RUNNING || state == VNET_STOPPED || state == VNET_QUARANTINED || state == VNET_CLOSED)
            break;
    }
    return r->nic.state;
}

static void fill(uint8_t *data, uint16_t length, uint8_t seed)
{
    for (uint16_t i = 0; i < length; i++)
        data[i] = (uint8_t)(seed + i * FRAME_SEED_STEP);
}

bool rig_send(struct rig *r, uint16_t length, uint8_t seed)
{
    uint16_t slot;
    if (vnet_tx_take(&r->nic, &slot, 1) == 0)
        return false;
    fill(vnet_tx_data(&r->nic, slot), length, seed);
    struct nic_tx_frame frame = {.slot = slot, .length = length};
    if (vnet_send(&r->nic, &frame, 1) == 1)
        return true;
    vnet_tx_return(&r->nic, &slot, 1);
    return false;
}

static bool matches(const struct nic_rx_frame *f, uint16_t length, uint8_t seed)
{
    uint8_t expected[NIC_FRAME_BYTES_MAX];
    memset(expected, 0, sizeof expected); /* short frames are padded with zeroes */
    fill(expected, length, seed);
    uint16_t padded = length < 60 ? 60 : length;
    return f->length == padded && memcmp(f->data, expected, padded) == 0;
}

uint32_t rig_exchange(struct rig *r, uint32_t count)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t length = (uint16_t)(14u + (i * 97u) % (NIC_FRAME_BYTES_MAX - 13u));
        struct nic_rx_frame frame;
        uint32_t turns = 0;
        while (!rig_send(r, length, (uint8_t)i))
            if (rig_turn(r) != VNET_RUNNING || ++turns > 64)
                return right;
        for (turns = 0; vnet_receive(&r->nic, &frame, 1) == 0; turns++)
            if (rig_turn(r) != VNET_RUNNING || turns > 64)
                break;
        if (turns > 64 || r->nic.state != VNET_RUNNING)
            continue;
        right += matches(&frame, length, (uint8_t)i);
        vnet_recycle(&r->nic, &frame.slot, 1);
    }
    return right;
}

enum vnet_state rig_stop(struct rig *r)
{
    vnet_stop(&r->nic);
    for (uint32_t i = 0; i < RIG_TURNS_MAX; i++) {
        enum vnet_state state = rig_turn(r);
        if (state == VNET_STOPPED || state == VNET_QUARANTINED || state == VNET_CLOSED)
            break;
    }
    return r->nic.state;
}

struct device_reply rig_take_back(struct rig *r)
{
    struct device_reply reply = {.exception = CAP_EX_NONE, .error = DEV_OK};
    bool confirmed = r->nic.state == VNET_STOPPED || r->nic.state == VNET_CLOSED;
    vnet_close(&r->nic);
    if (r->claimed && r->config.author == RIG_BROKERED)
        reply = r->authority.ops->release(r->authority.ctx, r->device);
    else if (r->claimed)
        reply = kernel_direct_release(r->kernel, r->bdf, confirmed);
    if (r->owner)
        owner_exit(r->kernel, r->owner);
    r->owner = NULL;
    r->claimed = false;
    return reply;
}

bool rig_usage_restored(const struct rig *r)
{
    struct kernel_usage now = kernel_usage(r->kernel);
    return memcmp(&now, &r->before, sizeof now) == 0;
}

struct dm_net *rig_net(struct rig *r)
{
    return r->world.nets[0];
}

size_t rig_complaints(struct rig *r)
{
    return sim_world_complaints(&r->world, -1);
}

void rig_close(struct rig *r)
{
    sim_world_close(&r->world);
    free(r->kernel);
    free(r->arena);
    memset(r, 0, sizeof *r);
}
