/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the provider's errors, as the evidence and the console print them. */
#include "provider/errors.h"

#include <stddef.h>

const char *provider_error_name(enum provider_error error)
{
    static const char *const names[] = {
        [PROVIDER_OK] = "ok",
        [PROVIDER_E_NOT_VIRTIO] = "not-virtio",
        [PROVIDER_E_NO_TRANSPORT] = "no-transport",
        [PROVIDER_E_STATE] = "state",
        [PROVIDER_E_REGISTER] = "register",
        [PROVIDER_E_RESET] = "reset-unconfirmed",
        [PROVIDER_E_FEATURES] = "feature-missing",
        [PROVIDER_E_FEATURES_REFUSED] = "features-refused",
        [PROVIDER_E_QUEUE_ABSENT] = "queue-absent",
        [PROVIDER_E_QUEUE_SIZE] = "queue-size",
        [PROVIDER_E_QUEUE_ADDRESS] = "queue-address",
        [PROVIDER_E_CONFIG] = "config",
        [PROVIDER_E_MEMORY] = "memory",
        [PROVIDER_E_BUSY] = "busy",
        [PROVIDER_E_FULL] = "full",
        [PROVIDER_E_RANGE] = "range",
        [PROVIDER_E_NEEDS_RESET] = "needs-reset",
        [PROVIDER_E_VECTOR] = "vector",
        [PROVIDER_E_NO_DISK] = "no-disk",
        [PROVIDER_E_NO_MEDIUM] = "no-medium",
        [PROVIDER_E_IO] = "io",
        [PROVIDER_E_SHORT] = "short",
        [PROVIDER_E_ANSWER] = "answer",
        [PROVIDER_E_REFUSED] = "refused",
    };
    _Static_assert(sizeof names / sizeof names[0] == PROVIDER_E_COUNT, "a name for each error");

    return (unsigned)error < PROVIDER_E_COUNT ? names[error] : "unknown";
}
