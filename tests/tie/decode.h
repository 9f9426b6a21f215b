/* SPDX-License-Identifier: BSD-2-Clause */
/* As much of the x86-64 instruction format (Intel SDM 2A, chapter 2) as tells the width of a move between
 * memory and a register or constant, and an instruction that orders memory. Knows the forms that GCC and
 * Clang make of plain moves; says so of every other. */
#ifndef CAPOS_TESTS_TIE_DECODE_H
#define CAPOS_TESTS_TIE_DECODE_H

#include <stdbool.h>
#include <stdint.h>

struct decoded_move {
    uint32_t width; /* bytes that are moved in memory; 0: no move of a known form */
    bool store;
};

/* `code`: at least 15 readable bytes. */
struct decoded_move decode_move(const uint8_t *code);
/* A locked instruction, an exchange with memory (locked by itself), or mfence. */
bool decode_full_barrier(const uint8_t *code);

#endif
