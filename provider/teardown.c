/* SPDX-License-Identifier: BSD-2-Clause */
/* The one way out, from every state and for every reason, always in this order: stop taking work, reset, wait
 * until the device confirms, bus mastering off, rings and buffers back (the author scrubs), registers closed.
 * Without the confirmation nothing is given back: the authority keeps it in quarantine (I10, I11). */
#include "provider/format/virtio_ids.h"
#include "provider/vnet_parts.h"

bool vnet_reset_wait(struct virtio_net *nic, uint64_t now_ns, bool *done)
{
    enum provider_error error = nic->transport->reset_done(&nic->env.registers, done);
    bool late;

    ASSERT(nic->reset_polls < VNET_RESET_POLLS_MAX);
    /* No answer at all: the registers were taken from us, so nothing can ever be confirmed. */
    if (error != PROVIDER_OK)
        return false;
    if (*done)
        return true;
    nic->reset_polls++;
    if (nic->env.reset_timeout_ns != 0 && nic->reset_deadline_ns == 0) {
        uint64_t deadline = now_ns + nic->env.reset_timeout_ns;

        nic->reset_deadline_ns = deadline < now_ns ? UINT64_MAX : deadline;
    }
    late = nic->reset_deadline_ns != 0 && now_ns >= nic->reset_deadline_ns;
    return nic->reset_polls < VNET_RESET_POLLS_MAX && !late;
}

void vnet_teardown_begin(struct virtio_net *nic, enum provider_error error)
{
    if (nic->state != VNET_RESETTING && nic->state != VNET_STARTING && nic->state != VNET_RUNNING)
        return;
    if (nic->error == PROVIDER_OK)
        nic->error = error;
    /* 3.1.1: a driver that gives up on a device says so before it resets it. */
    if (nic->state == VNET_STARTING && error != PROVIDER_OK)
        (void)nic->transport->status_add(&nic->env.registers, &nic->status, VIRTIO_STATUS_FAILED);
    nic->state = VNET_STOPPING;
    nic->reset_polls = 0;
    nic->reset_deadline_ns = 0;
    nic->counters.resets++;
    /* A refused write shows at the next read: there is then no confirmation to be had. */
    (void)nic->transport->reset(&nic->env.registers);
    nic->status = 0;
}

/* Four kinds of leftovers (3.3.1), disjoint: posted and never used; used and not taken in; lent and not
 * returned; prepared and refused by the author (counted when it happened). */
static void count_leftovers(struct virtio_net *nic)
{
    uint32_t unseen = (uint32_t)virtq_used_unseen(&nic->rx) + virtq_used_unseen(&nic->tx);
    uint32_t outstanding = (uint32_t)virtq_outstanding(&nic->rx) + virtq_outstanding(&nic->tx);

    ASSERT(unseen <= outstanding);
    nic->leftovers.used_unseen = unseen;
    nic->leftovers.posted = outstanding - unseen;
    nic->leftovers.lent = (uint32_t)nic->rx_lent + nic->tx_lent;
}

/* Everything that `open` and the start steps took, as far as they came. First refusal wins; the rest is still
 * tried. */
static enum provider_error give_back(struct virtio_net *nic)
{
    const struct author_ops *author = nic->env.author.ops;
    void *ctx = nic->env.author.ctx;
    struct virtq *queues[] = {&nic->rx, &nic->tx};
    struct provider_buffer *buffers[] = {&nic->rx_buffer, &nic->tx_buffer};
    enum provider_error first = PROVIDER_OK;

    for (uint32_t i = 0; i < 2; i++) {
        enum provider_error error = PROVIDER_OK;

        if (queues[i]->ring.size != 0)
            error = author->queue_destroy(ctx, &queues[i]->ring);
        first = first == PROVIDER_OK ? error : first;
    }
    for (uint32_t i = 0; i < 2; i++) {
        enum provider_error error = PROVIDER_OK;

        if (buffers[i]->bytes != 0)
            error = author->buffer_destroy(ctx, buffers[i]);
        first = first == PROVIDER_OK ? error : first;
    }
    return first;
}

static void quarantine(struct virtio_net *nic, enum provider_error error)
{
    ASSERT(error != PROVIDER_OK);
    if (nic->error == PROVIDER_OK)
        nic->error = error;
    nic->state = VNET_QUARANTINED;
}

void vnet_teardown_step(struct virtio_net *nic, uint64_t now_ns)
{
    const struct registers *r = &nic->env.registers;
    enum provider_error error;
    bool done = false;

    ASSERT(nic->state == VNET_STOPPING);
    if (!vnet_reset_wait(nic, now_ns, &done)) {
        count_leftovers(nic);
        quarantine(nic, PROVIDER_E_RESET);
        return;
    }
    if (!done)
        return;
    r->ops->disable_dma(r->ctx);
    count_leftovers(nic);
    error = give_back(nic);
    if (error != PROVIDER_OK) {
        quarantine(nic, error);
        return;
    }
    r->ops->close(r->ctx);
    nic->state = VNET_STOPPED;
}
