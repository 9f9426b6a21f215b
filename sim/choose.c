/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/choose.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

#define REPLAY_MAGIC "capos-choices 2"

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
    free(c->tags);
    memset(c, 0, sizeof *c);
}

static void record(struct sim_choices *c, uint32_t n, const char *tag, uint32_t picked)
{
    if (c->unrecorded || c->count == SIM_CHOICES_MAX)
        return;
    if (c->count == c->room) {
        size_t room = c->room ? c->room * 2 : 256;
        struct sim_choice *list = realloc(c->list, room * sizeof *list);
        if (!list)
            return; /* the list is cut; `asked` against `count` says so */
        c->list = list;
        c->room = room;
    }
    c->list[c->count++] = (struct sim_choice){tag, n, picked};
}

static uint32_t replayed(struct sim_choices *c, uint32_t n, const char *tag)
{
    if (c->diverged)
        return 0;
    size_t at = (size_t)c->asked;
    if (at < c->replay_count) {
        const struct sim_choice *was = &c->replay[at];
        if (was->n == n && (was->tag == NULL || strcmp(was->tag, tag) == 0))
            return was->picked;
    }
    c->diverged = true;
    c->diverged_at = at;
    return 0;
}

static uint32_t nearest(const struct sim_choices *c, uint32_t n)
{
    uint32_t picked;

    if (c->asked >= c->replay_count)
        return 0;
    picked = c->replay[c->asked].picked;
    return picked < n ? picked : n - 1u;
}

static uint32_t from_bytes(struct sim_choices *c, uint32_t n)
{
    uint32_t value = 0;
    if (n == 1)
        return 0;
    for (uint32_t room = 1; room < n && c->byte_at < c->byte_count; room <<= 8)
        value = value << 8 | c->bytes[c->byte_at++];
    return value % n;
}

static uint32_t odometer_read(struct sim_odometer *o, uint32_t n)
{
    ASSERT(n <= UINT16_MAX);
    ASSERT(o->cursor < SIM_STEP_CHOICES_MAX);
    if (o->cursor == o->count) {
        o->n[o->count] = (uint16_t)n;
        o->picked[o->count++] = 0;
    }
    ASSERT(o->n[o->cursor] == n); /* a step depends on nothing but its choices */
    return o->picked[o->cursor++];
}

bool sim_odometer_next(struct sim_odometer *o)
{
    o->count = o->cursor;
    while (o->count > 0 && o->picked[o->count - 1u] + 1u >= o->n[o->count - 1u])
        o->count--;
    if (o->count == 0)
        return false;
    o->picked[o->count - 1u]++;
    return true;
}

bool sim_choices_used_up(const struct sim_choices *c)
{
    if (c->mode == SIM_CHOOSE_REPLAY)
        return c->diverged || c->asked >= c->replay_count;
    return c->mode == SIM_CHOOSE_BYTES && c->byte_at >= c->byte_count;
}

uint32_t sim_choose(void *choices, uint32_t n, const char *tag)
{
    struct sim_choices *c = choices;
    uint32_t picked = 0;
    ASSERT(n != 0);
    if (c->mode == SIM_CHOOSE_EVERY)
        return odometer_read(c->odometer, n);
    if (c->mode == SIM_CHOOSE_RANDOM)
        picked = sim_prng_below(&c->prng, n);
    else if (c->mode == SIM_CHOOSE_REPLAY)
        picked = replayed(c, n, tag);
    else if (c->mode == SIM_CHOOSE_NEAR)
        picked = nearest(c, n);
    else if (c->mode == SIM_CHOOSE_BYTES)
        picked = from_bytes(c, n);
    ASSERT(picked < n);
    record(c, n, tag, picked);
    c->asked++;
    return picked;
}

/* FNV-1a, folded to 16 bits where it is written. */
#define CHECK_FIRST 0xcbf29ce484222325u

static uint64_t check_over(uint64_t check, const char *text)
{
    for (; *text; text++)
        check = (check ^ (uint8_t)*text) * 0x100000001b3u;
    return check;
}

static unsigned folded(uint64_t check)
{
    return (unsigned)((check ^ check >> 16 ^ check >> 32 ^ check >> 48) & 0xffffu);
}

static void put_line(FILE *out, uint64_t *check, bool checked, const char *line)
{
    *check = check_over(*check, line);
    if (checked)
        fprintf(out, "%s %04x\n", line, folded(*check));
    else
        fprintf(out, "%s\n", line);
}

bool sim_choices_save(const struct sim_choices *c, const struct sim_replay_header *h, FILE *out)
{
    char line[256];
    uint64_t check = CHECK_FIRST;

    put_line(out, &check, false, REPLAY_MAGIC);
    snprintf(line, sizeof line, "seed %" PRIu64, h->seed);
    put_line(out, &check, false, line);
    snprintf(line, sizeof line, "commit %s", h->commit);
    put_line(out, &check, false, line);
    snprintf(line, sizeof line, "object %s", h->object);
    put_line(out, &check, false, line);
    snprintf(line, sizeof line, "setup %s", h->setup);
    put_line(out, &check, false, line);
    snprintf(line, sizeof line, "choices %zu of %" PRIu64, c->count, c->asked);
    put_line(out, &check, true, line);
    for (size_t i = 0; i < c->count; i++) {
        snprintf(line, sizeof line, "%s %u %u", c->list[i].tag, c->list[i].n, c->list[i].picked);
        put_line(out, &check, true, line);
    }
    put_line(out, &check, true, "end");
    return fflush(out) == 0 && !ferror(out);
}

/* A list as it is read. */
struct reader {
    FILE *in;
    char line[256]; /* without its newline and its check */
    unsigned number;
    size_t at, next; /* offset of the line's first byte, and of the one behind it */
    uint64_t check;
};

/* The next line; of a checked one the check is compared and cut off. False: the file ends, or it does not
 * fit. */
static bool next_line(struct reader *r, bool checked)
{
    char *check;
    size_t bytes;

    r->at = r->next;
    r->number++;
    r->line[0] = 0;
    if (!fgets(r->line, sizeof r->line, r->in))
        return false;
    bytes = strlen(r->line);
    r->next += bytes;
    if (bytes == 0 || r->line[bytes - 1u] != '\n')
        return false; /* cut off within the line */
    r->line[bytes - 1u] = 0;
    check = checked ? strrchr(r->line, ' ') : NULL;
    if (checked && !check)
        return false;
    if (check)
        *check++ = 0;
    r->check = check_over(r->check, r->line);
    if (!check)
        return true;
    char due[8];
    snprintf(due, sizeof due, "%04x", folded(r->check));
    return strcmp(check, due) == 0;
}

static bool load_header(struct sim_replay_header *h, struct reader *r, uint64_t *count)
{
    if (!next_line(r, false) || strcmp(r->line, REPLAY_MAGIC) != 0)
        return false;
    if (!next_line(r, false) || sscanf(r->line, "seed %" SCNu64, &h->seed) != 1)
        return false;
    if (!next_line(r, false) || sscanf(r->line, "commit %63s", h->commit) != 1)
        return false;
    if (!next_line(r, false) || sscanf(r->line, "object %79s", h->object) != 1)
        return false;
    if (!next_line(r, false) || sscanf(r->line, "setup %159[^\n]", h->setup) != 1)
        return false;
    return next_line(r, true) && sscanf(r->line, "choices %" SCNu64, count) == 1 && *count <= SIM_CHOICES_MAX;
}

/* `tag`: SIM_TAG_BYTES of the list's own. */
static bool load_choice(const char *line, struct sim_choice *out, char *tag)
{
    int end = 0;
    out->tag = tag;
    return sscanf(line, "%23s %u %u%n", tag, &out->n, &out->picked, &end) == 3 && line[end] == 0 &&
           out->n != 0 && out->picked < out->n;
}

static bool refused(const struct reader *r, const char *what, char *why, size_t why_bytes)
{
    snprintf(why, why_bytes, "line %u, byte %zu: %s", r->number, r->at, what);
    return false;
}

bool sim_choices_load(struct sim_choices *c, struct sim_replay_header *h, FILE *in, char *why,
                      size_t why_bytes)
{
    struct reader r = {.in = in, .check = CHECK_FIRST};
    uint64_t count = 0;

    memset(h, 0, sizeof *h);
    sim_choices_init(c, SIM_CHOOSE_REPLAY, 0);
    if (!load_header(h, &r, &count))
        return refused(&r, "not a replay header of this version, or edited here or above", why, why_bytes);
    c->replay = calloc(count ? (size_t)count : 1, sizeof *c->replay);
    c->tags = calloc(count ? (size_t)count : 1, SIM_TAG_BYTES);
    if (!c->replay || !c->tags) {
        snprintf(why, why_bytes, "no memory for %" PRIu64 " choices", count);
        return false;
    }
    for (uint64_t i = 0; i < count; i++) {
        if (!next_line(&r, true) || !load_choice(r.line, &c->replay[i], c->tags + i * SIM_TAG_BYTES))
            return refused(&r, "not a choice as it was written (tag n picked check)", why, why_bytes);
    }
    c->replay_count = (size_t)count;
    if (!next_line(&r, true) || strcmp(r.line, "end") != 0 || fgetc(in) != EOF)
        return refused(&r, "the list does not end where its header says", why, why_bytes);
    return true;
}
