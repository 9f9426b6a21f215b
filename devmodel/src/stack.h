/* SPDX-License-Identifier: BSD-2-Clause */
/* Return addresses of the caller by frame pointers: cheap enough to take at each change of owner. */
#ifndef DM_STACK_H
#define DM_STACK_H

#include <stddef.h>
#include <stdint.h>

struct dm_stack_bounds {
    uintptr_t low, high; /* the creating thread's stack */
};

struct dm_stack_bounds dm_stack_bounds_here(void);
/* Writes at most `depth` return addresses, innermost first, NULL in the places that stay free. Reads nothing
 * outside the stack that it runs on: on a stack other than the one of `bounds` it stays inside the page of
 * its own frame. */
void dm_stack_take(const struct dm_stack_bounds *bounds, void **out, size_t depth);

#endif
