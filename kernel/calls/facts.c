/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts and conditions of markers that programs emit, from what the kernel saw of the caller's device. A
 * marker without a condition here is not emitted. */
#include "evidence/text.h"
#include "kernel/calls/parts.h"
#include "kernel/core/digest.h"

#include "platform/platform.h"

/* What the process was granted over its device is back, and the device is nobody's. */
static bool given_back(const struct calls *c, const struct calls_witness *w, uint16_t process)
{
    const struct owner *owner = c->system->processes[process].owner;

    if (!w->released || kernel_device_state(c->kernel, w->bdf) != DEVICE_DISCOVERED)
        return false;
    for (uint32_t kind = BUDGET_DEVICES; kind <= BUDGET_INTERRUPTS; kind++) {
        if (owner->budget.used[kind] != 0)
            return false;
    }
    return true;
}
_Static_assert(BUDGET_DEVICES == 0 && BUDGET_INTERRUPTS == 6, "the device room's budgets lie together");

static uint64_t refused_since(const struct calls *c, const struct calls_witness *w, uint16_t process)
{
    return c->system->processes[process].denials - w->denials_before;
}

static uint64_t denied(const struct calls *c, const struct calls_witness *w, uint16_t process)
{
    return c->system->processes[process].denials - w->denials;
}

/* Records of denials since the claim, whoever was refused: the claim's holder alone tries. */
static uint64_t recorded(const struct calls *c, const struct calls_witness *w)
{
    return audit_denials(&c->kernel->core.audit) - w->denial_records;
}

/* Since the claim each refusal left a record of its own, and what is held is as it was. */
static bool only_denied(const struct calls *c, const struct calls_witness *w, uint16_t process)
{
    const struct budget *now = &c->system->processes[process].owner->budget;

    return !w->released && denied(c, w, process) != 0 && denied(c, w, process) == recorded(c, w) &&
           memcmp(now->used, w->budget.used, sizeof now->used) == 0;
}

/* Interrupts since the claim at least: the first, the one held back, the late one, the successor's. */
#define INTERRUPTS_DELIVERED 4u

static bool interrupts_seen(const struct calls *c, const struct calls_witness *w)
{
    return w->unmasked && w->acks >= 2u && w->late_raised &&
           platform_msi_count(c->platform, w->route) == w->route_count + 1u &&
           platform_interrupts(c->platform) - w->interrupts >= INTERRUPTS_DELIVERED;
}

/* Of the caller's device; of a caller that has none, of the device that runs: its frames are some driver's.
 */
static const struct calls_witness *subject(struct calls *c, uint16_t process)
{
    const struct calls_witness *w = calls_witness_of(c, process);

    for (uint16_t i = 0; w == NULL && i < PROCESSES_MAX; i++) {
        const struct calls_witness *other = process_live(c->system, i) ? calls_witness_of(c, i) : NULL;

        if (other != NULL && kernel_device_state(c->kernel, other->bdf) == DEVICE_DRIVER_OK)
            w = other;
    }
    return w;
}

static uint64_t completions_since(const struct calls *c, const struct calls_witness *w)
{
    return kernel_stats(c->kernel)->completions - w->completions;
}

bool calls_fact_condition(struct calls *c, uint16_t process, enum evidence_marker marker)
{
    const struct calls_witness *w = subject(c, process);
    const bool own = w != NULL && w == calls_witness_of(c, process);
    const bool runs = w != NULL && kernel_device_state(c->kernel, w->bdf) == DEVICE_DRIVER_OK;

    if (marker == EVIDENCE_ACCESS_PATH)
        return c->logins.accepted != 0;
    if (w == NULL)
        return false;
    kernel_take_in(c->kernel, w->bdf); /* a polling driver makes no call for what it sees used */
    const uint64_t completions = completions_since(c, w);
    switch (marker) {
    case EVIDENCE_DHCP_LEASE: /* two messages each way; what they said is the caller's word */
    case EVIDENCE_ROUTE:
    case EVIDENCE_NEIGHBOUR:
    case EVIDENCE_METADATA_NONCE: /* what came is compared where it is given: sink.c */
    case EVIDENCE_L4_ROUND_TRIP:
        return !own && runs && completions >= 4u;
    case EVIDENCE_WEB_UI_L4: /* somebody logged in; what was served to whom is the caller's word */
        return !own && runs && c->probed && c->logins.remote != 0 &&
               c->evidence->lines[EVIDENCE_L4_ROUND_TRIP] != 0;
    default:
        if (!own)
            return false;
    }
    switch (marker) {
    case EVIDENCE_DRIVER_DENIALS:
        return only_denied(c, w, process);
    case EVIDENCE_INTERRUPT_DELIVERED:
        return given_back(c, w, process) && interrupts_seen(c, w) && refused_since(c, w, process) != 0;
    case EVIDENCE_PROVIDER_NIC_BOUND:
    case EVIDENCE_STORAGE_BOUND:
        return given_back(c, w, process) && w->writes == 0 && w->pool_pages != 0 && !w->unmasked &&
               refused_since(c, w, process) != 0;
    case EVIDENCE_PROVIDER_NIC_PROBED:
    case EVIDENCE_PROVIDER_NIC_ACTIVE:
        return runs;
    case EVIDENCE_FIRST_FRAME: /* one sent, one received, by polling alone */
    case EVIDENCE_FRAME_EXCHANGE:
    case EVIDENCE_STORAGE_READ: /* who it is, and one block, at least */
    case EVIDENCE_STORAGE_PACKAGE:
        return runs && completions >= 2u && platform_interrupts(c->platform) == w->interrupts;
    case EVIDENCE_PROVIDER_NIC_TEARDOWN:
    case EVIDENCE_STORAGE_TEARDOWN:
        return given_back(c, w, process) && refused_since(c, w, process) != 0;
    default:
        return false;
    }
}

static const char *registers_word(const struct calls_witness *w)
{
    if (w->ports)
        return w->empty_window ? "ports+empty-mmio" : "ports";
    return w->windows ? "mmio" : "none";
}

/* The provider object that was linked into the process's program, as the package names it. */
static void put_provider(const struct calls *c, uint16_t process, struct evidence_line *line)
{
    const uint8_t *provider = package_provider(c->package, c->system->processes[process].file);
    char word[sizeof "sha256:" + 2u * DIGEST_BYTES];
    struct text t = text_over(word, sizeof word - 1u);

    text_string(&t, provider == NULL ? "none" : "sha256:");
    if (provider != NULL)
        text_hex_bytes(&t, provider, DIGEST_BYTES);
    ASSERT(!t.overflow);
    word[t.used] = '\0';
    evidence_fact_word(line, "provider_object", word);
}

/* Facts in words. False: it is none of them. */
static bool put_word(const struct calls_witness *w, const struct evidence_fact *fact,
                     struct evidence_line *line)
{
    const struct {
        const char *name, *value;
    } words[] = {
        {"registers", registers_word(w)},
        {"msix_entry", w->entry_programmed ? "programmed-masked" : "none"},
        {"budget", "restored"},
        {"device_autonomous_raise", w->unmasked ? "proven" : "not-attempted"},
        {"author", "brokered"},
        {"reset", "confirmed"}, /* the condition: the device is back where the scan found it */
    };

    for (uint32_t i = 0; i < sizeof words / sizeof words[0]; i++) {
        if (!calls_same_text(words[i].name, fact->name))
            continue;
        evidence_fact_word(line, fact->name, words[i].value);
        return true;
    }
    return false;
}

/* Handles to a device and what derives from it that the process holds. */
static uint64_t device_handles(const struct calls *c, uint16_t process)
{
    const struct captable *table = &c->system->processes[process].owner->caps;
    uint64_t count = 0;

    for (uint32_t i = 1; i < table->fresh; i++) {
        const struct cap_slot *slot = &table->slots[i];

        count += slot->state == CAP_SLOT_LIVE && slot->interface >= CAP_IF_DEVICE &&
                 slot->interface <= CAP_IF_INTERRUPT;
    }
    return count;
}

static uint64_t faults(const struct calls *c)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < BROKER_FAULT_COUNT; i++)
        sum += kernel_stats(c->kernel)->faults[i];
    return sum;
}

static void device_fact(struct calls *c, uint16_t process, const struct evidence_fact *fact,
                        struct evidence_line *line)
{
    const struct calls_witness *w = subject(c, process);
    const struct kernel_usage usage = kernel_usage(c->kernel);

    ASSERT(w != NULL); /* the condition */
    const struct {
        const char *name;
        uint64_t value;
    } numbers[] = {
        {"dma_pages", w->pool_pages},
        {"stale_refused", refused_since(c, w, process)},
        {"common_config_writes", w->writes},
        {"rx_armed", kernel_queue_outstanding(c->kernel, w->bdf, 0)},
        {"epoch", kernel_device_epoch(c->kernel, w->bdf)},
        {"interrupts", platform_interrupts(c->platform) - w->interrupts},
        {"faults", faults(c)},
        {"pages_scrubbed", w->scrubbed},
        {"quarantined", usage.pages_quarantined},
        {"live_caps", device_handles(c, process)},
        {"denied", denied(c, w, process)},
        {"audited", recorded(c, w)},
        {"completions", completions_since(c, w)},
        {"logins", c->logins.remote},
    };

    if (calls_same_text(fact->name, "provider_object")) {
        put_provider(c, process, line);
        return;
    }
    if (calls_same_text(fact->name, "bdf")) {
        evidence_fact_bdf(line, fact->name, w->bdf);
        return;
    }
    for (uint32_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        if (!calls_same_text(numbers[i].name, fact->name))
            continue;
        ASSERT(fact->kind == EVIDENCE_KIND_U64);
        evidence_fact_u64(line, fact->name, numbers[i].value);
        return;
    }
    const bool known = put_word(w, fact, line);
    ASSERT(known); /* markers.json names a fact that is none of the kernel's */
}

static void access_path(const struct calls *c, const struct evidence_fact *fact, struct evidence_line *line)
{
    if (fact->kind == EVIDENCE_KIND_WORD)
        evidence_fact_word(line, fact->name, "serial-console-shell");
    else
        evidence_fact_u64(line, fact->name,
                          calls_same_text(fact->name, "accepted") ? c->logins.accepted : c->logins.refused);
}

void calls_fact(struct calls *c, uint16_t process, enum evidence_marker marker,
                const struct evidence_fact *fact, struct evidence_line *line)
{
    if (marker == EVIDENCE_ACCESS_PATH)
        access_path(c, fact, line);
    else
        device_fact(c, process, fact, line);
}
