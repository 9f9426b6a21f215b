/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine of QEMU's devices: the same NIC, every feature off that the models do not have, a closed user
 * network behind it. */
#include <stdio.h>
#include <stdlib.h>

#include "platform/qtest/platform_qtest.h"
#include "tests/diff/diff.h"

#define DEVICE_BYTES 1024u

struct diff_world {
    struct platform platform;
};

static void device_argument(char out[DEVICE_BYTES], const struct diff_config *config)
{
    static const char *const transports[] = {"disable-modern=on,disable-legacy=off",
                                             "disable-modern=off,disable-legacy=on",
                                             "disable-modern=off,disable-legacy=off"};
    snprintf(out, DEVICE_BYTES,
             "virtio-net-pci,netdev=net,addr=4,romfile=,mac=52:54:00:12:34:56,%s,vectors=%u,mrg_rxbuf=%s,"
             "event_idx=%s,notify_on_empty=off,indirect_desc=off,queue_reset=off,csum=off,guest_csum=off,gso="
             "off,guest_tso4=off,"
             "guest_tso6=off,guest_ecn=off,guest_ufo=off,guest_announce=off,host_tso4=off,host_tso6=off,"
             "host_ecn=off,host_ufo=off,ctrl_vq=off,ctrl_rx=off,ctrl_vlan=off,ctrl_rx_extra=off,"
             "ctrl_mac_addr=off,ctrl_guest_offloads=off,mq=off",
             transports[config->transport], config->msix == DIFF_MSIX_ABSENT ? 0 : DIFF_VECTORS,
             config->merge ? "on" : "off", config->event_index ? "on" : "off");
}

const char *diff_world_open(struct diff_world **out, const struct diff_config *config)
{
    char device[DEVICE_BYTES];
    const char *const arguments[] = {"-netdev", "user,id=net,restrict=on,ipv6=off", "-device", device, NULL};
    const struct platform_qtest_config machine = {
        .qemu = "qemu-system-x86_64", .kernel = CAPOS_PARK_ELF, .arguments = arguments};
    struct diff_world *w = calloc(1, sizeof *w);
    if (!w)
        return "no memory";
    device_argument(device, config);
    const char *why = platform_qtest_open(&w->platform, &machine);
    if (why)
        free(w);
    else
        *out = w;
    return why;
}

struct platform *diff_world_platform(struct diff_world *w)
{
    return &w->platform;
}

const char *diff_world_failure(const struct diff_world *w)
{
    return w->platform.failure;
}

void diff_world_close(struct diff_world *w)
{
    platform_qtest_close(&w->platform);
    free(w);
}
