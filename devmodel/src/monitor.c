/* SPDX-License-Identifier: BSD-2-Clause */
/* Monitors: names of the rules and the record of a broken one. The rules themselves are judged where they are
 * seen. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "net_model.h"

static const struct {
    const char *name, *row, *clause, *text;
} rules[DM_RULE_COUNT] = {
#define DM_RULE(name, row, clause, text) {#name, row, clause, text},
#include "capos/devmodel/rules.def"
#undef DM_RULE
};

const char *dm_rule_name(enum dm_rule rule)
{
    assert(rule < DM_RULE_COUNT);
    return rules[rule].name;
}

const char *dm_rule_row(enum dm_rule rule)
{
    assert(rule < DM_RULE_COUNT);
    return rules[rule].row;
}

const char *dm_rule_clause(enum dm_rule rule)
{
    assert(rule < DM_RULE_COUNT);
    return rules[rule].clause;
}

const char *dm_rule_text(enum dm_rule rule)
{
    assert(rule < DM_RULE_COUNT);
    return rules[rule].text;
}

void dm_rule_broken(struct dm_net *net, enum dm_rule rule, const char *format, ...)
{
    struct dm_monitor *m = &net->monitor;
    va_list arguments;
    int used;
    assert(m->enabled);
    m->broken[rule]++;
    if (m->broken_total++ > 0)
        return;
    used = snprintf(m->first, sizeof m->first, "%s %s (%s): ", rules[rule].row, rules[rule].name,
                    rules[rule].clause);
    if (used < 0 || (size_t)used >= sizeof m->first)
        return;
    va_start(arguments, format);
    (void)vsnprintf(m->first + used, sizeof m->first - (size_t)used, format, arguments);
    va_end(arguments);
}
