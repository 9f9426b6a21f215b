/* SPDX-License-Identifier: BSD-2-Clause */
/* What both transports share: register access in steps that stop at the first failure, and checks of device
 * values. */
#ifndef CAPOS_PROVIDER_TRANSPORT_H
#define CAPOS_PROVIDER_TRANSPORT_H

#include "abi/assert.h"
#include "provider/seams.h"

/* Attempts at a consistent copy of the device configuration (Z7). */
#define VNET_CONFIG_READS_MAX 16u

/* Reads one register, once. */
enum provider_error transport_read(const struct registers *r, uint16_t row, uint16_t index, dev_u32 *out);
enum provider_error transport_write(const struct registers *r, uint16_t row, uint32_t value);
/* Status: `row` is the transport's own. */
enum provider_error transport_reset_done(const struct registers *r, uint16_t row, bool *done);
enum provider_error transport_status_add(const struct registers *r, uint16_t row, uint8_t *shadow,
                                         uint8_t bits);
enum provider_error transport_status_read(const struct registers *r, uint16_t row, uint8_t *bits);
/* Copies configuration bytes from an array row of width 1, each read once. */
enum provider_error transport_config_bytes(const struct registers *r, uint16_t row, uint16_t offset,
                                           uint8_t *out, uint16_t bytes);
/* Maps the selected queue to `vector` and reads it back; `row` is the transport's own. */
enum provider_error transport_map_vector(const struct registers *r, uint16_t row, uint16_t vector);
/* A queue size as the device gave it: PROVIDER_E_QUEUE_ABSENT for 0, PROVIDER_E_QUEUE_SIZE unless a power of
 * two up to SPLIT_SIZE_MAX. `out` gets the number either way (clipped to 16 bits): a refusal names it. */
enum provider_error transport_check_size(dev_u32 size, uint16_t *out);

#endif
