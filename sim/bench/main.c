/* SPDX-License-Identifier: BSD-2-Clause */
/* capos bench: runs the measurements, prints asked, got, ratio and what limits it; as JSON on request. */
#include <getopt.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "sim/bench/bench.h"
#include "sim/host_clock.h"

#define CALIBRATE_NS    50000000u
#define OVERHEAD_ROUNDS 1001u

static const char help[] =
    "capos bench: cost a frame, ARP pairs against direct injection, a driver's lives a second;\n"
    "what processes, the network and the web cost, in the simulator and in QEMU; the disk image, a disk,\n"
    "exploring\n"
    "\n"
    "  --only frames|pairs|lives|programs|network|image|disk|web|explore   one group\n"
    "  --peers   a Debian guest beside ours: its pktgen, its start, its TCP, nginx in it\n"
    "  --quick   a tenth of the work\n"
    "  --json    JSON: one object, with the keys host, machine (in QEMU), programs,\n"
    "            network, image, disk, web, explore\n"
    "  --help    this text\n"
    "\n"
    "One pinned core, medians. A missed aim is printed, never an exit status;\n"
    "1 means that something could not run.\n";

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a;
    double y = *(const double *)b;
    return x < y ? -1 : x > y;
}

double bench_median(double *samples, size_t count)
{
    if (count == 0)
        return 0;
    qsort(samples, count, sizeof *samples, by_value);
    return samples[count / 2];
}

struct bench_row *bench_add(struct bench *b, const char *name, const char *unit, double got)
{
    if (b->row_count == BENCH_ROWS_MAX)
        abort();
    struct bench_row *row = &b->rows[b->row_count++];
    snprintf(row->name, sizeof row->name, "%s", name);
    row->unit = unit;
    row->got = got;
    return row;
}

static void calibrate(struct bench *b)
{
    double samples[OVERHEAD_ROUNDS];
    uint64_t start_ns = host_clock_ns();
    uint64_t start = bench_tsc();
    while (host_clock_ns() - start_ns < CALIBRATE_NS)
        ;
    b->tsc_per_ns = (double)(bench_tsc() - start) / (double)(host_clock_ns() - start_ns);
    for (uint32_t i = 0; i < OVERHEAD_ROUNDS; i++) {
        uint64_t at = bench_tsc();
        samples[i] = (double)(bench_tsc() - at);
    }
    b->tsc_overhead = (uint64_t)bench_median(samples, OVERHEAD_ROUNDS);
}

static int pin(void)
{
    cpu_set_t all;
    cpu_set_t one;
    CPU_ZERO(&one);
    if (sched_getaffinity(0, sizeof all, &all) != 0)
        return -1;
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &all))
            continue;
        CPU_SET(cpu, &one);
        return sched_setaffinity(0, sizeof one, &one) == 0 ? (int)cpu : -1;
    }
    return -1;
}

static double ratio(const struct bench_row *r)
{
    return r->asked > 0 ? r->got / r->asked : 0;
}

static void print_text(const struct bench *b, int cpu)
{
    printf("one core (%d), %.2f TSC cycles a ns, medians; ratio is got / asked\n\n", cpu, b->tsc_per_ns);
    printf("%-52s %10s %10s %6s  %s\n", "what", "asked", "got", "ratio", "unit");
    for (size_t i = 0; i < b->row_count; i++) {
        const struct bench_row *r = &b->rows[i];
        printf("%-52s ", r->name);
        if (r->asked > 0)
            printf("%10.0f %10.1f %6.2f  %s", r->asked, r->got, ratio(r), r->unit);
        else
            printf("%10s %10.1f %6s  %s", "-", r->got, "-", r->unit);
        if (r->cycles > 0)
            printf(" = %.1f ns", r->cycles / b->tsc_per_ns);
        bool missed = r->asked > 0 && (r->lower_is_better ? r->got > r->asked : r->got < r->asked);
        if (missed && r->limit)
            printf("; limited by: %s", r->limit);
        putchar('\n');
    }
}

static void print_json(const struct bench *b)
{
    printf("{\"tsc_per_ns\":%.3f,\"rows\":[", b->tsc_per_ns);
    for (size_t i = 0; i < b->row_count; i++) {
        const struct bench_row *r = &b->rows[i];
        printf("%s{\"name\":\"%s\",\"unit\":\"%s\",\"got\":%.3f", i ? "," : "", r->name, r->unit, r->got);
        if (r->asked > 0)
            printf(",\"asked\":%.1f,\"ratio\":%.3f", r->asked, ratio(r));
        if (r->cycles > 0)
            printf(",\"ns\":%.2f", r->cycles / b->tsc_per_ns);
        putchar('}');
    }
    puts("]}");
}

/* 1: all ran, 0: one could not, -1: no such group. */
static int run_groups(struct bench *b, const char *only)
{
    static const struct {
        const char *name;
        bool (*run)(struct bench *b);
    } groups[] = {{"frames", bench_frames}, {"pairs", bench_pairs}, {"lives", bench_lives}};
    int result = -1;
    for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
        if (only && strcmp(only, groups[i].name) != 0)
            continue;
        bool ran = groups[i].run(b);
        result = result == 0 || !ran ? 0 : 1;
    }
    return result;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"quick", no_argument, NULL, 'q'}, {"json", no_argument, NULL, 'j'},
        {"peers", no_argument, NULL, 'p'}, {"only", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},  {NULL, 0, NULL, 0}};
    static struct bench b;
    const char *only = NULL;
    bool json = false;
    for (int code; (code = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (code == 'h') {
            fputs(help, stdout);
            return 0;
        }
        if (code == '?')
            return 2;
        b.quick |= code == 'q';
        json |= code == 'j';
        only = code == 'o' ? optarg : only;
    }
    if (optind < argc) {
        fprintf(stderr, "capos bench: no argument is taken: %s; see ./capos bench --help\n", argv[optind]);
        return 2;
    }
    int cpu = pin();
    calibrate(&b);
    int whole = run_groups(&b, only);
    if (whole < 0) {
        fprintf(stderr, "capos bench: unknown group: %s; see ./capos bench --help\n", only);
        return 2;
    }
    if (json)
        print_json(&b);
    else
        print_text(&b, cpu);
    return whole ? 0 : 1;
}
