/* SPDX-License-Identifier: BSD-2-Clause */
/* Attacks on a device under traffic: its memory, its rings, its registers; and once its pool is gone. */
#include "tests/hostile/program/bench.h"

#include "provider/tables.h"

#define BUFFER_BYTES 4096u

static cap_id buffer(struct bench *b, uint64_t direction)
{
    return made(b, b->pool, POOL_BUFFER_CREATE, RING_ARGS(BUFFER_BYTES, direction));
}

static cap_id tx_queue(const struct bench *b)
{
    return brokered_unpack(b->nic.tx.ring.handle);
}

static cap_id rx_buffer(const struct bench *b)
{
    return brokered_unpack(b->nic.rx_buffer.handle);
}

void attack_buffer_released(struct bench *b)
{
    const cap_id gone = buffer(b, DMA_TO_DEVICE);

    released(b, gone);
    (void)strike_call(b, gone, BUFFER_MAP, NULL);
}

void attack_buffer_released_twice(struct bench *b)
{
    const cap_id gone = buffer(b, DMA_TO_DEVICE);
    const struct ring_submission r = ring_make_release(gone);

    released(b, gone);
    (void)strike(b, &r);
}

void attack_buffer_destroyed_twice(struct bench *b)
{
    const cap_id gone = buffer(b, DMA_TO_DEVICE);
    const struct ring_completion done = call(b, gone, BUFFER_DESTROY, NULL);

    MUST(b, ring_completed(&done));
    (void)strike_call(b, gone, BUFFER_DESTROY, NULL);
}

void attack_buffer_of_dead_pool(struct bench *b)
{
    const cap_id pool = made(b, b->claimed, DEVICE_POOL_CREATE, RING_ARGS(4));
    const cap_id gone = made(b, pool, POOL_BUFFER_CREATE, RING_ARGS(BUFFER_BYTES, DMA_TO_DEVICE));

    released(b, pool);
    (void)strike_call(b, gone, BUFFER_MAP, NULL);
}

void attack_free_published(struct bench *b)
{
    (void)strike_call(b, rx_buffer(b), BUFFER_DESTROY, NULL);
}

void attack_release_published(struct bench *b)
{
    const struct ring_submission r = ring_make_release(rx_buffer(b));

    (void)strike(b, &r);
}

void attack_free_ring(struct bench *b)
{
    (void)strike_call(b, tx_queue(b), QUEUE_DESTROY, NULL);
}

void attack_release_ring(struct bench *b)
{
    const struct ring_submission r = ring_make_release(tx_queue(b));

    (void)strike(b, &r);
}

void attack_buffers(struct bench *b)
{
    const uint64_t *args = RING_ARGS(1, DMA_TO_DEVICE);

    use_up(b, b->pool, POOL_BUFFER_CREATE, args);
    (void)strike_call(b, b->pool, POOL_BUFFER_CREATE, args);
    released(b, b->caps[--b->cap_count]);
    released(b, made(b, b->pool, POOL_BUFFER_CREATE, args));
    give_back(b);
}

void attack_buffer_of_too_much(struct bench *b)
{
    (void)strike_call(b, b->pool, POOL_BUFFER_CREATE, RING_ARGS(64u * 4096u, DMA_TO_DEVICE));
}

void attack_buffer_wide(struct bench *b)
{
    (void)strike_call(b, b->pool, POOL_BUFFER_CREATE, RING_ARGS(1ull << 32, DMA_TO_DEVICE));
}

void attack_buffer_direction(struct bench *b)
{
    (void)strike_call(b, b->pool, POOL_BUFFER_CREATE, RING_ARGS(BUFFER_BYTES, 3));
}

void attack_buffer_direction_wide(struct bench *b)
{
    (void)strike_call(b, b->pool, POOL_BUFFER_CREATE, RING_ARGS(BUFFER_BYTES, 256 + DMA_TO_DEVICE));
}

/* publications */

/* A free descriptor slot of the transmit queue, and `n` after it: the provider has used the first only. */
static uint16_t free_slot(const struct bench *b, uint16_t n)
{
    return (uint16_t)(b->nic.tx.size - 1u - n);
}

static void publish(struct bench *b, const struct dma_publication *p, uint64_t count, uint32_t bytes)
{
    memcpy(b->share.at, p, sizeof *p);
    (void)strike_range(b, tx_queue(b), QUEUE_PUBLISH, RING_ARGS(count), ring_range(b->share.cap, 0, bytes));
}

static struct dma_publication chain(const struct bench *b, uint8_t count)
{
    struct dma_publication p = {.count = count};

    for (uint16_t i = 0; i < DMA_CHAIN_MAX; i++)
        p.slots[i] = free_slot(b, i);
    return p;
}

static struct dma_segment segment(cap_id of, uint32_t offset, uint32_t length, uint8_t direction)
{
    return (struct dma_segment){.buffer = of, .offset = offset, .length = length, .direction = direction};
}

/* One segment of a buffer of our own, to be read by the device. */
static void one(struct bench *b, uint32_t offset, uint32_t length, uint8_t direction)
{
    struct dma_publication p = chain(b, 1);
    const cap_id own = buffer(b, DMA_TO_DEVICE);

    p.segments[0] = segment(own, offset, length, direction);
    publish(b, &p, 1, sizeof p);
    released(b, own);
}

void attack_segment_beyond(struct bench *b)
{
    one(b, 0, BUFFER_BYTES + 1u, DMA_TO_DEVICE);
}

void attack_segment_offset(struct bench *b)
{
    one(b, BUFFER_BYTES, 2, DMA_TO_DEVICE); /* no numbers that look like an address: memory is searched */
}

void attack_segment_wraps(struct bench *b)
{
    one(b, UINT32_MAX, 2, DMA_TO_DEVICE);
}

void attack_segment_empty(struct bench *b)
{
    one(b, 0, 0, DMA_TO_DEVICE);
}

void attack_segment_direction(struct bench *b)
{
    one(b, 0, 64, DMA_FROM_DEVICE);
}

void attack_segment_order(struct bench *b)
{
    struct dma_publication p = chain(b, 2);
    const cap_id out = buffer(b, DMA_TO_DEVICE), in = buffer(b, DMA_FROM_DEVICE);

    p.segments[0] = segment(in, 0, 64, DMA_FROM_DEVICE);
    p.segments[1] = segment(out, 0, 64, DMA_TO_DEVICE);
    publish(b, &p, 1, sizeof p);
    released(b, out);
    released(b, in);
}

static void two(struct bench *b, bool same_bytes, bool same_slot)
{
    struct dma_publication p = chain(b, 2);
    const cap_id own = buffer(b, DMA_TO_DEVICE);

    p.segments[0] = segment(own, 0, 64, DMA_TO_DEVICE);
    p.segments[1] = segment(own, same_bytes ? 63 : 64, 64, DMA_TO_DEVICE);
    if (same_slot)
        p.slots[1] = p.slots[0];
    publish(b, &p, 1, sizeof p);
    released(b, own);
}

void attack_segment_twice(struct bench *b)
{
    two(b, true, false);
}

void attack_slot_twice(struct bench *b)
{
    two(b, false, true);
}

void attack_slot_beyond(struct bench *b)
{
    struct dma_publication p = chain(b, 1);
    const cap_id own = buffer(b, DMA_TO_DEVICE);

    p.segments[0] = segment(own, 0, 64, DMA_TO_DEVICE);
    p.slots[0] = b->nic.tx.size;
    publish(b, &p, 1, sizeof p);
    released(b, own);
}

void attack_chain_empty(struct bench *b)
{
    const struct dma_publication p = chain(b, 0);

    publish(b, &p, 1, sizeof p);
}

void attack_chain_long(struct bench *b)
{
    const struct dma_publication p = chain(b, DMA_CHAIN_MAX + 1u);

    publish(b, &p, 1, sizeof p);
}

void attack_batch_long(struct bench *b)
{
    const struct dma_publication p = chain(b, 1);

    publish(b, &p, DMA_BATCH_MAX + 1u, sizeof p);
}

void attack_batch_beyond_range(struct bench *b)
{
    const struct dma_publication p = chain(b, 1);

    publish(b, &p, 2, sizeof p);
}

static void name(struct bench *b, cap_id of)
{
    struct dma_publication p = chain(b, 1);

    p.segments[0] = segment(of, 0, 64, DMA_TO_DEVICE);
    publish(b, &p, 1, sizeof p);
}

void attack_segment_forged(struct bench *b)
{
    name(b, (cap_id){4000, 1});
}

void attack_segment_stale(struct bench *b)
{
    const cap_id gone = buffer(b, DMA_TO_DEVICE);

    released(b, gone);
    name(b, gone);
}

void attack_segment_of_pool(struct bench *b)
{
    name(b, b->pool);
}

void attack_segment_foreign(struct bench *b)
{
    const cap_id foreign =
        made(b, b->helper_pool, POOL_BUFFER_CREATE, RING_ARGS(BUFFER_BYTES, DMA_TO_DEVICE));

    name(b, foreign);
    released(b, foreign);
}

/* rings */

static void ring(struct bench *b, cap_id pool, cap_id registers, uint64_t shape)
{
    (void)strike_call(b, pool, POOL_QUEUE_CREATE, RING_ARGS(brokered_pack(registers), shape));
}

void attack_ring_foreign(struct bench *b)
{
    ring(b, b->helper_pool, b->registers.registers, 2u | 4u << 16);
}

void attack_ring_number(struct bench *b)
{
    ring(b, b->pool, b->registers.registers, DMA_QUEUES_MAX | 4u << 16);
}

void attack_rings(struct bench *b)
{
    const uint64_t registers = brokered_pack(b->registers.registers);
    const uint64_t size = 4u << 16;
    const cap_id third = made(b, b->pool, POOL_QUEUE_CREATE, RING_ARGS(registers, 2u | size));

    ring(b, b->pool, b->registers.registers, 3u | size);
    released(b, third);
    released(b, made(b, b->pool, POOL_QUEUE_CREATE, RING_ARGS(registers, 3u | size)));
}

void attack_ring_in_use(struct bench *b)
{
    ring(b, b->pool, b->registers.registers, 0u | 4u << 16);
}

void attack_ring_size(struct bench *b)
{
    ring(b, b->pool, b->registers.registers, 2u | 3u << 16);
}

void attack_ring_flags(struct bench *b)
{
    ring(b, b->pool, b->registers.registers, 2u | 4u << 16 | 2ull << 48);
}

void attack_ring_registers(struct bench *b)
{
    ring(b, b->pool, b->pool, 2u | 4u << 16);
}

/* registers: rows by transport */

static uint64_t row(const struct bench *b, enum modern_row modern, enum legacy_row legacy)
{
    return b->modern ? (uint64_t)modern : (uint64_t)legacy;
}

static void write_row(struct bench *b, uint64_t at, uint64_t value)
{
    (void)strike_call(b, b->registers.registers, REGISTERS_WRITE, RING_ARGS(at, value));
}

void attack_register_row(struct bench *b)
{
    write_row(b, row(b, MODERN_ROWS, LEGACY_ROWS), 0);
}

void attack_register_row_wide(struct bench *b)
{
    write_row(b, 1ull << 32, 0);
}

void attack_register_index(struct bench *b)
{
    (void)strike_call(b, b->registers.registers, REGISTERS_READ,
                      RING_ARGS(row(b, MODERN_CONFIG, LEGACY_CONFIG) | 9999u << 16));
}

void attack_register_read_only(struct bench *b)
{
    write_row(b, row(b, MODERN_DEVICE_FEATURE, LEGACY_HOST_FEATURES), 0);
}

void attack_register_value_wide(struct bench *b)
{
    write_row(b, row(b, MODERN_STATUS, LEGACY_STATUS), 1ull << 32);
}

void attack_register_bits(struct bench *b)
{
    write_row(b, row(b, MODERN_STATUS, LEGACY_STATUS), 0x100);
}

void attack_register_state(struct bench *b)
{
    write_row(b, row(b, MODERN_QUEUE_SELECT, LEGACY_QUEUE_SELECT), 1);
}

void attack_address_read(struct bench *b)
{
    (void)strike_call(b, b->registers.registers, REGISTERS_READ,
                      RING_ARGS(row(b, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN)));
}

void attack_address_written(struct bench *b)
{
    write_row(b, row(b, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN), 0x1000);
}

static void address(struct bench *b, cap_id of)
{
    (void)strike_call(b, b->registers.registers, REGISTERS_WRITE_ADDRESS,
                      RING_ARGS(row(b, MODERN_QUEUE_DESC_LOW, LEGACY_QUEUE_PFN), brokered_pack(of)));
}

void attack_address_of_running(struct bench *b)
{
    address(b, tx_queue(b));
}

void attack_address_of_pool(struct bench *b)
{
    address(b, b->pool);
}

void attack_bell_of_none(struct bench *b)
{
    write_row(b, row(b, MODERN_BELL, LEGACY_QUEUE_NOTIFY), 3);
}

void attack_second_registers(struct bench *b)
{
    memset(b->share.at, 0, REG_SECTIONS_MAX * sizeof(struct reg_window));
    (void)strike_range(b, b->claimed, DEVICE_OPEN_REGISTERS, RING_ARGS(b->modern ? 0 : 1),
                       ring_range(b->share.cap, 0, REG_SECTIONS_MAX * sizeof(struct reg_window)));
}

/* what does not go to others */

static void transfer(struct bench *b, struct ring_extra extra)
{
    const cap_id endpoint = made(b, b->endpoints, ENDPOINT_CREATE, NULL);
    const cap_id client = made(b, endpoint, ENDPOINT_CLIENT, RING_ARGS(CAP_IF_NIC, 1));

    (void)strike_range(b, client, NIC_ATTACH, NULL, extra);
    released(b, client);
    released(b, endpoint);
}

void attack_transfer_buffer(struct bench *b)
{
    transfer(b, ring_copy(rx_buffer(b)));
}

void attack_transfer_ring(struct bench *b)
{
    transfer(b, ring_move(tx_queue(b)));
}

void attack_spawn_buffer(struct bench *b)
{
    const struct spawn_grant grant = {.name = "buffer", .cap = rx_buffer(b)};
    const struct ring_submission r = spawn_submission(b, BENCH_PROGRAM_SELF, "role=stay", &grant, 1);

    (void)strike(b, &r);
}

/* after the pool's end */

void attack_publish_to_dead(struct bench *b)
{
    name(b, rx_buffer(b));
}

void attack_map_dead(struct bench *b)
{
    (void)strike_call(b, rx_buffer(b), BUFFER_MAP, NULL);
}
