/* SPDX-License-Identifier: BSD-2-Clause */
/* What lwIP asks of its surroundings: time, secrets, an end when a condition of its own does not hold. Its
 * calls carry no context: the one pointer to this process's state is kept here. */
#include "lwip/sys.h"
#include "abi/memory.h"
#include "lwip/init.h"
#include "stack/netd/netd.h"

#define SEED_BYTES 64u

static struct netd *process;

static uint64_t clock_of(void *context)
{
    return ring_now(&((const struct netd *)context)->rt->ring);
}

u32_t sys_now(void)
{
    return (u32_t)(clock_of(process) / 1000000u);
}

_Noreturn void netd_panic(const char *what, const char *file, unsigned line)
{
    LWIP_UNUSED_ARG(file);
    LWIP_UNUSED_ARG(line);
    (void)rt_print_line(process->rt, "netd: lwIP: ", what);
    rt_exit(process->rt, NETD_EXIT_STACK);
}

static bool draw(struct netd *n, void (*use)(struct random *r, const void *entropy, size_t bytes))
{
    struct rt_memory seed;

    if (!rt_memory_make(n->rt, SEED_BYTES, &seed))
        return false;
    const struct ring_extra range = ring_range(seed.cap, 0, SEED_BYTES);
    const struct ring_completion drawn = ring_call(&n->rt->ring, n->entropy, ENTROPY_FILL, NULL, &range);
    if (ring_completed(&drawn))
        use(&n->random, seed.at, SEED_BYTES);
    memset(seed.at, 0, SEED_BYTES);
    rt_memory_drop(n->rt, &seed);
    return ring_completed(&drawn);
}

void netd_reseed(struct netd *n)
{
    (void)draw(n, random_reseed);
}

bool netd_sys_init(struct netd *n)
{
    process = n;
    if (!draw(n, random_seed)) {
        (void)rt_print(n->rt, "netd: no entropy: nothing is started\n");
        return false;
    }
    random_serve_lwip(&n->random, clock_of, n);
    lwip_init();
    n->began_ns = clock_of(n);
    return true;
}
