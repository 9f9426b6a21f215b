/* SPDX-License-Identifier: BSD-2-Clause */
/* The web process: HTTP and WebSockets over the one port that it may listen on, pages that are compiled into
 * it, and of the machine what its capabilities show. One thread, one loop; everything has a place of its own
 * in struct webd, and what finds none is refused or makes somebody else give way.
 *
 * It trusts the kernel for who calls. What a peer sends is anything: protocol/ decides about it, before
 * anything is done. A browser is shown no capability, handle or address of the machine. Who may log in, and
 * when who was wrong may try again, is authd's; a session's shells are processes of their own, which it may
 * start and end. */
#ifndef CAPOS_USER_WEBD_WEBD_H
#define CAPOS_USER_WEBD_WEBD_H

#include "abi/terminal.h"
#include "user/rt/rt.h"
#include "user/webd/protocol/gate.h"
#include "user/webd/protocol/http.h"
#include "user/webd/protocol/json.h"
#include "user/webd/protocol/session.h"
#include "user/webd/protocol/websocket.h"

#define WEBD_CONNECTIONS 64u
#define WEBD_STRANGERS   10u /* of them: connections whose last request was of no session */
#define WEBD_YOUNG_NS    20000000ull /* so long after it came or moved such a one does not give way, */
#define WEBD_PATIENCE    4u /* unless so many had to wait for that and nobody has shown a session since */
#define WEBD_SHELLS      4u /* starters that the manifest can grant */
#define WEBD_IN_BYTES    4096u /* of its part of the memory that is shared with netd: what comes, */
#define WEBD_OUT_BYTES   8192u /* and what goes */
#define WEBD_PART_BYTES  (WEBD_IN_BYTES + WEBD_OUT_BYTES)
#define WEBD_BODY_BYTES  512u /* of a request, that every connection has room for */
#define WEBD_LARGE       2u /* bodies of HTTP_BODY_BYTES at a time */
#define WEBD_TYPED_BYTES 16384u /* for a shell: what its terminal has not been given yet */
#define WEBD_FLYING      10u /* calls on connections that are under way: of a process's, some wait for ever */
#define WEBD_PLACES      256u /* netd's numbers of sockets */
_Static_assert(WEBD_CONNECTIONS == 64u, "a bit each of struct webd's");
#define WEBD_HEAD_NS   10000000000ull /* from its first byte to its last, */
#define WEBD_BODY_NS   10000000000ull /* the same of a body, */
#define WEBD_SEND_NS   20000000000ull /* in which something of an answer must be taken, */
#define WEBD_IDLE_NS   60000000000ull /* and between two requests */
#define WEBD_LINGER_NS 2000000000ull /* behind the last answer, for the peer's end */
#define WEBD_PING_NS   25000000000ull /* a WebSocket that is silent is asked whether anybody is there, */
#define WEBD_SILENT_NS 60000000000ull /* and is gone when it stayed silent */
#define WEBD_LIVE_NS   1000000000ull /* between two looks at the machine */
#define WEBD_LOST_NS   30000000000ull /* that a shell without a socket is kept */

#define WEBD_PROBE_NS 240000000000ull /* in a proof: the client outside has come until then, */
#define WEBD_LEAVE_NS 10000000000ull /* and is gone so long after its number came */

enum webd_exit { WEBD_EXIT_GRANT = 1, WEBD_EXIT_MEMORY, WEBD_EXIT_HOSTS, WEBD_EXIT_PROBE };

/* `user` of submissions. */
enum webd_user {
    WEBD_USER_ACCEPT = 0,
    WEBD_USER_EVENT,
    WEBD_USER_LOGIN,
    WEBD_USER_SHELL_READ,
    WEBD_USER_SHELL_WRITE = WEBD_USER_SHELL_READ + WEBD_SHELLS,
    WEBD_USER_SHUTDOWN = WEBD_USER_SHELL_WRITE + WEBD_SHELLS, /* or a socket given back: nobody minds */
    WEBD_USER_RECV,
    WEBD_USER_SEND = WEBD_USER_RECV + WEBD_CONNECTIONS
};

enum connection_state {
    CONNECTION_FREE = 0,
    CONNECTION_HTTP, /* a request comes, or the next one is waited for */
    CONNECTION_ANSWER, /* nothing is read: authd is being asked, or an answer goes */
    CONNECTION_LIVE, /* WebSockets */
    CONNECTION_SHELL,
    CONNECTION_CLOSING /* what there is goes, then it ends */
};

/* What is counted. */
enum webd_count {
    WEBD_COUNT_ACCEPTED = 0,
    WEBD_COUNT_REQUESTS,
    WEBD_COUNT_REFUSED, /* by framing or by the gate */
    WEBD_COUNT_SLOW, /* dropped: too slow to send, or to take */
    WEBD_COUNT_GAVE_WAY, /* dropped: their place was needed */
    WEBD_COUNTS
};

/* Members of the overview. */
enum overview_member {
    OVERVIEW_MACHINE = 0,
    OVERVIEW_UPTIME,
    OVERVIEW_MEMORY,
    OVERVIEW_PROCESSES,
    OVERVIEW_NETWORK,
    OVERVIEW_WEB,
    OVERVIEW_HEALTH,
    OVERVIEW_MEMBERS
};

struct connection {
    uint8_t state; /* enum connection_state */
    bool readable, writable; /* netd may have something, or room; cleared when it said no */
    bool stranger; /* its last request was of no session */
    bool keep; /* after the answer the next request is waited for */
    bool receiving, sending; /* a call is under way, also when the connection has ended meanwhile */
    bool begun; /* a byte of the request under way came */
    bool large; /* `body` is one of the few large ones */
    uint16_t place; /* netd's number */
    uint32_t life; /* of this place: tells an answer for who was here before */
    cap_id socket;
    uint32_t in_at, in_count; /* of its part: came and not looked at yet */
    uint32_t out_at, out_count; /* of its part: to go */
    uint32_t sent_count; /* how many of these the call under way names: more may have come behind them */
    const uint8_t *file; /* to go behind it: of an asset, */
    uint32_t file_left; /* and how much */
    uint64_t moved_ns, until_ns; /* when a byte came or went; when it is dropped, RING_FOREVER: never */
    struct session_ref session;
    struct session_ref shown_to; /* whom the overview was shown here last */
    uint32_t page_bytes; /* of pages and their parts that were asked for here */
    struct gate_verdict verdict; /* of the request under way */
    uint32_t shell; /* CONNECTION_SHELL: its place */
    bool pinged;
    uint32_t shown[OVERVIEW_MEMBERS]; /* CONNECTION_LIVE: versions of the overview's parts that were sent; 0:
                                         none */
    uint8_t *body;
    uint8_t small[WEBD_BODY_BYTES];
    struct http http;
    struct websocket socket_in;
};

struct shell {
    cap_id starter; /* CAP_NONE: the manifest grants no more */
    bool used, reading, writing, ended;
    uint32_t number; /* as the browser knows it: never used twice */
    cap_id stream;
    struct rt_memory memory; /* the stream's: typed bytes, then those to show */
    struct session_ref session;
    uint32_t connection, life; /* whose socket it has; WEBD_CONNECTIONS: none */
    uint64_t until_ns; /* without a socket: kept until then */
    uint8_t *message; /* WEBSOCKET_MESSAGE_BYTES, for the socket that it has */
    uint8_t *typed; /* WEBD_TYPED_BYTES, round and round: the socket is read on while a terminal takes
                       nothing, so that a ^C gets past what was pasted before it */
    uint32_t typed_at, typed_count;
    uint32_t rest_at, rest_left; /* of `message`: what there was no room for in `typed` */
    uint32_t writing_bytes; /* with the terminal, not taken yet */
    uint32_t taken; /* typed bytes that are nowhere here any more, and whose socket was not told so */
    uint32_t to_show; /* bytes in the second half that no socket has taken */
};

/* What is asked of authd: one at a time. */
struct asked {
    bool used, change; /* change: of the secret; else a log-in */
    uint32_t connection, life;
    uint32_t source;
    struct rt_memory page; /* the secrets, for the call */
};

/* Of a proof that is probed. */
struct witness {
    cap_id sink; /* CAP_NONE: this is no such run */
    bool emitted;
    bool listened; /* it had a listener */
    struct session_ref session; /* that asked for the marker */
    uint64_t refused; /* count of that time */
    uint64_t until_ns;
};

/* One member of the overview, as text, and how often it changed. */
struct overview_part {
    char text[4096];
    uint32_t bytes, version;
};
struct webd {
    struct rt *rt;
    cap_id authority, listener, login, maker, system, supervisor, network, entropy;
    uint32_t patience; /* of WEBD_PATIENCE, what is left */
    bool deferred; /* the next that comes waits for who is young */
    bool accepting, eventing, attached; /* attached: the listener's sockets have `share` */
    uint64_t again_ns, pause_ns; /* without a listener: not before; how long the last pause was */
    struct rt_memory share, range; /* with netd; of records that calls fill in */
    struct rt_memory room; /* the large bodies and the shells' messages */
    bool large_used[WEBD_LARGE];
    struct gate gate;
    struct sessions sessions;
    uint32_t session_life[SESSIONS], session_source[SESSIONS]; /* whose end authd is still to be told */
    struct asked asked;
    struct witness witness;
    struct shell shells[WEBD_SHELLS];
    uint32_t shells_begun;
    struct overview_part overview[OVERVIEW_MEMBERS];
    uint64_t looked_ns; /* at the machine */
    uint64_t counts[WEBD_COUNTS];
    /* Of connections, a bit each: those that are there, that something happened to since they had their turn,
     * that are WebSockets, that showed no session. And when each is to be looked at whatever happens. So a
     * turn touches those alone that have something to do: each lies on pages of its own. */
    uint64_t used, active, sockets, strangers;
    uint64_t held; /* that found no place among those calls */
    uint32_t flying;
    uint64_t due_ns[WEBD_CONNECTIONS];
    uint8_t by_place[WEBD_PLACES]; /* index + 1 of its connection; 0: nobody */
    uint32_t lives;
    struct json json;
    struct connection connections[WEBD_CONNECTIONS];
};

/* listen.c: the listener, who comes, and what netd says of sockets. */
/* Gives when it is to be called again, whatever else happens. */
uint64_t listen_turn(struct webd *w);
void listen_accepted(struct webd *w, const struct ring_completion *done);
void listen_event(struct webd *w, const struct ring_completion *done);

/* connection.c: bytes of one connection. */
void connection_begin(struct webd *w, cap_id socket, uint16_t place);
/* Ends now; whatever it was for learns of it. `gone`: the socket ended with netd. */
void connection_drop(struct webd *w, struct connection *c, bool gone);
/* Completions of its calls. */
void connection_received(struct webd *w, uint32_t at, const struct ring_completion *done);
void connection_sent(struct webd *w, uint32_t at, const struct ring_completion *done);
/* One of the calls of WEBD_FLYING came back. */
void connections_landed(struct webd *w);
/* Something happened to it: it has a turn. WEBD_CONNECTIONS: to nobody. */
void connection_wake(struct webd *w, uint32_t at);
/* Those that have something to do, whose time is over or whose session is: read, look, send, as far as there
 * is room for it, or end. Gives when one is to be looked at again, whatever happens. */
uint64_t connections_turn(struct webd *w);
uint32_t connection_room(const struct connection *c);
/* All of it; there is room, asserted. */
void connection_put(struct webd *w, struct connection *c, const void *bytes, uint32_t count);
/* A frame of a WebSocket, whole; false: no room for now. */
bool connection_frame(struct webd *w, struct connection *c, enum websocket_opcode opcode, const void *head,
                      uint32_t head_bytes, const void *bytes, uint32_t count);
/* A WebSocket ends with this code. */
void connection_end(struct webd *w, struct connection *c, uint16_t code);
struct connection *connection_of(struct webd *w, uint32_t at, uint32_t life);

/* answer.c: answers to requests. */
void answer_json(struct webd *w, struct connection *c, uint16_t status, const struct json_out *o);
/* {"error":WORD}; with wait_ms unless it is 0. */
void answer_error(struct webd *w, struct connection *c, uint16_t status, const char *word, uint64_t wait_ms);
/* 204; `cookie`: Set-Cookie, or NULL. */
void answer_nothing(struct webd *w, struct connection *c, const char *cookie);
void answer_asset(struct webd *w, struct connection *c);
void answer_finish(struct webd *w, struct connection *c, struct http_answer *a, const char *body,
                   uint32_t bytes);

/* api.c: what a request asks for that passed the gate. */
void api_request(struct webd *w, struct connection *c);
void api_login_done(struct webd *w, const struct ring_completion *done);
/* Sessions that are over: authd is told, their shells end. Gives when the next one is. */
uint64_t api_sessions(struct webd *w, uint64_t now_ns);

/* shells.c */
/* A shell for this session, started: its place. WEBD_SHELLS: all run, or none can be had. */
uint32_t shells_begin(struct webd *w, struct session_ref session);
/* The place of this session's shell of that number. WEBD_SHELLS: it has none. */
uint32_t shells_find(const struct webd *w, struct session_ref session, uint32_t number);
/* This connection's socket has it from now on; another's is taken over. */
void shells_attach(struct webd *w, uint32_t at, struct connection *c);
void shells_detach(struct webd *w, struct connection *c);
/* A whole message of the socket. False: no kind that there is. */
bool shells_message(struct webd *w, struct connection *c);
/* Nothing more is read of the socket: the terminal has not taken what came. */
bool shells_busy(const struct webd *w, const struct connection *c);
void shells_read(struct webd *w, uint32_t at, const struct ring_completion *done);
void shells_written(struct webd *w, uint32_t at, const struct ring_completion *done);
/* What can be shown goes; what nobody has wanted for long ends. Gives when the next one does. */
uint64_t shells_turn(struct webd *w, uint64_t now_ns);
void shells_end_of(struct webd *w, struct session_ref session);

/* witness.c */
void witness_init(struct webd *w);
/* A client of this session names its number. */
void witness_request(struct webd *w, struct connection *c);
/* The process has nothing left to do: its exit code. Never in a run that is not probed. */
bool witness_over(struct webd *w, uint64_t now_ns, uint32_t *code);

/* overview.c: what the machine is, in JSON. */
void overview_look(struct webd *w);
/* The members whose version differs from `shown` (NULL: all) as members of the object under way; `shown` is
 * then theirs. */
bool overview_put(const struct webd *w, struct json_out *o, uint32_t *shown);
/* Sends who looks what changed. Gives when the next look is due. */
uint64_t overview_turn(struct webd *w, uint64_t now_ns);

#endif
