/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-vpc: Compute Engine's network at the other end of a QEMU stream netdev. Listens on a Unix socket for
 * one machine, ends when it is gone. On the socket each frame is its length, four bytes, highest first, then
 * its bytes. What the machine sends is a guest's: a length that cannot be ends the program with one line. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "capos/devmodel/vpc.h"
#include "sim/host_clock.h"
#include "sim/metadata.h"

#define EXIT_USAGE    2
#define EXIT_REFUSED  4
#define LENGTH_BYTES  4u
#define FRAMES_A_TURN 64u
#define WAIT_MS       1 /* libslirp's sockets are looked at so often */
#define NONCE_DIGITS  32u

struct vpc_end {
    int fd;
    bool gone;
    size_t held; /* bytes of `in` */
    uint8_t in[LENGTH_BYTES + DM_FRAME_BYTES_MAX];
    size_t to_write, written;
    uint8_t out[LENGTH_BYTES + DM_FRAME_BYTES_MAX];
};

static const char help[] =
    "capos-vpc: Compute Engine's network for one QEMU machine\n"
    "\n"
    "  --socket PATH         Unix socket to listen on, for -netdev stream\n"
    "  --nonce HEX           32 hex digits that the metadata server gives as "
    "instance/attributes/capos-nonce\n"
    "  --forward HOST:GUEST  port of 127.0.0.1 that leads to that port of the guest, up to 8 times\n"
    "  --help                this text\n";

static int usage(const char *what)
{
    fprintf(stderr, "capos-vpc: %s; see capos-vpc --help\n", what);
    return EXIT_USAGE;
}

static bool parse_forward(const char *text, struct dm_forward *out)
{
    unsigned host = 0, guest = 0;
    char end = 0;

    if (sscanf(text, "%5u:%5u%c", &host, &guest, &end) != 2 || host == 0 || guest == 0 || host > 65535 ||
        guest > 65535)
        return false;
    *out = (struct dm_forward){(uint16_t)host, (uint16_t)guest};
    return true;
}

/* NULL, or what is wrong. */
static const char *parse(int argc, char **argv, struct dm_vpc_config *config, const char **path,
                         const char **nonce)
{
    for (int i = 1; i + 1 < argc; i += 2) {
        if (strcmp(argv[i], "--socket") == 0)
            *path = argv[i + 1];
        else if (strcmp(argv[i], "--nonce") == 0)
            *nonce = argv[i + 1];
        else if (strcmp(argv[i], "--forward") != 0)
            return "unknown flag";
        else if (config->forward_count == DM_FORWARDS_MAX ||
                 !parse_forward(argv[i + 1], &config->forwards[config->forward_count++]))
            return "--forward takes HOST:GUEST, ports from 1 to 65535, 8 times at most";
    }
    if (argc % 2 == 0)
        return "a flag without its value";
    if (!*path)
        return "--socket PATH is needed";
    if (!*nonce || strlen(*nonce) != NONCE_DIGITS || strspn(*nonce, "0123456789abcdef") != NONCE_DIGITS)
        return "--nonce takes 32 hex digits";
    return NULL;
}

/* The one machine that connects. -1 with errno. */
static int await_machine(const char *path)
{
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    const int listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int fd = -1;

    if (strlen(path) >= sizeof at.sun_path) {
        errno = ENAMETOOLONG;
        return -1;
    }
    memcpy(at.sun_path, path, strlen(path) + 1);
    if (listener >= 0 && bind(listener, (const struct sockaddr *)&at, sizeof at) == 0 &&
        listen(listener, 1) == 0) {
        puts("listening");
        fflush(stdout);
        fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    }
    const int why = errno;
    if (listener >= 0)
        close(listener);
    errno = why;
    return fd;
}

static void write_out(struct vpc_end *e)
{
    while (e->written < e->to_write && !e->gone) {
        const ssize_t put = send(e->fd, e->out + e->written, e->to_write - e->written, MSG_NOSIGNAL);

        if (put < 0 && (errno == EAGAIN || errno == EINTR))
            return;
        e->gone = put <= 0;
        e->written += put > 0 ? (size_t)put : 0;
    }
}

/* A sink: one frame at a time; the backend keeps the next. */
static bool to_machine(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct vpc_end *e = ctx;
    const uint32_t length = htonl((uint32_t)bytes);

    write_out(e);
    if (e->written < e->to_write || bytes > DM_FRAME_BYTES_MAX)
        return false;
    memcpy(e->out, &length, LENGTH_BYTES);
    memcpy(e->out + LENGTH_BYTES, frame, bytes);
    e->to_write = LENGTH_BYTES + bytes;
    e->written = 0;
    write_out(e);
    return true;
}

/* Whole frames to the backend. False: a length that cannot be. */
static bool from_machine(struct vpc_end *e, struct dm_backend *vpc)
{
    uint32_t length;

    for (uint32_t frames = 0; frames < FRAMES_A_TURN; frames++) {
        const ssize_t got = recv(e->fd, e->in + e->held, sizeof e->in - e->held, 0);

        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR))
            e->gone = true;
        if (got <= 0)
            return true;
        e->held += (size_t)got;
        while (e->held >= LENGTH_BYTES) {
            memcpy(&length, e->in, LENGTH_BYTES);
            length = ntohl(length);
            if (length > DM_FRAME_BYTES_MAX)
                return false;
            if (e->held < LENGTH_BYTES + length)
                break;
            vpc->ops->send(vpc, e->in + LENGTH_BYTES, length);
            e->held -= LENGTH_BYTES + length;
            memmove(e->in, e->in + LENGTH_BYTES + length, e->held);
        }
    }
    return true;
}

static int run(struct vpc_end *e, struct dm_backend *vpc)
{
    while (!e->gone) {
        struct pollfd fd = {.fd = e->fd,
                            .events = (short)(POLLIN | (e->written < e->to_write ? POLLOUT : 0))};

        (void)poll(&fd, 1, WAIT_MS);
        if (!from_machine(e, vpc)) {
            fprintf(stderr, "capos-vpc: the machine sent a frame longer than %u bytes\n", DM_FRAME_BYTES_MAX);
            return EXIT_REFUSED;
        }
        (void)vpc->ops->poll(vpc, host_clock_ns(), FRAMES_A_TURN, to_machine, e);
    }
    return 0;
}

int main(int argc, char **argv)
{
    static struct vpc_end end;
    struct dm_vpc_config config = dm_vpc_defaults();
    struct dm_web_page pages[SIM_METADATA_PAGES];
    const char *path = NULL, *nonce = NULL;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        fputs(help, stdout);
        return 0;
    }
    const char *wrong = parse(argc, argv, &config, &path, &nonce);
    if (wrong)
        return usage(wrong);
    prctl(PR_SET_PDEATHSIG, SIGKILL); /* of use to nobody without who began it */
    sim_metadata_pages(nonce, pages);
    config.pages = pages;
    config.page_count = SIM_METADATA_PAGES;
    struct dm_backend *vpc = dm_vpc_create(&config);
    if (!vpc) {
        fprintf(stderr, "capos-vpc: the network could not be made: %s\n", strerror(errno));
        return EXIT_REFUSED;
    }
    end.fd = await_machine(path);
    int status = EXIT_REFUSED;
    if (end.fd < 0)
        fprintf(stderr, "capos-vpc: %s: %s\n", path, strerror(errno));
    else
        status = run(&end, vpc);
    if (end.fd >= 0)
        close(end.fd);
    dm_backend_destroy(vpc);
    return status;
}
