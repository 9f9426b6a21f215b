/* SPDX-License-Identifier: BSD-2-Clause */
/* The owner of world `authority`, lives: the provider over the brokered seams, its kernel calls each a place
 * where others may come between. A call that is left is run again against the answers that it got. */
#include <string.h>

#include "abi/assert.h"
#include "provider/tables.h"
#include "sim/explore/authority_life.h"

#define POOL_PAGES  8u
#define RESET_POLLS 3u /* deadline of a reset, in polls: the provider's and, by its table, the kernel's */
#define FRAME       60u

/* The kernel's side. */

static struct device_reply over_objects(const struct device_authority *k, const struct life_request *r)
{
    switch (r->op) {
    case ASK_POOL:
        return k->ops->pool_create(k->ctx, r->cap, r->a);
    case ASK_BUFFER:
        return k->ops->buffer_create(k->ctx, r->cap, r->a, (uint8_t)r->b);
    case ASK_MAP:
        return k->ops->buffer_map(k->ctx, r->cap);
    case ASK_UNMAKE_BUFFER:
        return k->ops->buffer_destroy(k->ctx, r->cap);
    case ASK_QUEUE:
        return k->ops->queue_create(k->ctx, r->cap, r->other, (uint16_t)r->a, (uint16_t)r->b, (uint16_t)r->c,
                                    (uint16_t)r->d, r->out);
    case ASK_PUBLISH:
        return k->ops->publish(k->ctx, r->cap, r->in, (uint16_t)r->a);
    case ASK_REAP:
        return k->ops->reap(k->ctx, r->cap);
    case ASK_UNMAKE_QUEUE:
        return k->ops->queue_destroy(k->ctx, r->cap);
    case ASK_INTERRUPT:
        return k->ops->interrupt_create(k->ctx, r->cap, (uint16_t)r->a);
    case ASK_WAIT:
        return k->ops->interrupt_wait(k->ctx, r->cap);
    case ASK_ACK:
        return k->ops->interrupt_ack(k->ctx, r->cap);
    case ASK_MASK:
        return k->ops->interrupt_mask(k->ctx, r->cap, r->a != 0);
    default:
        ASSERT(r->op == ASK_RELEASE);
        return k->ops->release(k->ctx, r->cap);
    }
}

static struct device_reply over_device(struct life_world *l, const struct device_authority *k,
                                       const struct life_request *r)
{
    switch (r->op) {
    case ASK_CLAIM:
        return k->ops->claim(k->ctx, (uint16_t)r->a);
    case ASK_INFO:
        return k->ops->info(k->ctx, r->cap, r->out);
    case ASK_OPEN:
        l->table = *(const struct reg_table *)r->in;
        l->table.quiesce_polls_max = RESET_POLLS;
        return k->ops->open_registers(k->ctx, r->cap, &l->table, r->windows);
    case ASK_READ:
        return k->ops->reg_read(k->ctx, r->cap, (uint16_t)r->a, (uint16_t)r->b);
    case ASK_WRITE:
        return k->ops->reg_write(k->ctx, r->cap, (uint16_t)r->a, (uint16_t)r->b, r->c);
    case ASK_ADDRESS:
        return k->ops->reg_write_address(k->ctx, r->cap, (uint16_t)r->a, r->other);
    case ASK_DMA:
        return k->ops->enable_dma(k->ctx, r->cap);
    default:
        return over_objects(k, r);
    }
}

struct device_reply life_kernel_does(struct life_world *l, const struct life_request *r)
{
    const bool was_inline = l->world.inline_calls;
    const bool was_unattended = l->driver.unattended;
    struct device_authority k;
    struct device_reply reply;

    k = kernel_authority(&l->state.binding, l->machine.kernel, &l->machine.kernel->core.owners[0]);
    l->world.inline_calls = true; /* the kernel's own accesses are just done, and seen */
    l->driver.unattended = true;
    reply = over_device(l, &k, r);
    l->world.inline_calls = was_inline;
    l->driver.unattended = was_unattended;
    return reply;
}

/* What the book says of an answer. */
static void judge_answer(struct life_world *l, const struct life_request *r, struct device_reply reply)
{
    struct life_state *s = &l->state;

    if (reply.value >= AUTH_BUS && reply.value < AUTH_BUS + AUTH_PAGES * 4096u)
        xp_violate(&l->world, XP_I1, "an answer holds the device address 0x%llx",
                   (unsigned long long)reply.value);
    if (reply.error == DEV_E_UNCONFIRMED)
        life_interrupt_gone(l); /* the whole claim ended */
    if (!device_reply_ok(reply)) {
        /* A refused publication looks at the used ring first; a release may find that the device does not
         * stop. */
        if (r->op != ASK_PUBLISH && r->op != ASK_REAP && r->op != ASK_RELEASE && r->op != ASK_UNMAKE_BUFFER)
            auth_unchanged(&l->machine, "a call", reply);
        return;
    }
    if (r->op == ASK_CLAIM) {
        if (s->quarantined)
            xp_violate(&l->world, XP_P9, "the function is claimed out of quarantine");
        s->reset = 0;
    } else if (r->op == ASK_MASK) {
        s->unmasked = r->a == 0;
    } else if (r->op == ASK_WAIT) {
        if (reply.value != s->due)
            xp_violate(&l->world, reply.value > s->due ? XP_I15 : XP_P17,
                       "a wait reports %llu messages, %u were its own", (unsigned long long)reply.value,
                       s->due);
        s->shown = s->due;
    } else if (r->op == ASK_ACK) {
        s->due = (uint8_t)(s->due - s->shown);
        s->shown = 0;
    } else if (r->op == ASK_RELEASE &&
               (cap_same(r->cap, l->own->interrupt) || cap_same(r->cap, l->own->device))) {
        life_interrupt_gone(l); /* released, or its device was */
    }
}

uint32_t life_answer(struct life_world *l, uint32_t word)
{
    struct device_reply reply;

    if (word > 0)
        return l->answer[word];
    auth_remember(&l->machine);
    if (!l->fault || !life_fault_answers(l, l->fault, &reply)) {
        reply = life_kernel_does(l, l->request);
        judge_answer(l, l->request, reply);
        if (l->fault)
            life_fault_sees(l->fault, reply);
    }
    if (!l->machine_state.log_full)
        auth_log_drain(&l->machine);
    auth_machine_judge(&l->machine);
    if (l->request->op == ASK_QUEUE && device_reply_ok(reply))
        reply.value = (uint64_t)(uintptr_t)((struct dma_queue_view *)l->request->out)->device_area;
    ASSERT(reply.cap.index < 256u && reply.cap.generation < 1u << 15);
    l->answer[0] = (uint32_t)reply.exception | (uint32_t)reply.error << 4 | reply.cap.index << 9 |
                   reply.cap.generation << 17;
    l->answer[1] = (uint32_t)reply.value;
    l->answer[2] = (uint32_t)(reply.value >> 32);
    return l->answer[0];
}

/* The owner's side: others may come between, then the answer. */
static struct device_reply ask(void *ctx, const struct life_request *r)
{
    struct life_world *l = ctx;
    uint32_t word[3];

    (void)xp_access(&l->driver, (struct xp_access){.kind = XP_ACCESS_POINT});
    l->request = r;
    for (uint32_t i = 0; i < 3; i++)
        word[i] = (uint32_t)xp_access(&l->driver, (struct xp_access){.kind = XP_ACCESS_ANSWER, .address = i});
    return (struct device_reply){(enum cap_exception)(word[0] & 15u),
                                 (enum device_error)(word[0] >> 4 & 31u),
                                 {word[0] >> 9 & 255u, word[0] >> 17},
                                 (uint64_t)word[2] << 32 | word[1]};
}

static struct device_reply op_claim(void *ctx, uint16_t bdf)
{
    return ask(ctx, &(struct life_request){.op = ASK_CLAIM, .a = bdf});
}

static struct device_reply op_info(void *ctx, cap_id device, struct pci_function_info *out)
{
    const struct device_reply reply =
        ask(ctx, &(struct life_request){.op = ASK_INFO, .cap = device, .out = out});

    if (device_reply_ok(reply)) /* the scan's copy never changes: a call that is run again takes it itself */
        *out = *kernel_function_info(((struct life_world *)ctx)->machine.kernel, 0);
    return reply;
}

static struct device_reply op_open(void *ctx, cap_id device, const struct reg_table *t,
                                   const struct reg_window *windows)
{
    return ask(ctx, &(struct life_request){.op = ASK_OPEN, .cap = device, .in = t, .windows = windows});
}

static struct device_reply op_read(void *ctx, cap_id registers, uint16_t row, uint16_t index)
{
    return ask(ctx, &(struct life_request){.op = ASK_READ, .cap = registers, .a = row, .b = index});
}

static struct device_reply op_write(void *ctx, cap_id registers, uint16_t row, uint16_t index, uint32_t value)
{
    return ask(ctx,
               &(struct life_request){.op = ASK_WRITE, .cap = registers, .a = row, .b = index, .c = value});
}

static struct device_reply op_address(void *ctx, cap_id registers, uint16_t row, cap_id queue)
{
    return ask(ctx, &(struct life_request){.op = ASK_ADDRESS, .cap = registers, .other = queue, .a = row});
}

static struct device_reply op_dma(void *ctx, cap_id device)
{
    return ask(ctx, &(struct life_request){.op = ASK_DMA, .cap = device});
}

static struct device_reply op_pool(void *ctx, cap_id device, uint32_t pages)
{
    return ask(ctx, &(struct life_request){.op = ASK_POOL, .cap = device, .a = pages});
}

static struct device_reply op_buffer(void *ctx, cap_id pool, uint32_t bytes, uint8_t direction)
{
    return ask(ctx, &(struct life_request){.op = ASK_BUFFER, .cap = pool, .a = bytes, .b = direction});
}

static struct device_reply op_map(void *ctx, cap_id buffer)
{
    return ask(ctx, &(struct life_request){.op = ASK_MAP, .cap = buffer});
}

static struct device_reply op_unmake_buffer(void *ctx, cap_id buffer)
{
    return ask(ctx, &(struct life_request){.op = ASK_UNMAKE_BUFFER, .cap = buffer});
}

static struct device_reply op_queue(void *ctx, cap_id pool, cap_id registers, uint16_t queue, uint16_t size,
                                    uint16_t bell_index, uint16_t avail_flags, struct dma_queue_view *out)
{
    struct device_reply reply = ask(ctx, &(struct life_request){.op = ASK_QUEUE,
                                                                .cap = pool,
                                                                .other = registers,
                                                                .a = queue,
                                                                .b = size,
                                                                .c = bell_index,
                                                                .d = avail_flags,
                                                                .out = out});

    *out = (struct dma_queue_view){(const void *)(uintptr_t)reply.value, NULL, size};
    return reply;
}

static struct device_reply op_publish(void *ctx, cap_id queue, const struct dma_publication *batch,
                                      uint16_t count)
{
    return ask(ctx, &(struct life_request){.op = ASK_PUBLISH, .cap = queue, .in = batch, .a = count});
}

static struct device_reply op_reap(void *ctx, cap_id queue)
{
    return ask(ctx, &(struct life_request){.op = ASK_REAP, .cap = queue});
}

static struct device_reply op_unmake_queue(void *ctx, cap_id queue)
{
    return ask(ctx, &(struct life_request){.op = ASK_UNMAKE_QUEUE, .cap = queue});
}

static struct device_reply op_interrupt(void *ctx, cap_id device, uint16_t vector)
{
    return ask(ctx, &(struct life_request){.op = ASK_INTERRUPT, .cap = device, .a = vector});
}

static struct device_reply op_wait(void *ctx, cap_id interrupt)
{
    return ask(ctx, &(struct life_request){.op = ASK_WAIT, .cap = interrupt});
}

static struct device_reply op_ack(void *ctx, cap_id interrupt)
{
    return ask(ctx, &(struct life_request){.op = ASK_ACK, .cap = interrupt});
}

static struct device_reply op_mask(void *ctx, cap_id interrupt, bool masked)
{
    return ask(ctx, &(struct life_request){.op = ASK_MASK, .cap = interrupt, .a = masked});
}

static struct device_reply op_release(void *ctx, cap_id cap)
{
    return ask(ctx, &(struct life_request){.op = ASK_RELEASE, .cap = cap});
}

static const struct device_authority_ops asking = {
    op_claim,        op_info,      op_open, op_read,          op_write, op_address, op_dma,
    op_pool,         op_buffer,    op_map,  op_unmake_buffer, op_queue, op_publish, op_reap,
    op_unmake_queue, op_interrupt, op_wait, op_ack,           op_mask,  op_release,
};

/* calls of the owner */

static void give_back(struct life_world *l)
{
    struct life_own *own = l->own;
    const struct device_authority *k = &own->authority;

    if (!cap_is_none(own->interrupt))
        (void)k->ops->release(k->ctx, own->interrupt);
    own->interrupt = CAP_NONE;
    if (!cap_is_none(own->pool))
        (void)k->ops->release(k->ctx, own->pool);
    own->pool = CAP_NONE;
    if (!cap_is_none(own->device))
        (void)k->ops->release(k->ctx, own->device);
    own->device = CAP_NONE;
    own->bound = 0;
    own->closed = 1;
}

/* Claim, scan record, interrupt, pool; then the provider is opened over them. */
static bool take(struct life_world *l)
{
    struct life_own *own = l->own;
    const struct device_authority *k = &own->authority;
    struct device_reply reply = k->ops->claim(k->ctx, AUTH_BDF(0));

    if (!device_reply_ok(reply))
        return false;
    own->device = reply.cap;
    if (!device_reply_ok(k->ops->info(k->ctx, own->device, &own->info)))
        return false;
    if (l->config.interrupts) {
        reply = k->ops->interrupt_create(k->ctx, own->device, 0);
        if (!device_reply_ok(reply))
            return false;
        own->interrupt = reply.cap;
        if (!device_reply_ok(k->ops->interrupt_mask(k->ctx, own->interrupt, false)))
            return false;
    }
    reply = k->ops->pool_create(k->ctx, own->device, POOL_PAGES);
    own->pool = reply.cap;
    return device_reply_ok(reply);
}

static void bind(struct life_world *l)
{
    struct life_own *own = l->own;
    struct vnet_env env = {.info = &own->info,
                           .arena = own->arena,
                           .arena_bytes = sizeof own->arena,
                           .rx_slots = l->config.size,
                           .tx_slots = l->config.size,
                           .reset_timeout_ns = RESET_POLLS};

    own->authority = (struct device_authority){&asking, l};
    if (take(l)) {
        env.registers = registers_brokered_init(&own->registers, &own->authority, own->device);
        env.author = author_brokered_init(&own->author, &own->authority, own->pool, &own->registers);
        own->bound = vnet_open(&own->nic, &env) == PROVIDER_OK;
    }
    if (!own->bound)
        give_back(l);
}

static void send(struct life_world *l)
{
    struct virtio_net *nic = &l->own->nic;
    uint16_t slot;

    if (vnet_tx_take(nic, &slot, 1) == 0)
        return;
    memset(vnet_tx_data(nic, slot), 0xb5, 8); /* what nobody else may ever read */
    const struct nic_tx_frame frame = {slot, FRAME};
    l->own->sent = (uint8_t)(l->own->sent + vnet_send(nic, &frame, 1));
}

static void receive(struct life_world *l)
{
    struct nic_rx_frame frame;

    if (vnet_receive(&l->own->nic, &frame, 1) == 0)
        return;
    l->own->received = 1;
    vnet_recycle(&l->own->nic, &frame.slot, 1);
}

void life_call(struct life_world *l, const struct xp_call *call)
{
    struct life_own *own = l->own;
    const struct device_authority *k = &own->authority;

    switch ((enum life_op)call->op) {
    case LIFE_BIND:
        bind(l);
        break;
    case LIFE_POLL:
        own->nic.polls = 1; /* no check of status and link: that is world `nic`'s */
        (void)vnet_poll(&own->nic, own->nic.reset_polls, NIC_BATCH_MAX);
        break;
    case LIFE_SEND:
        send(l);
        break;
    case LIFE_RECEIVE:
        receive(l);
        break;
    case LIFE_INTERRUPT:
        if (device_reply_ok(k->ops->interrupt_wait(k->ctx, own->interrupt)))
            (void)k->ops->interrupt_ack(k->ctx, own->interrupt);
        break;
    case LIFE_STOP:
        vnet_stop(&own->nic);
        break;
    case LIFE_CLOSE:
        (void)vnet_close(&own->nic);
        give_back(l);
        break;
    }
}

bool life_carried(const struct life_world *l)
{
    return l->own->sent > 0 && l->own->received && virtq_outstanding(&l->own->nic.tx) == 0;
}

bool life_may(const struct life_world *l, enum life_op op)
{
    const struct life_own *own = l->own;
    const enum vnet_state state = own->nic.state;
    const bool ended = state == VNET_STOPPED || state == VNET_QUARANTINED;

    if (!l->state.alive || own->closed || (op != LIFE_BIND) != (own->bound != 0))
        return false;
    switch (op) {
    case LIFE_BIND: /* also when it is in quarantine: then the claim is refused */
        return true;
    case LIFE_POLL:
        return !ended;
    case LIFE_SEND:
        return state == VNET_RUNNING && own->sent < l->config.frames;
    case LIFE_RECEIVE:
        return state == VNET_RUNNING;
    case LIFE_INTERRUPT:
        return l->config.interrupts && l->state.due > 0;
    case LIFE_STOP:
        return !ended && state != VNET_STOPPING;
    case LIFE_CLOSE:
        return ended;
    }
    return false;
}

size_t life_canonical(const struct life_world *l, uint8_t *out, size_t bytes)
{
    struct life_own own;

    memcpy(&own, l->own, offsetof(struct life_own, author));
    ASSERT(bytes >= offsetof(struct life_own, author));
    memset(&own.nic.counters, 0, sizeof own.nic.counters);
    memset(own.nic.tx.faults, 0, sizeof own.nic.tx.faults);
    memset(own.nic.rx.faults, 0, sizeof own.nic.rx.faults);
    memset(&own.nic.leftovers, 0, sizeof own.nic.leftovers);
    memset(&own.registers.last, 0, sizeof own.registers.last);
    own.nic.polls = 0;
    own.registers.refused = 0;
    if (!own.bound)
        memset(&own.nic, 0, sizeof own.nic);
    memcpy(out, &own, offsetof(struct life_own, author));
    return offsetof(struct life_own, author);
}
