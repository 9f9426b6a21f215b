/* SPDX-License-Identifier: BSD-2-Clause */
/* World `authority`, grants: the real kernel rooms, up to three owners, two functions with a small device
 * each. A step is one call of an owner, one move of a device, or one of those who stand above both. Kernel
 * calls are whole: the one kernel lock. Beside the kernel stands a book of what is whose (ghost), kept from
 * the replies alone; after each step the two are held against each other. */
#ifndef CAPOS_EXPLORE_AUTHORITY_WORLD_H
#define CAPOS_EXPLORE_AUTHORITY_WORLD_H

#include "sim/explore/authority_withhold.h"

#define AUTH_OWNERS      3u
#define AUTH_SLOTS       4u
#define AUTH_GENERATIONS 3u
#define AUTH_QUEUE_SIZE  2u
#define AUTH_UNIT        64u /* bytes of one publication's segment */
#define AUTH_PENDING     3u

/* Objects are named by their kernel record: one range of names a kind. */
enum auth_name {
    AUTH_NO_OBJECT = 0,
    AUTH_DEVICES = 1,
    AUTH_REGISTERS = AUTH_DEVICES + 2,
    AUTH_POOLS = AUTH_REGISTERS + 4,
    AUTH_BUFFERS = AUTH_POOLS + 6,
    AUTH_QUEUES = AUTH_BUFFERS + 6,
    AUTH_INTERRUPTS = AUTH_QUEUES + 4,
    AUTH_OBJECTS = AUTH_INTERRUPTS + 4
};

struct auth_object {
    uint8_t kind; /* enum cap_interface; 0: not live */
    uint8_t owner; /* who is charged */
    uint8_t parent;
    uint8_t function;
    uint8_t first, pages; /* its run; a pool: what it may hold */
    uint8_t mapped; /* a buffer: its holder wrote into it */
    uint8_t programmed; /* a queue: its address stands in the device */
    uint8_t over; /* a queue: a reset ended it */
    uint8_t broken;
    uint8_t publications; /* a buffer: segments out */
    uint16_t seen; /* a queue: used elements taken in, free-running */
    uint8_t slots[AUTH_QUEUE_SIZE]; /* a queue: buffer published in the slot, 0: none */
    uint8_t chained[AUTH_QUEUE_SIZE]; /* the slot is the second of the other's chain */
    uint8_t pending, shown; /* an interrupt: arrived and not acknowledged; of them reported */
};

struct auth_holder {
    uint8_t alive;
    uint8_t slot_object[AUTH_SLOTS + 1u];
    uint32_t slot_generation[AUTH_SLOTS + 1u]; /* last used; the last there is and no object: retired */
    uint8_t held[AUTH_FUNCTIONS]; /* pages of its budget that quarantine keeps */
};

struct auth_place {
    uint8_t claim; /* object, or 0 */
    uint8_t quarantined;
    uint8_t reset; /* confirmed since the claim */
    uint8_t kept; /* pages in quarantine */
};

struct auth_ghost {
    struct auth_object objects[AUTH_OBJECTS];
    struct auth_holder owners[AUTH_OWNERS];
    struct auth_place functions[AUTH_FUNCTIONS];
};

/* The small device. Its register table is auth_table. */
struct auth_device {
    uint8_t status;
    uint8_t resetting, left; /* reads until it confirms; AUTH_NEVER */
    uint8_t page, enabled; /* of its ring; 0: none */
    uint16_t fetched, used; /* free-running */
    uint8_t held[AUTH_QUEUE_SIZE]; /* heads that it works on: head + 1 */
    uint8_t pending[AUTH_PENDING]; /* pages that a write is under way to, 0: none */
    uint8_t late; /* those writes outlive its reset */
    uint8_t lies;
    uint8_t acked; /* a reset was confirmed in this step */
};
#define AUTH_NEVER 200u

enum auth_start {
    AUTH_COLD = 0,
    AUTH_READY /* claimed, reset, pool */,
    AUTH_RUNNING /* queue live, a buffer */
};

/* Bits of auth_config.parts: what takes part. */
enum {
    AUTH_PART_MEMORY = 1 << 0, /* pools and buffers */
    AUTH_PART_QUEUES = 1 << 1, /* registers, queues, traffic */
    AUTH_PART_INTERRUPTS = 1 << 2,
    AUTH_PART_COPIES = 1 << 3,
    AUTH_PART_RESTARTS = 1 << 4, /* owners end and come again */
    AUTH_PART_LOG = 1 << 5, /* the log runs full and is drained */
    AUTH_PART_RELEASES = 1 << 6,
    AUTH_PART_EXITS = 1 << 7,
    AUTH_PART_MOVES = 1 << 8,
    AUTH_PART_ALL = 511
};

struct auth_config {
    uint8_t owners, functions, slots;
    uint8_t
        generations; /* that a slot serves; 0: as many as in real life, and where they stand does not count */
    uint16_t parts;
    uint8_t start; /* enum auth_start */
    uint8_t depth; /* steps; 0: to the fixpoint */
    uint8_t late; /* resets are confirmed now; 1: or never; 2: or after one or two reads */
    uint8_t pending; /* writes under way when a reset is asked for, at most */
    uint8_t hostile; /* they may land after the confirmation */
    uint8_t lies; /* used elements that break a rule */
    uint8_t abuse; /* after each step every call with every bad handle */
    uint8_t withhold; /* before each grant each allocation of it fails once */
    uint8_t forever; /* enum auth_resource + 1 that may run out for good; 0: none */
    uint8_t no_heal;
    uint8_t hopeless; /* owners also ask for what the book says they cannot get */
};

enum auth_op {
    AUTH_CREATE = 0,
    AUTH_KILL,
    AUTH_EXIT,
    AUTH_CLAIM,
    AUTH_OPEN,
    AUTH_RESET,
    AUTH_POLL,
    AUTH_GO,
    AUTH_DMA,
    AUTH_POOL,
    AUTH_BUFFER,
    AUTH_QUEUE,
    AUTH_PROGRAM,
    AUTH_MAP,
    AUTH_PUBLISH,
    AUTH_REAP,
    AUTH_DESTROY,
    AUTH_INTERRUPT,
    AUTH_UNMASK,
    AUTH_MASK,
    AUTH_WAIT,
    AUTH_ACK,
    AUTH_RELEASE,
    AUTH_COPY,
    AUTH_MOVE,
    AUTH_FREE_QUARANTINE,
    AUTH_LOG_FULL,
    AUTH_LOG_DRAINED,
    AUTH_RUN_OUT,
    AUTH_DEVICE_FETCH,
    AUTH_DEVICE_COMPLETE,
    AUTH_DEVICE_LIE,
    AUTH_DEVICE_LAND,
    AUTH_DEVICE_SEND,
    AUTH_DEVICE_ARRIVES,
    AUTH_OPS
};

struct auth_action {
    uint8_t op;
    uint8_t owner; /* or function */
    uint8_t a, b; /* slots of the owner's table, or what the operation needs */
};
#define AUTH_ACTIONS_MAX 400u

struct auth_small {
    uint32_t epoch[AUTH_OWNERS]; /* of each owner's binding */
    uint8_t run_out; /* config.forever has happened */
    uint8_t reserved[3];
};

struct auth_world {
    struct xp_world world;
    struct auth_config config;
    struct auth_machine machine;
    struct xp_driver driver; /* of ringmem.h: the kernel's accesses are just done */
    struct xp_order_state order_state;
    struct auth_machine_state machine_state;
    struct auth_ghost ghost;
    struct auth_device devices[AUTH_FUNCTIONS];
    struct auth_small small;
    struct kernel_usage base; /* what is held by nobody of this world */
    struct budget_limits budget;
    struct sim_choices first; /* of set-up and honest continuation: they ask nobody else */
    /* within a step */
    uint8_t run_first, run_count; /* mapped last */
};

struct auth_world *auth_world_make(const struct auth_config *config);
/* Calls that were made before its first state, owners' creation apart. */
uint32_t auth_calls_before(const struct auth_config *config);
void auth_world_free(struct auth_world *a);
static inline struct auth_world *auth_of(struct xp_world *w)
{
    return (struct auth_world *)(void *)w;
}

static inline uint32_t auth_last_generation(const struct auth_world *a)
{
    return a->config.generations ? a->config.generations : CAP_GENERATION_LIMIT_MAX;
}

static inline uint8_t auth_kind_at(const struct auth_world *a, uint32_t owner, uint32_t slot)
{
    return a->ghost.objects[a->ghost.owners[owner].slot_object[slot]].kind;
}

/* authority_offers.c: what can be done now. */
uint32_t auth_actions(struct auth_world *a, struct auth_action *out);
bool auth_has_slot(const struct auth_world *a, uint32_t owner);

/* authority_grants.c: doing it. */
void auth_act(struct auth_world *a, const struct auth_action *action);
struct device_authority auth_authority(struct auth_world *a, uint32_t owner, struct kernel_binding *storage);
cap_id auth_cap(const struct auth_world *a, uint32_t owner, uint32_t slot);

/* authority_ghost.c */
uint8_t auth_object_of(struct auth_world *a, uint32_t owner, cap_id id);
uint8_t auth_granted(struct auth_world *a, uint32_t owner, cap_id id, uint8_t kind, uint8_t parent);
void auth_transferred(struct auth_world *a, uint32_t from, uint32_t slot, uint32_t to, cap_id id, bool move);
void auth_drop_slot(struct auth_world *a, uint32_t owner, uint32_t slot);
void auth_end_object(struct auth_world *a, uint8_t object);
void auth_end_owner(struct auth_world *a, uint32_t owner);
/* A reset of the function was confirmed to the kernel. */
void auth_reset_over(struct auth_world *a, uint32_t function);
/* Follows what the broker took in during the step. */
void auth_take_in(struct auth_world *a);
void auth_judge(struct auth_world *a);

/* authority_device.c */
extern const struct reg_table auth_table;
extern const struct auth_hooks auth_device_hooks;
void auth_device_power_on(struct auth_world *a);
uint32_t auth_device_actions(struct auth_world *a, struct auth_action *out);
void auth_device_act(struct auth_world *a, const struct auth_action *action);
/* The function knows addresses that it was not made to forget. */
bool auth_device_dangerous(const struct auth_world *a, uint32_t function);

/* authority_withhold.c */
typedef struct device_reply (*auth_call)(struct auth_world *a, const struct auth_action *action);
/* Each resource that the action needs fails once: refused, and nothing changed. */
void auth_withhold_each(struct auth_world *a, const struct auth_action *action, auth_call call);

/* authority_abuse.c: each call of each owner with each handle that it must not work with is refused and
 * changes nothing. */
void auth_abuse(struct auth_world *a);

/* authority_hash.c */
uint64_t auth_fingerprint(struct xp_world *w);

#endif
