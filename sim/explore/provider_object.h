/* SPDX-License-Identifier: BSD-2-Clause */
/* What names a build of the explorer: made after the room objects (cmake/provider_object.cmake). */
#ifndef CAPOS_SIM_EXPLORE_PROVIDER_OBJECT_H
#define CAPOS_SIM_EXPLORE_PROVIDER_OBJECT_H

/* "sha256:<64 hex>" of rooms/provider.o as linked here. */
extern const char capos_provider_object[];

#endif
