/* SPDX-License-Identifier: BSD-2-Clause */
/* Admin commands (NVM Express 1.4, 5): IDENTIFY, SET FEATURES of the number of queues, and I/O queues made
 * and deleted. Checked first, then done: several may be in flight. */
#include "nvme_model.h"

#define IDENTIFY_BYTES      4096u
#define CNS_NAMESPACE       0u
#define CNS_CONTROLLER      1u
#define CNS_NAMESPACES      2u
#define FEATURE_QUEUES      7u
#define FEATURE_QUEUES_NONE 0xffffu /* as a number of queues: not allowed (5.21.1.7) */
#define IO_QUEUES           (DM_NVME_QUEUES_MAX - 1u)
#define ENTRY_SIZES         0x4466u /* CQES 16 bytes, SQES 64 bytes: needed and most */
#define CC_ENTRY_SIZES      0x46u /* CC bits 23:16 that say so */
#define QUEUE_CONTIGUOUS    1u
#define QUEUE_INTERRUPTS    2u
#define CQ_FLAGS_RESERVED   0xfffcu
#define SQ_FLAGS_RESERVED   0xfff8u
#define NAMESPACE_SPECIAL   0xfffffffeu /* from here on identifiers mean no namespace */
#define CONTROLLER_IO       1u
#define VERSION             0x00010400u
#define GARBAGE             0x9b
#define SERIAL_BYTES        20u
#define MODEL_BYTES         40u
#define REVISION_BYTES      8u

enum opcode {
    DELETE_SQ = 0x00,
    CREATE_SQ = 0x01,
    DELETE_CQ = 0x04,
    CREATE_CQ = 0x05,
    IDENTIFY = 0x06,
    SET_FEATURES = 0x09
};

static void put_text(uint8_t *at, const char *text, uint32_t bytes)
{
    const size_t length = text ? strlen(text) : 0;

    memset(at, ' ', bytes);
    if (length)
        memcpy(at, text, length < bytes ? length : bytes);
}

static uint16_t queue_id(const struct dm_nvme_slot *s)
{
    return (uint16_t)dm_nvme_word(s, 10);
}

static uint32_t queue_size(const struct dm_nvme_slot *s)
{
    return (dm_nvme_word(s, 10) >> 16) + 1u;
}

static bool is_io_queue(uint16_t id)
{
    return id != 0 && id < DM_NVME_QUEUES_MAX;
}

static enum dm_nvme_status check_identify(struct dm_nvme *n, const struct dm_nvme_slot *s, uint32_t *bytes)
{
    const uint8_t what = (uint8_t)dm_nvme_word(s, 10);
    const uint32_t space = dm_nvme_word(s, 1);

    if (what > CNS_NAMESPACES)
        return DM_NVME_INVALID_FIELD;
    if (what == CNS_NAMESPACE && (space == 0 || space > n->config.namespaces))
        return DM_NVME_INVALID_NAMESPACE;
    if (what == CNS_NAMESPACES && space >= NAMESPACE_SPECIAL)
        return DM_NVME_INVALID_NAMESPACE;
    *bytes = IDENTIFY_BYTES;
    return DM_NVME_SUCCESS;
}

static enum dm_nvme_status check_set_features(struct dm_nvme *n, const struct dm_nvme_slot *s)
{
    const uint32_t asked = dm_nvme_word(s, 11);

    if ((uint8_t)dm_nvme_word(s, 10) != FEATURE_QUEUES || (asked & 0xffffu) == FEATURE_QUEUES_NONE ||
        asked >> 16 == FEATURE_QUEUES_NONE)
        return DM_NVME_INVALID_FIELD;
    for (uint16_t q = 1; q < DM_NVME_QUEUES_MAX; q++) {
        if (n->sqs[q].ring.live || n->cqs[q].ring.live) {
            dm_nvme_broken(n, "5.21.1.7", "the number of queues set after queue %u was made", q);
            return DM_NVME_SEQUENCE_ERROR;
        }
    }
    return DM_NVME_SUCCESS;
}

/* What CREATE I/O COMPLETION and SUBMISSION QUEUE have in common (5.3, 5.4). */
static enum dm_nvme_status check_create(struct dm_nvme *n, const struct dm_nvme_slot *s, bool completions)
{
    const uint16_t id = queue_id(s);
    const uint32_t flags = dm_nvme_word(s, 11) & 0xffffu;
    const uint64_t base = dm_nvme_word64(s, 6);

    if (!is_io_queue(id))
        return DM_NVME_QUEUE_ID_INVALID;
    if (completions ? n->cqs[id].ring.live : n->sqs[id].ring.live) {
        dm_nvme_broken(n, completions ? "5.3" : "5.4", "queue %u is made twice", id);
        return DM_NVME_QUEUE_ID_INVALID;
    }
    if (queue_size(s) < 2 || queue_size(s) > n->config.entries_max)
        return DM_NVME_QUEUE_SIZE_INVALID;
    if ((n->cc >> 16 & 0xffu) != CC_ENTRY_SIZES) {
        dm_nvme_broken(n, "3.1.5", "queue %u is made with CC %#x: other sizes of entries", id, n->cc);
        return DM_NVME_INVALID_FIELD;
    }
    if ((flags & (completions ? CQ_FLAGS_RESERVED : SQ_FLAGS_RESERVED)) || !(flags & QUEUE_CONTIGUOUS)) {
        dm_nvme_broken(n, completions ? "5.3" : "5.4", "queue %u: flags are %#x", id, flags);
        return DM_NVME_INVALID_FIELD;
    }
    if (base % DM_PAGE_BYTES) {
        dm_nvme_broken(n, completions ? "5.3" : "5.4", "queue %u at %#llx", id, (unsigned long long)base);
        return DM_NVME_PRP_OFFSET;
    }
    return DM_NVME_SUCCESS;
}

static enum dm_nvme_status check_create_cq(struct dm_nvme *n, const struct dm_nvme_slot *s)
{
    const enum dm_nvme_status status = check_create(n, s, true);
    const uint32_t vector = dm_nvme_word(s, 11) >> 16;

    if (status != DM_NVME_SUCCESS || !(dm_nvme_word(s, 11) & QUEUE_INTERRUPTS) ||
        vector < n->config.msix_vectors)
        return status;
    dm_nvme_broken(n, "5.3", "queue %u: vector %u of %u", queue_id(s), vector, n->config.msix_vectors);
    return DM_NVME_VECTOR_INVALID;
}

static enum dm_nvme_status check_create_sq(struct dm_nvme *n, const struct dm_nvme_slot *s)
{
    const enum dm_nvme_status status = check_create(n, s, false);
    const uint16_t cq = (uint16_t)(dm_nvme_word(s, 11) >> 16);

    if (status != DM_NVME_SUCCESS || (is_io_queue(cq) && n->cqs[cq].ring.live))
        return status;
    dm_nvme_broken(n, "5.4", "queue %u is to complete on queue %u, which is not there", queue_id(s), cq);
    return DM_NVME_CQ_INVALID;
}

static enum dm_nvme_status check_delete(struct dm_nvme *n, const struct dm_nvme_slot *s, bool completions)
{
    const uint16_t id = queue_id(s);

    if (!is_io_queue(id) || !(completions ? n->cqs[id].ring.live : n->sqs[id].ring.live)) {
        dm_nvme_broken(n, completions ? "5.5" : "5.6", "queue %u, which is not there, is deleted", id);
        return DM_NVME_QUEUE_ID_INVALID;
    }
    for (uint16_t q = 1; q < DM_NVME_QUEUES_MAX && completions; q++) {
        if (n->sqs[q].ring.live && n->sqs[q].cq == id) {
            dm_nvme_broken(n, "5.5", "completion queue %u is deleted before submission queue %u", id, q);
            return DM_NVME_DELETION_INVALID;
        }
    }
    return DM_NVME_SUCCESS;
}

enum dm_nvme_status dm_nvme_admin_check(struct dm_nvme *n, const struct dm_nvme_slot *s, uint32_t *bytes)
{
    if (dm_nvme_word(s, 2) || dm_nvme_word(s, 3))
        dm_nvme_broken(n, "4.2", "reserved bits of admin command %#x: %#x %#x", dm_nvme_opcode(s),
                       dm_nvme_word(s, 2), dm_nvme_word(s, 3));
    switch (dm_nvme_opcode(s)) {
    case IDENTIFY:
        return check_identify(n, s, bytes);
    case SET_FEATURES:
    case CREATE_CQ:
    case CREATE_SQ:
    case DELETE_CQ:
    case DELETE_SQ:
        return DM_NVME_SUCCESS; /* as things stand when it is done */
    default:
        return DM_NVME_INVALID_OPCODE;
    }
}

static void identify_controller(struct dm_nvme *n, uint8_t *d)
{
    uint64_t shift = n->config.transfer_shift, sizes = ENTRY_SIZES, namespaces = n->config.namespaces;

    (void)dm_nvme_fires(n, DM_NVME_TRANSFER_SHIFT, &shift);
    (void)dm_nvme_fires(n, DM_NVME_ENTRY_SIZES, &sizes);
    (void)dm_nvme_fires(n, DM_NVME_NAMESPACES, &namespaces);
    dm_store16(d, 0x1ae0);
    dm_store16(d + 2, 0x1ae0);
    put_text(d + 4, n->config.serial, SERIAL_BYTES);
    put_text(d + 24, n->config.model, MODEL_BYTES);
    put_text(d + 64, n->config.revision, REVISION_BYTES);
    if (dm_nvme_fires(n, DM_NVME_TEXT_GARBAGE, NULL))
        memset(d + 4, GARBAGE, SERIAL_BYTES + MODEL_BYTES);
    d[77] = (uint8_t)shift;
    dm_store32(d + 80, VERSION);
    d[111] = CONTROLLER_IO;
    dm_store16(d + 512, (uint16_t)sizes);
    dm_store32(d + 516, (uint32_t)namespaces);
}

static void identify_namespace(struct dm_nvme *n, uint8_t *d)
{
    uint64_t blocks = n->config.medium.bytes / n->config.block_bytes, format = 0, metadata = 0;
    uint64_t shift = (uint64_t)__builtin_ctz(n->config.block_bytes);

    (void)dm_nvme_fires(n, DM_NVME_CAPACITY, &blocks);
    (void)dm_nvme_fires(n, DM_NVME_FORMAT_INDEX, &format);
    (void)dm_nvme_fires(n, DM_NVME_METADATA_BYTES, &metadata);
    (void)dm_nvme_fires(n, DM_NVME_BLOCK_SHIFT, &shift);
    dm_store64(d, blocks);
    dm_store64(d + 8, blocks);
    dm_store64(d + 16, blocks);
    d[26] = (uint8_t)format; /* of one: NLBAF is 0 */
    dm_store32(d + 128, (uint32_t)(metadata & 0xffffu) | (uint32_t)(shift & 0xffu) << 16);
}

static enum dm_nvme_status identify(struct dm_nvme *n, struct dm_nvme_slot *s)
{
    const uint32_t space = dm_nvme_word(s, 1);
    uint32_t done = 0;

    memset(n->page, 0, sizeof n->page);
    switch ((uint8_t)dm_nvme_word(s, 10)) {
    case CNS_CONTROLLER:
        identify_controller(n, n->page);
        break;
    case CNS_NAMESPACE:
        if (space == 1) /* others are there and not active: zeroes (5.15.2.1) */
            identify_namespace(n, n->page);
        break;
    default:
        if (space == 0 && n->config.namespaces > 0)
            dm_store32(n->page, 1);
        break;
    }
    if (!s->in_silence && dm_nvme_fires(n, DM_NVME_DATA_UNWRITTEN, NULL))
        return DM_NVME_SUCCESS;
    for (uint32_t i = 0; i < s->piece_count; i++) {
        if (!dm_nvme_put(n, s, &s->pieces[i], n->page + done))
            return DM_NVME_TRANSFER_ERROR;
        done += s->pieces[i].bytes;
    }
    return DM_NVME_SUCCESS;
}

static enum dm_nvme_status set_features(struct dm_nvme *n, const struct dm_nvme_slot *s, uint32_t *result)
{
    uint64_t granted = (IO_QUEUES - 1u) | (IO_QUEUES - 1u) << 16; /* 0: one */
    const enum dm_nvme_status status = check_set_features(n, s);

    if (status == DM_NVME_SUCCESS) {
        (void)dm_nvme_fires(n, DM_NVME_QUEUES_GRANTED, &granted);
        *result = (uint32_t)granted;
    }
    return status;
}

static enum dm_nvme_status create_queue(struct dm_nvme *n, const struct dm_nvme_slot *s, bool completions)
{
    const uint16_t id = queue_id(s);
    const uint32_t word11 = dm_nvme_word(s, 11);
    const enum dm_nvme_status status = completions ? check_create_cq(n, s) : check_create_sq(n, s);
    struct dm_nvme_ring *r;

    if (status != DM_NVME_SUCCESS)
        return status;
    if (dm_nvme_fires(n, DM_NVME_QUEUE_REFUSED, NULL))
        return DM_NVME_INVALID_FIELD;
    r = completions ? &n->cqs[id].ring : &n->sqs[id].ring;
    if (!dm_nvme_ring_start(n, r, dm_nvme_word64(s, 6), queue_size(s), completions))
        return DM_NVME_TRANSFER_ERROR;
    if (completions) {
        n->cqs[id].phase = true;
        n->cqs[id].interrupts = word11 & QUEUE_INTERRUPTS;
        n->cqs[id].vector = (uint16_t)(word11 >> 16);
    } else {
        n->sqs[id].told = 0;
        n->sqs[id].cq = (uint16_t)(word11 >> 16);
    }
    return DM_NVME_SUCCESS;
}

static enum dm_nvme_status delete_queue(struct dm_nvme *n, const struct dm_nvme_slot *s, bool completions)
{
    const uint16_t id = queue_id(s);
    const enum dm_nvme_status status = check_delete(n, s, completions);

    if (status != DM_NVME_SUCCESS)
        return status;
    if (!completions)
        dm_nvme_drop(n, id);
    dm_nvme_ring_stop(n, completions ? &n->cqs[id].ring : &n->sqs[id].ring, completions);
    return DM_NVME_SUCCESS;
}

enum dm_nvme_status dm_nvme_admin_do(struct dm_nvme *n, struct dm_nvme_slot *s, uint32_t *result)
{
    if (dm_nvme_opcode(s) == IDENTIFY)
        return identify(n, s);
    if (s->in_silence)
        return DM_NVME_SUCCESS;
    switch (dm_nvme_opcode(s)) {
    case SET_FEATURES:
        return set_features(n, s, result);
    case CREATE_CQ:
    case CREATE_SQ:
        return create_queue(n, s, dm_nvme_opcode(s) == CREATE_CQ);
    default:
        return delete_queue(n, s, dm_nvme_opcode(s) == DELETE_CQ);
    }
}
