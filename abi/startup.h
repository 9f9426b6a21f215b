/* SPDX-License-Identifier: BSD-2-Clause */
/* The start-up page: what a program finds when it begins. Read-only, its address is the entry's first
 * argument. One program file serves every world: the entries point at a system-call stub on a machine and at
 * the simulator's dispatcher in a host process. */
#ifndef CAPOS_ABI_STARTUP_H
#define CAPOS_ABI_STARTUP_H

#include <stdint.h>

#include "abi/cap.h"
#include "abi/ring.h"

#define STARTUP_MAGIC      0x70617473u /* "stap" */
#define STARTUP_VERSION    2u
#define STARTUP_NAME_BYTES 24u
#define STARTUP_GRANTS_MAX 32u
#define STARTUP_TEXT_BYTES 512u
#define STARTUP_STACK_BYTES 65536u /* of every program, above a page that is not mapped */

struct startup_grant {
    char name[STARTUP_NAME_BYTES]; /* as the manifest calls it, NUL-terminated: "nic", "console" */
    cap_id cap;
    uint16_t interface; /* enum cap_interface */
    uint16_t reserved[3];
};
_Static_assert(sizeof(struct startup_grant) == 40, "ABI");

struct startup_page {
    uint32_t magic;
    uint32_t version;
    char name[STARTUP_NAME_BYTES]; /* of the service: "nicd" */
    struct ring_page *ring;
    /* Takes submissions, waits until `min_complete` completions are unread or `timeout_ns` went by since the
     * call (0: does not wait). enum ring_enter. */
    uint32_t (*cap_enter)(uint32_t min_complete, uint64_t timeout_ns);
    void (*exit)(uint32_t code); /* does not return */
    uint32_t grant_count;
    uint32_t text_bytes;
    struct startup_grant grants[STARTUP_GRANTS_MAX];
    char text[STARTUP_TEXT_BYTES]; /* parameters of the manifest, `key=value` words, NUL-terminated */
};
_Static_assert(sizeof(struct startup_page) <= RING_PAGE_BYTES, "one page");

#endif
