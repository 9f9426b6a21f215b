/* SPDX-License-Identifier: BSD-2-Clause */
/* An NVMe controller with one namespace, in world `disk`. */
#include <string.h>

#include "sim/explore/disk_kind.h"

#define ENTRIES 32u /* of the device's queues: fewer than the provider would like */

#define OF_OPENING  1u /* read once, when the disk is opened; told at every read */
#define OTHER_BYTES 2u /* a read brings other bytes, and nothing says so */
#define WITHHOLDS   4u /* a reset is not confirmed in time */
#define NEVER       8u /* nor ever */
#define OTHER_BELLS 16u /* doorbells are not where the controller says */

static const struct {
    enum dm_nvme_attack attack;
    uint32_t flags;
    uint64_t value;
} lies[] = {
    {DM_NVME_CAP_ENTRIES, OF_OPENING, 0},
    {DM_NVME_CAP_ENTRIES, OF_OPENING, 6},
    {DM_NVME_CAP_ENTRIES, OF_OPENING, 0xffff},
    {DM_NVME_CAP_STRIDE, OF_OPENING | OTHER_BELLS, 1},
    {DM_NVME_CAP_STRIDE, OF_OPENING | OTHER_BELLS, 15},
    {DM_NVME_CAP_PAGE_MIN, OF_OPENING, 1},
    {DM_NVME_CAP_COMMAND_SETS, OF_OPENING, 0},
    {DM_NVME_READY_NEVER, WITHHOLDS | NEVER, 0},
    {DM_NVME_READY_LATE, 0, 3},
    {DM_NVME_READY_LATE, 0, 900}, /* after the reader lost patience, while the provider waits to reset it */
    {DM_NVME_RESET_NEVER, WITHHOLDS | NEVER, 0},
    {DM_NVME_RESET_LATE, 0, 3},
    {DM_NVME_RESET_LATE, WITHHOLDS, 3000}, /* for the provider; the kernel hears it yet */
    {DM_NVME_FATAL, 0, 0},
    {DM_NVME_STATUS_FIELD, 0, 0x0082}, /* namespace not ready */
    {DM_NVME_STATUS_FIELD, 0, 0x7fff},
    {DM_NVME_COMMAND_ID, 0, 1}, /* of no command: its data */
    {DM_NVME_COMMAND_ID, 0, 2},
    {DM_NVME_COMMAND_ID, 0, 0xffff},
    {DM_NVME_COMMAND_ID_TWICE, 0, 0},
    {DM_NVME_QUEUE_ID, 0, 3},
    {DM_NVME_HEAD, 0, 0},
    {DM_NVME_HEAD, 0, 3},
    {DM_NVME_HEAD, 0, 0xffff},
    {DM_NVME_PHASE_KEPT, 0, 0},
    {DM_NVME_UNASKED, 0, 0},
    {DM_NVME_RESULT, 0, UINT32_MAX},
    {DM_NVME_DATA_UNWRITTEN, OTHER_BYTES, 0},
    {DM_NVME_METADATA_WRITTEN, 0, 0},
    {DM_NVME_OLD_COMMAND, 0, 0},
    {DM_NVME_NEVER_ANSWERS, 0, 0},
    {DM_NVME_ENTRY_SIZES, 0, 0x5577},
    {DM_NVME_TRANSFER_SHIFT, 0, 0xff},
    {DM_NVME_NAMESPACES, 0, 0},
    {DM_NVME_NAMESPACES, 0, UINT32_MAX},
    {DM_NVME_TEXT_GARBAGE, 0, 0},
    {DM_NVME_CAPACITY, 0, 0},
    {DM_NVME_CAPACITY, 0, UINT64_MAX},
    {DM_NVME_BLOCK_SHIFT, OTHER_BYTES, 12},
    {DM_NVME_BLOCK_SHIFT, 0, 0xff},
    {DM_NVME_METADATA_BYTES, 0, 8},
    {DM_NVME_FORMAT_INDEX, 0, 0x1f},
    {DM_NVME_QUEUES_GRANTED, 0, UINT32_MAX},
    {DM_NVME_QUEUE_REFUSED, 0, 0},
    {DM_NVME_MEDIUM_ERROR, 0, 0},
};
#define LIES (sizeof lies / sizeof lies[0])

static void configure(struct sim_disk_config *c)
{
    c->nvme.entries_max = ENTRIES;
}

static enum provider_error open(struct disk_life *l, const struct pci_function_info *info, cap_id pool)
{
    const struct nvme_env env = {
        .info = info,
        .registers = registers_brokered_init(&l->registers, &l->authority, l->device),
        .author = author_brokered_init(&l->author, &l->authority, pool, &l->registers),
        .slots = DISK_WORLD_SLOTS,
        .slot_bytes = NVME_SLOT_BYTES_MIN};
    const enum provider_error error = nvme_open(&l->driver.nvme, &env);

    l->disk = nvme_disk(&l->driver.nvme);
    return error;
}

static enum disk_state state(const struct disk_life *l)
{
    return l->driver.nvme.state;
}

static enum provider_error close(struct disk_life *l)
{
    return nvme_close(&l->driver.nvme);
}

/* Flags of the lies that were told in this life. */
static uint32_t told(const struct disk_life *l)
{
    uint32_t flags = l->told;

    for (uint32_t i = 0; i < LIES; i++)
        flags |= dm_nvme_fired(l->d->machine.nvme, lies[i].attack) != 0 ? lies[i].flags : 0;
    return flags;
}

static void arm(struct disk_life *l, uint32_t lie)
{
    const bool always = (lies[lie].flags & OF_OPENING) != 0 || lies[lie].attack == DM_NVME_RESET_NEVER;

    l->told = told(l);
    dm_nvme_arm(l->d->machine.nvme, lies[lie].attack, 0, always ? UINT32_MAX : 1, lies[lie].value);
}

static bool is_of_opening(uint32_t lie)
{
    return (lies[lie].flags & OF_OPENING) != 0;
}

static void fail(struct disk_life *l)
{
    dm_nvme_fail(l->d->machine.nvme);
}

static void reset_itself(struct disk_life *l)
{
    dm_nvme_reset_itself(l->d->machine.nvme);
}

static bool brings_other_bytes(const struct disk_life *l)
{
    return (told(l) & OTHER_BYTES) != 0;
}

static bool withholds_reset(uint32_t lie)
{
    return (lies[lie].flags & WITHHOLDS) != 0;
}

static bool never_resets(const struct disk_life *l)
{
    return (told(l) & NEVER) != 0;
}

/* The watch judges doorbells by where they are, not by where the controller said: a driver that believes a
 * lie about that, as it must, is at fault in no other way. */
static const char *broken(const struct disk_life *l)
{
    const struct dm_nvme_watch *w = dm_nvme_watch(l->d->machine.nvme);
    static const char bell[] = "NVMe 3.1.16: ";

    if (w->broken_total == 0 ||
        ((told(l) & OTHER_BELLS) != 0 && strncmp(w->first, bell, sizeof bell - 1u) == 0))
        return NULL;
    return w->first;
}

const struct disk_kind disk_kind_nvme = {.pool_pages = 64,
                                         .lies = LIES,
                                         .configure = configure,
                                         .open = open,
                                         .state = state,
                                         .close = close,
                                         .arm = arm,
                                         .is_of_opening = is_of_opening,
                                         .fail = fail,
                                         .reset_itself = reset_itself,
                                         .brings_other_bytes = brings_other_bytes,
                                         .withholds_reset = withholds_reset,
                                         .never_resets = never_resets,
                                         .broken = broken};
