/* SPDX-License-Identifier: BSD-2-Clause */
/* relay: makes the calls that a test types at the main console, and prints what they complete with. It judges
 * nothing. What it is told is trusted as far as it concerns this program alone: slots and regions are
 * bounded.
 */
#include "tests/stack/world/relay.h"

#include "abi/assert.h"
#include "abi/memory.h"
#include "abi/methods.h"
#include "abi/net.h"
#include "evidence/text.h"
#include "user/rt/rt.h"

#define USER_KEYS (1ull << 32) /* above every id */

enum relay_exit { RELAY_EXIT_GRANT = 1, RELAY_EXIT_MEMORY, RELAY_EXIT_RING, RELAY_EXIT_REQUEST };

struct relay {
    struct rt *rt;
    cap_id console;
    struct rt_memory keys;
    struct rt_memory regions[RELAY_REGIONS];
    cap_id slots[RELAY_SLOTS];
    uint8_t to[1u << 16]; /* by id: the slot of what comes back */
    char line[RELAY_LINE_BYTES];
    uint32_t bytes;
};

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The number at `*at`, which is moved behind it and the space that follows. */
static uint64_t number(const char **at, const char *end)
{
    uint64_t value = 0;

    for (; *at < end && digit(**at) >= 0; (*at)++)
        value = value << 4 | (uint64_t)digit(**at);
    *at += *at < end;
    return value;
}

static void answer(struct relay *r, const uint64_t words[RELAY_ANSWERS], const uint8_t *bytes, uint32_t count)
{
    static char buffer[RELAY_LINE_BYTES];
    struct text t = text_over(buffer, sizeof buffer);

    text_string(&t, RELAY_MARK);
    for (uint32_t i = 0; i < RELAY_ANSWERS; i++) {
        text_hex(&t, words[i], 16);
        text_string(&t, " ");
    }
    if (count > 0)
        text_hex_bytes(&t, bytes, count);
    text_string(&t, "\n");
    ASSERT(!t.overflow);
    (void)rt_write(r->rt, t.at, t.used);
}

static void dump(struct relay *r, const uint64_t w[RELAY_WORDS])
{
    const uint64_t words[RELAY_ANSWERS] = {w[RELAY_ID]};

    if (w[RELAY_METHOD] - 1u >= RELAY_REGIONS || w[RELAY_A] > RELAY_REGION_BYTES ||
        w[RELAY_B] > RELAY_REGION_BYTES - w[RELAY_A])
        rt_exit(r->rt, RELAY_EXIT_REQUEST);
    answer(r, words, r->regions[w[RELAY_METHOD] - 1u].at + w[RELAY_A], (uint32_t)w[RELAY_B]);
}

static void give_back(struct relay *r, const uint64_t w[RELAY_WORDS])
{
    const uint64_t words[RELAY_ANSWERS] = {w[RELAY_ID]};

    if (w[RELAY_METHOD] >= RELAY_SLOTS)
        rt_exit(r->rt, RELAY_EXIT_REQUEST);
    (void)ring_release(&r->rt->ring, r->slots[w[RELAY_METHOD]]);
    r->slots[w[RELAY_METHOD]] = CAP_NONE;
    answer(r, words, NULL, 0);
}

static void call(struct relay *r, const uint64_t w[RELAY_WORDS])
{
    const bool along = w[RELAY_REGION] != 0;
    const struct ring_extra extra = ring_copy(along ? r->regions[w[RELAY_REGION] - 1u].cap : CAP_NONE);
    const struct ring_submission made =
        ring_make_call(r->slots[w[RELAY_SLOT]], (uint16_t)w[RELAY_METHOD],
                       RING_ARGS(w[RELAY_A], w[RELAY_B], w[RELAY_C]), along ? &extra : NULL);

    r->to[w[RELAY_ID]] = (uint8_t)w[RELAY_TO];
    if (!ring_submit(&r->rt->ring, w[RELAY_ID], &made))
        rt_exit(r->rt, RELAY_EXIT_RING);
}

static void request(struct relay *r)
{
    const char *at = r->line, *end = r->line + r->bytes;
    uint64_t w[RELAY_WORDS];

    for (uint32_t i = 0; i < RELAY_WORDS; i++)
        w[i] = number(&at, end);
    if (w[RELAY_ID] >= sizeof r->to || w[RELAY_REGION] > RELAY_REGIONS || w[RELAY_TO] >= RELAY_SLOTS)
        rt_exit(r->rt, RELAY_EXIT_REQUEST);
    for (uint64_t i = w[RELAY_AT]; w[RELAY_REGION] != 0 && i < RELAY_REGION_BYTES && end - at >= 2;
         i++, at += 2)
        r->regions[w[RELAY_REGION] - 1u].at[i] = (uint8_t)(digit(at[0]) << 4 | digit(at[1]));
    if (w[RELAY_SLOT] == RELAY_DUMP)
        dump(r, w);
    else if (w[RELAY_SLOT] == RELAY_RELEASE)
        give_back(r, w);
    else if (w[RELAY_SLOT] < RELAY_SLOTS)
        call(r, w);
    else
        rt_exit(r->rt, RELAY_EXIT_REQUEST);
}

static void ask_keys(struct relay *r)
{
    const struct ring_extra range = ring_range(r->keys.cap, 0, RING_PAGE_BYTES);
    const struct ring_submission read = ring_make_call(r->console, SERIAL_READ, NULL, &range);

    if (!ring_submit(&r->rt->ring, USER_KEYS, &read))
        rt_exit(r->rt, RELAY_EXIT_RING);
}

static void typed(struct relay *r, const struct ring_completion *done)
{
    if (!ring_completed(done) || done->value > RING_PAGE_BYTES)
        rt_exit(r->rt, RELAY_EXIT_RING);
    for (uint64_t i = 0; i < done->value; i++) {
        if (r->keys.at[i] == '\n') {
            request(r);
            r->bytes = 0;
        } else if (r->bytes < RELAY_LINE_BYTES) {
            r->line[r->bytes++] = (char)r->keys.at[i];
        }
    }
    ask_keys(r);
}

static void completed(struct relay *r, const struct ring_completion *done)
{
    const uint64_t words[RELAY_ANSWERS] = {done->user, done->status, done->exception, done->result,
                                           done->value};

    if (!cap_is_none(done->cap))
        r->slots[r->to[done->user]] = done->cap;
    answer(r, words, NULL, 0);
}

uint32_t program_main(struct rt *rt)
{
    static struct relay r;

    r.rt = rt;
    r.console = rt_first(rt, CAP_IF_SERIAL);
    r.slots[RELAY_NETWORK] = rt_first(rt, CAP_IF_NETWORK_MANAGER);
    r.slots[RELAY_AUTHORITY] = rt_first(rt, CAP_IF_TCP_LISTEN_AUTHORITY);
    if (cap_is_none(r.console) || cap_is_none(r.slots[RELAY_NETWORK]) ||
        cap_is_none(r.slots[RELAY_AUTHORITY]))
        return RELAY_EXIT_GRANT;
    if (!rt_memory_make(rt, RING_PAGE_BYTES, &r.keys))
        return RELAY_EXIT_MEMORY;
    for (uint32_t i = 0; i < RELAY_REGIONS; i++) {
        if (!rt_memory_make(rt, RELAY_REGION_BYTES, &r.regions[i]))
            return RELAY_EXIT_MEMORY;
    }
    ask_keys(&r);
    for (;;) {
        struct ring_completion done;

        if (!ring_wait(&rt->ring, RING_FOREVER, &done))
            return RELAY_EXIT_RING;
        if (done.user == USER_KEYS)
            typed(&r, &done);
        else
            completed(&r, &done);
    }
}
