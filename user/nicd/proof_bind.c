/* SPDX-License-Identifier: BSD-2-Clause */
/* The bind proof: every grant over one function composed and taken back, and no register of it written. What
 * is shown is the authority, not the device: it is not activated, and no interrupt of its own is provoked. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "provider/tables.h"
#include "user/nicd/proof.h"

#define BIND_POOL_PAGES 4u
#define BIND_PATTERN    0xa5u

static bool open_windows(struct proof *p)
{
    const struct device_authority *a = &p->n->authority;
    const struct virtio_probe probe = virtio_probe_function(&p->n->info);
    const bool legacy = probe.kind == VIRTIO_LEGACY;
    const struct reg_table *table = legacy ? &virtio_net_legacy_table : &virtio_net_modern_table;

    if (probe.kind == VIRTIO_NONE)
        return proof_fail(p, "the function offers no virtio transport");
    if (!device_reply_ok(a->ops->open_registers(a->ctx, p->n->device, table, probe.windows)))
        return proof_fail(p, "register windows were refused");
    if (legacy &&
        !device_reply_ok(a->ops->open_registers(a->ctx, p->n->device, &virtio_net_legacy_memory_table, NULL)))
        return proof_fail(p, "the empty memory window was refused");
    return true;
}

/* One buffer, written and read by its holder; never named to the device. */
static bool use_memory(struct proof *p)
{
    const struct device_authority *a = &p->n->authority;
    const struct device_reply pool = a->ops->pool_create(a->ctx, p->n->device, BIND_POOL_PAGES);

    if (!device_reply_ok(pool))
        return proof_fail(p, "the DMA pool was refused");
    const struct device_reply buffer =
        a->ops->buffer_create(a->ctx, pool.cap, DMA_PAGE_BYTES, DMA_FROM_DEVICE);
    if (!device_reply_ok(buffer))
        return proof_fail(p, "the DMA buffer was refused");
    const struct device_reply mapped = a->ops->buffer_map(a->ctx, buffer.cap);
    if (!device_reply_ok(mapped))
        return proof_fail(p, "the DMA buffer could not be mapped");
    uint8_t *bytes = (uint8_t *)(uintptr_t)mapped.value;
    for (uint32_t i = 0; i < DMA_PAGE_BYTES; i++)
        if (bytes[i] != 0)
            return proof_fail(p, "a granted page was not zero");
    memset(bytes, BIND_PATTERN, DMA_PAGE_BYTES);
    return true;
}

static bool route_interrupt(struct proof *p)
{
    const struct device_authority *a = &p->n->authority;

    return p->n->info.msix.vectors == 0 ||
           device_reply_ok(a->ops->interrupt_create(a->ctx, p->n->device, 0)) ||
           proof_fail(p, "the MSI-X entry could not be programmed");
}

bool proof_bind(struct proof *p)
{
    const struct device_authority *a = &p->n->authority;
    struct stale_result stale;
    struct text t = prove_words(&p->prove);

    if (!proof_claim(p) || !proof_denials(p) || !open_windows(p) || !use_memory(p) || !route_interrupt(p))
        return false;
    if (!device_reply_ok(a->ops->release(a->ctx, p->n->device)))
        return proof_fail(p, "the device could not be released");
    p->n->device = CAP_NONE;
    if (!prove_stale(&p->prove, &p->n->handles, &stale))
        return false;
    prove_u64(&t, "stale_tried", stale.tried);
    return prove_emit(&p->prove, EVIDENCE_PROVIDER_NIC_BOUND, &t);
}
