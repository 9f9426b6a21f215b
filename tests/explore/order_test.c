/* SPDX-License-Identifier: BSD-2-Clause */
/* The three memory orders, by litmus tests: a driver's and a device's few accesses on every order of events,
 * and which outcomes come up. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/explore/order.h"

#define X 0u
#define Y 8u

enum kind { END = 0, STORE, LOAD, WRITE, READ, FULL };
struct op {
    enum kind kind;
    uint32_t at, value;
};

/* What a run came to: the loads of both, in their order. */
struct outcome {
    uint32_t driver[3], device[3];
};

struct litmus {
    struct xp_world world;
    struct xp_order order;
    struct xp_order_state state;
    _Alignas(8) uint8_t memory[32];
    struct outcome got;
    unsigned seen; /* stores of the driver that the device was told of */
    uint32_t unnoticed; /* no store to this offset is noticed; UINT32_MAX: every one is */
};

static void seen(void *ctx, uint32_t offset, uint8_t width, uint64_t value)
{
    struct litmus *l = ctx;
    cr_assert_eq(xp_order_peek(&l->order, offset, width), value);
    l->seen++;
}

static bool hidden(void *ctx, uint32_t offset, uint8_t width)
{
    const struct litmus *l = ctx;
    (void)width;
    return offset == l->unnoticed;
}

static void driver_does(struct litmus *l, const struct op *op, unsigned *loads)
{
    switch (op->kind) {
    case STORE:
        xp_order_store(&l->order, op->at, 4, op->value);
        break;
    case LOAD:
        l->got.driver[(*loads)++] = (uint32_t)xp_order_load(&l->order, op->at, 4);
        break;
    case WRITE:
        xp_order_write_barrier(&l->order);
        break;
    case READ:
        xp_order_read_barrier(&l->order);
        break;
    case FULL:
        xp_order_full_barrier(&l->order);
        break;
    case END:
        break;
    }
}

static void device_does(struct litmus *l, const struct op *op, unsigned *loads)
{
    if (op->kind == STORE)
        xp_order_device_store(&l->order, op->at, 4, op->value);
    else
        l->got.device[(*loads)++] = (uint32_t)xp_order_peek(&l->order, op->at, 4);
}

/* One order of events, as choices fall. */
static void run(struct litmus *l, const struct op *driver, const struct op *device)
{
    unsigned driver_loads = 0, device_loads = 0;
    memset(l->memory, 0, sizeof l->memory);
    memset(&l->got, 0, sizeof l->got);
    xp_order_forget(&l->order);
    while (driver->kind != END || device->kind != END || l->state.waiting > 0) {
        const uint32_t drivers = driver->kind != END, devices = device->kind != END;
        const uint32_t who = xp_choose(&l->world, drivers + devices + xp_order_ready(&l->order), "who");
        if (who < drivers)
            driver_does(l, driver++, &driver_loads);
        else if (who < drivers + devices)
            device_does(l, device++, &device_loads);
        else
            xp_order_flush(&l->order, who - drivers - devices);
    }
}

/* Does any order of events come to this? */
static bool comes_to(enum xp_model model, const struct op *driver, const struct op *device,
                     struct outcome wanted)
{
    static struct litmus l;
    struct sim_choices c;
    struct sim_odometer o = {0};
    bool found = false;
    memset(&l, 0, sizeof l);
    l.unnoticed = UINT32_MAX;
    sim_choices_init(&c, SIM_CHOOSE_EVERY, 0);
    c.odometer = &o;
    l.world.choices = &c;
    l.order = (struct xp_order){.world = &l.world,
                                .state = &l.state,
                                .memory = l.memory,
                                .bytes = sizeof l.memory,
                                .model = model,
                                .ctx = &l,
                                .seen = seen,
                                .hidden = hidden};
    do {
        sim_odometer_rewind(&o);
        run(&l, driver, device);
        found = found || memcmp(&l.got, &wanted, sizeof wanted) == 0;
    } while (sim_odometer_next(&o));
    return found;
}

static void check(const struct op *driver, const struct op *device, struct outcome wanted, bool sequential,
                  bool tso, bool weak)
{
    cr_expect_eq(comes_to(XP_SEQUENTIAL, driver, device, wanted), sequential, "sequential");
    cr_expect_eq(comes_to(XP_TSO, driver, device, wanted), tso, "tso");
    cr_expect_eq(comes_to(XP_WEAK, driver, device, wanted), weak, "weak");
}

static const struct outcome both_old = {.driver = {0}, .device = {0}};

/* Store buffering: each misses the other's store. What the fence before used.flags is for. */
Test(order, a_load_passes_an_earlier_store)
{
    const struct op driver[] = {{STORE, X, 1}, {LOAD, Y, 0}, {END, 0, 0}};
    const struct op device[] = {{STORE, Y, 1}, {LOAD, X, 0}, {END, 0, 0}};
    check(driver, device, both_old, false, true, true);
}

Test(order, a_full_barrier_keeps_it_back)
{
    const struct op driver[] = {{STORE, X, 1}, {FULL, 0, 0}, {LOAD, Y, 0}, {END, 0, 0}};
    const struct op device[] = {{STORE, Y, 1}, {LOAD, X, 0}, {END, 0, 0}};
    check(driver, device, both_old, false, false, false);
}

Test(order, a_write_barrier_does_not)
{
    const struct op driver[] = {{STORE, X, 1}, {WRITE, 0, 0}, {LOAD, Y, 0}, {END, 0, 0}};
    const struct op device[] = {{STORE, Y, 1}, {LOAD, X, 0}, {END, 0, 0}};
    check(driver, device, both_old, false, true, true);
}

/* The index before the entry: what the write barrier of a publication is for. */
Test(order, stores_pass_each_other_in_the_weak_order_only)
{
    const struct op driver[] = {{STORE, X, 1}, {STORE, Y, 1}, {END, 0, 0}};
    const struct op device[] = {{LOAD, Y, 0}, {LOAD, X, 0}, {END, 0, 0}};
    check(driver, device, (struct outcome){.device = {1, 0}}, false, false, true);
}

Test(order, a_write_barrier_keeps_stores_in_order)
{
    const struct op driver[] = {{STORE, X, 1}, {WRITE, 0, 0}, {STORE, Y, 1}, {END, 0, 0}};
    const struct op device[] = {{LOAD, Y, 0}, {LOAD, X, 0}, {END, 0, 0}};
    check(driver, device, (struct outcome){.device = {1, 0}}, false, false, false);
}

Test(order, stores_to_one_word_stay_in_order)
{
    const struct op driver[] = {{STORE, X, 1}, {STORE, X, 2}, {END, 0, 0}};
    const struct op device[] = {{LOAD, X, 0}, {LOAD, X, 0}, {END, 0, 0}};
    check(driver, device, (struct outcome){.device = {2, 1}}, false, false, false);
    check(driver, device, (struct outcome){.device = {1, 2}}, true, true, true);
}

/* The element from before the index: what the read barrier of taking in is for. */
Test(order, loads_pass_each_other_in_the_weak_order_only)
{
    const struct op driver[] = {{LOAD, Y, 0}, {LOAD, X, 0}, {END, 0, 0}};
    const struct op device[] = {{STORE, X, 1}, {STORE, Y, 1}, {END, 0, 0}};
    check(driver, device, (struct outcome){.driver = {1, 0}}, false, false, true);
}

Test(order, a_read_barrier_keeps_loads_in_order)
{
    const struct op driver[] = {{LOAD, Y, 0}, {READ, 0, 0}, {LOAD, X, 0}, {END, 0, 0}};
    const struct op device[] = {{STORE, X, 1}, {STORE, Y, 1}, {END, 0, 0}};
    check(driver, device, (struct outcome){.driver = {1, 0}}, false, false, false);
}

Test(order, loads_of_one_word_never_go_back)
{
    const struct op driver[] = {{LOAD, X, 0}, {LOAD, X, 0}, {END, 0, 0}};
    const struct op device[] = {{STORE, X, 1}, {STORE, X, 2}, {END, 0, 0}};
    check(driver, device, (struct outcome){.driver = {2, 1}}, false, false, false);
    check(driver, device, (struct outcome){.driver = {1, 0}}, false, false, false);
    check(driver, device, (struct outcome){.driver = {1, 2}}, true, true, true);
}

Test(order, its_own_store_is_read_before_others_see_it)
{
    const struct op driver[] = {{STORE, X, 1}, {LOAD, X, 0}, {END, 0, 0}};
    const struct op device[] = {{END, 0, 0}};
    check(driver, device, (struct outcome){.driver = {1}}, true, true, true);
    check(driver, device, both_old, false, false, false);
}

Test(order, everything_waiting_is_told_to_the_device_once)
{
    static struct litmus l = {.unnoticed = UINT32_MAX};
    l.order = (struct xp_order){.world = &l.world,
                                .state = &l.state,
                                .memory = l.memory,
                                .bytes = sizeof l.memory,
                                .model = XP_WEAK,
                                .ctx = &l,
                                .seen = seen,
                                .hidden = hidden};
    for (uint32_t i = 0; i < XP_STORES_MAX; i++)
        xp_order_store(&l.order, 4 * i, 4, i + 1);
    cr_assert_eq(l.seen, 0);
    cr_assert(xp_order_store_is_seen(&l.order), "one more has to push one out");
    xp_order_drain(&l.order);
    cr_assert_eq(l.seen, XP_STORES_MAX);
    cr_assert_eq(l.state.waiting, 0);
}

/* It waits as long as it may; no choice is spent on it. */
Test(order, a_store_that_nobody_notices_is_no_choice)
{
    static struct litmus l = {.unnoticed = Y};
    l.order = (struct xp_order){.world = &l.world,
                                .state = &l.state,
                                .memory = l.memory,
                                .bytes = sizeof l.memory,
                                .model = XP_TSO,
                                .ctx = &l,
                                .seen = seen,
                                .hidden = hidden};
    xp_order_store(&l.order, Y, 4, 1);
    cr_assert_eq(xp_order_ready(&l.order), 0);
    xp_order_store(&l.order, X, 4, 1);
    cr_assert_eq(xp_order_ready(&l.order), 1);
    cr_assert_not(xp_order_store_is_seen(&l.order), "the hidden one may leave");
    xp_order_flush(&l.order, 0);
    cr_assert_eq(xp_order_peek(&l.order, X, 4), 1);
    cr_assert_eq(xp_order_peek(&l.order, Y, 4), 1, "stores leave in program order");
}
