/* SPDX-License-Identifier: BSD-2-Clause */
/* Version of the contracts in this folder as a whole: raised when a record, an object or an enum changes its
 * meaning. */
#ifndef CAPOS_ABI_VERSION_H
#define CAPOS_ABI_VERSION_H

#define CAPOS_ABI_VERSION 2u

#endif
