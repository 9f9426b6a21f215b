/* SPDX-License-Identifier: BSD-2-Clause */
/* Compute Engine's network as a backend: what its metadata server answers, whom a guest can hear, and a
 * connection from outside, from a socket of the host to the guest's side of the wire. */
#include "capos/devmodel.h"
#include "frames.h"

#include <arpa/inet.h>
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define FIN       1
#define SYN       2
#define PSH       8
#define ACK       16
#define NONCE     "00112233445566778899aabbccddeeff"
#define PATH      "/computeMetadata/v1/instance/attributes/capos-nonce"
#define HEADER    "Metadata-Flavor: Google\r\n"
#define POLLS_MAX 100u

static const uint8_t router_mac[6] = {0x42, 0x01, 10, 77, 0, 1};
static const uint8_t router[4] = {10, 77, 0, 1}, guest[4] = {10, 77, 0, 2};
static const uint8_t server[4] = {169, 254, 169, 254}, outside[4] = {35, 235, 240, 1};
static const struct dm_web_page pages[] = {{PATH, NONCE}, {"/computeMetadata/v1/instance/id", "1"}};

struct asker {
    struct dm_backend *b;
    uint16_t port;
    uint32_t next, peer_next;
    uint64_t now_ns;
    struct kept_frames kept;
};

static struct asker asker;

static struct asker *start(void)
{
    struct dm_vpc_config c = dm_vpc_defaults();

    c.pages = pages;
    c.page_count = 2;
    memset(&asker, 0, sizeof asker);
    asker.port = 40000;
    asker.b = dm_vpc_create(&c);
    cr_assert(asker.b != NULL);
    return &asker;
}

static uint32_t put(struct asker *a, const uint8_t *frame, size_t bytes)
{
    a->kept.count = 0;
    a->now_ns += 1000;
    if (bytes)
        a->b->ops->send(a->b, frame, bytes);
    a->b->ops->poll(a->b, a->now_ns, FRAMES_KEPT, keep_frame, &a->kept);
    for (uint32_t i = 0; i < a->kept.count; i++)
        cr_assert(memcmp(a->kept.frames[i].data + 6, router_mac, 6) == 0,
                  "each frame is from the router's MAC");
    return a->kept.count;
}

static void segment(struct asker *a, const uint8_t to[4], uint16_t to_port, uint8_t flags, const char *data)
{
    uint8_t tcp[1400] = {0}, frame[1474];
    const size_t bytes = strlen(data);

    frame_put16(tcp, a->port);
    frame_put16(tcp + 2, to_port);
    frame_put32(tcp + 4, a->next);
    frame_put32(tcp + 8, flags & ACK ? a->peer_next : 0);
    tcp[12] = 5 << 4;
    tcp[13] = flags;
    frame_put16(tcp + 14, 8000);
    memcpy(tcp + 20, data, bytes);
    a->next += (uint32_t)bytes + (flags & (SYN | FIN) ? 1u : 0u);
    put(a, frame, frame_ipv4(frame, router_mac, guest, to, 6, tcp, 20 + bytes));
}

static const uint8_t *tcp_of(const struct kept_frame *f)
{
    return f->data + 34;
}

/* What came in data is behind `text`, and acknowledged. True: the other side says that no more comes. */
static bool heard(struct asker *a, char *text, size_t room)
{
    bool last = false;

    for (uint32_t i = 0; i < a->kept.count; i++) {
        const struct kept_frame *f = &a->kept.frames[i];
        const size_t head = 20u + 4u * (tcp_of(f)[12] >> 4), bytes = frame_be16(f->data + 16) - head;
        const size_t at = strlen(text);

        cr_assert(frame_sums_right(f->data, f->bytes));
        if (frame_be32(tcp_of(f) + 4) != a->peer_next)
            continue;
        cr_assert(at + bytes < room);
        memcpy(text + at, f->data + 14 + head, bytes);
        text[at + bytes] = 0;
        last = (tcp_of(f)[13] & FIN) != 0;
        a->peer_next += (uint32_t)bytes + last;
    }
    return last;
}

/* One connection to the metadata server: all that it says to the request, sent in pieces of `piece` bytes. */
static void ask(struct asker *a, const char *request, size_t piece, char *answer, size_t room)
{
    char part[1300];
    bool last = false;

    a->port++;
    answer[0] = 0;
    segment(a, server, 80, SYN, "");
    cr_assert(a->kept.count == 1 && tcp_of(&a->kept.frames[0])[13] == (SYN | ACK));
    a->peer_next = frame_be32(tcp_of(&a->kept.frames[0]) + 4) + 1;
    segment(a, server, 80, ACK, "");
    for (size_t at = 0; at < strlen(request) && !last; at += piece) {
        snprintf(part, sizeof part, "%.*s", (int)piece, request + at);
        segment(a, server, 80, PSH | ACK, part);
        last = heard(a, answer, room);
    }
    for (unsigned i = 0; i < POLLS_MAX && !last; i++) {
        segment(a, server, 80, ACK, "");
        last = heard(a, answer, room);
    }
    cr_assert(last, "no end of: %s", answer);
    segment(a, server, 80, FIN | ACK, "");
}

Test(vpc, the_metadata_server_answers_who_says_the_header_and_nobody_else)
{
    static const struct {
        const char *request, *status, *body;
    } cases[] = {
        {"GET " PATH " HTTP/1.1\r\nHost: metadata.google.internal\r\n" HEADER "\r\n", "200 OK", NONCE},
        {"GET " PATH " HTTP/1.0\r\nmetadata-flavor:Google\r\n\r\n", "200 OK", NONCE},
        {"GET " PATH " HTTP/1.1\r\nHost: x\r\n\r\n", "403 Forbidden", ""},
        {"GET " PATH " HTTP/1.1\r\nMetadata-Flavor: Goggle\r\n\r\n", "403 Forbidden", ""},
        {"GET " PATH " HTTP/1.1\r\nMetadata-Flavor: Google2\r\n\r\n", "403 Forbidden", ""},
        {"GET " PATH "x HTTP/1.1\r\n" HEADER "\r\n", "404 Not Found", ""},
        {"GET /computeMetadata/v1/instance/id HTTP/1.1\r\n" HEADER "\r\n", "200 OK", "1"},
        {"PUT " PATH " HTTP/1.1\r\n" HEADER "\r\n", "400 Bad Request", ""},
        {"GET " PATH "\r\n" HEADER "\r\n", "400 Bad Request", ""},
    };
    struct asker *a = start();
    char answer[4096], head[64];

    for (unsigned i = 0; i < sizeof cases / sizeof *cases; i++) {
        for (size_t piece = 1000; piece > 0; piece = piece == 1000 ? 7 : 0) {
            ask(a, cases[i].request, piece, answer, sizeof answer);
            snprintf(head, sizeof head, "HTTP/1.1 %s\r\n", cases[i].status);
            cr_assert(strncmp(answer, head, strlen(head)) == 0, "%s gave %s", cases[i].request, answer);
            cr_assert(strstr(answer, "\r\n" HEADER) != NULL, "every answer says who it is from: %s", answer);
            cr_assert_str_eq(strstr(answer, "\r\n\r\n") + 4, cases[i].body);
        }
    }
    cr_assert(eq(u64, dm_vpc_counts(a->b).peer.web_answers, 6));
    cr_assert(eq(u64, dm_vpc_counts(a->b).peer.web_refused, 12));
    dm_backend_destroy(a->b);
}

Test(vpc, a_request_without_end_is_refused_at_its_bound)
{
    struct asker *a = start();
    char request[2048] = "GET /", answer[4096];

    memset(request + 5, 'x', sizeof request - 6);
    ask(a, request, 500, answer, sizeof answer);
    cr_assert(strncmp(answer, "HTTP/1.1 400 ", 13) == 0, "%s", answer);
    dm_backend_destroy(a->b);
}

Test(vpc, nobody_but_the_router_is_on_the_link)
{
    static const uint8_t neighbour[4] = {10, 77, 0, 3}, far[4] = {192, 0, 2, 1};
    struct asker *a = start();
    uint8_t frame[1600], mac[6];
    const struct dm_vpc_config c = dm_vpc_defaults();

    cr_assert(eq(u32, put(a, frame, frame_arp(frame, guest, router)), 1));
    cr_assert(memcmp(a->kept.frames[0].data + 22, router_mac, 6) == 0);
    cr_assert(eq(u32, put(a, frame, frame_arp(frame, guest, neighbour)), 0));
    cr_assert(eq(u32, put(a, frame, frame_arp(frame, guest, server)), 0));
    cr_assert(eq(u32, put(a, frame, frame_arp(frame, guest, outside)), 0));
    cr_assert(eq(u32, put(a, frame, frame_icmp_echo(frame, broadcast_mac, guest, neighbour, 1, 32)), 0));
    cr_assert(eq(u32, put(a, frame, frame_icmp_echo(frame, router_mac, guest, far, 1, 32)), 0));
    cr_assert(eq(u32, put(a, frame, frame_icmp_echo(frame, router_mac, guest, server, 1, 1432)), 1));
    cr_assert(eq(u32, put(a, frame, frame_icmp_echo(frame, router_mac, guest, server, 1, 1433)), 0));
    cr_assert(eq(u64, dm_vpc_counts(a->b).peer.too_long, 1));
    dm_vpc_guest_mac(&c, mac);
    cr_assert(mac[0] == 0x42 && mac[1] == 0x01 && memcmp(mac + 2, guest, 4) == 0);
    dm_backend_destroy(a->b);
}

/* A listening socket on a port of the loopback that the system chose. */
static int taken_port(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t bytes = sizeof at;
    const int fd = socket(AF_INET, SOCK_STREAM, 0);

    cr_assert(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 1) == 0);
    cr_assert(getsockname(fd, (struct sockaddr *)&at, &bytes) == 0);
    *port = ntohs(at.sin_port);
    return fd;
}

Test(vpc, what_cannot_be_is_refused)
{
    struct dm_vpc_config c = dm_vpc_defaults();
    uint16_t port = 0;

    c.forward_count = DM_FORWARDS_MAX + 1;
    cr_assert(dm_vpc_create(&c) == NULL && errno == EINVAL);
    c = dm_vpc_defaults();
    memcpy(c.outside, c.guest, 4);
    cr_assert(dm_vpc_create(&c) == NULL && errno == EINVAL);
    c = dm_vpc_defaults();
    c.pages = pages;
    c.page_count = DM_WEB_PAGES_MAX + 1;
    cr_assert(dm_vpc_create(&c) == NULL && errno == EINVAL);
    c = dm_vpc_defaults();
    const int fd = taken_port(&port);
    c.forward_count = 1;
    c.forwards[0] = (struct dm_forward){port, 7};
    cr_assert(dm_vpc_create(&c) == NULL && errno == EADDRINUSE);
    close(fd);
}

/* The network with one port of the host's that leads to port 7, and that port. */
static uint16_t forwarded(struct asker *a)
{
    struct dm_vpc_config c = dm_vpc_defaults();
    uint16_t port = 0;

    memset(a, 0, sizeof *a);
    c.forward_count = 1;
    do { /* another program may take it in between */
        close(taken_port(&port));
        c.forwards[0] = (struct dm_forward){port, 7};
        a->b = dm_vpc_create(&c);
    } while (!a->b && errno == EADDRINUSE);
    cr_assert(a->b != NULL);
    return port;
}

static bool hear_one(struct asker *a)
{
    for (unsigned i = 0; i < POLLS_MAX; i++) {
        a->now_ns += 1000000;
        if (put(a, NULL, 0) > 0)
            return true;
    }
    return false;
}

Test(vpc, a_connection_from_outside_reaches_the_guest_behind_the_router, .timeout = 30)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    struct asker *a = &asker;
    uint8_t frame[64], byte = 0;

    at.sin_port = htons(forwarded(a));
    a->port = 7;
    put(a, frame, frame_arp(frame, guest, router)); /* its MAC is known from its first frame */
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    cr_assert(connect(fd, (struct sockaddr *)&at, sizeof at) == 0);
    cr_assert(hear_one(a), "no connection");
    const struct kept_frame *f = &a->kept.frames[0];
    cr_assert(f->data[23] == 6 && tcp_of(f)[13] == SYN && frame_be16(tcp_of(f) + 2) == 7);
    cr_assert(memcmp(f->data + 26, outside, 4) == 0 && memcmp(f->data, guest_mac, 6) == 0);
    const uint16_t theirs = frame_be16(tcp_of(f));
    a->peer_next = frame_be32(tcp_of(f) + 4) + 1;
    segment(a, outside, theirs, SYN | ACK, "");
    segment(a, outside, theirs, PSH | ACK, "!");
    for (unsigned i = 0; i < POLLS_MAX && recv(fd, &byte, 1, MSG_DONTWAIT) != 1; i++)
        (void)hear_one(a);
    cr_assert(eq(u8, byte, '!'));
    const struct dm_vpc_counts counts = dm_vpc_counts(a->b);
    cr_assert(counts.outside_in == 2 && counts.outside_out >= 1);
    cr_assert(eq(u64, counts.strangers, 0));
    close(fd);
    dm_backend_destroy(a->b);
}

Test(vpc, a_guest_reaches_nothing_of_the_host_through_the_forwards, .timeout = 30)
{
    static const uint8_t far[4] = {192, 0, 2, 1}, loopback[4] = {127, 0, 0, 1};
    const uint8_t *const places[] = {far, loopback, outside};
    struct asker *a = &asker;
    uint16_t port = 0;

    (void)forwarded(a);
    const int fd = taken_port(&port);
    for (unsigned i = 0; i < sizeof places / sizeof *places; i++) {
        a->port = (uint16_t)(5000 + i);
        segment(a, places[i], port, SYN, "");
        put(a, NULL, 0); /* libslirp would have connected within the frame's call */
    }
    struct pollfd waits = {.fd = fd, .events = POLLIN};
    cr_assert(eq(int, poll(&waits, 1, 0), 0), "a connection came");
    close(fd);
    dm_backend_destroy(a->b);
}
