/* SPDX-License-Identifier: BSD-2-Clause */
/* The network device as a PCI function: its making, its windows, its step, and the public calls (net.h). */
#include <assert.h>
#include <stdlib.h>

#include "net_model.h"
#include "virtio_modern.h"

#define VENDOR               0x1af4u
#define DEVICE_TRANSITIONAL  0x1000u
#define DEVICE_MODERN        0x1040u /* and the device type */
#define SUBSYSTEM_MODERN     0x1100u
#define CLASS_ETHERNET       0x020000u
#define BAR_IO_BYTES         64u
#define MSIX_TABLE_BYTES_MIN 0x800u
#define MSIX_VECTORS_MAX     2048u
#define PORT_BASE            0xc000u
#define MSIX_BASE            0xfe000000u
#define MODERN_BASE          0xe0000000u
#define COMMAND              0x04u
#define COMMAND_BUS_MASTER   0x04u

struct dm_net_config dm_net_defaults(enum dm_transport transport)
{
    struct dm_net_config config = {
        .bdf = 3u << 3,
        .transport = transport,
        .features = DM_NET_F_MAC | DM_NET_F_STATUS,
        .queue_size = {256, 256, 0},
        .mac = {0x52, 0x54, 0x00, 0x12, 0x34, 0x56},
        .mtu = 1500,
        .link_up = true,
        .msix_vectors = 3,
        .monitors = true,
    };
    if (transport != DM_MODERN)
        config.features |= DM_F_ANY_LAYOUT;
    return config;
}

static uint32_t all_ones(uint8_t width)
{
    return dm_mask_width(UINT32_MAX, width);
}

/* One interface a life (2.2.3); only a transitional device can see both used. */
static void note_interface(struct dm_net *net, unsigned bar)
{
    net->life.used_legacy |= bar == DM_MODEL_BAR_IO;
    net->life.used_modern |= bar == DM_MODEL_BAR_MODERN;
    if (net->config.transport == DM_TRANSITIONAL)
        dm_check(net, DM_RULE_ONE_INTERFACE, !(net->life.used_legacy && net->life.used_modern),
                 "both interfaces used since the last reset");
}

static uint32_t bar_read(void *model, unsigned bar, uint32_t offset, uint8_t width)
{
    struct dm_net *net = model;
    if (net->removed || dm_attacks(net, DM_ATTACK_ALL_ONES))
        return all_ones(width);
    note_interface(net, bar);
    if (bar == DM_MODEL_BAR_IO)
        return dm_legacy_read(net, offset, width);
    return bar == DM_MODEL_BAR_MODERN ? dm_modern_read(net, offset, width) : 0;
}

static void bar_write(void *model, unsigned bar, uint32_t offset, uint8_t width, uint32_t value)
{
    struct dm_net *net = model;
    if (net->removed)
        return;
    note_interface(net, bar);
    if (bar == DM_MODEL_BAR_IO)
        dm_legacy_write(net, offset, width, value);
    else if (bar == DM_MODEL_BAR_MODERN)
        dm_modern_write(net, offset, width, value);
}

static void config_written(void *model, uint16_t offset, uint8_t width)
{
    struct dm_net *net = model;
    bool master = dm_function_bus_master(net->function);
    if (net->removed)
        return;
    if (offset <= COMMAND && offset + width > COMMAND && master != net->was_bus_master) {
        net->was_bus_master = master;
        if (!master)
            dm_firmware_unmap(net);
        else if (!net->life.reset_written)
            dm_check(net, DM_RULE_NO_LIFE_BEFORE_RESET, !net->firmware.live,
                     "bus mastering on over live rings");
    }
    dm_caps_written(net, offset, width);
}

static void config_reading(void *model, uint16_t offset, uint8_t width)
{
    struct dm_net *net = model;
    if (!net->removed && net->function)
        dm_caps_reading(net, offset, width);
}

static uint32_t bus_step(void *model, uint32_t budget)
{
    struct dm_net *net = model;
    return dm_net_step(net, net->now_ns, budget);
}

static void destroy(void *model)
{
    struct dm_net *net = model;
    for (unsigned i = 0; i < DM_NET_QUEUES; i++)
        dm_queue_destroy(&net->queues[i]);
    free(net->pending.bytes);
    free(net->frame);
    free(net);
}

static const struct dm_function_ops net_ops = {
    .bar_read = bar_read,
    .bar_write = bar_write,
    .config_written = config_written,
    .config_reading = config_reading,
    .step = bus_step,
    .destroy = destroy,
};

static struct dm_function_config function_config(const struct dm_class *class,
                                                 const struct dm_net_config *config)
{
    bool modern = config->transport == DM_MODERN;
    uint32_t slot = config->bdf & 0xffu;
    uint32_t table = MSIX_TABLE_BYTES_MIN;
    struct dm_function_config f = {
        .bdf = config->bdf,
        .vendor = VENDOR,
        .device = modern ? (uint16_t)(DEVICE_MODERN + class->type) : class->transitional,
        .subsystem_vendor = VENDOR,
        .subsystem = modern ? SUBSYSTEM_MODERN : class->type,
        .revision = modern ? 1 : 0,
        .class_code = class->class_code,
        .firmware_command = config->firmware_left_running ? 7 : 3,
    };
    while (table < 16u * config->msix_vectors)
        table *= 2u;
    if (!modern) {
        f.bars[DM_MODEL_BAR_IO].kind = DM_BAR_PORTS;
        f.bars[DM_MODEL_BAR_IO].bytes = BAR_IO_BYTES;
        f.bars[DM_MODEL_BAR_IO].firmware_address = PORT_BASE + slot * BAR_IO_BYTES;
    }
    if (config->msix_vectors) {
        f.bars[DM_MODEL_BAR_MSIX].kind = DM_BAR_MEM32;
        f.bars[DM_MODEL_BAR_MSIX].bytes = 2u * table;
        f.bars[DM_MODEL_BAR_MSIX].firmware_address = MSIX_BASE + slot * 2u * table;
        f.msix_vectors = config->msix_vectors;
        f.msix_bar = DM_MODEL_BAR_MSIX;
        f.msix_pba_offset = table;
    }
    if (config->transport != DM_LEGACY) {
        f.bars[DM_MODEL_BAR_MODERN].kind = DM_BAR_MEM64;
        f.bars[DM_MODEL_BAR_MODERN].bytes = DM_MODERN_BAR_BYTES;
        f.bars[DM_MODEL_BAR_MODERN].firmware_address = MODERN_BASE + slot * DM_MODERN_BAR_BYTES;
    }
    return f;
}

static uint64_t features_offered(const struct dm_net_config *config)
{
    if (config->transport == DM_LEGACY)
        return config->features & UINT32_MAX;
    return config->features | DM_F_VERSION_1;
}

static bool make_queues(struct dm_net *net)
{
    for (uint16_t i = 0; i < DM_NET_QUEUES; i++) {
        uint16_t size = net->config.queue_size[i];
        if (net->class == &dm_net_class && i == DM_CTRL && !(net->offered & DM_NET_F_CTRL_VQ))
            size = 0;
        if (!dm_queue_create(&net->queues[i], i, size))
            return false;
        net->queues[i].vector_checked = true;
    }
    return true;
}

struct dm_net *dm_virtio_create(struct dm_bus *bus, const struct dm_class *class,
                                const struct dm_net_config *config, size_t bytes)
{
    struct dm_function_config f = function_config(class, config);
    struct dm_net *net;
    assert(bus);
    if (config->msix_vectors > MSIX_VECTORS_MAX)
        return NULL;
    assert(bytes >= sizeof *net);
    net = calloc(1, bytes);
    if (!net)
        return NULL;
    net->class = class;
    net->bus = bus;
    net->memory = dm_bus_memory(bus);
    net->config = *config;
    net->ledger = dm_memory_ledger(net->memory);
    net->monitor.enabled = config->monitors;
    net->offered = features_offered(config);
    net->config_vector = DM_NO_VECTOR;
    net->config_vector_checked = true;
    net->was_bus_master = config->firmware_left_running;
    memcpy(net->mac_shown, config->mac, sizeof net->mac_shown);
    if (config->hostile) {
        net->hostile = *config->hostile;
        net->hostile_touched = true;
    }
    net->config.hostile = NULL;
    net->frame = malloc(DM_FRAME_BYTES_MAX + DM_HEADER_LONG);
    if (!net->frame || !make_queues(net)) {
        destroy(net);
        return NULL;
    }
    if (dm_attacks(net, DM_ATTACK_IDENTITY))
        f.device = (uint16_t)dm_attack_value(net, DM_ATTACK_IDENTITY);
    if (dm_attacks(net, DM_ATTACK_REVISION))
        f.revision = (uint8_t)dm_attack_value(net, DM_ATTACK_REVISION);
    net->function = dm_bus_attach(bus, &f, &net_ops, net);
    if (!net->function) {
        destroy(net);
        return NULL;
    }
    if (config->transport != DM_LEGACY)
        dm_caps_add(net);
    if (config->firmware_left_running && !dm_firmware_start(net))
        net->firmware.live = false; /* memory too small or an odd size: nothing is left running */
    return net;
}

struct dm_net *dm_net_create(struct dm_bus *bus, const struct dm_net_config *config)
{
    return dm_virtio_create(bus, &dm_net_class, config, sizeof(struct dm_net));
}

static bool work_waits(const struct dm_net *net)
{
    for (unsigned i = 0; i < DM_NET_QUEUES; i++)
        if (net->queues[i].enabled && net->queues[i].kicked)
            return true;
    return false;
}

static uint32_t work(struct dm_net *net, uint32_t budget)
{
    uint32_t done = 0;
    net->receive_first = !net->receive_first; /* neither side starves when the budget is small */
    if (net->receive_first)
        done = dm_net_receive(net, budget);
    done += dm_net_transmit(net, budget - done);
    done += dm_net_control(net, budget - done);
    if (!net->receive_first)
        done += dm_net_receive(net, budget - done);
    return done;
}

const struct dm_class dm_net_class = {
    .type = 1,
    .transitional = DEVICE_TRANSITIONAL,
    .class_code = CLASS_ETHERNET,
    .known = DM_NET_KNOWN_BITS,
    .supported = DM_NET_SUPPORTED_BITS,
    .measured_queue = DM_RX,
    .config_read = dm_net_config_read,
    .config_write = dm_net_config_write,
    .work = work,
    .idle = dm_net_drop_wire,
};

uint32_t dm_net_step(struct dm_net *net, uint64_t now_ns, uint32_t budget)
{
    uint32_t done = 0;
    net->now_ns = now_ns;
    if (net->removed)
        return 0;
    if (net->hostile_touched)
        dm_lie_step(net);
    if (!dm_running(net)) {
        net->class->idle(net, budget);
        return 0;
    }
    if (!dm_function_bus_master(net->function)) {
        net->counts.dma_blocked += work_waits(net);
        return 0;
    }
    for (unsigned i = 0; i < DM_NET_QUEUES && net->monitor.enabled; i++)
        dm_queue_check_kick(net, &net->queues[i]);
    done = net->class->work(net, budget);
    assert(done <= budget);
    return done;
}

void dm_net_set_link(struct dm_net *net, bool up)
{
    if (net->config.link_up == up)
        return;
    net->config.link_up = up;
    dm_config_changed(net);
}

void dm_net_need_reset(struct dm_net *net)
{
    dm_device_needs_reset(net);
}

void dm_net_reset_itself(struct dm_net *net)
{
    if (!net->removed)
        dm_device_resets_itself(net);
}

void dm_net_remove(struct dm_net *net)
{
    net->removed = true;
    dm_function_remove(net->function);
}

struct dm_net_counts dm_net_counts(const struct dm_net *net)
{
    struct dm_net_counts counts = net->counts;
    for (unsigned i = 0; i < DM_NET_QUEUES; i++)
        counts.in_flight += net->queues[i].in_flight;
    return counts;
}

const struct dm_monitor *dm_net_monitor(const struct dm_net *net)
{
    return &net->monitor;
}

struct dm_hostile *dm_net_hostile(struct dm_net *net)
{
    net->hostile_touched = true;
    return &net->hostile;
}

uint8_t dm_net_status(const struct dm_net *net)
{
    return net->status;
}

uint64_t dm_net_accepted(const struct dm_net *net)
{
    return net->accepted;
}
