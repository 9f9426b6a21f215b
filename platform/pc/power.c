/* SPDX-License-Identifier: BSD-2-Clause */
/* Switching off, and being asked to. Uses only what acpi.c has found and checked. Source: ACPI 6.4, 4.8.3. */
#include "abi/assert.h"
#include "evidence/text.h"
#include "platform/pc/platform_pc.h"

#define STATUS_POWER_BUTTON (1u << 8) /* the same bit in status and enable */
#define CONTROL_ACPI_MODE   (1u << 0)
#define CONTROL_SLEEP_TYPE  10u
#define CONTROL_TYPE_MASK   (7u << 10)
#define CONTROL_SLEEP       (1u << 13)
/* Port reads until firmware has handed over, and until the machine is off: one takes 0.2 us or more. */
#define HAND_OVER_READS_MAX 100000u
#define OFF_READS_MAX       1000000u
/* Reset control of the chipset (Intel 82371AB, 4.2.5.1; ICH9 the same): what kind, then that it is wanted. */
#define RESET_CONTROL 0xcf9u
#define RESET_HARD    0x02u
#define RESET_NOW     0x06u

static void enter_acpi_mode(const struct acpi_power *w)
{
    if (w->command == 0 || w->enable == 0 || (port_in16(w->control_a) & CONTROL_ACPI_MODE))
        return;
    port_out8(w->command, w->enable);
    for (uint32_t i = 0; i < HAND_OVER_READS_MAX; i++)
        if (port_in16(w->control_a) & CONTROL_ACPI_MODE)
            return;
}

/* The button sets its status only where it is enabled; no interrupt comes of it, the controllers are masked.
 */
static void enable_button(uint16_t block, uint8_t bytes)
{
    if (block == 0 || bytes < 4)
        return;
    port_out16(block, STATUS_POWER_BUTTON); /* clears what was pressed before our time */
    port_out16((uint16_t)(block + bytes / 2u), STATUS_POWER_BUTTON);
}

void pc_power_init(struct platform *p, uint64_t rsdp)
{
    const struct physical_reader reader = {space_read, p->space};
    p->acpi_error = acpi_find_power(&reader, rsdp, &p->power);
    if (p->acpi_error != ACPI_OK)
        return;
    enter_acpi_mode(&p->power);
    enable_button(p->power.event_a, p->power.event_bytes);
    enable_button(p->power.event_b, p->power.event_bytes);
}

static bool button_pressed(uint16_t block)
{
    if (block == 0 || !(port_in16(block) & STATUS_POWER_BUTTON))
        return false;
    port_out16(block, STATUS_POWER_BUTTON);
    return true;
}

int platform_end_requested(struct platform *p)
{
    /* Both are looked at: a button pressed on one stays asked for. */
    p->end_requested |= button_pressed(p->power.event_a);
    p->end_requested |= button_pressed(p->power.event_b);
    return p->end_requested;
}

static void set_sleep(uint16_t control, uint8_t type)
{
    if (control == 0)
        return;
    const uint16_t rest = port_in16(control) & (uint16_t) ~(CONTROL_TYPE_MASK | CONTROL_SLEEP);
    const uint16_t value = (uint16_t)(rest | (uint32_t)type << CONTROL_SLEEP_TYPE);
    port_out16(control, value);
    port_out16(control, (uint16_t)(value | CONTROL_SLEEP));
}

static void drain(struct platform *p)
{
    for (uint32_t i = 0; i < sizeof p->uarts / sizeof p->uarts[0]; i++)
        pc_uart_drain(&p->uarts[i]);
}

void pc_restart(struct platform *p)
{
    drain(p);
    port_out8(RESET_CONTROL, RESET_HARD);
    port_out8(RESET_CONTROL, RESET_NOW);
    for (uint32_t i = 0; i < OFF_READS_MAX; i++)
        port_in8(RESET_CONTROL);
}

void pc_power_off(void *platform)
{
    struct platform *p = platform;
    static const char failed[] = "\ncapos: the machine did not switch off\n";
    ASSERT(sizeof failed > 1);
    drain(p);
    if (p->power.control_a != 0) {
        /* The second block first: the machine goes with whichever comes last. */
        set_sleep(p->power.control_b, p->power.sleep_b);
        set_sleep(p->power.control_a, p->power.sleep_a);
        for (uint32_t i = 0; i < OFF_READS_MAX; i++)
            port_in16(p->power.control_a);
    }
    pc_uart_write(&p->uarts[0], failed, sizeof failed - 1u);
}
