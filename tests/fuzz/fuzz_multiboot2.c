/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to what a multiboot2 loader says. An input is the information, of which the first four
 * bytes are made its length. It lies in memory of just that size: a read beyond is the sanitizer's. What is
 * accepted keeps the promises of multiboot2.h, or aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/disk.h"
#include "abi/package.h"
#include "kernel/arch/x86_64/multiboot2.h"
#include "tests/fuzz/map.h"

#define BASE 0x8000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static const char *const names[MULTIBOOT2_E_COUNT] = {
    "ok", "unreadable", "tags", "runs", "no_map", "large_map", "modules", "run_block", "package"};
static unsigned long counts[MULTIBOOT2_E_COUNT];
static unsigned long packages, inputs;

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "loaders: inputs=%lu packages=%lu", inputs, packages);
    for (unsigned i = 0; i < MULTIBOOT2_E_COUNT; i++)
        fprintf(stderr, " %s=%lu", names[i], counts[i]);
    fputc('\n', stderr);
}

static void keeps_promises(const struct boot_info *info, const struct room *r)
{
    const struct memory_map *map = &info->map;
    need(memory_map_ram_bytes(map) > 0);
    need(info->rsdp == 0 || (info->rsdp >= BASE && info->rsdp + 20u <= BASE + r->bytes));
    need(info->run_block == 0 || memory_map_kind(map, info->run_block, RUN_BLOCK_BYTES) == MEMORY_FIRMWARE);
    if (info->package_bytes == 0)
        return;
    packages++;
    need(info->package % MEMORY_PAGE == 0 && info->package_bytes <= PACKAGE_BYTES_MAX);
    need(memory_map_kind(map, info->package, info->package_bytes) == MEMORY_FIRMWARE);
    need(info->run_block < info->package || info->run_block >= info->package + info->package_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct boot_info info;
    struct room r = {malloc(bytes == 0 ? 1 : bytes), bytes, BASE};
    const uint32_t length = (uint32_t)bytes;
    if (r.at == NULL)
        abort();
    memcpy(r.at, data, bytes);
    if (bytes >= sizeof length)
        memcpy(r.at, &length, sizeof length);
    const struct physical_reader reader = {room_at, &r};
    const enum multiboot2_error error = multiboot2_parse(&reader, BASE, &info);
    inputs++;
    need(error < MULTIBOOT2_E_COUNT);
    counts[error]++;
    sound(&info);
    if (error == MULTIBOOT2_OK)
        keeps_promises(&info, &r);
    free(r.at);
    return 0;
}
