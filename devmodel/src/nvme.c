/* SPDX-License-Identifier: BSD-2-Clause */
/* The NVMe controller as a PCI function: registers (NVM Express 1.4, 3.1), doorbells, becoming ready and idle
 * (7.6), and the public calls (nvme.h). Interrupts are MSI-X messages; it has no pin. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "nvme_model.h"

#define VENDOR            0x1ae0u
#define DEVICE            0x001fu
#define CLASS_NVME        0x010802u
#define BAR_REGISTERS     0u
#define BAR_MSIX          4u
#define REGISTERS_BYTES   0x4000u /* doorbells of DM_NVME_QUEUES_MAX pairs, the widest stride */
#define REGISTERS_BASE    0xf0000000u
#define MSIX_BASE         0xf8000000u
#define MSIX_TABLE_BYTES  0x800u /* at least */
#define MSIX_VECTORS_MAX  2048u
#define ENTRIES_MAX       4096u /* of any queue: that many fit AQA's fields */
#define STRIDE_MAX        8u
#define BLOCK_BYTES_MIN   512u
#define CAP_CQR           (1u << 16)
#define CAP_TIMEOUT       (1u << 24) /* CAP.TO: 500 ms, the least that can be said */
#define VERSION           0x00010400u
#define CC_ENABLE         1u
#define CC_RESERVED       0xff00000eu
#define CC_FIXED          0x00003ff0u /* CSS, MPS and AMS: not while enabled (3.1.5) */
#define CC_ENTRY_SIZES    0x00ff0000u
#define CC_SHUTDOWN       0x0000c000u
#define CSTS_FAILED       2u
#define SHUTDOWN_RUNNING  1u /* CSTS.SHST */
#define SHUTDOWN_COMPLETE 2u
#define AQA_RESERVED      0xf000f000u

_Static_assert(0x1000u + 2u * DM_NVME_QUEUES_MAX * (4u << STRIDE_MAX) <= REGISTERS_BYTES, "doorbells fit");

enum nvme_register {
    R_CAP = 0x00,
    R_CAP_HIGH = 0x04,
    R_VS = 0x08,
    R_INTMS = 0x0c,
    R_INTMC = 0x10,
    R_CC = 0x14,
    R_CSTS = 0x1c,
    R_AQA = 0x24,
    R_ASQ = 0x28,
    R_ASQ_HIGH = 0x2c,
    R_ACQ = 0x30,
    R_ACQ_HIGH = 0x34,
    R_DOORBELLS = 0x1000
};

static const struct {
    const char *name, *text;
} attacks[DM_NVME_ATTACKS] = {
#define DM_NVME_ATTACK(name, text) {#name, text},
#include "capos/devmodel/nvme_attacks.def"
#undef DM_NVME_ATTACK
};

const char *dm_nvme_attack_name(enum dm_nvme_attack attack)
{
    assert(attack < DM_NVME_ATTACKS);
    return attacks[attack].name;
}

const char *dm_nvme_attack_text(enum dm_nvme_attack attack)
{
    assert(attack < DM_NVME_ATTACKS);
    return attacks[attack].text;
}

bool dm_nvme_fires(struct dm_nvme *n, enum dm_nvme_attack attack, uint64_t *value)
{
    struct dm_attack_arm *arm = &n->arms[attack];

    if (!dm_arm_fires(arm))
        return false;
    if (value)
        *value = arm->value;
    return true;
}

void dm_nvme_broken(struct dm_nvme *n, const char *clause, const char *format, ...)
{
    struct dm_nvme_watch *w = &n->watch;
    va_list arguments;
    int used;

    if (!n->config.watches || n->excused || w->broken_total++ > 0)
        return;
    used = snprintf(w->first, sizeof w->first, "NVMe %s: ", clause);
    if (used < 0 || (size_t)used >= sizeof w->first)
        return;
    va_start(arguments, format);
    (void)vsnprintf(w->first + used, sizeof w->first - (size_t)used, format, arguments);
    va_end(arguments);
}

/* Nothing is left of what the driver set up: its memory is its own again. */
static void become_idle(struct dm_nvme *n)
{
    for (uint16_t q = 0; q < DM_NVME_QUEUES_MAX; q++) {
        dm_nvme_drop(n, q);
        dm_nvme_ring_stop(n, &n->sqs[q].ring, false);
        dm_nvme_ring_stop(n, &n->cqs[q].ring, true);
    }
    n->old.due = false;
    n->state = DM_NVME_IDLE;
    n->failed = false;
    n->shutdown = 0;
}

static void settle(struct dm_nvme *n)
{
    if (n->state == DM_NVME_STARTING)
        n->state = DM_NVME_RUNNING;
    else
        become_idle(n);
}

/* The state lasts so many steps more. */
static void wait_in(struct dm_nvme *n, enum dm_nvme_state state, enum dm_nvme_attack never,
                    enum dm_nvme_attack late)
{
    uint64_t later = 0;

    n->state = state;
    n->never = dm_nvme_fires(n, never, NULL);
    (void)dm_nvme_fires(n, late, &later);
    n->turns = later > UINT64_MAX - n->config.ready_turns ? UINT64_MAX : n->config.ready_turns + later;
    if (n->turns == 0 && !n->never)
        settle(n);
}

/* The admin queue pair from its registers (3.1.8 to 3.1.10). */
static bool start_admin(struct dm_nvme *n)
{
    const uint32_t submissions = (n->aqa & 0xfffu) + 1u, completions = (n->aqa >> 16 & 0xfffu) + 1u;

    if (submissions < 2 || completions < 2 || n->asq % DM_PAGE_BYTES || n->acq % DM_PAGE_BYTES) {
        dm_nvme_broken(n, "3.1.8", "enabled with AQA %#x, ASQ %#llx, ACQ %#llx", n->aqa,
                       (unsigned long long)n->asq, (unsigned long long)n->acq);
        return false;
    }
    n->sqs[0] = (struct dm_nvme_sq){.cq = 0};
    n->cqs[0] = (struct dm_nvme_cq){.phase = true, .interrupts = n->config.msix_vectors > 0};
    return dm_nvme_ring_start(n, &n->sqs[0].ring, n->asq, submissions, false) &&
           dm_nvme_ring_start(n, &n->cqs[0].ring, n->acq, completions, true);
}

static void enable(struct dm_nvme *n)
{
    if (n->state == DM_NVME_STOPPING) {
        dm_nvme_broken(n, "3.1.5", "CC.EN set while CSTS.RDY is 1");
        n->failed = true;
        return;
    }
    if (n->cc & CC_FIXED)
        dm_nvme_broken(n, "3.1.5", "enabled with CC %#x: a page size, arbitration or command set not offered",
                       n->cc);
    if ((n->cc & CC_FIXED) || !start_admin(n)) {
        n->state = DM_NVME_STARTING;
        n->never = true;
        n->failed = true;
        return;
    }
    wait_in(n, DM_NVME_STARTING, DM_NVME_READY_NEVER, DM_NVME_READY_LATE);
}

static void disable(struct dm_nvme *n)
{
    n->counts.resets++;
    if (n->state != DM_NVME_RUNNING) { /* RDY is 0, or already on its way there */
        if (n->state == DM_NVME_STARTING)
            become_idle(n);
        return;
    }
    wait_in(n, DM_NVME_STOPPING, DM_NVME_RESET_NEVER, DM_NVME_RESET_LATE);
}

static bool has_io_queues(const struct dm_nvme *n)
{
    for (uint16_t q = 1; q < DM_NVME_QUEUES_MAX; q++)
        if (n->sqs[q].ring.live || n->cqs[q].ring.live)
            return true;
    return false;
}

static void write_control(struct dm_nvme *n, uint32_t value)
{
    const uint32_t before = n->cc;

    if (!(value & CC_ENABLE))
        n->excused = false;
    if (value & CC_RESERVED)
        dm_nvme_broken(n, "3.1.5", "reserved bits of CC: %#x", value);
    if ((value & before & CC_ENABLE) &&
        (((value ^ before) & CC_FIXED) || (((value ^ before) & CC_ENTRY_SIZES) && has_io_queues(n)))) {
        dm_nvme_broken(n, "3.1.5", "CC of an enabled controller from %#x to %#x", before, value);
        value = (before & (CC_FIXED | CC_ENTRY_SIZES)) | (value & ~(CC_FIXED | CC_ENTRY_SIZES));
    }
    n->cc = value & ~CC_RESERVED;
    if ((value & CC_ENABLE) && !(before & CC_ENABLE))
        enable(n);
    if (!(value & CC_ENABLE) && (before & CC_ENABLE))
        disable(n);
    if ((value & CC_SHUTDOWN) && !(before & CC_SHUTDOWN))
        n->shutdown = SHUTDOWN_RUNNING;
}

static void set_half(uint64_t *field, uint32_t value, bool high)
{
    *field = high ? (*field & UINT32_MAX) | (uint64_t)value << 32 : (*field & ~(uint64_t)UINT32_MAX) | value;
}

static void write_admin(struct dm_nvme *n, uint32_t offset, uint32_t value)
{
    if (n->cc & CC_ENABLE) {
        dm_nvme_broken(n, "3.1.8", "register %#x of an enabled controller written", offset);
        return;
    }
    if ((offset == R_AQA && (value & AQA_RESERVED)) ||
        ((offset == R_ASQ || offset == R_ACQ) && value % DM_PAGE_BYTES))
        dm_nvme_broken(n, "3.1.8", "reserved bits of register %#x: %#x", offset, value);
    if (offset == R_AQA)
        n->aqa = value;
    else if (offset == R_ASQ || offset == R_ASQ_HIGH)
        set_half(&n->asq, value, offset == R_ASQ_HIGH);
    else
        set_half(&n->acq, value, offset == R_ACQ_HIGH);
}

/* Entries from `from` on to `to`. */
static uint32_t distance(const struct dm_nvme_ring *r, uint32_t from, uint32_t to)
{
    return (to + r->size - from) % r->size;
}

static void ring_doorbell(struct dm_nvme *n, uint32_t offset, uint32_t value)
{
    const uint32_t stride = 4u << n->config.doorbell_stride, at = offset - R_DOORBELLS;
    const uint32_t queue = at / stride / 2u;
    const bool completions = at / stride % 2u;
    struct dm_nvme_ring *r = NULL;
    uint32_t room, advance;

    n->counts.doorbells++;
    if (n->failed)
        return; /* the driver may not have seen it yet */
    if (queue < DM_NVME_QUEUES_MAX)
        r = completions ? &n->cqs[queue].ring : &n->sqs[queue].ring;
    if (!r || at % stride || n->state != DM_NVME_RUNNING || !r->live) {
        dm_nvme_broken(n, "3.1.16", "doorbell at %#x of no queue", offset);
        return;
    }
    if (value >= r->size) {
        dm_nvme_broken(n, "3.1.16", "%u in the doorbell of a queue of %u entries", value, r->size);
        return;
    }
    /* A tail may not meet the head that the driver was told, a head not pass what was posted. */
    room =
        completions ? distance(r, r->head, r->tail) : r->size - 1u - distance(r, n->sqs[queue].told, r->tail);
    advance = distance(r, completions ? r->head : r->tail, value);
    if (advance == 0 || advance > room) {
        dm_nvme_broken(n, completions ? "3.1.17" : "3.1.16", "queue %u: doorbell %u, %u on, room for %u",
                       queue, value, advance, room);
        return;
    }
    if (completions)
        r->head = value;
    else
        r->tail = value;
}

static uint32_t capabilities(struct dm_nvme *n)
{
    uint64_t entries = n->config.entries_max - 1u;

    (void)dm_nvme_fires(n, DM_NVME_CAP_ENTRIES, &entries);
    return (uint32_t)(entries & 0xffffu) | CAP_CQR | CAP_TIMEOUT;
}

static uint32_t capabilities_high(struct dm_nvme *n)
{
    uint64_t stride = n->config.doorbell_stride, page_min = 0, sets = 1;

    (void)dm_nvme_fires(n, DM_NVME_CAP_STRIDE, &stride);
    (void)dm_nvme_fires(n, DM_NVME_CAP_PAGE_MIN, &page_min);
    (void)dm_nvme_fires(n, DM_NVME_CAP_COMMAND_SETS, &sets);
    page_min &= 15u;
    return (uint32_t)((stride & 15u) | (sets & 0xffu) << 5 | page_min << 16 | page_min << 20);
}

static uint32_t status_register(const struct dm_nvme *n)
{
    const bool ready = n->state == DM_NVME_RUNNING || n->state == DM_NVME_STOPPING;

    return (uint32_t)ready | (n->failed ? CSTS_FAILED : 0) | n->shutdown << 2;
}

static bool is_dword(struct dm_nvme *n, uint32_t offset, uint8_t width)
{
    if (width == 4 && offset % 4u == 0)
        return true;
    dm_nvme_broken(n, "3.1", "%u-byte access of register %#x", width, offset);
    return false;
}

static uint32_t bar_read(void *model, unsigned bar, uint32_t offset, uint8_t width)
{
    struct dm_nvme *n = model;

    if (n->removed)
        return dm_mask_width(UINT32_MAX, width);
    if (bar != BAR_REGISTERS || !is_dword(n, offset, width))
        return 0;
    switch (offset) {
    case R_CAP:
        return capabilities(n);
    case R_CAP_HIGH:
        return capabilities_high(n);
    case R_VS:
        return VERSION;
    case R_INTMS:
    case R_INTMC:
        return n->interrupt_mask;
    case R_CC:
        return n->cc;
    case R_CSTS:
        return status_register(n);
    case R_AQA:
        return n->aqa;
    case R_ASQ:
        return (uint32_t)n->asq;
    case R_ASQ_HIGH:
        return (uint32_t)(n->asq >> 32);
    case R_ACQ:
        return (uint32_t)n->acq;
    case R_ACQ_HIGH:
        return (uint32_t)(n->acq >> 32);
    default:
        return 0;
    }
}

static void bar_write(void *model, unsigned bar, uint32_t offset, uint8_t width, uint32_t value)
{
    struct dm_nvme *n = model;

    if (n->removed || bar != BAR_REGISTERS || !is_dword(n, offset, width))
        return;
    if (offset >= R_DOORBELLS) {
        ring_doorbell(n, offset, value);
        return;
    }
    switch (offset) {
    case R_INTMS:
    case R_INTMC:
        if (dm_function_msix_enabled(n->function))
            dm_nvme_broken(n, "3.1.3", "register %#x written with MSI-X on", offset);
        n->interrupt_mask = offset == R_INTMS ? n->interrupt_mask | value : n->interrupt_mask & ~value;
        break;
    case R_CC:
        write_control(n, value);
        break;
    case R_AQA:
    case R_ASQ:
    case R_ASQ_HIGH:
    case R_ACQ:
    case R_ACQ_HIGH:
        write_admin(n, offset, value);
        break;
    default:
        dm_nvme_broken(n, "3.1", "register %#x, which cannot be written, written", offset);
        break;
    }
}

static uint32_t bus_step(void *model, uint32_t budget)
{
    return dm_nvme_step(model, budget);
}

static const struct dm_function_ops nvme_ops = {
    .bar_read = bar_read, .bar_write = bar_write, .step = bus_step, .destroy = free};

struct dm_nvme_config dm_nvme_defaults(void)
{
    return (struct dm_nvme_config){.bdf = 3u << 3,
                                   .msix_vectors = 8,
                                   .entries_max = 1024,
                                   .transfer_shift = 6,
                                   .namespaces = 1,
                                   .ready_turns = 1,
                                   .block_bytes = BLOCK_BYTES_MIN,
                                   .serial = "persistent-disk-0",
                                   .model = "nvme_card-pd",
                                   .revision = "2",
                                   .watches = true};
}

static bool possible(const struct dm_nvme_config *c)
{
    return c->msix_vectors <= MSIX_VECTORS_MAX && c->entries_max >= 2 && c->entries_max <= ENTRIES_MAX &&
           c->doorbell_stride <= STRIDE_MAX && c->transfer_shift <= DM_NVME_SHIFT_MAX &&
           c->block_bytes >= BLOCK_BYTES_MIN && c->block_bytes <= DM_PAGE_BYTES &&
           (c->block_bytes & (c->block_bytes - 1u)) == 0 && c->medium.bytes % c->block_bytes == 0 &&
           (c->medium.bytes == 0 || c->medium.read != NULL);
}

static struct dm_function_config function_config(const struct dm_nvme_config *config)
{
    const uint32_t slot = config->bdf & 0xffu;
    uint32_t table = MSIX_TABLE_BYTES;
    struct dm_function_config f = {.bdf = config->bdf,
                                   .vendor = VENDOR,
                                   .device = DEVICE,
                                   .subsystem_vendor = VENDOR,
                                   .subsystem = DEVICE,
                                   .class_code = CLASS_NVME,
                                   .firmware_command = 2};

    f.bars[BAR_REGISTERS].kind = DM_BAR_MEM64;
    f.bars[BAR_REGISTERS].bytes = REGISTERS_BYTES;
    f.bars[BAR_REGISTERS].firmware_address = REGISTERS_BASE + slot * REGISTERS_BYTES;
    if (config->msix_vectors == 0)
        return f;
    while (table < 16u * config->msix_vectors)
        table *= 2u;
    f.bars[BAR_MSIX].kind = DM_BAR_MEM32;
    f.bars[BAR_MSIX].bytes = 2u * table;
    f.bars[BAR_MSIX].firmware_address = MSIX_BASE + slot * 2u * table;
    f.msix_vectors = config->msix_vectors;
    f.msix_bar = BAR_MSIX;
    f.msix_pba_offset = table;
    return f;
}

struct dm_nvme *dm_nvme_create(struct dm_bus *bus, const struct dm_nvme_config *config)
{
    const struct dm_function_config f = function_config(config);
    struct dm_nvme *n;

    assert(bus);
    n = possible(config) ? calloc(1, sizeof *n) : NULL;
    if (!n)
        return NULL;
    n->config = *config;
    n->bus = bus;
    n->memory = dm_bus_memory(bus);
    n->function = dm_bus_attach(bus, &f, &nvme_ops, n);
    if (!n->function) {
        free(n);
        return NULL;
    }
    return n;
}

uint32_t dm_nvme_step(struct dm_nvme *n, uint32_t budget)
{
    const bool passing = n->state == DM_NVME_STARTING || n->state == DM_NVME_STOPPING;

    if (n->removed)
        return 0;
    if (passing && !n->never && (n->turns == 0 || --n->turns == 0))
        settle(n);
    if (n->shutdown == SHUTDOWN_RUNNING)
        n->shutdown = SHUTDOWN_COMPLETE;
    if (n->state != DM_NVME_RUNNING || n->failed || !dm_function_bus_master(n->function))
        return 0;
    return dm_nvme_work(n, budget);
}

void dm_nvme_arm(struct dm_nvme *n, enum dm_nvme_attack attack, uint32_t at, uint32_t times, uint64_t value)
{
    assert(attack < DM_NVME_ATTACKS);
    n->arms[attack] = (struct dm_attack_arm){.at = at, .times = times, .value = value};
}

uint32_t dm_nvme_fired(const struct dm_nvme *n, enum dm_nvme_attack attack)
{
    assert(attack < DM_NVME_ATTACKS);
    return n->arms[attack].fired;
}

const struct dm_nvme_watch *dm_nvme_watch(const struct dm_nvme *n)
{
    return &n->watch;
}

struct dm_nvme_counts dm_nvme_counts(const struct dm_nvme *n)
{
    struct dm_nvme_counts counts = n->counts;

    for (uint32_t i = 0; i < DM_NVME_SLOTS && n->state == DM_NVME_RUNNING; i++)
        counts.in_flight += n->slots[i].state != DM_NVME_FREE;
    return counts;
}

void dm_nvme_fail(struct dm_nvme *n)
{
    n->failed = true;
}

void dm_nvme_reset_itself(struct dm_nvme *n)
{
    if (n->removed)
        return;
    become_idle(n);
    n->cc = 0;
    n->aqa = 0;
    n->asq = 0;
    n->acq = 0;
    n->interrupt_mask = 0;
    n->excused = true;
}

void dm_nvme_remove(struct dm_nvme *n)
{
    n->removed = true;
    dm_function_remove(n->function);
}
