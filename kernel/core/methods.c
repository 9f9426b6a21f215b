/* SPDX-License-Identifier: BSD-2-Clause */
/* The methods of the kernel's interfaces by number, and what each does with its range: the shape of methods.h
 * as a table, so that a wrong method or range is refused in one place, before any object is asked. */
#include "kernel/core/parts.h"

#define METHODS_MAX 8u
#define N           (RANGE_NONE + 1u)
#define R           (RANGE_READ + 1u)
#define M           (RANGE_READ_MAY + 1u)
#define W           (RANGE_WRITE + 1u)

/* By interface, then method number less one: its range's use and one; 0 ends the line. */
static const uint8_t lines[CAP_IF_NIC][METHODS_MAX] = {
    [CAP_IF_DEVICE] = {W, M, N, N, N}, /* info, open registers, enable DMA, pool, interrupt */
    [CAP_IF_DEVICE_MMIO] = {N, N, N}, /* read, write, write address */
    [CAP_IF_DEVICE_PORTS] = {N, N, N},
    [CAP_IF_DMA_POOL] = {N, N}, /* buffer, queue */
    [CAP_IF_DMA_BUFFER] = {N, N}, /* map, destroy */
    [CAP_IF_DMA_QUEUE] = {R, N, N, N}, /* publish, reap, view, destroy */
    [CAP_IF_INTERRUPT] = {N, N, N, N}, /* wait, poll, ack, mask */
    [CAP_IF_FUNCTIONS] = {N, W, N}, /* count, info, take */
    [CAP_IF_FUNCTION] = {N}, /* claim */
    [CAP_IF_MEMORY] = {N, N, N}, /* map, unmap, bytes */
    [CAP_IF_MEMORY_SOURCE] = {N}, /* create */
    [CAP_IF_ENDPOINT] = {N, M}, /* client, gone */
    [CAP_IF_ENDPOINT_SOURCE] = {N}, /* create */
    [CAP_IF_TIMER] = {N}, /* wait */
    [CAP_IF_PROCESS] = {N, N, W}, /* wait, kill, info */
    [CAP_IF_SPAWNER] = {N, R, N}, /* count, start, package */
    [CAP_IF_SERIAL] = {R, W, R, N}, /* write, read, line, clear */
    [CAP_IF_AUDIT] = {W}, /* drain */
    [CAP_IF_EVIDENCE] = {M, N, N}, /* emit, narrow, late message */
    [CAP_IF_SYSTEM] = {W, W, W, W}, /* process, usage, cap, evidence */
    [CAP_IF_ENTROPY] = {W}, /* fill */
    [CAP_IF_INVENTORY] = {N, W, N}, /* count, info, release */
    [CAP_IF_AUDIT_NOTE] = {N}, /* note */
    [CAP_IF_POWER] = {N}, /* end */
};

bool method_known(uint8_t interface, uint16_t method, enum range_use *range)
{
    ASSERT(range != NULL);
    if (interface >= CAP_IF_NIC || method == 0 || method > METHODS_MAX || lines[interface][method - 1u] == 0)
        return false;
    *range = (enum range_use)(lines[interface][method - 1u] - 1u);
    return true;
}
