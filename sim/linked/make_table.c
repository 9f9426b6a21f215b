/* SPDX-License-Identifier: BSD-2-Clause */
/* capos-linked-table {linked|file NAME FILE} ...: the table of linked.h, in C, on standard output. The
 * identity of each program file is of its pages as the kernel's loader places them. Exit 0: done; 1: a file
 * that cannot be read or loaded; 2: usage. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/elf.h"
#include "sim/program_source.h"

#define FILE_BYTES_MAX (16u << 20)
#define PROGRAMS_MAX   16

static bool identity_of(const char *path, uint64_t *identity)
{
    uint8_t *file = malloc(FILE_BYTES_MAX);
    uint8_t *memory = calloc(ELF_PAGES_MAX, PROCESSOR_PAGE);
    FILE *in = fopen(path, "rb");
    struct elf_layout layout;

    if (!in || !file || !memory || elf_measure(file, fread(file, 1, FILE_BYTES_MAX, in), &layout) != ELF_OK)
        return false; /* the process ends */
    fclose(in);
    *identity = SIM_IDENTITY_FIRST;
    for (uint32_t i = 0; i < layout.segment_count; i++) {
        const struct elf_segment *s = &layout.segments[i];
        uint8_t *at = memory + (size_t)s->page * PROCESSOR_PAGE;

        memcpy(at + s->within, file + s->offset, s->bytes);
        *identity = sim_identity(*identity, at, (size_t)s->pages * PROCESSOR_PAGE);
    }
    free(memory);
    free(file);
    return true;
}

static void declare(const char *name)
{
    printf("\nextern uint8_t __start_linked_data_%s[], __stop_linked_data_%s[];\n", name, name);
    printf("void linked_begin_%s(void);\n", name);
    printf("static struct sim_linked_section section_%s = {.begin = __start_linked_data_%s,\n"
           "    .end = __stop_linked_data_%s};\n",
           name, name, name);
}

int main(int argc, char **argv)
{
    uint64_t identity[PROGRAMS_MAX];
    const int count = (argc - 1) / 3;

    if (argc < 4 || (argc - 1) % 3 != 0 || count > PROGRAMS_MAX) {
        fprintf(stderr, "usage: capos-linked-table {linked|file NAME FILE} ...\n");
        return 2;
    }
    printf("/* SPDX-License-Identifier: BSD-2-Clause */\n/* Made by sim/linked/make_table.c. */\n"
           "#include \"sim/linked/linked.h\"\n");
    for (int i = 0; i < count; i++) {
        if (!identity_of(argv[3 * i + 3], &identity[i])) {
            fprintf(stderr, "%s: cannot be read, or not be loaded\n", argv[3 * i + 3]);
            return 1;
        }
        if (strcmp(argv[3 * i + 1], "linked") == 0)
            declare(argv[3 * i + 2]);
    }
    printf("\nconst struct sim_linked_program sim_linked_programs[] = {\n");
    for (int i = 0; i < count; i++) {
        const char *name = argv[3 * i + 2];

        printf("    {.name = \"%s\", .identity = 0x%llxu", name, (unsigned long long)identity[i]);
        if (strcmp(argv[3 * i + 1], "linked") == 0)
            printf(", .begin = linked_begin_%s, .section = &section_%s", name, name);
        printf("},\n");
    }
    printf("};\n\nconst uint32_t sim_linked_count = %d;\n", count);
    return fflush(stdout) != 0;
}
