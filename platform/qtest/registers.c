/* SPDX-License-Identifier: BSD-2-Clause */
/* Register access through the qtest socket: one line a command, one line back (QEMU, softmmu/qtest.c). PCI
 * configuration by mechanism 1 (PCI 3.0, 3.2.2.3.2). */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "platform/qtest/parts.h"

#define COMMAND_BYTES       128
#define PCI_ADDRESS         0xcf8u
#define PCI_DATA            0xcfcu
#define PCI_ADDRESS_ENABLED 0x80000000u

void qtest_fail(struct platform *p, const char *why)
{
    if (!p->failure)
        p->failure = why;
}

static bool send_all(struct platform *p, const char *text, size_t bytes)
{
    while (bytes > 0) { /* bounded: each turn sends, or fails within the socket's time limit */
        ssize_t sent = send(p->socket, text, bytes, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent <= 0)
            return false;
        text += sent;
        bytes -= (size_t)sent;
    }
    return true;
}

/* One answer line without its end, in `line`. Nothing else is ever on its way: a command has one answer. */
static bool receive_line(struct platform *p, char line[QTEST_REPLY_BYTES])
{
    char *end;
    while ((end = memchr(p->reply, '\n', p->reply_bytes)) == NULL) {
        if (p->reply_bytes == sizeof p->reply)
            return false;
        ssize_t got = recv(p->socket, p->reply + p->reply_bytes, sizeof p->reply - p->reply_bytes, 0);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return false;
        p->reply_bytes += (size_t)got;
    }
    size_t length = (size_t)(end - p->reply);
    memcpy(line, p->reply, length);
    line[length] = 0;
    p->reply_bytes -= length + 1;
    memmove(p->reply, end + 1, p->reply_bytes);
    return true;
}

uint64_t qtest_command(struct platform *p, const char *format, ...)
{
    char line[QTEST_REPLY_BYTES > COMMAND_BYTES ? QTEST_REPLY_BYTES : COMMAND_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int bytes = vsnprintf(line, COMMAND_BYTES, format, arguments);
    va_end(arguments);
    if (p->failure)
        return UINT64_MAX;
    p->commands++;
    if (bytes <= 0 || bytes >= COMMAND_BYTES || !send_all(p, line, (size_t)bytes) || !receive_line(p, line)) {
        qtest_fail(p, "QEMU ended, or did not answer in time");
        return UINT64_MAX;
    }
    if (strncmp(line, "OK", 2) != 0) {
        qtest_fail(p, "QEMU refused a qtest command");
        return UINT64_MAX;
    }
    return line[2] == ' ' ? strtoull(line + 3, NULL, 16) : 0;
}

static uint32_t masked(uint64_t value, uint8_t width)
{
    return (uint32_t)(value & (UINT64_MAX >> (64u - 8u * width)));
}

/* Letter of a width in a command's name: ports b w l, memory b w l. */
static char letter(uint8_t width)
{
    return width == 1 ? 'b' : width == 2 ? 'w' : 'l';
}

uint32_t platform_mmio_read(struct platform *p, uint64_t address, uint8_t width)
{
    return masked(qtest_command(p, "read%c 0x%llx\n", letter(width), (unsigned long long)address), width);
}

void platform_mmio_write(struct platform *p, uint64_t address, uint8_t width, uint32_t value)
{
    (void)qtest_command(p, "write%c 0x%llx 0x%x\n", letter(width), (unsigned long long)address,
                        masked(value, width));
}

uint32_t platform_port_read(struct platform *p, uint16_t port, uint8_t width)
{
    return masked(qtest_command(p, "in%c 0x%x\n", letter(width), port), width);
}

void platform_port_write(struct platform *p, uint16_t port, uint8_t width, uint32_t value)
{
    (void)qtest_command(p, "out%c 0x%x 0x%x\n", letter(width), port, masked(value, width));
}

static uint16_t pci_point(struct platform *p, uint16_t bdf, uint16_t offset)
{
    platform_port_write(p, PCI_ADDRESS, 4, PCI_ADDRESS_ENABLED | (uint32_t)bdf << 8 | (offset & 0xfcu));
    return (uint16_t)(PCI_DATA + (offset & 3u));
}

uint32_t platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    return platform_port_read(p, pci_point(p, bdf, offset), width);
}

void platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width, uint32_t value)
{
    platform_port_write(p, pci_point(p, bdf, offset), width, value);
}
