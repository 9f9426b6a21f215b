/* SPDX-License-Identifier: BSD-2-Clause */
/* What all backends share: counting, handing over, ending. Frames are a guest's: looked at within their
 * length only. */
#include "backend_state.h"

#define ARP_OPERATION 20u
#define ARP_REQUEST   1u
#define IPV4_PROTOCOL 23u
#define PROTOCOL_ICMP 1u
#define ICMP_ECHO     8u

void dm_backend_destroy(struct dm_backend *b)
{
    if (b)
        b->ops->destroy(b);
}

uint64_t dm_backend_next_due(const struct dm_backend *b)
{
    return b->ops->next_due ? b->ops->next_due(b) : 0;
}

struct dm_backend_counts dm_backend_counts(const struct dm_backend *b)
{
    return b->ops->counts ? b->ops->counts(b) : (struct dm_backend_counts){0};
}

struct dm_backend_counts dm_kept_counts(const struct dm_backend *b)
{
    return ((const struct dm_kept_backend *)b)->counts;
}

static bool is_icmp_echo(const uint8_t *frame, size_t bytes)
{
    if (bytes <= IPV4_PROTOCOL || dm_get_be16(frame + 12) != DM_ETHERTYPE_IPV4 ||
        frame[IPV4_PROTOCOL] != PROTOCOL_ICMP)
        return false;
    size_t type_at = DM_ETHERNET_BYTES + 4u * (frame[DM_ETHERNET_BYTES] & 15u);
    return type_at < bytes && frame[type_at] == ICMP_ECHO;
}

void dm_count_from_guest(struct dm_backend_counts *counts, const uint8_t *frame, size_t bytes)
{
    counts->from_guest++;
    bool arp = bytes >= ARP_OPERATION + 2u && dm_get_be16(frame + 12) == DM_ETHERTYPE_ARP &&
               dm_get_be16(frame + ARP_OPERATION) == ARP_REQUEST;
    if (arp)
        counts->arp_requests++;
    else if (is_icmp_echo(frame, bytes))
        counts->icmp_echoes++;
    else
        counts->other++;
}

uint32_t dm_drain(struct dm_frame_queue *q, struct dm_backend_counts *counts, uint32_t budget,
                  dm_frame_sink sink, void *ctx)
{
    uint32_t done = 0;
    for (; done < budget; done++) {
        size_t bytes;
        const uint8_t *frame = dm_frame_queue_first(q, &bytes);
        if (!frame || !sink(ctx, frame, bytes))
            break;
        dm_frame_queue_drop_first(q);
    }
    counts->to_guest += done;
    return done;
}
