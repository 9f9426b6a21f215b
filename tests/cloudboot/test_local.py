# SPDX-License-Identifier: BSD-2-Clause
# The whole command against the stand-in, by the installed gcloud, with a machine that boots the image: it ends green where all is
# well and red where it must, and in every case the stand-in's ledger is empty.
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness
import runs as folders
import standin

sys.path[:0] = [str(harness.ROOT / "tests/boot")]
import machine  # noqa: E402
from test_misbehave import HAVE, MISSING, VPC  # noqa: E402

DEEP = os.environ.get("CAPOS_DEEP") == "1"
SECONDS_MAX = 1800
# Of the stand-in: what goes wrong, which exit status that is, and what the record or the output says of it.
RED = (("quota", 1, "Quota 'CPUS' exceeded"), ("stockout", 1, "ZONE_RESOURCE_POOL_EXHAUSTED"),
       ("image-failed", 1, "Internal error"), ("denied=compute.instances.create", 1, "compute.instances.create"),
       ("dies=1", 4, '"verdict": "refused"'), ("serial-gap", 4, "are gone"), ("quota=shown", 3, "quota CPUS"))
GREEN = (("stockout=us-central1-a", "us-central1-b"), ("delete-fails", "at the 3. try"), ("lost-create", "verdict: pass"),
         ("server-error=2:compute.networks.create", "verdict: pass"), ("slow=3", "verdict: pass"),
         ("serial-gone", "verdict: pass"))
HOLD = ("--hold", "60")  # on a machine that has other work a call of gcloud takes its time
# Packages whose runs must come out red, and what their logs say of it.
CONTROLS = {"no_driver": (), "revoked": ("nicd: the kernel does not see a marker's condition hold",
                                         "claim failed: a proof of the programs did not hold")}


@unittest.skipUnless(standin.GCLOUD, "cloudboot: test_local: gcloud is not installed")
@unittest.skipUnless(HAVE and VPC.exists(), MISSING)
@unittest.skipUnless(shutil.which("minisign"), "cloudboot: test_local: minisign is not installed (./capos setup cloudboot)")
class Local(unittest.TestCase):
    def local(self, status, *words, package=folders.PACKAGE):
        """The run's folder, and what was said."""
        folder = tempfile.TemporaryDirectory(prefix="capos-local-")
        self.addCleanup(folder.cleanup)
        done = subprocess.run(
            ["/usr/bin/python3", "-B", harness.PROGRAM, "--local", "--require-provider-nic-proof", "--kernel", machine.KERNEL,
             "--package", package, "--vpc", VPC, "--out", folder.name, *words], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, status, said)
        found = [pathlib.Path(folder.name) / name for name in os.listdir(folder.name)]
        if status != 3:
            self.assertIn("the stand-in's ledger: empty", said)
            self.assertEqual(json.loads((found[0] / "record.json").read_text())["state"], "clean")
        return found, said

    def test_a_run_here_holds(self):
        (folder,), said = self.local(0, "--probe-web", "--secret-program", machine.BUILD / "user/authd/capos-secret")
        self.assertIn("verdict: pass, gate provider-nic", said)
        done = subprocess.run(["/usr/bin/python3", "-B", harness.ROOT / "evidence/check.py", folder], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue((folder / "page.html").exists())
        # The client outside, through the stand-in's forward: its word and the machine's.
        record = json.loads((folder / "provider.json").read_text())
        self.assertEqual((record["web"]["nonce"], record["web"]["reasons"]), (record["web"]["asked"], []))
        self.assertEqual(list(record["web"]["statuses"].values()), [200, 200, 200, 200, 200, 204, 204, 401])
        marker = re.search(r"^cloudboot-evidence: web-ui-l4 .*$", (folder / "port1.log").read_text(encoding="latin-1"), re.M)[0]
        self.assertIn(f",peer=35.235.240.1,number=0x{record['web']['number']},session={record['web']['session']},", marker)
        self.assertNotIn("web", record["not_attempted"])

    @unittest.skipUnless(DEEP, "cloudboot: test_local: the whole run under each misbehaviour of the stand-in, deep only")
    def test_each_misbehaviour(self):
        for name, status, text in RED:
            with self.subTest(name):
                found, said = self.local(status, "--misbehave", name)
                files = [path.read_text() for folder in found for path in folder.glob("*.json")]
                self.assertTrue(any(text in part for part in (said, *files)), said)
        for name, text in GREEN:
            with self.subTest(name):
                self.assertIn(text, self.local(0, "--misbehave", name, *(HOLD if name == "serial-gone" else ()))[1])

    @unittest.skipUnless(DEEP, "cloudboot: test_local: the whole run of each negative control, deep only")
    def test_each_control_is_red(self):
        for name, texts in CONTROLS.items():
            with self.subTest(name):
                (folder,), said = self.local(1, package=control(name))
                self.assertIn("verdict: fail, gate provider-nic", said)
                self.assertIn("provider-nic-bound is missing", said)
                for text in texts:
                    self.assertIn(text, (folder / "port1.log").read_text(encoding="utf-8"))


def control(name):
    return machine.BUILD / f"tests/cloudboot/{name}.pkg"


@unittest.skipUnless(folders.SIMULATOR.exists(), "cloudboot: test_local: the simulator is not built")
class Controls(unittest.TestCase):
    """A gate that never says no proves nothing."""

    def judged(self, package):
        with tempfile.TemporaryDirectory(prefix="capos-control-") as folder:
            folder = pathlib.Path(folder)
            record = folders.simulator_run(folder, package)
            return record, (folder / "console.log").read_text(encoding="utf-8")

    def test_without_a_driver_and_with_a_revoked_grant_it_is_red(self):
        for name, texts in CONTROLS.items():
            with self.subTest(name):
                record, said = self.judged(control(name))
                self.assertEqual((record["verdict"], record["provider_nic_proof"]["holds"]), ("fail", False))
                self.assertNotRegex(said, "(?m)^cloudboot-evidence: provider-nic-bound ")
                for text in texts:
                    self.assertIn(text, said)


if __name__ == "__main__":
    unittest.main()
