/* SPDX-License-Identifier: BSD-2-Clause */
/* Where a program begins: relocates itself before anything that a relocation could touch, checks the start-up
 * page, calls program_main. Trusts the loader to have mapped the file as its headers say. */
#include "abi/assert.h"
#include "user/rt/rt.h"

/* No frame above this one; the stack aligned as the calling convention wants it. Both addresses are relative
 * to the instruction: nothing here waits for a relocation. */
__asm__(".section .text.rt_entry,\"ax\",@progbits\n"
        ".globl rt_entry\n"
        ".hidden rt_entry\n"
        ".type rt_entry, @function\n"
        "rt_entry:\n"
        "    xorl %ebp, %ebp\n"
        "    andq $-16, %rsp\n"
        "    leaq __ehdr_start(%rip), %rsi\n"
        "    leaq _DYNAMIC(%rip), %rdx\n"
        "    call rt_begin\n"
        "    ud2\n"
        ".size rt_entry, . - rt_entry\n"
        ".previous\n");

/* Dynamic section and relocations: System V ABI, 5; AMD64 supplement, 4.4. */
struct dynamic_entry {
    int64_t tag;
    uint64_t value;
};
struct relocation {
    uint64_t offset;
    uint64_t info;
    int64_t addend;
};
#define DYNAMIC_RELA        7
#define DYNAMIC_RELA_BYTES  8
#define RELOCATION_RELATIVE 8u

_Noreturn void rt_begin(const struct startup_page *start, uint64_t base, const struct dynamic_entry *dynamic);

/* For a failed assertion alone, which comes without a context. */
static struct rt *asserting;

static inline void relocate(uint64_t base, const struct dynamic_entry *dynamic)
{
    uint64_t table = 0;
    uint64_t bytes = 0;

    for (; dynamic->tag != 0; dynamic++) {
        if (dynamic->tag == DYNAMIC_RELA)
            table = base + dynamic->value;
        else if (dynamic->tag == DYNAMIC_RELA_BYTES)
            bytes = dynamic->value;
    }
    const struct relocation *r = (const struct relocation *)(uintptr_t)table;
    /* The loader and the build refuse every other kind. */
    for (uint64_t i = 0; i < bytes / sizeof *r; i++) {
        if (r[i].info == RELOCATION_RELATIVE)
            *(uint64_t *)(uintptr_t)(base + r[i].offset) = base + (uint64_t)r[i].addend;
    }
}

_Noreturn void rt_begin(const struct startup_page *start, uint64_t base, const struct dynamic_entry *dynamic)
{
    struct rt rt = {.start = start};

    relocate(base, dynamic);
    if (start->magic != STARTUP_MAGIC || start->version != STARTUP_VERSION ||
        start->grant_count > STARTUP_GRANTS_MAX || start->text_bytes >= STARTUP_TEXT_BYTES)
        rt_exit(&rt, RT_EXIT_STARTUP);
    ring_client_init(&rt.ring, start->ring, start->cap_enter);
    rt.console = rt_first(&rt, CAP_IF_SERIAL);
    rt.mute = cap_is_none(rt.console);
    asserting = &rt;
    rt_exit(&rt, program_main(&rt));
}

_Noreturn void rt_exit(struct rt *rt, uint32_t code)
{
    rt->start->exit(code);
    __builtin_trap();
}

void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    struct rt *rt = asserting;
    char digits[10];
    size_t at = sizeof digits;

    if (rt == NULL)
        __builtin_trap();
    asserting = NULL; /* an assertion that fails on the way to the console does not come back here */
    for (; at > 0 && (line != 0 || at == sizeof digits); line /= 10u)
        digits[--at] = (char)('0' + line % 10u);
    (void)(rt_print(rt, rt->start->name) && rt_print(rt, ": assertion failed: ") &&
           rt_print(rt, expression) && rt_print(rt, ", ") && rt_print(rt, file) && rt_print(rt, ":") &&
           rt_write(rt, digits + at, sizeof digits - at) && rt_print(rt, "\n"));
    rt_exit(rt, RT_EXIT_ASSERT);
}
