# SPDX-License-Identifier: BSD-2-Clause
# A NIC as firmware may leave it: not decoding, without addresses, without room for any, at an address that is memory. Firmware's
# part is played between its end and the kernel's first instruction, by writes to configuration space.
import unittest

import machine

SLOT, NEIGHBOUR = 5, 6
COMMAND, BAR = 0x04, 0x10
DECODE = 0x3
BARS = 6
MEMORY_WINDOW = 0xe0000000  # where the kernel looks for room, up to the end of 32 bits
LOW_RAM = 0x40000


def bar(qmp, device, index, value):
    qmp.pci_write(device, BAR + 4 * index, "w", value)


def decoding_off(qmp):
    if qmp.pci_read(SLOT, COMMAND, "h") & DECODE == 0:
        raise AssertionError("firmware left it off already: this is another test than it says")
    qmp.pci_write(SLOT, COMMAND, "h", 0)
    if qmp.pci_read(SLOT, COMMAND, "h") & DECODE != 0:
        raise AssertionError("it is still on")


def no_addresses(qmp):
    decoding_off(qmp)
    for index in range(BARS):
        bar(qmp, SLOT, index, 0)


def no_room(qmp):
    """Nor for anybody: a neighbour's BAR 2 has all of the window to itself."""
    no_addresses(qmp)
    qmp.pci_write(NEIGHBOUR, COMMAND, "h", 0)
    bar(qmp, NEIGHBOUR, 2, MEMORY_WINDOW)
    bar(qmp, NEIGHBOUR, 3, 0)


def registers_in_memory(qmp):
    bar(qmp, SLOT, 4, LOW_RAM)
    bar(qmp, SLOT, 5, 0)


class Firmware(unittest.TestCase):
    def boot(self, transport, firmware, *more):
        outcome = machine.run([*machine.nic(transport, addr=f"{SLOT:#x}"), *more], firmware=firmware)
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.said = outcome.words()
        return outcome

    def proven(self, outcome, bars_assigned):
        self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
        self.assertEqual(outcome.facts("provider-nic-probed")["bdf"], f"00:{SLOT:02x}.0")
        self.assertEqual(self.said["bars_assigned"], bars_assigned)

    def refused(self, outcome, *claims):
        self.assertEqual(outcome.claims(), list(claims))
        self.assertIn(b"cloudboot-evidence: end ", outcome.console)
        self.assertNotEqual(outcome.judge()["verdict"], "pass")

    def test_a_nic_with_its_bars_disabled_is_enabled_by_its_claim(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                self.proven(self.boot(transport, decoding_off), "0")

    def test_a_nic_whose_bars_have_no_addresses_is_given_them(self):
        for transport in ("modern", "legacy"):
            with self.subTest(transport=transport):
                self.proven(self.boot(transport, no_addresses), "2")

    def test_a_modern_nic_whose_bars_find_no_room_is_listed_and_not_driven(self):
        outcome = self.boot("modern", no_room, "-device", f"pci-testdev,membar=512M,addr={NEIGHBOUR:#x}")
        self.refused(outcome, "the function offers no virtio transport")
        self.assertIn(b"vendor=0x1af4,device=0x1041", outcome.console)
        self.assertEqual(self.said["bars_assigned"], "0")

    def test_a_legacy_nic_is_driven_by_its_ports_when_its_vectors_find_no_room(self):
        outcome = self.boot("legacy", no_room, "-device", f"pci-testdev,membar=512M,addr={NEIGHBOUR:#x}")
        self.proven(outcome, "1")
        self.assertEqual(outcome.facts("provider-nic-bound")["msix_entry"], "none")
        self.assertNotIn(b"interrupt-delivered", outcome.console)

    def test_a_nic_whose_registers_never_answer_never_confirms_its_reset(self):
        outcome = self.boot("modern", registers_in_memory)
        self.refused(outcome, "reset-unconfirmed")
        self.assertNotIn(b"provider-nic-teardown", outcome.console)


if __name__ == "__main__":
    unittest.main()
