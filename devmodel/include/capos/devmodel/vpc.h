/* SPDX-License-Identifier: BSD-2-Clause */
/* Compute Engine's network as one guest sees it: dm_peer_compute_engine (peer.h) answers, with a metadata
 * server at 169.254.169.254; connections from outside come through a closed libslirp, as if from the range
 * that the identity-aware proxy forwards from. A shim on layer 2: the guest sees the router's MAC alone. */
#ifndef CAPOS_DEVMODEL_VPC_H
#define CAPOS_DEVMODEL_VPC_H

#include "capos/devmodel/backend.h"
#include "capos/devmodel/peer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* The subnet of the rehearsal, 10.77.0.0/28: its first host is the router, its second the guest. */
#define DM_VPC_ROUTER                                                                                        \
    {                                                                                                        \
        10, 77, 0, 1                                                                                         \
    }
#define DM_VPC_GUEST                                                                                         \
    {                                                                                                        \
        10, 77, 0, 2                                                                                         \
    }
#define DM_VPC_OUTSIDE                                                                                       \
    {                                                                                                        \
        35, 235, 240, 1                                                                                      \
    } /* whom forwarded connections come from */
#define DM_VPC_FRAME_BYTES_MAX 1474u /* Ethernet header and an MTU of 1460 */

struct dm_vpc_config {
    uint8_t router[4], guest[4], outside[4];
    const struct dm_web_page *pages; /* of the metadata server; the caller's, outlive the backend */
    uint32_t page_count;
    uint32_t forward_count; /* 0: no libslirp, and nothing of the host in it: equal runs are equal */
    struct dm_forward forwards[DM_FORWARDS_MAX];
};

struct dm_vpc_counts {
    struct dm_peer_counts peer; /* `too_long` counts frames above DM_VPC_FRAME_BYTES_MAX */
    uint64_t outside_in, outside_out; /* frames of forwarded connections, from and to the guest */
    uint64_t strangers; /* frames of libslirp that no connection from outside needs: dropped */
};

/* The addresses above, no page, no forward. */
struct dm_vpc_config dm_vpc_defaults(void);
/* The guest's MAC on this network: 42:01 and its address. */
void dm_vpc_guest_mac(const struct dm_vpc_config *config, uint8_t mac[6]);
/* NULL with errno: EINVAL for a count above its bound or addresses that cannot be, ENOMEM, EADDRINUSE: a port
 * of the host is taken. Not thread safe, like every backend. */
struct dm_backend *dm_vpc_create(const struct dm_vpc_config *config);
/* `vpc` is what dm_vpc_create gave. */
struct dm_vpc_counts dm_vpc_counts(const struct dm_backend *vpc);

#ifdef __cplusplus
}
#endif
#endif
