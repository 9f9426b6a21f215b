/* SPDX-License-Identifier: BSD-2-Clause */
/* Hostile behaviours: each breaks one device obligation on demand. Armed before or during a run; each counts
 * how often it fired, and a run that armed one which never fired has not tested it. */
#ifndef CAPOS_DEVMODEL_HOSTILE_H
#define CAPOS_DEVMODEL_HOSTILE_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* DM_ATTACK(name, row, text): the closed list. */
enum dm_attack {
#define DM_ATTACK(name, row, text) DM_ATTACK_##name,
#include "capos/devmodel/attacks.def"
#undef DM_ATTACK
    DM_ATTACK_COUNT
};

struct dm_attack_arm {
    uint32_t at; /* fire at the n-th opportunity from now, counted from 0 */
    uint32_t times; /* how often from then on; 0: not armed; UINT32_MAX: always */
    uint64_t value; /* the attack's parameter: a length, an index distance, a feature mask */
    uint32_t seen; /* opportunities so far */
    uint32_t fired;
};

struct dm_hostile {
    struct dm_attack_arm arms[DM_ATTACK_COUNT];
};

/* Everything off. */
void dm_hostile_clear(struct dm_hostile *h);
void dm_hostile_arm(struct dm_hostile *h, enum dm_attack attack, uint32_t at, uint32_t times, uint64_t value);
const char *dm_attack_name(enum dm_attack attack);
const char *dm_attack_row(enum dm_attack attack);
const char *dm_attack_text(enum dm_attack attack);

#ifdef __cplusplus
}
#endif
#endif
