/* SPDX-License-Identifier: BSD-2-Clause */
/* World `full`: the system as it boots, init, driver, audit reader and a client of frames as their program
 * files are, over kernel and device models in this process. A life is a boot, stretches of turns each of
 * which may end in the crash of a process at an operation of its ring, and the way back to where frames flow.
 * Its state is spread over all of these and cannot be laid flat: it is run at random, and made again from its
 * start. */
#ifndef CAPOS_EXPLORE_FULL_WORLD_H
#define CAPOS_EXPLORE_FULL_WORLD_H

#include "kernel/main.h"
#include "sim/explore/world.h"
#include "sim/kept.h"
#include "sim/processor.h"
#include "sim/world.h"

#define FULL_SERVICES    4u /* of full_manifest.json, init one of them */
#define FULL_CRASHES_MAX 4u /* in one life */
#define FULL_LINE_BYTES  256u /* a record of the log as its reader writes it */

struct full_config {
    bool legacy; /* the card's transport */
};

/* What a life leaves in: the choices of its first step. */
struct full_draws {
    uint32_t crashes; /* at most */
    uint32_t stretches;
    uint32_t device; /* seed of the device's order of completions and of entropy; 0: always the first */
    uint32_t clock; /* how much time a turn takes */
    bool idle_turns; /* the device does nothing in some turns */
    bool spares_init; /* init is never crashed */
};

/* Where a process is crashed: when it enters next. */
struct full_crash {
    bool armed;
    uint16_t process;
    uint32_t number; /* of the process */
    uint32_t records; /* of those that it submits then, so many are taken; more than there are: all */
    enum process_end end; /* PROCESS_FAULTED or PROCESS_KILLED */
    bool due; /* it has entered with them: it ends behind this turn */
};

/* A process as the monitors know it. */
struct full_seen {
    uint32_t number; /* 0: none */
    bool server_ended; /* since it was made: its driver's process */
    bool wanted; /* its end is this world's doing */
    char name[24];
};

struct full_world {
    struct xp_world world;
    struct full_config config;
    struct full_draws draws;
    struct sim_kept before; /* of a life without a crash */
    bool has_before;
    /* the life */
    bool open;
    bool over; /* everything has ended, and was judged */
    struct sim_world machine;
    struct kernel_storage *k; /* kept from life to life, as are memory and package */
    struct dm_memory *memory;
    struct sim_region package;
    struct package checked;
    struct console console;
    struct sim_processor *processor;
    struct processor ops; /* the processor's */
    struct full_crash crash;
    uint32_t crashes, stretches;
    uint32_t schedule; /* of this stretch; 0: in turn */
    uint64_t picks; /* asked in this stretch */
    bool device_stalls;
    uint64_t turns, idle; /* idle: turns since one in which a program ran */
    uint64_t hash; /* of who ran, what came of it, and of the platform's calls */
    /* the monitors */
    struct full_seen seen[PROCESSES_MAX];
    uint64_t frames_then; /* sent when all services ran */
    bool all_ran;
    uint64_t log_seen; /* records of the audit log that were held against its chain */
    uint8_t log_chain[DIGEST_BYTES];
    uint64_t log_written; /* the last that its reader wrote; 0: none */
    bool log_again; /* a reader died: what it wrote and had not yet said so comes again */
    char line[FULL_LINE_BYTES];
    uint32_t line_bytes;
};

static inline struct full_world *full_of(struct xp_world *w)
{
    return (struct full_world *)(void *)w;
}

/* NULL: no memory. Runs one life without a crash first: what is held while frames flow is asked of it. */
struct full_world *full_world_make(const struct full_config *config);
void full_world_free(struct full_world *f);

/* full_machine.c */
/* False: no memory. Once, and given back once. */
bool full_machine_make(struct full_world *f);
void full_machine_free(struct full_world *f);
/* Boots by f->draws. Violates when it cannot. */
void full_life_begin(struct full_world *f);
/* Gives back what a life holds, wherever it is. */
void full_life_close(struct full_world *f);
/* One turn, then devices and time. What a turn does wrong is violated. */
void full_turn(struct full_world *f);
/* Ends a process now. */
void full_crash_now(struct full_world *f, uint16_t process, enum process_end end);
static inline struct system *full_system(struct full_world *f)
{
    return &f->k->userland.system;
}

/* full_judge.c */
void full_judge_begin(struct full_world *f);
/* After each turn and each crash: records of who waits, budgets, pages, ends, the log. */
void full_judge(struct full_world *f);
/* What the reader of the audit log writes to its port. */
void full_judge_log_text(struct full_world *f, const char *text, size_t bytes);
struct sim_kept full_kept(struct full_world *f);
/* Every service runs, frames flow between client and device, the log is read. */
bool full_flows(struct full_world *f);
/* Everything is ended: what is held is what was held before the first process. */
void full_judge_end(struct full_world *f);

#endif
