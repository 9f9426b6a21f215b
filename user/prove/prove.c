/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/prove/prove.h"

#include "abi/assert.h"
#include "abi/methods.h"

bool prove_init(struct prove *p, struct rt *rt, const char *who)
{
    *p = (struct prove){.rt = rt, .who = who, .sink = rt_first(rt, CAP_IF_EVIDENCE)};
    if (cap_is_none(p->sink))
        return prove_fail(p, "no evidence sink was granted");
    return rt_memory_make(rt, RING_PAGE_BYTES, &p->words) || prove_fail(p, "no memory");
}

bool prove_fail(const struct prove *p, const char *claim)
{
    (void)rt_print_line(p->rt, p->who, claim);
    return false;
}

void prove_turn(const struct prove *p)
{
    ring_sleep(&p->rt->ring, 0);
}

struct prove_wait prove_wait_begin(const struct prove *p)
{
    return (struct prove_wait){.turns = 0, .start_ns = ring_now(&p->rt->ring)};
}

bool prove_wait_goes_on(const struct prove *p, struct prove_wait *w)
{
    struct ring_client *ring = &p->rt->ring;

    if (++w->turns > PROVE_POLLED)
        ring_sleep(ring, PROVE_SLEEP_NS);
    return w->turns < PROVE_TURNS_MAX && ring_now(ring) - w->start_ns < PROVE_WAIT_NS;
}

bool prove_stale(const struct prove *p, struct handles *h, struct stale_result *stale)
{
    *stale = handles_try_stale(h);
    return (h->lost == 0 && stale->tried != 0 && stale->refused == stale->tried) ||
           prove_fail(p, "an old handle was not refused");
}

struct text prove_words(const struct prove *p)
{
    return text_over((char *)p->words.at, p->words.bytes);
}

static void key_of(struct text *t, const char *key)
{
    if (t->used != 0)
        text_string(t, " ");
    text_string(t, key);
    text_string(t, "=");
}

void prove_word(struct text *t, const char *key, const char *value)
{
    key_of(t, key);
    text_string(t, value);
}

void prove_u64(struct text *t, const char *key, uint64_t value)
{
    key_of(t, key);
    text_u64(t, value);
}

void prove_hex(struct text *t, const char *key, uint64_t value, unsigned digits)
{
    key_of(t, key);
    text_string(t, "0x");
    text_hex(t, value, digits);
}

void prove_bytes(struct text *t, const char *key, const uint8_t *bytes, size_t count)
{
    key_of(t, key);
    text_hex_bytes(t, bytes, count);
}

void prove_mac(struct text *t, const char *key, const uint8_t mac[6])
{
    key_of(t, key);
    text_mac(t, mac);
}

bool prove_emit(const struct prove *p, enum evidence_marker marker, const struct text *words)
{
    const struct ring_extra range = ring_range(p->words.cap, 0, (uint32_t)words->used);

    ASSERT(!words->overflow);
    const struct ring_completion done =
        ring_call(&p->rt->ring, p->sink, EVIDENCE_EMIT, RING_ARGS(marker), &range);
    return ring_completed(&done) || prove_fail(p, "the kernel does not see a marker's condition hold");
}
