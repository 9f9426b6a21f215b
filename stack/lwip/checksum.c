/* SPDX-License-Identifier: BSD-2-Clause */
/* The Internet checksum's sum, eight bytes at a time: the sum of larger words, folded, is the sum of the
 * smaller ones (RFC 1071, 2). On an emulated machine this is a good part of what a received byte costs. */
#include "stack/lwip/checksum.h"

#include "abi/memory.h"

/* Without a call: it is made for every eight bytes. */
static uint64_t word_at(const uint8_t *at)
{
    uint64_t word;

    __builtin_memcpy(&word, at, sizeof word);
    return word;
}

/* A word's two halves: 2^32 of them do not overflow a sum. */
static uint64_t halves(uint64_t word)
{
    return (word & UINT32_MAX) + (word >> 32);
}

uint16_t net_checksum(const void *bytes, int count)
{
    const uint8_t *at = bytes;
    size_t left = count > 0 ? (size_t)count : 0;
    uint64_t sum = 0, rest = 0;

    for (; left >= 4u * sizeof sum; at += 4u * sizeof sum, left -= 4u * sizeof sum)
        sum += halves(word_at(at)) + halves(word_at(at + 8)) + halves(word_at(at + 16)) +
               halves(word_at(at + 24));
    for (; left >= sizeof sum; at += sizeof sum, left -= sizeof sum)
        sum += halves(word_at(at));
    memcpy(&rest, at, left); /* what is short of a word is followed by zeros */
    sum += halves(rest);
    sum = (sum >> 32) + (sum & UINT32_MAX);
    sum = (sum >> 32) + (sum & UINT32_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    sum = (sum >> 16) + (sum & UINT16_MAX);
    return (uint16_t)sum;
}
