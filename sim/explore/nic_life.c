/* SPDX-License-Identifier: BSD-2-Clause */
/* Whole lives at random: opening, traffic with everything that may come between, then the honest continuation
 * to rest. For the swarm, the fuzzer and the bench. */
#include "sim/explore/nic_world.h"

#define START_POLLS_MAX  64u /* steps of a start, and a little */
#define OPERATIONS_MAX   8u
#define ROUNDS           2u /* of a frame out and a frame in, at least */
#define SETTLE_MOVES_MAX 200u
#define HEAL_STEPS_MAX   2000u

static struct nic_world *nic_of(struct xp_world *w)
{
    return (struct nic_world *)(void *)w;
}

/* The device works off what it has; the wire gives one frame at least. */
static void settle(struct nic_world *n)
{
    for (uint32_t i = 0; i < SETTLE_MOVES_MAX; i++) {
        xp_order_drain(&n->driver.order);
        xp_net_bind(&n->device);
        if (!xp_net_deliver(&n->device))
            return;
        n->counts.device_steps++;
    }
}

static void traffic(struct nic_world *n)
{
    const uint32_t operations = xp_choose(&n->world, OPERATIONS_MAX, "life.operations");

    for (uint32_t i = 0; i < operations; i++) {
        if (!nic_operate(n))
            return;
    }
    for (uint32_t i = 0; i < START_POLLS_MAX && n->adapter->phase(n) == NIC_STARTING; i++)
        nic_begin(n, NIC_POLL, 0);
    for (uint32_t i = 0; i < ROUNDS && n->adapter->phase(n) == NIC_RUNNING; i++) {
        nic_begin(n, NIC_SEND, 0);
        settle(n);
        if (n->adapter->phase(n) == NIC_RUNNING)
            nic_begin(n, NIC_RECEIVE, 0);
    }
}

static enum xp_step life(struct xp_world *w)
{
    struct nic_world *n = nic_of(w);

    w->inline_calls = true;
    nic_begin(n, NIC_OPEN, 0);
    for (uint32_t i = 0; i < START_POLLS_MAX && n->adapter->phase(n) == NIC_STARTING; i++)
        nic_begin(n, NIC_POLL, 0);
    traffic(n);
    n->counts.lives++;
    n->counts.sent += n->book->sent;
    n->driver.unattended = true; /* from here on nobody comes between */
    for (uint32_t i = 0; w->ops->heal(w) == XP_HEAL_ON; i++) {
        if (i == HEAL_STEPS_MAX)
            xp_violate(w, XP_P3, "the honest continuation does not come to rest");
    }
    n->counts.stopped += n->adapter->phase(n) == NIC_STOPPED;
    n->counts.quarantined += n->adapter->phase(n) == NIC_QUARANTINED;
    n->driver.unattended = false;
    return XP_STEP_DONE;
}

struct nic_world *nic_lives_make(const struct nic_config *config)
{
    static struct xp_world_ops ops; /* the world's own, with another step */
    struct nic_world *n = nic_world_make(config);

    if (!n)
        return NULL;
    ops = *n->world.ops;
    ops.step = life;
    n->world.ops = &ops;
    return n;
}
