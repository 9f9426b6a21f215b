/* SPDX-License-Identifier: BSD-2-Clause */
/* The model that remembers, and its function. */
#include "pci_bench.h"

#include <criterion/criterion.h>
#include <string.h>

static uint32_t memo_read(void *model, unsigned bar, uint32_t offset, uint8_t width)
{
    struct memo *m = model;
    m->reads++;
    m->bar = bar;
    m->offset = offset;
    m->width = width;
    return 0x11223344;
}

static void memo_write(void *model, unsigned bar, uint32_t offset, uint8_t width, uint32_t value)
{
    struct memo *m = model;
    m->writes++;
    m->bar = bar;
    m->offset = offset;
    m->width = width;
    m->value = value;
}

static void memo_config_written(void *model, uint16_t offset, uint8_t width)
{
    (void)offset;
    (void)width;
    ((struct memo *)model)->config_writes++;
}

static void memo_config_reading(void *model, uint16_t offset, uint8_t width)
{
    (void)offset;
    (void)width;
    ((struct memo *)model)->config_reads++;
}

static uint32_t memo_step(void *model, uint32_t budget)
{
    ((struct memo *)model)->steps++;
    return budget;
}

static void memo_destroy(void *model)
{
    ((struct memo *)model)->destroyed++;
}

const struct dm_function_ops memo_ops = {.bar_read = memo_read,
                                         .bar_write = memo_write,
                                         .config_written = memo_config_written,
                                         .config_reading = memo_config_reading,
                                         .step = memo_step,
                                         .destroy = memo_destroy};

static void on_message(void *ctx, uint64_t address, uint32_t data)
{
    struct memo *m = ctx;
    m->messages++;
    m->message_address = address;
    m->message_data = data;
}

struct dm_function_config bench_nic(void)
{
    struct dm_function_config c = {.bdf = BDF,
                                   .vendor = 0x1af4,
                                   .device = 0x1041,
                                   .subsystem_vendor = 0x1af4,
                                   .subsystem = 0x1100,
                                   .revision = 1,
                                   .class_code = 0x020000,
                                   .msix_vectors = 70,
                                   .msix_bar = 1,
                                   .msix_table_offset = TABLE,
                                   .msix_pba_offset = PBA,
                                   .firmware_command = 0x0003};
    c.bars[0].kind = DM_BAR_PORTS;
    c.bars[0].bytes = 64;
    c.bars[0].firmware_address = PORTS_AT;
    c.bars[1].kind = DM_BAR_MEM32;
    c.bars[1].bytes = 4096;
    c.bars[1].firmware_address = MEM32_AT;
    c.bars[4].kind = DM_BAR_MEM64;
    c.bars[4].bytes = 16384;
    c.bars[4].firmware_address = MEM64_AT;
    return c;
}

void bench_open(struct bench *b)
{
    memset(b, 0, sizeof *b);
    const struct dm_bus_config config = {.msi = on_message, .msi_ctx = &b->memo};
    b->bus = dm_bus_create(&config);
    const struct dm_function_config nic = bench_nic();
    b->f = dm_bus_attach(b->bus, &nic, &memo_ops, &b->memo);
    cr_assert(b->f != NULL);
}

uint32_t bench_get(struct bench *b, uint16_t offset, uint8_t width)
{
    return dm_pci_read(b->bus, BDF, offset, width);
}

void bench_put(struct bench *b, uint16_t offset, uint8_t width, uint32_t value)
{
    dm_pci_write(b->bus, BDF, offset, width, value);
}
