/* SPDX-License-Identifier: BSD-2-Clause */
/* The device authority over ring calls: what the provider's brokered transport stands on inside a program. */
#ifndef CAPOS_USER_RT_DEVICE_H
#define CAPOS_USER_RT_DEVICE_H

#include "abi/device.h"
#include "user/rt/rt.h"

#define RT_DEVICE_TABLES_MAX 5u

/* A register table of the program's, and its number in the boot package, where the kernel reads it. */
struct rt_device_table {
    const struct reg_table *table;
    uint16_t number;
};

struct rt_device {
    struct rt *rt;
    cap_id function; /* CAP_IF_FUNCTION that `claim` claims; CAP_NONE: none is held */
    struct rt_memory share; /* batches, windows, the scan record: handed over as ranges of it */
    struct rt_device_table tables[RT_DEVICE_TABLES_MAX];
    uint32_t table_count;
    uint64_t refused; /* replies that were no success */
};

/* False: no memory for the share; nothing is held. `function` may be CAP_NONE. `d` outlives the authority. */
bool rt_device_init(struct rt_device *d, struct rt *rt, cap_id function);
/* Before open_registers of that table. */
void rt_device_table(struct rt_device *d, const struct reg_table *table, uint16_t number);
/* Operations as in abi/device.h, with these differences: `claim` looks at no bdf, the function is the one
 * held; a transport error, which no operation should meet, is CAP_EX_STALE where the object died under the
 * call and CAP_EX_INVALID otherwise; open_registers of a table that was not named is DEV_E_TABLE. */
struct device_authority rt_device_authority(struct rt_device *d);

#endif
