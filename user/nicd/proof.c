/* SPDX-License-Identifier: BSD-2-Clause */
#include "user/nicd/proof.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"

/* Before there is a lease: QEMU's and libslirp's user network, and the subnet that a run on Compute Engine
 * makes for itself. */
static const struct {
    uint8_t guest[4], gateway[4];
} networks[] = {{{10, 0, 2, 15}, {10, 0, 2, 2}}, {{10, 77, 0, 2}, {10, 77, 0, 1}}};

bool proof_fail(struct proof *p, const char *claim)
{
    return nicd_failed(p->n, claim);
}

bool proof_claim(struct proof *p)
{
    handles_forget(&p->n->handles);
    return nicd_claim(p->n);
}

void proof_turn(struct proof *p)
{
    ring_sleep(&p->n->rt->ring, 0);
}

struct proof_wait proof_wait_begin(struct proof *p)
{
    return (struct proof_wait){.turns = 0, .start_ns = ring_now(&p->n->rt->ring)};
}

bool proof_wait_goes_on(struct proof *p, struct proof_wait *w)
{
    struct ring_client *ring = &p->n->rt->ring;

    if (++w->turns > PROOF_POLLED)
        ring_sleep(ring, PROOF_SLEEP_NS);
    return w->turns < PROOF_TURNS_MAX && ring_now(ring) - w->start_ns < PROOF_WAIT_NS;
}

bool proof_stale(struct proof *p, struct stale_result *stale)
{
    *stale = handles_try_stale(&p->n->handles);
    return (p->n->handles.lost == 0 && stale->tried != 0 && stale->refused == stale->tried) ||
           proof_fail(p, "an old handle was not refused");
}

struct text proof_words(struct proof *p)
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

void proof_word(struct text *t, const char *key, const char *value)
{
    key_of(t, key);
    text_string(t, value);
}

void proof_u64(struct text *t, const char *key, uint64_t value)
{
    key_of(t, key);
    text_u64(t, value);
}

void proof_hex(struct text *t, const char *key, uint64_t value, unsigned digits)
{
    key_of(t, key);
    text_string(t, "0x");
    text_hex(t, value, digits);
}

void proof_mac(struct text *t, const char *key, const uint8_t mac[6])
{
    key_of(t, key);
    text_mac(t, mac);
}

bool proof_emit(struct proof *p, enum evidence_marker marker, const struct text *words)
{
    const struct ring_extra range = ring_range(p->words.cap, 0, (uint32_t)words->used);

    ASSERT(!words->overflow);
    const struct ring_completion done =
        ring_call(&p->n->rt->ring, p->sink, EVIDENCE_EMIT, RING_ARGS(marker), &range);
    return ring_completed(&done) || proof_fail(p, "the kernel does not see a marker's condition hold");
}

static bool prepare(struct proof *p)
{
    struct nicd *n = p->n;

    p->sink = rt_first(n->rt, CAP_IF_EVIDENCE);
    p->exchanges = rt_parameter_u64(n->rt, "exchanges", 0);
    p->vpc = rt_parameter_is(n->rt, "network", "vpc");
    memcpy(p->addresses.our_ip, networks[p->vpc].guest, sizeof p->addresses.our_ip);
    memcpy(p->addresses.peer_ip, networks[p->vpc].gateway, sizeof p->addresses.peer_ip);
    if (cap_is_none(p->sink))
        return proof_fail(p, "no evidence sink was granted");
    if (cap_is_none(n->endpoint))
        return proof_fail(p, "no endpoint was granted");
    if (cap_is_none(n->function))
        return proof_fail(p, "no virtio network function was found");
    if (!rt_memory_make(n->rt, RING_PAGE_BYTES, &p->words) || !nicd_prepare(n))
        return proof_fail(p, "no memory");
    n->authority = handles_record(&n->handles);
    /* A receive that stands lets cap_enter sleep for a time. A client that calls already has its answer
     * later.
     */
    for (uint32_t place = 0; place < PROOF_RECEIVES; place++) {
        if (!ring_recv(&n->rt->ring, place, n->endpoint, place))
            return proof_fail(p, "the endpoint was refused");
    }
    return true;
}

uint32_t proof_run(struct nicd *n)
{
    struct proof p = {.n = n};

    if (!prepare(&p) || !proof_bind(&p) || !proof_interrupt(&p))
        return NICD_EXIT_PROOF;
    const bool held = proof_up(&p) && proof_first_frame(&p) && proof_exchange(&p);
    /* Down whatever was before: the kernel would do it too, but then nobody tried the old handles. */
    return proof_down(&p, held) ? 0 : NICD_EXIT_PROOF;
}
