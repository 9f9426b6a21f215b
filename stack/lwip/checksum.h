/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPOS_STACK_LWIP_CHECKSUM_H
#define CAPOS_STACK_LWIP_CHECKSUM_H

#include <stdint.h>

/* Sum of the 16-bit words of `count` bytes, ones' complement, not inverted, as the words lie in memory; at
 * any alignment, an odd last byte is followed by a zero. A count below 0 is 0: it is lwIP's int. */
uint16_t net_checksum(const void *bytes, int count);

#endif
