/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider as world `nic` calls it: virtio_net over the direct registers and author, the shipped source.
 */
#include <string.h>

#include "abi/assert.h"
#include "provider/direct.h"
#include "provider/format/virtio_ids.h"
#include "provider/virtio_net.h"
#include "sim/explore/nic_world.h"

#define ARENA_BYTES       384u /* both queues of twice NIC_SIZE_MAX */
#define RESET_POLLS       4u /* the deadline of a reset, in polls */
#define NOTIFY_CAPABILITY 0x60u

struct own {
    struct virtio_net nic;
    struct registers_direct registers;
    struct author_direct author;
    _Alignas(8) uint8_t arena[ARENA_BYTES];
};

static struct own *own_of(const struct nic_world *n)
{
    return (struct own *)(void *)n->own;
}

/* The author's table with an eye on what is given back (P9). The context is the author itself. */
static struct nic_world *watched;
static const struct author_ops *direct_ops;

static enum provider_error queue_create(void *ctx, uint16_t queue, uint16_t size, uint16_t bell,
                                        uint16_t flags, struct provider_ring *out)
{
    return direct_ops->queue_create(ctx, queue, size, bell, flags, out);
}

static enum provider_error publish(void *ctx, const struct provider_ring *ring,
                                   const struct author_segment *s, uint16_t count)
{
    return direct_ops->publish(ctx, ring, s, count);
}

static enum provider_error reap(void *ctx, const struct provider_ring *ring)
{
    return direct_ops->reap(ctx, ring);
}

static enum provider_error queue_destroy(void *ctx, struct provider_ring *ring)
{
    const enum provider_error error = direct_ops->queue_destroy(ctx, ring);

    if (error == PROVIDER_OK)
        nic_memory_returned(watched, "a ring");
    return error;
}

static enum provider_error buffer_create(void *ctx, uint32_t bytes, uint8_t direction,
                                         struct provider_buffer *out)
{
    return direct_ops->buffer_create(ctx, bytes, direction, out);
}

static enum provider_error buffer_destroy(void *ctx, struct provider_buffer *buffer)
{
    const enum provider_error error = direct_ops->buffer_destroy(ctx, buffer);

    if (error == PROVIDER_OK)
        nic_memory_returned(watched, "a buffer");
    return error;
}

static const struct author_ops watching = {queue_create,  publish,       reap,
                                           queue_destroy, buffer_create, buffer_destroy};

/* Four capabilities in a row, as the device has its windows; or an I/O BAR alone. */
static void describe(const struct nic_world *n, struct pci_function_info *info)
{
    static const struct {
        uint8_t type, bytes;
        uint32_t offset, length;
    } caps[] = {
        {VIRTIO_CAP_COMMON, VIRTIO_CAP_SIZE, 0, 56},
        {VIRTIO_CAP_NOTIFY, VIRTIO_CAP_NOTIFY_SIZE, XP_NET_NOTIFY_AT, 4},
        {VIRTIO_CAP_ISR, VIRTIO_CAP_SIZE, 0x1800, 1},
        {VIRTIO_CAP_DEVICE, VIRTIO_CAP_SIZE, XP_NET_CONFIG_AT, 16},
    };
    uint8_t at = 0x40;

    *info = (struct pci_function_info){.bdf = 0x20, .vendor = 0x1af4, .subsystem = 1};
    info->device = n->config.legacy ? 0x1000 : 0x1041;
    if (n->config.legacy) {
        info->bars[0] = (struct pci_bar){.size = 32, .kind = PCI_BAR_PORTS, .assigned = 1};
        return;
    }
    info->bars[0] = (struct pci_bar){.size = 0x4000, .kind = PCI_BAR_MEMORY, .assigned = 1};
    info->config[PCI_STATUS_OFFSET] = PCI_STATUS_CAPABILITIES;
    info->config[PCI_CAPABILITIES_OFFSET] = at;
    for (size_t i = 0; i < sizeof caps / sizeof *caps; i++, at = (uint8_t)(at + 0x18)) {
        uint8_t *cap = &info->config[at];

        cap[0] = PCI_CAPABILITY_VENDOR;
        cap[1] = i + 1u < sizeof caps / sizeof *caps ? (uint8_t)(at + 0x18) : 0;
        cap[VIRTIO_CAP_LENGTH] = caps[i].bytes;
        cap[VIRTIO_CAP_TYPE] = caps[i].type;
        memcpy(cap + VIRTIO_CAP_OFFSET, &caps[i].offset, 4);
        memcpy(cap + VIRTIO_CAP_BYTES, &caps[i].length, 4);
    }
}

static void provider_start(struct nic_world *n)
{
    const uint64_t bars[PCI_BARS] = {n->config.legacy ? XP_NET_PORTS : XP_NET_BAR};
    const struct direct_memory block = {n->memory, {NIC_BUS}, NIC_PAGES * 4096u};
    struct own *own = own_of(n);
    struct author author;

    watched = n;
    describe(n, &n->info);
    (void)registers_direct_init(&own->registers, &n->platform, 0x20, bars, false);
    author = author_direct_init(&own->author, &own->registers, block);
    direct_ops = author.ops;
}

static void provider_open(struct nic_world *n)
{
    struct own *own = own_of(n);
    const uint64_t bars[PCI_BARS] = {n->config.legacy ? XP_NET_PORTS : XP_NET_BAR};
    struct vnet_env env = {.info = &n->info,
                           .arena = own->arena,
                           .arena_bytes = sizeof own->arena,
                           .rx_slots = n->config.size,
                           .tx_slots = n->config.size,
                           .reset_timeout_ns = RESET_POLLS};

    if (own->nic.state == VNET_STOPPED && vnet_close(&own->nic) != PROVIDER_OK)
        xp_violate(&n->world, XP_P15, "a stopped provider cannot be closed");
    env.registers = registers_direct_init(&own->registers, &n->platform, 0x20, bars, false);
    env.author = (struct author){&watching, &own->author};
    if (vnet_open(&own->nic, &env) != PROVIDER_OK)
        xp_violate(&n->world, XP_P14, "a closed provider cannot be opened");
}

static void provider_poll(struct nic_world *n, uint8_t which)
{
    struct own *own = own_of(n);

    /* Which of its checks this poll makes: every phase of its pacing, without counting up to it. */
    own->nic.polls = which == 1 ? 0 : which == 2 ? VNET_HEALTH_POLLS / 2u : 1u;
    (void)vnet_poll(&own->nic, own->nic.reset_polls, NIC_BATCH_MAX);
    if (own->nic.state == VNET_STOPPED && author_direct_used(&own->author) != 0)
        xp_violate(&n->world, XP_P4, "%zu bytes are still in use after a confirmed stop",
                   author_direct_used(&own->author));
}

static void provider_send(struct nic_world *n)
{
    struct own *own = own_of(n);
    uint16_t slot;

    if (vnet_tx_take(&own->nic, &slot, 1) == 0)
        return;
    const struct nic_tx_frame frame = {slot, XP_NET_FRAME};
    if (vnet_send(&own->nic, &frame, 1) == 1)
        n->book->sent++; /* counted where it is put back with the call */
    else if (own->nic.state == VNET_RUNNING)
        xp_violate(&n->world, XP_P3, "a frame in a free slot is not taken over");
}

static void provider_receive(struct nic_world *n)
{
    struct own *own = own_of(n);
    struct nic_rx_frame frame;

    if (vnet_receive(&own->nic, &frame, 1) == 0)
        return;
    nic_received(n, ring_load32(frame.data).untrusted, frame.length);
    vnet_recycle(&own->nic, &frame.slot, 1);
}

static void provider_stop(struct nic_world *n)
{
    vnet_stop(&own_of(n)->nic);
}

static enum nic_phase provider_phase(const struct nic_world *n)
{
    static const uint8_t phases[VNET_STATE_COUNT] = {
        [VNET_CLOSED] = NIC_CLOSED,           [VNET_RESETTING] = NIC_STARTING, [VNET_STARTING] = NIC_STARTING,
        [VNET_RUNNING] = NIC_RUNNING,         [VNET_STOPPING] = NIC_STOPPING,  [VNET_STOPPED] = NIC_STOPPED,
        [VNET_QUARANTINED] = NIC_QUARANTINED,
    };

    return (enum nic_phase)phases[own_of(n)->nic.state];
}

static bool provider_idle(const struct nic_world *n)
{
    const struct virtio_net *nic = &own_of(n)->nic;

    return virtq_outstanding(&nic->tx) == 0 && virtq_outstanding(&nic->rx) == nic->rx_slots &&
           nic->tx_lent == 0 && nic->rx_lent == 0;
}

static size_t provider_canonical(const struct nic_world *n, uint8_t *out, size_t bytes)
{
    struct own own;

    ASSERT(bytes >= sizeof own);
    memcpy(&own, n->own, sizeof own);
    memset(&own.nic.counters, 0, sizeof own.nic.counters);
    memset(own.nic.tx.faults, 0, sizeof own.nic.tx.faults);
    memset(own.nic.rx.faults, 0, sizeof own.nic.rx.faults);
    memset(&own.nic.leftovers, 0, sizeof own.nic.leftovers);
    own.nic.polls = 0;
    own.author.bells = 0;
    if (own.nic.state == VNET_STOPPED || own.nic.state == VNET_CLOSED)
        memset(&own.nic, 0, offsetof(struct virtio_net, leftovers)); /* what the next open overwrites */
    own.nic.state = own_of(n)->nic.state;
    memcpy(out, &own, sizeof own);
    return sizeof own;
}

const struct nic_adapter nic_provider_adapter = {
    .private_bytes = sizeof(struct own),
    .start = provider_start,
    .open = provider_open,
    .poll = provider_poll,
    .send = provider_send,
    .receive = provider_receive,
    .stop = provider_stop,
    .phase = provider_phase,
    .idle = provider_idle,
    .canonical = provider_canonical,
};
