/* SPDX-License-Identifier: BSD-2-Clause */
/* The table of programs that are linked into an executable: capos-linked-table writes it (make_table.c). */
#ifndef CAPOS_SIM_LINKED_H
#define CAPOS_SIM_LINKED_H

#include <stdint.h>

/* Whose data lies in a program's section. The section exists once in the process, and so does this. */
struct sim_linked_section {
    uint8_t *begin, *end;
    uint8_t *pristine; /* as it was before the program first ran; NULL: it never did */
    struct sim_linked_instance *now; /* whose data it holds; NULL: nobody's that lives */
};

struct sim_linked_program {
    const char *name;
    uint64_t identity; /* of its file (program_source.h) */
    void (*begin)(void); /* NULL: it runs as its file */
    struct sim_linked_section *section; /* NULL with `begin` */
};

extern const struct sim_linked_program sim_linked_programs[];
extern const uint32_t sim_linked_count;

#endif
