/* SPDX-License-Identifier: BSD-2-Clause */
/* The monitors of world `full`. They count again what the kernel counts, from its records, after each turn
 * and each crash, and hold the ends of processes and the audit log against what this world did. Trusts the
 * records to be whole, not to agree. */
#include "sim/explore/full_world.h"

#include <stdlib.h>
#include <string.h>

#define FRAMES_AGAIN 6u /* requests of the client, each behind the answer to the one before */

/* What there is of one process, counted. */
struct tally {
    uint32_t waits; /* records accepted and not completed */
    uint32_t pages, endpoints, processes;
};

static struct tally *of_object(struct full_world *f, struct tally *t, struct object_ref object)
{
    return &t[full_system(f)->core->objects.entries[object.index].owner];
}

static void must_live(struct full_world *f, uint16_t process, const char *what)
{
    if (!process_live(full_system(f), process))
        xp_violate(&f->world, XP_P12, "%s names process %u, which has ended", what, process);
}

static void count_waits(struct full_world *f, struct tally *t)
{
    const struct system *s = full_system(f);

    for (uint32_t i = 0; i < CALLS_MAX; i++) {
        const struct call *c = &s->calls[i];

        if (c->state == CALL_UNUSED)
            continue;
        must_live(f, c->caller, "a call");
        if (c->state == CALL_RECEIVED)
            must_live(f, c->server, "a call that was received");
        t[c->caller].waits++;
    }
    for (uint32_t i = 0; i < WAITERS_MAX; i++) {
        if (s->waiters[i].kind == WAITER_UNUSED)
            continue;
        must_live(f, s->waiters[i].process, "a waiter");
        t[s->waiters[i].process].waits++;
    }
    for (uint32_t i = 0; i < PROCESSES_MAX; i++) {
        for (uint32_t k = 0; k < RING_INBOX; k++)
            t[i].waits += process_live(s, (uint16_t)i) && s->processes[i].receives[k].used;
    }
}

/* Returns pages of MemoryObjects. */
static uint32_t count_objects(struct full_world *f, struct tally *t)
{
    const struct system *s = full_system(f);
    uint32_t pages = 0;

    for (uint32_t i = 0; i < MEMORIES_MAX; i++) {
        const struct memory_object *m = &s->memories[i];

        if (!m->used)
            continue;
        for (uint16_t at = 0; at < PROCESSES_MAX; at++) {
            if (m->mapped_at[at] != 0)
                must_live(f, at, "a mapping");
        }
        of_object(f, t, m->object)->pages += m->foreign ? 0 : m->pages;
        pages += m->foreign ? 0 : m->pages;
    }
    for (uint32_t i = 0; i < ENDPOINTS_MAX; i++) {
        if (!s->endpoints[i].used)
            continue;
        of_object(f, t, s->endpoints[i].object)->endpoints++;
        if (s->endpoints[i].server != PROCESS_NONE)
            must_live(f, s->endpoints[i].server, "an endpoint");
    }
    for (uint32_t i = 0; i < CLIENTS_MAX; i++) {
        if (s->clients[i].used)
            of_object(f, t, s->clients[i].object)->endpoints++;
    }
    for (uint32_t i = 0; i < HANDLES_MAX; i++) {
        if (!s->handles[i].used)
            continue;
        t[s->handles[i].owner].processes++;
        if (s->handles[i].process != PROCESS_NONE)
            must_live(f, s->handles[i].process, "a Process object");
    }
    return pages;
}

static void same(struct full_world *f, uint32_t process, const char *what, uint32_t there, uint32_t said)
{
    if (there != said)
        xp_violate(&f->world, XP_I16, "process %u (%s): %u %s, %u are charged", process,
                   full_system(f)->processes[process].name, there, what, said);
}

static void judge_process(struct full_world *f, uint16_t i, const struct tally *t)
{
    const struct process *p = &full_system(f)->processes[i];
    const uint32_t *used = p->owner->budget.used;

    if (p->under_way != t->waits)
        xp_violate(&f->world, XP_P21, "%s has %u records under way, %u wait somewhere", p->name, p->under_way,
                   t->waits);
    same(f, i, "records that wait", t->waits, used[BUDGET_CALLS]);
    same(f, i, "pages", p->own_pages + t->pages, used[BUDGET_MEMORY_PAGES]);
    same(f, i, "endpoints and clients", t->endpoints, used[BUDGET_ENDPOINTS]);
    same(f, i, "Process objects", t->processes, used[BUDGET_PROCESSES]);
    same(f, i, "handles", p->owner->caps.live_count, used[BUDGET_CAP_SLOTS]);
}

/* Who has ended holds nothing. */
static void judge_place(struct full_world *f, uint16_t i, const struct tally *t)
{
    const struct owner *owner = &full_system(f)->core->owners[i];

    if (owner->state != OWNER_FREE)
        xp_violate(&f->world, XP_P16, "owner %u outlives its process", i);
    if (t->waits || t->pages || t->endpoints || t->processes)
        xp_violate(&f->world, XP_P16,
                   "process %u has ended, and %u records, %u pages, %u endpoints, %u Process "
                   "objects are still its own",
                   i, t->waits, t->pages, t->endpoints, t->processes);
}

static void judge_accounts(struct full_world *f)
{
    const struct system *s = full_system(f);
    struct tally tallies[PROCESSES_MAX] = {0};
    uint32_t pages;

    count_waits(f, tallies);
    pages = count_objects(f, tallies);
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (process_live(s, i)) {
            judge_process(f, i, &tallies[i]);
            pages += s->processes[i].own_pages;
        } else {
            judge_place(f, i, &tallies[i]);
        }
    }
    if (pages != s->pages.used)
        xp_violate(&f->world, XP_P4, "%u pages belong to somebody, %u are given out", pages, s->pages.used);
}

static bool is_named(const struct full_seen *seen, const char *name)
{
    return strcmp(seen->name, name) == 0;
}

/* The process of this place has ended. */
static void judge_end(struct full_world *f, uint16_t i)
{
    struct full_seen *seen = &f->seen[i];
    const struct process *p = &full_system(f)->processes[i]; /* its last word, if the place is still empty */

    xp_note(&f->world, XP_LANE_WORLD, "%s has ended", seen->name);
    if (!seen->wanted && !(is_named(seen, "frames") && seen->server_ended))
        xp_violate(&f->world, XP_P22, "%s ended by itself (end %u, code %u)", seen->name, p->end, p->code);
    if (is_named(seen, "nicd")) {
        for (uint32_t k = 0; k < PROCESSES_MAX; k++)
            f->seen[k].server_ended = true;
    }
    if (is_named(seen, "auditd"))
        f->log_again = true;
    *seen = (struct full_seen){0};
}

static void judge_ends(struct full_world *f)
{
    const struct system *s = full_system(f);

    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (f->seen[i].number != 0 && (!process_live(s, i) || s->processes[i].number != f->seen[i].number))
            judge_end(f, i);
    }
    for (uint16_t i = 0; i < PROCESSES_MAX; i++) {
        if (f->seen[i].number != 0 || !process_live(s, i))
            continue;
        f->seen[i].number = s->processes[i].number;
        memcpy(f->seen[i].name, s->processes[i].name, sizeof f->seen[i].name);
    }
}

static const struct audit_record *record_at(struct full_world *f, uint64_t seq)
{
    return &full_system(f)->core->audit.ring[(seq - 1u) & (AUDIT_RECORDS_MAX - 1u)];
}

/* New records follow those before. */
static void judge_log(struct full_world *f)
{
    const uint64_t count = audit_count(&full_system(f)->core->audit);

    while (f->log_seen < count) {
        const struct audit_record *r = record_at(f, f->log_seen + 1u);

        if (r->seq != f->log_seen + 1u || !audit_follows(f->log_chain, r))
            xp_violate(&f->world, XP_P23, "record %llu does not follow the one before",
                       (unsigned long long)f->log_seen + 1u);
        memcpy(f->log_chain, r->chain, sizeof f->log_chain);
        f->log_seen++;
    }
}

static bool same_chain(const struct audit_record *r, const char *hex)
{
    static const char digits[] = "0123456789abcdef";

    for (uint32_t i = 0; i < DIGEST_BYTES; i++) {
        if (hex[2u * i] != digits[r->chain[i] >> 4] || hex[2u * i + 1u] != digits[r->chain[i] & 15u])
            return false;
    }
    return true;
}

/* One line of the reader: the record behind the one before, with its own chain. */
static void judge_line(struct full_world *f)
{
    static const char head[] = "audit: seq=";
    static const char key[] = " chain=";
    const char *chain = strstr(f->line, key);
    const uint64_t seq =
        strncmp(f->line, head, sizeof head - 1u) == 0 ? strtoull(f->line + sizeof head - 1u, NULL, 10) : 0;

    if (seq == 0 || !chain || strlen(chain) != sizeof key - 1u + 2u * DIGEST_BYTES)
        xp_violate(&f->world, XP_P23, "the reader of the log writes: %.80s", f->line);
    if (seq != f->log_written + 1u && !(f->log_again && seq <= f->log_written))
        xp_violate(&f->world, XP_P23, "record %llu is written behind %llu", (unsigned long long)seq,
                   (unsigned long long)f->log_written);
    if (!same_chain(record_at(f, seq), chain + sizeof key - 1u))
        xp_violate(&f->world, XP_P23, "record %llu is written with another chain", (unsigned long long)seq);
    f->log_written = seq;
    f->log_again = false;
}

void full_judge_log_text(struct full_world *f, const char *text, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (text[i] != '\n') {
            f->line[f->line_bytes] = text[i];
            f->line_bytes += f->line_bytes < sizeof f->line - 1u;
            continue;
        }
        f->line[f->line_bytes] = '\0';
        f->line_bytes -= f->line_bytes > 0 && f->line[f->line_bytes - 1u] == '\r';
        f->line[f->line_bytes] = '\0';
        judge_line(f);
        f->line_bytes = 0;
    }
}

void full_judge_begin(struct full_world *f)
{
    memset(f->seen, 0, sizeof f->seen);
    memset(f->log_chain, 0, sizeof f->log_chain);
    f->log_seen = f->log_written = 0;
    f->log_again = false;
    f->line_bytes = 0;
    f->frames_then = 0;
    f->all_ran = false;
    f->hash = 0;
}

void full_judge(struct full_world *f)
{
    const struct kernel_usage usage = kernel_usage(&f->k->kernel);

    judge_ends(f);
    judge_accounts(f);
    judge_log(f);
    if (usage.quarantined_devices != 0)
        xp_violate(&f->world, XP_P16, "an honest device is in quarantine");
    if (sim_world_complaints(&f->machine, -1) != 0) {
        const struct dm_monitor *m = dm_net_monitor(f->machine.nets[0]);

        xp_violate(&f->world, m->broken_total ? XP_P8 : XP_P9, "%s",
                   m->broken_total ? m->first : "a page is touched, or goes, against the ledger");
    }
}

struct sim_kept full_kept(struct full_world *f)
{
    return sim_kept_of(full_system(f), &f->k->kernel);
}

bool full_flows(struct full_world *f)
{
    const struct system *s = full_system(f);
    const uint64_t sent = dm_net_counts(f->machine.nets[0]).tx_frames;
    uint32_t live = 0;

    for (uint16_t i = 0; i < PROCESSES_MAX; i++)
        live += process_live(s, i);
    if (live != FULL_SERVICES) {
        f->all_ran = false;
        return false;
    }
    if (!f->all_ran)
        f->frames_then = sent;
    f->all_ran = true;
    return sent >= f->frames_then + FRAMES_AGAIN && audit_waiting(&s->core->audit) == 0;
}

void full_judge_end(struct full_world *f)
{
    struct system *s = full_system(f);

    for (uint32_t i = 0; i < PROCESSES_MAX; i++)
        f->seen[i].wanted = true;
    f->over = true;
    const char *left = userland_end(&f->k->userland);
    if (left)
        xp_violate(&f->world, XP_P16, "%s", left);
    full_judge(f);
    if (s->pages.used != 0)
        xp_violate(&f->world, XP_P4, "%u pages are left", s->pages.used);
}
