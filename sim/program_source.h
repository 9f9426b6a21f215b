/* SPDX-License-Identifier: BSD-2-Clause */
/* Where the code of a program comes from: its file, as the kernel's loader placed it, or a copy of the
 * program that is linked into the host process. The loader places and maps the file either way, so that what
 * the kernel does and holds is the same; a linked copy then runs in its stead, on the stack and with the
 * start-up page that the kernel made. The processor calls; sim/linked/ provides. */
#ifndef CAPOS_SIM_PROGRAM_SOURCE_H
#define CAPOS_SIM_PROGRAM_SOURCE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sim_program_source {
    /* A program begins: its file, as placed, has this identity. Returns the instance of the linked copy, with
     * data as it was before any ran, and its entry; NULL: the file itself runs. A file that the source was
     * not told of ends the host process. */
    void *(*start)(uint64_t identity, uint64_t *entry);
    /* The instance is about to run on the `bytes` at `stack`; it came back. Between the two nothing of the
     * host runs but signal handlers. */
    void (*enter)(void *instance, const uint8_t *stack, size_t bytes);
    void (*leave)(void *instance);
    /* It never runs again. */
    void (*end)(void *instance);
    /* Pages that a program wrote are the kernel's again. */
    void (*given_back)(uint8_t *at, size_t bytes);
};

/* Linked programs of this executable, or NULL: it has none. One definition an executable: capos_linked() in
 * cmake/linked.cmake. */
extern const struct sim_program_source *const sim_linked;

/* Identity of a placed file: SIM_IDENTITY_FIRST, then each of its mapped parts in order, whole pages. */
#define SIM_IDENTITY_FIRST 0xcbf29ce484222325u /* FNV-1a, by words of eight bytes */

static inline uint64_t sim_identity(uint64_t identity, const uint8_t *at, size_t bytes)
{
    for (size_t i = 0; i + sizeof(uint64_t) <= bytes; i += sizeof(uint64_t)) {
        uint64_t word;

        memcpy(&word, at + i, sizeof word);
        identity = (identity ^ word) * 0x100000001b3u;
    }
    return identity;
}

#endif
