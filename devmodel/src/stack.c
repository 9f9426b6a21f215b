/* SPDX-License-Identifier: BSD-2-Clause */
/* Walks frame pointers. Trusts only that the stack between its own frame and the stack's end is mapped: code
 * built without frame pointers may leave anything in the chain, so each link is checked before it is
 * followed. */
#include "stack.h"

#include <pthread.h>
#include <stdbool.h>

#define PAGE_BYTES 4096u

struct dm_stack_bounds dm_stack_bounds_here(void)
{
    struct dm_stack_bounds bounds = {0, 0};
    pthread_attr_t attributes;
    if (pthread_getattr_np(pthread_self(), &attributes) != 0)
        return bounds;
    void *low = NULL;
    size_t bytes = 0;
    if (pthread_attr_getstack(&attributes, &low, &bytes) == 0) {
        bounds.low = (uintptr_t)low;
        bounds.high = (uintptr_t)low + bytes;
    }
    pthread_attr_destroy(&attributes);
    return bounds;
}

/* The walk reads frames as raw words: not a matter for the address sanitizer. */
__attribute__((noinline, no_sanitize("address"))) void dm_stack_take(const struct dm_stack_bounds *bounds,
                                                                     void **out, size_t depth)
{
    uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
    uintptr_t low = frame;
    uintptr_t high = bounds->high;
    if (frame < bounds->low || frame >= bounds->high)
        high = (frame & ~(uintptr_t)(PAGE_BYTES - 1u)) + PAGE_BYTES;
    size_t n = 0;
    while (n < depth) {
        bool readable = frame >= low && frame % sizeof(uintptr_t) == 0 && frame < high &&
                        high - frame >= 2 * sizeof(uintptr_t);
        if (!readable)
            break;
        const uintptr_t *words = (const uintptr_t *)frame;
        uintptr_t next = words[0];
        uintptr_t back = words[1];
        if (back == 0)
            break;
        out[n++] = (void *)back;
        low = frame + 2 * sizeof(uintptr_t); /* a caller's frame lies above: the chain cannot turn back */
        frame = next;
    }
    while (n < depth)
        out[n++] = NULL;
}
