# SPDX-License-Identifier: BSD-2-Clause
# The harness as for the cloud itself, with the installed gcloud, killed while the stand-in is asked for something: afterwards its
# ledger is empty, by the run's own cleanup or by a sweep. test_harness.py does the same at every step with a fake of gcloud.
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import unittest

import harness
import life
import standin
from test_misbehave import HAVE, MISSING, VPC

DEEP = os.environ.get("CAPOS_DEEP") == "1"
SECONDS_MAX = 300
# What is under way when the signal comes: the end of a request's path, its method.
STEPS = {"bucket": ("POST", "/storage/v1/b"), "upload": ("POST", "/o"), "image": ("POST", "/global/images"),
         "network": ("POST", "/global/networks"), "firewall": ("POST", "/global/firewalls"), "machine": ("POST", "/instances"),
         "serial": ("GET", "/serialPort")}
LOGIN = f"""#!/bin/sh
# Somebody is logged in; all else is the installed gcloud's.
case "$1 $2" in "auth list") echo '[{{"account": "operator@example.org"}}]' ;; *) exec {standin.GCLOUD} "$@" ;; esac
"""


@unittest.skipUnless(standin.GCLOUD, "cloudboot: test_struck: gcloud is not installed")
@unittest.skipUnless(HAVE and VPC.exists(), MISSING)
@unittest.skipUnless(DEEP, "cloudboot: test_struck: a run with gcloud killed at each of its steps, deep only")
class Struck(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="capos-struck-")
        self.addCleanup(self.temporary.cleanup)
        self.folder = pathlib.Path(self.temporary.name)
        (self.folder / "gcloud").write_text(LOGIN)
        (self.folder / "gcloud").chmod(0o755)

    def command(self, out, *words):
        return ["/usr/bin/python3", "-B", harness.PROGRAM, *words, "--kernel", standin.ROOT / "build/ship/kernel.elf", "--package",
                standin.ROOT / "build/ship/capos.pkg", "--out", out, "--pause", "0.2", "--yes"]

    def asked(self, server, method, end):
        return any(request["method"] == method and request["path"].partition("?")[0].endswith(end) for request in server.requests())

    def strike(self, name, number):
        method, end = STEPS[name]
        out = self.folder / f"{name}-{number.name}"
        with standin.StandIn("--delay", "0.5", vpc=VPC) as server:
            places = {**os.environ, **standin.environment.environment(server.port, self.folder / "config"),
                      "PATH": f"{self.folder}:{os.environ['PATH']}"}
            process = subprocess.Popen(self.command(out, "--project", life.PROJECT, "--zone", life.ZONE), env=places, text=True,
                                       stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
            came = standin.until(lambda: self.asked(server, method, end) or process.poll() is not None, SECONDS_MAX)
            process.send_signal(number)
            said = process.communicate(timeout=SECONDS_MAX)[0]
            self.assertTrue(came and self.asked(server, method, end), said)
            self.assertEqual(process.returncode, harness.KILLED[number], said)
            if number == signal.SIGKILL:
                done = subprocess.run(self.command(out, "sweep", "--project", life.PROJECT, "--older-than", "0"), env=places,
                                      capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
                said += done.stdout + done.stderr
                self.assertEqual(done.returncode, 0, said)
            self.assertEqual(server.ledger(), [], said)
        record = json.loads(next(out.glob("capos-*/record.json")).read_text())
        self.assertEqual((record["state"], {entry["state"] for entry in record["resources"]}), ("clean", {"gone"}), said)

    def test_killed_at_each_step(self):
        for name in STEPS:
            with self.subTest(name):
                self.strike(name, signal.SIGKILL)

    def test_asked_to_end_at_each_step(self):
        for at, name in enumerate(STEPS):
            with self.subTest(name):
                self.strike(name, (signal.SIGINT, signal.SIGTERM)[at % 2])


if __name__ == "__main__":
    unittest.main()
