/* SPDX-License-Identifier: BSD-2-Clause */
/* authd's own: what it holds, and the secrets that wait for their time. */
#ifndef CAPOS_USER_AUTHD_AUTHD_H
#define CAPOS_USER_AUTHD_AUTHD_H

#include "abi/login.h"
#include "abi/methods.h"
#include "user/authd/delays.h"
#include "user/authd/verifier.h"
#include "user/rt/rt.h"

#define AUTHD_PLACES     4u /* receives under way */
#define AUTHD_HELD       8u
#define AUTHD_SALT_BYTES 16u /* of a verifier that is made here */

enum authd_exit { AUTHD_EXIT_GRANT = 1, AUTHD_EXIT_MEMORY, AUTHD_EXIT_ENDPOINT };

/* A secret that was taken over and waits to be checked; behind it, if it is to be changed, the new one. */
struct authd_held {
    bool used;
    uint64_t token, source, due_ns;
    uint32_t bytes;
    uint32_t new_bytes; /* 0: it is not to be changed */
    uint8_t secret[2u * LOGIN_SECRET_BYTES_MAX];
};

struct authd {
    struct rt *rt;
    cap_id endpoint, notes, entropy; /* entropy: or CAP_NONE, then nothing is changed */
    bool can; /* there is a verifier, and memory for it */
    struct verifier verifier;
    struct rt_memory memory; /* of a check */
    struct rt_memory salt; /* AUTHD_SALT_BYTES that the kernel draws; of no use to anybody afterwards */
    struct delays delays;
    struct authd_held held[AUTHD_HELD];
};

/* A call came in: it is answered, or held. */
void authd_call(struct authd *a, const struct ring_received *call);
/* Checks the secret that is due first, if one is due. When the next one is: RING_FOREVER for none. */
uint64_t authd_turn(struct authd *a);

#endif
