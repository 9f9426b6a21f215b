/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot package (abi/package.h), checked: nothing of it is used before. Pure; the bytes may be anything,
 * and stay as they are while they are in use. The kernel checks with hashes; init, which gets the same bytes
 * from the kernel, checks everything else again. */
#ifndef CAPOS_KERNEL_CORE_PACKAGE_H
#define CAPOS_KERNEL_CORE_PACKAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/cap.h"
#include "abi/package.h"
#include "abi/pci.h"
#include "abi/regtable.h"

/* Where a fault lies: a list and an entry of it. */
enum package_list { PACKAGE_HEADER = 0, PACKAGE_PROGRAMS, PACKAGE_SERVICES, PACKAGE_GRANTS, PACKAGE_TABLES };

struct package_place {
    uint8_t list; /* enum package_list */
    uint16_t entry;
};

/* A checked package: pointers into its bytes, which are the caller's. */
struct package {
    const uint8_t *bytes;
    const struct package_header *header;
    const struct package_program *programs;
    const struct package_service *services;
    const struct package_grant *grants;
    const struct package_table *tables;
    uint16_t init; /* the service whose program is header->init */
    uint16_t
        order[PACKAGE_SERVICES_MAX]; /* services, each after those that serve it something; init's first */
};

/* A register table of its own, apart from the package. */
struct package_table_copy {
    struct reg_table table; /* points into this copy */
    struct reg_row rows[REG_ROWS_MAX];
    struct reg_step steps[REG_STEPS_MAX];
    char name[PACKAGE_NAME_BYTES];
};

/* `bytes`: n of them, 8-aligned. On PACKAGE_OK *out is filled; otherwise *at says where (it may be NULL), and
 * *out is undefined. The first fault counts: header, hash, programs, services, grants, order, tables. */
enum package_error package_check(const uint8_t *bytes, size_t n, struct package *out,
                                 struct package_place *at);
/* The same without hashes, for who got the bytes from the kernel. */
enum package_error package_check_parts(const uint8_t *bytes, size_t n, struct package *out,
                                       struct package_place *at);

/* Of a checked package, by number in its list. */
const uint8_t *package_file(const struct package *p, uint32_t program, uint32_t *bytes);
/* Not NUL-terminated. */
const char *package_text(const struct package *p, uint32_t service, uint32_t *bytes);
void package_table(const struct package *p, uint32_t table, struct package_table_copy *out);
/* A grant of the service, by number among its own. */
const struct package_grant *package_grant(const struct package *p, uint32_t service, uint32_t number);
/* The grant of init's own that a GRANT_KERNEL or GRANT_EVIDENCE of another service comes from: its number
 * among init's. */
uint32_t package_source(const struct package *p, const struct package_grant *grant);
/* The GRANT_SERVES that a GRANT_SERVED names: its number among those of grant->service. */
uint32_t package_serves(const struct package *p, const struct package_grant *grant);
/* The service that holds the GRANT_STARTS of a service, which in a checked package each of WHEN_ASKED has;
 * PACKAGE_NO_SERVICE: none does. */
#define PACKAGE_NO_SERVICE UINT32_MAX
uint32_t package_starter(const struct package *p, uint32_t service);
/* A GRANT_DEVICE that names such a function, as the first of them or a later one. */
bool package_grant_fits(const struct package_grant *grant, const struct pci_function_info *info);

/* SHA-256 of the provider object in the program whose file lies at `file`, 32 bytes of the package. NULL: it
 * is none of the package's (which may be NULL), or there is none in it. */
const uint8_t *package_provider(const struct package *p, const uint8_t *file);

/* "cycle", "name", ...: the words that the host tool refuses with as well. */
const char *package_error_name(enum package_error error);
const char *package_list_name(enum package_list list);

#endif
