/* SPDX-License-Identifier: BSD-2-Clause */
/* Init among its own files: what it holds of the kernel's, of its services, and the word it says of each. */
#ifndef CAPOS_USER_INIT_INIT_H
#define CAPOS_USER_INIT_INIT_H

#include "user/init/supervise.h"
#include "user/rt/rt.h"

/* Exit codes of init. */
#define INIT_EXIT_GRANT   1u /* a grant of its own in the manifest is not in its start-up page */
#define INIT_EXIT_PACKAGE 2u /* no package, or one that the check refuses */
#define INIT_EXIT_MEMORY  3u /* no memory or no endpoint to work with */
#define INIT_EXIT_PROOF   4u /* mode proof: a service that proves did not end with code 0 */

/* Made for one life of a service, given back after it. */
struct life {
    cap_id process;
    uint32_t made_count;
    cap_id made[STARTUP_GRANTS_MAX]; /* client capabilities, narrowed sinks */
};

struct init {
    struct rt *rt;
    struct package package;
    struct supervisor supervisor;
    struct rt_memory request; /* struct spawn_request and its grants, struct process_info */
    cap_id spawner, functions, endpoints;
    cap_id own[STARTUP_GRANTS_MAX]; /* by number of init's own grant */
    cap_id held[PACKAGE_GRANTS_MAX]; /* by grant: its endpoint, its function; CAP_NONE: none now */
    cap_id supervised; /* endpoint of the supervisor */
    struct life lives[PACKAGE_SERVICES_MAX];
};

/* start.c. Endpoints, clients, functions and sinks are made, the process is started with a copy of each.
 * False: nothing of this life is left; *why is a word for the console. */
bool service_start(struct init *init, uint32_t service, uint32_t *process, const char **why);
/* Gives back what was made for a life that is over. */
void service_clean(struct init *init, uint32_t service);
/* Gives the service's endpoints back: what others hold of them dies. */
void service_withdraw(struct init *init, uint32_t service);

/* say.c: one line on the console: "init: NAME TEXT", with the number behind it unless it is SAY_NONE. */
#define SAY_NONE UINT64_MAX
void say(struct init *init, uint32_t service, const char *text, uint64_t number);

#endif
