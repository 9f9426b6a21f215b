/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks that lie, to the provider as it ships over the kernel's authority: each comes to the refusal that
 * disks.def names, at the start or at a read, and to an end that leaves nothing: no page, no budget, no rule
 * of the specification broken by us. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "provider/virtio_scsi.h"
#include "tests/hostile/disk_life.h"

#define ALWAYS DISK_LIFE_ALWAYS
#define BLOCKS 64u
#define READS  3u

enum list { LIST_DISK, LIST_RING };
#define WHICH_DISK(name) DM_DISK_##name
#define WHICH_RING(name) DM_ATTACK_##name

struct row {
    enum list list;
    const char *name;
    unsigned attack;
    uint32_t at, times;
    uint64_t value;
    unsigned start[2], read[2]; /* legacy, modern */
};

static const struct row rows[] = {
#define ROW(list, attack, at, times, value, legacy_start, legacy_read, modern_start, modern_read)            \
    {LIST_##list,                                                                                            \
     #attack,                                                                                                \
     (unsigned)WHICH_##list(attack),                                                                         \
     at,                                                                                                     \
     times,                                                                                                  \
     value,                                                                                                  \
     {PROVIDER_E_##legacy_start, PROVIDER_E_##modern_start},                                                 \
     {PROVIDER_E_##legacy_read, PROVIDER_E_##modern_read}},
#include "tests/hostile/disks.def"
#undef ROW
};
#define ROWS (sizeof rows / sizeof rows[0])

struct life {
    struct disk_life common;
    struct virtio_scsi scsi;
    uint8_t *arena;
};

static struct dm_scsi *device(const struct life *l)
{
    return l->common.rig.world.scsi;
}

static void open_life(struct life *l, bool modern, uint16_t queue_size)
{
    struct sim_disk_config c =
        sim_disk_defaults(modern ? SIM_DISK_SCSI_MODERN : SIM_DISK_SCSI_LEGACY, (struct dm_medium){0});

    memset(l, 0, sizeof *l);
    c.scsi.queue_size[2] = queue_size;
    disk_life_open(&l->common, c, BLOCKS * 512u, RIG_POOL_PAGES);
    l->arena = malloc(vscsi_arena_bytes());
}

/* The error that ended the start, PROVIDER_OK, or that there was none in time. */
static unsigned start(struct life *l)
{
    struct vnet_env funds;
    const enum provider_error claimed = rig_claim(&l->common.rig, &funds);

    cr_assert_eq(claimed, PROVIDER_OK);
    const struct vscsi_env env = {.info = &l->common.rig.info,
                                  .registers = funds.registers,
                                  .author = funds.author,
                                  .arena = l->arena,
                                  .arena_bytes = vscsi_arena_bytes(),
                                  .slots = 2,
                                  .slot_bytes = VSCSI_SLOT_BYTES_MIN};
    const enum provider_error opened = vscsi_open(&l->scsi, &env);
    if (opened != PROVIDER_OK)
        return opened;
    l->common.disk = vscsi_disk(&l->scsi);
    l->common.state = &l->scsi.state;
    return disk_life_start(&l->common);
}

/* The first error of a few reads. What comes without one is what lies there, unless the row lets the device
 * keep it back. */
static unsigned read_some(struct life *l, bool exact)
{
    unsigned error = PROVIDER_OK;

    for (uint32_t lba = 1; lba <= READS && error == PROVIDER_OK; lba++)
        error = disk_life_read(&l->common, lba, 1, exact);
    return error;
}

/* Down, whatever was before: confirmed or in quarantine, and nothing left. */
static void end(struct life *l, bool quarantined, const char *what)
{
    const struct dm_monitor *m = dm_scsi_monitor(device(l));

    disk_life_end(&l->common, quarantined, what);
    cr_assert_eq(vscsi_close(&l->scsi), PROVIDER_OK);
    disk_life_take_back(&l->common, quarantined);
    cr_assert_eq(m->broken_total, 0, "%s", m->first);
    free(l->arena);
}

static uint32_t fired(const struct life *l, const struct row *r)
{
    return r->list == LIST_DISK ? dm_scsi_fired(device(l), (enum dm_disk_attack)r->attack)
                                : dm_scsi_hostile(device(l))->arms[r->attack].fired;
}

static void run(const struct row *r, bool modern)
{
    static struct life life;
    struct life *l = &life;
    const bool never = strcmp(r->name, "RESET_NEVER") == 0 || r->start[modern] == PROVIDER_E_RESET;
    const bool kept_back = strcmp(r->name, "DATA_SHORT_IN_SILENCE") == 0;
    unsigned read = PROVIDER_OK;

    open_life(l, modern, 64);
    if (r->list == LIST_DISK)
        dm_scsi_arm(device(l), (enum dm_disk_attack)r->attack, r->at, r->times, r->value);
    else
        dm_hostile_arm(dm_scsi_hostile(device(l)), (enum dm_attack)r->attack, r->at, r->times, r->value);
    const unsigned started = start(l);
    if (started == PROVIDER_OK)
        read = read_some(l, !kept_back);
    cr_expect_eq(started, r->start[modern], "%s %s at %u value %#llx: start %s, not %s",
                 modern ? "modern" : "legacy", r->name, r->at, (unsigned long long)r->value,
                 disk_life_word(started), disk_life_word(r->start[modern]));
    cr_expect_eq(read, r->read[modern], "%s %s at %u value %#llx: read %s, not %s",
                 modern ? "modern" : "legacy", r->name, r->at, (unsigned long long)r->value,
                 disk_life_word(read), disk_life_word(r->read[modern]));
    end(l, never, r->name);
    cr_expect(fired(l, r) > 0, "%s never had an opportunity", r->name);
    disk_life_close(&l->common);
}

Test(disks, each_lie_of_a_legacy_disk_comes_to_its_refusal)
{
    for (size_t i = 0; i < ROWS; i++)
        run(&rows[i], false);
}

Test(disks, each_lie_of_a_modern_disk_comes_to_its_refusal)
{
    for (size_t i = 0; i < ROWS; i++)
        run(&rows[i], true);
}

Test(disks, every_disk_attack_has_a_row)
{
    for (unsigned attack = 0; attack < DM_DISK_ATTACKS; attack++) {
        bool found = false;
        for (size_t i = 0; i < ROWS; i++)
            found |= rows[i].list == LIST_DISK && rows[i].attack == attack;
        cr_expect(found, "%s", dm_disk_attack_name((enum dm_disk_attack)attack));
    }
}

Test(disks, an_honest_disk_is_read_with_every_queue_size)
{
    static struct life life;

    for (uint16_t size = 4; size != 0 && size <= 8192; size = (uint16_t)(size * 2u)) {
        for (unsigned modern = 0; modern < 2; modern++) {
            open_life(&life, modern, size);
            cr_assert_eq(start(&life), PROVIDER_OK, "queue of %u", size);
            cr_assert_eq(read_some(&life, true), PROVIDER_OK);
            cr_assert_str_eq(life.scsi.identity.text, "Google PersistentDisk");
            cr_assert_eq(life.scsi.identity.unit, 1u);
            cr_assert_eq(life.scsi.identity.blocks, BLOCKS);
            end(&life, false, "an honest disk");
            disk_life_close(&life.common);
        }
    }
}

Test(disks, a_read_in_flight_ends_with_the_disk)
{
    static struct life life;

    for (unsigned modern = 0; modern < 2; modern++) {
        open_life(&life, modern, 64);
        dm_scsi_arm(device(&life), DM_DISK_NEVER_ANSWERS, 4, ALWAYS, 0);
        cr_assert_eq(start(&life), PROVIDER_OK);
        cr_assert_eq(life.common.disk.ops->read(life.common.disk.ctx, 0, 1, 0), PROVIDER_OK);
        disk_life_turn(&life.common);
        cr_assert_eq(life.common.disk.ops->read(life.common.disk.ctx, BLOCKS, 1, 0), PROVIDER_E_RANGE);
        cr_assert_eq(life.common.disk.ops->read(life.common.disk.ctx, 1, BLOCKS, 0), PROVIDER_E_RANGE);
        cr_assert_eq(life.common.disk.ops->read(life.common.disk.ctx, 1, 1, 0), PROVIDER_OK);
        cr_assert_eq(life.common.disk.ops->read(life.common.disk.ctx, 1, 1, 0), PROVIDER_E_FULL);
        end(&life, false, "an honest disk");
        disk_life_close(&life.common);
    }
}
