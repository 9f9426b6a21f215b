/* SPDX-License-Identifier: BSD-2-Clause */
/* A proof's client outside: sends a number that nobody inside can know to the port of a service, and takes
 * what comes back. Through a port of the host's loopback, or, in a run that can be made again, as a scripted
 * client on the wire with a number of the run's seed. Never blocks. */
#ifndef CAPOS_SIM_KNOCK_H
#define CAPOS_SIM_KNOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "capos/devmodel/client.h"

#define SIM_KNOCK_BYTES 8u /* the number, first byte highest */

enum sim_knock_state {
    SIM_KNOCK_WAITS = 0,
    SIM_KNOCK_CONNECTING,
    SIM_KNOCK_SENT,
    SIM_KNOCK_ANSWERED, /* with the number itself */
    SIM_KNOCK_FAILED
};

struct sim_knock {
    enum sim_knock_state state;
    int fd;
    struct dm_backend *client; /* scripted; NULL: by the host */
    uint64_t number;
    uint8_t back[SIM_KNOCK_BYTES];
    uint32_t count; /* bytes that came back */
};

/* Draws the number from the host. False: it has no randomness. */
bool sim_knock_draw(struct sim_knock *k);
/* Draws it from the seed. */
void sim_knock_seed(struct sim_knock *k, uint64_t seed);
/* dm_client_fill of the scripted client; `ctx` is the sim_knock. */
void sim_knock_fill(void *ctx, uint32_t number, uint64_t offset, uint8_t *out, uint32_t bytes);
/* Once somebody can answer. `port`: of the loopback, or the guest's for the scripted client. */
void sim_knock_begin(struct sim_knock *k, uint16_t port);
void sim_knock_poll(struct sim_knock *k);
void sim_knock_end(struct sim_knock *k);

#endif
