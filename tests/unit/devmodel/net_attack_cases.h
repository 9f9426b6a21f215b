/* SPDX-License-Identifier: BSD-2-Clause */
/* How each attack of the network device model is provoked and seen by a driver by hand. */
#ifndef TEST_NET_ATTACK_CASES_H
#define TEST_NET_ATTACK_CASES_H

#include "raw_driver.h"

struct attack {
    enum dm_attack attack;
    enum dm_transport transport;
    uint64_t value;
    bool (*seen)(struct raw *r); /* provokes it; true when the driver's side shows it */
};

extern const struct attack net_attacks[];
extern const size_t net_attack_count;

#endif
