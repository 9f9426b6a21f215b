/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/support/booted.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/program_source.h"

void booted_open(struct booted *b, const struct sim_world_config *config, const char *package)
{
    struct package_place place;
    FILE *in = fopen(package, "rb");

    memset(b, 0, sizeof *b);
    b->params = (struct boot_params){.mode = BOOT_MODE_SERVE, .exchanges = BOOT_EXCHANGES_DEFAULT};
    cr_assert_not_null(in, "%s", package);
    b->k = calloc(1, sizeof *b->k);
    cr_assert_not_null(b->k);
    cr_assert_null(sim_world_open(&b->world, config));
    b->package.bytes = PACKAGE_BYTES_MAX;
    b->package.base = sim_region_map(b->package.bytes);
    cr_assert_not_null(b->package.base);
    b->package_bytes = fread(b->package.base, 1, PACKAGE_BYTES_MAX, in);
    fclose(in);
    cr_assert_eq(package_check(b->package.base, b->package_bytes, &b->k->package, &place), PACKAGE_OK);
}

static struct sim_processor *open_processor(struct booted *b, bool isolate)
{
    const struct platform_memory_region memory = platform_memory_region(&b->world.platform);
    const struct platform_dma_region dma = platform_dma_region(&b->world.platform);
    const struct sim_processor_config config = {
        .regions = {{memory.cpu, memory.bytes}, {dma.cpu, dma.bytes}, b->package},
        .region_count = 3,
        .isolate = isolate,
        .source = sim_linked};
    struct sim_processor *processor = sim_processor_open(&config);

    cr_assert_not_null(processor);
    return processor;
}

int booted_boot(struct booted *b, const char *line)
{
    struct sim_processor *processor = open_processor(b, false);
    const struct processor programs = sim_processor_ops(processor);
    const struct kernel_boot boot = {.platform = &b->world.platform,
                                     .command_line = line,
                                     .command_line_bytes = strlen(line),
                                     .run_block = b->run_block,
                                     .line_open = b->run_block != NULL,
                                     .package = b->package.base,
                                     .package_bytes = b->package_bytes,
                                     .processor = &programs};
    const int status = kernel_main(b->k, &boot);

    sim_processor_close(processor);
    return status;
}

/* What userland is set up with; the processor must live as long as it. */
static void set_up(struct booted *b, bool isolate,
                   void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out))
{
    static const uint8_t key[32];
    static const uint8_t boot[8];

    b->processor = open_processor(b, isolate);
    b->inner = sim_processor_ops(b->processor);
    b->watched = *b->inner.ops;
    if (run != NULL)
        b->watched.run = run;
    kernel_init(&b->k->kernel, &b->world.platform);
    kernel_scan(&b->k->kernel);
    console_init(&b->out, &b->world.platform);
    evidence_begin(&b->k->evidence, &b->out, key, boot);
}

static const char *with_setup(struct booted *b,
                              const char *(*begin)(struct userland *u, const struct userland_setup *setup))
{
    const struct processor watched = {&b->watched, b->inner.ctx};
    const struct userland_setup setup = {.kernel = &b->k->kernel,
                                         .platform = &b->world.platform,
                                         .evidence = &b->k->evidence,
                                         .console = &b->out,
                                         .processor = &watched,
                                         .package = &b->k->package,
                                         .params = &b->params};

    return begin(&b->k->userland, &setup);
}

const char *booted_begin(struct booted *b, bool isolate,
                         void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out))
{
    set_up(b, isolate, run);
    return with_setup(b, userland_begin);
}

const char *booted_end(struct booted *b)
{
    const char *left = userland_end(&b->k->userland);

    sim_processor_close(b->processor);
    return left;
}

const char *booted_run(struct booted *b, bool isolate,
                       void (*run)(void *ctx, uint16_t space, uint32_t result, struct processor_stop *out))
{
    set_up(b, isolate, run);
    const char *failed = with_setup(b, userland_run);
    sim_processor_close(b->processor);
    return failed;
}

void booted_close(struct booted *b)
{
    sim_world_close(&b->world);
    sim_region_unmap(b->package);
    free(b->k);
}

void booted_keep(char *to, size_t room, size_t *used, const char *text, size_t bytes)
{
    cr_assert_lt(*used + bytes, room);
    memcpy(to + *used, text, bytes);
    *used += bytes;
    to[*used] = 0;
}
