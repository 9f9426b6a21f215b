/* SPDX-License-Identifier: BSD-2-Clause */
/* A kernel main for measurements, behind the rooms of the shipped image. It sends and does nothing else:
 * frames of 60 bytes through the provider and the kernel's broker, `kick` of them offered to the device at
 * once, `frames` in all, as the command line says: `kick=32 frames=100000`. Or, with `fault=1`, it breaks.
 * What it says of itself is a count; who measures counts at the other end of the wire. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/text.h"
#include "kernel/main.h"
#include "provider/brokered.h"
#include "provider/format/virtio_ids.h"
#include "provider/virtio_net.h"

#define KICK_MAX    128u
#define SLOTS       256u /* QEMU's queue: two of the largest kicks under way */
#define FRAMES_MAX  100000000u
#define FRAME_BYTES 60u
#define POOL_PAGES  1024u
#define ARENA_BYTES (640u << 10)
#define BUDGET      64u /* completions a poll */
#define START_TURNS_MAX 100000u
#define STALL_NS    2000000000u /* without a free slot for that long, the device has stopped */

/* Local experimental (IEEE 802, 0x88b5), from one locally administered address to another: nobody's. */
static const uint8_t header[14] = {0x02, 0, 0, 0, 0, 0x01, 0x02, 0, 0, 0, 0, 0x02, 0x88, 0xb5};

/* The NIC through capabilities, as a driver has it. */
struct flood_nic {
    struct kernel *kernel;
    struct platform *platform;
    struct console *console;
    struct pci_function_info info;
    struct owner *owner;
    struct kernel_binding binding;
    struct device_authority authority;
    struct registers_brokered registers;
    struct author_brokered author;
    struct virtio_net nic;
    _Alignas(16) uint8_t arena[ARENA_BYTES];
};

struct flood {
    struct flood_nic *b;
    uint32_t kick;
    uint32_t frames;
    uint32_t sent;
    uint64_t sends; /* calls of the provider: one publication each */
};

static bool fail(struct flood_nic *b, const char *why)
{
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    text_string(&t, "flood failed: ");
    text_string(&t, why);
    console_line(b->console, t.at, t.used);
    return false;
}

/* The decimal number behind `name`, 0 when there is none or it is above `max`. */
static uint32_t number(const struct kernel_boot *boot, const char *name, size_t name_bytes, uint32_t max)
{
    const char *line = boot->command_line;
    uint64_t value = 0;
    size_t at = 0;
    while (at + name_bytes <= boot->command_line_bytes && memcmp(line + at, name, name_bytes) != 0)
        at++;
    for (at += name_bytes; at < boot->command_line_bytes && line[at] >= '0' && line[at] <= '9'; at++) {
        value = value * 10u + (uint64_t)(line[at] - '0');
        if (value > max)
            return 0;
    }
    return (uint32_t)value;
}

static bool find_nic(struct flood_nic *b)
{
    for (uint16_t i = 0; i < kernel_function_count(b->kernel); i++) {
        const struct pci_function_info *info = kernel_function_info(b->kernel, i);
        const struct virtio_probe probe = virtio_probe_function(info);
        if (probe.kind == VIRTIO_NONE || probe.device_type != VIRTIO_TYPE_NETWORK)
            continue;
        memcpy(&b->info, info, sizeof *info);
        return true;
    }
    return fail(b, "no NIC");
}

static bool poll(struct flood_nic *b)
{
    platform_relax(b->platform);
    return vnet_poll(&b->nic, platform_now_ns(b->platform), BUDGET) == VNET_RUNNING;
}

static bool start(struct flood_nic *b)
{
    const struct budget_limits limits = budget_limits_generous();
    if (!find_nic(b))
        return false;
    b->owner = owner_create(b->kernel, &limits);
    if (!b->owner)
        return fail(b, "no owner");
    b->authority = kernel_authority(&b->binding, b->kernel, b->owner);
    const struct device_authority *a = &b->authority;
    const struct device_reply device = a->ops->claim(a->ctx, b->info.bdf);
    const struct device_reply pool = a->ops->pool_create(a->ctx, device.cap, POOL_PAGES);
    if (!device_reply_ok(device) || !device_reply_ok(pool))
        return fail(b, "the NIC or its memory was refused");
    const struct vnet_env env = {
        .info = &b->info,
        .registers = registers_brokered_init(&b->registers, a, device.cap),
        .author = author_brokered_init(&b->author, a, pool.cap, &b->registers),
        .arena = b->arena,
        .arena_bytes = sizeof b->arena,
        .rx_slots = 1,
        .tx_slots = SLOTS,
    };
    bool running = vnet_open(&b->nic, &env) == PROVIDER_OK;
    for (uint32_t i = 0; running && i < START_TURNS_MAX && b->nic.state != VNET_RUNNING; i++)
        (void)poll(b);
    return b->nic.state == VNET_RUNNING || fail(b, provider_error_name(b->nic.error));
}

/* `count` slots, waiting for the device to give them back. */
static bool take(struct flood_nic *b, uint16_t *slots, uint16_t count)
{
    const uint64_t begun = platform_now_ns(b->platform);
    uint16_t held = vnet_tx_take(&b->nic, slots, count);
    while (held < count) {
        if (!poll(b))
            return fail(b, "the provider stopped");
        if (platform_now_ns(b->platform) - begun > STALL_NS)
            return fail(b, "the device gives nothing back");
        held = (uint16_t)(held + vnet_tx_take(&b->nic, slots + held, (uint16_t)(count - held)));
    }
    return true;
}

static bool send(struct flood *f, uint16_t count)
{
    struct flood_nic *b = f->b;
    uint16_t slots[KICK_MAX];
    struct nic_tx_frame frames[KICK_MAX];
    if (!take(b, slots, count))
        return false;
    for (uint16_t i = 0; i < count; i++) {
        uint8_t *data = vnet_tx_data(&b->nic, slots[i]);
        memset(data, 0, FRAME_BYTES);
        memcpy(data, header, sizeof header);
        frames[i] = (struct nic_tx_frame){.slot = slots[i], .length = FRAME_BYTES};
    }
    for (uint16_t done = 0; done < count; f->sends++) {
        const uint16_t taken = vnet_send(&b->nic, frames + done, (uint16_t)(count - done));
        if (taken == 0)
            return fail(b, "a frame was refused");
        done = (uint16_t)(done + taken);
    }
    f->sent += count;
    return true;
}

/* Frames and bells counted once the device has given back all that it was sent. */
static bool flood(struct flood *f)
{
    struct flood_nic *b = f->b;
    const uint64_t bells = kernel_stats(b->kernel)->bells;
    uint16_t slots[SLOTS];
    char buffer[96];
    struct text t = text_over(buffer, sizeof buffer);
    console_line(b->console, "flood begins", 12);
    while (f->sent < f->frames) {
        const uint32_t left = f->frames - f->sent;
        if (!send(f, (uint16_t)(left < f->kick ? left : f->kick)))
            return false;
    }
    if (!take(b, slots, b->nic.tx_slots))
        return false;
    text_string(&t, "flood ends: frames=");
    text_u64(&t, f->sent);
    text_string(&t, " sends=");
    text_u64(&t, f->sends);
    text_string(&t, " bells=");
    text_u64(&t, kernel_stats(b->kernel)->bells - bells);
    console_line(b->console, t.at, t.used);
    return true;
}

int kernel_main(struct kernel_storage *k, const struct kernel_boot *boot)
{
    static struct flood_nic nic; /* half a megabyte: not for the stack */
    struct console console;
    struct flood f = {.b = &nic,
                      .kick = number(boot, "kick=", 5, KICK_MAX),
                      .frames = number(boot, "frames=", 7, FRAMES_MAX)};
    console_init(&console, boot->platform);
    f.b->kernel = &k->kernel;
    f.b->platform = boot->platform;
    f.b->console = &console;
    if (number(boot, "fault=", 6, 1) == 1) {
        console_line(&console, "fault follows", 13);
        __builtin_trap();
    }
    if (f.kick == 0 || f.frames == 0)
        return fail(f.b, "kick= and frames= are not two numbers");
    kernel_init(&k->kernel, boot->platform);
    kernel_scan(&k->kernel);
    const bool whole = start(f.b) && flood(&f);
    if (f.b->owner)
        owner_exit(&k->kernel, f.b->owner);
    return !whole;
}
