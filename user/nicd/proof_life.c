/* SPDX-License-Identifier: BSD-2-Clause */
/* The polled life of the device: claim, provider up; and the way down, which is the same from every state. */
#include "abi/memory.h"
#include "user/nicd/proof.h"

#define STOP_TURNS_MAX (2u * VNET_RESET_POLLS_MAX)

static bool emit_probed(struct proof *p)
{
    const struct virtio_net *nic = &p->n->nic;
    struct text t = prove_words(&p->prove);

    prove_word(&t, "transport", nic->transport->name);
    prove_hex(&t, "host_features", nic->features_offered, 16);
    prove_hex(&t, "accepted_features", nic->features_accepted, 16);
    prove_u64(&t, "qsize0", nic->rx.size);
    prove_u64(&t, "qsize1", nic->tx.size);
    prove_mac(&t, "mac", nic->mac);
    prove_u64(&t, "header_bytes", nic->header_bytes);
    return prove_emit(&p->prove, EVIDENCE_PROVIDER_NIC_PROBED, &t);
}

static bool emit_active(struct proof *p)
{
    struct text t = prove_words(&p->prove);

    prove_u64(&t, "tx_slots", p->n->nic.tx_slots);
    return prove_emit(&p->prove, EVIDENCE_PROVIDER_NIC_ACTIVE, &t);
}

bool proof_up(struct proof *p)
{
    const struct nicd_vectors polled = {{.wanted = false}, {.wanted = false}};

    if (!proof_claim(p) || !nicd_provider(p->n, &polled))
        return false;
    memcpy(p->addresses.our_mac, p->n->nic.mac, sizeof p->n->nic.mac);
    return emit_probed(p) && emit_active(p);
}

/* Provider first: it stops, resets and gives its buffers back; the release takes what is left. */
static bool stop_provider(struct proof *p)
{
    struct virtio_net *nic = &p->n->nic;

    if (nic->state == VNET_CLOSED)
        return true;
    vnet_stop(nic);
    for (uint32_t i = 0; i < STOP_TURNS_MAX; i++) {
        const enum vnet_state state = vnet_poll(nic, ring_now(&p->n->rt->ring), NICD_BUDGET);

        if (state == VNET_STOPPED || state == VNET_QUARANTINED)
            break;
        prove_turn(&p->prove);
    }
    const bool stopped = nic->state == VNET_STOPPED;
    p->leftovers = nic->leftovers;
    return (vnet_close(nic) == PROVIDER_OK && stopped) ||
           proof_fail(p, "the device did not confirm its reset");
}

bool proof_down(struct proof *p, bool held)
{
    const struct device_authority *a = &p->n->authority;
    struct stale_result stale;
    struct text t = prove_words(&p->prove);

    if (cap_is_none(p->n->device))
        return false; /* it was never up */
    const bool stopped = stop_provider(p);
    if (!device_reply_ok(a->ops->release(a->ctx, p->n->device)))
        return proof_fail(p, "the device could not be released");
    if (!stopped || !prove_stale(&p->prove, &p->n->handles, &stale) || !held)
        return false;
    prove_u64(&t, "leftover_posted", p->leftovers.posted);
    prove_u64(&t, "leftover_lent", p->leftovers.lent);
    prove_u64(&t, "stale_tried", stale.tried);
    return prove_emit(&p->prove, EVIDENCE_PROVIDER_NIC_TEARDOWN, &t);
}
