/* SPDX-License-Identifier: BSD-2-Clause */
/* Things that run out: handle slots, object entries, records, pages, budgets, room in the log. The kernel's
 * own bounds are reached by taking what is left, so that each place that allocates fails for its own reason.
 */
#include "abi/assert.h"
#include "sim/explore/authority_world.h"

#define NOBODYS_CLAIM (CLAIMS_MAX - 1u)
#define NOBODY_STICKY 63u
#define BIT(r)        (1u << (r))
#define BUDGET(kind)  BIT(AUTH_R_BUDGETS + (kind))
#define GRANT         (BIT(AUTH_R_SLOTS) | BIT(AUTH_R_OBJECTS) | BIT(AUTH_R_LOG) | BUDGET(BUDGET_CAP_SLOTS))

const char *auth_resource_name(enum auth_resource r)
{
    static const char *const names[AUTH_RESOURCES] = {"slots",
                                                      "objects",
                                                      "log",
                                                      "pages",
                                                      "claims",
                                                      "registers",
                                                      "pools",
                                                      "buffers",
                                                      "queues",
                                                      "interrupts",
                                                      "owners",
                                                      "budget-devices",
                                                      "budget-registers",
                                                      "budget-pools",
                                                      "budget-pages",
                                                      "budget-buffers",
                                                      "budget-queues",
                                                      "budget-interrupts",
                                                      "budget-slots"};

    return names[r];
}

static uint32_t needs(uint8_t op)
{
    switch (op) {
    case AUTH_CLAIM:
        return GRANT | BIT(AUTH_R_CLAIMS) | BUDGET(BUDGET_DEVICES);
    case AUTH_OPEN:
        return GRANT | BIT(AUTH_R_REGISTERS) | BUDGET(BUDGET_REGISTERS);
    case AUTH_POOL:
        return GRANT | BIT(AUTH_R_POOLS) | BIT(AUTH_R_PAGES) | BUDGET(BUDGET_POOLS) |
               BUDGET(BUDGET_POOL_PAGES);
    case AUTH_BUFFER:
        return GRANT | BIT(AUTH_R_BUFFERS) | BIT(AUTH_R_PAGES) | BUDGET(BUDGET_BUFFERS);
    case AUTH_QUEUE:
        return GRANT | BIT(AUTH_R_QUEUES) | BIT(AUTH_R_PAGES) | BUDGET(BUDGET_QUEUES);
    case AUTH_INTERRUPT:
        return GRANT | BIT(AUTH_R_INTERRUPTS) | BUDGET(BUDGET_INTERRUPTS);
    case AUTH_COPY:
    case AUTH_MOVE:
        return BIT(AUTH_R_SLOTS) | BIT(AUTH_R_LOG) | BUDGET(BUDGET_CAP_SLOTS);
    default:
        return 0;
    }
}

/* Records from `from` below `below` that are free are nobody's, and used. */
static void use_records(struct kernel *k, enum auth_resource r, uint32_t from, uint32_t below)
{
    struct devices *d = &k->devices;

    for (uint32_t i = from; i < below; i++) {
        switch (r) {
        case AUTH_R_CLAIMS:
            if (!d->claims[i].used)
                d->claims[i] = (struct claim){.function = NO_RECORD, .used = 1};
            break;
        case AUTH_R_REGISTERS:
            if (!d->registers[i].used)
                d->registers[i] = (struct register_grant){.claim = NOBODYS_CLAIM, .used = 1};
            break;
        case AUTH_R_POOLS:
            if (d->pools[i].state == POOL_UNUSED)
                d->pools[i] =
                    (struct dma_pool){.claim = NOBODYS_CLAIM, .function = NO_RECORD, .state = POOL_LIVE};
            break;
        case AUTH_R_BUFFERS:
            if (d->buffers[i].state == BUFFER_FREE)
                d->buffers[i] =
                    (struct dma_buffer){.claim = NOBODYS_CLAIM, .pool = NO_RECORD, .state = BUFFER_ALLOCATED};
            break;
        case AUTH_R_QUEUES:
            if (!d->queues[i].used)
                d->queues[i] = (struct dma_queue){.claim = NOBODYS_CLAIM, .pool = NO_RECORD, .used = 1};
            break;
        default:
            ASSERT(r == AUTH_R_INTERRUPTS);
            if (!d->interrupts[i].used)
                d->interrupts[i] = (struct interrupt){.claim = NOBODYS_CLAIM, .used = 1};
            break;
        }
    }
}

static uint32_t records(const struct auth_limits *l, enum auth_resource r)
{
    const uint8_t counts[] = {l->claims, l->registers, l->pools, l->buffers, l->queues, l->interrupts};

    return counts[r - AUTH_R_CLAIMS];
}

void auth_few_records(struct auth_machine *m)
{
    static const uint32_t all[] = {CLAIMS_MAX,  REGISTERS_MAX, POOLS_MAX,
                                   BUFFERS_MAX, QUEUES_MAX,    INTERRUPTS_MAX};

    for (unsigned r = AUTH_R_CLAIMS; r <= AUTH_R_INTERRUPTS; r++)
        use_records(m->kernel, (enum auth_resource)r, records(&m->limits, (enum auth_resource)r),
                    all[r - AUTH_R_CLAIMS]);
}

static void no_slots(struct captable *t)
{
    t->fresh = CAP_SLOTS_MAX;
    t->free_head = 0;
}

void auth_withhold(struct auth_machine *m, uint32_t owner, enum auth_resource r)
{
    struct kernel *k = m->kernel;
    struct owner *o = &k->core.owners[owner];

    auth_keep(m);
    if (r >= AUTH_R_BUDGETS) {
        const unsigned kind = r - AUTH_R_BUDGETS;

        o->budget.limits.limit[kind] = o->budget.used[kind];
    } else if (r == AUTH_R_SLOTS) {
        no_slots(&o->caps);
    } else if (r == AUTH_R_OBJECTS) {
        k->core.objects.fresh = OBJECTS_MAX;
        k->core.objects.free_head = OBJECT_NONE;
    } else if (r == AUTH_R_LOG) {
        auth_log_fill(m, 1);
    } else if (r == AUTH_R_PAGES) {
        k->devices.pages.count = 0;
    } else if (r != AUTH_R_OWNERS) {
        use_records(k, r, 0, records(&m->limits, r));
    }
}

void auth_withhold_end(struct auth_machine *m, enum auth_resource r)
{
    struct audit *log = &m->kernel->core.audit;

    m->kernel->devices.pages.count = AUTH_PAGES;
    if (r == AUTH_R_LOG)
        auth_log_drain(m);
    const uint32_t head = log->head;

    auth_put_back(m);
    if (!m->state->log_full)
        log->head = log->tail = head; /* what was said is said */
}

void auth_withhold_each(struct auth_world *a, const struct auth_action *x, auth_call call)
{
    const uint32_t needed = needs(x->op);
    const uint32_t owner = x->op == AUTH_COPY || x->op == AUTH_MOVE ? x->b : x->owner;

    for (unsigned r = 0; r < AUTH_RESOURCES; r++) {
        struct device_reply reply;

        if (!(needed & BIT(r)) || (r == AUTH_R_LOG && a->machine_state.log_full))
            continue;
        auth_withhold(&a->machine, owner, (enum auth_resource)r);
        auth_remember(&a->machine);
        reply = call(a, x);
        if (device_reply_ok(reply))
            xp_violate(&a->world, XP_I17, "a grant is made though %s ran out",
                       auth_resource_name((enum auth_resource)r));
        auth_unchanged(&a->machine, "a grant for which there was no room", reply);
        auth_withhold_end(&a->machine, (enum auth_resource)r);
    }
}

static void pages_run_out(struct kernel *k)
{
    struct pages *p = &k->devices.pages;

    for (uint32_t i = 0; i < AUTH_PAGES; i++) {
        if (i >= p->fresh)
            p->page[i] = (struct page){.sticky = NOBODY_STICKY, .pool = NO_RECORD, .state = PAGE_FREE};
        else if (p->page[i].state == PAGE_FREE && p->page[i].sticky == NO_RECORD)
            p->page[i].sticky = NOBODY_STICKY; /* some other function's, for good */
    }
    p->fresh = AUTH_PAGES;
}

void auth_run_out(struct auth_machine *m, enum auth_resource r, struct kernel_usage *base)
{
    struct kernel *k = m->kernel;
    const struct kernel_usage before = kernel_usage(k);
    struct kernel_usage after;

    for (uint32_t o = 0; o < m->limits.owners; o++) {
        if (r >= AUTH_R_BUDGETS)
            k->core.owners[o].budget.limits.limit[r - AUTH_R_BUDGETS] = 0;
        else if (r == AUTH_R_SLOTS)
            no_slots(&k->core.owners[o].caps);
    }
    if (r == AUTH_R_LOG) {
        auth_log_fill(m, 1);
    } else if (r == AUTH_R_OBJECTS) {
        k->core.objects.fresh = OBJECTS_MAX;
        k->core.objects.free_head = OBJECT_NONE;
    } else if (r == AUTH_R_PAGES) {
        pages_run_out(k);
    } else if (r >= AUTH_R_CLAIMS && r <= AUTH_R_INTERRUPTS) {
        use_records(k, r, 0, records(&m->limits, r));
    }
    after = kernel_usage(k);
    for (size_t i = 0; i < sizeof after / 4u; i++)
        ((uint32_t *)(void *)base)[i] +=
            ((uint32_t *)(void *)&after)[i] - ((const uint32_t *)(const void *)&before)[i];
}
