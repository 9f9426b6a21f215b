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

#include "kernel/image_facts.h"
#include "kernel/main.h"
#include "platform/qtest/platform_qtest.h"
#include "tests/diff/diff.h"

#define RUN_SECONDS_MAX 60u
#define COMMAND_MASTER  0x4u

/* The platform and the provider come first in what contains them: the wrappers get no other context. */
struct machine {
    struct platform platform;
    uint64_t status_at; /* address or port of the device's status register */
    bool ports;
    bool armed; /* withhold from the first reset on; otherwise from the first life that got to DRIVER_OK on */
    bool never; /* withhold at all */
    uint8_t last; /* status bits last written, as a device that is still at it would show them */
    uint64_t withheld;
    enum vnet_state closed_in; /* the provider's state at its last close */
    struct kernel_storage kernel;
};

uint32_t __real_platform_mmio_read(struct platform *p, uint64_t address, uint8_t width);
uint32_t __real_platform_port_read(struct platform *p, uint16_t port, uint8_t width);
void __real_platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value);
void __real_platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value);
enum provider_error __real_vnet_close(struct virtio_net *nic);
uint32_t __wrap_platform_mmio_read(struct platform *p, uint64_t address, uint8_t width);
uint32_t __wrap_platform_port_read(struct platform *p, uint16_t port, uint8_t width);
void __wrap_platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value);
void __wrap_platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value);
enum provider_error __wrap_vnet_close(struct virtio_net *nic);

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

enum provider_error __wrap_vnet_close(struct virtio_net *nic)
{
    const size_t at = offsetof(struct machine, kernel) + offsetof(struct kernel_storage, bringup) +
                      offsetof(struct bringup, nic);
    ((struct machine *)(void *)((uint8_t *)nic - at))->closed_in = nic->state;
    return __real_vnet_close(nic);
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
    say("closed_in_quarantine", m->closed_in == VNET_QUARANTINED);
    say("quarantined_devices", usage.quarantined_devices);
    say("quarantined_pages", usage.pages_quarantined);
    say("granted_pages", usage.pages_granted + usage.pages_active);
    say("live_caps", usage.live_caps);
    say("bus_masters_on", usage.bus_masters_on);
    say("bus_master_reads", (platform_pci_read(&m->platform, DIFF_BDF, 4, 2) & COMMAND_MASTER) != 0);
    say("claimed_again", device_reply_ok(kernel_direct_claim(k, DIFF_BDF, &again)));
    say("unconfirmed_by_kernel", kernel_stats(k)->resets_unconfirmed);
}

int main(int argc, char **argv)
{
    struct machine *m = calloc(1, sizeof *m);
    if (argc < 4 || !m)
        return 2;
    const struct platform_qtest_config config = {
        .qemu = "qemu-system-x86_64", .kernel = CAPOS_PARK_ELF, .arguments = (const char *const *)argv + 3};
    m->never = strcmp(argv[1], "honest") != 0;
    alarm(RUN_SECONDS_MAX);
    const char *why = platform_qtest_open(&m->platform, &config);
    if (!why) {
        find_status(m);
        m->armed = strcmp(argv[1], "never") == 0;
        const struct kernel_boot boot = {
            .platform = &m->platform,
            .command_line = argv[2],
            .command_line_bytes = strlen(argv[2]),
            .provider_object = capos_provider_object,
        };
        const int status = kernel_main(&m->kernel, &boot);
        say_held(m, status);
        why = m->platform.failure;
        platform_qtest_close(&m->platform);
    }
    if (why)
        fprintf(stderr, "unconfirmed: %s\n", why);
    free(m);
    return why != NULL;
}
