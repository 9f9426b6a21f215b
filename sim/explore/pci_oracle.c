/* SPDX-License-Identifier: BSD-2-Clause */
/* What a probe must find in 256 bytes: first the list as a list, then each structure looked for in it. */
#include <string.h>

#include "sim/explore/pci_world.h"

static uint32_t word(const uint8_t *at)
{
    uint32_t value = 0;

    for (int i = 3; i >= 0; i--)
        value = value << 8 | at[i];
    return value;
}

/* The offsets of the list in order, each once. Returns how many. */
static uint32_t list_of(const uint8_t *space, uint8_t *list)
{
    bool seen[XP_PCI_BYTES] = {false};
    uint32_t count = 0;

    if ((space[0x06] & 0x10) == 0) /* PCI 3.0, 6.2.3 */
        return 0;
    for (uint8_t at = space[0x34]; at >= 0x40 && at % 4 == 0 && !seen[at]; at = space[at + 1]) {
        seen[at] = true;
        list[count++] = at;
    }
    return count;
}

static uint64_t bar_bytes(uint8_t bar)
{
    return bar == 1 ? XP_PCI_BAR1_BYTES : bar == 4 ? XP_PCI_BAR4_BYTES : 0;
}

static bool structure(const uint8_t *space, uint8_t at, int type, struct pci_verdict *v)
{
    /* 4.1.4.3 to 4.1.4.6: bytes needed, alignment of the offset. */
    static const uint32_t needed[] = {0, 56, 2, 1, 8};
    static const uint32_t aligned[] = {1, 4, 2, 1, 4};
    const int cap_bytes = type == 2 ? 20 : 16;
    const uint8_t *c = space + at;

    if (at + 16 > 256 || c[0] != 9 || c[3] != type || c[2] < cap_bytes || at + c[2] > 256)
        return false;
    const uint64_t offset = word(c + 8);
    const uint64_t length = word(c + 12);
    const uint64_t size = c[4] < 6 ? bar_bytes(c[4]) : 0;
    const uint32_t multiplier = type == 2 ? word(c + 16) : 0;
    bool even = multiplier == 0; /* 4.1.4.4.1: 0 or an even power of two */

    for (uint32_t power = 2; power != 0; power <<= 1)
        even = even || multiplier == power;
    if (size == 0 || offset % aligned[type] || length < needed[type] || offset + length > size || !even)
        return false;
    v->bar[type] = c[4];
    v->offset[type] = (uint32_t)offset;
    v->length[type] = type == 2 ? (uint32_t)length : needed[type];
    v->multiplier = type == 2 ? multiplier : v->multiplier;
    v->found |= 1u << type;
    return true;
}

static bool inside(const uint8_t *c, uint64_t bytes)
{
    const uint8_t bar = c[0] & 7;

    return bar < 6 && (word(c) & ~7u) + bytes <= bar_bytes(bar);
}

/* PCI 3.0, 6.8.2: the first one counts. */
static uint16_t msix(const uint8_t *space, const uint8_t *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *c = space + list[i];

        if (c[0] != 0x11)
            continue;
        if (list[i] + 12 > 256)
            return 0;
        const uint16_t vectors = (uint16_t)(((c[2] | c[3] << 8) & 0x7ff) + 1);
        return inside(c + 4, vectors * 16u) && inside(c + 8, (vectors + 63u) / 64u * 8u) ? vectors : 0;
    }
    return 0;
}

void pci_oracle(const uint8_t *space, struct pci_verdict *v)
{
    uint8_t list[XP_PCI_BYTES];
    const uint32_t count = list_of(space, list);

    memset(v, 0, sizeof *v);
    for (int type = 1; type <= 4; type++)
        for (uint32_t i = 0; i < count && (v->found >> type & 1u) == 0; i++)
            (void)structure(space, list[i], type, v);
    v->vectors = msix(space, list, count);
}
