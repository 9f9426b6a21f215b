/* SPDX-License-Identifier: BSD-2-Clause */
/* Grants, parameters, memory and text. The start-up page was written by the kernel and is believed; what init
 * and the manifest wrote into it is compared, never followed. */
#include "user/rt/rt.h"

#include "abi/memory.h"
#include "abi/methods.h"

static bool same_name(const char *a, const char *b)
{
    for (size_t i = 0; i < STARTUP_NAME_BYTES; i++) {
        if (a[i] != b[i])
            return false;
        if (a[i] == 0)
            return true;
    }
    return true;
}

cap_id rt_grant(const struct rt *rt, const char *name, enum cap_interface interface)
{
    for (uint32_t i = 0; i < rt->start->grant_count; i++) {
        const struct startup_grant *g = &rt->start->grants[i];

        if (g->interface == interface && same_name(g->name, name))
            return g->cap;
    }
    return CAP_NONE;
}

cap_id rt_first(const struct rt *rt, enum cap_interface interface)
{
    for (uint32_t i = 0; i < rt->start->grant_count; i++) {
        if (rt->start->grants[i].interface == interface)
            return rt->start->grants[i].cap;
    }
    return CAP_NONE;
}

static size_t length_of(const char *text)
{
    size_t n = 0;

    while (text[n] != 0)
        n++;
    return n;
}

const char *rt_parameter(const struct rt *rt, const char *key, size_t *bytes)
{
    const char *at = rt->start->text;
    const char *end = at + rt->start->text_bytes;
    const size_t wanted = length_of(key);

    while (at < end) {
        const char *word = at;

        while (at < end && *at != ' ')
            at++;
        const size_t length = (size_t)(at - word);
        if (length > wanted && word[wanted] == '=' && memcmp(word, key, wanted) == 0) {
            *bytes = length - wanted - 1u;
            return word + wanted + 1u;
        }
        while (at < end && *at == ' ')
            at++;
    }
    return NULL;
}

bool rt_parameter_is(const struct rt *rt, const char *key, const char *word)
{
    size_t bytes = 0;
    const char *value = rt_parameter(rt, key, &bytes);

    return value != NULL && bytes == length_of(word) && memcmp(value, word, bytes) == 0;
}

uint64_t rt_parameter_u64(const struct rt *rt, const char *key, uint64_t otherwise)
{
    size_t bytes = 0;
    const char *text = rt_parameter(rt, key, &bytes);
    uint64_t value = 0;

    if (text == NULL || bytes == 0)
        return otherwise;
    for (size_t i = 0; i < bytes; i++) {
        const uint64_t digit = (uint64_t)(text[i] - '0');

        if (text[i] < '0' || text[i] > '9' || value > (UINT64_MAX - digit) / 10u)
            return otherwise;
        value = value * 10u + digit;
    }
    return value;
}

bool rt_memory_make(struct rt *rt, uint32_t bytes, struct rt_memory *out)
{
    const cap_id source = rt_first(rt, CAP_IF_MEMORY_SOURCE);

    if (cap_is_none(source))
        return false;
    const struct ring_completion made = ring_call(&rt->ring, source, MEMORY_CREATE, RING_ARGS(bytes), NULL);
    if (!ring_completed(&made))
        return false;
    const struct ring_completion mapped = ring_call(&rt->ring, made.cap, MEMORY_MAP, RING_ARGS(1), NULL);
    if (!ring_completed(&mapped)) {
        (void)ring_release(&rt->ring, made.cap);
        return false;
    }
    *out = (struct rt_memory){made.cap, (uint8_t *)(uintptr_t)mapped.value, bytes};
    return true;
}

void rt_memory_drop(struct rt *rt, struct rt_memory *memory)
{
    (void)ring_call(&rt->ring, memory->cap, MEMORY_UNMAP, NULL, NULL);
    (void)ring_release(&rt->ring, memory->cap);
    *memory = (struct rt_memory){0};
}

bool rt_write(struct rt *rt, const char *bytes, size_t count)
{
    if (!rt->mute && rt->text.at == NULL && !rt_memory_make(rt, RING_PAGE_BYTES, &rt->text))
        rt->mute = true;
    while (!rt->mute && count > 0) {
        const uint32_t part = count < rt->text.bytes ? (uint32_t)count : rt->text.bytes;
        const struct ring_extra range = ring_range(rt->text.cap, 0, part);

        memcpy(rt->text.at, bytes, part);
        const struct ring_completion done = ring_call(&rt->ring, rt->console, SERIAL_WRITE, NULL, &range);
        if (!ring_completed(&done) || done.value == 0 || done.value > part)
            return false;
        bytes += done.value;
        count -= (size_t)done.value;
    }
    return !rt->mute;
}

bool rt_print(struct rt *rt, const char *text)
{
    return rt_write(rt, text, length_of(text));
}

bool rt_print_line(struct rt *rt, const char *who, const char *what)
{
    char line[RT_LINE_BYTES];
    size_t used = 0;

    for (; *who != '\0' && used < sizeof line - 1u; who++)
        line[used++] = *who;
    for (; *what != '\0' && used < sizeof line - 1u; what++)
        line[used++] = *what;
    line[used++] = '\n';
    return rt_write(rt, line, used);
}
