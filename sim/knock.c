/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/knock.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "sim/prng.h"

#define NUMBER_STREAM 0x6e756d626572u /* of the seed: its own */

bool sim_knock_draw(struct sim_knock *k)
{
    memset(k, 0, sizeof *k);
    k->fd = -1;
    return getrandom(&k->number, sizeof k->number, 0) == sizeof k->number;
}

void sim_knock_seed(struct sim_knock *k, uint64_t seed)
{
    struct sim_prng g;
    memset(k, 0, sizeof *k);
    k->fd = -1;
    sim_prng_seed(&g, seed ^ NUMBER_STREAM);
    k->number = sim_prng_next(&g);
}

static void to_bytes(uint64_t number, uint8_t out[SIM_KNOCK_BYTES])
{
    for (unsigned i = 0; i < SIM_KNOCK_BYTES; i++)
        out[i] = (uint8_t)(number >> (8 * (SIM_KNOCK_BYTES - 1 - i)));
}

void sim_knock_fill(void *ctx, uint32_t number, uint64_t offset, uint8_t *out, uint32_t bytes)
{
    uint8_t whole[SIM_KNOCK_BYTES];
    (void)number; /* there is one connection */
    to_bytes(((const struct sim_knock *)ctx)->number, whole);
    for (uint32_t i = 0; i < bytes; i++)
        out[i] = whole[(offset + i) % SIM_KNOCK_BYTES];
}

static void fail(struct sim_knock *k)
{
    sim_knock_end(k);
    k->state = SIM_KNOCK_FAILED;
}

void sim_knock_begin(struct sim_knock *k, uint16_t port)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    if (k->state != SIM_KNOCK_WAITS)
        return;
    k->state = SIM_KNOCK_CONNECTING;
    if (k->client) {
        const struct dm_client_connection c = {
            .port = port, .send_bytes = SIM_KNOCK_BYTES, .receive_bytes = SIM_KNOCK_BYTES};
        if (dm_client_start(k->client, &c) != 0)
            fail(k);
        return;
    }
    k->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (k->fd < 0 || (connect(k->fd, (const struct sockaddr *)&to, sizeof to) != 0 && errno != EINPROGRESS))
        fail(k);
}

static void send_number(struct sim_knock *k)
{
    uint8_t bytes[SIM_KNOCK_BYTES];
    int error = 0;
    socklen_t length = sizeof error;
    to_bytes(k->number, bytes);
    if (getsockopt(k->fd, SOL_SOCKET, SO_ERROR, &error, &length) != 0 || error != 0 ||
        send(k->fd, bytes, sizeof bytes, MSG_NOSIGNAL) != sizeof bytes)
        fail(k);
    else
        k->state = SIM_KNOCK_SENT;
}

static void take_answer(struct sim_knock *k)
{
    uint8_t bytes[SIM_KNOCK_BYTES];
    const ssize_t got = recv(k->fd, k->back + k->count, sizeof k->back - k->count, 0);
    if (got <= 0) {
        fail(k);
        return;
    }
    k->count += (uint32_t)got;
    if (k->count < SIM_KNOCK_BYTES)
        return;
    to_bytes(k->number, bytes);
    if (memcmp(bytes, k->back, sizeof bytes) != 0)
        fail(k);
    else
        k->state = SIM_KNOCK_ANSWERED; /* the connection stays until the end */
}

/* What came back was judged by the client: it has to be what it sent. */
static void poll_client(struct sim_knock *k)
{
    const struct dm_client_report report = dm_client_report(k->client, 0);
    if (report.received == SIM_KNOCK_BYTES)
        k->state = SIM_KNOCK_ANSWERED;
    else if (report.state > DM_CLIENT_DONE)
        k->state = SIM_KNOCK_FAILED;
}

void sim_knock_poll(struct sim_knock *k)
{
    if (k->client) {
        if (k->state == SIM_KNOCK_CONNECTING)
            poll_client(k);
        return;
    }
    struct pollfd fd = {.fd = k->fd, .events = k->state == SIM_KNOCK_CONNECTING ? POLLOUT : POLLIN};
    if ((k->state != SIM_KNOCK_CONNECTING && k->state != SIM_KNOCK_SENT) || poll(&fd, 1, 0) <= 0)
        return;
    if (k->state == SIM_KNOCK_CONNECTING)
        send_number(k);
    else
        take_answer(k);
}

void sim_knock_end(struct sim_knock *k)
{
    if (k->fd >= 0)
        close(k->fd);
    k->fd = -1;
}
