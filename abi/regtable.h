/* SPDX-License-Identifier: BSD-2-Clause */
/* A device class described to the kernel by data. The kernel interprets the rows; it knows no device by name.
 * A table is constant, comes with the driver, and is checked by `regtable_check` in kernel/core. */
#ifndef CAPOS_ABI_REGTABLE_H
#define CAPOS_ABI_REGTABLE_H

#include <stdint.h>

/* Life of a device as the authority sees it. The epoch rises at each claim and each reset. */
enum device_state {
    DEVICE_DISCOVERED = 0,
    DEVICE_CLAIMED,
    DEVICE_RESET,              /* reset confirmed: nothing is in flight, bus mastering may be enabled */
    DEVICE_FEATURES_OK,
    DEVICE_QUEUES_PROGRAMMED,
    DEVICE_DRIVER_OK,
    DEVICE_RESETTING,          /* reset written, not yet confirmed */
    DEVICE_STATE_COUNT
};

#define IN_STATE(s)       (1u << (s))
#define IN_ANY_STATE      ((1u << DEVICE_STATE_COUNT) - 1u)
/* Every state in which the function belongs to an owner. */
#define IN_CLAIMED_STATES (IN_ANY_STATE & ~IN_STATE(DEVICE_DISCOVERED))

enum reg_kind {
    REG_PLAIN = 0,  /* a value */
    REG_ADDRESS,    /* written by the kernel alone, from a live ring: (address >> shift), one half */
    REG_BELL,       /* written by the kernel, or by the owner for an enabled queue */
    REG_QUIESCE,    /* writing `quiesce_write` starts a reset; reading `quiesce_until` confirms it, here or */
    REG_CONFIRM     /* in this row, where there is one: what the device says of its state, read-only */
};

enum reg_direction { REG_READ = 1, REG_WRITE = 2, REG_READ_WRITE = 3 };

/* Which part of a ring an address row takes. */
enum ring_part { RING_WHOLE = 0, RING_DESCRIPTORS, RING_DRIVER_AREA, RING_DEVICE_AREA };

/* What a DMAQueue of the device is made of, and what a bell says. */
enum ring_format {
    RING_SPLIT = 0, /* a split virtqueue (virtio 1.2, 2.7); the bell's value is the queue's number */
    RING_PAIR       /* a submission queue, RING_DESCRIPTORS, and a completion queue, RING_DEVICE_AREA (NVM
                       Express 1.4, 4); bells: the submission queue's new tail, and behind it the completion
                       queue's new head. Queue 0's addresses are written to registers, those of others by
                       commands on it */
};

/* Where a row's registers lie: a window that the driver names at open and the kernel checks against the BAR.
 */
#define REG_SECTIONS_MAX 4u
#define REG_ROWS_MAX     64u
#define REG_STEPS_MAX    16u
#define REG_QUIESCE_POLLS_MAX 100000u

struct reg_row {
    uint8_t section;        /* index of the window */
    uint8_t width;          /* bytes: 1, 2, 4 */
    uint8_t kind;           /* enum reg_kind */
    uint8_t direction;      /* enum reg_direction */
    uint16_t offset;        /* bytes from the window's start; aligned to width */
    uint16_t count; /* registers in the row, `width` apart: 1, or an array such as the device configuration */
    uint32_t write_mask;    /* bits that a write may set; others are refused */
    uint16_t read_states;   /* IN_STATE bits in which reading is allowed */
    uint16_t write_states;  /* IN_STATE bits in which writing is allowed */
    /* address rows */
    uint8_t part;           /* enum ring_part */
    uint8_t half;           /* 0 low 32 bits, 1 high 32 bits, after the shift */
    uint8_t shift;          /* address is shifted right by this many bits */
    /* bit 0: rising with a toggled MSI-X enable, this row's offset gains 4 while MSI-X is enabled
     * (virtio 1.2, 4.1.4.10) */
    uint8_t moves_with_msix;
    /* queue-select row whose last written value names the queue that this row acts on; own index: none.
     * For bell rows: the offset is `offset` + queue notify offset * multiplier of the window. */
    uint8_t selects_queue;  /* 1: a write to this row selects the queue that later rows act on */
    uint8_t enables_queue;  /* 1: writing 1 enables the selected queue (I13); of a pair, both its sizes less
                               one (ACQS, ASQS) enable queue 0 */
    uint8_t sizes_queue; /* 1: holds the selected queue's size; the kernel reads it before it enables the
                            queue and refuses a ring of another size, which the device would read beyond */
    uint8_t with_msix_only; /* 1: no such register, or none that counts, unless MSI-X is enabled: refused then
                               (virtio 1.2, 4.1.4.10: other registers lie there) */
};

/* After an accepted write of a value with (value & mask) == bits to `row`, or, of a REG_CONFIRM row, a read
 * of one, the device goes from any state in `from_states` to `to`. Resets are not listed here: quiesce rows
 * do that. */
struct reg_step {
    uint16_t row;
    uint16_t from_states;
    uint32_t mask;
    uint32_t bits;
    uint8_t to;
    uint8_t reserved[3];
};

struct reg_table {
    const char *name;                 /* "virtio-net legacy" */
    const struct reg_row *rows;
    const struct reg_step *steps;
    uint16_t row_count;
    uint16_t step_count;
    uint8_t section_count;
    uint8_t ports;                    /* 1: windows lie in an I/O BAR, 0: in memory BARs */
    uint8_t quiesce_row;              /* index of the one quiesce row */
    uint8_t queue_programs;           /* 1: an address row's write alone enables its queue (legacy) */
    uint32_t quiesce_write;           /* value that starts the reset */
    uint32_t quiesce_until;           /* value read back when it is done */
    uint32_t quiesce_polls_max;       /* reads before it counts as unconfirmed */
    uint32_t ring_align;              /* alignment of the ring's device area: 4096 (legacy, pairs) or 4 */
    uint8_t ring_format;              /* enum ring_format */
    uint8_t reserved[3];              /* 0 */
    uint32_t quiesce_mask;            /* bits that `quiesce_until` is compared in; 0: all */
    uint32_t start_write; /* the one other value that the quiesce row takes; 0: any of its mask */
    /* A device whose quiesce row reads any of `running_mask` may be reset only once the confirm row reads any
     * of `settled_mask`: before, a reset is undefined, and its confirmation means nothing. 0, 0: no wait. */
    uint32_t running_mask;
    uint32_t settled_mask;
};

/* One window as the driver asks for it. The kernel takes the BAR's size from its own probing, never from
 * here. */
struct reg_window {
    uint8_t bar;              /* 0 to 5 */
    uint8_t reserved[3];
    uint32_t offset;          /* bytes into the BAR */
    uint32_t length;          /* bytes; 0: section absent */
    uint32_t bell_multiplier; /* bytes between bells, for the section that holds the bell row; 0: one bell for
                                 all */
};

#endif
