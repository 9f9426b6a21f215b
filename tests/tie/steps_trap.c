/* SPDX-License-Identifier: BSD-2-Clause */
/* The shipped build's recorder: every instruction of a call is stepped by the processor's trap flag, device
 * memory is closed to all, and an instruction that touches it faults first: address and direction are the
 * page fault's, the width is the instruction's. One static: signal handlers have no context. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "abi/assert.h"
#include "tests/tie/decode.h"
#include "tests/tie/steps.h"

/* Not memcpy: the linker sends that through a door of the recording (steps_doors.c). */
void *__real_memcpy(void *to, const void *from, size_t bytes);

#define FLAG_TRAP   0x100ull /* RFLAGS.TF */
#define FAULT_WRITE 2 /* page-fault error code, bit 1 (Intel SDM 3A, 4.7) */

static struct {
    uint8_t *base;
    size_t bytes;
    bool stepping;
    bool opened; /* by the fault of the instruction under way */
    struct steps_event *access; /* its event, waiting for the value; NULL: the list is full */
} trap;

static void die(const char *why)
{
    (void)!write(STDERR_FILENO, why, strlen(why));
    _exit(1);
}

static void protect(int how)
{
    if (mprotect(trap.base, trap.bytes, how) != 0)
        die("capos-steps: mprotect failed\n");
}

static void on_fault(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    const uint8_t *code = (const uint8_t *)uc->uc_mcontext.gregs[REG_RIP];
    const bool write = (uc->uc_mcontext.gregs[REG_ERR] & FAULT_WRITE) != 0;
    (void)signal;
    if (!steps_in_memory(info->si_addr, 1))
        die("capos-steps: a fault outside device memory\n");
    if (!trap.stepping)
        die("capos-steps: device memory was touched where nothing may touch it\n");
    if (trap.opened)
        die("capos-steps: a second fault of one instruction\n");
    const struct decoded_move move = decode_move(code);
    const uint32_t width = move.width != 0 && move.store == write ? move.width : 0;
    trap.access = steps_note(write ? STEPS_STORE : STEPS_LOAD, (uintptr_t)info->si_addr, width, 0, NULL);
    if (trap.access)
        (void)__real_memcpy(trap.access->code, code, STEPS_CODE_BYTES);
    trap.opened = true;
    protect(PROT_READ | PROT_WRITE);
}

static void on_step(int signal, siginfo_t *info, void *context)
{
    const ucontext_t *uc = context;
    (void)signal;
    (void)info;
    if (!trap.stepping)
        return; /* the last step, out of recorder_set */
    if (trap.opened) {
        /* Devices stand still during a call: what is there now is what was loaded or stored. */
        if (trap.access)
            (void)__real_memcpy(&trap.access->value, (const void *)trap.access->at, trap.access->width);
        trap.opened = false;
        protect(PROT_NONE);
    }
    if (decode_full_barrier((const uint8_t *)uc->uc_mcontext.gregs[REG_RIP]))
        (void)steps_note(STEPS_FULL_BARRIER, 0, 0, 0, NULL);
}

void recorder_init(uint8_t *base, size_t bytes)
{
    struct sigaction fault = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO};
    struct sigaction step = {.sa_sigaction = on_step, .sa_flags = SA_SIGINFO};
    trap.base = base;
    trap.bytes = bytes;
    bool set = sigaction(SIGSEGV, &fault, NULL) == 0 && sigaction(SIGTRAP, &step, NULL) == 0;
    ASSERT(set);
}

void recorder_set(bool on, bool memory)
{
    if (on) {
        protect(PROT_NONE);
        trap.stepping = true;
        __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | FLAG_TRAP);
        return;
    }
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~FLAG_TRAP);
    trap.stepping = false;
    if (memory)
        protect(PROT_READ | PROT_WRITE);
}
