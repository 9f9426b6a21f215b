/* SPDX-License-Identifier: BSD-2-Clause */
#include "provider/format/nvme.h"

#include "abi/assert.h"
#include "abi/memory.h"

/* Bytes of a command (4.2, figure 104). */
#define COMMAND_ID   2u
#define COMMAND_NSID 4u
#define COMMAND_PRP1 24u
#define COMMAND_PRP2 32u
#define COMMAND_CDW  40u /* CDW10; five more follow */

#define FEATURE_QUEUES   7u
#define QUEUE_CONTIGUOUS 1u /* PC */
#define BLOCKS_MAX       65536u
/* Identify Controller (5.15.2.2). */
#define CONTROLLER_MODEL      24u
#define CONTROLLER_MDTS       77u
#define CONTROLLER_SQES       512u
#define CONTROLLER_CQES       513u
#define CONTROLLER_NAMESPACES 516u
#define SQES_SHIFT            6u
#define CQES_SHIFT            4u
#define PAGE_SHIFT            12u
/* Identify Namespace (5.15.2.1). */
#define NAMESPACE_BLOCKS   0u
#define NAMESPACE_FORMATS  25u
#define NAMESPACE_FORMAT   26u
#define NAMESPACE_FORMAT_0 128u
#define FORMAT_INDEX_MASK  15u

/* Status fields (4.6.1): status code 7:0, its type 10:8, do not retry 14. */
#define STATUS_NO_RETRY  0x4000u
#define STATUS_CODE_MASK 0x7ffu
enum status {
    STATUS_INVALID_OPCODE = 0x001,
    STATUS_INVALID_FIELD = 0x002,
    STATUS_ABORTED = 0x007,
    STATUS_INVALID_NAMESPACE = 0x00b,
    STATUS_INTERRUPTED = 0x021,
    STATUS_NOT_READY = 0x082
};

static const struct {
    uint8_t opcode;
    bool admin;
    uint32_t answer_bytes;
} kinds[NVME_COMMAND_KINDS] = {
    [NVME_IDENTIFY_CONTROLLER] = {0x06, true, NVME_IDENTIFY_BYTES},
    [NVME_IDENTIFY_NAMESPACE] = {0x06, true, NVME_IDENTIFY_BYTES},
    [NVME_SET_QUEUES] = {0x09, true, 0},
    [NVME_CREATE_COMPLETION_QUEUE] = {0x05, true, 0},
    [NVME_CREATE_SUBMISSION_QUEUE] = {0x01, true, 0},
    [NVME_READ] = {0x02, false, 0},
};

static uint64_t get_le(const uint8_t *at, uint32_t bytes)
{
    uint64_t value = 0;

    for (uint32_t i = bytes; i > 0; i--)
        value = value << 8 | at[i - 1u];
    return value;
}

static void put_le(uint8_t *at, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        at[i] = (uint8_t)(value >> (8u * i));
}

/* CDW10 to CDW12, which are all that any of them has. */
static void words_of(const struct nvme_command *c, uint32_t words[3])
{
    const uint32_t pair = (uint32_t)(c->entries - 1u) << 16 | c->queue;

    memset(words, 0, 3u * sizeof words[0]);
    switch (c->kind) {
    case NVME_IDENTIFY_CONTROLLER:
        words[0] = 1;
        break;
    case NVME_SET_QUEUES:
        words[0] = FEATURE_QUEUES;
        words[1] = (uint32_t)(c->queue - 1u) << 16 | (uint16_t)(c->queue - 1u);
        break;
    case NVME_CREATE_COMPLETION_QUEUE:
        words[0] = pair;
        words[1] = QUEUE_CONTIGUOUS;
        break;
    case NVME_CREATE_SUBMISSION_QUEUE:
        words[0] = pair;
        words[1] = (uint32_t)c->queue << 16 | QUEUE_CONTIGUOUS;
        break;
    case NVME_READ:
        words[0] = (uint32_t)c->lba;
        words[1] = (uint32_t)(c->lba >> 32);
        words[2] = c->blocks - 1u;
        break;
    default:
        break;
    }
}

void nvme_encode_command(const struct nvme_command *command, uint16_t id, struct nvme_pointers pointers,
                         uint8_t *out)
{
    uint32_t words[3];

    ASSERT(command->kind < NVME_COMMAND_KINDS);
    words_of(command, words);
    memset(out, 0, NVME_COMMAND_BYTES);
    out[0] = kinds[command->kind].opcode;
    put_le(out + COMMAND_ID, id, 2);
    put_le(out + COMMAND_NSID, command->nsid, 4);
    put_le(out + COMMAND_PRP1, pointers.prp1, 8);
    put_le(out + COMMAND_PRP2, pointers.prp2, 8);
    for (uint32_t i = 0; i < 3u; i++)
        put_le(out + COMMAND_CDW + 4u * i, words[i], 4);
}

/* The fields that this kind would have; whether the bytes are that command is decided by writing it again. */
static struct nvme_command fields_of(enum nvme_command_kind kind, const uint8_t *bytes)
{
    struct nvme_command c = {.kind = (uint8_t)kind};
    const uint8_t *words = bytes + COMMAND_CDW;

    switch (kind) {
    case NVME_IDENTIFY_NAMESPACE:
        c.nsid = (uint32_t)get_le(bytes + COMMAND_NSID, 4);
        break;
    case NVME_SET_QUEUES:
        c.queue = (uint16_t)(get_le(words + 4, 2) + 1u);
        break;
    case NVME_CREATE_COMPLETION_QUEUE:
    case NVME_CREATE_SUBMISSION_QUEUE:
        c.queue = (uint16_t)get_le(words, 2);
        c.entries = (uint16_t)(get_le(words + 2, 2) + 1u);
        break;
    case NVME_READ:
        c.nsid = (uint32_t)get_le(bytes + COMMAND_NSID, 4);
        c.lba = get_le(words, 8);
        c.blocks = (uint32_t)get_le(words + 8, 2) + 1u;
        break;
    default:
        break;
    }
    return c;
}

bool nvme_decode_command(const uint8_t *bytes, bool admin, struct nvme_command *out)
{
    uint8_t again[NVME_COMMAND_BYTES];

    for (uint8_t kind = 0; kind < NVME_COMMAND_KINDS; kind++) {
        if (kinds[kind].admin != admin)
            continue;
        *out = fields_of((enum nvme_command_kind)kind, bytes);
        nvme_encode_command(out, 0, (struct nvme_pointers){0, 0}, again);
        if (memcmp(bytes, again, sizeof again) == 0)
            return true;
    }
    return false;
}

uint32_t nvme_answer_bytes(const struct nvme_command *command)
{
    ASSERT(command->kind < NVME_COMMAND_KINDS);
    return kinds[command->kind].answer_bytes;
}

enum nvme_outcome nvme_outcome_of(uint16_t status)
{
    if (status == 0)
        return NVME_DONE;
    switch (status & STATUS_CODE_MASK) {
    case STATUS_INVALID_OPCODE:
    case STATUS_INVALID_FIELD:
    case STATUS_INVALID_NAMESPACE:
        return NVME_REFUSED;
    case STATUS_ABORTED:
    case STATUS_INTERRUPTED:
    case STATUS_NOT_READY:
        return (status & STATUS_NO_RETRY) != 0 ? NVME_FAILED : NVME_AGAIN;
    default:
        return NVME_FAILED;
    }
}

static void printable(const uint8_t *at, uint32_t bytes, char *out)
{
    uint32_t end = 0;

    for (uint32_t i = 0; i < bytes; i++) {
        out[i] = at[i] == ' ' || (at[i] >= '!' && at[i] <= '~') ? (char)at[i] : '?';
        if (at[i] != ' ')
            end = i + 1u;
    }
    out[end] = 0;
}

/* Required and greatest size of an entry, as powers of two: 3:0 and 7:4. */
static bool entry_fits(uint8_t sizes, uint8_t shift)
{
    return (sizes & 15u) <= shift && sizes >> 4 >= shift;
}

bool nvme_decode_controller(const uint8_t *bytes, struct nvme_controller *out)
{
    const uint8_t shift = bytes[CONTROLLER_MDTS];

    memset(out, 0, sizeof *out);
    if (!entry_fits(bytes[CONTROLLER_SQES], SQES_SHIFT) || !entry_fits(bytes[CONTROLLER_CQES], CQES_SHIFT))
        return false;
    out->namespaces = (uint32_t)get_le(bytes + CONTROLLER_NAMESPACES, 4);
    /* In pages of CAP.MPSMIN, which is 4 KiB where CC.MPS may be 0. */
    out->data_bytes_max = shift == 0 || shift >= 32u - PAGE_SHIFT ? 0u : 1u << (PAGE_SHIFT + shift);
    printable(bytes + CONTROLLER_MODEL, NVME_TEXT_BYTES - 1u, out->text);
    return true;
}

bool nvme_decode_namespace(const uint8_t *bytes, struct nvme_namespace *out)
{
    const uint8_t index = bytes[NAMESPACE_FORMAT] & FORMAT_INDEX_MASK;
    const uint8_t *format = bytes + NAMESPACE_FORMAT_0 + 4u * index;
    const uint8_t shift = format[2];

    memset(out, 0, sizeof *out);
    if (get_le(bytes + NAMESPACE_BLOCKS, 8) == 0)
        return true;
    if (bytes[NAMESPACE_FORMATS] > FORMAT_INDEX_MASK || index > bytes[NAMESPACE_FORMATS])
        return false;
    if (get_le(format, 2) != 0 || shift < NVME_BLOCK_SHIFT_MIN || shift > NVME_BLOCK_SHIFT_MAX)
        return false;
    out->blocks = get_le(bytes + NAMESPACE_BLOCKS, 8);
    out->block_shift = shift;
    return out->blocks <= UINT64_MAX >> shift;
}
