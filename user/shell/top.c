/* SPDX-License-Identifier: BSD-2-Clause */
/* Processes by what they used since the last look, drawn again on the same place until a key is pressed. */
#include "abi/methods.h"
#include "user/shell/shell.h"

#define APART_NS  2000000000u
#define HEAD_ROWS 3u /* above the processes, and the cursor's below */

struct sample {
    bool there[SHELL_PROCESSES];
    struct process_info info[SHELL_PROCESSES];
    struct system_usage usage;
};

static bool take(struct shell *s, struct sample *out)
{
    for (uint64_t i = 0; i < SHELL_PROCESSES; i++)
        out->there[i] =
            shell_record(s, s->system, SYSTEM_PROCESS, (uint64_t[2]){i}, &out->info[i], sizeof out->info[i]);
    return shell_record(s, s->system, SYSTEM_USAGE, (uint64_t[2]){0}, &out->usage, sizeof out->usage);
}

/* What process `i` ran since; all of it where the place was another's. */
static uint64_t ran(const struct sample *was, const struct sample *now, uint64_t i)
{
    const bool same = was->there[i] && was->info[i].number == now->info[i].number;

    return now->info[i].run_ns - (same ? was->info[i].run_ns : 0);
}

static uint64_t called(const struct sample *was, const struct sample *now, uint64_t i)
{
    const bool same = was->there[i] && was->info[i].number == now->info[i].number;

    return now->info[i].calls - (same ? was->info[i].calls : 0);
}

static void head(struct shell *s, const struct sample *now)
{
    struct row r;

    row_begin(&r);
    text_string(&r.t, "up ");
    text_u64(&r.t, now->usage.now_ns / 1000000000u);
    text_string(&r.t, " s, ");
    text_u64(&r.t, now->usage.processes);
    text_string(&r.t, " processes, pages ");
    text_u64(&r.t, now->usage.pages_used);
    text_string(&r.t, " of ");
    text_u64(&r.t, (uint64_t)now->usage.pages_used + now->usage.pages_free);
    text_string(&r.t, "; any key ends");
    row_end(s, &r);
    row_begin(&r);
    text_string(&r.t, "  # name");
    row_column(&r, 4u + shell_name_columns(s));
    text_string(&r.t, "process   %  calls/s  pages   caps");
    row_end(s, &r);
}

static void draw(struct shell *s, const struct sample *was, const struct sample *now)
{
    const uint64_t ns = now->usage.now_ns - was->usage.now_ns;
    const uint32_t more = shell_name_columns(s) - 16u;
    bool drawn[SHELL_PROCESSES] = {false};

    head(s, now);
    /* The busiest of those left, each time, as many as the terminal has rows for. */
    for (uint32_t rank = 0; rank < SHELL_PROCESSES && rank + HEAD_ROWS < s->rows; rank++) {
        uint64_t best = SHELL_PROCESSES;
        struct row r;

        for (uint64_t i = 0; i < SHELL_PROCESSES; i++) {
            if (now->there[i] && !drawn[i] &&
                (best == SHELL_PROCESSES || ran(was, now, i) > ran(was, now, best)))
                best = i;
        }
        if (best == SHELL_PROCESSES)
            return;
        drawn[best] = true;
        row_begin(&r);
        row_number(&r, best, 3);
        row_column(&r, 4);
        row_name(&r, now->info[best].name, 16u + more);
        row_number(&r, now->info[best].number, 27u + more);
        row_number(&r, ns == 0 ? 0 : ran(was, now, best) * 100u / ns, 31u + more);
        row_number(&r, ns == 0 ? 0 : called(was, now, best) * 1000000000u / ns, 40u + more);
        row_number(&r, now->info[best].pages, 47u + more);
        row_number(&r, now->info[best].caps, 54u + more);
        row_end(s, &r);
    }
}

void shell_top(struct shell *s)
{
    static struct sample samples[2];
    uint32_t at = 0;
    bool whole = take(s, &samples[0]);

    do {
        if (shell_key(s, at == 0 && samples[1].usage.now_ns == 0 ? APART_NS / 10u : APART_NS) != -1)
            return;
        whole = whole && take(s, &samples[at ^ 1u]);
        (void)shell_size(s);
        (void)ring_call(&s->rt->ring, s->terminal, TERMINAL_CLEAR, NULL, NULL);
        draw(s, &samples[at], &samples[at ^ 1u]);
        at ^= 1u;
    } while (whole && !s->closed);
}
