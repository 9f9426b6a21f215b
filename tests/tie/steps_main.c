/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-steps [WORLD ...]: the smallest worlds, each life of them as the list of what the rooms did to ring
 * memory: offset, width, direction, value, order, full barriers and register accesses between. Built from the
 * same sources over the shipped rooms, where the processor tells, and over the observed ones, where ringmem.h
 * does. The device moves between calls only. Without a name: the names of the worlds, one a line. */
#include <stdio.h>
#include <string.h>

#include "abi/assert.h"
#include "tests/support/rig.h"
#include "tests/tie/author_tap.h"
#include "tests/tie/steps.h"

#define MEMORY_BYTES (1u << 20)
#define POOL_PAGES   16u
#define FRAME_BYTES  60u
#define POLLS_MAX    64u
#define INDEX_NEAR   0xfffeu /* free-running indices of both queues are brought close to their wrap */

struct world_row {
    const char *name;
    enum dm_transport transport;
    enum rig_author author;
    uint16_t queue_size;
    bool apart; /* legacy without ANY_LAYOUT: two descriptors a frame */
    bool wrapped; /* the second life goes through the wrap of the 16-bit index */
};

static const struct world_row worlds[] = {
    {"modern direct 1", DM_MODERN, RIG_DIRECT, 1, false, true},
    {"modern direct 2", DM_MODERN, RIG_DIRECT, 2, false, true},
    {"modern brokered 1", DM_MODERN, RIG_BROKERED, 1, false, false},
    {"modern brokered 2", DM_MODERN, RIG_BROKERED, 2, false, true},
    {"legacy direct 1", DM_LEGACY, RIG_DIRECT, 1, false, false},
    {"legacy direct 2", DM_LEGACY, RIG_DIRECT, 2, false, false},
    {"legacy direct 2 apart", DM_LEGACY, RIG_DIRECT, 2, true, false},
    {"legacy brokered 1", DM_LEGACY, RIG_BROKERED, 1, false, false},
    {"legacy brokered 2", DM_LEGACY, RIG_BROKERED, 2, false, false},
    {"legacy brokered 2 apart", DM_LEGACY, RIG_BROKERED, 2, true, false},
};

#define WORLDS (sizeof worlds / sizeof worlds[0])

struct script {
    struct rig rig;
    struct author_tap tap;
    const struct world_row *row;
};

/* One call into the rooms, recorded. */
#define CALL(name, expression) (steps_enter(name), (expression), steps_leave())

static void poll(struct script *s)
{
    const uint64_t now = platform_now_ns(&s->rig.world.platform);
    CALL("vnet_poll", (void)vnet_poll(&s->rig.nic, now, 64));
}

static void turn_and_poll(struct script *s)
{
    platform_relax(&s->rig.world.platform);
    poll(s);
}

/* Takes at most `count` slots and sends them as one batch. Returns how many went. */
static uint16_t send(struct script *s, uint16_t count)
{
    struct nic_tx_frame frames[2];
    uint16_t slots[2] = {0};
    uint16_t got = 0;
    uint16_t sent = 0;
    ASSERT(count <= 2);
    CALL("vnet_tx_take", got = vnet_tx_take(&s->rig.nic, slots, count));
    for (uint16_t i = 0; i < got; i++) {
        memset(vnet_tx_data(&s->rig.nic, slots[i]), 0x55, FRAME_BYTES);
        frames[i] = (struct nic_tx_frame){slots[i], FRAME_BYTES};
    }
    CALL("vnet_send", sent = vnet_send(&s->rig.nic, frames, got));
    vnet_tx_return(&s->rig.nic, slots + sent, (uint16_t)(got - sent));
    return sent;
}

static uint16_t receive(struct script *s)
{
    struct nic_rx_frame frames[2];
    uint16_t slots[2];
    uint16_t got = 0;
    CALL("vnet_receive", got = vnet_receive(&s->rig.nic, frames, 2));
    for (uint16_t i = 0; i < got; i++)
        slots[i] = frames[i].slot;
    if (got != 0)
        CALL("vnet_recycle", vnet_recycle(&s->rig.nic, slots, got));
    return got;
}

/* `count` frames to the loop and back, one at a time. */
static void exchange(struct script *s, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        (void)send(s, 1);
        turn_and_poll(s);
        (void)receive(s);
    }
}

/* As much as fits and one more, then nothing to receive, then all of it, then nothing again. */
static void fill_and_drain(struct script *s)
{
    (void)send(s, 2);
    (void)send(s, 1);
    poll(s);
    (void)receive(s);
    turn_and_poll(s);
    turn_and_poll(s);
    (void)receive(s);
    (void)receive(s);
}

static void arm(struct script *s, enum dm_attack attack, uint32_t times, uint64_t value)
{
    dm_hostile_arm(dm_net_hostile(rig_net(&s->rig)), attack, 0, times, value);
}

static bool open(struct script *s)
{
    struct vnet_env env;
    enum provider_error error = rig_claim(&s->rig, &env);
    if (error == PROVIDER_OK) {
        const bool modern = s->row->transport == DM_MODERN;
        /* The broker gives every device area pages of its own. */
        env.author =
            author_tap_init(&s->tap, env.author,
                            modern && s->row->author == RIG_DIRECT ? SPLIT_ALIGN_MODERN : SPLIT_ALIGN_LEGACY);
        CALL("vnet_open", error = vnet_open(&s->rig.nic, &env));
    }
    for (uint32_t i = 0; error == PROVIDER_OK && i < POLLS_MAX && s->rig.nic.state != VNET_RUNNING; i++)
        turn_and_poll(s);
    return error == PROVIDER_OK && s->rig.nic.state == VNET_RUNNING;
}

/* A completion that names no descriptor: refused, the queue is broken, the reset follows by itself. */
static void break_queue(struct script *s)
{
    arm(s, DM_ATTACK_USED_ID_OUT_OF_RANGE, 1, 0);
    (void)send(s, 1);
    turn_and_poll(s);
    (void)receive(s);
}

static bool close_down(struct script *s)
{
    enum provider_error error = PROVIDER_E_STATE;
    CALL("vnet_stop", vnet_stop(&s->rig.nic));
    for (uint32_t i = 0; i < POLLS_MAX && s->rig.nic.state != VNET_STOPPED; i++)
        turn_and_poll(s);
    CALL("vnet_close", error = vnet_close(&s->rig.nic));
    return error == PROVIDER_OK && device_reply_ok(rig_take_back(&s->rig));
}

static bool print(struct script *s, const char *life)
{
    printf("world %s, %s\n", s->row->name, life);
    const bool whole = steps_print(&s->tap);
    steps_clear();
    return whole;
}

/* Start, ring wraps, full and empty, a device that wants no bells, an orderly stop with buffers posted. */
static bool first_life(struct script *s)
{
    if (!open(s))
        return false;
    exchange(s, 2u * s->row->queue_size + 1u);
    fill_and_drain(s);
    arm(s, DM_ATTACK_USED_FLAGS_GARBAGE, UINT32_MAX, 1);
    exchange(s, 2);
    dm_hostile_clear(dm_net_hostile(rig_net(&s->rig)));
    (void)send(s, 1);
    return close_down(s) && print(s, "first life");
}

/* The same function again: the indices through their wrap where the row says so, then a device that lies. */
static bool second_life(struct script *s)
{
    if (!open(s))
        return false;
    if (s->row->wrapped) {
        const uint32_t near = INDEX_NEAR - 2u * s->row->queue_size;
        if (rig_exchange(&s->rig, near) != near)
            return false;
        exchange(s, 2u * s->row->queue_size + 3u);
    }
    break_queue(s);
    return close_down(s) && print(s, "second life");
}

static struct rig_config config_of(const struct world_row *row, struct dm_memory *memory)
{
    struct rig_config c = rig_defaults(row->transport, row->author);
    struct dm_net_config *model = &c.world.nics[0].model;
    c.world.memory = memory;
    c.rx_slots = row->queue_size;
    c.tx_slots = row->queue_size;
    c.pool_pages = POOL_PAGES;
    model->queue_size[0] = row->queue_size;
    model->queue_size[1] = row->queue_size;
    if (row->apart)
        model->features &= ~DM_F_ANY_LAYOUT;
    return c;
}

static bool run_world(const struct world_row *row, struct dm_memory *memory)
{
    static struct script s; /* its world may not move */
    const struct rig_config config = config_of(row, memory);
    s.row = row;
    rig_open(&s.rig, &config);
    const bool whole = first_life(&s) && second_life(&s);
    if (!whole)
        fprintf(stderr, "capos-steps: %s: the script did not run to its end\n", row->name);
    rig_close(&s.rig);
    return whole;
}

/* The row of that name, or NULL. */
static const struct world_row *find_world(const char *name)
{
    for (size_t i = 0; i < WORLDS; i++)
        if (strcmp(worlds[i].name, name) == 0)
            return &worlds[i];
    return NULL;
}

int main(int argc, char **argv)
{
    const struct dm_memory_config shape = {MEMORY_BYTES, SIM_BUS_BASE, true};
    if (argc == 1) {
        for (size_t i = 0; i < WORLDS; i++)
            puts(worlds[i].name);
        return 0;
    }
    struct dm_memory *memory = dm_memory_create(&shape);
    ASSERT(memory != NULL);
    steps_init(dm_memory_base(memory), MEMORY_BYTES);
    for (int i = 1; i < argc; i++) {
        const struct world_row *row = find_world(argv[i]);
        if (!row) {
            fprintf(stderr, "capos-steps: there is no world %s\n", argv[i]);
            return 2;
        }
        if (!run_world(row, memory))
            return 1;
    }
    dm_memory_destroy(memory);
    return fflush(stdout) == 0 ? 0 : 1;
}
