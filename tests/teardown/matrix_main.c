/* SPDX-License-Identifier: BSD-2-Clause */
/* teardown-matrix AUTHOR TRANSPORT FILE: plays every cell of one author (brokered, direct) on one transport
 * (legacy, modern), writes what was measured as JSON, prints one line a fault and a summary. Exit status: 0
 * as the rules say, 1 not, 2 usage, 3 the file cannot be written. table.py makes the table of the four files.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "tests/teardown/matrix.h"

struct title {
    const char *name, *title, *text;
};
#define TITLE(name, title, text) {#name, title, text},
static const struct title causes[] = {
#define CAUSE TITLE
#include "tests/teardown/matrix.def"
};
static const struct title phases[] = {
#define PHASE TITLE
#include "tests/teardown/matrix.def"
};
static const struct title loads[] = {
#define LOAD TITLE
#include "tests/teardown/matrix.def"
};
static const struct title confirms[] = {
#define CONFIRM TITLE
#include "tests/teardown/matrix.def"
};

struct run {
    FILE *file;
    struct rig_lent lent;
    enum rig_author author;
    enum dm_transport transport;
    uint32_t ran, impossible, wrong;
};

static void put_titles(FILE *f, const char *key, const struct title *titles, uint32_t count)
{
    fprintf(f, "\"%s\":[", key);
    for (uint32_t i = 0; i < count; i++)
        fprintf(f, "%s{\"name\":\"%s\",\"title\":\"%s\",\"text\":\"%s\"}", i ? ",\n" : "\n", titles[i].name,
                titles[i].title, titles[i].text);
    fprintf(f, "],\n");
}

static void put_head(const struct run *run)
{
    FILE *f = run->file;
    fprintf(f, "{\"author\":\"%s\",\"transport\":\"%s\",\n",
            run->author == RIG_DIRECT ? "direct" : "brokered",
            run->transport == DM_LEGACY ? "legacy" : "modern");
    put_titles(f, "causes", causes, CAUSE_COUNT);
    put_titles(f, "phases", phases, PHASE_COUNT);
    put_titles(f, "loads", loads, LOAD_COUNT);
    put_titles(f, "confirms", confirms, CONFIRM_COUNT);
    fprintf(f, "\"rules\":[");
    for (uint32_t i = 0; i < matrix_rule_count; i++)
        fprintf(f, "%s{\"name\":\"%s\",\"kind\":\"%s\",\"text\":\"%s\"}", i ? ",\n" : "\n",
                matrix_rules[i].name, matrix_kind_name(matrix_rules[i].kind), matrix_rules[i].text);
    fprintf(f, "],\n\"cells\":[");
}

static void play(struct run *run, const struct matrix_cell *c)
{
    static const char *const ends[VNET_STATE_COUNT] = {
        [VNET_STOPPED] = "stopped", [VNET_QUARANTINED] = "quarantined"};
    const struct matrix_expectation e = matrix_expect(c);
    const struct matrix_result got = matrix_play(c, &run->lent);
    const bool impossible = e.kind == KIND_IMPOSSIBLE;
    if (got.wrong[0] != 0) {
        printf("%s, %s, %s, reset confirmed %s (rule %s): %s\n", causes[c->cause].title,
               phases[c->phase].title, loads[c->load].title, confirms[c->confirm].title, e.rule->name,
               got.wrong);
        run->wrong++;
    }
    fprintf(run->file, "%s[%u,%u,%u,%u,%u,\"%s\",\"%s\",\"%s\",%d,%u,%d,%d]",
            run->ran + run->impossible ? ",\n" : "\n", c->cause, c->phase, c->load, c->confirm,
            (unsigned)(e.rule - matrix_rules), matrix_kind_name(impossible ? KIND_IMPOSSIBLE : got.kind),
            ends[got.end] ? ends[got.end] : "-", provider_error_name(got.error), got.restored, got.pages,
            got.again, got.wrong[0] == 0);
    if (impossible)
        run->impossible++;
    else
        run->ran++;
}

static void play_all(struct run *run)
{
    struct matrix_cell c = {.author = run->author, .transport = run->transport};
    for (uint32_t cause = 0; cause < CAUSE_COUNT; cause++)
        for (uint32_t phase = 0; phase < PHASE_COUNT; phase++)
            for (uint32_t load = 0; load < LOAD_COUNT; load++)
                for (uint32_t confirm = 0; confirm < CONFIRM_COUNT; confirm++) {
                    c.cause = (enum matrix_cause)cause;
                    c.phase = (enum matrix_phase)phase;
                    c.load = (enum matrix_load)load;
                    c.confirm = (enum matrix_confirm)confirm;
                    play(run, &c);
                }
}

int main(int argc, char **argv)
{
    struct run run = {0};
    if (argc != 4 || (strcmp(argv[1], "brokered") != 0 && strcmp(argv[1], "direct") != 0) ||
        (strcmp(argv[2], "legacy") != 0 && strcmp(argv[2], "modern") != 0)) {
        fprintf(stderr, "usage: teardown-matrix brokered|direct legacy|modern FILE\n");
        return 2;
    }
    run.author = strcmp(argv[1], "direct") == 0 ? RIG_DIRECT : RIG_BROKERED;
    run.transport = strcmp(argv[2], "legacy") == 0 ? DM_LEGACY : DM_MODERN;
    run.file = fopen(argv[3], "w");
    if (run.file == NULL) {
        perror(argv[3]);
        return 3;
    }
    put_head(&run);
    play_all(&run);
    fprintf(run.file, "]}\n");
    rig_lent_free(&run.lent);
    printf("%s, %s: %u cells run, %u impossible, %u wrong\n", argv[1], argv[2], run.ran, run.impossible,
           run.wrong);
    if (fclose(run.file) != 0) {
        perror(argv[3]);
        return 3;
    }
    return run.wrong == 0 ? 0 : 1;
}
