/* SPDX-License-Identifier: BSD-2-Clause */
/* netprobe: asks netd everything that abi/net.h says. Its peer is the simulator's scripted one: 10.0.2.2 with
 * DHCP, ARP, ICMP echo and a TCP echo on port 7. A claim that does not hold ends it with the number of its
 * line, after naming it on the console. */
#ifndef CAPOS_TESTS_STACK_PROBE_H
#define CAPOS_TESTS_STACK_PROBE_H

#include "abi/methods.h"
#include "abi/net.h"
#include "user/rt/rt.h"

#define PEER         0x0202000aull /* 10.0.2.2, the first byte lowest */
#define NOBODY       0x4d02000aull /* 10.0.2.77 */
#define OURS         0x0f02000aull /* 10.0.2.15 */
#define PORT_ECHO    7u
#define PORT_CLOSED  9u
#define PORT_OURS    4242u /* of the listen authority, with a backlog of 5 */
#define BACKLOG_OURS 5u
#define SHARED_BYTES (1u << 20)
#define MS           1000000ull
#define SECOND       (1000u * MS)
#define NO_RESULT    0xffffu /* status or exception spoke instead */

struct probe {
    struct rt *rt;
    cap_id network, authority;
    cap_id way_out, way_to_nobody; /* authorities to connect to the echo, and to the closed port */
    struct rt_memory shared; /* SHARED_BYTES: the buffer of sockets */
    struct rt_memory second; /* a page more than counts */
};

void probe_check(struct probe *p, bool holds, const char *file, uint32_t line, uint64_t seen);
#define CHECK(p_, holds_)       probe_check((p_), (holds_), __FILE__, __LINE__, 0)
#define EQUAL(p_, value_, due_) probe_equal((p_), (value_), (due_), __FILE__, __LINE__)
#define RESULT(p_, done_, due_) probe_equal((p_), probe_result(done_), (due_), __FILE__, __LINE__)
void probe_equal(struct probe *p, uint64_t seen, uint64_t due, const char *file, uint32_t line);
/* Of the method, or NO_RESULT. */
uint64_t probe_result(struct ring_completion done);
struct ring_completion probe_call(struct probe *p, cap_id cap, uint16_t method, uint64_t a, uint64_t b,
                                  uint64_t c);
struct ring_completion probe_with(struct probe *p, cap_id cap, uint16_t method, uint64_t a, uint64_t b,
                                  const struct ring_extra *extra);
/* A call that waits: its completion comes by probe_next with `user`. */
void probe_begin(struct probe *p, uint64_t user, cap_id cap, uint16_t method, uint64_t a, uint64_t b,
                 uint64_t c);
/* The next completion, which must come within a virtual minute and be that of `user`. */
struct ring_completion probe_next(struct probe *p, uint64_t user);
/* Nothing completes for so long. */
void probe_quiet(struct probe *p, uint64_t ns);
/* Milliseconds. */
void probe_sleep(struct probe *p, uint64_t ms);
void probe_release(struct probe *p, cap_id cap);
uint64_t probe_counter(struct probe *p, enum net_counter which);
uint64_t probe_config(struct probe *p, enum net_config which, uint64_t index);
/* netd's listeners and sockets come to these numbers, within some seconds. */
void probe_left(struct probe *p, uint64_t sockets, uint64_t listeners);
/* Until there is a lease; half a minute at most. */
void probe_bound(struct probe *p);
/* A connection to the peer's echo. */
cap_id probe_connected(struct probe *p);
/* The same, with the shared memory as its buffer. */
cap_id probe_stream(struct probe *p);
cap_id probe_udp(struct probe *p, uint16_t port);

void probe_manager(struct probe *p);
void probe_streams(struct probe *p);
void probe_stream_ends(struct probe *p);
void probe_datagrams(struct probe *p);
void probe_listeners(struct probe *p);
void probe_way_out(struct probe *p);
void probe_exhausted(struct probe *p);
void probe_no_card(struct probe *p);
void probe_lost(struct probe *p);

#endif
