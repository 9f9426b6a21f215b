/* SPDX-License-Identifier: BSD-2-Clause */
/* What an exploration came to: a table for people, an object for programs (explore.schema.json). */
#ifndef CAPOS_EXPLORE_REPORT_H
#define CAPOS_EXPLORE_REPORT_H

#include <stdio.h>

#include "sim/explore/pool.h"

struct xp_report {
    const struct xp_jobs *jobs;
    const size_t *chosen; /* into jobs */
    size_t count;
    const struct xp_outcome *outcomes; /* one a chosen job */
    const struct xp_options *options;
    const char *object; /* hash of the provider object that was explored */
    bool interrupted;
    double seconds; /* by the clock on the wall */
};

/* Nothing broken, every job closed or at the bound that it is to reach. */
bool xp_report_holds(const struct xp_report *r);
void xp_report_table(const struct xp_report *r, FILE *out);
void xp_report_json(const struct xp_report *r, FILE *out);
/* A string of JSON, with its quotes. */
void xp_json_text(FILE *out, const char *text);

#endif
