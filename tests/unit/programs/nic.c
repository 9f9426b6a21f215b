/* SPDX-License-Identifier: BSD-2-Clause */
/* A driver process in small: takes the first virtio function, brings the provider up over ring calls, sends
 * frames through a device that loops them back, compares what returns, and gives everything back. The exit
 * code names the step that failed; 0: none. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "provider/brokered.h"
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"
#include "provider/virtio_net.h"
#include "user/rt/device.h"

#define POLLS_MAX   20000u
#define FRAMES      20u
#define FRAME_BYTES 200u
#define POOL_PAGES  64u
#define ARENA_BYTES (512u << 10)

enum step {
    DONE = 0,
    NO_MEMORY,
    NO_FUNCTION,
    NO_DEVICE,
    NO_POOL,
    NO_PROVIDER,
    NOT_RUNNING,
    NO_FRAME,
    NOT_STOPPED,
    NOT_GONE
};

static struct rt_device device;
static struct registers_brokered registers;
static struct author_brokered author;
static struct virtio_net nic;
static struct pci_function_info info;
static uint8_t arena[ARENA_BYTES] __attribute__((aligned(64)));

static bool take_function(struct rt *rt)
{
    const cap_id functions = rt_grant(rt, "functions", CAP_IF_FUNCTIONS);
    const struct ring_extra range = ring_range(device.share.cap, 0, sizeof info);

    for (uint64_t i = 0;; i++) {
        struct ring_completion done = ring_call(&rt->ring, functions, FUNCTIONS_INFO, RING_ARGS(i), &range);
        if (!ring_completed(&done))
            return false;
        memcpy(&info, device.share.at, sizeof info);
        if (info.vendor != VIRTIO_PCI_VENDOR)
            continue;
        done = ring_call(&rt->ring, functions, FUNCTIONS_TAKE, RING_ARGS(i), NULL);
        device.function = done.cap;
        return ring_completed(&done);
    }
}

static bool poll_until(struct rt *rt, enum vnet_state wanted)
{
    for (uint32_t i = 0; i < POLLS_MAX; i++) {
        if (vnet_poll(&nic, ring_now(&rt->ring), 16) == wanted)
            return true;
        ring_flush(&rt->ring);
    }
    return false;
}

static bool exchange(struct rt *rt, uint8_t seed)
{
    struct nic_tx_frame frame = {.length = FRAME_BYTES};
    uint8_t back[NIC_FRAME_BYTES_MAX];
    uint16_t length = 0;

    if (vnet_tx_take(&nic, &frame.slot, 1) != 1)
        return false;
    uint8_t *data = vnet_tx_data(&nic, frame.slot);
    for (uint32_t i = 0; i < FRAME_BYTES; i++)
        data[i] = (uint8_t)(seed + i);
    if (vnet_send(&nic, &frame, 1) != 1)
        return false;
    for (uint32_t i = 0; i < POLLS_MAX && length == 0; i++) {
        ring_flush(&rt->ring);
        vnet_poll(&nic, ring_now(&rt->ring), 16);
        length = vnet_receive_copy(&nic, back, sizeof back);
    }
    for (uint32_t i = 0; i < FRAME_BYTES; i++) {
        if (length != FRAME_BYTES || back[i] != (uint8_t)(seed + i))
            return false;
    }
    return true;
}

static enum step run(struct rt *rt, const struct device_authority *a, cap_id claimed)
{
    const struct device_reply pool = a->ops->pool_create(a->ctx, claimed, POOL_PAGES);
    if (!device_reply_ok(pool))
        return NO_POOL;
    const struct vnet_env env = {.info = &info,
                                 .registers = registers_brokered_init(&registers, a, claimed),
                                 .author = author_brokered_init(&author, a, pool.cap, &registers),
                                 .arena = arena,
                                 .arena_bytes = sizeof arena,
                                 .rx_slots = 16,
                                 .tx_slots = 16};
    if (vnet_open(&nic, &env) != PROVIDER_OK)
        return NO_PROVIDER;
    if (!poll_until(rt, VNET_RUNNING))
        return NOT_RUNNING;
    for (uint8_t i = 0; i < FRAMES; i++) {
        if (!exchange(rt, i))
            return NO_FRAME;
    }
    vnet_stop(&nic);
    if (!poll_until(rt, VNET_STOPPED) || vnet_close(&nic) != PROVIDER_OK)
        return NOT_STOPPED;
    return device_reply_ok(a->ops->release(a->ctx, claimed)) ? DONE : NOT_GONE;
}

uint32_t program_main(struct rt *rt)
{
    if (!rt_device_init(&device, rt, CAP_NONE) || vnet_arena_bytes() > sizeof arena)
        return NO_MEMORY;
    rt_device_table(&device, &virtio_net_modern_table, 0);
    rt_device_table(&device, &virtio_net_legacy_table, 1);
    const struct device_authority authority = rt_device_authority(&device);
    if (!take_function(rt))
        return NO_FUNCTION;
    const struct device_reply claimed = authority.ops->claim(authority.ctx, info.bdf);
    if (!device_reply_ok(claimed) || !device_reply_ok(authority.ops->info(authority.ctx, claimed.cap, &info)))
        return NO_DEVICE;
    return (uint32_t)run(rt, &authority, claimed.cap);
}
