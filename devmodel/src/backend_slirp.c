/* SPDX-License-Identifier: BSD-2-Clause */
/* libslirp behind a device model: IPv6 off, time only from poll. libslirp's host sockets are real; everything
 * else is a function of the frames and the times given. Its send callback runs inside slirp_input: it queues
 * and nothing more. */
#include "backend_state.h"

#include <arpa/inet.h>
#include <libslirp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define NS_PER_MS    1000000u
#define POLL_FDS_MAX 256
#define BACKLOG      64 /* of a forward: who came and was not accepted */
#define FDS_MAX      1024 /* of this process, that are looked at for a forward's */

struct slirp_backend {
    struct dm_kept_backend kept;
    struct dm_frame_queue queue;
    Slirp *slirp;
    uint64_t now_ns;
    uint64_t served_ms; /* libslirp's timers have run up to here */
    bool served;
    bool notified; /* libslirp asks to be served before the next millisecond */
    uint32_t sockets; /* registered with us */
    struct pollfd fds[POLL_FDS_MAX];
    int fd_count;
};

static ssize_t on_send_packet(const void *frame, size_t bytes, void *opaque)
{
    struct slirp_backend *s = opaque;
    if (!dm_frame_queue_push(&s->queue, frame, bytes))
        s->kept.counts.dropped++;
    return (ssize_t)bytes; /* a dropped frame is lost on the wire: the protocols above send again */
}

static void on_guest_error(const char *text, void *opaque)
{
    (void)text;
    (void)opaque;
}

static int64_t on_clock(void *opaque)
{
    return (int64_t)((const struct slirp_backend *)opaque)->now_ns;
}

static void on_socket(int fd, void *opaque)
{
    (void)fd;
    ((struct slirp_backend *)opaque)->sockets++;
}

static void on_socket_gone(int fd, void *opaque)
{
    struct slirp_backend *s = opaque;
    (void)fd;
    if (s->sockets)
        s->sockets--;
}

static void on_notify(void *opaque)
{
    ((struct slirp_backend *)opaque)->notified = true;
}

/* No timers: the only one that libslirp asks for belongs to IPv6, which is off. */
static const SlirpCb callbacks = {
    .send_packet = on_send_packet,
    .guest_error = on_guest_error,
    .clock_get_ns = on_clock,
    .register_poll_fd = on_socket,
    .unregister_poll_fd = on_socket_gone,
    .notify = on_notify,
};

static int add_poll(int fd, int events, void *opaque)
{
    struct slirp_backend *s = opaque;
    if (s->fd_count == POLL_FDS_MAX)
        return -1; /* not polled this time */
    int wanted = (events & SLIRP_POLL_IN ? POLLIN : 0) | (events & SLIRP_POLL_OUT ? POLLOUT : 0) |
                 (events & SLIRP_POLL_PRI ? POLLPRI : 0);
    s->fds[s->fd_count] = (struct pollfd){.fd = fd, .events = (short)wanted};
    return s->fd_count++;
}

static int get_events(int index, void *opaque)
{
    const struct slirp_backend *s = opaque;
    if (index < 0 || index >= s->fd_count)
        return 0;
    int seen = s->fds[index].revents;
    return (seen & POLLIN ? SLIRP_POLL_IN : 0) | (seen & POLLOUT ? SLIRP_POLL_OUT : 0) |
           (seen & POLLPRI ? SLIRP_POLL_PRI : 0) | (seen & POLLERR ? SLIRP_POLL_ERR : 0) |
           (seen & POLLHUP ? SLIRP_POLL_HUP : 0);
}

/* Sockets and timers. libslirp counts milliseconds: with no socket of its own, nothing can have changed
 * within one. */
static void serve(struct slirp_backend *s)
{
    uint64_t now_ms = s->now_ns / NS_PER_MS;
    if (s->served && now_ms == s->served_ms && s->sockets == 0 && !s->notified)
        return;
    s->served = true;
    s->served_ms = now_ms;
    s->notified = false;
    uint32_t timeout_ms = 0;
    s->fd_count = 0;
    slirp_pollfds_fill(s->slirp, &timeout_ms, add_poll, s);
    int failed = s->fd_count > 0 && poll(s->fds, (nfds_t)s->fd_count, 0) < 0;
    slirp_pollfds_poll(s->slirp, failed, get_events, s);
}

static void slirp_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct slirp_backend *s = (struct slirp_backend *)b;
    dm_count_from_guest(&s->kept.counts, frame, bytes);
    if (bytes > DM_FRAME_BYTES_MAX)
        s->kept.counts.dropped++;
    else
        slirp_input(s->slirp, frame, (int)bytes);
}

static uint32_t slirp_poll_backend(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                                   void *ctx)
{
    struct slirp_backend *s = (struct slirp_backend *)b;
    if (now_ns > s->now_ns)
        s->now_ns = now_ns;
    serve(s);
    return dm_drain(&s->queue, &s->kept.counts, budget, sink, ctx);
}

static void slirp_destroy(struct dm_backend *b)
{
    struct slirp_backend *s = (struct slirp_backend *)b;
    if (s->slirp)
        slirp_cleanup(s->slirp);
    dm_frame_queue_free(&s->queue);
    free(s);
}

static const struct dm_backend_ops slirp_ops = {.name = "slirp",
                                                .send = slirp_send,
                                                .poll = slirp_poll_backend,
                                                .destroy = slirp_destroy,
                                                .counts = dm_kept_counts};

struct dm_slirp_config dm_slirp_defaults(void)
{
    return (struct dm_slirp_config){.network = {10, 0, 2, 0},
                                    .netmask = {255, 255, 255, 0},
                                    .host = {10, 0, 2, 2},
                                    .guest = {10, 0, 2, 15},
                                    .dns = {10, 0, 2, 3},
                                    .restricted = true};
}

static struct in_addr address(const uint8_t bytes[4])
{
    struct in_addr a;
    memcpy(&a, bytes, sizeof a);
    return a;
}

/* libslirp itself takes anything and then stays silent: what cannot work is refused here. */
static bool config_sound(const struct dm_slirp_config *c)
{
    uint32_t mask = address(c->netmask).s_addr;
    uint32_t network = address(c->network).s_addr;
    uint32_t host = address(c->host).s_addr;
    uint32_t guest = address(c->guest).s_addr;
    uint32_t dns = address(c->dns).s_addr;
    uint32_t inverse = ~ntohl(mask);
    bool contiguous = (inverse & (inverse + 1u)) == 0;
    bool inside = (host & mask) == network && (guest & mask) == network && (dns & mask) == network;
    return contiguous && inside && host != guest && host != dns && guest != dns;
}

/* libslirp listens with room for one that it has not accepted; the kernel drops what comes beside it, which
 * is tried again after a second: a browser comes with six at once. Its socket is ours as much, so it gets
 * more room (listen(2) of one that listens). */
static void widen(uint16_t host_port)
{
    for (int fd = 0; fd < FDS_MAX; fd++) {
        struct sockaddr_in at = {0};
        socklen_t at_bytes = sizeof at, listens_bytes = sizeof(int);
        int listens = 0;

        if (getsockname(fd, (struct sockaddr *)&at, &at_bytes) == 0 && at.sin_family == AF_INET &&
            ntohs(at.sin_port) == host_port &&
            getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &listens_bytes) == 0 && listens != 0)
            (void)listen(fd, BACKLOG);
    }
}

static bool add_forwards(const struct slirp_backend *s, const struct dm_slirp_config *c)
{
    const struct in_addr loopback = {htonl(INADDR_LOOPBACK)};
    for (uint32_t i = 0; i < c->forward_count && i < DM_FORWARDS_MAX; i++) {
        if (slirp_add_hostfwd(s->slirp, 0, loopback, c->forwards[i].host_port, address(c->guest),
                              c->forwards[i].guest_port) != 0)
            return false;
        widen(c->forwards[i].host_port);
    }
    return true;
}

struct dm_backend *dm_slirp_create(const struct dm_slirp_config *config)
{
    if (!config_sound(config))
        return NULL;
    struct slirp_backend *s = calloc(1, sizeof *s);
    if (!s)
        return NULL;
    s->kept.base.ops = &slirp_ops;
    const SlirpConfig libslirp = {
        .version = 4,
        .restricted = config->restricted,
        .in_enabled = true,
        .in6_enabled = false,
        .vnetwork = address(config->network),
        .vnetmask = address(config->netmask),
        .vhost = address(config->host),
        .vdhcp_start = address(config->guest),
        .vnameserver = address(config->dns),
        .disable_host_loopback = config->restricted,
    };
    if (dm_frame_queue_init(&s->queue))
        s->slirp = slirp_new(&libslirp, &callbacks, s);
    if (!s->slirp || !add_forwards(s, config)) {
        slirp_destroy(&s->kept.base);
        return NULL;
    }
    return &s->kept.base;
}

const char *dm_slirp_version(void)
{
    return slirp_version_string();
}
