/* SPDX-License-Identifier: BSD-2-Clause */
/* The network-stack process: lwIP over one Nic, and the interfaces of abi/net.h over lwIP. One thread, one
 * loop; lwIP's callbacks run inside it. Everything has a place of its own in struct netd or in lwIP's pools:
 * nothing here allocates without a bound, and what finds no place is refused and counted.
 *
 * It trusts the kernel for who calls (the badge) and nothing else: arguments of clients and frames are
 * checked, what the Nic's share says is a hint. */
#ifndef CAPOS_STACK_NETD_NETD_H
#define CAPOS_STACK_NETD_NETD_H

#include "abi/methods.h"
#include "abi/net.h"
#include "abi/nic.h"
#include "lwip/netif.h"
#include "lwip/pbuf.h"
#include "lwip/tcp.h"
#include "lwip/udp.h"
#include "stack/netd/lease.h"
#include "stack/netd/random.h"
#include "user/rt/rt.h"

#define NETD_OBJECTS     88u /* listeners and sockets together */
#define NETD_BACKLOG_MAX 64u
#define NETD_HALF_OPEN   128u /* connections of all listeners whose peer has not answered yet */
#define NETD_PENDING     8u /* pings and names that are asked for */
#define NETD_RX_PBUFS    64u /* of one socket, that its holder has not read */
#define NETD_DATAGRAMS   16u /* the same for UDP */
#define NETD_ANSWERS     12u /* under way: beside them every receive and call of its own has a place */
#define NETD_TX_QUEUE    128u /* frames that the share has no room for */
#define NETD_RETRY_NS    1000000000u /* a Nic that has no card is asked again, and memory for a lease */
#define NETD_ROOM_NS     1000000u /* a full share is looked at again */
#define NETD_PING_NS     5000000000ull /* a ping that names no time */
#define NETD_RESOLVE_NS  30000000000ull
#define NETD_FOREVER     UINT64_MAX
#define NETD_EVENT_WORDS ((NETD_OBJECTS + 63u) / 64u)

/* Inbox places: of the manager, of listen authorities, of who only looks, of connect authorities, of what was
 * made from them. */
enum netd_place {
    NETD_PLACE_MANAGER = 0,
    NETD_PLACE_LISTEN = 2,
    NETD_PLACE_STATUS = 4,
    NETD_PLACE_CONNECT,
    NETD_PLACE_OBJECTS,
    NETD_PLACES = 12
};
/* `user` of submissions that are no receive; those of the Nic carry its epoch above bit 8. */
enum netd_user {
    NETD_USER_ANSWER = NETD_PLACES,
    NETD_USER_GONE,
    NETD_USER_NIC_INFO,
    NETD_USER_NIC_ATTACH,
    NETD_USER_NIC_WAIT,
    NETD_USER_NIC_KICK
};

enum netd_exit {
    NETD_EXIT_GRANT = 1, /* nobody to serve, no endpoint source, no memory source or no entropy */
    NETD_EXIT_MEMORY,
    NETD_EXIT_ENTROPY, /* the kernel's source failed: nothing is started without secrets */
    NETD_EXIT_PROOF, /* mode proof: a claim did not hold, which was said */
    NETD_EXIT_STACK /* lwIP refused the interface, or a condition of its own did not hold */
};

/* A call that waits for its answer. */
struct netd_wait {
    bool used;
    uint64_t token;
    uint64_t deadline_ns; /* NETD_FOREVER: none */
    uint32_t offset, length; /* of the holder's buffer */
    uint32_t done; /* bytes of it so far */
};

/* Memory that a holder shares, mapped once. */
struct netd_buffer {
    cap_id cap;
    uint8_t *at;
    uint32_t bytes;
    uint32_t users; /* objects that name it; 0: the place is free */
};

/* What a RECV has to say of a stream that brings no more bytes. */
enum netd_end { NETD_END_NONE = 0, NETD_END_CLOSED, NETD_END_ERROR };

_Static_assert(NETD_OBJECTS <= NET_PLACES_MAX, "an event's place");

enum netd_kind { NETD_FREE = 0, NETD_LISTENER, NETD_TCP, NETD_UDP };

struct netd_object;

struct netd_listener {
    struct tcp_pcb *pcb;
    uint16_t port;
    uint8_t backlog, prefix_bits;
    ip4_addr_t prefix;
    struct netd_wait accept;
    struct netd_object *first, *last; /* connections nobody has accepted, by `next` */
    uint32_t waiting; /* how many these are */
    struct netd_wait event;
    uint32_t event_most; /* of so many sockets that call takes at once */
    uint64_t told[NETD_EVENT_WORDS]; /* a bit an object's place: it has something to tell */
    uint32_t next; /* the place that is looked at first: behind the one that was told last */
};

struct netd_tcp {
    struct tcp_pcb *pcb; /* NULL: lwIP has ended it */
    struct netd_object *listener; /* in whose queue it is, or NULL */
    bool peer_closed, shut;
    bool connected; /* by NETWORK_CONNECT or CONNECT_OPEN, not by a listener */
    uint8_t error; /* enum net_error that ended it, or NET_OK */
    uint8_t acked_at_once; /* full segments */
    struct netd_object *teller; /* the listener whose LISTENER_EVENT tells of it, or NULL */
    uint8_t awaited, pending; /* NET_EVENT_*: to be told when it happens; happened, and not told yet */
    uint8_t end_told; /* enum netd_end that a RECV has said */
    struct netd_wait connect, send, recv;
    struct pbuf *rx[NETD_RX_PBUFS];
    uint32_t rx_first, rx_count, rx_at; /* bytes read of the first */
    uint32_t rx_frames; /* of the pool, that these hold */
    ip_addr_t peer;
    uint16_t peer_port, port;
};

struct netd_datagram {
    struct pbuf *p;
    ip_addr_t from;
    uint16_t port;
};

struct netd_udp {
    struct udp_pcb *pcb;
    struct netd_wait recv;
    struct netd_datagram rx[NETD_DATAGRAMS];
    uint32_t rx_first, rx_count;
};

/* A listener or a socket. Its badge names place and life, so that a late call reaches nobody else. */
struct netd_object {
    uint8_t kind; /* enum netd_kind */
    bool handed; /* somebody may call it: it ends when nobody can any more */
    bool closed; /* by its holder */
    bool lost; /* the card's driver ended under it */
    uint64_t badge;
    struct netd *netd;
    struct netd_object *next;
    struct netd_buffer *buffer; /* of netd.buffers; NULL: none. A listener's: of what it accepts */
    union {
        struct netd_listener listener;
        struct netd_tcp tcp;
        struct netd_udp udp;
    };
};

enum netd_nic_state { NIC_AWAY = 0, NIC_ASKED, NIC_ATTACHING, NIC_UP };

/* This side of the share: own indices are the truth. */
struct netd_nic {
    cap_id cap; /* CAP_NONE: there was no Nic to be granted, or it ended for good */
    uint8_t state; /* enum netd_nic_state */
    uint32_t epoch; /* rises when the driver ended: completions of earlier calls are none of this one's */
    struct rt_memory memory;
    struct nic_share *share;
    uint32_t tx_tail, rx_head;
    uint32_t unkicked;
    bool waits, kicks;
    uint64_t again_ns; /* AWAY: when it is asked again */
    struct pbuf *queue[NETD_TX_QUEUE];
    uint32_t first, count;
};

enum netd_pending_kind { PENDING_FREE = 0, PENDING_PING, PENDING_RESOLVE };

struct netd_pending {
    uint8_t kind;
    bool abandoned; /* answered; lwIP still holds its place */
    struct netd *netd;
    struct netd_wait wait;
    uint64_t began_ns;
    ip_addr_t address;
    uint16_t sequence;
};

#define NETD_NUMBER_BYTES 8u

/* What a proof has seen (witness.c). Without a sink: nothing is looked at. */
struct netd_witness {
    cap_id sink;
    struct rt_memory words;
    uint64_t until_ns, again_ns;
    bool lease, neighbour, round_trip, failed;
    bool probe; /* another service than the witness's proves something over the network, */
    bool probe_ended; /* and has given up its port */
    uint16_t only_port; /* whose connections are watched; 0: any's */
    bool outgoing; /* the run has a connection to outside, which comes before the number from there, */
    bool outgoing_ended; /* and whose holder has closed it */
    uint64_t badge; /* of the connection that is watched */
    uint16_t port;
    ip_addr_t peer;
    uint8_t taken[NETD_NUMBER_BYTES], given[NETD_NUMBER_BYTES]; /* by its holder: the first bytes */
    uint32_t taken_bytes, given_bytes, acknowledged;
};

struct netd {
    struct rt *rt;
    cap_id manager, listen, endpoint; /* endpoints: two of the manifest, and that of what is made */
    cap_id status, connect; /* a third and a fourth of the manifest, or CAP_NONE */
    cap_id entropy;
    struct netd_nic nic;
    struct netif netif;
    struct lease lease;
    struct random random;
    struct raw_pcb *ping;
    uint16_t ping_sequence;
    bool bound; /* there was a lease at the last look */
    uint64_t lease_again_ns; /* lwIP had no memory to ask for one: not before */
    uint64_t began_ns; /* when lwIP's timers began */
    uint64_t next_life; /* of an object's place */
    struct rt_memory badges; /* u64 an object: whose end is waited for */
    bool gone_asked;
    uint32_t timed; /* calls that wait with a time of their own */
    uint64_t
        telling[NETD_EVENT_WORDS]; /* a bit a listener's place: one of its sockets has something to tell */
    uint32_t answers; /* submitted, not seen complete */
    struct netd_witness witness;
    uint64_t counters[NET_COUNTER_COUNT];
    struct netd_object objects[NETD_OBJECTS];
    struct netd_buffer buffers[NETD_OBJECTS]; /* each has a user: they are enough */
    struct netd_pending pending[NETD_PENDING];
};

/* sys.c: what lwIP asks of its surroundings. */
/* Seeds the generator and starts lwIP. Once. False: said why on the console. */
bool netd_sys_init(struct netd *n);
/* Fresh entropy for the generator; without it goes on with what it has. */
void netd_reseed(struct netd *n);

/* nic.c: the Nic as lwIP's interface. */
bool netd_nic_init(struct netd *n);
/* A completion of one of the Nic's calls. */
void netd_nic_completed(struct netd *n, const struct ring_completion *done);
/* Frames that came, to lwIP. */
void netd_nic_receive(struct netd *n);
/* Frames that wait, to the driver; the calls that belong to it. When the next look is due: ns or
 * NETD_FOREVER.
 */
uint64_t netd_nic_flush(struct netd *n);

/* objects.c */
struct netd_object *netd_object_new(struct netd *n, enum netd_kind kind); /* NULL: none is free */
/* Nobody knows it, lwIP included. */
void netd_object_free(struct netd_object *o);
struct netd_object *netd_object_of(struct netd *n, uint64_t badge); /* NULL: it has ended */
/* Its capability goes to the caller with `token`, with `value`. False: that was refused, the call is answered
 * NET_E_NO_MEMORY, and the object is as before. */
bool netd_hand(struct netd_object *o, uint64_t token, enum cap_interface interface, uint64_t value);
/* The next badge that nobody can call with any more is asked for. */
void netd_watch(struct netd *n);
void netd_gone(struct netd *n, const struct ring_completion *done);
/* The card's driver ended: each object is lost, each call that waits on one completes. */
void netd_objects_lost(struct netd *n);
/* Calls whose time is over complete. When the next is: ns or NETD_FOREVER. */
uint64_t netd_objects_expire(struct netd *n, uint64_t now_ns);
/* Closes it as its holder would. */
void netd_object_close(struct netd_object *o);
/* What a call on it meets before anything else: NET_OK, or why there is nothing to do. */
enum net_error netd_object_state(const struct netd_object *o);

/* serve.c */
/* That calls at this inbox place come through, or CAP_NONE. */
cap_id netd_endpoint(const struct netd *n, uint32_t place);
/* A received call, by its inbox place. */
void netd_call(struct netd *n, const struct ring_completion *done);
void netd_answer(struct netd *n, uint64_t token, enum net_error error, uint64_t value);
/* Answers the call that waits, if one does. */
void netd_complete(struct netd *n, struct netd_wait *w, enum net_error error, uint64_t value);
/* It waits no more: whoever asked is answered by other means. */
void netd_wait_end(struct netd *n, struct netd_wait *w);
/* NET_E_BUSY: one waits already. `ns` NETD_FOREVER: without end. */
enum net_error netd_wait_begin(struct netd *n, struct netd_wait *w, uint64_t token, uint64_t ns);
/* NETD_FOREVER or the earlier of both. */
uint64_t netd_wait_due(const struct netd_wait *w, uint64_t due_ns);
bool netd_wait_over(const struct netd_wait *w, uint64_t now_ns);
/* A buffer attached, or made for a holder that has no memory of its own: answers the call. */
void netd_attach(struct netd_object *o, const struct ring_received *call, bool busy);
void netd_detach(struct netd_object *o);
/* `o`, which has none, names the buffer of `from` too, if there is one. */
void netd_share(struct netd_object *o, const struct netd_object *from);
bool netd_in_buffer(const struct netd_object *o, uint64_t offset, uint64_t length);

/* What the methods of each interface do. True: answered, or kept to be answered. */
/* `looks`: through a NetworkStatus. */
void netd_network_call(struct netd *n, const struct ring_received *call, bool looks);
void netd_listen_call(struct netd *n, const struct ring_received *call);
void netd_connect_call(struct netd *n, const struct ring_received *call);
void netd_listener_call(struct netd_object *o, const struct ring_received *call);
void netd_tcp_call(struct netd_object *o, const struct ring_received *call);
void netd_udp_call(struct netd_object *o, const struct ring_received *call);

/* listener.c */
void netd_listener_close(struct netd_object *o);
/* A connection that waits and an accept that waits meet. */
void netd_listener_progress(struct netd_object *o);
/* One that nobody accepted has ended. */
void netd_listener_forget(struct netd_object *listener, struct netd_object *tcp);

/* event.c: LISTENER_EVENT. */
void netd_event_call(struct netd_object *listener, const struct ring_received *call);
/* What was raised meanwhile is told, to who waits for it. */
void netd_events_step(struct netd *n);
/* From now on the listener tells of this socket. */
void netd_event_begin(struct netd_object *tcp, struct netd_object *listener);
/* Nobody tells of it any more. */
void netd_event_end(struct netd_object *tcp);
/* The listener tells of nothing any more: the call that waits completes with this. */
void netd_event_close(struct netd_object *listener, enum net_error error);
/* The holder acts: what was to be told of `flag` is not, and is awaited anew. */
void netd_event_rearm(struct netd_object *tcp, uint8_t flag);
/* `flag` holds now: told, if it is awaited. */
void netd_event_raise(struct netd_object *tcp, uint8_t flag);

/* half_open.c */
/* The listener closes: what was half open is none of it any more. */
void netd_half_open_end(struct netd_object *listener);

/* tcp.c */
/* Takes the PCB over. */
void netd_tcp_adopt(struct netd_object *o, struct tcp_pcb *pcb);
/* What waits on it gets what there is. */
void netd_tcp_progress(struct netd_object *o);
void netd_tcp_close(struct netd_object *o);
void netd_tcp_abort(struct netd_object *o);
/* Answers the call with a socket, or why there is none. `ms` 0: lwIP's own limit. */
void netd_tcp_connect(struct netd *n, uint64_t token, const ip_addr_t *to, uint16_t port, uint32_t ms);

/* room.c */
/* Bytes that may be queued to be sent on this connection now. */
uint32_t netd_room_send(const struct tcp_pcb *pcb);
/* May a socket that holds so many frames of the pool keep one more? */
bool netd_room_receive(uint32_t frames);
/* Of NET_COUNTER_USED_PCBS and those after it, now; of another: what was counted. */
uint64_t netd_room_counter(const struct netd *n, enum net_counter which);
/* Memory runs short: a connection that nobody holds gives what it still has to send back. */
void netd_room_step(struct netd *n);

/* udp.c */
void netd_udp_open(struct netd *n, const struct ring_received *call);
void netd_udp_close(struct netd_object *o);

/* witness.c: of a run in mode proof; else they do nothing. */
/* A proof's order: an outgoing connection comes after the neighbour. Always true outside a proof. */
bool netd_witness_may_connect(const struct netd *n);
/* The holder of a socket has closed it. */
void netd_witness_closed(struct netd_object *o);
/* A listener ended. */
void netd_witness_unlistened(const struct netd_object *o);
bool netd_witness_init(struct netd *n);
/* False: the proof is over, with this exit code. */
bool netd_witness_turn(struct netd *n, uint64_t now_ns, uint32_t *code);
/* The card's driver serves now, or has ended. */
void netd_witness_driver(struct netd *n, bool serves);
uint64_t netd_witness_due(const struct netd *n);
/* The holder took these bytes of the stream; gave these; the peer acknowledged so many. */
void netd_witness_taken(struct netd_object *o, const uint8_t *bytes, uint32_t count);
void netd_witness_given(struct netd_object *o, const uint8_t *bytes, uint32_t count);
void netd_witness_acknowledged(struct netd_object *o, uint32_t count);

/* network.c */
/* NETWORK_CONFIG's value. */
uint64_t netd_config(struct netd *n, enum net_config item, uint64_t index);
/* Is there a card, and a lease? */
enum net_error netd_usable(const struct netd *n);
bool netd_network_init(struct netd *n);
void netd_network_up(struct netd *n);
/* After frames and timers: what a lease brought counts from now on. */
void netd_network_step(struct netd *n);
void netd_network_lost(struct netd *n);
/* NETWORK_SOCKET's value. */
uint64_t netd_socket_told(const struct netd *n, uint64_t place, bool address);
uint64_t netd_pending_expire(struct netd *n, uint64_t now_ns);
/* IPv4 address of two argument words; false: of another family, or none. */
bool netd_peer(const uint64_t args[3], ip_addr_t *out);

#endif
