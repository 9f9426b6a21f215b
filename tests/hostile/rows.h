/* SPDX-License-Identifier: BSD-2-Clause */
/* The lines that the attacking program must say, made of attacks.def. */
#ifndef CAPOS_TESTS_HOSTILE_ROWS_H
#define CAPOS_TESTS_HOSTILE_ROWS_H

#include <stdbool.h>
#include <stddef.h>

size_t hostile_rows(void);
/* Row `at`, without the end of the line; `machine`: as it is due there, else in the simulator. */
void hostile_row(size_t at, bool machine, char *out, size_t bytes);
/* How many rows `text` does not hold, or holds twice; each is named on `out` (a FILE), if not NULL. Lines
 * that are no rows of attacks.def count as well. */
size_t hostile_judge(const char *text, bool machine, void *out);

#endif
