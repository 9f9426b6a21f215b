/* SPDX-License-Identifier: BSD-2-Clause */
/* A scripted TCP client (RFC 9293): a peer that opens connections to the guest, sends a pattern, judges what
 * comes back, closes. It sends again what is lost (after a fixed time, doubled each time, and after three
 * repeated acknowledgements), takes data in order only, offers no options but the segment size. Its manners
 * can be bad. */
#ifndef CAPOS_DEVMODEL_CLIENT_H
#define CAPOS_DEVMODEL_CLIENT_H

#include "capos/devmodel/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

#define DM_CLIENT_CONNECTIONS 4096u
#define DM_CLIENT_PORT        49152u /* connection n comes from port 49152 + n */

/* Makes bytes `offset` to `offset + bytes - 1` of what connection `number` sends. Called again for what is
 * sent again: equal offsets must give equal bytes. */
typedef void (*dm_client_fill)(void *ctx, uint32_t number, uint64_t offset, uint8_t *out, uint32_t bytes);
/* Judges bytes that came in order from `offset` on, each once. False: the connection is reset,
 * DM_CLIENT_WRONG. */
typedef bool (*dm_client_judge)(void *ctx, uint32_t number, uint64_t offset, const uint8_t *data,
                                uint32_t bytes);

struct dm_client_config {
    uint8_t mac[6], address[4];
    uint8_t guest[4]; /* the server's address, asked for by ARP */
    uint8_t gateway[4]; /* the address that ARP questions come from; 0.0.0.0: `address`. Set: `address` is not
                         * on the link and is not answered for in ARP. */
    uint32_t mtu; /* 576 to 65535; 0: 1500 */
    uint64_t seed; /* of the sequence numbers */
    uint32_t connections_max; /* 1 to DM_CLIENT_CONNECTIONS */
    uint64_t retry_ns; /* the first time to send again; 0: 200 ms, an hour at most; doubled up to 32
                        * times as long */
    uint32_t in_flight_bytes; /* not acknowledged at most; 0: 65535 */
    void *ctx;
    dm_client_fill fill; /* NULL: dm_client_pattern of the connection's seed */
    dm_client_judge judge; /* NULL: what comes back has to be what it sends */
};

/* Bytes of a pattern without period: byte n depends on the seed and n alone. */
void dm_client_pattern(uint64_t seed, uint64_t offset, uint8_t *out, uint32_t bytes);

enum dm_client_manner {
    DM_CLIENT_POLITE = 0, /* closes when all is sent, acknowledged and received */
    DM_CLIENT_HALF_CLOSE, /* FIN behind its last byte, then it waits for the rest */
    DM_CLIENT_WAITS, /* lets the guest close first: the guest's TIME_WAIT */
    DM_CLIENT_NEVER_CLOSES, /* acknowledges the guest's FIN, sends none: FIN_WAIT_2 there */
    DM_CLIENT_IGNORES_FIN, /* closes, and never acknowledges the guest's FIN: LAST_ACK or FIN_WAIT_1 there */
    DM_CLIENT_FALLS_SILENT, /* nothing at all once it is open */
    DM_CLIENT_RESETS /* RST instead of FIN */
};

/* What an open connection also sends, once before each segment of its data: none of it may end the connection
 * (RFC 9293, 3.10.7.4; RFC 5961, 3 to 5). */
enum dm_client_stray {
    DM_STRAY_NONE = 0,
    DM_STRAY_RST_BEYOND, /* a reset beyond the guest's window */
    DM_STRAY_RST_BEFORE, /* a reset with an old number */
    DM_STRAY_RST_INSIDE, /* a reset within the window, not at its start */
    DM_STRAY_SYN_INSIDE,
    DM_STRAY_ACK_BEYOND, /* acknowledges what the guest never sent */
    DM_STRAY_DATA_BEYOND /* data beyond the window */
};

struct dm_client_connection {
    uint16_t port; /* the guest's */
    uint64_t start_ns; /* not before this */
    uint64_t limit_ns; /* after the start: given up, DM_CLIENT_TIMED_OUT; 0: 120 s; 2^62 at most */
    uint64_t send_bytes;
    uint64_t receive_bytes; /* expected before it closes; UINT64_MAX: any number */
    uint64_t seed; /* of the pattern */
    uint32_t window; /* advertised at most, 1 to 65535; 0: 65535 */
    uint64_t reads_bytes; /* its window is 0 after that many; 0: reads all */
    enum dm_client_manner manner;
    enum dm_client_stray stray;
};

enum dm_client_state {
    DM_CLIENT_WAITING = 0, /* for its start or for the guest's MAC */
    DM_CLIENT_OPENING,
    DM_CLIENT_OPEN,
    DM_CLIENT_CLOSING, /* its FIN is out */
    DM_CLIENT_DONE, /* closed on both sides; answers a repeated FIN */
    DM_CLIENT_REFUSED, /* a reset for its SYN */
    DM_CLIENT_RESET, /* by the guest */
    DM_CLIENT_RESET_ITSELF, /* by its manner */
    DM_CLIENT_WRONG, /* what came back was judged wrong, or was more than was expected */
    DM_CLIENT_TIMED_OUT /* given up; what still comes for it is answered by a reset, unless it fell silent */
};

struct dm_client_report {
    enum dm_client_state state;
    uint64_t acknowledged, received; /* bytes */
    bool guest_closed; /* its FIN came in order */
    uint64_t opened_ns, ended_ns; /* 0: not yet */
    uint64_t segments_again; /* sent again */
    uint64_t segments_unordered; /* came out of order, or again */
    uint64_t strays; /* sent */
};

/* NULL with errno: EINVAL for a bound that is not kept, ENOMEM. */
struct dm_backend *dm_client_create(const struct dm_client_config *config);
/* One more connection, now or before its start: its number, counted from 0, or -1: there are connections_max.
 */
int32_t dm_client_start(struct dm_backend *client, const struct dm_client_connection *connection);
/* What a connection that was started does from now on, at once: `send_bytes` (not below what it was),
 * `receive_bytes`, `reads_bytes` and `manner` of `plan`; the rest of it is not looked at. */
void dm_client_change(struct dm_backend *client, uint32_t number, const struct dm_client_connection *plan);
/* `number` is one that dm_client_start gave. */
struct dm_client_report dm_client_report(const struct dm_backend *client, uint32_t number);
/* Connections in this state. */
uint32_t dm_client_count(const struct dm_backend *client, enum dm_client_state state);

#ifdef __cplusplus
}
#endif
#endif
