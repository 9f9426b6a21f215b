/* SPDX-License-Identifier: BSD-2-Clause */
/* Entropy from the CPU's generator, every word of it under the health tests of SP 800-90B; without one, or
 * when it failed once, from the jitter of the counter against port accesses, which is named as such and good
 * for no secret. Source: Intel SDM 1, 7.3.17. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "platform/pc/platform_pc.h"

#define TRIES_MAX     10u /* Intel's own number: more failures than that are a defect */
#define JITTER_ROUNDS 64u
#define JITTER_PORT   0x61u
#define MIX           0x9e3779b97f4a7c15ull

static bool rdrand(uint64_t *out)
{
    for (uint32_t i = 0; i < TRIES_MAX; i++) {
        uint8_t valid;
        __asm__ volatile("rdrand %0; setc %1" : "=r"(*out), "=qm"(valid) : : "cc");
        if (valid)
            return true;
    }
    return false;
}

/* A word that the health tests have seen as well. */
static bool healthy_word(struct pc_entropy *e, uint64_t *out)
{
    return rdrand(out) && entropy_health(&e->health, *out);
}

void pc_entropy_init(struct pc_entropy *e, bool has_rdrand)
{
    uint64_t word;

    *e = (struct pc_entropy){.source = has_rdrand ? PC_ENTROPY_RDRAND : PC_ENTROPY_JITTER};
    for (uint32_t i = 0; i < HEALTH_STARTUP_WORDS && e->source == PC_ENTROPY_RDRAND; i++)
        if (!healthy_word(e, &word))
            e->source = PC_ENTROPY_JITTER;
}

const char *pc_entropy_name(const struct pc_entropy *e)
{
    return e->source == PC_ENTROPY_RDRAND ? "rdrand" : "jitter-weak";
}

static uint64_t jitter(struct pc_entropy *e)
{
    for (uint32_t i = 0; i < JITTER_ROUNDS; i++) {
        port_in8(JITTER_PORT);
        e->pool = (e->pool ^ cpu_cycles()) * MIX;
        e->pool ^= e->pool >> 29;
    }
    return e->pool;
}

bool platform_entropy(struct platform *p, void *buffer, size_t bytes)
{
    uint8_t *out = buffer;
    ASSERT(p->entropy.source != PC_ENTROPY_NONE);
    while (bytes > 0) {
        const size_t step = bytes < sizeof(uint64_t) ? bytes : sizeof(uint64_t);
        uint64_t word = 0;
        if (p->entropy.source != PC_ENTROPY_RDRAND || !healthy_word(&p->entropy, &word)) {
            p->entropy.source = PC_ENTROPY_JITTER; /* it failed once: its word is not taken again */
            word = jitter(&p->entropy);
        }
        memcpy(out, &word, step);
        out += step;
        bytes -= step;
    }
    return p->entropy.source == PC_ENTROPY_RDRAND;
}
