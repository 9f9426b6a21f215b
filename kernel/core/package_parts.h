/* SPDX-License-Identifier: BSD-2-Clause */
/* The package check among its own files. */
#ifndef CAPOS_KERNEL_CORE_PACKAGE_PARTS_H
#define CAPOS_KERNEL_CORE_PACKAGE_PARTS_H

#include "kernel/core/package.h"

/* package.c. Header alone: after it, bytes[0, n) may be hashed. */
enum package_error package_check_header(const uint8_t *bytes, size_t n, struct package *p,
                                        struct package_place *at);
/* Everything behind the header. */
enum package_error package_check_rest(struct package *p, struct package_place *at);
/* Inside the package, behind its header, aligned, of at least `bytes_min`. */
bool package_extent_ok(const struct package *p, struct package_extent e, uint32_t bytes_min);
/* [a-z0-9-]+, NUL-padded, with at least one NUL. */
bool package_name_ok(const char *name);
bool package_name_same(const char *a, const char *b);
struct reg_table package_table_over(const struct package_table_head *head, const struct reg_row *rows,
                                    const struct reg_step *steps);

/* package_graph.c: services and grants. The lists lie in the package, programs are checked. */
enum package_error package_check_services(struct package *p, struct package_place *at);

#endif
