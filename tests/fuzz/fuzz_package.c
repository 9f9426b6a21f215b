/* SPDX-License-Identifier: BSD-2-Clause */
/* The fuzzer's door to the check of the boot package. An input is either a package, or changes to the sample
 * one; its hashes are made anew, unless it says otherwise, so that the check goes past them. What is accepted
 * is then read as kernel and init read it: an access outside is the sanitizer's, a broken promise aborts. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/core/package.h"
#include "tests/support/package_build.h"

/* A change: two bytes of place, one that says how, two of value. */
#define CHANGE_BYTES 5u
#define CHANGE_LISTS 1u /* in the lists, else anywhere */
#define CHANGE_BIT   2u /* one bit, else a byte */
#define CHANGE_TWO   4u /* and the byte behind it */
#define CHANGE_END   0xf8u /* seldom: the package ends here */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes);

static unsigned long counts[PACKAGE_ERROR_COUNT];

__attribute__((destructor)) static void tell(void)
{
    fprintf(stderr, "packages:");
    for (unsigned i = 0; i < PACKAGE_ERROR_COUNT; i++)
        fprintf(stderr, " %s=%lu", package_error_name((enum package_error)i), counts[i]);
    fputc('\n', stderr);
}

static void change(struct built *b, const uint8_t *data, size_t bytes)
{
    const size_t lists = built_header(b)->program_list.offset;

    for (; bytes >= CHANGE_BYTES; data += CHANGE_BYTES, bytes -= CHANGE_BYTES) {
        const size_t place = (size_t)data[0] << 8 | data[1];
        const size_t from = (data[2] & CHANGE_LISTS) != 0 && b->n > lists ? lists : 0;
        const size_t at = from + place % (b->n - from);

        b->bytes[at] = (data[2] & CHANGE_BIT) != 0 ? b->bytes[at] ^ (uint8_t)(1u << data[3] % 8u) : data[3];
        if ((data[2] & CHANGE_TWO) != 0 && at + 1u < b->n)
            b->bytes[at + 1u] = data[4];
        if ((data[2] & CHANGE_END) == CHANGE_END)
            b->n = at + 1u;
    }
}

static void need(bool holds)
{
    if (!holds)
        abort();
}

static uint64_t sum(const void *at, uint32_t bytes)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < bytes; i++)
        total += ((const uint8_t *)at)[i];
    return total;
}

static void read_grants(const struct package *p, uint32_t service)
{
    for (uint32_t i = 0; i < p->services[service].grant_count; i++) {
        const struct package_grant *g = package_grant(p, service, i);

        if (g->kind == GRANT_SERVED)
            need(package_grant(p, g->service, package_serves(p, g))->interface == g->interface);
        else if (service != p->init && (g->kind == GRANT_KERNEL || g->kind == GRANT_EVIDENCE))
            need(package_grant(p, p->init, package_source(p, g))->interface == g->interface);
        else if (g->kind == GRANT_STARTS)
            need(g->service != service && package_starter(p, g->service) == service);
    }
}

/* Each service once, after all that serve it something. */
static void read_order(const struct package *p)
{
    uint32_t started = 0;

    for (uint32_t i = 0; i < p->header->services; i++) {
        const uint32_t service = p->order[i];

        need(service < p->header->services && (started >> service & 1u) == 0);
        for (uint32_t k = 0; k < p->services[service].grant_count; k++) {
            const struct package_grant *g = package_grant(p, service, k);

            need(g->kind != GRANT_SERVED || (started >> g->service & 1u) != 0);
        }
        started |= 1u << service;
    }
}

static void read_all(const struct package *p)
{
    uint64_t total = 0;
    struct package_table_copy copy;
    uint32_t bytes;

    for (uint32_t i = 0; i < p->header->programs; i++) {
        const uint8_t *file = package_file(p, i, &bytes);
        total += sum(file, bytes);
    }
    for (uint32_t i = 0; i < p->header->services; i++) {
        const char *text = package_text(p, i, &bytes);
        total += sum(text, bytes);
        read_grants(p, i);
    }
    read_order(p);
    for (uint32_t i = 0; i < p->header->tables; i++) {
        package_table(p, i, &copy);
        total += sum(copy.rows, copy.table.row_count * (uint32_t)sizeof copy.rows[0]);
    }
    need(total != UINT64_MAX); /* the reads are not left out */
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t bytes)
{
    static struct built b;
    struct package package;
    struct package_place at;

    if (bytes == 0)
        return 0;
    const uint8_t how = data[0];
    if ((how & 1u) != 0 && bytes - 1u <= sizeof b.bytes) {
        b.n = bytes - 1u;
        memcpy(b.bytes, data + 1, b.n);
    } else {
        built_sample(&b);
        change(&b, data + 1, bytes - 1u);
    }
    if ((how & 0xf0u) != 0xf0u)
        built_hash(b.bytes, b.n);
    uint8_t *exact = malloc(b.n ? b.n : 1); /* a byte beyond is the sanitizer's */
    need(exact != NULL);
    memcpy(exact, b.bytes, b.n);
    const enum package_error error = package_check(exact, b.n, &package, &at);
    need(error < PACKAGE_ERROR_COUNT);
    counts[error]++;
    if (error == PACKAGE_OK)
        read_all(&package);
    else
        need(package_list_name((enum package_list)at.list) != NULL);
    free(exact);
    return 0;
}
