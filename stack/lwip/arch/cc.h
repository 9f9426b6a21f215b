/* SPDX-License-Identifier: BSD-2-Clause */
/* lwIP's view of the compiler and of what is around it: no libc, no output, one panic, one source of
 * randomness. lwIP includes this file by its name. */
#ifndef CAPOS_STACK_LWIP_CC_H
#define CAPOS_STACK_LWIP_CC_H

#include <stddef.h>
#include <stdint.h>

#define LWIP_NO_INTTYPES_H 1
#define LWIP_NO_CTYPE_H    1
#define LWIP_NO_UNISTD_H   (!__STDC_HOSTED__) /* a host has a ssize_t of its own there */

/* Of messages that are compiled to nothing; lwIP wants them named all the same. */
#define X8_F  "02x"
#define U16_F "u"
#define S16_F "d"
#define X16_F "x"
#define U32_F "u"
#define S32_F "d"
#define X32_F "x"
#define SZT_F "zu"

/* The program that links room lwip has these. */
_Noreturn void netd_panic(const char *what, const char *file, unsigned line);
uint32_t netd_random32(void);
uint16_t net_checksum(const void *bytes, int count); /* checksum.h of the folder above */

#define LWIP_PLATFORM_DIAG(x)                                                                                \
    do {                                                                                                     \
    } while (0)
#define LWIP_PLATFORM_ASSERT(x) netd_panic(x, __FILE__, (unsigned)__LINE__)
#define LWIP_RAND()             netd_random32()
#define LWIP_CHKSUM             net_checksum

#endif
