/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/choose.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

#define REPLAY_MAGIC "capos-choices 1"

void sim_choices_init(struct sim_choices *c, enum sim_choose_mode mode, uint64_t seed)
{
    memset(c, 0, sizeof *c);
    c->mode = mode;
    sim_prng_seed(&c->prng, seed);
}

void sim_choices_free(struct sim_choices *c)
{
    free(c->list);
    free(c->replay);
    memset(c, 0, sizeof *c);
}

static void record(struct sim_choices *c, uint32_t n, const char *tag, uint32_t picked)
{
    if (c->count == SIM_CHOICES_MAX)
        return;
    if (c->count == c->room) {
        size_t room = c->room ? c->room * 2 : 256;
        struct sim_choice *list = realloc(c->list, room * sizeof *list);
        if (!list)
            return; /* the list is cut; `asked` against `count` says so */
        c->list = list;
        c->room = room;
    }
    struct sim_choice *choice = &c->list[c->count++];
    memset(choice, 0, sizeof *choice);
    snprintf(choice->tag, sizeof choice->tag, "%s", tag);
    choice->n = n;
    choice->picked = picked;
}

static uint32_t replayed(struct sim_choices *c, uint32_t n, const char *tag)
{
    if (c->diverged)
        return 0;
    size_t at = (size_t)c->asked;
    if (at < c->replay_count) {
        const struct sim_choice *was = &c->replay[at];
        if (was->n == n && strncmp(was->tag, tag, sizeof was->tag - 1) == 0)
            return was->picked;
    }
    c->diverged = true;
    c->diverged_at = at;
    return 0;
}

uint32_t sim_choose(void *choices, uint32_t n, const char *tag)
{
    struct sim_choices *c = choices;
    uint32_t picked = 0;
    ASSERT(n != 0);
    if (c->mode == SIM_CHOOSE_RANDOM)
        picked = sim_prng_below(&c->prng, n);
    else if (c->mode == SIM_CHOOSE_REPLAY)
        picked = replayed(c, n, tag);
    ASSERT(picked < n);
    record(c, n, tag, picked);
    c->asked++;
    return picked;
}

bool sim_choices_save(const struct sim_choices *c, const struct sim_replay_header *h, FILE *out)
{
    fprintf(out,
            REPLAY_MAGIC "\nseed %" PRIu64 "\ncommit %s\nobject %s\nsetup %s\nchoices %zu of %" PRIu64 "\n",
            h->seed, h->commit, h->object, h->setup, c->count, c->asked);
    for (size_t i = 0; i < c->count; i++)
        fprintf(out, "%s %u %u\n", c->list[i].tag, c->list[i].n, c->list[i].picked);
    fputs("end\n", out);
    return fflush(out) == 0 && !ferror(out);
}

/* One line without its newline; false at the end of the file. */
static bool next_line(FILE *in, char *line, size_t bytes, unsigned *number)
{
    if (!fgets(line, (int)bytes, in))
        return false;
    (*number)++;
    line[strcspn(line, "\r\n")] = 0;
    return true;
}

static bool load_header(struct sim_replay_header *h, FILE *in, unsigned *number, uint64_t *count)
{
    char line[256];
    if (!next_line(in, line, sizeof line, number) || strcmp(line, REPLAY_MAGIC) != 0)
        return false;
    if (!next_line(in, line, sizeof line, number) || sscanf(line, "seed %" SCNu64, &h->seed) != 1)
        return false;
    if (!next_line(in, line, sizeof line, number) || sscanf(line, "commit %63s", h->commit) != 1)
        return false;
    if (!next_line(in, line, sizeof line, number) || sscanf(line, "object %79s", h->object) != 1)
        return false;
    if (!next_line(in, line, sizeof line, number) || sscanf(line, "setup %159[^\n]", h->setup) != 1)
        return false;
    return next_line(in, line, sizeof line, number) && sscanf(line, "choices %" SCNu64, count) == 1;
}

static bool load_choice(const char *line, struct sim_choice *out)
{
    memset(out, 0, sizeof *out);
    int end = 0;
    return sscanf(line, "%23s %u %u%n", out->tag, &out->n, &out->picked, &end) == 3 && line[end] == 0 &&
           out->n != 0 && out->picked < out->n;
}

bool sim_choices_load(struct sim_choices *c, struct sim_replay_header *h, FILE *in, char *why,
                      size_t why_bytes)
{
    char line[256];
    unsigned number = 0;
    uint64_t count = 0;
    memset(h, 0, sizeof *h);
    sim_choices_init(c, SIM_CHOOSE_REPLAY, 0);
    if (!load_header(h, in, &number, &count) || count > SIM_CHOICES_MAX) {
        snprintf(why, why_bytes, "line %u: not a replay header of this version", number);
        return false;
    }
    c->replay = calloc(count ? (size_t)count : 1, sizeof *c->replay);
    if (!c->replay) {
        snprintf(why, why_bytes, "no memory for %" PRIu64 " choices", count);
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!next_line(in, line, sizeof line, &number) || !load_choice(line, &c->replay[i])) {
            snprintf(why, why_bytes, "line %u: not a choice (tag n picked)", number);
            return false;
        }
    }
    c->replay_count = (size_t)count;
    if (!next_line(in, line, sizeof line, &number) || strcmp(line, "end") != 0) {
        snprintf(why, why_bytes, "line %u: the list does not end where its header says", number);
        return false;
    }
    return true;
}
