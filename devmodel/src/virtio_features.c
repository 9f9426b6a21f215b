/* SPDX-License-Identifier: BSD-2-Clause */
/* Feature bits: what is offered, what was accepted, what must go together (virtio 1.2, 2.2, 5.1.3.1, 6). */
#include "net_model.h"

#define BIT(n)         (1ull << (n))
#define HOST_TSO_MASK  (BIT(11) | BIT(12))
#define GUEST_TSO_MASK (BIT(7) | BIT(8))

/* `bit` needs one of `any_of` (5.1.3.1). */
static const struct {
    uint8_t bit;
    uint64_t any_of;
} prerequisites[] = {
    {7, BIT(1)}, /* GUEST_TSO4 -> GUEST_CSUM */
    {8, BIT(1)}, /* GUEST_TSO6 */
    {9, GUEST_TSO_MASK}, /* GUEST_ECN */
    {10, BIT(1)}, /* GUEST_UFO */
    {11, BIT(0)}, /* HOST_TSO4 -> CSUM */
    {12, BIT(0)}, /* HOST_TSO6 */
    {13, HOST_TSO_MASK}, /* HOST_ECN */
    {14, BIT(0)}, /* HOST_UFO */
    {18, BIT(17)}, /* CTRL_RX -> CTRL_VQ */
    {19, BIT(17)}, /* CTRL_VLAN */
    {21, BIT(17)}, /* GUEST_ANNOUNCE */
    {22, BIT(17)}, /* MQ */
    {23, BIT(17)}, /* CTRL_MAC_ADDR */
    {56, BIT(0)}, /* HOST_USO */
    {60, BIT(17)}, /* RSS */
    {61, HOST_TSO_MASK}, /* RSC_EXT */
};

/* Bits that mean something on the legacy interface alone (6.3): a transitional function shows them there. */
static const uint64_t legacy_only = DM_F_NOTIFY_ON_EMPTY | DM_F_ANY_LAYOUT | DM_F_UNUSED;

/* What an honest device shows. */
static uint64_t offered_by(const struct dm_net *net, bool legacy)
{
    return legacy ? net->offered & UINT32_MAX : net->offered & ~legacy_only;
}

uint64_t dm_features_shown(struct dm_net *net, bool legacy)
{
    uint64_t shown = offered_by(net, legacy);
    if (dm_attacks(net, DM_ATTACK_OFFER_ALL_ONES))
        shown = UINT64_MAX;
    if (dm_attacks(net, DM_ATTACK_FEATURE_WITHOUT_PREREQUISITE))
        shown |= dm_attack_value(net, DM_ATTACK_FEATURE_WITHOUT_PREREQUISITE);
    if (!legacy && dm_attacks(net, DM_ATTACK_NO_VERSION_1))
        shown &= ~DM_F_VERSION_1;
    return legacy ? shown & UINT32_MAX : shown;
}

void dm_features_written(struct dm_net *net, bool high, uint32_t value, bool legacy)
{
    uint8_t closed = legacy ? DM_STATUS_DRIVER_OK : DM_STATUS_FEATURES_OK | DM_STATUS_DRIVER_OK;
    dm_check_write(net, "features");
    dm_check(net, DM_RULE_NO_FEATURES_AFTER_OK, !(net->status & closed), "features %#x at status %#x", value,
             net->status);
    if (legacy)
        dm_check(net, DM_RULE_LEGACY_ORDER, net->status & DM_STATUS_DRIVER, "features at status %#x",
                 net->status);
    else
        dm_check(net, DM_RULE_STATUS_ORDER, net->status & DM_STATUS_DRIVER, "features at status %#x",
                 net->status);
    net->life.features_written = true;
    if (net->status & closed)
        return;
    if (high)
        net->accepted = (net->accepted & UINT32_MAX) | ((uint64_t)value << 32);
    else
        net->accepted = (net->accepted & ~(uint64_t)UINT32_MAX) | value;
    if (legacy)
        net->accepted &= UINT32_MAX; /* 4.1.4.10: bits 32 to 63 were not acknowledged */
}

static bool prerequisites_met(uint64_t accepted, uint8_t *lacking)
{
    for (size_t i = 0; i < sizeof prerequisites / sizeof prerequisites[0]; i++) {
        if ((accepted & BIT(prerequisites[i].bit)) && !(accepted & prerequisites[i].any_of)) {
            *lacking = prerequisites[i].bit;
            return false;
        }
    }
    return true;
}

bool dm_features_judge(struct dm_net *net, bool legacy)
{
    uint64_t a = net->accepted;
    uint64_t shown = offered_by(net, legacy);
    const struct dm_attack_arm *arms = net->hostile.arms;
    uint8_t lacking = 0;
    bool whole = net->class != &dm_net_class || prerequisites_met(a, &lacking);
    if (arms[DM_ATTACK_OFFER_ALL_ONES].fired)
        shown = UINT64_MAX;
    if (arms[DM_ATTACK_FEATURE_WITHOUT_PREREQUISITE].fired)
        shown |= arms[DM_ATTACK_FEATURE_WITHOUT_PREREQUISITE].value;
    if (arms[DM_ATTACK_NO_VERSION_1].fired)
        shown &= ~DM_F_VERSION_1;
    dm_check(net, DM_RULE_FEATURES_OFFERED, (a & ~shown) == 0, "accepted %#llx of %#llx",
             (unsigned long long)a, (unsigned long long)shown);
    dm_check(net, DM_RULE_FEATURES_KNOWN, (a & ~(net->class->known | DM_F_UNUSED)) == 0, "accepted %#llx",
             (unsigned long long)a);
    dm_check(net, DM_RULE_FEATURES_PREREQUISITE, whole, "bit %u accepted without its prerequisite", lacking);
    dm_check(net, DM_RULE_NO_UNUSED_BIT, !(a & DM_F_UNUSED), "bit 30 accepted");
    if (!legacy && (shown & DM_F_VERSION_1))
        dm_check(net, DM_RULE_ACCEPT_VERSION_1, a & DM_F_VERSION_1, "VERSION_1 offered, not accepted");
    if (legacy && (shown & DM_F_ANY_LAYOUT))
        dm_check(net, DM_RULE_ACCEPT_ANY_LAYOUT, a & DM_F_ANY_LAYOUT, "ANY_LAYOUT offered, not accepted");
    if (legacy) {
        net->accepted = a & shown; /* nothing to refuse with: there is no FEATURES_OK */
        return true;
    }
    if (dm_attacks(net, DM_ATTACK_ACCEPT_ANYTHING))
        return true;
    if (dm_attacks(net, DM_ATTACK_REFUSE_FEATURES))
        return false;
    if (net->life.negotiations > 1 && dm_attacks(net, DM_ATTACK_REFUSE_ON_RETRY))
        return false;
    if (!(a & DM_F_VERSION_1))
        return false;
    return (a & ~shown) == 0 && (a & ~net->class->supported) == 0 && whole;
}
