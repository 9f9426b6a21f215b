/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel main that runs programs of a few instructions through struct processor_ops and tells what came of
 * each: `ok NAME` or `not ok NAME: ...`. Linked behind the machine's rooms as they are. `test=NAME` runs one
 * of those that end the machine. */
#include "kernel/main.h"
#include "platform/pc/platform_pc.h"
#include "tests/boot/user_bench.h"
#include "tests/boot/user_code.h"

#define CALLS 200000u /* measured */
#define PAGES 64u /* of the large room */

/* What the kernel's own flags are when a program has stopped: nothing of the program's. */
static bool flags_clean(void)
{
    uint64_t flags;
    __asm__ volatile("pushfq; popq %0" : "=r"(flags));
    return (flags & 0x254700u) ==
           0; /* AC NT IOPL DF IF TF ID: neither set by a program nor on in the kernel */
}

/* A return to a segment of the kernel's is refused. QEMU with SMAP reads the stack as the kernel would, and
 * so gets no further: a page fault of the kernel's kind at the program's own stack. */
static bool returns_to_kernel(struct bed *b)
{
    const struct made far_return = MAKE(b, 1, user_far_return);
    const struct made interrupt_return = MAKE(b, 2, user_interrupt_return);
    const bool smap = (b->machine->cpu->features & CPU_SMAP) != 0;
    const struct processor_stop s[] = {run(b, &far_return, 0), run(b, &interrupt_return, 0)};
    bool due = true;
    for (uint32_t i = 0; i < 2; i++)
        due = due && ((s[i].event == PROCESSOR_FAULT && s[i].code == 13 && s[i].error == 8) ||
                      (smap && s[i].code == 14 && s[i].error == 1) || told(b, "no such fault", &s[i]));
    destroy(b, &far_return);
    destroy(b, &interrupt_return);
    return due && flags_clean();
}

struct fault {
    const char *name;
    const uint8_t *code, *end;
    uint32_t vector, other, error;
    enum part base;
    int64_t offset;
};

static const struct fault faults[] = {
#define FAULT(name, vector, other, error, base, offset, text)                                                \
    {"fault-" #name, user_fault_##name, user_fault_##name##_end, vector, other, error, base, offset},
#include "tests/boot/user_faults.def"
#undef FAULT
};

static uint64_t address_of(const struct fault *f, const struct made *m)
{
    if (f->base == NOWHERE)
        return 0;
    return (f->base == ABSOLUTE ? 0 : m->at[f->base]) + (uint64_t)f->offset;
}

/* The error code of a gate that is not the program's: bit 1, and the vector times 8 (Intel SDM 3A, 6.13).
 * QEMU counts entries of 16 bytes. */
static bool error_due(const struct fault *f, uint32_t error)
{
    const bool gate = (f->error & 7u) == 2u;
    return error == f->error || (gate && error == (f->error - 2u) * 2u + 2u);
}

static bool fault(struct bed *b, const struct fault *f)
{
    const struct made m = make(b, 1, f->code, f->end);
    const struct processor_stop s = run(b, &m, 0);
    const bool due = s.event == PROCESSOR_FAULT && (s.code == f->vector || s.code == f->other) &&
                     error_due(f, s.error) && s.address == address_of(f, &m);
    destroy(b, &m);
    return (due && flags_clean()) || told(b, f->name, &s);
}

static bool calls(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_calls);
    const struct processor_stop s = run(b, &m, 99);
    bool due = s.event == PROCESSOR_ENTER && s.min_complete == 5 && s.timeout_ns == 0x1122334455667788;
    due = (due || told(b, "no such call", &s)) && exited(b, &m, 0x80000007u, 0x80000007u);
    destroy(b, &m);
    return due;
}

static bool call_keeps_registers(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_keeps_call);
    const bool due = entered(b, &m, 0) && exited(b, &m, 77, 0);
    destroy(b, &m);
    return due;
}

/* Preempted a few times, then told to end. */
static bool kept_over_preemption(struct bed *b, const struct made *m)
{
    struct processor_stop s = run_once(b, m, 0);
    for (uint32_t i = 0; i < 5 && s.event == PROCESSOR_PREEMPTED; i++)
        s = run_once(b, m, 0);
    if (s.event != PROCESSOR_PREEMPTED)
        return told(b, "not preempted", &s);
    m->page[DATA][AT_STOP] = 1;
    return flags_clean() && exited(b, m, 0, 0);
}

static bool preemption_keeps_registers(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_keeps_all);
    const bool due = kept_over_preemption(b, &m);
    destroy(b, &m);
    return due;
}

static bool preemption_keeps_flags(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_keeps_flags);
    const bool due = kept_over_preemption(b, &m);
    destroy(b, &m);
    return due;
}

static bool loop_is_preempted(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_loops);
    const uint32_t before = platform_interrupts(b->platform);
    const uint32_t timer = b->machine->cpu->trap_count[APIC_VECTOR_TIMER];
    struct processor_stop s = {.event = PROCESSOR_PREEMPTED};
    for (uint32_t i = 0; i < 20 && s.event == PROCESSOR_PREEMPTED; i++)
        s = run_once(b, &m, 0);
    destroy(b, &m);
    if (s.event != PROCESSOR_PREEMPTED)
        return told(b, "not preempted", &s);
    return platform_interrupts(b->platform) == before &&
           b->machine->cpu->trap_count[APIC_VECTOR_TIMER] - timer >= 20;
}

/* The local timer goes off much earlier than the cycle counter says: as when something came between the two
 * readings of which their rates were made. */
static bool loop_is_preempted_by_an_early_timer(struct bed *b)
{
    const uint64_t cycles = b->machine->slice_cycles;

    b->machine->slice_cycles *= 1000u;
    b->machine->slice_end = 0;
    const bool due = loop_is_preempted(b);
    b->machine->slice_cycles = cycles;
    b->machine->slice_end = 0;
    return due;
}

/* A device's message that waits when the program begins is counted, and ends its turn; the next goes on. */
static bool device_interrupt_is_counted(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_loops);
    const uint32_t before = platform_msi_count(b->platform, 3);
    const uint32_t all = platform_interrupts(b->platform);
    platform_msi_raise(b->platform, 3);
    struct processor_stop s = run_once(b, &m, 0);
    for (uint32_t i = 0; i < 3 && s.event == PROCESSOR_PREEMPTED; i++)
        s = run_once(b, &m, 0);
    destroy(b, &m);
    return s.event == PROCESSOR_PREEMPTED && platform_msi_count(b->platform, 3) == before + 1u &&
           platform_interrupts(b->platform) == all + 1u;
}

static bool flags_over_call(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_calls_with_flags);
    const bool due = entered(b, &m, 0) && flags_clean() && exited(b, &m, 0, 0);
    destroy(b, &m);
    return due;
}

static bool flags_over_fault(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_faults_with_flags);
    const bool due = faulted(b, &m, 6, 0, 0) && flags_clean();
    destroy(b, &m);
    return due;
}

/* The step flag is gone in the kernel; it comes back with the program, which then has its trap. */
static bool step_into_call(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_steps_into_call);
    const bool due = entered(b, &m, 0) && flags_clean() && faulted(b, &m, 1, 0, 0);
    destroy(b, &m);
    return due;
}

static bool segments(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_loads_segments);
    const struct made other = MAKE(b, 2, user_says_segments);
    bool due = entered(b, &m, 0) && this_cpu() == b->machine->cpu && entered(b, &m, 0);
    due = due && this_cpu() == b->machine->cpu && exited(b, &other, 0, 0);
    due = due && run_once(b, &m, 0).event == PROCESSOR_PREEMPTED && this_cpu() == b->machine->cpu;
    destroy(b, &m);
    destroy(b, &other);
    return due;
}

/* Its stack pointer is nobody's concern but its own, wherever it points. */
static bool strange_stacks(struct bed *b)
{
    static const uint64_t stacks[] = {0,
                                      1,
                                      0x7fffffffffff,
                                      0x800000000000,
                                      LAYOUT_DIRECT_BASE + 0x4000000,
                                      LAYOUT_KERNEL_BASE + 0x101000,
                                      UINT64_MAX,
                                      LAYOUT_USER_BASE};
    bool due = true;
    for (uint32_t i = 0; due && i < sizeof stacks / sizeof stacks[0]; i++) {
        const struct made m = MAKE(b, 1, user_strange_stack);
        m.page[DATA][AT_ADDRESS] = stacks[i];
        due = entered(b, &m, 0) && run_once(b, &m, 0).event == PROCESSOR_PREEMPTED &&
              run_once(b, &m, 0).event == PROCESSOR_PREEMPTED;
        m.page[DATA][AT_STOP] = 1;
        due = due && exited(b, &m, 0, 9);
        destroy(b, &m);
    }
    return due;
}

/* Entries as a program file may name them. */
static bool strange_entries(struct bed *b)
{
    static const struct {
        uint64_t entry;
        uint32_t vector, error;
        uint64_t address;
    } entries[] = {
        {LAYOUT_USER_END, 13, 0, 0},
        {UINT64_MAX, 13, 0, 0},
        {LAYOUT_KERNEL_BASE + 0x102000, 13, 0, 0},
        {LAYOUT_USER_END - 1u, 14, 0x14, LAYOUT_USER_END - 1u},
        {0, 14, 0x14, 0},
    };
    bool due = true;
    for (uint32_t i = 0; due && i < sizeof entries / sizeof entries[0]; i++) {
        const struct made m = {.space = 1};
        ASSERT(ops(b)->space_create(b->processor->ctx, 1));
        ops(b)->start(b->processor->ctx, 1, entries[i].entry, 0, 0);
        due = faulted(b, &m, entries[i].vector, entries[i].error, entries[i].address);
        destroy(b, &m);
    }
    return due;
}

/* Reads the first page of a room of `pages` pages, which then goes while the program's tables are loaded.
 * Another one at the same address is read as what it is. */
static bool unmapped_at_once(struct bed *b, uint32_t pages)
{
    const struct made m = MAKE(b, 1, user_reads);
    void *ctx = b->processor->ctx;
    uint64_t *room = take_pages(b, pages);
    uint64_t *next = take_pages(b, pages);
    room[0] = 1111;
    next[0] = 2222;
    const uint64_t at = give(b, 1, room, pages, PROCESSOR_READ);
    m.page[DATA][AT_ADDRESS] = at;
    bool due = entered(b, &m, 0) && entered(b, &m, 0) && m.page[DATA][AT_VALUE] == 1111;
    ops(b)->unmap(ctx, 1, at, pages);
    due = due && give(b, 1, next, pages, PROCESSOR_READ) == at;
    due = due && entered(b, &m, 0) && m.page[DATA][AT_VALUE] == 2222;
    ops(b)->unmap(ctx, 1, at, pages);
    due = due && faulted(b, &m, 14, 4, at);
    destroy(b, &m);
    return due;
}

static bool unmap_small(struct bed *b)
{
    return unmapped_at_once(b, 1);
}

static bool unmap_large(struct bed *b)
{
    return unmapped_at_once(b, PAGES);
}

/* A write is lost to a mapping that is now read-only, although the CPU knew it as writable. */
static bool narrowed_at_once(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_enters);
    void *ctx = b->processor->ctx;
    bool due = entered(b, &m, 0) && entered(b, &m, 0); /* it has used its stack */
    ops(b)->unmap(ctx, 1, m.at[STACK], 1);
    ASSERT(ops(b)->reserve(ctx, 1, (uint8_t *)m.page[STACK], 1) == m.at[STACK]);
    ASSERT(ops(b)->map(ctx, 1, m.at[STACK], (uint8_t *)m.page[STACK], 1, PROCESSOR_READ));
    due = due && faulted(b, &m, 14, 7, m.at[STACK] + LAYOUT_PAGE - 8u);
    destroy(b, &m);
    return due;
}

/* One address, two spaces, two pages; and a room of the one is nothing in the other. */
static bool spaces_are_apart(struct bed *b)
{
    const struct made one = MAKE(b, 1, user_reads);
    const struct made two = MAKE(b, 2, user_writes);
    uint64_t *mine = take_pages(b, 1);
    const uint64_t at = give(b, 1, mine, 1, PROCESSOR_READ);
    bool due = one.at[DATA] == two.at[DATA];
    one.page[DATA][AT_ADDRESS] = one.at[DATA] + 8u * AT_VALUE;
    two.page[DATA][AT_ADDRESS] = two.at[DATA] + 512u;
    two.page[DATA][AT_VALUE] = 2;
    due = due && entered(b, &one, 0) && exited(b, &two, 0, 0) && two.page[DATA][64] == 2;
    due = due && one.page[DATA][64] == 0 && entered(b, &one, 0);
    destroy(b, &two);
    const struct made three = MAKE(b, 2, user_writes);
    three.page[DATA][AT_ADDRESS] = at;
    due = due && faulted(b, &three, 14, 6, at) && mine[0] == 0;
    destroy(b, &one);
    destroy(b, &three);
    return due;
}

/* The space that ran goes; the next one of its number has nothing of it. */
static bool destroyed_space_is_gone(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_enters);
    uint64_t *room = take_pages(b, 1);
    const uint64_t at = give(b, 1, room, 1, PROCESSOR_READ_WRITE);
    bool due = entered(b, &m, 0);
    destroy(b, &m);
    due = due && b->machine->tables.taken == 0 && cr3_read() == b->machine->space->paging.pool_physical;
    const struct made next = MAKE(b, 1, user_reads);
    next.page[DATA][AT_ADDRESS] = at;
    due = due && entered(b, &next, 0) && faulted(b, &next, 14, 4, at);
    destroy(b, &next);
    return due && b->machine->tables.taken == 0;
}

/* All spaces at once, then tables until there are none: refused, and all come back. */
static bool tables_run_out(struct bed *b)
{
    void *ctx = b->processor->ctx;
    uint64_t *memory = take_pages(b, 1);
    uint32_t rooms = 0;
    uint64_t at = 0;
    bool mapped = true;
    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        ASSERT(ops(b)->space_create(ctx, i));
    for (uint16_t i = 0; mapped && i < PROCESSES_MAX; i++)
        for (uint32_t j = 0; mapped && j < USER_TABLES; j++, rooms++) {
            at = ops(b)->reserve(ctx, i, (uint8_t *)memory, 510);
            mapped = at == 0 || ops(b)->map(ctx, i, at, (uint8_t *)memory, 1, PROCESSOR_READ);
        }
    const bool full = b->machine->tables.taken == PROCESSOR_TABLES;
    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        ops(b)->space_destroy(ctx, i);
    return !mapped && full && rooms > 100 && b->machine->tables.taken == 0;
}

/* Registers that were never looked at before are mapped while a program's tables are loaded, where the root
 * has no entry yet. */
static bool kernel_grows(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_enters);
    const uint32_t used = b->machine->space->paging.used;
    bool due = entered(b, &m, 0);
    for (uint32_t i = 1; i <= 3; i++)
        (void)platform_mmio_read(b->platform, (1ull << 40) - 0x1000u * i, 4);
    due = due && b->machine->space->paging.used > used && entered(b, &m, 0);
    (void)platform_mmio_read(b->platform, (1ull << 40) - 0x1000u, 4);
    due = due && entered(b, &m, 0);
    destroy(b, &m);
    return due;
}

/* UMIP where there is one: else the program learns an address, and nothing more. */
static bool tables_are_hidden(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_stores_table);
    const bool umip = (b->machine->cpu->features & CPU_UMIP) != 0;
    const bool due = umip ? faulted(b, &m, 13, 0, 0) : exited(b, &m, 0, 0);
    destroy(b, &m);
    return due;
}

static bool memory_is_apart(struct bed *b)
{
    const struct platform_dma_region dma = platform_dma_region(b->platform);
    const struct platform_memory_region programs = platform_memory_region(b->platform);
    return programs.bytes > 0 && dma.bytes > 0 && (uintptr_t)programs.cpu % LAYOUT_PAGE == 0 &&
           programs.bytes % LAYOUT_PAGE == 0 &&
           (programs.cpu >= dma.cpu + dma.bytes || dma.cpu >= programs.cpu + programs.bytes);
}

/* The controller's own loopback: what port 1 sends it receives (PC16550D, 8.6.7). */
static bool console_reads(struct bed *b)
{
    const uint16_t port = b->platform->uarts[0].port;
    char got[8];
    memset(got, 0, sizeof got);
    bool due = platform_console_read(b->platform, CONSOLE_MAIN, got, sizeof got) == 0;
    pc_uart_drain(&b->platform->uarts[0]);
    port_out8((uint16_t)(port + 4u), 0x1b);
    for (uint32_t i = 0; i < 5; i++)
        port_out8(port, (uint8_t)("hello"[i]));
    due = due && platform_console_read(b->platform, CONSOLE_MAIN, got, 3) == 3;
    due = due && platform_console_read(b->platform, CONSOLE_MAIN, got + 3, 5) == 2;
    due = due && platform_console_read(b->platform, CONSOLE_MAIN, got + 5, 3) == 0;
    port_out8((uint16_t)(port + 4u), 0x0b);
    return due && memcmp(got, "hello", 5) == 0;
}

static bool audit_port(struct bed *b)
{
    static const char text[] = "audit port\n";
    platform_console_write(b->platform, CONSOLE_AUDIT, text, sizeof text - 1);
    return true;
}

struct scenario {
    const char *name;
    bool (*run)(struct bed *b);
};

static const struct scenario scenarios[] = {
    {"calls", calls},
    {"call-keeps-registers", call_keeps_registers},
    {"preemption-keeps-registers", preemption_keeps_registers},
    {"preemption-keeps-flags", preemption_keeps_flags},
    {"loop-is-preempted", loop_is_preempted},
    {"loop-is-preempted-by-an-early-timer", loop_is_preempted_by_an_early_timer},
    {"device-interrupt-is-counted", device_interrupt_is_counted},
    {"flags-over-call", flags_over_call},
    {"flags-over-fault", flags_over_fault},
    {"step-into-call", step_into_call},
    {"segments", segments},
    {"strange-stacks", strange_stacks},
    {"strange-entries", strange_entries},
    {"unmap-small", unmap_small},
    {"unmap-large", unmap_large},
    {"narrowed-at-once", narrowed_at_once},
    {"spaces-are-apart", spaces_are_apart},
    {"destroyed-space-is-gone", destroyed_space_is_gone},
    {"tables-run-out", tables_run_out},
    {"kernel-grows", kernel_grows},
    {"tables-are-hidden", tables_are_hidden},
    {"returns-to-kernel", returns_to_kernel},
    {"memory-is-apart", memory_is_apart},
    {"console-reads", console_reads},
    {"audit-port", audit_port},
};

static void say(struct bed *b, const char *name, bool ok)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, ok ? "ok " : "not ok ");
    text_string(&t, name);
    console_line(b->console, t.at, t.used);
    b->failed += !ok;
}

static void say_number(struct bed *b, const char *name, uint64_t value)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, name);
    text_u64(&t, value);
    console_line(b->console, t.at, t.used);
}

static void measure(struct bed *b)
{
    const struct made m = MAKE(b, 1, user_enters);
    (void)entered(b, &m, 0);
    const uint64_t begun = platform_now_ns(b->platform);
    for (uint32_t i = 0; i < CALLS; i++)
        (void)run(b, &m, 0);
    say_number(b, "round_trip_ns=", (platform_now_ns(b->platform) - begun) / CALLS);
    destroy(b, &m);
}

/* What the boot package is, to whom it is given: a sum of its bytes, as the kernel and as a program read it.
 */
static void say_package(struct bed *b, const struct kernel_boot *boot)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < boot->package_bytes; i++)
        sum = sum * 31u + boot->package[i];
    say_number(b, "package_bytes=", boot->package_bytes);
    say_number(b, "package_sum=", sum);
    if (boot->package_bytes == 0)
        return;
    const struct made m = MAKE(b, 1, user_reads);
    const uint32_t pages = (uint32_t)((boot->package_bytes + LAYOUT_PAGE - 1u) / LAYOUT_PAGE);
    uint64_t *package = (uint64_t *)(uintptr_t)boot->package; /* read-only there as here */
    m.page[DATA][AT_ADDRESS] = give(b, 1, package, pages, PROCESSOR_READ);
    if (entered(b, &m, 0) && entered(b, &m, 0))
        say_number(b, "package_first=", m.page[DATA][AT_VALUE]);
    destroy(b, &m);
}

/* Programs that never end, for a machine that is stopped from outside: also by the local controller's second
 * pin, which the kernel masks, as the NMI that firmware means by it. */
static void for_ever(struct bed *b, const struct made *m)
{
    platform_mmio_write(b->platform, b->machine->cpu->apic.base + 0x360u, 4, 0x400);
    console_line(b->console, "runs", 4);
    while (!platform_end_requested(b->platform))
        (void)run_once(b, m, 0);
}

static bool named(const struct kernel_boot *boot, const char *line)
{
    size_t at = 0;
    for (; line[at] != 0; at++)
        if (at >= boot->command_line_bytes || boot->command_line[at] != line[at])
            return false;
    return at == boot->command_line_bytes;
}

int kernel_main(struct kernel_storage *k, const struct kernel_boot *boot)
{
    struct console console;
    struct bed b = {.platform = boot->platform,
                    .console = &console,
                    .processor = boot->processor,
                    .machine = boot->processor->ctx,
                    .memory = platform_memory_region(boot->platform).cpu};
    (void)k;
    console_init(&console, boot->platform);
    if (named(boot, "test=package")) {
        say_package(&b, boot);
    } else if (named(boot, "test=loops") || named(boot, "test=enters")) {
        const struct made m = named(boot, "test=loops") ? MAKE(&b, 1, user_loops) : MAKE(&b, 1, user_enters);
        for_ever(&b, &m);
    } else if (named(boot, "test=kernel-fault")) { /* with a program's tables loaded */
        const struct made m = MAKE(&b, 1, user_enters);
        (void)entered(&b, &m, 0);
        __builtin_trap();
    } else {
        for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++)
            say(&b, scenarios[i].name, scenarios[i].run(&b));
        for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++)
            say(&b, faults[i].name, fault(&b, &faults[i]));
        measure(&b);
        console_line(&console, "userland done", 13);
    }
    return b.failed != 0;
}
