/* SPDX-License-Identifier: BSD-2-Clause */
/* A SCSI host with one disk, in world `disk`. */
#include "sim/explore/disk_kind.h"

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
#define LIES      (sizeof lies / sizeof lies[0])
#define RING_LIES (sizeof ring_lies / sizeof ring_lies[0])

static void configure(struct sim_disk_config *c)
{
    for (unsigned i = 0; i < DM_SCSI_QUEUES; i++)
        c->scsi.queue_size[i] = 8;
}

static enum provider_error open(struct disk_life *l, const struct pci_function_info *info, cap_id pool)
{
    const struct vscsi_env env = {
        .info = info,
        .registers = registers_brokered_init(&l->registers, &l->authority, l->device),
        .author = author_brokered_init(&l->author, &l->authority, pool, &l->registers),
        .arena = l->d->arena,
        .arena_bytes = vscsi_arena_bytes(),
        .slots = DISK_WORLD_SLOTS,
        .slot_bytes = VSCSI_SLOT_BYTES_MIN};
    const enum provider_error error = vscsi_open(&l->driver.scsi, &env);

    l->disk = vscsi_disk(&l->driver.scsi);
    return error;
}

static enum disk_state state(const struct disk_life *l)
{
    return l->driver.scsi.state;
}

static enum provider_error close(struct disk_life *l)
{
    return vscsi_close(&l->driver.scsi);
}

static void arm(struct disk_life *l, uint32_t lie)
{
    struct dm_scsi *scsi = l->d->machine.scsi;

    if (lie < LIES) {
        dm_scsi_arm(scsi, lies[lie].attack, 0, 1, lies[lie].value);
        return;
    }
    lie -= (uint32_t)LIES;
    dm_hostile_arm(dm_scsi_hostile(scsi), ring_lies[lie].attack, 0,
                   ring_lies[lie].attack == DM_ATTACK_RESET_NEVER ? UINT32_MAX : 1, ring_lies[lie].value);
}

static bool is_of_opening(uint32_t lie)
{
    (void)lie;
    return false;
}

static void fail(struct disk_life *l)
{
    dm_scsi_need_reset(l->d->machine.scsi);
}

static void reset_itself(struct disk_life *l)
{
    dm_scsi_reset_itself(l->d->machine.scsi);
}

static bool brings_other_bytes(const struct disk_life *l)
{
    (void)l;
    return false;
}

static bool withholds_reset(uint32_t lie)
{
    return lie >= LIES && ring_lies[lie - LIES].attack == DM_ATTACK_RESET_NEVER;
}

static bool never_resets(const struct disk_life *l)
{
    return dm_scsi_hostile(l->d->machine.scsi)->arms[DM_ATTACK_RESET_NEVER].fired != 0;
}

static const char *broken(const struct disk_life *l)
{
    const struct dm_monitor *m = dm_scsi_monitor(l->d->machine.scsi);

    return m->broken_total ? m->first : NULL;
}

const struct disk_kind disk_kind_scsi = {.pool_pages = 32,
                                         .lies = LIES + RING_LIES,
                                         .configure = configure,
                                         .open = open,
                                         .state = state,
                                         .close = close,
                                         .arm = arm,
                                         .is_of_opening = is_of_opening,
                                         .fail = fail,
                                         .reset_itself = reset_itself,
                                         .brings_other_bytes = brings_other_bytes,
                                         .failing_is_no_end = true, /* its status is not 0 then */
                                         .withholds_reset = withholds_reset,
                                         .never_resets = never_resets,
                                         .broken = broken};
