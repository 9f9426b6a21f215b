/* SPDX-License-Identifier: BSD-2-Clause */
/* Runs the script in every configuration, or in those named on the command line, and prints the transcript.
 * Exit status: 0 done, 1 a machine could not be had or died, 2 an unknown name. The whole run ends by an
 * alarm. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/diff/diff.h"

#define RUN_SECONDS_MAX 240u
#define CONFIGS         36u

static const char *const transports[] = {"legacy", "modern", "transitional"};
static const char *const msix[] = {"absent", "off", "on"};

static void make_config(struct diff_config *c, unsigned n)
{
    *c = (struct diff_config){.transport = (enum diff_transport)(n / 12),
                              .msix = (enum diff_msix)(n / 4 % 3),
                              .merge = n % 2,
                              .event_index = n / 2 % 2};
    snprintf(c->name, sizeof c->name, "%s/msix-%s%s%s", transports[c->transport], msix[c->msix],
             c->merge ? "/merge" : "", c->event_index ? "/event" : "");
}

static void run_script(struct diff *d)
{
    diff_script_pci(d);
    diff_msix_switch(d, d->config->msix == DIFF_MSIX_ON);
    for (int legacy = 0; legacy < 2; legacy++) {
        if (d->config->transport == (legacy ? DIFF_MODERN : DIFF_LEGACY))
            continue;
        d->legacy = legacy;
        if (legacy)
            diff_script_legacy(d);
        else
            diff_script_modern(d);
        diff_script_rings(d);
        diff_script_faults(d);
    }
    diff_script_provider(d);
}

static bool run(const struct diff_config *config)
{
    struct diff d = {.config = config, .out = stdout};
    struct diff_world *w = NULL;
    const char *why = diff_world_open(&w, config);
    if (!why) {
        d.p = diff_world_platform(w);
        run_script(&d);
        why = diff_world_failure(w);
        diff_world_close(w);
    }
    if (why)
        fprintf(stderr, "%s: %s\n", config->name, why);
    fflush(stdout);
    return why == NULL;
}

int main(int argc, char **argv)
{
    struct diff_config config;
    unsigned known = 0;
    alarm(RUN_SECONDS_MAX);
    for (unsigned n = 0; n < CONFIGS; n++) {
        bool wanted = argc < 2;
        make_config(&config, n);
        for (int i = 1; i < argc; i++)
            wanted |= strcmp(argv[i], config.name) == 0;
        if (!wanted)
            continue;
        known++;
        if (!run(&config))
            return 1;
    }
    return argc > 1 && known < (unsigned)argc - 1u ? 2 : 0;
}
