# SPDX-License-Identifier: BSD-2-Clause
# Machines that are not what the proof needs, and orders that are not the proof: each to its defined outcome, each switched off.
import unittest

import machine


class Odd(unittest.TestCase):
    def fails_closed(self, outcome, claim):
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertEqual(outcome.claims(), [claim])
        self.assertIn("claim failed: a proof of the programs did not hold", outcome.lines())
        self.assertNotEqual(outcome.judge()["verdict"], "pass")
        self.assertIn(b"cloudboot-evidence: end ", outcome.console)

    def test_without_a_nic_no_claim_is_made(self):
        self.fails_closed(machine.run(), "no virtio network function was found")

    def test_a_nic_that_is_no_virtio_device_is_listed_and_left_alone(self):
        outcome = machine.run(["-netdev", "user,id=n,restrict=on,ipv6=off", "-device", "e1000,netdev=n"])
        self.fails_closed(outcome, "no virtio network function was found")
        self.assertIn(b"vendor=0x8086,device=0x100e", outcome.console)

    def test_of_two_nics_the_first_is_proven_and_both_are_counted(self):
        outcome = machine.run(machine.nic("modern", "a", addr="05") + machine.nic("legacy", "b", addr="06"))
        self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
        self.assertEqual(outcome.facts("inventory")["nics"], "2")
        self.assertEqual(outcome.facts("provider-nic-probed")["bdf"], "00:05.0")

    def test_a_transitional_device_is_driven_as_modern(self):
        outcome = machine.run(["-netdev", "user,id=n,restrict=on,ipv6=off", "-device", "virtio-net-pci,netdev=n"])
        self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
        self.assertEqual(outcome.facts("provider-nic-probed")["transport"], "modern")

    def test_a_nic_without_interrupts_says_so_and_is_driven_all_the_same(self):
        outcome = machine.run(machine.nic("modern", vectors="0"))
        self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
        self.assertEqual(outcome.facts("provider-nic-bound")["msix_entry"], "none")
        self.assertNotIn(b"interrupt-delivered", outcome.console)
        self.assertTrue(outcome.facts("not-attempted")["items"].startswith("interrupt-delivery+device-autonomous-raise+"))

    def test_a_nic_with_a_single_vector_delivers_on_that(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                outcome = machine.run(machine.nic(transport, vectors="1"))
                self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
                self.assertEqual(outcome.facts("interrupt-delivered")["vector"], "0")

    def test_a_nic_without_a_wire_is_never_green(self):
        outcome = machine.run(["-device", machine.NIC["modern"]])
        self.fails_closed(outcome, "no ARP reply was polled")

    def test_memory_above_4_gib_is_counted_and_the_hole_is_not(self):
        outcome = machine.run(machine.nic("modern") + ["-m", "5G"])
        self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
        memory = int(outcome.facts("platform")["memory_bytes"])
        self.assertTrue((5 << 30) - (4 << 20) < memory <= 5 << 30, memory)

    def test_parameters_that_are_refused_end_the_boot_before_any_device(self):
        outcome = machine.run(machine.nic("modern"), line="mode=party")
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertEqual(outcome.lines()[:2], ["capos kernel starting", "boot parameters refused: value not allowed at byte 0"])
        self.assertNotIn(b"cloudboot-evidence", outcome.console + outcome.evidence)

    def test_a_command_line_that_is_too_long_is_refused_and_not_cut(self):
        outcome = machine.run(machine.nic("modern"), line=machine.command_line() + " " * 1100)
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertIn("boot parameters refused: line too long at byte 1024", outcome.lines())

    def test_the_power_button_ends_a_system_that_stays_up(self):
        up = b"modern, polled"
        outcome = machine.run(machine.nic("modern"), line=machine.command_line(mode="serve"), wait_for=up,
                              during=lambda qmp: qmp.run("system_powerdown"))
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertEqual(outcome.judge(proof=False)["verdict"], "pass", outcome.report())
        self.assertEqual(outcome.claims()[1:], [], "the driver's own line alone")


if __name__ == "__main__":
    unittest.main()
