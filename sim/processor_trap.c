/* SPDX-License-Identifier: BSD-2-Clause */
/* Faults of programs, on a stack of their own: the registers are kept and the kernel's context goes on. What
 * happens outside of a program is left to whoever held the signal before: the instruction runs again. */
#include "sim/processor_switch.h"

#include <signal.h>
#include <string.h>
#include <sys/time.h>
#include <ucontext.h>

#define ALTERNATE_BYTES   65536u
#define VECTOR_PAGE_FAULT 14u
#define FLAGS_PLAIN       0x202

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGVTALRM};
#define SIGNALS (sizeof signals / sizeof signals[0])

struct sim_switch *sim_switch_now;

static struct sigaction before[SIGNALS];
static stack_t stack_before;
static uint32_t opened;
static uint32_t period_ms; /* of the timer; 0: it stands still */
static uint64_t run, run_at_tick; /* the one under way or the last; the one that the last tick met */
static uint8_t alternate[ALTERNATE_BYTES] __attribute__((aligned(16)));

/* In the order of processor.h. */
static const int order[PROCESSOR_REGISTERS] = {REG_RAX, REG_RBX, REG_RCX, REG_RDX, REG_RSI, REG_RDI,
                                               REG_RBP, REG_RSP, REG_R8,  REG_R9,  REG_R10, REG_R11,
                                               REG_R12, REG_R13, REG_R14, REG_R15, REG_RIP, REG_EFL};

static void give_on(int number)
{
    for (size_t i = 0; i < SIGNALS; i++) {
        if (signals[i] == number)
            sigaction(number, &before[i], NULL);
    }
}

static void handle(int number, siginfo_t *info, void *where)
{
    struct sim_switch *s = sim_switch_now;
    greg_t *registers = ((ucontext_t *)where)->uc_mcontext.gregs;

    if (number == SIGVTALRM) {
        if (!s || !s->inside)
            return;
        if (run_at_tick != run) { /* it began since the last tick */
            run_at_tick = run;
            return;
        }
        s->by = SIM_BY_LIMIT;
    } else {
        if (!s || !s->inside || info->si_code <= 0) { /* not of a program's instruction */
            give_on(number);
            if (info->si_code <= 0)
                raise(number);
            return;
        }
        s->by = SIM_BY_FAULT;
    }
    s->stop = (struct processor_stop){.event = PROCESSOR_FAULT,
                                      .code = (uint32_t)registers[REG_TRAPNO],
                                      .error = (uint32_t)registers[REG_ERR]};
    if (s->stop.code == VECTOR_PAGE_FAULT)
        s->stop.address = (uint64_t)registers[REG_CR2];
    for (uint32_t i = 0; i < PROCESSOR_REGISTERS; i++)
        s->stop.registers[i] = (uint64_t)registers[order[i]];
    s->inside = 0;
    registers[REG_RAX] = (greg_t)(uintptr_t)s;
    registers[REG_RIP] = (greg_t)(uintptr_t)sim_switch_out;
    registers[REG_EFL] = FLAGS_PLAIN;
}

static void tick_every(uint32_t milliseconds)
{
    const struct timeval every = {.tv_sec = milliseconds / 1000u,
                                  .tv_usec = (suseconds_t)(milliseconds % 1000u) * 1000};
    const struct itimerval period = {.it_interval = every, .it_value = every};

    setitimer(ITIMER_VIRTUAL, &period, NULL);
    period_ms = milliseconds;
}

bool sim_trap_open(void)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART};
    const stack_t stack = {.ss_sp = alternate, .ss_size = sizeof alternate};

    if (opened > 0) {
        opened++;
        return true;
    }
    sigemptyset(&action.sa_mask);
    if (sigaltstack(&stack, &stack_before) != 0)
        return false;
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &action, &before[i]);
    opened = 1;
    return true;
}

void sim_trap_close(void)
{
    if (--opened > 0)
        return;
    tick_every(0);
    for (size_t i = 0; i < SIGNALS; i++)
        sigaction(signals[i], &before[i], NULL);
    sigaltstack(&stack_before, NULL);
}

void sim_trap_run(uint32_t limit_ms)
{
    run++;
    if (period_ms != limit_ms)
        tick_every(limit_ms);
}
