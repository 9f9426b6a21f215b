/* SPDX-License-Identifier: BSD-2-Clause */
/* Semantic version of the public headers: the major number rises when a caller must change. */
#ifndef CAPOS_DEVMODEL_VERSION_H
#define CAPOS_DEVMODEL_VERSION_H

#define CAPOS_DEVMODEL_VERSION_MAJOR 0
#define CAPOS_DEVMODEL_VERSION_MINOR 1
#define CAPOS_DEVMODEL_VERSION_PATCH 0
#define CAPOS_DEVMODEL_VERSION "0.1.0"

#endif
