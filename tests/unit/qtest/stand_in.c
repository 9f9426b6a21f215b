/* SPDX-License-Identifier: BSD-2-Clause */
/* Stands in for QEMU: takes the descriptors that it is given, says that the CPU is parked, answers commands
 * in the way that its last argument names. */
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "platform/qtest/parts.h"

#define SOCKET 3
#define MEMORY 4

static void say(const char *text)
{
    (void)!write(SOCKET, text, strlen(text));
}

static void answer(const char *way, unsigned n)
{
    char text[64];
    if (strcmp(way, "refuse") == 0)
        say("FAIL Unknown command\n");
    if (strcmp(way, "endless") == 0)
        for (unsigned i = 0; i < QTEST_REPLY_BYTES; i++)
            say("OK");
    if (strcmp(way, "count") != 0)
        return;
    snprintf(text, sizeof text, "0x%016x\n", 0x11223300u + n);
    say("OK"); /* in two parts: an answer need not come in one */
    say(" ");
    say(text);
}

int main(int argc, char **argv)
{
    const char *way = argv[argc - 1];
    char line[128];
    unsigned n = 0;
    void *at = mmap(NULL, QTEST_MEMORY_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, MEMORY, 0);
    if (at == MAP_FAILED || strcmp(way, "never") == 0)
        return 1;
    __atomic_store_n((uint32_t *)at + PARK_SEEN / 4, PARK_WORD, __ATOMIC_RELEASE);
    while (read(SOCKET, line, sizeof line) > 0 && strcmp(way, "die") != 0)
        answer(way, n++);
    return 0;
}
