/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/explore/disk_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/disk_kind.h"

#define TURNS_MAX   4000u /* of a life: every wait of the provider ends before */
#define READ_TURNS  64u /* that a reader is patient */
#define START_TURNS 400u
#define BLOCKS      64u
#define AT_OPENING  UINT32_MAX /* before the first turn */

/* What may come between: the device as a whole; or a lie of the disk, its ring or its registers, once. */
enum event { EVENT_FAILS = 0, EVENT_RESETS_ITSELF, EVENT_STALLS, EVENT_STOP, EVENTS };

static const struct disk_kind *const kinds[] = {[SIM_DISK_SCSI_LEGACY] = &disk_kind_scsi,
                                                [SIM_DISK_SCSI_MODERN] = &disk_kind_scsi,
                                                [SIM_DISK_NVME] = &disk_kind_nvme};

static bool read_medium(void *ctx, uint64_t offset, void *out, uint32_t bytes)
{
    (void)ctx;
    for (uint32_t i = 0; i < bytes; i++)
        ((uint8_t *)out)[i] = (uint8_t)((offset + i) * 7u + (offset >> 9));
    return true;
}

static void disturb(struct disk_life *l, uint32_t what)
{
    xp_note(&l->d->world, XP_LANE_DEVICE, "turn %u: disturbance %u", l->turns, what);
    if (what == EVENT_FAILS)
        l->kind->fail(l);
    else if (what == EVENT_RESETS_ITSELF)
        l->kind->reset_itself(l);
    else if (what == EVENT_STALLS)
        l->stall = true;
    else if (what == EVENT_STOP)
        l->stop = true;
    else
        l->kind->arm(l, what - EVENTS);
}

static void disturb_at(struct disk_life *l, uint32_t when)
{
    for (uint32_t i = 0; i < l->d->config.disturbances; i++) {
        if (l->when[i] == when)
            disturb(l, l->what[i]);
    }
}

/* One turn of the world, with what comes in it, and one poll. */
static enum disk_state turn(struct disk_life *l)
{
    struct disk_world *d = l->d;

    disturb_at(l, l->turns);
    if (++l->turns > TURNS_MAX)
        xp_violate(&d->world, XP_P3, "a life of %u turns in state %d", TURNS_MAX, (int)l->kind->state(l));
    if (!l->stall)
        platform_relax(&d->machine.platform);
    if (l->stop) {
        l->stop = false;
        l->disk.ops->stop(l->disk.ctx);
    }
    return l->disk.ops->poll(l->disk.ctx, platform_now_ns(&d->machine.platform));
}

static bool final(enum disk_state s)
{
    return s == DISK_STOPPED || s == DISK_QUARANTINED;
}

static void open_machine(struct disk_world *d)
{
    const struct dm_medium medium = {.bytes = BLOCKS * 512u, .read = read_medium};
    struct sim_world_config c = sim_world_defaults(DM_MODERN);

    c.mode = SIM_CHOOSE_FIRST;
    c.nic_count = 0;
    c.memory = d->memory;
    c.disk = sim_disk_defaults(d->config.kind, medium);
    kinds[d->config.kind]->configure(&c.disk);
    const char *why = sim_world_open(&d->machine, &c);
    d->open = why == NULL;
    if (why)
        xp_violate(&d->world, XP_P19, "the world could not be made: %s", why);
    kernel_init(d->kernel, &d->machine.platform);
    kernel_scan(d->kernel);
}

/* False: a lie about what stands in its registers kept it from being opened. */
static bool claim(struct disk_life *l, const struct pci_function_info *info)
{
    struct disk_world *d = l->d;
    const struct budget_limits limits = budget_limits_generous();
    bool lied = false;

    l->owner = owner_create(d->kernel, &limits);
    l->authority = kernel_authority(&l->binding, d->kernel, l->owner);
    const struct device_authority *a = &l->authority;
    const struct device_reply device = a->ops->claim(a->ctx, info->bdf);
    l->device = device.cap;
    const struct device_reply pool = a->ops->pool_create(a->ctx, l->device, l->kind->pool_pages);
    for (uint32_t i = 0; i < d->config.disturbances; i++)
        lied = lied || l->when[i] == AT_OPENING;
    disturb_at(l, AT_OPENING);
    if (l->kind->open(l, info, pool.cap) == PROVIDER_OK)
        return true;
    if (!lied)
        xp_violate(&d->world, XP_P8, "an honest function cannot be opened");
    return false;
}

static void read_one(struct disk_life *l)
{
    struct disk_done done;
    uint8_t right[512];
    uint16_t got = 0;

    if (l->disk.ops->read(l->disk.ctx, 3, 1, 77) != PROVIDER_OK)
        return;
    for (uint32_t i = 0; i < READ_TURNS && got == 0 && l->kind->state(l) == DISK_READY; i++) {
        (void)turn(l);
        got = l->disk.ops->take(l->disk.ctx, &done, 1);
    }
    if (got == 0)
        return;
    if (done.error == PROVIDER_OK && !l->kind->brings_other_bytes(l)) {
        (void)read_medium(NULL, 3u * 512u, right, sizeof right);
        if (done.cookie != 77 || done.bytes != sizeof right || memcmp(done.data, right, sizeof right) != 0)
            xp_violate(&l->d->world, XP_P7, "a read without an error brought other bytes");
    }
    l->disk.ops->give_back(l->disk.ctx, done.slot);
}

/* Whether everything that came is such that a reset is confirmed in time. */
static bool resets_are_confirmed(const struct disk_life *l)
{
    bool withheld = false;

    for (uint32_t i = 0; i < l->d->config.disturbances; i++) {
        const uint32_t what = l->what[i];

        withheld = withheld || what == EVENT_STALLS || (what == EVENT_FAILS && l->kind->failing_is_no_end) ||
                   (what >= EVENTS && l->kind->withholds_reset(what - EVENTS));
    }
    return !withheld;
}

/* Whether no reset may be taken for confirmed. What the device does on its own account takes its word back.
 */
static bool no_reset_is_confirmed(const struct disk_life *l)
{
    bool taken_back = false;

    for (uint32_t i = 0; i < l->d->config.disturbances; i++)
        taken_back = taken_back || l->what[i] == EVENT_FAILS || l->what[i] == EVENT_RESETS_ITSELF;
    return l->kind->never_resets(l) && !taken_back;
}

static void judge(struct disk_life *l, const struct kernel_usage *before)
{
    struct disk_world *d = l->d;
    const enum disk_state end = l->kind->state(l);
    const enum provider_error error = l->disk.ops ? l->disk.ops->error(l->disk.ctx) : PROVIDER_OK;
    const char *broken = l->kind->broken(l);
    struct kernel_usage now;

    if (l->kind->close(l) != PROVIDER_OK)
        xp_violate(&d->world, XP_P3, "the provider does not close in state %d", (int)end);
    (void)l->authority.ops->release(l->authority.ctx, l->device);
    owner_exit(d->kernel, l->owner);
    now = kernel_usage(d->kernel);
    if (now.quarantined_devices == 0 && memcmp(&now, before, sizeof now) != 0)
        xp_violate(&d->world, XP_P4, "%u pages granted, %u capabilities at the end", now.pages_granted,
                   now.live_caps);
    if (now.quarantined_devices != 0 && (end == DISK_STOPPED || resets_are_confirmed(l)))
        xp_violate(&d->world, XP_I11, "a confirmed reset ended in quarantine");
    if (now.quarantined_devices == 0 && no_reset_is_confirmed(l))
        xp_violate(&d->world, XP_I11, "a reset that nobody confirmed did not end in quarantine");
    if (end == DISK_QUARANTINED && resets_are_confirmed(l))
        xp_violate(&d->world, XP_P3, "quarantine after %s, whose reset was confirmed",
                   provider_error_name(error));
    if (broken)
        xp_violate(&d->world, XP_P8, "%s", broken);
    if (dm_memory_violations(d->machine.memory))
        xp_violate(&d->world, XP_P10, "the device was led beyond what it was given");
}

static void live(struct disk_life *l)
{
    for (uint32_t i = 0; i < START_TURNS && l->kind->state(l) != DISK_READY && !final(l->kind->state(l)); i++)
        (void)turn(l);
    if (l->kind->state(l) == DISK_READY)
        read_one(l);
    l->stall = false;
    l->disk.ops->stop(l->disk.ctx);
    while (!final(l->kind->state(l)))
        (void)turn(l);
}

static enum xp_step step(struct xp_world *w)
{
    struct disk_world *d = (struct disk_world *)(void *)w;
    struct disk_life l = {.d = d, .kind = kinds[d->config.kind]};
    struct kernel_usage before;

    if (d->open)
        sim_world_close(&d->machine);
    d->open = false;
    (void)xp_choose_actor(w, 1);
    for (uint32_t i = 0; i < d->config.disturbances; i++) {
        l.what[i] = xp_choose(w, EVENTS + l.kind->lies, "what");
        if (l.what[i] >= EVENTS && l.kind->is_of_opening(l.what[i] - EVENTS))
            l.when[i] = AT_OPENING;
        else
            l.when[i] = d->config.stride * xp_choose(w, d->config.turns / d->config.stride, "when");
    }
    open_machine(d);
    before = kernel_usage(d->kernel);
    if (claim(&l, kernel_function_info(d->kernel, (uint16_t)(kernel_function_count(d->kernel) - 1u))))
        live(&l);
    judge(&l, &before);
    return XP_STEP_DONE;
}

static void start(struct xp_world *w)
{
    (void)w;
}

static void show(const struct xp_world *w, char *line, size_t bytes)
{
    const struct disk_world *d = (const struct disk_world *)(const void *)w;

    (void)snprintf(line, bytes, d->open ? "over" : "off");
}

static const struct xp_world_ops ops = {.name = "disk", .start = start, .step = step, .show = show};

struct disk_world *disk_world_make(const struct disk_config *config)
{
    struct disk_world *d = calloc(1, sizeof *d);
    const struct dm_memory_config memory = {.bytes = 1u << 20, .bus_base = SIM_BUS_BASE, .ledger = true};

    if (!d)
        return NULL;
    d->world.ops = &ops;
    d->config = *config;
    d->memory = dm_memory_create(&memory);
    d->kernel = calloc(1, sizeof *d->kernel);
    d->arena = malloc(vscsi_arena_bytes());
    if (d->memory && d->kernel && d->arena)
        return d;
    disk_world_free(d);
    return NULL;
}

void disk_world_free(struct disk_world *d)
{
    if (d->open)
        sim_world_close(&d->machine);
    if (d->memory)
        dm_memory_destroy(d->memory);
    free(d->kernel);
    free(d->arena);
    free(d);
}
