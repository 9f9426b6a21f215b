/* SPDX-License-Identifier: BSD-2-Clause */
/* The device's way up. Its way down is the kernel's: whatever ends this process ends the device first. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/text.h"
#include "provider/tables.h"
#include "user/nicd/nicd.h"

#define LINE_BYTES  96u
#define START_POLLS 1000000u /* of a device that never comes up */

bool nicd_failed(struct nicd *n, const char *what)
{
    (void)rt_print_line(n->rt, "nicd: ", what);
    return false;
}

static void say_up(struct nicd *n)
{
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line);

    text_string(&t, "nicd: ");
    text_mac(&t, n->nic.mac);
    text_string(&t, " at ");
    text_bdf(&t, n->info.bdf);
    text_string(&t, ", ");
    text_string(&t, n->nic.transport->name);
    text_string(&t, cap_is_none(n->interrupt) ? ", polled\n" : ", woken by its interrupt\n");
    ASSERT(!t.overflow);
    (void)rt_write(n->rt, t.at, t.used);
}

/* The Interrupt before the provider: a queue's vector counts only while MSI-X is enabled. */
static bool route(struct nicd *n)
{
    const struct device_authority *a = &n->authority;
    struct device_reply made;

    if (rt_parameter_u64(n->rt, "interrupts", 0) == 0 || n->info.msix.vectors == 0)
        return true;
    made = a->ops->interrupt_create(a->ctx, n->device, 0);
    if (!device_reply_ok(made))
        return nicd_failed(n, "the interrupt was refused");
    n->interrupt = made.cap;
    return device_reply_ok(a->ops->interrupt_mask(a->ctx, made.cap, false)) ||
           nicd_failed(n, "the interrupt could not be unmasked");
}

static bool open_provider(struct nicd *n, const struct nicd_vectors *vectors)
{
    const struct device_authority *a = &n->authority;
    const struct device_reply pool = a->ops->pool_create(a->ctx, n->device, NICD_POOL_PAGES);
    enum provider_error error;

    if (!device_reply_ok(pool))
        return nicd_failed(n, "the DMA pool was refused");
    ASSERT(vnet_arena_bytes() <= sizeof n->arena);
    const struct vnet_env env = {
        .info = &n->info,
        .registers = registers_brokered_init(&n->registers, a, n->device),
        .author = author_brokered_init(&n->author, a, pool.cap, &n->registers),
        .arena = n->arena,
        .arena_bytes = sizeof n->arena,
        .rx_slots = NICD_RX_SLOTS,
        .tx_slots = NICD_TX_SLOTS,
        .rx_vector = vectors->rx,
        .tx_vector = vectors->tx,
    };
    error = vnet_open(&n->nic, &env);
    return error == PROVIDER_OK || nicd_failed(n, provider_error_name(error));
}

/* Where the device model is not ours: how long is a queue that we leave alone? Selecting it is allowed from
 * the confirmed reset on; what is read decides nothing. */
static void tell_queue(struct nicd *n)
{
    const struct virtio_net *nic = &n->nic;
    struct virtio_queue_limits limits = {0};
    char line[LINE_BYTES];
    struct text t = text_over(line, sizeof line - 1u);

    (void)nic->transport->queue_limits(&nic->env.registers, n->told_queue, &limits);
    text_string(&t, "queue ");
    text_u64(&t, n->told_queue);
    text_string(&t, " size=");
    text_u64(&t, limits.size);
    line[t.used] = 0;
    (void)rt_print_line(n->rt, "nicd: ", line);
    n->told_queue = 0;
}

static bool start(struct nicd *n)
{
    for (uint32_t i = 0; i < START_POLLS; i++) {
        const enum vnet_state state = vnet_poll(&n->nic, ring_now(&n->rt->ring), NICD_BUDGET);

        if (state == VNET_RUNNING)
            return true;
        if (state == VNET_STARTING && n->told_queue != 0)
            tell_queue(n);
        if (state != VNET_RESETTING && state != VNET_STARTING && state != VNET_STOPPING)
            break;
        ring_sleep(&n->rt->ring, 0);
    }
    return nicd_failed(n, provider_error_name(n->nic.error));
}

bool nicd_prepare(struct nicd *n)
{
    static const struct {
        const struct reg_table *table;
        const char *parameter;
    } tables[] = {{&virtio_net_legacy_table, "table_legacy"},
                  {&virtio_net_legacy_memory_table, "table_legacy_memory"},
                  {&virtio_net_modern_table, "table_modern"}};
    struct rt_device *device = &n->handles.device;

    if (!rt_device_init(device, n->rt, n->function))
        return nicd_failed(n, "no memory");
    for (uint32_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        rt_device_table(device, tables[i].table,
                        (uint16_t)rt_parameter_u64(n->rt, tables[i].parameter, UINT16_MAX));
    n->authority = rt_device_authority(device);
    return true;
}

bool nicd_claim(struct nicd *n)
{
    const struct device_authority *a = &n->authority;
    const struct device_reply device = a->ops->claim(a->ctx, 0);

    if (!device_reply_ok(device))
        return nicd_failed(n, "the function could not be claimed");
    n->device = device.cap;
    return device_reply_ok(a->ops->info(a->ctx, n->device, &n->info)) ||
           nicd_failed(n, "the scan record was refused");
}

bool nicd_provider(struct nicd *n, const struct nicd_vectors *vectors)
{
    return open_provider(n, vectors) && start(n);
}

bool nicd_open(struct nicd *n)
{
    if (!nicd_prepare(n) || !nicd_claim(n) || !route(n))
        return false;
    const struct nicd_vectors vectors = {.rx = {.wanted = !cap_is_none(n->interrupt), .number = 0}};
    if (!nicd_provider(n, &vectors))
        return false;
    n->up = true;
    say_up(n);
    return true;
}
