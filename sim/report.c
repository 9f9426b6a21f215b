/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void reason(struct sim_report *r, const char *text)
{
    r->holds = false;
    if (r->reason_count < SIM_REASONS_MAX)
        r->reasons[r->reason_count++] = text;
}

/* What must hold at the end of every run, whatever the kernel said. */
static void judge(struct sim_report *r, const struct sim_options *o, int kernel_status, bool interrupted,
                  const struct sim_console *c)
{
    if (interrupted && o->proof)
        reason(r, "interrupted");
    if (kernel_status != 0)
        reason(r, "the kernel reported a failed claim");
    if (r->complaints)
        reason(r, "the ledger or a monitor complained");
    if (r->exposed)
        reason(r, "bytes are still the device's after the end");
    /* A driver that proves nothing keeps its counts to itself: of its frames only the wire's are known here.
     */
    if (c->nic_counted && (r->wire_from_guest != r->nic_sent || r->wire_to_guest != r->nic_received))
        reason(r, "frame counts differ between provider and device");
    if (o->proof && c->knock && c->knock->state != SIM_KNOCK_ANSWERED)
        reason(r, "the number that was sent to a service did not come back");
    else if (o->proof && c->knock && !c->number_named)
        reason(r, "the evidence does not name the number that was sent");
    if (o->replay && r->replay_diverged)
        reason(r, "the replay left its list");
}

void sim_report_make(struct sim_report *r, const struct sim_options *o, struct sim_world *w,
                     const struct sim_console *c, const char *provider_object, int kernel_status,
                     bool interrupted)
{
    struct dm_net_counts wire = c->nic_counted ? c->wire : dm_net_counts(w->nets[0]);
    struct dm_memory_counts memory = dm_memory_counts(w->memory);
    memset(r, 0, sizeof *r);
    r->provider_object = provider_object;
    r->holds = true;
    r->wire_from_guest = wire.tx_frames;
    r->wire_to_guest = wire.rx_frames;
    r->nic_sent = c->nic_sent;
    r->nic_received = c->nic_received;
    r->complaints = sim_world_complaints(w, STDERR_FILENO);
    r->exposed = (uint32_t)memory.exposed_bytes;
    r->mapped = (uint32_t)memory.mapped_bytes;
    r->choices = w->choices.asked;
    r->replay_diverged = w->choices.diverged;
    r->replay_diverged_at = w->choices.diverged_at;
    r->trace = w->platform.trace;
    r->trace_calls = w->platform.trace_calls;
    r->virtual_ns = w->platform.now_ns;
    judge(r, o, kernel_status, interrupted, c);
}

static void write_object(const struct sim_report *r, const struct sim_options *o, FILE *out)
{
    fprintf(out, "{\"world\":\"sim\",\"nic\":\"%s\",\"backend\":\"%s\",\"disk\":\"%s\",\"mode\":\"%s\",",
            sim_nic_name(o->nic), sim_backend_name(o->backend), sim_disk_name(o->disk),
            o->proof ? "proof" : "serve");
    if (o->seeded)
        fprintf(out, "\"seed\":%" PRIu64 ",", o->seed);
    fprintf(out, "\"commit\":\"%s\",\"provider_object\":\"%s\",", o->commit, r->provider_object);
    fprintf(out, "\"wire\":{\"from_guest\":%" PRIu64 ",\"to_guest\":%" PRIu64 "},", r->wire_from_guest,
            r->wire_to_guest);
    fprintf(out, "\"provider\":{\"sent\":%" PRIu64 ",\"received\":%" PRIu64 "},", r->nic_sent,
            r->nic_received);
    fprintf(out,
            "\"complaints\":%" PRIu64 ",\"choices\":%" PRIu64 ",\"trace\":\"%016" PRIx64
            "\",\"trace_calls\":%" PRIu64 ",\"virtual_ns\":%" PRIu64 ",\"holds\":%s,\"reasons\":[",
            r->complaints, r->choices, r->trace, r->trace_calls, r->virtual_ns, r->holds ? "true" : "false");
    for (uint32_t i = 0; i < r->reason_count; i++)
        fprintf(out, "%s\"%s\"", i ? "," : "", r->reasons[i]);
    fputs("]}\n", out);
}

static FILE *open_in(const char *dir, const char *name)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", dir, name);
    return fopen(path, "w");
}

static bool close_whole(FILE *file)
{
    bool whole = fflush(file) == 0 && !ferror(file);
    return fclose(file) == 0 && whole;
}

bool sim_report_write(const struct sim_report *r, const struct sim_options *o, const struct sim_world *w,
                      const struct sim_console *c)
{
    struct sim_replay_header header = {.seed = o->seed};
    bool logs = fflush(c->main_log) == 0 && fflush(c->evidence_log) == 0;
    FILE *json = open_in(o->run_dir, "run.json");
    if (!json)
        return false;
    write_object(r, o, json);
    if (!close_whole(json))
        return false;
    FILE *replay = open_in(o->run_dir, "replay");
    if (!replay)
        return false;
    snprintf(header.commit, sizeof header.commit, "%s", o->commit);
    snprintf(header.object, sizeof header.object, "%s", r->provider_object);
    snprintf(header.setup, sizeof header.setup, "nic=%s backend=%s disk=%s exchanges=%u queue-size=%u",
             sim_nic_name(o->nic), sim_backend_name(o->backend), sim_disk_name(o->disk), o->exchanges,
             o->queue_size);
    bool saved = sim_choices_save(&w->choices, &header, replay);
    return close_whole(replay) && saved && logs;
}

void sim_report_print(const struct sim_report *r, const struct sim_options *o)
{
    if (o->json) {
        write_object(r, o, stdout);
        return;
    }
    printf("provider_object=%s\n", r->provider_object);
    printf("wire: from_guest=%" PRIu64 " to_guest=%" PRIu64 " provider: sent=%" PRIu64 " received=%" PRIu64
           "\n",
           r->wire_from_guest, r->wire_to_guest, r->nic_sent, r->nic_received);
    printf("trace=%016" PRIx64 " calls=%" PRIu64 " choices=%" PRIu64 " virtual_ms=%" PRIu64 "\n", r->trace,
           r->trace_calls, r->choices, r->virtual_ns / 1000000);
    if (r->replay_diverged)
        printf("replay: left its list at step %" PRIu64 "\n", r->replay_diverged_at);
    for (uint32_t i = 0; i < r->reason_count; i++)
        printf("failed: %s\n", r->reasons[i]);
    if (o->proof)
        printf("%s\n", r->holds ? "holds" : "does not hold");
}
