/* SPDX-License-Identifier: BSD-2-Clause */
/* The end after a fault or a failed assertion: words to the console, then off. Never a reset: a machine that
 * reboots into the same fault is a loop that costs money and floods the log. Trusts nothing of the state it
 * is called in. */
#include "abi/assert.h"
#include "evidence/text.h"
#include "kernel/arch/x86_64/traps.h"

#define LINE_BYTES      400u
#define BACKTRACE_DEPTH 16u

extern const uint8_t text_start[], text_end[], stacks_start[], stacks_end[];

static const char *const exception_names[] = {"divide error",
                                              "debug",
                                              "NMI",
                                              "breakpoint",
                                              "overflow",
                                              "bound range",
                                              "invalid opcode",
                                              "device not available",
                                              "double fault",
                                              "coprocessor segment",
                                              "invalid task state",
                                              "segment not present",
                                              "stack segment",
                                              "general protection",
                                              "page fault",
                                              "reserved",
                                              "x87",
                                              "alignment check",
                                              "machine check",
                                              "SIMD",
                                              "virtualization",
                                              "control protection"};

static void say(const struct text *t)
{
    const struct panic_door *door = &this_cpu()->panic;
    if (door->write)
        door->write(door->ctx, t->at, t->used);
}

static void value(struct text *t, const char *name, uint64_t number)
{
    text_string(t, name);
    text_hex(t, number, 16);
}

static void say_registers(const struct trap_frame *f)
{
    char buffer[LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);
    value(&t, "  rip ", f->rip);
    value(&t, "  rsp ", f->rsp);
    value(&t, "  rflags ", f->rflags);
    value(&t, "\n  cr2 ", cr2_read());
    value(&t, "  cr3 ", cr3_read());
    value(&t, "  cs ", f->cs);
    value(&t, "\n  rax ", f->rax);
    value(&t, "  rbx ", f->rbx);
    value(&t, "  rcx ", f->rcx);
    text_string(&t, "\n");
    say(&t);
    t.used = 0;
    value(&t, "  rdx ", f->rdx);
    value(&t, "  rsi ", f->rsi);
    value(&t, "  rdi ", f->rdi);
    value(&t, "\n  rbp ", f->rbp);
    value(&t, "  r8  ", f->r8);
    value(&t, "  r9  ", f->r9);
    text_string(&t, "\n");
    say(&t);
    t.used = 0;
    value(&t, "  r10 ", f->r10);
    value(&t, "  r11 ", f->r11);
    value(&t, "  r12 ", f->r12);
    value(&t, "\n  r13 ", f->r13);
    value(&t, "  r14 ", f->r14);
    value(&t, "  r15 ", f->r15);
    text_string(&t, "\n");
    say(&t);
}

/* Where it happened, then where each call comes back to: `backtrace: 0x... 0x...`, the form that
 * door/symbolise.py names. Follows saved frame pointers; each must lie in a mapped part of a stack of ours,
 * above the one before. */
static void say_backtrace(uint64_t rip, uint64_t frame)
{
    char buffer[LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);
    const uint64_t first = (uint64_t)(uintptr_t)stacks_start;
    const uint64_t end = (uint64_t)(uintptr_t)stacks_end;
    text_string(&t, "backtrace:");
    for (uint32_t depth = 0; depth < BACKTRACE_DEPTH; depth++) {
        const bool code = rip >= (uint64_t)(uintptr_t)text_start && rip < (uint64_t)(uintptr_t)text_end;
        if (!code && depth > 0) /* the first may be what was jumped to */
            break;
        text_string(&t, " 0x");
        text_hex(&t, rip, 16);
        if (frame < first || frame > end - 16u || frame % 8u != 0)
            break;
        if ((frame - first) % LAYOUT_STACK_SLOT < LAYOUT_STACK_GUARD)
            break;
        const uint64_t *saved = (const uint64_t *)(uintptr_t)frame;
        rip = saved[1];
        frame = saved[0] > frame ? saved[0] : 0; /* 0: the last one */
    }
    text_string(&t, "\n");
    say(&t);
}

static _Noreturn void leave(void)
{
    const struct panic_door *door = &this_cpu()->panic;
    if (door->power_off)
        door->power_off(door->ctx);
    for (;;)
        cpu_halt();
}

/* A failure while one is being told must not come back here for ever: the second goes without words, the
 * third stops. */
static void enter(void)
{
    cpu_interrupts_off();
    const uint32_t before = this_cpu()->panics++;
    if (before == 1)
        leave();
    while (before > 1)
        cpu_halt();
}

void panic_trap(const struct trap_frame *f)
{
    char buffer[LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);
    const size_t names = sizeof exception_names / sizeof exception_names[0];
    enter();
    text_string(&t, "\ncapos: exception: ");
    text_string(&t, f->vector < names ? exception_names[f->vector] : "reserved");
    text_string(&t, " (vector ");
    text_u64(&t, f->vector);
    value(&t, "), error ", f->error);
    text_string(&t, "\n");
    say(&t);
    say_registers(f);
    say_backtrace(f->rip, f->rbp);
    leave();
}

void panic_text(const char *what)
{
    char buffer[LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);
    enter();
    text_string(&t, "\ncapos: ");
    text_string(&t, what);
    text_string(&t, "\n");
    say(&t);
    say_backtrace((uint64_t)(uintptr_t)panic_text, (uint64_t)(uintptr_t)__builtin_frame_address(0));
    leave();
}

void capos_assert_failed(const char *expression, const char *file, unsigned line)
{
    char buffer[LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);
    enter();
    text_string(&t, "\ncapos: assertion failed: ");
    text_string(&t, expression);
    text_string(&t, ", ");
    text_string(&t, file);
    text_string(&t, ":");
    text_u64(&t, line);
    text_string(&t, "\n");
    say(&t);
    say_backtrace((uint64_t)(uintptr_t)capos_assert_failed, (uint64_t)(uintptr_t)__builtin_frame_address(0));
    leave();
}
