/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks of its surroundings: time, secrets, an end when a condition of its own does not hold. Its
 * calls carry no context: the one pointer to this process's state is kept here. */
#include "lwip/sys.h"
#include "abi/assert.h"
#include "bearssl_hash.h"
#include "bearssl_rand.h"
#include "hooks.h"
#include "lwip/init.h"
#include "lwip/timeouts.h"
#include "stack/netd/netd.h"

#define SEED_BYTES 64u

static struct netd *process;
static br_hmac_drbg_context drbg;

u32_t sys_now(void)
{
    return (u32_t)(ring_now(&process->rt->ring) / 1000000u);
}

uint32_t netd_random32(void)
{
    uint32_t value;

    br_hmac_drbg_generate(&drbg, &value, sizeof value);
    return value;
}

uint32_t netd_isn(const ip_addr_t *local, u16_t local_port, const ip_addr_t *remote, u16_t remote_port)
{
    (void)local;
    (void)local_port;
    (void)remote;
    (void)remote_port;
    return netd_random32();
}

_Noreturn void netd_panic(const char *what, const char *file, unsigned line)
{
    LWIP_UNUSED_ARG(file);
    LWIP_UNUSED_ARG(line);
    (void)rt_print(process->rt, "netd: ");
    (void)rt_print(process->rt, what);
    (void)rt_print(process->rt, "\n");
    rt_exit(process->rt, NETD_EXIT_STACK);
}

bool netd_sys_init(struct netd *n)
{
    struct rt_memory seed;

    process = n;
    if (!rt_memory_make(n->rt, SEED_BYTES, &seed))
        return false;
    const struct ring_extra range = ring_range(seed.cap, 0, SEED_BYTES);
    const struct ring_completion drawn = ring_call(&n->rt->ring, n->entropy, ENTROPY_FILL, NULL, &range);
    if (ring_completed(&drawn))
        br_hmac_drbg_init(&drbg, &br_sha256_vtable, seed.at, SEED_BYTES);
    rt_memory_drop(n->rt, &seed);
    if (!ring_completed(&drawn)) {
        (void)rt_print(n->rt, "netd: no entropy: nothing is started\n");
        return false;
    }
    lwip_init();
    return true;
}
