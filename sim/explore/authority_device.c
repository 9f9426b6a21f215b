/* SPDX-License-Identifier: BSD-2-Clause */
/* The small device of the grants: a status that resets, one queue, writes under way, messages. It knows what
 * it was told and nothing else; what it reads of a ring it judges against the book (P10, I2, I13, I19). */
#include <string.h>

#include "abi/assert.h"
#include "sim/explore/authority_world.h"

#define STATUS     0u
#define SELECT     2u
#define SIZE       4u
#define ADDRESS    8u
#define ENABLE     12u
#define BELL       16u
#define RUNNING    4u
#define PAGE_SHIFT 12u
#define AVAIL_AT   32u
#define USED_AT    44u
#define PATTERN    0xd0d0d0d0d0d0d0d0ull
#define LANDS_AT   112u /* behind a ring's words: what a late write does to those is a lie like any other */
#define RESETTING  0x80u /* what the status reads as while a reset is not confirmed */

#define SETUP (IN_STATE(DEVICE_RESET) | IN_STATE(DEVICE_QUEUES_PROGRAMMED))

static const struct reg_row rows[] = {
    {.offset = STATUS,
     .width = 1,
     .count = 1,
     .kind = REG_QUIESCE,
     .direction = REG_READ_WRITE,
     .write_mask = 4,
     .read_states = IN_CLAIMED_STATES,
     .write_states = IN_CLAIMED_STATES},
    {.offset = SELECT,
     .width = 2,
     .count = 1,
     .direction = REG_WRITE,
     .write_mask = 3,
     .write_states = SETUP,
     .selects_queue = 1},
    {.offset = SIZE,
     .width = 2,
     .count = 1,
     .direction = REG_READ,
     .read_states = IN_CLAIMED_STATES,
     .sizes_queue = 1},
    {.offset = ADDRESS,
     .width = 4,
     .count = 1,
     .kind = REG_ADDRESS,
     .direction = REG_WRITE,
     .write_states = SETUP,
     .part = RING_WHOLE,
     .shift = PAGE_SHIFT},
    {.offset = ENABLE,
     .width = 2,
     .count = 1,
     .direction = REG_WRITE,
     .write_mask = 1,
     .write_states = SETUP,
     .enables_queue = 1},
    {.offset = BELL,
     .width = 2,
     .count = 1,
     .kind = REG_BELL,
     .direction = REG_WRITE,
     .write_mask = 3,
     .write_states = IN_STATE(DEVICE_DRIVER_OK)},
};

static const struct reg_step steps[] = {
    {.row = 4, .from_states = IN_STATE(DEVICE_RESET), .mask = 1, .bits = 1, .to = DEVICE_QUEUES_PROGRAMMED},
    {.row = 0, .from_states = SETUP, .mask = RUNNING, .bits = RUNNING, .to = DEVICE_DRIVER_OK},
};

const struct reg_table auth_table = {.name = "small",
                                     .rows = rows,
                                     .steps = steps,
                                     .row_count = sizeof rows / sizeof *rows,
                                     .step_count = sizeof steps / sizeof *steps,
                                     .section_count = 1,
                                     .quiesce_polls_max = 3,
                                     .ring_align = 4};

static struct auth_world *world_of(struct auth_machine *m)
{
    return m->ctx;
}

/* reset */

static uint32_t pending_count(const struct auth_device *d)
{
    uint32_t count = 0;

    for (uint32_t i = 0; i < AUTH_PENDING; i++)
        count += d->pending[i] != 0;
    return count;
}

static void land(struct auth_world *a, uint32_t f, uint32_t which)
{
    struct auth_device *d = &a->devices[f];
    const uint32_t page = d->pending[which];

    ASSERT(page != 0);
    d->pending[which] = 0;
    xp_note(&a->world, XP_LANE_DEVICE, "function %u: a write lands in page %u%s", f, page,
            d->late ? ", late" : "");
    auth_device_write(&a->machine, f, page, LANDS_AT, PATTERN, !d->late);
    if (pending_count(d) == 0)
        d->late = 0;
}

static void land_some(struct auth_world *a, uint32_t f, uint32_t count)
{
    for (uint32_t i = 0; i < AUTH_PENDING && count > 0; i++) {
        if (a->devices[f].pending[i]) {
            land(a, f, i);
            count--;
        }
    }
}

/* Where it could be writing: the buffer of a chain that it holds, else its used ring. */
static uint8_t target(struct auth_world *a, uint32_t f)
{
    const struct auth_device *d = &a->devices[f];

    for (uint32_t i = 0; i < AUTH_QUEUE_SIZE; i++) {
        uint64_t address;

        if (!d->held[i])
            continue;
        memcpy(&address, auth_at(&a->machine, d->page, 16u * (d->held[i] - 1u)), 8);
        return (uint8_t)auth_page_of(address);
    }
    return d->page;
}

/* How the reset that was just asked for will go. */
static void draw_reset(struct auth_world *a, uint32_t f)
{
    static const uint32_t kinds[] = {1, 2, 4};
    static const uint8_t reads[] = {0, AUTH_NEVER, 1, 2};
    struct auth_device *d = &a->devices[f];

    d->left = reads[xp_choose(&a->world, kinds[a->config.late], "reset.confirm")];
    if (!d->page || !d->enabled || !auth_master(&a->machine, f) || pending_count(d) > 0)
        return;
    const uint32_t writes = xp_choose(&a->world, a->config.pending + 1u, "reset.pending");

    for (uint32_t i = 0; i < writes; i++)
        d->pending[i] = target(a, f);
    d->late = writes > 0 && a->config.hostile && xp_choose(&a->world, 2, "reset.late");
}

static void acknowledge(struct auth_world *a, uint32_t f)
{
    struct auth_device *d = &a->devices[f];

    if (!d->late) /* honest: what was under way is there before it says so */
        land_some(a, f, AUTH_PENDING);
    *d = (struct auth_device){.late = d->late,
                              .lies = d->lies,
                              .acked = 1,
                              .pending = {d->pending[0], d->pending[1], d->pending[2]}};
    xp_note(&a->world, XP_LANE_DEVICE, "function %u confirms its reset", f);
}

static uint32_t status_read(struct auth_world *a, uint32_t f)
{
    struct auth_device *d = &a->devices[f];

    if (!d->resetting)
        return d->status;
    if (d->left == 0) {
        acknowledge(a, f);
        return 0;
    }
    if (d->left != AUTH_NEVER)
        d->left--;
    return RESETTING;
}

static void status_written(struct auth_world *a, uint32_t f, uint32_t value)
{
    struct auth_device *d = &a->devices[f];

    if (value != 0) {
        if (!d->resetting) /* else it is lost: a driver's own fault */
            d->status = (uint8_t)value;
        return;
    }
    if (!d->resetting)
        draw_reset(a, f);
    d->resetting = 1;
}

/* registers */

static uint32_t read_register(struct auth_machine *m, uint32_t f, uint32_t offset, uint8_t width)
{
    struct auth_world *a = world_of(m);

    if (offset == STATUS && width == 1)
        return status_read(a, f);
    if (offset == SIZE && width == 2)
        return AUTH_QUEUE_SIZE;
    xp_violate(&a->world, XP_I14, "function %u: register 0x%x is read, %u wide", f, offset, width);
}

/* The queue that the page is the ring of, by the book. */
static struct auth_object *ring_at(struct auth_world *a, uint32_t f, uint32_t page)
{
    for (uint8_t i = AUTH_QUEUES; i < AUTH_INTERRUPTS; i++) {
        struct auth_object *q = &a->ghost.objects[i];

        if (q->kind == CAP_IF_DMA_QUEUE && q->function == f && q->first == page)
            return q;
    }
    return NULL;
}

static void address_written(struct auth_world *a, uint32_t f, uint32_t value)
{
    const uint64_t bus = (uint64_t)value << PAGE_SHIFT;
    const uint32_t page = auth_page_of(bus);
    struct auth_object *q = bus < AUTH_BUS ? NULL : ring_at(a, f, page);

    if (!q || q->over)
        xp_violate(&a->world, XP_I2,
                   "function %u: 0x%llx, no live ring of it, is written as a ring's address", f,
                   (unsigned long long)bus);
    auth_told(&a->machine, f, page, true);
    q->programmed = 1;
    a->devices[f].page = (uint8_t)page;
}

static void write_register(struct auth_machine *m, uint32_t f, uint32_t offset, uint8_t width, uint32_t value)
{
    struct auth_world *a = world_of(m);
    struct auth_device *d = &a->devices[f];

    if (offset == STATUS && width == 1) {
        status_written(a, f, value);
    } else if (offset == SELECT && width == 2) {
        return;
    } else if (offset == ADDRESS && width == 4) {
        address_written(a, f, value);
    } else if (offset == ENABLE && width == 2) {
        if (!d->page)
            xp_violate(&a->world, XP_I2, "function %u: its queue is enabled without an address", f);
        d->enabled = 1;
    } else if (offset == BELL && width == 2) {
        if (value != 0 || !d->enabled || d->resetting || d->status != RUNNING)
            xp_violate(&a->world, XP_I13, "function %u: bell %u rings, status %u", f, value, d->status);
    } else {
        xp_violate(&a->world, XP_I14, "function %u: register 0x%x is written, %u wide", f, offset, width);
    }
}

/* The kernel waits between two reads: some of what is under way may land now. */
static void waits(struct auth_machine *m)
{
    struct auth_world *a = world_of(m);

    for (uint32_t f = 0; f < a->config.functions; f++) {
        const uint32_t count = pending_count(&a->devices[f]);

        if (count > 0)
            land_some(a, f, xp_choose(&a->world, count + 1u, "dma.land"));
    }
}

bool auth_device_dangerous(const struct auth_world *a, uint32_t function)
{
    const struct auth_device *d = &a->devices[function];

    return d->page != 0 || (pending_count(d) > 0 && !d->late);
}

static bool may_write(struct auth_machine *m, uint32_t f, uint32_t page)
{
    struct auth_world *a = world_of(m);
    const struct auth_device *d = &a->devices[f];

    if (d->page == page)
        return true;
    for (uint32_t i = 0; i < AUTH_PENDING; i++) {
        if (d->pending[i] == page && !d->late)
            return true;
    }
    for (uint32_t i = 0; d->page && d->lies == 0 && i < AUTH_QUEUE_SIZE;
         i++) { /* a liar's word that it is done counts */
        uint64_t address;

        if (!d->held[i])
            continue;
        memcpy(&address, auth_at(m, d->page, 16u * (d->held[i] - 1u)), 8);
        if (auth_page_of(address) == page)
            return true;
    }
    return false;
}

static void mastered(struct auth_machine *m, uint32_t f)
{
    struct auth_world *a = world_of(m);

    if (!a->ghost.functions[f].claim || !(a->ghost.functions[f].reset || a->devices[f].acked))
        xp_violate(&a->world, XP_P9, "function %u becomes a bus master, not reset since it was claimed", f);
}

static void mapped(struct auth_machine *m, uint32_t f, uint32_t first, uint32_t count)
{
    struct auth_world *a = world_of(m);

    (void)f;
    a->run_first = (uint8_t)first;
    a->run_count = (uint8_t)count;
}

const struct auth_hooks auth_device_hooks = {.read = read_register,
                                             .write = write_register,
                                             .waits = waits,
                                             .may_write = may_write,
                                             .mastered = mastered,
                                             .mapped = mapped};

/* moves */

static uint16_t avail_index(struct auth_world *a, const struct auth_device *d)
{
    uint16_t index;

    memcpy(&index, auth_at(&a->machine, d->page, AVAIL_AT + 2u), 2);
    return index;
}

static uint32_t held_count(const struct auth_device *d)
{
    return (d->held[0] ? 1u : 0u) + (d->held[1] ? 1u : 0u);
}

static bool runs(struct auth_world *a, uint32_t f)
{
    const struct auth_device *d = &a->devices[f];

    return d->enabled && d->status == RUNNING && !d->resetting && auth_master(&a->machine, f);
}

/* One descriptor against what was published in its slot. Returns its next, or AUTH_QUEUE_SIZE. */
static uint32_t descriptor(struct auth_world *a, uint32_t f, const struct auth_object *q, uint32_t slot)
{
    uint64_t address;
    uint32_t length;
    uint16_t flags[2];
    const struct auth_object *b = q->slots[slot] ? &a->ghost.objects[q->slots[slot]] : NULL;

    memcpy(&address, auth_at(&a->machine, q->first, 16u * slot), 8);
    memcpy(&length, auth_at(&a->machine, q->first, 16u * slot + 8u), 4);
    memcpy(flags, auth_at(&a->machine, q->first, 16u * slot + 12u), 4);
    if (!b || b->function != f || address < AUTH_BUS || auth_page_of(address) < b->first ||
        address + length > AUTH_BUS + (uint64_t)(b->first + b->pages) * 4096u || length != AUTH_UNIT)
        xp_violate(&a->world, XP_P10,
                   "function %u: descriptor %u names 0x%llx + %u, which is not what was published", f, slot,
                   (unsigned long long)address, length);
    if (!(flags[0] & 2u))
        xp_violate(&a->world, XP_I19, "function %u: descriptor %u of a writable buffer is readable", f, slot);
    auth_told(&a->machine, f, auth_page_of(address), false);
    return flags[0] & 1u ? flags[1] : AUTH_QUEUE_SIZE;
}

static void fetch(struct auth_world *a, uint32_t f)
{
    struct auth_device *d = &a->devices[f];
    const struct auth_object *q = ring_at(a, f, d->page);
    uint16_t head;
    uint32_t next;

    memcpy(&head, auth_at(&a->machine, d->page, AVAIL_AT + 4u + 2u * (d->fetched & 1u)), 2);
    d->fetched++;
    d->held[d->held[0] ? 1 : 0] = (uint8_t)(head + 1u);
    xp_note(&a->world, XP_LANE_DEVICE, "function %u fetches chain %u", f, head);
    if (d->lies > 0) /* the book follows what it said, not what it holds */
        return;
    if (!q || head >= AUTH_QUEUE_SIZE)
        xp_violate(&a->world, XP_I2, "function %u: head %u is available%s", f, head,
                   q ? "" : " in a dead ring");
    next = descriptor(a, f, q, head);
    if (next < AUTH_QUEUE_SIZE && (next == head || descriptor(a, f, q, next) < AUTH_QUEUE_SIZE))
        xp_violate(&a->world, XP_I19, "function %u: the chain at %u does not end", f, head);
}

static void put_used(struct auth_world *a, uint32_t f, uint32_t id, uint32_t length)
{
    struct auth_device *d = &a->devices[f];
    uint8_t *at = auth_at(&a->machine, d->page, USED_AT + 4u + 8u * (d->used & 1u));

    memcpy(at, &id, 4);
    memcpy(at + 4, &length, 4);
    d->used++;
    memcpy(auth_at(&a->machine, d->page, USED_AT + 2u), &d->used, 2);
}

static uint8_t take_held(struct auth_device *d, uint32_t which)
{
    const uint8_t head = (uint8_t)(d->held[which] - 1u);

    d->held[which] = 0;
    if (which == 0) {
        d->held[0] = d->held[1];
        d->held[1] = 0;
    }
    return head;
}

static void finish(struct auth_world *a, uint32_t f, uint32_t which)
{
    struct auth_device *d = &a->devices[f];
    const uint8_t head = take_held(d, which);
    uint64_t address;

    memcpy(&address, auth_at(&a->machine, d->page, 16u * head), 8);
    auth_device_write(&a->machine, f, auth_page_of(address), (uint32_t)(address % 4096u), PATTERN,
                      d->lies == 0);
    put_used(a, f, head, 8);
    xp_note(&a->world, XP_LANE_DEVICE, "function %u completes chain %u", f, head);
}

enum lie { LIE_EARLY = 0, LIE_RANGE, LIE_IDLE, LIE_LONG, LIE_JUMP, LIES };

static void lie(struct auth_world *a, uint32_t f, enum lie kind)
{
    struct auth_device *d = &a->devices[f];

    d->lies++;
    xp_note(&a->world, XP_LANE_DEVICE, "function %u LIES: %u", f, kind);
    switch (kind) {
    case LIE_EARLY: /* what was never fetched; or completed a second time */
        put_used(a, f, d->held[0] ? 2u - d->held[0] : 0, 0);
        break;
    case LIE_RANGE:
        put_used(a, f, AUTH_QUEUE_SIZE, 0);
        break;
    case LIE_IDLE:
        put_used(a, f, 1, 8);
        break;
    case LIE_LONG:
        put_used(a, f, d->held[0] ? d->held[0] - 1u : 0, 2u * AUTH_UNIT + 1u);
        break;
    case LIE_JUMP:
    case LIES:
        d->used = (uint16_t)(d->used + 0x7fffu);
        put_used(a, f, 0, 8);
        break;
    }
}

void auth_device_power_on(struct auth_world *a)
{
    memset(a->devices, 0, sizeof a->devices);
}

uint32_t auth_device_actions(struct auth_world *a, struct auth_action *out)
{
    uint32_t count = 0;

    for (uint8_t f = 0; f < a->config.functions; f++) {
        const struct auth_device *d = &a->devices[f];

        if (runs(a, f) && avail_index(a, d) != d->fetched && held_count(d) < AUTH_QUEUE_SIZE)
            out[count++] = (struct auth_action){AUTH_DEVICE_FETCH, f, 0, 0};
        for (uint8_t i = 0; runs(a, f) && i < held_count(d); i++)
            out[count++] = (struct auth_action){AUTH_DEVICE_COMPLETE, f, i, 0};
        for (uint8_t i = 0; runs(a, f) && d->lies < a->config.lies && i < LIES; i++)
            out[count++] = (struct auth_action){AUTH_DEVICE_LIE, f, i, 0};
        for (uint8_t i = 0; i < AUTH_PENDING; i++) {
            if (d->pending[i])
                out[count++] = (struct auth_action){AUTH_DEVICE_LAND, f, i, 0};
        }
        for (uint8_t i = AUTH_INTERRUPTS; i < AUTH_OBJECTS; i++) {
            const struct auth_object *o = &a->ghost.objects[i];

            if (o->kind == CAP_IF_INTERRUPT && o->function == f && o->pending == 0 &&
                !a->machine_state.messages[0].under_way)
                out[count++] = (struct auth_action){AUTH_DEVICE_SEND, f, i, 0};
        }
    }
    if (a->machine_state.messages[0].under_way)
        out[count++] = (struct auth_action){AUTH_DEVICE_ARRIVES, 0, 0, 0};
    return count;
}

void auth_device_act(struct auth_world *a, const struct auth_action *action)
{
    const uint32_t f = action->owner;

    switch (action->op) {
    case AUTH_DEVICE_FETCH:
        fetch(a, f);
        break;
    case AUTH_DEVICE_COMPLETE:
        finish(a, f, action->a);
        break;
    case AUTH_DEVICE_LIE:
        lie(a, f, (enum lie)action->a);
        break;
    case AUTH_DEVICE_LAND:
        land(a, f, action->a);
        break;
    case AUTH_DEVICE_SEND:
        (void)auth_send(&a->machine, f,
                        a->machine.kernel->devices.interrupts[action->a - AUTH_INTERRUPTS].vector, action->a);
        break;
    default:
        ASSERT(action->op == AUTH_DEVICE_ARRIVES);
        if (a->machine_state.messages[0].to)
            a->ghost.objects[a->machine_state.messages[0].to].pending++;
        auth_arrives(&a->machine, 0);
        break;
    }
}
