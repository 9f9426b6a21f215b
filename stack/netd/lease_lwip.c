/* SPDX-License-Identifier: BSD-2-Clause */
/* The lease of a netif, between lwIP's DHCP client and its ARP. lwIP asks for an answer's options while it
 * reads it, and says when it is bound only by its state: what was read waits until then (`asked`). */
#include "stack/netd/lease.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "hooks.h"
#include "lwip/acd.h"
#include "lwip/def.h"
#include "lwip/etharp.h"
#include "lwip/ip4.h"
#include "lwip/prot/dhcp.h"
#include "lwip/prot/iana.h"
#include "lwip/prot/ip4.h"
#include "lwip/stats.h"
#include "lwip/sys.h"

/* The netif's one client datum (lwipopts.h). */
#define SLOT LWIP_NETIF_CLIENT_DATA_INDEX_MAX

enum { OPTION_MTU = 26, OPTION_REQUESTED = 55, OPTION_ROUTES = 121 };

#define VAIN_MAX       7u
#define VAIN_MS(times) (1000u << ((times) < VAIN_MAX ? (times)-1u : VAIN_MAX - 1u)) /* 2 to 64 seconds */

static struct lease *lease_of(struct netif *netif)
{
    return netif_get_client_data(netif, SLOT);
}

void lease_attach(struct lease *lease, struct netif *netif, enum lease_check check)
{
    *lease = (struct lease){.check = check, .link_mtu = netif->mtu};
    netif_set_client_data(netif, SLOT, lease);
}

/* lwIP reads the answer to a question in these states and no other (dhcp_recv). */
static bool awaits_answer(u8_t state)
{
    return state == DHCP_STATE_REQUESTING || state == DHCP_STATE_REBOOTING || state == DHCP_STATE_RENEWING ||
           state == DHCP_STATE_REBINDING;
}

/* Asked at each option that lwIP does not know: of one message the first is enough, which is then read as a
 * whole. */
void netd_dhcp_parse(struct netif *netif, u8_t state, const struct dhcp_msg *message, u8_t option,
                     struct pbuf *p)
{
    struct lease *lease = lease_of(netif);
    struct lease_options read;

    if (lease == NULL || !awaits_answer(state) || (option != OPTION_MTU && option != OPTION_ROUTES))
        return;
    const u32_t datagram = lwip_stats.udp.recv; /* the same count is the same message */
    if (lease->datagram == datagram)
        return;
    lease->datagram = datagram;
    if (p->payload != message || p->len != p->tot_len) { /* in pieces, though none was asked for so long */
        lease->refused.messages++;
        return;
    }
    lease_read(p->payload, p->len, lease->link_mtu, &read, &lease->refused);
    if (read.type == DHCP_ACK)
        lease->answer = read;
}

/* In lwIP's place at DHCP's port: what it would read carelessly never reaches it. */
static void on_answer(void *arg, struct udp_pcb *pcb, struct pbuf *p, const ip_addr_t *from, u16_t port)
{
    struct lease *lease = lease_of(ip_current_input_netif());

    if (p->len == p->tot_len && lease_admits(p->payload, p->len)) {
        lease->raw_bytes = lease_raw(p->payload, p->len, lease->raw);
        lease->receive(arg, pcb, p, from, port);
        return;
    }
    lease->refused.messages++;
    pbuf_free(p);
}

/* lwIP makes its PCB anew with each dhcp_start. */
static void stand_before(struct lease *lease)
{
    for (struct udp_pcb *pcb = udp_pcbs; pcb != NULL; pcb = pcb->next) {
        if (pcb->local_port != LWIP_IANA_PORT_DHCP_CLIENT || pcb->recv == on_answer)
            continue;
        lease->receive = pcb->recv;
        pcb->recv = on_answer;
    }
}

/* lwIP asks anew at once when a request was refused; a server that refuses all would be asked as fast as it
 * answers. The first time that is right, later ones wait. */
static void pace(struct lease *lease, u8_t type)
{
    if (type == DHCP_REQUEST)
        lease->requested = true;
    if (type != DHCP_DISCOVER)
        return;
    lease->in_vain += lease->requested;
    lease->requested = false;
    lease->hold = lease->in_vain > 1u && sys_now() - lease->discover_ms < VAIN_MS(lease->in_vain);
    lease->refused.questions += lease->hold;
    if (!lease->hold)
        lease->discover_ms = sys_now();
}

/* Extends the list of what is asked for: routes before the router (RFC 3442), and the MTU. */
void netd_dhcp_append(struct netif *netif, u8_t type, u8_t *options, u16_t *used)
{
    static const u8_t wanted[] = {OPTION_ROUTES, OPTION_MTU};
    struct lease *lease = lease_of(netif);
    u16_t at = 0;

    if (lease == NULL)
        return;
    pace(lease, type);
    lease->asked = true;
    lease->answer = (struct lease_options){0};
    while (at + 2 <= *used && options[at] != OPTION_REQUESTED)
        at = (u16_t)(at + 2 + options[at + 1]);
    if (at + 2 > *used || *used + sizeof(wanted) >= DHCP_OPTIONS_LEN) /* the end's mark needs a byte */
        return;
    memmove(options + at + 2 + sizeof(wanted), options + at + 2, (size_t)(*used - at - 2));
    memcpy(options + at + 2, wanted, sizeof(wanted));
    options[at + 1] = (u8_t)(options[at + 1] + sizeof(wanted));
    *used = (u16_t)(*used + sizeof(wanted));
}

/* In lwIP's place. An address that is in use already is not bound a second time when its check ends. One that
 * passed its check is kept, whoever claims it later, and announced again once in ten seconds (RFC 5227, 2.4
 * c): a claim costs one frame, and to lose the address would cost every connection. */
static void conflict(struct netif *netif, acd_callback_enum_t event)
{
    struct lease *lease = lease_of(netif);
    struct dhcp *dhcp = netif_dhcp_data(netif);

    if (event == ACD_IP_OK && dhcp->state != DHCP_STATE_CHECKING)
        return;
    if (event == ACD_DECLINE)
        lease->refused.conflicts++;
    if (event == ACD_DECLINE &&
        (dhcp->acd.state == ACD_STATE_ANNOUNCING || dhcp->acd.state == ACD_STATE_ONGOING)) {
        lease->keeps = true; /* lwIP's next event, at once, would ask for another address */
        dhcp->acd.num_conflicts = 0;
        return;
    }
    if (event == ACD_RESTART_CLIENT && lease->keeps) {
        lease->keeps = false;
        dhcp->acd.state = ACD_STATE_ONGOING;
        dhcp->acd.ttw = 0;
        return;
    }
    lease->conflict(netif, event);
}

/* Renewal comes before rebinding, and both before the end (RFC 2131, 4.4.5): times of another order are as if
 * the server had not named them. A lease without end has none of an earlier one's either. */
static void order_times(struct dhcp *dhcp)
{
    const dhcp_timeout_t whole = dhcp->t0_timeout;

    if (dhcp->offered_t0_lease == UINT32_MAX) {
        dhcp->t0_timeout = 0;
        return;
    }
    if (dhcp->offered_t1_renew < dhcp->offered_t2_rebind && dhcp->offered_t2_rebind < whole)
        return;
    dhcp->t1_timeout = dhcp->t1_renew_time = whole / 2u;
    dhcp->t2_timeout = dhcp->t2_rebind_time = whole - whole / 8u;
}

static void apply(struct lease *lease, struct netif *netif, struct dhcp *dhcp)
{
    if (ip4_addr_isany_val(*netif_ip4_addr(netif))) {
        lease->active = (struct lease_options){0};
        netif->mtu = lease->link_mtu;
    } else if (lease->asked && dhcp->state == DHCP_STATE_BOUND) {
        lease->asked = false;
        lease->requested = false;
        lease->in_vain = 0;
        order_times(dhcp);
        lease->active = lease->answer;
        netif->mtu = lease->active.mtu != 0 ? lease->active.mtu : lease->link_mtu;
    }
}

void lease_step(struct netif *netif)
{
    struct lease *lease = lease_of(netif);
    struct dhcp *dhcp = netif_dhcp_data(netif);

    ASSERT(lease != NULL);
    if (dhcp == NULL)
        return;
    stand_before(lease);
    if (dhcp->acd.acd_conflict_callback != NULL && dhcp->acd.acd_conflict_callback != conflict) {
        lease->conflict = dhcp->acd.acd_conflict_callback; /* anew after each dhcp_start */
        (void)acd_add(netif, &dhcp->acd, conflict);
    }
    if (dhcp->state == DHCP_STATE_CHECKING && lease->check != LEASE_CHECK_BEFORE) {
        if (lease->check == LEASE_CHECK_NEVER)
            (void)acd_stop(&dhcp->acd);
        conflict(netif, ACD_IP_OK);
    }
    apply(lease, netif, dhcp);
}

struct lease_net lease_net(struct netif *netif)
{
    const struct lease *lease = lease_of(netif);
    const struct dhcp *dhcp = netif_dhcp_data(netif);

    ASSERT(lease != NULL);
    return (struct lease_net){
        .address = lwip_ntohl(ip4_addr_get_u32(netif_ip4_addr(netif))),
        .mask = lwip_ntohl(ip4_addr_get_u32(netif_ip4_netmask(netif))),
        .router = dhcp == NULL ? 0 : lwip_ntohl(ip4_addr_get_u32(&dhcp->offered_gw_addr)),
        .options = &lease->active,
    };
}

/* A broadcast to a DHCP server. */
static bool is_question(const struct pbuf *p, const ip4_addr_t *destination)
{
    const struct ip_hdr *ip = p->payload;
    u8_t ports[4];

    return ip4_addr_get_u32(destination) == IPADDR_BROADCAST && IPH_PROTO(ip) == IP_PROTO_UDP &&
           pbuf_copy_partial(p, ports, sizeof ports, IPH_HL_BYTES(ip)) == sizeof ports &&
           (u16_t)(ports[2] << 8 | ports[3]) == LWIP_IANA_PORT_DHCP_SERVER;
}

err_t lease_output(struct netif *netif, struct pbuf *p, const ip4_addr_t *destination)
{
    struct lease *lease = lease_of(netif);
    ip4_addr_t next;

    if (lease->hold && is_question(p, destination)) {
        lease->hold = false;
        return ERR_OK;
    }
    if (netif_dhcp_data(netif) != NULL)
        apply(lease, netif, netif_dhcp_data(netif));
    const struct lease_net net = lease_net(netif);
    const struct lease_hop hop = lease_next_hop(&net, lwip_ntohl(ip4_addr_get_u32(destination)));
    if (hop.reach == LEASE_UNREACHABLE) {
        lease->refused.packets++;
        return ERR_RTE;
    }
    ip4_addr_set_u32(&next, lwip_htonl(hop.address));
    return etharp_output(netif, p, &next);
}
