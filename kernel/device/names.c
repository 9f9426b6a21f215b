/* SPDX-License-Identifier: BSD-2-Clause */
/* Names of the device room's enums: a refusal prints as text. */
#include "kernel/device/device.h"

const char *device_error_name(enum device_error error)
{
    static const char *const names[DEV_E_COUNT] = {
        [DEV_OK] = "ok",
        [DEV_E_NO_FUNCTION] = "no-function",
        [DEV_E_CLAIMED] = "claimed",
        [DEV_E_QUARANTINED] = "quarantined",
        [DEV_E_STATE] = "state",
        [DEV_E_TABLE] = "table",
        [DEV_E_WINDOW] = "window",
        [DEV_E_REGISTER] = "register",
        [DEV_E_VALUE] = "value",
        [DEV_E_QUEUE] = "queue",
        [DEV_E_QUEUE_SIZE] = "queue-size",
        [DEV_E_NO_MEMORY] = "no-memory",
        [DEV_E_RANGE] = "range",
        [DEV_E_DIRECTION] = "direction",
        [DEV_E_BUSY] = "busy",
        [DEV_E_SLOT] = "slot",
        [DEV_E_CHAIN] = "chain",
        [DEV_E_FOREIGN] = "foreign",
        [DEV_E_COMPLETION] = "completion",
        [DEV_E_UNCONFIRMED] = "unconfirmed",
        [DEV_E_NO_MSIX] = "no-msix",
        [DEV_E_VECTOR] = "vector",
        [DEV_E_LIMIT] = "limit",
    };

    return (unsigned)error < DEV_E_COUNT ? names[error] : "unknown";
}

const char *device_state_name(enum device_state state)
{
    static const char *const names[DEVICE_STATE_COUNT] = {
        [DEVICE_DISCOVERED] = "discovered",
        [DEVICE_CLAIMED] = "claimed",
        [DEVICE_RESET] = "reset",
        [DEVICE_FEATURES_OK] = "features-ok",
        [DEVICE_QUEUES_PROGRAMMED] = "queues-programmed",
        [DEVICE_DRIVER_OK] = "driver-ok",
        [DEVICE_RESETTING] = "resetting",
    };

    return (unsigned)state < DEVICE_STATE_COUNT ? names[state] : "unknown";
}

const char *broker_fault_name(enum broker_fault fault)
{
    static const char *const names[BROKER_FAULT_COUNT] = {
        [BROKER_FAULT_NONE] = "none",         [BROKER_FAULT_INDEX] = "index", [BROKER_FAULT_RANGE] = "range",
        [BROKER_FAULT_NOT_HEAD] = "not-head", [BROKER_FAULT_IDLE] = "idle",   [BROKER_FAULT_STALE] = "stale",
        [BROKER_FAULT_LENGTH] = "length",
    };

    return (unsigned)fault < BROKER_FAULT_COUNT ? names[fault] : "unknown";
}
