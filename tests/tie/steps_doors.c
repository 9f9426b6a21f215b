/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the rooms leave their own code: platform calls and the memcpy family, which each world supplies. The
 * linker's --wrap sends the rooms' references here; the room objects stay as they are. */
#include <string.h>

#include "platform/platform.h"
#include "tests/tie/steps.h"

/* value = call(): recorded as `name` of a register, with the value that came back. */
#define READ_DOOR(name, type)                                                                                \
    uint32_t __real_##name(struct platform *p, type at, uint8_t width);                                      \
    uint32_t __wrap_##name(struct platform *p, type at, uint8_t width);                                      \
    uint32_t __wrap_##name(struct platform *p, type at, uint8_t width)                                       \
    {                                                                                                        \
        const enum steps_pause paused = steps_pause(true);                                                   \
        const uint32_t value = __real_##name(p, at, width);                                                  \
        steps_resume(paused);                                                                                \
        (void)steps_note(STEPS_REGISTER, at, width, value, #name);                                           \
        return value;                                                                                        \
    }

#define WRITE_DOOR(name, type)                                                                               \
    void __real_##name(struct platform *p, type at, uint8_t width, uint32_t value);                          \
    void __wrap_##name(struct platform *p, type at, uint8_t width, uint32_t value);                          \
    void __wrap_##name(struct platform *p, type at, uint8_t width, uint32_t value)                           \
    {                                                                                                        \
        (void)steps_note(STEPS_REGISTER, at, width, value, #name);                                           \
        const enum steps_pause paused = steps_pause(true);                                                   \
        __real_##name(p, at, width, value);                                                                  \
        steps_resume(paused);                                                                                \
    }

READ_DOOR(platform_mmio_read, uint64_t)
WRITE_DOOR(platform_mmio_write, uint64_t)
READ_DOOR(platform_port_read, uint16_t)
WRITE_DOOR(platform_port_write, uint16_t)

uint32_t __real_platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width);
uint32_t __wrap_platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width);
uint32_t __wrap_platform_pci_read(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width)
{
    const enum steps_pause paused = steps_pause(true);
    const uint32_t value = __real_platform_pci_read(p, bdf, offset, width);
    steps_resume(paused);
    (void)steps_note(STEPS_REGISTER, offset, width, value, "platform_pci_read");
    return value;
}

void __real_platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width,
                               uint32_t value);
void __wrap_platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width,
                               uint32_t value);
void __wrap_platform_pci_write(struct platform *p, uint16_t bdf, uint16_t offset, uint8_t width,
                               uint32_t value)
{
    (void)steps_note(STEPS_REGISTER, offset, width, value, "platform_pci_write");
    const enum steps_pause paused = steps_pause(true);
    __real_platform_pci_write(p, bdf, offset, width, value);
    steps_resume(paused);
}

#define MAP_DOOR(name)                                                                                       \
    void __real_##name(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes);                        \
    void __wrap_##name(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes);                        \
    void __wrap_##name(struct platform *p, uint16_t bdf, dev_addr bus, size_t bytes)                         \
    {                                                                                                        \
        (void)steps_note(STEPS_REGISTER, bus.v, 0, bytes, #name);                                            \
        const enum steps_pause paused = steps_pause(true);                                                   \
        __real_##name(p, bdf, bus, bytes);                                                                   \
        steps_resume(paused);                                                                                \
    }

MAP_DOOR(platform_dma_map)
MAP_DOOR(platform_dma_unmap)

/* In device memory they are recorded whole; elsewhere they are none of ours. */
static void bulk(const void *at, size_t bytes, const char *what, uint64_t value)
{
    if (steps_in_memory(at, bytes))
        (void)steps_note(STEPS_BULK, (uintptr_t)at, (uint32_t)bytes, value, what);
}

void *__real_memset(void *to, int value, size_t bytes);
void *__wrap_memset(void *to, int value, size_t bytes);
void *__wrap_memset(void *to, int value, size_t bytes)
{
    bulk(to, bytes, "memset", (uint8_t)value);
    const enum steps_pause paused = steps_pause(true);
    void *out = __real_memset(to, value, bytes);
    steps_resume(paused);
    return out;
}

void *__real_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memcpy(void *to, const void *from, size_t bytes);
void *__wrap_memcpy(void *to, const void *from, size_t bytes)
{
    bulk(to, bytes, "memcpy to", 0);
    bulk(from, bytes, "memcpy from", 0);
    const enum steps_pause paused = steps_pause(true);
    void *out = __real_memcpy(to, from, bytes);
    steps_resume(paused);
    return out;
}

int __real_memcmp(const void *a, const void *b, size_t bytes);
int __wrap_memcmp(const void *a, const void *b, size_t bytes);
int __wrap_memcmp(const void *a, const void *b, size_t bytes)
{
    bulk(a, bytes, "memcmp", 0);
    bulk(b, bytes, "memcmp", 0);
    const enum steps_pause paused = steps_pause(true);
    const int out = __real_memcmp(a, b, bytes);
    steps_resume(paused);
    return out;
}

/* The audit log's hash: thousands of instructions, none of which may touch device memory. */
void __real_br_sha224_update(void *hash, const void *data, size_t bytes);
void __wrap_br_sha224_update(void *hash, const void *data, size_t bytes);
void __wrap_br_sha224_update(void *hash, const void *data, size_t bytes)
{
    const enum steps_pause paused = steps_pause(false);
    __real_br_sha224_update(hash, data, bytes);
    steps_resume(paused);
}

void __real_br_sha256_out(const void *hash, void *out);
void __wrap_br_sha256_out(const void *hash, void *out);
void __wrap_br_sha256_out(const void *hash, void *out)
{
    const enum steps_pause paused = steps_pause(false);
    __real_br_sha256_out(hash, out);
    steps_resume(paused);
}
