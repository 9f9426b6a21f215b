/* SPDX-License-Identifier: BSD-2-Clause */
#include "tests/tie/decode.h"

struct prefixes {
    bool operand16, lock, rex_w;
    uint32_t bytes; /* before the opcode */
    bool known; /* no prefix that moves or repeats the access */
};

static struct prefixes read_prefixes(const uint8_t *code)
{
    struct prefixes p = {.known = true};
    for (;; p.bytes++) {
        const uint8_t byte = code[p.bytes];
        if (byte == 0x66)
            p.operand16 = true;
        else if (byte == 0xf0)
            p.lock = true;
        else if (byte == 0xf2 || byte == 0xf3 || byte == 0x67 || byte == 0x2e || byte == 0x36 ||
                 byte == 0x3e || byte == 0x26 || byte == 0x64 || byte == 0x65)
            p.known = false;
        else
            break;
        if (p.bytes == 4)
            return (struct prefixes){0}; /* more than one of each group: not a compiler's work */
    }
    if ((code[p.bytes] & 0xf0) == 0x40) { /* REX stands right before the opcode */
        p.rex_w = (code[p.bytes] & 8) != 0;
        p.bytes++;
    }
    return p;
}

static bool in_memory(uint8_t modrm)
{
    return modrm >> 6 != 3;
}

/* 0f b6, b7, be, bf: loads that extend. */
static struct decoded_move extending(const uint8_t *opcode)
{
    const bool byte = opcode[0] == 0xb6 || opcode[0] == 0xbe;
    const bool word = opcode[0] == 0xb7 || opcode[0] == 0xbf;
    return (struct decoded_move){!in_memory(opcode[1]) ? 0 : byte ? 1 : word ? 2 : 0, false};
}

struct decoded_move decode_move(const uint8_t *code)
{
    const struct prefixes p = read_prefixes(code);
    const uint8_t *opcode = code + p.bytes;
    const uint32_t width = p.rex_w ? 8 : p.operand16 ? 2 : 4;
    const struct decoded_move unknown = {0, false};
    if (!p.known || p.lock)
        return unknown;
    if (opcode[0] == 0x0f)
        return extending(opcode + 1);
    if (!in_memory(opcode[1]))
        return unknown;
    switch (opcode[0]) {
    case 0x88: /* mov r/m8, r8 */
        return (struct decoded_move){1, true};
    case 0x89: /* mov r/m, r */
        return (struct decoded_move){width, true};
    case 0x8a: /* mov r8, r/m8 */
        return (struct decoded_move){1, false};
    case 0x8b: /* mov r, r/m */
        return (struct decoded_move){width, false};
    case 0x63: /* movsxd r64, r/m32 */
        return (struct decoded_move){p.operand16 ? 0u : 4u, false};
    case 0xc6: /* mov r/m8, imm8: /0 */
        return (struct decoded_move){(opcode[1] & 0x38) == 0 ? 1u : 0u, true};
    case 0xc7: /* mov r/m, imm: /0 */
        return (struct decoded_move){(opcode[1] & 0x38) == 0 ? width : 0u, true};
    default:
        return unknown;
    }
}

bool decode_full_barrier(const uint8_t *code)
{
    const struct prefixes p = read_prefixes(code);
    const uint8_t *opcode = code + p.bytes;
    const bool exchange = (opcode[0] == 0x86 || opcode[0] == 0x87) && in_memory(opcode[1]);
    const bool mfence = opcode[0] == 0x0f && opcode[1] == 0xae && opcode[2] == 0xf0;
    return p.lock || exchange || mfence;
}
