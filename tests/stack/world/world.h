/* SPDX-License-Identifier: BSD-2-Clause */
/* World `stack`: a package with driver, network stack, echo and the program `relay` behind a wire of scripted
 * peers (tests/support/wired.h), and the calls that a test makes through relay. */
#ifndef CAPOS_TESTS_STACK_WORLD_WORLD_H
#define CAPOS_TESTS_STACK_WORLD_WORLD_H

#include "abi/methods.h"
#include "abi/net.h"
#include "tests/stack/world/relay.h"
#include "tests/support/wired.h"

#define MS              1000000ul
#define SECOND          (1000u * MS)
#define MINUTE          (60u * SECOND)
#define HOUR            (60u * MINUTE)
#define PORT_ECHO       7u /* echod's, and the peers' */
#define PORT_OURS       4242u /* relay's */
#define WORLD_NO_RESULT 0xffffu /* status or exception spoke instead, or nothing came in time */
#define WORLD_CALLS     4096u

struct world_done {
    bool came;
    uint64_t words[RELAY_ANSWERS];
};

struct world {
    struct wired w; /* first */
    struct dm_backend *peer, *client, *bystander, *intruder; /* ports of the hub; NULL: none */
    struct world_done done[WORLD_CALLS]; /* by id */
    uint64_t came_twice;
    uint32_t next;
    uint64_t parsed; /* bytes of the console's text */
    uint64_t value; /* of the last world_call */
    uint8_t dumped[RELAY_REGION_BYTES];
};

struct world_config {
    const char *package; /* NULL: WORLD_AFTER */
    uint64_t seed;
    const struct dm_peer_config *peer;
    const struct dm_client_config *client; /* NULL: none */
    const struct dm_client_config *bystander; /* a second client; NULL: none */
    const struct dm_intruder_config *intruder; /* NULL: none */
    const struct dm_wire_config *wire; /* NULL: honest */
    bool traced;
};

void world_open(struct world *t, const struct world_config *config);
/* Ends it: budgets, ledger and monitors are judged. */
void world_close(struct world *t);

/* A request, in the order of enum relay_word from RELAY_SLOT on. Its id. */
struct world_call {
    uint32_t slot, method;
    uint64_t args[3];
    uint32_t region, to, at; /* RELAY_REGION and on */
    const void *bytes;
    uint32_t count;
};
uint32_t world_begin(struct world *t, struct world_call call);
bool world_came(struct world *t, uint32_t id);
/* Result of the method of a call that came, or WORLD_NO_RESULT. */
uint64_t world_result(struct world *t, uint32_t id);
/* Begins, and waits two virtual minutes at most. The result; t->value is set. */
uint64_t world_call(struct world *t, struct world_call call);

uint64_t world_config_of(struct world *t, enum net_config item, uint64_t index);
uint64_t world_counter(struct world *t, enum net_counter which);
/* Sockets and listeners come to these numbers within some seconds. */
bool world_left(struct world *t, uint64_t sockets, uint64_t listeners);
/* The state is this within `ns`; looks every `step_ns`. */
bool world_state(struct world *t, enum net_state state, uint64_t ns, uint64_t step_ns);
uint64_t world_ping(struct world *t, const uint8_t address[4]);
uint64_t world_resolve(struct world *t, const char *name);
/* A datagram of so many bytes to the address's echo and back. NET_OK: it came back as it went. */
uint64_t world_udp(struct world *t, const uint8_t address[4], uint32_t bytes);
/* One connection of a client to the echo service, that sends and wants back so many bytes, done within `ns`.
 */
bool world_answered(struct world *t, struct dm_backend *client, uint64_t bytes, uint64_t ns);
/* The same of the first client. */
bool world_client(struct world *t, uint64_t bytes, uint64_t ns);
uint32_t world_word(const uint8_t address[4]);

#endif
