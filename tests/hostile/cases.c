/* SPDX-License-Identifier: BSD-2-Clause */
/* Every hostile behaviour that the device models know, with what must come of it. Errors: a broken queue is
 * NEEDS_RESET; a device that is only silent is no error. */
#include "tests/hostile/attack.h"

#define LIVE(name, on, first, value_, outcome_, error_)                                                      \
    {                                                                                                        \
        .attack = DM_ATTACK_##name, .transports = (on), .authors = BY_BOTH, .when = RUNNING, .at = (first),  \
        .times = 1, .value = (value_), .outcome = (outcome_), .error = (error_)                              \
    }
#define LIVE_ALWAYS(name, on, value_, outcome_, error_)                                                      \
    {                                                                                                        \
        .attack = DM_ATTACK_##name, .transports = (on), .authors = BY_BOTH, .when = RUNNING,                 \
        .times = ALWAYS, .value = (value_), .outcome = (outcome_), .error = (error_)                         \
    }
#define EARLY(name, on, value_, outcome_, error_)                                                            \
    {                                                                                                        \
        .attack = DM_ATTACK_##name, .transports = (on), .authors = BY_BOTH, .when = ARMED, .times = ALWAYS,  \
        .value = (value_), .outcome = (outcome_), .error = (error_)                                          \
    }
#define SPOILED(name, value_, outcome_, error_)                                                              \
    {                                                                                                        \
        .attack = DM_ATTACK_##name, .transports = ON_MODERN, .authors = BY_BOTH, .when = BORN, .stays = 1,   \
        .times = ALWAYS, .value = (value_), .outcome = (outcome_), .error = (error_)                         \
    }
#define NEVER(name, on, reason_)                                                                             \
    {                                                                                                        \
        .attack = DM_ATTACK_##name, .transports = (on), .authors = BY_BOTH, .when = ARMED, .times = ALWAYS,  \
        .value = 1, .outcome = CANNOT, .reason = (reason_)                                                   \
    }

/* The used index announces a completion that was not made. What stands in the ring is a head in flight, with
 * a length of 0: not to be told from a true completion. The frame is dropped and its buffer offered again,
 * while the device still holds it: its own fault, for which its monitor blames the driver. A modern device
 * then asks for a reset; a legacy device falls silent. */
#define PHANTOM(name, value_)                                                                                \
    {.attack = DM_ATTACK_##name,                                                                             \
     .transports = ON_LEGACY,                                                                                \
     .authors = BY_BOTH,                                                                                     \
     .when = RUNNING,                                                                                        \
     .at = 5,                                                                                                \
     .times = 1,                                                                                             \
     .value = (value_),                                                                                      \
     .outcome = DROPPED,                                                                                     \
     .blamed = DM_RULE_EXPOSED_ONCE},                                                                        \
    {                                                                                                        \
        .attack = DM_ATTACK_##name, .transports = ON_MODERN, .authors = BY_BOTH, .when = RUNNING, .at = 5,   \
        .times = 1, .value = (value_), .outcome = BROKEN, .error = PROVIDER_E_NEEDS_RESET,                   \
        .blamed = DM_RULE_EXPOSED_ONCE                                                                       \
    }

#define BIT_GUEST_TSO4  (1u << 7)
#define NO_CAPABILITIES "a legacy function has no virtio capabilities"
#define NO_HANDSHAKE    "the legacy interface has no FEATURES_OK"

const struct attack_case attack_cases[] = {
    /* Reset and status. At power-on status is 0 already: what never resets shows at the end of the life. */
    EARLY(RESET_NEVER, ON_BOTH, 0, QUARANTINED, PROVIDER_E_RESET),
    EARLY(RESET_LATE, ON_BOTH, 7, UNAFFECTED, PROVIDER_OK),
    EARLY(RESET_LATE, ON_BOTH, VNET_RESET_POLLS_MAX - 1u, UNAFFECTED, PROVIDER_OK),
    EARLY(DMA_AFTER_RESET, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),
    EARLY(USED_BEFORE_DRIVER_OK, ON_BOTH, 0, FAILS_AT_START, PROVIDER_E_NEEDS_RESET),
    LIVE(NEEDS_RESET_SILENT, ON_BOTH, 0, 0, BROKEN, PROVIDER_E_NEEDS_RESET),
    EARLY(STATUS_GARBAGE, ON_BOTH, 0x0f, QUARANTINED, PROVIDER_E_RESET),
    EARLY(STATUS_GARBAGE, ON_BOTH, 0x80, QUARANTINED, PROVIDER_E_RESET),
    EARLY(ALL_ONES, ON_BOTH, 0, QUARANTINED, PROVIDER_E_RESET),
    LIVE_ALWAYS(ALL_ONES, ON_BOTH, 0, QUARANTINED,
                PROVIDER_E_RESET), /* seen at the stop: status is read seldom */

    /* Features. */
    EARLY(FEATURE_WITHOUT_PREREQUISITE, ON_BOTH, BIT_GUEST_TSO4, UNAFFECTED, PROVIDER_OK),
    EARLY(OFFER_ALL_ONES, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),
    EARLY(REFUSE_FEATURES, ON_MODERN, 0, FAILS_AT_START, PROVIDER_E_FEATURES_REFUSED),
    EARLY(REFUSE_ON_RETRY, ON_MODERN, 0, FAILS_ON_RETRY, PROVIDER_E_FEATURES_REFUSED),
    EARLY(ACCEPT_ANYTHING, ON_MODERN, 0, UNAFFECTED, PROVIDER_OK),
    EARLY(NO_VERSION_1, ON_MODERN, 0, FAILS_AT_START, PROVIDER_E_FEATURES),
    EARLY(FEATURE_SELECT_IGNORED, ON_MODERN, 0, FAILS_AT_START, PROVIDER_E_FEATURES),

    /* Memory that is not the device's to write. */
    LIVE_ALWAYS(SCRIBBLE_READABLE, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),
    LIVE_ALWAYS(SCRIBBLE_DESCRIPTOR, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),

    /* Notifications: a polled provider asks for none and needs none. */
    EARLY(SPURIOUS_NOTIFY, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),
    EARLY(NEVER_NOTIFY, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),
    LIVE_ALWAYS(USED_FLAGS_GARBAGE, ON_BOTH, 0xfffe, UNAFFECTED, PROVIDER_OK),

    /* Used elements. */
    LIVE(LENGTH_MORE_THAN_WRITTEN, ON_BOTH, 3, 4, ALTERED, PROVIDER_OK),
    LIVE(LENGTH_BEYOND_CAPACITY, ON_BOTH, 3, 1, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE(LENGTH_MAX, ON_BOTH, 3, 0, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE(LENGTH_SHORT, ON_BOTH, 3, 4, DROPPED, PROVIDER_OK),
    LIVE(LENGTH_SHORT, ON_BOTH, 3, 0, DROPPED, PROVIDER_OK),
    LIVE(USED_ID_OUT_OF_RANGE, ON_BOTH, 5, 0, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE(USED_ID_OUT_OF_RANGE, ON_BOTH, 5, 0xfffe0000u, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE(USED_ID_FREE, ON_BOTH, 5, 0, BROKEN, PROVIDER_E_NEEDS_RESET),
    {.attack = DM_ATTACK_USED_ID_NOT_HEAD,
     .transports = ON_LEGACY,
     .authors = BY_BOTH,
     .when = RUNNING,
     .at = 5,
     .times = 1,
     .drop_features = DM_F_ANY_LAYOUT,
     .outcome = BROKEN,
     .error = PROVIDER_E_NEEDS_RESET},
    LIVE(USED_DUPLICATE, ON_BOTH, 5, 0, BROKEN, PROVIDER_E_NEEDS_RESET),
    PHANTOM(INDEX_BEFORE_ELEMENT, 0),
    LIVE(ELEMENT_CHANGES, ON_BOTH, 5, 0, UNAFFECTED, PROVIDER_OK),
    LIVE(USED_INDEX_JUMP, ON_BOTH, 5, 100, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE(USED_INDEX_JUMP, ON_BOTH, 4, 1, BROKEN, PROVIDER_E_NEEDS_RESET),
    PHANTOM(USED_INDEX_JUMP, 1),
    LIVE(USED_INDEX_JUMP, ON_BOTH, 5, 0x8000, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE(USED_INDEX_BACK, ON_BOTH, 5, 1, BROKEN, PROVIDER_E_NEEDS_RESET),
    LIVE_ALWAYS(NEVER_COMPLETE_TX, ON_BOTH, 0, BACK_PRESSURE, PROVIDER_OK),
    LIVE_ALWAYS(FLOOD_RX, ON_BOTH, 0, ALTERED, PROVIDER_OK),

    /* Receive headers. */
    LIVE(NUM_BUFFERS_LIE, ON_MODERN, 3, 0, UNAFFECTED, PROVIDER_OK),
    LIVE(NUM_BUFFERS_LIE, ON_MODERN, 3, 2, DROPPED, PROVIDER_OK),
    LIVE(NUM_BUFFERS_LIE, ON_MODERN, 3, 0xffff, DROPPED, PROVIDER_OK),
    LIVE_ALWAYS(HEADER_FLAGS, ON_BOTH, 0xff, UNAFFECTED, PROVIDER_OK),
    LIVE_ALWAYS(HEADER_GSO, ON_BOTH, 0xff, UNAFFECTED, PROVIDER_OK),
    LIVE_ALWAYS(HEADER_CSUM, ON_BOTH, 0, UNAFFECTED, PROVIDER_OK),
    LIVE_ALWAYS(HEADER_HDR_LEN, ON_BOTH, 0xffff, UNAFFECTED, PROVIDER_OK),

    /* Configuration. */
    EARLY(CONFIG_ALWAYS_CHANGES, ON_BOTH, 0, FAILS_AT_START, PROVIDER_E_CONFIG),
    EARLY(CONFIG_CHANGES_SILENTLY, ON_MODERN, 0, UNAFFECTED, PROVIDER_OK),
    EARLY(CONFIG_CHANGES_SILENTLY, ON_LEGACY, 0, FAILS_AT_START, PROVIDER_E_CONFIG),
    EARLY(MAC_MULTICAST, ON_BOTH, 0x01, FAILS_AT_START, PROVIDER_E_CONFIG),
    EARLY(MAC_MULTICAST, ON_BOTH, 0x00, FAILS_AT_START, PROVIDER_E_CONFIG),
    EARLY(MTU_LIE, ON_BOTH, 0xffff, UNAFFECTED, PROVIDER_OK),
    EARLY(LINK_STATUS_GARBAGE, ON_BOTH, 0xffff, UNAFFECTED, PROVIDER_OK),
    EARLY(QUEUE_SIZE_LIE, ON_BOTH, 0, FAILS_AT_START, PROVIDER_E_QUEUE_ABSENT),
    EARLY(QUEUE_SIZE_LIE, ON_BOTH, 3, FAILS_AT_START, PROVIDER_E_QUEUE_SIZE),
    EARLY(QUEUE_SIZE_LIE, ON_BOTH, 16384, FAILS_AT_START, PROVIDER_E_QUEUE_SIZE),
    EARLY(QUEUE_SIZE_LIE, ON_BOTH, 32769, FAILS_AT_START, PROVIDER_E_QUEUE_SIZE),
    EARLY(QUEUE_SIZE_LIE, ON_BOTH, 65535, FAILS_AT_START, PROVIDER_E_QUEUE_SIZE),
    /* The provider reads it once; the kernel compares it with the ring when the queue is enabled, and
       refuses. */
    {.attack = DM_ATTACK_QUEUE_SIZE_CHANGES,
     .transports = ON_BOTH,
     .authors = BY_BROKERED,
     .when = ARMED,
     .times = ALWAYS,
     .value = 4096,
     .outcome = FAILS_AT_START,
     .error = PROVIDER_E_REGISTER},
    {.attack = DM_ATTACK_QUEUE_SIZE_CHANGES,
     .transports = ON_BOTH,
     .authors = BY_DIRECT,
     .when = ARMED,
     .times = ALWAYS,
     .value = 4096,
     .outcome = CANNOT,
     .reason = "the size is read once"},
    NEVER(QUEUE_ENABLE_STUCK, ON_BOTH, "queue_enable is never read: our own record says what is enabled"),

    /* Capabilities, seen once at the scan. */
    SPOILED(CAP_COMMON_ABSENT, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_COMMON_MISALIGNED, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_DEVICE_ABSENT, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_DEVICE_MISALIGNED, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_NOTIFY_ODD, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_LOOP, 0, UNAFFECTED, PROVIDER_OK),
    SPOILED(CAP_ODD_POINTER, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_BAD_BAR, 6, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_BAD_BAR, 255, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_OVERFLOW, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_LENGTH_ZERO, 0, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_LEN, 8, FAILS_AT_OPEN, PROVIDER_E_NO_TRANSPORT),
    SPOILED(CAP_LEN, 24, UNAFFECTED, PROVIDER_OK),
    SPOILED(CAP_RESERVED_TYPE, 0x77, UNAFFECTED, PROVIDER_OK),
    SPOILED(CAP_RESERVED_TYPE, 0, UNAFFECTED, PROVIDER_OK),
    SPOILED(CAP_DUPLICATE, 0, UNAFFECTED, PROVIDER_OK),
    SPOILED(IDENTITY, 0x1042, FAILS_AT_OPEN, PROVIDER_E_NOT_VIRTIO),
    SPOILED(IDENTITY, 0x1080, FAILS_AT_OPEN, PROVIDER_E_NOT_VIRTIO),
    {.attack = DM_ATTACK_IDENTITY,
     .transports = ON_LEGACY,
     .authors = BY_BOTH,
     .when = BORN,
     .stays = 1,
     .times = ALWAYS,
     .value = 0x1041,
     .outcome = FAILS_AT_OPEN,
     .error = PROVIDER_E_NO_TRANSPORT},
    {.attack = DM_ATTACK_REVISION,
     .transports = ON_BOTH,
     .authors = BY_BOTH,
     .when = BORN,
     .stays = 1,
     .times = ALWAYS,
     .value = 7,
     .outcome = UNAFFECTED},
    {.attack = DM_ATTACK_CAP_NOTIFY_SHORT,
     .transports = ON_MODERN,
     .authors = BY_BROKERED,
     .when = ARMED,
     .times = ALWAYS,
     .outcome = FAILS_AT_START,
     .error = PROVIDER_E_REFUSED},
    {.attack = DM_ATTACK_CAP_NOTIFY_SHORT,
     .transports = ON_MODERN,
     .authors = BY_DIRECT,
     .when = ARMED,
     .times = ALWAYS,
     .outcome = FAILS_AT_START,
     .error = PROVIDER_E_QUEUE_ADDRESS},

    /* What has no opportunity, and why. */
    NEVER(REFUSE_FEATURES, ON_LEGACY, NO_HANDSHAKE),
    NEVER(REFUSE_ON_RETRY, ON_LEGACY, NO_HANDSHAKE),
    NEVER(ACCEPT_ANYTHING, ON_LEGACY, NO_HANDSHAKE),
    NEVER(NO_VERSION_1, ON_LEGACY, "a legacy device offers no VERSION_1"),
    NEVER(FEATURE_SELECT_IGNORED, ON_LEGACY, "a legacy device has no feature select"),
    NEVER(USED_ID_NOT_HEAD, ON_MODERN,
          "with VERSION_1 header and frame lie in one descriptor: no chain has a second"),
    NEVER(NUM_BUFFERS_LIE, ON_LEGACY, "the legacy header ends before num_buffers"),
    NEVER(CAP_COMMON_ABSENT, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_COMMON_MISALIGNED, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_NOTIFY_SHORT, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_NOTIFY_ODD, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_DEVICE_ABSENT, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_DEVICE_MISALIGNED, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_LOOP, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_ODD_POINTER, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_BAD_BAR, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_OVERFLOW, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_LENGTH_ZERO, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_LEN, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_RESERVED_TYPE, ON_LEGACY, NO_CAPABILITIES),
    NEVER(CAP_DUPLICATE, ON_LEGACY, NO_CAPABILITIES),
    NEVER(FEATURE_READ_BACK, ON_BOTH,
          "driver_feature is never read back: FEATURES_OK is the answer that counts"),
    NEVER(MSIX_NO_VECTOR, ON_BOTH, "no vector is mapped unless one was asked for: interrupt_test.c"),
    NEVER(ISR_GARBAGE, ON_BOTH, "a polled provider never reads the ISR: reading it has a side effect"),
};

const uint32_t attack_case_count = sizeof attack_cases / sizeof attack_cases[0];
