/* SPDX-License-Identifier: BSD-2-Clause */
/* reader: reads `mib` MiB from the disk's first block on, with every slot of the driver under way, and says
 * when it began and when it was done. What comes is looked at no further than its length. */
#include "abi/assert.h"
#include "evidence/text.h"
#include "user/diskd/diskd.h"

#define LINE_BYTES 96u

static struct diskd diskd;

enum reader_exit { READER_EXIT_DEVICE = 1, READER_EXIT_READ };

static void say(struct rt *rt, const char *what, uint64_t value)
{
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line);

    text_string(&t, "bench: ");
    text_string(&t, what);
    text_string(&t, "=");
    text_u64(&t, value);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    (void)rt_write(rt, t.at, t.used);
}

/* Reads as long as there is a free slot. False: the disk refused. */
static bool ask(struct diskd *d, uint64_t *lba, uint64_t end, uint32_t most, uint32_t *under_way)
{
    while (*lba < end) {
        const uint32_t blocks = end - *lba < most ? (uint32_t)(end - *lba) : most;
        const enum provider_error error = d->disk.ops->read(d->disk.ctx, *lba, blocks, blocks);

        if (error == PROVIDER_E_FULL)
            return true;
        if (error != PROVIDER_OK)
            return false;
        *lba += blocks;
        (*under_way)++;
    }
    return true;
}

static bool read_all(struct diskd *d, uint64_t bytes)
{
    const struct disk_identity *id = d->disk.ops->identity(d->disk.ctx);
    const uint32_t most = d->disk.ops->read_blocks_max(d->disk.ctx);
    const uint64_t wanted = bytes / id->block_bytes, end = wanted < id->blocks ? wanted : id->blocks;
    uint64_t lba = 0, done_blocks = 0;
    uint32_t under_way = 0;

    while (done_blocks < end) {
        struct disk_done done[DISKD_TAKE];

        if (!ask(d, &lba, end, most, &under_way) ||
            d->disk.ops->poll(d->disk.ctx, ring_now(&d->prove.rt->ring)) != DISK_READY)
            return false;
        const uint16_t got = d->disk.ops->take(d->disk.ctx, done, DISKD_TAKE);
        for (uint16_t i = 0; i < got; i++) {
            if (done[i].error != PROVIDER_OK)
                return false;
            done_blocks += done[i].cookie;
            under_way--;
            d->disk.ops->give_back(d->disk.ctx, done[i].slot);
        }
    }
    ASSERT(under_way == 0);
    say(d->prove.rt, "done", end * id->block_bytes);
    return true;
}

uint32_t program_main(struct rt *rt)
{
    struct diskd *d = &diskd;
    const cap_id function = diskd_function(rt);

    d->prove = (struct prove){.rt = rt, .who = "reader: "};
    if (cap_is_none(function) || !diskd_prepare(d, function) || !diskd_claim(d) || !diskd_start(d))
        return READER_EXIT_DEVICE;
    say(rt, "begins", ring_now(&rt->ring));
    return read_all(d, rt_parameter_u64(rt, "mib", 1) << 20) ? 0 : READER_EXIT_READ;
}
