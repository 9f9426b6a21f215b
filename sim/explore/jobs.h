/* SPDX-License-Identifier: BSD-2-Clause */
/* The list of what is explored: each job is one search of one world with its bounds, independent of all
 * others, so that processes can share them out. Each world's file of jobs adds its own. */
#ifndef CAPOS_EXPLORE_JOBS_H
#define CAPOS_EXPLORE_JOBS_H

#include "sim/explore/search.h"

#define XP_JOB_NAME_BYTES   64u
#define XP_JOB_CONFIG_BYTES 128u
#define XP_BOUNDS_BYTES     320u /* a line about the bounds */

struct xp_job {
    const char *run; /* "X1": the run of docs/exploring.md that this job is a part of */
    const char *world; /* "ring" */
    char name[XP_JOB_NAME_BYTES]; /* unique, one word: "X1/q2/tso/0xfffc" */
    bool deep; /* not in the daily tier */
    bool bounded; /* ends at a bound by design (a depth, a number of random runs or of states), not at a
                     fixpoint */
    bool summed; /* one line of the table with the jobs that share its name up to the last '/' */
    uint32_t levels; /* of a bounded one: searched by levels (breadth.h) to this many steps; 0: depth first */
    uint64_t states_max; /* of a bounded one: it ends there; 0: no such bound */
    uint32_t weight; /* rough size: larger ones are started earlier */
    _Alignas(16) uint8_t config[XP_JOB_CONFIG_BYTES]; /* the world's own */
    /* NULL: no memory. The world stays valid until `release`. */
    struct xp_world *(*make)(const struct xp_job *job);
    void (*release)(struct xp_world *w);
    /* Its bounds in a line, for --list; NULL: its name says them. */
    void (*bounds)(const struct xp_job *job, char *text, size_t bytes);
    /* How the job is done; NULL: xp_search over the world, or xp_breadth. Fills the same result. */
    void (*run_it)(const struct xp_job *job, const struct xp_limits *limits, struct xp_result *out);
};

struct xp_jobs {
    struct xp_job *list;
    size_t count, room;
};

/* Appends a zeroed job; ends the program when there is no memory. */
struct xp_job *xp_job_add(struct xp_jobs *jobs, const char *run, const char *world, const char *name_format,
                          ...) __attribute__((format(printf, 4, 5)));

/* One line about the bounds, for lists; "" when the world has nothing to say. */
void xp_job_bounds(const struct xp_job *job, char *text, size_t bytes);
/* NULL: no job of that name. */
const struct xp_job *xp_job_named(const struct xp_jobs *jobs, const char *name);
/* run_it of jobs at random (random.h): a world of the job's, its runs; a violation names the seed. */
struct xp_random_plan;
void xp_random_job(const struct xp_job *job, const struct xp_random_plan *plan,
                   const struct xp_limits *limits, struct xp_result *out);
/* All jobs of all worlds. */
void xp_all_jobs(struct xp_jobs *jobs);

/* One function a world. */
void xp_ring_jobs(struct xp_jobs *jobs);
void xp_random_jobs(struct xp_jobs *jobs);
void xp_nic_jobs(struct xp_jobs *jobs);
void xp_pci_jobs(struct xp_jobs *jobs);
void xp_authority_jobs(struct xp_jobs *jobs);
void xp_life_jobs(struct xp_jobs *jobs);
void xp_process_jobs(struct xp_jobs *jobs);
void xp_full_jobs(struct xp_jobs *jobs);
void xp_disk_jobs(struct xp_jobs *jobs);
/* The jobs of a brought driver (bring_your_driver.h) in a shared object. NULL, or why it is refused. */
const char *xp_brought_jobs(struct xp_jobs *jobs, const char *object);

#endif
