/* SPDX-License-Identifier: BSD-2-Clause */
/* Holds every instruction that a program must not hold, for the test that looks for them; it is never run. */
#include "user/rt/rt.h"

uint32_t program_main(struct rt *rt)
{
    (void)rt;
    __asm__ __volatile__("syscall\n\tint $0x80\n\trdtsc\n\trdtscp\n\trdrand %rax\n\trdseed %rax\n\tcpuid\n\t"
                         "inb $0x60, %al\n\toutb %al, $0x80\n\thlt\n\tfninit\n\tmovaps %xmm0, %xmm1\n\t");
    return 0;
}
