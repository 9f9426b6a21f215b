/* SPDX-License-Identifier: BSD-2-Clause */
#include "stack/netd/lease.h"
#include "hooks.h"
#include "lwip/dhcp.h"
#include "lwip/etharp.h"
bool lease_route(uint64_t which, struct lease_route *out)
{
    (void)which;
    (void)out;
    return false;
}
uint32_t lease_gateway(void)
{
    return netif_default ? ip4_addr_get_u32(netif_ip4_gw(netif_default)) : 0;
}
uint32_t lease_routes(void)
{
    return 1;
}
void lease_card(struct netif *n, uint16_t mtu)
{
    (void)n;
    (void)mtu;
}
err_t lease_output(struct netif *n, struct pbuf *p, const ip4_addr_t *a)
{
    ip4_addr_t hop = *a;
    if (!ip4_addr_isbroadcast(a, n) && !ip4_addr_ismulticast(a) &&
        !ip4_addr_net_eq(a, netif_ip4_addr(n), netif_ip4_netmask(n)))
        hop = *netif_ip4_gw(n);
    return etharp_output(n, p, &hop);
}
void netd_dhcp_parse(struct netif *netif, u8_t state, const struct dhcp_msg *message, u8_t option,
                     struct pbuf *p)
{
    (void)netif;
    (void)state;
    (void)message;
    (void)option;
    (void)p;
}
void netd_dhcp_append(struct netif *netif, u8_t *options, u16_t *used)
{
    (void)netif;
    (void)options;
    (void)used;
}
