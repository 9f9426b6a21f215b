/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel main that breaks things on purpose, one a boot, named on the command line: `test=NAME`. Linked
 * behind the machine's rooms as they are. Whatever is said afterwards is the machine's; a test that comes
 * back has failed. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/console.h"
#include "evidence/text.h"
#include "kernel/arch/x86_64/traps.h"
#include "kernel/main.h"
#include "platform/pc/platform_pc.h"

#define CLOCK_READS 2000u
#define RAM_HIGH    0x4000000ull /* RAM in every boot test */

extern uint8_t text_start[], rodata_start[], data_start[], stacks_start[];

struct selftest {
    const char *name;
    bool (*run)(struct platform *p, struct console *c);
};

static void say(struct console *c, const char *name, uint64_t value)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, name);
    text_u64(&t, value);
    console_line(c, t.at, t.used);
}

/* Three deliveries on two vectors, by the local controller to itself: taken in platform_relax and nowhere
 * else. */
static bool interrupts(struct platform *p, struct console *c)
{
    say(c, "before=", platform_interrupts(p));
    apic_send_self(&p->cpu->apic, TRAP_DEVICE_FIRST + 3u);
    for (uint32_t i = 0; i < CLOCK_READS; i++)
        platform_now_ns(p);
    say(c, "pending=", platform_msi_count(p, 3));
    platform_relax(p);
    say(c, "interrupts=", platform_interrupts(p));
    apic_send_self(&p->cpu->apic, TRAP_DEVICE_FIRST + 3u);
    platform_relax(p);
    say(c, "route3=", platform_msi_count(p, 3));
    apic_send_self(&p->cpu->apic, TRAP_DEVICE_FIRST + 4u);
    platform_relax(p);
    say(c, "route4=", platform_msi_count(p, 4));
    say(c, "route5=", platform_msi_count(p, 5));
    return true;
}

static bool clock(struct platform *p, struct console *c)
{
    uint64_t last = platform_now_ns(p);
    uint32_t backwards = 0;
    for (uint32_t i = 0; i < CLOCK_READS; i++) {
        const uint64_t now = platform_now_ns(p);
        backwards += now < last;
        last = now;
    }
    say(c, "backwards=", backwards);
    say(c, "moved=", last > 0);
    return true;
}

static bool entropy(struct platform *p, struct console *c)
{
    uint8_t a[37];
    uint8_t b[37];
    memset(a, 0, sizeof a);
    memset(b, 0, sizeof b);
    const bool first = platform_entropy(p, a, sizeof a - 1u);
    const bool second = platform_entropy(p, b, sizeof b - 1u);
    say(c, "secret=", first && second);
    say(c, "differ=", memcmp(a, b, sizeof a - 1u) != 0);
    say(c, "beyond=", (uint64_t)a[36] + b[36]);
    return true;
}

/* RAM is not reached through the door for registers; what is not there reads as ones and takes writes. */
static bool registers(struct platform *p, struct console *c)
{
    uint8_t *ram = space_ram(p->space, RAM_HIGH);
    *ram = 0x5a;
    say(c, "ram=", platform_mmio_read(p, RAM_HIGH, 4));
    platform_mmio_write(p, RAM_HIGH, 4, 0);
    say(c, "kept=", *ram);
    say(c, "beyond=", platform_mmio_read(p, 1ull << 60, 1));
    say(c, "image_alias=", paging_find(&p->space->paging, LAYOUT_DIRECT_BASE + p->space->image_first).access);
    say(c, "violations=", paging_count_violations(&p->space->paging));
    return true;
}

static void store(uint8_t *at)
{
    *(volatile uint8_t *)at = 1;
}

static bool write_text(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    store(text_start);
    return false;
}

static bool write_rodata(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    store(rodata_start);
    return false;
}

static bool write_firmware(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    store((uint8_t *)(uintptr_t)(LAYOUT_DIRECT_BASE + 0xf0000));
    return false;
}

static bool read_low(struct platform *p, struct console *c)
{
    uintptr_t low = 8;
    (void)p, (void)c;
    __asm__("" : "+r"(low)); /* an address that the compiler does not know */
    return *(volatile uint8_t *)low == 0 && false;
}

static void jump(const uint8_t *to)
{
    __asm__ volatile("jmp *%0" : : "r"(to));
}

static bool execute_data(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    jump(stacks_start + LAYOUT_STACK_GUARD);
    return false;
}

static bool execute_memory(struct platform *p, struct console *c)
{
    (void)c;
    jump(space_ram(p->space, RAM_HIGH));
    return false;
}

/* `step` is this function: a compiler that saw the recursion would refuse it. */
struct descent {
    uint32_t (*step)(struct descent *d, uint32_t depth);
};

static uint32_t deeper(struct descent *d, uint32_t depth)
{
    volatile uint8_t room[512];
    room[0] = (uint8_t)depth;
    return d->step(d, depth + 1u) + room[0];
}

static bool overflow(struct platform *p, struct console *c)
{
    struct descent d = {deeper};
    struct descent *unknown = &d;
    (void)p, (void)c;
    __asm__ volatile("" : "+r"(unknown) : : "memory");
    return deeper(unknown, 0) == 1u && false;
}

static bool undefined(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    __asm__ volatile("ud2");
    return false;
}

static bool divide(struct platform *p, struct console *c)
{
    uint32_t zero = 0;
    (void)p, (void)c;
    __asm__ volatile("divl %0" : : "r"(zero), "a"(1), "d"(0));
    return false;
}

static bool noncanonical(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    return *(volatile uint8_t *)(uintptr_t)0x8000000000000000 == 0 && false;
}

static bool breakpoint(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    __asm__ volatile("int3");
    return false;
}

static bool nmi(struct platform *p, struct console *c)
{
    (void)p, (void)c;
    __asm__ volatile("int $2");
    return false;
}

/* The fault's own stack is taken away: what remains is the double fault's. */
static bool double_fault(struct platform *p, struct console *c)
{
    (void)c;
    p->cpu->task.ist[STACK_FAULT - 1] = LAYOUT_DIRECT_BASE - 8u;
    store(text_start);
    return false;
}

static bool assertion(struct platform *p, struct console *c)
{
    (void)c;
    ASSERT(p == NULL);
    return false;
}

static void fail_again(void *ctx, const char *text, size_t bytes)
{
    (void)ctx, (void)text, (void)bytes;
    store(text_start);
}

static bool nested(struct platform *p, struct console *c)
{
    (void)c;
    p->cpu->panic.write = fail_again;
    store(text_start);
    return false;
}

static const struct selftest tests[] = {
    {"interrupts", interrupts},
    {"clock", clock},
    {"entropy", entropy},
    {"registers", registers},
    {"write-text", write_text},
    {"write-rodata", write_rodata},
    {"write-firmware", write_firmware},
    {"read-low", read_low},
    {"execute-data", execute_data},
    {"execute-memory", execute_memory},
    {"overflow", overflow},
    {"undefined", undefined},
    {"divide", divide},
    {"noncanonical", noncanonical},
    {"breakpoint", breakpoint},
    {"nmi", nmi},
    {"double-fault", double_fault},
    {"assertion", assertion},
    {"nested", nested},
};

static bool named(const struct kernel_boot *boot, const char *name)
{
    static const char key[] = "test=";
    size_t at = sizeof key - 1u;
    if (boot->command_line_bytes < at || memcmp(boot->command_line, key, at) != 0)
        return false;
    for (; *name != 0 && at < boot->command_line_bytes && boot->command_line[at] == *name; at++)
        name++;
    return *name == 0 && at == boot->command_line_bytes;
}

int kernel_main(struct kernel_storage *k, const struct kernel_boot *boot)
{
    struct console console;
    (void)k;
    console_init(&console, boot->platform);
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        if (!named(boot, tests[i].name))
            continue;
        console_line(&console, tests[i].name, 4);
        if (tests[i].run(boot->platform, &console))
            console_line(&console, "selftest done", 13);
        else
            console_line(&console, "selftest came back", 18);
        return 0;
    }
    console_line(&console, "no such selftest", 16);
    return 1;
}
