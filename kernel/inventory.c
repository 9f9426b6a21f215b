/* SPDX-License-Identifier: BSD-2-Clause */
/* The scan record as evidence: one marker a function, one for the whole. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "evidence/text.h"
#include "kernel/main.h"

#define CLASS_ETHERNET       0x0200u /* class and subclass (PCI Code and ID Assignment 1.11, 1.3) */
#define CAPABILITY_STEPS_MAX 48u /* a 256-byte space holds no more (PCI 3.0, 6.7) */
#define PCI_STATUS           0x06u
#define PCI_STATUS_LIST      0x10u
#define PCI_CAPABILITIES     0x34u

static const char *bar_word(uint8_t kind)
{
    switch (kind) {
    case PCI_BAR_PORTS:
        return "ports";
    case PCI_BAR_MEMORY:
        return "mem";
    case PCI_BAR_MEMORY64:
        return "mem64";
    default:
        return "invalid";
    }
}

/* The text, with its end, for which its buffer has one byte more than it knows of. */
static const char *ended(const struct text *t)
{
    ASSERT(!t->overflow);
    t->at[t->used] = 0;
    return t->at;
}

static const char *ended_or_none(struct text *t)
{
    if (t->used == 0)
        text_string(t, "none");
    return ended(t);
}

/* 0:ports:64+1:mem:4096, or none */
static const char *bars_text(const struct pci_function_info *info, char *buffer, size_t bytes)
{
    struct text t = text_over(buffer, bytes - 1);
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        if (info->bars[i].kind == PCI_BAR_ABSENT)
            continue;
        if (t.used)
            text_string(&t, "+");
        text_u64(&t, i);
        text_string(&t, ":");
        text_string(&t, bar_word(info->bars[i].kind));
        text_string(&t, ":");
        text_u64(&t, info->bars[i].size);
    }
    return ended_or_none(&t);
}

/* Capability ids in list order, 11+09+09, or none. The list is the device's: bounded, never trusted. */
static const char *caps_text(const struct pci_function_info *info, char *buffer, size_t bytes)
{
    struct text t = text_over(buffer, bytes - 1);
    uint8_t at = info->config[PCI_CAPABILITIES] & 0xfc;
    bool listed = (info->config[PCI_STATUS] & PCI_STATUS_LIST) != 0;
    for (uint32_t step = 0; listed && at >= 0x40 && step < CAPABILITY_STEPS_MAX; step++) {
        if (t.used)
            text_string(&t, "+");
        text_hex(&t, info->config[at], 2);
        at = info->config[at + 1] & 0xfc;
    }
    return ended_or_none(&t);
}

static const char *subsystem_text(const struct pci_function_info *info, char *buffer, size_t bytes)
{
    struct text t = text_over(buffer, bytes - 1);
    text_hex(&t, info->subsystem_vendor, 4);
    text_string(&t, ":");
    text_hex(&t, info->subsystem, 4);
    return ended(&t);
}

static void emit_function(struct kernel_storage *k, uint16_t index)
{
    const struct pci_function_info *info = kernel_function_info(&k->kernel, index);
    char bars[160];
    char caps[CAPABILITY_STEPS_MAX * 3 + 8];
    char subsystem[16];
    const struct evidence_pci_function facts = {
        .bdf = info->bdf,
        .vendor = info->vendor,
        .device = info->device,
        .subsystem = subsystem_text(info, subsystem, sizeof subsystem),
        .class = info->class_code,
        .revision = info->revision,
        .bars = bars_text(info, bars, sizeof bars),
        .caps = caps_text(info, caps, sizeof caps),
        .msix_vectors = info->msix.vectors,
        .firmware_bus_master = kernel_function_firmware_master(&k->kernel, index) ? 1u : 0u,
    };
    evidence_emit_pci_function(&k->evidence, &facts);
}

struct kernel_nics kernel_inventory(struct kernel_storage *k)
{
    const uint16_t functions = kernel_function_count(&k->kernel);
    struct kernel_nics nics = {0, false};

    for (uint16_t i = 0; i < functions; i++) {
        const struct pci_function_info *info = kernel_function_info(&k->kernel, i);

        emit_function(k, i);
        if (info->class_code >> 8 != CLASS_ETHERNET)
            continue;
        if (nics.count++ == 0)
            nics.first_has_vectors = info->msix.vectors != 0;
    }
    const struct evidence_inventory facts = {
        .functions = functions,
        .buses = kernel_bus_count(&k->kernel),
        .nics = nics.count,
        .dma = "bounce",
        .contains_rogue_device = "no",
    };
    evidence_emit_inventory(&k->evidence, &facts);
    return nics;
}
