# SPDX-License-Identifier: BSD-2-Clause
# The proof on every machine that is named: two chipsets, two firmwares, the fullest and the barest CPU, both transports. Each must
# pass both gates, say what it says with exact numbers, and switch itself off.
import unittest

import machine

USED_LENGTH = {"modern": "76", "legacy": "74"}  # header and 64 bytes of libslirp's first ARP reply


class Matrix(unittest.TestCase):
    def proof(self, chipset, firmware, cpu, transport):
        bios = [] if firmware == "seabios" else ["-bios", "qboot.rom"]
        outcome = machine.run(bios + machine.nic(transport), machine=chipset, cpu=cpu)
        self.assertTrue(outcome.switched_off(), outcome.report())
        verdict = outcome.judge()
        self.assertEqual((verdict["verdict"], verdict["reasons"]), ("pass", []), outcome.report())
        self.assertEqual(outcome.lines()[0], "capos kernel starting")
        first, exchange = outcome.facts("first-frame"), outcome.facts("frame-exchange")
        self.assertEqual((first["used_len"], first["interrupts"]), (USED_LENGTH[transport], "0"))
        self.assertEqual((exchange["arp_replies"], exchange["icmp_replies"], exchange["interrupts"]), ("20", "20", "0"))
        delivery = outcome.facts("interrupt-delivered")
        self.assertEqual([delivery[name] for name in ("delivered", "acked", "masked_delivered", "unmasked_delivered", "stale_woken",
                                                      "successor_delivered", "interrupts")], ["1", "1", "0", "1", "0", "1", "4"])
        self.assertEqual(outcome.facts("provider-nic-probed")["transport"], transport)
        self.assertEqual(outcome.facts("platform")["name"], "pc")
        said = outcome.words()
        protections = "1" if cpu == "max" else "0"
        self.assertEqual([said[name] for name in ("smep", "smap", "umip")], [protections] * 3)
        self.assertEqual(said["entropy"], "rdrand" if cpu == "max" else "jitter-weak")
        self.assertEqual((said["apic"], said["power"], said["spurious"]), ("xapic", "acpi-s5", "0"))
        if firmware == "qboot":  # it leaves every BAR without an address
            self.assertGreaterEqual(int(said["bars_assigned"]), 2)
        else:
            self.assertEqual(said["bars_assigned"], "0")


def add(chipset, firmware, cpu, transport):
    def test(self):
        self.proof(chipset, firmware, cpu, transport)
    setattr(Matrix, f"test_{chipset}_{firmware}_{cpu}_{transport}", test)


for one_chipset in ("q35", "pc"):
    for one_firmware in ("seabios", "qboot"):
        for one_cpu in ("max", "qemu64"):
            for one_transport in ("modern", "legacy"):
                add(one_chipset, one_firmware, one_cpu, one_transport)

if __name__ == "__main__":
    unittest.main()
