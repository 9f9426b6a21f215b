/* SPDX-License-Identifier: BSD-2-Clause */
/* World `pci`: one function's configuration space, scripted by choose(), read by the kernel's scan and judged
 * by the provider's probe, both the shipped source. One step is one function, from its first byte to the
 * verdict; nothing is left behind, so that a run is a list of steps that do not know of each other. */
#ifndef CAPOS_EXPLORE_PCI_WORLD_H
#define CAPOS_EXPLORE_PCI_WORLD_H

#include <stdbool.h>

#include "sim/explore/world.h"

#define XP_PCI_BYTES     256u
#define XP_PCI_NODES_MAX 4u

struct pci_config {
    bool scrambled; /* some bytes of the list are anything */
};

/* What an oracle says: written from virtio 1.2 and PCI 3.0, sharing nothing with scan or probe. */
struct pci_verdict {
    uint32_t found; /* bit of each usable structure, by cfg_type */
    uint32_t offset[5], length[5], multiplier;
    uint8_t bar[5];
    uint16_t vectors; /* of MSI-X; 0: none usable */
};

/* pci_graphs.c: a graph of capabilities by choose(), written into `space`; what must be found is known from
 * the choices. */
void pci_graph_build(struct xp_world *w, uint8_t *space, struct pci_verdict *expected);
/* pci_oracle.c: the same from the bytes alone. */
void pci_oracle(const uint8_t *space, struct pci_verdict *expected);

/* The function's BARs: 1 memory, 3 memory without an address, 4 and 5 one of 64 bits; 0 ports on a
 * transitional one. */
#define XP_PCI_BAR4_BYTES 0x4000u
#define XP_PCI_BAR1_BYTES 0x1000u
#define XP_PCI_BAR3_BYTES 0x4000u

/* NULL: no memory. Freed with pci_world_free. */
struct xp_world *pci_world_make(const struct pci_config *config);
void pci_world_free(struct xp_world *w);

#endif
