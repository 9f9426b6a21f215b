/* SPDX-License-Identifier: BSD-2-Clause */
/* What this process may not: each submission asks for something that no grant of it covers. Every one is
 * refused with one denial and one audit record, and what is held stays as it was; that the kernel says so is
 * the marker. */
#include "abi/methods.h"
#include "user/nicd/proof.h"

#define TABLE_NOBODYS  0xffffu
#define PAGES_TOO_MANY (1u << 20) /* 4 GiB */
#define ATTEMPTS_MAX   16u

struct attempts {
    struct ring_submission of[ATTEMPTS_MAX];
    uint32_t count;
};

static void add(struct attempts *t, struct ring_submission submission)
{
    t->of[t->count++] = submission;
}

static void add_call(struct attempts *t, cap_id cap, uint16_t method, uint64_t arg)
{
    add(t, ring_make_call(cap, method, RING_ARGS(arg), NULL));
}

/* Handles that were never given: another generation, an index beyond the table, none at all. */
static void handles_of_nobody(struct attempts *t, const struct nicd *n)
{
    const cap_id again = {n->device.index, n->device.generation + 1u};
    const cap_id beyond = {UINT32_MAX, 1};

    add_call(t, again, DEVICE_ENABLE_DMA, 0);
    add_call(t, beyond, DEVICE_ENABLE_DMA, 0);
    add_call(t, CAP_NONE, DEVICE_ENABLE_DMA, 0);
    add(t, ring_make_release(again));
}

/* More of the device than the package, the function and the budget hold. */
static void beyond_the_device(struct attempts *t, const struct nicd *n)
{
    add_call(t, n->function, FUNCTION_CLAIM, 0); /* claimed already */
    add_call(t, n->device, DEVICE_OPEN_REGISTERS, TABLE_NOBODYS);
    add_call(t, n->device, DEVICE_POOL_CREATE, PAGES_TOO_MANY);
    add_call(t, n->device, DEVICE_INTERRUPT_CREATE, n->info.msix.vectors); /* one too high */
}

/* The scan record into memory that is not this process's, or is none. */
static void beyond_memory(struct attempts *t, const struct proof *p)
{
    const cap_id other = {p->prove.words.cap.index, p->prove.words.cap.generation + 1u};
    const struct ring_extra forged = ring_range(other, 0, RING_PAGE_BYTES);
    const struct ring_extra none = ring_range(p->n->device, 0, RING_PAGE_BYTES);

    add(t, ring_make_call(p->n->device, DEVICE_INFO, NULL, &forged));
    add(t, ring_make_call(p->n->device, DEVICE_INFO, NULL, &none));
}

/* Words that are not this process's to say, or not true. */
static void beyond_evidence(struct attempts *t, const struct proof *p)
{
    add_call(t, p->prove.sink, EVIDENCE_EMIT, EVIDENCE_PLATFORM);
    add_call(t, p->prove.sink, EVIDENCE_EMIT, EVIDENCE_PROVIDER_NIC_TEARDOWN);
    add_call(t, p->prove.sink, EVIDENCE_NARROW, 1u << EVIDENCE_PLATFORM);
}

bool proof_denials(struct proof *p)
{
    struct attempts attempts = {.count = 0};
    struct text t = prove_words(&p->prove);

    handles_of_nobody(&attempts, p->n);
    beyond_the_device(&attempts, p->n);
    beyond_memory(&attempts, p);
    beyond_evidence(&attempts, p);
    for (uint32_t i = 0; i < attempts.count; i++) {
        const struct ring_completion done = ring_do(&p->n->rt->ring, &attempts.of[i]);

        if (ring_completed(&done))
            return proof_fail(p, "something that was not granted was not refused");
    }
    prove_u64(&t, "tried", attempts.count);
    return prove_emit(&p->prove, EVIDENCE_DRIVER_DENIALS, &t);
}
