/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/medium.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "abi/disk.h"

#define PACKAGE_AT ((uint64_t)DISK_PACKAGE_SECTOR * DISK_SECTOR_BYTES)

const char *sim_medium_open(struct sim_medium *m, const char *path, const void *package, size_t package_bytes)
{
    struct stat is;

    *m = (struct sim_medium){
        .fd = -1, .bytes = DISK_BYTES, .package = package, .package_bytes = package_bytes};
    if (!path)
        return NULL;
    m->fd = open(path, O_RDONLY | O_CLOEXEC);
    if (m->fd < 0 || fstat(m->fd, &is) != 0)
        return strerror(errno);
    m->bytes = (uint64_t)is.st_size;
    m->package = NULL;
    return S_ISREG(is.st_mode) && is.st_size > 0 && is.st_size % DISK_SECTOR_BYTES == 0
               ? NULL
               : "a disk is a file of sectors of 512 bytes, at least one";
}

void sim_medium_close(struct sim_medium *m)
{
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

static bool read_file(const struct sim_medium *m, uint64_t offset, uint8_t *out, uint32_t bytes)
{
    for (uint32_t done = 0; done < bytes;) {
        const ssize_t got = pread(m->fd, out + done, bytes - done, (off_t)(offset + done));

        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        done += (uint32_t)got;
    }
    return true;
}

static bool read_at(void *ctx, uint64_t offset, void *out, uint32_t bytes)
{
    const struct sim_medium *m = ctx;
    const uint64_t end = offset + bytes, package_end = PACKAGE_AT + m->package_bytes;
    const uint64_t from = offset > PACKAGE_AT ? offset : PACKAGE_AT;
    const uint64_t to = end < package_end ? end : package_end;

    if (m->fd >= 0)
        return read_file(m, offset, out, bytes);
    memset(out, 0, bytes);
    if (from < to)
        memcpy((uint8_t *)out + (from - offset), m->package + (from - PACKAGE_AT), to - from);
    return true;
}

struct dm_medium sim_medium(struct sim_medium *m)
{
    return (struct dm_medium){.bytes = m->bytes, .read = read_at, .ctx = m};
}
