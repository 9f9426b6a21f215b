/* SPDX-License-Identifier: BSD-2-Clause */
/* The rest of the machine: start and park, DMA memory, clock, entropy, message-signalled interrupts, console.
 */
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include "platform/qtest/parts.h"

#define NS_PER_SECOND  1000000000ull
#define START_NS_MAX   (20u * NS_PER_SECOND)
#define START_PAUSE_NS 1000000
#define RELAX_PAUSE_NS 20000 /* QEMU's main loop needs the processor more than we do */

static void pause_ns(long ns)
{
    const struct timespec t = {.tv_nsec = ns};
    nanosleep(&t, NULL);
}

static uint32_t load32(const struct platform *p, uint32_t at)
{
    return __atomic_load_n((const uint32_t *)(const void *)(p->memory + at), __ATOMIC_ACQUIRE);
}

const char *platform_qtest_open(struct platform *p, const struct platform_qtest_config *config)
{
    memset(p, 0, sizeof *p);
    p->pid = -1;
    p->socket = -1;
    p->programs = config->programs;
    const char *why = qtest_spawn(p, config);
    uint64_t started = platform_now_ns(p);
    while (!why && load32(p, PARK_SEEN) != PARK_WORD) {
        pause_ns(START_PAUSE_NS);
        if (qtest_ended(p))
            why = "QEMU ended before its CPU was parked";
        else if (platform_now_ns(p) - started > START_NS_MAX)
            why = "the CPU was not parked in time";
    }
    if (why)
        platform_qtest_close(p);
    return why;
}

struct platform_dma_region platform_dma_region(struct platform *p)
{
    return (struct platform_dma_region){p->memory + QTEST_DMA_BASE, {QTEST_DMA_BASE}, QTEST_DMA_BYTES};
}

/* Its CPU is parked: programs run in this process, on memory that no device sees. */
struct platform_memory_region platform_memory_region(struct platform *p)
{
    return p->programs;
}

/* There is no IOMMU: the device reaches all memory. */
void platform_dma_map(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    (void)p, (void)bdf, (void)bus, (void)bytes;
}

void platform_dma_unmap(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)
{
    (void)p, (void)bdf, (void)bus, (void)bytes;
}

struct platform_msi platform_msi_message(struct platform *p, uint16_t route)
{
    (void)p;
    uint32_t slot = route % QTEST_ROUTES_MAX;
    return (struct platform_msi){QTEST_MSI_BASE + 4u * slot, QTEST_MSI_DATA + slot};
}

/* A message leaves its data word; several between two looks count as one. */
uint32_t platform_msi_count(struct platform *p, uint16_t route)
{
    uint32_t slot = route % QTEST_ROUTES_MAX;
    uint32_t *word = (uint32_t *)(void *)(p->memory + QTEST_MSI_BASE + 4u * slot);
    p->msi_count[slot] += __atomic_exchange_n(word, 0, __ATOMIC_ACQ_REL) == QTEST_MSI_DATA + slot;
    return p->msi_count[slot];
}

void platform_msi_raise(struct platform *p, uint16_t route)
{
    p->msi_count[route % QTEST_ROUTES_MAX]++;
}

uint32_t platform_interrupts(struct platform *p)
{
    uint32_t taken = 0;
    for (uint16_t route = 0; route < QTEST_ROUTES_MAX; route++)
        taken += platform_msi_count(p, route);
    return taken;
}

uint64_t platform_now_ns(struct platform *p)
{
    struct timespec t;
    (void)p;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * NS_PER_SECOND + (uint64_t)t.tv_nsec;
}

void platform_relax(struct platform *p)
{
    if (!p->failure) /* nothing is worth waiting for on a dead machine */
        pause_ns(RELAX_PAUSE_NS);
}

bool platform_entropy(struct platform *p, void *buffer, size_t bytes)
{
    uint8_t *at = buffer;
    while (bytes > 0) { /* bounded: each call gives at least one byte */
        ssize_t got = getrandom(at, bytes, 0);
        if (got <= 0) {
            qtest_fail(p, "the host gives no entropy");
            memset(at, 0, bytes);
            return false;
        }
        at += got;
        bytes -= (size_t)got;
    }
    return true;
}

void platform_console_write(struct platform *p, enum platform_console port, const char *text, size_t bytes)
{
    (void)p;
    if (port != CONSOLE_AUDIT)
        (void)fwrite(text, 1, bytes, port == CONSOLE_MAIN ? stdout : stderr);
}

size_t platform_console_read(struct platform *p, enum platform_console port, char *buffer, size_t bytes)
{
    (void)p, (void)port, (void)buffer, (void)bytes;
    return 0;
}

int platform_end_requested(struct platform *p)
{
    return p->failure != NULL;
}

const char *platform_name(const struct platform *p)
{
    (void)p;
    return "qtest";
}

uint64_t platform_memory_bytes(const struct platform *p)
{
    (void)p;
    return QTEST_MEMORY_BYTES;
}
