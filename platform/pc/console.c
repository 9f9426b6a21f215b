/* SPDX-License-Identifier: BSD-2-Clause */
/* Serial ports by polling. A port that is absent, or stops taking bytes, costs a bounded wait once and is
 * then left alone: the kernel never hangs on its console. Source: National Semiconductor PC16550D, 8. */
#include "abi/assert.h"
#include "platform/pc/platform_pc.h"

#define REG_DATA        0u
#define REG_INTERRUPTS  1u
#define REG_FIFO        2u
#define REG_LINE        3u
#define REG_MODEM       4u
#define REG_STATUS      5u
#define REG_SCRATCH     7u
#define LINE_8N1        0x03u
#define LINE_DIVISOR    0x80u
#define FIFO_ON         0xc7u /* on, both cleared, fourteen bytes */
#define MODEM_READY     0x0bu /* DTR, RTS, OUT2 */
#define STATUS_RECEIVED 0x01u
#define STATUS_EMPTY    0x20u
#define STATUS_IDLE     0x40u
#define DIVISOR_115200  1u
#define FIFO_BYTES      16u
/* Status reads for room: a full FIFO takes 1.4 ms at 115200 baud; a virtual port stands still as long as its
 * reader on a busy host does, seconds at worst. A read takes 0.2 to 2 us. */
#define WAIT_READS_MAX 20000000u

void pc_uart_open(struct pc_uart *u, uint16_t port, bool returns)
{
    *u = (struct pc_uart){.port = port, .returns = returns};
    port_out8((uint16_t)(port + REG_SCRATCH), 0x5a);
    if (port_in8((uint16_t)(port + REG_SCRATCH)) != 0x5a)
        return;
    port_out8((uint16_t)(port + REG_SCRATCH), 0xa5);
    u->present = port_in8((uint16_t)(port + REG_SCRATCH)) == 0xa5;
    if (!u->present)
        return;
    port_out8((uint16_t)(port + REG_INTERRUPTS), 0);
    port_out8((uint16_t)(port + REG_LINE), LINE_DIVISOR);
    port_out8((uint16_t)(port + REG_DATA), DIVISOR_115200);
    port_out8((uint16_t)(port + REG_INTERRUPTS), 0);
    port_out8((uint16_t)(port + REG_LINE), LINE_8N1);
    port_out8((uint16_t)(port + REG_FIFO), FIFO_ON);
    port_out8((uint16_t)(port + REG_MODEM), MODEM_READY);
}

static bool wait_for(struct pc_uart *u, uint8_t status)
{
    for (uint32_t i = 0; i < WAIT_READS_MAX; i++)
        if (port_in8((uint16_t)(u->port + REG_STATUS)) & status)
            return true;
    u->present = false;
    return false;
}

void pc_uart_write(struct pc_uart *u, const char *text, size_t bytes)
{
    uint32_t room = 0;
    for (size_t i = 0; i < bytes; i++) {
        const bool both = text[i] == '\n' && u->returns;
        if (room < 2) { /* an empty transmitter has its whole FIFO free */
            if (!u->present || !wait_for(u, STATUS_EMPTY)) {
                u->dropped += (uint32_t)(bytes - i);
                return;
            }
            room = FIFO_BYTES;
        }
        if (both)
            port_out8(u->port, '\r');
        port_out8(u->port, (uint8_t)text[i]);
        room -= both ? 2u : 1u;
    }
}

void pc_uart_drain(struct pc_uart *u)
{
    if (u->present)
        wait_for(u, STATUS_IDLE);
}

size_t pc_uart_read(struct pc_uart *u, char *buffer, size_t bytes)
{
    size_t got = 0;
    if (!u->present)
        return 0;
    while (got < bytes && (port_in8((uint16_t)(u->port + REG_STATUS)) & STATUS_RECEIVED) != 0)
        buffer[got++] = (char)port_in8((uint16_t)(u->port + REG_DATA));
    return got;
}

static struct pc_uart *uart_of(struct platform *p, enum platform_console port)
{
    ASSERT(port >= CONSOLE_MAIN && port <= CONSOLE_AUDIT);
    return &p->uarts[port - CONSOLE_MAIN];
}

void platform_console_write(struct platform *p, enum platform_console port, const char *text, size_t bytes)
{
    pc_uart_write(uart_of(p, port), text, bytes);
}

size_t platform_console_read(struct platform *p, enum platform_console port, char *buffer, size_t bytes)
{
    return pc_uart_read(uart_of(p, port), buffer, bytes);
}
