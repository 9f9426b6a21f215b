/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt proof: a short life of the NIC of its own. The transmit queue's events are mapped to one
 * MSI-X vector; a frame that asks nobody for an answer makes the device use a buffer, and so raise it. The
 * polled life that follows has no vector and asks for none. Nothing here raises an interrupt in the device's
 * stead but the one late message on a route that is gone, which the kernel sends for it. */
#include "abi/memory.h"
#include "abi/methods.h"
#include "user/nicd/proof.h"

#define SETTLE_TURNS 16u

struct interrupt_proof {
    struct proof *p;
    const struct device_authority *a;
    cap_id interrupt; /* the live one */
    uint16_t vector;
    uint64_t frames;
    uint64_t delivered, acked, masked, unmasked, stale_woken, successor;
};

static bool fail(struct interrupt_proof *i, const char *claim)
{
    return proof_fail(i->p, claim);
}

/* An Interrupt on the proof's vector, unmasked. */
static bool route_vector(struct interrupt_proof *i)
{
    const struct device_reply made = i->a->ops->interrupt_create(i->a->ctx, i->p->n->device, i->vector);

    if (!device_reply_ok(made))
        return fail(i, "the MSI-X entry could not be programmed");
    i->interrupt = made.cap;
    return device_reply_ok(i->a->ops->interrupt_mask(i->a->ctx, made.cap, false)) ||
           fail(i, "the interrupt could not be unmasked");
}

static bool activate(struct interrupt_proof *i)
{
    const struct nicd_vectors vectors = {.rx = {.wanted = false},
                                         .tx = {.wanted = true, .number = i->vector}};

    /* The vector before the provider: its registers count only while MSI-X is enabled (4.1.4.10). */
    if (!route_vector(i) || !nicd_provider(i->p->n, &vectors))
        return false;
    memcpy(i->p->addresses.our_mac, i->p->n->nic.mac, sizeof i->p->n->nic.mac);
    return true;
}

static bool turn(struct interrupt_proof *i)
{
    struct nicd *n = i->p->n;

    prove_turn(&i->p->prove);
    return vnet_poll(&n->nic, ring_now(&n->rt->ring), NICD_BUDGET) == VNET_RUNNING ||
           fail(i, "the provider stopped during the interrupt proof");
}

/* Turns with a register read in each: it comes back only when the device is through with what it was at, so
 * an interrupt that belongs to a used buffer has been sent by then, or held back. */
static bool settle(struct interrupt_proof *i)
{
    const struct virtio_net *nic = &i->p->n->nic;
    uint8_t status = 0;

    for (uint32_t k = 0; k < SETTLE_TURNS; k++) {
        if (!turn(i))
            return false;
        if (nic->transport->status_read(&nic->env.registers, &status) != PROVIDER_OK)
            return fail(i, "the device status could not be read");
    }
    return true;
}

/* Interrupts delivered and not acknowledged. */
static bool pending(struct interrupt_proof *i, uint64_t *count)
{
    const struct device_reply reply = i->a->ops->interrupt_wait(i->a->ctx, i->interrupt);

    *count = reply.value;
    return device_reply_ok(reply) || fail(i, "a live interrupt was refused");
}

static bool await_interrupt(struct interrupt_proof *i, uint64_t *count, const char *claim)
{
    struct prove_wait wait = prove_wait_begin(&i->p->prove);

    if (!pending(i, count))
        return false;
    while (*count == 0 && prove_wait_goes_on(&i->p->prove, &wait))
        if (!turn(i) || !pending(i, count))
            return false;
    return *count > 0 || fail(i, claim);
}

/* All that was reported, and nothing else, is acknowledged. */
static bool acknowledge(struct interrupt_proof *i, uint64_t reported, uint64_t *acked)
{
    const struct device_reply reply = i->a->ops->interrupt_ack(i->a->ctx, i->interrupt);
    uint64_t left = 0;

    *acked = reply.value;
    return (device_reply_ok(reply) && reply.value == reported && pending(i, &left) && left == 0) ||
           fail(i, "what was delivered is not what was acknowledged");
}

/* An ARP announcement (RFC 5227, 2.3): a request for our own address, which nobody answers. */
static bool announce(struct interrupt_proof *i)
{
    struct virtio_net *nic = &i->p->n->nic;
    struct frame_addresses own = i->p->addresses;
    uint16_t slot = 0;

    memcpy(own.peer_ip, own.our_ip, sizeof own.peer_ip);
    if (vnet_tx_take(nic, &slot, 1) != 1)
        return fail(i, "no transmit slot is free");
    const struct nic_tx_frame frame = {.slot = slot,
                                       .length = frame_arp_request(vnet_tx_data(nic, slot), &own)};
    if (vnet_send(nic, &frame, 1) != 1)
        return fail(i, "a frame was refused");
    i->frames++;
    return true;
}

static bool delivers(struct interrupt_proof *i)
{
    uint64_t early = 0;

    if (!settle(i) || !pending(i, &early))
        return false;
    if (early != 0)
        return fail(i, "an interrupt came before a buffer was used");
    return announce(i) && await_interrupt(i, &i->delivered, "the device raised no interrupt") &&
           acknowledge(i, i->delivered, &i->acked);
}

/* Masked: the device completes and nothing arrives. Unmasked again: what it held back does. */
static bool holds_back(struct interrupt_proof *i)
{
    const struct vnet_counters *counters = &i->p->n->nic.counters;
    const uint64_t reaped = counters->tx_reaped;
    uint64_t acked = 0;

    if (!device_reply_ok(i->a->ops->interrupt_mask(i->a->ctx, i->interrupt, true)) || !announce(i))
        return fail(i, "the interrupt could not be masked");
    struct prove_wait wait = prove_wait_begin(&i->p->prove);
    while (counters->tx_reaped == reaped && prove_wait_goes_on(&i->p->prove, &wait))
        if (!turn(i))
            return false;
    if (counters->tx_reaped == reaped)
        return fail(i, "no buffer was used while the vector was masked");
    if (!settle(i) || !pending(i, &i->masked))
        return false;
    if (i->masked != 0)
        return fail(i, "a masked interrupt was delivered");
    if (!device_reply_ok(i->a->ops->interrupt_mask(i->a->ctx, i->interrupt, false)))
        return fail(i, "the interrupt could not be unmasked");
    return await_interrupt(i, &i->unmasked, "the interrupt that was held back is lost") &&
           acknowledge(i, i->unmasked, &acked);
}

static bool refused(const struct device_reply reply)
{
    return reply.exception == CAP_EX_STALE || reply.exception == CAP_EX_INVALID;
}

static bool old_handle_is_dead(struct interrupt_proof *i, cap_id old)
{
    const struct device_authority_ops *ops = i->a->ops;

    return (refused(ops->interrupt_wait(i->a->ctx, old)) && refused(ops->interrupt_ack(i->a->ctx, old)) &&
            refused(ops->interrupt_mask(i->a->ctx, old, false))) ||
           fail(i, "an old interrupt handle was not refused");
}

/* The kernel's part: a message as of hardware that was at it during the teardown. */
static bool late_message(struct interrupt_proof *i)
{
    struct ring_client *ring = &i->p->n->rt->ring;
    struct prove_wait wait = prove_wait_begin(&i->p->prove);
    struct ring_completion done =
        ring_call(ring, i->p->prove.sink, EVIDENCE_LATE_MESSAGE, RING_ARGS(1), NULL);

    while (ring_completed(&done) && done.value == 0 && prove_wait_goes_on(&i->p->prove, &wait)) {
        if (!turn(i))
            return false;
        done = ring_call(ring, i->p->prove.sink, EVIDENCE_LATE_MESSAGE, RING_ARGS(0), NULL);
    }
    return (ring_completed(&done) && done.value == 1u) || fail(i, "the late message did not arrive once");
}

/* I15: the same vector gets a successor on another route. A message of the old route is taken by the machine
 * and wakes nobody; the device's next one wakes the successor, so that it was able to be woken. */
static bool old_route_is_dead(struct interrupt_proof *i)
{
    const cap_id old = i->interrupt;

    if (!device_reply_ok(i->a->ops->release(i->a->ctx, old)))
        return fail(i, "the interrupt could not be released");
    if (!old_handle_is_dead(i, old) || !route_vector(i) || !late_message(i))
        return false;
    if (!old_handle_is_dead(i, old) || !pending(i, &i->stale_woken))
        return false;
    if (i->stale_woken != 0)
        return fail(i, "a late message woke the successor");
    return announce(i) && await_interrupt(i, &i->successor, "the successor's interrupt was not delivered");
}

/* Given back as it is: provider running, route live, an interrupt not acknowledged. The kernel alone ends it,
 * as it does when the process dies. */
static bool end(struct interrupt_proof *i, struct stale_result *stale)
{
    struct nicd *n = i->p->n;
    const struct device_reply released = i->a->ops->release(i->a->ctx, n->device);

    n->device = CAP_NONE;
    memset(&n->nic, 0, sizeof n->nic);
    return (device_reply_ok(released) || fail(i, "the device could not be released")) &&
           prove_stale(&i->p->prove, &i->p->n->handles, stale);
}

bool proof_interrupt(struct proof *p)
{
    struct interrupt_proof i = {.p = p, .a = &p->n->authority};
    struct stale_result stale;
    struct text t = prove_words(&p->prove);

    if (p->n->info.msix.vectors == 0) /* as the bind proof read it */
        return true;
    i.vector = p->n->info.msix.vectors > 1 ? 1 : 0;
    if (!proof_claim(p) || !activate(&i) || !delivers(&i) || !holds_back(&i) || !old_route_is_dead(&i) ||
        !end(&i, &stale))
        return false;
    prove_u64(&t, "vector", i.vector);
    prove_u64(&t, "frames", i.frames);
    prove_u64(&t, "delivered", i.delivered);
    prove_u64(&t, "acked", i.acked);
    prove_u64(&t, "masked_delivered", i.masked);
    prove_u64(&t, "unmasked_delivered", i.unmasked);
    prove_u64(&t, "stale_tried", stale.tried);
    prove_u64(&t, "stale_woken", i.stale_woken);
    prove_u64(&t, "successor_delivered", i.successor);
    return prove_emit(&p->prove, EVIDENCE_INTERRUPT_DELIVERED, &t);
}
