/* SPDX-License-Identifier: BSD-2-Clause */
/* What the kernel read of a PCI function, once, at scan: the only view of configuration space that a driver
 * gets. Source: PCI Local Bus Specification 3.0, 6.1 and 6.2.5 (sizing), 6.8.2 (MSI-X). */
#ifndef CAPOS_ABI_PCI_H
#define CAPOS_ABI_PCI_H

#include <stdint.h>

#define PCI_BARS 6u
#define PCI_CONFIG_BYTES 256u

enum pci_bar_kind {
    PCI_BAR_ABSENT = 0,
    PCI_BAR_PORTS,
    PCI_BAR_MEMORY,   /* 32-bit, or below 1 MiB */
    PCI_BAR_MEMORY64, /* takes the following BAR too, which is then absent */
    PCI_BAR_INVALID   /* size 0, not a power of two, or address + size overflows: never granted */
};

struct pci_bar {
    uint64_t size;   /* bytes, found by the kernel with decoding off */
    uint8_t kind;    /* enum pci_bar_kind */
    uint8_t assigned; /* firmware or kernel gave it an address */
    uint8_t reserved[6];
};

struct pci_msix {
    uint16_t vectors;      /* 0: no usable MSI-X capability */
    uint8_t table_bar;
    uint8_t pba_bar;
    uint32_t table_offset;
    uint32_t pba_offset;
};

/* bdf: bus << 8 | device << 3 | function. `config` is a copy: nothing a device does later changes it. */
struct pci_function_info {
    uint16_t bdf;
    uint16_t vendor;
    uint16_t device;
    uint16_t subsystem_vendor;
    uint16_t subsystem;
    uint8_t revision;
    uint8_t header_type;
    uint32_t class_code; /* 24 bits: class, subclass, interface */
    struct pci_bar bars[PCI_BARS];
    struct pci_msix msix;
    uint8_t config[PCI_CONFIG_BYTES];
};

#endif
