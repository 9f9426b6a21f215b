/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/hostile/disk_life.h"

#include <criterion/criterion.h>
#include <string.h>

bool disk_life_medium(void *ctx, uint64_t offset, void *out, uint32_t bytes)
{
    (void)ctx;
    for (uint64_t at = offset; at < offset + bytes; at++) /* no two blocks near each other are alike */
        ((uint8_t *)out)[at - offset] = (uint8_t)(at * 7u + (at >> 9) * 3u + (at >> 17) * 5u);
    return true;
}

void disk_life_open(struct disk_life *l, struct sim_disk_config disk, uint64_t bytes, uint32_t pool_pages)
{
    struct rig_config c = rig_defaults(DM_MODERN, RIG_BROKERED);

    memset(l, 0, sizeof *l);
    disk.medium = (struct dm_medium){.bytes = bytes, .read = disk_life_medium};
    c.world.nic_count = 0;
    c.world.disk = disk;
    c.pool_pages = pool_pages;
    rig_open(&l->rig, &c);
}

void disk_life_turn(struct disk_life *l)
{
    platform_relax(&l->rig.world.platform);
    l->disk.ops->poll(l->disk.ctx, platform_now_ns(&l->rig.world.platform));
}

static bool final(const struct disk_life *l)
{
    return *l->state == DISK_STOPPED || *l->state == DISK_QUARANTINED;
}

static unsigned error_of(const struct disk_life *l)
{
    return l->disk.ops->error(l->disk.ctx);
}

unsigned disk_life_start(struct disk_life *l)
{
    for (uint32_t i = 0; i < DISK_LIFE_TURNS && *l->state != DISK_READY && !final(l); i++)
        disk_life_turn(l);
    if (*l->state == DISK_READY)
        return PROVIDER_OK;
    return final(l) ? error_of(l) : PROVIDER_E_SILENT;
}

static void compare(const struct disk_life *l, const struct disk_done *done, uint64_t lba, uint32_t blocks)
{
    const uint32_t block_bytes = l->disk.ops->identity(l->disk.ctx)->block_bytes;
    uint8_t right[4096];

    cr_assert_eq(done->bytes, blocks * block_bytes);
    cr_assert_eq(done->cookie, (uint32_t)lba);
    for (uint32_t i = 0; i < blocks; i++) {
        (void)disk_life_medium(NULL, (lba + i) * block_bytes, right, block_bytes);
        cr_assert_eq(memcmp(done->data + (size_t)i * block_bytes, right, block_bytes), 0,
                     "block %u of those from %llu is another one", i, (unsigned long long)lba);
    }
}

unsigned disk_life_read(struct disk_life *l, uint64_t lba, uint32_t blocks, bool exact)
{
    struct disk_done done;
    uint16_t got = 0;
    const enum provider_error asked = l->disk.ops->read(l->disk.ctx, lba, blocks, (uint32_t)lba);

    if (asked != PROVIDER_OK)
        return asked == PROVIDER_E_STATE ? error_of(l) : (unsigned)asked;
    for (uint32_t i = 0; i < DISK_LIFE_TURNS && got == 0 && *l->state == DISK_READY; i++) {
        disk_life_turn(l);
        got = l->disk.ops->take(l->disk.ctx, &done, 1);
    }
    if (got == 0)
        return *l->state == DISK_READY ? PROVIDER_E_SILENT : error_of(l);
    if (done.error == PROVIDER_OK && exact)
        compare(l, &done, lba, blocks);
    l->disk.ops->give_back(l->disk.ctx, done.slot);
    return done.error;
}

void disk_life_end(struct disk_life *l, bool quarantined, const char *what)
{
    if (l->disk.ops == NULL)
        return;
    l->disk.ops->stop(l->disk.ctx);
    for (uint32_t i = 0; i < DISK_LIFE_TURNS && !final(l); i++)
        disk_life_turn(l);
    cr_assert_eq(*l->state, quarantined ? DISK_QUARANTINED : DISK_STOPPED, "%s ends in state %d", what,
                 (int)*l->state);
}

void disk_life_take_back(struct disk_life *l, bool quarantined)
{
    (void)rig_take_back(&l->rig);
    /* A device that comes to rest late does so before the kernel gives up, or after. */
    if (quarantined && kernel_usage(l->rig.kernel).quarantined_devices != 0)
        cr_assert(rig_usage_quarantined(&l->rig, kernel_usage(l->rig.kernel).pages_quarantined));
    else
        cr_assert(rig_usage_restored(&l->rig));
}

void disk_life_close(struct disk_life *l)
{
    cr_assert_eq(dm_memory_violations(l->rig.world.memory), 0);
    rig_close(&l->rig);
}

const char *disk_life_word(unsigned error)
{
    return error == PROVIDER_E_SILENT ? "silence" : provider_error_name((enum provider_error)error);
}
