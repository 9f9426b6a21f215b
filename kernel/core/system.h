/* SPDX-License-Identifier: BSD-2-Clause */
/* The system of processes as its surroundings use it: place a struct system, initialise it over a core, give
 * the first process its capabilities, start it, and run turns until nothing is left to run. Trusts its
 * caller, the processor and the object door; trusts nothing that a program wrote. One thread, under the
 * kernel lock; nothing of a program waits on the kernel's stack. */
#ifndef CAPOS_KERNEL_CORE_SYSTEM_H
#define CAPOS_KERNEL_CORE_SYSTEM_H

#include "kernel/core/pages.h"
#include "kernel/core/process.h"

#define SYSTEM_PROGRAMS_MAX 16u
#define PROCESS_RUNS_MAX    4u /* program, ring page, start-up page, stack */

/* A program file of the boot package. The bytes stay where they are as long as the system runs. */
struct system_program {
    char name[24]; /* NUL-padded */
    const uint8_t *bytes;
    uint64_t length;
};

/* A program as it lies in a space: reserved, mapped, its pages taken from the page source. */
struct program_image {
    uint8_t *memory; /* kernel address of its pages */
    uint32_t pages;
    uint64_t at; /* the program's address of the first */
    uint64_t entry; /* the program's address */
};

/* Loads a program file into an empty space. 0: done, `out` is filled. Else an elf_error, and no page is
 * taken; mappings that it left go with the space. */
typedef uint32_t (*program_loader)(const uint8_t *file, uint64_t length, uint16_t space,
                                   const struct processor *processor, struct page_source *pages,
                                   struct program_image *out);

enum process_state {
    PROCESS_FREE = 0,
    PROCESS_MADE, /* capabilities may be given to it, it has not run */
    PROCESS_READY, /* runs in one of the next turns */
    PROCESS_WAITING, /* in cap_enter */
    PROCESS_ENDING
};

/* Pages that lie together. */
struct page_run {
    uint8_t *memory;
    uint32_t pages;
};

/* A receive under way, by its inbox place. */
struct ring_receive {
    uint64_t user;
    uint64_t order; /* receives of one endpoint are served in this order */
    cap_id cap;
    struct object_ref endpoint;
    bool used;
};

struct process {
    uint8_t state; /* enum process_state */
    uint8_t end; /* enum process_end */
    uint16_t index; /* its own: space, owner and record have one number */
    uint32_t number; /* from 1, never used twice */
    uint32_t code; /* of its end */
    uint32_t own_pages; /* charged for the program itself */
    char name[24];
    const uint8_t *file; /* the program file that it was loaded from */
    struct owner *owner;
    struct ring_page *ring;
    struct startup_page *startup;
    uint64_t startup_at; /* the program's address */
    uint64_t stack_at; /* the program's address of the stack's end */
    uint64_t entry;
    struct page_run runs[PROCESS_RUNS_MAX];
    /* The kernel's own copies of the indices: what the page says is only a hint. */
    uint32_t submit_head, complete_head, complete_tail;
    uint32_t under_way; /* accepted, not completed */
    /* Of the cap_enter that it is in. */
    uint32_t min_complete;
    uint64_t timeout_ns, deadline_ns;
    bool space; /* made */
    bool entered_now; /* the deadline is counted from the next turn's time: never too early */
    uint32_t result; /* enum ring_enter, for its next run */
    uint32_t receiving; /* of the places below that are used */
    struct ring_receive receives[RING_INBOX];
    uint64_t entries, run_ns, calls, denials;
    struct processor_stop stop; /* the last one: at a fault, its registers */
};

/* Behind a Process object: lives until the object ends, its process may have ended before. */
struct process_handle {
    struct object_ref object;
    uint16_t process; /* PROCESS_NONE: it has ended, `info` is the last word */
    uint16_t owner; /* charged */
    uint32_t code;
    struct process_info info;
    bool used;
};

struct memory_object {
    struct object_ref object;
    uint8_t *memory;
    uint32_t pages;
    bool used;
    bool foreign; /* not of the page source, never written, never given back: the boot package */
    uint64_t mapped_at[OWNERS_MAX]; /* by process; 0: not mapped */
};

struct endpoint {
    struct object_ref object;
    uint16_t server; /* process that received last, or PROCESS_NONE */
    bool used;
};

/* Behind an object of a served interface: what a client capability stands for. */
struct client {
    struct object_ref object;
    uint64_t badge;
    uint16_t endpoint;
    bool used;
};

enum call_state { CALL_UNUSED = 0, CALL_QUEUED, CALL_RECEIVED };

struct call {
    uint8_t state;
    uint16_t caller;
    uint16_t server; /* RECEIVED */
    uint16_t endpoint;
    uint64_t order; /* of its arrival; its token as well, never used twice */
    struct object_ref client;
    struct ring_submission submission;
};

enum waiter_kind {
    WAITER_UNUSED = 0,
    WAITER_TIMER,
    WAITER_PROCESS, /* for the end of one */
    WAITER_CLIENT, /* for the end of those with a badge */
    WAITER_DOOR
};

struct waiter {
    uint8_t kind;
    uint16_t process;
    struct object_ref object; /* waited on */
    struct object_ref range; /* MemoryObject of the call, or none */
    struct ring_submission submission;
};

/* What the system is made of. Everything stays the caller's and in place as long as the system runs. */
struct system_setup {
    struct core *core; /* initialised */
    struct processor processor;
    struct object_door door;
    program_loader loader;
    uint8_t *pages; /* page-aligned, any content */
    uint32_t page_count;
    struct budget_limits limits; /* of each process; BUDGET_MEMORY_PAGES comes from its request */
};

struct system {
    struct core *core;
    struct processor processor;
    struct object_door door;
    program_loader loader;
    struct budget_limits limits;
    struct page_source pages;
    struct system_program programs[SYSTEM_PROGRAMS_MAX]; /* filled by its owner after system_init */
    uint32_t program_count;
    uint8_t *package; /* page-aligned, whole pages, or NULL: what SPAWNER_PACKAGE shows */
    uint32_t package_pages;
    struct process processes[PROCESSES_MAX]; /* by owner index */
    struct process_handle handles[HANDLES_MAX];
    struct memory_object memories[MEMORIES_MAX];
    struct endpoint endpoints[ENDPOINTS_MAX];
    struct client clients[CLIENTS_MAX];
    struct call calls[CALLS_MAX];
    struct waiter waiters[WAITERS_MAX];
    uint64_t now_ns; /* of this turn */
    uint64_t next_order;
    uint32_t next_number;
    uint16_t last_run; /* process that ran last */
    uint32_t last_number; /* its number */
    bool last_counted; /* its run time is in */
    uint16_t calls_end, waiters_end; /* behind the last record in use: a turn looks no further */
    uint32_t looked; /* the core's `objects.ended` when everything that waits was last held against it */
    bool client_ended; /* since those that wait for the end of clients were looked at */
};

/* Any content before. */
void system_init(struct system *s, const struct system_setup *setup);

struct system_turn {
    bool ran; /* a program ran: the next turn may follow at once. Else nothing can run before
                 `deadline_ns`, or before what a call behind the door waits for */
    bool door_waits; /* a call waits behind the object door: it is asked again each turn */
    uint16_t processes; /* live after this turn */
    uint64_t deadline_ns; /* earliest time at which waiting ends by itself; RING_FOREVER: none */
};
/* One turn at the time `now_ns` (never falls): waiters and timers are served, one runnable program runs until
 * it comes back, what it asked for is done. */
struct system_turn system_turn(struct system *s, uint64_t now_ns);

/* For a process to be made. */
struct process_request {
    char name[24]; /* NUL-terminated */
    const uint8_t *file; /* program file */
    uint64_t length;
    uint32_t memory_pages; /* budget beside the program's own */
    const char *text; /* NUL-terminated within STARTUP_TEXT_BYTES, or NULL */
    bool reads_log; /* is given the audit log: its start finds room there when nothing else does */
};
/* Makes a process that does not run yet, its pages charged to itself. SYS_E_NO_MEMORY, SYS_E_PROGRAM
 * (`*detail`: the loader's word), SYS_E_BUSY (no process free, or the audit log is full): nothing is left
 * behind. */
enum system_error process_create(struct system *s, const struct process_request *request, uint16_t *process,
                                 uint32_t *detail);
/* Its start-up page names one more capability that it holds. `name` is cut at
 * STARTUP_NAME_BYTES - 1. False: no line left. PROCESS_MADE only. */
bool process_name_grant(struct system *s, uint16_t process, const char *name, cap_id cap);
/* A new root object of an interface, its handle in the process's table, named in its start-up page. The
 * payload is the serving room's; 0 for sources, timers and spawners of the core. Its refusals are
 * core_grant_check's, and CAP_EX_NO_SLOT when the start-up page has no line left. */
enum cap_exception process_grant_root(struct system *s, uint16_t process, const char *name, uint8_t interface,
                                      uint16_t payload, cap_id *out);
/* PROCESS_MADE to PROCESS_READY. */
void process_start(struct system *s, uint16_t process);
/* The one way out of a process and of all that it started (end: enum process_end, not PROCESS_RUNS). */
void process_end(struct system *s, uint16_t process, enum process_end end, uint32_t code);
bool process_live(const struct system *s, uint16_t process);
/* False: no such process. */
bool process_info(const struct system *s, uint16_t process, struct process_info *out);

/* For the object door: room that its calls map for a caller lies in the space of the same number as the
 * process. Copies or moves a capability between live processes, with whatever hangs on it (a moved
 * MemoryObject is unmapped at the giver): whole, or not at all. */
enum cap_exception process_transfer(struct system *s, uint16_t from, cap_id cap, uint16_t to, bool move,
                                    cap_id *out);
/* May objects of this interface go to another process? Those that are mapped by their driver may not. */
bool process_transferable(uint8_t interface);
/* Ends an object of any kind: the core's own here, others through the door (object_destroy; ctx: the system).
 */
void system_destroy(void *system, uint16_t object);

/* What is held, for "exactly as before": all fields u32. */
struct system_held {
    uint32_t processes, handles, memories, memory_pages, endpoints, clients, calls, receives, waiters,
        mappings;
};
struct system_held system_held(const struct system *s);

#endif
