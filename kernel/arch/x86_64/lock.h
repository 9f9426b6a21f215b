/* SPDX-License-Identifier: BSD-2-Clause */
/* The one kernel lock: who holds it may touch the kernel's state. With one CPU it is never contended; taking
 * it twice is a bug of ours. */
#ifndef CAPOS_ARCH_LOCK_H
#define CAPOS_ARCH_LOCK_H

#include "abi/assert.h"
#include "kernel/arch/x86_64/cpu.h"

struct kernel_lock {
    uint32_t taken;
    uint32_t holder; /* number of the CPU */
};

static inline void kernel_lock_take(struct kernel_lock *l)
{
    /* Acquire: what the last holder wrote is seen behind it. */
    while (__atomic_exchange_n(&l->taken, 1u, __ATOMIC_ACQUIRE) != 0) {
        ASSERT(__atomic_load_n(&l->holder, __ATOMIC_RELAXED) != this_cpu()->number);
        cpu_pause();
    }
    __atomic_store_n(&l->holder, this_cpu()->number, __ATOMIC_RELAXED);
}

static inline void kernel_lock_release(struct kernel_lock *l)
{
    ASSERT(__atomic_load_n(&l->taken, __ATOMIC_RELAXED) == 1u);
    ASSERT(__atomic_load_n(&l->holder, __ATOMIC_RELAXED) == this_cpu()->number);
    /* Release: what was written under the lock is seen before it is free. */
    __atomic_store_n(&l->taken, 0u, __ATOMIC_RELEASE);
}

#endif
