/* SPDX-License-Identifier: BSD-2-Clause */
#include "kernel/arch/x86_64/processor.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "platform/platform.h"

#define NOBODY            PROCESSES_MAX
#define TICKS_MAX         UINT32_MAX
#define MEASURE_NS        1000000ull
#define MEASURE_READS_MAX 10000000u
#define MEASURE_TRIES     8u /* something between each time: slices are not quite of their length */
#define FORGET_PAGES_MAX  32u /* more of them cost more than all */

#define FLAG_ALWAYS     (1u << 1)
#define FLAG_INTERRUPTS (1u << 9)
/* What a program may have set (Intel SDM 1, 3.4.3): CF PF AF ZF SF TF DF OF NT AC ID. IOPL stays 0: it has no
 * port, no CLI. TF makes its next instruction #DB, NT and DF and AC stay its own: the kernel clears them at
 * every entry (SFMASK, traps.S). */
#define FLAGS_KEPT 0x244dd5u

#define FAULT_UNDEFINED  6u
#define FAULT_PROTECTION 13u

/* Of the image, as the kernel's own tables are: no direct mapping leads there, so no program can be given
 * one. */
static uint8_t pool[PROCESSOR_TABLES * PAGING_SMALL]
    __attribute__((aligned(4096), section(".bss.noinit.user_tables")));

static uint64_t root_of(const struct user_program *u)
{
    return u->space.root;
}

static const uint64_t *kernel_half(const struct machine_processor *m)
{
    return (const uint64_t *)(const void *)m->space->paging.pool + 256;
}

static struct user_program *program(struct machine_processor *m, uint16_t space)
{
    ASSERT(space < PROCESSES_MAX);
    ASSERT(m->programs[space].state != USER_NONE);
    return &m->programs[space];
}

/* The one place where a mapping that is gone is taken from what CPUs remember. A space that is not loaded is
 * remembered by none: loading a root forgets all that is not global, and nothing of a program is (Intel SDM
 * 3A, 4.10.4.1). Page by page also forgets every table of the way (4.10.4.1, INVLPG). Other CPUs, once there
 * are some, are told from here. */
static void shoot_down(const struct user_program *u, uint64_t at, uint32_t pages)
{
    if (cr3_read() != root_of(u))
        return;
    if (pages > FORGET_PAGES_MAX) {
        cr3_write(root_of(u));
        return;
    }
    for (uint32_t i = 0; i < pages; i++)
        page_forget(at + i * PAGING_SMALL);
}

static bool space_create(void *ctx, uint16_t space)
{
    struct machine_processor *m = ctx;
    ASSERT(space < PROCESSES_MAX);
    struct user_program *u = &m->programs[space];
    ASSERT(u->state == USER_NONE);
    if (!user_space_create(&u->space, &m->tables))
        return false;
    /* One page of the kernel's image, through its physical address: there is no other way into the image. */
    const uint64_t stubs = paging_find(&m->space->paging, (uint64_t)(uintptr_t)user_stubs).physical;
    const uint64_t at = user_reserve(&u->space, 1);
    ASSERT(user_stubs_end - user_stubs == LAYOUT_PAGE);
    ASSERT(at == LAYOUT_USER_BASE + LAYOUT_PAGE);
    if (!user_map(&u->space, &m->tables, at, stubs, 1, PAGE_READ_EXECUTE)) {
        user_space_destroy(&u->space, &m->tables);
        return false;
    }
    u->state = USER_EMPTY;
    u->shared = 0;
    return true;
}

static void space_destroy(void *ctx, uint16_t space)
{
    struct machine_processor *m = ctx;
    struct user_program *u = program(m, space);
    if (cr3_read() == root_of(u))
        cr3_write(m->space->paging.pool_physical);
    user_space_destroy(&u->space, &m->tables);
    memset(&u->frame, 0, sizeof u->frame);
    u->state = USER_NONE;
    if (m->last == space) /* the next one of this number is another program */
        m->last = NOBODY;
}

static uint64_t reserve(void *ctx, uint16_t space, uint8_t *memory, uint32_t pages)
{
    ASSERT((uintptr_t)memory % PAGING_SMALL == 0);
    return user_reserve(&program(ctx, space)->space, pages);
}

static enum page_access access_of(enum processor_access access)
{
    if (access == PROCESSOR_READ_WRITE)
        return PAGE_READ_WRITE;
    ASSERT(access == PROCESSOR_READ || access == PROCESSOR_READ_EXECUTE);
    return access == PROCESSOR_READ ? PAGE_READ : PAGE_READ_EXECUTE;
}

/* Programs get memory, never a page of the image, and never more than the kernel itself may do with it. */
static bool map(void *ctx, uint16_t space, uint64_t at, uint8_t *memory, uint32_t pages,
                enum processor_access access)
{
    struct machine_processor *m = ctx;
    struct user_program *u = program(m, space);
    const uint64_t virtual = (uint64_t)(uintptr_t)memory;
    ASSERT(virtual % PAGING_SMALL == 0);
    ASSERT(virtual >= LAYOUT_DIRECT_BASE && virtual < LAYOUT_DIRECT_BASE + SPACE_DIRECT_MAX);
    for (uint32_t i = 0; i < pages; i++) {
        const struct page_mapping own = paging_find(&m->space->paging, virtual + i * PAGING_SMALL);
        ASSERT(own.access == PAGE_READ_WRITE || (own.access == PAGE_READ && access == PROCESSOR_READ));
        if (!user_map(&u->space, &m->tables, at + i * PAGING_SMALL, own.physical, 1, access_of(access)))
            return false;
    }
    return true; /* what was absent is remembered by no CPU (Intel SDM 3A, 4.10.2.3) */
}

static void unmap(void *ctx, uint16_t space, uint64_t at, uint32_t pages)
{
    struct machine_processor *m = ctx;
    struct user_program *u = program(m, space);
    user_unmap(&u->space, &m->tables, at, pages);
    shoot_down(u, at, pages);
    user_give_back(&u->space, &m->tables, at, pages);
}

static void entries(void *ctx, uint16_t space, uint64_t *cap_enter, uint64_t *exit)
{
    const uint64_t at = LAYOUT_USER_BASE + LAYOUT_PAGE;
    (void)program(ctx, space);
    *cap_enter = at + (uint64_t)(user_stub_enter - user_stubs);
    *exit = at + (uint64_t)(user_stub_exit - user_stubs);
}

static void start(void *ctx, uint16_t space, uint64_t entry, uint64_t stack, uint64_t argument)
{
    struct user_program *u = program(ctx, space);
    ASSERT(u->state == USER_EMPTY);
    u->frame = (struct trap_frame){.rip = entry, .rsp = stack, .rdi = argument};
    u->state = USER_READY;
}

/* How fast the local timer and the cycle counter go, by the platform's clock. False: something came between
 * the readings, an SMI or another guest's turn. */
static bool measure_once(struct machine_processor *m)
{
    const struct apic *apic = &m->cpu->apic;
    const uint64_t begun = platform_now_ns(m->platform);
    const uint64_t before = cpu_cycles();
    uint64_t now = begun;
    apic_timer_start(apic, TICKS_MAX, false);
    for (uint32_t i = 0; i < MEASURE_READS_MAX && now - begun < MEASURE_NS; i++)
        now = platform_now_ns(m->platform);
    const uint64_t ticks = TICKS_MAX - apic_timer_left(apic);
    const uint64_t gone = now - begun;
    ASSERT(gone > 0);
    m->slice_cycles = (cpu_cycles() - before) * PROCESSOR_SLICE_NS / gone;
    const uint64_t slice = ticks * PROCESSOR_SLICE_NS / gone;
    ASSERT(slice > 0); /* a local timer that stands still: no program could be stopped */
    m->slice_ticks = slice < TICKS_MAX ? (uint32_t)slice : TICKS_MAX;
    return platform_now_ns(m->platform) - now < MEASURE_NS / 8u;
}

static void measure(struct machine_processor *m)
{
    bool whole = false;

    for (uint32_t i = 0; i < MEASURE_TRIES && !whole; i++)
        whole = measure_once(m);
}

/* The timer is left running from one turn to the next, so that a call costs no access to it: a slice is as
 * long as half of one at least, and one at most. One that went off in the kernel is taken here: left pending,
 * it would end the next program's turn before its first instruction. Whether it still runs is not for the
 * cycle counter alone to say: the two rates were measured, and something may have come between. One that went
 * off early and was not started again would leave a program the processor for good. */
static void begin_slice(struct machine_processor *m)
{
    if (m->slice_ticks == 0)
        measure(m);
    const uint64_t now = cpu_cycles();
    const uint64_t left = m->slice_end - now; /* beyond a slice: it is over */
    const bool runs = m->cpu->trap_count[APIC_VECTOR_TIMER] == m->slice_traps;
    if (runs && left <= m->slice_cycles && left >= m->slice_cycles / 2u)
        return;
    cpu_take_interrupts();
    m->slice_traps = m->cpu->trap_count[APIC_VECTOR_TIMER];
    apic_timer_start(&m->cpu->apic, m->slice_ticks, true);
    m->slice_end = now + m->slice_cycles;
}

static void enter_space(struct machine_processor *m, struct user_program *u)
{
    if (u->shared != m->space->paging.used) { /* the kernel mapped something since */
        user_space_share(&u->space, &m->tables, kernel_half(m));
        u->shared = m->space->paging.used;
    }
    if (cr3_read() != root_of(u))
        cr3_write(root_of(u));
}

/* The frame as IRETQ and SYSRET may load it: selectors and flags that no program chooses. */
static void settle_frame(struct trap_frame *f)
{
    f->cs = SELECTOR_USER_CODE;
    f->ss = SELECTOR_USER_DATA;
    f->rflags = (f->rflags & FLAGS_KEPT) | FLAG_ALWAYS | FLAG_INTERRUPTS;
}

static void say_registers(const struct trap_frame *f, uint64_t out[PROCESSOR_REGISTERS])
{
    const uint64_t all[PROCESSOR_REGISTERS] = {f->rax, f->rbx, f->rcx, f->rdx, f->rsi, f->rdi,
                                               f->rbp, f->rsp, f->r8,  f->r9,  f->r10, f->r11,
                                               f->r12, f->r13, f->r14, f->r15, f->rip, f->rflags};
    memcpy(out, all, sizeof all);
}

static void say_fault(struct user_program *u, uint32_t vector, struct processor_stop *out)
{
    out->event = PROCESSOR_FAULT;
    out->code = vector;
    say_registers(&u->frame, out->registers);
    u->state = USER_ENDED;
}

static void say_call(struct user_program *u, struct processor_stop *out)
{
    const struct trap_frame *f = &u->frame;
    if (f->rax == USER_CALL_ENTER) {
        out->event = PROCESSOR_ENTER;
        out->min_complete = (uint32_t)f->rdi;
        out->timeout_ns = f->rsi;
        u->state = USER_IN_CALL;
    } else if (f->rax == USER_CALL_EXIT) {
        out->event = PROCESSOR_EXIT;
        out->code = (uint32_t)f->rdi;
        u->state = USER_ENDED;
    } else { /* there are two calls: this is an instruction that does not exist */
        say_fault(u, FAULT_UNDEFINED, out);
    }
}

static void say_trap(struct machine_processor *m, struct user_program *u, struct processor_stop *out)
{
    const struct trap_frame *f = &u->frame;
    if (f->vector >=
        TRAP_EXCEPTIONS) { /* the timer, or a device: who waits for that one has its turn early */
        out->event = PROCESSOR_PREEMPTED;
        u->state = USER_STOPPED;
        return;
    }
    out->error = (uint32_t)f->error;
    if (f->vector == TRAP_PAGE_FAULT)
        out->address = m->cpu->user_address;
    say_fault(u, (uint32_t)f->vector, out);
}

static void run(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out)
{
    struct machine_processor *m = ctx;
    struct user_program *u = program(m, space);
    uint32_t how = m->last != space ? USER_RUN_SEGMENTS : 0;
    ASSERT(u->state == USER_READY || u->state == USER_IN_CALL || u->state == USER_STOPPED);
    memset(out, 0, sizeof *out);
    /* Neither IRETQ nor SYSRET may meet an address that is not canonical: they fault in ring 0 (Intel SDM
     * 2B). A program that runs cannot get there, as the last page of the lower half is never mapped; its file
     * may say so. It faults, as a jump there does. */
    if (u->frame.rip >= LAYOUT_USER_END) {
        say_fault(u, FAULT_PROTECTION, out);
        return;
    }
    if (u->state == USER_IN_CALL) {
        u->frame.rax = result;
        how |= USER_RUN_RETURN;
    }
    settle_frame(&u->frame);
    enter_space(m, u);
    begin_slice(m);
    m->last = space;
    m->cpu->user = &u->frame;
    const uint32_t why = user_run(&u->frame, how);
    m->cpu->user = NULL;
    if (why == USER_CALLED)
        say_call(u, out);
    else
        say_trap(m, u, out);
}

static uint32_t pick(void *ctx, uint32_t n)
{
    (void)ctx;
    ASSERT(n >= 1);
    return 0;
}

void processor_init(struct machine_processor *m, struct cpu *cpu, struct space *space,
                    struct platform *platform)
{
    static const struct processor_ops ops = {.space_create = space_create,
                                             .space_destroy = space_destroy,
                                             .reserve = reserve,
                                             .map = map,
                                             .unmap = unmap,
                                             .entries = entries,
                                             .start = start,
                                             .run = run,
                                             .pick = pick};
    memset(m, 0, sizeof *m);
    m->processor = (struct processor){&ops, m};
    m->cpu = cpu;
    m->space = space;
    m->platform = platform;
    m->last = NOBODY;
    table_pool_init(&m->tables, pool, paging_find(&space->paging, (uint64_t)(uintptr_t)pool).physical,
                    PROCESSOR_TABLES);
}
