/* SPDX-License-Identifier: BSD-2-Clause */
/* authd: the only process that has the operator's verifier. Calls come in, wait for their time, are checked
 * one after the other and answered. It holds no network, and of the log it can write log-ins alone. */
#include "user/authd/authd.h"

#include "abi/assert.h"
#include "user/authd/libc.h"

static struct authd authd;

static void say(struct rt *rt, const char *what)
{
    (void)rt_print_line(rt, "authd: the verifier of the boot line is refused: ", what);
}

/* False: there is a verifier, and no memory for it although the manifest says so. */
static bool take_verifier(struct authd *a)
{
    size_t bytes = 0;
    const char *text = rt_parameter(a->rt, "verifier", &bytes);
    const uint32_t memory_kib = (uint32_t)rt_parameter_u64(a->rt, "memory_kib", 0);

    if (text == NULL)
        return true;
    const enum verifier_error error = verifier_read(&a->verifier, text, bytes, memory_kib);
    if (error != VERIFIER_OK) {
        say(a->rt, verifier_error_name(error));
        return true;
    }
    a->can = rt_memory_make(a->rt, a->verifier.memory_kib * 1024u, &a->memory) &&
             rt_memory_make(a->rt, AUTHD_SALT_BYTES, &a->salt);
    return a->can;
}

static void receive(struct authd *a, uint32_t place)
{
    const bool taken = ring_recv(&a->rt->ring, place, a->endpoint, place);

    ASSERT(taken); /* a place each, and nothing else is open */
}

uint32_t program_main(struct rt *rt)
{
    struct authd *a = &authd;
    struct ring_completion done;

    a->rt = rt;
    a->endpoint = rt_grant(rt, "login", CAP_IF_ENDPOINT);
    a->notes = rt_first(rt, CAP_IF_AUDIT_NOTE);
    a->entropy = rt_first(rt, CAP_IF_ENTROPY);
    if (cap_is_none(a->endpoint) || cap_is_none(a->notes))
        return AUTHD_EXIT_GRANT;
    delays_init(&a->delays);
    if (!take_verifier(a))
        return AUTHD_EXIT_MEMORY;
    for (uint32_t place = 0; place < AUTHD_PLACES; place++)
        receive(a, place);
    for (;;) {
        const uint64_t due_ns = authd_turn(a), now_ns = ring_now(&rt->ring);
        const uint64_t timeout_ns = due_ns == RING_FOREVER ? RING_FOREVER
                                    : due_ns > now_ns      ? due_ns - now_ns
                                                           : 0;

        if (!ring_wait(&rt->ring, timeout_ns, &done))
            continue;
        if (!ring_completed(&done))
            return AUTHD_EXIT_ENDPOINT;
        const struct ring_received call = ring_received(&rt->ring, &done);
        authd_call(a, &call);
        receive(a, (uint32_t)done.user);
    }
}
