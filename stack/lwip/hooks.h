/* SPDX-License-Identifier: BSD-2-Clause */
/* Where lwIP asks us. It includes this file by the name in lwipopts.h. */
#ifndef CAPOS_STACK_LWIP_HOOKS_H
#define CAPOS_STACK_LWIP_HOOKS_H

#include "lwip/err.h"
#include "lwip/ip_addr.h"

struct netif;
struct pbuf;
struct dhcp_msg;

/* Initial sequence number of a connection (stack/netd/random.c). */
u32_t netd_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port);
#define LWIP_HOOK_TCP_ISN netd_isn

/* A segment that found its PCB: a listener takes none from outside its source prefix, none that it has no
 * place for, and makes room for a newcomer (stack/netd/half_open.c). */
struct tcp_pcb;
struct tcp_hdr;
err_t netd_tcp_arrives(struct tcp_pcb *pcb, const struct tcp_hdr *header);
#define LWIP_HOOK_TCP_INPACKET_PCB(pcb, header, optlen, opt1len, opt2, p) netd_tcp_arrives(pcb, header)

/* Options of DHCP that lwIP does not know, in what came and in what is sent (stack/netd/lease.c). */
void netd_dhcp_parse(struct netif *netif, u8_t state, const struct dhcp_msg *message, u8_t option,
                     struct pbuf *p);
void netd_dhcp_append(struct netif *netif, u8_t type, u8_t *options, u16_t *used);
#define LWIP_HOOK_DHCP_PARSE_OPTION(netif, dhcp, state, message, type, option, length, p, offset)            \
    netd_dhcp_parse(netif, state, message, option, p)
#define LWIP_HOOK_DHCP_APPEND_OPTIONS(netif, dhcp, state, message, type, used)                               \
    netd_dhcp_append(netif, type, (message)->options, used)

/* The next hop was chosen before etharp_output was called (lease_output): it is asked of the link, whatever
 * the mask says. */
#define LWIP_HOOK_ETHARP_GET_GW(netif, destination) (destination)

#endif
