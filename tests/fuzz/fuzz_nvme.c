/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to what drivers ask an NVMe controller for and what it answers (provider/format/nvme.c).
 * An input is: which decoder, then the bytes, zeroes behind them, in memory of just the size that it reads.
 * What is decoded keeps the promises of nvme.h, or aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "provider/format/nvme.h"
#include "tests/fuzz/room.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static unsigned long inputs, commands, strange, controllers, sizes, spaces, impossible, completions, early;

__attribute__((destructor)) static void tell(void)
{
    fprintf(
        stderr,
        "answers: inputs=%lu commands=%lu strange=%lu controllers=%lu sizes=%lu spaces=%lu impossible=%lu "
        "completions=%lu early=%lu\n",
        inputs, commands, strange, controllers, sizes, spaces, impossible, completions, early);
}

static uint8_t *room_of(const uint8_t *from, size_t count, size_t bytes)
{
    uint8_t *at = calloc(1, bytes);

    if (at == NULL)
        abort();
    memcpy(at, from, count < bytes ? count : bytes);
    return at;
}

/* What is taken is written back to the byte: nothing in it was overlooked. */
static void command(const uint8_t *from, size_t count, bool admin)
{
    uint8_t *at = room_of(from, count, NVME_COMMAND_BYTES), again[NVME_COMMAND_BYTES];
    struct nvme_command c;

    if (nvme_decode_command(at, admin, &c)) {
        need(c.kind < NVME_COMMAND_KINDS && (c.kind == NVME_READ) == !admin);
        need(c.kind != NVME_READ || (c.blocks >= 1u && c.blocks <= 65536u));
        need(nvme_answer_bytes(&c) <= NVME_IDENTIFY_BYTES);
        nvme_encode_command(&c, 0, (struct nvme_pointers){0, 0}, again);
        need(memcmp(at, again, sizeof again) == 0);
        commands++;
    } else {
        strange++;
    }
    free(at);
}

static void controller(const uint8_t *from, size_t count)
{
    uint8_t *at = room_of(from, count, NVME_IDENTIFY_BYTES);
    struct nvme_controller c;

    if (nvme_decode_controller(at, &c)) {
        const size_t length = strnlen(c.text, sizeof c.text);

        need(length < sizeof c.text && (length == 0 || c.text[length - 1u] != ' '));
        for (size_t i = 0; i < length; i++)
            need(c.text[i] >= ' ' && c.text[i] <= '~');
        need(c.data_bytes_max == 0 || c.data_bytes_max >= 2u * NVME_PAGE_BYTES);
        controllers++;
    } else {
        sizes++;
    }
    free(at);
}

static void space(const uint8_t *from, size_t count)
{
    uint8_t *at = room_of(from, count, NVME_IDENTIFY_BYTES);
    struct nvme_namespace n;

    if (nvme_decode_namespace(at, &n)) {
        need(n.blocks == 0 ? n.block_shift == 0
                           : n.block_shift >= NVME_BLOCK_SHIFT_MIN && n.block_shift <= NVME_BLOCK_SHIFT_MAX);
        need(n.blocks << n.block_shift >> n.block_shift == n.blocks);
        spaces++;
    } else {
        impossible++;
    }
    free(at);
}

static void completion(const uint8_t *from, size_t count)
{
    uint8_t *at = room_of(from, count, 4u * NVME_COMPLETION_BYTES);
    struct nvme_completion c;

    for (uint16_t index = 0; index < 8; index++) {
        if (!nvme_completion_at(at, 4, index, &c)) {
            early++;
            continue;
        }
        need(c.id.untrusted <= UINT16_MAX && c.head.untrusted <= UINT16_MAX &&
             c.queue.untrusted <= UINT16_MAX);
        need(nvme_outcome_of(c.status) < NVME_OUTCOME_COUNT);
        need((nvme_outcome_of(c.status) == NVME_DONE) == (c.status == 0));
        completions++;
    }
    free(at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    inputs++;
    if (bytes == 0)
        return 0;
    switch (data[0] % 5u) {
    case 0:
    case 1:
        command(data + 1, bytes - 1u, data[0] % 5u == 1u);
        break;
    case 2:
        controller(data + 1, bytes - 1u);
        break;
    case 3:
        space(data + 1, bytes - 1u);
        break;
    default:
        completion(data + 1, bytes - 1u);
        break;
    }
    return 0;
}
