/* SPDX-License-Identifier: BSD-2-Clause */
/* The audit log: a fixed ring of hash-chained records. A reader copies them out and says how far it has put
 * them where they belong: up to there they leave. It never drops: a grant keeps room for the record of its
 * own end, so that a full log blocks grants and nothing else; denials beyond the room are counted and come
 * out as one record. Some room is kept for starting a reader: a full log has a way out. */
#ifndef CAPOS_KERNEL_CORE_AUDIT_H
#define CAPOS_KERNEL_CORE_AUDIT_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/cap.h"
#include "kernel/core/digest.h"

#define AUDIT_RECORDS_MAX 1024u
/* Denials stop taking room when fewer records than this are free: they cannot block grants. */
#define AUDIT_DENIAL_HEADROOM (AUDIT_RECORDS_MAX / 4u)
/* For the start and the grants of a process that reads the log, and for nothing else. */
#define AUDIT_READER_ROOM (AUDIT_RECORDS_MAX / 8u)

enum audit_kind {
    AUDIT_OWNER = 1, /* an owner was created */
    AUDIT_CLAIM, /* a function was claimed */
    AUDIT_GRANT, /* a capability was made */
    AUDIT_TRANSFER, /* a capability was copied or moved to another owner */
    AUDIT_RELEASE, /* an object ended by its holder's wish */
    AUDIT_REVOKE, /* an object ended because its source or its owner did */
    AUDIT_DENIAL, /* a call was refused */
    AUDIT_DENIALS_COUNTED, /* denials that found no room: handle.index of them */
    AUDIT_QUARANTINE, /* a reset was not confirmed: the function's pages are kept */
    AUDIT_QUARANTINE_RELEASE, /* privileged: a function left quarantine */
    AUDIT_KILL, /* an owner was killed */
    AUDIT_EXIT, /* an owner ended */
    AUDIT_SPAWN, /* a process was made: handle.index is its number */
    AUDIT_FAULT, /* a process ended by a fault; result: exception vector */
    AUDIT_LOGIN_ACCEPTED, /* these: what the holder of an AuditNote said; handle: its number, low half first
                           */
    AUDIT_LOGIN_REFUSED,
    AUDIT_LOGIN_DELAYED,
    AUDIT_SESSION_ENDED,
    AUDIT_SECRET_CHANGED,
    AUDIT_KIND_COUNT
};

struct audit_record {
    uint64_t seq; /* from 1, without gaps */
    cap_id handle; /* the holder's handle, a count, or a noted number */
    uint16_t owner; /* index of the owner, AUDIT_OWNER_KERNEL for privileged calls */
    uint16_t bdf; /* 0xffff: no function concerned */
    uint8_t kind; /* enum audit_kind */
    uint8_t object_kind; /* enum cap_interface */
    uint8_t result; /* 0, an exception, or 0x40 + device error */
    uint8_t reserved[1];
    uint8_t chain[DIGEST_BYTES]; /* SHA-256(previous chain, record without chain) */
};

#define AUDIT_OWNER_KERNEL 0xffffu
#define AUDIT_BDF_NONE     0xffffu
#define AUDIT_RESULT_ERROR 0x40u

struct audit {
    uint64_t next_seq;
    uint64_t denials; /* records of denials, each by itself */
    uint32_t head; /* free-running: next record to write */
    uint32_t tail; /* free-running: next record to drain */
    uint32_t reserved; /* records kept for ends of live grants */
    uint32_t denials_pending; /* counted, not yet in a record */
    uint8_t chain[DIGEST_BYTES];
    struct audit_record ring[AUDIT_RECORDS_MAX];
};

/* What happened, without what the log itself adds. */
struct audit_event {
    cap_id handle;
    uint16_t owner;
    uint16_t bdf;
    uint8_t kind;
    uint8_t object_kind;
    uint8_t result;
};

void audit_init(struct audit *audit);
/* Room for `grants` grants, each with the record of its end. */
bool audit_has_room(const struct audit *audit, uint32_t grants);
/* The same with the room that is kept for a reader. */
bool audit_has_reader_room(const struct audit *audit, uint32_t grants);
/* Records a grant and keeps room for its end. The caller asked for room (asserted). */
void audit_grant(struct audit *audit, const struct audit_event *event);
/* Records the end of a grant, in the room kept for it. */
void audit_end(struct audit *audit, const struct audit_event *event);
/* Keeps room for one more end, or gives it back unused. The caller asked audit_has_room (asserted). */
void audit_reserve_end(struct audit *audit);
void audit_unreserve_end(struct audit *audit);
/* Records an event of its own when there is room; false otherwise. */
bool audit_note(struct audit *audit, const struct audit_event *event);
/* Records a denial, or counts it. */
void audit_denial(struct audit *audit, const struct audit_event *event);
/* Copies at most `max` records, from the `skip`th oldest on. They stay. Returns how many. */
uint32_t audit_read(const struct audit *audit, uint32_t skip, struct audit_record *out, uint32_t max);
/* The records up to number `seq` leave; those before may have left already. False: none has that number yet,
 * nothing happened. */
bool audit_take(struct audit *audit, uint64_t seq);
/* Both at once: takes out at most `max` records, oldest first. Returns how many. */
uint32_t audit_drain(struct audit *audit, struct audit_record *out, uint32_t max);
/* Records ever written, and the chain after the last. */
uint64_t audit_count(const struct audit *audit);
/* Of these, denials that have a record of their own. */
uint64_t audit_denials(const struct audit *audit);
/* Records that have not left. */
uint32_t audit_waiting(const struct audit *audit);
const uint8_t *audit_head(const struct audit *audit);
/* Does `record` follow the chain value `previous`? What a consumer checks. */
bool audit_follows(const uint8_t previous[DIGEST_BYTES], const struct audit_record *record);

#endif
