/* SPDX-License-Identifier: BSD-2-Clause */
/* The kernel's one entry over QEMU's own virtio-net on a parked machine, whose status register never reads 0
 * from a named moment on: no property of QEMU's makes a device like that, so its answer is changed on the
 * way, between the rooms and platform/qtest (linked with --wrap). The device itself is reset each time it is
 * asked. Usage: unconfirmed never|later|honest COMMAND_LINE QEMU_ARGUMENTS... Prints the console, then what
 * is held, a `name=value` a line. Ends by an alarm at the latest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/main.h"
#include "platform/qtest/platform_qtest.h"
#include "sim/processor.h"
#include "tests/diff/diff.h"

#define RUN_SECONDS_MAX 60u
#define COMMAND_MASTER  0x4u
#define PROGRAMS_BYTES  (16u << 20)

/* The platform comes first: the wrappers get no other context. */
struct machine {
    struct platform platform;
    uint64_t status_at; /* address or port of the device's status register */
    bool ports;
    bool armed; /* withhold from the first reset on; otherwise from the first life that got to DRIVER_OK on */
    bool never; /* withhold at all */
    uint8_t last; /* status bits last written, as a device that is still at it would show them */
    uint64_t withheld;
    struct kernel_storage kernel;
};

uint32_t __real_platform_mmio_read(struct platform *p, uint64_t address, uint8_t width);
uint32_t __real_platform_port_read(struct platform *p, uint16_t port, uint8_t width);
void __real_platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value);
void __real_platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value);
uint32_t __wrap_platform_mmio_read(struct platform *p, uint64_t address, uint8_t width);
uint32_t __wrap_platform_port_read(struct platform *p, uint16_t port, uint8_t width);
void __wrap_platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value);
void __wrap_platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value);

static uint32_t shown(struct platform *p, bool ports, uint64_t at, uint32_t value)
{
    struct machine *m = (struct machine *)(void *)p;
    if (m->ports != ports || m->status_at != at || value != 0 || !m->never || !m->armed)
        return value;
    m->withheld++;
    return m->last;
}

static void note(struct platform *p, bool ports, uint64_t at, uint32_t value)
{
    struct machine *m = (struct machine *)(void *)p;
    if (m->ports != ports || m->status_at != at || value == 0)
        return;
    m->last = (uint8_t)value;
    m->armed |= (value & STATUS_DRIVER_OK) != 0;
}

uint32_t __wrap_platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    return shown(p, false, address, __real_platform_mmio_read(p, address, width));
}

uint32_t __wrap_platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    return shown(p, true, port, __real_platform_port_read(p, port, width));
}

void __wrap_platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    note(p, false, address, value);
    __real_platform_mmio_write(p, address, width, value);
}

void __wrap_platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    note(p, true, port, value);
    __real_platform_port_write(p, port, width, value);
}

static void find_status(struct machine *m)
{
    struct diff d = {.p = &m->platform};
    diff_find(&d);
    m->ports = d.common == 0;
    m->status_at = m->ports ? d.bars[0].base + L_STATUS : d.common + M_STATUS;
    m->last = STATUS_ACKNOWLEDGE;
}

static void say(const char *name, uint64_t value)
{
    printf("%s=%llu\n", name, (unsigned long long)value);
}

static void say_held(struct machine *m, int status)
{
    struct kernel *k = &m->kernel.kernel;
    struct kernel_direct again;
    const struct kernel_usage usage = kernel_usage(k);
    say("status", (uint64_t)status);
    say("withheld", m->withheld);
    say("quarantined_devices", usage.quarantined_devices);
    say("quarantined_pages", usage.pages_quarantined);
    say("granted_pages", usage.pages_granted + usage.pages_active);
    say("live_caps", usage.live_caps);
    say("bus_masters_on", usage.bus_masters_on);
    say("bus_master_reads", (platform_pci_read(&m->platform, DIFF_BDF, 4, 2) & COMMAND_MASTER) != 0);
    say("claimed_again", device_reply_ok(kernel_direct_claim(k, DIFF_BDF, &again)));
    say("unconfirmed_by_kernel", kernel_stats(k)->resets_unconfirmed);
}

/* The package's bytes in pages of their own; bytes 0: it cannot be had. */
static struct sim_region read_package(const char *path, size_t *bytes)
{
    struct sim_region region = {sim_region_map(PACKAGE_BYTES_MAX), PACKAGE_BYTES_MAX};
    FILE *in = fopen(path, "rb");
    *bytes = in && region.base ? fread(region.base, 1, region.bytes, in) : 0;
    if (in)
        fclose(in);
    return region;
}

static void boot(struct machine *m, const char *line, struct sim_region package, size_t package_bytes)
{
    const struct platform_dma_region dma = platform_dma_region(&m->platform);
    const struct sim_processor_config config = {
        .regions = {{m->platform.programs.cpu, m->platform.programs.bytes}, {dma.cpu, dma.bytes}, package},
        .region_count = 3,
    };
    struct sim_processor *programs = sim_processor_open(&config);
    if (!programs) {
        m->platform.failure = "no memory for programs";
        return;
    }
    const struct processor processor = sim_processor_ops(programs);
    const struct kernel_boot kernel = {
        .platform = &m->platform,
        .command_line = line,
        .command_line_bytes = strlen(line),
        .package = package.base,
        .package_bytes = package_bytes,
        .processor = &processor,
    };
    say_held(m, kernel_main(&m->kernel, &kernel));
    sim_processor_close(programs);
}

int main(int argc, char **argv)
{
    struct machine *m = calloc(1, sizeof *m);
    uint8_t *memory = sim_region_map(PROGRAMS_BYTES);
    size_t package_bytes = 0;
    if (argc < 5 || !m || !memory)
        return 2;
    const struct sim_region package = read_package(argv[3], &package_bytes);
    const struct platform_qtest_config config = {.qemu = "qemu-system-x86_64",
                                                 .kernel = CAPOS_PARK_ELF,
                                                 .arguments = (const char *const *)argv + 4,
                                                 .programs = {memory, PROGRAMS_BYTES}};
    m->never = strcmp(argv[1], "honest") != 0;
    alarm(RUN_SECONDS_MAX);
    const char *why = platform_qtest_open(&m->platform, &config);
    if (!why) {
        find_status(m);
        m->armed = strcmp(argv[1], "never") == 0;
        boot(m, argv[2], package, package_bytes);
        why = m->platform.failure;
        platform_qtest_close(&m->platform);
    }
    if (why)
        fprintf(stderr, "unconfirmed: %s\n", why);
    sim_region_unmap(package);
    sim_region_unmap((struct sim_region){memory, PROGRAMS_BYTES});
    free(m);
    return why != NULL;
}
