/* SPDX-License-Identifier: BSD-2-Clause */
/* PCI functions, pages, messages, log. Owns the kernel struct and the pages; trusts the world's hooks. */
#include "sim/explore/authority_machine.h"

#include <stdlib.h>
#include <string.h>

#include "abi/assert.h"

#define COMMAND      0x04u
#define COMMAND_INTX 0x0400u
#define BAR_0        0x10u
#define BAR_1        0x14u
#define MSIX_CAP     0x40u
#define PBA_OFFSET   0x800u
#define ENTRY_BYTES  16u
#define TAIL_BYTES   8u

static struct auth_machine *machine_of(void *ctx)
{
    return ctx;
}

/* configuration space */

static uint32_t function_of(struct auth_machine *m, uint16_t bdf)
{
    for (uint32_t f = 0; f < m->limits.functions; f++) {
        if (AUTH_BDF(f) == bdf)
            return f;
    }
    return AUTH_FUNCTIONS;
}

static uint32_t config_read(struct auth_machine *m, uint32_t f, uint32_t at, uint8_t width)
{
    uint8_t bytes[PCI_CONFIG_BYTES];
    uint32_t value = 0;

    memcpy(bytes, m->config[f], sizeof bytes);
    memcpy(bytes + COMMAND, &m->state->pci[f].command, 2);
    memcpy(bytes + MSIX_CAP + 2u, &m->state->pci[f].msix, 2);
    for (uint32_t bar = 0; bar < 2; bar++) {
        const uint32_t mask = ~((bar ? 0x1000u : AUTH_BAR_BYTES) - 1u);

        if (m->sizing[f] & 1u << bar)
            memcpy(bytes + BAR_0 + 4u * bar, &mask, 4);
    }
    memcpy(&value, bytes + at, width);
    return value;
}

static void config_write(struct auth_machine *m, uint32_t f, uint32_t at, uint8_t width, uint32_t value)
{
    struct auth_pci *pci = &m->state->pci[f];
    const bool had = auth_master(m, f);

    if (at == COMMAND && width == 2) {
        pci->command = (uint16_t)value;
        if (m->started && !had && auth_master(m, f))
            m->hooks->mastered(m, f);
    } else if (at == MSIX_CAP + 2u && width == 2) {
        pci->msix = (uint16_t)((value & 0xc000u) | (AUTH_VECTORS - 1u));
    } else if (!m->started && width == 4 && at >= BAR_0 && at < BAR_0 + 24u) {
        const uint32_t bar = (at - BAR_0) / 4u;

        m->sizing[f] =
            (uint8_t)(value == 0xffffffffu ? m->sizing[f] | 1u << bar : m->sizing[f] & ~(1u << bar));
    } else {
        xp_violate(m->world, XP_I14, "configuration space of function %u is written at 0x%x, %u wide", f, at,
                   width);
    }
}

/* doors */

static uint32_t *entry_word(struct auth_machine *m, uint64_t address, uint8_t width)
{
    const uint64_t f = (address - AUTH_TABLE) / AUTH_STRIDE;
    const uint64_t at = (address - AUTH_TABLE) % AUTH_STRIDE;

    if (f >= m->limits.functions || width != 4 || at % 4u != 0 || at >= AUTH_VECTORS * ENTRY_BYTES)
        xp_violate(m->world, XP_I14, "an access %u wide to 0x%llx, where no register is", width,
                   (unsigned long long)address);
    return &m->state->pci[f].entries[at / ENTRY_BYTES].low + at % ENTRY_BYTES / 4u;
}

static bool in_registers(struct auth_machine *m, uint64_t address, uint32_t *function, uint32_t *offset)
{
    if (address < AUTH_BAR || address >= AUTH_TABLE)
        return false;
    *function = (uint32_t)((address - AUTH_BAR) / AUTH_STRIDE);
    *offset = (uint32_t)((address - AUTH_BAR) % AUTH_STRIDE);
    return *function < m->limits.functions && *offset < AUTH_BAR_BYTES;
}

static uint32_t door_read(void *ctx, enum platform_space space, uint64_t address, uint8_t width)
{
    struct auth_machine *m = machine_of(ctx);
    uint32_t f;
    uint32_t offset;

    if (space == PLATFORM_PCI) {
        f = function_of(m, (uint16_t)(address >> 12));
        return f == AUTH_FUNCTIONS ? UINT32_MAX >> (32u - 8u * width)
                                   : config_read(m, f, (uint32_t)address & 0xfffu, width);
    }
    if (space == PLATFORM_MMIO && in_registers(m, address, &f, &offset))
        return m->hooks->read(m, f, offset, width);
    return *entry_word(m, address, width);
}

static void door_write(void *ctx, enum platform_space space, uint64_t address, uint8_t width, uint32_t value)
{
    struct auth_machine *m = machine_of(ctx);
    uint32_t f;
    uint32_t offset;

    if (space == PLATFORM_PCI) {
        f = function_of(m, (uint16_t)(address >> 12));
        if (f < AUTH_FUNCTIONS)
            config_write(m, f, (uint32_t)address & 0xfffu, width, value);
    } else if (space == PLATFORM_MMIO && in_registers(m, address, &f, &offset)) {
        m->hooks->write(m, f, offset, width, value);
    } else {
        *entry_word(m, address, width) = value;
    }
}

static void relax(void *ctx)
{
    struct auth_machine *m = machine_of(ctx);

    m->hooks->waits(m);
}

static uint32_t msi_count(void *ctx, uint16_t route)
{
    struct auth_machine *m = machine_of(ctx);

    ASSERT(route < AUTH_ROUTES);
    return m->state->counts[route];
}

/* pages */

static bool is_zero(struct auth_machine *m, uint32_t page, uint32_t bytes)
{
    const uint8_t *at = auth_at(m, page, 0);

    return at[0] == 0 && memcmp(at, at + 1, bytes - 1u) == 0 &&
           memcmp(at, auth_at(m, page, 4096u - TAIL_BYTES), TAIL_BYTES) == 0;
}

static void on_map(struct auth_machine *m, uint32_t f, uint32_t page)
{
    struct auth_page *p = &m->state->pages[page];

    if (p->mapped)
        xp_violate(m->world, XP_I3, "page %u is mapped for function %u and then for %u", page, p->mapped - 1u,
                   f);
    if (p->told && p->told != f + 1u)
        xp_violate(m->world, XP_P9, "page %u, whose address function %u knows, is granted to function %u",
                   page, p->told - 1u, f);
    if (!is_zero(m, page, 4096u - TAIL_BYTES))
        xp_violate(m->world, XP_P18, "page %u is granted with something in it", page);
    p->mapped = (uint8_t)(f + 1u);
    p->dirty = 0;
    p->ring = 0;
}

static void on_unmap(struct auth_machine *m, uint32_t f, uint32_t page)
{
    struct auth_page *p = &m->state->pages[page];
    const bool stopped = m->privileged && !auth_master(m, f);

    if (p->mapped != f + 1u)
        xp_violate(m->world, XP_I3, "page %u is unmapped for function %u, mapped for %d", page, f,
                   p->mapped - 1);
    if (!stopped && m->hooks->may_write(m, f, page))
        xp_violate(m->world, XP_P9, "page %u is given back while function %u may still write it", page, f);
    if (p->ring && kernel_device_epoch(m->kernel, AUTH_BDF(f)) == p->epoch)
        xp_violate(m->world, XP_I12, "ring page %u goes in the epoch in which function %u was told of it",
                   page, f);
    p->mapped = 0;
    p->ring = 0;
}

static void map(void *ctx, uint16_t bdf, uint64_t bus, size_t bytes, int mapped)
{
    struct auth_machine *m = machine_of(ctx);
    const uint32_t f = function_of(m, bdf);
    const uint32_t first = auth_page_of(bus);
    const uint32_t count = (uint32_t)(bytes / 4096u);

    ASSERT(f < AUTH_FUNCTIONS);
    if (bus < AUTH_BUS || first + count > AUTH_PAGES)
        xp_violate(m->world, XP_I2, "0x%llx is mapped for function %u", (unsigned long long)bus, f);
    for (uint32_t i = first; i < first + count; i++) {
        if (mapped)
            on_map(m, f, i);
        else
            on_unmap(m, f, i);
    }
    if (mapped && m->hooks->mapped)
        m->hooks->mapped(m, f, first, count);
}

void auth_told(struct auth_machine *m, uint32_t function, uint32_t page, bool ring)
{
    struct auth_page *p = &m->state->pages[page];

    if (page >= AUTH_PAGES || p->mapped != function + 1u)
        xp_violate(m->world, XP_I2, "function %u is told the address of page %u, which is not mapped for it",
                   function, page);
    p->told = (uint8_t)(function + 1u);
    p->ring = ring;
    p->epoch = kernel_device_epoch(m->kernel, AUTH_BDF(function));
}

void auth_device_write(struct auth_machine *m, uint32_t function, uint32_t page, uint32_t offset,
                       uint64_t value, bool honest)
{
    struct auth_page *p = &m->state->pages[page];

    if (p->mapped && p->mapped != function + 1u)
        xp_violate(m->world, XP_P9, "function %u writes page %u, which is function %u's by now", function,
                   page, p->mapped - 1u);
    if (honest && !p->mapped)
        xp_violate(m->world, XP_P9, "function %u, not reset yet, writes page %u, which is free", function,
                   page);
    memcpy(auth_at(m, page, offset), &value, sizeof value);
    p->dirty = !p->mapped;
}

/* messages */

bool auth_send(struct auth_machine *m, uint32_t function, uint32_t vector, uint8_t to)
{
    const struct auth_entry *e = &m->state->pci[function].entries[vector];

    if (!(m->state->pci[function].msix & 0x8000u) || (e->control & 1u))
        return false;
    for (uint32_t i = 0; i < AUTH_MESSAGES; i++) {
        struct auth_message *message = &m->state->messages[i];

        if (message->under_way)
            continue;
        *message = (struct auth_message){1, (uint8_t)(e->data - 0x30u), to, 0};
        ASSERT(message->route < AUTH_ROUTES);
        return true;
    }
    return false;
}

void auth_arrives(struct auth_machine *m, uint32_t message)
{
    struct auth_message *a = &m->state->messages[message];

    ASSERT(a->under_way);
    m->state->counts[a->route]++;
    *a = (struct auth_message){0};
}

/* the log */

void auth_log_drain(struct auth_machine *m)
{
    struct audit *a = &m->kernel->core.audit;
    struct audit_record records[64];

    if (m->state->log_full > 0) /* what stood in for records that nobody took out */
        a->tail = a->head;
    m->state->log_full = 0;
    for (uint32_t got = 1; got > 0;) {
        got = kernel_audit_drain(m->kernel, records, 64);
        for (uint32_t i = 1; i < got; i++) {
            if (records[i].seq != records[i - 1u].seq + 1u)
                xp_violate(m->world, XP_P19, "the log goes from record %llu to %llu",
                           (unsigned long long)records[i - 1u].seq, (unsigned long long)records[i].seq);
        }
    }
}

void auth_log_fill(struct auth_machine *m, uint32_t room)
{
    struct audit *a = &m->kernel->core.audit;

    auth_log_drain(m);
    a->tail = a->head - (AUDIT_RECORDS_MAX - AUDIT_READER_ROOM - a->reserved - room);
    m->state->log_full = (uint8_t)(room + 1u);
}

/* judgements */

static void judge_page(struct auth_machine *m, uint32_t page)
{
    const struct auth_page *p = &m->state->pages[page];
    const struct pages *pages = &m->kernel->devices.pages;
    const struct page *record = &pages->page[page];
    const bool kept = page < pages->fresh;
    const bool held = kept && record->state != PAGE_FREE;

    if (held != (p->mapped != 0))
        xp_violate(m->world, XP_I4, "page %u is %s, and %s", page, held ? "held" : "free",
                   p->mapped ? "mapped" : "not mapped");
    if (p->told && (!kept || record->sticky != p->told - 1u))
        xp_violate(m->world, XP_P9,
                   "function %u knows the address of page %u and the record has forgotten it", p->told - 1u,
                   page);
    if (!p->mapped && !p->dirty && !is_zero(m, page, AUTH_PAGE_SHOWN))
        xp_violate(m->world, XP_I20, "page %u is free and not scrubbed", page);
}

static void judge_function(struct auth_machine *m, uint32_t f)
{
    const struct auth_pci *pci = &m->state->pci[f];
    const enum device_state state = kernel_device_state(m->kernel, AUTH_BDF(f));
    const bool claimed = m->kernel->devices.functions[f].claim != NO_RECORD;

    if (claimed)
        return;
    if (state != DEVICE_DISCOVERED && state != DEVICE_RESETTING)
        xp_violate(m->world, XP_P16, "function %u is nobody's in state %s", f, device_state_name(state));
    if (auth_master(m, f))
        xp_violate(m->world, XP_P9, "function %u is nobody's and a bus master", f);
    if (!(pci->command & COMMAND_INTX) && kernel_device_epoch(m->kernel, AUTH_BDF(f)) > 0)
        xp_violate(m->world, XP_P17, "function %u is nobody's and may raise INTx", f);
    if (pci->msix & 0x8000u)
        xp_violate(m->world, XP_P17, "function %u is nobody's and MSI-X is on", f);
    for (uint32_t v = 0; v < AUTH_VECTORS; v++) {
        if (!(pci->entries[v].control & 1u) || pci->entries[v].data || pci->entries[v].low)
            xp_violate(m->world, XP_P17, "entry %u of function %u is nobody's and not masked and empty", v,
                       f);
    }
}

void auth_machine_judge(struct auth_machine *m)
{
    const struct kernel *k = m->kernel;
    uint32_t owed = 0;

    for (uint32_t i = 0; i < AUTH_PAGES; i++)
        judge_page(m, i);
    for (uint32_t f = 0; f < m->limits.functions; f++)
        judge_function(m, f);
    for (uint32_t i = 0; i < m->limits.owners; i++) {
        if (k->core.owners[i].state != OWNER_FREE)
            owed += 1u + k->core.owners[i].caps.live_count;
    }
    for (uint32_t i = 0; i < m->limits.claims; i++) {
        const struct claim *claim = &k->devices.claims[i];

        if (claim->used && claim->function != NO_RECORD) /* else it only stands in for one */
            owed += claim->direct ? 2u : 1u;
    }
    if (k->core.audit.reserved != owed)
        xp_violate(m->world, XP_I16, "the log keeps room for %u ends, %u are to come", k->core.audit.reserved,
                   owed);
}

/* set-up */

struct owner *auth_owner_create(struct auth_machine *m, const struct budget_limits *budget,
                                uint32_t generations)
{
    struct owner *o = owner_create_limited(m->kernel, budget, generations);

    if (!o || generations == CAP_GENERATION_LIMIT_MAX) /* no slot retires: its budget bounds the table */
        return o;
    for (uint16_t i = 1; i < CAP_SLOTS_MAX; i++) {
        const bool kept = i <= m->limits.slots;

        o->caps.slots[i] = (struct cap_slot){.generation = kept ? 1u : generations,
                                             .next_free = i < m->limits.slots ? (uint16_t)(i + 1u) : 0,
                                             .state = kept ? CAP_SLOT_EMPTY : CAP_SLOT_RETIRED};
    }
    o->caps.fresh = CAP_SLOTS_MAX;
    o->caps.free_head = 1;
    o->caps.retired_count = (uint16_t)(CAP_SLOTS_MAX - 1u - m->limits.slots);
    return o;
}

bool auth_machine_make(struct auth_machine *m)
{
    m->memory = aligned_alloc(4096, AUTH_PAGES * 4096u);
    m->kernel = calloc(1, sizeof *m->kernel);
    return m->memory && m->kernel;
}

void auth_machine_free(struct auth_machine *m)
{
    free(m->memory);
    free(m->kernel);
    free(m->words);
    free(m->runs);
    free(m->before);
    free(m->kept);
}

static void set32(uint8_t *config, uint32_t at, uint32_t value)
{
    memcpy(config + at, &value, sizeof value);
}

/* What the world has not set of a function's configuration space: two BARs and the MSI-X capability, first in
 * the list. */
static void describe(struct auth_machine *m, uint32_t f)
{
    uint8_t *c = m->config[f];

    set32(c, BAR_0, (uint32_t)(AUTH_BAR + f * AUTH_STRIDE));
    set32(c, BAR_1, (uint32_t)(AUTH_TABLE + f * AUTH_STRIDE));
    if (c[0] == 0 && c[1] == 0)
        set32(c, 0, 0x10411af4u);
    c[6] = 0x10;
    c[0x34] = MSIX_CAP;
    c[MSIX_CAP] = 0x11;
    set32(c, MSIX_CAP + 4u, 1);
    set32(c, MSIX_CAP + 8u, PBA_OFFSET | 1u);
    m->state->pci[f].msix = AUTH_VECTORS - 1u;
    for (uint32_t v = 0; v < AUTH_VECTORS; v++)
        m->state->pci[f].entries[v].control = 1;
}

void auth_machine_start(struct auth_machine *m)
{
    memset(m->memory, 0, AUTH_PAGES * 4096u);
    memset(m->kernel, 0, sizeof *m->kernel);
    memset(m->state, 0, sizeof *m->state);
    m->started = m->privileged = false;
    m->platform = (struct platform){.ctx = m,
                                    .read = door_read,
                                    .write = door_write,
                                    .map = map,
                                    .relax = relax,
                                    .msi_count = msi_count,
                                    .region = {m->memory, {AUTH_BUS}, AUTH_PAGES * 4096u}};
    for (uint32_t f = 0; f < m->limits.functions; f++)
        describe(m, f);
    kernel_init(m->kernel, &m->platform);
    kernel_pack_rings(m->kernel); /* a page a ring: half as many that can be anywhere */
    kernel_scan(m->kernel);
    m->started = true;
}

static void add(struct auth_machine *m, void *at, size_t bytes)
{
    ASSERT(m->world->region_count < XP_REGIONS_MAX);
    m->world->regions[m->world->region_count++] = (struct xp_region){at, bytes, 0};
}

void auth_machine_regions(struct auth_machine *m)
{
    struct kernel *k = m->kernel;
    struct devices *d = &k->devices;
    const struct auth_limits *l = &m->limits;

    add(m, &k->core.objects,
        offsetof(struct object_pool, entries) + (l->objects + 1u) * sizeof(struct object));
    add(m, &k->core.audit.head, offsetof(struct audit, chain) - offsetof(struct audit, head));
    for (uint32_t i = 0; i < l->owners; i++)
        add(m, &k->core.owners[i],
            offsetof(struct owner, caps) + offsetof(struct captable, slots) +
                (l->slots + 1u) * sizeof(struct cap_slot));
    add(m, &d->next_route, sizeof d->next_route + sizeof d->routes_used);
    for (uint32_t f = 0; f < l->functions; f++)
        add(m, &d->functions[f].quiesce, sizeof d->functions[f] - offsetof(struct function, quiesce));
    add(m, d->claims, l->claims * sizeof d->claims[0]);
    add(m, d->registers, l->registers * sizeof d->registers[0]);
    add(m, d->pools, l->pools * sizeof d->pools[0]);
    add(m, d->buffers, l->buffers * sizeof d->buffers[0]);
    add(m, d->queues, l->queues * sizeof d->queues[0]);
    add(m, d->interrupts, l->interrupts * sizeof d->interrupts[0]);
    add(m, &d->pages.fresh,
        offsetof(struct pages, page) - offsetof(struct pages, fresh) + AUTH_PAGES * sizeof d->pages.page[0]);
    for (uint32_t q = 0; q < l->queues; q++)
        add(m, d->slots[q], l->queue_size * sizeof d->slots[q][0]);
    for (uint32_t i = 0; i < AUTH_PAGES; i++) {
        add(m, auth_at(m, i, 0), AUTH_PAGE_SHOWN);
        add(m, auth_at(m, i, 4096u - TAIL_BYTES), TAIL_BYTES);
    }
    add(m, m->state, sizeof *m->state);
}

bool auth_machine_words(struct auth_machine *m)
{
    m->word_count = xp_words_within(m->world, NULL, SIZE_MAX, NULL, 0);
    m->words = calloc(m->word_count, sizeof *m->words);
    m->runs = calloc(m->world->region_count, sizeof *m->runs);
    m->before = calloc(m->word_count, sizeof *m->before);
    m->kept = calloc(m->word_count, sizeof *m->kept);
    if (!m->words || !m->runs || !m->before || !m->kept)
        return false;
    (void)xp_words_within(m->world, NULL, SIZE_MAX, m->words, m->word_count);
    for (uint32_t i = 0; i < m->word_count; i++) {
        if (i == 0 || m->words[i] != m->words[i - 1u] + 1)
            m->runs[m->run_count++] = (struct auth_run){m->words[i], i, 0};
        m->runs[m->run_count - 1u].words++;
    }
    return true;
}

static void save(const struct auth_machine *m, uint64_t *to)
{
    for (uint32_t i = 0; i < m->run_count; i++)
        memcpy(to + m->runs[i].first, m->runs[i].at, m->runs[i].words * sizeof *to);
}

void auth_keep(struct auth_machine *m)
{
    save(m, m->kept);
}

void auth_put_back(struct auth_machine *m)
{
    for (uint32_t i = 0; i < m->run_count; i++)
        memcpy(m->runs[i].at, m->kept + m->runs[i].first, m->runs[i].words * sizeof *m->kept);
}

void auth_remember(struct auth_machine *m)
{
    save(m, m->before);
}

void auth_unchanged(struct auth_machine *m, const char *what, struct device_reply reply)
{
    const uintptr_t log = (uintptr_t)&m->kernel->core.audit.head;

    for (uint32_t r = 0; r < m->run_count; r++) {
        const struct auth_run *run = &m->runs[r];

        if (memcmp(run->at, m->before + run->first, run->words * sizeof *m->before) == 0)
            continue;
        for (uint32_t i = run->first; i < run->first + run->words; i++) {
            const uintptr_t at = (uintptr_t)m->words[i];

            if (*m->words[i] == m->before[i] || (at + 8u > log && at < log + 16u))
                continue;
            xp_violate(m->world, XP_P14,
                       "%s is refused (%s, %s) and changes a word at %+lld of the kernel, %+lld of the world",
                       what, cap_exception_name(reply.exception), device_error_name(reply.error),
                       (long long)(at - (uintptr_t)m->kernel), (long long)(at - (uintptr_t)m->world));
        }
    }
}

bool auth_machine_uncounted(const struct auth_machine *m, size_t at)
{
    const size_t audit = offsetof(struct kernel, core) + offsetof(struct core, audit);
    const size_t stats = offsetof(struct kernel, stats);

    (void)m;
    if (at >= stats && at < stats + sizeof(struct kernel_stats))
        return true;
    if (at < audit || at >= audit + sizeof(struct audit))
        return false;
    return at - audit < offsetof(struct audit, head) || at - audit >= offsetof(struct audit, chain);
}
