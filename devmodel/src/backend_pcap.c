/* SPDX-License-Identifier: BSD-2-Clause */
/* A tap: writes every frame that passes to a libpcap 2.4 file, then passes it on. Owns the file and the inner
 * backend. */
#include "backend_state.h"

#include <stdio.h>
#include <stdlib.h>

#define PCAP_MAGIC_NS      0xa1b23c4du /* time stamps in nanoseconds */
#define PCAP_LINK_ETHERNET 1u

struct pcap {
    struct dm_backend base;
    struct dm_backend *inner;
    FILE *file;
    uint64_t now_ns;
    dm_frame_sink sink; /* of the poll that runs */
    void *sink_ctx;
};

struct file_header {
    uint32_t magic;
    uint16_t major, minor;
    uint32_t zone, accuracy, snap_bytes, link;
};
_Static_assert(sizeof(struct file_header) == 24, "libpcap 2.4 file header");

struct record_header {
    uint32_t seconds, nanoseconds, kept_bytes, bytes;
};
_Static_assert(sizeof(struct record_header) == 16, "libpcap 2.4 record header");

/* A disk that is full loses the record, not the run: what is seen through the tap must not depend on it. */
static void record(struct pcap *p, const uint8_t *frame, size_t bytes)
{
    struct record_header header = {(uint32_t)(p->now_ns / 1000000000u), (uint32_t)(p->now_ns % 1000000000u),
                                   (uint32_t)bytes, (uint32_t)bytes};
    if (fwrite(&header, sizeof header, 1, p->file) == 1)
        (void)fwrite(frame, 1, bytes, p->file);
}

static void pcap_send(struct dm_backend *b, const uint8_t *frame, size_t bytes)
{
    struct pcap *p = (struct pcap *)b;
    record(p, frame, bytes);
    p->inner->ops->send(p->inner, frame, bytes);
}

/* Recorded when the guest took it: a frame that stays in the backend is not on the wire yet. */
static bool pcap_sink(void *ctx, const uint8_t *frame, size_t bytes)
{
    struct pcap *p = ctx;
    if (!p->sink(p->sink_ctx, frame, bytes))
        return false;
    record(p, frame, bytes);
    return true;
}

static uint32_t pcap_poll(struct dm_backend *b, uint64_t now_ns, uint32_t budget, dm_frame_sink sink,
                          void *ctx)
{
    struct pcap *p = (struct pcap *)b;
    p->now_ns = now_ns;
    p->sink = sink;
    p->sink_ctx = ctx;
    return p->inner->ops->poll(p->inner, now_ns, budget, pcap_sink, p);
}

static void pcap_destroy(struct dm_backend *b)
{
    struct pcap *p = (struct pcap *)b;
    dm_backend_destroy(p->inner);
    fclose(p->file);
    free(p);
}

static uint64_t pcap_next_due(const struct dm_backend *b)
{
    return dm_backend_next_due(((const struct pcap *)b)->inner);
}

static struct dm_backend_counts pcap_counts(const struct dm_backend *b)
{
    return dm_backend_counts(((const struct pcap *)b)->inner);
}

static const struct dm_backend_ops pcap_ops = {.name = "pcap",
                                               .send = pcap_send,
                                               .poll = pcap_poll,
                                               .destroy = pcap_destroy,
                                               .next_due = pcap_next_due,
                                               .counts = pcap_counts};

struct dm_backend *dm_pcap_create(struct dm_backend *inner, const char *path)
{
    struct pcap *p = calloc(1, sizeof *p);
    if (!p)
        return NULL;
    p->file = fopen(path, "wbe");
    if (!p->file) {
        free(p); /* errno is fopen's: free keeps it */
        return NULL;
    }
    const struct file_header header = {PCAP_MAGIC_NS, 2, 4, 0, 0, DM_FRAME_BYTES_MAX, PCAP_LINK_ETHERNET};
    if (fwrite(&header, sizeof header, 1, p->file) != 1 || fflush(p->file) != 0) {
        fclose(p->file);
        free(p);
        return NULL;
    }
    p->base.ops = &pcap_ops;
    p->inner = inner;
    return &p->base;
}
