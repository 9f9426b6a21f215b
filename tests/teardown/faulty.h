/* SPDX-License-Identifier: BSD-2-Clause */
/* Registers and author that refuse one call: each operation of the seams is counted, and the n-th fails
 * without being done. What the provider then holds, it has to give back. */
#ifndef CAPOS_TESTS_TEARDOWN_FAULTY_H
#define CAPOS_TESTS_TEARDOWN_FAULTY_H

#include "provider/virtio_net.h"

struct faulty {
    struct registers registers; /* the real ones */
    struct author author;
    uint32_t calls; /* fallible calls so far */
    uint32_t fail_at; /* the call that fails, counted from 0; UINT32_MAX: none */
    const char *failed; /* operation that failed, NULL: none yet */
    uint16_t failed_row;
    void (*meanwhile)(void *ctx); /* happens within the call that fails; NULL: nothing does */
    void *meanwhile_ctx;
};

/* Puts `f` between the provider and what `env` names. */
void faulty_between(struct faulty *f, struct vnet_env *env, uint32_t fail_at);

#endif
