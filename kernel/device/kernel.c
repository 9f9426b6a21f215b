/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's outside: initialisation, scan, owners, usage. Trusts its caller; owns nothing of its own. */
#include "kernel/device/device.h"

void kernel_init(struct kernel *k, struct platform *platform)
{
    struct devices *d = &k->devices;

    ASSERT(k != NULL);
    ASSERT(platform != NULL);
    k->platform = platform;
    core_init(&k->core);
    memset(&k->stats, 0, sizeof k->stats);
    d->watch = (struct memory_watch){NULL, NULL};
    d->function_count = 0;
    d->functions_lost = 0;
    d->bus_count = 0;
    d->next_route = 0;
    d->routes_used = 0;
    d->packed_rings = false;
    /* Records are free or filled whole when taken: only what says "free" is written here. */
    for (uint32_t i = 0; i < CLAIMS_MAX; i++)
        d->claims[i].used = 0;
    for (uint32_t i = 0; i < REGISTERS_MAX; i++)
        d->registers[i].used = 0;
    for (uint32_t i = 0; i < POOLS_MAX; i++)
        d->pools[i].state = POOL_UNUSED;
    for (uint32_t i = 0; i < BUFFERS_MAX; i++)
        d->buffers[i].state = BUFFER_FREE;
    for (uint32_t i = 0; i < QUEUES_MAX; i++) {
        d->queues[i].used = 0;
        d->queues[i].epoch = 0;
    }
    for (uint32_t i = 0; i < INTERRUPTS_MAX; i++)
        d->interrupts[i].used = 0;
    dma_pages_init(k);
}

void kernel_watch_memory(struct kernel *k, struct memory_watch watch)
{
    k->devices.watch = watch;
}

void kernel_scan(struct kernel *k)
{
    pci_scan(k);
}

uint16_t kernel_function_count(const struct kernel *k)
{
    return k->devices.function_count;
}

uint16_t kernel_bus_count(const struct kernel *k)
{
    return k->devices.bus_count;
}

const struct pci_function_info *kernel_function_info(const struct kernel *k, uint16_t index)
{
    return index < k->devices.function_count ? &k->devices.functions[index].info : NULL;
}

bool kernel_function_firmware_master(const struct kernel *k, uint16_t index)
{
    return index < k->devices.function_count && k->devices.functions[index].firmware_master;
}

enum device_state kernel_device_state(const struct kernel *k, uint16_t bdf)
{
    const uint16_t function = function_find(k, bdf);

    return function == NO_RECORD ? DEVICE_STATE_COUNT
                                 : (enum device_state)k->devices.functions[function].state;
}

uint32_t kernel_device_epoch(const struct kernel *k, uint16_t bdf)
{
    const uint16_t function = function_find(k, bdf);

    return function == NO_RECORD ? 0 : k->devices.functions[function].epoch;
}

struct owner *owner_create(struct kernel *k, const struct budget_limits *limits)
{
    return core_owner_create(&k->core, limits, CAP_GENERATION_LIMIT_MAX);
}

struct owner *owner_create_limited(struct kernel *k, const struct budget_limits *limits,
                                   uint32_t generation_limit)
{
    return core_owner_create(&k->core, limits, generation_limit);
}

void owner_exit(struct kernel *k, struct owner *owner)
{
    core_owner_end(&k->core, owner, AUDIT_EXIT, teardown_object, k);
}

void owner_kill(struct kernel *k, struct owner *owner)
{
    core_owner_end(&k->core, owner, AUDIT_KILL, teardown_object, k);
}

static struct device_reply transfer(struct kernel *k, struct owner *from, cap_id id, struct owner *to,
                                    bool move)
{
    cap_id made = CAP_NONE;
    const enum cap_exception exception = core_transfer(&k->core, from, id, to, move, &made);

    if (exception != CAP_EX_NONE) {
        k->stats.exceptions[exception]++;
        return reply_exception(exception);
    }
    return reply_cap(made);
}

struct device_reply owner_cap_copy(struct kernel *k, struct owner *from, cap_id id, struct owner *to)
{
    return transfer(k, from, id, to, false);
}

struct device_reply owner_cap_move(struct kernel *k, struct owner *from, cap_id id, struct owner *to)
{
    return transfer(k, from, id, to, true);
}

void kernel_pack_rings(struct kernel *k)
{
    k->devices.packed_rings = true;
}

void kernel_set_quarantine_cap(struct kernel *k, uint32_t pages)
{
    k->devices.pages.quarantine_cap = pages;
}

static void count_devices(const struct devices *d, struct kernel_usage *u)
{
    for (uint32_t i = 0; i < d->function_count; i++) {
        u->quarantined_devices += d->functions[i].quarantined;
        u->bus_masters_on += d->functions[i].masters != 0;
    }
    for (uint32_t i = 0; i < CLAIMS_MAX; i++)
        u->claimed_devices += d->claims[i].used;
    for (uint32_t i = 0; i < REGISTERS_MAX; i++)
        u->registers += d->registers[i].used;
    for (uint32_t i = 0; i < POOLS_MAX; i++)
        u->pools += d->pools[i].state == POOL_LIVE;
    for (uint32_t i = 0; i < BUFFERS_MAX; i++)
        u->buffers += d->buffers[i].state != BUFFER_FREE;
    for (uint32_t i = 0; i < QUEUES_MAX; i++) {
        u->queues += d->queues[i].used;
        u->outstanding_publications += d->queues[i].used ? d->queues[i].outstanding : 0u;
    }
    for (uint32_t i = 0; i < INTERRUPTS_MAX; i++)
        u->interrupts += d->interrupts[i].used;
}

struct kernel_usage kernel_usage(const struct kernel *k)
{
    const struct pages *p = &k->devices.pages;
    struct kernel_usage u;

    memset(&u, 0, sizeof u);
    for (uint32_t i = 0; i < OWNERS_MAX; i++) {
        const struct owner *o = &k->core.owners[i];

        if (o->state == OWNER_FREE)
            continue;
        u.owners++;
        u.live_caps += o->caps.live_count;
        for (uint32_t b = 0; b < BUDGET_COUNT; b++)
            u.budget_used[b] += o->budget.used[b];
    }
    u.live_objects = k->core.objects.live_count;
    count_devices(&k->devices, &u);
    u.pages_granted = p->granted;
    u.pages_active = p->active;
    u.pages_quarantined = p->quarantined;
    u.pages_guard = p->guards;
    u.pages_promised = p->promised;
    return u;
}

const struct kernel_stats *kernel_stats(const struct kernel *k)
{
    return &k->stats;
}

uint32_t kernel_audit_read(const struct kernel *k, uint32_t skip, struct audit_record *out, uint32_t max)
{
    return audit_read(&k->core.audit, skip, out, max);
}

bool kernel_audit_take(struct kernel *k, uint64_t seq)
{
    return audit_take(&k->core.audit, seq);
}

uint32_t kernel_audit_drain(struct kernel *k, struct audit_record *out, uint32_t max)
{
    return audit_drain(&k->core.audit, out, max);
}

uint64_t kernel_audit_count(const struct kernel *k)
{
    return audit_count(&k->core.audit);
}

const uint8_t *kernel_audit_head(const struct kernel *k)
{
    return audit_head(&k->core.audit);
}
