/* SPDX-License-Identifier: BSD-2-Clause */
/* A bus with one function whose model remembers what reached it: for tests of the PCI host and MSI-X. */
#ifndef TEST_PCI_BENCH_H
#define TEST_PCI_BENCH_H

#include "capos/devmodel/pci.h"

#define BDF      0x0018u
#define MEM32_AT 0xe0001000ull
#define MEM64_AT 0x800000000ull
#define PORTS_AT 0xc040u
#define ALL      0xffffffffu
#define TABLE    0x100u
#define PBA      0x800u

struct memo {
    unsigned reads, writes, config_writes, config_reads, steps, destroyed, bar, messages;
    uint32_t offset, value;
    uint8_t width;
    uint64_t message_address;
    uint32_t message_data;
};

struct bench {
    struct memo memo;
    struct dm_bus *bus;
    struct dm_function *f;
};

extern const struct dm_function_ops memo_ops;

/* 00:03.0: 64 ports, 4 KiB 32-bit with 70 MSI-X vectors, 16 KiB 64-bit; decoding on, bus mastering off. */
struct dm_function_config bench_nic(void);
void bench_open(struct bench *b);
uint32_t bench_get(struct bench *b, uint16_t offset, uint8_t width);
void bench_put(struct bench *b, uint16_t offset, uint8_t width, uint32_t value);

#endif
