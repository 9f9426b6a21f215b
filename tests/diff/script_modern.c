/* SPDX-License-Identifier: BSD-2-Clause */
/* The modern registers, honest and odd: every field at power-on, each selector far beyond its range, each
 * status bit, read-only fields written, widths that no driver should use, a reset in the middle. */
#include "tests/diff/diff.h"

static const struct {
    const char *name;
    uint8_t offset, width;
} fields[] = {{"device_feature_select", M_DEVICE_SELECT, 4},
              {"device_feature", M_DEVICE, 4},
              {"driver_feature_select", M_DRIVER_SELECT, 4},
              {"driver_feature", M_DRIVER, 4},
              {"config_vector", M_CONFIG_VECTOR, 2},
              {"num_queues", M_QUEUES, 2},
              {"status", M_STATUS, 1},
              {"generation", M_GENERATION, 1},
              {"queue_select", M_SELECT, 2},
              {"queue_size", M_SIZE, 2},
              {"queue_vector", M_QUEUE_VECTOR, 2},
              {"queue_enable", M_ENABLE, 2},
              {"queue_notify_off", M_NOTIFY_OFF, 2},
              {"queue_desc_low", M_DESC, 4},
              {"queue_desc_high", M_DESC + 4, 4},
              {"queue_driver_low", M_DRIVER_AREA, 4},
              {"queue_driver_high", M_DRIVER_AREA + 4, 4},
              {"queue_device_low", M_DEVICE_AREA, 4},
              {"queue_device_high", M_DEVICE_AREA + 4, 4}};

static void say_fields(struct diff *d, const char *when)
{
    for (unsigned i = 0; i < sizeof fields / sizeof fields[0]; i++)
        diff_say(d, diff_get(d, fields[i].offset, fields[i].width), "%s.%s", when, fields[i].name);
}

static void selectors(struct diff *d)
{
    static const uint32_t selects[] = {0, 1, 2, 3, 31, 0x80000000u, 0xffffffffu};
    static const uint16_t queues[] = {0, 1, 2, 3, 64, 0xffff};
    for (unsigned i = 0; i < sizeof selects / sizeof selects[0]; i++) {
        diff_put(d, M_DEVICE_SELECT, 4, selects[i]);
        diff_say(d, diff_get(d, M_DEVICE, 4), "select%#x.device_feature", selects[i]);
        diff_say(d, diff_get(d, M_DEVICE_SELECT, 4), "select%#x.back", selects[i]);
        diff_put(d, M_DRIVER_SELECT, 4, selects[i]);
        diff_say(d, diff_get(d, M_DRIVER_SELECT, 4), "select%#x.driver_back", selects[i]);
        diff_say(d, diff_get(d, M_DRIVER, 4), "select%#x.driver_feature", selects[i]);
    }
    for (unsigned i = 0; i < sizeof queues / sizeof queues[0]; i++) {
        diff_select_queue(d, queues[i]);
        diff_say(d, diff_get(d, M_SELECT, 2), "queue%u.select_back", queues[i]);
        diff_say(d, diff_get(d, M_SIZE, 2), "queue%u.size", queues[i]);
        diff_say(d, diff_get(d, M_QUEUE_VECTOR, 2), "queue%u.vector", queues[i]);
        diff_say(d, diff_get(d, M_ENABLE, 2), "queue%u.enable", queues[i]);
        if (queues[i] < 2)
            diff_say(d, diff_get(d, M_NOTIFY_OFF, 2), "queue%u.notify_off", queues[i]);
    }
    diff_select_queue(d, 0);
}

static void status_bits(struct diff *d)
{
    static const uint8_t writes[] = {0x01, 0x03, 0x01, 0x02, 0x13, 0x23, 0x43, 0x83, 0x03};
    (void)diff_reset(d);
    for (unsigned i = 0; i < sizeof writes; i++) {
        diff_set_status(d, writes[i]);
        diff_say(d, diff_status(d), "status.%u.wrote%#x", i, writes[i]);
    }
    diff_say(d, diff_reset(d), "status.reset");
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_DRIVER_OK);
    diff_say(d, diff_status(d), "status.driver_ok_alone");
    (void)diff_reset(d);
}

static void negotiate(struct diff *d, uint64_t features, const char *name)
{
    (void)diff_reset(d);
    diff_set_status(d, STATUS_ACKNOWLEDGE);
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER);
    diff_accept(d, features);
    diff_put(d, M_DRIVER_SELECT, 4, 0);
    diff_say(d, diff_get(d, M_DRIVER, 4), "features.%s.back_low", name);
    diff_put(d, M_DRIVER_SELECT, 4, 1);
    diff_say(d, diff_get(d, M_DRIVER, 4), "features.%s.back_high", name);
    diff_set_status(d, STATUS_ACKNOWLEDGE | STATUS_DRIVER | STATUS_FEATURES_OK);
    diff_say(d, diff_status(d), "features.%s.status", name);
}

static void features(struct diff *d)
{
    uint64_t offered = diff_offered(d);
    diff_say(d, offered, "features.offered");
    negotiate(d, F_VERSION_1, "version_1");
    diff_put(d, M_DRIVER_SELECT, 4, 0);
    diff_put(d, M_DRIVER, 4, (uint32_t)F_MAC); /* too late (3.1.1) */
    diff_say(d, diff_get(d, M_DRIVER, 4), "features.late.back_low");
    say_fields(d, "features_ok");
    diff_say(d, diff_reset(d), "features.reset");
    say_fields(d, "after_reset");
    negotiate(d, offered, "all_offered");
    negotiate(d, F_VERSION_1 | F_MAC | F_STATUS, "ours");
    negotiate(d, 0, "none");
    negotiate(d, F_VERSION_1 | 1u, "not_offered_csum");
    negotiate(d, F_VERSION_1 | 1ull << 50, "not_offered_high");
    (void)diff_reset(d);
    diff_put(d, M_DRIVER_SELECT, 4, 2);
    diff_put(d, M_DRIVER, 4, 0xffffffff);
    diff_say(d, diff_get(d, M_DRIVER, 4), "features.select2.back");
    diff_put(d, M_DRIVER_SELECT, 4, 0);
    diff_say(d, diff_get(d, M_DRIVER, 4), "features.select2.low");
    diff_put(d, M_DRIVER_SELECT, 4, 1);
    diff_say(d, diff_get(d, M_DRIVER, 4), "features.select2.high");
    (void)diff_reset(d);
}

static void queue_fields(struct diff *d)
{
    static const uint16_t sizes[] = {128, 1, 0, 3, 96, 512, 1024, 2048, 32768, 65535, 256};
    static const uint8_t addresses[] = {M_DESC + 4, M_DEVICE_AREA,     M_DRIVER_AREA,
                                        M_DESC,     M_DEVICE_AREA + 4, M_DRIVER_AREA + 4};
    negotiate(d, F_VERSION_1, "queues");
    for (unsigned i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        diff_put(d, M_SIZE, 2, sizes[i]);
        diff_say(d, diff_get(d, M_SIZE, 2), "size.wrote%u", sizes[i]);
    }
    diff_select_queue(d, 5);
    diff_put(d, M_SIZE, 2, 16);
    diff_say(d, diff_get(d, M_SIZE, 2), "size.absent_queue");
    diff_select_queue(d, 0);
    for (unsigned i = 0; i < sizeof addresses; i++)
        diff_put(d, addresses[i], 4, 0x01001000u * (i + 1));
    for (unsigned i = 0; i < sizeof addresses; i++)
        diff_say(d, diff_get(d, addresses[i], 4), "address%#x.back", addresses[i]);
    diff_select_queue(d, 1);
    diff_say(d, diff_get(d, M_DESC, 4), "address.other_queue");
    diff_select_queue(d, 0);
    diff_put(d, M_ENABLE, 2, 0);
    diff_say(d, diff_get(d, M_ENABLE, 2), "enable.zero");
    diff_say(d, diff_status(d), "enable.zero_status");
    (void)diff_reset(d);
    diff_say(d, diff_get(d, M_SIZE, 2), "size.after_reset");
    diff_say(d, diff_get(d, M_DESC, 4), "address.after_reset");
}

static void read_only(struct diff *d)
{
    static const struct {
        uint8_t offset, width;
    } fixed[] = {{M_DEVICE, 4}, {M_QUEUES, 2}, {M_GENERATION, 1}, {M_NOTIFY_OFF, 2}};
    (void)diff_reset(d);
    for (unsigned i = 0; i < sizeof fixed / sizeof fixed[0]; i++) {
        uint32_t was = diff_get(d, fixed[i].offset, fixed[i].width);
        diff_put(d, fixed[i].offset, fixed[i].width, ~was);
        diff_say(d, diff_get(d, fixed[i].offset, fixed[i].width) == was, "read_only%#x", fixed[i].offset);
    }
    diff_put(d, 0x40, 4, 0x11111111);
    diff_say(d, diff_get(d, 0x40, 4), "beyond_common");
    say_fields(d, "read_only_after");
}

static void widths(struct diff *d)
{
    (void)diff_reset(d);
    diff_set_status(d, STATUS_ACKNOWLEDGE);
    for (uint8_t width = 1; width <= 4; width = (uint8_t)(width * 2))
        for (uint32_t offset = 0; offset < M_END; offset += width)
            diff_say(d, diff_get(d, offset, width), "read%u.at%#x", width, offset);
    diff_put(d, M_SELECT, 4, 1);
    diff_say(d, diff_get(d, M_SELECT, 2), "write4.queue_select");
    diff_put(d, M_SELECT, 2, 0);
    diff_put(d, M_SELECT, 1, 1);
    diff_say(d, diff_get(d, M_SELECT, 2), "write1.queue_select");
    diff_put(d, M_SELECT, 2, 0);
    diff_put(d, M_DEVICE_SELECT, 2, 1);
    diff_say(d, diff_get(d, M_DEVICE_SELECT, 4), "write2.device_feature_select");
    diff_put(d, M_DEVICE_SELECT, 4, 0);
    diff_put(d, M_STATUS, 4, 3);
    diff_say(d, diff_status(d), "write4.status");
    (void)diff_reset(d);
}

static void device_config(struct diff *d)
{
    (void)diff_reset(d);
    for (uint8_t width = 1; width <= 4; width = (uint8_t)(width * 2))
        for (uint32_t offset = 0; offset < 16; offset += width)
            diff_say(d, diff_config_get(d, offset, width), "config.read%u.at%u", width, offset);
    diff_say(d, diff_config_get(d, 0x100, 4), "config.beyond");
    negotiate(d, F_VERSION_1 | F_MAC, "config");
    uint8_t last = (uint8_t)diff_config_get(d, 5, 1);
    diff_config_put(d, 5, 1, last ^ 0xffu);
    diff_say(d, diff_config_get(d, 5, 1) == last, "config.mac_kept");
    diff_say(d, diff_isr(d), "config.isr");
    (void)diff_reset(d);
}

static void vectors(struct diff *d)
{
    static const uint16_t wanted[] = {0, 2, 3, 0x7ff, 0xfffe, 0xffff, 1};
    negotiate(d, F_VERSION_1, "vectors");
    for (unsigned i = 0; i < sizeof wanted / sizeof wanted[0]; i++) {
        diff_put(d, M_CONFIG_VECTOR, 2, wanted[i]);
        diff_say(d, diff_get(d, M_CONFIG_VECTOR, 2), "vector%#x.config", wanted[i]);
        diff_put(d, M_QUEUE_VECTOR, 2, wanted[i]);
        diff_say(d, diff_get(d, M_QUEUE_VECTOR, 2), "vector%#x.queue", wanted[i]);
    }
    diff_select_queue(d, 1);
    diff_say(d, diff_get(d, M_QUEUE_VECTOR, 2), "vector.other_queue");
    diff_select_queue(d, 9);
    diff_put(d, M_QUEUE_VECTOR, 2, 1);
    diff_say(d, diff_get(d, M_QUEUE_VECTOR, 2), "vector.absent_queue");
    (void)diff_reset(d);
    diff_say(d, diff_get(d, M_CONFIG_VECTOR, 2), "vector.config_after_reset");
    diff_say(d, diff_get(d, M_QUEUE_VECTOR, 2), "vector.queue_after_reset");
}

/* Bells of queues that are not set up, or not there: nothing happens, at any status. */
static void stray_bells(struct diff *d)
{
    static const uint16_t queues[] = {0, 1, 2, 63, 1023};
    (void)diff_reset(d);
    for (unsigned i = 0; i < sizeof queues / sizeof queues[0]; i++)
        diff_kick(d, queues[i]);
    negotiate(d, F_VERSION_1, "bells");
    diff_kick(d, 0);
    diff_kick(d, 7);
    platform_mmio_write(d->p, d->notify, 4, 0xffffffff);
    diff_settle(d);
    diff_say(d, diff_status(d), "bells.status_after");
    diff_say(d, diff_isr(d), "bells.isr");
    (void)diff_reset(d);
}

void diff_script_modern(struct diff *d)
{
    diff_section(d, "modern");
    say_fields(d, "power_on");
    selectors(d);
    status_bits(d);
    features(d);
    queue_fields(d);
    read_only(d);
    widths(d);
    device_config(d);
    vectors(d);
    stray_bells(d);
    say_fields(d, "end");
}
