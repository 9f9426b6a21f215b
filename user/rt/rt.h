/* SPDX-License-Identifier: BSD-2-Clause */
/* What a program begins with. It supplies program_main; the runtime has relocated the file, checked the
 * start-up page and opened the ring before it is called. */
#ifndef CAPOS_USER_RT_RT_H
#define CAPOS_USER_RT_RT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "abi/startup.h"
#include "user/rt/ring.h"

#define RT_EXIT_ASSERT  0xa55e47u /* exit code of a failed assertion */
#define RT_EXIT_STARTUP 0x57a47u /* exit code of a start-up page that is not one */

#define RT_LINE_BYTES 160u

/* A MemoryObject, and where it is mapped. */
struct rt_memory {
    cap_id cap;
    uint8_t *at;
    uint32_t bytes;
};

struct rt {
    const struct startup_page *start;
    struct ring_client ring;
    cap_id console; /* first grant of CAP_IF_SERIAL, or CAP_NONE */
    struct rt_memory text; /* what rt_print hands over; made at its first use */
    bool mute; /* no console, or no memory for it: rt_print does nothing */
};

/* The program. What it returns is its exit code. */
uint32_t program_main(struct rt *rt);

_Noreturn void rt_exit(struct rt *rt, uint32_t code);
/* The grant of this name and interface, or CAP_NONE. */
cap_id rt_grant(const struct rt *rt, const char *name, enum cap_interface interface);
/* The first grant of this interface, or CAP_NONE. */
cap_id rt_first(const struct rt *rt, enum cap_interface interface);
/* Value of `key=value` in the start-up text, not terminated; NULL: no such key. Of two
 * words with one key the first counts. */
const char *rt_parameter(const struct rt *rt, const char *key, size_t *bytes);
/* That value is `word`. */
bool rt_parameter_is(const struct rt *rt, const char *key, const char *word);
/* The same as a decimal number; `otherwise`: no such key, or no number. */
uint64_t rt_parameter_u64(const struct rt *rt, const char *key, uint64_t otherwise);
/* A zeroed MemoryObject of `bytes`, rounded up to pages, mapped writable; of the first grant of
 * CAP_IF_MEMORY_SOURCE. False: nothing is held. */
bool rt_memory_make(struct rt *rt, uint32_t bytes, struct rt_memory *out);
/* Takes the mapping away and gives the capability back. */
void rt_memory_drop(struct rt *rt, struct rt_memory *memory);
/* Text to the console. False: it has none, or the console refused. */
bool rt_print(struct rt *rt, const char *text);
bool rt_write(struct rt *rt, const char *bytes, size_t count);
/* `who`, `what` and a newline as one text, so that no other program's comes in between; cut at
 * RT_LINE_BYTES. */
bool rt_print_line(struct rt *rt, const char *who, const char *what);

#endif
