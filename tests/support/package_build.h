/* SPDX-License-Identifier: BSD-2-Clause */
/* A boot package made by hand, apart from the host tool: what the tests of the check and the fuzzer start
 * from. */
#ifndef CAPOS_TESTS_PACKAGE_BUILD_H
#define CAPOS_TESTS_PACKAGE_BUILD_H

#include <stddef.h>
#include <stdint.h>

#include "abi/cap.h"
#include "abi/package.h"

#define BUILT_BYTES_MAX 8192u

struct built {
    _Alignas(8) uint8_t bytes[BUILT_BYTES_MAX];
    size_t n;
};

/* Services of the sample, in its list. Each is served by those before it. */
enum { BUILT_SHELL = 0, BUILT_INIT, BUILT_NICD, BUILT_SERVICES };
/* Its grants. */
enum {
    BUILT_SHELL_CONSOLE = 0,
    BUILT_SHELL_NIC,
    BUILT_SHELL_SUPERVISOR,
    BUILT_SHELL_SINK,
    BUILT_SHELL_SERVES,
    BUILT_INIT_SPAWNER,
    BUILT_INIT_CONSOLE,
    BUILT_INIT_SINK,
    BUILT_INIT_SUPERVISOR,
    BUILT_NICD_FUNCTION,
    BUILT_NICD_NIC,
    BUILT_NICD_SECOND,
    BUILT_NICD_SUPERVISOR,
    BUILT_GRANTS
};

/* A package that holds: init, a server that it starts, and a client of both, listed first. The client serves
 * as well, and the server is a client of init: one wrong number makes a cycle. */
void built_sample(struct built *b);
/* Its parts, to be changed in place. */
struct package_header *built_header(struct built *b);
struct package_program *built_program(struct built *b, uint32_t at);
struct package_service *built_service(struct built *b, uint32_t at);
struct package_grant *built_grant(struct built *b, uint32_t at);
struct package_table *built_table(struct built *b, uint32_t at);
/* The bytes of a part. */
void *built_part(struct built *b, struct package_extent extent);
/* Hashes of the files that lie in the package, then of the whole. `bytes`: n of them, 8-aligned; nothing
 * happens when they do not hold a header. */
void built_hash(uint8_t *bytes, size_t n);
void built_hash_whole(uint8_t *bytes, size_t n);

#endif
