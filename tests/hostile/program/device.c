/* SPDX-License-Identifier: BSD-2-Clause */
/* The attacker's device: found, claimed, brought up by the provider with frames on their way, and its helper,
 * a process that claims the second card and gives a pool of it away. */
#include "tests/hostile/program/bench.h"

#include "provider/format/virtio_ids.h"
#include "provider/tables.h"

#define POLLS_MAX    20000u
#define POOL_PAGES   64u
#define HELPER_PAGES 8u
#define ARENA_BYTES  (512u << 10)

static uint8_t arena[ARENA_BYTES] __attribute__((aligned(64)));

/* Takes the next virtio function from `first` on; `info` is its record. */
static cap_id take(struct bench *b, uint64_t *first, struct pci_function_info *info)
{
    const struct ring_extra range = ring_range(b->share.cap, 0, sizeof *info);

    for (;; (*first)++) {
        const struct ring_completion done =
            ring_call(&b->rt->ring, b->functions, FUNCTIONS_INFO, RING_ARGS(*first), &range);

        MUST(b, ring_completed(&done));
        memcpy(info, b->share.at, sizeof *info);
        if (info->vendor == VIRTIO_PCI_VENDOR)
            return made(b, b->functions, FUNCTIONS_TAKE, RING_ARGS((*first)++));
    }
}

void device_find(struct bench *b)
{
    struct pci_function_info other;
    uint64_t at = 0;

    MUST(b, rt_device_init(&b->device, b->rt, CAP_NONE));
    MUST(b, vnet_arena_bytes() <= sizeof arena);
    rt_device_table(&b->device, &virtio_net_modern_table, 0);
    rt_device_table(&b->device, &virtio_net_legacy_table, 1);
    b->authority = rt_device_authority(&b->device);
    b->device.function = take(b, &at, &b->info);
    b->second = take(b, &at, &other);
}

void device_claim(struct bench *b)
{
    const struct device_reply reply = b->authority.ops->claim(b->authority.ctx, b->info.bdf);

    MUST(b, device_reply_ok(reply));
    b->claimed = reply.cap;
}

void device_run(struct bench *b)
{
    const struct device_reply pool = b->authority.ops->pool_create(b->authority.ctx, b->claimed, POOL_PAGES);
    struct nic_tx_frame frame = {.length = 200};

    MUST(b, device_reply_ok(pool));
    b->pool = pool.cap;
    const struct vnet_env env = {
        .info = &b->info,
        .registers = registers_brokered_init(&b->registers, &b->authority, b->claimed),
        .author = author_brokered_init(&b->author, &b->authority, pool.cap, &b->registers),
        .arena = arena,
        .arena_bytes = sizeof arena,
        .rx_slots = 16,
        .tx_slots = 16};
    MUST(b, vnet_open(&b->nic, &env) == PROVIDER_OK);
    for (uint32_t i = 0; i < POLLS_MAX && b->nic.state != VNET_RUNNING; i++) {
        (void)vnet_poll(&b->nic, ring_now(&b->rt->ring), 16);
        ring_flush(&b->rt->ring);
    }
    MUST(b, b->nic.state == VNET_RUNNING);
    MUST(b, vnet_tx_take(&b->nic, &frame.slot, 1) == 1 && vnet_send(&b->nic, &frame, 1) == 1);
    b->modern = b->nic.probe.kind == VIRTIO_MODERN;
}

void device_end(struct bench *b)
{
    released(b, b->claimed);
    released(b, b->device.function);
    released(b, b->second);
}

_Noreturn void helper_main(struct rt *rt)
{
    const cap_id function = rt_first(rt, CAP_IF_FUNCTION);
    const cap_id device = ring_call(&rt->ring, function, FUNCTION_CLAIM, NULL, NULL).cap;
    const cap_id pool = ring_call(&rt->ring, device, DEVICE_POOL_CREATE, RING_ARGS(HELPER_PAGES), NULL).cap;
    const struct ring_extra extra = ring_copy(pool);

    (void)ring_call(&rt->ring, rt_first(rt, CAP_IF_NIC), NIC_ATTACH, NULL, &extra);
    for (;;)
        (void)ring_call(&rt->ring, rt_first(rt, CAP_IF_TIMER), TIMER_WAIT, RING_ARGS(RING_FOREVER), NULL);
}

void helper_start(struct bench *b)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const cap_id client = made(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 1));
    const struct spawn_grant grants[] = {{.name = "function", .cap = b->second},
                                         {.name = "nic", .cap = client},
                                         {.name = "timer", .cap = b->timer}};
    struct ring_completion done = spawn(b, BENCH_PROGRAM_SELF, "role=helper", grants, 3);

    MUST(b, ring_completed(&done));
    b->helper = done.cap;
    MUST(b, ring_recv(&b->rt->ring, 1, endpoint, 0));
    MUST(b, ring_wait(&b->rt->ring, RING_FOREVER, &done) && ring_completed(&done));
    const struct ring_received got = ring_received(&b->rt->ring, &done);
    b->helper_pool = got.cap;
    MUST(b, !cap_is_none(got.cap));
    done = ring_return(&b->rt->ring, got.token, 0, 0, NULL);
    MUST(b, ring_completed(&done));
    released(b, client);
    released(b, endpoint);
}

void helper_end(struct bench *b)
{
    released(b, b->helper_pool);
    released(b, b->helper); /* ends it, and its claim */
}
