/* SPDX-License-Identifier: BSD-2-Clause */
/* Probe: which transport a PCI function speaks, from the kernel's copy of its configuration space
 * (virtio 1.2, 4.1.4). Pure. The copy is the device's word: every pointer, BAR number, offset and length is
 * checked; BAR sizes are the kernel's own. All four structures usable: modern. Else an I/O BAR 0 and a
 * transitional id: legacy. Else nothing. */
#include "provider/format/virtio_ids.h"
#include "provider/seams.h"
#include "provider/tables.h"

#include "abi/assert.h"

#define CAPABILITY_STEPS_MAX 48u /* Z9: (256 - 64) / 4 capabilities fit */

/* What a structure must provide to be used; windows in the order of the modern table's sections. */
static const struct structure {
    uint8_t type; /* enum virtio_cap_type */
    uint8_t cap_bytes; /* cap_len at least */
    uint8_t align; /* of the offset, 4.1.4.3.1, 4.1.4.4.1, 4.1.4.6 */
    uint8_t bytes; /* length at least; 0: the device type says */
} structures[] = {
    [MODERN_COMMON] = {VIRTIO_CAP_COMMON, VIRTIO_CAP_SIZE, 4, MODERN_COMMON_BYTES},
    [MODERN_NOTIFY] = {VIRTIO_CAP_NOTIFY, VIRTIO_CAP_NOTIFY_SIZE, 2, 2},
    [MODERN_DEVICE] = {VIRTIO_CAP_DEVICE, VIRTIO_CAP_SIZE, 4, 0}, /* what the device type has */
    [MODERN_ISR] = {VIRTIO_CAP_ISR, VIRTIO_CAP_SIZE, 1, 1},
};
#define STRUCTURES (sizeof structures / sizeof structures[0])
_Static_assert(STRUCTURES <= REG_SECTIONS_MAX, "a window for each structure");

/* What the windows of a device type hold beyond what all have in common. */
static const struct device_type {
    uint16_t type;
    uint16_t config_bytes; /* of the device configuration */
    uint32_t legacy_bytes; /* of the legacy block, registers included */
} device_types[] = {
    {VIRTIO_TYPE_NETWORK, VIRTIO_NET_CONFIG_BYTES, LEGACY_WINDOW_BYTES},
    {VIRTIO_TYPE_SCSI, VIRTIO_SCSI_CONFIG_BYTES, LEGACY_SCSI_WINDOW_BYTES},
};

/* A type that is none of ours is looked at as the first: its driver, if any, decides by the number. */
static const struct device_type *type_of(uint16_t type)
{
    for (uint32_t i = 0; i < sizeof device_types / sizeof device_types[0]; i++) {
        if (device_types[i].type == type)
            return &device_types[i];
    }
    return &device_types[0];
}

static uint32_t load32(const uint8_t *at)
{
    return (uint32_t)at[0] | (uint32_t)at[1] << 8 | (uint32_t)at[2] << 16 | (uint32_t)at[3] << 24;
}

/* Index into `structures`, or STRUCTURES for a type that is reserved or not ours (4.1.4.1: ignored). */
static uint32_t structure_of(uint8_t type)
{
    for (uint32_t i = 0; i < STRUCTURES; i++) {
        if (structures[i].type == type)
            return i;
    }
    return STRUCTURES;
}

/* True, and the window filled, when the capability at `at` describes a usable structure `s`. A cap_len larger
 * than known is fine (4.1.4.1); the window asks for no more than is needed, except for bells, whose reach is
 * not known yet. */
static bool usable(const struct pci_function_info *info, uint32_t at, const struct structure *s,
                   uint32_t least, struct reg_window *window)
{
    const uint8_t *cap = &info->config[at];
    uint8_t cap_bytes = cap[VIRTIO_CAP_LENGTH];
    uint8_t bar = cap[VIRTIO_CAP_BAR];
    uint64_t offset = load32(cap + VIRTIO_CAP_OFFSET);
    uint64_t bytes = load32(cap + VIRTIO_CAP_BYTES);
    uint32_t multiplier = 0;

    ASSERT(at + VIRTIO_CAP_SIZE <= PCI_CONFIG_BYTES);
    if (cap_bytes < s->cap_bytes || at + cap_bytes > PCI_CONFIG_BYTES || bar >= PCI_BARS)
        return false;
    if (info->bars[bar].kind != PCI_BAR_MEMORY && info->bars[bar].kind != PCI_BAR_MEMORY64)
        return false;
    if (!info->bars[bar].assigned || offset % s->align != 0 || bytes < least)
        return false;
    if (offset + bytes > info->bars[bar].size || offset + bytes > UINT32_MAX)
        return false;
    if (s->type == VIRTIO_CAP_NOTIFY) {
        multiplier = load32(cap + VIRTIO_CAP_MULTIPLIER);
        /* 4.1.4.4.1: 0, or an even power of two. */
        if ((multiplier & (multiplier - 1u)) != 0 || multiplier == 1)
            return false;
    } else {
        bytes = least;
    }
    *window = (struct reg_window){
        .bar = bar, .offset = (uint32_t)offset, .length = (uint32_t)bytes, .bell_multiplier = multiplier};
    return true;
}

/* Walks the list; windows[] gets the first usable instance of each structure. True when all four were found.
 */
static bool find_modern(const struct pci_function_info *info, const struct device_type *type,
                        struct reg_window *windows)
{
    uint64_t visited = 0; /* a bit for each 4-byte step of configuration space */
    uint32_t found = 0;
    uint32_t at = info->config[PCI_CAPABILITIES_OFFSET];

    _Static_assert(PCI_CONFIG_BYTES / 4u <= 64u, "the visited set fits");
    if ((info->config[PCI_STATUS_OFFSET] & PCI_STATUS_CAPABILITIES) == 0)
        return false;
    for (uint32_t step = 0; step < CAPABILITY_STEPS_MAX; step++) {
        uint64_t mark = 1ull << (at / 4u);

        /* 0 ends the list; anything else that is no fresh, aligned pointer past the header ends it as well.
         */
        if (at < PCI_CAPABILITIES_FIRST || at % 4u != 0 || (visited & mark) != 0)
            break;
        visited |= mark;
        if (info->config[at] == PCI_CAPABILITY_VENDOR && at + VIRTIO_CAP_SIZE <= PCI_CONFIG_BYTES) {
            uint32_t i = structure_of(info->config[at + VIRTIO_CAP_TYPE]);

            if (i < STRUCTURES && (found & 1u << i) == 0 &&
                usable(info, at, &structures[i],
                       i == MODERN_DEVICE ? type->config_bytes : structures[i].bytes, &windows[i]))
                found |= 1u << i;
        }
        at = info->config[at + 1u];
    }
    return found == (1u << STRUCTURES) - 1u;
}

static bool find_legacy(const struct pci_function_info *info, const struct device_type *type,
                        struct reg_window *windows)
{
    if (info->device < VIRTIO_PCI_TRANSITIONAL_FIRST || info->device > VIRTIO_PCI_TRANSITIONAL_LAST)
        return false;
    if (info->bars[0].kind != PCI_BAR_PORTS || !info->bars[0].assigned ||
        info->bars[0].size < type->legacy_bytes)
        return false;
    windows[0] = (struct reg_window){.bar = 0, .length = type->legacy_bytes};
    return true;
}

struct virtio_probe virtio_probe_function(const struct pci_function_info *info)
{
    struct virtio_probe modern = {.kind = VIRTIO_MODERN, .reason = "four usable virtio capabilities"};
    struct virtio_probe legacy = {
        .kind = VIRTIO_LEGACY, .reason = "transitional id and an I/O BAR 0, no usable set of capabilities"};
    struct virtio_probe none = {.kind = VIRTIO_NONE};
    uint16_t type;

    ASSERT(info != NULL);
    if (info->vendor != VIRTIO_PCI_VENDOR || info->device < VIRTIO_PCI_TRANSITIONAL_FIRST ||
        info->device > VIRTIO_PCI_MODERN_LAST) {
        none.reason = "not a virtio function";
        return none;
    }
    if ((info->header_type & 0x7fu) != 0) {
        none.reason = "not an ordinary function: header type";
        return none;
    }
    /* 4.1.2.1: a transitional function says its type as subsystem id, a modern one in the device id. */
    type = info->device < VIRTIO_PCI_MODERN_FIRST ? info->subsystem
                                                  : (uint16_t)(info->device - VIRTIO_PCI_MODERN_FIRST);
    modern.device_type = type;
    legacy.device_type = type;
    none.device_type = type;
    if (find_modern(info, type_of(type), modern.windows))
        return modern;
    if (find_legacy(info, type_of(type), legacy.windows))
        return legacy;
    none.reason = "neither four usable capabilities nor a legacy I/O BAR 0";
    return none;
}
