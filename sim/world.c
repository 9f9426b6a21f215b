/* SPDX-License-Identifier: BSD-2-Clause */
#include "sim/world.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "abi/assert.h"
#include "platform/sim/trace.h"
#include "sim/tap.h"

#define ENTROPY_STREAM 0x656e74726f7079ull /* tells the second stream from the first */
#define NIC_SLOT_FIRST 4u /* 00:04.0, where GCE has it */
#define DISK_SLOT      3u /* and 00:03.0 */
#define TURN_NS_MAX    100000000ull /* of the host's time: after a longer stop it does not jump */

static uint32_t world_choose(void *ctx, uint32_t n, const char *tag)
{
    struct sim_world *w = ctx;
    uint32_t picked = sim_choose(&w->choices, n, tag);
    trace_call(&w->platform, TRACE_CHOICE, n, picked);
    return picked;
}

/* The next turn moves the clock by what the host's has moved since the last. */
static void keep_time(struct sim_world *w)
{
    const uint64_t host_ns = w->config.host_ns(), passed_ns = host_ns - w->turned_ns;

    w->platform.turn_ns = passed_ns == 0 ? 1 : passed_ns < TURN_NS_MAX ? passed_ns : TURN_NS_MAX;
    w->turned_ns = host_ns;
}

static uint32_t world_turn(void *ctx, uint64_t now_ns)
{
    struct sim_world *w = ctx;
    uint32_t steps = 0;
    for (uint32_t i = 0; i < w->config.nic_count; i++) {
        if (w->config.idle_turns && world_choose(w, 4, "turn.idle") == 3)
            continue;
        steps += dm_net_step(w->nets[i], now_ns, SIM_STEPS_A_TURN);
    }
    if (w->scsi && !(w->config.idle_turns && world_choose(w, 4, "turn.idle") == 3))
        steps += dm_scsi_step(w->scsi, now_ns, SIM_STEPS_A_TURN);
    if (w->nvme && !(w->config.idle_turns && world_choose(w, 4, "turn.idle") == 3))
        steps += dm_nvme_step(w->nvme, SIM_STEPS_A_TURN);
    if (w->config.host_ns)
        keep_time(w);
    return steps;
}

static void world_entropy(void *ctx, void *buffer, size_t bytes)
{
    struct sim_world *w = ctx;

    if (w->config.entropy != NULL)
        w->config.entropy(buffer, bytes);
    else
        sim_prng_fill(&w->entropy, buffer, bytes);
}

static void world_console(void *ctx, enum platform_console port, const char *text, size_t bytes)
{
    struct sim_world *w = ctx;
    if (w->config.console)
        w->config.console(w->config.console_ctx, port, text, bytes);
}

static size_t world_console_read(void *ctx, enum platform_console port, char *buffer, size_t bytes)
{
    struct sim_world *w = ctx;
    return w->config.console_read ? w->config.console_read(w->config.console_ctx, port, buffer, bytes) : 0;
}

static int world_end_requested(void *ctx)
{
    struct sim_world *w = ctx;
    return w->config.end_requested ? w->config.end_requested(w->config.console_ctx) : 0;
}

struct sim_world_config sim_world_defaults(enum dm_transport transport)
{
    struct sim_world_config c = {
        .mode = SIM_CHOOSE_RANDOM, /* several in flight complete out of order */
        .bridge_chipset = true,
        .memory_bytes = SIM_MEMORY_BYTES_DEFAULT,
        .ledger = true,
        .traced = true,
        .nic_count = 1,
    };
    c.nics[0].model = dm_net_defaults(transport);
    c.nics[0].model.bdf = 0; /* its slot is the world's to give */
    c.nics[0].backend = SIM_BACKEND_SLIRP;
    return c;
}

/* The client beside the peer. NULL: no memory; `peer` is gone then. */
static struct dm_backend *with_client(struct sim_world *w, const struct sim_nic_config *nic,
                                      struct dm_backend *peer)
{
    struct dm_client_config config = {.mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x09},
                                      .address = {10, 0, 2, 9},
                                      .guest = {10, 0, 2, 15},
                                      .seed = w->config.seed,
                                      .connections_max =
                                          nic->client_connections ? nic->client_connections : 1,
                                      .ctx = nic->client_ctx,
                                      .fill = nic->client_fill};
    if (nic->backend == SIM_BACKEND_VPC) { /* behind the router, as everything there */
        const struct dm_vpc_config vpc = dm_vpc_defaults();
        const struct dm_peer_config router = dm_peer_compute_engine(vpc.router, vpc.guest);
        memcpy(config.mac, router.mac, sizeof config.mac);
        memcpy(config.address, vpc.outside, sizeof config.address);
        memcpy(config.guest, vpc.guest, sizeof config.guest);
    }
    struct dm_backend *ports[2] = {peer, peer ? dm_client_create(&config) : NULL};
    struct dm_backend *hub = ports[1] ? dm_hub_create(ports, 2) : NULL;
    if (hub) {
        w->client = ports[1];
        return hub;
    }
    for (unsigned i = 0; i < 2; i++)
        if (ports[i])
            dm_backend_destroy(ports[i]);
    return NULL;
}

static struct dm_backend *make_vpc(struct sim_world *w, const struct sim_nic_config *nic)
{
    struct dm_vpc_config vpc = dm_vpc_defaults();

    sim_metadata_pages(nic->nonce, w->pages);
    vpc.pages = w->pages;
    vpc.page_count = SIM_METADATA_PAGES;
    for (; vpc.forward_count < nic->forward_count && vpc.forward_count < DM_FORWARDS_MAX; vpc.forward_count++)
        vpc.forwards[vpc.forward_count] = nic->forwards[vpc.forward_count];
    return dm_vpc_create(&vpc);
}

static struct dm_backend *make_backend(struct sim_world *w, const struct sim_nic_config *nic)
{
    const struct dm_script_config script = {
        .mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x02}, .address = {10, 0, 2, 2}, .guest = {10, 0, 2, 15}};
    struct dm_slirp_config slirp;
    switch (nic->backend) {
    case SIM_BACKEND_VPC:
        return nic->client_fill ? with_client(w, nic, make_vpc(w, nic)) : make_vpc(w, nic);
    case SIM_BACKEND_LOOP:
        return dm_loop_create();
    case SIM_BACKEND_SCRIPT:
        return nic->client_fill ? with_client(w, nic, dm_script_create(&script)) : dm_script_create(&script);
    case SIM_BACKEND_SLIRP:
        slirp = dm_slirp_defaults();
        for (; slirp.forward_count < nic->forward_count && slirp.forward_count < DM_FORWARDS_MAX;
             slirp.forward_count++)
            slirp.forwards[slirp.forward_count] = nic->forwards[slirp.forward_count];
        return dm_slirp_create(&slirp);
    case SIM_BACKEND_GIVEN:
        return nic->given;
    case SIM_BACKEND_NONE:
        break;
    }
    return NULL;
}

/* Builds backend, pcap and trace taps of one NIC. NULL on success. */
static const char *open_backend(struct sim_world *w, uint32_t i)
{
    const struct sim_nic_config *nic = &w->config.nics[i];
    struct dm_backend *outer;
    if (nic->backend == SIM_BACKEND_NONE)
        return NULL;
    w->backends[i] = make_backend(w, nic);
    if (!w->backends[i])
        return nic->forward_count ? "the network backend could not be made: is a port in use?"
                                  : "the network backend could not be made";
    if (nic->pcap) {
        outer = dm_pcap_create(w->backends[i], nic->pcap);
        if (!outer)
            return "the pcap file could not be made: does its folder exist?";
        w->backends[i] = outer;
    }
    if (w->config.traced) {
        outer = sim_tap_create(w->backends[i], &w->platform);
        if (!outer)
            return "no memory";
        w->backends[i] = outer;
    }
    return NULL;
}

static const char *open_nic(struct sim_world *w, uint32_t i)
{
    const char *why = open_backend(w, i);
    if (why)
        return why;
    struct dm_net_config model = w->config.nics[i].model;
    model.backend = w->backends[i];
    if (w->config.nics[i].backend == SIM_BACKEND_VPC) {
        const struct dm_vpc_config vpc = dm_vpc_defaults();
        dm_vpc_guest_mac(&vpc, model.mac);
    }
    if (model.bdf == 0)
        model.bdf = (uint16_t)((NIC_SLOT_FIRST + i) << 3);
    w->nets[i] = dm_net_create(w->bus, &model);
    return w->nets[i] ? NULL : "two devices claim one slot";
}

/* 00:00.0 and 00:01.0 as QEMU's and GCE's pc machine have them (Intel 440FX, PIIX3). */
static bool open_chipset(struct sim_world *w)
{
    const struct dm_function_config host = {
        .bdf = 0x0000, .vendor = 0x8086, .device = 0x1237, .revision = 2, .class_code = 0x060000};
    const struct dm_function_config isa = {
        .bdf = 0x0008, .vendor = 0x8086, .device = 0x7000, .header_type = 0x80, .class_code = 0x060100};
    static const struct dm_function_ops none = {0};
    return dm_bus_attach(w->bus, &host, &none, NULL) && dm_bus_attach(w->bus, &isa, &none, NULL);
}

struct sim_disk_config sim_disk_defaults(enum sim_disk_kind kind, struct dm_medium medium)
{
    const enum dm_transport transport = kind == SIM_DISK_SCSI_LEGACY ? DM_LEGACY : DM_MODERN;
    return (struct sim_disk_config){
        .kind = kind, .scsi = dm_scsi_defaults(transport), .nvme = dm_nvme_defaults(), .medium = medium};
}

/* NULL on success. */
static const char *open_disk(struct sim_world *w)
{
    struct dm_scsi_config scsi = w->config.disk.scsi;
    struct dm_nvme_config nvme = w->config.disk.nvme;
    if (w->config.disk.kind == SIM_DISK_NONE)
        return NULL;
    if (w->config.disk.kind == SIM_DISK_NVME) {
        nvme.bdf = DISK_SLOT << 3;
        nvme.medium = w->config.disk.medium;
        w->nvme = dm_nvme_create(w->bus, &nvme);
        return w->nvme ? NULL : "the disk could not be made";
    }
    scsi.bdf = DISK_SLOT << 3;
    scsi.transport = w->config.disk.kind == SIM_DISK_SCSI_LEGACY ? DM_LEGACY : DM_MODERN;
    scsi.medium = w->config.disk.medium;
    w->scsi = dm_scsi_create(w->bus, &scsi);
    return w->scsi ? NULL : "the disk could not be made";
}

static const char *open_parts(struct sim_world *w)
{
    const struct sim_world_config *c = &w->config;
    const struct dm_memory_config memory = {
        .bytes = c->memory_bytes ? c->memory_bytes : SIM_MEMORY_BYTES_DEFAULT,
        .bus_base = SIM_BUS_BASE,
        .ledger = c->ledger,
    };
    const struct platform_sim_hooks hooks = {
        w, world_turn, world_console, world_console_read, world_entropy, world_end_requested};
    struct dm_bus_config bus = {.choose = world_choose, .choose_ctx = w, .msi = platform_sim_msi};
    w->memory = c->memory ? c->memory : dm_memory_create(&memory);
    if (!w->memory)
        return "no memory for the guest";
    if (c->memory)
        dm_memory_reset(c->memory);
    bus.memory = w->memory;
    bus.msi_ctx = &w->platform;
    w->bus = dm_bus_create(&bus);
    if (!w->bus)
        return "no memory for the bus";
    platform_sim_init(&w->platform, w->memory, w->bus, &hooks);
    w->platform.traced = c->traced;
    if (c->programs_bytes > 0 && !platform_sim_memory_open(&w->platform, c->programs_bytes))
        return "no memory for programs";
    if (c->bridge_chipset && !open_chipset(w))
        return "no memory for the chipset";
    for (uint32_t i = 0; i < c->nic_count; i++) {
        const char *why = open_nic(w, i);
        if (why)
            return why;
    }
    return open_disk(w);
}

const char *sim_world_open(struct sim_world *w, const struct sim_world_config *config)
{
    memset(w, 0, sizeof *w);
    w->config = *config;
    ASSERT(config->nic_count <= SIM_NICS_MAX);
    /* Taken over before anything can fail: closing then destroys each once. */
    for (uint32_t i = 0; i < config->nic_count; i++)
        if (config->nics[i].backend == SIM_BACKEND_GIVEN)
            w->backends[i] = config->nics[i].given;
    sim_choices_init(&w->choices, config->mode, config->seed);
    sim_prng_seed(&w->entropy, config->seed ^ ENTROPY_STREAM);
    const char *why = open_parts(w);
    if (why)
        sim_world_close(w);
    return why;
}

void sim_world_close(struct sim_world *w)
{
    if (w->bus)
        dm_bus_destroy(w->bus);
    for (uint32_t i = 0; i < SIM_NICS_MAX; i++)
        if (w->backends[i])
            dm_backend_destroy(w->backends[i]);
    if (w->memory && !w->config.memory)
        dm_memory_destroy(w->memory);
    platform_sim_memory_close(&w->platform);
    sim_choices_free(&w->choices);
    memset(w, 0, sizeof *w);
}

size_t sim_world_complaints(const struct sim_world *w, int fd)
{
    size_t violations = dm_memory_violations(w->memory);
    size_t total = violations;
    if (fd >= 0)
        for (size_t i = 0; i < violations && dm_memory_violation(w->memory, i); i++)
            dm_violation_print(dm_memory_violation(w->memory, i), fd);
    for (uint32_t i = 0; i < w->config.nic_count; i++) {
        const struct dm_monitor *m = dm_net_monitor(w->nets[i]);
        total += (size_t)m->broken_total;
        if (fd >= 0 && m->broken_total)
            dprintf(fd, "rule broken: %s\n", m->first);
    }
    if (w->scsi) {
        const struct dm_monitor *m = dm_scsi_monitor(w->scsi);
        total += (size_t)m->broken_total;
        if (fd >= 0 && m->broken_total)
            dprintf(fd, "rule broken: %s\n", m->first);
    }
    if (w->nvme) {
        const struct dm_nvme_watch *watch = dm_nvme_watch(w->nvme);
        total += (size_t)watch->broken_total;
        if (fd >= 0 && watch->broken_total)
            dprintf(fd, "rule broken: %s\n", watch->first);
    }
    return total;
}
