/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/forwards.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "abi/cap.h"
#include "kernel/core/package.h"

#define WEB_PORT 8080u /* where the web process listens */

static uint16_t port_of(const char *text)
{
    char *end = NULL;
    const unsigned long port = *text >= '0' && *text <= '9' ? strtoul(text, &end, 10) : 0;
    return port <= 65535 && end && *end == 0 ? (uint16_t)port : 0;
}

bool sim_forwards_word_ok(const char *word)
{
    const char *equals = strchr(word, '=');
    const size_t name = strspn(word, "abcdefghijklmnopqrstuvwxyz0123456789-");
    if (!equals)
        return port_of(word) != 0;
    return name > 0 && name < PACKAGE_NAME_BYTES && word + name == equals && port_of(equals + 1) != 0;
}

/* One that nobody has now; libslirp binds it a moment later, and says when it could not. 0: none. */
static uint16_t free_port(void)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t bytes = sizeof at;
    int s = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return 0;
    const bool bound = bind(s, (const struct sockaddr *)&at, sizeof at) == 0 &&
                       getsockname(s, (struct sockaddr *)&at, &bytes) == 0;
    close(s);
    return bound ? ntohs(at.sin_port) : 0;
}

static bool runs(uint8_t when, bool proof, bool probe)
{
    return when != (proof ? WHEN_SERVE : WHEN_PROOF) && when != WHEN_PROOF_FIRST &&
           (when != WHEN_SERVE_PROBE || !proof || probe);
}

static void find_ports(struct sim_forwards *f, const struct package *p, bool proof, bool probe)
{
    for (uint32_t i = 0; i < p->header->services; i++) {
        for (uint32_t k = 0; runs(p->services[i].when, proof, probe) && k < p->services[i].grant_count; k++) {
            const struct package_grant *g = package_grant(p, i, k);
            if (g->kind != GRANT_SERVED || g->interface != CAP_IF_TCP_LISTEN_AUTHORITY ||
                f->count == DM_FORWARDS_MAX)
                continue;
            memcpy(f->names[f->count], p->services[i].name, PACKAGE_NAME_BYTES);
            f->ports[f->count++].guest_port = g->port;
        }
    }
}

/* The word's service, or the first; NULL: none. */
static struct dm_forward *meant(struct sim_forwards *f, const char *word)
{
    const char *equals = strchr(word, '=');
    for (uint32_t i = 0; i < f->count; i++) {
        const size_t bytes = equals ? (size_t)(equals - word) : 0;
        if (!equals ||
            (strnlen(f->names[i], PACKAGE_NAME_BYTES) == bytes && !memcmp(f->names[i], word, bytes)))
            return &f->ports[i];
    }
    return NULL;
}

const char *sim_forwards_find(struct sim_forwards *f, bool proof, bool probe, const uint8_t *package,
                              size_t bytes, const char *const *words, uint32_t word_count)
{
    struct package p;
    struct package_place place;
    memset(f, 0, sizeof *f);
    if (package_check(package, bytes, &p, &place) == PACKAGE_OK) /* else the kernel says why */
        find_ports(f, &p, proof, probe);
    for (uint32_t i = 0; i < word_count; i++) {
        struct dm_forward *forward = meant(f, words[i]);
        const char *equals = strchr(words[i], '=');
        if (!forward)
            return "no service of the package listens under that name";
        if (forward->host_port)
            return "a service gets one port";
        forward->host_port = port_of(equals ? equals + 1 : words[i]);
    }
    for (uint32_t i = 0; i < f->count; i++) {
        if (!f->ports[i].host_port)
            f->ports[i].host_port = free_port();
        if (!f->ports[i].host_port)
            return "no port of the loopback is free";
    }
    return NULL;
}

uint16_t sim_forwards_web(const struct sim_forwards *f)
{
    for (uint32_t i = 0; i < f->count; i++) {
        if (f->ports[i].guest_port == WEB_PORT)
            return f->ports[i].host_port;
    }
    return 0;
}

void sim_forwards_print(const struct sim_forwards *f, FILE *out)
{
    for (uint32_t i = 0; i < f->count; i++)
        fprintf(out, "listening: %s 127.0.0.1:%u\n", f->names[i], f->ports[i].host_port);
    if (sim_forwards_web(f) != 0)
        fprintf(out, "web: http://127.0.0.1:%u/\n", sim_forwards_web(f));
    fflush(out);
}
