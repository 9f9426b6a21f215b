/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider object over the kernel's claim, with the direct author: up, ARP, echoes, down. What it saw,
 * word by word and byte by byte. */
#include <stdlib.h>
#include <string.h>

#include "user/frames/frame.h"
#include "kernel/kernel.h"
#include "provider/direct.h"
#include "provider/virtio_net.h"
#include "tests/diff/diff.h"

#define POOL_PAGES 64u
#define SLOTS      16u
#define BUDGET     64u
#define ECHOES     3u
#define ECHO_ID    0x6466u

struct run {
    struct diff *d;
    struct kernel *kernel;
    uint8_t *arena;
    struct kernel_direct direct;
    struct registers_direct registers;
    struct author_direct author;
    struct virtio_net nic;
    struct frame_addresses addresses;
    uint32_t statuses;
    uint8_t last_status;
};

/* The status register from beside, whenever it changed: the sequence of 3.1.1. */
static void watch_status(struct run *r)
{
    struct diff *d = r->d;
    d->legacy = r->nic.probe.kind == VIRTIO_LEGACY;
    uint8_t now = diff_status(d);
    if (r->statuses == 0 || now != r->last_status)
        diff_say(d, now, "status%u", r->statuses++);
    r->last_status = now;
}

static enum vnet_state turn(struct run *r)
{
    platform_relax(r->d->p);
    return vnet_poll(&r->nic, platform_now_ns(r->d->p), BUDGET);
}

static const struct pci_function_info *scan(struct run *r)
{
    kernel_init(r->kernel, r->d->p);
    kernel_scan(r->kernel);
    for (uint16_t i = 0; i < kernel_function_count(r->kernel); i++) {
        const struct pci_function_info *info = kernel_function_info(r->kernel, i);
        if (info->bdf == DIFF_BDF)
            return info;
    }
    return NULL;
}

static bool open(struct run *r, const struct pci_function_info *info)
{
    struct kernel_direct_memory memory;
    struct diff *d = r->d;
    if (!device_reply_ok(kernel_direct_claim(r->kernel, DIFF_BDF, &r->direct)) ||
        !device_reply_ok(kernel_direct_pages(r->kernel, DIFF_BDF, POOL_PAGES, &memory)))
        return false;
    diff_say(d, diff_msix_enabled(d), "msix_enabled");
    struct vnet_env env = {.info = info,
                           .arena = r->arena,
                           .arena_bytes = vnet_arena_bytes(),
                           .rx_slots = SLOTS,
                           .tx_slots = SLOTS};
    env.registers =
        registers_direct_init(&r->registers, d->p, DIFF_BDF, r->direct.bar_address, diff_msix_enabled(d));
    env.author =
        author_direct_init(&r->author, &r->registers,
                           (struct direct_memory){memory.cpu, memory.bus, POOL_PAGES * DMA_PAGE_BYTES});
    diff_say(d, vnet_open(&r->nic, &env), "open");
    return r->nic.state == VNET_RESETTING;
}

static void start(struct run *r)
{
    struct diff *d = r->d;
    const struct virtio_net *nic = &r->nic;
    watch_status(r);
    for (unsigned i = 0; i < DIFF_WAIT_TURNS && nic->state != VNET_RUNNING; i++) {
        enum vnet_state state = turn(r);
        watch_status(r);
        if (state == VNET_STOPPED || state == VNET_QUARANTINED)
            break;
    }
    diff_say(d, nic->state, "state");
    diff_say_text(d, provider_error_name(nic->error), "error");
    diff_say_text(d, nic->transport->name, "transport");
    diff_say(d, nic->features_offered & ~F_UNUSED, "offered");
    diff_say(d, nic->features_accepted, "accepted");
    diff_say(d, nic->rx.size, "rx_size");
    diff_say(d, nic->tx.size, "tx_size");
    diff_say(d, nic->header_bytes, "header");
    diff_say(d, vnet_link(nic), "link");
    diff_say_bytes(d, nic->mac, sizeof nic->mac, "mac");
}

/* One request and its answer: length as used, frame bytes. */
static void ask(struct run *r, uint32_t n)
{
    char key[32];
    struct diff *d = r->d;
    struct nic_rx_frame frame;
    uint16_t slot = 0, got = 0;
    if (vnet_tx_take(&r->nic, &slot, 1) == 0)
        return;
    uint8_t *data = vnet_tx_data(&r->nic, slot);
    struct nic_tx_frame out = {.slot = slot};
    out.length = n == 0 ? frame_arp_request(data, &r->addresses)
                        : frame_echo_request(data, &r->addresses, ECHO_ID, (uint16_t)n);
    diff_say(d, vnet_send(&r->nic, &out, 1), "sent%u", n);
    for (unsigned i = 0; i < DIFF_WAIT_TURNS && got == 0 && turn(r) == VNET_RUNNING; i++)
        got = vnet_receive(&r->nic, &frame, 1);
    diff_say(d, got, "received%u", n);
    if (got == 0)
        return;
    if (n == 0)
        memcpy(r->addresses.peer_mac,
               frame_parse(frame.data, frame.length, &r->addresses, ECHO_ID).sender_mac, 6);
    diff_say(d, (uint64_t)frame.length + r->nic.header_bytes, "used_length%u", n);
    snprintf(key, sizeof key, "frame%u", n);
    diff_say_bytes(d, frame.data, frame.length, key);
    slot = frame.slot;
    vnet_recycle(&r->nic, &slot, 1);
}

static void stop(struct run *r)
{
    struct diff *d = r->d;
    diff_settle(d);
    (void)turn(r);
    vnet_stop(&r->nic);
    for (unsigned i = 0; i < DIFF_WAIT_TURNS; i++) {
        enum vnet_state state = turn(r);
        if (state == VNET_STOPPED || state == VNET_QUARANTINED)
            break;
    }
    diff_say(d, r->nic.state, "end_state");
    diff_say(d, r->nic.leftovers.posted, "posted");
    diff_say(d, r->nic.counters.tx_frames, "tx_frames");
    diff_say(d, r->nic.counters.rx_frames, "rx_frames");
    diff_say(d, r->nic.counters.faults, "faults");
    diff_say(d, diff_status(d), "end_status");
    diff_say(d, vnet_close(&r->nic), "close");
    diff_say(d, author_direct_used(&r->author), "memory_left");
    diff_say(d, kernel_direct_release(r->kernel, DIFF_BDF, true).error, "release");
    diff_say(d, platform_pci_read(d->p, DIFF_BDF, 4, 2) & 4u, "bus_master");
}

void diff_script_provider(struct diff *d)
{
    struct run r = {.d = d,
                    .kernel = calloc(1, sizeof(struct kernel)),
                    .arena = aligned_alloc(64, (vnet_arena_bytes() + 63u) & ~(size_t)63u),
                    .addresses = {.our_ip = {10, 0, 2, 15}, .peer_ip = {10, 0, 2, 2}}};
    diff_section(d, "provider");
    const struct pci_function_info *info = r.kernel && r.arena ? scan(&r) : NULL;
    diff_say(d, info != NULL, "found");
    if (info && open(&r, info)) {
        start(&r);
        memcpy(r.addresses.our_mac, r.nic.mac, sizeof r.nic.mac);
        for (uint32_t n = 0; n <= ECHOES && r.nic.state == VNET_RUNNING; n++)
            ask(&r, n);
        stop(&r);
    }
    free(r.kernel);
    free(r.arena);
}
