/* SPDX-License-Identifier: BSD-2-Clause */
/* The simulator's command line: parsed whole before anything is done. */
#ifndef CAPOS_SIM_OPTIONS_H
#define CAPOS_SIM_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/world.h"

enum sim_options_result { SIM_OPTIONS_RUN = 0, SIM_OPTIONS_HELP, SIM_OPTIONS_USAGE };

struct sim_options {
    enum dm_transport nic;
    enum sim_backend_kind backend;
    enum sim_disk_kind disk;
    const char *disk_file; /* its content, or NULL: the boot package at its place */
    bool seeded;
    uint64_t seed;
    bool proof;
    bool json;
    uint32_t exchanges;
    uint32_t queue_size; /* 0: the model's default */
    const char *until; /* marker name, or NULL */
    const char *package; /* boot package, or NULL */
    const char *pcap;
    const char *ports[DM_FORWARDS_MAX]; /* --port, in their order */
    uint32_t port_count;
    uint32_t skip_seconds; /* by which a signal moves virtual time on; 0: none does */
    const char *replay;
    const char *run_dir; /* "." when not given */
    const char *key_file; /* NULL: a key of the run's generator */
    const char *boot; /* 16 hex digits, or NULL */
    const char *commit;
    bool probe_web; /* the proof is asked for the web, by the front door's client outside */
    const char *probe; /* 32 hex digits that the page has to show then */
    const char *verifier; /* of the operator's secret, or NULL */
    bool secret_given; /* --secret-file or --secret-cost: the front door's, which gave the verifier */
    const char *secret; /* file with the secret that is shown, or NULL */
};

/* Prints help to stdout, or one line about what is wrong to stderr. */
enum sim_options_result sim_options_parse(struct sim_options *o, int argc, char **argv);
const char *sim_nic_name(enum dm_transport nic);
const char *sim_disk_name(enum sim_disk_kind disk);
/* False: no such kind. */
bool sim_disk_of(const char *name, enum sim_disk_kind *out);
const char *sim_backend_name(enum sim_backend_kind backend);

#endif
