/* SPDX-License-Identifier: BSD-2-Clause */
/* Facts and conditions of markers that programs emit, from what the kernel saw of the caller's device. A
 * marker without a condition here is not emitted. */
#include "kernel/calls/parts.h"

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

bool calls_fact_condition(struct calls *c, uint16_t process, enum evidence_marker marker)
{
    const struct calls_witness *w = calls_witness_of(c, process);
    const bool runs = w != NULL && kernel_device_state(c->kernel, w->bdf) == DEVICE_DRIVER_OK;

    if (w == NULL)
        return false;
    const uint64_t completions = kernel_stats(c->kernel)->completions - w->completions;
    switch (marker) {
    case EVIDENCE_PROVIDER_NIC_BOUND:
        return given_back(c, w, process) && w->writes == 0 && w->pool_pages != 0 && !w->unmasked &&
               refused_since(c, w, process) != 0;
    case EVIDENCE_PROVIDER_NIC_PROBED:
    case EVIDENCE_PROVIDER_NIC_ACTIVE:
        return runs;
    case EVIDENCE_FIRST_FRAME: /* one sent, one received */
    case EVIDENCE_FRAME_EXCHANGE:
        return runs && completions >= 2u;
    case EVIDENCE_PROVIDER_NIC_TEARDOWN:
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

/* Facts in words. False: it is none of them. */
static bool put_word(struct calls *c, const struct calls_witness *w, const struct evidence_fact *fact,
                     struct evidence_line *line)
{
    const struct {
        const char *name, *value;
    } words[] = {
        {"registers", registers_word(w)},
        {"msix_entry", w->entry_programmed ? "programmed-masked" : "none"},
        {"budget", "restored"},
        {"device_autonomous_raise", "not-attempted"},
        {"provider_object", c->provider_object},
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

static uint64_t faults(const struct calls *c)
{
    uint64_t sum = 0;

    for (uint32_t i = 0; i < BROKER_FAULT_COUNT; i++)
        sum += kernel_stats(c->kernel)->faults[i];
    return sum;
}

void calls_fact(struct calls *c, uint16_t process, const struct evidence_fact *fact,
                struct evidence_line *line)
{
    const struct calls_witness *w = calls_witness_of(c, process);
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
        {"live_caps", usage.live_caps},
    };

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
    const bool known = put_word(c, w, fact, line);
    ASSERT(known); /* markers.json names a fact that is none of the kernel's */
}
