/* SPDX-License-Identifier: BSD-2-Clause */
/* The network device's configuration structure (virtio 1.2, 5.1.4) and its generation (2.5). Read-only to
 * drivers, but for the MAC on legacy. */
#include "net_model.h"

#define AT_STATUS 6u
#define AT_PAIRS  8u
#define AT_MTU    10u

uint8_t dm_generation_read(struct dm_net *net)
{
    net->life.generation_read = true;
    net->life.mac_after_generation = false;
    if (dm_attacks(net, DM_ATTACK_CONFIG_ALWAYS_CHANGES))
        net->generation++;
    return net->generation;
}

/* The feature that makes a byte of the structure exist. */
static uint64_t feature_of(uint32_t offset)
{
    if (offset < AT_STATUS)
        return DM_NET_F_MAC;
    if (offset < AT_PAIRS)
        return DM_NET_F_STATUS;
    return offset < AT_MTU ? DM_NET_F_MQ : DM_NET_F_MTU;
}

static void note_mac_read(struct dm_net *net, uint32_t offset, uint8_t width)
{
    struct dm_life *life = &net->life;
    for (uint32_t i = offset; i < offset + width && i < AT_STATUS; i++) {
        uint8_t bit = (uint8_t)(1u << i);
        life->mac_read_twice |= life->mac_read & bit;
        life->mac_read |= bit;
    }
    life->mac_unguarded |= !life->generation_read;
    life->mac_after_generation = true;
}

static void check_read(struct dm_net *net, uint32_t offset, uint8_t width, bool legacy)
{
    uint8_t natural = offset < AT_STATUS ? 1 : 2;
    dm_check(net, DM_RULE_FIELD_WIDTH, width == natural ? offset % width == 0 : legacy && width == 1,
             "%u-byte access of configuration offset %u", width, offset);
    if (offset < DM_NET_CONFIG_BYTES)
        dm_check(net, DM_RULE_CONFIG_FIELD_OFFERED, net->offered & feature_of(offset),
                 "configuration offset %u, its feature is not offered", offset);
}

static void fill(struct dm_net *net, uint8_t bytes[DM_NET_CONFIG_BYTES], bool mac_changes)
{
    uint16_t status = net->config.link_up ? 1u : 0u;
    uint16_t mtu = net->offered & DM_NET_F_MTU ? net->config.mtu : 0;
    if (mac_changes)
        net->mac_shown[5]++;
    if (dm_attacks(net, DM_ATTACK_LINK_STATUS_GARBAGE))
        status = (uint16_t)dm_attack_value(net, DM_ATTACK_LINK_STATUS_GARBAGE);
    if (dm_attacks(net, DM_ATTACK_MTU_LIE))
        mtu = (uint16_t)dm_attack_value(net, DM_ATTACK_MTU_LIE);
    memcpy(bytes, net->mac_shown, sizeof net->mac_shown);
    if (dm_attacks(net, DM_ATTACK_MAC_MULTICAST)) {
        memset(bytes, 0, sizeof net->mac_shown);
        bytes[0] = (uint8_t)dm_attack_value(net, DM_ATTACK_MAC_MULTICAST);
    }
    dm_store16(bytes + AT_STATUS, status);
    dm_store16(bytes + AT_PAIRS, net->offered & DM_NET_F_MQ ? 1 : 0);
    dm_store16(bytes + AT_MTU, mtu);
}

uint32_t dm_net_config_read(struct dm_net *net, uint32_t offset, uint8_t width, bool legacy)
{
    uint8_t bytes[DM_NET_CONFIG_BYTES + 4];
    bool mac_changes = false;
    check_read(net, offset, width, legacy);
    if (offset >= DM_NET_CONFIG_BYTES)
        return 0;
    if (offset < AT_STATUS) {
        note_mac_read(net, offset, width);
        mac_changes = dm_attacks(net, DM_ATTACK_CONFIG_CHANGES_SILENTLY);
        mac_changes |= legacy && dm_attacks(net, DM_ATTACK_CONFIG_ALWAYS_CHANGES);
    }
    memset(bytes, 0, sizeof bytes);
    fill(net, bytes, mac_changes);
    return dm_mask_width(dm_load32(bytes + offset), width);
}

void dm_net_config_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value, bool legacy)
{
    uint8_t chosen = legacy ? DM_STATUS_DRIVER_OK : DM_STATUS_FEATURES_OK;
    dm_check(net, DM_RULE_NO_CONFIG_WRITE, net->status & chosen,
             "configuration offset %u written at status %#x", offset, net->status);
    if (!legacy) {
        dm_check(net, DM_RULE_CONFIG_READ_ONLY, false, "configuration offset %u written", offset);
        return;
    }
    if (offset < AT_STATUS && width == 1)
        net->mac_shown[offset] = (uint8_t)value; /* 5.1.4.3: legacy drivers set the address here */
}
