/* SPDX-License-Identifier: BSD-2-Clause */
/* An authority that remembers every handle it gave out, so that each can be used once more after it was taken
 * back. */
#ifndef CAPOS_USER_PROVE_HANDLES_H
#define CAPOS_USER_PROVE_HANDLES_H

#include "user/rt/device.h"

#define HANDLES_SEEN_MAX 32u

struct handle {
    cap_id id;
    enum cap_interface interface;
};

struct handles {
    struct rt_device device; /* first: the runtime's operations get a pointer to this struct */
    struct device_authority runtime; /* the authority behind */
    struct device_authority_ops ops; /* its operations, the granting ones replaced */
    struct handle seen[HANDLES_SEEN_MAX];
    uint32_t count;
    uint32_t lost; /* grants beyond HANDLES_SEEN_MAX: a claim that fails */
};

struct stale_result {
    uint32_t tried;
    uint32_t refused; /* as stale or invalid, nothing else counts */
};

/* The authority of h->device, which is initialised, and records. `h` must not move. */
struct device_authority handles_record(struct handles *h);
/* Nothing is recorded. */
void handles_forget(struct handles *h);
/* Uses each recorded handle once more, in a call of its own interface. */
struct stale_result handles_try_stale(struct handles *h);

#endif
