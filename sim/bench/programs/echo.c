/* SPDX-License-Identifier: BSD-2-Clause */
/* The other side of a measured call: answers each call with its first argument. The answer and the next
 * receive enter together. */
#include "abi/assert.h"
#include "user/rt/rt.h"

#define PLACE       0u
#define USER_RETURN 1u /* `user` of an answer; that of a receive is its place */

uint32_t program_main(struct rt *rt)
{
    struct ring_client *ring = &rt->ring;
    const cap_id endpoint = rt_first(rt, CAP_IF_ENDPOINT);
    struct ring_completion done;
    bool taken = ring_recv(ring, PLACE, endpoint, PLACE);

    while (taken) {
        if (!ring_wait(ring, RING_FOREVER, &done) || done.user != PLACE)
            continue;
        if (!ring_completed(&done))
            return 1;
        const struct ring_received call = ring_received(ring, &done);
        const struct ring_submission answer = ring_make_return(call.token, 0, call.args[0], NULL);
        taken = ring_submit(ring, USER_RETURN, &answer) && ring_recv(ring, PLACE, endpoint, PLACE);
    }
    return 2;
}
