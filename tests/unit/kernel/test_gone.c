/* SPDX-License-Identifier: BSD-2-Clause */
/* How a server learns that nobody can call it with a badge any more. */
#include "tests/unit/kernel/system_bench.h"

TestSuite(gone, .init = system_bench_start);

Test(gone, a_server_learns_that_nobody_can_call_with_a_badge_any_more)
{
    const struct root server = root("server"), client = root("client"), third = root("third");
    const cap_id endpoint = one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)).cap;
    const cap_id nic = one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NIC, 0xbad9e)).cap;
    const struct ring_submission gone = call1(endpoint, ENDPOINT_GONE, 0xbad9e);
    cap_id other = CAP_NONE;

    cr_assert_eq(process_transfer(S, server.p, nic, client.p, false, &other), CAP_EX_NONE);

    good(one(server.p, call1(endpoint, ENDPOINT_GONE, 1))); /* there never was one */
    other = one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_NIC, 1)).cap;
    waits(server.p, gone);
    process_end(S, client.p, PROCESS_KILLED, 0);
    turns(2);
    nothing_completed(server.p); /* its maker can give it to another */
    good(one(server.p, release(nic)));
    turns(2);
    good(completed(server.p));
    good(one(server.p, gone));
    waits(server.p, call1(endpoint, ENDPOINT_GONE, 1));
    good(one(server.p, release(other)));
    turns(2);
    good(completed(server.p));
    /* another endpoint's client with the badge does not count; the handle's end cancels */
    other = one(third.p, call0(third.endpoint_source, ENDPOINT_CREATE)).cap;
    good(one(third.p, call2(other, ENDPOINT_CLIENT, CAP_IF_NIC, 0xbad9e)));
    good(one(server.p, gone));
    waits(third.p, call1(other, ENDPOINT_GONE, 0xbad9e));
    good(one(third.p, release(other)));
    turns(2);
    is_status(completed(third.p), RING_E_CANCELLED);
}

Test(gone, a_server_learns_which_of_many_badges_nobody_can_call_with_any_more)
{
    const struct root server = root("server"), client = root("client");
    const cap_id endpoint = one(server.p, call0(server.endpoint_source, ENDPOINT_CREATE)).cap;
    const cap_id first = one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_TCP_SOCKET, 11)).cap;
    const cap_id list = one(server.p, call1(server.memory_source, MEMORY_CREATE, 4096)).cap;
    uint64_t *badges =
        (uint64_t *)(void *)behind(server.p, one(server.p, call1(list, MEMORY_MAP, 1)).value);
    const struct ring_submission gone =
        ranged(call0(endpoint, ENDPOINT_GONE), list, 0, 3u * sizeof(uint64_t));
    cap_id second, given = CAP_NONE;

    is_result(one(server.p, ranged(call0(endpoint, ENDPOINT_GONE), list, 0, 12)), SYS_E_VALUE);
    is_result(one(server.p, ranged(call0(endpoint, ENDPOINT_GONE), list, 0,
                                       8u * (ENDPOINT_BADGES_MAX + 1u))),
              SYS_E_VALUE);
    badges[0] = 11;
    waits(server.p, gone);
    turns(2);
    nothing_completed(server.p);
    /* a badge that is written while the call waits counts as well */
    second = one(server.p, call2(endpoint, ENDPOINT_CLIENT, CAP_IF_TCP_SOCKET, 22)).cap;
    badges[2] = 22;
    cr_assert_eq(process_transfer(S, server.p, second, client.p, true, &given), CAP_EX_NONE);
    turns(2);
    nothing_completed(server.p);
    process_end(S, client.p, PROCESS_KILLED, 0);
    turns(2);
    {
        const struct ring_completion done = completed(server.p);

        good(done);
        cr_assert_eq(done.value, 2u);
    }
    badges[2] = 0;
    waits(server.p, gone);
    good(one(server.p, release(first)));
    turns(2);
    {
        const struct ring_completion done = completed(server.p);

        good(done);
        cr_assert_eq(done.value, 0u);
    }
}
