/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/metadata.h"

#include <string.h>

#define ROOT "/computeMetadata/v1/"

void sim_metadata_pages(const char *nonce, struct dm_web_page pages[SIM_METADATA_PAGES])
{
    const struct dm_web_page all[SIM_METADATA_PAGES] = {
        {ROOT "instance/attributes/capos-nonce", nonce},
        {ROOT "instance/id", "4500000000000000000"},
        {ROOT "instance/name", "capos-rehearsal"},
        {ROOT "instance/zone", "projects/0/zones/rehearsal"},
        {ROOT "instance/machine-type", "projects/0/machineTypes/rehearsal"},
        {ROOT "instance/hostname", "capos-rehearsal.internal"},
        {ROOT "instance/network-interfaces/0/mtu", "1460"},
        {ROOT "project/project-id", "capos-rehearsal"},
    };

    memcpy(pages, all, sizeof all);
}
