/* SPDX-License-Identifier: BSD-2-Clause */
/* NVMe controllers that lie, to the provider as it ships over the kernel's authority: each comes to the
 * refusal that nvme.def names, at the start or at a read, and to an end that leaves nothing. And honest ones
 * of every shape, and such that fail, forget or go away meanwhile. */
#include <criterion/criterion.h>
#include <string.h>

#include "provider/nvme.h"
#include "tests/hostile/disk_life.h"

#define ALWAYS          DISK_LIFE_ALWAYS
#define BLOCKS          64u /* of the medium that is lied about */
#define READS           5u /* and the last block: beyond one round of four entries */
#define MEDIUM_BYTES    (1u << 20)
#define START_TURNS_MAX 64u /* more than a start takes */
#define POOL_PAGES      160u /* two slots of 256 KiB, and the queues */

enum end { END_STOPPED, END_QUARANTINED, END_NEVER };
enum shape { SHAPE_DEEP, SHAPE_OF_FOUR, SHAPES };

static const struct row {
    const char *name;
    enum dm_nvme_attack attack;
    uint32_t at, times;
    uint64_t value;
    unsigned start[SHAPES], read[SHAPES];
    enum end end;
} rows[] = {
#define ROW(attack, at, times, value, start, read, start_of_four, read_of_four, end)                         \
    {#attack,                                                                                                \
     DM_NVME_##attack,                                                                                       \
     at,                                                                                                     \
     times,                                                                                                  \
     value,                                                                                                  \
     {PROVIDER_E_##start, PROVIDER_E_##start_of_four},                                                       \
     {PROVIDER_E_##read, PROVIDER_E_##read_of_four},                                                         \
     END_##end},
#include "tests/hostile/nvme.def"
#undef ROW
};
#define ROWS (sizeof rows / sizeof rows[0])

struct life {
    struct disk_life common;
    struct nvme nvme;
};

static struct dm_nvme *device(const struct life *l)
{
    return l->common.rig.world.nvme;
}

static struct sim_disk_config honest(void)
{
    return sim_disk_defaults(SIM_DISK_NVME, (struct dm_medium){0});
}

static void open_life(struct life *l, const struct sim_disk_config *c, uint64_t bytes)
{
    memset(l, 0, sizeof *l);
    disk_life_open(&l->common, *c, bytes, POOL_PAGES);
    struct rig *r = &l->common.rig;
    for (uint16_t i = 0; i < kernel_function_count(r->kernel); i++)
        if (kernel_function_info(r->kernel, i)->class_code == NVME_CLASS)
            r->info = *kernel_function_info(r->kernel, i);
    r->bdf = r->info.bdf;
}

static unsigned claim(struct life *l, uint32_t slot_bytes)
{
    struct vnet_env funds;
    const enum provider_error claimed = rig_claim(&l->common.rig, &funds);

    cr_assert_eq(claimed, PROVIDER_OK);
    const struct nvme_env env = {.info = &l->common.rig.info,
                                 .registers = funds.registers,
                                 .author = funds.author,
                                 .slots = 2,
                                 .slot_bytes = slot_bytes};
    const enum provider_error opened = nvme_open(&l->nvme, &env);
    if (opened == PROVIDER_OK)
        l->common.disk = nvme_disk(&l->nvme);
    l->common.state = &l->nvme.state;
    return opened;
}

static unsigned start(struct life *l, uint32_t slot_bytes)
{
    const unsigned opened = claim(l, slot_bytes);

    return opened == PROVIDER_OK ? disk_life_start(&l->common) : opened;
}

static unsigned read_some(struct life *l, bool exact)
{
    unsigned error = PROVIDER_OK;

    for (uint32_t lba = 1; lba <= READS && error == PROVIDER_OK; lba++)
        error = disk_life_read(&l->common, lba, 1, exact);
    return error == PROVIDER_OK ? disk_life_read(&l->common, l->nvme.identity.blocks - 1u, 1, exact) : error;
}

/* Down, whatever was before. `misled`: by what the device said, the driver cannot but break its rules. */
static void end(struct life *l, bool quarantined, bool misled, const char *what)
{
    const struct dm_nvme_watch *watch = dm_nvme_watch(device(l));

    disk_life_end(&l->common, quarantined, what);
    cr_assert_eq(nvme_close(&l->nvme), PROVIDER_OK);
    disk_life_take_back(&l->common, quarantined);
    cr_assert(misled || watch->broken_total == 0, "%s: %s", what, watch->first);
}

static void text_is_one(const struct life *l)
{
    for (const char *at = l->nvme.identity.text; *at != 0; at++)
        cr_assert(*at >= ' ' && *at <= '~', "byte %#x of a text", (unsigned char)*at);
}

static void run(const struct row *r, enum shape shape)
{
    static struct life life;
    struct life *l = &life;
    struct sim_disk_config c = honest();
    const bool kept_back = r->attack == DM_NVME_DATA_UNWRITTEN || r->attack == DM_NVME_BLOCK_SHIFT;
    unsigned read = PROVIDER_OK;

    c.nvme.entries_max = shape == SHAPE_OF_FOUR ? 4 : 1024;
    open_life(l, &c, BLOCKS * 512u);
    dm_nvme_arm(device(l), r->attack, r->at, r->times, r->value);
    const unsigned started = start(l, NVME_SLOT_BYTES_MIN);
    if (started == PROVIDER_OK) {
        text_is_one(l);
        read = read_some(l, !kept_back);
    }
    cr_expect_eq(started, r->start[shape], "%u entries, %s at %u value %#llx: start %s, not %s",
                 c.nvme.entries_max, r->name, r->at, (unsigned long long)r->value, disk_life_word(started),
                 disk_life_word(r->start[shape]));
    cr_expect_eq(read, r->read[shape], "%u entries, %s at %u value %#llx: read %s, not %s",
                 c.nvme.entries_max, r->name, r->at, (unsigned long long)r->value, disk_life_word(read),
                 disk_life_word(r->read[shape]));
    end(l, r->end == END_QUARANTINED, r->attack == DM_NVME_CAP_STRIDE, r->name);
    cr_expect_eq(dm_nvme_fired(device(l), r->attack) > 0, r->end != END_NEVER,
                 "%s at %u: whether it had an opportunity", r->name, r->at);
    disk_life_close(&l->common);
}

Test(nvme, each_lie_of_a_controller_comes_to_its_refusal)
{
    for (size_t i = 0; i < ROWS; i++)
        run(&rows[i], SHAPE_DEEP);
}

Test(nvme, each_lie_of_a_controller_of_four_entries_comes_to_its_refusal)
{
    for (size_t i = 0; i < ROWS; i++)
        run(&rows[i], SHAPE_OF_FOUR);
}

Test(nvme, every_attack_has_a_row)
{
    for (unsigned attack = 0; attack < DM_NVME_ATTACKS; attack++) {
        bool found = false;
        for (size_t i = 0; i < ROWS; i++)
            found |= rows[i].attack == attack;
        cr_expect(found, "%s", dm_nvme_attack_name((enum dm_nvme_attack)attack));
    }
}

/* Reads of the longest and the shortest, at the first block, at the last, and where no page begins. */
static void read_anywhere(struct life *l)
{
    const uint32_t most = l->common.disk.ops->read_blocks_max(l->common.disk.ctx);
    const uint64_t last = l->nvme.identity.blocks;
    const struct {
        uint64_t lba;
        uint32_t blocks;
    } reads[] = {{0, most}, {last - most, most}, {last - 1u, 1}, {3, most - (most > 1)}, {1, 1}, {7, most}};

    for (size_t i = 0; i < sizeof reads / sizeof reads[0]; i++)
        cr_assert_eq(disk_life_read(&l->common, reads[i].lba, reads[i].blocks, true), PROVIDER_OK,
                     "%u blocks from %llu", reads[i].blocks, (unsigned long long)reads[i].lba);
    cr_assert_eq(disk_life_read(&l->common, last - most + 1u, most, true), PROVIDER_E_RANGE);
    cr_assert_eq(disk_life_read(&l->common, 0, most + 1u, true), PROVIDER_E_RANGE);
    cr_assert_eq(disk_life_read(&l->common, 0, 0, true), PROVIDER_E_RANGE);
    cr_assert_eq(disk_life_read(&l->common, UINT64_MAX, 1, true), PROVIDER_E_RANGE);
}

static void live_honestly(const struct sim_disk_config *c, uint32_t data_bytes)
{
    static struct life life;

    open_life(&life, c, MEDIUM_BYTES);
    cr_assert_eq(start(&life, NVME_SLOT_BYTES_MAX), PROVIDER_OK, "%u entries", c->nvme.entries_max);
    cr_assert_str_eq(life.nvme.identity.text, "nvme_card-pd");
    cr_assert_eq(life.nvme.identity.block_bytes, c->nvme.block_bytes);
    cr_assert_eq(life.nvme.identity.blocks, MEDIUM_BYTES / c->nvme.block_bytes);
    cr_assert_eq(life.common.disk.ops->read_blocks_max(life.common.disk.ctx),
                 data_bytes / c->nvme.block_bytes);
    read_anywhere(&life);
    end(&life, false, false, "an honest disk");
    disk_life_close(&life.common);
}

Test(nvme, an_honest_disk_of_any_shape_is_read_anywhere)
{
    static const uint16_t entries[] = {2, 3, 4, 64, 4096};
    static const uint8_t strides[] = {0, 1, 4};
    static const uint32_t blocks[] = {512, 4096};
    static const struct {
        uint8_t shift;
        uint32_t bytes;
    } transfers[] = {{0, NVME_SLOT_BYTES_MAX}, {1, 8192}, {6, NVME_SLOT_BYTES_MAX}};

    for (size_t e = 0; e < sizeof entries / sizeof entries[0]; e++) {
        for (size_t i = 0; i < 18; i++) {
            struct sim_disk_config c = honest();

            c.nvme.entries_max = entries[e];
            c.nvme.doorbell_stride = strides[i % 3];
            c.nvme.block_bytes = blocks[i / 3 % 2];
            c.nvme.transfer_shift = transfers[i / 6].shift;
            live_honestly(&c, transfers[i / 6].bytes);
        }
    }
}

/* Data in one page, in two, and in every length of list; more than one round of the queue. */
Test(nvme, a_read_of_any_number_of_pages_is_right)
{
    static struct life life;
    struct sim_disk_config c = honest();

    c.nvme.entries_max = 8;
    open_life(&life, &c, MEDIUM_BYTES);
    cr_assert_eq(start(&life, NVME_SLOT_BYTES_MAX), PROVIDER_OK);
    for (uint32_t pages = NVME_LIST_ENTRIES; pages > 0; pages--)
        cr_assert_eq(disk_life_read(&life.common, pages, pages * 8u - pages % 8u, true), PROVIDER_OK);
    end(&life, false, false, "an honest disk");
    disk_life_close(&life.common);
}

/* However many a controller announces: so many are asked, and none that it does not have is believed in. */
Test(nvme, namespaces_that_are_empty_or_not_there_come_to_no_disk)
{
    static struct life life;
    static const struct {
        uint8_t there;
        uint32_t said, asked;
    } rows_of_them[] = {{1, 1, 1},
                        {3, 3, 3},
                        {255, 255, NVME_NAMESPACES_MAX},
                        {255, UINT32_MAX, NVME_NAMESPACES_MAX},
                        {2, 9, 2}};

    for (size_t i = 0; i < sizeof rows_of_them / sizeof rows_of_them[0]; i++) {
        struct sim_disk_config c = honest();

        c.nvme.namespaces = rows_of_them[i].there;
        open_life(&life, &c, 0);
        dm_nvme_arm(device(&life), DM_NVME_NAMESPACES, 0, ALWAYS, rows_of_them[i].said);
        cr_assert_eq(start(&life, NVME_SLOT_BYTES_MIN), PROVIDER_E_NO_DISK);
        cr_assert_eq(life.nvme.identity.probed, rows_of_them[i].asked);
        end(&life, false, false, "a controller without a disk");
        disk_life_close(&life.common);
    }
}

/* A long read, then a short one that the device does not end where it should: no list of a command that is
 * over leads it on. */
Test(nvme, what_is_moved_beyond_a_read_finds_no_page_of_a_read_before)
{
    static struct life life;
    const struct sim_disk_config c = honest();
    const uint32_t pages = 3;
    uint8_t before[NVME_PAGE_BYTES];

    open_life(&life, &c, MEDIUM_BYTES);
    dm_nvme_arm(device(&life), DM_NVME_DATA_BEYOND, 1, ALWAYS, 64);
    cr_assert_eq(start(&life, NVME_SLOT_BYTES_MAX), PROVIDER_OK);
    const uint8_t *after = life.nvme.data_buffer.cpu + pages * NVME_PAGE_BYTES;
    cr_assert_eq(disk_life_read(&life.common, 0, NVME_SLOT_BYTES_MAX / 512u, true), PROVIDER_OK);
    memcpy(before, after, sizeof before);
    cr_assert_eq(disk_life_read(&life.common, 1000, pages * 8u, true), PROVIDER_OK);
    cr_assert_eq(dm_nvme_fired(device(&life), DM_NVME_DATA_BEYOND), 1u);
    cr_assert_eq(memcmp(before, after, sizeof before), 0);
    end(&life, false, false, "a disk that moves more");
    disk_life_close(&life.common);
}

Test(nvme, a_read_in_flight_ends_with_the_disk)
{
    static struct life life;
    const struct sim_disk_config c = honest();
    const struct disk *d = &life.common.disk;
    struct disk_done done;

    open_life(&life, &c, BLOCKS * 512u);
    dm_nvme_arm(device(&life), DM_NVME_NEVER_ANSWERS, 5, ALWAYS, 0);
    cr_assert_eq(start(&life, NVME_SLOT_BYTES_MIN), PROVIDER_OK);
    cr_assert_eq(d->ops->read(d->ctx, 0, 1, 0), PROVIDER_OK);
    disk_life_turn(&life.common);
    cr_assert_eq(d->ops->read(d->ctx, 1, 1, 0), PROVIDER_OK);
    cr_assert_eq(d->ops->read(d->ctx, 1, 1, 0), PROVIDER_E_FULL);
    cr_assert_eq(d->ops->take(d->ctx, &done, 1), 0);
    end(&life, false, false, "a silent disk");
    disk_life_close(&life.common);
}

/* Two under way, and the first completion names `id`: what comes of both. */
static unsigned read_two(uint16_t id)
{
    static struct life life;
    const struct sim_disk_config c = honest();
    const struct disk *d = &life.common.disk;
    struct disk_done done[2];
    uint32_t got = 0;

    open_life(&life, &c, BLOCKS * 512u);
    dm_nvme_arm(device(&life), DM_NVME_COMMAND_ID, 5, 1, id);
    cr_assert_eq(start(&life, NVME_SLOT_BYTES_MIN), PROVIDER_OK);
    cr_assert_eq(d->ops->read(d->ctx, 1, 1, 1), PROVIDER_OK);
    cr_assert_eq(d->ops->read(d->ctx, 2, 1, 2), PROVIDER_OK);
    for (uint32_t i = 0; i < DISK_LIFE_TURNS && got < 2 && life.nvme.state == DISK_READY; i++) {
        disk_life_turn(&life.common);
        got += d->ops->take(d->ctx, &done[got], (uint16_t)(2u - got));
    }
    const unsigned error = life.nvme.error;
    cr_assert_eq(got, error == PROVIDER_OK ? 2u : 1u);
    for (uint32_t i = 0; i < got; i++)
        d->ops->give_back(d->ctx, done[i].slot);
    end(&life, false, false, "a disk that mixes up two commands");
    disk_life_close(&life.common);
    return error;
}

/* Whichever comes first: one of the two names is its own. */
Test(nvme, a_completion_in_the_name_of_another_read_ends_the_queue)
{
    const unsigned first = read_two(0), second = read_two(NVME_CHAIN);

    cr_assert_eq(first + second, (unsigned)PROVIDER_E_NEEDS_RESET);
}

enum blow { BLOW_FAIL, BLOW_RESET, BLOW_REMOVE, BLOWS };

static void strike(struct life *l, enum blow blow)
{
    static void (*const blows[BLOWS])(struct dm_nvme *) = {dm_nvme_fail, dm_nvme_reset_itself,
                                                           dm_nvme_remove};

    blows[blow](device(l));
}

/* What is due of a blow that comes when `n` is there. A reset by itself hurts no one who has not said yet
 * where the admin queue is, and is never told to one who waits for CSTS.RDY alone. */
static unsigned due(enum blow blow, const struct nvme *n)
{
    if (blow == BLOW_RESET && (n->state == DISK_RESETTING || n->step <= NVME_STEP_ADMIN_QUEUE))
        return PROVIDER_OK;
    if (blow == BLOW_RESET && n->step == NVME_STEP_READY)
        return PROVIDER_E_RESET;
    return blow == BLOW_REMOVE && n->state == DISK_RESETTING ? PROVIDER_E_RESET : PROVIDER_E_NEEDS_RESET;
}

/* Struck after `turns` of the start. Whether it was READY by then. */
static bool start_struck(enum blow blow, uint32_t turns)
{
    static struct life life;
    const struct sim_disk_config c = honest();

    open_life(&life, &c, BLOCKS * 512u);
    cr_assert_eq(claim(&life, NVME_SLOT_BYTES_MIN), PROVIDER_OK);
    for (uint32_t i = 0; i < turns; i++)
        disk_life_turn(&life.common);
    const unsigned expected = due(blow, &life.nvme);
    const bool was_ready = life.nvme.state == DISK_READY;
    strike(&life, blow);
    unsigned error = disk_life_start(&life.common);
    if (error == PROVIDER_OK)
        error = read_some(&life, true);
    cr_expect_eq(error, expected, "blow %d after %u turns: %s, not %s", (int)blow, turns,
                 disk_life_word(error), disk_life_word(expected));
    end(&life, blow == BLOW_REMOVE, false, "a disk struck at the start");
    disk_life_close(&life.common);
    return was_ready;
}

Test(nvme, a_controller_that_fails_forgets_or_goes_in_any_turn_of_the_start_is_refused)
{
    for (unsigned blow = 0; blow < BLOWS; blow++) {
        uint32_t turns = 0;

        while (turns < START_TURNS_MAX && !start_struck((enum blow)blow, turns))
            turns++;
        cr_assert(turns > NVME_STEP_COUNT && turns < START_TURNS_MAX);
    }
}

Test(nvme, a_controller_that_fails_forgets_or_goes_while_it_reads_is_refused)
{
    static struct life life;
    const struct sim_disk_config c = honest();
    const struct disk *d = &life.common.disk;
    struct disk_done done;

    for (unsigned blow = 0; blow < BLOWS; blow++) {
        open_life(&life, &c, BLOCKS * 512u);
        cr_assert_eq(start(&life, NVME_SLOT_BYTES_MIN), PROVIDER_OK);
        cr_assert_eq(disk_life_read(&life.common, 1, 1, true), PROVIDER_OK);
        cr_assert_eq(d->ops->read(d->ctx, 2, 1, 2), PROVIDER_OK);
        strike(&life, (enum blow)blow);
        for (uint32_t i = 0; i < DISK_LIFE_TURNS && life.nvme.state == DISK_READY; i++) {
            disk_life_turn(&life.common);
            cr_assert_eq(d->ops->take(d->ctx, &done, 1), 0);
        }
        cr_assert_eq(life.nvme.error, PROVIDER_E_NEEDS_RESET);
        cr_assert_eq(d->ops->read(d->ctx, 3, 1, 3), PROVIDER_E_STATE);
        end(&life, blow == BLOW_REMOVE, false, "a disk struck while it reads");
        disk_life_close(&life.common);
    }
}
