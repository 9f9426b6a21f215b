/* SPDX-License-Identifier: BSD-2-Clause */
/* The legacy registers, honest and odd. The device configuration lies at 20, or at 24 while MSI-X is enabled:
 * the move is part of the script where there is MSI-X at all. */
#include "tests/diff/diff.h"

static const struct {
    const char *name;
    uint8_t offset, width;
} fields[] = {{"host_features", L_HOST, 4},
              {"guest_features", L_GUEST, 4},
              {"queue_pfn", L_PFN, 4},
              {"queue_size", L_SIZE, 2},
              {"queue_select", L_SELECT, 2},
              {"status", L_STATUS, 1},
              {"isr", L_ISR, 1}};

/* Bit 30 has no meaning (6.3): it is said once, in `features`, and left out everywhere else. */
static uint32_t get(struct diff *d, uint32_t offset, uint8_t width)
{
    uint32_t value = diff_get(d, offset, width);
    return offset == L_HOST && width == 4 ? value & ~(uint32_t)F_UNUSED : value;
}

static void say_fields(struct diff *d, const char *when)
{
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
        diff_say(d, get(d, fields[i].offset, fields[i].width), "%s.%s", when, fields[i].name);
}

static void selectors(struct diff *d)
{
    static const uint16_t queues[] = {0, 1, 2, 3, 64, 0xffff};
    for (unsigned i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        diff_select_queue(d, queues[i]);
        diff_say(d, diff_get(d, L_SELECT, 2), "queue%u.select_back", queues[i]);
        diff_say(d, diff_get(d, L_SIZE, 2), "queue%u.size", queues[i]);
        diff_say(d, diff_get(d, L_PFN, 4), "queue%u.pfn", queues[i]);
    }
    diff_select_queue(d, 0);
}

static void status_bits(struct diff *d)
{
    static const uint8_t writes[] = {0x01, 0x03, 0x01, 0x02, 0x0b, 0x13, 0x43, 0x83, 0x03};
    (void)diff_reset(d);
    for (unsigned i = 0; i < sizeof writes; i++) {
        diff_set_status(d, writes[i]);
        diff_say(d, diff_status(d), "status.%u.wrote%#x", i, writes[i]);
    }
    diff_say(d, diff_reset(d), "status.reset");
}

static void accept(struct diff *d, uint64_t features, const char *name)
{
    (void)diff_reset(d);
    diff_set_status(d, STATUS_ACKNOWLEDGE);
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    diff_accept(d, features);
    diff_say(d, diff_get(d, L_GUEST, 4), "features.%s.back", name);
}

static void features(struct diff *d)
{
    uint32_t offered = (uint32_t)diff_offered(d);
    diff_say(d, offered & ~(uint32_t)F_UNUSED, "features.offered");
    diff_say(d, (offered & (uint32_t)F_UNUSED) != 0, "features.offered_bit30");
    accept(d, 0, "none");
    accept(d, offered & ~(uint32_t)F_UNUSED, "all_offered");
    accept(d, F_MAC | F_STATUS | F_ANY_LAYOUT, "ours");
    accept(d, F_MAC | 1u, "not_offered_csum");
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
    diff_say(d, diff_get(d, L_GUEST, 4), "features.not_offered_csum.in_force");
    diff_accept(d, F_STATUS); /* too late (3.1.1) */
    diff_say(d, diff_get(d, L_GUEST, 4), "features.late.back");
    (void)diff_reset(d);
    say_fields(d, "after_reset");
}

static void queue_fields(struct diff *d)
{
    accept(d, F_MAC, "queues");
    diff_put(d, L_SIZE, 2, 16); /* read-only: the size is the device's (2.7.2) */
    diff_say(d, diff_get(d, L_SIZE, 2), "size.written");
    diff_put(d, L_HOST, 4, 0);
    diff_say(d, get(d, L_HOST, 4), "host_features.written");
    diff_select_queue(d, 5);
    diff_put(d, L_PFN, 4, 0x1234);
    diff_say(d, diff_get(d, L_PFN, 4), "pfn.absent_queue");
    diff_select_queue(d, 0);
    diff_put(d, L_PFN, 4, 0);
    diff_say(d, diff_get(d, L_PFN, 4), "pfn.zero");
    diff_say(d, diff_status(d), "pfn.zero_status");
    (void)diff_reset(d);
}

static void widths(struct diff *d)
{
    (void)diff_reset(d);
    diff_set_status(d, STATUS_ACKNOWLEDGE);
    for (uint8_t width = 1; width <= 4; width = (uint8_t)(width * 2))
        for (uint32_t offset = 0; offset < 20; offset += width)
            diff_say(d, get(d, offset, width), "read%u.at%#x", width, offset);
    diff_put(d, L_SELECT, 1, 1);
    diff_say(d, diff_get(d, L_SELECT, 2), "write1.queue_select");
    diff_select_queue(d, 0);
    (void)diff_reset(d);
}

static void device_config(struct diff *d, const char *name)
{
    for (uint8_t width = 1; width <= 4; width = (uint8_t)(width * 2))
        for (uint32_t offset = 0; offset < 8; offset += width)
            diff_say(d, diff_config_get(d, offset, width), "%s.read%u.at%u", name, width, offset);
    /* 5.1.4.3: a legacy driver may set the address here. */
    uint8_t last = (uint8_t)diff_config_get(d, 5, 1);
    diff_config_put(d, 5, 1, last ^ 0xffu);
    diff_say(d, diff_config_get(d, 5, 1), "%s.mac_written", name);
    diff_config_put(d, 5, 1, last);
    diff_say(d, diff_config_get(d, 5, 1), "%s.mac_restored", name);
    diff_config_put(d, 6, 1, 0);
    diff_say(d, diff_config_get(d, 6, 2), "%s.link_written", name);
}

static void vectors(struct diff *d, const char *name)
{
    static const uint16_t wanted[] = {0, 2, 3, 0xfffe, 0xffff, 1};
    accept(d, F_MAC, name);
    diff_say(d, diff_get(d, L_CONFIG_VECTOR, 2), "%s.config_at_first", name);
    diff_say(d, diff_get(d, L_QUEUE_VECTOR, 2), "%s.queue_at_first", name);
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        diff_put(d, L_CONFIG_VECTOR, 2, wanted[i]);
        diff_say(d, diff_get(d, L_CONFIG_VECTOR, 2), "%s.%#x.config", name, wanted[i]);
        diff_put(d, L_QUEUE_VECTOR, 2, wanted[i]);
        diff_say(d, diff_get(d, L_QUEUE_VECTOR, 2), "%s.%#x.queue", name, wanted[i]);
    }
    diff_select_queue(d, 9);
    diff_say(d, diff_get(d, L_QUEUE_VECTOR, 2), "%s.absent_queue", name);
    diff_select_queue(d, 0);
    (void)diff_reset(d);
}

/* The configuration and the vectors with MSI-X as the run has it, then the other way round, then back. */
static void moving_config(struct diff *d)
{
    bool on = diff_msix_enabled(d);
    (void)diff_reset(d);
    device_config(d, "config");
    if (!d->msix_at)
        return;
    if (on)
        vectors(d, "vectors");
    diff_msix_switch(d, !on);
    device_config(d, "config_moved");
    if (!on)
        vectors(d, "vectors");
    diff_msix_switch(d, on);
    diff_say(d, diff_config_get(d, 0, 4), "config_back.mac");
}

static void stray_bells(struct diff *d)
{
    static const uint16_t queues[] = {0, 1, 2, 1023, 0xffff};
    (void)diff_reset(d);
    for (unsigned i = 0; i < sizeof queues / sizeof queues[0]; i++)
        diff_kick(d, queues[i]);
    accept(d, F_MAC, "bells");
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
    for (unsigned i = 0; i < sizeof queues / sizeof queues[0]; i++)
        diff_kick(d, queues[i]);
    diff_settle(d);
    diff_say(d, diff_status(d), "bells.status_after");
    diff_say(d, diff_isr(d), "bells.isr");
    (void)diff_reset(d);
}

void diff_script_legacy(struct diff *d)
{
    diff_section(d, "legacy");
    say_fields(d, "power_on");
    selectors(d);
    status_bits(d);
    features(d);
    queue_fields(d);
    widths(d);
    moving_config(d);
    stray_bells(d);
    say_fields(d, "end");
}
