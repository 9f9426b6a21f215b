/* SPDX-License-Identifier: BSD-2-Clause */
/* Chrome's trace event format: M names a lane, X is a slice, C a counter. */
#include "sim/explore/timeline.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/explore/report.h"

const char *xp_lane_name(uint32_t lane)
{
    static const char *const names[] = {"driver", "memory", "device",       "authority",
                                        "world",  "steps",  "ring contents"};

    return names[lane];
}

void xp_timeline_add(struct xp_timeline *t, uint32_t lane, uint64_t at, uint64_t ticks, const char *text)
{
    if (t->count == t->room) {
        const size_t room = t->room ? t->room * 2u : 256u;
        struct xp_event *events = realloc(t->events, room * sizeof *events);

        if (!events) {
            t->cut = true;
            return;
        }
        t->events = events;
        t->room = room;
    }
    struct xp_event *e = &t->events[t->count++];
    *e = (struct xp_event){.at = at, .ticks = ticks, .lane = lane};
    snprintf(e->text, sizeof e->text, "%s", text);
}

/* Every number of a line of state becomes a counter: "driver: avail 3 used 2" is `driver avail` and `driver
 * used`. */
static void counters(const struct xp_event *e, FILE *out)
{
    char line[XP_LINE_BYTES];
    char *rest = NULL;
    const char *party = "";
    const char *word = NULL;

    snprintf(line, sizeof line, "%s", e->text);
    for (char *token = strtok_r(line, " |", &rest); token; token = strtok_r(NULL, " |", &rest)) {
        const size_t bytes = strlen(token);
        char name[XP_LINE_BYTES];

        if (token[bytes - 1u] == ':') {
            token[bytes - 1u] = 0;
            party = token;
            word = NULL;
        } else if (strspn(token, "0123456789") != bytes) {
            word = token;
        } else if (word) {
            snprintf(name, sizeof name, "%.100s %.100s", party, word);
            fprintf(out, ",\n{\"ph\":\"C\",\"pid\":1,\"ts\":%" PRIu64 ",\"name\":", e->at);
            xp_json_text(out, name);
            fprintf(out, ",\"args\":{\"value\":%s}}", token);
            word = NULL;
        }
    }
}

static void write_event(const struct xp_event *e, FILE *out)
{
    fprintf(out, ",\n{\"ph\":\"X\",\"pid\":1,\"tid\":%u,\"ts\":%" PRIu64 ",\"dur\":%" PRIu64 ",\"name\":",
            e->lane + 1u, e->at, e->ticks);
    xp_json_text(out, e->text);
    fprintf(out, ",\"cat\":\"%s\"}", xp_lane_name(e->lane));
    if (e->lane == XP_LANE_STATE)
        counters(e, out);
}

bool xp_timeline_write(const struct xp_timeline *t, const char *name, const char *path)
{
    FILE *out = fopen(path, "w");

    if (!out)
        return false;
    fputs("{\"displayTimeUnit\":\"ns\",\"traceEvents\":[\n{\"ph\":\"M\",\"pid\":1,\"name\":\"process_name\","
          "\"args\":{\"name\":",
          out);
    xp_json_text(out, name);
    fputs("}}", out);
    for (uint32_t lane = 0; lane <= XP_LANE_STATE; lane++)
        fprintf(out,
                ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_name\",\"args\":{\"name\":\"%s\"}}"
                ",\n{\"ph\":\"M\",\"pid\":1,\"tid\":%u,\"name\":\"thread_sort_index\",\"args\":{\"sort_"
                "index\":%u}}",
                lane + 1u, xp_lane_name(lane), lane + 1u, lane + 1u);
    for (size_t i = 0; i < t->count; i++)
        write_event(&t->events[i], out);
    fputs("\n]}\n", out);
    const bool whole = fflush(out) == 0 && !ferror(out);
    return fclose(out) == 0 && whole && !t->cut;
}

void xp_timeline_free(struct xp_timeline *t)
{
    free(t->events);
    *t = (struct xp_timeline){0};
}
