/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted TCP client's link side: ARP both ways, which connection a segment is of, time. Owns its
 * connections; frames are a guest's and checked. */
#include "backend_client.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define RETRY_NS  200000000u
#define MTU_LEAST 576u
#define MTU_MOST  65535u
#define RETRY_MAX 3600000000000u
#define LIMIT_NS  120000000000u
#define LIMIT_MAX (1ull << 62)

void dm_client_pattern(uint64_t seed, uint64_t offset, uint8_t *out, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++) {
        uint64_t at = offset + i;
        out[i] = (uint8_t)(dm_mix(seed + (at / 8u + 1u) * 0x9e3779b97f4a7c15u) >> 8u * (at % 8u));
    }
}

/* Given up: its host knows nothing of it any more. One that fell silent stays that. */
static bool forgotten(const struct dm_caller *a)
{
    return a->report.state == DM_CLIENT_TIMED_OUT && a->plan.manner != DM_CLIENT_FALLS_SILENT;
}

static void receive_tcp(struct dm_client *c, const struct dm_packet *p)
{
    struct dm_segment in;
    if (memcmp(p->source, c->config.guest, 4) != 0 || !dm_segment_parse(p, &in))
        return;
    uint32_t number = (uint32_t)in.port - DM_CLIENT_PORT;
    bool ours = number < c->count && c->callers[number].plan.port == in.source_port &&
                !forgotten(&c->callers[number]);
    if (ours)
        dm_caller_receive(c, number, &in);
    else
        dm_segment_refuse(&c->station, p, &in);
}

static void client_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct dm_client *c = (struct dm_client *)b;
    struct dm_arp arp;
    struct dm_packet packet;
    dm_count_from_guest(&c->station.kept.counts, frame, bytes);
    if (!dm_frame_is_for(c->station.mac, frame, bytes))
        return;
    if (dm_arp_parse(frame, bytes, &arp)) {
        dm_neighbour_hear(&c->guest, &arp);
        bool on_link = memcmp(c->guest.as, c->station.address, 4) == 0;
        if (arp.operation == DM_ARP_REQUEST && on_link && memcmp(arp.target, c->station.address, 4) == 0)
            dm_station_arp(&c->station, DM_ARP_REPLY, c->station.mac, c->station.address, arp.mac,
                           arp.address);
    } else if (dm_ipv4_parse(frame, bytes, &packet) && packet.protocol == DM_PROTOCOL_TCP &&
               memcmp(packet.destination, c->station.address, 4) == 0) {
        receive_tcp(c, &packet);
    }
}

static bool wants_guest(const struct dm_client *c)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (c->callers[i].report.state == DM_CLIENT_WAITING &&
            c->callers[i].plan.start_ns <= c->station.now_ns)
            return true;
    return false;
}

static uint32_t client_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                            void *ctx)
{
    struct dm_client *c = (struct dm_client *)b;
    dm_station_move(&c->station, now_ns);
    if (!c->guest.known && wants_guest(c))
        dm_neighbour_tick(&c->station, &c->guest);
    for (uint32_t i = 0; i < c->count; i++)
        dm_caller_tick(c, i);
    return dm_drain(&c->station.queue, &c->station.kept.counts, budget, sink, ctx);
}

static uint64_t client_next_due(const struct dm_backend *b)
{
    const struct dm_client *c = (const struct dm_client *)b;
    uint64_t due = DM_NEVER;
    if (c->station.queue.count)
        return 0;
    for (uint32_t i = 0; i < c->count; i++) {
        uint64_t caller_due = dm_caller_due(c, &c->callers[i]);
        if (caller_due < due)
            due = caller_due;
    }
    return due;
}

static void client_destroy(struct dm_backend *b)
{
    struct dm_client *c = (struct dm_client *)b;
    dm_station_free(&c->station);
    free(c);
}

static const struct dm_backend_ops client_ops = {.name = "client",
                                                 .send = client_send,
                                                 .poll = client_poll,
                                                 .destroy = client_destroy,
                                                 .next_due = client_next_due,
                                                 .counts = dm_kept_counts};

struct dm_backend *dm_client_create(const struct dm_client_config *config)
{
    bool mtu_possible = config->mtu == 0 || (config->mtu >= MTU_LEAST && config->mtu <= MTU_MOST);
    if (config->connections_max == 0 || config->connections_max > DM_CLIENT_CONNECTIONS || !mtu_possible ||
        config->retry_ns > RETRY_MAX) {
        errno = EINVAL;
        return NULL;
    }
    struct dm_client *c = calloc(1, sizeof *c + config->connections_max * sizeof c->callers[0]);
    if (!c || !dm_station_init(&c->station, &client_ops, config->mac, config->address, config->mtu)) {
        free(c);
        errno = ENOMEM;
        return NULL;
    }
    c->config = *config;
    if (c->config.retry_ns == 0)
        c->config.retry_ns = RETRY_NS;
    if (c->config.in_flight_bytes == 0)
        c->config.in_flight_bytes = 65535u;
    c->random.state = dm_mix(config->seed);
    memcpy(c->guest.address, config->guest, 4);
    memcpy(c->guest.as, memcmp(config->gateway, dm_nobody, 4) ? config->gateway : config->address, 4);
    return &c->station.kept.base;
}

int32_t dm_client_start(struct dm_backend *client, const struct dm_client_connection *connection)
{
    struct dm_client *c = (struct dm_client *)client;
    if (c->count == c->config.connections_max)
        return -1;
    struct dm_caller *caller = &c->callers[c->count];
    caller->plan = *connection;
    if (caller->plan.window == 0 || caller->plan.window > 65535u)
        caller->plan.window = 65535u;
    if (caller->plan.limit_ns == 0)
        caller->plan.limit_ns = LIMIT_NS;
    if (caller->plan.limit_ns > LIMIT_MAX)
        caller->plan.limit_ns = LIMIT_MAX;
    if (caller->plan.start_ns < c->station.now_ns)
        caller->plan.start_ns = c->station.now_ns;
    caller->first = (uint32_t)dm_random_next(&c->random);
    return (int32_t)c->count++;
}

void dm_client_change(struct dm_backend *client, uint32_t number, const struct dm_client_connection *plan)
{
    struct dm_client *c = (struct dm_client *)client;
    struct dm_client_connection *now = &c->callers[number].plan;
    if (plan->send_bytes > now->send_bytes)
        now->send_bytes = plan->send_bytes;
    now->receive_bytes = plan->receive_bytes;
    now->reads_bytes = plan->reads_bytes;
    now->manner = plan->manner;
    dm_caller_changed(c, number);
}

struct dm_client_report dm_client_report(const struct dm_backend *client, uint32_t number)
{
    return ((const struct dm_client *)client)->callers[number].report;
}

uint32_t dm_client_count(const struct dm_backend *client, enum dm_client_state state)
{
    const struct dm_client *c = (const struct dm_client *)client;
    uint32_t count = 0;
    for (uint32_t i = 0; i < c->count; i++)
        count += c->callers[i].report.state == state;
    return count;
}
