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
    uint8_t lack; /* scripts: something runs out; 0: calls are refused */
    uint8_t seconds; /* scripts: a second call is refused as well */
    uint8_t modes; /* scripts: of life_modes, the first so many */
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
    uint8_t quarantined, charged; /* and its pages are charged to the owner that is there */
    uint8_t pending[LIFE_PENDING]; /* pages that a write is under way to */
    uint8_t late;
    uint8_t unmasked; /* the interrupt is there and was unmasked */
    uint8_t due, shown; /* messages that arrived for it; of them reported */
    uint8_t proof; /* enum life_proof */
    uint8_t dormant; /* told to reset and no bus master: what it knew is blotted out, but that it knew
                        something */
    struct kernel_binding binding;
};

enum life_ask {
    ASK_CLAIM = 0,
    ASK_INFO,
    ASK_OPEN,
    ASK_READ,
    ASK_WRITE,
    ASK_ADDRESS,
    ASK_DMA,
    ASK_POOL,
    ASK_BUFFER,
    ASK_MAP,
    ASK_UNMAKE_BUFFER,
    ASK_QUEUE,
    ASK_PUBLISH,
    ASK_REAP,
    ASK_UNMAKE_QUEUE,
    ASK_INTERRUPT,
    ASK_WAIT,
    ASK_ACK,
    ASK_MASK,
    ASK_RELEASE
};

/* A kernel call of the provider's. */
struct life_request {
    enum life_ask op;
    cap_id cap, other;
    uint32_t a, b, c, d; /* row, index, value, and what else the operation takes */
    const void *in;
    const struct reg_window *windows;
    void *out;
};

/* What a script does to one life: calls and places to yield (calls, and looks at a ring) are counted from 0.
 * UINT32_MAX: not at all. */
struct life_fault {
    uint32_t refuse, refuse_too; /* calls that are refused without being done */
    uint32_t lack_at; /* from this call on `resource` is lacking: for it alone, or for good */
    enum auth_resource resource;
    bool for_good;
    uint32_t kill_at; /* yield */
    /* what came of it */
    uint32_t calls, yields;
    uint32_t first_yield; /* yields before the first refusal */
    bool bitten; /* something was refused for the sake of the script */
    bool kept; /* the release of the device was refused: the owner still holds it */
};

/* How the device resets in a script. */
struct life_mode {
    uint8_t confirm; /* reads before it is confirmed; LIFE_NEVER */
    uint8_t writes;
    uint8_t late; /* they land after the confirmation */
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
    struct life_fault *fault; /* of a script; NULL: none */
    const struct life_mode *mode; /* NULL: it is drawn */
    void (*start)(struct xp_world *w); /* of a script: the world's own */
    struct xp_image first; /* and what it made; all zero: no scripts */
    uint8_t *change;
    struct xp_call call;
};

struct life_world *life_world_make(const struct life_config *config);
void life_world_free(struct life_world *l);
static inline struct life_world *life_of(struct xp_world *w)
{
    return (struct life_world *)(void *)w;
}

/* Judgements after each step. */
void life_judge(struct life_world *l);
void life_begin(struct life_world *l, enum life_op op);
/* One step of the honest continuation, as xp_world_ops.heal. */
enum xp_heal life_heal(struct xp_world *w);
/* A message arrives. */
void life_arrives(struct life_world *l);

/* authority_owner.c: the owner's calls; run inside an xp_call. */
void life_call(struct life_world *l, const struct xp_call *call);
/* One word of the answer to the request under way; word 0 has it done. */
uint32_t life_answer(struct life_world *l, uint32_t word);
struct device_reply life_kernel_does(struct life_world *l, const struct life_request *r);
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
/* A provider that says that it is stopped holds nothing of its own. */
void life_given_back(struct life_world *l);
/* After a life, in whatever way: exactly as before it, quarantine apart. */
void life_settled(struct life_world *l);

/* authority_scripts.c */
/* The request under way is answered by the fault. */
bool life_fault_answers(struct life_world *l, struct life_fault *f, struct device_reply *reply);
/* It was answered by the kernel, so. */
void life_fault_sees(struct life_fault *f, struct device_reply reply);
/* The same world, a step of which is one whole script. */
struct life_world *life_scripts_make(const struct life_config *config);

#endif
