/* SPDX-License-Identifier: BSD-2-Clause */
/* What the files of this folder share: one command and its answer, the process, the message area. */
#ifndef CAPOS_PLATFORM_QTEST_PARTS_H
#define CAPOS_PLATFORM_QTEST_PARTS_H

#include "platform/qtest/platform_qtest.h"

#define QTEST_ANSWER_SECONDS_MAX 10
/* Where park.S says that firmware is done, and what. */
#define PARK_SEEN 0x00200000u
#define PARK_WORD 0x6b726170u
/* One word a route, below the DMA region: a message is a memory write (PCI 3.0, 6.8), so this is where it
 * shows. */
#define QTEST_MSI_BASE 0x00300000u
#define QTEST_MSI_DATA 0x4d534900u /* plus the route: never 0 */

/* Sends one command line and returns the value of its answer; all ones after a failure. */
uint64_t qtest_command(struct platform *p, const char *format, ...) __attribute__((format(printf, 2, 3)));
void qtest_fail(struct platform *p, const char *why);
/* Starts QEMU with one end of a socket pair and the RAM descriptor. NULL on success. */
const char *qtest_spawn(struct platform *p, const struct platform_qtest_config *config);
/* Kills and reaps; true when it had ended by itself before. */
bool qtest_ended(struct platform *p);

#endif
