/* SPDX-License-Identifier: BSD-2-Clause */
/* The boot package: program files, register tables and the service graph in one file, made by the host tool
 * from a manifest, checked there and again at boot before anything starts. Little-endian, every offset from
 * the package's first byte, every section 8-aligned. Nothing in it is believed before package_check. */
#ifndef CAPOS_ABI_PACKAGE_H
#define CAPOS_ABI_PACKAGE_H

#include <stdint.h>

#define PACKAGE_MAGIC        0x6b706163u /* "capk" */
#define PACKAGE_VERSION      7u
#define PACKAGE_NAME_BYTES   24u
#define PACKAGE_PROGRAMS_MAX 16u
#define PACKAGE_SERVICES_MAX 16u
#define PACKAGE_GRANTS_MAX   128u
#define PACKAGE_TABLES_MAX   16u
#define PACKAGE_MARKERS_MAX  64u
#define PACKAGE_BYTES_MAX    (8u << 20)
#define PACKAGE_PAGES_MAX    16384u /* of one service */
#define PACKAGE_RESTARTS_MAX 16u /* of one service in a minute */
#define PACKAGE_ANY          0xffffu /* of a device's numbers: whichever */
#define PACKAGE_PORTS_MAX    4u /* serial ports, counted from 1 */

/* A part of the package. */
struct package_extent {
    uint32_t offset;
    uint32_t bytes;
};

struct package_header {
    uint32_t magic;
    uint32_t version;
    uint32_t bytes; /* of the whole package */
    uint32_t programs; /* counts */
    uint32_t services;
    uint32_t grants;
    uint32_t tables;
    uint32_t init; /* program that the kernel starts; the only one that it starts. One service is of it */
    struct package_extent program_list, service_list, grant_list, table_list;
    uint8_t hash[32]; /* SHA-256 of the package with this field zero */
};
_Static_assert(sizeof(struct package_header) == 96, "ABI");

struct package_program {
    char name[PACKAGE_NAME_BYTES]; /* [a-z0-9-]+, NUL-padded, unique */
    struct package_extent file; /* the ELF file */
    uint8_t hash[32]; /* SHA-256 of the file */
    uint8_t provider[32]; /* SHA-256 of the provider object linked into it; zeros: none */
};
_Static_assert(sizeof(struct package_program) == 96, "ABI");

/* What a service does when it ends by itself or faults. */
enum package_restart { RESTART_NEVER = 0, RESTART_ALWAYS };

/* Runs of which boot mode start it; the others leave it out. A service that is in both waits for none that is
 * in one alone. PROOF_FIRST: in a proof, before every service that is not so, each of which waits for its
 * end; nobody serves it anything. ASKED: while the one service that holds its GRANT_STARTS runs, as often as
 * that asks; what serves it something runs whenever that one does, its own rule is RESTART_NEVER with a
 * budget of 0, and it neither serves nor starts
 * nor proves anything. SERVE_PROBE: as SERVE, and in a proof whose boot line has `probe`. */
enum package_when { WHEN_ALWAYS = 0, WHEN_SERVE, WHEN_PROOF, WHEN_PROOF_FIRST, WHEN_ASKED, WHEN_SERVE_PROBE };

/* Words of the boot line that are for those services that ask for them: a bit each. Init adds `KEY=VALUE` to
 * their start-up text where the boot line has that key, and to nobody else's. */
#define PACKAGE_BOOT_VERIFIER 1u
#define PACKAGE_BOOT_TERMINAL 2u /* columns, rows */
#define PACKAGE_BOOT_NETWORK  4u /* network, probe */
#define PACKAGE_BOOT_WEB      8u /* where, hosts, nonce, commit, probe: of a run that serves, or is probed */
#define PACKAGE_BOOT_ALL                                                                                     \
    (PACKAGE_BOOT_VERIFIER | PACKAGE_BOOT_TERMINAL | PACKAGE_BOOT_NETWORK | PACKAGE_BOOT_WEB)

struct package_service {
    char name[PACKAGE_NAME_BYTES]; /* unique among services */
    uint16_t program;
    uint16_t first_grant, grant_count; /* in the grant list, without gaps between services */
    uint8_t restart; /* enum package_restart */
    uint8_t when; /* enum package_when */
    uint16_t restart_budget; /* crashes in a minute before it stays down */
    uint16_t boot_words; /* PACKAGE_BOOT_* */
    uint32_t pages; /* MemoryObject pages that it may hold */
    struct package_extent text; /* `key=value` words for its start-up page */
};
_Static_assert(sizeof(struct package_service) == 48, "ABI");

enum package_grant_kind {
    GRANT_KERNEL = 1, /* to init's service: made by the kernel. To another: a copy of init's, by interface and
                         port */
    GRANT_DEVICE, /* one PCI function: vendor, class and number among those; granted to one service at
                     most, and left out of the start-up page where the machine has no such function */
    GRANT_SERVED, /* a capability that another service serves: by its name there */
    GRANT_SERVES, /* an endpoint of its own, under a name that others ask for */
    GRANT_EVIDENCE, /* an EvidenceSink over a list of markers */
    GRANT_STARTS /* a Starter: one service of WHEN_ASKED, granted once */
};

struct package_grant {
    char name[PACKAGE_NAME_BYTES]; /* in the receiver's start-up page */
    uint16_t kind; /* enum package_grant_kind */
    uint16_t interface; /* enum cap_interface */
    uint16_t service; /* SERVED: which service serves it; STARTS: which is started */
    uint16_t port; /* SERIAL: its number. SERVED TCP_LISTEN_AUTHORITY: the local TCP port,
                      each granted once; its server finds `listen_PORT=BACKLOG[,SOURCE/BITS]`
                      in its own start-up text. SERVED TCP_CONNECT_AUTHORITY: the port
                      that it leads to, each granted once, with `connect_PORT=ADDRESS` there */
    char served[PACKAGE_NAME_BYTES]; /* SERVED: name of its GRANT_SERVES there */
    uint16_t vendor; /* DEVICE: vendor id; PACKAGE_ANY: whose ever */
    uint16_t device_class; /* DEVICE: class << 8 | subclass: 0x0200 is an Ethernet controller;
                              PACKAGE_ANY: whichever (Compute Engine's SCSI host has none) */
    uint16_t number; /* DEVICE: which of those that match, in the order of the scan */
    uint16_t optional; /* SERVED: 1: left out while its server is down; 0: waited for */
    uint64_t markers; /* EVIDENCE: bit per marker of evidence/markers.json, in its order; init's
                         list holds every other */
    uint16_t device_id; /* DEVICE: device id; PACKAGE_ANY: whichever. The class is named, or vendor
                           and device id */
    uint16_t reserved[3]; /* 0 */
};
_Static_assert(sizeof(struct package_grant) == 80, "ABI");

/* The badge of a client capability that init makes: the client's service number, which of its lives it is,
 * and the grant's port; of a GRANT_STARTS the service that it starts. */
static inline uint64_t package_badge(uint32_t service, uint32_t starts, uint16_t port)
{
    return (service & 0xffffu) | (uint64_t)starts << 16 | (uint64_t)port << 48;
}
#define PACKAGE_BADGE_SERVICE(badge) ((uint16_t)(badge))
#define PACKAGE_BADGE_LIFE(badge)    ((uint32_t)((badge) >> 16)) /* lives before that one */
#define PACKAGE_BADGE_PORT(badge)    ((uint16_t)((badge) >> 48))

/* A register table (regtable.h), its rows and steps laid flat. */
struct package_table {
    char name[PACKAGE_NAME_BYTES];
    struct package_extent head; /* struct reg_table without its pointers, as package_table_head */
    struct package_extent rows; /* struct reg_row */
    struct package_extent steps; /* struct reg_step */
};
_Static_assert(sizeof(struct package_table) == 48, "ABI");

struct package_table_head {
    uint16_t row_count, step_count;
    uint8_t section_count, ports, quiesce_row, queue_programs;
    uint32_t quiesce_write, quiesce_until, quiesce_polls_max, ring_align;
    uint8_t ring_format, reserved[3];
    uint32_t quiesce_mask, start_write, running_mask, settled_mask;
};
_Static_assert(sizeof(struct package_table_head) == 44, "ABI");

/* Why a package is refused: one value a reason, at build time and at boot alike. */
enum package_error {
    PACKAGE_OK = 0,
    PACKAGE_E_SIZE, /* shorter than its header, longer than PACKAGE_BYTES_MAX, or not of its length */
    PACKAGE_E_MAGIC, /* not a boot package */
    PACKAGE_E_VERSION, /* of another version */
    PACKAGE_E_HASH, /* its bytes are not those that were hashed */
    PACKAGE_E_EXTENT, /* a part leaves the package, or is not aligned */
    PACKAGE_E_COUNT, /* more parts than there may be, or none */
    PACKAGE_E_NAME, /* a name malformed, or given twice */
    PACKAGE_E_PROGRAM, /* a service names none, a program's hash differs, or init's is not one service's */
    PACKAGE_E_FIELD, /* a field out of its range, or a reserved one not zero */
    PACKAGE_E_DANGLING, /* a grant of something that nobody serves */
    PACKAGE_E_CYCLE, /* services that wait for each other */
    PACKAGE_E_CLAIM, /* two grants of one device */
    PACKAGE_E_TABLE, /* a register table malformed */
    PACKAGE_ERROR_COUNT
};

#endif
