/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tie/life.h"

#include <inttypes.h>
#include <string.h>

#include "user/frames/frame.h"
#include "platform/sim/trace.h"
#include "provider/tables.h"
#include "tests/hostile/attack.h"
#include "tests/tie/author_tap.h"

#define CONFIG_STREAM 0x746965ull /* the draw of the configuration, apart from the choices of the run */
#define CALLS_MAX     160u
#define SLOTS_MAX     16u
#define END_POLLS_MAX (VNET_RESET_POLLS_MAX + 64u)
#define FRAMES_A_CALL 8u
#define FRAME_ROOM    1600u

const char *const ending_names[END_COUNT] = {"stop", "kill", "exit", "needs-reset", "removal"};

struct life {
    struct rig rig;
    struct author_tap tap;
    struct life_result result;
    const struct attack_row *attack; /* NULL: honest */
    struct dm_hostile hostile; /* as born */
    uint16_t lent[SLOTS_MAX]; /* received and not yet given back */
    uint16_t lent_count;
    uint32_t calls;
    FILE *steps;
};

static void note(struct life *l, const void *data, size_t bytes)
{
    platform_sim_trace(&l->rig.world.platform, TRACE_HANDOVER, data, bytes);
}

static uint32_t pick(struct life *l, uint32_t n, const char *tag)
{
    const uint32_t picked = sim_choose(&l->rig.world.choices, n, tag);
    const uint32_t words[2] = {n, picked};
    platform_sim_trace(&l->rig.world.platform, TRACE_CHOICE, words, sizeof words);
    return picked;
}

/* After each call: what it answered, what was taken in so far, where the provider stands. */
static void after(struct life *l, const char *call, uint64_t answer)
{
    const struct virtio_net *nic = &l->rig.nic;
    const struct vnet_counters *c = &nic->counters;
    const uint64_t words[] = {answer,
                              nic->state,
                              nic->error,
                              nic->rx.in_flight | (uint64_t)nic->tx.in_flight << 16 |
                                  (uint64_t)nic->rx.used_seen << 32 | (uint64_t)nic->tx.used_seen << 48,
                              c->tx_frames,
                              c->tx_reaped,
                              c->rx_frames,
                              c->rx_recycled,
                              c->rx_short + c->rx_long + c->rx_bad_header,
                              c->faults,
                              c->refused,
                              l->rig.kernel->stats.completions};
    note(l, words, sizeof words);
    if (l->steps)
        fprintf(l->steps, "%u %s %" PRIx64 " state=%u hash=%016" PRIx64 "\n", l->calls, call, answer,
                (unsigned)nic->state, l->rig.world.platform.trace);
    l->calls++;
}

static void published(void *ctx, const struct provider_ring *ring, const struct author_segment *segments,
                      uint16_t segment_count, enum provider_error error)
{
    struct life *l = ctx;
    const uint64_t head[] = {ring->queue, segment_count, error};
    note(l, head, sizeof head);
    for (uint16_t i = 0; i < segment_count; i++) {
        const struct author_segment *s = &segments[i];
        const uint64_t words[] = {s->buffer, s->offset, s->length,
                                  s->slot | (uint64_t)s->direction << 16 | (uint64_t)s->more << 24};
        note(l, words, sizeof words);
        l->result.published += error == PROVIDER_OK && !s->more;
    }
    if (error == PROVIDER_OK) {
        const struct tapped_ring *at = &l->tap.rings[ring->queue];
        note(l, at->base, at->layout.bytes);
    }
}

static uint64_t word_of(struct device_reply reply)
{
    return reply.exception | (uint64_t)reply.error << 8 | reply.value << 16;
}

static void poll(struct life *l)
{
    static const uint16_t budgets[] = {1, 2, 8, 64};
    const uint16_t budget = budgets[pick(l, 4, "tie.budget")];
    after(l, "poll", vnet_poll(&l->rig.nic, platform_now_ns(&l->rig.world.platform), budget));
}

static void turn(struct life *l)
{
    platform_relax(&l->rig.world.platform);
    after(l, "turn", 0);
}

/* A request that the scripted peer answers, or bytes that nobody understands. Returns the length. */
static uint16_t compose(struct life *l, uint8_t *frame)
{
    struct frame_addresses a = {
        .our_ip = {10, 0, 2, 15}, .peer_mac = {0x52, 0x55, 0x0a, 0x00, 0x02, 0x02}, .peer_ip = {10, 0, 2, 2}};
    static const uint16_t lengths[] = {14, 59, 60, 61, 800, NIC_FRAME_BYTES_MAX};
    memcpy(a.our_mac, l->rig.nic.mac, sizeof a.our_mac);
    switch (pick(l, 4, "tie.frame")) {
    case 0:
        return frame_arp_request(frame, &a);
    case 1:
    case 2:
        return frame_echo_request(frame, &a, 7, (uint16_t)l->calls);
    default:
        break;
    }
    const uint16_t length = lengths[pick(l, 6, "tie.length")];
    memset(frame, (int)l->calls, length);
    return length;
}

static void send(struct life *l)
{
    struct nic_tx_frame frames[FRAMES_A_CALL];
    uint16_t slots[FRAMES_A_CALL];
    const uint16_t wanted = (uint16_t)(1u + pick(l, FRAMES_A_CALL, "tie.batch"));
    const uint16_t got = vnet_tx_take(&l->rig.nic, slots, wanted);
    after(l, "take", got);
    for (uint16_t i = 0; i < got; i++)
        frames[i] = (struct nic_tx_frame){slots[i], compose(l, vnet_tx_data(&l->rig.nic, slots[i]))};
    if (got != 0 && pick(l, 16, "tie.bad-length") == 0) /* the caller's own fault: refused, ends the batch */
        frames[got - 1u].length = NIC_FRAME_BYTES_MAX + 1u;
    const uint16_t sent = vnet_send(&l->rig.nic, frames, got);
    after(l, "send", sent);
    vnet_tx_return(&l->rig.nic, slots + sent, (uint16_t)(got - sent));
    after(l, "return", got);
}

static void receive(struct life *l)
{
    struct nic_rx_frame frames[FRAMES_A_CALL];
    const uint16_t room = (uint16_t)(SLOTS_MAX - l->lent_count);
    uint16_t max = (uint16_t)(1u + pick(l, FRAMES_A_CALL, "tie.batch"));
    max = max < room ? max : room;
    const uint16_t got = vnet_receive(&l->rig.nic, frames, max);
    for (uint16_t i = 0; i < got; i++) {
        const uint64_t words[] = {frames[i].slot, frames[i].length};
        note(l, words, sizeof words);
        note(l, frames[i].data, frames[i].length);
        l->lent[l->lent_count++] = frames[i].slot;
    }
    after(l, "receive", got);
}

static void receive_copy(struct life *l)
{
    static const uint16_t capacities[] = {0, 14, 60, FRAME_ROOM};
    uint8_t frame[FRAME_ROOM];
    const uint16_t length = vnet_receive_copy(&l->rig.nic, frame, capacities[pick(l, 4, "tie.capacity")]);
    note(l, frame, length);
    after(l, "receive_copy", length);
}

/* In any order; now and then a slot that was never lent. */
static void recycle(struct life *l)
{
    uint16_t back[SLOTS_MAX];
    uint16_t count = 0;
    const uint16_t wanted = (uint16_t)pick(l, l->lent_count + 1u, "tie.recycle");
    while (count < wanted) {
        const uint32_t at = pick(l, l->lent_count, "tie.which");
        back[count++] = l->lent[at];
        l->lent[at] = l->lent[--l->lent_count];
    }
    if (count < SLOTS_MAX && pick(l, 16, "tie.bad-slot") == 0)
        back[count++] = 0xfffeu;
    vnet_recycle(&l->rig.nic, back, count);
    after(l, "recycle", count);
}

static void deliver(struct life *l)
{
    uint8_t frame[FRAME_ROOM];
    const uint32_t count = 1u + pick(l, 4, "tie.deliver");
    uint32_t taken = 0;
    for (uint32_t i = 0; i < count; i++)
        taken += dm_net_deliver(rig_net(&l->rig), frame, compose(l, frame));
    after(l, "deliver", taken);
}

static void interrupt(struct life *l)
{
    const struct device_authority *a = &l->rig.authority;
    if (!l->rig.config.interrupts || l->rig.owner == NULL)
        return;
    after(l, "wait", word_of(a->ops->interrupt_wait(a->ctx, l->rig.interrupt)));
    after(l, "ack", word_of(a->ops->interrupt_ack(a->ctx, l->rig.interrupt)));
}

static void arm(struct life *l)
{
    const struct attack_row *c = l->attack;
    dm_hostile_arm(dm_net_hostile(rig_net(&l->rig)), c->attack, c->at, c->times, c->value);
}

static void one_call(struct life *l)
{
    switch (pick(l, 16, "tie.call")) {
    case 0:
    case 1:
    case 2:
        turn(l);
        return;
    case 3:
    case 4:
    case 5:
        poll(l);
        return;
    case 6:
    case 7:
    case 8:
        send(l);
        return;
    case 9:
    case 10:
        receive(l);
        return;
    case 11:
        receive_copy(l);
        return;
    case 12:
    case 13:
        recycle(l);
        return;
    case 14:
        deliver(l);
        return;
    default:
        interrupt(l);
        if (pick(l, 4, "tie.link") == 0)
            dm_net_set_link(rig_net(&l->rig), pick(l, 2, "tie.up") != 0);
    }
}

static bool over(enum vnet_state state)
{
    return state == VNET_STOPPED || state == VNET_QUARANTINED || state == VNET_CLOSED;
}

static void start(struct life *l)
{
    uint32_t polls = 0;
    while (l->rig.nic.state != VNET_RUNNING && !over(l->rig.nic.state) && polls++ < END_POLLS_MAX) {
        turn(l);
        poll(l);
    }
}

static void poll_out(struct life *l)
{
    for (uint32_t i = 0; i < END_POLLS_MAX && !over(l->rig.nic.state); i++) {
        platform_relax(&l->rig.world.platform);
        after(l, "last polls", vnet_poll(&l->rig.nic, platform_now_ns(&l->rig.world.platform), 64));
    }
}

/* The owner is gone, the provider does not know yet: its calls go on for a while. */
static void bereave(struct life *l, bool killed)
{
    struct rig *r = &l->rig;
    if (r->config.author == RIG_DIRECT) /* the kernel's own driver: taken back as it is */
        return;
    if (killed)
        owner_kill(r->kernel, r->owner);
    else
        owner_exit(r->kernel, r->owner);
    r->owner = NULL;
    r->claimed = false;
    after(l, "end of the owner", killed);
    send(l);
    receive(l);
    poll_out(l);
}

static void end(struct life *l)
{
    const enum ending ending = l->result.ending;
    if (ending == END_KILL || ending == END_EXIT) {
        bereave(l, ending == END_KILL);
    } else {
        if (ending == END_NEEDS_RESET)
            dm_net_need_reset(rig_net(&l->rig));
        if (ending == END_REMOVAL)
            dm_net_remove(rig_net(&l->rig));
        for (uint32_t i = 0; ending != END_STOP && i < FRAMES_A_CALL; i++)
            one_call(l);
        vnet_stop(&l->rig.nic);
        after(l, "stop", 0);
        poll_out(l);
    }
    l->result.state = l->rig.nic.state;
    l->result.error = l->rig.nic.error;
    l->result.completed += l->rig.nic.counters.tx_reaped + l->rig.nic.counters.rx_frames;
    after(l, "take back", word_of(rig_take_back(&l->rig)));
    const struct kernel_usage usage = kernel_usage(l->rig.kernel);
    note(l, &usage, sizeof usage);
}

static void one_life(struct life *l)
{
    struct vnet_env env;
    const bool modern = l->result.transport == DM_MODERN;
    l->lent_count = 0;
    enum provider_error error = rig_claim(&l->rig, &env);
    after(l, "claim", error);
    if (error != PROVIDER_OK) {
        after(l, "take back", word_of(rig_take_back(&l->rig)));
        return;
    }
    /* The broker gives every device area pages of its own. */
    env.author = author_tap_init(&l->tap, env.author,
                                 modern && l->rig.config.author == RIG_DIRECT ? SPLIT_ALIGN_MODERN
                                                                              : SPLIT_ALIGN_LEGACY);
    after(l, "open", vnet_open(&l->rig.nic, &env));
    start(l);
    const uint32_t calls = pick(l, CALLS_MAX, "tie.calls");
    const uint32_t armed_at = pick(l, CALLS_MAX / 2u, "tie.arm");
    for (uint32_t i = 0; i < calls; i++) {
        if (l->attack && l->attack->when == RUNNING && i == armed_at)
            arm(l);
        one_call(l);
    }
    end(l);
}

static const struct attack_row *draw_attack(struct life *l, struct sim_prng *draw)
{
    const struct attack_row *c = &attack_rows[sim_prng_below(draw, attack_row_count)];
    static const struct attack_row no_bells = {/* no lie: it may ask for none at any time (2.7.10.1) */
                                               .attack = DM_ATTACK_USED_FLAGS_GARBAGE,
                                               .when = RUNNING,
                                               .times = 4,
                                               .value = 1};
    if (sim_prng_below(draw, 2) == 0)
        return sim_prng_below(draw, 4) == 0 ? &no_bells : NULL;
    return c->expect[l->result.transport][l->result.author].outcome == CANNOT ? NULL : c;
}

static struct rig_config draw_config(struct life *l, uint64_t seed, struct dm_memory *memory)
{
    static const uint16_t sizes[] = {1, 2, 4, 8, 32};
    struct sim_prng draw;
    sim_prng_seed(&draw, seed ^ CONFIG_STREAM);
    l->result.transport = sim_prng_below(&draw, 2) ? DM_MODERN : DM_LEGACY;
    l->result.author = sim_prng_below(&draw, 2) ? RIG_DIRECT : RIG_BROKERED;
    l->result.ending = (enum ending)sim_prng_below(&draw, END_COUNT);
    l->result.again = sim_prng_below(&draw, 4) == 0;
    l->attack = draw_attack(l, &draw);
    struct rig_config c = rig_defaults(l->result.transport, l->result.author);
    struct dm_net_config *model = &c.world.nics[0].model;
    c.world.seed = seed;
    c.world.memory = memory;
    c.world.idle_turns = sim_prng_below(&draw, 2) != 0;
    c.world.nics[0].backend = SIM_BACKEND_SCRIPT;
    c.interrupts = l->result.author == RIG_BROKERED && sim_prng_below(&draw, 4) == 0;
    c.rx_slots = (uint16_t)(1u + sim_prng_below(&draw, SLOTS_MAX));
    c.tx_slots = (uint16_t)(1u + sim_prng_below(&draw, SLOTS_MAX));
    model->queue_size[0] = sizes[sim_prng_below(&draw, 5)];
    model->queue_size[1] = sizes[sim_prng_below(&draw, 5)];
    model->in_order = sim_prng_below(&draw, 4) == 0;
    if (l->result.transport == DM_LEGACY && sim_prng_below(&draw, 4) == 0)
        model->features &= ~DM_F_ANY_LAYOUT; /* the header in a descriptor of its own */
    dm_hostile_clear(&l->hostile);
    if (l->attack) {
        if (l->attack->how & CHAINS_OF_TWO)
            model->features &= ~DM_F_ANY_LAYOUT;
        if (l->attack->when == BORN)
            dm_hostile_arm(&l->hostile, l->attack->attack, l->attack->at, l->attack->times, l->attack->value);
    }
    model->hostile = &l->hostile;
    return c;
}

struct life_result life_run(uint64_t seed, struct dm_memory *memory, FILE *steps)
{
    static struct life l; /* the rig is large, its world may not move */
    memset(&l, 0, sizeof l);
    l.steps = steps;
    l.tap.ctx = &l;
    l.tap.published = published;
    const struct rig_config config = draw_config(&l, seed, memory);
    rig_open(&l.rig, &config);
    if (l.attack && l.attack->when == ARMED)
        arm(&l);
    one_life(&l);
    if (l.result.again) {
        if (l.attack && pick(&l, 2, "tie.clear") != 0)
            dm_hostile_clear(dm_net_hostile(rig_net(&l.rig)));
        one_life(&l);
    }
    l.result.attack = l.attack ? dm_attack_name(l.attack->attack) : "none";
    if (l.attack)
        l.result.fired = dm_net_hostile(rig_net(&l.rig))->arms[l.attack->attack].fired;
    l.result.hash = l.rig.world.platform.trace;
    l.result.calls = l.rig.world.platform.trace_calls;
    rig_close(&l.rig);
    return l.result;
}
