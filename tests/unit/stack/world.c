/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/unit/stack/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks.h"
#include "lwip/init.h"
#include "lwip/sys.h"
#include "stack/netd/random.h"

uint64_t world_now_ns;
static struct random generator;

void netd_panic(const char *what, const char *file, unsigned line)
{
    fprintf(stderr, "lwIP: %s (%s:%u)\n", what, file, line);
    abort();
}

/* Every segment may reach its PCB. */
err_t netd_tcp_arrives(struct tcp_pcb *pcb, const struct tcp_hdr *header)
{
    (void)pcb, (void)header;
    return ERR_OK;
}

u32_t sys_now(void)
{
    return (u32_t)(world_now_ns / 1000000u);
}

static uint64_t now(void *context)
{
    return *(const uint64_t *)context;
}

void world_start(void)
{
    static const char text[] = "as many bytes as a seed has to have, or more";

    random_seed(&generator, text, sizeof(text));
    random_serve_lwip(&generator, now, &world_now_ns);
    lwip_init();
}
