/* SPDX-License-Identifier: BSD-2-Clause */
/* The SCSI host as a virtio device: its configuration (5.6.4), the request queue, and the public calls
 * (scsi.h). What a command does is scsi_target.c. Trusts no chain. */
#include <assert.h>
#include <string.h>

#include "scsi_model.h"

#define CLASS_SCSI       0x010000u
#define DEVICE_SCSI      0x1004u
#define CONFIG_BYTES     36u
#define CONFIG_WORDS_END 28u /* from there two fields of 16 bits, then one of 32 */
#define CONFIG_PAIR_END  32u
#define TARGET_MAX       255u
#define BLOCK_BYTES_MIN  512u
#define BLOCK_BYTES_MAX  4096u

static const struct {
    const char *name, *text;
} attacks[DM_DISK_ATTACKS] = {
#define DM_DISK_ATTACK(name, text) {#name, text},
#include "capos/devmodel/disk_attacks.def"
#undef DM_DISK_ATTACK
};

const char *dm_disk_attack_name(enum dm_disk_attack attack)
{
    assert(attack < DM_DISK_ATTACKS);
    return attacks[attack].name;
}

const char *dm_disk_attack_text(enum dm_disk_attack attack)
{
    assert(attack < DM_DISK_ATTACKS);
    return attacks[attack].text;
}

bool dm_disk_fires(struct dm_scsi *s, enum dm_disk_attack attack, uint64_t *value)
{
    struct dm_attack_arm *arm = &s->arms[attack];

    if (!dm_arm_fires(arm))
        return false;
    if (value)
        *value = arm->value;
    return true;
}

static void fill_config(struct dm_scsi *s, uint8_t bytes[CONFIG_BYTES])
{
    uint64_t cdb = DM_SCSI_CDB_BYTES, sense = DM_SCSI_SENSE_BYTES;
    uint32_t queues = 1;

    (void)dm_disk_fires(s, DM_DISK_CONFIG_CDB_SIZE, &cdb);
    (void)dm_disk_fires(s, DM_DISK_CONFIG_SENSE_SIZE, &sense);
    if (dm_disk_fires(s, DM_DISK_CONFIG_NO_QUEUES, NULL))
        queues = 0;
    memset(bytes, 0, CONFIG_BYTES);
    dm_store32(bytes, queues);
    dm_store32(bytes + 4,
               s->core.queues[DM_REQUESTS].max_size ? s->core.queues[DM_REQUESTS].max_size - 2u : 0);
    dm_store32(bytes + 8, s->config.max_sectors);
    dm_store32(bytes + 12, 64); /* cmd_per_lun */
    dm_store32(bytes + 16, 16); /* event_info_size */
    dm_store32(bytes + 20, (uint32_t)sense);
    dm_store32(bytes + 24, (uint32_t)cdb);
    dm_store16(bytes + 30, TARGET_MAX);
    dm_store32(bytes + 32, 16383); /* max_lun */
}

static uint32_t config_read(struct dm_net *net, uint32_t offset, uint8_t width, bool legacy)
{
    uint8_t bytes[CONFIG_BYTES + 4] = {0};
    const uint8_t natural = offset >= CONFIG_WORDS_END && offset < CONFIG_PAIR_END ? 2 : 4;

    dm_check(net, DM_RULE_FIELD_WIDTH, width == natural ? offset % width == 0 : legacy && width == 1,
             "%u-byte access of configuration offset %u", width, offset);
    if (offset >= CONFIG_BYTES)
        return 0;
    fill_config((struct dm_scsi *)net, bytes);
    return dm_mask_width(dm_load32(bytes + offset), width);
}

/* Of sense_size and cdb_size alone a driver may write (5.6.4); this model keeps the defaults. */
static void config_write(struct dm_net *net, uint32_t offset, uint8_t width, uint32_t value, bool legacy)
{
    const uint8_t chosen = legacy ? DM_STATUS_DRIVER_OK : DM_STATUS_FEATURES_OK;

    (void)value;
    dm_check(net, DM_RULE_NO_CONFIG_WRITE, net->status & chosen,
             "configuration offset %u written at status %#x", offset, net->status);
    dm_check(net, DM_RULE_CONFIG_READ_ONLY, offset >= 20u && offset + width <= CONFIG_WORDS_END,
             "configuration offset %u written", offset);
}

/* One request: answered, or kept for ever. */
static void serve(struct dm_scsi *s, struct dm_queue *q, uint16_t head)
{
    struct dm_net *net = &s->core;
    const struct dm_chain *chain = &q->chains[head];
    struct dm_scsi_reply reply = {.data = s->data};
    uint8_t request[DM_SCSI_REQUEST_BYTES];
    uint32_t length;

    if (chain->readable != sizeof request || chain->writable < DM_SCSI_RESPONSE_BYTES ||
        dm_queue_gather(net, q, head, 0, request, sizeof request) != sizeof request) {
        s->counts.malformed++;
        dm_queue_break(net, q);
        return;
    }
    s->counts.commands++;
    if (dm_disk_fires(s, DM_DISK_NEVER_ANSWERS, NULL))
        return; /* out of the fifo, in flight until a reset */
    reply.room = chain->writable - DM_SCSI_RESPONSE_BYTES;
    dm_scsi_perform(s, request, &reply);
    length = dm_scsi_respond(s, q, head, &reply);
    dm_queue_complete(net, q, head, length);
}

static uint32_t work(struct dm_net *net, uint32_t budget)
{
    struct dm_scsi *s = (struct dm_scsi *)net;
    struct dm_queue *q = &net->queues[DM_REQUESTS];
    uint32_t done = 0;
    uint16_t head;

    if (!q->enabled || q->broken)
        return 0;
    if (q->kicked) {
        (void)dm_queue_refresh(net, q);
        q->kicked = false;
    }
    for (uint32_t i = 0; i < budget && dm_queue_fetch(net, q, &head); i++)
        done++;
    if (done)
        dm_queue_want_kick(net, q);
    for (uint32_t i = 0; i < budget && q->fifo_count && !q->broken; i++) {
        serve(s, q, dm_queue_pick(net, q));
        done = i + 1u > done ? i + 1u : done;
    }
    dm_queue_publish(net, q);
    return done;
}

static void idle(struct dm_net *net, uint32_t budget)
{
    (void)net;
    (void)budget;
}

static const struct dm_class scsi_class = {
    .type = 8,
    .transitional = DEVICE_SCSI,
    .class_code = CLASS_SCSI,
    .known = DM_COMMON_KNOWN_BITS | 0xfu, /* 5.6.3: INOUT, HOTPLUG, CHANGE, T10_PI */
    .supported = DM_COMMON_SUPPORTED_BITS,
    .measured_queue = DM_REQUESTS,
    .config_read = config_read,
    .config_write = config_write,
    .work = work,
    .idle = idle,
};

struct dm_scsi_config dm_scsi_defaults(enum dm_transport transport)
{
    return (struct dm_scsi_config){.bdf = 3u << 3,
                                   .transport = transport,
                                   .queue_size = {128, 128, 128},
                                   .msix_vectors = 4,
                                   .target = 1,
                                   .block_bytes = BLOCK_BYTES_MIN,
                                   .max_sectors = 512,
                                   .vendor = "Google",
                                   .product = "PersistentDisk",
                                   .revision = "1",
                                   .monitors = true};
}

static bool possible(const struct dm_scsi_config *c)
{
    return c->transport != DM_TRANSITIONAL && c->block_bytes >= BLOCK_BYTES_MIN &&
           c->block_bytes <= BLOCK_BYTES_MAX && (c->block_bytes & (c->block_bytes - 1u)) == 0 &&
           c->medium.bytes % c->block_bytes == 0 && (c->medium.bytes == 0 || c->medium.read != NULL);
}

struct dm_scsi *dm_scsi_create(struct dm_bus *bus, const struct dm_scsi_config *config)
{
    struct dm_net_config core = {.bdf = config->bdf,
                                 .transport = config->transport,
                                 .msix_vectors = config->msix_vectors,
                                 .in_order = config->in_order,
                                 .monitors = config->monitors,
                                 .features = config->transport == DM_LEGACY ? DM_F_ANY_LAYOUT : 0};
    struct dm_scsi *s;

    if (!possible(config))
        return NULL;
    memcpy(core.queue_size, config->queue_size, sizeof core.queue_size);
    s = (struct dm_scsi *)dm_virtio_create(bus, &scsi_class, &core, sizeof *s);
    if (s)
        s->config = *config;
    return s;
}

uint32_t dm_scsi_step(struct dm_scsi *scsi, uint64_t now_ns, uint32_t budget)
{
    return dm_net_step(&scsi->core, now_ns, budget);
}

void dm_scsi_arm(struct dm_scsi *scsi, enum dm_disk_attack attack, uint32_t at, uint32_t times,
                 uint64_t value)
{
    assert(attack < DM_DISK_ATTACKS);
    scsi->arms[attack] = (struct dm_attack_arm){.at = at, .times = times, .value = value};
}

uint32_t dm_scsi_fired(const struct dm_scsi *scsi, enum dm_disk_attack attack)
{
    return scsi->arms[attack].fired;
}

struct dm_hostile *dm_scsi_hostile(struct dm_scsi *scsi)
{
    return dm_net_hostile(&scsi->core);
}

const struct dm_monitor *dm_scsi_monitor(const struct dm_scsi *scsi)
{
    return &scsi->core.monitor;
}

struct dm_scsi_counts dm_scsi_counts(const struct dm_scsi *scsi)
{
    const struct dm_net_counts core = dm_net_counts(&scsi->core);
    struct dm_scsi_counts counts = scsi->counts;

    counts.malformed += core.malformed;
    counts.completions = core.completions;
    counts.kicks = core.kicks;
    counts.resets = core.resets;
    counts.in_flight = core.in_flight;
    return counts;
}

void dm_scsi_need_reset(struct dm_scsi *scsi)
{
    dm_net_need_reset(&scsi->core);
}

void dm_scsi_reset_itself(struct dm_scsi *scsi)
{
    dm_net_reset_itself(&scsi->core);
}

void dm_scsi_remove(struct dm_scsi *scsi)
{
    dm_net_remove(&scsi->core);
}
