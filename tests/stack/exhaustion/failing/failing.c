/* SPDX-License-Identifier: BSD-2-Clause */
/* Between lwIP and its own allocators, in a netd of this test: the allocations that the plan names fail. The
 * test finds the plan by its mark in the program's memory and writes it. Timers are not among them: lwIP has
 * a fixed number and a place for each. */
#include <stdbool.h>

#include "lwip/mem.h"
#include "lwip/memp.h"
#include "tests/stack/exhaustion/failing/failing.h"

void *failing_pool(memp_t type);
void *failing_heap(mem_size_t size);

struct failing_plan failing_plan = {.mark = FAILING_MARK};

static bool fails(void)
{
    const uint64_t number = ++failing_plan.asked;

    if (number < failing_plan.first || number - failing_plan.first >= failing_plan.count)
        return false;
    failing_plan.failed++;
    return true;
}

void *failing_pool(memp_t type)
{
    return type != MEMP_SYS_TIMEOUT && fails() ? NULL : memp_malloc(type);
}

void *failing_heap(mem_size_t size)
{
    return fails() ? NULL : mem_malloc(size);
}
