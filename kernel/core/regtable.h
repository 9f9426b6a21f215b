/* SPDX-License-Identifier: BSD-2-Clause */
/* The check of register tables, for the boot package and for the device authority. */
#ifndef CAPOS_KERNEL_CORE_REGTABLE_H
#define CAPOS_KERNEL_CORE_REGTABLE_H

#include <stdbool.h>

#include "abi/regtable.h"

/* Rows and steps are read as far as the table's counts go. */
bool regtable_check(const struct reg_table *table);

#endif
