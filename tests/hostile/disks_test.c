/* SPDX-License-Identifier: BSD-2-Clause */
/* Disks that lie, to the provider as it ships over the kernel's authority: each comes to the refusal that
 * disks.def names, at the start or at a read, and to an end that leaves nothing: no page, no budget, no rule
 * of the specification broken by us. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "provider/virtio_scsi.h"
#include "tests/support/rig.h"

#define ALWAYS    UINT32_MAX
#define TURNS_MAX 6000u /* a life: every wait of it ends before */
#define BLOCKS    64u
#define READS     3u

enum list { LIST_DISK, LIST_RING };
/* Not a word of the provider: it waits, and its caller gives up. */
#define PROVIDER_E_SILENT PROVIDER_E_COUNT
#define PROVIDER_E_OK     PROVIDER_OK
#define WHICH_DISK(name)  DM_DISK_##name
#define WHICH_RING(name)  DM_ATTACK_##name

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
    struct rig rig;
    struct virtio_scsi scsi;
    struct disk disk;
    uint8_t *arena;
    cap_id pool;
};

static bool read_medium(void *ctx, uint64_t offset, void *out, uint32_t bytes)
{
    (void)ctx;
    for (uint32_t i = 0; i < bytes; i++)
        ((uint8_t *)out)[i] = (uint8_t)((offset + i) * 7u + (offset >> 9));
    return true;
}

static void open_life(struct life *l, bool modern, uint16_t queue_size)
{
    const struct dm_medium medium = {.bytes = BLOCKS * 512u, .read = read_medium};
    struct rig_config c = rig_defaults(DM_MODERN, RIG_BROKERED);

    memset(l, 0, sizeof *l);
    c.world.nic_count = 0;
    c.world.disk = sim_disk_defaults(modern ? SIM_DISK_SCSI_MODERN : SIM_DISK_SCSI_LEGACY, medium);
    c.world.disk.scsi.queue_size[2] = queue_size;
    rig_open(&l->rig, &c);
    l->arena = malloc(vscsi_arena_bytes());
}

static void turn(struct life *l)
{
    platform_relax(&l->rig.world.platform);
    l->disk.ops->poll(l->disk.ctx, platform_now_ns(&l->rig.world.platform));
}

static bool final(enum disk_state s)
{
    return s == DISK_STOPPED || s == DISK_QUARANTINED;
}

/* The error that ended the start, PROVIDER_OK, or that there was none in time. */
static unsigned start(struct life *l)
{
    struct vnet_env funds;
    const enum provider_error claimed = rig_claim(&l->rig, &funds);

    cr_assert_eq(claimed, PROVIDER_OK);
    const struct vscsi_env env = {.info = &l->rig.info,
                                  .registers = funds.registers,
                                  .author = funds.author,
                                  .arena = l->arena,
                                  .arena_bytes = vscsi_arena_bytes(),
                                  .slots = 2,
                                  .slot_bytes = VSCSI_SLOT_BYTES_MIN};
    const enum provider_error opened = vscsi_open(&l->scsi, &env);
    if (opened != PROVIDER_OK)
        return opened;
    l->disk = vscsi_disk(&l->scsi);
    for (uint32_t i = 0; i < TURNS_MAX && l->scsi.state != DISK_READY && !final(l->scsi.state); i++)
        turn(l);
    if (l->scsi.state == DISK_READY)
        return PROVIDER_OK;
    return final(l->scsi.state) ? l->scsi.error : PROVIDER_E_SILENT;
}

/* The first error of a few reads. What comes without one is what lies there, unless the row lets the device
 * keep it back. */
static unsigned read_some(struct life *l, bool exact)
{
    for (uint32_t lba = 1; lba <= READS; lba++) {
        struct disk_done done;
        uint16_t got = 0;
        const enum provider_error asked = l->disk.ops->read(l->disk.ctx, lba, 1, lba);

        if (asked != PROVIDER_OK)
            return asked == PROVIDER_E_STATE ? l->scsi.error : asked;
        for (uint32_t i = 0; i < TURNS_MAX && got == 0 && l->scsi.state == DISK_READY; i++) {
            turn(l);
            got = l->disk.ops->take(l->disk.ctx, &done, 1);
        }
        if (got == 0)
            return l->scsi.state == DISK_READY ? PROVIDER_E_SILENT : l->scsi.error;
        if (done.error == PROVIDER_OK && exact) {
            uint8_t right[512];
            (void)read_medium(NULL, lba * 512u, right, sizeof right);
            cr_assert_eq(done.bytes, 512u);
            cr_assert_eq(done.cookie, lba);
            cr_assert_eq(memcmp(done.data, right, sizeof right), 0, "block %u is another one", lba);
        }
        l->disk.ops->give_back(l->disk.ctx, done.slot);
        if (done.error != PROVIDER_OK)
            return done.error;
    }
    return PROVIDER_OK;
}

/* Down, whatever was before: confirmed or in quarantine, and nothing left. */
static void end(struct life *l, bool quarantined, const char *what)
{
    if (l->disk.ops != NULL) {
        l->disk.ops->stop(l->disk.ctx);
        for (uint32_t i = 0; i < TURNS_MAX && !final(l->scsi.state); i++)
            turn(l);
        cr_assert_eq(l->scsi.state, quarantined ? DISK_QUARANTINED : DISK_STOPPED, "%s ends in state %d",
                     what, (int)l->scsi.state);
    }
    cr_assert_eq(vscsi_close(&l->scsi), PROVIDER_OK);
    (void)rig_take_back(&l->rig);
    if (!quarantined)
        cr_assert(rig_usage_restored(&l->rig));
}

static void close_life(struct life *l)
{
    const struct dm_monitor *m = dm_scsi_monitor(l->rig.world.scsi);

    cr_assert_eq(m->broken_total, 0, "%s", m->first);
    cr_assert_eq(dm_memory_violations(l->rig.world.memory), 0);
    free(l->arena);
    rig_close(&l->rig);
}

static const char *word(unsigned error)
{
    return error == PROVIDER_E_SILENT ? "silence" : provider_error_name((enum provider_error)error);
}

static uint32_t fired(const struct life *l, const struct row *r)
{
    return r->list == LIST_DISK ? dm_scsi_fired(l->rig.world.scsi, (enum dm_disk_attack)r->attack)
                                : dm_scsi_hostile(l->rig.world.scsi)->arms[r->attack].fired;
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
        dm_scsi_arm(l->rig.world.scsi, (enum dm_disk_attack)r->attack, r->at, r->times, r->value);
    else
        dm_hostile_arm(dm_scsi_hostile(l->rig.world.scsi), (enum dm_attack)r->attack, r->at, r->times,
                       r->value);
    const unsigned started = start(l);
    if (started == PROVIDER_OK)
        read = read_some(l, !kept_back);
    cr_expect_eq(started, r->start[modern], "%s %s at %u value %#llx: start %s, not %s",
                 modern ? "modern" : "legacy", r->name, r->at, (unsigned long long)r->value, word(started),
                 word(r->start[modern]));
    cr_expect_eq(read, r->read[modern], "%s %s at %u value %#llx: read %s, not %s",
                 modern ? "modern" : "legacy", r->name, r->at, (unsigned long long)r->value, word(read),
                 word(r->read[modern]));
    end(l, never, r->name);
    cr_expect(fired(l, r) > 0, "%s never had an opportunity", r->name);
    close_life(l);
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
            close_life(&life);
        }
    }
}

Test(disks, a_read_in_flight_ends_with_the_disk)
{
    static struct life life;

    for (unsigned modern = 0; modern < 2; modern++) {
        open_life(&life, modern, 64);
        dm_scsi_arm(life.rig.world.scsi, DM_DISK_NEVER_ANSWERS, 4, ALWAYS, 0);
        cr_assert_eq(start(&life), PROVIDER_OK);
        cr_assert_eq(life.disk.ops->read(life.disk.ctx, 0, 1, 0), PROVIDER_OK);
        turn(&life);
        cr_assert_eq(life.disk.ops->read(life.disk.ctx, BLOCKS, 1, 0), PROVIDER_E_RANGE);
        cr_assert_eq(life.disk.ops->read(life.disk.ctx, 1, BLOCKS, 0), PROVIDER_E_RANGE);
        cr_assert_eq(life.disk.ops->read(life.disk.ctx, 1, 1, 0), PROVIDER_OK);
        cr_assert_eq(life.disk.ops->read(life.disk.ctx, 1, 1, 0), PROVIDER_E_FULL);
        end(&life, false, "an honest disk");
        close_life(&life);
    }
}
