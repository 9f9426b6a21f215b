/* SPDX-License-Identifier: BSD-2-Clause */
/* World `process`: the real process layer of the core over a processor whose programs are the explorer's
 * choices. A step is one turn of the system: one program submits one record and enters, or waits, exits,
 * faults; or one is killed from outside, or time goes on. Beside the kernel stands a book of what each
 * program may expect, kept by the words of abi/ring.h; after each turn the two are held against each other.
 */
#ifndef CAPOS_EXPLORE_PROCESS_WORLD_H
#define CAPOS_EXPLORE_PROCESS_WORLD_H

#include "kernel/core/system.h"
#include "sim/explore/world.h"

#define PW_PROCESSES 3u
#define PW_SLOTS     10u /* of a table, at most */
#define PW_ENTRIES   4u /* records of one process that are not completed, at most */
#define PW_PAGES     96u
#define PW_OWN_PAGES (3u + STARTUP_STACK_BYTES / PROCESSOR_PAGE) /* of a process */
#define PW_NOBODY    0xffu

/* Objects are named by their record: a range of names a kind. */
enum pw_name {
    PW_NO_OBJECT = 0,
    PW_ENDPOINT_SOURCE,
    PW_MEMORY_SOURCE,
    PW_TIMER,
    PW_SPAWNER,
    PW_ENDPOINTS,
    PW_CLIENTS = PW_ENDPOINTS + 2,
    PW_MEMORIES = PW_CLIENTS + 2,
    PW_HANDLES = PW_MEMORIES + 2,
    PW_OBJECTS = PW_HANDLES + 2
};

struct pw_object {
    uint8_t live;
    uint8_t maker; /* process that is charged */
    uint8_t parent;
    uint8_t server; /* an endpoint: process that received last, or PW_NOBODY */
    uint8_t process; /* a handle: its process, or PW_NOBODY: ended */
    uint8_t mapped; /* a MemoryObject: bit a process */
    struct object_ref ref;
};

enum pw_state {
    PW_FREE = 0,
    PW_WRITTEN, /* in the ring, not taken */
    PW_QUEUED, /* a call */
    PW_RECEIVED,
    PW_RECEIVING,
    PW_TIMED,
    PW_WATCHING, /* waits for a process's end */
    PW_OVER /* must be completed by the end of this turn */
};

enum pw_op {
    /* records */
    PW_NOP = 0,
    PW_CALL, /* a: slot */
    PW_CALL_COPY, /* b: slot of what comes along */
    PW_CALL_MOVE,
    PW_RECV, /* a: slot */
    PW_RETURN, /* a: the caller's number times PW_ENTRIES, plus its entry */
    PW_RETURN_COPY,
    PW_RETURN_MOVE,
    PW_RETURN_DEAD, /* with a token that was used */
    PW_RELEASE,
    PW_WAIT_TIMER,
    PW_MAKE_ENDPOINT,
    PW_MAKE_CLIENT,
    PW_MAKE_MEMORY,
    PW_MAP,
    PW_UNMAP,
    PW_STALE, /* a call by a handle of the slot's last life */
    PW_SPAWN,
    PW_KILL,
    PW_WATCH,
    PW_HOSTILE, /* a: which of the records that break a rule */
    PW_RECORDS,
    /* no records */
    PW_WAIT = PW_RECORDS, /* in cap_enter, until something completes */
    PW_READ, /* the completions that are there */
    PW_BAD_ENTER, /* a: which of the indices is wrong */
    PW_EXIT,
    PW_FAULT,
    PW_END, /* killed from outside */
    PW_TICK,
    PW_OPS
};

struct pw_action {
    uint8_t op, process, a, b;
};
#define PW_ACTIONS_MAX 300u

struct pw_entry {
    uint8_t state; /* enum pw_state */
    uint8_t op;
    uint8_t a, b;
    uint8_t object; /* called, received on, waited on */
    uint8_t server; /* RECEIVED */
    uint8_t place; /* RECEIVING */
    uint8_t call; /* OVER, a receive: which call, as for PW_RETURN; or PW_NOBODY */
    uint8_t status, refused, failed; /* OVER: enum ring_status; by an exception; by a result */
    uint8_t gives; /* OVER: object whose handle comes along */
    uint8_t made; /* OVER: the kind's first name, of an object that is new */
    uint8_t extra; /* object that comes along, while its handle is alive */
    cap_id cap, extra_cap;
    uint64_t order, user, token, until;
    struct ring_submission record;
};

struct pw_process {
    uint8_t alive;
    uint8_t waiting; /* in cap_enter for something to complete */
    uint8_t posted; /* completions since it began to */
    uint8_t unread; /* config.room */
    uint8_t pages; /* its own */
    uint8_t reserved[3];
    uint8_t slot_object[PW_SLOTS + 1u];
    uint32_t slot_generation[PW_SLOTS + 1u]; /* last used */
    struct pw_entry entries[PW_ENTRIES];
};

struct pw_book {
    struct pw_process processes[PW_PROCESSES];
    struct pw_object objects[PW_OBJECTS];
    uint64_t next_order, next_user, dead_token, now;
};

/* Bits of pw_config.parts: what takes part. */
enum {
    PW_PART_COPIES = 1 << 0, /* with calls and answers */
    PW_PART_MOVES = 1 << 1,
    PW_PART_RELEASES = 1 << 2,
    PW_PART_ENDS = 1 << 3, /* exit, fault, kill */
    PW_PART_TIMERS = 1 << 4,
    PW_PART_MEMORY = 1 << 5, /* one that is mapped and handed on */
    PW_PART_MAKES = 1 << 6, /* endpoints and clients, again after they ended */
    PW_PART_WAITS = 1 << 7, /* cap_enter that waits */
    PW_PART_LIVES = 1 << 8, /* processes started by the spawner, killed by handle, started again */
    PW_PART_HOSTILE = 1 << 9, /* records and indices that break a rule */
    PW_PART_ROOM = 1 << 10 /* completions are left unread: two places are left */
};

struct pw_config {
    uint16_t parts;
    uint8_t slots; /* budget of the second and the third */
    uint8_t generations; /* that a slot serves; 0: as many as in real life */
    uint8_t calls; /* that wait, of a process */
    uint8_t spare; /* pages for MemoryObjects, of all; 0: more than the budgets cover */
    uint8_t depth; /* steps; 0: to the fixpoint */
};
#define PW_ROOM    2u
#define PW_BACKLOG (RING_COMPLETIONS - PW_ROOM)

struct pw_world {
    struct xp_world world;
    struct pw_config config;
    struct core core;
    struct system system;
    struct pw_book book;
    uint8_t *pages;
    struct sim_choices first;
    /* within a turn */
    struct pw_action action;
    uint16_t wanted; /* process, or PROCESS_NONE */
    uint32_t result; /* enum ring_enter */
    uint32_t tails[PW_PROCESSES]; /* completions before */
    uint32_t numbers[PW_PROCESSES];
    uint64_t taken[2]; /* pages before */
    bool started;
};

struct pw_world *pw_world_make(const struct pw_config *config);
void pw_world_free(struct pw_world *p);
static inline struct pw_world *pw_of(struct xp_world *w)
{
    return (struct pw_world *)(void *)w;
}
static inline uint8_t pw_kind(uint8_t name)
{
    static const uint8_t of[PW_OBJECTS] = {
        CAP_IF_NONE,     CAP_IF_ENDPOINT_SOURCE, CAP_IF_MEMORY_SOURCE, CAP_IF_TIMER, CAP_IF_SPAWNER,
        CAP_IF_ENDPOINT, CAP_IF_ENDPOINT,        CAP_IF_NIC,           CAP_IF_NIC,   CAP_IF_MEMORY,
        CAP_IF_MEMORY,   CAP_IF_PROCESS,         CAP_IF_PROCESS};

    return of[name];
}
const char *pw_op_name(uint8_t op);

/* process_machine.c: the processor, and what a program finds in its ring. */
void pw_machine_start(struct pw_world *p);
/* A process with a table of the world's. */
void pw_create(struct pw_world *p, const char *name);
void pw_limit_table(struct pw_world *p, uint32_t process);
void pw_turn(struct pw_world *p, const struct pw_action *action);
void pw_regions(struct pw_world *p);

/* process_book.c: what must happen. */
void pw_book_write(struct pw_world *p, const struct pw_action *action);
void pw_book_turn(struct pw_world *p, uint64_t now);
void pw_book_enter(struct pw_world *p, uint32_t process);
void pw_book_end(struct pw_world *p, uint32_t process);

/* process_lookup.c: what the book says of a process. */
/* The handle is still the one that it was. */
bool pw_alive(const struct pw_world *p, uint32_t process, cap_id cap);
/* Handles to the object. */
uint32_t pw_held(const struct pw_world *p, uint32_t process, uint8_t object);
/* All its handles. */
uint32_t pw_handles(const struct pw_world *p, uint32_t process);
/* Records accepted and not completed. */
uint32_t pw_waiting(const struct pw_world *p, uint32_t process);
/* Objects of a range of names. */
uint32_t pw_charged(const struct pw_world *p, uint32_t process, uint8_t first, uint8_t end);
cap_id pw_cap(const struct pw_world *p, uint32_t process, uint32_t slot);

/* process_judge.c: what did. */
void pw_take_completions(struct pw_world *p);
void pw_judge(struct pw_world *p);
/* The book learns a handle, of an object that it knows or of a new one. */
void pw_learn(struct pw_world *p, uint32_t process, cap_id cap, uint8_t object);
uint8_t pw_learn_new(struct pw_world *p, uint32_t process, cap_id cap, uint8_t first);

/* process_records.c */
uint32_t pw_hostile_count(void);
/* The record of the action, for the process. */
struct ring_submission pw_record(struct pw_world *p, const struct pw_action *action);

/* process_offers.c */
uint32_t pw_offers(struct pw_world *p, struct pw_action *out);

/* process_hash.c */
uint64_t pw_fingerprint(struct xp_world *w);

#endif
