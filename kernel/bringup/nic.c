/* SPDX-License-Identifier: BSD-2-Clause */
/* The NIC's life through capabilities: claim, pool, provider up; and the way down, which is the same from
 * every state. */
#include "abi/assert.h"
#include "abi/memory.h"
#include "evidence/markers.h"
#include "kernel/bringup/bringup.h"

#define STOP_TURNS_MAX (2u * VNET_RESET_POLLS_MAX)

/* QEMU's and libslirp's user network; on a real network these come from DHCP. */
static const uint8_t guest_ip[4] = {10, 0, 2, 15};
static const uint8_t gateway_ip[4] = {10, 0, 2, 2};

void bringup_init(struct bringup *b, struct kernel *kernel, struct platform *platform,
                  struct evidence *evidence, struct console *console, const struct boot_params *params,
                  const char *provider_object)
{
    ASSERT(kernel != NULL);
    ASSERT(evidence != NULL);
    memset(b, 0, offsetof(struct bringup, arena));
    b->kernel = kernel;
    b->platform = platform;
    b->evidence = evidence;
    b->console = console;
    b->params = params;
    b->provider_object = provider_object;
    memcpy(b->addresses.our_ip, guest_ip, sizeof guest_ip);
    memcpy(b->addresses.peer_ip, gateway_ip, sizeof gateway_ip);
}

bool bringup_claim(struct bringup *b)
{
    const struct budget_limits limits = budget_limits_generous();
    b->before = kernel_usage(b->kernel);
    b->owner = owner_create(b->kernel, &limits);
    if (!b->owner)
        return bringup_fail(b, "no owner could be created");
    b->authority = handles_record(&b->handles, b->kernel, b->owner);
    const struct device_authority *a = &b->authority;
    struct device_reply device = a->ops->claim(a->ctx, b->bdf);
    if (!device_reply_ok(device))
        return bringup_fail(b, "the function could not be claimed");
    b->device = device.cap;
    return true;
}

static bool open_provider(struct bringup *b, struct vnet_vector tx_vector)
{
    const struct device_authority *a = &b->authority;
    struct device_reply pool = a->ops->pool_create(a->ctx, b->device, BRINGUP_POOL_PAGES);
    if (!device_reply_ok(pool))
        return bringup_fail(b, "the DMA pool was refused");
    ASSERT(vnet_arena_bytes() <= sizeof b->arena);
    struct vnet_env env = {
        .info = &b->info,
        .registers = registers_brokered_init(&b->registers, a, b->device),
        .author = author_brokered_init(&b->author, a, pool.cap, &b->registers),
        .arena = b->arena,
        .arena_bytes = sizeof b->arena,
        .rx_slots = BRINGUP_RX_SLOTS,
        .tx_slots = BRINGUP_TX_SLOTS,
        .tx_vector = tx_vector,
    };
    enum provider_error error = vnet_open(&b->nic, &env);
    if (error != PROVIDER_OK)
        return bringup_fail(b, provider_error_name(error));
    return true;
}

static bool poll_until_running(struct bringup *b)
{
    struct bringup_wait wait = bringup_wait_begin(b);
    while (bringup_wait_goes_on(b, &wait)) {
        enum vnet_state state = vnet_poll(&b->nic, platform_now_ns(b->platform), BRINGUP_BUDGET);
        if (state == VNET_RUNNING)
            return true;
        if (state == VNET_STOPPED || state == VNET_QUARANTINED || state == VNET_CLOSED)
            break;
        platform_relax(b->platform);
    }
    return bringup_fail(b, provider_error_name(b->nic.error));
}

bool bringup_open_provider(struct bringup *b, struct vnet_vector tx_vector)
{
    if (!open_provider(b, tx_vector) || !poll_until_running(b))
        return false;
    memcpy(b->addresses.our_mac, b->nic.mac, sizeof b->nic.mac);
    return true;
}

static bool emit_running(struct bringup *b)
{
    struct evidence_provider_nic_probed probed = {
        .bdf = b->bdf,
        .transport = b->nic.transport->name,
        .host_features = b->nic.features_offered,
        .accepted_features = b->nic.features_accepted,
        .qsize0 = b->nic.rx.size,
        .qsize1 = b->nic.tx.size,
        .header_bytes = b->nic.header_bytes,
        .provider_object = b->provider_object,
    };
    const struct evidence_provider_nic_active active = {
        .bdf = b->bdf,
        .rx_armed = b->nic.rx.in_flight,
        .tx_slots = b->nic.tx_slots,
        .author = "brokered",
        .epoch = kernel_device_epoch(b->kernel, b->bdf),
    };
    memcpy(probed.mac, b->nic.mac, sizeof probed.mac);
    if (kernel_device_state(b->kernel, b->bdf) != DEVICE_DRIVER_OK)
        return bringup_fail(b, "the kernel does not see the device running");
    return evidence_emit_provider_nic_probed(b->evidence, &probed) == EVIDENCE_OK &&
           evidence_emit_provider_nic_active(b->evidence, &active) == EVIDENCE_OK;
}

bool bringup_start(struct bringup *b)
{
    const struct vnet_vector polled = {.wanted = false};
    b->interrupts_before = platform_interrupts(b->platform);
    return bringup_claim(b) && bringup_open_provider(b, polled) && emit_running(b);
}

/* Provider first: it stops, resets and gives its buffers back; then the owner's end takes what is left. */
static bool stop_provider(struct bringup *b)
{
    if (b->nic.state == VNET_CLOSED)
        return true;
    vnet_stop(&b->nic);
    for (uint32_t i = 0; i < STOP_TURNS_MAX; i++) {
        enum vnet_state state = vnet_poll(&b->nic, platform_now_ns(b->platform), BRINGUP_BUDGET);
        if (state == VNET_STOPPED || state == VNET_QUARANTINED)
            break;
        platform_relax(b->platform);
    }
    bool stopped = b->nic.state == VNET_STOPPED;
    b->leftovers = b->nic.leftovers;
    if (vnet_close(&b->nic) != PROVIDER_OK || !stopped)
        return bringup_fail(b, "the device did not confirm its reset");
    return true;
}

static bool emit_stopped(struct bringup *b, struct stale_result stale, uint64_t scrubbed)
{
    struct kernel_usage after = kernel_usage(b->kernel);
    if (stale.tried == 0 || stale.refused != stale.tried || b->handles.lost != 0)
        return bringup_fail(b, "an old handle was not refused");
    if (memcmp(&after, &b->before, sizeof after) != 0)
        return bringup_fail(b, "budgets differ after the teardown");
    const struct evidence_provider_nic_teardown facts = {
        .bdf = b->bdf,
        .reset = "confirmed",
        .leftover_posted = b->leftovers.posted,
        .leftover_lent = b->leftovers.lent,
        .pages_scrubbed = scrubbed,
        .quarantined = after.pages_quarantined,
        .stale_refused = stale.refused,
        .stale_tried = stale.tried,
        .budget = "restored",
        .live_caps = after.live_caps,
    };
    return evidence_emit_provider_nic_teardown(b->evidence, &facts) == EVIDENCE_OK;
}

bool bringup_stop(struct bringup *b)
{
    if (!b->owner)
        return true;
    uint64_t scrubbed = kernel_stats(b->kernel)->pages_scrubbed;
    bool stopped = stop_provider(b);
    const struct device_authority *a = &b->authority;
    if (!cap_is_none(b->device) && !device_reply_ok(a->ops->release(a->ctx, b->device)))
        stopped = bringup_fail(b, "the device could not be released");
    struct stale_result stale = handles_try_stale(&b->handles);
    owner_exit(b->kernel, b->owner);
    b->owner = NULL;
    if (!stopped || b->failed)
        return false;
    return emit_stopped(b, stale, kernel_stats(b->kernel)->pages_scrubbed - scrubbed);
}
