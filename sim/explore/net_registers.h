/* SPDX-License-Identifier: BSD-2-Clause */
/* Between net_device.c and net_registers.c. */
#ifndef CAPOS_EXPLORE_NET_REGISTERS_H
#define CAPOS_EXPLORE_NET_REGISTERS_H

#include "sim/explore/net_device.h"

uint32_t xp_net_header_bytes(const struct xp_net *n);
void xp_net_enable_queue(struct xp_net *n, uint32_t index);
void xp_net_reset_done(struct xp_net *n);
/* How many values a kind of lie has. */
uint32_t xp_net_lie_values(enum xp_net_lie kind);

#endif
