/* SPDX-License-Identifier: BSD-2-Clause */
/* A booted package (booted.h) whose network card hangs on a wire that the test chose: peers, clients and
 * intruders of devmodel on one hub, in front of them, if it is to damage, a wire. The clock leaps over the
 * time in which nothing has anything to do, so idle hours cost what happens in them. A failure to set it up
 * ends the test. */
#ifndef CAPOS_TESTS_SUPPORT_WIRED_H
#define CAPOS_TESTS_SUPPORT_WIRED_H

#include "capos/devmodel/client.h"
#include "capos/devmodel/intruder.h"
#include "capos/devmodel/peer.h"
#include "tests/support/booted.h"

#define WIRED_TEXT_BYTES  (128u << 10)
#define WIRED_TYPED_BYTES 8192u

struct wired_config {
    const char *package;
    uint64_t seed; /* of the world: device, entropy */
    uint32_t port_count; /* to DM_HUB_PORTS; 0: there is no card */
    struct dm_backend *ports[DM_HUB_PORTS]; /* the world's from wired_open on; they may still be asked */
    const struct dm_wire_config *wire; /* NULL: an honest one, without delay */
    bool traced; /* b.world.platform.trace is then the run's hash */
    void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out); /* as booted_run's */
    const char *verifier; /* of the operator's secret; NULL: nobody can log in */
    /* What any of the ports says, the main console included. NULL: nobody listens. */
    void (*said)(enum platform_console port, const char *text, size_t bytes);
};

struct wired {
    struct booted b; /* first: the platform's hooks lead to it */
    struct dm_backend *wire; /* for dm_wire_change and dm_wire_counts; NULL: none */
    uint32_t (*turn)(void *ctx, uint64_t now_ns); /* the world's own */
    uint32_t steps, idle; /* of devices and backends in the last turn; turns without any, or a program's */
    uint64_t turns;
    void (*also)(enum platform_console port, const char *text, size_t bytes); /* the config's `said` */
    bool reads_log; /* a program of the package reads the audit log */
    char text[WIRED_TEXT_BYTES]; /* what the main console showed, its end when it was too much; terminated */
    size_t used;
    uint64_t dropped; /* bytes of it that are not kept any more */
    char typed[WIRED_TYPED_BYTES]; /* that the console has not read */
    size_t typed_count;
};

void wired_open(struct wired *w, const struct wired_config *config);
/* Turns until `holds` does. False: it did not by `limit_ns` of virtual time from now, or init ended. NULL:
 * nothing is waited for. */
bool wired_until(struct wired *w, uint64_t limit_ns, bool (*holds)(struct wired *w, void *ctx), void *ctx);
/* So much virtual time goes by. */
void wired_pass(struct wired *w, uint64_t ns);
uint64_t wired_now(const struct wired *w);
/* Keys for the main console, behind those that it has not read. */
void wired_type(struct wired *w, const char *keys);
void wired_type_bytes(struct wired *w, const void *keys, size_t bytes);
bool wired_said(const struct wired *w, const char *what);
/* Ends every program and gives all back. NULL: budgets are as before the first process, ledger and monitors
 * saw nothing wrong; else the claim that failed. */
const char *wired_close(struct wired *w);

/* 10.0.2.2, gateway and DHCP server of 10.0.2.15 on a /24, as the simplest scripted peer is. */
struct dm_peer_config wired_peer(void);
/* A client at 10.0.2.9 of the guest at 10.0.2.15. */
struct dm_client_config wired_client(void);

#endif
