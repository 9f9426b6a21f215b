/* SPDX-License-Identifier: BSD-2-Clause */
/* The bind proof: every grant over one function composed and taken back, and no register of it written. What
 * is shown is the authority, not the device. */
#include "abi/memory.h"
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"
#include "user/diskd/diskd.h"

#define BIND_POOL_PAGES 4u
#define BIND_PATTERN    0xa5u

static bool open_nvme(struct diskd *d)
{
    const struct device_authority *a = &d->authority;
    const struct reg_window windows[NVME_SECTIONS] = {
        [NVME_SECTION_REGISTERS] = {.length = NVME_REGISTERS},
        [NVME_SECTION_BELLS] = {.offset = NVME_REGISTERS,
                                .length = 2u * NVME_BELLS_FIRST,
                                .bell_multiplier = NVME_BELLS_FIRST},
    };

    return device_reply_ok(a->ops->open_registers(a->ctx, d->device, &nvme_table, windows)) ||
           prove_fail(&d->prove, "register windows were refused");
}

static bool open_windows(struct diskd *d)
{
    const struct device_authority *a = &d->authority;
    const struct virtio_probe probe = virtio_probe_function(&d->info);
    const bool legacy = probe.kind == VIRTIO_LEGACY;
    const struct reg_table *table = legacy ? &virtio_scsi_legacy_table : &virtio_scsi_modern_table;

    if (d->is_nvme)
        return open_nvme(d);
    if (probe.kind == VIRTIO_NONE || probe.device_type != VIRTIO_TYPE_SCSI)
        return prove_fail(&d->prove, "the function is no disk that this driver knows");
    if (!device_reply_ok(a->ops->open_registers(a->ctx, d->device, table, probe.windows)))
        return prove_fail(&d->prove, "register windows were refused");
    if (legacy && d->info.msix.vectors != 0 &&
        !device_reply_ok(a->ops->open_registers(a->ctx, d->device, &virtio_net_legacy_memory_table, NULL)))
        return prove_fail(&d->prove, "the empty memory window was refused");
    return true;
}

/* One buffer, written and read by its holder; never named to the device. */
static bool use_memory(struct diskd *d)
{
    const struct device_authority *a = &d->authority;
    const struct device_reply pool = a->ops->pool_create(a->ctx, d->device, BIND_POOL_PAGES);

    if (!device_reply_ok(pool))
        return prove_fail(&d->prove, "the DMA pool was refused");
    const struct device_reply buffer =
        a->ops->buffer_create(a->ctx, pool.cap, DMA_PAGE_BYTES, DMA_FROM_DEVICE);
    const struct device_reply mapped =
        device_reply_ok(buffer) ? a->ops->buffer_map(a->ctx, buffer.cap) : buffer;
    if (!device_reply_ok(mapped))
        return prove_fail(&d->prove, "the DMA buffer was refused");
    uint8_t *bytes = (uint8_t *)(uintptr_t)mapped.value;
    for (uint32_t i = 0; i < DMA_PAGE_BYTES; i++)
        if (bytes[i] != 0)
            return prove_fail(&d->prove, "a granted page was not zero");
    memset(bytes, BIND_PATTERN, DMA_PAGE_BYTES);
    return true;
}

bool diskd_prove_bind(struct diskd *d)
{
    const struct device_authority *a = &d->authority;
    struct stale_result stale;
    struct text t = prove_words(&d->prove);

    if (!diskd_claim(d) || !open_windows(d) || !use_memory(d))
        return false;
    if (d->info.msix.vectors != 0 && !device_reply_ok(a->ops->interrupt_create(a->ctx, d->device, 0)))
        return prove_fail(&d->prove, "the MSI-X entry could not be programmed");
    if (!device_reply_ok(a->ops->release(a->ctx, d->device)))
        return prove_fail(&d->prove, "the device could not be released");
    d->device = CAP_NONE;
    if (!prove_stale(&d->prove, &d->handles, &stale))
        return false;
    prove_u64(&t, "stale_tried", stale.tried);
    return prove_emit(&d->prove, EVIDENCE_STORAGE_BOUND, &t);
}
