/* SPDX-License-Identifier: BSD-2-Clause */
/* Ports of the host's loopback that lead to services of the boot package: each grant over a TCP port is one.
 */
#ifndef CAPOS_SIM_FORWARDS_H
#define CAPOS_SIM_FORWARDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "abi/package.h"
#include "capos/devmodel/backend.h"

struct sim_forwards {
    uint32_t count;
    char names[DM_FORWARDS_MAX][PACKAGE_NAME_BYTES]; /* services */
    struct dm_forward ports[DM_FORWARDS_MAX];
};

/* `PORT` or `SERVICE=PORT`, port 1 to 65535. */
bool sim_forwards_word_ok(const char *word);
/* Those of the services that a run in mode serve, or proof, starts; `probe`: a proof that is asked for the
 * web. `words`: as above; a PORT alone is for the first service. Others get a free port. NULL, or one line:
 * what is wrong. */
const char *sim_forwards_find(struct sim_forwards *f, bool proof, bool probe, const uint8_t *package,
                              size_t bytes, const char *const *words, uint32_t word_count);
/* The port of the host that leads to the web process; 0: none does. */
uint16_t sim_forwards_web(const struct sim_forwards *f);
/* A line each, and `web: http://127.0.0.1:PORT/` where there is one: `listening: SERVICE 127.0.0.1:PORT`. */
void sim_forwards_print(const struct sim_forwards *f, FILE *out);

#endif
