/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/nicd/proof.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"

#define CONTROL_QUEUE 2u /* of a device without VIRTIO_NET_F_MQ (virtio 1.2, 5.1.2) */

/* Before there is a lease: QEMU's and libslirp's user network, and the subnet that a run on Compute Engine
 * makes for itself. */
static const struct {
    uint8_t guest[4], gateway[4];
} networks[] = {{{10, 0, 2, 15}, {10, 0, 2, 2}}, {{10, 77, 0, 2}, {10, 77, 0, 1}}};

bool proof_fail(struct proof *p, const char *claim)
{
    return nicd_failed(p->n, claim);
}

bool proof_claim(struct proof *p)
{
    handles_forget(&p->n->handles);
    return nicd_claim(p->n);
}

static bool prepare(struct proof *p)
{
    struct nicd *n = p->n;

    p->exchanges = rt_parameter_u64(n->rt, "exchanges", 0);
    p->vpc = rt_parameter_is(n->rt, "network", "vpc");
    n->told_queue = p->vpc ? CONTROL_QUEUE : 0;
    memcpy(p->addresses.our_ip, networks[p->vpc].guest, sizeof p->addresses.our_ip);
    memcpy(p->addresses.peer_ip, networks[p->vpc].gateway, sizeof p->addresses.peer_ip);
    if (!prove_init(&p->prove, n->rt, "nicd: "))
        return false;
    if (cap_is_none(n->endpoint))
        return proof_fail(p, "no endpoint was granted");
    if (cap_is_none(n->function))
        return proof_fail(p, "no virtio network function was found");
    if (!nicd_prepare(n))
        return proof_fail(p, "no memory");
    n->authority = handles_record(&n->handles);
    /* A receive that stands lets cap_enter sleep for a time. A client that calls already has its answer
     * later.
     */
    for (uint32_t place = 0; place < PROOF_RECEIVES; place++) {
        if (!ring_recv(&n->rt->ring, place, n->endpoint, place))
            return proof_fail(p, "the endpoint was refused");
    }
    return true;
}

uint32_t proof_run(struct nicd *n)
{
    struct proof p = {.n = n};

    if (!prepare(&p) || !proof_bind(&p) || !proof_interrupt(&p))
        return NICD_EXIT_PROOF;
    const bool held = proof_up(&p) && proof_first_frame(&p) && proof_exchange(&p);
    /* Down whatever was before: the kernel would do it too, but then nobody tried the old handles. */
    return proof_down(&p, held) ? 0 : NICD_EXIT_PROOF;
}
