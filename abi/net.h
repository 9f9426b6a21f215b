/* SPDX-License-Identifier: BSD-2-Clause */
/* The interfaces that the network-stack process serves. A capability says what its holder may do: the
 * NetworkManager asks and makes outgoing sockets; a TcpListenAuthority is one local port, with a bound on
 * what waits there and a source prefix, and nothing else; what is made from either is one listener or one
 * socket.
 *
 * Bytes travel through a MemoryObject that the holder of a socket shares with the service (SOCKET_BUFFER), at
 * offsets that the holder names. The service reads what is to be sent, and writes what came, only between a
 * call and its completion; the holder may change the bytes meanwhile, and harms its own stream alone.
 *
 * A call that waits completes exactly once: with what it waited for; NET_E_TIMEOUT; NET_E_CLOSED or
 * NET_E_RESET by the peer; NET_E_DISCONNECTED when the network card's driver ended; RING_E_CANCELLED when the
 * capability was revoked; RING_E_DISCONNECTED when the service ended, which also ends every listener and
 * socket that it made. When nobody holds a socket any more, it is closed as by SOCKET_CLOSE. */
#ifndef CAPOS_ABI_NET_H
#define CAPOS_ABI_NET_H

#include <stdint.h>

/* Closed enum of the results of these interfaces. */
enum net_error {
    NET_OK = 0,
    NET_E_DEVICE_UNAVAILABLE, /* no network card, or its driver is not there: listen, connect, UDP, ping */
    NET_E_INVALID_SOCKET, /* send, receive: no network card now, or the socket was closed by its holder */
    NET_E_INVALID_LISTENER, /* accept: the same for a listener */
    NET_E_DISCONNECTED, /* the driver ended under this socket or listener: it is of no more use */
    NET_E_VALUE, /* an argument out of its range, or a method that the interface has not */
    NET_E_BUSY, /* a call of this kind waits already on this socket or listener */
    NET_E_NO_MEMORY, /* no room for another socket, or for what the call needs */
    NET_E_IN_USE, /* the port has a listener or a socket */
    NET_E_NO_ADDRESS, /* there is a card, and no lease yet */
    NET_E_UNREACHABLE, /* no route, or an ICMP message said so */
    NET_E_REFUSED, /* the peer refused the connection */
    NET_E_RESET, /* the peer reset it, gave no sign of life, or our address is another one now */
    NET_E_CLOSED, /* send: this side was shut down */
    NET_E_TIMEOUT, /* not within the call's time */
    NET_E_NAME, /* no such name, or it cannot be one */
    NET_E_BUFFER, /* no buffer attached, or offset and length leave it */
    NET_ERROR_COUNT
};

enum net_family { NET_FAMILY_NONE = 0, NET_FAMILY_IPV4 = 4, NET_FAMILY_IPV6 = 6 };

/* An address in two arguments: bytes 0 to 7 in the first, 8 to 15 in the second, the first byte lowest. An
 * IPv4 address is bytes 0 to 3, the others are 0. */
struct net_address {
    uint8_t bytes[16];
};

/* Third argument that goes with an address: family, port, and milliseconds that the call may take (0: the
 * service's own limit). */
#define NET_PEER(family, port, ms) ((uint64_t)(family) | (uint64_t)(port) << 16 | (uint64_t)(ms) << 32)
#define NET_PEER_FAMILY(word)      ((uint16_t)(word))
#define NET_PEER_PORT(word)        ((uint16_t)((word) >> 16))
#define NET_PEER_MS(word)          ((uint32_t)((word) >> 32))

/* CAP_IF_NETWORK_MANAGER. CAP_IF_NETWORK_STATUS has of these CONFIG, COUNTER, PING and SOCKET. */
enum network_method {
    NETWORK_CONFIG = 1, /* args[0]: enum net_config; args[1]: index. value. Without a card or a lease all zero
                           but NET_CONFIG_STATE */
    NETWORK_COUNTER, /* args[0]: enum net_counter. value */
    NETWORK_PING, /* args[0..1]: address, args[2]: NET_PEER without port. One ICMP echo. value: ns */
    NETWORK_CONNECT, /* args[0..1]: address, args[2]: NET_PEER. Waits. cap: TcpSocket */
    NETWORK_UDP, /* args[0]: local port, 0: any. cap: UdpSocket; value: its port */
    NETWORK_RESOLVE, /* a MemoryObject copied along; args[0]: offset of the name, args[1]: its bytes, 1 to
                        253. value: IPv4 address, first byte lowest */
    NETWORK_SOCKET /* args[0]: place, from 0 on; args[1] 0: value: enum net_socket | local port << 16 |
                      the peer's port << 32, 0: nothing there; 1: the peer's IPv4 address, first byte
                      lowest. NET_E_VALUE: no such place */
};

/* What stands at a place. */
enum net_socket {
    NET_SOCKET_NONE = 0,
    NET_SOCKET_LISTENS,
    NET_SOCKET_CONNECTS, /* not yet connected, or not yet accepted */
    NET_SOCKET_OPEN,
    NET_SOCKET_CLOSES, /* one side has said that it sends no more */
    NET_SOCKET_ENDED, /* its holder has not let go of it yet */
    NET_SOCKET_UDP
};

enum net_state {
    NET_STATE_NO_CARD = 0, /* nothing to send through; tried again when the driver is back */
    NET_STATE_ASKING, /* DHCP is under way */
    NET_STATE_BOUND /* there is a lease */
};

/* Addresses: IPv4, first byte lowest. */
enum net_config {
    NET_CONFIG_STATE = 0, /* enum net_state */
    NET_CONFIG_MAC, /* first byte lowest */
    NET_CONFIG_ADDRESS,
    NET_CONFIG_PREFIX, /* bits of the mask: 32 on Compute Engine */
    NET_CONFIG_GATEWAY, /* of the default route */
    NET_CONFIG_MTU,
    NET_CONFIG_SERVER, /* that gave the lease */
    NET_CONFIG_DNS, /* args[1]: which. 0: no such */
    NET_CONFIG_LEASE_S, /* seconds of it that are left */
    NET_CONFIG_ROUTE, /* args[1]: which. destination | prefix << 32; 0: the default route, or no such */
    NET_CONFIG_ROUTE_VIA, /* args[1]: which. 0: on the link, or no such */
    NET_CONFIG_ROUTES, /* how many there are */
    NET_CONFIG_COUNT
};

enum net_counter {
    NET_COUNTER_FRAMES_IN = 0,
    NET_COUNTER_FRAMES_OUT,
    NET_COUNTER_DROPPED, /* frames that came and found no memory, or were none */
    NET_COUNTER_REFUSED_FRAMES, /* that came and were not followed: malformed, a wrong sum, for nobody here */
    NET_COUNTER_BYTES_IN, /* of TCP streams, to their holders */
    NET_COUNTER_BYTES_OUT,
    NET_COUNTER_ACCEPTED, /* connections */
    NET_COUNTER_CONNECTED,
    NET_COUNTER_REFUSED_SOURCE, /* connections from outside a listener's prefix */
    NET_COUNTER_EXHAUSTED, /* connections and calls for which there was no memory */
    NET_COUNTER_RESET, /* sockets that ended by the peer's reset or silence */
    NET_COUNTER_SOCKETS, /* that are there now */
    NET_COUNTER_LISTENERS,
    NET_COUNTER_LEASES, /* times that there was an address where there had been none */
    NET_COUNTER_REFUSED_LEASES, /* DHCP messages, and options of them, that were not followed */
    NET_COUNTER_DRIVER_LOST, /* times that the card's driver ended */
    NET_COUNTER_REFUSED_CALLS, /* calls with arguments that could not be */
    NET_COUNTER_GAVE_WAY, /* connections, half open or closing, that ended to make room */
    NET_COUNTER_USED_PCBS, /* of the stack's memory, now: connections, closing and half open ones too, */
    NET_COUNTER_USED_SEGMENTS, /* segments to be sent or acknowledged, */
    NET_COUNTER_USED_FRAMES, /* frames that came, */
    NET_COUNTER_USED_HEAP, /* bytes of the heap */
    NET_COUNTER_COUNT
};

/* CAP_IF_TCP_LISTEN_AUTHORITY: its port, backlog and source prefix are the manifest's. */
enum listen_method {
    LISTEN_OPEN = 1 /* args[0]: connections that may wait for accept, 1 to the authority's; 0: its own.
                       cap: TcpListener; value: the port. One listener at a time: NET_E_IN_USE */
};

/* CAP_IF_TCP_CONNECT_AUTHORITY: the address and port that it leads to are the manifest's. */
enum connect_method {
    CONNECT_OPEN = 1 /* args[0]: milliseconds that it may take, 0: the service's own limit. Waits. cap:
                        TcpSocket. Errors as of NETWORK_CONNECT */
};

/* CAP_IF_TCP_LISTENER. */
enum listener_method {
    LISTENER_ACCEPT = 1, /* args[0]: ns that it may wait, RING_FOREVER: any time. cap: TcpSocket; value: its
                            place, as NETWORK_SOCKET counts, below NET_PLACES_MAX: its own as long as
                            somebody holds it */
    LISTENER_CLOSE, /* takes no more; what was accepted lives on, and is not told of any more. Calls that
                       wait complete with NET_E_INVALID_LISTENER */
    LISTENER_BUFFER, /* as SOCKET_BUFFER: what SEND and RECV of each socket that is accepted from now on
                        name, until a SOCKET_BUFFER of that socket's own. One piece of memory for all of
                        them: who holds them says which part is whose. It is given back when the listener
                        has another one, or is closed, and none of those sockets names it any more; the
                        same memory again is NET_E_VALUE before. value: its bytes */
    LISTENER_EVENT /* args[0]: ns that it may wait, RING_FOREVER: any time; args[1]: of how many sockets it
                      may tell at once, up to NET_EVENTS, 0 is 1. Waits until there is something to do on a
                      socket that was accepted here and is still held. value: NET_EVENT of each. Each of its
                      flags is told once, and again only after the next call of its kind on that socket
                      (READ: RECV; WRITE: SEND); of several sockets each in its turn. NET_E_VALUE: more;
                      NET_E_BUSY: one waits already; NET_E_INVALID_LISTENER, NET_E_DISCONNECTED (every socket
                      has ended with it) as of ACCEPT. One whose socket was given back meanwhile may still
                      be on its way: a RECV at its place's next socket then finds nothing, which harms
                      nothing */
};

/* Flags of an event. */
enum net_event {
    NET_EVENT_READ = 1, /* a RECV will not have to wait: there are bytes, more than the last one took, or its
                           end or error, which no RECV has said yet */
    NET_EVENT_WRITE = 2 /* a SEND will take some, or say its error, after one that took fewer than it named */
};
#define NET_PLACES_MAX 256u
/* In one word, the first in its lowest bits; one without a flag is none. */
#define NET_EVENTS                  4u
#define NET_EVENT(at, place, flags) (((uint64_t)(place) | (uint64_t)(flags) << 8) << 16u * (at))
#define NET_EVENT_PLACE(value, at)  ((uint16_t)((value) >> 16u * (at)&0xffu))
#define NET_EVENT_FLAGS(value, at)  ((uint16_t)((value) >> (16u * (at) + 8u) & 0xffu))

/* CAP_IF_TCP_SOCKET. */
enum socket_method {
    SOCKET_BUFFER = 1, /* with a MemoryObject copied or moved along, one that no other socket has: what SEND
                          and RECV name from now on. value: its bytes, at most NET_BUFFER_BYTES_MAX. Without
                          one the service makes it, of args[0] bytes, 1 to NET_BUFFER_SERVED_MAX, and lends
                          it: cap. NET_E_BUSY while a call waits that names the one before */
    SOCKET_SEND, /* args[0]: offset, args[1]: bytes, 1 to the buffer's; args[2]: ns. Waits until all are
                    taken over, in order. value: bytes taken, fewer only when the time was over; with ns 0
                    at once what there is room for, 0 too */
    SOCKET_RECV, /* args[0]: offset, args[1]: bytes at most; args[2]: ns. Waits for the first. value:
                    bytes that came; 0: the peer will send no more. With ns 0 at once: NET_E_TIMEOUT when
                    there are none */
    SOCKET_SHUTDOWN, /* nothing more is sent; receiving goes on */
    SOCKET_CLOSE, /* both directions, in order; calls that wait complete with NET_E_INVALID_SOCKET */
    SOCKET_PEER /* args[0] 0, 1: the peer's address as above; 2: NET_PEER of it; 3: of this side */
};

/* CAP_IF_UDP_SOCKET. A datagram in the buffer: this header, then its bytes. */
struct net_datagram {
    struct net_address address; /* SEND: to; RECV: from */
    uint16_t family; /* enum net_family */
    uint16_t port;
    uint32_t length; /* bytes behind the header */
};
_Static_assert(sizeof(struct net_datagram) == 24, "ABI");

enum udp_method {
    UDP_BUFFER = 1, /* as SOCKET_BUFFER */
    UDP_SEND, /* args[0]: offset of the datagram. Does not wait */
    UDP_RECV, /* args[0]: offset, args[1]: bytes there is room for, the header included; args[2]: ns.
                 value: bytes of the datagram, which is cut where the room ends */
    UDP_CLOSE
};

#define NET_BUFFER_BYTES_MAX  (1u << 20) /* of a holder's buffer no more is used */
#define NET_BUFFER_SERVED_MAX 16384u

#endif
