/* SPDX-License-Identifier: BSD-2-Clause */
/* A proof's client outside: connects to a port of the host's loopback, sends a number that nobody inside can
 * know, and takes what comes back. Never blocks. */
#ifndef CAPOS_SIM_KNOCK_H
#define CAPOS_SIM_KNOCK_H

#include <stdbool.h>
#include <stdint.h>

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
    uint64_t number;
    uint8_t back[SIM_KNOCK_BYTES];
    uint32_t count; /* bytes that came back */
};

/* Draws the number from the host. False: it has no randomness. */
bool sim_knock_draw(struct sim_knock *k);
/* Once somebody can answer. */
void sim_knock_begin(struct sim_knock *k, uint16_t port);
void sim_knock_poll(struct sim_knock *k);
void sim_knock_end(struct sim_knock *k);

#endif
