/* SPDX-License-Identifier: BSD-2-Clause */
/* The explorer's command line: parsed whole before anything is done. */
#ifndef CAPOS_EXPLORE_OPTIONS_H
#define CAPOS_EXPLORE_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define XP_PATTERNS_MAX 32u
#define XP_WORKERS_MAX  256u

enum xp_options_result { XP_OPTIONS_RUN = 0, XP_OPTIONS_HELP, XP_OPTIONS_USAGE };

struct xp_options {
    const char *world; /* NULL: all */
    const char *patterns[XP_PATTERNS_MAX]; /* a run, a job or a pattern of jobs; none: all */
    size_t pattern_count;
    uint32_t workers; /* processes */
    uint64_t memory_bytes; /* of all workers together */
    bool deep, list, json, verbose, strict;
    const char *replay; /* NULL: explore */
    const char *driver; /* folder of a brought driver, as it was typed; NULL: the provider's jobs */
    const char *driver_object; /* what the front door made of it */
    const char *run_dir; /* made when something is written into it */
    const char *commit;
};

/* Prints help to stdout, or one line about what is wrong to stderr. */
enum xp_options_result xp_options_parse(struct xp_options *o, int argc, char **argv);
/* One line to stderr, with `value` when it is not NULL. Returns XP_OPTIONS_USAGE. */
enum xp_options_result xp_options_usage(const char *what, const char *value);

#endif
