/* SPDX-License-Identifier: BSD-2-Clause */
/* Transports over the scripted function: features, sizes, configuration, and each register access failing in
 * turn (rows A7, A10, A19, A23, D1, E15-E19; bugs 1, 38, 46). */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "fake.h"
#include "provider/format/virtio_ids.h"
#include "provider/tables.h"

static const struct transport_ops *transport_of(bool legacy)
{
    return legacy ? &virtio_legacy_transport : &virtio_modern_transport;
}

static struct registers registers_of(struct fake *f)
{
    static struct pci_function_info info;
    info = fake_info(f->legacy);
    return fake_env(f, &info, NULL, 1).registers;
}

Test(transport, features_are_read_and_written_whole)
{
    struct fake f;
    uint64_t offered;
    uint8_t shadow = 3;

    fake_init(&f, false);
    struct registers r = registers_of(&f);
    f.offered = 0x8000000180000001ull;
    cr_assert_eq(virtio_modern_transport.features_read(&r, &offered), PROVIDER_OK);
    cr_assert_eq(offered, f.offered);
    cr_assert_eq(virtio_modern_transport.features_write(&r, &shadow, 0x8000000180000001ull), PROVIDER_OK);
    cr_assert_eq(f.accepted, 0x8000000180000001ull);
    cr_assert_eq(shadow, 11);
    fake_init(&f, true);
    r = registers_of(&f);
    f.offered = 0xffffffff80000001ull;
    cr_assert_eq(virtio_legacy_transport.features_read(&r, &offered), PROVIDER_OK);
    cr_assert_eq(offered, 0x80000001u, "32 bits is all that a legacy device offers");
    cr_assert_eq(virtio_legacy_transport.features_write(&r, &shadow, 0x20), PROVIDER_OK);
    cr_assert_eq(f.accepted, 0x20);
}

Test(transport, spec_3_1_1_features_ok_is_read_back)
{
    struct fake f;
    uint8_t shadow = 3;

    fake_init(&f, false);
    f.refuse_features = true;
    struct registers r = registers_of(&f);
    cr_assert_eq(virtio_modern_transport.features_write(&r, &shadow, 0), PROVIDER_E_FEATURES_REFUSED);
}

Test(transport, sizes_are_refused_with_their_number)
{
    static const uint16_t bad[] = {3, 5, 255, 257, 8191, 8193, 16384, 32768, 32769, 65535};

    for (int legacy = 0; legacy < 2; legacy++) {
        struct fake f;
        struct virtio_queue_limits limits;

        fake_init(&f, legacy);
        struct registers r = registers_of(&f);
        for (uint32_t size = 1; size <= 8192; size *= 2) {
            f.queues[0].size_offered = (uint16_t)size;
            cr_assert_eq(transport_of(legacy)->queue_limits(&r, 0, &limits), PROVIDER_OK);
            cr_assert_eq(limits.size, size);
        }
        for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
            f.queues[0].size_offered = bad[i];
            cr_assert_eq(transport_of(legacy)->queue_limits(&r, 0, &limits), PROVIDER_E_QUEUE_SIZE);
            cr_assert_eq(limits.size, bad[i]);
        }
        f.queues[0].size_offered = 0;
        cr_assert_eq(transport_of(legacy)->queue_limits(&r, 0, &limits), PROVIDER_E_QUEUE_ABSENT);
        f.num_queues = 1;
        if (!legacy)
            cr_assert_eq(transport_of(legacy)->queue_limits(&r, 1, &limits), PROVIDER_E_QUEUE_ABSENT);
    }
}

Test(transport, a_size_wider_than_16_bits_is_refused)
{
    uint16_t size;

    cr_assert_eq(transport_check_size((dev_u32){0xffffffffu}, &size), PROVIDER_E_QUEUE_SIZE);
    cr_assert_eq(size, 0xffff);
    cr_assert_eq(transport_check_size((dev_u32){0x10000}, &size), PROVIDER_E_QUEUE_SIZE);
}

Test(transport, spec_2_5_1_configuration_is_one_consistent_copy_or_a_bounded_failure)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        struct fake f;
        uint8_t bytes[8];

        fake_init(&f, legacy);
        struct registers r = registers_of(&f);
        cr_assert_eq(transport_of(legacy)->config_read(&r, 0, bytes, 8), PROVIDER_OK);
        cr_assert_arr_eq(bytes, f.config, 8);
        cr_assert_eq(transport_of(legacy)->config_read(&r, 6, bytes, 2), PROVIDER_OK);
        cr_assert_eq(bytes[0], 1);
        f.config_moves = true;
        f.calls = 0;
        cr_assert_eq(transport_of(legacy)->config_read(&r, 0, bytes, 8), PROVIDER_E_CONFIG);
        cr_assert_leq(f.calls, VNET_CONFIG_READS_MAX * 10);
    }
}

Test(transport, every_register_failure_is_passed_on_and_ends_the_step)
{
    for (int legacy = 0; legacy < 2; legacy++) {
        const struct transport_ops *t = transport_of(legacy);
        struct provider_ring ring = {.size = 1};

        for (int step = 0; step < 8; step++) {
            uint32_t failures = 0;

            for (uint32_t at = 0; at < 32; at++) {
                struct fake f;
                uint8_t shadow = 3, bytes[8], bits;
                uint64_t offered;
                bool done;
                struct virtio_queue_limits limits;
                enum provider_error e = PROVIDER_OK;

                fake_init(&f, legacy);
                struct registers r = registers_of(&f);
                f.fail_at = at;
                switch (step) {
                case 0:
                    e = t->reset(&r);
                    break;
                case 1:
                    e = t->reset_done(&r, &done);
                    break;
                case 2:
                    e = t->status_add(&r, &shadow, 4);
                    break;
                case 3:
                    e = t->status_read(&r, &bits);
                    break;
                case 4:
                    e = t->features_read(&r, &offered);
                    break;
                case 5:
                    e = t->features_write(&r, &shadow, 0);
                    break;
                case 6:
                    e = t->queue_limits(&r, 0, &limits);
                    break;
                default:
                    e = t->queue_enable(&r, &ring);
                    break;
                }
                cr_assert_eq(e != PROVIDER_OK, f.calls > at, "step %d call %u", step, at);
                failures += e != PROVIDER_OK;
                if (e != PROVIDER_OK) {
                    cr_assert_eq(e, PROVIDER_E_REGISTER);
                    cr_assert_eq(f.calls, at + 1, "nothing more is tried");
                    cr_assert_neq(shadow, 7);
                }
                for (uint16_t k = 0; step == 0 && k < 18; k++) {
                    struct fake g;
                    fake_init(&g, legacy);
                    struct registers rg = registers_of(&g);
                    g.fail_at = k;
                    e = t->config_read(&rg, 0, bytes, 8);
                    cr_assert_eq(e, g.calls > k ? PROVIDER_E_REGISTER : PROVIDER_OK);
                }
            }
            cr_assert_gt(failures, 0);
        }
    }
}
