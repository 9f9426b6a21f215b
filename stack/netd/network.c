/* SPDX-License-Identifier: BSD-2-Clause */
/* NetworkManager: configuration, counters, ping, names; and when there is a network at all. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "lwip/dhcp.h"
#include "lwip/dns.h"
#include "lwip/icmp.h"
#include "lwip/inet_chksum.h"
#include "lwip/prot/dhcp.h"
#include "lwip/prot/iana.h"
#include "lwip/prot/icmp.h"
#include "lwip/raw.h"
#include "lwip/stats.h"
#include "stack/netd/netd.h"

#define PORT_DNS       53u
#define PING_ID        0x6e65u
#define PING_BYTES     40u /* ICMP header and data */
#define NAME_BYTES_MAX 253u /* RFC 1035 2.3.4, without the root's dot */

enum net_error netd_usable(const struct netd *n)
{
    if (n->nic.state != NIC_UP)
        return NET_E_DEVICE_UNAVAILABLE;
    return dhcp_supplied_address(&n->netif) ? NET_OK : NET_E_NO_ADDRESS;
}

/* Parameter `address_check`: before, after (the default) or never. */
static enum lease_check check_of(const struct netd *n)
{
    if (rt_parameter_is(n->rt, "address_check", "before"))
        return LEASE_CHECK_BEFORE;
    return rt_parameter_is(n->rt, "address_check", "never") ? LEASE_CHECK_NEVER : LEASE_CHECK_AFTER;
}

/* Begins to ask for a lease where lwIP does not: at first, and again where it gave up for want of memory. */
static void ask_for_lease(struct netd *n)
{
    const struct dhcp *dhcp = netif_dhcp_data(&n->netif);
    const uint64_t now_ns = ring_now(&n->rt->ring);

    if (n->nic.state != NIC_UP || (dhcp != NULL && dhcp->state != DHCP_STATE_OFF) ||
        now_ns < n->lease_again_ns)
        return;
    if (dhcp_start(&n->netif) == ERR_OK)
        return;
    n->counters[NET_COUNTER_EXHAUSTED]++;
    n->lease_again_ns = now_ns + NETD_RETRY_NS;
}

void netd_network_up(struct netd *n)
{
    if (netif_dhcp_data(&n->netif) == NULL)
        lease_attach(&n->lease, &n->netif, check_of(n));
    netif_set_up(&n->netif);
    netif_set_link_up(&n->netif); /* a lease that there was is asked for again */
    ask_for_lease(n);
}

static void pending_done(struct netd_pending *p, enum net_error error, uint64_t value)
{
    netd_complete(p->netd, &p->wait, error, value);
    if (p->kind == PENDING_RESOLVE && error != NET_OK && error != NET_E_NAME)
        p->abandoned = true; /* lwIP has its address until it calls back */
    else
        p->kind = PENDING_FREE;
}

/* What lwIP dropped, at each of its layers. */
static uint64_t refused_frames(void)
{
    const struct stats_proto *layers[] = {&lwip_stats.link, &lwip_stats.etharp, &lwip_stats.ip_frag,
                                          &lwip_stats.ip,   &lwip_stats.icmp,   &lwip_stats.udp,
                                          &lwip_stats.tcp};
    uint64_t count = 0;

    for (size_t i = 0; i < LWIP_ARRAYSIZE(layers); i++)
        count += layers[i]->drop;
    return count;
}

void netd_network_step(struct netd *n)
{
    const bool bound = dhcp_supplied_address(&n->netif) != 0;

    ask_for_lease(n);
    if (netif_dhcp_data(&n->netif) != NULL)
        lease_step(&n->netif);
    n->counters[NET_COUNTER_REFUSED_FRAMES] = refused_frames();
    n->counters[NET_COUNTER_REFUSED_LEASES] =
        n->lease.refused.messages + n->lease.refused.mtus + n->lease.refused.routes;
    if (random_wants_seed(&n->random))
        netd_reseed(n);
    netd_room_step(n);
    n->counters[NET_COUNTER_LEASES] += bound && !n->bound;
    n->bound = bound;
}

void netd_network_lost(struct netd *n)
{
    netif_set_link_down(&n->netif);
    for (uint32_t i = 0; i < NETD_PENDING; i++) {
        if (n->pending[i].kind != PENDING_FREE && !n->pending[i].abandoned)
            pending_done(&n->pending[i], NET_E_DISCONNECTED, 0);
    }
    netd_objects_lost(n);
}

uint64_t netd_pending_expire(struct netd *n, uint64_t now_ns)
{
    uint64_t due_ns = NETD_FOREVER;

    for (uint32_t i = 0; i < NETD_PENDING; i++) {
        struct netd_pending *p = &n->pending[i];

        if (p->kind != PENDING_FREE && netd_wait_over(&p->wait, now_ns))
            pending_done(p, NET_E_TIMEOUT, 0);
        else if (p->kind != PENDING_FREE)
            due_ns = netd_wait_due(&p->wait, due_ns);
    }
    return due_ns;
}

bool netd_peer(const uint64_t args[3], ip_addr_t *out)
{
    uint32_t address;

    memcpy(&address, &args[0], sizeof address);
    memset(out, 0, sizeof *out);
    ip_addr_set_ip4_u32(out, address);
    return NET_PEER_FAMILY(args[2]) == NET_FAMILY_IPV4 && address != 0 && args[0] >> 32 == 0 && args[1] == 0;
}

static struct netd_pending *pending_new(struct netd *n, enum netd_pending_kind kind, uint64_t token,
                                        uint64_t ns)
{
    for (uint32_t i = 0; i < NETD_PENDING; i++) {
        struct netd_pending *p = &n->pending[i];

        if (p->kind != PENDING_FREE)
            continue;
        *p = (struct netd_pending){.kind = (uint8_t)kind, .netd = n, .began_ns = ring_now(&n->rt->ring)};
        (void)netd_wait_begin(n, &p->wait, token, ns);
        return p;
    }
    n->counters[NET_COUNTER_EXHAUSTED]++;
    return NULL;
}

/* An echo reply of ours completes its ping; everything else is lwIP's. */
static u8_t on_icmp(void *arg, struct raw_pcb *pcb, struct pbuf *p, const ip_addr_t *from)
{
    struct netd *n = arg;
    struct icmp_echo_hdr echo;
    const u16_t at = ip4_current_header() == NULL ? 0 : IPH_HL_BYTES(ip4_current_header());

    LWIP_UNUSED_ARG(pcb);
    if (pbuf_copy_partial(p, &echo, sizeof echo, at) != sizeof echo || ICMPH_TYPE(&echo) != ICMP_ER ||
        echo.id != lwip_htons(PING_ID))
        return 0;
    for (uint32_t i = 0; i < NETD_PENDING; i++) {
        struct netd_pending *q = &n->pending[i];

        if (q->kind == PENDING_PING && ip_addr_eq(&q->address, from) &&
            q->sequence == lwip_ntohs(echo.seqno)) {
            pending_done(q, NET_OK, ring_now(&n->rt->ring) - q->began_ns);
            break;
        }
    }
    pbuf_free(p);
    return 1;
}

static enum net_error send_echo(struct netd *n, struct netd_pending *q)
{
    struct pbuf *p = pbuf_alloc(PBUF_IP, PING_BYTES, PBUF_RAM);
    struct icmp_echo_hdr *echo;
    err_t sent;

    if (p == NULL)
        return NET_E_NO_MEMORY;
    memset(p->payload, 0, PING_BYTES);
    echo = p->payload;
    ICMPH_TYPE_SET(echo, ICMP_ECHO);
    echo->id = lwip_htons(PING_ID);
    echo->seqno = lwip_htons(q->sequence);
    echo->chksum = inet_chksum(echo, PING_BYTES);
    sent = raw_sendto(n->ping, p, &q->address);
    pbuf_free(p);
    return sent == ERR_OK ? NET_OK : sent == ERR_RTE ? NET_E_UNREACHABLE : NET_E_NO_MEMORY;
}

static void ping(struct netd *n, const struct ring_received *call)
{
    const uint32_t ms = NET_PEER_MS(call->args[2]);
    enum net_error error = netd_usable(n);
    struct netd_pending *q = NULL;
    ip_addr_t to;

    if (error == NET_OK && !netd_peer(call->args, &to))
        error = NET_E_VALUE;
    if (error == NET_OK) {
        q = pending_new(n, PENDING_PING, call->token, ms == 0 ? NETD_PING_NS : ms * 1000000ull);
        error = q == NULL ? NET_E_NO_MEMORY : NET_OK;
    }
    if (q == NULL) {
        netd_answer(n, call->token, error, 0);
        return;
    }
    q->address = to;
    q->sequence = ++n->ping_sequence;
    error = send_echo(n, q);
    if (error != NET_OK)
        pending_done(q, error, 0);
}

static void on_name(const char *name, const ip_addr_t *found, void *arg)
{
    struct netd_pending *p = arg;

    LWIP_UNUSED_ARG(name);
    if (p->abandoned)
        p->kind = PENDING_FREE;
    else if (found == NULL)
        pending_done(p, NET_E_NAME, 0);
    else
        pending_done(p, NET_OK, ip4_addr_get_u32(ip_2_ip4(found)));
}

/* The name, out of the memory that came along; copied once. */
static enum net_error take_name(struct netd *n, const struct ring_received *call, char *name)
{
    struct ring_client *ring = &n->rt->ring;
    const uint64_t at = call->args[0], length = call->args[1];
    enum net_error error = NET_E_BUFFER;

    if (call->cap_interface != CAP_IF_MEMORY || length == 0 || length > NAME_BYTES_MAX)
        return length == 0 || length > NAME_BYTES_MAX ? NET_E_VALUE : NET_E_BUFFER;
    const struct ring_completion bytes = ring_call(ring, call->cap, MEMORY_BYTES, NULL, NULL);
    const struct ring_completion mapped = ring_call(ring, call->cap, MEMORY_MAP, RING_ARGS(0), NULL);
    if (ring_completed(&bytes) && ring_completed(&mapped) && length <= bytes.value &&
        at <= bytes.value - length) {
        memcpy(name, (const uint8_t *)(uintptr_t)mapped.value + at, length);
        name[length] = 0;
        error = NET_OK;
    }
    if (ring_completed(&mapped))
        (void)ring_call(ring, call->cap, MEMORY_UNMAP, NULL, NULL);
    for (uint64_t i = 0; error == NET_OK && i < length; i++) {
        if (name[i] <= ' ' || name[i] > '~')
            error = NET_E_NAME;
    }
    return error;
}

/* An answer comes from the port that was asked (RFC 5452, 9.1); lwIP compares the server's address alone. The
 * PCBs of its questions are those that nobody here opened. */
static void from_servers_alone(void)
{
    for (struct udp_pcb *pcb = udp_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->recv_arg == NULL && pcb->local_port != LWIP_IANA_PORT_DHCP_CLIENT && pcb->remote_port == 0)
            (void)udp_connect(pcb, IP4_ADDR_ANY, PORT_DNS);
    }
}

static void resolve(struct netd *n, const struct ring_received *call)
{
    char name[NAME_BYTES_MAX + 1u];
    enum net_error error = netd_usable(n);
    struct netd_pending *p = NULL;
    ip_addr_t found;
    err_t begun;

    if (error == NET_OK)
        error = take_name(n, call, name);
    if (error == NET_OK) {
        p = pending_new(n, PENDING_RESOLVE, call->token, NETD_RESOLVE_NS);
        error = p == NULL ? NET_E_NO_MEMORY : NET_OK;
    }
    if (p == NULL) {
        netd_answer(n, call->token, error, 0);
        return;
    }
    begun = dns_gethostbyname(name, &found, on_name, p);
    from_servers_alone();
    if (begun == ERR_INPROGRESS)
        return;
    netd_complete(n, &p->wait,
                  begun == ERR_OK    ? NET_OK
                  : begun == ERR_MEM ? NET_E_NO_MEMORY
                                     : NET_E_NAME,
                  begun == ERR_OK ? ip4_addr_get_u32(ip_2_ip4(&found)) : 0);
    p->kind = PENDING_FREE;
}

static uint64_t lease_left(const struct netif *netif)
{
    const struct dhcp *dhcp = netif_dhcp_data(netif);
    const uint64_t whole = dhcp->offered_t0_lease, used = (uint64_t)dhcp->lease_used * DHCP_COARSE_TIMER_SECS;

    return whole > used ? whole - used : 0;
}

static uint64_t mac_word(const struct netif *netif)
{
    uint64_t value = 0;

    for (uint32_t i = 0; i < ETH_HWADDR_LEN; i++)
        value |= (uint64_t)netif->hwaddr[i] << (8u * i);
    return value;
}

static uint32_t bits_of(uint32_t mask)
{
    uint32_t bits = 0;

    for (; (mask & 0x80000000u) != 0; mask <<= 1)
        bits++;
    return bits;
}

/* Those of option 121, then the subnet, then the router's where option 121 has not its place. */
static bool route_at(const struct lease_net *net, uint64_t which, struct lease_route *out)
{
    const uint32_t classless = net->options->classless ? net->options->route_count : 0;

    if (which < classless) {
        *out = net->options->routes[which];
        return true;
    }
    *out = (struct lease_route){net->address & net->mask, 0, (uint8_t)bits_of(net->mask)};
    if (which == classless)
        return true;
    *out = (struct lease_route){0, net->router, 0};
    return which == 1u && !net->options->classless && net->router != 0;
}

static uint64_t routes_of(const struct lease_net *net)
{
    struct lease_route route;
    uint64_t count = 0;

    while (route_at(net, count, &route))
        count++;
    return count;
}

static uint64_t route_word(const struct lease_net *net, uint64_t which, bool via)
{
    struct lease_route route;

    if (!route_at(net, which, &route))
        return 0;
    return via ? lwip_htonl(route.via) : lwip_htonl(route.destination) | (uint64_t)route.prefix << 32;
}

uint64_t netd_config(struct netd *n, enum net_config item, uint64_t index)
{
    const struct netif *netif = &n->netif;
    const enum net_error usable = netd_usable(n);

    if (item == NET_CONFIG_STATE)
        return usable == NET_OK ? NET_STATE_BOUND : usable == NET_E_NO_ADDRESS ? NET_STATE_ASKING : 0;
    if (usable != NET_OK)
        return 0;
    const struct lease_net net = lease_net(&n->netif);
    switch (item) {
    case NET_CONFIG_MAC:
        return mac_word(netif);
    case NET_CONFIG_ADDRESS:
        return ip4_addr_get_u32(netif_ip4_addr(netif));
    case NET_CONFIG_PREFIX:
        return bits_of(net.mask);
    case NET_CONFIG_GATEWAY:
        return lwip_htonl(lease_gateway(&net));
    case NET_CONFIG_MTU:
        return netif->mtu;
    case NET_CONFIG_SERVER:
        return ip4_addr_get_u32(ip_2_ip4(&netif_dhcp_data(netif)->server_ip_addr));
    case NET_CONFIG_DNS:
        return index < DNS_MAX_SERVERS ? ip4_addr_get_u32(ip_2_ip4(dns_getserver((u8_t)index))) : 0;
    case NET_CONFIG_LEASE_S:
        return lease_left(netif);
    case NET_CONFIG_ROUTE:
        return route_word(&net, index, false);
    case NET_CONFIG_ROUTE_VIA:
        return route_word(&net, index, true);
    case NET_CONFIG_ROUTES:
        return routes_of(&net);
    default:
        return 0;
    }
}

static bool only_looks(uint16_t method)
{
    return method == NETWORK_CONFIG || method == NETWORK_COUNTER || method == NETWORK_PING ||
           method == NETWORK_SOCKET;
}

static void connect_to(struct netd *n, const struct ring_received *call)
{
    const uint16_t port = NET_PEER_PORT(call->args[2]);
    ip_addr_t to;

    if (netd_peer(call->args, &to) && port != 0)
        netd_tcp_connect(n, call->token, &to, port, NET_PEER_MS(call->args[2]));
    else
        netd_answer(n, call->token, netd_usable(n) == NET_OK ? NET_E_VALUE : netd_usable(n), 0);
}

void netd_network_call(struct netd *n, const struct ring_received *call, bool looks)
{
    enum net_error error = NET_OK;
    uint64_t value = 0;

    switch ((enum network_method)(looks && !only_looks(call->method) ? 0 : call->method)) {
    case NETWORK_CONFIG:
        error = call->args[0] < NET_CONFIG_COUNT ? NET_OK : NET_E_VALUE;
        value = error == NET_OK ? netd_config(n, (enum net_config)call->args[0], call->args[1]) : 0;
        break;
    case NETWORK_COUNTER:
        error = call->args[0] < NET_COUNTER_COUNT ? NET_OK : NET_E_VALUE;
        value = error == NET_OK ? netd_room_counter(n, (enum net_counter)call->args[0]) : 0;
        break;
    case NETWORK_PING:
        ping(n, call);
        return;
    case NETWORK_CONNECT:
        connect_to(n, call);
        return;
    case NETWORK_UDP:
        netd_udp_open(n, call);
        return;
    case NETWORK_RESOLVE:
        resolve(n, call);
        return;
    case NETWORK_SOCKET:
        error = call->args[0] < NETD_OBJECTS && call->args[1] <= 1 ? NET_OK : NET_E_VALUE;
        value = error == NET_OK ? netd_socket_told(n, call->args[0], call->args[1] == 1) : 0;
        break;
    default:
        error = NET_E_VALUE;
    }
    if (error != NET_OK)
        n->counters[NET_COUNTER_REFUSED_CALLS]++;
    netd_answer(n, call->token, error, value);
}

bool netd_network_init(struct netd *n)
{
    n->ping = raw_new(IP_PROTO_ICMP);
    if (n->ping == NULL)
        return false;
    raw_recv(n->ping, on_icmp, n);
    return true;
}
