/* SPDX-License-Identifier: BSD-2-Clause */
/* The network card's driver process: the provider over the brokered transport, and the Nic that it serves to
 * one client at a time. Everything is static or of the device's pool; what the client shares is a hint, read
 * once.
 *
 * A frame is copied once in each direction, between the client's slot and the device's buffer: the device
 * never learns of a page that a client can write, and a client never sees a page that the device still may.
 */
#ifndef CAPOS_USER_NICD_NICD_H
#define CAPOS_USER_NICD_NICD_H

#include "abi/nic.h"
#include "provider/brokered.h"
#include "provider/virtio_net.h"
#include "user/prove/handles.h"

#define NICD_POOL_PAGES   256u /* two rings of 8192 entries, and the slots below */
#define NICD_RX_SLOTS     128u
#define NICD_TX_SLOTS     128u /* a client's whole share */
#define NICD_BUDGET       64u /* completions a poll */
#define NICD_ARENA_BYTES  (640u << 10)
#define NICD_RECEIVES     4u /* calls of clients taken at once */
#define NICD_PLACE_STATUS NICD_RECEIVES /* and one of those that only ask */
#define NICD_MTU          1500u

/* Defaults of the start-up page's parameters. */
#define NICD_EMPTY_POLLS  4u  /* `empty_polls`: polls without work before it sleeps */
#define NICD_SLEEP_US     200u /* the longest sleep while it polls, if `sleep_us` does not say another */
#define NICD_PROOF_NS     30000000000ull /* a proof's client comes within this time */
#define NICD_IRQ_SLEEP_US 100000u /* the same while an interrupt wakes it (`interrupts=1`) */

enum nicd_exit {
    NICD_EXIT_GRANT = 1, /* no endpoint to serve */
    NICD_EXIT_MEMORY,
    NICD_EXIT_DEVICE, /* the device was refused, or did not start */
    NICD_EXIT_PROVIDER, /* the provider left RUNNING */
    NICD_EXIT_PROOF /* mode proof: a claim did not hold */
};

/* The client's share as this side keeps it: own indices are the truth, the page is told. */
struct nicd_client {
    bool attached;
    uint64_t badge;
    cap_id memory;
    struct nic_share *share;
    uint32_t tx_head, rx_tail; /* own; free-running */
    uint64_t sent, received; /* frames, of all clients */
    uint32_t refused; /* indices or lengths of the client that were not followed */
    uint32_t dropped; /* received frames without a client */
    uint64_t wait_token; /* of a NIC_WAIT under way, with `waits` */
    bool waits, waits_for_room;
};

struct nicd {
    struct rt *rt;
    cap_id endpoint, status, function; /* endpoints: of clients, of those that only ask */
    struct handles handles;
    struct device_authority authority; /* of handles.device; a proof's records */
    cap_id device, interrupt;
    struct pci_function_info info;
    struct registers_brokered registers;
    struct author_brokered author;
    struct virtio_net nic;
    struct nicd_client client;
    bool up; /* a device, and its provider runs */
    bool proof; /* serves one client after its own proofs, and ends with it */
    bool over; /* that client is gone */
    uint16_t told_queue; /* one that nobody drives, whose size is told when the device starts; 0: none */
    bool interrupt_asked; /* an INTERRUPT_WAIT is under way */
    bool gone_asked; /* an ENDPOINT_GONE is under way, for `gone_badge` */
    uint64_t gone_badge;
    uint32_t empty_polls, sleep_us;
    _Alignas(16) uint8_t arena[NICD_ARENA_BYTES];
};

/* Vectors of the queues' events. */
struct nicd_vectors {
    struct vnet_vector rx, tx;
};

/* device.c. False: said why on the console. */
/* Claims and starts the device, as its parameters say. */
bool nicd_open(struct nicd *n);
/* The parts of it: authority over the function, once; the claim; pool and provider, polled until it runs. */
bool nicd_prepare(struct nicd *n);
bool nicd_claim(struct nicd *n);
bool nicd_provider(struct nicd *n, const struct nicd_vectors *vectors);
/* A line on the console, "nicd: WHAT". Returns false. */
bool nicd_failed(struct nicd *n, const char *what);

/* share.c */
/* Frames that the client gave, to the provider. Returns how many were sent. */
uint32_t nicd_send(struct nicd_client *c, struct virtio_net *nic);
/* Received frames to the client, as many as it has room for; the rest stays with the device. Without a client
 * they are dropped. Returns how many came. */
uint32_t nicd_receive(struct nicd_client *c, struct virtio_net *nic);
/* Received frames in the share that the client has not taken, as far as it can be believed. */
uint32_t nicd_waiting(const struct nicd_client *c);
bool nicd_tx_full(const struct nicd_client *c);

/* serve.c: a received call is answered, or kept. */
void nicd_call(struct nicd *n, const struct ring_completion *completion);
/* A NIC_WAIT that has what it waits for is answered. */
void nicd_wake(struct nicd *n);
/* The client that was waited for can call no more: it is let go. */
void nicd_gone(struct nicd *n);
/* `user` of submissions that are no receive. */
#define NICD_USER_INTERRUPT (NICD_PLACE_STATUS + 1u)
#define NICD_USER_GONE      (NICD_PLACE_STATUS + 2u)

#endif
