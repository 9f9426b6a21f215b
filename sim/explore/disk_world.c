/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/explore/disk_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/kernel.h"
#include "provider/brokered.h"

#define TURNS_MAX     4000u /* of a life: every wait of the provider ends before */
#define READ_TURNS    64u /* that a reader is patient */
#define START_TURNS   400u
#define POOL_PAGES    32u
#define BLOCKS        64u
#define DISTURBED_MAX 2u

/* What may come between: a lie of the disk or of the ring, once; or the device as a whole. */
enum event { EVENT_NEEDS_RESET = 0, EVENT_RESETS_ITSELF, EVENT_STALLS, EVENT_STOP, EVENTS };

static const struct {
    enum dm_disk_attack attack;
    uint64_t value;
} lies[] = {
    {DM_DISK_RESPONSE_UNWRITTEN, 0}, {DM_DISK_RESPONSE_CODE, 9},
    {DM_DISK_STATUS_CODE, 0x40},     {DM_DISK_SENSE_GARBAGE, 0},
    {DM_DISK_SENSE_LENGTH, 97},      {DM_DISK_RESIDUAL, UINT32_MAX},
    {DM_DISK_DATA_SHORT, 0},         {DM_DISK_NOBODY_THERE, 0},
    {DM_DISK_NO_MEDIUM, 0},          {DM_DISK_BUSY, 0},
    {DM_DISK_UNIT_ATTENTION, 0},     {DM_DISK_INQUIRY_SHORT, 0},
    {DM_DISK_BLOCK_BYTES, 513},      {DM_DISK_CAPACITY_MOST, 0},
    {DM_DISK_MEDIUM_ERROR, 0},       {DM_DISK_NEVER_ANSWERS, 0},
};
static const struct {
    enum dm_attack attack;
    uint64_t value;
} ring_lies[] = {
    {DM_ATTACK_USED_ID_OUT_OF_RANGE, 0}, {DM_ATTACK_USED_ID_FREE, 0},    {DM_ATTACK_USED_ID_NOT_HEAD, 0},
    {DM_ATTACK_USED_DUPLICATE, 0},       {DM_ATTACK_USED_INDEX_JUMP, 2}, {DM_ATTACK_USED_INDEX_BACK, 1},
    {DM_ATTACK_LENGTH_MAX, 0},           {DM_ATTACK_LENGTH_SHORT, 10},   {DM_ATTACK_RESET_LATE, 3},
    {DM_ATTACK_RESET_NEVER, 0},
};
#define LIES         (sizeof lies / sizeof lies[0])
#define RING_LIES    (sizeof ring_lies / sizeof ring_lies[0])
#define DISTURBANCES (EVENTS + LIES + RING_LIES)

struct life {
    struct disk_world *d;
    struct owner *owner;
    struct kernel_binding binding;
    struct device_authority authority;
    cap_id device;
    struct registers_brokered registers;
    struct author_brokered author;
    struct virtio_scsi scsi;
    struct disk disk;
    uint32_t turns;
    uint32_t what[DISTURBED_MAX], when[DISTURBED_MAX];
    bool stall, stop;
};

static bool read_medium(void *ctx, uint64_t offset, void *out, uint32_t bytes)
{
    (void)ctx;
    for (uint32_t i = 0; i < bytes; i++)
        ((uint8_t *)out)[i] = (uint8_t)((offset + i) * 7u + (offset >> 9));
    return true;
}

static void disturb(struct life *l, uint32_t what)
{
    struct dm_scsi *scsi = l->d->machine.scsi;

    xp_note(&l->d->world, XP_LANE_DEVICE, "turn %u: disturbance %u", l->turns, what);
    if (what == EVENT_NEEDS_RESET)
        dm_scsi_need_reset(scsi);
    else if (what == EVENT_RESETS_ITSELF)
        dm_scsi_reset_itself(scsi);
    else if (what == EVENT_STALLS)
        l->stall = true;
    else if (what == EVENT_STOP)
        l->stop = true;
    else if (what < EVENTS + LIES)
        dm_scsi_arm(scsi, lies[what - EVENTS].attack, 0, 1, lies[what - EVENTS].value);
    else
        dm_hostile_arm(dm_scsi_hostile(scsi), ring_lies[what - EVENTS - LIES].attack, 0,
                       ring_lies[what - EVENTS - LIES].attack == DM_ATTACK_RESET_NEVER ? UINT32_MAX : 1,
                       ring_lies[what - EVENTS - LIES].value);
}

/* One turn of the world, with what comes in it, and one poll. */
static enum disk_state turn(struct life *l)
{
    struct disk_world *d = l->d;

    for (uint32_t i = 0; i < d->config.disturbances; i++) {
        if (l->when[i] == l->turns)
            disturb(l, l->what[i]);
    }
    if (++l->turns > TURNS_MAX)
        xp_violate(&d->world, XP_P3, "a life of %u turns in state %d", TURNS_MAX, (int)l->scsi.state);
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
    c.disk = sim_disk_defaults(d->config.legacy ? SIM_DISK_SCSI_LEGACY : SIM_DISK_SCSI_MODERN, medium);
    for (unsigned i = 0; i < DM_SCSI_QUEUES; i++)
        c.disk.scsi.queue_size[i] = 8;
    const char *why = sim_world_open(&d->machine, &c);
    d->open = why == NULL;
    if (why)
        xp_violate(&d->world, XP_P19, "the world could not be made: %s", why);
    kernel_init(d->kernel, &d->machine.platform);
    kernel_scan(d->kernel);
}

static void claim(struct life *l, const struct pci_function_info *info)
{
    struct disk_world *d = l->d;
    const struct budget_limits limits = budget_limits_generous();

    l->owner = owner_create(d->kernel, &limits);
    l->authority = kernel_authority(&l->binding, d->kernel, l->owner);
    const struct device_authority *a = &l->authority;
    const struct device_reply device = a->ops->claim(a->ctx, info->bdf);
    l->device = device.cap;
    const struct device_reply pool = a->ops->pool_create(a->ctx, l->device, POOL_PAGES);
    const struct vscsi_env env = {.info = info,
                                  .registers = registers_brokered_init(&l->registers, a, l->device),
                                  .author = author_brokered_init(&l->author, a, pool.cap, &l->registers),
                                  .arena = d->arena,
                                  .arena_bytes = vscsi_arena_bytes(),
                                  .slots = 2,
                                  .slot_bytes = VSCSI_SLOT_BYTES_MIN};
    if (vscsi_open(&l->scsi, &env) != PROVIDER_OK)
        xp_violate(&d->world, XP_P8, "an honest function cannot be opened");
    l->disk = vscsi_disk(&l->scsi);
}

static void read_one(struct life *l)
{
    struct disk_done done;
    uint8_t right[512];
    uint16_t got = 0;

    if (l->disk.ops->read(l->disk.ctx, 3, 1, 77) != PROVIDER_OK)
        return;
    for (uint32_t i = 0; i < READ_TURNS && got == 0 && l->scsi.state == DISK_READY; i++) {
        (void)turn(l);
        got = l->disk.ops->take(l->disk.ctx, &done, 1);
    }
    if (got == 0)
        return;
    if (done.error == PROVIDER_OK) {
        (void)read_medium(NULL, 3u * 512u, right, sizeof right);
        if (done.cookie != 77 || done.bytes != sizeof right || memcmp(done.data, right, sizeof right) != 0)
            xp_violate(&l->d->world, XP_P7, "a read without an error brought other bytes");
    }
    l->disk.ops->give_back(l->disk.ctx, done.slot);
}

static void judge(struct life *l, const struct kernel_usage *before)
{
    struct disk_world *d = l->d;
    const struct dm_monitor *m = dm_scsi_monitor(d->machine.scsi);
    struct kernel_usage now;
    const bool stopped = l->scsi.state == DISK_STOPPED;

    if (vscsi_close(&l->scsi) != PROVIDER_OK)
        xp_violate(&d->world, XP_P3, "the provider does not close in state %d", (int)l->scsi.state);
    (void)l->authority.ops->release(l->authority.ctx, l->device);
    owner_exit(d->kernel, l->owner);
    now = kernel_usage(d->kernel);
    if (now.quarantined_devices == 0 && memcmp(&now, before, sizeof now) != 0)
        xp_violate(&d->world, XP_P4, "%u pages granted, %u capabilities at the end", now.pages_granted,
                   now.live_caps);
    if (stopped && now.quarantined_devices != 0)
        xp_violate(&d->world, XP_I11, "a confirmed reset ended in quarantine");
    if (m->broken_total)
        xp_violate(&d->world, XP_P8, "%s", m->first);
    if (dm_memory_violations(d->machine.memory))
        xp_violate(&d->world, XP_P10, "the device was led beyond what it was given");
}

static enum xp_step step(struct xp_world *w)
{
    struct disk_world *d = (struct disk_world *)(void *)w;
    struct life l = {.d = d};
    struct kernel_usage before;

    if (d->open)
        sim_world_close(&d->machine);
    d->open = false;
    (void)xp_choose_actor(w, 1);
    for (uint32_t i = 0; i < d->config.disturbances; i++) {
        l.what[i] = xp_choose(w, DISTURBANCES, "what");
        l.when[i] = d->config.stride * xp_choose(w, d->config.turns / d->config.stride, "when");
    }
    open_machine(d);
    before = kernel_usage(d->kernel);
    claim(&l, kernel_function_info(d->kernel, (uint16_t)(kernel_function_count(d->kernel) - 1u)));
    for (uint32_t i = 0; i < START_TURNS && l.scsi.state != DISK_READY && !final(l.scsi.state); i++)
        (void)turn(&l);
    if (l.scsi.state == DISK_READY)
        read_one(&l);
    l.stall = false;
    l.disk.ops->stop(l.disk.ctx);
    while (!final(l.scsi.state))
        (void)turn(&l);
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
