/* SPDX-License-Identifier: BSD-2-Clause */
/* Arming hostile behaviours and counting their opportunities. What each does is in the file of the rule it
 * breaks. */
#include "capos/devmodel/hostile.h"

#include <assert.h>
#include <string.h>

#include "net_model.h"

static const struct {
    const char *name, *row, *text;
} attacks[DM_ATTACK_COUNT] = {
#define DM_ATTACK(name, row, text) {#name, row, text},
#include "capos/devmodel/attacks.def"
#undef DM_ATTACK
};

void dm_hostile_clear(struct dm_hostile *h)
{
    memset(h, 0, sizeof *h);
}

void dm_hostile_arm(struct dm_hostile *h, enum dm_attack attack, uint32_t at, uint32_t times, uint64_t value)
{
    assert(attack < DM_ATTACK_COUNT);
    h->arms[attack] = (struct dm_attack_arm){.at = at, .times = times, .value = value};
}

bool dm_arm_fires(struct dm_attack_arm *arm)
{
    uint32_t turn;
    if (arm->times == 0)
        return false;
    turn = arm->seen++;
    if (turn < arm->at || (arm->times != UINT32_MAX && arm->fired >= arm->times))
        return false;
    arm->fired++;
    return true;
}

bool dm_hostile_fires(struct dm_hostile *h, enum dm_attack attack)
{
    assert(attack < DM_ATTACK_COUNT);
    return dm_arm_fires(&h->arms[attack]);
}

const char *dm_attack_name(enum dm_attack attack)
{
    assert(attack < DM_ATTACK_COUNT);
    return attacks[attack].name;
}

const char *dm_attack_row(enum dm_attack attack)
{
    assert(attack < DM_ATTACK_COUNT);
    return attacks[attack].row;
}

const char *dm_attack_text(enum dm_attack attack)
{
    assert(attack < DM_ATTACK_COUNT);
    return attacks[attack].text;
}
