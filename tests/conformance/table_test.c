/* SPDX-License-Identifier: BSD-2-Clause */
/* Each row of the table of obligations is covered by what exists, and the page says what the table says. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>

Test(conformance_table, each_row_is_covered_and_the_page_is_current)
{
    char line[400];
    int status;
    FILE *check = popen("/usr/bin/python3 -B " CAPOS_ROOT "/tests/conformance/check.py", "r");
    cr_assert(check != NULL);
    while (fgets(line, sizeof line, check))
        fputs(line, stdout);
    fflush(stdout);
    status = pclose(check);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "the table has faults, listed above");
}
