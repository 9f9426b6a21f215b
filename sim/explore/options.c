/* SPDX-License-Identifier: BSD-2-Clause */
/* Flags and their values. Trusts nothing of them; what jobs there are it does not know. */
#include "sim/explore/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char help[] =
    "capos explore: every order of events within stated bounds, on the shipped source\n"
    "\n"
    "  --world W        only the jobs of one world (--list shows them)\n"
    "  --run R          only a run (X1), a job (X1/q2/tso/0xfffc) or a pattern ('X1/q2/*');\n"
    "                   with ! before it all but those; may be repeated\n"
    "  --deep           also what the daily jobs leave out; a job named whole runs without it\n"
    "  --jobs N         worker processes (one a processor)\n"
    "  --mem SIZE       memory of all workers together, as in 512M or 4G (half of the machine's)\n"
    "  --list           the jobs and their bounds; explores nothing\n"
    "  --verbose        a line for every job; without it jobs that differ in where they start share one\n"
    "  --json           one JSON object on standard output instead of the table\n"
    "  --replay FILE    make the choices of a counter-example, step by step, and write its timeline\n"
    "  --driver DIR     explore the driver in DIR instead: DIR/byd_*.c, or all its C files\n"
    "                   (sim/bring_your_driver.h)\n"
    "  --strict         refuse a list that another build wrote; without it a warning\n"
    "  --help           this text\n"
    "\n"
    "Exit status: 0 holds, 1 a property is broken, a job did not close or a list no longer fits,\n"
    "2 usage, 3 something needed is missing, 4 input refused, 130 interrupted.\n";

enum option_code {
    OPT_WORLD = 256,
    OPT_RUN,
    OPT_DEEP,
    OPT_JOBS,
    OPT_MEM,
    OPT_LIST,
    OPT_VERBOSE,
    OPT_JSON,
    OPT_REPLAY,
    OPT_STRICT,
    OPT_HELP,
    OPT_DRIVER,
    OPT_DRIVER_OBJECT,
    OPT_RUN_DIR,
    OPT_COMMIT
};

static const struct option long_options[] = {
    {"world", required_argument, NULL, OPT_WORLD},
    {"run", required_argument, NULL, OPT_RUN},
    {"deep", no_argument, NULL, OPT_DEEP},
    {"jobs", required_argument, NULL, OPT_JOBS},
    {"mem", required_argument, NULL, OPT_MEM},
    {"list", no_argument, NULL, OPT_LIST},
    {"verbose", no_argument, NULL, OPT_VERBOSE},
    {"json", no_argument, NULL, OPT_JSON},
    {"replay", required_argument, NULL, OPT_REPLAY},
    {"driver", required_argument, NULL, OPT_DRIVER},
    {"strict", no_argument, NULL, OPT_STRICT},
    {"help", no_argument, NULL, OPT_HELP},
    /* given by ./capos */
    {"driver-object", required_argument, NULL, OPT_DRIVER_OBJECT},
    {"run-dir", required_argument, NULL, OPT_RUN_DIR},
    {"commit", required_argument, NULL, OPT_COMMIT},
    {NULL, 0, NULL, 0},
};

static bool number(const char *text, uint64_t max, uint64_t *out, char **end)
{
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long value = strtoull(text, end, 10);
    if (errno || value == 0 || value > max)
        return false;
    *out = value;
    return true;
}

static bool parse_workers(struct xp_options *o, const char *text)
{
    uint64_t value = 0;
    char *end = NULL;

    if (!number(text, XP_WORKERS_MAX, &value, &end) || *end)
        return false;
    o->workers = (uint32_t)value;
    return true;
}

/* Bytes, or with one of K, M, G behind it. */
static bool parse_memory(struct xp_options *o, const char *text)
{
    static const char units[] = "KMG";
    uint64_t value = 0;
    char *end = NULL;

    if (!number(text, UINT64_C(1) << 50, &value, &end))
        return false;
    if (*end) {
        const char *unit = strchr(units, *end);

        if (!unit || end[1])
            return false;
        value <<= 10u * (unsigned)(unit - units + 1);
        if (value > UINT64_C(1) << 50)
            return false;
    }
    o->memory_bytes = value;
    return true;
}

static bool parse_one(struct xp_options *o, int code, const char *value)
{
    switch (code) {
    case OPT_WORLD:
        o->world = value;
        return true;
    case OPT_RUN:
        if (o->pattern_count == XP_PATTERNS_MAX)
            return false;
        o->patterns[o->pattern_count++] = value;
        return true;
    case OPT_DEEP:
        o->deep = true;
        return true;
    case OPT_JOBS:
        return parse_workers(o, value);
    case OPT_MEM:
        return parse_memory(o, value);
    case OPT_LIST:
        o->list = true;
        return true;
    case OPT_VERBOSE:
        o->verbose = true;
        return true;
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_REPLAY:
        o->replay = value;
        return true;
    case OPT_STRICT:
        o->strict = true;
        return true;
    case OPT_DRIVER:
        o->driver = value;
        return true;
    case OPT_DRIVER_OBJECT:
        o->driver_object = value;
        return true;
    case OPT_RUN_DIR:
        o->run_dir = value;
        return true;
    case OPT_COMMIT:
        o->commit = value;
        return true;
    default:
        return false;
    }
}

enum xp_options_result xp_options_usage(const char *what, const char *value)
{
    fprintf(stderr, "capos explore: %s%s%s; see ./capos explore --help\n", what, value ? ": " : "",
            value ? value : "");
    return XP_OPTIONS_USAGE;
}

static enum xp_options_result bad_value(const char *name, int code, const char *value)
{
    const char *takes = code == OPT_JOBS  ? "a number from 1 to 256"
                        : code == OPT_MEM ? "a size such as 512M or 4G"
                                          : "at most 32 patterns";

    fprintf(stderr, "capos explore: --%s takes %s, not %s; see ./capos explore --help\n", name, takes, value);
    return XP_OPTIONS_USAGE;
}

static bool is_whole(const char *word, const char *name)
{
    size_t bytes = strlen(name);

    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, bytes) == 0 &&
           (word[2 + bytes] == 0 || word[2 + bytes] == '=');
}

static void defaults(struct xp_options *o)
{
    const long processors = sysconf(_SC_NPROCESSORS_ONLN);
    const long pages = sysconf(_SC_PHYS_PAGES);
    const long page = sysconf(_SC_PAGESIZE);

    memset(o, 0, sizeof *o);
    o->workers = processors < 1                      ? 1
                 : processors > (long)XP_WORKERS_MAX ? XP_WORKERS_MAX
                                                     : (uint32_t)processors;
    o->memory_bytes = pages > 0 && page > 0 ? (uint64_t)pages * (uint64_t)page / 2u : UINT64_C(1) << 30;
    o->run_dir = "out/explore";
    o->commit = "unknown";
}

enum xp_options_result xp_options_parse(struct xp_options *o, int argc, char **argv)
{
    defaults(o);
    opterr = 0;
    for (;;) {
        int which = 0;
        int word = optind;
        int code = getopt_long(argc, argv, "", long_options, &which);

        if (code == -1)
            break;
        if (code == OPT_HELP) {
            fputs(help, stdout);
            return XP_OPTIONS_HELP;
        }
        /* getopt takes abbreviations, which ./capos would not recognise: only whole names are flags. */
        if (code == '?' || !is_whole(argv[word], long_options[which].name))
            return xp_options_usage("unknown flag, or its value is missing", argv[word]);
        if (!parse_one(o, code, optarg))
            return bad_value(long_options[which].name, code, optarg);
    }
    if (optind < argc)
        return xp_options_usage("no argument is taken", argv[optind]);
    if (o->replay && (o->world || o->pattern_count || o->deep || o->list))
        return xp_options_usage("--replay takes its job from the list: no --world, --run, --deep, --list",
                                NULL);
    if (o->strict && !o->replay)
        return xp_options_usage("--strict belongs to --replay", NULL);
    return XP_OPTIONS_RUN;
}
