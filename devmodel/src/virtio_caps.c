/* SPDX-License-Identifier: BSD-2-Clause */
/* The virtio capabilities of a modern function (virtio 1.2, 4.1.4), the PCI_CFG window (4.1.4.9), and the
 * ways in which a hostile device writes them wrong. Capability attacks take effect when the function is made.
 */
#include "net_model.h"
#include "virtio_modern.h"

#define CAP_VENDOR         0x09u
#define CAP_COMMON         1u
#define CAP_NOTIFY         2u
#define CAP_ISR            3u
#define CAP_DEVICE         4u
#define CAP_PCI_CFG        5u
#define CAP_BYTES          16u /* with id and next pointer */
#define CAP_BYTES_MAX      20u
#define CAPABILITY_POINTER 0x34u

struct window {
    uint8_t type, bar, bytes;
    uint32_t offset, length, extra;
};

static uint8_t add(struct dm_net *net, struct window w)
{
    uint8_t body[CAP_BYTES_MAX - 2] = {0};
    uint8_t at;
    body[0] = dm_attacks(net, DM_ATTACK_CAP_LEN) ? (uint8_t)dm_attack_value(net, DM_ATTACK_CAP_LEN) : w.bytes;
    body[1] = w.type;
    body[2] = w.bar;
    dm_store32(body + 6, w.offset);
    dm_store32(body + 10, w.length);
    dm_store32(body + 14, w.extra);
    at = dm_function_add_capability(net->function, CAP_VENDOR, body, (uint8_t)(w.bytes - 2));
    if (at && net->caps_from == 0)
        net->caps_from = at;
    if (at)
        net->caps_to = (uint8_t)(at + w.bytes);
    return at;
}

/* Changes that apply to every window, then those of one type. */
static struct window spoiled(struct dm_net *net, struct window w)
{
    if (w.type == CAP_PCI_CFG)
        return w;
    if (dm_attacks(net, DM_ATTACK_CAP_BAD_BAR))
        w.bar = (uint8_t)dm_attack_value(net, DM_ATTACK_CAP_BAD_BAR);
    if (dm_attacks(net, DM_ATTACK_CAP_OVERFLOW))
        w.offset = UINT32_MAX - 0xfffu;
    if (dm_attacks(net, DM_ATTACK_CAP_LENGTH_ZERO))
        w.length = 0;
    if (w.type == CAP_COMMON && dm_attacks(net, DM_ATTACK_CAP_COMMON_MISALIGNED))
        w.offset += 2;
    if (w.type == CAP_DEVICE && dm_attacks(net, DM_ATTACK_CAP_DEVICE_MISALIGNED))
        w.offset += 2;
    if (w.type == CAP_NOTIFY && dm_attacks(net, DM_ATTACK_CAP_NOTIFY_ODD))
        w.extra = 3;
    return w;
}

static bool absent(struct dm_net *net, uint8_t type)
{
    if (type == CAP_COMMON && dm_attacks(net, DM_ATTACK_CAP_COMMON_ABSENT))
        return true;
    return type == CAP_DEVICE && dm_attacks(net, DM_ATTACK_CAP_DEVICE_ABSENT);
}

/* A type that no driver knows, over the common window: it must be passed by. */
static void add_reserved(struct dm_net *net)
{
    uint8_t type = (uint8_t)dm_attack_value(net, DM_ATTACK_CAP_RESERVED_TYPE);
    (void)add(net, (struct window){type, DM_MODEL_BAR_MODERN, CAP_BYTES, DM_ISR_OFFSET, DM_WINDOW_BYTES, 0});
}

void dm_caps_add(struct dm_net *net)
{
    static const struct window windows[] = {
        {CAP_COMMON, DM_MODEL_BAR_MODERN, CAP_BYTES, DM_COMMON_OFFSET, DM_WINDOW_BYTES, 0},
        {CAP_ISR, DM_MODEL_BAR_MODERN, CAP_BYTES, DM_ISR_OFFSET, DM_WINDOW_BYTES, 0},
        {CAP_DEVICE, DM_MODEL_BAR_MODERN, CAP_BYTES, DM_DEVICE_OFFSET, DM_WINDOW_BYTES, 0},
        {CAP_NOTIFY, DM_MODEL_BAR_MODERN, CAP_BYTES_MAX, DM_NOTIFY_OFFSET, DM_WINDOW_BYTES,
         DM_NOTIFY_MULTIPLIER},
        {CAP_PCI_CFG, 0, CAP_BYTES_MAX, 0, 0, 0},
    };
    uint8_t *config = dm_function_config_bytes(net->function);
    uint8_t last = 0;
    if (dm_attacks(net, DM_ATTACK_CAP_RESERVED_TYPE))
        add_reserved(net);
    for (size_t i = 0; i < sizeof windows / sizeof windows[0]; i++) {
        if (absent(net, windows[i].type))
            continue;
        last = add(net, spoiled(net, windows[i]));
        if (windows[i].type != CAP_PCI_CFG && dm_attacks(net, DM_ATTACK_CAP_DUPLICATE)) {
            struct window second = windows[i];
            second.offset = (second.offset + DM_WINDOW_BYTES) % DM_MODERN_BAR_BYTES;
            last = add(net, second);
        }
        if (windows[i].type == CAP_PCI_CFG)
            net->pci_cfg_at = last;
    }
    if (net->pci_cfg_at) {
        dm_function_make_writable(net->function, (uint8_t)(net->pci_cfg_at + 4u), 1);
        dm_function_make_writable(net->function, (uint8_t)(net->pci_cfg_at + 8u), CAP_BYTES_MAX - 8u);
    }
    if (!last)
        return;
    if (dm_attacks(net, DM_ATTACK_CAP_LOOP))
        config[last + 1u] = config[CAPABILITY_POINTER];
    if (dm_attacks(net, DM_ATTACK_CAP_ODD_POINTER))
        config[CAPABILITY_POINTER] = (uint8_t)(net->caps_from + 1u);
}

/* 4.1.4.9: the window's four data bytes follow bar, offset and length. */
static void pci_cfg_access(struct dm_net *net, bool write)
{
    uint8_t *cap = dm_function_config_bytes(net->function) + net->pci_cfg_at;
    uint32_t offset = dm_load32(cap + 8);
    uint32_t length = dm_load32(cap + 12);
    uint8_t *data = cap + CAP_BYTES;
    bool sound = cap[4] == DM_MODEL_BAR_MODERN && (length == 1 || length == 2 || length == 4) &&
                 offset % length == 0 && offset <= DM_MODERN_BAR_BYTES - length;
    if (!sound)
        return;
    if (write)
        dm_modern_write(net, offset, (uint8_t)length, dm_mask_width(dm_load32(data), (uint8_t)length));
    else
        dm_store32(data, dm_modern_read(net, offset, (uint8_t)length));
}

void dm_caps_written(struct dm_net *net, uint16_t offset, uint8_t width)
{
    uint32_t end = (uint32_t)offset + width;
    uint32_t window_from = net->pci_cfg_at ? net->pci_cfg_at : 256u;
    uint32_t data_at = window_from + CAP_BYTES;
    bool ours = net->caps_from && end > net->caps_from && offset < net->caps_to;
    bool window = offset >= window_from + 4u && end <= data_at + 4u;
    if (offset >= 0x40 && net->caps_from)
        dm_check(net, DM_RULE_CAPABILITY_READ_ONLY, !ours || window, "configuration byte %#x written",
                 offset);
    if (window && offset >= data_at)
        pci_cfg_access(net, true);
}

void dm_caps_reading(struct dm_net *net, uint16_t offset, uint8_t width)
{
    uint32_t data_at = net->pci_cfg_at + CAP_BYTES;
    if (net->pci_cfg_at && (uint32_t)offset + width > data_at && offset < data_at + 4u)
        pci_cfg_access(net, false);
}
