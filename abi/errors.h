/* SPDX-License-Identifier: BSD-2-Clause */
/* The closed error enums of the capability and device layers. A comment a value; no value means two things.
 * Each enum has a names function in the room that owns it, so that a refusal prints as text. */
#ifndef CAPOS_ABI_ERRORS_H
#define CAPOS_ABI_ERRORS_H

/* Capability exceptions: the handle or the budget is at fault, before the object is asked anything. */
enum cap_exception {
    CAP_EX_NONE = 0,        /* the object was reached */
    CAP_EX_INVALID,         /* index 0, out of the table, or an empty slot */
    CAP_EX_STALE,           /* generation differs, or the object behind it died: revoked, released, exited */
    CAP_EX_INTERFACE,       /* the slot holds another interface */
    CAP_EX_NO_SLOT,         /* the holder's table is full */
    CAP_EX_BUDGET,          /* the holder's budget does not cover the request */
    CAP_EX_EXHAUSTED,       /* a fixed pool of the kernel is used up */
    CAP_EX_AUDIT_FULL,      /* the audit ring is full: grants wait, they are never dropped */
    CAP_EX_COUNT
};

/* Method results of the device authority: the object was reached and said no. */
enum device_error {
    DEV_OK = 0,
    DEV_E_NO_FUNCTION, /* no such PCI function */
    DEV_E_CLAIMED, /* already claimed by an owner */
    DEV_E_QUARANTINED, /* quarantined: needs the privileged release first */
    DEV_E_STATE, /* not in this state of the device or the object */
    DEV_E_TABLE, /* the register table is malformed */
    DEV_E_WINDOW, /* window outside its BAR, over MSI-X or PBA, over another window, or of the wrong kind */
    DEV_E_REGISTER, /* row outside the table, wrong direction, width or kind */
    DEV_E_VALUE, /* bits outside the row's mask, an index out of range, or a command that is not allowed */
    DEV_E_QUEUE, /* queue not owned, not enabled or out of range */
    DEV_E_QUEUE_SIZE, /* not a power of two from 1 to 8192 */
    DEV_E_NO_MEMORY, /* no page of the right kind is free */
    DEV_E_RANGE, /* offset and length leave the buffer, or are zero */
    DEV_E_DIRECTION, /* direction not the buffer's, or writable before readable in a chain */
    DEV_E_BUSY, /* published and not seen complete; of a reset: not while the device starts */
    DEV_E_SLOT, /* descriptor slot out of range or in flight */
    DEV_E_CHAIN, /* chain empty, or longer than the queue or the limit */
    DEV_E_FOREIGN, /* buffer, pool and queue are not of one function and owner */
    DEV_E_COMPLETION, /* the device broke the used ring: queue quarantined */
    DEV_E_UNCONFIRMED, /* the device did not confirm its reset: pages quarantined */
    DEV_E_NO_MSIX, /* no MSI-X capability, or its table lies outside its BAR */
    DEV_E_VECTOR, /* vector beyond the function's table, or already routed */
    DEV_E_LIMIT, /* the quarantine cap is reached: no further grants */
    DEV_E_COUNT
};

#endif
