/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-program-check FILE: what the kernel's loader says of a program file. Exit 0: loadable; 1: refused, or
 * not readable; 2: usage. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/core/elf.h"

#define FILE_BYTES_MAX (16u << 20)

int main(int argc, char **argv)
{
    struct elf_layout layout;

    if (argc != 2) {
        fprintf(stderr, "usage: capos-program-check FILE\n");
        return 2;
    }
    FILE *in = fopen(argv[1], "rb");
    uint8_t *bytes = malloc(FILE_BYTES_MAX);
    if (!in || !bytes) {
        fprintf(stderr, "%s: cannot be read\n", argv[1]);
        return 1;
    }
    const size_t count = fread(bytes, 1, FILE_BYTES_MAX, in);
    fclose(in);
    const enum elf_error error = elf_measure(bytes, count, &layout);
    free(bytes);
    if (error != ELF_OK)
        fprintf(stderr, "%s: %s\n", argv[1], elf_error_name(error));
    return error != ELF_OK;
}
