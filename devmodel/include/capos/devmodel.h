/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-devmodel: device models written from the specifications, for testing drivers in one process.
 * Include this, link with `pkg-config --libs capos-devmodel`. docs/test-your-driver.md starts here. */
#ifndef CAPOS_DEVMODEL_H
#define CAPOS_DEVMODEL_H

#include "capos/devmodel/backend.h"
#include "capos/devmodel/client.h"
#include "capos/devmodel/hostile.h"
#include "capos/devmodel/intruder.h"
#include "capos/devmodel/memory.h"
#include "capos/devmodel/monitor.h"
#include "capos/devmodel/net.h"
#include "capos/devmodel/nvme.h"
#include "capos/devmodel/pci.h"
#include "capos/devmodel/peer.h"
#include "capos/devmodel/scsi.h"
#include "capos/devmodel/vpc.h"
#include "capos/devmodel/version.h"

#endif
