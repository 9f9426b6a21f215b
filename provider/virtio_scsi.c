/* SPDX-License-Identifier: BSD-2-Clause */
/* A polled virtio SCSI host provider: opening, the poll that moves its life on, commands and their answers.
 * Owns no memory: state, arena, registers and author are the caller's. */
#include "provider/virtio_scsi.h"

#include "abi/memory.h"
#include "provider/format/virtio_ids.h"

_Static_assert((VSCSI_HEALTH_POLLS & (VSCSI_HEALTH_POLLS - 1u)) == 0, "paced by a mask");
_Static_assert(SCSI_REQUEST_BYTES <= VSCSI_REQUEST_STRIDE && SCSI_RESPONSE_BYTES <= VSCSI_RESPONSE_STRIDE,
               "a stride holds one");

#define UNWRITTEN 0xffu /* no response: what a device that wrote none leaves behind */

size_t vscsi_arena_bytes(void)
{
    return SPLIT_SIZE_MAX * sizeof(struct virtq_slot) + sizeof(uint64_t);
}

enum provider_error vscsi_open(struct virtio_scsi *s, const struct vscsi_env *env)
{
    struct virtio_probe probe;
    enum provider_error error;

    ASSERT(s != NULL && env->info != NULL);
    if (s->state != DISK_CLOSED)
        return PROVIDER_E_STATE;
    if (env->slots == 0 || env->slots > DISK_SLOTS_MAX || env->slot_bytes < VSCSI_SLOT_BYTES_MIN ||
        env->slot_bytes > VSCSI_SLOT_BYTES_MAX || env->slot_bytes % VSCSI_SLOT_BYTES_MIN != 0)
        return PROVIDER_E_RANGE;
    probe = virtio_probe_function(env->info);
    if (probe.device_type != VIRTIO_TYPE_SCSI)
        return PROVIDER_E_NOT_VIRTIO;
    if (probe.kind == VIRTIO_NONE)
        return PROVIDER_E_NO_TRANSPORT;
    *s = (struct virtio_scsi){.env = *env, .probe = probe};
    s->transport =
        probe.kind == VIRTIO_MODERN ? &virtio_scsi_modern_transport : &virtio_scsi_legacy_transport;
    error = env->registers.ops->open(env->registers.ctx, s->transport->table, s->probe.windows);
    if (error != PROVIDER_OK)
        return error;
    /* 3.1.1 step 1: whatever firmware or a former driver left running ends here. */
    error = s->transport->reset(&s->env.registers);
    if (error != PROVIDER_OK) {
        env->registers.ops->close(env->registers.ctx);
        return error;
    }
    s->counters.resets = 1;
    s->state = DISK_RESETTING;
    return PROVIDER_OK;
}

bool vscsi_command(struct virtio_scsi *s, uint16_t slot, const uint8_t *cdb, uint32_t asked)
{
    struct author_segment chain[VSCSI_CHAIN];
    const uint8_t count = asked > 0 ? VSCSI_CHAIN : VSCSI_CHAIN - 1u;
    enum provider_error error;

    ASSERT(slot < s->env.slots && s->slot[slot].state == VSCSI_SLOT_FREE);
    ASSERT(asked <= s->env.slot_bytes);
    scsi_request(s->request_buffer.cpu + slot * VSCSI_REQUEST_STRIDE, s->target, ++s->next_id, cdb);
    memset(s->response_buffer.cpu + slot * VSCSI_RESPONSE_STRIDE, UNWRITTEN, SCSI_RESPONSE_BYTES);
    chain[0] = (struct author_segment){.buffer = s->request_buffer.handle,
                                       .offset = slot * VSCSI_REQUEST_STRIDE,
                                       .length = SCSI_REQUEST_BYTES,
                                       .direction = DMA_TO_DEVICE};
    chain[1] = (struct author_segment){.buffer = s->response_buffer.handle,
                                       .offset = slot * VSCSI_RESPONSE_STRIDE,
                                       .length = SCSI_RESPONSE_BYTES,
                                       .direction = DMA_FROM_DEVICE};
    chain[2] = (struct author_segment){.buffer = s->data_buffer.handle,
                                       .offset = slot * s->env.slot_bytes,
                                       .length = asked,
                                       .direction = DMA_FROM_DEVICE};
    error = virtq_prepare(&s->requests, chain, count, slot);
    ASSERT(error == PROVIDER_OK); /* no more slots than the queue takes, each posted once */
    if (s->env.author.ops->publish(s->env.author.ctx, &s->requests.ring, chain, count) != PROVIDER_OK) {
        virtq_abandon(&s->requests, chain);
        vscsi_teardown_begin(s, PROVIDER_E_REFUSED);
        return false;
    }
    s->slot[slot].state = VSCSI_SLOT_POSTED;
    s->slot[slot].asked = asked;
    s->counters.commands++;
    return true;
}

/* The response, read once into a copy of our own, word by word. */
static void copy_response(const struct virtio_scsi *s, uint16_t slot, uint8_t out[SCSI_RESPONSE_BYTES])
{
    const uint8_t *at = s->response_buffer.cpu + slot * VSCSI_RESPONSE_STRIDE;

    _Static_assert(SCSI_RESPONSE_BYTES % 4u == 0, "whole words");
    for (uint32_t i = 0; i < SCSI_RESPONSE_BYTES; i += 4u) {
        const dev_u32 word = ring_load32(at + i);
        memcpy(out + i, &word.untrusted, 4);
    }
}

bool vscsi_completion(struct virtio_scsi *s, uint16_t *slot, struct scsi_reply *reply)
{
    uint8_t response[SCSI_RESPONSE_BYTES];
    struct virtq_done done;
    /* Used lengths of legacy devices are of no use (2.7.8.2): there the residual alone counts. */
    const bool ignore_length = s->probe.kind == VIRTIO_LEGACY;
    const bool taken = virtq_ready(&s->requests, 1) > 0 && virtq_take(&s->requests, &done, ignore_length);

    if (s->requests.broken) {
        s->counters.faults++;
        vscsi_teardown_begin(s, PROVIDER_E_NEEDS_RESET);
        return false;
    }
    if (!taken)
        return false;
    *slot = (uint16_t)done.cookie;
    ASSERT(s->slot[*slot].state == VSCSI_SLOT_POSTED);
    s->slot[*slot].state = VSCSI_SLOT_FREE;
    copy_response(s, *slot, response);
    if (ignore_length)
        done.written = SCSI_RESPONSE_BYTES + s->slot[*slot].asked;
    *reply = scsi_decode(response, done.written, s->slot[*slot].asked);
    s->counters.put_off += reply->outcome == SCSI_AGAIN;
    s->counters.malformed += reply->outcome == SCSI_MALFORMED;
    s->counters.failed += reply->outcome == SCSI_FAILED || reply->outcome == SCSI_REFUSED;
    return true;
}

static void resetting(struct virtio_scsi *s, uint64_t now_ns)
{
    bool done = false;

    if (!vscsi_reset_wait(s, now_ns, &done)) {
        s->error = PROVIDER_E_RESET;
        s->state = DISK_QUARANTINED;
    } else if (done) {
        s->state = DISK_STARTING;
    }
}

/* Whether the device still works for us (2.1.1); DRIVER_OK gone means that it was reset behind our back. */
static void check_status(struct virtio_scsi *s)
{
    uint8_t status = 0;
    enum provider_error error;

    if ((s->polls++ & (VSCSI_HEALTH_POLLS - 1u)) != 0 || (s->status & VIRTIO_STATUS_DRIVER_OK) == 0)
        return;
    error = s->transport->status_read(&s->env.registers, &status);
    if (error == PROVIDER_OK &&
        ((status & VIRTIO_STATUS_NEEDS_RESET) != 0 || (status & VIRTIO_STATUS_DRIVER_OK) == 0)) {
        s->counters.needs_reset++;
        error = PROVIDER_E_NEEDS_RESET;
    }
    if (error != PROVIDER_OK)
        vscsi_teardown_begin(s, error);
}

static enum disk_state vscsi_poll(void *ctx, uint64_t now_ns)
{
    struct virtio_scsi *s = ctx;

    switch (s->state) {
    case DISK_RESETTING:
        resetting(s, now_ns);
        break;
    case DISK_STARTING:
        check_status(s);
        if (s->state == DISK_STARTING)
            vscsi_start_step(s);
        break;
    case DISK_READY:
        check_status(s);
        break;
    case DISK_STOPPING:
        vscsi_teardown_step(s, now_ns);
        break;
    case DISK_CLOSED:
    case DISK_STOPPED:
    case DISK_QUARANTINED:
    case DISK_STATE_COUNT:
        break;
    }
    return s->state;
}

static uint32_t vscsi_read_blocks_max(const void *ctx)
{
    const struct virtio_scsi *s = ctx;
    uint32_t bytes = s->env.slot_bytes;

    if (s->state != DISK_READY)
        return 0;
    if (s->max_sectors != 0 && s->max_sectors < bytes / 512u)
        bytes = s->max_sectors * 512u;
    return bytes < s->identity.block_bytes ? 1u : bytes / s->identity.block_bytes;
}

static enum provider_error vscsi_read(void *ctx, uint64_t lba, uint32_t blocks, uint32_t cookie)
{
    struct virtio_scsi *s = ctx;
    uint8_t cdb[SCSI_CDB_BYTES];
    uint16_t slot = 0;

    if (s->state != DISK_READY)
        return PROVIDER_E_STATE;
    if (blocks == 0 || blocks > vscsi_read_blocks_max(s) || lba >= s->identity.blocks ||
        blocks > s->identity.blocks - lba)
        return PROVIDER_E_RANGE;
    while (slot < s->env.slots && s->slot[slot].state != VSCSI_SLOT_FREE)
        slot++;
    if (slot == s->env.slots)
        return PROVIDER_E_FULL;
    scsi_cdb_read(cdb, lba, blocks);
    if (!vscsi_command(s, slot, cdb, blocks * s->identity.block_bytes))
        return PROVIDER_E_REFUSED;
    s->slot[slot].cookie = cookie;
    s->counters.reads++;
    return PROVIDER_OK;
}

static enum provider_error error_of(const struct scsi_reply *reply, uint32_t asked)
{
    switch (reply->outcome) {
    case SCSI_DONE: /* a read brings all that it asked for */
        return reply->transferred == asked ? PROVIDER_OK : PROVIDER_E_SHORT;
    case SCSI_AGAIN:
        return PROVIDER_E_BUSY;
    case SCSI_NO_TARGET:
        return PROVIDER_E_NO_DISK;
    case SCSI_NO_MEDIUM:
        return PROVIDER_E_NO_MEDIUM;
    case SCSI_MALFORMED:
        return PROVIDER_E_ANSWER;
    default:
        return PROVIDER_E_IO;
    }
}

static uint16_t vscsi_take(void *ctx, struct disk_done *out, uint16_t max)
{
    struct virtio_scsi *s = ctx;
    uint16_t count = 0;
    struct scsi_reply reply;
    uint16_t slot;

    while (count < max && s->state == DISK_READY && vscsi_completion(s, &slot, &reply)) {
        struct vscsi_slot *at = &s->slot[slot];

        out[count] =
            (struct disk_done){.cookie = at->cookie, .slot = slot, .error = error_of(&reply, at->asked)};
        if (out[count].error == PROVIDER_OK) {
            out[count].data = s->data_buffer.cpu + (size_t)slot * s->env.slot_bytes;
            out[count].bytes = at->asked;
            s->counters.read_bytes += at->asked;
        }
        at->state = VSCSI_SLOT_LENT;
        count++;
    }
    return count;
}

static void vscsi_give_back(void *ctx, uint16_t slot)
{
    struct virtio_scsi *s = ctx;

    ASSERT(slot < DISK_SLOTS_MAX && s->slot[slot].state == VSCSI_SLOT_LENT); /* the caller's own */
    s->slot[slot].state = VSCSI_SLOT_FREE;
}

static void vscsi_stop(void *ctx)
{
    vscsi_teardown_begin(ctx, PROVIDER_OK);
}

static const struct disk_identity *vscsi_identity(const void *ctx)
{
    return &((const struct virtio_scsi *)ctx)->identity;
}

static enum provider_error vscsi_error(const void *ctx)
{
    return ((const struct virtio_scsi *)ctx)->error;
}

static const struct disk_counters *vscsi_counters(const void *ctx)
{
    return &((const struct virtio_scsi *)ctx)->counters;
}

#define OPS(called)                                                                                          \
    {                                                                                                        \
        .name = (called), .poll = vscsi_poll, .read = vscsi_read, .take = vscsi_take,                        \
        .give_back = vscsi_give_back, .stop = vscsi_stop, .identity = vscsi_identity,                        \
        .read_blocks_max = vscsi_read_blocks_max, .error = vscsi_error, .counters = vscsi_counters           \
    }

struct disk vscsi_disk(struct virtio_scsi *s)
{
    static const struct disk_ops legacy = OPS("virtio-scsi-legacy"), modern = OPS("virtio-scsi-modern");

    return (struct disk){s->probe.kind == VIRTIO_MODERN ? &modern : &legacy, s};
}

enum provider_error vscsi_close(struct virtio_scsi *s)
{
    if (s->state != DISK_CLOSED && s->state != DISK_STOPPED && s->state != DISK_QUARANTINED)
        return PROVIDER_E_STATE;
    *s = (struct virtio_scsi){.state = DISK_CLOSED};
    return PROVIDER_OK;
}
