# SPDX-License-Identifier: BSD-2-Clause
# What of a machine is not chosen by the kernel: where firmware put its tables, how much memory there is and where, what lies behind
# a bridge, how many serial ports there are. The lines `machine: ...` of docs/machine.md tell it; tables of machines that QEMU is
# not are in tests/unit/arch/describe_test.c.
import pathlib
import re
import tempfile
import unittest

import machine

GIB = 1 << 30


class Platform(unittest.TestCase):
    def proven(self, more, chipset):
        outcome = machine.run(more, machine=chipset)
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertEqual(outcome.judge()["verdict"], "pass", outcome.report())
        return outcome

    def said(self, outcome, words):
        """The name=value words of the one line that begins so."""
        lines = [line for line in outcome.lines() if line.startswith(f"machine: {words} ")]
        self.assertEqual(len(lines), 1, outcome.report())
        return dict(re.findall(r"(\w+)=(\S+)", lines[0]))

    def test_memory_on_both_sides_of_4_gib_and_tables_above_1_gib(self):
        outcome = self.proven([*machine.nic("legacy"), "-m", "16G"], "pc,hpet=off")
        memory = self.said(outcome, "memory")
        self.assertEqual(int(memory["ram_above_4g"]), 13 * GIB)
        self.assertTrue(3 * GIB - (1 << 20) < int(memory["ram_below_4g"]) <= 3 * GIB, memory)
        self.assertEqual(int(memory["ram_end"], 16), 17 * GIB)
        self.assertGreater(int(memory["holes"]), 0)
        fixed = self.said(outcome, "table FACP")
        self.assertEqual(fixed["sound"], "yes")
        self.assertGreater(int(fixed["at"], 16), GIB)

    def test_a_machine_without_mcfg_and_hpet_is_told_as_it_is_and_lacks_nothing(self):
        outcome = self.proven(machine.nic("legacy"), "pc,hpet=off")
        tables = self.said(outcome, "acpi")
        self.assertEqual((tables["revision"], tables["root"], tables["mcfg"], tables["hpet"]), ("0", "RSDT", "no", "no"))
        power = self.said(outcome, "power")
        self.assertEqual((power["pm1a_cnt"], power["sci"], power["s5"]), ("0x604", "9", "0,0"))
        self.assertEqual(self.said(outcome, "madt")["overrides"], "5")
        self.assertEqual(self.said(outcome, "override irq=0")["gsi"], "2")  # QEMU's own, which Google's machine has not
        self.assertEqual(self.said(outcome, "hypervisor")["vendor"], "TCGTCGTCGTCG")

    def test_mcfg_and_hpet_are_seen_where_they_are(self):
        tables = self.said(self.proven(machine.nic("modern"), "q35,hpet=on"), "acpi")
        self.assertEqual((tables["mcfg"], tables["hpet"]), ("yes", "yes"))

    def test_a_nic_behind_a_bridge_is_proven_as_any_other(self):
        for chipset, bridge, at in (("pc", "pci-bridge,id=far,chassis_nr=1", "01:03.0"),
                                    ("q35", "pcie-root-port,id=far", "01:00.0")):
            with self.subTest(chipset=chipset):
                place = {"addr": "3"} if chipset == "pc" else {}
                outcome = self.proven(["-device", bridge, *machine.nic("modern", bus="far", **place)], chipset)
                self.assertEqual(outcome.facts("provider-nic-probed")["bdf"], at)

    def test_of_four_serial_ports_the_second_has_the_evidence_and_the_fourth_nothing(self):
        with tempfile.TemporaryDirectory(prefix="capos-ports-") as folder:
            last = pathlib.Path(folder) / "last"
            outcome = self.proven([*machine.nic("legacy"), "-serial", "null", "-serial", f"file:{last}"], "pc,hpet=off")
            self.assertEqual(last.read_bytes(), b"")
        evidence = [line for line in outcome.lines() if line.startswith("cloudboot-evidence: ")]
        mirrored = outcome.evidence.decode("ascii").replace("\r\n", "\n").split("\n")
        self.assertEqual([line for line in mirrored if line.startswith("cloudboot-evidence: ")], evidence)


if __name__ == "__main__":
    unittest.main()
