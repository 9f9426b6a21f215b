/* SPDX-License-Identifier: BSD-2-Clause */
/* A measuring package in the simulator. capos-bench-programs PACKAGE TYPED...: boots it, types each line
 * when the one before it is done, and prints how long each took in processor time, `COUNT NANOSECONDS` a
 * line. The first line of the output is the boot: nanoseconds from the first instruction to the first word of
 * init, and to the link that the measuring program sees. Trusts what the package says of counts.
 *
 * capos-bench-programs --stream COUNT PACKAGE: boots it, a client on the wire sends so many full segments to
 * the port that takes (9), and `COUNT NANOSECONDS` is from the first that was acknowledged to the last. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernel/main.h"
#include "sim/processor.h"
#include "sim/world.h"

#define PROGRAMS_BYTES (32u << 20)
#define LINE_BYTES     128u
#define SEGMENT_BYTES  1460u
#define TAKES          9u /* port */
#define STREAM_NS      1000000000u /* after the machine's start: there is a lease, and a listener */

struct run {
    struct sim_world world;
    struct kernel_storage kernel;
    struct sim_region package;
    size_t package_bytes;
    char **typed; /* what is still to be typed */
    int left;
    size_t typed_bytes; /* of the first of them */
    bool due; /* it may be typed now */
    bool failed;
    char line[LINE_BYTES]; /* of the console, as far as it came */
    size_t line_bytes;
    uint64_t booted_ns, init_ns, begun_ns;
    uint32_t segments; /* of the stream; 0: lines are typed */
    bool ended;
};

/* Of this process alone: other load of the host does not count. */
static uint64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static bool begins_with(const char *line, const char *with)
{
    return strncmp(line, with, strlen(with)) == 0;
}

/* Where a job begins and where it is done: who counts instructions splits its counts here. */
__attribute__((noinline)) static void bench_mark(void)
{
    __asm__ volatile("" ::: "memory");
}

/* A whole line of the console. */
static void said(struct run *r, const char *line)
{
    const uint64_t now = now_ns();
    if (begins_with(line, "bench: begins=") || begins_with(line, "bench: done="))
        bench_mark();
    if (begins_with(line, "init: ") && r->init_ns == 0)
        r->init_ns = now;
    if (begins_with(line, "bench: begins="))
        r->begun_ns = now;
    if (begins_with(line, "bench: link=1")) {
        printf("%llu %llu\n", (unsigned long long)(r->init_ns - r->booted_ns),
               (unsigned long long)(now - r->booted_ns));
        r->due = true;
    } else if (begins_with(line, "bench: done=")) {
        printf("%s %llu\n", line + strlen("bench: done="), (unsigned long long)(now - r->begun_ns));
        r->due = true;
    } else if (begins_with(line, "bench: failed") || begins_with(line, "bench: unknown") ||
               begins_with(line, "bench: link=0") || begins_with(line, "init: bench ")) {
        if (strstr(line, "runs as process") == NULL) {
            fprintf(stderr, "capos bench: %s\n", line);
            r->failed = true;
        }
    }
}

static void console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    struct run *r = ctx;
    for (size_t i = 0; port == CONSOLE_MAIN && i < bytes; i++) {
        if (text[i] == '\n') {
            r->line[r->line_bytes] = '\0';
            r->line_bytes = 0;
            said(r, r->line);
        } else if (r->line_bytes + 1 < sizeof r->line) {
            r->line[r->line_bytes++] = text[i];
        }
    }
}

static size_t console_read(void *ctx, enum platform_console port, char *buffer, size_t bytes)
{
    struct run *r = ctx;
    size_t got = 0;
    if (port != CONSOLE_MAIN || !r->due || r->left == 0)
        return 0;
    for (; got < bytes && r->typed[0][r->typed_bytes] != '\0'; got++)
        buffer[got] = r->typed[0][r->typed_bytes++];
    if (got == bytes)
        return got;
    buffer[got++] = '\n';
    r->typed++;
    r->left--;
    r->typed_bytes = 0;
    r->due = false;
    return got;
}

static void zeros(void *ctx, uint32_t number, uint64_t offset, uint8_t *out, uint32_t bytes)
{
    (void)ctx, (void)number, (void)offset;
    memset(out, 0, bytes);
}

/* Looks how far the stream is. */
static void watch(struct run *r)
{
    const struct dm_client_report seen = dm_client_report(r->world.client, 0);
    if (seen.acknowledged > 0 && r->begun_ns == 0) {
        bench_mark();
        r->begun_ns = now_ns();
    }
    if (seen.acknowledged == (uint64_t)r->segments * SEGMENT_BYTES && !r->ended) {
        bench_mark();
        printf("%u %llu\n", r->segments, (unsigned long long)(now_ns() - r->begun_ns));
        r->ended = true;
    } else if (seen.state > DM_CLIENT_DONE && !r->ended) {
        fprintf(stderr, "capos bench: the stream ended in state %d\n", (int)seen.state);
        r->failed = true;
    }
}

static int end_requested(void *ctx)
{
    struct run *r = ctx;
    if (r->segments > 0)
        watch(r);
    return r->failed || r->ended || (r->due && r->left == 0);
}

static bool load(struct run *r, const char *path)
{
    FILE *in = fopen(path, "rb");
    r->package.bytes = PACKAGE_BYTES_MAX;
    r->package.base = sim_region_map(r->package.bytes);
    if (in && r->package.base)
        r->package_bytes = fread(r->package.base, 1, r->package.bytes, in);
    if (in)
        fclose(in);
    return r->package_bytes > 0;
}

static const char *open_world(struct run *r)
{
    struct sim_world_config config = sim_world_defaults(DM_MODERN);
    config.nics[0].backend = SIM_BACKEND_SCRIPT;
    config.programs_bytes = PROGRAMS_BYTES;
    config.ledger = false;
    config.traced = false;
    config.console_ctx = r;
    config.console = console;
    config.console_read = console_read;
    config.end_requested = end_requested;
    if (r->segments > 0)
        config.nics[0].client_fill = zeros;
    const char *why = sim_world_open(&r->world, &config);
    const struct dm_client_connection stream = {
        .port = TAKES, .start_ns = STREAM_NS, .send_bytes = (uint64_t)r->segments * SEGMENT_BYTES};
    if (!why && r->segments > 0 && dm_client_start(r->world.client, &stream) != 0)
        why = "no client";
    return why;
}

static int boot(struct run *r)
{
    static const char line[] = "mode=serve boot=0000000000000000 commit=bench "
                               "chain_key=0000000000000000000000000000000000000000000000000000000000000000";
    const struct platform_memory_region memory = platform_memory_region(&r->world.platform);
    const struct platform_dma_region dma = platform_dma_region(&r->world.platform);
    const struct sim_processor_config config = {
        .regions = {{memory.cpu, memory.bytes}, {dma.cpu, dma.bytes}, r->package}, .region_count = 3};
    struct sim_processor *programs = sim_processor_open(&config);
    if (!programs)
        return 1;
    const struct processor processor = sim_processor_ops(programs);
    const struct kernel_boot kernel = {.platform = &r->world.platform,
                                       .command_line = line,
                                       .command_line_bytes = sizeof line - 1,
                                       .package = r->package.base,
                                       .package_bytes = r->package_bytes,
                                       .processor = &processor};
    r->booted_ns = now_ns();
    const int status = kernel_main(&r->kernel, &kernel);
    sim_processor_close(programs);
    return status;
}

int main(int argc, char **argv)
{
    static struct run r;
    if (argc > 2 && strcmp(argv[1], "--stream") == 0) {
        r.segments = (uint32_t)strtoul(argv[2], NULL, 10);
        argv += 2;
        argc -= 2;
    }
    if (argc < 2 || (r.segments > 0 && argc > 2)) {
        fprintf(stderr, "usage: capos-bench-programs [--stream COUNT] PACKAGE [TYPED ...]\n");
        return 2;
    }
    r.typed = argv + 2;
    r.left = argc - 2;
    const char *why = load(&r, argv[1]) ? open_world(&r) : "the package cannot be read";
    if (why) {
        fprintf(stderr, "capos bench: %s\n", why);
        return 1;
    }
    const int status = boot(&r);
    sim_world_close(&r.world);
    sim_region_unmap(r.package);
    return status != 0 || r.failed || r.left > 0;
}
