/* SPDX-License-Identifier: BSD-2-Clause */
/* Graphs of capabilities, node by node as a walk meets them: what stands at a node, and where it points.
 * Nodes that no walk reaches cannot matter and are not told apart. Up to four nodes of the plain kinds, up to
 * three of all. */
#include <string.h>

#include "sim/explore/pci_world.h"

enum defect {
    SOUND = 0,
    BAD_BAR,
    OVERFLOW,
    ZERO_LENGTH,
    PLAIN_DEFECTS,
    PORTS_BAR = PLAIN_DEFECTS,
    UPPER_BAR,
    NO_ADDRESS,
    ONE_TOO_FAR,
    ODD_OFFSET,
    SHORT_CAP,
    SMALL_BAR,
    DEFECTS
};
/* Behind the four structures with their defects. */
enum other {
    PCI_WINDOW = 0,
    RESERVED_TYPE,
    PLAIN_OTHERS,
    RESERVED_ZERO = PLAIN_OTHERS,
    FOREIGN,
    MSIX,
    MSIX_TOO_FAR,
    OTHERS
};
enum link {
    FRESH = 0,
    LINK_END,
    LINK_ODD,
    LINK_BELOW,
    LINK_BEYOND,
    LINK_BACK /* and one more for each node so far */
};

#define AT_BELOW  0x3cu
#define AT_BEYOND 0xf4u /* where 16 bytes would leave the space */

struct graph {
    struct xp_world *w;
    uint8_t *space;
    struct pci_verdict *v;
    uint8_t nodes[XP_PCI_NODES_MAX + 1u]; /* where each stands */
    uint32_t count, max;
    bool plain, beyond, msix;
};

static void put32(uint8_t *at, uint32_t value)
{
    memcpy(at, &value, sizeof value);
}

static void capability(uint8_t *c, int type, uint8_t bar, uint32_t offset, uint32_t length)
{
    c[0] = 9;
    c[2] = type == 2 ? 20 : 16;
    c[3] = (uint8_t)type;
    c[4] = bar;
    put32(c + 8, offset);
    put32(c + 12, length);
    if (type == 2)
        put32(c + 16, 4);
}

static void spoil(uint8_t *c, int type, enum defect defect, uint32_t offset)
{
    static const uint32_t needed[] = {0, 56, 2, 1, 8};

    switch (defect) {
    case BAD_BAR:
        c[4] = 6;
        break;
    case OVERFLOW:
        put32(c + 8, 0xfffff000u), put32(c + 12, 0x2000);
        break;
    case ZERO_LENGTH:
        put32(c + 12, 0);
        break;
    case PORTS_BAR:
        c[4] = 0;
        break;
    case UPPER_BAR:
        c[4] = 5;
        break;
    case NO_ADDRESS:
        c[4] = 3;
        break;
    case ONE_TOO_FAR:
        put32(c + 8, XP_PCI_BAR4_BYTES - 0x3fcu);
        break;
    case ODD_OFFSET: /* of the interrupt status none is odd: a byte short instead */
        put32(c + (type == 3 ? 12 : 8), type == 3 ? 0 : offset + 1);
        break;
    case SHORT_CAP:
        c[2]--;
        break;
    case SMALL_BAR:
        put32(c + 12, needed[type] - 1);
        break;
    case SOUND:
    case DEFECTS:
        break;
    }
}

static void structure(struct graph *g, uint8_t *c, int type, enum defect defect)
{
    const uint32_t offset = 0x400u * (g->count + 1u);
    static const uint32_t taken[] = {0, 56, 0x400, 1, 8};

    capability(c, type, 4, offset, 0x400);
    spoil(c, type, defect, offset);
    if (defect != SOUND || (g->v->found >> type & 1u) != 0)
        return;
    g->v->found |= 1u << type;
    g->v->bar[type] = 4;
    g->v->offset[type] = offset;
    g->v->length[type] = taken[type];
    g->v->multiplier = type == 2 ? 4 : g->v->multiplier;
}

static void msix(struct graph *g, uint8_t *c, bool sound)
{
    c[0] = 0x11;
    c[2] = 2; /* three vectors */
    c[3] = 0;
    put32(c + 4, (sound ? 0x2000u : XP_PCI_BAR4_BYTES - 40u) | 4u);
    put32(c + 8, 0x3000u | 4u);
    if (!g->msix && sound)
        g->v->vectors = 3;
    g->msix = true;
}

static void content(struct graph *g, uint8_t *c)
{
    const uint32_t defects = g->plain ? PLAIN_DEFECTS : DEFECTS;
    const uint32_t picked = xp_choose(g->w, 4u * defects + (g->plain ? PLAIN_OTHERS : OTHERS), "content");

    if (picked < 4u * defects) {
        structure(g, c, (int)(picked / defects) + 1, (enum defect)(picked % defects));
        return;
    }
    capability(c, 1, 4, 0x400, 0x400);
    switch ((enum other)(picked - 4u * defects)) {
    case PCI_WINDOW:
        c[3] = 5;
        break;
    case RESERVED_TYPE:
        c[3] = 10;
        break;
    case RESERVED_ZERO:
        c[3] = 0;
        break;
    case FOREIGN:
        c[0] = 0x05;
        break;
    case MSIX:
        msix(g, c, true);
        break;
    case MSIX_TOO_FAR:
        msix(g, c, false);
        break;
    case OTHERS:
        break;
    }
}

/* Where the list goes on from here: the pointer; true when it leads to a node that was not met. */
static bool link_from(struct graph *g, uint8_t *pointer)
{
    const uint32_t may_go_on = g->count < g->max;
    const uint32_t beyond = may_go_on && !g->beyond;
    uint32_t picked = xp_choose(g->w, may_go_on + 3u + beyond + g->count, "link");

    picked += may_go_on ? 0u : 1u;
    if (picked >= LINK_BEYOND && !beyond)
        picked++;
    switch (picked) {
    case FRESH:
        *pointer = (uint8_t)(0x40u + 0x18u * g->count);
        return true;
    case LINK_END:
        *pointer = 0;
        return false;
    case LINK_ODD:
        *pointer = (uint8_t)(0x41u + 0x18u * g->count);
        return false;
    case LINK_BELOW:
        *pointer = AT_BELOW;
        return false;
    case LINK_BEYOND:
        *pointer = AT_BEYOND;
        return true;
    default:
        *pointer = g->nodes[picked - LINK_BACK];
        return false;
    }
}

void pci_graph_build(struct xp_world *w, uint8_t *space, struct pci_verdict *expected)
{
    struct graph g = {.w = w, .space = space, .v = expected};
    uint8_t *pointer = space + 0x34;

    memset(expected, 0, sizeof *expected);
    g.plain = xp_choose(w, 2, "kinds") == 0;
    g.max = g.plain ? XP_PCI_NODES_MAX : XP_PCI_NODES_MAX - 1u;
    while (link_from(&g, pointer)) {
        const uint8_t at = *pointer;

        if (at == AT_BEYOND) { /* a fine structure, but for its place */
            space[at] = 9;
            space[at + 2u] = 16;
            space[at + 3u] = 1;
            space[at + 4u] = 4;
            g.beyond = true;
        } else {
            content(&g, space + at);
        }
        g.nodes[g.count++] = at;
        pointer = space + at + 1u;
    }
}
