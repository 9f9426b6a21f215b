/* SPDX-License-Identifier: BSD-2-Clause */
/* The NVMe driver by hand: owns its world; trusts the model, which is what is tested. */
#include "nvme_driver.h"

#include <criterion/criterion.h>
#include <string.h>

#define STEPS_MAX 64u

static void message(void *ctx, uint64_t address, uint32_t data)
{
    (void)address;
    (void)data;
    ((struct hand *)ctx)->messages++;
}

uint8_t hand_medium(uint64_t offset)
{
    return (uint8_t)(offset * 7u + (offset >> 9));
}

static bool read_medium(void *ctx, uint64_t offset, void *out, uint32_t bytes)
{
    const struct hand *h = ctx;

    for (uint32_t i = 0; i < bytes; i++)
        ((uint8_t *)out)[i] = hand_medium(offset + i);
    return !h->medium_broken && offset + bytes <= HAND_BLOCKS * 512u;
}

void hand_config(struct hand *h)
{
    memset(h, 0, sizeof *h);
    h->config = dm_nvme_defaults();
    h->config.medium = (struct dm_medium){.bytes = HAND_BLOCKS * 512u, .read = read_medium, .ctx = h};
}

void hand_open(struct hand *h)
{
    /* One page more than the device is given. */
    const struct dm_memory_config mc = {
        .bytes = (HAND_PAGES + 1u) * 4096u, .bus_base = HAND_BUS_BASE, .ledger = true};
    struct dm_bus_config bc = {.msi = message, .msi_ctx = h};

    h->memory = dm_memory_create(&mc);
    cr_assert_not_null(h->memory);
    bc.memory = h->memory;
    h->bus = dm_bus_create(&bc);
    cr_assert_not_null(h->bus);
    h->nvme = dm_nvme_create(h->bus, &h->config);
    cr_assert_not_null(h->nvme);
    dm_memory_map(h->memory, h->config.bdf, (dm_addr){HAND_BUS_BASE}, HAND_PAGES * 4096u);
    h->registers = dm_pci_read(h->bus, h->config.bdf, 0x10, 4) & ~15u;
    dm_pci_write(h->bus, h->config.bdf, 4, 2, 6);
}

void hand_close(struct hand *h)
{
    dm_bus_destroy(h->bus);
    dm_memory_destroy(h->memory);
}

uint32_t hand_get(struct hand *h, uint32_t offset)
{
    return dm_mmio_read(h->bus, h->registers + offset, 4);
}

void hand_put(struct hand *h, uint32_t offset, uint32_t value)
{
    dm_mmio_write(h->bus, h->registers + offset, 4, value);
}

uint64_t hand_bus(uint32_t page)
{
    return HAND_BUS_BASE + page * 4096ull;
}

uint8_t *hand_at(struct hand *h, uint32_t page)
{
    return dm_memory_base(h->memory) + page * 4096u;
}

void hand_steps(struct hand *h, uint32_t steps)
{
    for (uint32_t i = 0; i < steps; i++)
        (void)dm_nvme_step(h->nvme, 64);
}

void hand_enable(struct hand *h)
{
    for (unsigned q = 0; q < 2; q++) {
        h->tail[q] = 0;
        h->head[q] = 0;
        h->phase[q] = true;
    }
    memset(hand_at(h, P_ACQ), 0, 4096);
    memset(hand_at(h, P_CQ), 0, 4096);
    hand_put(h, AQA, (HAND_ENTRIES - 1u) | (HAND_ENTRIES - 1u) << 16);
    hand_put(h, ASQ, (uint32_t)hand_bus(P_ASQ));
    hand_put(h, ASQ + 4, 0);
    hand_put(h, ACQ, (uint32_t)hand_bus(P_ACQ));
    hand_put(h, ACQ + 4, 0);
    hand_put(h, CC, HAND_RUN);
    for (uint32_t i = 0; i < STEPS_MAX && hand_get(h, CSTS) == 0; i++)
        hand_steps(h, 1);
}

void hand_disable(struct hand *h)
{
    hand_put(h, CC, HAND_RUN & ~1u);
    for (uint32_t i = 0; i < STEPS_MAX && (hand_get(h, CSTS) & 1u); i++)
        hand_steps(h, 1);
}

void hand_start(struct hand *h)
{
    const struct command cq = hand_create(true, 1), sq = hand_create(false, 1);

    hand_enable(h);
    cr_assert_eq(hand_get(h, CSTS), 1u);
    cr_assert_eq(hand_do(h, 0, &cq).status, 0u);
    cr_assert_eq(hand_do(h, 0, &sq).status, 0u);
}

void hand_doorbell(struct hand *h, uint32_t queue, bool completions, uint32_t value)
{
    hand_put(h, 0x1000u + (2u * queue + completions) * (4u << h->config.doorbell_stride), value);
}

void hand_submit(struct hand *h, unsigned queue, const struct command *c)
{
    const uint32_t word0 = c->opcode | (uint32_t)c->flags << 8 | (uint32_t)h->next_id++ << 16;
    uint8_t *e = hand_at(h, queue ? P_SQ : P_ASQ) + 64u * h->tail[queue];

    memset(e, 0, 64);
    memcpy(e, &word0, 4);
    memcpy(e + 4, &c->space, 4);
    memcpy(e + 16, &c->metadata, 8);
    memcpy(e + 24, c->prp, 16);
    memcpy(e + 40, c->word, sizeof c->word);
    h->tail[queue] = (h->tail[queue] + 1u) % HAND_ENTRIES;
    hand_doorbell(h, queue, false, h->tail[queue]);
}

struct answer hand_take(struct hand *h, unsigned queue)
{
    const uint8_t *e = hand_at(h, queue ? P_CQ : P_ACQ) + 16u * h->head[queue];
    struct answer a = {0};
    uint16_t status;

    memcpy(&status, e + 14, 2);
    if ((status & 1u) != h->phase[queue])
        return a;
    a.there = true;
    a.status = status >> 1;
    memcpy(&a.result, e, 4);
    memcpy(&a.head, e + 8, 2);
    memcpy(&a.queue, e + 10, 2);
    memcpy(&a.id, e + 12, 2);
    h->head[queue] = (h->head[queue] + 1u) % HAND_ENTRIES;
    h->phase[queue] ^= h->head[queue] == 0;
    hand_doorbell(h, queue, true, h->head[queue]);
    return a;
}

struct answer hand_do(struct hand *h, unsigned queue, const struct command *c)
{
    hand_submit(h, queue, c);
    hand_steps(h, 1);
    return hand_take(h, queue);
}

struct command hand_read(uint64_t block, uint32_t blocks, uint64_t prp1, uint64_t prp2)
{
    return (struct command){.opcode = 2,
                            .space = 1,
                            .prp = {prp1, prp2},
                            .word = {(uint32_t)block, (uint32_t)(block >> 32), blocks - 1u}};
}

struct command hand_identify(uint32_t what, uint32_t space)
{
    return (struct command){.opcode = 6, .space = space, .prp = {hand_bus(P_DATA), 0}, .word = {what}};
}

struct command hand_create(bool completions, uint16_t queue)
{
    return (struct command){
        .opcode = completions ? 5 : 1,
        .prp = {hand_bus(completions ? P_CQ : P_SQ), 0},
        .word = {queue | (HAND_ENTRIES - 1u) << 16, completions ? 1u : 1u | (uint32_t)queue << 16}};
}
