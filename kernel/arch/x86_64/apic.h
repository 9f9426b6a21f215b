/* SPDX-License-Identifier: BSD-2-Clause */
/* The local interrupt controller through one table of register functions: memory (xAPIC) or model-specific
 * registers (x2APIC, only when firmware left it on). Owns no register of any other device. Reached through a
 * door, so that tests can script the hardware. Source: Intel SDM 3A, chapter 11. */
#ifndef CAPOS_ARCH_APIC_H
#define CAPOS_ARCH_APIC_H

#include <stdbool.h>
#include <stdint.h>

#define APIC_VECTOR_SPURIOUS 0xffu
#define APIC_VECTOR_TIMER    0x30u /* no device's: interrupts=N does not count it */

/* Model-specific registers and uncached memory. `memory_*` take a physical address, 32-bit accesses. */
struct apic_door {
    void *ctx;
    uint64_t (*msr_read)(void *ctx, uint32_t msr);
    void (*msr_write)(void *ctx, uint32_t msr, uint64_t value);
    uint32_t (*memory_read)(void *ctx, uint64_t physical);
    void (*memory_write)(void *ctx, uint64_t physical, uint32_t value);
};

struct apic;
/* `reg` is the register's offset in the memory page, 0 to 0x3f0 (Intel SDM 3A, table 11-1). */
struct apic_registers {
    const char *name;
    uint32_t (*read)(const struct apic *a, uint32_t reg);
    void (*write)(const struct apic *a, uint32_t reg, uint32_t value);
};

struct apic {
    const struct apic_door *door;
    const struct apic_registers *registers;
    uint64_t base; /* physical, xAPIC only */
    uint32_t id;
};

enum apic_error {
    APIC_OK = 0,
    APIC_E_BASE, /* the base address is zero: no controller there */
    APIC_E_DEAD, /* the spurious-vector register does not hold what is written */
    APIC_E_ID /* the id is above 255: a message without interrupt remapping cannot name it */
};

/* Finds the mode firmware chose, enables the controller, accepts every priority, masks every local source.
 * The door outlives the struct. */
enum apic_error apic_init(struct apic *a, const struct apic_door *door);
/* End of the interrupt in service. */
void apic_end(const struct apic *a);
/* Sends `vector` to this CPU itself, fixed delivery. */
void apic_send_self(const struct apic *a, uint8_t vector);
/* The timer begins at `ticks` (at least 1), counts to zero once and stands; `raise`: it then sends
 * APIC_VECTOR_TIMER to this CPU. A count under way is forgotten. How fast it counts is the machine's (Intel
 * SDM 3A, 11.5.4). */
void apic_timer_start(const struct apic *a, uint32_t ticks, bool raise);
/* Ticks to go; 0: it stands. */
uint32_t apic_timer_left(const struct apic *a);
/* Message-signalled interrupt for `vector` on this CPU: physical destination, fixed, edge (Intel SDM
 * 3A, 11.11). */
uint64_t apic_message_address(const struct apic *a);
uint32_t apic_message_data(uint8_t vector);

#endif
