/* SPDX-License-Identifier: BSD-2-Clause */
/* Lies of a queue's device, and what they share with the honest moves. Private to queue.c and queue_lies.c.
 */
#ifndef CAPOS_EXPLORE_QUEUE_LIES_H
#define CAPOS_EXPLORE_QUEUE_LIES_H

#include "sim/explore/queue.h"

/* Could it tell a lie now? And telling one: which kind, then which of that kind, are choices, so that kinds
 * with many values are not told more often than others by a run at random. */
bool xp_can_lie(const struct xp_queue *q);
void xp_lie(struct xp_queue *q);

/* queue.c */
void xp_queue_element(struct xp_queue *q, uint16_t at, uint32_t id, uint32_t length);
void xp_queue_complete(struct xp_queue *q, uint32_t which, uint32_t length);
/* Chain `which` of those in flight is the driver's again, without an element. */
void xp_queue_give_back(struct xp_queue *q, uint32_t which);
/* A chain that was not fetched is the driver's again; its available entry counts for nothing. */
void xp_queue_void(struct xp_queue *q, uint16_t head);
void xp_queue_show_index(struct xp_queue *q);

#endif
