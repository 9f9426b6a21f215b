/* SPDX-License-Identifier: BSD-2-Clause */
/* Handles that must not work: none, forged, of an earlier or a later generation, of another interface, and
 * ones that other owners hold. Each call with each of them is refused before any side effect (I9, P11, P13).
 */
#include "sim/explore/authority_world.h"

enum { CALLS = 19 };

/* The interface that a call's handle must have; CAP_IF_NONE: any. */
static const uint8_t wants[CALLS] = {
    CAP_IF_DEVICE,    CAP_IF_DEVICE,    CAP_IF_DEVICE_MMIO, CAP_IF_DEVICE_MMIO, CAP_IF_DEVICE_MMIO,
    CAP_IF_DEVICE,    CAP_IF_DEVICE,    CAP_IF_DMA_POOL,    CAP_IF_DMA_BUFFER,  CAP_IF_DMA_BUFFER,
    CAP_IF_DMA_POOL,  CAP_IF_DMA_QUEUE, CAP_IF_DMA_QUEUE,   CAP_IF_DMA_QUEUE,   CAP_IF_DEVICE,
    CAP_IF_INTERRUPT, CAP_IF_INTERRUPT, CAP_IF_INTERRUPT,   CAP_IF_NONE,
};

static struct device_reply try(const struct device_authority *k, uint32_t which, cap_id id)
{
    static const struct reg_window window = {.length = 0x100};
    static const struct dma_publication nothing = {.count = 1};
    struct dma_queue_view view;
    struct pci_function_info info;

    switch (which) {
    case 0:
        return k->ops->info(k->ctx, id, &info);
    case 1:
        return k->ops->open_registers(k->ctx, id, &auth_table, &window);
    case 2:
        return k->ops->reg_read(k->ctx, id, 0, 0);
    case 3:
        return k->ops->reg_write(k->ctx, id, 0, 0, 0);
    case 4:
        return k->ops->reg_write_address(k->ctx, id, 3, id);
    case 5:
        return k->ops->enable_dma(k->ctx, id);
    case 6:
        return k->ops->pool_create(k->ctx, id, 1);
    case 7:
        return k->ops->buffer_create(k->ctx, id, 64, DMA_FROM_DEVICE);
    case 8:
        return k->ops->buffer_map(k->ctx, id);
    case 9:
        return k->ops->buffer_destroy(k->ctx, id);
    case 10:
        return k->ops->queue_create(k->ctx, id, id, 0, AUTH_QUEUE_SIZE, 0, 0, &view);
    case 11:
        return k->ops->publish(k->ctx, id, &nothing, 1);
    case 12:
        return k->ops->reap(k->ctx, id);
    case 13:
        return k->ops->queue_destroy(k->ctx, id);
    case 14:
        return k->ops->interrupt_create(k->ctx, id, 0);
    case 15:
        return k->ops->interrupt_wait(k->ctx, id);
    case 16:
        return k->ops->interrupt_ack(k->ctx, id);
    case 17:
        return k->ops->interrupt_mask(k->ctx, id, false);
    default:
        return k->ops->release(k->ctx, id);
    }
}

static void try_all(struct auth_world *a, uint32_t owner, const struct device_authority *k, cap_id id)
{
    const uint8_t held = a->ghost.objects[auth_object_of(a, owner, id)].kind;

    for (uint32_t which = 0; which < CALLS; which++) {
        struct device_reply reply;

        if (held && (wants[which] == held || wants[which] == CAP_IF_NONE))
            continue;
        reply = try(k, which, id);
        if (reply.exception == CAP_EX_NONE || device_reply_ok(reply))
            xp_violate(&a->world, XP_P11, "call %u of owner %u with handle %u.%u, %s, is answered with %s",
                       which, owner, id.index, id.generation,
                       held ? "of another interface" : "dead or forged", device_error_name(reply.error));
    }
    if (held)
        return;
    for (uint32_t to = 0; to < a->config.owners; to++) {
        struct owner *const o = a->machine.kernel->core.owners;

        if (a->ghost.owners[to].alive &&
            (device_reply_ok(owner_cap_copy(a->machine.kernel, &o[owner], id, &o[to])) ||
             device_reply_ok(owner_cap_move(a->machine.kernel, &o[owner], id, &o[to]))))
            xp_violate(&a->world, XP_P11, "owner %u hands on handle %u.%u, which is dead or forged", owner,
                       id.index, id.generation);
    }
}

void auth_abuse(struct auth_world *a)
{
    for (uint32_t owner = 0; owner < a->config.owners; owner++) {
        struct kernel_binding binding;
        const struct device_authority k = auth_authority(a, owner, &binding);

        if (!a->ghost.owners[owner].alive)
            continue;
        auth_remember(&a->machine);
        for (uint32_t index = 0; index <= a->config.slots + 1u; index++)
            for (uint32_t generation = 0; generation <= AUTH_GENERATIONS + 1u; generation++)
                try_all(a, owner, &k, (cap_id){index, generation});
        auth_unchanged(&a->machine, "calls with handles that must not work",
                       (struct device_reply){.exception = CAP_EX_STALE});
        if (!a->machine_state.log_full)
            auth_log_drain(&a->machine);
    }
}
