/* SPDX-License-Identifier: BSD-2-Clause */
/* The interrupt proof: a short life of the NIC of its own. The transmit queue's events are mapped to one
 * MSI-X vector; a frame that asks nobody for an answer makes the device use a buffer, and so raise it. The
 * polled life that follows has no vector and asks for none. Nothing here raises an interrupt in the device's
 * stead but the one late message on a route that is gone. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "kernel/bringup/bringup.h"

#define SETTLE_TURNS 16u

struct proof {
    struct bringup *b;
    const struct device_authority *a;
    cap_id interrupt; /* the live one */
    uint16_t vector;
    struct evidence_interrupt_delivered facts;
};

/* An Interrupt on the proof's vector, unmasked. */
static bool route_vector(struct proof *p)
{
    struct device_reply made = p->a->ops->interrupt_create(p->a->ctx, p->b->device, p->vector);
    if (!device_reply_ok(made))
        return bringup_fail(p->b, "the MSI-X entry could not be programmed");
    p->interrupt = made.cap;
    if (!device_reply_ok(p->a->ops->interrupt_mask(p->a->ctx, made.cap, false)))
        return bringup_fail(p->b, "the interrupt could not be unmasked");
    return true;
}

static bool activate(struct proof *p)
{
    const struct vnet_vector vector = {.wanted = true, .number = p->vector};
    p->a = &p->b->authority;
    /* The vector before the provider: its registers count only while MSI-X is enabled (4.1.4.10). */
    return route_vector(p) && bringup_open_provider(p->b, vector);
}

static bool turn(struct proof *p)
{
    struct bringup *b = p->b;
    platform_relax(b->platform);
    if (vnet_poll(&b->nic, platform_now_ns(b->platform), BRINGUP_BUDGET) != VNET_RUNNING)
        return bringup_fail(b, "the provider stopped during the interrupt proof");
    return true;
}

/* Turns with a register read in each: it comes back only when the device is through with what it was at, so
 * an interrupt that belongs to a used buffer has been sent by then, or held back. */
static bool settle(struct proof *p)
{
    struct virtio_net *nic = &p->b->nic;
    uint8_t status = 0;
    for (uint32_t i = 0; i < SETTLE_TURNS; i++) {
        if (!turn(p))
            return false;
        if (nic->transport->status_read(&nic->env.registers, &status) != PROVIDER_OK)
            return bringup_fail(p->b, "the device status could not be read");
    }
    return true;
}

/* Interrupts delivered and not acknowledged. */
static bool pending(struct proof *p, uint64_t *count)
{
    struct device_reply reply = p->a->ops->interrupt_wait(p->a->ctx, p->interrupt);
    *count = reply.value;
    return device_reply_ok(reply) || bringup_fail(p->b, "a live interrupt was refused");
}

static bool await_interrupt(struct proof *p, uint64_t *count, const char *claim)
{
    struct bringup_wait wait = bringup_wait_begin(p->b);
    if (!pending(p, count))
        return false;
    while (*count == 0 && bringup_wait_goes_on(p->b, &wait))
        if (!turn(p) || !pending(p, count))
            return false;
    return *count > 0 || bringup_fail(p->b, claim);
}

/* All that was reported, and nothing else, is acknowledged. */
static bool acknowledge(struct proof *p, uint64_t reported, uint64_t *acked)
{
    uint64_t left = 0;
    struct device_reply reply = p->a->ops->interrupt_ack(p->a->ctx, p->interrupt);
    *acked = reply.value;
    if (!device_reply_ok(reply) || reply.value != reported || !pending(p, &left) || left != 0)
        return bringup_fail(p->b, "what was delivered is not what was acknowledged");
    return true;
}

/* An ARP announcement (RFC 5227, 2.3): a request for our own address, which nobody answers. */
static bool announce(struct proof *p)
{
    struct bringup *b = p->b;
    struct frame_addresses own = b->addresses;
    uint16_t slot = 0;
    memcpy(own.peer_ip, own.our_ip, sizeof own.peer_ip);
    if (vnet_tx_take(&b->nic, &slot, 1) != 1)
        return bringup_fail(b, "no transmit slot is free");
    const struct nic_tx_frame frame = {.slot = slot,
                                       .length = frame_arp_request(vnet_tx_data(&b->nic, slot), &own)};
    if (vnet_send(&b->nic, &frame, 1) != 1)
        return bringup_fail(b, "a frame was refused");
    b->proof_sent++;
    return true;
}

static bool delivers(struct proof *p)
{
    uint64_t early = 0;
    if (!settle(p) || !pending(p, &early))
        return false;
    if (early != 0)
        return bringup_fail(p->b, "an interrupt came before a buffer was used");
    return announce(p) && await_interrupt(p, &p->facts.delivered, "the device raised no interrupt") &&
           acknowledge(p, p->facts.delivered, &p->facts.acked);
}

/* Masked: the device completes and nothing arrives. Unmasked again: what it held back does. */
static bool holds_back(struct proof *p)
{
    struct bringup *b = p->b;
    const uint64_t reaped = b->nic.counters.tx_reaped;
    uint64_t acked = 0;
    if (!device_reply_ok(p->a->ops->interrupt_mask(p->a->ctx, p->interrupt, true)) || !announce(p))
        return bringup_fail(b, "the interrupt could not be masked");
    struct bringup_wait wait = bringup_wait_begin(b);
    while (b->nic.counters.tx_reaped == reaped && bringup_wait_goes_on(b, &wait))
        if (!turn(p))
            return false;
    if (b->nic.counters.tx_reaped == reaped)
        return bringup_fail(b, "no buffer was used while the vector was masked");
    if (!settle(p) || !pending(p, &p->facts.masked_delivered))
        return false;
    if (p->facts.masked_delivered != 0)
        return bringup_fail(b, "a masked interrupt was delivered");
    if (!device_reply_ok(p->a->ops->interrupt_mask(p->a->ctx, p->interrupt, false)))
        return bringup_fail(b, "the interrupt could not be unmasked");
    return await_interrupt(p, &p->facts.unmasked_delivered, "the interrupt that was held back is lost") &&
           acknowledge(p, p->facts.unmasked_delivered, &acked);
}

static bool refused(const struct device_reply reply)
{
    return reply.exception == CAP_EX_STALE || reply.exception == CAP_EX_INVALID;
}

static bool old_handle_is_dead(struct proof *p, cap_id old)
{
    const struct device_authority_ops *ops = p->a->ops;
    p->facts.stale_tried += 3;
    p->facts.stale_refused += refused(ops->interrupt_wait(p->a->ctx, old));
    p->facts.stale_refused += refused(ops->interrupt_ack(p->a->ctx, old));
    p->facts.stale_refused += refused(ops->interrupt_mask(p->a->ctx, old, false));
    return p->facts.stale_refused == p->facts.stale_tried ||
           bringup_fail(p->b, "an old interrupt handle was not refused");
}

/* As hardware does it when a message is under way during the teardown. */
static bool late_message(struct proof *p, uint16_t route)
{
    struct platform *platform = p->b->platform;
    const uint32_t before = platform_msi_count(platform, route);
    struct bringup_wait wait = bringup_wait_begin(p->b);
    platform_msi_raise(platform, route);
    while (platform_msi_count(platform, route) == before && bringup_wait_goes_on(p->b, &wait))
        if (!turn(p))
            return false;
    return platform_msi_count(platform, route) == before + 1u ||
           bringup_fail(p->b, "the late message did not arrive once");
}

/* I15: the same vector gets a successor on another route. A message of the old route is taken by the machine
 * and wakes nobody; the device's next one wakes the successor, so that it was able to be woken. */
static bool old_route_is_dead(struct proof *p)
{
    struct bringup *b = p->b;
    const cap_id old = p->interrupt;
    uint16_t route = 0;
    if (!kernel_interrupt_route(b->kernel, b->owner, old, &route))
        return bringup_fail(b, "a live interrupt was refused");
    if (!device_reply_ok(p->a->ops->release(p->a->ctx, old)))
        return bringup_fail(b, "the interrupt could not be released");
    if (!old_handle_is_dead(p, old) || !route_vector(p) || !late_message(p, route))
        return false;
    if (!old_handle_is_dead(p, old) || !pending(p, &p->facts.stale_woken))
        return false;
    if (p->facts.stale_woken != 0)
        return bringup_fail(b, "a late message woke the successor");
    return announce(p) &&
           await_interrupt(p, &p->facts.successor_delivered, "the successor's interrupt was not delivered");
}

/* Killed as it is: provider running, route live, an interrupt not acknowledged. The kernel alone ends it. */
static bool end(struct proof *p)
{
    struct bringup *b = p->b;
    if (!b->owner)
        return false;
    owner_kill(b->kernel, b->owner);
    b->owner = NULL;
    b->device = CAP_NONE;
    memset(&b->nic, 0, sizeof b->nic);
    const struct stale_result stale = handles_try_stale(&b->handles);
    if (b->handles.lost != 0 || stale.tried == 0 || stale.refused != stale.tried)
        return bringup_fail(b, "an old handle was not refused");
    if (kernel_device_state(b->kernel, b->bdf) != DEVICE_DISCOVERED)
        return bringup_fail(b, "the device did not confirm its reset");
    const struct kernel_usage after = kernel_usage(b->kernel);
    if (memcmp(&after, &b->before, sizeof after) != 0)
        return bringup_fail(b, "budgets differ after the kill");
    return true;
}

bool bringup_prove_interrupt(struct bringup *b)
{
    struct proof p = {.b = b, .facts = {.bdf = b->bdf, .budget = "restored"}};
    const uint32_t taken = platform_interrupts(b->platform);
    if (b->info.msix.vectors == 0)
        return true;
    ASSERT(!b->owner);
    b->interrupts_attempted = true;
    p.vector = b->info.msix.vectors > 1 ? 1 : 0;
    const bool holds =
        bringup_claim(b) && activate(&p) && delivers(&p) && holds_back(&p) && old_route_is_dead(&p);
    if (!end(&p) || !holds)
        return false;
    p.facts.vector = p.vector;
    p.facts.interrupts = platform_interrupts(b->platform) - taken;
    p.facts.device_autonomous_raise = "proven";
    return evidence_emit_interrupt_delivered(b->evidence, &p.facts) == EVIDENCE_OK;
}
