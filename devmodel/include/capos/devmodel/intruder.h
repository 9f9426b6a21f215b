/* SPDX-License-Identifier: BSD-2-Clause */
/* A hostile station: sends one kind of frame at a steady pace, up to a bound, and answers nothing but ARP
 * questions for its own address. It holds no state of what it receives: bad manners within a connection are
 * client.h's. */
#ifndef CAPOS_DEVMODEL_INTRUDER_H
#define CAPOS_DEVMODEL_INTRUDER_H

#include "capos/devmodel/backend.h"

#ifdef __cplusplus
extern "C" {
#endif

enum dm_intrusion {
#define DM_INTRUSION(name, text) DM_INTRUSION_##name,
#include "capos/devmodel/intrusions.def"
#undef DM_INTRUSION
    DM_INTRUSIONS
};
const char *dm_intrusion_name(enum dm_intrusion which);

struct dm_intruder_config {
    enum dm_intrusion kind;
    uint32_t value; /* the kind's parameter: an MTU, or bytes of data up to 1472 */
    uint8_t mac[6], address[4];
    uint8_t guest[4]; /* asked for by ARP before the first frame */
    uint16_t port; /* the guest's, of the kinds that need one */
    uint8_t victim[4]; /* the peer in whose name the victim's kinds speak */
    uint16_t victim_port; /* its port of the connection to `port` */
    uint64_t seed;
    uint64_t start_ns;
    uint64_t interval_ns; /* between two frames, at least 1 */
    uint64_t frames_max; /* then it is quiet */
};

struct dm_intruder_counts {
    uint64_t sent; /* frames put on the wire */
    uint64_t
        skipped; /* turns that passed while there was no room, or in a leap of the clock above 1024 frames */
    uint64_t heard; /* frames of the guest that were for it */
    uint64_t resets_heard, syn_acks_heard;
};

/* NULL with errno: EINVAL for a kind, value or interval that is not possible, ENOMEM. */
struct dm_backend *dm_intruder_create(const struct dm_intruder_config *config);
/* `intruder` is what dm_intruder_create gave. */
struct dm_intruder_counts dm_intruder_counts(const struct dm_backend *intruder);

#ifdef __cplusplus
}
#endif
#endif
