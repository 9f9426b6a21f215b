/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's way up, and down. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/text.h"
#include "provider/tables.h"
#include "user/diskd/diskd.h"

#define STOP_TURNS_MAX (2u * DISK_RESET_POLLS_MAX)
#define TELL_BYTES     96u

cap_id diskd_function(struct rt *rt)
{
    return rt_first(rt, CAP_IF_FUNCTION);
}

bool diskd_prepare(struct diskd *d, cap_id function)
{
    static const struct {
        const struct reg_table *table;
        const char *parameter;
    } tables[] = {{&virtio_scsi_legacy_table, "table_scsi_legacy"},
                  {&virtio_scsi_modern_table, "table_scsi_modern"},
                  {&nvme_table, "table_nvme"},
                  {&virtio_net_legacy_memory_table, "table_legacy_memory"}};
    struct rt_device *device = &d->handles.device;

    if (!rt_device_init(device, d->prove.rt, function))
        return prove_fail(&d->prove, "no memory");
    for (uint32_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        rt_device_table(device, tables[i].table,
                        (uint16_t)rt_parameter_u64(d->prove.rt, tables[i].parameter, UINT16_MAX));
    d->authority = handles_record(&d->handles);
    return true;
}

bool diskd_claim(struct diskd *d)
{
    const struct device_authority *a = &d->authority;

    handles_forget(&d->handles);
    const struct device_reply device = a->ops->claim(a->ctx, 0);
    if (!device_reply_ok(device))
        return prove_fail(&d->prove, "the function could not be claimed");
    d->device = device.cap;
    if (!device_reply_ok(a->ops->info(a->ctx, d->device, &d->info)))
        return prove_fail(&d->prove, "the scan record was refused");
    d->is_nvme = d->info.class_code == NVME_CLASS;
    return true;
}

static enum provider_error open_scsi(struct diskd *d, cap_id pool)
{
    const struct vscsi_env env = {
        .info = &d->info,
        .registers = registers_brokered_init(&d->registers, &d->authority, d->device),
        .author = author_brokered_init(&d->author, &d->authority, pool, &d->registers),
        .arena = d->arena,
        .arena_bytes = sizeof d->arena,
        .slots = DISKD_SLOTS,
        .slot_bytes = DISKD_SLOT_BYTES,
    };

    ASSERT(vscsi_arena_bytes() <= sizeof d->arena);
    memset(&d->driver, 0, sizeof d->driver);
    return vscsi_open(&d->driver.scsi, &env);
}

static enum provider_error open_nvme(struct diskd *d, cap_id pool)
{
    const struct nvme_env env = {
        .info = &d->info,
        .registers = registers_brokered_init(&d->registers, &d->authority, d->device),
        .author = author_brokered_init(&d->author, &d->authority, pool, &d->registers),
        .slots = DISKD_SLOTS,
        .slot_bytes = DISKD_SLOT_BYTES,
    };

    memset(&d->driver, 0, sizeof d->driver);
    return nvme_open(&d->driver.nvme, &env);
}

static enum provider_error open_driver(struct diskd *d, cap_id pool)
{
    const enum provider_error error = d->is_nvme ? open_nvme(d, pool) : open_scsi(d, pool);

    if (error == PROVIDER_OK)
        d->disk = d->is_nvme ? nvme_disk(&d->driver.nvme) : vscsi_disk(&d->driver.scsi);
    return error;
}

/* What a controller says before anything is written to it, for the record of its first run on a machine. */
static void tell(const struct diskd *d)
{
    char line[TELL_BYTES];
    struct text t = text_over(line, sizeof line);

    text_string(&t, "diskd: nvme cap=0x");
    text_hex(&t, d->driver.nvme.capabilities, 16);
    text_string(&t, " version=0x");
    text_hex(&t, d->driver.nvme.version, 8);
    text_string(&t, " entries=");
    text_u64(&t, d->driver.nvme.entries);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    (void)rt_write(d->prove.rt, t.at, t.used);
}

bool diskd_start(struct diskd *d)
{
    const struct device_authority *a = &d->authority;
    const struct device_reply pool = a->ops->pool_create(a->ctx, d->device, DISKD_POOL_PAGES);
    enum disk_state state = DISK_RESETTING;

    if (!device_reply_ok(pool))
        return prove_fail(&d->prove, "the DMA pool was refused");
    const enum provider_error error = open_driver(d, pool.cap);
    if (error != PROVIDER_OK)
        return prove_fail(&d->prove, provider_error_name(error));
    if (d->is_nvme)
        tell(d);
    struct prove_wait wait = prove_wait_begin(&d->prove);
    while ((state == DISK_RESETTING || state == DISK_STARTING || state == DISK_STOPPING) &&
           prove_wait_goes_on(&d->prove, &wait)) {
        prove_turn(&d->prove);
        state = d->disk.ops->poll(d->disk.ctx, ring_now(&d->prove.rt->ring));
    }
    if (state == DISK_READY)
        return true;
    const enum provider_error why = d->disk.ops->error(d->disk.ctx);
    return prove_fail(&d->prove, why == PROVIDER_OK ? "the disk does not answer" : provider_error_name(why));
}

bool diskd_stop(struct diskd *d)
{
    enum disk_state state = DISK_STOPPING;

    if (d->disk.ops == NULL)
        return true;
    d->disk.ops->stop(d->disk.ctx);
    for (uint32_t i = 0; i < STOP_TURNS_MAX && state != DISK_STOPPED && state != DISK_QUARANTINED; i++) {
        prove_turn(&d->prove);
        state = d->disk.ops->poll(d->disk.ctx, ring_now(&d->prove.rt->ring));
    }
    d->leftover = d->disk.ops->counters(d->disk.ctx)->leftover;
    d->disk = (struct disk){NULL, NULL};
    const enum provider_error closed =
        d->is_nvme ? nvme_close(&d->driver.nvme) : vscsi_close(&d->driver.scsi);
    return (closed == PROVIDER_OK && state == DISK_STOPPED) ||
           prove_fail(&d->prove, "the device did not confirm its reset");
}
