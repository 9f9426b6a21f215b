/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine: platform.h over hardware. One struct, made by main.c; every file here owns the part that it is
 * named for. */
#ifndef CAPOS_PLATFORM_PC_H
#define CAPOS_PLATFORM_PC_H

#include <stdbool.h>

#include "kernel/arch/x86_64/start.h"
#include "platform/pc/acpi.h"
#include "platform/pc/health.h"
#include "platform/platform.h"

#define PC_ROUTES_MAX 32u
#define PC_MMIO_CACHE 16u
#define PC_UARTS      3u

/* A 16550 at its port; absent ones take nothing and say nothing. */
struct pc_uart {
    uint16_t port;
    bool present;
    bool returns; /* a newline goes out as carriage return and newline */
    uint32_t dropped; /* bytes that it did not take in time */
};

/* The time stamp counter, once it has been held against the interval timer. */
struct pc_clock {
    uint64_t start; /* counter when the clock started: 0 ns */
    uint64_t hz; /* 0: not calibrated yet */
    uint64_t multiplier; /* ns = (cycles * multiplier) >> shift; below 2^32 */
    uint32_t shift; /* 0 to 32 */
};

enum pc_entropy_source { PC_ENTROPY_NONE = 0, PC_ENTROPY_RDRAND, PC_ENTROPY_JITTER };

struct pc_entropy {
    enum pc_entropy_source source;
    uint64_t pool; /* jitter only */
    struct entropy_health health; /* RDRAND only */
};

struct pc_mmio_page {
    uint64_t physical; /* 1: none, no page has that address */
    uint8_t *at;
};

struct platform {
    struct cpu *cpu;
    struct space *space;
    const struct memory_map *map;
    struct pc_uart uarts[PC_UARTS]; /* CONSOLE_MAIN, CONSOLE_EVIDENCE, CONSOLE_AUDIT */
    struct pc_clock clock;
    struct pc_entropy entropy;
    struct acpi_power power;
    enum acpi_error acpi_error;
    bool end_requested;
    enum apic_error apic_error;
    uint32_t bars_assigned;
    struct pc_mmio_page mmio[PC_MMIO_CACHE];
    struct platform_dma_region region;
    struct platform_memory_region programs;
};

void pc_uart_open(struct pc_uart *u, uint16_t port, bool returns);
void pc_uart_write(struct pc_uart *u, const char *text, size_t bytes);
/* Bytes received by now, at most `bytes`; never waits. */
size_t pc_uart_read(struct pc_uart *u, char *buffer, size_t bytes);
/* Waits, bounded, until the last byte is on the wire. */
void pc_uart_drain(struct pc_uart *u);

/* Starts interval timer and counter; the rate is taken when the clock is first read. */
void pc_clock_start(struct pc_clock *c);
/* Splits the rate into multiplier and shift. Pure. */
void pc_clock_set_rate(struct pc_clock *c, uint64_t hz);
uint64_t pc_clock_ns(const struct pc_clock *c, uint64_t cycles);

void pc_entropy_init(struct pc_entropy *e, bool has_rdrand);
const char *pc_entropy_name(const struct pc_entropy *e);

void pc_mmio_init(struct platform *p);
/* Finds the run of RAM that DMA pages and programs share, and cuts it in two. */
void pc_dma_init(struct platform *p);
/* Gives an address to every BAR of bus 0 that firmware left without one; keeps all others. Returns how many.
 */
uint32_t pc_assign_bars(struct platform *p);

/* Finds power-off and power button, switches the machine to ACPI mode. */
void pc_power_init(struct platform *p, uint64_t rsdp);
/* For struct panic_door. Returns only when the machine did not obey. */
void pc_power_off(void *platform);
/* Resets the machine once the ports have sent what they hold. Returns only if it could not. */
void pc_restart(struct platform *p);

#endif
