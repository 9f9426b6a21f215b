# SPDX-License-Identifier: BSD-2-Clause
# The whole command against the stand-in, by the installed gcloud, with a machine that boots the image: it ends green where all is
# well and red where it must, and in every case the stand-in's ledger is empty.
import json
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

import harness
import standin

sys.path[:0] = [str(harness.ROOT / "tests/boot")]
import machine  # noqa: E402
from test_misbehave import HAVE, MISSING, VPC  # noqa: E402

DEEP = os.environ.get("CAPOS_DEEP") == "1"
SECONDS_MAX = 1800
# Of the stand-in: what goes wrong, which exit status that is, and what the record or the output says of it.
RED = (("quota", 1, "QUOTA_EXCEEDED"), ("stockout", 1, "ZONE_RESOURCE_POOL_EXHAUSTED"), ("image-failed", 1, "Internal error"),
       ("denied=compute.instances.create", 1, "compute.instances.create"), ("dies=1", 4, '"no-end"'), ("serial-gap", 4, "are gone"),
       ("quota=shown", 3, "quota CPUS"))
GREEN = (("stockout=us-central1-a", "us-central1-b"), ("delete-fails", "at the 2. try"), ("lost-create", "verdict: pass"),
         ("server-error=2:compute.networks.create", "verdict: pass"), ("slow=3", "verdict: pass"))


@unittest.skipUnless(standin.GCLOUD, "cloudboot: test_local: gcloud is not installed")
@unittest.skipUnless(HAVE and VPC.exists(), MISSING)
@unittest.skipUnless(shutil.which("minisign"), "cloudboot: test_local: minisign is not installed (./capos setup cloudboot)")
class Local(unittest.TestCase):
    def local(self, status, *words):
        """The run's folder, and what was said."""
        folder = tempfile.TemporaryDirectory(prefix="capos-local-")
        self.addCleanup(folder.cleanup)
        done = subprocess.run(
            ["/usr/bin/python3", "-B", harness.PROGRAM, "--local", "--require-provider-nic-proof", "--kernel", machine.KERNEL,
             "--package", machine.BUILD / "capos.pkg", "--vpc", VPC, "--out", folder.name, *words], stdin=subprocess.DEVNULL,
            capture_output=True, text=True, check=False, timeout=SECONDS_MAX)
        said = done.stdout + done.stderr
        self.assertEqual(done.returncode, status, said)
        found = [harness.pathlib.Path(folder.name) / name for name in os.listdir(folder.name)]
        if status != 3:
            self.assertIn("the stand-in's ledger: empty", said)
            self.assertEqual(json.loads((found[0] / "record.json").read_text())["state"], "clean")
        return found, said

    def test_a_run_here_holds(self):
        (folder,), said = self.local(0)
        self.assertIn("verdict: pass, gate provider-nic", said)
        done = subprocess.run(["/usr/bin/python3", "-B", harness.ROOT / "evidence/check.py", folder], capture_output=True,
                              text=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertTrue((folder / "page.html").exists())

    @unittest.skipUnless(DEEP, "cloudboot: test_local: the whole run under each misbehaviour of the stand-in, deep only")
    def test_each_misbehaviour(self):
        for name, status, text in RED:
            with self.subTest(name):
                found, said = self.local(status, "--misbehave", name)
                files = [path.read_text() for folder in found for path in folder.glob("*.json")]
                self.assertTrue(any(text in part for part in (said, *files)), said)
        for name, text in GREEN:
            with self.subTest(name):
                self.assertIn(text, self.local(0, "--misbehave", name)[1])


if __name__ == "__main__":
    unittest.main()
