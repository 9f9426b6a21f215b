/* SPDX-License-Identifier: BSD-2-Clause */
/* From a confirmed reset to a disk that can be read, one step a poll (NVM Express 1.4, 7.6.1); and the one
 * way out. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "provider/nvme.h"
#include "provider/tables.h"

static enum provider_error admin_queue(struct nvme *n)
{
    static const uint16_t address_rows[] = {NVME_ROW_ASQ_LOW, NVME_ROW_ASQ_HIGH, NVME_ROW_ACQ_LOW,
                                            NVME_ROW_ACQ_HIGH};
    const struct registers *r = &n->env.registers;
    enum provider_error error = n->env.author.ops->queue_create(n->env.author.ctx, NVME_ADMIN_QUEUE,
                                                                NVME_ADMIN_ENTRIES, 0, 0, &n->admin.ring);

    for (uint32_t i = 0; error == PROVIDER_OK && i < sizeof address_rows / sizeof address_rows[0]; i++)
        error = r->ops->write_address(r->ctx, address_rows[i], &n->admin.ring);
    /* 3.1.8: both sizes, zero-based. */
    return error == PROVIDER_OK ? r->ops->write(r->ctx, NVME_ROW_AQA, 0, (NVME_ADMIN_ENTRIES - 1u) * 0x10001u)
                                : error;
}

static enum provider_error create_buffers(struct nvme *n)
{
    const struct author_ops *author = n->env.author.ops;
    void *ctx = n->env.author.ctx;
    enum provider_error error =
        author->buffer_create(ctx, n->env.slots * NVME_COMMAND_BYTES, DMA_TO_DEVICE, &n->command_buffer);

    if (error == PROVIDER_OK)
        error =
            author->buffer_create(ctx, n->env.slots * n->env.slot_bytes, DMA_FROM_DEVICE, &n->data_buffer);
    return error;
}

static enum provider_error enable(struct nvme *n)
{
    return n->env.registers.ops->write(n->env.registers.ctx, NVME_ROW_CC, 0, NVME_CC_RUNNING);
}

/* PROVIDER_E_BUSY: not yet. */
static enum provider_error ready(struct nvme *n)
{
    const struct reg_value status = n->env.registers.ops->read(n->env.registers.ctx, NVME_ROW_CSTS, 0);

    if (status.error != PROVIDER_OK)
        return status.error;
    if ((status.value.untrusted & NVME_CSTS_FATAL) != 0) {
        n->counters.needs_reset++;
        return PROVIDER_E_NEEDS_RESET;
    }
    if ((status.value.untrusted & NVME_CSTS_READY) != 0)
        return PROVIDER_OK;
    return ++n->ready_polls < NVME_READY_POLLS_MAX ? PROVIDER_E_BUSY : PROVIDER_E_RESET;
}

static enum provider_error dma(struct nvme *n)
{
    return n->env.registers.ops->enable_dma(n->env.registers.ctx);
}

static enum provider_error reads_queue(struct nvme *n)
{
    return n->env.author.ops->queue_create(n->env.author.ctx, NVME_QUEUE_READS, n->entries,
                                           2u * NVME_QUEUE_READS, 0, &n->reads.ring);
}

static enum provider_error described(struct nvme *n, const uint8_t *answer)
{
    struct nvme_controller controller;

    if (!nvme_decode_controller(answer, &controller))
        return PROVIDER_E_ANSWER;
    if (controller.namespaces == 0)
        return PROVIDER_E_NO_DISK;
    n->namespaces = controller.namespaces < NVME_NAMESPACES_MAX ? controller.namespaces : NVME_NAMESPACES_MAX;
    n->nsid = 1; /* 6.1: they are numbered from there */
    n->data_bytes_max = controller.data_bytes_max;
    _Static_assert(NVME_TEXT_BYTES <= DISK_TEXT_BYTES, "fits");
    memcpy(n->identity.text, controller.text, sizeof controller.text);
    return PROVIDER_OK;
}

/* This namespace, the next one, or none. */
static enum provider_error sized(struct nvme *n, const uint8_t *answer)
{
    struct nvme_namespace space;

    n->identity.probed++;
    if (!nvme_decode_namespace(answer, &space))
        return PROVIDER_E_ANSWER;
    if (space.blocks == 0) {
        n->step--; /* the same once more */
        return n->nsid++ < n->namespaces ? PROVIDER_OK : PROVIDER_E_NO_DISK;
    }
    n->identity.blocks = space.blocks;
    n->identity.block_bytes = 1u << space.block_shift;
    n->identity.unit = n->nsid;
    return reads_queue(n);
}

/* What the done command of this step means. */
static enum provider_error answered(struct nvme *n, const struct nvme_completion *c, const uint8_t *answer)
{
    switch (n->step) {
    case NVME_STEP_CONTROLLER:
        return described(n, answer);
    case NVME_STEP_NAMESPACE:
        return sized(n, answer);
    case NVME_STEP_SET_QUEUES: /* 5.21.1.7: zero-based, submission queues low, completion queues high; one
                                  will do */
        return c->result.untrusted == UINT32_MAX ? PROVIDER_E_QUEUE_ABSENT : PROVIDER_OK;
    default:
        return PROVIDER_OK;
    }
}

static enum provider_error error_of(const struct nvme *n, enum nvme_outcome outcome)
{
    if (outcome == NVME_REFUSED && n->step == NVME_STEP_NAMESPACE)
        return PROVIDER_E_NO_DISK;
    return n->step >= NVME_STEP_SET_QUEUES ? PROVIDER_E_QUEUE_ABSENT : PROVIDER_E_IO;
}

static enum provider_error completed(struct nvme *n, uint16_t slot, const struct nvme_completion *c)
{
    const enum nvme_outcome outcome = nvme_outcome_of(c->status);
    /* The author has the answer in its own hands until it took the completion in. */
    enum provider_error error = n->env.author.ops->reap(n->env.author.ctx, &n->admin.ring);

    n->asking = false;
    if (error != PROVIDER_OK)
        return error;
    if (outcome == NVME_AGAIN)
        return n->again++ < DISK_AGAIN_MAX ? PROVIDER_OK : PROVIDER_E_BUSY;
    n->again = 0;
    if (outcome != NVME_DONE)
        return error_of(n, outcome);
    error = answered(n, c, n->data_buffer.cpu + (size_t)slot * n->env.slot_bytes);
    if (error != PROVIDER_OK)
        n->counters.malformed += error == PROVIDER_E_ANSWER;
    else if (++n->step == NVME_STEP_COUNT)
        n->state = DISK_READY;
    return error;
}

/* A command each, one after the other, in the first slot. */
static enum provider_error command_step(struct nvme *n)
{
    const struct nvme_command commands[NVME_STEP_COUNT] = {
        [NVME_STEP_CONTROLLER] = {.kind = NVME_IDENTIFY_CONTROLLER},
        [NVME_STEP_NAMESPACE] = {.kind = NVME_IDENTIFY_NAMESPACE, .nsid = n->nsid},
        [NVME_STEP_SET_QUEUES] = {.kind = NVME_SET_QUEUES, .queue = 1},
        [NVME_STEP_COMPLETION_QUEUE] = {.kind = NVME_CREATE_COMPLETION_QUEUE,
                                        .queue = NVME_QUEUE_READS,
                                        .entries = n->entries},
        [NVME_STEP_SUBMISSION_QUEUE] = {.kind = NVME_CREATE_SUBMISSION_QUEUE,
                                        .queue = NVME_QUEUE_READS,
                                        .entries = n->entries},
    };
    struct nvme_completion c;
    uint16_t slot;

    if (n->asking)
        return nvme_take_one(n, &n->admin, &slot, &c) ? completed(n, slot, &c) : PROVIDER_OK;
    n->asking = nvme_submit(n, &n->admin, 0, &commands[n->step], nvme_answer_bytes(&commands[n->step]));
    return PROVIDER_OK; /* refused: the teardown has begun */
}

void nvme_start_step(struct nvme *n)
{
    static enum provider_error (*const steps[])(struct nvme *) = {
        [NVME_STEP_DMA] = dma,
        [NVME_STEP_ADMIN_QUEUE] = admin_queue,
        [NVME_STEP_BUFFERS] = create_buffers,
        [NVME_STEP_ENABLE] = enable,
        [NVME_STEP_READY] = ready,
    };
    enum provider_error error;

    ASSERT(n->state == DISK_STARTING && n->step < NVME_STEP_COUNT);
    if (n->step >= NVME_STEP_CONTROLLER) {
        error = command_step(n);
    } else {
        error = steps[n->step](n);
        n->step = (uint8_t)(n->step + (error == PROVIDER_OK));
        if (n->step == NVME_STEP_READY && error == PROVIDER_E_BUSY)
            return;
    }
    if (error != PROVIDER_OK)
        nvme_teardown_begin(n, error);
}

bool nvme_reset_wait(struct nvme *n, uint64_t now_ns, bool *done)
{
    const struct registers *r = &n->env.registers;

    ASSERT(n->reset_polls < DISK_RESET_POLLS_MAX);
    if (!n->reset_written) {
        const enum provider_error error = r->ops->write(r->ctx, NVME_ROW_CC, 0, NVME_CC_STOPPED);

        n->reset_written = error == PROVIDER_OK;
        if (error != PROVIDER_OK && error != PROVIDER_E_BUSY)
            return false;
    }
    if (n->reset_written) {
        const struct reg_value status = r->ops->read(r->ctx, NVME_ROW_CSTS, 0);

        if (status.error != PROVIDER_OK)
            return false;
        *done = (status.value.untrusted & NVME_CSTS_READY) == 0;
        if (*done)
            return true;
    }
    n->reset_polls++;
    if (n->env.reset_timeout_ns != 0 && n->reset_deadline_ns == 0) {
        const uint64_t deadline = now_ns + n->env.reset_timeout_ns;
        n->reset_deadline_ns = deadline < now_ns ? UINT64_MAX : deadline;
    }
    return n->reset_polls < DISK_RESET_POLLS_MAX &&
           (n->reset_deadline_ns == 0 || now_ns < n->reset_deadline_ns);
}

void nvme_teardown_begin(struct nvme *n, enum provider_error error)
{
    if (n->state != DISK_RESETTING && n->state != DISK_STARTING && n->state != DISK_READY)
        return;
    if (n->error == PROVIDER_OK)
        n->error = error;
    n->state = DISK_STOPPING;
    n->reset_written = false;
    n->reset_polls = 0;
    n->reset_deadline_ns = 0;
    n->counters.resets++;
}

/* Everything that the start steps took, as far as they came. The first refusal counts; the rest is still
 * tried. */
static enum provider_error give_back(struct nvme *n)
{
    const struct author_ops *author = n->env.author.ops;
    struct provider_ring *rings[] = {&n->reads.ring, &n->admin.ring};
    struct provider_buffer *buffers[] = {&n->command_buffer, &n->data_buffer};
    enum provider_error first = PROVIDER_OK, error;

    for (uint32_t i = 0; i < sizeof rings / sizeof rings[0]; i++) {
        error = rings[i]->size != 0 ? author->queue_destroy(n->env.author.ctx, rings[i]) : PROVIDER_OK;
        first = first == PROVIDER_OK ? error : first;
    }
    for (uint32_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        error = buffers[i]->bytes != 0 ? author->buffer_destroy(n->env.author.ctx, buffers[i]) : PROVIDER_OK;
        first = first == PROVIDER_OK ? error : first;
    }
    return first;
}

static void quarantine(struct nvme *n, enum provider_error error)
{
    if (n->error == PROVIDER_OK)
        n->error = error;
    n->state = DISK_QUARANTINED;
}

void nvme_teardown_step(struct nvme *n, uint64_t now_ns)
{
    const struct registers *r = &n->env.registers;
    enum provider_error error;
    bool done = false;

    ASSERT(n->state == DISK_STOPPING);
    n->counters.leftover = (uint64_t)n->admin.outstanding + n->reads.outstanding;
    if (!nvme_reset_wait(n, now_ns, &done)) {
        quarantine(n, PROVIDER_E_RESET);
        return;
    }
    if (!done)
        return;
    r->ops->disable_dma(r->ctx);
    error = give_back(n);
    if (error != PROVIDER_OK) {
        quarantine(n, error);
        return;
    }
    r->ops->close(r->ctx);
    n->state = DISK_STOPPED;
}
