/* SPDX-License-Identifier: BSD-2-Clause */
/* The QEMU process as platform/qtest keeps it: whatever it does, the machine ends with a reason, its
 * registers read as all ones, and no process is left. */
#include <criterion/criterion.h>
#include <errno.h>
#include <string.h>
#include <sys/wait.h>

#include "platform/qtest/platform_qtest.h"

static const char *start(struct platform *p, const char *program, const char *way)
{
    const char *const arguments[] = {way, NULL};
    const struct platform_qtest_config config = {
        .qemu = program, .kernel = "park.elf", .arguments = arguments};
    return platform_qtest_open(p, &config);
}

static void end(struct platform *p)
{
    platform_qtest_close(p);
    platform_qtest_close(p); /* once more does nothing */
    cr_assert_eq(p->pid, -1);
    cr_assert_null(p->memory);
    cr_assert_eq(waitpid(-1, NULL, WNOHANG), -1);
    cr_assert_eq(errno, ECHILD);
}

Test(qtest, absent_program_is_one_line)
{
    struct platform p;
    cr_assert_not_null(start(&p, "no-such-emulator", "count"));
    end(&p);
}

Test(qtest, program_that_ends_before_the_cpu_is_parked_is_one_line)
{
    struct platform p;
    cr_assert_not_null(start(&p, CAPOS_STAND_IN, "never"));
    end(&p);
}

Test(qtest, answers_come_back_in_the_width_asked_for)
{
    struct platform p;
    cr_assert_null(start(&p, CAPOS_STAND_IN, "count"));
    cr_expect_eq(platform_port_read(&p, 0x10, 4), 0x11223300u);
    cr_expect_eq(platform_mmio_read(&p, 0x10, 2), 0x3301u);
    cr_expect_eq(platform_mmio_read(&p, 0x10, 1), 0x02u);
    cr_expect_eq(platform_pci_read(&p, 0x20, 0x3d, 1), 0x04u, "address first, then data");
    cr_expect_eq(p.commands, 5u);
    cr_expect_null(p.failure);
    end(&p);
}

Test(qtest, dead_refusing_or_endless_machine_reads_as_all_ones)
{
    static const char *const ways[] = {"die", "refuse", "endless"};
    for (size_t i = 0; i < sizeof ways / sizeof ways[0]; i++) {
        struct platform p;
        cr_assert_null(start(&p, CAPOS_STAND_IN, ways[i]));
        cr_expect_eq(platform_port_read(&p, 0x10, 2), 0xffffu, "%s", ways[i]);
        cr_expect_not_null(p.failure, "%s", ways[i]);
        uint64_t sent = p.commands;
        cr_expect_eq(platform_mmio_read(&p, 0x10, 4), 0xffffffffu, "%s", ways[i]);
        platform_mmio_write(&p, 0x10, 4, 1);
        cr_expect_eq(p.commands, sent, "%s: nothing more is sent", ways[i]);
        cr_expect(platform_end_requested(&p), "%s", ways[i]);
        end(&p);
    }
}

Test(qtest, message_is_seen_where_it_is_told_to_go)
{
    struct platform p;
    cr_assert_null(start(&p, CAPOS_STAND_IN, "count"));
    struct platform_msi message = platform_msi_message(&p, 5);
    cr_expect_eq(platform_interrupts(&p), 0u);
    memcpy(p.memory + message.address, &message.data, sizeof message.data);
    cr_expect_eq(platform_msi_count(&p, 5), 1u);
    cr_expect_eq(platform_msi_count(&p, 5), 1u);
    cr_expect_eq(platform_msi_count(&p, 4), 0u);
    cr_expect_eq(platform_interrupts(&p), 1u);
    end(&p);
}
