/* SPDX-License-Identifier: BSD-2-Clause */
/* What a run came to: the kernel's verdict, what the wire and the world saw, and the files of the run folder.
 */
#ifndef CAPOS_SIM_REPORT_H
#define CAPOS_SIM_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/console.h"
#include "sim/options.h"
#include "sim/world.h"

#define SIM_REASONS_MAX 8u

struct sim_report {
    bool holds;
    const char *reasons[SIM_REASONS_MAX]; /* constant text; empty when it holds */
    uint32_t reason_count;
    uint64_t wire_from_guest, wire_to_guest; /* frames as the device model counted them */
    uint64_t nic_sent, nic_received; /* frames as the evidence of a proof counts them */
    uint64_t complaints; /* ledger violations and broken rules */
    uint32_t exposed, mapped; /* bytes still the device's, still mapped, at the end */
    const char *provider_object; /* of the package; its giver keeps it */
    uint64_t choices;
    bool replay_diverged;
    uint64_t replay_diverged_at;
    uint64_t trace;
    uint64_t trace_calls;
    uint64_t virtual_ns;
};

void sim_report_make(struct sim_report *r, const struct sim_options *o, struct sim_world *w,
                     const struct sim_console *c, const char *provider_object, int kernel_status,
                     bool interrupted);
/* Writes run.json and the replay list to the run folder. False with errno. */
bool sim_report_write(const struct sim_report *r, const struct sim_options *o, const struct sim_world *w,
                      const struct sim_console *c);
/* The last lines on standard output; with --json the object. */
void sim_report_print(const struct sim_report *r, const struct sim_options *o);

#endif
