/* SPDX-License-Identifier: BSD-2-Clause */
/* Breaks what its start-up text names. Coming back from it is exit code 0. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "user/rt/rt.h"

static const uint64_t constant[2] = {1, 2};
static uint64_t data[2] = {0xc3c3c3c3c3c3c3c3ull, 3}; /* the bytes are `ret` */
static volatile uint64_t zero;
static volatile int64_t most = INT64_MAX;

/* What is broken on purpose here is the processor's to find, in every build. */
__attribute__((noinline, no_sanitize("undefined"))) static void write_to(uintptr_t address)
{
    *(volatile uint64_t *)address = 1;
}

static uint64_t deeper(uint64_t n)
{
    volatile uint64_t local[64];

    local[n % 64u] = n;
    return n == UINT64_MAX ? local[0] : deeper(n + 1u) + local[n % 64u];
}

/* As cap_enter is called, with a stack pointer of nobody's. */
static void enter_without_stack(const struct rt *rt)
{
    __asm__ __volatile__("movl $4096, %%esp\n\tjmpq *%0" : : "r"(rt->start->cap_enter), "D"(0), "S"(0));
}

static bool is(const struct rt *rt, const char *kind)
{
    size_t bytes = 0;
    size_t length = 0;
    const char *text = rt_parameter(rt, "kind", &bytes);

    while (kind[length] != 0)
        length++;
    return text && length == bytes && memcmp(text, kind, bytes) == 0;
}

static void by_instruction(const struct rt *rt)
{
    if (is(rt, "divide"))
        __asm__ __volatile__("divq %0" : : "r"(zero) : "rax", "rdx");
    if (is(rt, "overflow"))
        most++;
    if (is(rt, "breakpoint"))
        __asm__ __volatile__("int3");
    if (is(rt, "undefined"))
        __asm__ __volatile__("ud2");
    if (is(rt, "privileged"))
        __asm__ __volatile__("hlt");
    if (is(rt, "port"))
        __asm__ __volatile__("outb %%al, $0x80" : : "a"(0));
    if (is(rt, "non-canonical"))
        write_to(0x8000000000000000ull);
    if (is(rt, "stack"))
        data[0] = deeper(0);
    if (is(rt, "no-stack"))
        enter_without_stack(rt);
}

uint32_t program_main(struct rt *rt)
{
    if (is(rt, "null"))
        write_to(0);
    if (is(rt, "constant"))
        write_to((uintptr_t)&constant[zero]);
    if (is(rt, "code"))
        write_to((uintptr_t)&program_main);
    if (is(rt, "start-up"))
        write_to((uintptr_t)rt->start);
    if (is(rt, "execute-data"))
        ((void (*)(void))(uintptr_t)data)();
    if (is(rt, "execute-null"))
        ((void (*)(void))(uintptr_t)zero)();
    if (is(rt, "address"))
        write_to((uintptr_t)rt_parameter_u64(rt, "at", 0));
    if (is(rt, "assert"))
        ASSERT(zero == 1);
    by_instruction(rt);
    return 0;
}
