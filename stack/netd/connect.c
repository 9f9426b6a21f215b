/* SPDX-License-Identifier: BSD-2-Clause */
/* TcpConnectAuthority: the port that it leads to comes with the badge, which the kernel vouches for; the
 * address is a word of the manifest in this process's own start-up text. */
#include "abi/package.h"
#include "evidence/text.h"
#include "stack/netd/netd.h"

#define KEY_BYTES 20u

/* False: the package's maker wrote no address for it. */
static bool find_address(const struct netd *n, uint16_t port, ip_addr_t *out)
{
    char key[KEY_BYTES];
    struct text t = text_over(key, sizeof key - 1u);
    size_t bytes = 0;
    uint32_t address = 0, part = 0, dots = 0;

    text_string(&t, "connect_");
    text_u64(&t, port);
    key[t.used] = 0;
    const char *rule = rt_parameter(n->rt, key, &bytes);
    for (size_t i = 0; rule != NULL && i < bytes; i++) {
        if (rule[i] == '.') {
            address |= part << (8u * dots++);
            part = 0;
        } else {
            part = (part * 10u + (uint32_t)(rule[i] - '0')) & 0xffu;
        }
        if (dots > 3u)
            return false;
    }
    ip_addr_set_ip4_u32_val(*out, address | part << 24);
    return dots == 3u;
}

void netd_connect_call(struct netd *n, const struct ring_received *call)
{
    const uint16_t port = PACKAGE_BADGE_PORT(call->badge);
    ip_addr_t to;

    if (call->method != CONNECT_OPEN || port == 0 || call->args[0] > UINT32_MAX ||
        !find_address(n, port, &to)) {
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
        netd_answer(n, call->token, NET_E_VALUE, 0);
        return;
    }
    if (!netd_witness_may_connect(n)) {
        netd_answer(n, call->token, NET_E_NO_ADDRESS, 0);
        return;
    }
    netd_tcp_connect(n, call->token, &to, port, (uint32_t)call->args[0]);
}
