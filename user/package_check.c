/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-package-check FILE: judges a boot package by the kernel's own check. Prints `ok` or `refused: WHY:
 * LIST N`. Exit status: 0 holds, 2 usage, 3 cannot be read, 4 refused. */
#include <stdio.h>
#include <stdlib.h>

#include "kernel/core/package.h"

/* One byte more than the longest package, so that a longer file is seen to be one. */
static uint8_t *read_file(const char *path, size_t *bytes)
{
    FILE *file = fopen(path, "rb");
    uint8_t *at = file ? aligned_alloc(8, PACKAGE_BYTES_MAX + 8u) : NULL;
    bool whole = false;

    if (at) {
        *bytes = fread(at, 1, PACKAGE_BYTES_MAX + 1u, file);
        whole = ferror(file) == 0;
    }
    if (file)
        fclose(file);
    if (!whole) {
        free(at);
        return NULL;
    }
    return at;
}

int main(int argc, char **argv)
{
    struct package package;
    struct package_place at;
    size_t bytes = 0;

    if (argc != 2) {
        fprintf(stderr, "usage: capos-package-check FILE\n");
        return 2;
    }
    uint8_t *file = read_file(argv[1], &bytes);
    if (!file) {
        fprintf(stderr, "capos-package-check: %s cannot be read\n", argv[1]);
        return 3;
    }
    const enum package_error error = package_check(file, bytes, &package, &at);
    if (error == PACKAGE_OK)
        puts("ok");
    else
        printf("refused: %s: %s %u\n", package_error_name(error),
               package_list_name((enum package_list)at.list), at.entry);
    free(file);
    return error == PACKAGE_OK ? 0 : 4;
}
