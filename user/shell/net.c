/* SPDX-License-Identifier: BSD-2-Clause */
/* What the network stack says of itself, and echoes asked for through it. The shell holds a NetworkStatus: it
 * can make no socket. */
#include "abi/net.h"
#include "user/shell/shell.h"

#define PINGS         4u
#define PING_MS       2000u
#define PING_APART_NS 1000000000u
#define ROUTES_MAX    16u

static bool usable(struct shell *s)
{
    if (cap_is_none(s->network))
        shell_say(s, "netd was down when this shell started, or it may not look: restart netd, then shell\n");
    return !cap_is_none(s->network);
}

/* False: said why not. */
static bool config(struct shell *s, enum net_config item, uint64_t index, uint64_t *value)
{
    struct ring_completion done;

    if (!shell_ask(s, s->network, NETWORK_CONFIG, RING_ARGS(item, index), SHELL_ANSWER_NS, &done) ||
        !ring_completed(&done)) {
        shell_say(s, "netd does not answer: see services, then restart netd\n");
        return false;
    }
    *value = done.value;
    return true;
}

static void address_text(struct text *t, uint64_t address)
{
    for (uint32_t i = 0; i < 4u; i++) {
        if (i > 0)
            text_string(t, ".");
        text_u64(t, address >> (8u * i) & 0xffu);
    }
}

/* `name  address[/bits]`, or a dash. */
static void address_row(struct shell *s, const char *name, uint64_t address, uint64_t bits)
{
    struct row r;

    row_begin(&r);
    text_string(&r.t, name);
    row_column(&r, 20);
    if (address == 0)
        text_string(&r.t, "-");
    else
        address_text(&r.t, address);
    if (address != 0 && bits != 0) {
        text_string(&r.t, "/");
        text_u64(&r.t, bits);
    }
    row_end(s, &r);
}

static bool state(struct shell *s)
{
    static const char *const words[] = {[NET_STATE_NO_CARD] =
                                            "no network card, or its driver is down: see nic, services",
                                        [NET_STATE_ASKING] = "asking for a lease",
                                        [NET_STATE_BOUND] = "bound"};
    uint64_t value = 0;
    struct row r;

    if (!config(s, NET_CONFIG_STATE, 0, &value))
        return false;
    row_begin(&r);
    text_string(&r.t, "state");
    row_column(&r, 20);
    text_string(&r.t, value < sizeof words / sizeof words[0] ? words[value] : "unknown");
    row_end(s, &r);
    return true;
}

static void routes(struct shell *s)
{
    uint64_t count = 0, to = 0, via = 0;

    if (!config(s, NET_CONFIG_ROUTES, 0, &count))
        return;
    for (uint64_t i = 0; i < count && i < ROUTES_MAX; i++) {
        struct row r;

        if (!config(s, NET_CONFIG_ROUTE, i, &to) || !config(s, NET_CONFIG_ROUTE_VIA, i, &via))
            return;
        row_begin(&r);
        text_string(&r.t, i == 0 ? "routes" : "");
        row_column(&r, 20);
        address_text(&r.t, to);
        text_string(&r.t, "/");
        text_u64(&r.t, to >> 32 & 0xffu);
        text_string(&r.t, via == 0 ? " on the link" : " by ");
        if (via != 0)
            address_text(&r.t, via);
        row_end(s, &r);
    }
}

static void counters(struct shell *s)
{
    static const char *const names[NET_COUNTER_COUNT] = {
        [NET_COUNTER_FRAMES_IN] = "frames in",
        [NET_COUNTER_FRAMES_OUT] = "frames out",
        [NET_COUNTER_DROPPED] = "dropped",
        [NET_COUNTER_BYTES_IN] = "bytes in",
        [NET_COUNTER_BYTES_OUT] = "bytes out",
        [NET_COUNTER_ACCEPTED] = "accepted",
        [NET_COUNTER_CONNECTED] = "connected",
        [NET_COUNTER_REFUSED_SOURCE] = "refused: source",
        [NET_COUNTER_EXHAUSTED] = "refused: no room",
        [NET_COUNTER_RESET] = "reset",
        [NET_COUNTER_SOCKETS] = "sockets now",
        [NET_COUNTER_LISTENERS] = "listeners now",
        [NET_COUNTER_LEASES] = "leases",
        [NET_COUNTER_DRIVER_LOST] = "driver lost",
        [NET_COUNTER_REFUSED_CALLS] = "refused: calls",
    };
    struct ring_completion done;

    for (uint64_t i = 0; i < NET_COUNTER_COUNT; i++) {
        if (names[i] != NULL &&
            shell_ask(s, s->network, NETWORK_COUNTER, RING_ARGS(i), SHELL_ANSWER_NS, &done) &&
            ring_completed(&done))
            shell_pair(s, names[i], done.value);
    }
}

void shell_net(struct shell *s)
{
    uint64_t address = 0, bits = 0, gateway = 0, mtu = 0;

    if (!usable(s) || !state(s) || !config(s, NET_CONFIG_ADDRESS, 0, &address) ||
        !config(s, NET_CONFIG_PREFIX, 0, &bits) || !config(s, NET_CONFIG_GATEWAY, 0, &gateway) ||
        !config(s, NET_CONFIG_MTU, 0, &mtu))
        return;
    address_row(s, "address", address, bits);
    address_row(s, "gateway", gateway, 0);
    routes(s);
    shell_pair(s, "MTU", mtu);
    counters(s);
}

void shell_dhcp(struct shell *s)
{
    uint64_t address = 0, bits = 0, server = 0, left = 0, name_server = 1;

    if (!usable(s) || !state(s) || !config(s, NET_CONFIG_ADDRESS, 0, &address) ||
        !config(s, NET_CONFIG_PREFIX, 0, &bits) || !config(s, NET_CONFIG_SERVER, 0, &server) ||
        !config(s, NET_CONFIG_LEASE_S, 0, &left))
        return;
    address_row(s, "address", address, bits);
    address_row(s, "given by", server, 0);
    for (uint64_t i = 0; name_server != 0; i++) {
        if (!config(s, NET_CONFIG_DNS, i, &name_server))
            return;
        if (name_server != 0 || i == 0)
            address_row(s, i == 0 ? "name servers" : "", name_server, 0);
    }
    shell_pair(s, "seconds left", left);
}

static void socket_row(struct shell *s, uint64_t told, uint64_t peer)
{
    static const char *const words[] = {
        [NET_SOCKET_LISTENS] = "listens", [NET_SOCKET_CONNECTS] = "connects", [NET_SOCKET_OPEN] = "open",
        [NET_SOCKET_CLOSES] = "closes",   [NET_SOCKET_ENDED] = "ended",       [NET_SOCKET_UDP] = "datagrams"};
    const uint64_t state = told & 0xffu;
    struct row r;

    row_begin(&r);
    text_string(&r.t, state == NET_SOCKET_UDP ? "udp" : "tcp");
    row_number(&r, told >> 16 & 0xffffu, 11);
    row_column(&r, 13);
    text_string(&r.t,
                state < sizeof words / sizeof words[0] && words[state] != NULL ? words[state] : "unknown");
    if (peer != 0) {
        row_column(&r, 24);
        address_text(&r.t, peer);
        text_string(&r.t, ":");
        text_u64(&r.t, told >> 32 & 0xffffu);
    }
    row_end(s, &r);
}

/* A place of netd's: what NETWORK_SOCKET says of it. */
struct socket_place {
    uint64_t told, peer;
};

/* By port, then by place: who came first is chance. */
static void socket_rows(struct shell *s, const struct socket_place *places, uint32_t count)
{
    for (uint64_t last = 0, next = 0; next != UINT64_MAX; last = next) {
        next = UINT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            const uint64_t key = (places[i].told >> 16 & 0xffffu) << 16 | (i + 1u);

            if (places[i].told != 0 && key > last && key < next)
                next = key;
        }
        if (next != UINT64_MAX)
            socket_row(s, places[(next & 0xffffu) - 1u].told, places[(next & 0xffffu) - 1u].peer);
    }
}

void shell_sockets(struct shell *s)
{
    static struct socket_place places[NET_PLACES_MAX];
    struct ring_completion told, peer;
    uint32_t count = 0;

    if (!usable(s))
        return;
    for (; count < NET_PLACES_MAX; count++) {
        if (!shell_ask(s, s->network, NETWORK_SOCKET, RING_ARGS(count), SHELL_ANSWER_NS, &told) ||
            !shell_ask(s, s->network, NETWORK_SOCKET, RING_ARGS(count, 1), SHELL_ANSWER_NS, &peer)) {
            shell_say(s, "netd does not answer: see services, then restart netd\n");
            return;
        }
        if (!ring_completed(&told)) /* no such place: that was the last, or netd ended */
            break;
        places[count] = (struct socket_place){told.value, ring_completed(&peer) ? peer.value : 0};
    }
    shell_say(s, "kind   port  state      peer\n");
    socket_rows(s, places, count);
}

static bool parse_address(const char *text, uint64_t *out)
{
    uint64_t part = 0, parts = 0, digits = 0;

    *out = 0;
    for (;; text++) {
        if (*text >= '0' && *text <= '9' && digits < 3u) {
            part = part * 10u + (uint64_t)(*text - '0');
            digits++;
            continue;
        }
        if (digits == 0 || part > 255u || parts == 4u || (*text != '.' && *text != 0))
            return false;
        *out |= part << (8u * parts++);
        part = digits = 0;
        if (*text == 0)
            return parts == 4u;
    }
}

static void echo(struct shell *s, uint64_t address)
{
    const uint64_t peer = NET_PEER(NET_FAMILY_IPV4, 0, PING_MS);
    struct ring_completion done;
    struct row r;

    if (!shell_ask(s, s->network, NETWORK_PING, RING_ARGS(address, 0, peer), 2u * SHELL_ANSWER_NS, &done)) {
        shell_say(s, "netd does not answer: see services, then restart netd\n");
        return;
    }
    row_begin(&r);
    if (ring_completed(&done)) {
        text_string(&r.t, "answer from ");
        address_text(&r.t, address);
        text_string(&r.t, " in ");
        text_u64(&r.t, done.value / 1000u);
        text_string(&r.t, " us");
    } else {
        text_string(&r.t, done.result == NET_E_TIMEOUT       ? "no answer within two seconds: see net"
                          : done.result == NET_E_NO_ADDRESS  ? "no lease yet: see dhcp"
                          : done.result == NET_E_UNREACHABLE ? "unreachable: see net for the routes"
                                                             : "no network: see nic, services");
    }
    row_end(s, &r);
}

void shell_ping(struct shell *s)
{
    uint64_t address = 0;

    if (!usable(s))
        return;
    if (!parse_address(s->word[1], &address)) {
        shell_say(s, "ping takes an address such as 10.0.2.2: net shows the gateway's\n");
        return;
    }
    for (uint32_t i = 0; i < PINGS && !s->closed; i++) {
        echo(s, address);
        if (i + 1u < PINGS && shell_interrupted(s, PING_APART_NS))
            return;
    }
}
