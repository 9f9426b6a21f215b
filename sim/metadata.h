/* SPDX-License-Identifier: BSD-2-Clause */
/* What the rehearsal's metadata server knows: the run's nonce, and of an instance what a guest may look for.
 */
#ifndef CAPOS_SIM_METADATA_H
#define CAPOS_SIM_METADATA_H

#include "capos/devmodel/vpc.h"

#define SIM_METADATA_PAGES 8u

/* Writes SIM_METADATA_PAGES pages. `nonce`: 32 hex digits, kept by the caller as long as the pages are. */
void sim_metadata_pages(const char *nonce, struct dm_web_page pages[SIM_METADATA_PAGES]);

#endif
