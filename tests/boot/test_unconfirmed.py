# SPDX-License-Identifier: BSD-2-Clause
# QEMU's NIC that never confirms its reset: never at all, or not any more once it has run. No property makes it one, so these run
# the kernel's entry in a host process over the device of a parked machine (unconfirmed.c). Every loop ends at its own bound, the
# function goes to quarantine with every page that the device was told of, and it cannot be claimed again.
import re
import subprocess
import unittest

import machine

PROGRAM = machine.BUILD / "tests/boot/boot-unconfirmed"
PROVIDER_POLLS, KERNEL_POLLS = 1000, 10000  # VNET_RESET_POLLS_MAX, VIRTIO_QUIESCE_POLLS_MAX
NOT_CONFIRMED = "the device did not confirm its reset"
NOT_RELEASED = "the device could not be released"
NOT_PROVEN = "a proof of the programs did not hold"


class Unconfirmed(unittest.TestCase):
    def run_over(self, way, transport, vectors):
        words = [PROGRAM, way, machine.command_line(exchanges=3), machine.PACKAGE,
                 *machine.nic(transport, addr="04", vectors=vectors)]
        done = subprocess.run(words, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * machine.SECONDS_MAX,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        claims = re.findall(r"^(?:claim failed|nicd): (.*?)\r?$", done.stdout, re.M)
        return claims, {name: int(value) for name, value in re.findall(r"^(\w+)=(\d+)$", done.stdout, re.M)}

    def each(self, vectors, check):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                check(transport, vectors)

    def in_quarantine(self, held, polls, pages):
        self.assertEqual(held.pop("quarantined_pages") > 0, pages, held)
        self.assertEqual(held, {"status": 1, "withheld": polls, "quarantined_devices": 1,
                                "granted_pages": 0, "live_caps": 0, "bus_masters_on": 0, "bus_master_reads": 0,
                                "claimed_again": 0, "unconfirmed_by_kernel": 1})

    def test_the_same_run_with_nothing_withheld_holds(self):
        def check(transport, vectors):
            claims, held = self.run_over("honest", transport, vectors)
            self.assertEqual(claims, [])
            self.assertEqual({name for name, value in held.items() if value}, {"claimed_again"})
        self.each(0, check)
        self.each(3, check)

    def test_a_nic_that_never_confirms_a_reset_is_not_started_and_no_page_was_told(self):
        def check(transport, vectors):
            claims, held = self.run_over("never", transport, vectors)
            self.assertEqual(claims, ["reset-unconfirmed", NOT_CONFIRMED, NOT_RELEASED, NOT_PROVEN])
            self.in_quarantine(held, PROVIDER_POLLS + KERNEL_POLLS, False)
        self.each(0, check)

    def test_a_nic_that_does_not_confirm_its_last_reset_keeps_its_pages_in_quarantine(self):
        def check(transport, vectors):
            claims, held = self.run_over("later", transport, vectors)
            self.assertEqual(claims, [NOT_CONFIRMED, NOT_RELEASED, NOT_PROVEN])
            self.in_quarantine(held, PROVIDER_POLLS + KERNEL_POLLS, True)
        self.each(0, check)

    def test_a_nic_that_is_given_back_running_and_does_not_confirm_goes_the_same_way(self):
        def check(transport, vectors):
            claims, held = self.run_over("later", transport, vectors)
            self.assertEqual(claims, [NOT_RELEASED, NOT_PROVEN])
            self.in_quarantine(held, KERNEL_POLLS, True)
        self.each(3, check)


if __name__ == "__main__":
    unittest.main()
