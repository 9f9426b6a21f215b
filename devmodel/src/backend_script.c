/* SPDX-License-Identifier: BSD-2-Clause */
/* A deterministic peer: ARP, ICMP echo, DHCP with one lease, TCP echo on port 7. No sockets, no clock but
 * poll's. Everything that comes in is a guest's: lengths, options and checksums are checked, what is wrong is
 * ignored. */
#include "backend_script.h"

#include <stdlib.h>
#include <string.h>

#define ETHERNET_BYTES_LEAST 60u /* without the check sequence */
#define ARP_BYTES            28u
#define PROTOCOL_ICMP        1u
#define PROTOCOL_UDP         17u
#define ICMP_BYTES           8u
#define ICMP_ECHO            8u
#define UDP_BYTES            8u
#define PORT_DHCP_SERVER     67u
#define PORT_DHCP_CLIENT     68u
#define DHCP_FIXED_BYTES     236u
#define DHCP_COOKIE          0x63825363u
#define DHCP_OPTIONS         (DHCP_FIXED_BYTES + 4u)
#define DHCP_REPLY_BYTES     300u
#define DHCP_LEASE_S         3600u
enum { DHCP_DISCOVER = 1, DHCP_OFFER = 2, DHCP_REQUEST = 3, DHCP_ACK = 5, DHCP_NAK = 6 };
enum {
    OPTION_PAD = 0,
    OPTION_MASK = 1,
    OPTION_ROUTER = 3,
    OPTION_REQUESTED = 50,
    OPTION_LEASE = 51,
    OPTION_TYPE = 53,
    OPTION_SERVER = 54,
    OPTION_END = 255
};

static const uint8_t everyone_mac[6] = {255, 255, 255, 255, 255, 255};
static const uint8_t everyone[4] = {255, 255, 255, 255};
static const uint8_t nobody[4] = {0, 0, 0, 0};

static uint32_t sum_words(uint32_t sum, const uint8_t *at, uint32_t bytes)
{
    uint32_t i = 0;
    for (; i + 1u < bytes; i += 2u)
        sum += dm_get_be16(at + i);
    if (i < bytes)
        sum += (uint32_t)at[i] << 8;
    return sum;
}

uint16_t dm_checksum(uint32_t sum, const uint8_t *at, uint32_t bytes)
{
    sum = sum_words(sum, at, bytes); /* at most 32,768 words of 16 bits: no overflow */
    sum = (sum & 0xffffu) + (sum >> 16);
    sum = (sum & 0xffffu) + (sum >> 16);
    return (uint16_t)~sum;
}

uint32_t dm_pseudo_sum(const uint8_t source[4], const uint8_t destination[4], uint8_t protocol,
                       uint32_t bytes)
{
    return sum_words(sum_words(protocol + bytes, source, 4), destination, 4);
}

static void ethernet_header(const struct dm_script *s, uint8_t *frame, const uint8_t mac[6], uint32_t type)
{
    memcpy(frame, mac, 6);
    memcpy(frame + 6, s->config.mac, 6);
    dm_put_be16(frame + 12, type);
}

/* Zeroed room for a frame, at least as long as Ethernet wants; NULL: counted as dropped. */
static uint8_t *new_frame(struct dm_script *s, uint32_t *bytes)
{
    if (*bytes < ETHERNET_BYTES_LEAST)
        *bytes = ETHERNET_BYTES_LEAST;
    uint8_t *frame = dm_frame_queue_room(&s->queue, *bytes);
    if (frame)
        memset(frame, 0, *bytes);
    else
        s->kept.counts.dropped++;
    return frame;
}

struct dm_reply dm_script_packet(struct dm_script *s, const uint8_t mac[6], const uint8_t address[4],
                                 uint8_t protocol, uint32_t payload_bytes)
{
    struct dm_reply reply = {NULL, NULL, DM_ETHERNET_BYTES + DM_IPV4_BYTES + payload_bytes};
    reply.frame = new_frame(s, &reply.bytes);
    if (!reply.frame)
        return reply;
    ethernet_header(s, reply.frame, mac, DM_ETHERTYPE_IPV4);
    uint8_t *ip = reply.frame + DM_ETHERNET_BYTES;
    ip[0] = 0x45;
    dm_put_be16(ip + 2, DM_IPV4_BYTES + payload_bytes);
    dm_put_be16(ip + 4, s->packet_id++);
    ip[8] = 64;
    ip[9] = protocol;
    memcpy(ip + 12, s->config.address, 4);
    memcpy(ip + 16, address, 4);
    dm_put_be16(ip + 10, dm_checksum(0, ip, DM_IPV4_BYTES));
    reply.payload = ip + DM_IPV4_BYTES;
    return reply;
}

void dm_script_send(struct dm_script *s, const struct dm_reply *reply)
{
    dm_frame_queue_commit(&s->queue, reply->frame, reply->bytes);
}

static void receive_arp(struct dm_script *s, const uint8_t *arp, size_t bytes)
{
    static const uint8_t ethernet_ipv4_request[8] = {0, 1, 8, 0, 6, 4, 0, 1};
    if (bytes < ARP_BYTES || memcmp(arp, ethernet_ipv4_request, sizeof ethernet_ipv4_request) != 0 ||
        memcmp(arp + 24, s->config.address, 4) != 0)
        return;
    uint32_t reply_bytes = DM_ETHERNET_BYTES + ARP_BYTES;
    uint8_t *frame = new_frame(s, &reply_bytes);
    if (!frame)
        return;
    ethernet_header(s, frame, arp + 8, DM_ETHERTYPE_ARP);
    uint8_t *reply = frame + DM_ETHERNET_BYTES;
    memcpy(reply, arp, 6);
    dm_put_be16(reply + 6, 2);
    memcpy(reply + 8, s->config.mac, 6);
    memcpy(reply + 14, s->config.address, 4);
    memcpy(reply + 18, arp + 8, 10); /* the asker's MAC and address */
    dm_frame_queue_commit(&s->queue, frame, reply_bytes);
}

static void receive_icmp(struct dm_script *s, const struct dm_packet *p)
{
    bool echo = p->payload_bytes >= ICMP_BYTES && p->payload[0] == ICMP_ECHO && p->payload[1] == 0;
    if (!echo || dm_checksum(0, p->payload, p->payload_bytes) != 0)
        return;
    struct dm_reply reply = dm_script_packet(s, p->source_mac, p->source, PROTOCOL_ICMP, p->payload_bytes);
    if (!reply.frame)
        return;
    memcpy(reply.payload, p->payload, p->payload_bytes);
    reply.payload[0] = 0;
    dm_put_be16(reply.payload + 2, 0);
    dm_put_be16(reply.payload + 2, dm_checksum(0, reply.payload, p->payload_bytes));
    dm_script_send(s, &reply);
}

struct dhcp_request {
    uint8_t type;
    const uint8_t *requested, *server; /* four bytes each, NULL: absent */
};

/* Options of a message: each is a code, a length, that many bytes; false when one runs over the end. */
static bool parse_options(const uint8_t *at, uint32_t bytes, struct dhcp_request *request)
{
    uint32_t i = 0;
    while (i < bytes && at[i] != OPTION_END) {
        if (at[i] == OPTION_PAD) {
            i++;
            continue;
        }
        if (bytes - i < 2u || at[i + 1u] > bytes - i - 2u)
            return false;
        uint8_t length = at[i + 1u];
        const uint8_t *value = at + i + 2u;
        if (at[i] == OPTION_TYPE && length == 1)
            request->type = value[0];
        if (at[i] == OPTION_REQUESTED && length == 4)
            request->requested = value;
        if (at[i] == OPTION_SERVER && length == 4)
            request->server = value;
        i += 2u + length;
    }
    return request->type != 0;
}

static uint8_t *put_option(uint8_t *at, uint8_t code, const uint8_t value[4])
{
    at[0] = code;
    at[1] = 4;
    memcpy(at + 2, value, 4);
    return at + 6;
}

static void send_dhcp(struct dm_script *s, const uint8_t *request, uint8_t type)
{
    static const uint8_t mask[4] = {255, 255, 255, 0};
    const uint8_t *hardware = request + 28;
    bool broadcast = type == DHCP_NAK || (dm_get_be16(request + 10) & 0x8000u) != 0;
    struct dm_reply reply =
        dm_script_packet(s, broadcast ? everyone_mac : hardware, broadcast ? everyone : s->config.guest,
                         PROTOCOL_UDP, UDP_BYTES + DHCP_REPLY_BYTES);
    if (!reply.frame)
        return;
    uint8_t *udp = reply.payload;
    uint8_t *m = udp + UDP_BYTES;
    m[0] = 2; /* BOOTREPLY, Ethernet, 6 bytes of address */
    m[1] = 1;
    m[2] = 6;
    memcpy(m + 4, request + 4, 4); /* transaction */
    memcpy(m + 10, request + 10, 2); /* flags */
    if (type != DHCP_NAK) {
        memcpy(m + 16, s->config.guest, 4);
        memcpy(m + 20, s->config.address, 4);
    }
    memcpy(m + 28, hardware, 16);
    dm_put_be32(m + DHCP_FIXED_BYTES, DHCP_COOKIE);
    uint8_t *option = m + DHCP_OPTIONS;
    *option++ = OPTION_TYPE;
    *option++ = 1;
    *option++ = type;
    option = put_option(option, OPTION_SERVER, s->config.address);
    if (type != DHCP_NAK) {
        uint8_t lease[4];
        dm_put_be32(lease, DHCP_LEASE_S);
        option = put_option(option, OPTION_LEASE, lease);
        option = put_option(option, OPTION_MASK, mask);
        option = put_option(option, OPTION_ROUTER, s->config.address);
    }
    *option = OPTION_END;
    uint32_t bytes = UDP_BYTES + DHCP_REPLY_BYTES;
    dm_put_be16(udp, PORT_DHCP_SERVER);
    dm_put_be16(udp + 2, PORT_DHCP_CLIENT);
    dm_put_be16(udp + 4, bytes);
    const uint8_t *to = reply.frame + DM_ETHERNET_BYTES + 16;
    uint16_t sum = dm_checksum(dm_pseudo_sum(s->config.address, to, PROTOCOL_UDP, bytes), udp, bytes);
    dm_put_be16(udp + 6, sum ? sum : 0xffffu); /* 0 on the wire says: not computed */
    dm_script_send(s, &reply);
}

static void receive_dhcp(struct dm_script *s, const uint8_t *m, uint32_t bytes)
{
    struct dhcp_request request = {0, NULL, NULL};
    if (bytes < DHCP_OPTIONS || m[0] != 1 || m[1] != 1 || m[2] != 6 ||
        dm_get_be32(m + DHCP_FIXED_BYTES) != DHCP_COOKIE ||
        !parse_options(m + DHCP_OPTIONS, bytes - DHCP_OPTIONS, &request))
        return;
    if (request.type == DHCP_DISCOVER) {
        send_dhcp(s, m, DHCP_OFFER);
        return;
    }
    bool other_server = request.server && memcmp(request.server, s->config.address, 4) != 0;
    if (request.type != DHCP_REQUEST || other_server)
        return;
    const uint8_t *wanted = request.requested ? request.requested : m + 12; /* ciaddr */
    send_dhcp(s, m, memcmp(wanted, s->config.guest, 4) == 0 ? DHCP_ACK : DHCP_NAK);
}

static void receive_udp(struct dm_script *s, const struct dm_packet *p)
{
    if (p->payload_bytes < UDP_BYTES)
        return;
    uint32_t bytes = dm_get_be16(p->payload + 4);
    if (bytes < UDP_BYTES || bytes > p->payload_bytes)
        return;
    uint32_t pseudo = dm_pseudo_sum(p->source, p->destination, PROTOCOL_UDP, bytes);
    if (dm_get_be16(p->payload + 6) != 0 && dm_checksum(pseudo, p->payload, bytes) != 0)
        return;
    if (dm_get_be16(p->payload + 2) == PORT_DHCP_SERVER && dm_get_be16(p->payload) == PORT_DHCP_CLIENT)
        receive_dhcp(s, p->payload + UDP_BYTES, bytes - UDP_BYTES);
}

static void receive_ipv4(struct dm_script *s, const uint8_t *frame, size_t bytes)
{
    const uint8_t *ip = frame + DM_ETHERNET_BYTES;
    size_t room = bytes - DM_ETHERNET_BYTES;
    if (room < DM_IPV4_BYTES || ip[0] >> 4 != 4)
        return;
    uint32_t header = 4u * (ip[0] & 15u);
    uint32_t total = dm_get_be16(ip + 2);
    if (header < DM_IPV4_BYTES || total < header || total > room || dm_checksum(0, ip, header) != 0)
        return;
    if ((dm_get_be16(ip + 6) & 0x3fffu) != 0) /* a fragment */
        return;
    const struct dm_packet packet = {frame + 6, ip + 12, ip + 16, ip + header, total - header, ip[9]};
    bool ours = memcmp(packet.destination, s->config.address, 4) == 0;
    bool any = memcmp(packet.destination, everyone, 4) == 0;
    bool from_somewhere = memcmp(packet.source, nobody, 4) != 0;
    if (packet.protocol == PROTOCOL_UDP && (ours || any))
        receive_udp(s, &packet);
    else if (packet.protocol == PROTOCOL_ICMP && ours && from_somewhere)
        receive_icmp(s, &packet);
    else if (packet.protocol == DM_PROTOCOL_TCP && ours && from_somewhere)
        dm_tcp_receive(s, &packet);
}

static void script_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct dm_script *s = (struct dm_script *)b;
    dm_count_from_guest(&s->kept.counts, frame, bytes);
    if (bytes < DM_ETHERNET_BYTES || bytes > DM_FRAME_BYTES_MAX)
        return;
    if (memcmp(frame, s->config.mac, 6) != 0 && memcmp(frame, everyone_mac, 6) != 0)
        return;
    uint32_t type = dm_get_be16(frame + 12);
    if (type == DM_ETHERTYPE_ARP)
        receive_arp(s, frame + DM_ETHERNET_BYTES, bytes - DM_ETHERNET_BYTES);
    else if (type == DM_ETHERTYPE_IPV4)
        receive_ipv4(s, frame, bytes);
}

static uint32_t script_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                            void *ctx)
{
    struct dm_script *s = (struct dm_script *)b;
    if (now_ns > s->now_ns)
        s->now_ns = now_ns;
    dm_tcp_tick(s);
    return dm_drain(&s->queue, &s->kept.counts, budget, sink, ctx);
}

static void script_destroy(struct dm_backend *b)
{
    struct dm_script *s = (struct dm_script *)b;
    dm_frame_queue_free(&s->queue);
    free(s);
}

const struct dm_backend_ops dm_script_ops = {
    .name = "script", .send = script_send, .poll = script_poll, .destroy = script_destroy};

struct dm_backend *dm_script_create(const struct dm_script_config *config)
{
    struct dm_script *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->kept.base.ops = &dm_script_ops;
    s->config = *config;
    if (!dm_frame_queue_init(&s->queue)) {
        free(s);
        return NULL;
    }
    return &s->kept.base;
}
