/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef CAPOS_TESTS_LWIP_HOOKS_H
#define CAPOS_TESTS_LWIP_HOOKS_H

#include "stack/lwip/hooks.h"

#undef LWIP_HOOK_ETHARP_GET_GW

#endif
