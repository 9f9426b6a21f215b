/* SPDX-License-Identifier: BSD-2-Clause */
/* World `nic`: the whole life of a network driver over one function: opened, brought up, traffic, stopped,
 * opened again; every register access and every access to ring memory is a place where the device, an event
 * or a lie may come between. The driver is the provider, or one that was brought (bring_your_driver.h): an
 * adapter each. */
#ifndef CAPOS_EXPLORE_NIC_WORLD_H
#define CAPOS_EXPLORE_NIC_WORLD_H

#include "abi/pci.h"
#include "platform/explore/platform_explore.h"
#include "sim/bring_your_driver.h"
#include "sim/explore/net_device.h"

#define NIC_BUS          0x100000000ull
#define NIC_PAGES        8u /* shared memory: four of rings, four of buffers */
#define NIC_BUFFERS      (4u * 4096u)
#define NIC_SIZE_MAX     4u
#define NIC_SETTLE_POLLS 6u /* without a frame coming out: then nothing will */

enum nic_op { NIC_OPEN = 0, NIC_POLL, NIC_SEND, NIC_RECEIVE, NIC_STOP };
enum nic_phase { NIC_CLOSED = 0, NIC_STARTING, NIC_RUNNING, NIC_STOPPING, NIC_STOPPED, NIC_QUARANTINED };

struct nic_config {
    bool legacy;
    uint16_t size; /* of both queues, 1 to NIC_SIZE_MAX */
    enum xp_model model;
    uint8_t frames_max; /* sent and delivered in one life, each */
    uint8_t lives_max; /* times that it may be opened; 0: any number */
    uint8_t lies_max;
    uint32_t lie_kinds, queue_lie_kinds;
    uint8_t events_max;
    uint32_t event_kinds;
    bool suppress;
    const struct byd_driver *driver; /* NULL: the provider */
};

struct nic_world;

/* A driver as the world calls it. All of these run inside a call that may be left at each access. */
struct nic_adapter {
    size_t private_bytes;
    void (*start)(struct nic_world *n); /* private memory is zeroed */
    void (*open)(struct nic_world *n);
    void (*poll)(struct nic_world *n,
                 uint8_t which); /* which: 0 nothing else, 1 its status check, 2 its link check */
    void (*send)(struct nic_world *n); /* one frame, if it has room */
    void (*receive)(struct nic_world *n); /* takes in and gives back one frame, if there is one */
    void (*stop)(struct nic_world *n);
    enum nic_phase (*phase)(const struct nic_world *n);
    bool (*idle)(const struct nic_world *n); /* running: nothing sent is out, all receive buffers are armed */
    /* Private memory without what only grows, for the fingerprint. Bytes written. */
    size_t (*canonical)(const struct nic_world *n, uint8_t *out, size_t bytes);
};
extern const struct nic_adapter nic_provider_adapter, nic_brought_adapter;

/* What the caller of the driver remembers. It lies before the driver's private memory and is put back with it
 * when a call is left. */
struct nic_book {
    uint8_t lives, sent, expected; /* expected: number of the next frame to be received */
    uint8_t refused; /* the brought driver said that it is broken, or could not attach */
    uint8_t running; /* the brought driver is attached */
    uint8_t settled; /* polls of the honest continuation without anything coming home */
    uint8_t opened;
    uint8_t reserved[9];
};

/* What happened in lives, over all of them; no part of the state. */
struct nic_counts {
    uint64_t lives, device_steps, sent, received, stopped, quarantined;
};

struct nic_world {
    struct xp_world world;
    struct nic_counts counts;
    struct nic_config config;
    const struct nic_adapter *adapter;
    struct xp_driver driver;
    struct xp_net device;
    struct platform platform;
    struct pci_function_info info;
    uint8_t *memory;
    struct nic_book *book;
    uint8_t *own; /* the driver's private memory, behind the book */
    uint8_t *scribbled[XP_NET_QUEUES];
    struct xp_slot slots[XP_NET_QUEUES][2u * NIC_SIZE_MAX]; /* a liar may double the size */
    uint16_t flight[XP_NET_QUEUES][2u * NIC_SIZE_MAX];
    struct xp_net_state net_state;
    struct xp_order_state order_state;
    struct xp_call call;
};

struct xp_job;
/* Fills a job of this world. */
void xp_nic_configure(struct xp_job *job, const struct nic_config *config, bool deep);

struct nic_world *nic_world_make(const struct nic_config *config);
/* The same, for whole lives: one step is a life from opening to rest, with at least one frame sent and one
 * delivered unless the driver refused the device. Calls run through (inline); choices come from the generator
 * or from bytes; ops->start before each. */
struct nic_world *nic_lives_make(const struct nic_config *config);
void nic_world_free(struct nic_world *n);

/* One choice of an operation by the caller of the driver, or of who acts: for nic_life.c. */
bool nic_operate(struct nic_world *n);
void nic_begin(struct nic_world *n, enum nic_op op, uint8_t argument);

/* A frame of `bytes` came out of the driver: its first word, as an access of the call read it, is judged
 * against what the device delivered. */
void nic_received(struct nic_world *n, uint32_t word, uint32_t bytes);
/* The driver gave memory back: it must be out of the device's reach. */
void nic_memory_returned(struct nic_world *n, const char *what);

#endif
