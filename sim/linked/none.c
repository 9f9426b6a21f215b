/* SPDX-License-Identifier: BSD-2-Clause */
/* An executable without linked programs: every program runs as its file. */
#include "sim/program_source.h"

const struct sim_program_source *const sim_linked = NULL;
