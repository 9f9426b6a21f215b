/* SPDX-License-Identifier: BSD-2-Clause */
/* A polled NVMe provider: opening, the poll that moves its life on, commands and their completions. Owns no
 * memory: state, registers and author are the caller's. */
#include "provider/nvme.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "provider/tables.h"

_Static_assert((NVME_HEALTH_POLLS & (NVME_HEALTH_POLLS - 1u)) == 0, "paced by a mask");
_Static_assert(DISK_SLOTS_MAX *NVME_CHAIN <= NVME_ENTRIES_MAX, "a queue takes every slot");

/* CAP (3.1.1), low word: MQES 15:0; high: DSTRD 3:0, CSS 12:5, MPSMIN 19:16. */
#define CAP_ENTRIES    0xffffu
#define CAP_STRIDE     0xfu
#define CAP_NVM        0x20u
#define CAP_PAGE_SHIFT 16u
#define CAP_PAGE_MASK  0xfu

static enum provider_error read_row(const struct registers *r, uint16_t row, uint32_t *out)
{
    const struct reg_value value = r->ops->read(r->ctx, row, 0);

    *out = value.value.untrusted;
    return value.error;
}

static enum provider_error open_windows(const struct nvme_env *env, uint32_t stride)
{
    const struct reg_window windows[NVME_SECTIONS] = {
        [NVME_SECTION_REGISTERS] = {.bar = 0, .offset = 0, .length = NVME_REGISTERS},
        [NVME_SECTION_BELLS] = {.bar = 0,
                                .offset = NVME_REGISTERS,
                                .length = 2u * (NVME_QUEUE_READS + 1u) * stride,
                                .bell_multiplier = stride},
    };

    return env->registers.ops->open(env->registers.ctx, &nvme_table, windows);
}

/* What the controller can, before anything is written to it. */
static enum provider_error read_capabilities(struct nvme *n, uint32_t *stride)
{
    uint32_t low = 0, high = 0, entries;
    enum provider_error error = read_row(&n->env.registers, NVME_ROW_CAP_LOW, &low);

    if (error == PROVIDER_OK)
        error = read_row(&n->env.registers, NVME_ROW_CAP_HIGH, &high);
    if (error == PROVIDER_OK)
        error = read_row(&n->env.registers, NVME_ROW_VERSION, &n->version);
    if (error != PROVIDER_OK)
        return error;
    n->capabilities = (uint64_t)high << 32 | low;
    if (high == UINT32_MAX || (high & CAP_NVM) == 0 || (high >> CAP_PAGE_SHIFT & CAP_PAGE_MASK) != 0)
        return PROVIDER_E_NO_TRANSPORT;
    entries = (low & CAP_ENTRIES) + 1u; /* MQES is zero-based */
    if (entries < NVME_ENTRIES_MIN)
        return PROVIDER_E_NO_TRANSPORT;
    n->entries = NVME_ENTRIES_MAX;
    while (n->entries > entries)
        n->entries /= 2u;
    if (n->env.slots > n->entries / NVME_CHAIN)
        n->env.slots = (uint16_t)(n->entries / NVME_CHAIN);
    *stride = NVME_BELLS_FIRST << (high & CAP_STRIDE);
    return PROVIDER_OK;
}

/* The distance of the doorbells stands in a register that lies in the same window: a second opening, if need
 * be. */
static enum provider_error open_registers(struct nvme *n)
{
    const struct registers *r = &n->env.registers;
    uint32_t stride = NVME_BELLS_FIRST;
    enum provider_error error = open_windows(&n->env, stride);

    if (error != PROVIDER_OK)
        return error;
    error = read_capabilities(n, &stride);
    if (error == PROVIDER_OK && stride == NVME_BELLS_FIRST)
        return PROVIDER_OK;
    r->ops->close(r->ctx);
    return error == PROVIDER_OK ? open_windows(&n->env, stride) : error;
}

enum provider_error nvme_open(struct nvme *n, const struct nvme_env *env)
{
    enum provider_error error;

    ASSERT(n != NULL && env->info != NULL);
    if (n->state != DISK_CLOSED)
        return PROVIDER_E_STATE;
    if (env->slots == 0 || env->slots > DISK_SLOTS_MAX || env->slot_bytes < NVME_SLOT_BYTES_MIN ||
        env->slot_bytes > NVME_SLOT_BYTES_MAX || env->slot_bytes % NVME_PAGE_BYTES != 0)
        return PROVIDER_E_RANGE;
    if (env->info->class_code != NVME_CLASS)
        return PROVIDER_E_NO_TRANSPORT;
    *n = (struct nvme){.env = *env};
    error = open_registers(n);
    if (error != PROVIDER_OK) {
        *n = (struct nvme){.state = DISK_CLOSED};
        return error;
    }
    /* 7.6.1: whatever firmware or a former driver left running ends here, at the first poll. */
    n->counters.resets = 1;
    n->state = DISK_RESETTING;
    return PROVIDER_OK;
}

bool nvme_submit(struct nvme *n, struct nvme_queue *q, uint16_t slot, const struct nvme_command *command,
                 uint32_t asked)
{
    struct author_segment chain[NVME_CHAIN];
    const uint16_t count = asked > 0 ? NVME_CHAIN : NVME_CHAIN - 1u;

    ASSERT(slot < n->env.slots && n->slot[slot].state == NVME_SLOT_FREE);
    ASSERT(asked <= n->env.slot_bytes);
    nvme_encode_command(command, 0, (struct nvme_pointers){0, 0},
                        n->command_buffer.cpu + slot * NVME_COMMAND_BYTES);
    chain[0] = (struct author_segment){.buffer = n->command_buffer.handle,
                                       .offset = slot * NVME_COMMAND_BYTES,
                                       .length = NVME_COMMAND_BYTES,
                                       .slot = (uint16_t)(slot * NVME_CHAIN),
                                       .direction = DMA_TO_DEVICE,
                                       .more = count > 1u};
    chain[1] = (struct author_segment){.buffer = n->data_buffer.handle,
                                       .offset = slot * n->env.slot_bytes,
                                       .length = asked,
                                       .slot = (uint16_t)(slot * NVME_CHAIN + 1u),
                                       .direction = DMA_FROM_DEVICE};
    if (n->env.author.ops->publish(n->env.author.ctx, &q->ring, chain, count) != PROVIDER_OK) {
        nvme_teardown_begin(n, PROVIDER_E_REFUSED);
        return false;
    }
    q->outstanding++;
    n->slot[slot].state = NVME_SLOT_POSTED;
    n->slot[slot].asked = asked;
    n->counters.commands++;
    return true;
}

/* The slot of a completion that may be: of a command that is under way, on the queue that it was put in. */
static bool slot_of(const struct nvme *n, const struct nvme_queue *q, const struct nvme_completion *c,
                    uint16_t *slot)
{
    uint32_t at;

    if (q->outstanding == 0 || c->queue.untrusted != q->ring.queue ||
        !dev_u32_below(c->id, (uint32_t)n->env.slots * NVME_CHAIN, &at) || at % NVME_CHAIN != 0)
        return false;
    *slot = (uint16_t)(at / NVME_CHAIN);
    return n->slot[*slot].state == NVME_SLOT_POSTED;
}

bool nvme_take_one(struct nvme *n, struct nvme_queue *q, uint16_t *slot, struct nvme_completion *out)
{
    if (q->broken || !nvme_completion_at(q->ring.device_area, q->ring.size, q->seen, out))
        return false;
    q->seen++;
    if (!slot_of(n, q, out, slot)) {
        q->broken = true;
        n->counters.faults++;
        nvme_teardown_begin(n, PROVIDER_E_NEEDS_RESET);
        return false;
    }
    q->outstanding--;
    n->slot[*slot].state = NVME_SLOT_FREE;
    n->counters.put_off += nvme_outcome_of(out->status) == NVME_AGAIN;
    n->counters.failed += nvme_outcome_of(out->status) > NVME_AGAIN;
    return true;
}

static void resetting(struct nvme *n, uint64_t now_ns)
{
    bool done = false;

    if (!nvme_reset_wait(n, now_ns, &done)) {
        n->error = PROVIDER_E_RESET;
        n->state = DISK_QUARANTINED;
    } else if (done) {
        n->state = DISK_STARTING;
    }
}

/* Whether the controller still works for us: a fatal status (3.1.6), or not ready behind our back. */
static void check_status(struct nvme *n)
{
    uint32_t status = 0;
    enum provider_error error;

    if ((n->polls++ & (NVME_HEALTH_POLLS - 1u)) != 0 || n->step <= NVME_STEP_READY)
        return;
    error = read_row(&n->env.registers, NVME_ROW_CSTS, &status);
    if (error == PROVIDER_OK && ((status & NVME_CSTS_FATAL) != 0 || (status & NVME_CSTS_READY) == 0)) {
        n->counters.needs_reset++;
        error = PROVIDER_E_NEEDS_RESET;
    }
    if (error != PROVIDER_OK)
        nvme_teardown_begin(n, error);
}

static enum disk_state nvme_poll(void *ctx, uint64_t now_ns)
{
    struct nvme *n = ctx;

    switch (n->state) {
    case DISK_RESETTING:
        resetting(n, now_ns);
        break;
    case DISK_STARTING:
        check_status(n);
        if (n->state == DISK_STARTING)
            nvme_start_step(n);
        break;
    case DISK_READY:
        check_status(n);
        break;
    case DISK_STOPPING:
        nvme_teardown_step(n, now_ns);
        break;
    case DISK_CLOSED:
    case DISK_STOPPED:
    case DISK_QUARANTINED:
    case DISK_STATE_COUNT:
        break;
    }
    return n->state;
}

static uint32_t nvme_read_blocks_max(const void *ctx)
{
    const struct nvme *n = ctx;
    uint32_t bytes = n->env.slot_bytes;

    if (n->state != DISK_READY)
        return 0;
    if (n->data_bytes_max != 0 && n->data_bytes_max < bytes)
        bytes = n->data_bytes_max;
    return bytes / n->identity.block_bytes; /* both at least a page, which every block divides */
}

static enum provider_error nvme_read(void *ctx, uint64_t lba, uint32_t blocks, uint32_t cookie)
{
    struct nvme *n = ctx;
    const struct nvme_command command = {.kind = NVME_READ, .nsid = n->nsid, .blocks = blocks, .lba = lba};
    uint16_t slot = 0;

    if (n->state != DISK_READY)
        return PROVIDER_E_STATE;
    if (blocks == 0 || blocks > nvme_read_blocks_max(n) || lba >= n->identity.blocks ||
        blocks > n->identity.blocks - lba)
        return PROVIDER_E_RANGE;
    while (slot < n->env.slots && n->slot[slot].state != NVME_SLOT_FREE)
        slot++;
    if (slot == n->env.slots || n->reads.outstanding >= n->reads.ring.size - 1u) /* 4.1.3 */
        return PROVIDER_E_FULL;
    if (!nvme_submit(n, &n->reads, slot, &command, blocks * n->identity.block_bytes))
        return PROVIDER_E_REFUSED;
    n->slot[slot].cookie = cookie;
    n->counters.reads++;
    return PROVIDER_OK;
}

static uint16_t nvme_take(void *ctx, struct disk_done *out, uint16_t max)
{
    static const enum provider_error errors[NVME_OUTCOME_COUNT] = {
        [NVME_DONE] = PROVIDER_OK,
        [NVME_AGAIN] = PROVIDER_E_BUSY,
        [NVME_REFUSED] = PROVIDER_E_IO,
        [NVME_FAILED] = PROVIDER_E_IO,
    };
    struct nvme *n = ctx;
    struct nvme_completion c;
    uint16_t count = 0, slot;

    while (count < max && n->state == DISK_READY && nvme_take_one(n, &n->reads, &slot, &c)) {
        struct nvme_slot *at = &n->slot[slot];

        out[count] = (struct disk_done){
            .cookie = at->cookie, .slot = slot, .error = errors[nvme_outcome_of(c.status)]};
        if (out[count].error == PROVIDER_OK) {
            out[count].data = n->data_buffer.cpu + (size_t)slot * n->env.slot_bytes;
            out[count].bytes = at->asked;
            n->counters.read_bytes += at->asked;
        }
        at->state = NVME_SLOT_LENT;
        count++;
    }
    return count;
}

static void nvme_give_back(void *ctx, uint16_t slot)
{
    struct nvme *n = ctx;

    ASSERT(slot < DISK_SLOTS_MAX && n->slot[slot].state == NVME_SLOT_LENT); /* the caller's own */
    n->slot[slot].state = NVME_SLOT_FREE;
}

static void nvme_stop(void *ctx)
{
    nvme_teardown_begin(ctx, PROVIDER_OK);
}

static const struct disk_identity *nvme_identity(const void *ctx)
{
    return &((const struct nvme *)ctx)->identity;
}

static enum provider_error nvme_error(const void *ctx)
{
    return ((const struct nvme *)ctx)->error;
}

static const struct disk_counters *nvme_counters(const void *ctx)
{
    return &((const struct nvme *)ctx)->counters;
}

struct disk nvme_disk(struct nvme *n)
{
    static const struct disk_ops ops = {.name = "nvme",
                                        .poll = nvme_poll,
                                        .read = nvme_read,
                                        .take = nvme_take,
                                        .give_back = nvme_give_back,
                                        .stop = nvme_stop,
                                        .identity = nvme_identity,
                                        .read_blocks_max = nvme_read_blocks_max,
                                        .error = nvme_error,
                                        .counters = nvme_counters};

    return (struct disk){&ops, n};
}

enum provider_error nvme_close(struct nvme *n)
{
    if (n->state != DISK_CLOSED && n->state != DISK_STOPPED && n->state != DISK_QUARANTINED)
        return PROVIDER_E_STATE;
    *n = (struct nvme){.state = DISK_CLOSED};
    return PROVIDER_OK;
}
