/* SPDX-License-Identifier: BSD-2-Clause */
/* The toy once more, as `./capos explore --driver` wants it: a legacy virtio-net driver
 * (virtio 1.2, 3.1.2, 4.1.4.10) behind bring_your_driver.h, whole in one file. It has one bug, planted:
 * publish() lacks the full fence between the index store and the load of used.flags (2.7.13.4.1), so that a
 * device which has just asked for bells can be left asleep with work. No test that runs one order of memory
 * can see it. */
#include <bring_your_driver.h>

#include <string.h>

enum {
    FEATURES = 0,
    DRIVER_FEATURES = 4,
    QUEUE_PFN = 8,
    QUEUE_SIZE = 12,
    QUEUE_SELECT = 14,
    QUEUE_NOTIFY = 16,
    STATUS = 18,
    RX = 0,
    TX = 1,
    PAGE = 4096,
    HEADER = 10,
    BUFFER = 2048,
    SLOTS_MAX = 4,
    RESET_READS = 8,
    RESET_TRIES = 4
};
#define F_MAC        (1u << 5)
#define F_ANY_LAYOUT (1u << 27)

struct ring {
    uint16_t avail, used; /* free-running: next to publish, next to take in */
    uint8_t out[SLOTS_MAX]; /* 1: the device has the slot's buffer */
};

struct toy {
    struct ring rings[2];
    uint16_t size;
};

static uint8_t *ring_at(const struct byd_services *s, unsigned queue)
{
    return s->memory +
           queue * 2u * PAGE; /* descriptors and available ring, then the used ring on the next page */
}

static uint8_t *buffer_at(const struct byd_services *s, unsigned queue, unsigned slot)
{
    return s->memory + s->buffers + (queue * SLOTS_MAX + slot) * BUFFER;
}

static int reset(const struct byd_services *s)
{
    s->register_write(s->ctx, STATUS, 1, 0);
    for (unsigned i = 0; i < RESET_READS; i++)
        if (s->register_read(s->ctx, STATUS, 1) == 0)
            return 1;
    return 0;
}

static void publish(struct toy *t, const struct byd_services *s, unsigned queue, unsigned slot,
                    uint32_t bytes)
{
    struct ring *r = &t->rings[queue];
    uint8_t *base = ring_at(s, queue), *avail = base + 16u * t->size;
    const uint64_t address = s->bus + (uint64_t)(buffer_at(s, queue, slot) - s->memory);

    s->store(s->ctx, base + 16u * slot, 8, address);
    s->store(s->ctx, base + 16u * slot + 8, 8, bytes | (queue == RX ? 2ull << 32 : 0));
    s->store(s->ctx, avail + 4 + 2u * (r->avail & (t->size - 1u)), 2, slot);
    r->out[slot] = 1;
    r->avail++;
    s->barrier(s->ctx, BYD_WRITE_BARRIER);
    s->store(s->ctx, avail + 2, 2, r->avail);
    /* the planted bug: s->barrier(s->ctx, BYD_FULL_BARRIER) is missing here */
    if ((s->load(s->ctx, base + PAGE, 2) & 1u) == 0)
        s->register_write(s->ctx, QUEUE_NOTIFY, 2, queue);
}

/* Takes one completion in. 1: *slot and *bytes are its; 0: none; -1: the device lied. */
static int take(struct toy *t, const struct byd_services *s, unsigned queue, unsigned *slot, uint32_t *bytes)
{
    struct ring *r = &t->rings[queue];
    const uint8_t *used = ring_at(s, queue) + PAGE;
    const uint16_t there = (uint16_t)((uint16_t)s->load(s->ctx, used + 2, 2) - r->used);
    const uint8_t *element = used + 4 + 8u * (r->used & (t->size - 1u));
    uint32_t id;

    if (there == 0)
        return 0;
    s->barrier(s->ctx, BYD_READ_BARRIER);
    id = (uint32_t)s->load(s->ctx, element, 4);
    *bytes = (uint32_t)s->load(s->ctx, element + 4, 4);
    if (there > t->size || id >= t->size || !r->out[id] || *bytes > BUFFER)
        return -1;
    r->out[id] = 0;
    r->used++;
    *slot = id;
    return 1;
}

static int attach(void *state, const struct byd_services *s)
{
    struct toy *t = state;
    uint32_t size = 0;

    if (!reset(s))
        return -1;
    s->register_write(s->ctx, STATUS, 1, 1); /* ACKNOWLEDGE */
    s->register_write(s->ctx, STATUS, 1, 3); /* DRIVER */
    s->register_write(s->ctx, DRIVER_FEATURES, 4,
                      s->register_read(s->ctx, FEATURES, 4) & (F_MAC | F_ANY_LAYOUT));
    for (unsigned q = RX; q <= TX; q++) {
        s->register_write(s->ctx, QUEUE_SELECT, 2, q);
        size = s->register_read(s->ctx, QUEUE_SIZE, 2);
        if (size == 0 || size > SLOTS_MAX || (size & (size - 1u)) != 0 || (q == TX && size != t->size)) {
            (void)reset(s);
            return -1;
        }
        t->size = (uint16_t)size;
        memset(ring_at(s, q), 0, 2 * PAGE);
        s->register_write(s->ctx, QUEUE_PFN, 4, (uint32_t)(s->bus / PAGE) + q * 2u);
    }
    s->register_write(s->ctx, STATUS, 1, 7); /* DRIVER_OK */
    for (unsigned i = 0; i < size; i++)
        publish(t, s, RX, i, BUFFER);
    return 0;
}

static int poll(void *state, const struct byd_services *s, uint8_t *frame, uint32_t bytes)
{
    struct toy *t = state;
    unsigned slot;
    uint32_t length;
    int got;

    while ((got = take(t, s, TX, &slot, &length)) > 0)
        ;
    if (got == 0)
        got = take(t, s, RX, &slot, &length);
    if (got <= 0)
        return got;
    length = length < HEADER ? 0 : length - HEADER < bytes ? length - HEADER : bytes;
    s->copy_in(s->ctx, frame, buffer_at(s, RX, slot) + HEADER, length);
    publish(t, s, RX, slot, BUFFER);
    return (int)length;
}

static int send(void *state, const struct byd_services *s, const uint8_t *frame, uint32_t bytes)
{
    struct toy *t = state;

    for (unsigned slot = 0; slot < t->size; slot++) {
        if (t->rings[TX].out[slot])
            continue;
        memset(buffer_at(s, TX, slot), 0, HEADER);
        memcpy(buffer_at(s, TX, slot) + HEADER, frame, bytes);
        publish(t, s, TX, slot, HEADER + bytes);
        return 0;
    }
    return 1;
}

static void detach(void *state, const struct byd_services *s)
{
    (void)state;
    for (unsigned i = 0; i < RESET_TRIES && !reset(s); i++)
        ;
}

const struct byd_driver *byd_driver(void)
{
    static const struct byd_driver driver = {"toy", BYD_LEGACY, sizeof(struct toy), attach, poll,
                                             send,  detach};

    return &driver;
}
