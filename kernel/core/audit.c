/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit ring. Owns its records and the chain; trusts its callers to say what happened. Each live grant
 * keeps room for the record of its end, so that an end can always be written and only grants ever wait. */
#include "kernel/core/audit.h"

#include <stddef.h>

#include "abi/assert.h"
#include "abi/memory.h"

_Static_assert((AUDIT_RECORDS_MAX & (AUDIT_RECORDS_MAX - 1u)) == 0, "free-running indices are masked");

/* 32 bytes of chain and 23 of record: one SHA-256 block with its padding. */
#define ENCODED_BYTES 23u

static void put(uint8_t *to, uint64_t value, uint32_t bytes)
{
    for (uint32_t i = 0; i < bytes; i++)
        to[i] = (uint8_t)(value >> (8u * i));
}

static void chain_after(const uint8_t previous[DIGEST_BYTES], const struct audit_record *r,
                        uint8_t out[DIGEST_BYTES])
{
    struct digest_sha256 digest;
    uint8_t encoded[ENCODED_BYTES];

    put(encoded, r->seq, 8);
    put(encoded + 8, r->handle.index, 4);
    put(encoded + 12, r->handle.generation, 4);
    put(encoded + 16, r->owner, 2);
    put(encoded + 18, r->bdf, 2);
    encoded[20] = r->kind;
    encoded[21] = r->object_kind;
    encoded[22] = r->result;
    digest_sha256_init(&digest);
    digest_sha256_update(&digest, previous, DIGEST_BYTES);
    digest_sha256_update(&digest, encoded, sizeof encoded);
    digest_sha256_final(&digest, out);
}

void audit_init(struct audit *audit)
{
    ASSERT(audit != NULL);
    audit->next_seq = 1;
    audit->head = 0;
    audit->tail = 0;
    audit->reserved = 0;
    audit->denials_pending = 0;
    audit->denials = 0;
    memset(audit->chain, 0, sizeof audit->chain);
}

/* Records that are neither written nor kept for an end. */
static uint32_t room(const struct audit *audit)
{
    uint32_t written = audit->head - audit->tail;

    ASSERT(written <= AUDIT_RECORDS_MAX);
    ASSERT(audit->reserved <= AUDIT_RECORDS_MAX - written);
    return AUDIT_RECORDS_MAX - written - audit->reserved;
}

/* The same without what is kept for a reader. */
static uint32_t common_room(const struct audit *audit)
{
    const uint32_t all = room(audit);

    return all > AUDIT_READER_ROOM ? all - AUDIT_READER_ROOM : 0;
}

static void append(struct audit *audit, const struct audit_event *event)
{
    struct audit_record *r = &audit->ring[audit->head & (AUDIT_RECORDS_MAX - 1u)];

    ASSERT(audit->head - audit->tail < AUDIT_RECORDS_MAX);
    ASSERT(event->kind != 0);
    r->seq = audit->next_seq++;
    r->handle = event->handle;
    r->owner = event->owner;
    r->bdf = event->bdf;
    r->kind = event->kind;
    r->object_kind = event->object_kind;
    r->result = event->result;
    r->reserved[0] = 0;
    chain_after(audit->chain, r, r->chain);
    memcpy(audit->chain, r->chain, sizeof audit->chain);
    audit->head++;
}

bool audit_has_room(const struct audit *audit, uint32_t grants)
{
    ASSERT(grants <= AUDIT_RECORDS_MAX / 2u);
    return common_room(audit) >= 2u * grants;
}

bool audit_has_reader_room(const struct audit *audit, uint32_t grants)
{
    ASSERT(grants <= AUDIT_RECORDS_MAX / 2u);
    return room(audit) >= 2u * grants;
}

void audit_grant(struct audit *audit, const struct audit_event *event)
{
    ASSERT(audit_has_reader_room(audit, 1));
    append(audit, event);
    audit->reserved++;
}

void audit_end(struct audit *audit, const struct audit_event *event)
{
    ASSERT(audit->reserved > 0);
    audit->reserved--;
    append(audit, event);
}

void audit_reserve_end(struct audit *audit)
{
    ASSERT(room(audit) >= 1);
    audit->reserved++;
}

void audit_unreserve_end(struct audit *audit)
{
    ASSERT(audit->reserved > 0);
    audit->reserved--;
}

bool audit_note(struct audit *audit, const struct audit_event *event)
{
    if (common_room(audit) == 0)
        return false;
    append(audit, event);
    return true;
}

/* The counted denials become one record as soon as there is room again. */
static void flush_denials(struct audit *audit)
{
    const struct audit_event event = {{audit->denials_pending, 0}, AUDIT_OWNER_KERNEL, AUDIT_BDF_NONE,
                                      AUDIT_DENIALS_COUNTED,       CAP_IF_NONE,        0};

    if (audit->denials_pending != 0 && room(audit) > AUDIT_DENIAL_HEADROOM) {
        append(audit, &event);
        audit->denials_pending = 0;
    }
}

void audit_denial(struct audit *audit, const struct audit_event *event)
{
    ASSERT(event->kind == AUDIT_DENIAL);
    flush_denials(audit);
    if (room(audit) > AUDIT_DENIAL_HEADROOM) {
        append(audit, event);
        audit->denials++;
    } else if (audit->denials_pending < 0xffffffffu) {
        audit->denials_pending++;
    }
}

uint32_t audit_read(const struct audit *audit, uint32_t skip, struct audit_record *out, uint32_t max)
{
    const uint32_t waiting = audit_waiting(audit);
    uint32_t given = 0;

    ASSERT(out != NULL || max == 0);
    for (; given < max && skip + given < waiting; given++)
        out[given] = audit->ring[(audit->tail + skip + given) & (AUDIT_RECORDS_MAX - 1u)];
    return given;
}

bool audit_take(struct audit *audit, uint64_t seq)
{
    const uint64_t left = audit_count(audit) - audit_waiting(audit); /* number of the last that left */

    if (seq > audit_count(audit))
        return false;
    if (seq > left)
        audit->tail += (uint32_t)(seq - left);
    flush_denials(audit);
    return true;
}

uint32_t audit_drain(struct audit *audit, struct audit_record *out, uint32_t max)
{
    const uint32_t drained = audit_read(audit, 0, out, max);

    audit->tail += drained;
    flush_denials(audit);
    return drained;
}

uint64_t audit_count(const struct audit *audit)
{
    return audit->next_seq - 1;
}

uint64_t audit_denials(const struct audit *audit)
{
    return audit->denials;
}

uint32_t audit_waiting(const struct audit *audit)
{
    return audit->head - audit->tail;
}

const uint8_t *audit_head(const struct audit *audit)
{
    return audit->chain;
}

bool audit_follows(const uint8_t previous[DIGEST_BYTES], const struct audit_record *record)
{
    uint8_t expected[DIGEST_BYTES];

    ASSERT(previous != NULL);
    chain_after(previous, record, expected);
    return memcmp(expected, record->chain, sizeof expected) == 0;
}
