/* SPDX-License-Identifier: BSD-2-Clause */
/* Links the provider's room as a driver process does: its object lies in a program as it lies in the kernel.
 */
#include "provider/tables.h"
#include "provider/virtio_net.h"
#include "user/rt/device.h"

static struct rt_device device;

uint32_t program_main(struct rt *rt)
{
    struct pci_function_info info;

    if (!rt_device_init(&device, rt, rt_first(rt, CAP_IF_FUNCTION)))
        return 1;
    const struct device_authority authority = rt_device_authority(&device);
    const struct device_reply claimed = authority.ops->claim(authority.ctx, 0);
    if (!device_reply_ok(claimed) || !device_reply_ok(authority.ops->info(authority.ctx, claimed.cap, &info)))
        return 2;
    const struct virtio_probe probe = virtio_probe_function(&info);
    return 0x100u + (uint32_t)probe.kind;
}
