/* SPDX-License-Identifier: BSD-2-Clause */
/* One wrong action of a driver for each monitor of the network device model. */
#ifndef TEST_NET_WRONGS_H
#define TEST_NET_WRONGS_H

#include "raw_driver.h"

struct wrong {
    enum dm_rule rule;
    enum dm_transport transport;
    void (*act)(struct raw *r);
    uint64_t features; /* offered beyond the defaults */
    bool firmware;
};

extern const struct wrong net_wrongs[];
extern const size_t net_wrong_count;

#endif
