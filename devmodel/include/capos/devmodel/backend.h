/* SPDX-License-Identifier: BSD-2-Clause */
/* What is behind a network device model: loop, script, slirp; in front of any of them a wire that damages, a
 * pcap tap; several of them on one hub. Scripted peers beyond the simplest: peer.h, client.h, intruder.h. A
 * peer of your own, with its own stack, is a struct that starts with struct dm_backend. */
#ifndef CAPOS_DEVMODEL_BACKEND_H
#define CAPOS_DEVMODEL_BACKEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define DM_FRAME_BYTES_MAX 65550u
#define DM_NEVER           UINT64_MAX

struct dm_backend;

struct dm_backend_counts {
    uint64_t from_guest, to_guest, dropped;
    uint64_t arp_requests, icmp_echoes, other;
};

/* Takes a frame towards the guest. False: no room, the backend keeps it or drops it, as its kind says. */
typedef bool (*dm_frame_sink)(void *ctx, const uint8_t *frame, size_t bytes);

struct dm_backend_ops {
    const char *name;
    /* A frame from the guest. Never calls the sink itself: answers come out of poll. */
    void (*send)(struct dm_backend *b, const uint8_t *frame, size_t bytes);
    /* Moves the backend to `now_ns` and pushes at most `budget` frames into the sink: how many it returns. */
    uint32_t (*poll)(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink, void *ctx);
    void (*destroy)(struct dm_backend *b);
    /* The virtual time at which poll has something to do that no frame asked for, as it stands after the last
     * poll: 0 or any time that has passed: at the next poll; DM_NEVER: nothing. For a caller whose clock
     * leaps. NULL: such a time is not known, poll often. */
    uint64_t (*next_due)(const struct dm_backend *b);
    /* Frames by kind, or the inner backend's. NULL: it keeps none. */
    struct dm_backend_counts (*counts)(const struct dm_backend *b);
};

/* First member of each backend's struct. */
struct dm_backend {
    const struct dm_backend_ops *ops;
};

void dm_backend_destroy(struct dm_backend *b);
/* next_due's answer; 0 for a backend that knows none. */
uint64_t dm_backend_next_due(const struct dm_backend *b);
/* Frames by kind as the backend saw them from the guest; zeroes for a backend that keeps none. */
struct dm_backend_counts dm_backend_counts(const struct dm_backend *b);

/* Gives every frame back as it came, in order; queue of 1024 frames, full: dropped and counted. */
struct dm_backend *dm_loop_create(void);

struct dm_script_config {
    uint8_t mac[6]; /* the peer's */
    uint8_t address[4]; /* the peer's IPv4 address, also gateway, DHCP server */
    uint8_t guest[4]; /* the address that DHCP gives */
};
/* A deterministic peer without sockets: ARP, ICMP echo, DHCP (one lease of an hour, /24), TCP and UDP echo on
 * port 7. dm_peer_create (peer.h) makes one whose every answer can be chosen. */
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

#define DM_HUB_PORTS 16u
/* Several backends on one wire to the guest: each frame of the guest goes to all of them, their frames go to
 * the guest, one from each in turn; they do not hear each other. Takes over `ports` (not the array) on
 * success; NULL: `count` is 0 or above DM_HUB_PORTS, or no memory. Its counts: from_guest and its kinds count
 * each frame once, dropped is the sum over the ports. */
struct dm_backend *dm_hub_create(struct dm_backend *const *ports, uint32_t count);

/* One direction of a wire that damages. Chances are per mille, 0 to 1000, and independent of each other. */
struct dm_wire_way {
    uint16_t loss; /* the frame is gone */
    uint16_t corrupt; /* one bit of the frame, any of them, is flipped */
    uint16_t duplicate; /* a second copy follows, with a delay of its own */
    uint16_t reorder; /* held back by reorder_ns, so that later frames overtake it */
    uint64_t reorder_ns; /* above 0 where reorder is */
    uint64_t delay_ns;
    uint64_t jitter_ns; /* 0 to this many are added to delay_ns; does not change the order */
    uint64_t
        bits_per_second; /* 0: no limit; counts the frame's bytes as given, no preamble, no check sequence */
    uint32_t queue_frames; /* held at most, a frame beyond them is dropped; 1 to DM_WIRE_FRAMES, 0:
                              DM_WIRE_FRAMES */
};
#define DM_WIRE_FRAMES 1024u

struct dm_wire_config {
    uint64_t seed; /* equal seed and equal frames at equal times: equal output */
    struct dm_wire_way from_guest, to_guest;
};

/* What became of the frames of one direction. frames + duplicated = lost + overflowed + delivered + held,
 * where held are those still on the way. */
struct dm_wire_counts {
    uint64_t frames; /* that came in */
    uint64_t lost, corrupted, duplicated, reordered;
    uint64_t overflowed; /* found the queue full, or were longer than DM_FRAME_BYTES_MAX */
    uint64_t delivered;
};

/* Puts a wire in front of `inner`, which it takes over on success. NULL with errno: EINVAL for a chance above
 * 1000, a queue above DM_WIRE_FRAMES, reorder without reorder_ns, or a time above 2^62 ns; ENOMEM. A frame of
 * the guest starts at the time of the last poll and reaches `inner` in the poll in which it is due, before
 * `inner` is polled itself. Not thread safe, like every backend. */
struct dm_backend *dm_wire_create(struct dm_backend *inner, const struct dm_wire_config *config);
/* Other ways from now on; frames on the way keep their times, the generators go on (`seed` is not looked at).
 * False with errno EINVAL: refused, nothing changed. `wire` is what dm_wire_create gave. */
bool dm_wire_change(struct dm_backend *wire, const struct dm_wire_config *config);
void dm_wire_counts(const struct dm_backend *wire, struct dm_wire_counts *from_guest,
                    struct dm_wire_counts *to_guest);

#ifdef __cplusplus
}
#endif
#endif
