/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum's sum, eight bytes at a time: the sum of larger words, folded, is the sum of the
 * smaller ones (RFC 1071, 2). On an emulated machine this is a good part of what a received byte costs. */
#include "stack/lwip/checksum.h"

#include "abi/memory.h"

static uint64_t added(uint64_t sum, uint64_t word)
{
    sum += word;
    return sum + (sum < word ? 1u : 0u);
}

uint16_t net_checksum(const void *bytes, int count)
{
    const uint8_t *at = bytes;
    size_t left = count > 0 ? (size_t)count : 0;
    uint64_t sum = 0;
    uint64_t word;

    for (; left >= sizeof(word); at += sizeof(word), left -= sizeof(word)) {
        memcpy(&word, at, sizeof(word));
        sum = added(sum, word);
    }
    word = 0; /* what is short of a word is followed by zeros */
    memcpy(&word, at, left);
    sum = added(sum, word);
    sum = (sum >> 32) + (sum & UINT32_MAX);
    sum = (sum >> 32) + (sum & UINT32_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    return (uint16_t)sum;
}
