/* SPDX-License-Identifier: BSD-2-Clause */
/* Time: the time stamp counter, its rate held once against channel 2 of the interval timer (Intel 8254,
 * one-shot mode 0). The timer runs from the start of the platform on and is read when the clock is first
 * asked for: by then the time that a good measurement takes has usually passed with other work. */
#include "abi/assert.h"
#include "platform/pc/platform_pc.h"

#define PIT_HZ       1193182ull
#define PIT_CHANNEL2 0x42u
#define PIT_COMMAND  0x43u
#define PIT_ONE_SHOT 0xb0u /* channel 2, both bytes, mode 0 */
#define PIT_LATCH2   0x80u
#define GATE_PORT    0x61u
#define GATE_ON      0x01u
#define GATE_SPEAKER 0x02u
#define GATE_OUTPUT  0x20u /* high once the count has run out */
#define COUNT_FIRST  0xffffu
#define COUNT_LEAST  11932u /* 10 ms: a reading is off by a microsecond at most, one in ten thousand */
/* Readings until the count must have moved that far: one takes 0.3 us or more. */
#define READINGS_MAX 1000000u
#define RATE_UNKNOWN 1000000000ull /* no timer: a nanosecond a cycle, and the caller is told by hz */
#define NS_A_SECOND  1000000000ull

void pc_clock_set_rate(struct pc_clock *c, uint64_t hz)
{
    ASSERT(hz > 0);
    c->hz = hz;
    c->shift = 32;
    /* The multiplier stays below 2^32, so that it times 32 bits of cycles fits. */
    while (c->shift > 0 && (NS_A_SECOND << c->shift) / hz >> 32 != 0)
        c->shift--;
    c->multiplier = (NS_A_SECOND << c->shift) / hz;
    if (c->multiplier >> 32 != 0)
        c->multiplier = UINT32_MAX;
}

uint64_t pc_clock_ns(const struct pc_clock *c, uint64_t cycles)
{
    const uint64_t low = (cycles & UINT32_MAX) * c->multiplier >> c->shift;
    const uint64_t high = (cycles >> 32) * c->multiplier;
    ASSERT(c->hz != 0);
    ASSERT(c->shift <= 32);
    return low + (high << (32u - c->shift));
}

static void start_timer(struct pc_clock *c)
{
    port_out8(GATE_PORT, (uint8_t)((port_in8(GATE_PORT) & ~GATE_SPEAKER) | GATE_ON));
    port_out8(PIT_COMMAND, PIT_ONE_SHOT);
    port_out8(PIT_CHANNEL2, COUNT_FIRST & 0xffu);
    port_out8(PIT_CHANNEL2, COUNT_FIRST >> 8);
    c->start = cpu_cycles();
}

void pc_clock_start(struct pc_clock *c)
{
    *c = (struct pc_clock){0};
    start_timer(c);
}

/* Timer ticks since its start; 0 when the count has run out. */
static uint32_t ticks(uint64_t *cycles)
{
    port_out8(PIT_COMMAND, PIT_LATCH2);
    *cycles = cpu_cycles();
    uint32_t count = port_in8(PIT_CHANNEL2);
    count |= (uint32_t)port_in8(PIT_CHANNEL2) << 8;
    return port_in8(GATE_PORT) & GATE_OUTPUT ? 0 : COUNT_FIRST - count;
}

static uint64_t measure(struct pc_clock *c)
{
    const uint64_t start = c->start;
    uint64_t since = start;
    uint64_t cycles = start;
    uint64_t hz = RATE_UNKNOWN;
    for (uint32_t i = 0; i < READINGS_MAX; i++) {
        const uint32_t gone = ticks(&cycles);
        if (gone >= COUNT_LEAST) {
            hz = (cycles - since) * PIT_HZ / gone; /* 55 ms of a 20 GHz counter times PIT_HZ is below 2^51 */
            break;
        }
        if (gone == 0 && (port_in8(GATE_PORT) & GATE_OUTPUT)) { /* too late: once more, from here */
            start_timer(c);
            since = c->start;
        }
    }
    c->start = start; /* time began when the clock was started */
    return hz != 0 ? hz : RATE_UNKNOWN;
}

uint64_t platform_now_ns(struct platform *p)
{
    struct pc_clock *c = &p->clock;
    if (c->hz == 0)
        pc_clock_set_rate(c, measure(c));
    return pc_clock_ns(c, cpu_cycles() - c->start);
}
