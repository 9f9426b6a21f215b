/* SPDX-License-Identifier: BSD-2-Clause */
/* A platform that only records what is written to its two ports. */
#ifndef CAPOS_TESTS_EVIDENCE_RECORDER_H
#define CAPOS_TESTS_EVIDENCE_RECORDER_H

#include <stddef.h>

#include "platform/platform.h"

#define RECORD_BYTES_MAX 65536u

struct platform {
    char text[3][RECORD_BYTES_MAX]; /* by port; ends with a zero byte */
    size_t bytes[3];
    unsigned writes[3];
};

#endif
