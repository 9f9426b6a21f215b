/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile-catalogue FILE: plays every row of the catalogue on both transports by both authors, writes what
 * was measured as JSON, prints one line a fault and a summary. Exit status: 0 as the rows say, 1 not, 2
 * usage, 3 the file cannot be written. table.py makes the table of the file. */
#include <stdio.h>

#include "tests/hostile/attack.h"

static const char *const transports[] = {"legacy", "modern"};
static const char *const authors[] = {"brokered", "direct"};

struct run {
    FILE *file;
    struct rig_lent lent;
    uint32_t lives, never, wrong;
    bool fired[DM_ATTACK_COUNT];
};

static void put_legend(FILE *f)
{
    static const struct {
        const char *title, *text;
    } outcomes[] = {
#define OUTCOME(name, title, text) {title, text},
#include "tests/hostile/catalogue.def"
    };
    fprintf(f, "{\"outcomes\":{");
    for (uint32_t i = 0; i < OUTCOME_COUNT; i++)
        fprintf(f, "%s\"%s\":\"%s\"", i ? ",\n" : "\n", outcomes[i].title, outcomes[i].text);
    fprintf(f, "},\n\"rows\":[");
}

static void put_life(struct run *run, const struct attack_row *row, uint32_t transport, uint32_t author)
{
    const struct expectation *e = &row->expect[transport][author];
    const struct attack_result got =
        attack_run(row, (enum dm_transport)transport, (enum rig_author)author, &run->lent);
    FILE *f = run->file;
    bool first = true;
    fprintf(
        f, "%s\n  {\"transport\":\"%s\",\"author\":\"%s\",\"outcome\":\"%s\",\"error\":\"%s\",\"counters\":[",
        transport + author ? "," : "", transports[transport], authors[author], outcome_names[got.outcome],
        provider_error_name(got.error));
    for (uint32_t i = 0; i < COUNTER_COUNT; i++)
        if ((got.counters & 1u << i) != 0) {
            fprintf(f, "%s\"%s\"", first ? "" : ",", counter_names[i]);
            first = false;
        }
    fprintf(f, "],\"fired\":%u,\"pages\":%u,\"again\":%s,\"reason\":\"%s\",\"ok\":%s}", got.fired,
            got.quarantined_pages, got.again ? "true" : "false", e->reason ? e->reason : "",
            got.wrong[0] ? "false" : "true");
    run->fired[row->attack] |= got.fired != 0;
    run->never += e->outcome == CANNOT;
    run->lives++;
    if (got.wrong[0] == 0)
        return;
    run->wrong++;
    printf("%s, %s, %s: %s\n", row->name, transports[transport], authors[author], got.wrong);
}

static void put_row(struct run *run, const struct attack_row *row)
{
    fprintf(run->file, "%s{\"name\":\"%s\",\"attack\":\"%s\",\"row\":\"%s\",\"does\":\"%s\",\"text\":\"%s\",",
            row == attack_rows ? "\n" : ",\n", row->name, dm_attack_name(row->attack),
            dm_attack_row(row->attack), dm_attack_text(row->attack), row->text);
    fprintf(run->file, "\"lives\":[");
    for (uint32_t transport = 0; transport < 2; transport++)
        for (uint32_t author = 0; author < ATTACK_AUTHORS; author++)
            put_life(run, row, transport, author);
    fprintf(run->file, "]}");
}

int main(int argc, char **argv)
{
    static struct run run;
    if (argc != 2) {
        fprintf(stderr, "usage: hostile-catalogue FILE\n");
        return 2;
    }
    run.file = fopen(argv[1], "w");
    if (run.file == NULL) {
        perror(argv[1]);
        return 3;
    }
    put_legend(run.file);
    for (uint32_t i = 0; i < attack_row_count; i++)
        put_row(&run, &attack_rows[i]);
    fprintf(run.file, "]}\n");
    for (uint32_t i = 0; i < DM_ATTACK_COUNT; i++)
        if (!run.fired[i]) {
            printf("%s never fired\n", dm_attack_name((enum dm_attack)i));
            run.wrong++;
        }
    rig_lent_free(&run.lent);
    printf("%u attacks in %u rows, %u lives, %u of them without an opportunity, %u wrong\n",
           (unsigned)DM_ATTACK_COUNT, attack_row_count, run.lives, run.never, run.wrong);
    if (fclose(run.file) != 0) {
        perror(argv[1]);
        return 3;
    }
    return run.wrong == 0 ? 0 : 1;
}
