/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a network device model: loop, script, slirp; and a pcap tap in front of any of them. */
#ifndef CAPOS_DEVMODEL_BACKEND_H
#define CAPOS_DEVMODEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DM_FRAME_BYTES_MAX 65550u

struct dm_backend;

/* Takes a frame towards the guest. False: no room, the backend keeps it or drops it, as its kind says. */
typedef bool (*dm_frame_sink)(void *ctx, const uint8_t *frame, size_t bytes);

struct dm_backend_ops {
    const char *name;
    /* A frame from the guest. Never calls the sink itself: answers come out of poll. */
    void (*send)(struct dm_backend *b, const uint8_t *frame, size_t bytes);
    /* Moves the backend to `now_ns` and pushes at most `budget` frames into the sink: how many it returns. */
    uint32_t (*poll)(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink, void *ctx);
    void (*destroy)(struct dm_backend *b);
};

/* First member of each backend's struct. */
struct dm_backend {
    const struct dm_backend_ops *ops;
};

void dm_backend_destroy(struct dm_backend *b);

/* Gives every frame back as it came, in order; queue of 1024 frames, full: dropped and counted. */
struct dm_backend *dm_loop_create(void);

struct dm_script_config {
    uint8_t mac[6]; /* the peer's */
    uint8_t address[4]; /* the peer's IPv4 address, also gateway, DHCP server */
    uint8_t guest[4]; /* the address that DHCP gives */
};
/* A deterministic peer without sockets: ARP, ICMP echo, DHCP (one lease), TCP echo on port 7. */
struct dm_backend *dm_script_create(const struct dm_script_config *config);

#define DM_FORWARDS_MAX 8u

/* TCP connections to this port of the host's loopback go to that port of the guest. */
struct dm_forward {
    uint16_t host_port, guest_port;
};

struct dm_slirp_config {
    uint8_t network[4], netmask[4], host[4], guest[4], dns[4];
    bool restricted; /* true unless the user asked for an open network */
    uint32_t forward_count;
    struct dm_forward forwards[DM_FORWARDS_MAX];
};
/* The default: 10.0.2.0/24, host .2, dns .3, guest .15, restricted. */
struct dm_slirp_config dm_slirp_defaults(void);
/* libslirp with IPv6 off and a clock of its own, driven by poll's now_ns. NULL: libslirp refused the
 * configuration, or a port of the host is in use. */
struct dm_backend *dm_slirp_create(const struct dm_slirp_config *config);
const char *dm_slirp_version(void);

/* Writes each frame of both directions with the poll clock as time stamp, then passes it on. Takes over
 * `inner` on success; NULL with errno when the file cannot be made. Format: libpcap 2.4, Ethernet. */
struct dm_backend *dm_pcap_create(struct dm_backend *inner, const char *path);

struct dm_backend_counts {
    uint64_t from_guest, to_guest, dropped;
    uint64_t arp_requests, icmp_echoes, other;
};
/* Frames by kind as the backend saw them from the guest; zeroes for a backend that keeps none. */
struct dm_backend_counts dm_backend_counts(const struct dm_backend *b);

#ifdef __cplusplus
}
#endif
#endif
