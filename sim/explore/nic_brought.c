/* SPDX-License-Identifier: BSD-2-Clause */
/* A brought driver as world `nic` calls it: its callbacks are accesses of the running call. */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/nic_world.h"

#define WATCHED_BYTES 8u

static struct nic_world *of(void *ctx)
{
    return ctx;
}

static uint64_t base(const struct nic_world *n)
{
    return n->config.legacy ? XP_NET_PORTS : XP_NET_BAR;
}

static uint32_t register_read(void *ctx, uint32_t offset, uint8_t width)
{
    struct nic_world *n = of(ctx);

    return (uint32_t)xp_access(
        &n->driver,
        (struct xp_access){.address = base(n) + offset, .kind = XP_ACCESS_REGISTER_READ, .width = width});
}

static void register_write(void *ctx, uint32_t offset, uint8_t width, uint32_t value)
{
    struct nic_world *n = of(ctx);

    (void)xp_access(&n->driver, (struct xp_access){.address = base(n) + offset,
                                                   .value = value,
                                                   .kind = XP_ACCESS_REGISTER_WRITE,
                                                   .width = width});
}

static struct xp_access in_memory(struct nic_world *n, const void *at, uint8_t width, uint8_t kind)
{
    const uint64_t offset = (uint64_t)((const uint8_t *)at - n->memory);

    if (offset + width > n->driver.order.bytes || width == 0)
        xp_violate(&n->world, XP_P6, "an access %u bytes wide at offset %lld leaves shared memory", width,
                   (long long)offset);
    if (offset % width != 0)
        xp_violate(&n->world, XP_P8, "an access %u bytes wide at offset %llu", width,
                   (unsigned long long)offset);
    return (struct xp_access){.address = offset, .kind = kind, .width = width};
}

static uint64_t load(void *ctx, const void *at, uint8_t width)
{
    struct nic_world *n = of(ctx);

    return xp_access(&n->driver, in_memory(n, at, width, XP_ACCESS_LOAD));
}

static void store(void *ctx, void *at, uint8_t width, uint64_t value)
{
    struct nic_world *n = of(ctx);
    struct xp_access access = in_memory(n, at, width, XP_ACCESS_STORE);

    access.value = value;
    (void)xp_access(&n->driver, access);
}

static void barrier(void *ctx, enum byd_barrier kind)
{
    static const uint8_t kinds[] = {XP_ACCESS_WRITE_BARRIER, XP_ACCESS_READ_BARRIER, XP_ACCESS_FULL_BARRIER};
    struct nic_world *n = of(ctx);

    (void)xp_access(&n->driver, (struct xp_access){.kind = kinds[kind]});
}

/* The first words are accesses like others; what follows the world does not look at. */
static void copy_in(void *ctx, void *to, const void *from, uint32_t bytes)
{
    struct nic_world *n = of(ctx);
    uint8_t *out = to;
    uint32_t done = 0;

    for (; done + 4u <= bytes && done < WATCHED_BYTES; done += 4u) {
        const struct xp_access a = in_memory(n, (const uint8_t *)from + done, 1, XP_ACCESS_LOAD);
        uint32_t word = (uint32_t)xp_access(&n->driver, (struct xp_access){a.address, 0, XP_ACCESS_LOAD, 4});

        memcpy(out + done, &word, sizeof word);
    }
    memcpy(out + done, (const uint8_t *)from + done, bytes - done);
}

static struct byd_services services(struct nic_world *n)
{
    return (struct byd_services){.ctx = n,
                                 .register_read = register_read,
                                 .register_write = register_write,
                                 .load = load,
                                 .store = store,
                                 .copy_in = copy_in,
                                 .barrier = barrier,
                                 .memory = n->memory,
                                 .memory_bytes = NIC_PAGES * 4096u,
                                 .buffers = NIC_BUFFERS,
                                 .bus = NIC_BUS};
}

static void brought_start(struct nic_world *n)
{
    (void)n;
}

static void ended(struct nic_world *n)
{
    if (!xp_net_quiet(&n->device))
        nic_memory_returned(n, "its memory");
    n->book->running = 0;
}

static void brought_open(struct nic_world *n)
{
    const struct byd_services s = services(n);

    memset(n->own, 0, n->config.driver->state_bytes);
    if (n->config.driver->attach(n->own, &s) == 0)
        n->book->running = 1;
    else
        ended(n);
}

static void brought_poll(struct nic_world *n, uint8_t which)
{
    const struct byd_services s = services(n);
    uint8_t frame[2048];
    int length;

    (void)which;
    length = n->config.driver->poll(n->own, &s, frame, sizeof frame);
    if (length < 0)
        n->book->refused = 1;
    else if (length > 0) {
        uint32_t word;

        memcpy(&word, frame, sizeof word);
        nic_received(n, word, (uint32_t)length);
    }
}

static void brought_send(struct nic_world *n)
{
    static const uint8_t frame[XP_NET_FRAME];
    const struct byd_services s = services(n);
    const int sent = n->config.driver->send(n->own, &s, frame, sizeof frame);

    if (sent == 0)
        n->book->sent++;
    else if (sent < 0)
        n->book->refused = 1;
}

static void brought_receive(struct nic_world *n)
{
    brought_poll(n, 0);
}

static void brought_stop(struct nic_world *n)
{
    const struct byd_services s = services(n);

    n->config.driver->detach(n->own, &s);
    n->book->refused = 0;
    ended(n);
}

static enum nic_phase brought_phase(const struct nic_world *n)
{
    return n->book->running ? NIC_RUNNING : n->book->opened ? NIC_STOPPED : NIC_CLOSED;
}

/* What it has in hand only it knows: the device must hold no more than receive buffers. */
static bool brought_idle(const struct nic_world *n)
{
    const struct xp_queue_state *rx = &n->device.queue_states[0];
    const struct xp_queue_state *tx = &n->device.queue_states[1];

    return tx->exposed == tx->used_shown && rx->exposed == rx->fetched;
}

static size_t brought_canonical(const struct nic_world *n, uint8_t *out, size_t bytes)
{
    ASSERT(bytes >= n->config.driver->state_bytes);
    memcpy(out, n->own, n->config.driver->state_bytes);
    return n->config.driver->state_bytes;
}

const struct nic_adapter nic_brought_adapter = {
    .private_bytes = 4096,
    .start = brought_start,
    .open = brought_open,
    .poll = brought_poll,
    .send = brought_send,
    .receive = brought_receive,
    .stop = brought_stop,
    .phase = brought_phase,
    .idle = brought_idle,
    .canonical = brought_canonical,
};
