/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers of both transports, and the driver's obligations that they show: order (3.1.1, 3.1.2), widths
 * (4.1.3.1), fields before enable (4.1.4.3.2), reset waited for (4.1.4.3.2), nothing after FAILED but a reset
 * (2.1.1). */
#include "sim/explore/net_registers.h"

#include "abi/assert.h"

enum status {
    ACKNOWLEDGE = 1,
    DRIVER = 2,
    DRIVER_OK = 4,
    FEATURES_OK = 8,
    NEEDS_RESET = 0x40,
    FAILED = 0x80
};

#define F_MAC        (1ull << 5)
#define F_STATUS     (1ull << 16)
#define F_ANY_LAYOUT (1ull << 27)
#define F_VERSION_1  (1ull << 32)
#define NEVER        255u

static const uint8_t mac[6] = {0x52, 0x54, 0, 0x12, 0x34, 0x56};

uint32_t xp_net_lie_values(enum xp_net_lie kind)
{
    static const uint8_t values[XP_NET_LIE_COUNT] = {
        [XP_NET_LIE_STATUS] = 3, [XP_NET_LIE_SIZE] = 4,  [XP_NET_LIE_FEATURES] = 2, [XP_NET_LIE_CONFIG] = 2,
        [XP_NET_LIE_REFUSE] = 1, [XP_NET_LIE_RESET] = 3, [XP_NET_LIE_NOTIFY] = 1,
    };

    return values[kind];
}

/* Has it told no lie and not reset itself? Then what the driver believes of the status is what the status is,
 * and the order of its writes can be judged by it. */
static bool honest(const struct xp_net *n)
{
    return n->state->lies == 0 && n->state->events == 0;
}

/* One opportunity for a lie of the kind. True: it is told, with *value as drawn. */
static bool lies(struct xp_net *n, enum xp_net_lie kind, uint32_t *value)
{
    if (!(n->state->armed & 1u << kind))
        return false;
    *value = n->state->variant[kind];
    if (kind != XP_NET_LIE_CONFIG && kind != XP_NET_LIE_FEATURES) {
        n->state->armed = (uint8_t)(n->state->armed & ~(1u << kind));
        n->state->variant[kind] = 0;
    }
    xp_note(n->world, XP_LANE_DEVICE, "LIE: of kind %u, value %u", kind, *value);
    return true;
}

static uint64_t offered(struct xp_net *n)
{
    uint64_t bits = F_MAC | F_STATUS | (n->legacy ? F_ANY_LAYOUT : F_VERSION_1);
    uint32_t value;

    if (lies(n, XP_NET_LIE_FEATURES, &value))
        bits = value == 0 ? UINT64_MAX : 0;
    return bits;
}

/* One half of the offer, and that the driver saw it. */
static uint32_t show_offer(struct xp_net *n, uint32_t half)
{
    const uint64_t bits = half < 2 ? offered(n) & (half ? 0xffffffff00000000ull : 0xffffffffull) : 0;

    n->state->shown |= bits;
    return (uint32_t)(half ? bits >> 32 : bits);
}

static uint32_t status_read(struct xp_net *n)
{
    static const uint8_t garbage[] = {0, 0xff, 0x47};
    struct xp_net_state *s = n->state;
    uint32_t value;

    if (s->resetting) {
        if (s->reset_left == 0)
            xp_net_reset_done(n);
        else if (s->reset_left != NEVER)
            s->reset_left--;
    }
    if (!s->resetting && lies(n, XP_NET_LIE_STATUS, &value))
        return garbage[value];
    return s->resetting ? 0x0fu : s->status;
}

static void reset_written(struct xp_net *n)
{
    static const uint8_t reads[] = {1, 2, NEVER};
    struct xp_net_state *s = n->state;
    uint32_t value;

    s->resetting = 1;
    s->reset_left = 0;
    if (lies(n, XP_NET_LIE_RESET, &value))
        s->reset_left = reads[value];
}

static void status_written(struct xp_net *n, uint8_t value)
{
    struct xp_net_state *s = n->state;
    const uint8_t added = (uint8_t)(value & ~s->status);
    uint32_t unused;

    if (value == 0) {
        reset_written(n);
        return;
    }
    if (s->resetting)
        xp_violate(n->world, XP_P8, "status 0x%x is written while a reset is not confirmed", value);
    if (s->failed && !(value & FAILED))
        xp_violate(n->world, XP_P8, "status 0x%x is written after FAILED", value);
    /* Bits that the device took back by itself (a refusal, its own reset) are not the driver's to keep. */
    if (honest(n) && (value & (s->status & ~(uint8_t)NEEDS_RESET)) != (s->status & ~(uint8_t)NEEDS_RESET))
        xp_violate(n->world, XP_P8, "status 0x%x clears bits of 0x%x (2.1.1)", value, s->status);
    if (value & FAILED) {
        s->failed = 1;
    } else if ((added & DRIVER_OK) && honest(n)) {
        if (!(s->status & DRIVER) || (!n->legacy && !(s->status & FEATURES_OK)))
            xp_violate(n->world, XP_P8, "DRIVER_OK is set at status 0x%x", s->status);
        if (!s->rings[0].enabled || !s->rings[1].enabled)
            xp_violate(n->world, XP_P8, "DRIVER_OK is set before the queues are enabled");
    } else if (added & FEATURES_OK) {
        if (!(s->status & DRIVER))
            xp_violate(n->world, XP_P8, "FEATURES_OK is set at status 0x%x", s->status);
        if (lies(n, XP_NET_LIE_REFUSE, &unused))
            value = (uint8_t)(value & ~FEATURES_OK);
    }
    s->status = (uint8_t)(value | (s->status & NEEDS_RESET));
}

static void accept(struct xp_net *n, uint32_t half, uint32_t bits)
{
    if (honest(n) && (n->state->status & (FEATURES_OK | DRIVER_OK)))
        xp_violate(n->world, XP_P8, "features are written at status 0x%x", n->state->status);
    n->state->accepted &= half ? 0xffffffffull : 0xffffffff00000000ull;
    n->state->accepted |= (uint64_t)bits << (32u * half);
    if (n->state->accepted & ~n->state->shown)
        xp_violate(n->world, XP_P8, "features 0x%llx are accepted, 0x%llx are offered (2.2.1)",
                   (unsigned long long)n->state->accepted, (unsigned long long)n->state->shown);
    if (n->state->accepted & ~(F_MAC | F_STATUS | F_ANY_LAYOUT | F_VERSION_1))
        xp_violate(n->world, XP_P8, "features 0x%llx are accepted that no driver here can serve",
                   (unsigned long long)n->state->accepted);
}

static uint32_t queue_size(struct xp_net *n)
{
    const uint16_t sizes[] = {0, 3, 16384, (uint16_t)(2u * n->size)};
    uint32_t value;

    if (n->state->selected >= XP_NET_QUEUES)
        return 0;
    const uint16_t size = lies(n, XP_NET_LIE_SIZE, &value) ? sizes[value] : n->size;
    if (!n->state->rings[n->state->selected].enabled)
        n->state->rings[n->state->selected].size = size;
    return size;
}

static void kicked(struct xp_net *n, uint32_t queue)
{
    if (!(n->state->status & DRIVER_OK) && honest(n))
        xp_violate(n->world, XP_P8, "queue %u is notified at status 0x%x (3.1.1)", queue, n->state->status);
    if (queue < XP_NET_QUEUES && n->state->rings[queue].enabled)
        xp_queue_kick(&n->queues[queue]);
}

static uint32_t config_read(struct xp_net *n, uint32_t offset, uint8_t width)
{
    uint32_t value;

    if (lies(n, XP_NET_LIE_CONFIG, &value)) {
        if (value == 1)
            return 0xffu; /* a group address */
        n->state->generation++;
        return (offset * 7u + n->state->generation) & 0xffu;
    }
    if (width == 2)
        return offset == 6 ? n->state->link : 0;
    if (offset < 6)
        return mac[offset];
    return offset == 6 ? n->state->link : 0;
}

static void width_is(struct xp_net *n, const struct xp_access *a, uint8_t width)
{
    if (a->width != width)
        xp_violate(n->world, XP_P8, "register 0x%llx is accessed %u bytes wide (4.1.3.1)",
                   (unsigned long long)a->address, a->width);
}

static void set_half(uint64_t *field, uint32_t high, uint32_t value)
{
    *field &= high ? 0xffffffffull : 0xffffffff00000000ull;
    *field |= (uint64_t)value << (high ? 32u : 0u);
}

static void modern_queue_write(struct xp_net *n, uint32_t at, const struct xp_access *a)
{
    struct xp_net_state *s = n->state;
    struct xp_net_ring *ring;
    uint64_t *fields[3];

    if (s->selected >= XP_NET_QUEUES)
        return;
    ring = &s->rings[s->selected];
    fields[0] = &ring->desc;
    fields[1] = &ring->driver;
    fields[2] = &ring->device;
    if (ring->enabled)
        xp_violate(n->world, XP_P8, "queue %u is changed after it was enabled (4.1.4.3.2)", s->selected);
    if (honest(n) && !(s->status & FEATURES_OK))
        xp_violate(n->world, XP_P8, "queue %u is set up at status 0x%x (3.1.1)", s->selected, s->status);
    if (at == 28) {
        width_is(n, a, 2);
        if (a->value != 1)
            xp_violate(n->world, XP_P8, "%u is written to queue_enable", (unsigned)a->value);
        xp_net_enable_queue(n, s->selected);
    } else if (at >= 32 && at < 56) {
        width_is(n, a, 4);
        set_half(fields[(at - 32u) / 8u], (at / 4u) & 1u, (uint32_t)a->value);
    } else {
        xp_violate(n->world, XP_P8, "offset %u of the common configuration is written", at);
    }
}

static void modern_write(struct xp_net *n, uint32_t at, const struct xp_access *a)
{
    struct xp_net_state *s = n->state;

    if (at >= XP_NET_NOTIFY_AT && at < XP_NET_CONFIG_AT) {
        width_is(n, a, 2);
        kicked(n, (uint32_t)a->value);
        return;
    }
    if (at != 20 && s->resetting)
        xp_violate(n->world, XP_P8, "offset %u is written while a reset is not confirmed (4.1.4.3.2)", at);
    switch (at) {
    case 0:
        s->offer_half = (uint32_t)a->value;
        break;
    case 8:
        s->accept_half = (uint32_t)a->value;
        break;
    case 12:
        accept(n, s->accept_half & 1u, (uint32_t)a->value);
        break;
    case 20:
        width_is(n, a, 1);
        status_written(n, (uint8_t)a->value);
        break;
    case 22:
        width_is(n, a, 2);
        s->selected = (uint16_t)a->value;
        break;
    default:
        modern_queue_write(n, at, a);
    }
}

static uint32_t modern_read(struct xp_net *n, uint32_t at, const struct xp_access *a)
{
    uint32_t unused;

    if (at >= XP_NET_CONFIG_AT)
        return config_read(n, at - XP_NET_CONFIG_AT, a->width);
    switch (at) {
    case 4:
        return show_offer(n, n->state->offer_half);
    case 18:
        return XP_NET_QUEUES;
    case 20:
        width_is(n, a, 1);
        return status_read(n);
    case 21:
        width_is(n, a, 1);
        return n->state->generation;
    case 24:
        width_is(n, a, 2);
        return queue_size(n);
    case 30:
        return lies(n, XP_NET_LIE_NOTIFY, &unused) ? 0xffffu : 0;
    default:
        return 0;
    }
}

/* 2.7.2: descriptors, available ring, and on the next page boundary the used ring. */
static void legacy_page(struct xp_net *n, uint32_t page)
{
    struct xp_net_state *s = n->state;
    struct xp_net_ring *ring;

    if (s->selected >= XP_NET_QUEUES)
        return;
    ring = &s->rings[s->selected];
    if (ring->enabled)
        xp_violate(n->world, XP_P8, "queue %u gets another page while it is live (3.3.1)", s->selected);
    ring->page = page;
    ring->desc = (uint64_t)page << 12;
    ring->driver = ring->desc + 16u * ring->size;
    ring->device = (ring->driver + 6u + 2u * ring->size + 4095u) & ~4095ull;
    xp_net_enable_queue(n, s->selected);
}

static void legacy_write(struct xp_net *n, uint32_t at, const struct xp_access *a)
{
    struct xp_net_state *s = n->state;

    if (at != 18 && s->resetting)
        xp_violate(n->world, XP_P8, "register %u is written while a reset is not confirmed", at);
    switch (at) {
    case 4:
        width_is(n, a, 4);
        accept(n, 0, (uint32_t)a->value);
        break;
    case 8:
        width_is(n, a, 4);
        legacy_page(n, (uint32_t)a->value);
        break;
    case 14:
        width_is(n, a, 2);
        s->selected = (uint16_t)a->value;
        break;
    case 16:
        width_is(n, a, 2);
        kicked(n, (uint32_t)a->value);
        break;
    case 18:
        width_is(n, a, 1);
        status_written(n, (uint8_t)a->value);
        break;
    default:
        xp_violate(n->world, XP_P8, "legacy register %u is written", at);
    }
}

static uint32_t legacy_read(struct xp_net *n, uint32_t at, const struct xp_access *a)
{
    switch (at) {
    case 0:
        width_is(n, a, 4);
        return show_offer(n, 0);
    case 12:
        width_is(n, a, 2);
        return queue_size(n);
    case 18:
        width_is(n, a, 1);
        return status_read(n);
    default:
        return at >= 20 ? config_read(n, at - 20u, a->width) : 0;
    }
}

uint32_t xp_net_register(struct xp_net *n, const struct xp_access *a)
{
    const bool write = a->kind == XP_ACCESS_REGISTER_WRITE;
    const uint32_t at = (uint32_t)(a->address - (n->legacy ? XP_NET_PORTS : XP_NET_BAR));

    xp_net_bind(n);
    if (n->state->removed)
        return UINT32_MAX >> (32u - 8u * a->width);
    if (n->legacy && write)
        legacy_write(n, at, a);
    else if (write)
        modern_write(n, at, a);
    else
        return n->legacy ? legacy_read(n, at, a) : modern_read(n, at, a);
    return 0;
}
