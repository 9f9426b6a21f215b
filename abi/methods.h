/* SPDX-License-Identifier: BSD-2-Clause */
/* Methods of the interfaces that the kernel serves: number, arguments, value, result capability. `range` is a
 * RING_EXTRA_RANGE of a MemoryObject of the caller's: the kernel copies from it, or writes to it, once.
 * Method numbers begin at 1. Results: enum device_error for the device interfaces, enum system_error for the
 * others. A method that waits completes when what it waits for is there: exactly once, or with
 * RING_E_CANCELLED. */
#ifndef CAPOS_ABI_METHODS_H
#define CAPOS_ABI_METHODS_H

#include <stdint.h>

#include "abi/cap.h"
#include "abi/device.h"

/* Second closed enum of method results, for what is not a device. */
enum system_error {
    SYS_OK = 0,
    SYS_E_NO_MEMORY,  /* no page, or no table for it */
    SYS_E_VALUE,      /* an argument out of its range */
    SYS_E_NAME,       /* no such program, service or marker */
    SYS_E_STATE,      /* not now: already claimed, already mapped, already ended */
    SYS_E_PROGRAM,    /* the program file was refused; value: enum elf_error */
    SYS_E_BUSY,       /* in use, or somebody else waits already */
    SYS_E_CONDITION,  /* a marker whose condition does not hold */
    SYS_E_AGAIN,      /* nothing there yet, and the call does not wait */
    SYS_ERROR_COUNT
};

/* CAP_IF_FUNCTIONS. */
enum functions_method {
    FUNCTIONS_COUNT = 1, /* value: functions found */
    FUNCTIONS_INFO,      /* args[0]: index; range: struct pci_function_info is written, addresses blanked */
    FUNCTIONS_TAKE       /* args[0]: index; cap: CAP_IF_FUNCTION. SYS_E_STATE: somebody holds it */
};

/* CAP_IF_INVENTORY: no method of it gives a capability. */
enum inventory_method {
    INVENTORY_COUNT = 1, /* value: functions found */
    INVENTORY_INFO,      /* args[0]: index; range: struct pci_function_info is written, addresses blanked */
    INVENTORY_RELEASE    /* out of quarantine. args[0]: bdf; value: pages released. enum device_error */
};

/* CAP_IF_FUNCTION. */
enum function_method {
    FUNCTION_CLAIM = 1 /* cap: CAP_IF_DEVICE */
};

/* CAP_IF_DEVICE and what derives from it: device.h says what each does. */
enum device_method {
    DEVICE_INFO = 1,          /* range: struct pci_function_info is written */
    DEVICE_OPEN_REGISTERS,    /* args[0]: table of the boot package, by number; range: its struct reg_window
                                 list is read. cap: DeviceMmio or DevicePorts */
    DEVICE_ENABLE_DMA,
    DEVICE_POOL_CREATE,       /* args[0]: pages. cap: DMAPool */
    DEVICE_INTERRUPT_CREATE   /* args[0]: vector. cap: Interrupt */
};
enum registers_method {
    REGISTERS_READ = 1,       /* args[0]: row | index << 16. value */
    REGISTERS_WRITE,          /* args[0]: row | index << 16, args[1]: value */
    REGISTERS_WRITE_ADDRESS   /* args[0]: row, args[1]: DMAQueue as index | generation << 32 */
};
enum pool_method {
    POOL_BUFFER_CREATE = 1,   /* args[0]: bytes, args[1]: enum dma_direction. cap: DMABuffer */
    POOL_QUEUE_CREATE         /* args[0]: DeviceMmio or DevicePorts as above; args[1]: queue | size << 16 |
                                 bell_index << 32 | avail_flags << 48. cap: DMAQueue */
};
enum buffer_method {
    BUFFER_MAP = 1,           /* value: address, until release or revoke */
    BUFFER_DESTROY
};
enum queue_method {
    QUEUE_PUBLISH = 1,        /* args[0]: count; range: that many struct dma_publication. value: accepted */
    QUEUE_REAP,               /* value: completions taken in */
    QUEUE_VIEW,               /* value: address of the used ring, read-only; the other stays hidden */
    QUEUE_DESTROY
};
enum interrupt_method {
    INTERRUPT_WAIT = 1,       /* waits. value: interrupts since the last ack */
    INTERRUPT_POLL,           /* the same, never waits */
    INTERRUPT_ACK,
    INTERRUPT_MASK            /* args[0]: 1 masked, 0 unmasked */
};

/* CAP_IF_MEMORY_SOURCE, CAP_IF_MEMORY. Pages are zeroed, and scrubbed before anyone else gets them. */
enum memory_source_method { MEMORY_CREATE = 1 /* args[0]: bytes, rounded up to pages. cap: MemoryObject */ };
enum memory_method {
    MEMORY_MAP = 1, /* args[0]: 1 writable, 0 read-only. value: address in the caller. One mapping a holder */
    MEMORY_UNMAP,
    MEMORY_BYTES    /* value */
};

/* CAP_IF_ENDPOINT_SOURCE, CAP_IF_ENDPOINT. */
enum endpoint_source_method { ENDPOINT_CREATE = 1 /* cap: Endpoint, its holder may RECV on it */ };
enum endpoint_method {
    ENDPOINT_CLIENT = 1, /* args[0]: enum cap_interface, at least CAP_IF_NIC; args[1]: badge. cap: of that
                            interface; dies with the endpoint */
    ENDPOINT_GONE        /* waits until no client capability of the endpoint has the badge args[0]. With a
                            range: until that holds of one of the badges in it, u64 each, at most
                            ENDPOINT_BADGES_MAX, 0: none; value: its place. A badge may be written there
                            while the call waits, before the first capability with it is handed out */
};

#define ENDPOINT_BADGES_MAX 128u

enum timer_method { TIMER_WAIT = 1 /* waits until the time args[0], in ns of the ring page's clock */ };

/* CAP_IF_SPAWNER, CAP_IF_PROCESS. */
enum spawner_method {
    SPAWNER_COUNT = 1, /* value: programs of the boot package */
    SPAWNER_START,     /* args[0]: program by number, args[1]: number of grants; range: struct spawn_request,
                          then that many struct spawn_grant. cap: Process. The grants are copied or moved
                          whole, or nothing happened */
    SPAWNER_PACKAGE    /* cap: a MemoryObject that holds the boot package, to be mapped read-only */
};
enum process_method {
    PROCESS_WAIT = 1, /* waits for its end. value: enum process_end | code << 8 */
    PROCESS_KILL,
    PROCESS_INFO      /* range: struct process_info is written */
};
enum process_end {
    PROCESS_RUNS = 0,
    PROCESS_EXITED,  /* code: its own */
    PROCESS_KILLED,  /* by a holder of the process capability */
    PROCESS_FAULTED  /* code: exception vector */
};
struct spawn_request {
    char name[24];     /* for records and listings, NUL-terminated */
    uint32_t pages;    /* budget: MemoryObject pages beside the program's own */
    uint32_t text_bytes; /* parameters, below */
    char text[512];
};
struct spawn_grant {
    char name[24];
    cap_id cap;
    uint32_t move; /* 1: the giver keeps nothing */
    uint32_t reserved;
};
struct process_info {
    char name[24];
    uint32_t number;
    uint32_t state;     /* enum process_end */
    uint32_t pages;     /* held, program and MemoryObjects */
    uint32_t caps;
    uint64_t entries;   /* of the kernel */
    uint64_t run_ns;
    uint64_t calls;
    uint64_t denials; /* calls that were refused to it: by an exception, by its device, or as malformed; and
                         entries with a corrupted ring */
};

/* CAP_IF_SERIAL. */
enum serial_method {
    SERIAL_WRITE = 1, /* range: text, escaped so that no line can pass for evidence. value: bytes taken */
    SERIAL_READ,      /* waits. range: bytes are written. value: how many, at least 1 */
    SERIAL_LINE,      /* range: the unfinished line as it is to be seen, printable ASCII, at most
                         SERIAL_LINE_BYTES, escaped as above; args[0]: the cursor's place in it, 0 to its
                         bytes. Only what differs is drawn. It is shown again below what others write, and
                         ends with a newline of SERIAL_WRITE. SYS_E_STATE: another program reads the main
                         console, or none does; SYS_E_VALUE: too long, not printable, or the cursor is
                         beyond it */
    SERIAL_CLEAR      /* the screen, cursor to its corner: for a table that is drawn again and again. Errors
                         as above */
};
#define SERIAL_LINE_BYTES 512u


enum audit_method {
    AUDIT_DRAIN = 1 /* waits. args[0]: number of the last record that the caller has put where it belongs, 0:
                       none yet; those up to it leave the log, others do not. range: struct audit_line are
                       written, from the oldest in the log on. value: how many, at least 1. SYS_E_VALUE: no
                       record has that number yet */
};

/* CAP_IF_AUDIT_NOTE: what a holder says happened, as a record of its own in the log. */
enum audit_note_method {
    AUDIT_NOTE = 1 /* args[0]: enum audit_note, args[1]: a number that goes with it. SYS_E_VALUE: no such
                      note. CAP_EX_AUDIT_FULL: it could not be written, the holder goes by that */
};
enum audit_note { /* number: the source that login.h numbers */
    AUDIT_NOTE_LOGIN_ACCEPTED = 1,
    AUDIT_NOTE_LOGIN_REFUSED,
    AUDIT_NOTE_LOGIN_DELAYED, /* too early after wrong ones */
    AUDIT_NOTE_SESSION_ENDED,
    AUDIT_NOTE_SECRET_CHANGED,
    AUDIT_NOTE_END
};

/* One record of the audit log, as it is hashed: chain is SHA-256(chain of the record before, the first 23
 * bytes of this one, little-endian); before the first stand 32 zero bytes. */
struct audit_line {
    uint64_t seq;      /* from 1, without gaps */
    cap_id handle;     /* the holder's, a count, or a noted number: index its low half */
    uint16_t owner;    /* 0xffff: the kernel */
    uint16_t bdf;      /* 0xffff: none */
    uint8_t kind;      /* what happened: enum audit_kind of the kernel */
    uint8_t interface; /* enum cap_interface */
    uint8_t result;    /* 0, enum cap_exception, or 0x40 + enum device_error */
    uint8_t reserved;
    uint8_t chain[32];
};
_Static_assert(sizeof(struct audit_line) == 56, "ABI");

enum evidence_method {
    EVIDENCE_EMIT = 1, /* args[0]: marker by number; range: its facts as `key=value` words, those that the
                          program is to fill in. SYS_E_NAME: not on its list; SYS_E_CONDITION; SYS_E_VALUE */
    EVIDENCE_NARROW,   /* args[0]: a bit per marker, all on this sink's list. cap: an EvidenceSink over those
                          alone, derived from this one. SYS_E_NAME: one is not on the list, or none is */
    EVIDENCE_LATE_MESSAGE /* the kernel's part of interrupt-delivered. args[0]: 1: sends one message, as of a
                          device that was at it, on the route of the Interrupt that the caller gave back last;
                          0: none more. value: messages taken on that route since. SYS_E_NAME: the sink's list
                          is without that marker; SYS_E_STATE: there is no such route, it is somebody's, or
                          its message was sent already (1), or was not (0) */
};

enum system_method {
    SYSTEM_PROCESS = 1, /* args[0]: index; range: struct process_info. SYS_E_VALUE: no such process */
    SYSTEM_USAGE,       /* range: struct system_usage is written */
    SYSTEM_CAP,         /* args[0]: process index, args[1]: slot; range: struct cap_line */
    SYSTEM_EVIDENCE     /* args[0]: marker, in the order of the list; range: struct evidence_count is written.
                           SYS_E_VALUE: no such marker */
};
struct evidence_count {
    char name[32];  /* of the marker, NUL-terminated */
    uint64_t lines; /* with it, in this boot's log so far */
};
struct cap_line {
    cap_id id;
    uint16_t interface;
    uint16_t bdf; /* 0xffff: none */
    uint32_t payload;
};
struct system_usage {
    uint32_t processes, objects, caps, pages_used, pages_free, dma_pages_used, dma_pages_free,
        devices_claimed, devices_quarantined, interrupts;
    uint64_t audit_records, denials, now_ns;
    uint64_t audit_waiting; /* records that nobody has drained yet */
    uint8_t audit_head[32]; /* chain of the last record */
};

enum power_method {
    POWER_END = 1 /* args[0]: 1 off, 2 reboot: all is taken back first. SYS_E_VALUE: neither */
};

enum entropy_method {
    ENTROPY_FILL = 1 /* range: bytes are written, at most 256. SYS_E_STATE: the machine has no source that is
                        good for a secret, or it failed its health tests; nothing is written */
};

/* Served by nicd. CAP_IF_NIC_STATUS has of these NIC_INFO, NIC_LINK and NIC_COUNTER; the others are
 * SYS_E_VALUE on it. */
enum nic_method {
    NIC_INFO = 1,  /* value: MAC in the low 48 bits, MTU in the high 16 */
    NIC_LINK,      /* value: enum nic_link */
    NIC_ATTACH,    /* with a MemoryObject moved or copied along: struct nic_share lies at its start (nic.h).
                      value: slots of each direction. One client at a time: SYS_E_BUSY */
    NIC_KICK,      /* args[0]: frames that the client gave since the last kick; completes when the service
                      took note. value: frames it sent */
    NIC_WAIT,      /* waits for frames; args[0] 1: or for room to send, which may be there already; 0: for
                      frames alone. value: received frames in the share. SYS_E_VALUE: another number */
    NIC_COUNTER    /* args[0]: enum nic_counter. value. SYS_E_VALUE: no such counter */
};

/* Served by init. Services are numbered as in the manifest. SYS_E_NAME: no such service. SYS_E_STATE: init
 * itself, or one to be killed that does not run. */
enum service_state {
    SERVICE_WAITS = 0, /* to be started: for its time, or for a service that serves it something */
    SERVICE_RUNS,
    SERVICE_ENDED,     /* by itself, and its rule is never; without starts: this run leaves it out */
    SERVICE_GIVEN_UP   /* its restart budget is used up */
};
enum supervisor_method {
    SUPERVISOR_COUNT = 1,
    SUPERVISOR_NAME,    /* args[0]: service. value: eight characters, NUL-padded, the first lowest; args[1]
                           names which eight, 0 to 2 */
    SUPERVISOR_STATE,   /* args[0]: service. value: enum process_end of its last life |
                           enum service_state << 8 | starts << 16 (at most 0xffff) | process number << 32 */
    SUPERVISOR_RESTART, /* args[0]. Ends it if it runs, starts it anew whatever its rule; its budget is whole
                           again */
    SUPERVISOR_KILL     /* args[0]. Its rule says whether it comes back; its budget is not charged */
};

/* CAP_IF_SUPERVISOR_STATUS has of these SUPERVISOR_COUNT, _NAME and _STATE; others are SYS_E_VALUE on it.
 * SUPERVISOR_RESTART of a service that runs when it is asked for is SYS_E_STATE: its starter does that. */

/* CAP_IF_STARTER, served by init: one service that runs when its holder asks, and not longer than the holder.
 * value of each: enum service_state | enum process_end of its last life << 8 | number of a life << 32: that
 * which runs or ended last, or, while it waits, that which is to come. Lives are counted from 1; 0: none
 * yet. */
enum starter_method {
    STARTER_START = 1, /* SYS_E_BUSY: it runs or waits already. One that is ending starts anew behind its
                          end. It WAITS for a service that serves it something; one that cannot be started
                          is GIVEN_UP, and may be asked for again */
    STARTER_END,       /* kills it; from the answer on it is ENDED, and may be started. It need not run */
    STARTER_STATE      /* how it is */
};

#endif
