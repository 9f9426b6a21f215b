#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The programs of the boot package in the simulator, from the keyboard: frames through the driver process, a driver killed and
# started anew, the audit log with its chain, an orderly end with nothing left.
import pathlib
import re
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import package, runs  # noqa: E402
from keyboard import FRAMES, SYSTEM_PACKAGE, Session, broken_at  # noqa: E402

class Programs(Session):
    def test_modern_frames_kill_restart_and_an_orderly_end(self):
        lines = self.session("modern", "sim", "--backend", "script").splitlines()
        # The check itself can fail: a record changed, a record missing.
        changed = [*lines[:20], lines[20].replace(" owner=", " owner=1"), *lines[21:]]
        self.assertEqual(broken_at("\n".join(changed)), 21)
        self.assertEqual(broken_at("\n".join(lines[:20] + lines[21:])), 21)

    def test_legacy_frames_kill_restart_and_an_orderly_end(self):
        self.session("legacy", "sim", "--backend", "script")

    def test_what_the_shell_shows(self):
        system = self.start("sim", "--backend", "script")
        self.due(system, "init: frames ended with code 0\n")
        for line, said in (("help", "                 poweroff                takes all back and ends the system\n"),
                           ("services", "frames                  ended          1         7\n"),
                           ("devices", "00:04.0  1af4:1041      020000 network card\n"),
                           ("evidence", "inventory                         1\n"),
                           ("audit", "not yet drained                    0\n"),
                           ("caps 5", "  inventory                0\n"),
                           ("devices release 00:04.0", "only a function in quarantine is released: usage counts them\n"),
                           ("devices take 00:04.0", "usage: devices, or devices release BB:DD.F as devices lists it\n"),
                           ("kill", "usage: kill SERVICE: ends it; its rule says if it returns\n"),
                           ("kill nobody", "no such service: services lists them\n"),
                           ("caps 99", "no such process: caps takes a number of the first column of ps\n")):
            system.type(line)
            self.due(system, f"capos> {line}\n")
            self.due(system, said)
        self.assertNotRegex(system.text, r"\n +\d+ +\d+  functions? ", "the shell could take a function")
        self.assertNotRegex(system.text, r"\n +\d+ +\d+  nic ", "the shell could take frames")
        self.power_off(system)

    def test_what_a_proof_starts_is_left_out_and_shows_nothing_when_it_is_started(self):
        system = self.start("sim", "--backend", "script", "--disk", "scsi-modern", "--package", str(SYSTEM_PACKAGE))
        for line, said in (("services", "diskd                   left out       0\n"),
                           ("restart diskd", "diskd: it reads in a proof alone\n"),
                           ("restart metad", "init: metad ended with code 0\n"),
                           ("services", "diskd                   ended          1 ")):
            system.type(line)
            self.due(system, said)
        self.due(system, "init: diskd ended with code 0\n")
        self.power_off(system)
        self.assertIn("+storage+storage-package+", system.text)

    def test_what_is_typed_stays_whole_when_others_write(self):
        system = self.start("sim", "--backend", "script")
        self.due(system, "init: frames ended with code 0\n")
        system.type("kill nicd\nserv", "")
        self.due(system, "polled\ncapos> serv")
        system.type("x\x7fices")
        self.due(system, "capos> services\n")
        self.due(system, "nicd                    runs           2 ")
        self.power_off(system)

    def test_a_client_that_ended_leaves_the_driver_to_another(self):
        self.two_clients("sim", "--backend", "script")

    def test_a_shell_comes_back_while_its_driver_is_down(self):
        self.shell_without_driver("sim", "--backend", "script")

    def test_reboot_begins_a_new_run(self):
        system = self.start("sim", "--backend", "script")
        self.due(system, "capos> ")
        system.type("reboot")
        self.due(system, "capos kernel starting\n", 2)
        self.log_in(system, 2)
        self.assertTrue(system.wait_since("capos kernel starting\n", "init: frames ended with code 0\n"), system.text[-3000:])
        self.power_off(system)
        self.assertEqual(len(runs() - self.before), 2)
        self.assertEqual(len(set(re.findall(r",boot=([0-9a-f]{16}),", system.text))), 2)

    def test_one_port_is_answered_and_again_after_each_kill(self):
        self.network("sim")

    def test_a_run_that_people_use_has_the_time_of_the_wall(self):
        """Never more than that, however much it does."""
        begun = time.monotonic()
        system = self.start("sim", "--package", str(SYSTEM_PACKAGE))
        for _ in range(20):
            system.type("services")
        for times in (1, 2, 3):
            system.type("top")
            self.due(system, "any key ends", times)
            system.type("q", "")
            self.assertGreater(system.at_prompt(), 0)
            said = int(re.findall(r"up (\d+) s, ", system.text)[-1])
            self.assertLessEqual(said, time.monotonic() - begun)
        self.power_off(system)

    def test_a_driver_that_sleeps_is_woken_by_its_interrupt(self):
        with tempfile.TemporaryDirectory(prefix="capos-") as folder:
            file = package(folder, "user/frames/manifest.json", "programs", lambda s: s["nicd"]["parameters"].update(interrupts=1))
            system = self.start("sim", "--backend", "script", "--package", str(file))
            self.due(system, FRAMES)
            self.assertIn("modern, woken by its interrupt\n", system.text)
            system.type("usage")
            self.due(system, "denials ")
            self.power_off(system)
        # One at least for what the device received.
        self.assertGreater(int(re.search(r"^interrupts +(\d+)$", system.text, re.M)[1]), 0)


if __name__ == "__main__":
    unittest.main()
