/* SPDX-License-Identifier: BSD-2-Clause */
/* Writes the register tables that drivers bring to standard output, as the boot package holds them: for each
 * table name, head, rows, steps. The one source of their numbers is the driver's own table. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "abi/package.h"
#include "provider/tables.h"

static const struct reg_table *const tables[] = {&virtio_net_legacy_table,        &virtio_net_modern_table,
                                                 &virtio_net_legacy_memory_table, &virtio_scsi_legacy_table,
                                                 &virtio_scsi_modern_table,       &nvme_table};

/* "virtio-net legacy" is called virtio-net-legacy. False: too long. */
static bool name_of(const struct reg_table *table, char name[PACKAGE_NAME_BYTES])
{
    const size_t bytes = strlen(table->name);

    memset(name, 0, PACKAGE_NAME_BYTES);
    if (bytes >= PACKAGE_NAME_BYTES)
        return false;
    for (size_t i = 0; i < bytes; i++)
        name[i] = table->name[i] == ' ' ? '-' : table->name[i];
    return true;
}

/* An empty list may lie nowhere. */
static bool put(const void *list, size_t bytes, size_t count, FILE *out)
{
    return count == 0 || fwrite(list, bytes, count, out) == count;
}

static bool dump(const struct reg_table *table, FILE *out)
{
    const struct package_table_head head = {.row_count = table->row_count,
                                            .step_count = table->step_count,
                                            .section_count = table->section_count,
                                            .ports = table->ports,
                                            .quiesce_row = table->quiesce_row,
                                            .queue_programs = table->queue_programs,
                                            .quiesce_write = table->quiesce_write,
                                            .quiesce_until = table->quiesce_until,
                                            .quiesce_polls_max = table->quiesce_polls_max,
                                            .ring_align = table->ring_align,
                                            .ring_format = table->ring_format,
                                            .quiesce_mask = table->quiesce_mask,
                                            .start_write = table->start_write,
                                            .running_mask = table->running_mask,
                                            .settled_mask = table->settled_mask};
    char name[PACKAGE_NAME_BYTES];

    return name_of(table, name) && fwrite(name, sizeof name, 1, out) == 1 &&
           fwrite(&head, sizeof head, 1, out) == 1 &&
           put(table->rows, sizeof *table->rows, head.row_count, out) &&
           put(table->steps, sizeof *table->steps, head.step_count, out);
}

int main(void)
{
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (!dump(tables[i], stdout)) {
            fprintf(stderr, "capos-tables-dump: table %s\n", tables[i]->name);
            return 1;
        }
    }
    return fflush(stdout) == 0 ? 0 : 1;
}
