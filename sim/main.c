/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's program: makes a world, boots the kernel in it, judges what the world saw, leaves a run
 * folder. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <unistd.h>

#include "evidence/text.h"
#include "kernel/core/digest.h"
#include "kernel/main.h"
#include "sim/console.h"
#include "sim/forwards.h"
#include "sim/host_clock.h"
#include "sim/medium.h"
#include "sim/options.h"
#include "sim/processor.h"
#include "sim/report.h"
#include "sim/world.h"

#define EXIT_HOLDS       0
#define EXIT_FAILED      1
#define EXIT_USAGE       2
#define EXIT_MISSING     3
#define EXIT_REFUSED     4
#define EXIT_INTERRUPTED 130
#define PROGRAMS_BYTES   (32u << 20) /* memory of programs */
#define NONCE_STREAM     0x6e6f6e6365u /* of the seed: its own */
#define SERVE_TURN_NS    1000000u /* of virtual time a turn, where a run that stays up is scripted */

struct run {
    struct sim_options options;
    struct sim_console console;
    struct sim_forwards forwards;
    struct sim_knock knock;
    struct sim_medium medium;
    struct sim_world world;
    struct kernel_storage *kernel;
    struct sim_replay_header header;
    char nonce[2 * BOOT_NONCE_BYTES + 1]; /* of a run on Compute Engine's network; empty: another one */
    struct sim_region package; /* page-aligned */
    size_t package_bytes;
    char provider_object[sizeof "sha256:" + 2 * DIGEST_BYTES]; /* of its first program that has one */
    struct sim_processor *programs;
    struct processor processor;
};

static int refuse(const char *what, const char *detail)
{
    fprintf(stderr, "capos sim: %s: %s\n", what, detail);
    return EXIT_REFUSED;
}

/* The key of the evidence chain as 64 hex digits: from the file, or from the run's generator. */
static const char *read_key(struct run *r, char hex[65])
{
    if (!r->options.key_file) {
        uint8_t key[32];
        struct sim_prng g;
        sim_prng_seed(&g, r->options.seed ^ 0x6b6579u);
        sim_prng_fill(&g, key, sizeof key);
        for (size_t i = 0; i < sizeof key; i++)
            snprintf(hex + 2 * i, 3, "%02x", key[i]);
        return NULL;
    }
    FILE *in = fopen(r->options.key_file, "r");
    if (!in)
        return strerror(errno);
    size_t got = fread(hex, 1, 64, in);
    fclose(in);
    hex[got] = 0;
    return got == 64 && strspn(hex, "0123456789abcdef") == 64 ? NULL : "the key is 64 hex digits";
}

/* How large the terminal is that the console goes to, where it is one. */
static const char *terminal_words(const struct run *r, char *out, size_t bytes)
{
    struct winsize size;

    out[0] = 0;
    if (!r->options.proof && !r->options.seeded && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 &&
        size.ws_col >= BOOT_COLUMNS_MIN && size.ws_col <= BOOT_SIZE_MAX && size.ws_row >= BOOT_ROWS_MIN &&
        size.ws_row <= BOOT_SIZE_MAX)
        snprintf(out, bytes, " columns=%u rows=%u", size.ws_col, size.ws_row);
    return out;
}

/* Of the host's randomness, or of the seed in a run that can be made again. */
static const char *draw_nonce(struct run *r)
{
    uint8_t nonce[BOOT_NONCE_BYTES];
    struct sim_prng g;

    if (r->options.backend != SIM_BACKEND_VPC)
        return NULL;
    sim_prng_seed(&g, r->options.seed ^ NONCE_STREAM);
    sim_prng_fill(&g, nonce, sizeof nonce);
    if (!r->options.seeded && getrandom(nonce, sizeof nonce, 0) != sizeof nonce)
        return "the host has no randomness";
    for (size_t i = 0; i < sizeof nonce; i++)
        snprintf(r->nonce + 2 * i, 3, "%02x", nonce[i]);
    return NULL;
}

static const char *command_line(struct run *r, char *out, size_t bytes)
{
    char key[65];
    char boot[17];
    char size[40];
    char network[64] = "";
    char web[BOOT_HOSTS_BYTES] = "", probe[sizeof " probe=" + 2 * BOOT_NONCE_BYTES] = "";
    const char *why = read_key(r, key);
    if (why)
        return why;
    snprintf(boot, sizeof boot, "%016llx", (unsigned long long)r->options.seed);
    if (r->nonce[0] != 0)
        snprintf(network, sizeof network, " network=vpc nonce=%s", r->nonce);
    if (sim_forwards_web(&r->forwards) != 0)
        snprintf(web, sizeof web, " hosts=127.0.0.1:%u,localhost:%u", sim_forwards_web(&r->forwards),
                 sim_forwards_web(&r->forwards));
    if (r->options.probe)
        snprintf(probe, sizeof probe, " probe=%s", r->options.probe);
    const int used = snprintf(
        out, bytes, "mode=%s boot=%s chain_key=%s exchanges=%u commit=%s where=simulator%s%s%s%s%s%s",
        r->options.proof ? "proof" : "serve", r->options.boot ? r->options.boot : boot, key,
        r->options.exchanges, r->options.commit, r->options.verifier ? " verifier=" : "",
        r->options.verifier ? r->options.verifier : "", terminal_words(r, size, sizeof size), network, web,
        probe);
    return used > 0 && (size_t)used < bytes ? NULL : "the boot line is too long";
}

/* The operator's secret that was drawn for this run, to whoever began it. */
static const char *show_secret(const struct run *r)
{
    char text[256];
    FILE *in = r->options.secret ? fopen(r->options.secret, "r") : NULL;
    if (!r->options.secret)
        return NULL;
    if (!in)
        return strerror(errno);
    const bool read = fgets(text, sizeof text, in) != NULL;
    fclose(in);
    if (read)
        fprintf(stderr, "operator secret: %s", text);
    explicit_bzero(text, sizeof text);
    return read ? NULL : "it is empty";
}

/* Nothing of the host is behind the NIC: a run that can be made again, or a peer that has no sockets. */
static bool scripted(const struct run *r)
{
    return r->options.backend == SIM_BACKEND_SCRIPT || r->options.replay || r->options.seeded;
}

/* People log in, and look at its clock. */
static bool lived_in(const struct run *r)
{
    return !r->options.proof && !scripted(r);
}

static void host_entropy(void *buffer, size_t bytes)
{
    ASSERT(getrandom(buffer, bytes, 0) ==
           (ssize_t)bytes); /* of up to 256 bytes it does not fail: getrandom(2) */
}

static struct sim_world_config world_config(struct run *r)
{
    struct sim_world_config c = sim_world_defaults(r->options.nic);
    c.seed = r->options.seed;
    c.entropy = lived_in(r) || r->options.probe_web ? host_entropy : NULL; /* somebody logs in */
    c.host_ns = lived_in(r) ? host_clock_ns : NULL;
    c.idle_turns = r->options.seeded;
    c.nics[0].backend = r->options.backend;
    c.nics[0].pcap = r->options.pcap;
    c.nics[0].nonce = r->nonce;
    c.nics[0].forwards = r->forwards.ports;
    if (!scripted(r) || r->options.backend == SIM_BACKEND_SLIRP) {
        c.nics[0].forward_count = r->forwards.count;
    } else if (r->options.proof && r->forwards.count > 0) {
        c.nics[0].client_fill = sim_knock_fill;
        c.nics[0].client_ctx = &r->knock;
    }
    for (unsigned q = 0; q < 2 && r->options.queue_size; q++)
        c.nics[0].model.queue_size[q] = (uint16_t)r->options.queue_size;
    c.disk = sim_disk_defaults(r->options.disk, sim_medium(&r->medium));
    c.console_ctx = &r->console;
    c.console = sim_console_write;
    c.console_read = sim_console_read;
    c.programs_bytes = PROGRAMS_BYTES;
    c.end_requested = sim_console_end_requested;
    return c;
}

/* Reads the replay file and takes over its setup: transport, backend, exchanges, queue size, seed. */
static const char *load_replay(struct run *r, struct sim_choices *choices, char *why, size_t why_bytes)
{
    char nic[16];
    char backend[16];
    char disk[16];
    FILE *in = fopen(r->options.replay, "r");
    if (!in)
        return strerror(errno);
    bool loaded = sim_choices_load(choices, &r->header, in, why, why_bytes);
    fclose(in);
    if (!loaded)
        return why;
    if (sscanf(r->header.setup, "nic=%15s backend=%15s disk=%15s exchanges=%u queue-size=%u", nic, backend,
               disk, &r->options.exchanges, &r->options.queue_size) != 5 ||
        !sim_disk_of(disk, &r->options.disk))
        return "its setup line is not one of this version";
    r->options.nic = strcmp(nic, "legacy") == 0 ? DM_LEGACY : DM_MODERN;
    r->options.backend = strcmp(backend, "script") == 0 ? SIM_BACKEND_SCRIPT
                         : strcmp(backend, "vpc") == 0  ? SIM_BACKEND_VPC
                                                        : SIM_BACKEND_SLIRP;
    r->options.seed = r->header.seed;
    r->options.seeded = true;
    r->options.proof = true;
    if (strcmp(r->header.object, r->provider_object) != 0 || strcmp(r->header.commit, r->options.commit) != 0)
        fprintf(stderr,
                "capos sim: warning: the list is from commit %s, another build; it stops where it no longer "
                "fits\n",
                r->header.commit);
    return NULL;
}

/* Names the first provider object in the package's programs: a run is named by it. */
static void name_provider(struct run *r)
{
    struct package package;
    struct package_place place;
    snprintf(r->provider_object, sizeof r->provider_object, "none");
    if (package_check(r->package.base, r->package_bytes, &package, &place) != PACKAGE_OK)
        return; /* the kernel refuses it, and says why */
    for (uint32_t i = 0; i < package.header->programs; i++) {
        uint32_t bytes = 0;
        const uint8_t *provider = package_provider(&package, package_file(&package, i, &bytes));
        if (!provider)
            continue;
        struct text t = text_over(r->provider_object, sizeof r->provider_object - 1);
        text_string(&t, "sha256:");
        text_hex_bytes(&t, provider, DIGEST_BYTES);
        r->provider_object[t.used] = 0;
        return;
    }
}

/* The package into pages of its own. */
static const char *load_package(struct run *r)
{
    FILE *in = fopen(r->options.package, "rb");
    long bytes = -1;
    if (!in)
        return strerror(errno);
    if (fseek(in, 0, SEEK_END) == 0)
        bytes = ftell(in);
    rewind(in);
    if (bytes <= 0 || (unsigned long)bytes > PACKAGE_BYTES_MAX) {
        fclose(in);
        return "not a boot package by its size";
    }
    r->package_bytes = (size_t)bytes;
    r->package.bytes = (r->package_bytes + PROCESSOR_PAGE - 1u) & ~(size_t)(PROCESSOR_PAGE - 1u);
    r->package.base = sim_region_map(r->package.bytes);
    const bool whole = r->package.base && fread(r->package.base, 1, r->package_bytes, in) == r->package_bytes;
    fclose(in);
    if (!whole)
        return "cannot be read";
    name_provider(r);
    return NULL;
}

/* What runs the package's programs. */
static const char *open_processor(struct run *r)
{
    const struct platform_memory_region memory = platform_memory_region(&r->world.platform);
    const struct platform_dma_region dma = platform_dma_region(&r->world.platform);
    const struct sim_processor_config config = {
        .regions = {{memory.cpu, memory.bytes}, {dma.cpu, dma.bytes}, r->package},
        .region_count = 3,
    };
    r->programs = sim_processor_open(&config);
    if (!r->programs)
        return "no memory";
    r->processor = sim_processor_ops(r->programs);
    return NULL;
}

/* Ports for people in a run that stays up; one for the client outside in a proof. A run that can be made
 * again has no host behind it: libslirp's sockets could not be. */
static const char *open_forwards(struct run *r)
{
    const bool proof = r->options.proof || r->options.replay; /* what is played again is a proof */
    const char *why = NULL;
    if (scripted(r) && !proof)
        return NULL;
    why = sim_forwards_find(&r->forwards, proof, r->options.probe_web, r->package.base, r->package_bytes,
                            r->options.ports, r->options.port_count);
    if (why || !proof || r->forwards.count == 0)
        return why;
    return scripted(r) || sim_knock_draw(&r->knock) ? NULL : "the host has no randomness";
}

/* The console sees when somebody can answer the client outside. */
static void set_console(struct run *r)
{
    r->console.world = &r->world;
    r->console.clock_ns = &r->world.platform.now_ns;
    r->console.forwards = r->options.proof ? NULL : &r->forwards;
    if (r->options.proof && r->forwards.count > 0) {
        r->console.knock = &r->knock;
        if (r->world.client)
            sim_knock_seed(&r->knock, r->options.seed);
        r->knock.client = r->world.client;
        r->console.knock_port =
            r->knock.client ? r->forwards.ports[0].guest_port : r->forwards.ports[0].host_port;
    }
}

static const char *open_world(struct run *r)
{
    static char why[200];
    struct sim_choices choices;
    bool replay = r->options.replay != NULL;
    if (replay) {
        const char *refused = load_replay(r, &choices, why, sizeof why);
        if (refused)
            return refused;
    }
    const char *refused = draw_nonce(r);
    struct sim_world_config config = world_config(r);
    if (!refused)
        refused = sim_world_open(&r->world, &config);
    if (refused) {
        if (replay)
            sim_choices_free(&choices);
        return refused;
    }
    if (replay) {
        sim_choices_free(&r->world.choices);
        r->world.choices = choices;
    }
    r->world.platform.turn_ns = r->options.proof ? r->world.platform.turn_ns : SERVE_TURN_NS;
    return NULL;
}

static void drop_package(struct run *r)
{
    sim_processor_close(r->programs);
    sim_region_unmap(r->package);
}

/* Tells the front door, which began this run, to begin another one. */
static void ask_again(const struct run *r)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/reboot", r->options.run_dir);
    FILE *mark = fopen(path, "w");
    if (mark)
        fclose(mark);
}

static int finish(struct run *r, int kernel_status)
{
    if (r->kernel->reboot)
        ask_again(r);
    sim_knock_poll(&r->knock); /* what came last */
    struct sim_report report;
    sim_report_make(&report, &r->options, &r->world, &r->console, r->provider_object, kernel_status,
                    sim_console_interrupted());
    if (!sim_report_write(&report, &r->options, &r->world, &r->console))
        return refuse(r->options.run_dir, "the run folder cannot be written");
    sim_report_print(&report, &r->options);
    if (sim_console_interrupted())
        return EXIT_INTERRUPTED;
    return report.holds ? EXIT_HOLDS : EXIT_FAILED;
}

int main(int argc, char **argv)
{
    static struct run r = {.knock = {.fd = -1}, .medium = {.fd = -1}};
    char line[BOOT_LINE_BYTES_MAX];
    enum sim_options_result parsed = sim_options_parse(&r.options, argc, argv);
    if (parsed != SIM_OPTIONS_RUN)
        return parsed == SIM_OPTIONS_HELP ? EXIT_HOLDS : EXIT_USAGE;
    const char *why = load_package(&r);
    if (why)
        return refuse(r.options.package, why);
    why = sim_medium_open(&r.medium, r.options.disk_file, r.package.base, r.package_bytes);
    if (why)
        return refuse(r.options.disk_file, why);
    why = open_forwards(&r);
    if (why)
        return refuse(r.options.port_count ? r.options.ports[0] : "ports", why);
    why = open_world(&r);
    if (why)
        return refuse(r.options.replay ? r.options.replay : "the world could not be made", why);
    why = command_line(&r, line, sizeof line);
    if (why)
        return refuse(r.options.key_file, why);
    why = open_processor(&r);
    if (why)
        return refuse("programs cannot run", why);
    r.kernel = calloc(1, sizeof *r.kernel);
    if (!r.kernel || !sim_console_open(&r.console, &r.options))
        return refuse(r.options.run_dir, r.kernel ? strerror(errno) : "no memory");
    set_console(&r);
    why = show_secret(&r);
    if (why)
        return refuse(r.options.secret, why);
    const struct kernel_boot boot = {.platform = &r.world.platform,
                                     .command_line = line,
                                     .command_line_bytes = strlen(line),
                                     .package = r.package.base,
                                     .package_bytes = r.package_bytes,
                                     .processor = &r.processor};
    int kernel_status = kernel_main(r.kernel, &boot);
    int status = finish(&r, kernel_status);
    sim_knock_end(&r.knock);
    sim_console_close(&r.console);
    drop_package(&r);
    sim_world_close(&r.world);
    sim_medium_close(&r.medium);
    free(r.kernel);
    return status;
}
