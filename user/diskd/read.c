/* SPDX-License-Identifier: BSD-2-Clause */
/* Reads, by polling alone: the first block of the package's place, and from there the package. */
#include <bearssl_hash.h>

#include "abi/disk.h"
#include "abi/memory.h"
#include "abi/package.h"
#include "user/diskd/diskd.h"

#define DIGEST_BYTES 32u

/* One read: `*out` is to be given back, whatever came of it. False: nothing came in time, or the disk ended.
 */
static bool read_once(struct diskd *d, uint64_t lba, uint32_t blocks, struct disk_done *out)
{
    const struct disk *disk = &d->disk;
    const enum provider_error error = disk->ops->read(disk->ctx, lba, blocks, (uint32_t)lba);

    if (error != PROVIDER_OK)
        return prove_fail(&d->prove, provider_error_name(error));
    struct prove_wait wait = prove_wait_begin(&d->prove);
    while (disk->ops->take(disk->ctx, out, 1) == 0) {
        prove_turn(&d->prove);
        if (disk->ops->poll(disk->ctx, ring_now(&d->prove.rt->ring)) != DISK_READY)
            return prove_fail(&d->prove, provider_error_name(disk->ops->error(disk->ctx)));
        if (!prove_wait_goes_on(&d->prove, &wait))
            return prove_fail(&d->prove, "a read was not answered");
    }
    return true;
}

/* The same, and what came is all of it. */
static bool read_whole(struct diskd *d, uint64_t lba, uint32_t blocks, struct disk_done *out)
{
    if (!read_once(d, lba, blocks, out))
        return false;
    if (out->error == PROVIDER_OK)
        return true;
    d->disk.ops->give_back(d->disk.ctx, out->slot);
    return prove_fail(&d->prove, provider_error_name(out->error));
}

/* Where the run block and the package lie, in the disk's own blocks; false: the disk ends before. */
static bool place(const struct disk_identity *id, uint64_t *lba)
{
    const uint64_t sectors = id->block_bytes / DISK_SECTOR_BYTES;

    *lba = DISK_PACKAGE_SECTOR / sectors;
    return *lba < id->blocks;
}

/* A fact has no blanks, and is something. */
static void one_word(const char text[DISK_TEXT_BYTES], char out[DISK_TEXT_BYTES])
{
    memcpy(out, text, DISK_TEXT_BYTES);
    for (uint32_t i = 0; out[i] != 0; i++)
        out[i] = out[i] == ' ' ? '_' : out[i];
    if (out[0] == 0)
        memcpy(out, "none", sizeof "none");
}

bool diskd_prove_read(struct diskd *d)
{
    const struct disk_identity *id = d->disk.ops->identity(d->disk.ctx);
    struct disk_done done;
    uint64_t lba = 0;
    uint8_t digest[DIGEST_BYTES];
    br_sha256_context hash;
    char identity[DISK_TEXT_BYTES];
    struct text t = prove_words(&d->prove);

    if (!place(id, &lba))
        lba = 0;
    if (!read_whole(d, lba, 1, &done))
        return false;
    br_sha256_init(&hash);
    br_sha256_update(&hash, done.data, done.bytes);
    br_sha256_out(&hash, digest);
    const uint32_t bytes = done.bytes;
    d->disk.ops->give_back(d->disk.ctx, done.slot);
    prove_word(&t, "transport", d->disk.ops->name);
    prove_u64(&t, "unit", id->unit);
    prove_u64(&t, "probed", id->probed);
    one_word(id->text, identity);
    prove_word(&t, "identity", identity);
    prove_u64(&t, "block_bytes", id->block_bytes);
    prove_u64(&t, "blocks", id->blocks);
    prove_u64(&t, "lba", lba);
    prove_u64(&t, "bytes", bytes);
    prove_bytes(&t, "block", digest, sizeof digest);
    return prove_emit(&d->prove, EVIDENCE_STORAGE_READ, &t);
}

/* Feeds the package's bytes, its hash field as zeroes, to `hash`. */
static void feed(br_sha256_context *hash, const uint8_t *at, uint32_t offset, uint32_t bytes)
{
    static const uint8_t zero[DIGEST_BYTES];
    const uint32_t field = (uint32_t)offsetof(struct package_header, hash);

    for (uint32_t i = 0; i < bytes;) {
        const uint32_t here = offset + i;
        const bool inside = here >= field && here < field + DIGEST_BYTES;
        const uint32_t end = inside ? field + DIGEST_BYTES : here < field ? field : UINT32_MAX;
        const uint32_t count = bytes - i < end - here ? bytes - i : end - here;

        br_sha256_update(hash, inside ? zero : at + i, count);
        i += count;
    }
}

/* All of the package, as much at once as the disk takes. */
static bool hash_package(struct diskd *d, uint64_t lba, uint32_t bytes, uint8_t digest[DIGEST_BYTES],
                         uint64_t *reads)
{
    const struct disk *disk = &d->disk;
    const uint32_t block = disk->ops->identity(disk->ctx)->block_bytes;
    const uint32_t most = disk->ops->read_blocks_max(disk->ctx);
    br_sha256_context hash;

    br_sha256_init(&hash);
    for (uint32_t at = 0; at < bytes; (*reads)++) {
        const uint32_t left = (bytes - at + block - 1u) / block;
        const uint32_t blocks = left < most ? left : most;
        struct disk_done done;

        if (!read_whole(d, lba + at / block, blocks, &done))
            return false;
        const uint32_t count = bytes - at < done.bytes ? bytes - at : done.bytes;
        feed(&hash, done.data, at, count);
        at += count;
        disk->ops->give_back(disk->ctx, done.slot);
    }
    br_sha256_out(&hash, digest);
    return true;
}

bool diskd_prove_package(struct diskd *d)
{
    const struct disk_identity *id = d->disk.ops->identity(d->disk.ctx);
    struct package_header header;
    struct disk_done done;
    uint64_t lba = 0, reads = 0;
    uint8_t digest[DIGEST_BYTES];
    struct text t = prove_words(&d->prove);

    if (!place(id, &lba))
        return true; /* too small for one */
    if (!read_whole(d, lba, 1, &done))
        return false;
    memcpy(&header, done.data, sizeof header);
    d->disk.ops->give_back(d->disk.ctx, done.slot);
    if (header.magic != PACKAGE_MAGIC)
        return true; /* none: not attempted */
    const uint64_t room = (id->blocks - lba) * id->block_bytes;
    if (header.bytes < sizeof header || header.bytes > PACKAGE_BYTES_MAX || header.bytes > room)
        return prove_fail(&d->prove, "the package on the disk has an impossible size");
    if (!hash_package(d, lba, header.bytes, digest, &reads))
        return false;
    prove_u64(&t, "bytes", header.bytes);
    prove_u64(&t, "reads", reads);
    prove_bytes(&t, "package", digest, sizeof digest);
    return prove_emit(&d->prove, EVIDENCE_STORAGE_PACKAGE, &t);
}
