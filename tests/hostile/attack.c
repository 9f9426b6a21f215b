/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/hostile/attack.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define HONEST_FRAMES 24u
#define SETTLE_TURNS  8u /* late writes of the device land in these */

const char *const outcome_names[OUTCOME_COUNT] = {
#define OUTCOME(name, title, text) title,
#include "tests/hostile/catalogue.def"
};

const char *const counter_names[COUNTER_COUNT] = {
#define COUNTER(name, title) title,
#include "tests/hostile/catalogue.def"
};

static void wrong(struct attack_result *result, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void wrong(struct attack_result *result, const char *format, ...)
{
    va_list arguments;
    if (result->wrong[0] != 0)
        return; /* the first difference explains the rest */
    va_start(arguments, format);
    (void)vsnprintf(result->wrong, sizeof result->wrong, format, arguments);
    va_end(arguments);
}

static void arm(struct rig *r, const struct attack_row *c)
{
    dm_hostile_arm(dm_net_hostile(rig_net(r)), c->attack, c->at, c->times, c->value);
}

static void settle(struct rig *r)
{
    for (uint32_t i = 0; i < SETTLE_TURNS; i++)
        platform_relax(&r->world.platform);
}

struct life {
    enum provider_error open, error;
    enum vnet_state started, ended;
    struct vnet_counters counters;
    uint32_t right, pages;
    uint32_t counted; /* by the provider */
};

/* Attach, start, frames, stop; nothing taken back yet. `c` is armed here when it says RUNNING. */
static struct life live(struct rig *r, const struct attack_row *c, uint32_t frames)
{
    struct life life = {.open = rig_attach(r)};
    if (life.open != PROVIDER_OK)
        return life;
    if (c && (c->how & BY_HAND) != 0)
        read_by_hand(r, c->attack, false);
    life.started = rig_start(r);
    if (c && c->when == RUNNING && life.started == VNET_RUNNING) {
        if (rig_exchange(r, 4) != 4)
            life.started = VNET_CLOSED;
        arm(r, c);
    }
    if (c && (c->how & BY_HAND) != 0 && life.started == VNET_RUNNING)
        read_by_hand(r, c->attack, true);
    if (life.started == VNET_RUNNING)
        life.right = rig_exchange(r, frames);
    life.pages = rig_pages_published(r);
    life.ended = rig_stop(r);
    life.error = r->nic.error;
    life.counters = r->nic.counters;
    life.counted = counted_by_provider(&r->nic);
    settle(r);
    return life;
}

static enum outcome outcome_of(const struct life *life, uint32_t frames)
{
    const struct vnet_counters *n = &life->counters;
    if (life->open != PROVIDER_OK)
        return FAILS_AT_OPEN;
    if (life->ended == VNET_QUARANTINED)
        return QUARANTINED;
    if (life->started != VNET_RUNNING)
        return FAILS_AT_START;
    if (life->error != PROVIDER_OK)
        return BROKEN;
    if (life->right == frames)
        return UNAFFECTED;
    if (n->rx_short + n->rx_long + n->rx_bad_header > 0)
        return DROPPED;
    if (n->tx_full > 0)
        return BACK_PRESSURE;
    return n->rx_frames > life->right ? ALTERED : SILENT;
}

static void judge_usage(struct rig *r, const struct life *life, struct device_reply release,
                        struct attack_result *result)
{
    bool quarantined = life->ended == VNET_QUARANTINED;
    uint32_t pages = r->config.author == RIG_DIRECT ? r->config.pool_pages : life->pages;
    if (!quarantined && !device_reply_ok(release))
        wrong(result, "release: %s", device_error_name(release.error));
    if (quarantined && release.error != DEV_E_UNCONFIRMED)
        wrong(result, "release without a confirmed reset: %s", device_error_name(release.error));
    if (!quarantined && !rig_usage_restored(r))
        wrong(result, "usage differs after the release");
    if (quarantined && !rig_usage_quarantined(r, pages))
        wrong(result, "usage differs by more than %u quarantined pages", pages);
    result->quarantined_pages = quarantined ? kernel_usage(r->kernel).pages_quarantined : 0;
}

/* Refused until the privileged release, which frees exactly what was kept. */
static void leave_quarantine(struct rig *r, struct attack_result *result)
{
    struct device_reply claim = rig_try_claim(r);
    if (claim.error != DEV_E_QUARANTINED)
        wrong(result, "a claim in quarantine is answered %s", device_error_name(claim.error));
    if (r->config.author == RIG_DIRECT && !rig_reset_by_hand(r))
        wrong(result, "it does not reset");
    struct device_reply release = device_release_quarantine(r->kernel, r->bdf);
    if (!device_reply_ok(release) || release.value != result->quarantined_pages)
        wrong(result, "privileged release: %s, %llu pages", device_error_name(release.error),
              (unsigned long long)release.value);
    if (!rig_usage_restored(r))
        wrong(result, "usage differs after the privileged release");
}

static void judge_complaints(struct rig *r, const struct attack_row *c, struct attack_result *result)
{
    const struct dm_monitor *m = dm_net_monitor(rig_net(r));
    const bool blamed = (c->how & BLAMED) != 0;
    uint64_t broken = m->broken_total - (blamed ? m->broken[DM_RULE_EXPOSED_ONCE] : 0u);
    if (dm_memory_violations(r->world.memory) != 0 || broken != 0)
        wrong(result, "complaint: %s", rig_complaint(r));
    if (blamed && m->broken[DM_RULE_EXPOSED_ONCE] == 0)
        wrong(result, "nobody is blamed");
}

/* With the attack cleared the device serves again; a function whose capabilities were spoiled is refused
 * again. */
static void live_again(struct rig *r, const struct attack_row *c, enum outcome first,
                       struct attack_result *result)
{
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    struct life life = live(r, NULL, HONEST_FRAMES);
    enum outcome outcome = outcome_of(&life, HONEST_FRAMES);
    enum outcome expected = (c->how & STAYS) != 0 ? first : UNAFFECTED;
    if (outcome != expected)
        wrong(result, "afterwards: %s (%s, %u of %u right)", outcome_names[outcome],
              provider_error_name(life.open != PROVIDER_OK ? life.open : life.error), life.right,
              HONEST_FRAMES);
    struct device_reply release = rig_take_back(r);
    if (!device_reply_ok(release) || !rig_usage_restored(r))
        wrong(result, "afterwards: not everything was given back (%s)", device_error_name(release.error));
    result->again = outcome == UNAFFECTED;
}

static void put_counters(uint32_t counters, char *text, size_t bytes)
{
    size_t used = 0;
    text[0] = 0;
    for (uint32_t i = 0; i < COUNTER_COUNT && used < bytes; i++)
        if ((counters & 1u << i) != 0)
            used += (size_t)snprintf(text + used, bytes - used, "%s%s", used ? ", " : "", counter_names[i]);
}

static void judge(struct rig *r, const struct expectation *e, const struct life *life,
                  struct attack_result *result)
{
    result->outcome = outcome_of(life, ATTACK_FRAMES);
    result->error = life->open != PROVIDER_OK ? life->open : life->error;
    result->right = life->right;
    if (result->outcome != e->outcome || result->error != e->error)
        wrong(result, "%s with %s, %u of %u right; expected %s with %s", outcome_names[result->outcome],
              provider_error_name(result->error), life->right, ATTACK_FRAMES, outcome_names[e->outcome],
              provider_error_name(e->error));
    judge_usage(r, life, rig_take_back(r), result);
}

static void judge_counters(uint32_t counters, const struct expectation *e, struct attack_result *result)
{
    char is[120], due[120];
    result->counters = counters;
    if (counters == e->counters)
        return;
    put_counters(counters, is, sizeof is);
    put_counters(e->counters, due, sizeof due);
    wrong(result, "counted by [%s], expected [%s]", is, due);
}

static struct rig_config config_for(const struct attack_row *c, enum dm_transport transport,
                                    enum rig_author author, struct dm_hostile *hostile)
{
    struct rig_config config = rig_defaults(transport, author);
    struct dm_net_config *model = &config.world.nics[0].model;
    if ((c->how & CHAINS_OF_TWO) != 0)
        model->features &= ~DM_F_ANY_LAYOUT;
    config.interrupts = (c->how & WITH_VECTOR) != 0 && author == RIG_BROKERED;
    dm_hostile_clear(hostile);
    if (c->when == BORN)
        dm_hostile_arm(hostile, c->attack, c->at, c->times, c->value);
    model->hostile = hostile;
    return config;
}

/* The life under attack, from the first call to the answer of the release. */
static void attacked(struct rig *r, const struct attack_row *c, struct expectation e,
                     struct attack_result *result)
{
    const struct kernel_stats before = *kernel_stats(r->kernel);
    struct life life = live(r, c, ATTACK_FRAMES);
    judge(r, &e, &life, result);
    judge_counters(life.counted | counted_by_kernel(kernel_stats(r->kernel), &before), &e, result);
    result->fired = dm_net_hostile(rig_net(r))->arms[c->attack].fired;
    if (life.ended != VNET_QUARANTINED)
        return;
    dm_hostile_clear(dm_net_hostile(rig_net(r)));
    leave_quarantine(r, result);
}

struct attack_result attack_run(const struct attack_row *c, enum dm_transport transport,
                                enum rig_author author, struct rig_lent *lent)
{
    struct attack_result result = {0};
    struct dm_hostile hostile;
    struct rig rig;
    struct expectation e = c->expect[transport][author];
    const bool cannot = e.outcome == CANNOT;
    const bool on_retry = e.outcome == FAILS_ON_RETRY;
    struct rig_config config = config_for(c, transport, author, &hostile);
    config.lent = lent;
    rig_open(&rig, &config);
    if (c->when == ARMED)
        arm(&rig, c);
    if (cannot)
        e.outcome = UNAFFECTED;
    if (on_retry) { /* the first life, unaffected */
        struct life first = live(&rig, NULL, HONEST_FRAMES);
        if (outcome_of(&first, HONEST_FRAMES) != UNAFFECTED || !device_reply_ok(rig_take_back(&rig)))
            wrong(&result, "the first life was affected");
        e.outcome = FAILS_AT_START;
    }
    attacked(&rig, c, e, &result);
    live_again(&rig, c, e.outcome, &result);
    result.turns = rig.turns;
    if (rig.turns > ATTACK_TURNS_MAX)
        wrong(&result, "%u turns", rig.turns);
    judge_complaints(&rig, c, &result);
    rig_close(&rig);
    if (result.outcome == e.outcome)
        result.outcome = c->expect[transport][author].outcome;
    if ((result.fired == 0) != cannot)
        wrong(&result, "fired %u times", result.fired);
    return result;
}
