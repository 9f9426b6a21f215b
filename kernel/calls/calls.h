/* SPDX-License-Identifier: BSD-2-Clause */
/* The object door: what a CALL means on an object that the core does not serve itself: functions and devices,
 * their registers, pools, buffers, queues and interrupts, serial ports, audit log, evidence sinks, system,
 * entropy. Each call on a device goes through the device authority of the caller's own owner; what a program
 * shares is copied once before anything of it is looked at. Trusts core and device room, nothing that a
 * program gave. One thread, under the kernel lock. */
#ifndef CAPOS_KERNEL_CALLS_CALLS_H
#define CAPOS_KERNEL_CALLS_CALLS_H

#include "evidence/emit.h"
#include "kernel/core/package.h"
#include "kernel/core/system.h"
#include "kernel/kernel.h"

#define CALLS_SINKS_MAX 16u

/* Register tables of the boot package, checked, by number. They and their rows outlive the system. */
struct calls_tables {
    const struct reg_table *const *tables;
    uint32_t count;
};

enum calls_power { CALLS_POWER_STAYS = 0, CALLS_POWER_OFF, CALLS_POWER_REBOOT };

/* Pages that a program sees. */
struct calls_mapping {
    uint64_t at; /* the program's address of the first; 0: not mapped */
    uint32_t pages;
    uint16_t process;
};

/* The line that stands unfinished on the main console: a prompt and what was typed behind it. When others
 * write than the process that reads the port, it is shown again below their lines. */
#define CALLS_PROMPT_BYTES SERIAL_LINE_BYTES
struct calls_prompt {
    uint32_t owner; /* of the line: who reads; as long as nobody does, who wrote last. 0: nobody */
    uint32_t writer; /* process by number that wrote last; 0: none */
    bool reads; /* the owner has read */
    uint32_t bytes; /* at most CALLS_PROMPT_BYTES: a longer line is shown again in part */
    uint32_t cursor; /* of a drawn line: its place in the text; of a written one: its end */
    char text[CALLS_PROMPT_BYTES];
};

/* Behind an EvidenceSink. Used as long as its object lives. */
struct calls_sink {
    struct object_ref object;
    uint64_t markers; /* a bit each, in the order of evidence/markers.json */
};

/* What the kernel saw of the device that a process claimed last: the facts that it fills in itself, and what
 * a marker's condition looks at. Kept until the process's number is another's. */
struct calls_witness {
    uint32_t number; /* of the process; 0: it claimed nothing */
    uint16_t bdf;
    bool ports, windows, empty_window; /* registers opened, by kind */
    bool entry_programmed, unmasked; /* of its MSI-X table */
    bool released; /* it gave the Device back itself */
    bool route_left; /* `route` is that of the Interrupt that it gave back last */
    bool late_raised; /* a late message was sent on it */
    uint16_t route;
    uint32_t route_count; /* messages on it until then */
    uint64_t pool_pages, acks; /* ACKs that took interrupts */
    /* counters of the kernel at the claim */
    uint64_t register_writes, completions, scrubbed_before;
    uint32_t interrupts;
    struct budget budget; /* of its owner */
    uint64_t denials, denial_records; /* of the process; in the log */
    /* at its release */
    uint64_t scrubbed, writes;
    uint64_t denials_before; /* of the process: what is refused afterwards names what is gone */
};

/* Log-ins that an AuditNote recorded: at the console, and from elsewhere. */
struct calls_logins {
    uint64_t accepted, refused;
    uint64_t remote; /* accepted */
};

struct calls_setup {
    struct kernel *kernel; /* initialised and scanned */
    struct platform *platform;
    struct evidence *evidence; /* begun */
    struct console *console; /* of port 1 */
    struct calls_tables tables;
    const struct package *package; /* checked: whose program holds which provider; NULL: none */
    bool probed; /* it is a proof in which the web is asked for: else there is no marker of it */
    const char *nonce; /* the run's, which no program is told; NULL or "": none. Outlives the calls */
};

struct calls {
    struct kernel *kernel;
    struct platform *platform;
    struct evidence *evidence;
    struct console *console;
    struct console audit_port; /* port 3 */
    struct calls_prompt prompt;
    struct calls_tables tables;
    const struct package *package;
    struct system *system;
    struct calls_mapping buffers[BUFFERS_MAX], queues[QUEUES_MAX]; /* by the device room's record */
    struct object_ref taken[FUNCTIONS_MAX]; /* Function object of each scan record */
    struct calls_sink sinks[CALLS_SINKS_MAX];
    struct calls_witness witnesses[PROCESSES_MAX];
    struct calls_logins logins;
    uint64_t asked; /* markers that programs asked for and may have, a bit each, whatever came of it */
    const char *nonce;
    bool probed;
    enum calls_power power; /* asked for by a holder of a Power */
    struct dma_publication batch[DMA_BATCH_MAX]; /* the kernel's copy of the one under check */
};

/* Any content before. From now on the kernel tells this room when memory leaves its holder. */
void calls_init(struct calls *c, const struct calls_setup *setup);
/* For system_setup.door. */
struct object_door calls_door(struct calls *c);
/* After system_init, before the first turn. */
void calls_attach(struct calls *c, struct system *system);

/* What a first process is given: a root object named in its start-up page. `port`: of a serial; `markers`: of
 * an evidence sink, a bit each. CAP_EX_INTERFACE: no such root; CAP_EX_EXHAUSTED; core_grant_check's. */
struct calls_root {
    const char *name;
    uint8_t interface; /* enum cap_interface */
    uint16_t port;
    uint64_t markers;
};
enum cap_exception calls_grant_root(struct calls *c, uint16_t process, const struct calls_root *root);

/* At the end, when no program runs: what is left of the audit log goes to its port, as its reader would have
 * written it. */
void calls_audit_rest(struct kernel *k, struct platform *platform);

#endif
