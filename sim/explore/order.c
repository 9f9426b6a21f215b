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

/* May the store at `index` become visible before those that wait in front of it? */
static bool may_pass(const struct xp_order *o, uint32_t index)
{
    const struct xp_order_state *s = o->state;

    if (index == 0)
        return true;
    if (o->model != XP_WEAK || s->stores[index].epoch != 0)
        return false;
    for (uint32_t i = 0; i < index; i++) {
        if (overlap(&s->stores[i], &s->stores[index]))
            return false;
    }
    return true;
}

uint32_t xp_order_ready(const struct xp_order *o)
{
    uint32_t ready = 0;

    for (uint32_t i = 0; i < o->state->waiting; i++)
        ready += may_pass(o, i);
    return ready;
}

void xp_order_flush(struct xp_order *o, uint32_t which)
{
    for (uint32_t i = 0; i < o->state->waiting; i++) {
        if (may_pass(o, i) && which-- == 0) {
            becomes_visible(o, i);
            return;
        }
    }
    ASSERT(false);
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
    while (s->waiting >= xp_order_room(o))
        xp_order_flush(o, xp_choose(o->world, xp_order_ready(o), "order.leave"));
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
            for (uint32_t j = i; j + 1u < s->old_count; j++)
                s->old[j] = s->old[j + 1u];
            s->old_count--;
            break;
        }
    }
    if (s->old_count == XP_OLD_MAX)
        xp_violate(o->world, XP_P19, "more than %u earlier values: the model's own bound", XP_OLD_MAX);
    s->old[s->old_count++] = (struct xp_old){(uint32_t)was, offset};
}
