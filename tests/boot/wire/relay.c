/* SPDX-License-Identifier: BSD-2-Clause */
/* Between QEMU's card and a tap device: the wire of the device models, in real time, for hosts whose kernel
 * damages nothing (no netem).
 *   wire-relay TAP_FD OWN_PATH QEMU_PATH LOSS REORDER DELAY_MS SEED
 * TAP_FD is an open tap device; OWN_PATH and QEMU_PATH are datagram sockets, the first is made here. LOSS and
 * REORDER are per mille, of each direction. Ends by SIGTERM, and says then what became of the frames:
 * `frames N lost N reordered N` a direction. Trusts its caller's words, and nothing of the frames. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "capos/devmodel/backend.h"

#define BUDGET     64u
#define REORDER_NS 5000000u /* later than what follows */
#define MS         1000000u

/* The far end: the tap device. */
struct far {
    struct dm_backend base;
    int tap;
    uint8_t frame[DM_FRAME_BYTES_MAX];
};

struct near {
    int fd;
    struct sockaddr_un qemu;
};

static volatile sig_atomic_t ended; /* a handler has no context */

static void end(int number)
{
    (void)number;
    ended = 1;
}

static void far_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    const struct far *f = (const struct far *)b;
    if (write(f->tap, frame, bytes) < 0 && errno != EAGAIN && errno != EIO) {
        perror("wire-relay: tap");
        ended = 1;
    }
}

static uint32_t far_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                         void *ctx)
{
    struct far *f = (struct far *)b;
    uint32_t count = 0;
    (void)now_ns;
    while (count < budget) {
        const ssize_t got = read(f->tap, f->frame, sizeof f->frame);
        if (got <= 0 || !sink(ctx, f->frame, (size_t)got))
            break;
        count++;
    }
    return count;
}

static void far_destroy(struct dm_backend *b)
{
    (void)b; /* main's */
}

static uint64_t far_due(const struct dm_backend *b)
{
    (void)b; /* its descriptor says so */
    return DM_NEVER;
}

/* As a real wire: what finds no reader is gone. */
static bool to_qemu(void *ctx, const uint8_t *frame, size_t bytes)
{
    const struct near *n = ctx;
    (void)sendto(n->fd, frame, bytes, 0, (const struct sockaddr *)&n->qemu, sizeof n->qemu);
    return true;
}

static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void carry(struct dm_backend *wire, const struct far *f, struct near *n)
{
    static uint8_t frame[DM_FRAME_BYTES_MAX];
    while (!ended) {
        const uint64_t due = dm_backend_next_due(wire), now = now_ns();
        const uint64_t ms = due <= now ? 0 : (due - now + MS - 1u) / MS;
        struct pollfd fds[2] = {{f->tap, POLLIN, 0}, {n->fd, POLLIN, 0}};
        (void)poll(fds, 2, due == DM_NEVER || ms > 1000u ? 1000 : (int)ms);
        (void)wire->ops->poll(wire, now_ns(), BUDGET, to_qemu, n);
        for (uint32_t i = 0; i < BUDGET; i++) {
            const ssize_t got = recv(n->fd, frame, sizeof frame, MSG_DONTWAIT);
            if (got <= 0)
                break;
            wire->ops->send(wire, frame, (size_t)got);
        }
        (void)wire->ops->poll(wire, now_ns(), BUDGET, to_qemu, n);
    }
}

static bool open_near(struct near *n, const char *own, const char *qemu)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX};
    n->fd = socket(AF_UNIX, SOCK_DGRAM, 0);
    n->qemu.sun_family = AF_UNIX;
    snprintf(name.sun_path, sizeof name.sun_path, "%s", own);
    snprintf(n->qemu.sun_path, sizeof n->qemu.sun_path, "%s", qemu);
    (void)unlink(own);
    return n->fd >= 0 && bind(n->fd, (const struct sockaddr *)&name, sizeof name) == 0;
}

static void say(const char *way, const struct dm_wire_counts *c)
{
    printf("%s frames %llu lost %llu reordered %llu\n", way, (unsigned long long)c->frames,
           (unsigned long long)c->lost, (unsigned long long)c->reordered);
}

int main(int argc, char **argv)
{
    static const struct dm_backend_ops ops = {
        .name = "tap", .send = far_send, .poll = far_poll, .destroy = far_destroy, .next_due = far_due};
    static struct far f = {.base = {&ops}};
    struct near n = {.fd = -1};
    struct dm_wire_counts out, in;
    if (argc != 8) {
        fprintf(stderr, "usage: wire-relay TAP_FD OWN_PATH QEMU_PATH LOSS REORDER DELAY_MS SEED\n");
        return 2;
    }
    const struct dm_wire_way way = {.loss = (uint16_t)atoi(argv[4]),
                                    .reorder = (uint16_t)atoi(argv[5]),
                                    .reorder_ns = REORDER_NS,
                                    .delay_ns = (uint64_t)atoi(argv[6]) * MS};
    const struct dm_wire_config config = {strtoull(argv[7], NULL, 10), way, way};
    f.tap = atoi(argv[1]);
    struct dm_backend *wire = dm_wire_create(&f.base, &config);
    if (!wire || !open_near(&n, argv[2], argv[3]) || fcntl(f.tap, F_SETFL, O_NONBLOCK) != 0) {
        perror("wire-relay");
        return 1;
    }
    signal(SIGTERM, end);
    printf("ready\n");
    fflush(stdout);
    carry(wire, &f, &n);
    dm_wire_counts(wire, &out, &in);
    say("out", &out);
    say("in", &in);
    dm_backend_destroy(wire);
    return 0;
}
