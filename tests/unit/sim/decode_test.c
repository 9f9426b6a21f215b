/* SPDX-License-Identifier: BSD-2-Clause */
/* The decoder of the stepped build: each form with its bytes as an assembler writes them. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/tie/decode.h"

struct form {
    const char *text;
    uint8_t code[15];
    uint32_t width;
    bool store;
};

TestSuite(decode);

Test(decode, moves_have_their_width_and_direction)
{
    static const struct form forms[] = {
        {"mov %al,(%rdi)", {0x88, 0x07}, 1, true},
        {"mov %ax,(%rdi)", {0x66, 0x89, 0x07}, 2, true},
        {"mov %eax,(%rdi)", {0x89, 0x07}, 4, true},
        {"mov %rax,(%rdi)", {0x48, 0x89, 0x07}, 8, true},
        {"mov %r9w,8(%r10)", {0x66, 0x45, 0x89, 0x4a, 0x08}, 2, true},
        {"movb $1,(%rdi)", {0xc6, 0x07, 0x01}, 1, true},
        {"movw $1,(%rdi)", {0x66, 0xc7, 0x07, 0x01, 0x00}, 2, true},
        {"movl $1,(%rdi)", {0xc7, 0x07, 0x01, 0x00, 0x00, 0x00}, 4, true},
        {"movq $1,(%rdi)", {0x48, 0xc7, 0x07, 0x01, 0x00, 0x00, 0x00}, 8, true},
        {"mov (%rdi),%al", {0x8a, 0x07}, 1, false},
        {"mov (%rdi),%ax", {0x66, 0x8b, 0x07}, 2, false},
        {"mov (%rdi),%eax", {0x8b, 0x07}, 4, false},
        {"mov (%rdi),%rax", {0x48, 0x8b, 0x07}, 8, false},
        {"movzbl (%rdi),%eax", {0x0f, 0xb6, 0x07}, 1, false},
        {"movzwl (%rdi),%eax", {0x0f, 0xb7, 0x07}, 2, false},
        {"movzwl 2(%r8),%r9d", {0x45, 0x0f, 0xb7, 0x48, 0x02}, 2, false},
        {"movsbl (%rdi),%eax", {0x0f, 0xbe, 0x07}, 1, false},
        {"movswq (%rdi),%rax", {0x48, 0x0f, 0xbf, 0x07}, 2, false},
        {"movslq (%rdi),%rax", {0x48, 0x63, 0x07}, 4, false},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        const struct decoded_move move = decode_move(forms[i].code);
        cr_assert(move.width == forms[i].width && move.store == forms[i].store, "%s: %u, %d", forms[i].text,
                  move.width, move.store);
    }
}

Test(decode, every_other_form_is_said_to_be_unknown)
{
    static const struct form forms[] = {
        {"mov %eax,%edi", {0x89, 0xc7}, 0, false},
        {"movzwl %ax,%eax", {0x0f, 0xb7, 0xc0}, 0, false},
        {"cmpl $0,(%rdi)", {0x83, 0x3f, 0x00}, 0, false},
        {"incl (%rdi)", {0xff, 0x07}, 0, false},
        {"xchg %eax,(%rdi)", {0x87, 0x07}, 0, false},
        {"lock mov, which is none", {0xf0, 0x89, 0x07}, 0, false},
        {"rep movsb", {0xf3, 0xa4}, 0, false},
        {"movdqu (%rdi),%xmm0", {0xf3, 0x0f, 0x6f, 0x07}, 0, false},
        {"movaps (%rdi),%xmm0", {0x0f, 0x28, 0x07}, 0, false},
        {"mov %eax,%fs:(%rdi)", {0x64, 0x89, 0x07}, 0, false},
        {"c7 with another digit", {0xc7, 0x3f, 0x00}, 0, false},
        {"prefixes without end", {0x66, 0x66, 0x66, 0x66, 0x66, 0x89, 0x07}, 0, false},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        cr_assert(decode_move(forms[i].code).width == 0, "%s: %u", forms[i].text,
                  decode_move(forms[i].code).width);
}

Test(decode, full_barriers_are_told_from_what_orders_less)
{
    static const struct form forms[] = {
        {"lock orq $0,(%rsp)", {0xf0, 0x48, 0x83, 0x0c, 0x24, 0x00}, 1, false},
        {"mfence", {0x0f, 0xae, 0xf0}, 1, false},
        {"xchg %eax,(%rdi)", {0x87, 0x07}, 1, false},
        {"xchg %eax,%edi", {0x87, 0xc7}, 0, false},
        {"lfence", {0x0f, 0xae, 0xe8}, 0, false},
        {"sfence", {0x0f, 0xae, 0xf8}, 0, false},
        {"orq $0,(%rsp)", {0x48, 0x83, 0x0c, 0x24, 0x00}, 0, false},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        cr_assert(decode_full_barrier(forms[i].code) == (forms[i].width != 0), "%s", forms[i].text);
}
