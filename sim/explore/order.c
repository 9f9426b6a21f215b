/* SPDX-License-Identifier: BSD-2-Clause */
/* The three memory orders. Trusts offsets: whoever calls has checked them against `bytes`. */
#include "sim/explore/order.h"

const char *xp_model_name(enum xp_model model)
{
    static const char *const names[XP_MODEL_COUNT] = {"sequential", "tso", "weak"};

    return names[model];
}

void xp_order_forget(struct xp_order *o)
{
    memset(o->state, 0, sizeof *o->state);
}

static void becomes_visible(struct xp_order *o, uint32_t index)
{
    struct xp_order_state *s = o->state;
    const struct xp_waiting store = s->stores[index];
    uint8_t first = UINT8_MAX;

    s->waiting--;
    for (uint32_t i = index; i < s->waiting; i++)
        s->stores[i] = s->stores[i + 1u];
    memset(&s->stores[s->waiting], 0, sizeof s->stores[0]);
    for (uint32_t i = 0; i < s->waiting; i++)
        first = s->stores[i].epoch < first ? s->stores[i].epoch : first;
    for (uint32_t i = 0; i < s->waiting; i++)
        s->stores[i].epoch = (uint8_t)(s->stores[i].epoch - first);
    s->epoch = s->waiting == 0 ? 0 : (uint8_t)(s->epoch - first);
    if (o->world->note) {
        char place[64];

        o->place(o->ctx, store.offset, place, sizeof place);
        xp_note_text(o->world, XP_LANE_MEMORY, "%s becomes visible: 0x%llx", place,
                     (unsigned long long)store.value);
    }
    xp_order_put(o, store.offset, store.width, store.value);
    o->seen(o->ctx, store.offset, store.width, store.value);
}

static bool overlap(const struct xp_waiting *a, const struct xp_waiting *b)
{
    return a->offset < b->offset + b->width && b->offset < a->offset + a->width;
}

static bool hidden(const struct xp_order *o, uint32_t index)
{
    return o->hidden(o->ctx, o->state->stores[index].offset, o->state->stores[index].width);
}

/* Must the store at `first` become visible before the one behind it at `then`? */
static bool goes_before(const struct xp_order *o, uint32_t first, uint32_t then)
{
    const struct xp_waiting *a = &o->state->stores[first];
    const struct xp_waiting *b = &o->state->stores[then];

    return o->model != XP_WEAK || a->epoch < b->epoch || overlap(a, b);
}

/* May the store at `index` be the next that is noticed? */
static bool may_be_next(const struct xp_order *o, uint32_t index)
{
    if (hidden(o, index))
        return false;
    for (uint32_t i = 0; i < index; i++) {
        if (goes_before(o, i, index) && !hidden(o, i))
            return false;
    }
    return true;
}

uint32_t xp_order_ready(const struct xp_order *o)
{
    uint32_t ready = 0;

    for (uint32_t i = 0; i < o->state->waiting; i++)
        ready += may_be_next(o, i);
    return ready;
}

/* With what must go before it. */
static void leaves(struct xp_order *o, uint32_t index)
{
    for (uint32_t i = 0; i < index;) {
        if (goes_before(o, i, index)) {
            leaves(o, i);
            i = 0;
            index = index - 1u;
        } else {
            i++;
        }
    }
    becomes_visible(o, index);
}

void xp_order_flush(struct xp_order *o, uint32_t which)
{
    for (uint32_t i = 0; i < o->state->waiting; i++) {
        if (may_be_next(o, i) && which-- == 0) {
            xp_mark(o->world, XP_M_STORE_LEAVES);
            leaves(o, i);
            return;
        }
    }
    ASSERT(false);
}

bool xp_order_waits(const struct xp_order *o)
{
    for (uint32_t i = 0; i < o->state->waiting; i++) {
        if (!hidden(o, i))
            return true;
    }
    return false;
}

/* The oldest store that may leave unnoticed, or `waiting`. */
static uint32_t unnoticed(const struct xp_order *o)
{
    for (uint32_t i = 0; i < o->state->waiting; i++) {
        bool first = hidden(o, i);

        for (uint32_t j = 0; j < i && first; j++)
            first = !goes_before(o, j, i);
        if (first)
            return i;
    }
    return o->state->waiting;
}

bool xp_order_store_is_seen(const struct xp_order *o)
{
    return o->state->waiting >= xp_order_room(o) && unnoticed(o) == o->state->waiting;
}

void xp_order_drain(struct xp_order *o)
{
    while (o->state->waiting > 0)
        becomes_visible(o, 0);
}

void xp_order_store(struct xp_order *o, uint32_t offset, uint8_t width, uint64_t value)
{
    struct xp_order_state *s = o->state;

    if (xp_order_room(o) == 0) {
        xp_order_put(o, offset, width, value);
        o->seen(o->ctx, offset, width, value);
        return;
    }
    while (s->waiting >= xp_order_room(o)) {
        if (unnoticed(o) < s->waiting)
            becomes_visible(o, unnoticed(o));
        else
            xp_order_flush(o, xp_choose(o->world, xp_order_ready(o), "order.leave"));
    }
    s->stores[s->waiting++] = (struct xp_waiting){value, offset, width, s->epoch};
}

/* Takes what is older than entry `keep` of this location out: coherence. */
static void forget_older(struct xp_order_state *s, uint32_t offset, uint32_t keep)
{
    uint32_t left = 0;

    for (uint32_t i = 0; i < s->old_count; i++) {
        if (s->old[i].offset != offset || i >= keep)
            s->old[left++] = s->old[i];
    }
    memset(&s->old[left], 0, (s->old_count - left) * sizeof s->old[0]);
    s->old_count = (uint8_t)left;
}

uint64_t xp_order_load(struct xp_order *o, uint32_t offset, uint8_t width)
{
    struct xp_order_state *s = o->state;
    uint32_t choices = 1;
    uint32_t picked;

    for (uint32_t i = s->waiting; i > 0; i--) { /* its own store, not yet visible to others */
        if (s->stores[i - 1u].offset == offset && s->stores[i - 1u].width == width)
            return s->stores[i - 1u].value;
    }
    for (uint32_t i = 0; i < s->old_count; i++)
        choices += s->old[i].offset == offset;
    picked = xp_choose(o->world, choices, "order.stale"); /* 0: the newest */
    for (uint32_t i = s->old_count; picked > 0 && i > 0; i--) {
        if (s->old[i - 1u].offset != offset || --picked > 0)
            continue;
        uint64_t value = s->old[i - 1u].value;
        xp_mark(o->world, XP_M_LOAD_STALE);
        forget_older(s, offset, i - 1u);
        return value;
    }
    forget_older(s, offset, UINT32_MAX);
    return xp_order_peek(o, offset, width);
}

void xp_order_write_barrier(struct xp_order *o)
{
    if (o->model == XP_WEAK && o->state->waiting > 0)
        o->state->epoch++;
}

void xp_order_read_barrier(struct xp_order *o)
{
    memset(o->state->old, 0, o->state->old_count * sizeof o->state->old[0]);
    o->state->old_count = 0;
}

void xp_order_full_barrier(struct xp_order *o)
{
    xp_order_drain(o);
    xp_order_read_barrier(o);
}

static void forget(struct xp_order_state *s, uint32_t index)
{
    s->old_count--;
    for (uint32_t i = index; i < s->old_count; i++)
        s->old[i] = s->old[i + 1u];
    s->old[s->old_count] = (struct xp_old){0};
}

void xp_order_device_store(struct xp_order *o, uint32_t offset, uint8_t width, uint64_t value)
{
    struct xp_order_state *s = o->state;
    const uint64_t was = xp_order_peek(o, offset, width);

    xp_order_put(o, offset, width, value);
    if (o->model != XP_WEAK || was == value)
        return;
    /* The same old value twice tells nothing new: the later place is kept. */
    for (uint32_t i = 0; i < s->old_count; i++) {
        if (s->old[i].offset == offset && s->old[i].value == was) {
            forget(s, i);
            break;
        }
    }
    if (s->old_count == XP_OLD_MAX && o->forgets)
        forget(s, 0);
    if (s->old_count == XP_OLD_MAX)
        xp_violate(o->world, XP_P19, "more than %u earlier values: the model's own bound", XP_OLD_MAX);
    s->old[s->old_count++] = (struct xp_old){(uint32_t)was, offset};
}
