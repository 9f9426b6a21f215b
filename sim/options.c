/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/bootparams.h"
#include "sim/forwards.h"

static const char help[] =
    "capos sim: the system as one host process\n"
    "\n"
    "  --nic modern|legacy        virtio transport of the NIC (modern)\n"
    "  --backend slirp|script|vpc behind the NIC: libslirp, a script, Compute Engine's network (slirp)\n"
    "  --disk KIND                none, scsi-legacy, scsi-modern or nvme: the disk's controller (none)\n"
    "  --disk-file FILE           content of the disk, which is only read (the boot package at its place)\n"
    "  --proof                    run every proof, tear down, end with the verdict; without it, stay up\n"
    "  --probe-web                in a proof: the web is served too, and asked for as a browser does\n"
    "  --exchanges N              ARP and ICMP echo exchanges of the proof (10000)\n"
    "  --queue-size N             entries that the device dictates for its queues (256)\n"
    "  --seed N                   draw every choice of the run from this seed; same seed, same trace hash\n"
    "  --replay FILE              make the choices of an earlier run, and say where they no longer fit\n"
    "  --until MARKER             end in order once this evidence marker was printed\n"
    "  --package FILE             boot package whose programs run (the one that was built)\n"
    "  --port [SERVICE=]PORT      port of 127.0.0.1 that leads to a service (a free one), once for each\n"
    "  --secret-file FILE         take the operator's secret from it; else draw and show one\n"
    "  --secret-cost KIB,PASSES   what a check of it costs, within the manifest's memory_kib (4096,3)\n"
    "  --skip SECONDS             at each SIGUSR1 the time of a run that stays up moves on by so much\n"
    "  --pcap FILE                write the frames of both directions\n"
    "  --json                     one JSON object on standard output instead of the console\n"
    "  --help                     this text\n"
    "\n"
    "Exit status: 0 holds, 1 a claim failed, 2 usage, 4 input refused, 130 interrupted.\n";

#define SKIP_SECONDS_MAX 86400u

enum option_code {
    OPT_NIC = 256,
    OPT_BACKEND,
    OPT_DISK,
    OPT_DISK_FILE,
    OPT_PROOF,
    OPT_PROBE_WEB,
    OPT_EXCHANGES,
    OPT_QUEUE_SIZE,
    OPT_SEED,
    OPT_REPLAY,
    OPT_UNTIL,
    OPT_PACKAGE,
    OPT_PCAP,
    OPT_PORT,
    OPT_SKIP,
    OPT_JSON,
    OPT_HELP,
    OPT_RUN_DIR,
    OPT_KEY_FILE,
    OPT_BOOT,
    OPT_COMMIT,
    OPT_SECRET_FILE,
    OPT_SECRET_COST,
    OPT_VERIFIER,
    OPT_PROBE,
    OPT_SHOW_SECRET
};

static const struct option long_options[] = {
    {"nic", required_argument, NULL, OPT_NIC},
    {"backend", required_argument, NULL, OPT_BACKEND},
    {"disk", required_argument, NULL, OPT_DISK},
    {"disk-file", required_argument, NULL, OPT_DISK_FILE},
    {"proof", no_argument, NULL, OPT_PROOF},
    {"probe-web", no_argument, NULL, OPT_PROBE_WEB},
    {"exchanges", required_argument, NULL, OPT_EXCHANGES},
    {"queue-size", required_argument, NULL, OPT_QUEUE_SIZE},
    {"seed", required_argument, NULL, OPT_SEED},
    {"replay", required_argument, NULL, OPT_REPLAY},
    {"until", required_argument, NULL, OPT_UNTIL},
    {"package", required_argument, NULL, OPT_PACKAGE},
    {"pcap", required_argument, NULL, OPT_PCAP},
    {"port", required_argument, NULL, OPT_PORT},
    {"skip", required_argument, NULL, OPT_SKIP},
    {"secret-file", required_argument, NULL, OPT_SECRET_FILE},
    {"secret-cost", required_argument, NULL, OPT_SECRET_COST},
    {"json", no_argument, NULL, OPT_JSON},
    {"help", no_argument, NULL, OPT_HELP},
    /* given by ./capos */
    {"run-dir", required_argument, NULL, OPT_RUN_DIR},
    {"key-file", required_argument, NULL, OPT_KEY_FILE},
    {"boot", required_argument, NULL, OPT_BOOT},
    {"commit", required_argument, NULL, OPT_COMMIT},
    {"probe", required_argument, NULL, OPT_PROBE},
    {"verifier", required_argument, NULL, OPT_VERIFIER},
    {"show-secret", required_argument, NULL, OPT_SHOW_SECRET},
    {NULL, 0, NULL, 0},
};

const char *sim_nic_name(enum dm_transport nic)
{
    return nic == DM_LEGACY ? "legacy" : nic == DM_MODERN ? "modern" : "transitional";
}

const char *sim_backend_name(enum sim_backend_kind backend)
{
    static const char *const names[] = {"none", "loop", "script", "slirp", "vpc"};
    return names[backend];
}

static bool number(const char *text, uint64_t max, uint64_t *out)
{
    char *end = NULL;
    errno = 0;
    if (*text < '0' || *text > '9')
        return false;
    unsigned long long value = strtoull(text, &end, 0);
    if (errno || *end || value > max)
        return false;
    *out = value;
    return true;
}

static bool parse_nic(struct sim_options *o, const char *text)
{
    if (strcmp(text, "modern") == 0)
        o->nic = DM_MODERN;
    else if (strcmp(text, "legacy") == 0)
        o->nic = DM_LEGACY;
    else
        return false;
    return true;
}

static bool parse_backend(struct sim_options *o, const char *text)
{
    if (strcmp(text, "slirp") == 0)
        o->backend = SIM_BACKEND_SLIRP;
    else if (strcmp(text, "script") == 0)
        o->backend = SIM_BACKEND_SCRIPT;
    else if (strcmp(text, "vpc") == 0)
        o->backend = SIM_BACKEND_VPC;
    else
        return false;
    return true;
}

const char *sim_disk_name(enum sim_disk_kind disk)
{
    static const char *const names[] = {"none", "scsi-legacy", "scsi-modern", "nvme"};
    return names[disk];
}

bool sim_disk_of(const char *name, enum sim_disk_kind *out)
{
    for (enum sim_disk_kind kind = SIM_DISK_NONE; kind <= SIM_DISK_NVME; kind++) {
        if (strcmp(name, sim_disk_name(kind)) != 0)
            continue;
        *out = kind;
        return true;
    }
    return false;
}

static bool parse_number32(const char *text, uint32_t max, uint32_t *out)
{
    uint64_t value = 0;
    if (!number(text, max, &value) || value == 0)
        return false;
    *out = (uint32_t)value;
    return true;
}

static bool parse_port(struct sim_options *o, const char *text)
{
    if (!sim_forwards_word_ok(text) || o->port_count == DM_FORWARDS_MAX)
        return false;
    o->ports[o->port_count++] = text;
    return true;
}

static bool parse_one(struct sim_options *o, int code, const char *value)
{
    switch (code) {
    case OPT_NIC:
        return parse_nic(o, value);
    case OPT_BACKEND:
        return parse_backend(o, value);
    case OPT_DISK:
        return sim_disk_of(value, &o->disk);
    case OPT_DISK_FILE:
        o->disk_file = value;
        return value[0] != 0;
    case OPT_PROOF:
        o->proof = true;
        return true;
    case OPT_PROBE_WEB:
        o->probe_web = true;
        return true;
    case OPT_PROBE:
        o->probe = value;
        return strlen(value) == 2 * BOOT_NONCE_BYTES;
    case OPT_EXCHANGES:
        return parse_number32(value, BOOT_EXCHANGES_MAX, &o->exchanges);
    case OPT_QUEUE_SIZE:
        return parse_number32(value, 65535, &o->queue_size);
    case OPT_SEED:
        o->seeded = true;
        return number(value, UINT64_MAX, &o->seed);
    case OPT_REPLAY:
        o->replay = value;
        return true;
    case OPT_UNTIL:
        o->until = value;
        return true;
    case OPT_PACKAGE:
        o->package = value;
        return true;
    case OPT_PCAP:
        o->pcap = value;
        return true;
    case OPT_PORT:
        return parse_port(o, value);
    case OPT_SKIP:
        return parse_number32(value, SKIP_SECONDS_MAX, &o->skip_seconds);
    case OPT_JSON:
        o->json = true;
        return true;
    case OPT_RUN_DIR:
        o->run_dir = value;
        return true;
    case OPT_KEY_FILE:
        o->key_file = value;
        return true;
    case OPT_BOOT:
        o->boot = value;
        return true;
    case OPT_COMMIT:
        o->commit = value;
        return true;
    case OPT_SECRET_FILE:
    case OPT_SECRET_COST:
        o->secret_given = true;
        return value[0] != 0;
    case OPT_VERIFIER:
        o->verifier = value;
        return true;
    case OPT_SHOW_SECRET:
        o->secret = value;
        return true;
    default:
        return false;
    }
}

static enum sim_options_result usage(const char *what, const char *value)
{
    fprintf(stderr, "capos sim: %s%s%s; see ./capos sim --help\n", what, value ? ": " : "",
            value ? value : "");
    return SIM_OPTIONS_USAGE;
}

static enum sim_options_result bad_value(const char *name, int code, const char *value)
{
    const char *takes = "a number of its range";
    if (code == OPT_NIC)
        takes = "modern or legacy";
    else if (code == OPT_BACKEND)
        takes = "slirp, script or vpc";
    else if (code == OPT_DISK)
        takes = "none, scsi-legacy, scsi-modern or nvme";
    else if (code == OPT_EXCHANGES)
        takes = "a number from 1 to 10000000";
    else if (code == OPT_QUEUE_SIZE)
        takes = "a number from 1 to 65535";
    else if (code == OPT_PORT)
        takes = "PORT or SERVICE=PORT, 1 to 65535";
    else if (code == OPT_SEED)
        takes = "a number below 2^64";
    else if (code == OPT_SKIP)
        takes = "a number from 1 to 86400";
    fprintf(stderr, "capos sim: --%s takes %s, not %s; see ./capos sim --help\n", name, takes, value);
    return SIM_OPTIONS_USAGE;
}

static bool is_whole(const char *word, const char *name)
{
    size_t bytes = strlen(name);
    return strncmp(word, "--", 2) == 0 && strncmp(word + 2, name, bytes) == 0 &&
           (word[2 + bytes] == 0 || word[2 + bytes] == '=');
}

enum sim_options_result sim_options_parse(struct sim_options *o, int argc, char **argv)
{
    memset(o, 0, sizeof *o);
    o->nic = DM_MODERN;
    o->backend = SIM_BACKEND_SLIRP;
    o->exchanges = BOOT_EXCHANGES_DEFAULT;
    o->run_dir = ".";
    o->commit = "unknown";
    opterr = 0;
    for (;;) {
        int which = 0;
        int word = optind;
        int code = getopt_long(argc, argv, "", long_options, &which);
        if (code == -1)
            break;
        if (code == OPT_HELP) {
            fputs(help, stdout);
            return SIM_OPTIONS_HELP;
        }
        /* getopt takes abbreviations, which ./capos would not recognise: only whole names are flags. */
        if (code == '?' || !is_whole(argv[word], long_options[which].name))
            return usage("unknown flag, or its value is missing", argv[word]);
        if (!parse_one(o, code, optarg))
            return bad_value(long_options[which].name, code, optarg);
    }
    if (optind < argc)
        return usage("no argument is taken", argv[optind]);
    if (o->disk_file && o->disk == SIM_DISK_NONE)
        return usage("--disk-file goes with --disk scsi-legacy, scsi-modern or nvme", NULL);
    if (!o->package)
        return usage("--package FILE is needed", NULL);
    if (o->probe_web && (!o->proof || o->backend == SIM_BACKEND_SCRIPT || o->replay || o->seeded))
        return usage(
            "--probe-web goes with --proof over slirp or vpc without --seed: others have no host behind "
            "them",
            NULL);
    if (o->probe_web && !(o->probe && o->verifier))
        return usage("--probe-web is ./capos sim's: it makes the secret, and asks", NULL);
    if (o->port_count > 0 &&
        (o->backend == SIM_BACKEND_SCRIPT || (o->proof && !o->probe_web) || o->replay || o->seeded))
        return usage("--port goes with slirp or vpc in a run that stays up without --seed: others have no "
                     "host behind them",
                     NULL);
    if (o->skip_seconds != 0 && (o->proof || o->replay || o->seeded))
        return usage("--skip goes with a run that stays up without --seed", NULL);
    if (o->secret_given && (o->proof || o->replay))
        return usage("--secret-file and --secret-cost go with a run that stays up: nobody logs in to a proof",
                     NULL);
    if (o->secret_given && !o->verifier)
        return usage("--secret-file and --secret-cost are ./capos sim's: it makes the verifier", NULL);
    if (o->replay && o->seeded)
        return usage("--replay and --seed exclude each other", NULL);
    return SIM_OPTIONS_RUN;
}
