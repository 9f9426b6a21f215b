/* SPDX-License-Identifier: BSD-2-Clause */
/* Lives of the device with rings by hand: what is done with frames, headers, used elements and interrupts,
 * with everything accepted that is offered and with as little as can be; bells too early, a reset in the
 * middle. */
#include <string.h>

#include "tests/diff/rings.h"

#define RX_BUFFERS   4u
#define RX_BYTES     1600u
#define HEADER_SHORT 10u /* the fields before num_buffers */

static void arm(struct rings *r, uint32_t count, uint32_t bytes)
{
    for (uint16_t i = 0; i < count; i++) {
        memset(rings_buffer(r, i), 0xa5, RINGS_BUFFER_BYTES);
        rings_describe(r, RINGS_RX, i, i, bytes, DESC_WRITE, 0);
        rings_expose(r, RINGS_RX, i);
    }
}

static void say_used(struct rings *r, uint16_t queue, uint16_t at, const char *name)
{
    uint32_t id, length;
    rings_used_element(r, queue, at, &id, &length);
    diff_say(r->d, id, "%s.id", name);
    diff_say(r->d, length, "%s.length", name);
}

/* Header and frame apart: what QEMU leaves unwritten of the header hides nothing of the frame. */
static void say_received(struct rings *r, const uint8_t *bytes, uint32_t length, const char *name)
{
    char key[48];
    uint32_t header = length < r->header ? length : r->header;
    uint32_t plain = header < HEADER_SHORT ? header : HEADER_SHORT;
    snprintf(key, sizeof key, "%s.header", name);
    diff_say_bytes(r->d, bytes, plain, key);
    snprintf(key, sizeof key, "%s.num_buffers", name);
    diff_say_bytes(r->d, bytes + plain, header - plain, key);
    snprintf(key, sizeof key, "%s.frame", name);
    diff_say_bytes(r->d, bytes + header, length - header, key);
}

static void say_frame(struct rings *r, uint16_t at, const char *name)
{
    char key[48];
    uint32_t id, length;
    rings_used_element(r, RINGS_RX, at, &id, &length);
    if (id >= RINGS_BUFFER_COUNT || length > RINGS_BUFFER_BYTES)
        return;
    say_received(r, rings_buffer(r, id), length, name);
    snprintf(key, sizeof key, "%s.beyond", name);
    diff_say_bytes(r->d, rings_buffer(r, id) + length, 4, key);
}

/* Interrupts since the last look; counts as "some" or "none": how often is the device's affair. */
static void say_interrupts(struct rings *r, const char *name)
{
    static const char *const routes[] = {"config", "rx", "tx"};
    struct diff *d = r->d;
    static const uint16_t status_register = 0x06;
    diff_say(d, platform_pci_read(d->p, DIFF_BDF, status_register, 2) >> 3 & 1u, "%s.intx", name);
    diff_say(d, diff_isr(d), "%s.isr", name);
    diff_say(d, diff_isr(d), "%s.isr_again", name);
    for (uint16_t v = 0; v < DIFF_VECTORS && d->config->msix == DIFF_MSIX_ON; v++)
        diff_say(d, platform_msi_count(d->p, v) != 0, "%s.message_%s_ever", name, routes[v]);
}

static void say_suppression(struct rings *r, const char *name)
{
    diff_settle(r->d);
    diff_say(r->d, rings_used_flags(r, RINGS_TX), "%s.tx_used_flags", name);
    diff_say(r->d, rings_used_flags(r, RINGS_RX), "%s.rx_used_flags", name);
    if (r->features & F_EVENT_INDEX) {
        diff_say(r->d, rings_avail_event(r, RINGS_TX), "%s.tx_avail_event", name);
        diff_say(r->d, rings_avail_event(r, RINGS_RX), "%s.rx_avail_event", name);
    }
}

/* ARP out in one piece, then in three, cut inside the header and inside the frame; the answers. */
static void exchange(struct rings *r)
{
    struct diff *d = r->d;
    arm(r, RX_BUFFERS, RX_BYTES);
    diff_kick(d, RINGS_RX);
    uint32_t bytes = rings_put_arp(r, 32);
    rings_describe(r, RINGS_TX, 7, 32, bytes, 0, 0);
    rings_expose(r, RINGS_TX, 7);
    diff_kick(d, RINGS_TX);
    diff_say(d, rings_wait(r, RINGS_TX, 1), "whole.tx_used");
    diff_say(d, rings_wait(r, RINGS_RX, 1), "whole.rx_used");
    say_used(r, RINGS_TX, 0, "whole.tx");
    say_used(r, RINGS_RX, 0, "whole.rx");
    say_frame(r, 0, "whole.rx");
    say_suppression(r, "whole");
    say_interrupts(r, "whole");
    bytes = rings_put_arp(r, 33);
    memcpy(rings_buffer(r, 34), rings_buffer(r, 33) + 4, 20);
    memcpy(rings_buffer(r, 35), rings_buffer(r, 33) + 24, bytes - 24);
    rings_describe(r, RINGS_TX, 200, 33, 4, DESC_NEXT, 3);
    rings_describe(r, RINGS_TX, 3, 34, 20, DESC_NEXT, 255);
    rings_describe(r, RINGS_TX, 255, 35, bytes - 24, 0, 0);
    rings_set_avail_flags(r, RINGS_RX, r->features & F_EVENT_INDEX ? 0 : 1);
    rings_set_avail_flags(r, RINGS_TX, r->features & F_EVENT_INDEX ? 0 : 1);
    rings_set_used_event(r, RINGS_RX, 0x4000);
    rings_set_used_event(r, RINGS_TX, 0x4000);
    rings_expose(r, RINGS_TX, 200);
    diff_kick(d, RINGS_TX);
    diff_say(d, rings_wait(r, RINGS_TX, 2), "parts.tx_used");
    diff_say(d, rings_wait(r, RINGS_RX, 2), "parts.rx_used");
    say_used(r, RINGS_TX, 1, "parts.tx");
    say_used(r, RINGS_RX, 1, "parts.rx");
    say_frame(r, 1, "parts.rx");
    diff_settle(d);
    say_interrupts(r, "parts");
}

static void reset_in_the_middle(struct rings *r)
{
    struct diff *d = r->d;
    diff_say(d, diff_status(d), "middle.status");
    diff_say(d, diff_reset(d), "middle.reset");
    for (uint16_t queue = 0; queue < RINGS_QUEUES; queue++) {
        diff_select_queue(d, queue);
        diff_say(d, diff_get(d, d->legacy ? L_SIZE : M_SIZE, 2), "middle.queue%u.size", queue);
        if (d->legacy)
            diff_say(d, diff_get(d, L_PFN, 4), "middle.queue%u.pfn", queue);
        else
            diff_say(d, diff_get(d, M_ENABLE, 2), "middle.queue%u.enable", queue);
        if (!d->legacy || diff_msix_enabled(d))
            diff_say(d, diff_get(d, d->legacy ? L_QUEUE_VECTOR : M_QUEUE_VECTOR, 2), "middle.queue%u.vector",
                     queue);
    }
    diff_kick(d, RINGS_TX);
    diff_settle(d);
    diff_say(d, rings_used_idx(r, RINGS_RX), "middle.rx_used_idx");
    diff_say(d, rings_used_idx(r, RINGS_TX), "middle.tx_used_idx");
    diff_say(d, diff_isr(d), "middle.isr");
}

/* 2.1.2: nothing is done before DRIVER_OK, whatever rings. What was exposed before is not lost. */
static void early(struct rings *r)
{
    struct diff *d = r->d;
    diff_section(d, d->legacy ? "legacy-early" : "modern-early");
    diff_say(d, rings_begin(r, ~0ull), "begun");
    arm(r, RX_BUFFERS, RX_BYTES);
    rings_describe(r, RINGS_TX, 0, 32, rings_put_arp(r, 32), 0, 0);
    rings_expose(r, RINGS_TX, 0);
    diff_kick(d, RINGS_RX);
    diff_kick(d, RINGS_TX);
    diff_settle(d);
    diff_say(d, rings_used_idx(r, RINGS_TX), "before.tx_used_idx");
    diff_say(d, rings_used_idx(r, RINGS_RX), "before.rx_used_idx");
    diff_say(d, diff_isr(d), "before.isr");
    rings_ready(r);
    diff_kick(d, RINGS_RX);
    diff_kick(d, RINGS_TX);
    diff_say(d, rings_wait(r, RINGS_TX, 1), "after.tx_used");
    diff_say(d, rings_wait(r, RINGS_RX, 1), "after.rx_used");
    diff_say(d, diff_status(d), "after.status");
}

/* Buffers of 40 bytes: merged when that was accepted, else the frame is lost and the buffers stay. */
static void small_buffers(struct rings *r)
{
    struct diff *d = r->d;
    diff_section(d, d->legacy ? "legacy-small" : "modern-small");
    diff_say(d, rings_begin(r, ~0ull), "begun");
    arm(r, 8, 40);
    rings_ready(r);
    diff_kick(d, RINGS_RX);
    rings_describe(r, RINGS_TX, 0, 32, rings_put_arp(r, 32), 0, 0);
    rings_expose(r, RINGS_TX, 0);
    diff_kick(d, RINGS_TX);
    diff_say(d, rings_wait(r, RINGS_TX, 1), "tx_used");
    if (r->features & F_MERGE)
        diff_say(d, rings_wait(r, RINGS_RX, 2), "rx_used");
    diff_settle(d);
    diff_say(d, rings_used_idx(r, RINGS_RX), "rx_used_idx");
    for (uint16_t i = 0; i < 2; i++) {
        char name[8];
        snprintf(name, sizeof name, "rx%u", i);
        say_used(r, RINGS_RX, i, name);
        if (r->features & F_MERGE)
            say_frame(r, i, name);
    }
    diff_say(d, diff_status(d), "status");
}

/* One receive buffer in three parts, the first smaller than the header. */
static void scattered(struct rings *r)
{
    struct diff *d = r->d;
    diff_section(d, d->legacy ? "legacy-scattered" : "modern-scattered");
    diff_say(d, rings_begin(r, F_VERSION_1 | F_MAC | F_ANY_LAYOUT), "begun");
    rings_describe(r, RINGS_RX, 4, 0, 6, DESC_WRITE | DESC_NEXT, 5);
    rings_describe(r, RINGS_RX, 5, 1, 30, DESC_WRITE | DESC_NEXT, 6);
    rings_describe(r, RINGS_RX, 6, 2, 1600, DESC_WRITE, 0);
    rings_expose(r, RINGS_RX, 4);
    rings_ready(r);
    diff_kick(d, RINGS_RX);
    rings_describe(r, RINGS_TX, 0, 32, rings_put_arp(r, 32), 0, 0);
    rings_expose(r, RINGS_TX, 0);
    diff_kick(d, RINGS_TX);
    diff_say(d, rings_wait(r, RINGS_RX, 1), "rx_used");
    say_used(r, RINGS_RX, 0, "rx");
    uint8_t whole[6 + 30 + 48];
    memcpy(whole, rings_buffer(r, 0), 6);
    memcpy(whole + 6, rings_buffer(r, 1), 30);
    memcpy(whole + 36, rings_buffer(r, 2), 48);
    say_received(r, whole, sizeof whole, "rx");
}

/* Bus mastering taken away under a running device, and given back. */
static void master_off(struct rings *r)
{
    struct diff *d = r->d;
    diff_section(d, d->legacy ? "legacy-master" : "modern-master");
    diff_say(d, rings_begin(r, ~0ull), "begun");
    diff_say(d, platform_pci_read(d->p, DIFF_BDF, 4, 2), "command");
    rings_ready(r);
    diff_command(d, 3);
    diff_say(d, diff_status(d), "status_off");
    rings_describe(r, RINGS_TX, 0, 32, rings_put_arp(r, 32), 0, 0);
    rings_expose(r, RINGS_TX, 0);
    diff_kick(d, RINGS_TX);
    diff_settle(d);
    diff_say(d, rings_used_idx(r, RINGS_TX), "tx_used_idx_off");
    diff_say(d, diff_reset(d), "reset_off");
    diff_set_status(d, STATUS_ACKNOWLEDGE);
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    diff_say(d, platform_pci_read(d->p, DIFF_BDF, 4, 2), "command_after_driver");
    (void)diff_reset(d);
    diff_command(d, 7);
}

void diff_script_rings(struct diff *d)
{
    struct rings r;
    rings_open(&r, d);
    diff_section(d, d->legacy ? "legacy-all" : "modern-all");
    diff_say(d, rings_begin(&r, ~0ull), "begun");
    diff_say(d, r.features, "features");
    diff_say(d, r.header, "header");
    rings_ready(&r);
    diff_say(d, diff_status(d), "status");
    exchange(&r);
    reset_in_the_middle(&r);
    diff_section(d, d->legacy ? "legacy-least" : "modern-least");
    diff_say(d, rings_begin(&r, F_VERSION_1 | F_ANY_LAYOUT), "begun");
    diff_say(d, r.header, "header");
    rings_ready(&r);
    exchange(&r);
    early(&r);
    small_buffers(&r);
    scattered(&r);
    master_off(&r);
    rings_close(&r);
}
