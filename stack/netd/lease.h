/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef L
#define L
#include "lwip/ip4_addr.h"
#include "lwip/netif.h"
#include <stdbool.h>
#include <stdint.h>
struct lease_route {
    uint32_t destination, via;
    uint8_t bits;
};
bool lease_route(uint64_t which, struct lease_route *out);
uint32_t lease_gateway(void);
uint32_t lease_routes(void);
void lease_card(struct netif *n, uint16_t mtu);
err_t lease_output(struct netif *n, struct pbuf *p, const ip4_addr_t *a);
#endif
