/* SPDX-License-Identifier: BSD-2-Clause */
/* Queues in host memory (NVM Express 1.4, 4.1), PRPs (4.3), the read command (6.9), completions (4.6) and the
 * lies about them. An honest transfer goes through the ledger; what only a lie moves does not, and is bounded
 * by guest memory alone. */
#include <assert.h>

#include "memory_state.h"
#include "nvme_model.h"

#define IO_READ          0x02u
#define NAMESPACE        1u
#define METADATA_BYTES   4096u
#define METADATA_FILL    0x5au
#define BEYOND_PAGES_MAX 64u /* that a lie moves at most */
#define PRP_BYTES        8u
#define WORD0_FUSED      0x00000300u
#define WORD0_RESERVED   0x00003c00u
#define WORD0_TRANSFER   0x0000c000u /* PSDT: PRPs are 0 */
#define READ12_RESERVED  0x03ff0000u

struct completion {
    uint32_t result;
    uint16_t head, queue, id, status;
    bool phase_kept;
};

static uint16_t bdf(const struct dm_nvme *n)
{
    return n->config.bdf;
}

static void lost(struct dm_nvme *n, uint64_t at, uint64_t bytes, const char *what)
{
    n->counts.lost++;
    dm_nvme_broken(n, "4.3", "%s: %llu bytes at %#llx, which the driver was not given", what,
                   (unsigned long long)bytes, (unsigned long long)at);
}

static size_t ring_bytes(const struct dm_nvme_ring *r, bool completions)
{
    return (size_t)r->size * (completions ? DM_NVME_COMPLETION_BYTES : DM_NVME_ENTRY_BYTES);
}

bool dm_nvme_ring_start(struct dm_nvme *n, struct dm_nvme_ring *r, uint64_t base, uint32_t size,
                        bool completions)
{
    assert(!r->shown);
    *r = (struct dm_nvme_ring){.base = base, .size = size};
    r->shown = dm_memory_expose(n->memory, bdf(n), (dm_addr){base}, ring_bytes(r, completions),
                                completions ? DM_DEVICE_WRITABLE : DM_DEVICE_READABLE);
    r->live = r->shown;
    if (!r->shown)
        lost(n, base, ring_bytes(r, completions), "a queue");
    return r->shown;
}

void dm_nvme_ring_stop(struct dm_nvme *n, struct dm_nvme_ring *r, bool completions)
{
    if (r->shown)
        (void)dm_memory_return(n->memory, bdf(n), (dm_addr){r->base}, ring_bytes(r, completions));
    *r = (struct dm_nvme_ring){0};
}

/* The command's memory is the driver's again. */
static void release(struct dm_nvme *n, struct dm_nvme_slot *s)
{
    for (uint32_t i = 0; i < s->piece_count; i++)
        (void)dm_memory_return(n->memory, bdf(n), (dm_addr){s->pieces[i].at}, s->pieces[i].bytes);
    for (uint32_t i = 0; i < s->list_count; i++)
        (void)dm_memory_return(n->memory, bdf(n), (dm_addr){s->lists[i].at}, s->lists[i].bytes);
    s->piece_count = 0;
    s->list_count = 0;
    s->state = DM_NVME_FREE;
}

void dm_nvme_drop(struct dm_nvme *n, uint16_t sq)
{
    for (uint32_t i = 0; i < DM_NVME_SLOTS; i++)
        if (n->slots[i].state != DM_NVME_FREE && n->slots[i].sq == sq)
            release(n, &n->slots[i]);
}

/* Bytes of guest memory as a device without honour sees them. */
static bool peek(struct dm_nvme *n, uint64_t at, void *out, size_t bytes)
{
    size_t offset;

    if (!dm_inside(n->memory, (dm_addr){at}, bytes, &offset))
        return false;
    memcpy(out, dm_memory_base(n->memory) + offset, bytes);
    return true;
}

static enum dm_nvme_status add_piece(struct dm_nvme *n, struct dm_nvme_slot *s, uint64_t at, uint32_t bytes)
{
    assert(s->piece_count < DM_NVME_PIECES_MAX);
    if (s->piece_count ? at % DM_PAGE_BYTES : at % 4u) {
        dm_nvme_broken(n, "4.3", "queue %u: PRP %u is %#llx", s->sq, s->piece_count, (unsigned long long)at);
        return DM_NVME_PRP_OFFSET;
    }
    if (!s->in_silence && !dm_memory_expose(n->memory, bdf(n), (dm_addr){at}, bytes, DM_DEVICE_WRITABLE)) {
        lost(n, at, bytes, "data");
        return DM_NVME_TRANSFER_ERROR;
    }
    s->pieces[s->piece_count++] = (struct dm_nvme_piece){at, bytes};
    return DM_NVME_SUCCESS;
}

/* `count` entries of the list at `at`. */
static enum dm_nvme_status read_list(struct dm_nvme *n, struct dm_nvme_slot *s, uint64_t at, uint32_t count,
                                     uint8_t *out)
{
    const uint32_t bytes = count * PRP_BYTES;

    if (at % PRP_BYTES || (s->list_count && at % DM_PAGE_BYTES)) {
        dm_nvme_broken(n, "4.3", "queue %u: a PRP list at %#llx", s->sq, (unsigned long long)at);
        return DM_NVME_PRP_OFFSET;
    }
    if (s->in_silence)
        return peek(n, at, out, bytes) ? DM_NVME_SUCCESS : DM_NVME_TRANSFER_ERROR;
    assert(s->list_count < DM_NVME_LISTS_MAX);
    if (!dm_memory_expose(n->memory, bdf(n), (dm_addr){at}, bytes, DM_DEVICE_READABLE)) {
        lost(n, at, bytes, "a PRP list");
        return DM_NVME_TRANSFER_ERROR;
    }
    s->lists[s->list_count++] = (struct dm_nvme_piece){at, bytes};
    return dm_dma_read(n->memory, bdf(n), (dm_addr){at}, out, bytes) ? DM_NVME_SUCCESS
                                                                     : DM_NVME_TRANSFER_ERROR;
}

/* Data of more than two pages: `at` is a list, whose last entry leads on when its page does not do. */
static enum dm_nvme_status walk_lists(struct dm_nvme *n, struct dm_nvme_slot *s, uint64_t at, uint32_t left)
{
    uint8_t entries[DM_PAGE_BYTES];

    for (uint32_t list = 0; list < DM_NVME_LISTS_MAX && left; list++) {
        const uint32_t room = (DM_PAGE_BYTES - (uint32_t)(at % DM_PAGE_BYTES)) / PRP_BYTES;
        const uint32_t needed = (left + DM_PAGE_BYTES - 1u) / DM_PAGE_BYTES;
        const uint32_t data = needed <= room ? needed : room - 1u;
        enum dm_nvme_status status = read_list(n, s, at, needed <= room ? needed : room, entries);

        for (uint32_t i = 0; i < data && status == DM_NVME_SUCCESS; i++) {
            const uint32_t bytes = left < DM_PAGE_BYTES ? left : DM_PAGE_BYTES;

            status = add_piece(n, s, dm_nvme_load64(entries + i * PRP_BYTES), bytes);
            left -= bytes;
        }
        if (status != DM_NVME_SUCCESS)
            return status;
        s->more = at + data * PRP_BYTES;
        if (left)
            at = dm_nvme_load64(entries + data * PRP_BYTES);
    }
    assert(left == 0); /* DM_NVME_PIECES_MAX entries are in no more lists */
    return DM_NVME_SUCCESS;
}

/* Where `bytes` of data go, by the command's PRPs. */
static enum dm_nvme_status walk(struct dm_nvme *n, struct dm_nvme_slot *s, uint32_t bytes)
{
    const uint64_t first = dm_nvme_word64(s, 6), second = dm_nvme_word64(s, 8);
    const uint32_t room = DM_PAGE_BYTES - (uint32_t)(first % DM_PAGE_BYTES);
    const uint32_t here = bytes < room ? bytes : room;
    enum dm_nvme_status status = add_piece(n, s, first, here);

    s->more = 0;
    if (status != DM_NVME_SUCCESS || bytes == here)
        return status;
    if (bytes - here <= DM_PAGE_BYTES)
        return add_piece(n, s, second, bytes - here);
    return walk_lists(n, s, second, bytes - here);
}

static enum dm_nvme_status check_read(struct dm_nvme *n, const struct dm_nvme_slot *s, uint32_t *bytes)
{
    const uint64_t all = n->config.medium.bytes / n->config.block_bytes, first = dm_nvme_word64(s, 10);
    const uint32_t blocks = (dm_nvme_word(s, 12) & 0xffffu) + 1u;

    if (dm_nvme_opcode(s) != IO_READ)
        return DM_NVME_INVALID_OPCODE;
    if (dm_nvme_word(s, 2) || dm_nvme_word(s, 3) || (dm_nvme_word(s, 12) & READ12_RESERVED))
        dm_nvme_broken(n, "6.9", "reserved bits of READ: %#x %#x %#x", dm_nvme_word(s, 2), dm_nvme_word(s, 3),
                       dm_nvme_word(s, 12));
    if (dm_nvme_word(s, 1) != NAMESPACE || n->config.namespaces < NAMESPACE)
        return DM_NVME_INVALID_NAMESPACE;
    if (blocks > dm_nvme_transfer_max(n) / n->config.block_bytes)
        return DM_NVME_INVALID_FIELD;
    if (first >= all || blocks > all - first)
        return DM_NVME_LBA_RANGE;
    *bytes = blocks * n->config.block_bytes;
    return DM_NVME_SUCCESS;
}

/* Decides the command as far as can be before it is done. */
static void check(struct dm_nvme *n, struct dm_nvme_slot *s)
{
    const uint32_t word0 = dm_nvme_word(s, 0);
    uint32_t bytes = 0;

    if (word0 & (WORD0_FUSED | WORD0_RESERVED | WORD0_TRANSFER)) {
        dm_nvme_broken(n, "4.2", "queue %u: DWORD 0 is %#x", s->sq, word0);
        s->status = DM_NVME_INVALID_FIELD;
        return;
    }
    s->status = s->sq ? check_read(n, s, &bytes) : dm_nvme_admin_check(n, s, &bytes);
    if (s->status == DM_NVME_SUCCESS && bytes)
        s->status = walk(n, s, bytes);
}

static bool id_in_use(const struct dm_nvme *n, const struct dm_nvme_slot *s)
{
    for (uint32_t i = 0; i < DM_NVME_SLOTS; i++) {
        const struct dm_nvme_slot *other = &n->slots[i];

        if (other != s && other->state != DM_NVME_FREE && other->sq == s->sq &&
            dm_nvme_id(other) == dm_nvme_id(s))
            return true;
    }
    return false;
}

static struct dm_nvme_slot *free_slot(struct dm_nvme *n)
{
    for (uint32_t i = 0; i < DM_NVME_SLOTS; i++)
        if (n->slots[i].state == DM_NVME_FREE)
            return &n->slots[i];
    return NULL;
}

static bool read_entry(struct dm_nvme *n, const struct dm_nvme_ring *r, struct dm_nvme_slot *s)
{
    const uint64_t at = r->base + (uint64_t)s->index * DM_NVME_ENTRY_BYTES;

    return dm_dma_read(n->memory, bdf(n), (dm_addr){at}, s->entry, sizeof s->entry);
}

/* Takes one command off a submission queue. False: none is there, or none can be taken now. */
static bool fetch(struct dm_nvme *n, uint16_t q)
{
    struct dm_nvme_ring *r = &n->sqs[q].ring;
    struct dm_nvme_slot *s = free_slot(n);

    if (!r->live || r->head == r->tail || !s)
        return false;
    *s = (struct dm_nvme_slot){.state = DM_NVME_TAKEN, .sq = q, .index = r->head};
    if (!read_entry(n, r, s)) {
        lost(n, r->base, ring_bytes(r, false), "a submission queue");
        s->state = DM_NVME_FREE;
        n->failed = true;
        return false;
    }
    r->head = (r->head + 1u) % r->size;
    n->counts.commands++;
    if (id_in_use(n, s)) {
        dm_nvme_broken(n, "4.2", "queue %u: command %u is in flight already", q, dm_nvme_id(s));
        s->status = DM_NVME_ID_CONFLICT;
    } else {
        check(n, s);
    }
    if (dm_nvme_fires(n, DM_NVME_NEVER_ANSWERS, NULL))
        s->state = DM_NVME_KEPT;
    return true;
}

bool dm_nvme_put(struct dm_nvme *n, const struct dm_nvme_slot *s, const struct dm_nvme_piece *to,
                 const uint8_t *from)
{
    if (s->in_silence)
        return dm_dma_write_rogue(n->memory, bdf(n), (dm_addr){to->at}, from, to->bytes);
    if (dm_dma_write(n->memory, bdf(n), (dm_addr){to->at}, from, to->bytes))
        return true;
    lost(n, to->at, to->bytes, "data");
    return false;
}

/* The next page by the command's PRPs, or what is there in their place; 0: none. */
static uint64_t next_page(struct dm_nvme *n, struct dm_nvme_slot *s)
{
    uint8_t entry[PRP_BYTES];
    uint64_t at = 0;

    if (s->piece_count == 1) { /* not a list: the second PRP is a page, and the last */
        s->piece_count++;
        at = dm_nvme_word64(s, 8);
    } else if (s->more % DM_PAGE_BYTES && peek(n, s->more, entry, sizeof entry)) {
        s->more += PRP_BYTES;
        at = dm_nvme_load64(entry);
    }
    return at % DM_PAGE_BYTES ? 0 : at;
}

/* Moves `blocks` more than were asked for, from byte `offset` of the medium on, through the PRPs as found:
 * the rest of the last page, then entries behind the last. */
static void move_beyond(struct dm_nvme *n, const struct dm_nvme_slot *done, uint64_t offset, uint64_t blocks)
{
    const uint64_t most = (uint64_t)BEYOND_PAGES_MAX * DM_PAGE_BYTES / n->config.block_bytes;
    const struct dm_nvme_piece *last = &done->pieces[done->piece_count - 1u];
    uint64_t left = (blocks < most ? blocks : most) * n->config.block_bytes;
    struct dm_nvme_piece to = {last->at + last->bytes, 0};
    struct dm_nvme_slot *s = &n->silent;

    *s = *done;
    s->in_silence = true;
    if (to.at % DM_PAGE_BYTES == 0)
        to.at = next_page(n, s);
    for (uint32_t i = 0; i <= BEYOND_PAGES_MAX && left && to.at; i++) {
        const uint32_t room = DM_PAGE_BYTES - (uint32_t)(to.at % DM_PAGE_BYTES);

        to.bytes = left < room ? (uint32_t)left : room;
        memset(n->page, METADATA_FILL, to.bytes);
        if (offset + to.bytes <= n->config.medium.bytes)
            (void)n->config.medium.read(n->config.medium.ctx, offset, n->page, to.bytes);
        if (!dm_nvme_put(n, s, &to, n->page))
            return;
        offset += to.bytes;
        left -= to.bytes;
        to.at = next_page(n, s);
    }
}

static enum dm_nvme_status read_blocks(struct dm_nvme *n, struct dm_nvme_slot *s)
{
    const struct dm_medium *m = &n->config.medium;
    const bool honest = !s->in_silence;
    const uint64_t metadata = dm_nvme_word64(s, 4);
    uint64_t offset = dm_nvme_word64(s, 10) * n->config.block_bytes, more = 0;
    bool unwritten;

    if (honest && dm_nvme_fires(n, DM_NVME_MEDIUM_ERROR, NULL))
        return DM_NVME_READ_ERROR;
    unwritten = honest && dm_nvme_fires(n, DM_NVME_DATA_UNWRITTEN, NULL);
    for (uint32_t i = 0; i < s->piece_count && !unwritten; i++) {
        if (!m->read(m->ctx, offset, n->page, s->pieces[i].bytes))
            return DM_NVME_READ_ERROR;
        if (!dm_nvme_put(n, s, &s->pieces[i], n->page))
            return DM_NVME_TRANSFER_ERROR;
        offset += s->pieces[i].bytes;
        n->counts.read_bytes += honest ? s->pieces[i].bytes : 0;
    }
    if (!honest)
        return DM_NVME_SUCCESS;
    n->counts.reads++;
    if (dm_nvme_fires(n, DM_NVME_DATA_BEYOND, &more))
        move_beyond(n, s, offset, more);
    if (metadata && dm_nvme_fires(n, DM_NVME_METADATA_WRITTEN, NULL)) {
        memset(n->page, METADATA_FILL, METADATA_BYTES);
        (void)dm_dma_write_rogue(n->memory, bdf(n), (dm_addr){metadata}, n->page, METADATA_BYTES);
    }
    return DM_NVME_SUCCESS;
}

static bool has_room(const struct dm_nvme_ring *r)
{
    return r->live && (r->tail + 1u) % r->size != r->head;
}

/* One entry of a completion queue, if it has room. */
static void post(struct dm_nvme *n, struct dm_nvme_cq *cq, const struct completion *c)
{
    struct dm_nvme_ring *r = &cq->ring;
    const uint64_t at = r->base + (uint64_t)r->tail * DM_NVME_COMPLETION_BYTES;
    const bool phase = cq->phase != c->phase_kept;
    uint8_t entry[DM_NVME_COMPLETION_BYTES] = {0};

    if (!has_room(r))
        return;
    dm_store32(entry, c->result);
    dm_store32(entry + 8, c->head | (uint32_t)c->queue << 16);
    dm_store32(entry + 12, c->id | (uint32_t)phase << 16 | (uint32_t)c->status << 17);
    if (!dm_dma_write(n->memory, bdf(n), (dm_addr){at}, entry, sizeof entry)) {
        lost(n, at, sizeof entry, "a completion queue");
        n->failed = true;
        return;
    }
    n->counts.completions++;
    r->tail = (r->tail + 1u) % r->size;
    cq->phase = cq->phase != (r->tail == 0);
    if (cq->interrupts)
        (void)dm_function_msix_raise(n->function, cq->vector);
}

static void lie16(struct dm_nvme *n, enum dm_nvme_attack attack, uint16_t *field)
{
    uint64_t value;

    if (dm_nvme_fires(n, attack, &value))
        *field = (uint16_t)value;
}

static void complete(struct dm_nvme *n, struct dm_nvme_slot *s, enum dm_nvme_status status, uint32_t result)
{
    struct dm_nvme_sq *sq = &n->sqs[s->sq];
    struct dm_nvme_cq *cq = &n->cqs[sq->cq];
    struct completion c = {
        .result = result, .head = (uint16_t)sq->ring.head, .queue = s->sq, .id = dm_nvme_id(s)};
    const struct completion unasked = {.head = c.head, .queue = c.queue};
    uint64_t value;

    c.status = (uint16_t)status;
    n->counts.refused += status != DM_NVME_SUCCESS;
    if (dm_nvme_fires(n, DM_NVME_FATAL, NULL)) {
        s->state = DM_NVME_KEPT;
        n->failed = true;
        return;
    }
    release(n, s);
    sq->told = sq->ring.head;
    lie16(n, DM_NVME_STATUS_FIELD, &c.status);
    lie16(n, DM_NVME_COMMAND_ID, &c.id);
    lie16(n, DM_NVME_QUEUE_ID, &c.queue);
    lie16(n, DM_NVME_HEAD, &c.head);
    if (dm_nvme_fires(n, DM_NVME_RESULT, &value))
        c.result = (uint32_t)value;
    c.phase_kept = dm_nvme_fires(n, DM_NVME_PHASE_KEPT, NULL);
    post(n, cq, &c);
    if (dm_nvme_fires(n, DM_NVME_COMMAND_ID_TWICE, NULL))
        post(n, cq, &c);
    if (dm_nvme_fires(n, DM_NVME_UNASKED, NULL))
        post(n, cq, &unasked);
    if (dm_nvme_fires(n, DM_NVME_OLD_COMMAND, NULL)) {
        n->old.due = true;
        n->old.sq = s->sq;
        n->old.index = s->index;
    }
}

static enum dm_nvme_status perform(struct dm_nvme *n, struct dm_nvme_slot *s, uint32_t *result)
{
    if (s->status != DM_NVME_SUCCESS)
        return s->status;
    return s->sq ? read_blocks(n, s) : dm_nvme_admin_do(n, s, result);
}

/* The entry of a command that is over, as it is now. */
static void do_old(struct dm_nvme *n)
{
    const struct dm_nvme_ring *r = &n->sqs[n->old.sq].ring;
    struct dm_nvme_slot *s = &n->silent;
    const bool excused = n->excused;
    uint32_t result = 0;

    n->old.due = false;
    if (!r->live)
        return;
    *s = (struct dm_nvme_slot){.in_silence = true, .sq = n->old.sq, .index = n->old.index};
    if (!read_entry(n, r, s))
        return;
    n->excused = true; /* the driver owes nothing to what is there now */
    check(n, s);
    (void)perform(n, s, &result);
    n->excused = excused;
}

/* One of the commands taken whose completion has room, in whatever order; NULL: none. */
static struct dm_nvme_slot *pick(struct dm_nvme *n)
{
    struct dm_nvme_slot *able[DM_NVME_SLOTS];
    uint32_t count = 0;

    for (uint32_t i = 0; i < DM_NVME_SLOTS; i++)
        if (n->slots[i].state == DM_NVME_TAKEN && has_room(&n->cqs[n->sqs[n->slots[i].sq].cq].ring))
            able[count++] = &n->slots[i];
    if (count < 2)
        return count ? able[0] : NULL;
    return able[dm_bus_choose(n->bus, count, "complete")];
}

uint32_t dm_nvme_work(struct dm_nvme *n, uint32_t budget)
{
    uint32_t done = 0;

    if (n->old.due)
        do_old(n);
    for (uint16_t q = 0; q < DM_NVME_QUEUES_MAX; q++)
        for (uint32_t i = 0; i < DM_NVME_SLOTS && i < budget && fetch(n, q); i++)
            continue;
    while (done < budget && !n->failed) {
        struct dm_nvme_slot *s = pick(n);
        uint32_t result = 0;
        enum dm_nvme_status status;

        if (!s)
            break;
        status = perform(n, s, &result);
        complete(n, s, status, result);
        done++;
    }
    return done;
}
