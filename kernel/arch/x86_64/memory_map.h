/* SPDX-License-Identifier: BSD-2-Clause */
/* What memory the machine has: ranges as firmware told them, made sound. Firmware is believed about what it
 * has reserved; where its ranges contradict each other, the more cautious one holds. Pure: no I/O. */
#ifndef CAPOS_ARCH_MEMORY_MAP_H
#define CAPOS_ARCH_MEMORY_MAP_H

#include <stdbool.h>
#include <stdint.h>

#define MEMORY_RANGES_MAX 256u /* twice what a loader may give: overlaps are cut into pieces */
#define MEMORY_PAGE       4096u

/* Rising caution: where two ranges overlap, the higher kind holds. Values of a loader beyond these are
 * RESERVED. */
enum memory_kind {
    MEMORY_NONE = 0, /* no range: a hole, or device registers */
    MEMORY_RAM,
    MEMORY_FIRMWARE, /* tables and the like: may be read, never written */
    MEMORY_RESERVED
};

struct memory_range {
    uint64_t base;
    uint64_t bytes; /* base + bytes does not overflow */
    uint8_t kind;
};

struct memory_map {
    uint32_t count;
    uint32_t refused; /* ranges that were empty, overflowed, or found no room */
    struct memory_range
        ranges[MEMORY_RANGES_MAX]; /* after memory_map_settle: by address, disjoint, RAM in whole pages */
};

void memory_map_init(struct memory_map *m);
void memory_map_add(struct memory_map *m, uint64_t base, uint64_t bytes, enum memory_kind kind);
/* Sorts, and takes from RAM what another range covers as well. RAM shrinks to whole pages. */
void memory_map_settle(struct memory_map *m);
/* All of it, holes not counted. */
uint64_t memory_map_ram_bytes(const struct memory_map *m);
/* The largest run of RAM in [from, below), page-aligned. bytes 0: none. */
struct memory_range memory_map_largest_ram(const struct memory_map *m, uint64_t from, uint64_t below);
/* Kind of all of [base, base + bytes): MEMORY_NONE when some of it is in no range; else the most cautious
 * kind. */
enum memory_kind memory_map_kind(const struct memory_map *m, uint64_t base, uint64_t bytes);
/* Does [base, base + bytes) meet RAM or memory that firmware keeps tables in? Then it is no place for
 * registers. */
bool memory_map_touches_memory(const struct memory_map *m, uint64_t base, uint64_t bytes);

#endif
