/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/rig.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"

#define FRAME_SEED_STEP 13u

struct rig_config rig_defaults(enum dm_transport transport, enum rig_author author)
{
    struct rig_config c = {.world = sim_world_defaults(transport),
                           .author = author,
                           .rx_slots = 16,
                           .tx_slots = 16,
                           .pool_pages = RIG_POOL_PAGES,
                           .limits = budget_limits_generous()};
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

static uint8_t *make_arena(void)
{
    return aligned_alloc(64, (vnet_arena_bytes() + 63u) & ~(size_t)63u);
}

static void lend(struct rig_lent *lent, struct sim_world_config *world)
{
    if (lent->kernel == NULL) {
        const struct dm_memory_config memory = {.bytes = world->memory_bytes ? world->memory_bytes
                                                                             : SIM_MEMORY_BYTES_DEFAULT,
                                                .bus_base = SIM_BUS_BASE,
                                                .ledger = world->ledger};
        lent->kernel = calloc(1, sizeof *lent->kernel);
        lent->arena = make_arena();
        lent->memory = dm_memory_create(&memory);
    }
    ASSERT(lent->kernel && lent->arena && lent->memory);
    world->memory = lent->memory;
}

void rig_lent_free(struct rig_lent *lent)
{
    if (lent->memory)
        dm_memory_destroy(lent->memory);
    free(lent->kernel);
    free(lent->arena);
    memset(lent, 0, sizeof *lent);
}

void rig_open(struct rig *r, const struct rig_config *config)
{
    memset(r, 0, sizeof *r);
    r->config = *config;
    if (config->lent)
        lend(config->lent, &r->config.world);
    const char *why = sim_world_open(&r->world, &r->config.world);
    ASSERT(why == NULL);
    r->kernel = config->lent ? config->lent->kernel : calloc(1, sizeof *r->kernel);
    r->arena = config->lent ? config->lent->arena : make_arena();
    ASSERT(r->kernel && r->arena);
    kernel_init(r->kernel, &r->world.platform);
    kernel_scan(r->kernel);
    find_nic(r);
    r->before = kernel_usage(r->kernel);
}

static bool route_interrupt(struct rig *r, struct vnet_env *env)
{
    const struct device_authority *a = &r->authority;
    struct device_reply made = a->ops->interrupt_create(a->ctx, r->device, RIG_VECTOR);
    r->interrupt = made.cap;
    env->rx_vector = (struct vnet_vector){.wanted = true, .number = RIG_VECTOR};
    env->tx_vector = env->rx_vector;
    return device_reply_ok(made) && device_reply_ok(a->ops->interrupt_mask(a->ctx, made.cap, false));
}

static struct device_reply claim_brokered(struct rig *r)
{
    r->owner = owner_create(r->kernel, &r->config.limits);
    ASSERT(r->owner != NULL);
    r->authority = kernel_authority(&r->binding, r->kernel, r->owner);
    struct device_reply device = r->authority.ops->claim(r->authority.ctx, r->bdf);
    r->device = device.cap;
    return device;
}

enum provider_error rig_claim_function(struct rig *r)
{
    struct device_reply reply = r->config.author == RIG_BROKERED
                                    ? claim_brokered(r)
                                    : kernel_direct_claim(r->kernel, r->bdf, &r->direct);
    memset(&r->nic, 0, sizeof r->nic);
    r->claimed = device_reply_ok(reply);
    return r->claimed ? PROVIDER_OK : PROVIDER_E_REFUSED;
}

static enum provider_error fund_brokered(struct rig *r, struct vnet_env *env)
{
    const struct device_authority *a = &r->authority;
    struct device_reply pool = a->ops->pool_create(a->ctx, r->device, r->config.pool_pages);
    if (!device_reply_ok(pool))
        return PROVIDER_E_REFUSED;
    r->pool = pool.cap;
    if (r->config.interrupts && !route_interrupt(r, env))
        return PROVIDER_E_REFUSED;
    env->registers = registers_brokered_init(&r->registers_brokered, a, r->device);
    env->author = author_brokered_init(&r->author_brokered, a, pool.cap, &r->registers_brokered);
    return PROVIDER_OK;
}

static enum provider_error fund_direct(struct rig *r, struct vnet_env *env)
{
    struct kernel_direct_memory memory;
    if (!device_reply_ok(kernel_direct_pages(r->kernel, r->bdf, r->config.pool_pages, &memory)))
        return PROVIDER_E_REFUSED;
    env->registers =
        registers_direct_init(&r->registers_direct, &r->world.platform, r->bdf, r->direct.bar_address, false);
    env->author = author_direct_init(
        &r->author_direct, &r->registers_direct,
        (struct direct_memory){memory.cpu, memory.bus, (size_t)memory.pages * DMA_PAGE_BYTES});
    return PROVIDER_OK;
}

enum provider_error rig_fund(struct rig *r, struct vnet_env *env)
{
    *env = (struct vnet_env){.info = &r->info,
                             .arena = r->arena,
                             .arena_bytes = vnet_arena_bytes(),
                             .rx_slots = r->config.rx_slots,
                             .tx_slots = r->config.tx_slots};
    return r->config.author == RIG_BROKERED ? fund_brokered(r, env) : fund_direct(r, env);
}

enum provider_error rig_claim(struct rig *r, struct vnet_env *env)
{
    enum provider_error error = rig_claim_function(r);
    return error == PROVIDER_OK ? rig_fund(r, env) : error;
}

enum provider_error rig_attach(struct rig *r)
{
    struct vnet_env env;
    enum provider_error error = rig_claim(r, &env);
    return error == PROVIDER_OK ? vnet_open(&r->nic, &env) : error;
}

enum vnet_state rig_turn(struct rig *r)
{
    r->turns++;
    platform_relax(&r->world.platform);
    return vnet_poll(&r->nic, platform_now_ns(&r->world.platform), 64);
}

enum vnet_state rig_start(struct rig *r)
{
    for (uint32_t i = 0; i < RIG_TURNS_MAX; i++) {
        enum vnet_state state = rig_turn(r);
        if (state == VNET_RUNNING || state == VNET_STOPPED || state == VNET_QUARANTINED ||
            state == VNET_CLOSED)
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

/* Takes whatever is there; how many frames came. *right: one of them, and it alone, is the awaited one. */
static uint16_t take_frames(struct rig *r, uint16_t length, uint8_t seed, uint32_t *right)
{
    struct nic_rx_frame frames[NIC_BATCH_MAX];
    uint16_t slots[NIC_BATCH_MAX];
    uint16_t count = vnet_receive(&r->nic, frames, NIC_BATCH_MAX);
    for (uint16_t i = 0; i < count; i++)
        slots[i] = frames[i].slot;
    if (count == 1 && matches(&frames[0], length, seed))
        ++*right;
    if (count)
        vnet_recycle(&r->nic, slots, count);
    return count;
}

uint32_t rig_exchange(struct rig *r, uint32_t count)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint16_t length = (uint16_t)(14u + (i * 97u) % (NIC_FRAME_BYTES_MAX - 13u));
        uint32_t turns = 0;
        while (!rig_send(r, length, (uint8_t)i))
            if (rig_turn(r) != VNET_RUNNING || ++turns > RIG_WAIT_TURNS)
                return right;
        for (turns = 0; turns <= RIG_WAIT_TURNS && r->nic.state == VNET_RUNNING; turns++) {
            if (take_frames(r, length, (uint8_t)i, &right) != 0)
                break;
            (void)rig_turn(r);
        }
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
    if (!rig_drain_audit(r))
        ASSERT(false && "the audit chain is broken");
    return reply;
}

bool rig_drain_audit(struct rig *r)
{
    struct audit_record records[64];
    uint32_t count;
    while ((count = kernel_audit_drain(r->kernel, records, 64)) != 0)
        for (uint32_t i = 0; i < count; i++) {
            if (!audit_follows(r->audit_chain, &records[i]))
                return false;
            memcpy(r->audit_chain, records[i].chain, sizeof r->audit_chain);
            r->audited[records[i].kind]++;
            if (records[i].kind == AUDIT_DENIAL)
                r->last_denial = records[i];
        }
    return memcmp(r->audit_chain, kernel_audit_head(r->kernel), sizeof r->audit_chain) == 0;
}

struct device_reply rig_try_claim(struct rig *r)
{
    struct device_reply reply;
    if (r->config.author == RIG_DIRECT) {
        struct kernel_direct direct;
        reply = kernel_direct_claim(r->kernel, r->bdf, &direct);
        if (device_reply_ok(reply))
            (void)kernel_direct_release(r->kernel, r->bdf, true);
        return reply;
    }
    const struct budget_limits limits = budget_limits_generous();
    struct owner *owner = owner_create(r->kernel, &limits);
    struct kernel_binding binding;
    ASSERT(owner != NULL);
    struct device_authority a = kernel_authority(&binding, r->kernel, owner);
    reply = a.ops->claim(a.ctx, r->bdf);
    owner_exit(r->kernel, owner);
    return reply;
}

/* Every field by name, so that a difference says what leaked. */
bool rig_usage_same(const struct kernel_usage *now, const struct kernel_usage *expected)
{
#define FIELD(name)                                                                                          \
    {                                                                                                        \
#name, offsetof(struct kernel_usage, name)                                                           \
    }
    static const struct {
        const char *name;
        size_t at;
    } fields[] = {
        FIELD(owners),
        FIELD(live_caps),
        FIELD(live_objects),
        FIELD(claimed_devices),
        FIELD(quarantined_devices),
        FIELD(registers),
        FIELD(pools),
        FIELD(buffers),
        FIELD(queues),
        FIELD(interrupts),
        FIELD(outstanding_publications),
        FIELD(pages_granted),
        FIELD(pages_active),
        FIELD(pages_quarantined),
        FIELD(pages_guard),
        FIELD(pages_promised),
        FIELD(bus_masters_on),
    };
#undef FIELD
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++) {
        uint32_t is, was;
        memcpy(&is, (const uint8_t *)now + fields[i].at, sizeof is);
        memcpy(&was, (const uint8_t *)expected + fields[i].at, sizeof was);
        if (is != was)
            printf("usage: %s is %u, expected %u\n", fields[i].name, is, was);
    }
    for (size_t i = 0; i < BUDGET_COUNT; i++)
        if (now->budget_used[i] != expected->budget_used[i])
            printf("usage: budget %zu is %u, expected %u\n", i, now->budget_used[i],
                   expected->budget_used[i]);
    return memcmp(now, expected, sizeof *now) == 0;
}

bool rig_usage_restored(const struct rig *r)
{
    struct kernel_usage now = kernel_usage(r->kernel);
    return rig_usage_same(&now, &r->before);
}

bool rig_usage_quarantined(const struct rig *r, uint32_t pages)
{
    struct kernel_usage now = kernel_usage(r->kernel);
    struct kernel_usage expected = r->before;
    expected.quarantined_devices++;
    expected.pages_quarantined += pages;
    expected.pages_guard = now.pages_guard; /* guards stand as long as what they guard */
    return rig_usage_same(&now, &expected);
}

static uint32_t ring_pages(const struct rig *r, const struct virtq *q)
{
    struct split_layout layout;
    /* The broker keeps the device area on pages of its own. */
    bool dense = r->nic.probe.kind == VIRTIO_MODERN && r->config.author == RIG_DIRECT;
    if (q->size == 0 || !split_layout_for(q->size, dense ? SPLIT_ALIGN_MODERN : SPLIT_ALIGN_LEGACY, &layout))
        return 0;
    return (layout.bytes + DMA_PAGE_BYTES - 1u) / DMA_PAGE_BYTES;
}

static uint32_t buffer_pages(const struct provider_buffer *b)
{
    return (b->bytes + DMA_PAGE_BYTES - 1u) / DMA_PAGE_BYTES;
}

uint32_t rig_pages_published(const struct rig *r)
{
    return ring_pages(r, &r->nic.rx) + ring_pages(r, &r->nic.tx) + buffer_pages(&r->nic.rx_buffer) +
           buffer_pages(&r->nic.tx_buffer);
}

uint32_t rig_msix_control(struct rig *r)
{
    struct platform *p = &r->world.platform;
    uint8_t at = (uint8_t)platform_pci_read(p, r->bdf, 0x34, 1);
    for (uint32_t steps = 0; steps < 48 && at != 0; steps++) {
        if (platform_pci_read(p, r->bdf, at, 1) == 0x11)
            return platform_pci_read(p, r->bdf, (uint16_t)(at + 2u), 2);
        at = (uint8_t)platform_pci_read(p, r->bdf, (uint16_t)(at + 1u), 1);
    }
    return 0;
}

bool rig_reset_by_hand(struct rig *r)
{
    const struct virtio_probe probe = virtio_probe_function(&r->info);
    const struct reg_window *w = &probe.windows[0];
    const bool legacy = probe.kind == VIRTIO_LEGACY;
    const uint64_t at = r->direct.bar_address[w->bar] + w->offset + (legacy ? 18u : 20u);
    struct platform *p = &r->world.platform;
    if (legacy)
        platform_port_write(p, (uint16_t)at, 1, 0);
    else
        platform_mmio_write(p, at, 1, 0);
    for (uint32_t i = 0; i < VIRTIO_QUIESCE_POLLS_MAX; i++)
        if ((legacy ? platform_port_read(p, (uint16_t)at, 1) : platform_mmio_read(p, at, 1)) == 0)
            return true;
    return false;
}

struct dm_net *rig_net(struct rig *r)
{
    return r->world.nets[0];
}

size_t rig_complaints(struct rig *r)
{
    return sim_world_complaints(&r->world, -1);
}

const char *rig_complaint(struct rig *r)
{
    const struct dm_violation *v = dm_memory_violation(r->world.memory, 0);
    return v ? v->what : dm_net_monitor(rig_net(r))->first;
}

void rig_close(struct rig *r)
{
    sim_world_close(&r->world);
    if (!r->config.lent) {
        free(r->kernel);
        free(r->arena);
    }
    memset(r, 0, sizeof *r);
}
