/* SPDX-License-Identifier: BSD-2-Clause */
/* hostile-rows FILE: judges a machine's console log of the attacking program. 0: every row is as it is due.
 */
#include <stdio.h>

#include "tests/hostile/rows.h"

#define LOG_BYTES (1u << 18)

int main(int argc, char **argv)
{
    static char text[LOG_BYTES];
    FILE *in = argc == 2 ? fopen(argv[1], "rb") : NULL;

    if (in == NULL)
        return 2;
    text[fread(text, 1, sizeof text - 1u, in)] = 0;
    fclose(in);
    const size_t wrong = hostile_judge(text, true, stdout);
    printf("%zu rows, %zu wrong\n", hostile_rows(), wrong);
    return wrong != 0;
}
