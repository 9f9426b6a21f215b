/* SPDX-License-Identifier: BSD-2-Clause */
/* nicd: polls once a scheduling round while there is work, and sleeps a bounded time after some empty polls,
 * in cap_enter, where a call or the device's interrupt wakes it. Ends when its device does: init starts it
 * anew. In a run of mode proof it proves instead, and ends. */
#include "abi/assert.h"
#include "abi/methods.h"
#include "user/nicd/proof.h"

static struct nicd nicd;

/* What came meanwhile is served; waits `timeout_ns` for the first. */
static bool serve(struct nicd *n, uint64_t timeout_ns)
{
    struct ring_completion done;
    bool any = false;

    while (ring_wait(&n->rt->ring, any ? 0 : timeout_ns, &done)) {
        any = true;
        if (done.user == NICD_USER_INTERRUPT) {
            n->interrupt_asked = false;
            (void)ring_call(&n->rt->ring, n->interrupt, INTERRUPT_ACK, NULL, NULL);
        } else if (done.user == NICD_USER_GONE) {
            nicd_gone(n);
        } else {
            nicd_call(n, &done);
        }
        if (n->rt->ring.kept_count == 0) /* the rest in the next round */
            break;
    }
    return any;
}

/* From now on an interrupt completes a wait that stands in the ring. */
static void ask_interrupt(struct nicd *n)
{
    struct ring_submission wait;

    if (cap_is_none(n->interrupt) || n->interrupt_asked)
        return;
    wait = ring_make_call(n->interrupt, INTERRUPT_WAIT, NULL, NULL);
    n->interrupt_asked = ring_submit(&n->rt->ring, NICD_USER_INTERRUPT, &wait);
}

/* Between two polls without work; 0 of the parameter: as it is best with an interrupt, and without. */
static uint32_t sleep_us(const struct nicd *n)
{
    if (n->sleep_us != 0)
        return n->sleep_us;
    return cap_is_none(n->interrupt) ? NICD_SLEEP_US : NICD_IRQ_SLEEP_US;
}

static uint32_t run(struct nicd *n)
{
    const uint64_t began_ns = ring_now(&n->rt->ring);
    uint32_t empty = 0;

    while (!n->over) {
        bool work = false;

        if (n->proof && !n->client.attached && ring_now(&n->rt->ring) - began_ns > NICD_PROOF_NS) {
            (void)nicd_failed(n, "nobody asked for frames");
            return NICD_EXIT_PROOF;
        }

        if (n->up) {
            if (vnet_poll(&n->nic, ring_now(&n->rt->ring), NICD_BUDGET) != VNET_RUNNING) {
                (void)rt_print(n->rt, "nicd: the provider stopped\n");
                return NICD_EXIT_PROVIDER;
            }
            work = nicd_send(&n->client, &n->nic) != 0;
            work = nicd_receive(&n->client, &n->nic) != 0 || work;
            nicd_wake(n);
            ask_interrupt(n);
        }
        empty = work ? 0 : empty + 1u;
        uint64_t timeout = 0;
        if (!n->up)
            timeout = RING_FOREVER;
        else if (empty > n->empty_polls)
            timeout = 1000ull * sleep_us(n);
        if (serve(n, timeout))
            empty = 0;
    }
    return 0;
}

static void receive(struct nicd *n, uint32_t first)
{
    for (uint32_t place = first; place < NICD_RECEIVES; place++) {
        const bool taken = ring_recv(&n->rt->ring, place, n->endpoint, place);

        ASSERT(taken);
    }
}

/* After its own proofs: one client's, from its first call to its end. */
static bool serve_proof(struct nicd *n)
{
    const struct nicd_vectors none = {0};

    handles_forget(&n->handles);
    n->proof = nicd_claim(n) && nicd_provider(n, &none);
    n->up = n->proof;
    receive(n, PROOF_RECEIVES);
    return n->proof;
}

uint32_t program_main(struct rt *rt)
{
    struct nicd *n = &nicd;

    n->rt = rt;
    n->endpoint = rt_grant(rt, "nic", CAP_IF_ENDPOINT);
    n->status = rt_grant(rt, "nic-status", CAP_IF_ENDPOINT);
    n->function = rt_first(rt, CAP_IF_FUNCTION);
    n->empty_polls = (uint32_t)rt_parameter_u64(rt, "empty_polls", NICD_EMPTY_POLLS);
    n->sleep_us = (uint32_t)rt_parameter_u64(rt, "sleep_us", 0);
    if (rt_parameter_is(rt, "mode", "proof")) {
        const uint32_t code = proof_run(n);

        if (code != 0 || rt_parameter_u64(rt, "proof_serves", 0) == 0)
            return code;
        return serve_proof(n) ? run(n) : NICD_EXIT_PROOF;
    }
    if (cap_is_none(n->endpoint))
        return NICD_EXIT_GRANT;
    if (cap_is_none(n->function))
        (void)rt_print(rt, "nicd: this machine has no network card for it\n");
    else if (!nicd_open(n))
        return NICD_EXIT_DEVICE;
    receive(n, 0);
    if (!cap_is_none(n->status)) {
        const bool taken = ring_recv(&rt->ring, NICD_PLACE_STATUS, n->status, NICD_PLACE_STATUS);

        ASSERT(taken);
    }
    return run(n);
}
