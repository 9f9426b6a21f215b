/* SPDX-License-Identifier: BSD-2-Clause */
/* Monitors: one for each driver obligation that the model can see, named by its row of docs/conformance.md.
 * A monitor counts how often its rule was exercised and how often it was broken; the first broken rule keeps
 * its text. */
#ifndef CAPOS_DEVMODEL_MONITOR_H
#define CAPOS_DEVMODEL_MONITOR_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* DM_RULE(name, row, clause, text): the closed list. */
enum dm_rule {
#define DM_RULE(name, row, clause, text) DM_RULE_##name,
#include "capos/devmodel/rules.def"
#undef DM_RULE
    DM_RULE_COUNT
};

struct dm_monitor {
    bool enabled;
    uint64_t exercised[DM_RULE_COUNT];
    uint64_t broken[DM_RULE_COUNT];
    uint64_t broken_total;
    char first[200]; /* the first broken rule: row, clause, what was seen */
};

const char *dm_rule_name(enum dm_rule rule);
const char *dm_rule_row(enum dm_rule rule);
const char *dm_rule_clause(enum dm_rule rule);
const char *dm_rule_text(enum dm_rule rule);

#ifdef __cplusplus
}
#endif
#endif
