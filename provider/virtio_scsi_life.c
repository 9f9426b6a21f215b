/* SPDX-License-Identifier: BSD-2-Clause */
/* From a confirmed reset to a disk that can be read, one step a poll; and the one way out. */
#include "abi/memory.h"
#include "provider/format/virtio_ids.h"
#include "provider/virtio_scsi.h"

static enum provider_error acknowledge(struct virtio_scsi *s)
{
    enum provider_error error =
        s->transport->status_add(&s->env.registers, &s->status, VIRTIO_STATUS_ACKNOWLEDGE);

    return error == PROVIDER_OK
               ? s->transport->status_add(&s->env.registers, &s->status, VIRTIO_STATUS_DRIVER)
               : error;
}

/* Nothing of 5.6.3 is wanted: no hot plug, no protection information. */
static enum provider_error negotiate(struct virtio_scsi *s)
{
    const bool modern = s->probe.kind == VIRTIO_MODERN;
    const uint64_t needed = modern ? VIRTIO_F_VERSION_1 : 0u;
    enum provider_error error = s->transport->features_read(&s->env.registers, &s->features_offered);

    if (error != PROVIDER_OK)
        return error;
    s->features_accepted = s->features_offered & (modern ? needed : VIRTIO_F_ANY_LAYOUT); /* 6.3 */
    if ((s->features_accepted & needed) != needed)
        return PROVIDER_E_FEATURES;
    return s->transport->features_write(&s->env.registers, &s->status, s->features_accepted);
}

static uint32_t le32(const uint8_t *at)
{
    return (uint32_t)at[3] << 24 | (uint32_t)at[2] << 16 | (uint32_t)at[1] << 8 | at[0];
}

/* The sizes of CDB and sense data are the defaults that we count on (5.6.4). */
static enum provider_error read_config(struct virtio_scsi *s)
{
    const struct transport_ops *t = s->transport;
    uint8_t config[4u * VIRTIO_SCSI_CONFIG_WORDS], target[2];
    enum provider_error error = t->config_read(&s->env.registers, 0, config, sizeof config);

    if (error == PROVIDER_OK)
        error = t->config_read(&s->env.registers, VIRTIO_SCSI_CONFIG_MAX_TARGET, target, sizeof target);
    if (error != PROVIDER_OK)
        return error;
    const uint32_t segments = le32(config + VIRTIO_SCSI_CONFIG_SEG_MAX);
    const uint32_t targets = ((uint32_t)target[1] << 8 | target[0]) + 1u;
    if (le32(config + VIRTIO_SCSI_CONFIG_NUM_QUEUES) == 0 || segments == 0 ||
        le32(config + VIRTIO_SCSI_CONFIG_CDB_SIZE) != SCSI_CDB_BYTES ||
        le32(config + VIRTIO_SCSI_CONFIG_SENSE_SIZE) != SCSI_SENSE_BYTES)
        return PROVIDER_E_CONFIG;
    s->max_sectors = le32(config + VIRTIO_SCSI_CONFIG_MAX_SECTORS);
    s->targets = (uint8_t)(targets < VSCSI_TARGETS_MAX ? targets : VSCSI_TARGETS_MAX);
    return PROVIDER_OK;
}

static enum provider_error create_queue(struct virtio_scsi *s)
{
    struct virtio_queue_limits limits;
    struct provider_ring ring;
    const uintptr_t base = (uintptr_t)s->env.arena, start = (base + 7u) & ~(uintptr_t)7u;
    enum provider_error error = s->transport->queue_limits(&s->env.registers, VSCSI_QUEUE_REQUESTS, &limits);

    if (error == PROVIDER_OK && limits.size < VSCSI_CHAIN)
        error = PROVIDER_E_QUEUE_SIZE; /* 2.7.5.3.1: no chain longer than its queue */
    if (error == PROVIDER_E_QUEUE_SIZE)
        s->rejected_queue_size = limits.size;
    if (error != PROVIDER_OK)
        return error;
    if (s->env.arena == NULL || start - base + limits.size * sizeof(struct virtq_slot) > s->env.arena_bytes)
        return PROVIDER_E_MEMORY;
    error = s->env.author.ops->queue_create(s->env.author.ctx, VSCSI_QUEUE_REQUESTS, limits.size,
                                            limits.bell_index, SPLIT_AVAIL_NO_INTERRUPT, &ring);
    if (error != PROVIDER_OK)
        return error;
    virtq_init(&s->requests, &ring, (struct virtq_slot *)start);
    if (s->env.slots > limits.size / VSCSI_CHAIN)
        s->env.slots = (uint16_t)(limits.size / VSCSI_CHAIN);
    return s->transport->queue_enable(&s->env.registers, &s->requests.ring);
}

static enum provider_error create_buffers(struct virtio_scsi *s)
{
    const struct author_ops *author = s->env.author.ops;
    void *ctx = s->env.author.ctx;
    const uint32_t slots = s->env.slots;
    enum provider_error error =
        author->buffer_create(ctx, slots * VSCSI_REQUEST_STRIDE, DMA_TO_DEVICE, &s->request_buffer);

    if (error == PROVIDER_OK)
        error =
            author->buffer_create(ctx, slots * VSCSI_RESPONSE_STRIDE, DMA_FROM_DEVICE, &s->response_buffer);
    if (error == PROVIDER_OK)
        error = author->buffer_create(ctx, slots * s->env.slot_bytes, DMA_FROM_DEVICE, &s->data_buffer);
    return error;
}

/* As of the network provider: a device that reset itself since forgot its queue (2.1.1). */
static enum provider_error go_live(struct virtio_scsi *s)
{
    uint8_t status = 0;
    enum provider_error error = s->transport->status_read(&s->env.registers, &status);

    if (error != PROVIDER_OK)
        return error;
    if ((status & VIRTIO_STATUS_NEEDS_RESET) != 0 || (status & s->status) != s->status) {
        s->counters.needs_reset++;
        s->status &= status;
        return PROVIDER_E_NEEDS_RESET;
    }
    return s->transport->status_add(&s->env.registers, &s->status, VIRTIO_STATUS_DRIVER_OK);
}

static const struct {
    void (*cdb)(uint8_t cdb[SCSI_CDB_BYTES]);
    uint32_t bytes;
} commands[VSCSI_STEP_COUNT] = {
    [VSCSI_STEP_INQUIRY] = {scsi_cdb_inquiry, SCSI_INQUIRY_BYTES},
    [VSCSI_STEP_UNIT_READY] = {scsi_cdb_test_unit_ready, 0},
    [VSCSI_STEP_CAPACITY_10] = {scsi_cdb_capacity_10, SCSI_CAPACITY_BYTES},
    [VSCSI_STEP_CAPACITY_16] = {scsi_cdb_capacity_16, SCSI_CAPACITY_16},
};

/* What the answer of an INQUIRY means: this target, the next one, or nobody. */
static enum provider_error inquired(struct virtio_scsi *s, const struct scsi_reply *reply,
                                    const uint8_t *data)
{
    struct scsi_inquiry inquiry;

    s->identity.probed++;
    if (reply->outcome == SCSI_DONE && scsi_decode_inquiry(data, reply->transferred, &inquiry) &&
        inquiry.disk) {
        _Static_assert(SCSI_TEXT_BYTES <= DISK_TEXT_BYTES, "fits");
        memcpy(s->identity.text, inquiry.text, sizeof inquiry.text);
        s->identity.unit = s->target;
        s->step = VSCSI_STEP_UNIT_READY;
        return PROVIDER_OK;
    }
    if (reply->outcome == SCSI_MALFORMED)
        return PROVIDER_E_ANSWER;
    if (++s->target >= s->targets)
        return PROVIDER_E_NO_DISK;
    return PROVIDER_OK;
}

static enum provider_error sized(struct virtio_scsi *s, const struct scsi_reply *reply, const uint8_t *data)
{
    struct scsi_capacity capacity = {0, 0};
    bool more = false, sound;

    if (s->step == VSCSI_STEP_CAPACITY_10)
        sound = scsi_decode_capacity_10(data, reply->transferred, &capacity, &more);
    else
        sound = scsi_decode_capacity_16(data, reply->transferred, &capacity);
    if (!sound)
        return PROVIDER_E_ANSWER;
    if (more) {
        s->step = VSCSI_STEP_CAPACITY_16;
        return PROVIDER_OK;
    }
    s->identity.blocks = capacity.blocks;
    s->identity.block_bytes = capacity.block_bytes;
    s->state = DISK_READY;
    return PROVIDER_OK;
}

static enum provider_error answered(struct virtio_scsi *s, uint16_t slot, const struct scsi_reply *reply)
{
    uint8_t data[SCSI_INQUIRY_BYTES];
    const uint8_t *at = s->data_buffer.cpu + (size_t)slot * s->env.slot_bytes;

    s->asking = false;
    if (reply->outcome == SCSI_AGAIN)
        return s->again++ < DISK_AGAIN_MAX ? PROVIDER_OK : PROVIDER_E_BUSY;
    s->again = 0;
    for (uint32_t i = 0; i < sizeof data; i += 4u) { /* read once */
        const dev_u32 word = ring_load32(at + i);
        memcpy(data + i, &word.untrusted, 4);
    }
    if (s->step == VSCSI_STEP_INQUIRY)
        return inquired(s, reply, data);
    if (reply->outcome == SCSI_NO_MEDIUM)
        return PROVIDER_E_NO_MEDIUM;
    if (reply->outcome != SCSI_DONE)
        return reply->outcome == SCSI_MALFORMED ? PROVIDER_E_ANSWER : PROVIDER_E_IO;
    if (s->step == VSCSI_STEP_UNIT_READY) {
        s->step = VSCSI_STEP_CAPACITY_10;
        return PROVIDER_OK;
    }
    return sized(s, reply, data);
}

/* A command each, one after the other, in the first slot. */
static enum provider_error command_step(struct virtio_scsi *s)
{
    uint8_t cdb[SCSI_CDB_BYTES];
    struct scsi_reply reply;
    uint16_t slot;

    if (s->asking)
        return vscsi_completion(s, &slot, &reply) ? answered(s, slot, &reply) : PROVIDER_OK;
    commands[s->step].cdb(cdb);
    memset(s->data_buffer.cpu, 0, SCSI_INQUIRY_BYTES); /* what the device leaves out is zero */
    s->asking = vscsi_command(s, 0, cdb, commands[s->step].bytes);
    return PROVIDER_OK; /* refused: the teardown has begun */
}

void vscsi_start_step(struct virtio_scsi *s)
{
    static enum provider_error (*const steps[])(struct virtio_scsi *) = {
        [VSCSI_STEP_ACKNOWLEDGE] = acknowledge, [VSCSI_STEP_FEATURES] = negotiate,
        [VSCSI_STEP_CONFIG] = read_config,      [VSCSI_STEP_QUEUE] = create_queue,
        [VSCSI_STEP_BUFFERS] = create_buffers,  [VSCSI_STEP_DRIVER_OK] = go_live,
    };
    const uint8_t step = s->step;
    enum provider_error error;

    ASSERT(s->state == DISK_STARTING && step < VSCSI_STEP_COUNT);
    if (step >= VSCSI_STEP_INQUIRY)
        error = command_step(s);
    else if (step == VSCSI_STEP_DMA)
        error = s->env.registers.ops->enable_dma(s->env.registers.ctx);
    else
        error = steps[step](s);
    if (error != PROVIDER_OK)
        vscsi_teardown_begin(s, error);
    else if (step < VSCSI_STEP_INQUIRY)
        s->step++;
}

bool vscsi_reset_wait(struct virtio_scsi *s, uint64_t now_ns, bool *done)
{
    ASSERT(s->reset_polls < DISK_RESET_POLLS_MAX);
    if (s->transport->reset_done(&s->env.registers, done) != PROVIDER_OK)
        return false;
    if (*done)
        return true;
    s->reset_polls++;
    if (s->env.reset_timeout_ns != 0 && s->reset_deadline_ns == 0) {
        const uint64_t deadline = now_ns + s->env.reset_timeout_ns;
        s->reset_deadline_ns = deadline < now_ns ? UINT64_MAX : deadline;
    }
    return s->reset_polls < DISK_RESET_POLLS_MAX &&
           (s->reset_deadline_ns == 0 || now_ns < s->reset_deadline_ns);
}

void vscsi_teardown_begin(struct virtio_scsi *s, enum provider_error error)
{
    if (s->state != DISK_RESETTING && s->state != DISK_STARTING && s->state != DISK_READY)
        return;
    if (s->error == PROVIDER_OK)
        s->error = error;
    /* 3.1.1: a driver that gives up on a device says so before it resets it. */
    if (s->state == DISK_STARTING && error != PROVIDER_OK && (s->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        (void)s->transport->status_add(&s->env.registers, &s->status, VIRTIO_STATUS_FAILED);
    s->state = DISK_STOPPING;
    s->reset_polls = 0;
    s->reset_deadline_ns = 0;
    s->counters.resets++;
    /* A refused write shows at the next read: there is then no confirmation to be had. */
    (void)s->transport->reset(&s->env.registers);
    s->status = 0;
}

/* Everything that the start steps took, as far as they came. The first refusal counts; the rest is still
 * tried. */
static enum provider_error give_back(struct virtio_scsi *s)
{
    const struct author_ops *author = s->env.author.ops;
    struct provider_buffer *buffers[] = {&s->request_buffer, &s->response_buffer, &s->data_buffer};
    enum provider_error first = PROVIDER_OK;

    if (s->requests.ring.size != 0)
        first = author->queue_destroy(s->env.author.ctx, &s->requests.ring);
    for (uint32_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        enum provider_error error = PROVIDER_OK;

        if (buffers[i]->bytes != 0)
            error = author->buffer_destroy(s->env.author.ctx, buffers[i]);
        first = first == PROVIDER_OK ? error : first;
    }
    return first;
}

static void quarantine(struct virtio_scsi *s, enum provider_error error)
{
    if (s->error == PROVIDER_OK)
        s->error = error;
    s->state = DISK_QUARANTINED;
}

void vscsi_teardown_step(struct virtio_scsi *s, uint64_t now_ns)
{
    const struct registers *r = &s->env.registers;
    enum provider_error error;
    bool done = false;

    ASSERT(s->state == DISK_STOPPING);
    if (!vscsi_reset_wait(s, now_ns, &done)) {
        s->counters.leftover = virtq_outstanding(&s->requests);
        quarantine(s, PROVIDER_E_RESET);
        return;
    }
    if (!done)
        return;
    r->ops->disable_dma(r->ctx);
    s->counters.leftover = virtq_outstanding(&s->requests);
    error = give_back(s);
    if (error != PROVIDER_OK) {
        quarantine(s, error);
        return;
    }
    r->ops->close(r->ctx);
    s->state = DISK_STOPPED;
}
