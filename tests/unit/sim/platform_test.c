/* SPDX-License-Identifier: BSD-2-Clause */
/* What the simulator's machine has beside its devices: memory of programs, and somebody who types. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/world.h"

#define BYTES (1u << 20)

static struct sim_world w;

static struct sim_world_config bare(void)
{
    struct sim_world_config c = sim_world_defaults(DM_MODERN);
    c.nic_count = 0;
    return c;
}

Test(platform_sim, memory_of_programs_is_whole_pages_zeroed_and_apart_from_dma)
{
    struct sim_world_config c = bare();
    c.programs_bytes = BYTES;
    cr_assert_null(sim_world_open(&w, &c));
    const struct platform_memory_region programs = platform_memory_region(&w.platform);
    const struct platform_dma_region dma = platform_dma_region(&w.platform);
    cr_assert_eq(programs.bytes, BYTES);
    cr_assert_eq((uintptr_t)programs.cpu % 4096, 0);
    cr_assert(programs.cpu >= dma.cpu + dma.bytes || dma.cpu >= programs.cpu + programs.bytes);
    for (uint32_t i = 0; i < BYTES; i++)
        cr_assert_eq(programs.cpu[i], 0);
    memset(programs.cpu, 0xff, BYTES);
    sim_world_close(&w);
    c.programs_bytes = 0;
    cr_assert_null(sim_world_open(&w, &c));
    cr_assert_eq(platform_memory_region(&w.platform).bytes, 0, "none unless asked for");
    sim_world_close(&w);
}

struct typist {
    const char *text;
    uint32_t asked;
};

static size_t typed(void *ctx, enum platform_console port, char *buffer, size_t bytes)
{
    struct typist *t = ctx;
    size_t got = strlen(t->text);
    t->asked++;
    if (port != CONSOLE_MAIN)
        return 0;
    if (got > bytes)
        got = bytes;
    memcpy(buffer, t->text, got);
    t->text += got;
    return got;
}

static uint64_t trace_of(const char *text)
{
    struct typist t = {.text = text};
    struct sim_world_config c = bare();
    char buffer[8] = {0};
    c.console_ctx = &t;
    c.console_read = typed;
    cr_assert_null(sim_world_open(&w, &c));
    cr_assert_eq(platform_console_read(&w.platform, CONSOLE_AUDIT, buffer, sizeof buffer), 0);
    cr_assert_eq(platform_console_read(&w.platform, CONSOLE_MAIN, buffer, 3), 3);
    cr_assert_eq(platform_console_read(&w.platform, CONSOLE_MAIN, buffer + 3, 5), 2);
    cr_assert_eq(platform_console_read(&w.platform, CONSOLE_MAIN, buffer, 1), 0);
    cr_assert_eq(memcmp(buffer, text, 5), 0);
    cr_assert_eq(t.asked, 4);
    const uint64_t trace = w.platform.trace;
    sim_world_close(&w);
    return trace;
}

Test(platform_sim, what_is_typed_arrives_in_pieces_and_is_part_of_the_run)
{
    char byte;
    struct sim_world_config c = bare();
    cr_assert_null(sim_world_open(&w, &c));
    cr_assert_eq(platform_console_read(&w.platform, CONSOLE_MAIN, &byte, 1), 0, "nobody types");
    sim_world_close(&w);
    cr_assert_eq(trace_of("hello"), trace_of("hello"));
    cr_assert_neq(trace_of("hello"), trace_of("hallo"));
}

Test(platform_sim, an_nvme_disk_is_the_worlds_to_step_and_to_judge)
{
    const uint16_t bdf = 3u << 3;
    struct sim_world_config c = bare();
    c.disk = sim_disk_defaults(SIM_DISK_NVME, (struct dm_medium){0});
    cr_assert_null(sim_world_open(&w, &c));
    cr_assert_eq(platform_pci_read(&w.platform, bdf, 8, 4) >> 8, 0x010802u);
    const uint64_t at = platform_pci_read(&w.platform, bdf, 0x10, 4) & ~15u;
    dm_memory_map(w.memory, bdf, (dm_addr){SIM_BUS_BASE}, 8192);
    platform_mmio_write(&w.platform, at + 0x24, 4, 0x00010001);
    platform_mmio_write(&w.platform, at + 0x2c, 4, SIM_BUS_BASE >> 32);
    platform_mmio_write(&w.platform, at + 0x30, 4, 4096);
    platform_mmio_write(&w.platform, at + 0x34, 4, SIM_BUS_BASE >> 32);
    platform_mmio_write(&w.platform, at + 0x14, 4, 1);
    cr_expect_eq(platform_mmio_read(&w.platform, at + 0x1c, 4), 0u);
    platform_relax(&w.platform);
    cr_expect_eq(platform_mmio_read(&w.platform, at + 0x1c, 4), 1u, "ready after a turn");
    cr_expect_eq(sim_world_complaints(&w, -1), 0u);
    platform_mmio_write(&w.platform, at + 0x24, 4, 0x00010001);
    cr_expect_eq(sim_world_complaints(&w, -1), 1u, "a register of a running controller");
    sim_world_close(&w);
}
