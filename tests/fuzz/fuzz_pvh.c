/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to what a PVH loader says. An input is memory from BASE on, the start info first. It lies
 * in memory of just that size: a read beyond is the sanitizer's. What is accepted keeps the promises of
 * boot_info.h and memory_map.h, or aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/package.h"
#include "kernel/arch/x86_64/pvh.h"
#include "tests/fuzz/map.h"

#define BASE 0x8000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[PVH_E_COUNT] = {"ok", "unreadable", "magic", "no_map", "large_map", "package"};
static unsigned long counts[PVH_E_COUNT];
static unsigned long packages, inputs;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "loaders: inputs=%lu packages=%lu", inputs, packages);
    for (unsigned i = 0; i < PVH_E_COUNT; i++)
        fprintf(stderr, " %s=%lu", names[i], counts[i]);
    fputc('\n', stderr);
}

static void keeps_promises(const struct boot_info *info)
{
    const struct memory_map *map = &info->map;
    need(memory_map_ram_bytes(map) > 0);
    need(info->run_block == 0);
    if (info->package_bytes == 0)
        return;
    packages++;
    need(info->package % MEMORY_PAGE == 0 && info->package_bytes <= PACKAGE_BYTES_MAX);
    need(memory_map_kind(map, info->package, info->package_bytes) == MEMORY_FIRMWARE);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct boot_info info;
    struct room r = {malloc(bytes == 0 ? 1 : bytes), bytes, BASE};
    if (r.at == NULL)
        abort();
    memcpy(r.at, data, bytes);
    const struct physical_reader reader = {room_at, &r};
    const enum pvh_error error = pvh_parse(&reader, BASE, &info);
    inputs++;
    need(error < PVH_E_COUNT);
    counts[error]++;
    sound(&info);
    if (error == PVH_OK)
        keeps_promises(&info);
    free(r.at);
    return 0;
}
