/* SPDX-License-Identifier: BSD-2-Clause */
/* What the driver processes' proofs share: a marker's facts as words, waits with a bound, old handles tried.
 * A step asks for its marker only after its condition held there; the kernel looks for itself before it
 * writes the line. */
#ifndef CAPOS_USER_PROVE_PROVE_H
#define CAPOS_USER_PROVE_PROVE_H

#include "evidence/markers.h"
#include "evidence/text.h"
#include "user/prove/handles.h"

#define PROVE_WAIT_NS   5000000000ull /* an answer may take so long, on a host that has other work too */
#define PROVE_TURNS_MAX 1000000u /* and so many turns, whatever the clock says */
/* Of a wait: turns that poll round by round; after those it sleeps so long between two polls. */
#define PROVE_POLLED   64u
#define PROVE_SLEEP_NS 1000000u

struct prove {
    struct rt *rt;
    const char *who; /* "nicd: " */
    cap_id sink;
    struct rt_memory words; /* of the marker that is asked for */
};

struct prove_wait {
    uint32_t turns;
    uint64_t start_ns;
};

/* False, and said: no sink was granted, or no memory. `who` outlives it. */
bool prove_init(struct prove *p, struct rt *rt, const char *who);
/* Says which claim did not hold. Returns false. */
bool prove_fail(const struct prove *p, const char *claim);
/* A round for everybody else. */
void prove_turn(const struct prove *p);
struct prove_wait prove_wait_begin(const struct prove *p);
/* One turn of the wait, asleep once it has polled for a while; false once it has lasted long enough. */
bool prove_wait_goes_on(const struct prove *p, struct prove_wait *w);
/* Tries each recorded handle; false, and said, unless each was refused. */
bool prove_stale(const struct prove *p, struct handles *h, struct stale_result *stale);

/* A marker's facts, as words; then the marker. */
struct text prove_words(const struct prove *p);
void prove_word(struct text *t, const char *key, const char *value);
void prove_u64(struct text *t, const char *key, uint64_t value);
void prove_hex(struct text *t, const char *key, uint64_t value, unsigned digits);
/* Two digits a byte. */
void prove_bytes(struct text *t, const char *key, const uint8_t *bytes, size_t count);
void prove_mac(struct text *t, const char *key, const uint8_t mac[6]);
bool prove_emit(const struct prove *p, enum evidence_marker marker, const struct text *words);

#endif
