/* SPDX-License-Identifier: BSD-2-Clause */
/* The scripted TCP client's state, shared by its link side (backend_client.c) and its TCP
 * (backend_client_tcp.c). Private to devmodel. */
#ifndef DM_BACKEND_CLIENT_H
#define DM_BACKEND_CLIENT_H

#include "capos/devmodel/client.h"
#include "random.h"
#include "tcp_segment.h"

struct dm_caller {
    struct dm_client_connection plan;
    struct dm_client_report report;
    uint32_t first; /* our SYN's sequence number; data offset n has first + 1 + n */
    uint32_t receive_next;
    uint64_t sent; /* bytes of data sent, going back when they are sent again */
    uint64_t sent_most;
    uint32_t window; /* the guest's */
    uint16_t segment_bytes;
    bool fin_sent; /* nothing was sent again since */
    bool fin_once, fin_acknowledged;
    bool answer; /* an acknowledgement is owed */
    uint8_t repeated_acks, doublings;
    uint64_t sent_ns; /* when the retry timer was set */
};

struct dm_client {
    struct dm_station station;
    struct dm_client_config config;
    struct dm_neighbour guest;
    struct dm_random random;
    uint32_t count;
    struct dm_caller callers[];
};

void dm_caller_receive(struct dm_client *c, uint32_t number, const struct dm_segment *in);
/* Its plan is another one. */
void dm_caller_changed(struct dm_client *c, uint32_t number);
void dm_caller_tick(struct dm_client *c, uint32_t number);
/* When tick has to do something; DM_NEVER. */
uint64_t dm_caller_due(const struct dm_client *c, const struct dm_caller *caller);

#endif
