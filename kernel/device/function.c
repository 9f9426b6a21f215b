/* SPDX-License-Identifier: BSD-2-Clause */
/* A function's command register: decoding, bus mastering, INTx. Written from our own record; what the device
 * reads back is used for one question only: is bus mastering really off? */
#include "kernel/device/device.h"

uint16_t function_find(const struct kernel *k, uint16_t bdf)
{
    for (uint16_t i = 0; i < k->devices.function_count; i++) {
        if (k->devices.functions[i].info.bdf == bdf)
            return i;
    }
    return NO_RECORD;
}

static void write_command(struct kernel *k, struct function *f, uint16_t command)
{
    f->command = command;
    platform_pci_write(k->platform, f->info.bdf, PCI_COMMAND, 2, command);
}

void function_decode_on(struct kernel *k, uint16_t function)
{
    struct function *f = &k->devices.functions[function];
    uint16_t command = (uint16_t)(f->command | PCI_COMMAND_NO_INTX); /* T5 */

    ASSERT((f->command & PCI_COMMAND_MASTER) == 0);
    for (uint32_t i = 0; i < PCI_BARS; i++) {
        const struct pci_bar *bar = &f->info.bars[i];

        if (!bar->assigned)
            continue;
        if (bar->kind == PCI_BAR_PORTS)
            command |= PCI_COMMAND_PORTS;
        else if (bar->kind == PCI_BAR_MEMORY || bar->kind == PCI_BAR_MEMORY64)
            command |= PCI_COMMAND_MEMORY;
    }
    write_command(k, f, command);
}

void function_decode_restore(struct kernel *k, uint16_t function)
{
    struct function *f = &k->devices.functions[function];

    ASSERT((f->firmware_command & PCI_COMMAND_MASTER) == 0);
    ASSERT(f->masters == 0);
    write_command(k, f, (uint16_t)(f->firmware_command | PCI_COMMAND_NO_INTX)); /* T5 */
}

void function_master_on(struct kernel *k, uint16_t function)
{
    uint16_t at = function;

    /* A bridge forwards DMA only with its own bit on: the whole way up, bridges first counted, each once. */
    for (uint32_t step = 0; step < FUNCTIONS_MAX && at != NO_RECORD; step++) {
        struct function *f = &k->devices.functions[at];

        ASSERT(f->masters < 255u);
        if (f->masters++ == 0)
            write_command(k, f, (uint16_t)(f->command | PCI_COMMAND_MASTER));
        at = f->parent;
    }
}

bool function_master_reads_off(struct kernel *k, uint16_t function)
{
    const struct function *f = &k->devices.functions[function];

    return (platform_pci_read(k->platform, f->info.bdf, PCI_COMMAND, 2) & PCI_COMMAND_MASTER) == 0;
}

bool function_master_take_back(struct kernel *k, uint16_t function)
{
    struct function *f = &k->devices.functions[function];

    ASSERT((f->command & PCI_COMMAND_MASTER) == 0);
    write_command(k, f, f->command);
    return function_master_reads_off(k, function);
}

bool function_master_off(struct kernel *k, uint16_t function)
{
    uint16_t at = function;

    for (uint32_t step = 0; step < FUNCTIONS_MAX && at != NO_RECORD; step++) {
        struct function *f = &k->devices.functions[at];

        ASSERT(f->masters > 0);
        if (--f->masters == 0)
            write_command(k, f, (uint16_t)(f->command & ~PCI_COMMAND_MASTER));
        at = f->parent;
    }
    return function_master_reads_off(k, function);
}
