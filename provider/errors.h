/* SPDX-License-Identifier: BSD-2-Clause */
/* The provider layer's closed error enum. Names: provider_error_name() in provider/errors.c. */
#ifndef CAPOS_PROVIDER_ERRORS_H
#define CAPOS_PROVIDER_ERRORS_H

#include "ringmem.h"

enum provider_error {
    PROVIDER_OK = 0,
    PROVIDER_E_NOT_VIRTIO, /* vendor or device id not one of ours */
    PROVIDER_E_NO_TRANSPORT, /* neither four valid capabilities nor a legacy I/O BAR: fail closed */
    PROVIDER_E_STATE, /* not in this state: closed, stopping or broken */
    PROVIDER_E_REGISTER, /* the authority or the bus refused a register access */
    PROVIDER_E_RESET, /* reset not confirmed within its bound */
    PROVIDER_E_FEATURES, /* a feature that we cannot do without is not offered */
    PROVIDER_E_FEATURES_REFUSED, /* FEATURES_OK did not stay set */
    PROVIDER_E_QUEUE_ABSENT, /* the device has no such queue */
    PROVIDER_E_QUEUE_SIZE, /* no power of two, or above 8192, or too small for the framing */
    PROVIDER_E_QUEUE_ADDRESS, /* the ring's address does not fit the register */
    PROVIDER_E_CONFIG, /* configuration changed at each of the bounded reads */
    PROVIDER_E_MEMORY, /* the author or the caller's arena has no room */
    PROVIDER_E_BUSY, /* in flight */
    PROVIDER_E_FULL, /* no free descriptor: back-pressure */
    PROVIDER_E_RANGE, /* the caller's slot or length is out of range */
    PROVIDER_E_NEEDS_RESET, /* the device asks for a reset, or a queue broke: stop and start again */
    PROVIDER_E_VECTOR, /* the device has no resources for the interrupt vector: it reads back another one */
    PROVIDER_E_NO_DISK, /* no target, or no namespace, is a disk */
    PROVIDER_E_NO_MEDIUM, /* the disk says that there is nothing in it */
    PROVIDER_E_IO, /* the device says that it could not do it */
    PROVIDER_E_SHORT, /* fewer bytes came than were asked for */
    PROVIDER_E_ANSWER, /* an answer that contradicts itself, or numbers that cannot be */
    PROVIDER_E_REFUSED, /* the authority refused (broker): see its counters */
    PROVIDER_E_COUNT
};

const char *provider_error_name(enum provider_error error);

#endif
