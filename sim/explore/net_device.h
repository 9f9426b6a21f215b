/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio network device small enough to be explored: registers of one transport (virtio 1.2, 4.1.4.3
 * or 4.1.4.8), two queues (queue.h), status, reset. Honest unless the budget of lies allows. It watches the
 * driver's order of initialisation (3.1.1), its access widths (4.1.3.1) and what it accepts. Written from the
 * specification. The complete device is devmodel's; it is too large to be a state. */
#ifndef CAPOS_EXPLORE_NET_DEVICE_H
#define CAPOS_EXPLORE_NET_DEVICE_H

#include "sim/explore/driver.h"
#include "sim/explore/queue.h"

#define XP_NET_QUEUES   2u /* 0 receive, 1 transmit */
#define XP_NET_FRAME    60u /* bytes of each frame that it delivers */
#define XP_NET_SEQUENCE 8u /* frames are numbered modulo this */

/* Where the driver finds the registers. Modern: one memory BAR with three windows. Legacy: ports. */
#define XP_NET_BAR       0x10000000ull
#define XP_NET_NOTIFY_AT 0x1000u
#define XP_NET_CONFIG_AT 0x2000u
#define XP_NET_PORTS     0xc000u

enum xp_net_lie {
    XP_NET_LIE_STATUS = 0, /* one status read is garbage */
    XP_NET_LIE_SIZE, /* one queue size read is another number */
    XP_NET_LIE_FEATURES, /* the offer is all ones, or nothing */
    XP_NET_LIE_CONFIG, /* configuration changes under each read */
    XP_NET_LIE_REFUSE, /* FEATURES_OK is dropped */
    XP_NET_LIE_RESET, /* a reset is confirmed late, or never */
    XP_NET_LIE_NOTIFY, /* the notify offset lies far outside */
    XP_NET_LIE_COUNT
};

/* Events that happen to an honest device. */
enum xp_net_event {
    XP_NET_LINK = 0,
    XP_NET_NEEDS_RESET,
    XP_NET_SELF_RESET,
    XP_NET_REMOVED,
    XP_NET_EVENT_COUNT
};

struct xp_net_ring {
    uint64_t desc, driver, device;
    uint32_t page;
    uint16_t size; /* as the driver was told; 0: not asked for yet */
    uint8_t enabled;
    uint8_t reserved;
};

/* All that changes, queues apart. */
struct xp_net_state {
    struct xp_net_ring rings[XP_NET_QUEUES];
    uint64_t shown; /* features that the driver was shown since the last reset */
    uint64_t accepted;
    uint32_t offer_half, accept_half;
    uint16_t selected;
    uint16_t sent, delivered; /* frames taken from and given to the driver in this life */
    uint8_t status;
    uint8_t resetting; /* status 0 was written and is not yet read back */
    uint8_t reset_left; /* reads until it is confirmed; 255: never */
    uint8_t stubborn; /* it will not confirm the next reset at once: 0, 1, 2 reads, 255 */
    uint8_t generation;
    uint8_t link;
    uint8_t removed;
    uint8_t lies; /* register lies told; those of the queues count there */
    uint8_t armed; /* bit per enum xp_net_lie: the next opportunity lies */
    uint8_t events; /* happened, link changes apart */
    uint8_t sequence; /* of the next frame that it delivers */
    uint8_t variant[XP_NET_LIE_COUNT]; /* which value each armed lie tells */
    uint8_t failed; /* FAILED was set: nothing but a reset may follow */
};

struct xp_net {
    struct xp_world *world;
    struct xp_order *order;
    struct xp_net_state *state;
    struct xp_queue queues[XP_NET_QUEUES];
    struct xp_queue_state queue_states[XP_NET_QUEUES];
    bool legacy;
    uint16_t size; /* of both queues */
    uint64_t bus; /* device address of shared memory */
    uint32_t memory_bytes, buffers; /* offset from which descriptors may point */
    uint8_t lies_max; /* registers and queues together */
    uint8_t events_max;
    uint8_t frames_max; /* frames that it delivers in one life */
    uint32_t lie_kinds; /* bits of enum xp_net_lie */
    uint32_t event_kinds;
};

/* As after power-on. */
void xp_net_power_on(struct xp_net *n);
/* Queue pointers follow the state: after each restore. */
void xp_net_bind(struct xp_net *n);
/* One register access; what is read. Addresses as the driver sees them. */
uint32_t xp_net_register(struct xp_net *n, const struct xp_access *a);
/* A store of the driver became visible. */
void xp_net_seen(struct xp_net *n, uint32_t offset, uint8_t width, uint64_t value);
/* After a lie: the driver loaded a word of a used ring. What an element names and the device still holds, it
 * lets go (xp_queue_let_go). */
void xp_net_loaded(struct xp_net *n, uint32_t offset, uint32_t value);
bool xp_net_hidden(const struct xp_net *n, uint32_t offset);
uint32_t xp_net_moves(struct xp_net *n);
void xp_net_move(struct xp_net *n, uint32_t which);
/* The honest, fair next move. False: at rest. */
bool xp_net_heal(struct xp_net *n);
/* The same with frames on the wire, as many as frames_max allows. */
bool xp_net_deliver(struct xp_net *n);
/* It knows no ring: none was enabled since its last reset, which it confirmed. Memory may go. */
bool xp_net_quiet(const struct xp_net *n);
bool xp_net_place(const struct xp_net *n, uint32_t offset, char *text, size_t bytes);
/* Lies told so far, registers' and queues'. */
uint32_t xp_net_lies(const struct xp_net *n);

#endif
