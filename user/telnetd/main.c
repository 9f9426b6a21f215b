/* SPDX-License-Identifier: BSD-2-Clause */
/* telnetd: takes connections of the one port that it may listen on, and moves each whole to the terminal
 * process. It never reads a byte of one. What ends under it, listener or service, it begins anew; what the
 * terminal process has no room for is closed there. */
#include "abi/methods.h"
#include "abi/net.h"
#include "abi/terminal.h"
#include "user/rt/rt.h"

#define PAUSE_NS 200000000u /* before it asks a service again that said no */

enum telnetd_exit { TELNETD_EXIT_GRANT = 1 };

/* CAP_NONE: not now. */
static cap_id open_listener(struct rt *rt, cap_id authority)
{
    const struct ring_completion opened = ring_call(&rt->ring, authority, LISTEN_OPEN, NULL, NULL);

    return ring_completed(&opened) ? opened.cap : CAP_NONE;
}

/* A move that is refused whole leaves the socket here. */
static void hand_over(struct rt *rt, cap_id maker, cap_id socket, bool telnet)
{
    const struct ring_extra along = ring_move(socket);
    const struct ring_completion adopted =
        ring_call(&rt->ring, maker, TERMINAL_ADOPT, RING_ARGS(telnet), &along);

    if (adopted.status != RING_OK || adopted.exception != CAP_EX_NONE)
        (void)ring_release(&rt->ring, socket);
}

uint32_t program_main(struct rt *rt)
{
    const cap_id authority = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY),
                 maker = rt_first(rt, CAP_IF_TERMINAL_MAKER);
    const bool telnet = rt_parameter_u64(rt, "telnet", 1) != 0;
    cap_id listener = CAP_NONE;

    if (cap_is_none(authority) || cap_is_none(maker))
        return TELNETD_EXIT_GRANT;
    for (;;) {
        if (cap_is_none(listener))
            listener = open_listener(rt, authority);
        if (cap_is_none(listener)) {
            ring_sleep(&rt->ring, PAUSE_NS);
            continue;
        }
        const struct ring_completion came =
            ring_call(&rt->ring, listener, LISTENER_ACCEPT, RING_ARGS(RING_FOREVER), NULL);
        if (ring_completed(&came)) {
            hand_over(rt, maker, came.cap, telnet);
        } else {
            if (came.status == RING_OK) /* else it ended with the service */
                (void)ring_release(&rt->ring, listener);
            listener = CAP_NONE;
        }
    }
}
