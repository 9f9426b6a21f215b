/* SPDX-License-Identifier: BSD-2-Clause */
/* Two backends behind one MAC: the scripted peer that answers as Compute Engine does, and libslirp for what
 * comes from outside. libslirp is given a network of all addresses, so that the guest's is in it and the
 * outside one is its host; it asks who the guest is by ARP, and is answered here, never by the guest. */
#include "capos/devmodel/vpc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "station.h"

#define IPV4_DESTINATION (DM_ETHERNET_BYTES + 16u)
#define ARP_FRAME_BYTES  (DM_ETHERNET_BYTES + DM_ARP_BYTES)

struct vpc {
    struct dm_kept_backend kept;
    struct dm_vpc_config config;
    struct dm_backend *peer;
    struct dm_backend *slirp; /* NULL: no forwards */
    uint8_t router_mac[6], slirp_mac[6], guest_mac[6];
    bool guest_known; /* its MAC, from its first frame */
    bool asked; /* libslirp waits for the guest's MAC */
    uint64_t outside_in, outside_out, strangers;
    dm_frame_sink sink; /* of the poll under way */
    void *sink_ctx;
};

/* "The guest's address is at the guest's MAC", to libslirp alone (RFC 826). */
static void tell_slirp(struct vpc *v)
{
    uint8_t frame[ARP_FRAME_BYTES];
    uint8_t *arp = frame + DM_ETHERNET_BYTES;

    memcpy(frame, v->slirp_mac, 6);
    memcpy(frame + 6, v->guest_mac, 6);
    dm_put_be16(frame + 12, DM_ETHERTYPE_ARP);
    dm_put_be16(arp, 1); /* Ethernet, IPv4, their sizes */
    dm_put_be16(arp + 2, DM_ETHERTYPE_IPV4);
    arp[4] = 6;
    arp[5] = 4;
    dm_put_be16(arp + 6, DM_ARP_REPLY);
    memcpy(arp + 8, v->guest_mac, 6);
    memcpy(arp + 14, v->config.guest, 4);
    memcpy(arp + 18, v->slirp_mac, 6);
    memcpy(arp + 24, v->config.outside, 4);
    v->asked = false;
    v->slirp->ops->send(v->slirp, frame, sizeof frame);
}

static void know_guest(struct vpc *v, const uint8_t *frame)
{
    if (v->guest_known && memcmp(v->guest_mac, frame + 6, 6) == 0)
        return;
    memcpy(v->guest_mac, frame + 6, 6);
    v->guest_known = true;
    if (v->slirp)
        tell_slirp(v);
}

static bool to_outside(const struct vpc *v, const uint8_t *frame, size_t bytes)
{
    return v->slirp && bytes >= DM_ETHERNET_BYTES + DM_IPV4_BYTES && memcmp(frame, v->router_mac, 6) == 0 &&
           dm_get_be16(frame + 12) == DM_ETHERTYPE_IPV4 &&
           memcmp(frame + IPV4_DESTINATION, v->config.outside, 4) == 0;
}

static void vpc_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct vpc *v = (struct vpc *)b;
    uint8_t turned[DM_VPC_FRAME_BYTES_MAX];

    dm_count_from_guest(&v->kept.counts, frame, bytes);
    if (bytes >= DM_ETHERNET_BYTES)
        know_guest(v, frame);
    if (bytes > DM_VPC_FRAME_BYTES_MAX || !to_outside(v, frame, bytes)) {
        v->peer->ops->send(v->peer, frame, bytes); /* counts and drops what is too long */
        return;
    }
    memcpy(turned, frame, bytes);
    memcpy(turned, v->slirp_mac, 6);
    v->outside_in++;
    v->slirp->ops->send(v->slirp, turned, bytes);
}

/* A frame of libslirp. Its questions are answered after the poll: libslirp is not entered from here. */
static bool from_slirp(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct vpc *v = ctx;
    uint8_t turned[DM_VPC_FRAME_BYTES_MAX];
    struct dm_arp arp;

    if (bytes < DM_ETHERNET_BYTES)
        return true;
    if (dm_arp_parse(frame, bytes, &arp)) {
        v->asked |= arp.operation == DM_ARP_REQUEST && memcmp(arp.target, v->config.guest, 4) == 0;
        return true;
    }
    if (bytes > sizeof turned || !v->guest_known || dm_get_be16(frame + 12) != DM_ETHERTYPE_IPV4) {
        v->strangers++;
        return true;
    }
    memcpy(turned, frame, bytes);
    memcpy(turned, v->guest_mac, 6);
    memcpy(turned + 6, v->router_mac, 6);
    if (!v->sink(v->sink_ctx, turned, bytes))
        return false;
    v->outside_out++;
    return true;
}

static uint32_t vpc_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                         void *ctx)
{
    struct vpc *v = (struct vpc *)b;
    uint32_t done = v->peer->ops->poll(v->peer, now_ns, budget, sink, ctx);

    if (v->slirp) {
        const uint64_t before = v->outside_out;
        v->sink = sink;
        v->sink_ctx = ctx;
        (void)v->slirp->ops->poll(v->slirp, now_ns, budget - done, from_slirp, v);
        done += (uint32_t)(v->outside_out - before);
        if (v->asked && v->guest_known)
            tell_slirp(v);
    }
    v->kept.counts.to_guest += done;
    return done;
}

static void vpc_destroy(struct dm_backend *b)
{
    struct vpc *v = (struct vpc *)b;

    if (v->peer)
        dm_backend_destroy(v->peer);
    if (v->slirp)
        dm_backend_destroy(v->slirp);
    free(v);
}

static uint64_t vpc_next_due(const struct dm_backend *b)
{
    const struct vpc *v = (const struct vpc *)b;

    return v->slirp ? 0 : dm_backend_next_due(v->peer);
}

static struct dm_backend_counts vpc_counts(const struct dm_backend *b)
{
    const struct vpc *v = (const struct vpc *)b;
    struct dm_backend_counts counts = v->kept.counts;

    counts.dropped += dm_backend_counts(v->peer).dropped;
    if (v->slirp)
        counts.dropped += dm_backend_counts(v->slirp).dropped;
    return counts;
}

static const struct dm_backend_ops vpc_ops = {.name = "vpc",
                                              .send = vpc_send,
                                              .poll = vpc_poll,
                                              .destroy = vpc_destroy,
                                              .next_due = vpc_next_due,
                                              .counts = vpc_counts};

struct dm_vpc_config dm_vpc_defaults(void)
{
    return (struct dm_vpc_config){.router = DM_VPC_ROUTER, .guest = DM_VPC_GUEST, .outside = DM_VPC_OUTSIDE};
}

void dm_vpc_guest_mac(const struct dm_vpc_config *config, uint8_t mac[6])
{
    mac[0] = 0x42;
    mac[1] = 0x01;
    memcpy(mac + 2, config->guest, 4);
}

/* False with errno. */
static bool open_slirp(struct vpc *v)
{
    const struct dm_vpc_config *c = &v->config;
    struct dm_slirp_config slirp = {.restricted = true, .forward_count = c->forward_count};

    if (c->forward_count == 0)
        return true;
    memcpy(slirp.host, c->outside, 4);
    memcpy(slirp.guest, c->guest, 4);
    memcpy(slirp.dns, c->router, 4);
    memcpy(slirp.forwards, c->forwards, sizeof slirp.forwards);
    errno = EADDRINUSE;
    v->slirp = dm_slirp_create(&slirp);
    return v->slirp != NULL;
}

struct dm_backend *dm_vpc_create(const struct dm_vpc_config *config)
{
    if (config->forward_count > DM_FORWARDS_MAX || memcmp(config->router, config->guest, 4) == 0 ||
        memcmp(config->outside, config->guest, 4) == 0 || memcmp(config->outside, config->router, 4) == 0) {
        errno = EINVAL;
        return NULL;
    }
    struct vpc *v = calloc(1, sizeof *v);
    if (!v)
        return NULL;
    struct dm_peer_config peer = dm_peer_compute_engine(config->router, config->guest);
    peer.pages = config->pages;
    peer.page_count = config->page_count;
    v->kept.base.ops = &vpc_ops;
    v->config = *config;
    memcpy(v->router_mac, peer.mac, 6);
    v->slirp_mac[0] = 0x52; /* libslirp's own: 52:55 and its host's address */
    v->slirp_mac[1] = 0x55;
    memcpy(v->slirp_mac + 2, config->outside, 4);
    v->peer = dm_peer_create(&peer);
    if (!v->peer || !open_slirp(v)) {
        const int why = errno;
        vpc_destroy(&v->kept.base);
        errno = why;
        return NULL;
    }
    return &v->kept.base;
}

struct dm_vpc_counts dm_vpc_counts(const struct dm_backend *vpc)
{
    const struct vpc *v = (const struct vpc *)vpc;

    return (struct dm_vpc_counts){.peer = dm_peer_counts(v->peer),
                                  .outside_in = v->outside_in,
                                  .outside_out = v->outside_out,
                                  .strangers = v->strangers};
}
