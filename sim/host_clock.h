/* SPDX-License-Identifier: BSD-2-Clause */
/* The host's clock that never goes back, for what takes place on the host: runs that people use, benches. A
 * run that is to be made again may not look at it. */
#ifndef CAPOS_SIM_HOST_CLOCK_H
#define CAPOS_SIM_HOST_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "abi/assert.h"

/* Nanoseconds since some time before the program began. */
static inline uint64_t host_clock_ns(void)
{
    struct timespec at;

    ASSERT(clock_gettime(CLOCK_MONOTONIC, &at) == 0);
    return (uint64_t)at.tv_sec * 1000000000u + (uint64_t)at.tv_nsec;
}

#endif
