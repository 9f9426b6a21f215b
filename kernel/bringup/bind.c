/* SPDX-License-Identifier: BSD-2-Clause */
/* The bind proof: every grant over one function composed and taken back, and no register of it written. What
 * is shown is the authority, not the device: it is not activated, and no interrupt of its own is provoked. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "kernel/bringup/bringup.h"
#include "provider/tables.h"

#define BIND_POOL_PAGES 4u
#define BIND_PATTERN    0xa5u

/* A memory window of nothing: what a legacy function's only memory BAR, the MSI-X table, leaves to a program.
 */
static const struct reg_table empty_table = {.name = "empty memory window"};

struct bind_facts {
    const char *registers;
    const char *msix;
    struct stale_result stale;
    uint64_t register_writes;
};

static bool open_windows(struct bringup *b, const struct device_authority *a, cap_id device,
                         struct bind_facts *f)
{
    struct virtio_probe probe = virtio_probe_function(&b->info);
    bool legacy = probe.kind == VIRTIO_LEGACY;
    const struct reg_table *table = legacy ? &virtio_net_legacy_table : &virtio_net_modern_table;
    f->registers = legacy ? "ports+empty-mmio" : "mmio";
    if (probe.kind == VIRTIO_NONE)
        return bringup_fail(b, "the function offers no virtio transport");
    if (!device_reply_ok(a->ops->open_registers(a->ctx, device, table, probe.windows)))
        return bringup_fail(b, "register windows were refused");
    if (legacy && !device_reply_ok(a->ops->open_registers(a->ctx, device, &empty_table, NULL)))
        return bringup_fail(b, "the empty memory window was refused");
    return true;
}

/* One buffer, written and read by its holder; never named to the device. */
static bool use_memory(struct bringup *b, const struct device_authority *a, cap_id device)
{
    struct device_reply pool = a->ops->pool_create(a->ctx, device, BIND_POOL_PAGES);
    if (!device_reply_ok(pool))
        return bringup_fail(b, "the DMA pool was refused");
    struct device_reply buffer = a->ops->buffer_create(a->ctx, pool.cap, DMA_PAGE_BYTES, DMA_FROM_DEVICE);
    if (!device_reply_ok(buffer))
        return bringup_fail(b, "the DMA buffer was refused");
    struct device_reply mapped = a->ops->buffer_map(a->ctx, buffer.cap);
    if (!device_reply_ok(mapped))
        return bringup_fail(b, "the DMA buffer could not be mapped");
    uint8_t *bytes = (uint8_t *)(uintptr_t)mapped.value;
    for (uint32_t i = 0; i < DMA_PAGE_BYTES; i++)
        if (bytes[i] != 0)
            return bringup_fail(b, "a granted page was not zero");
    memset(bytes, BIND_PATTERN, DMA_PAGE_BYTES);
    return true;
}

static bool route_interrupt(struct bringup *b, const struct device_authority *a, cap_id device,
                            struct bind_facts *f)
{
    f->msix = "none";
    if (b->info.msix.vectors == 0)
        return true;
    if (!device_reply_ok(a->ops->interrupt_create(a->ctx, device, 0)))
        return bringup_fail(b, "the MSI-X entry could not be programmed");
    f->msix = "programmed-masked";
    return true;
}

static bool compose(struct bringup *b, const struct device_authority *a, cap_id *device, struct bind_facts *f)
{
    struct device_reply claimed = a->ops->claim(a->ctx, b->bdf);
    if (!device_reply_ok(claimed))
        return bringup_fail(b, "the function could not be claimed");
    *device = claimed.cap;
    return open_windows(b, a, *device, f) && use_memory(b, a, *device) && route_interrupt(b, a, *device, f);
}

static bool take_back(struct bringup *b, const struct device_authority *a, cap_id device,
                      struct bind_facts *f, uint64_t writes_before)
{
    if (!device_reply_ok(a->ops->release(a->ctx, device)))
        return bringup_fail(b, "the device could not be released");
    f->register_writes = kernel_stats(b->kernel)->register_writes - writes_before;
    f->stale = handles_try_stale(&b->handles);
    if (b->handles.lost != 0 || f->stale.tried == 0 || f->stale.refused != f->stale.tried)
        return bringup_fail(b, "an old handle was not refused");
    if (f->register_writes != 0)
        return bringup_fail(b, "the bind proof wrote a device register");
    return true;
}

bool bringup_prove_bind(struct bringup *b)
{
    const struct budget_limits limits = budget_limits_generous();
    struct kernel_usage before = kernel_usage(b->kernel);
    uint64_t writes_before = kernel_stats(b->kernel)->register_writes;
    struct bind_facts f = {.registers = "none", .msix = "none"};
    cap_id device = CAP_NONE;
    struct owner *owner = owner_create(b->kernel, &limits);
    if (!owner)
        return bringup_fail(b, "no owner could be created");
    struct device_authority a = handles_record(&b->handles, b->kernel, owner);
    bool composed = compose(b, &a, &device, &f);
    bool returned = composed && take_back(b, &a, device, &f, writes_before);
    owner_exit(b->kernel, owner);
    if (!returned)
        return false;
    struct kernel_usage after = kernel_usage(b->kernel);
    if (memcmp(&before, &after, sizeof before) != 0)
        return bringup_fail(b, "budgets differ after the bind proof");
    const struct evidence_provider_nic_bound facts = {
        .bdf = b->bdf,
        .registers = f.registers,
        .dma_pages = BIND_POOL_PAGES,
        .msix_entry = f.msix,
        .stale_refused = f.stale.refused,
        .stale_tried = f.stale.tried,
        .common_config_writes = f.register_writes,
        .budget = "restored",
        .device_autonomous_raise = "not-attempted",
    };
    return evidence_emit_provider_nic_bound(b->evidence, &facts) == EVIDENCE_OK;
}
