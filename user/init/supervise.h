/* SPDX-License-Identifier: BSD-2-Clause */
/* What init decides: which service starts when, and which stays down. Pure: time comes in as a number, what
 * is to be done goes out as a number. Services are numbered as in the package. */
#ifndef CAPOS_USER_INIT_SUPERVISE_H
#define CAPOS_USER_INIT_SUPERVISE_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/methods.h"
#include "kernel/core/package.h"

#define SERVICE_NONE      UINT32_MAX
#define NEVER_NS          UINT64_MAX
#define RESTART_MINUTE_NS 60000000000ull /* ends older than this cost nothing any more */
#define BACK_OFF_FIRST_NS 100000000ull /* doubles with each end within the minute */
#define BACK_OFF_MOST_NS  10000000000ull

struct service {
    uint8_t state; /* enum service_state */
    uint8_t end; /* enum process_end of its last life; PROCESS_RUNS: it lives, or never did */
    bool again; /* somebody asked for a restart: it starts anew whatever its rule */
    bool ending; /* WHEN_ASKED, and runs: who asked for it has ended it, its end is to come */
    uint8_t charged; /* ends by itself within the last minute */
    uint32_t starts;
    uint32_t process; /* number of its last process, 0: none yet */
    uint64_t due_ns; /* WAITS: not before */
    uint64_t ends_ns[PACKAGE_RESTARTS_MAX + 1u]; /* when, oldest first */
};

/* A probe is a proof in which the web is served and asked for. */
enum supervisor_run { RUN_SERVE = 0, RUN_PROOF, RUN_PROBE };

struct supervisor {
    const struct package *package; /* checked, outlives this */
    bool proof; /* the run is one of mode proof, or a probe */
    bool failed; /* a service that proves did not end with code 0 */
    struct service services[PACKAGE_SERVICES_MAX];
};

/* Init's own service runs; those that this run leaves out have ended; all others wait, due at once. */
void supervisor_init(struct supervisor *s, const struct package *package, enum supervisor_run run);
/* A service to be started now, in the package's order; SERVICE_NONE: none. One whose server was not started
 * yet, or is down, is not, unless that grant is optional and the server is down. */
uint32_t supervisor_next(const struct supervisor *s, uint64_t now_ns);
/* When supervisor_next has something again if nothing else happens; NEVER_NS: it has not. */
uint64_t supervisor_due(const struct supervisor *s);
void supervisor_started(struct supervisor *s, uint32_t service, uint32_t process);
/* It could not be started: costs as much as an end by itself. */
void supervisor_not_started(struct supervisor *s, uint32_t service, uint64_t now_ns);
/* Its process ended, `code` is that of its exit. PROCESS_KILLED costs nothing. In a proof one that proves has
 * one life. */
void supervisor_ended(struct supervisor *s, uint32_t service, enum process_end end, uint64_t code,
                      uint64_t now_ns);
/* A proof, and each service that proves, which is one that holds an EvidenceSink, is down. */
bool supervisor_proven(const struct supervisor *s);
/* Ended or given up: it has no endpoints, and starts only when asked. One of WHEN_ASKED is so at first. */
bool supervisor_down(const struct supervisor *s, uint32_t service);
/* An optional grant whose server is down: a start goes without it. */
bool supervisor_left_out(const struct supervisor *s, const struct package_grant *g);
/* Somebody asks. *kill: its process is to be killed, the rest follows from its end. */
enum system_error supervisor_restart(struct supervisor *s, uint64_t service, uint64_t now_ns, bool *kill);
enum system_error supervisor_kill(const struct supervisor *s, uint64_t service, bool *kill);
/* A holder of the starter asks (abi/methods.h); `service` is one of WHEN_ASKED. */
enum system_error supervisor_ask(struct supervisor *s, uint32_t service, uint64_t now_ns);
/* *kill as above; from now on it has ended, whenever its process does. */
void supervisor_end(struct supervisor *s, uint32_t service, bool *kill);
/* Value of the starter's methods. */
uint64_t supervisor_asked(const struct supervisor *s, uint32_t service);
/* Values of the supervisor's methods. */
enum system_error supervisor_state(const struct supervisor *s, uint64_t service, uint64_t *value);
enum system_error supervisor_name(const struct supervisor *s, uint64_t service, uint64_t part,
                                  uint64_t *value);

#endif
