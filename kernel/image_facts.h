/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts about this image, made by the build after the room objects (cmake/image_facts.cmake). */
#ifndef CAPOS_KERNEL_IMAGE_FACTS_H
#define CAPOS_KERNEL_IMAGE_FACTS_H

/* "sha256:<64 hex>" of rooms/provider.o as linked here. */
extern const char capos_provider_object[];

#endif
