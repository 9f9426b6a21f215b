# SPDX-License-Identifier: BSD-2-Clause
# The attacker of tests/hostile/program as the first process on a machine, with two network cards: every attack comes to what
# tests/hostile/program/attacks.def says, as in the simulator; every fault ends one program alone.
import pathlib
import subprocess
import tempfile
import unittest

import machine

PACKAGE = machine.BUILD / "tests/hostile/program/hostile.pkg"
ROWS = machine.BUILD / "tests/hostile/hostile-rows"


class Hostile(unittest.TestCase):
    def attacked(self, transport):
        cards = machine.nic(transport, "a") + machine.nic(transport, "b")
        outcome = machine.run(["-initrd", str(PACKAGE), *cards], line=machine.command_line(mode="serve"))
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertIn("hostile: done", outcome.lines(), outcome.report())
        self.assertNotIn(b"claim failed", outcome.console)
        with tempfile.TemporaryDirectory(prefix="capos-hostile-") as folder:
            log = pathlib.Path(folder) / "console.log"
            log.write_bytes(outcome.console)
            judged = subprocess.run([ROWS, log], capture_output=True, check=False)
        self.assertEqual(judged.returncode, 0, judged.stdout.decode())

    def test_every_attack_on_a_modern_device(self):
        self.attacked("modern")

    def test_every_attack_on_a_legacy_device(self):
        self.attacked("legacy")


if __name__ == "__main__":
    unittest.main()
