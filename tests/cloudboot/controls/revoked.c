/* SPDX-License-Identifier: BSD-2-Clause */
/* The bind proof of a driver whose grant over its card is revoked while it is at it, and which asks for its
 * marker all the same: in place of nicd's own proof_bind. */
#include "user/nicd/proof.h"

#define POOL_PAGES 4u

bool proof_bind(struct proof *p)
{
    const struct device_authority *a = &p->n->authority;
    struct text t = prove_words(&p->prove);
    const cap_id device = proof_claim(p) && proof_denials(p) ? p->n->device : CAP_NONE;

    if (cap_is_none(device))
        return proof_fail(p, "the device was not there to be revoked");
    p->n->device = CAP_NONE;
    if (!device_reply_ok(a->ops->release(a->ctx, device)))
        return proof_fail(p, "the device could not be revoked");
    if (device_reply_ok(a->ops->pool_create(a->ctx, device, POOL_PAGES)))
        return proof_fail(p, "a revoked device made a pool");
    prove_u64(&t, "stale_tried", 1);
    return prove_emit(&p->prove, EVIDENCE_PROVIDER_NIC_BOUND, &t);
}
