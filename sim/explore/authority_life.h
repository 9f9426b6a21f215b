/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`, lives: the provider in an owner of its own, over capabilities alone; the real kernel
 * rooms between it and a network device (net_device.h). The owner may be killed before each of its kernel
 * calls and each of its loads of a used ring; the device may have writes under way when it is reset; the next
 * owner binds the same function. */
#ifndef CAPOS_EXPLORE_AUTHORITY_LIFE_H
#define CAPOS_EXPLORE_AUTHORITY_LIFE_H

#include "provider/brokered.h"
#include "provider/virtio_net.h"
#include "sim/explore/authority_withhold.h"
#include "sim/explore/net_device.h"

#define LIFE_SIZE       2u
#define LIFE_SLOT_BYTES 2048u
#define LIFE_PENDING    3u
#define LIFE_RX_PAGE                                                                                         \
    5u /* first-fit, guards between: rings in pages 1 and 3, then receive and transmit buffers */
#define LIFE_TX_PAGE     7u
#define LIFE_ARENA_BYTES 512u
#define LIFE_WRITTEN     512u
#define LIFE_NEVER       255u

enum life_op { LIFE_BIND = 0, LIFE_POLL, LIFE_SEND, LIFE_RECEIVE, LIFE_INTERRUPT, LIFE_STOP, LIFE_CLOSE };

struct life_config {
    uint8_t size; /* of both queues */
    uint8_t frames; /* sent and delivered in a life, each */
    uint8_t late; /* resets are confirmed now; 1: or never; 2: or after one or two reads */
    uint8_t pending; /* writes under way when a reset is asked for, at most */
    uint8_t hostile; /* they may land after the confirmation */
    uint8_t interrupts; /* the owner holds one, and messages may be on their way */
    uint8_t kills; /* the owner may be killed; 0: it only ends in order */
};

/* The owner's own memory, put back when a call is left. */
struct life_own {
    uint8_t bound; /* its handles are there and the provider is open */
    uint8_t closed; /* everything was given back */
    uint8_t sent, received;
    uint8_t reserved[4];
    cap_id device, pool, interrupt;
    struct virtio_net nic;
    struct registers_brokered registers;
    struct device_authority authority;
    struct pci_function_info info;
    _Alignas(8) uint8_t arena[LIFE_ARENA_BYTES];
    struct author_brokered author; /* last: its batch is built anew in each call */
};

/* The honest continuation: whoever is there ends in order; then an owner comes, whose frames go both ways,
 * and ends. */
enum life_proof { LIFE_ENDING = 0, LIFE_PROVING, LIFE_PROVEN };

/* What is true beside kernel, device and owner. */
struct life_state {
    uint8_t alive;
    uint8_t reset; /* confirmed since the claim */
    uint8_t stale; /* out of quarantine without one: the device remembers, and is no bus master */
    uint8_t quarantined;
    uint8_t pending[LIFE_PENDING]; /* pages that a write is under way to */
    uint8_t late;
    uint8_t unmasked; /* the interrupt is there and was unmasked */
    uint8_t due, shown; /* messages that arrived for it; of them reported */
    uint8_t proof; /* enum life_proof */
    uint8_t dormant; /* told to reset and no bus master: what it knew is blotted out, but that it knew
                        something */
    struct kernel_binding binding;
};

struct life_request; /* a kernel call of the provider */

/* A fault put between the provider and the kernel: calls are counted from 0. */
struct life_fault {
    uint32_t calls;
    uint32_t refuse[2]; /* these are refused without being done: the first, the second after it; UINT32_MAX:
                           none */
    uint32_t refused; /* how many were */
    uint32_t kill_at; /* UINT32_MAX: never */
    uint32_t withhold_at; /* from this call on `resource` is lacking */
    enum auth_resource resource;
    bool for_good;
    bool withheld;
};

struct life_world {
    struct xp_world world;
    struct life_config config;
    struct auth_machine machine;
    struct auth_machine_state machine_state;
    struct xp_driver driver;
    struct xp_order_state order_state;
    struct xp_net device;
    struct xp_net_state net_state;
    struct xp_slot slots[XP_NET_QUEUES][LIFE_SIZE];
    uint16_t flight[XP_NET_QUEUES][LIFE_SIZE];
    uint8_t *written;
    struct life_own *own;
    struct life_state state;
    struct kernel_usage base;
    struct budget_limits budget;
    struct reg_table table; /* the provider's, with a shorter deadline of the kernel's own reset */
    const struct life_request *request; /* under way */
    uint32_t answer[3];
    struct life_fault *fault; /* NULL: none */
    struct xp_call call;
};

struct life_world *life_world_make(const struct life_config *config);
void life_world_free(struct life_world *l);
static inline struct life_world *life_of(struct xp_world *w)
{
    return (struct life_world *)(void *)w;
}

/* authority_owner.c: the owner's calls; run inside an xp_call. */
void life_call(struct life_world *l, const struct xp_call *call);
/* One word of the answer to the request under way; word 0 has it done. */
uint32_t life_answer(struct life_world *l, uint32_t word);
bool life_may(const struct life_world *l, enum life_op op);
/* A frame went out and came back as completed, one was received. */
bool life_carried(const struct life_world *l);
size_t life_canonical(const struct life_world *l, uint8_t *out, size_t bytes);

/* authority_end.c: the device's resets, ends of the owner, and what they leave. */
extern const struct auth_hooks life_hooks;
/* The owner's interrupt ended: what is on its way is nobody's from here on. */
void life_interrupt_gone(struct life_world *l);
void life_land(struct life_world *l, uint32_t which);
void life_create(struct life_world *l);
void life_kill(struct life_world *l);
void life_exit(struct life_world *l);
void life_free_quarantine(struct life_world *l);
/* A device that was told to reset, did not confirm it and is no bus master does nothing with what it
 * remembers before it has confirmed one: blotted out, so that states which differ in it are one. After each
 * step. */
void life_forget(struct life_world *l);
/* After a life, in whatever way: exactly as before it, quarantine apart. */
void life_settled(struct life_world *l);

#endif
