/* SPDX-License-Identifier: BSD-2-Clause */
/* What things cost: measured on one pinned core, medians, and as ratios between things measured in turns in
 * one run. Absolute figures of a shared machine say little; ratios say more. */
#ifndef CAPOS_SIM_BENCH_H
#define CAPOS_SIM_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_ROWS_MAX 64u

struct bench_row {
    char name[72];
    const char *unit;     /* "ns/frame", "lives/s", ... */
    double got;
    double asked;         /* 0: nothing was asked */
    bool lower_is_better;
    double cycles;        /* TSC cycles beside ns; 0: none */
    const char *limit;    /* what limits it, constant text; NULL: not said */
};

struct bench {
    double tsc_per_ns;
    uint64_t tsc_overhead; /* cycles of an empty measurement */
    bool quick;            /* a tenth of the work: for the test of the bench */
    struct bench_row rows[BENCH_ROWS_MAX];
    size_t row_count;
};

static inline uint64_t bench_tsc(void)
{
    uint32_t low, high;
    /* lfence on both sides: nothing measured leaks out of the interval (Intel SDM 2B, RDTSC) */
    __asm__ volatile("lfence\n\trdtsc\n\tlfence" : "=a"(low), "=d"(high) : : "memory");
    return (uint64_t)high << 32 | low;
}

/* Sorts. */
double bench_median(double *samples, size_t count);
struct bench_row *bench_add(struct bench *b, const char *name, const char *unit, double got);

/* Each adds its rows. False: it could not run, and said why on standard error. */
bool bench_frames(struct bench *b);
bool bench_pairs(struct bench *b);
bool bench_lives(struct bench *b);

#endif
