/* SPDX-License-Identifier: BSD-2-Clause */
/* The far end of a measured stream: takes what comes on its port until there is no more (RFC 863), or, with
 * the parameter `does=give`, sends until nobody takes it any more (RFC 864 without the letters). One
 * connection at a time, through memory of its own. */
#include "abi/assert.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "user/rt/rt.h"

#define BUFFER_BYTES (256u << 10)
#define PAUSE_NS     1000000u /* before it asks a service again that said no */

enum stream_exit { STREAM_EXIT_GRANT = 1, STREAM_EXIT_MEMORY };

static cap_id listener_of(struct rt *rt, cap_id authority)
{
    for (;;) {
        const struct ring_completion opened = ring_call(&rt->ring, authority, LISTEN_OPEN, NULL, NULL);

        if (ring_completed(&opened))
            return opened.cap;
        ring_sleep(&rt->ring, PAUSE_NS);
    }
}

static void serve(struct rt *rt, cap_id socket, const struct rt_memory *memory, uint16_t method)
{
    const struct ring_extra shared = ring_copy(memory->cap);
    struct ring_completion done = ring_call(&rt->ring, socket, SOCKET_BUFFER, NULL, &shared);

    while (ring_completed(&done) && done.value > 0)
        done = ring_call(&rt->ring, socket, method, RING_ARGS(0, memory->bytes, RING_FOREVER), NULL);
    (void)ring_call(&rt->ring, socket, SOCKET_CLOSE, NULL, NULL);
    (void)ring_release(&rt->ring, socket);
}

uint32_t program_main(struct rt *rt)
{
    const cap_id authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY);
    const uint16_t method = rt_parameter_is(rt, "does", "give") ? SOCKET_SEND : SOCKET_RECV;
    struct rt_memory memory;

    if (cap_is_none(authority))
        return STREAM_EXIT_GRANT;
    if (!rt_memory_make(rt, BUFFER_BYTES, &memory))
        return STREAM_EXIT_MEMORY;
    for (;;) {
        const cap_id listener = listener_of(rt, authority);

        for (;;) {
            const struct ring_completion taken =
                ring_call(&rt->ring, listener, LISTENER_ACCEPT, RING_ARGS(RING_FOREVER), NULL);

            if (!ring_completed(&taken))
                break;
            serve(rt, taken.cap, &memory, method);
        }
        (void)ring_release(&rt->ring, listener);
    }
}
