# SPDX-License-Identifier: BSD-2-Clause
# The attacker of tests/hostile/program as the first process on a machine, with two network cards: every attack comes to what
# tests/hostile/program/attacks.def says, as in the simulator; every fault ends one program alone.
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import unittest

import machine

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))  # behind: it has a test_programs too
from door import package  # noqa: E402
from keyboard import carried  # noqa: E402

PACKAGE = machine.BUILD / "tests/hostile/program/hostile.pkg"
ROWS = machine.BUILD / "tests/hostile/hostile-rows"
KILLS = 250  # daily, on each transport
KILLS_DEEP = 5000
KILLS_SECONDS_MAX = 150  # of the host, for the daily ones


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


@unittest.skipIf(machine.BUILD != machine.ROOT / "build/ship", "the package is made of build/ship")
class Kills(unittest.TestCase):
    """The driver killed under frames: each time they flow again within a second of the guest's clock, and the same is held."""

    def killed(self, transport):
        deep = os.environ.get("CAPOS_DEEP") == "1"
        kills = KILLS_DEEP if deep else KILLS
        with tempfile.TemporaryDirectory(prefix="capos-kills-") as folder:
            # A socket that sends to itself: what the card sends comes back.
            loop = "".join(f",{end}.type=unix,{end}.path={folder}/wire" for end in ("local", "remote"))
            card = ["-netdev", f"dgram,id=n{loop}", "-device", f"{machine.NIC[transport]},netdev=n"]
            file = package(folder, "tests/hostile/killer/manifest.json", "tests/hostile/killer/programs",
                           lambda services: services["killer"]["parameters"].update(kills=kills))
            outcome = machine.run(["-initrd", str(file), *card], line=machine.command_line(mode="serve"),
                                  seconds=KILLS_SECONDS_MAX * kills // KILLS)
        said = re.search(rb"^killer: (.*?)\r?$", outcome.console, re.M)
        self.assertTrue(outcome.switched_off(), outcome.report()[-3000:])
        self.assertIsNotNone(said, outcome.report()[-3000:])
        self.assertRegex(said[1].decode(), rf"^done, kills: {kills}, slowest us: \d+$")
        print(f"kills of the driver, {transport}: {kills}; {said[1].decode()}")
        self.assertEqual(len(re.findall(rb"^init: nicd was killed", outcome.console, re.M)), kills)
        for word in (b"claim failed", b"exception", b"nicd ended", b"faulted"):
            self.assertNotIn(word, outcome.console)

    def test_a_modern_driver_comes_back_each_time(self):
        self.killed("modern")

    def test_a_legacy_driver_comes_back_each_time(self):
        self.killed("legacy")


class AuditLog(unittest.TestCase):
    def test_a_full_log_blocks_grants_and_nothing_of_it_is_lost(self):
        package = machine.BUILD / "tests/hostile/audit/audit.pkg"
        with tempfile.TemporaryDirectory(prefix="capos-audit-") as folder:
            log = pathlib.Path(folder) / "audit.log"
            outcome = machine.run(["-serial", f"file:{log}", "-initrd", str(package)], line=machine.command_line(mode="serve"))
            self.assertTrue(outcome.switched_off(), outcome.report())
            self.assertRegex(outcome.console.decode("ascii"), r"blocker: done", outcome.report())
            self.assertNotIn(b"claim failed", outcome.console)
            self.assertIsNone(carried(outcome.console.decode("ascii"), log.read_text(encoding="ascii")))
        refused = int(re.search(r"blocker: refused after grants: (\d+)", outcome.console.decode("ascii"))[1])
        self.assertGreater(refused, 256)


if __name__ == "__main__":
    unittest.main()
