/* SPDX-License-Identifier: BSD-2-Clause */
/* The hostile station's pace: when a frame goes out, and what came back. Owns its queue; frames of the guest
 * are counted, nothing else. */
#include "backend_intruder.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TURNS_AT_ONCE DM_QUEUE_FRAMES

static const char *const names[DM_INTRUSIONS] = {
#define DM_INTRUSION(name, text) #name,
#include "capos/devmodel/intrusions.def"
#undef DM_INTRUSION
};

const char *dm_intrusion_name(enum dm_intrusion which)
{
    return names[which];
}

static void intruder_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct dm_intruder *n = (struct dm_intruder *)b;
    struct dm_arp arp;
    struct dm_packet packet;
    struct dm_segment in;
    dm_count_from_guest(&n->station.kept.counts, frame, bytes);
    if (!dm_frame_is_for(n->station.mac, frame, bytes))
        return;
    n->counts.heard++;
    if (dm_arp_parse(frame, bytes, &arp)) {
        dm_neighbour_hear(&n->guest, &arp);
        if (arp.operation == DM_ARP_REQUEST && memcmp(arp.target, n->station.address, 4) == 0)
            dm_station_arp(&n->station, DM_ARP_REPLY, n->station.mac, n->station.address, arp.mac,
                           arp.address);
    } else if (dm_ipv4_parse(frame, bytes, &packet) && packet.protocol == DM_PROTOCOL_TCP &&
               dm_segment_parse(&packet, &in)) {
        n->counts.resets_heard += (in.flags & DM_RST) != 0;
        n->counts.syn_acks_heard += (in.flags & (DM_SYN | DM_ACK)) == (DM_SYN | DM_ACK);
    }
}

/* Turns whose time has come, all in all. */
static uint64_t turns_due(const struct dm_intruder *n)
{
    if (n->station.now_ns < n->config.start_ns)
        return 0;
    uint64_t due = (n->station.now_ns - n->config.start_ns) / n->config.interval_ns + 1u;
    return due < n->config.frames_max ? due : n->config.frames_max;
}

static void act(struct dm_intruder *n)
{
    uint64_t due = turns_due(n);
    if (n->turns >= due)
        return;
    if (!n->guest.known) {
        dm_neighbour_tick(&n->station, &n->guest);
        return;
    }
    if (due - n->turns > TURNS_AT_ONCE) {
        n->counts.skipped += due - n->turns - TURNS_AT_ONCE;
        n->turns = due - TURNS_AT_ONCE;
    }
    for (; n->turns < due; n->turns++) {
        uint32_t before = n->station.queue.count;
        dm_intruder_frame(n, n->turns);
        uint32_t put = n->station.queue.count - before;
        n->counts.sent += put;
        n->counts.skipped += put == 0;
    }
}

static uint32_t intruder_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                              void *ctx)
{
    struct dm_intruder *n = (struct dm_intruder *)b;
    dm_station_move(&n->station, now_ns);
    act(n);
    return dm_drain(&n->station.queue, &n->station.kept.counts, budget, sink, ctx);
}

static uint64_t intruder_next_due(const struct dm_backend *b)
{
    const struct dm_intruder *n = (const struct dm_intruder *)b;
    if (n->station.queue.count)
        return 0;
    if (n->turns >= n->config.frames_max)
        return DM_NEVER;
    uint64_t turn = n->config.start_ns + n->turns * n->config.interval_ns;
    uint64_t question = dm_neighbour_due(&n->guest);
    return n->guest.known || question < turn ? turn : question;
}

static void intruder_destroy(struct dm_backend *b)
{
    struct dm_intruder *n = (struct dm_intruder *)b;
    dm_station_free(&n->station);
    free(n);
}

static const struct dm_backend_ops intruder_ops = {.name = "intruder",
                                                   .send = intruder_send,
                                                   .poll = intruder_poll,
                                                   .destroy = intruder_destroy,
                                                   .next_due = intruder_next_due,
                                                   .counts = dm_kept_counts};

static bool possible(const struct dm_intruder_config *c)
{
    bool sized = c->kind == DM_INTRUSION_ECHO_FLOOD || c->kind == DM_INTRUSION_UDP_FLOOD;
    return (uint32_t)c->kind < DM_INTRUSIONS && c->interval_ns != 0 && c->start_ns < 1ull << 62 &&
           (c->frames_max == 0 || c->interval_ns < (1ull << 62) / c->frames_max) &&
           (!sized || c->value <= DM_INTRUDER_DATA_MAX);
}

struct dm_backend *dm_intruder_create(const struct dm_intruder_config *config)
{
    if (!possible(config)) {
        errno = EINVAL;
        return NULL;
    }
    struct dm_intruder *n = calloc(1, sizeof *n);
    if (!n || !dm_station_init(&n->station, &intruder_ops, config->mac, config->address, 0)) {
        free(n);
        errno = ENOMEM;
        return NULL;
    }
    n->config = *config;
    n->random.state = dm_mix(config->seed);
    memcpy(n->guest.address, config->guest, 4);
    memcpy(n->guest.as, config->address, 4);
    return &n->station.kept.base;
}

struct dm_intruder_counts dm_intruder_counts(const struct dm_backend *intruder)
{
    return ((const struct dm_intruder *)intruder)->counts;
}
