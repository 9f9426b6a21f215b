#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The programs of the boot package in the simulator, from the keyboard: frames through the driver process, a driver killed and
# started anew, the audit log with its chain, an orderly end with nothing left.
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import threading
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, SECONDS_MAX, environment, remove, run_folder, runs  # noqa: E402

NO_BDF = 0xFFFF
LINE = re.compile(r"audit: seq=(\d+) owner=(\d+) kind=(\d+) interface=(\d+) handle=(\d+)\.(\d+) bdf=(\S+) result=(\d+) "
                  r"chain=([0-9a-f]{64})")


def bdf_of(text):
    if text == "none":
        return NO_BDF
    bus, rest = text.split(":")
    device, function = rest.split(".")
    return int(bus, 16) << 8 | int(device, 16) << 3 | int(function, 16)


def broken_at(text):
    """The sequence number at which an audit log's chain breaks, or None."""
    chain, expected = bytes(32), 1
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if not match:
            return expected
        seq, owner, kind, interface, index, generation = (int(match[n]) for n in range(1, 7))
        record = struct.pack("<QIIHHBBB", seq, index, generation, owner, bdf_of(match[7]), kind, interface, int(match[8]))
        chain = hashlib.sha256(chain + record).digest()
        if seq != expected or chain.hex() != match[9]:
            return expected
        expected += 1
    return None


class Keyboard:
    """A staying run with a pipe for its keys."""

    def __init__(self, *flags):
        self.text, self.changed = "", threading.Condition()
        self.process = subprocess.Popen([str(ROOT / "capos"), "sim", *flags], cwd=ROOT, env=environment(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while piece := os.read(self.process.stdout.fileno(), 4096):
            with self.changed:
                self.text += piece.decode("ascii", "replace")
                self.changed.notify_all()

    def wait(self, text, times=1):
        with self.changed:
            return self.changed.wait_for(lambda: self.text.count(text) >= times, timeout=SECONDS_MAX)

    def type(self, line):
        self.process.stdin.write(line.encode() + b"\n")
        self.process.stdin.flush()

    def end(self):
        self.reader.join(SECONDS_MAX)
        errors = self.process.stderr.read().decode()
        status = self.process.wait(SECONDS_MAX)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return status, errors


class Programs(unittest.TestCase):
    def setUp(self):
        self.before = runs()

    def tearDown(self):
        remove(runs() - self.before)

    def session(self, nic):
        system = Keyboard("--backend", "script", "--nic", nic)
        self.assertTrue(system.wait("frames: sent 8, arp replies 4, echo replies 4, others 0\n"), system.text)
        self.assertTrue(system.wait("init: frames ended with code 0\n"), system.text)
        system.type("ps")
        self.assertTrue(system.wait(" shell process="), system.text)
        self.assertRegex(system.text, r"\n\d+ nicd process=\d+ pages=\d+ .* denials=0 ")
        system.type("kill nicd")
        self.assertTrue(system.wait("init: nicd was killed\n"), system.text)
        self.assertTrue(system.wait(f"nicd: 52:54:00:12:34:56 at 00:04.0, {nic}, polled\n", times=2), system.text)
        system.type("no-such-command")
        self.assertTrue(system.wait("no such command: see help\n"), system.text)
        system.type("poweroff")
        status, errors = system.end()
        self.assertEqual(status, 0, system.text[-2000:] + errors)
        self.assertNotIn("claim failed", system.text)
        self.assertRegex(system.text, r"cloudboot-evidence: end v1:.*,count=\d+\n")
        return (run_folder(errors) / "audit.log").read_text(encoding="ascii")

    def test_modern_frames_kill_restart_and_an_orderly_end(self):
        log = self.session("modern")
        self.assertIsNone(broken_at(log), "the audit log's chain is broken")
        lines = log.splitlines()
        self.assertGreater(len(lines), 50)
        # The check itself can fail: a record changed, a record missing.
        changed = [*lines[:20], lines[20].replace(" owner=", " owner=1"), *lines[21:]]
        self.assertEqual(broken_at("\n".join(changed)), 21)
        self.assertEqual(broken_at("\n".join(lines[:20] + lines[21:])), 21)

    def test_legacy_frames_kill_restart_and_an_orderly_end(self):
        self.assertIsNone(broken_at(self.session("legacy")))

    def test_a_driver_that_sleeps_is_woken_by_its_interrupt(self):
        built = ROOT / "build/ship"
        manifest = json.loads((ROOT / "user/manifest.json").read_text(encoding="utf-8"))
        for service in manifest["services"]:
            if service["name"] == "nicd":
                service["parameters"]["interrupts"] = 1
        with tempfile.TemporaryDirectory(prefix="capos-") as folder:
            package, text = pathlib.Path(folder) / "capos.pkg", pathlib.Path(folder) / "manifest.json"
            text.write_text(json.dumps(manifest), encoding="utf-8")
            subprocess.run([sys.executable, "-B", ROOT / "user/make_package.py", "--manifest", text, "--markers",
                            ROOT / "evidence/markers.json", "--tables", built / "user/tables.bin", "--programs", built / "programs",
                            "--out", package], check=True)
            system = Keyboard("--backend", "script", "--package", str(package))
            self.assertTrue(system.wait("frames: sent 8, arp replies 4, echo replies 4, others 0\n"), system.text)
            self.assertIn("modern, woken by its interrupt\n", system.text)
            system.type("usage")
            self.assertTrue(system.wait(" denials="), system.text)
            system.type("poweroff")
            self.assertEqual(system.end()[0], 0, system.text)
        # Those of the proof before the programs, and one at least for what the device received for them.
        proof = int(re.search(r"interrupt-delivered .*,interrupts=(\d+),", system.text)[1])
        self.assertGreater(int(re.search(r"^usage: .* interrupts=(\d+) ", system.text, re.M)[1]), proof)


if __name__ == "__main__":
    unittest.main()
