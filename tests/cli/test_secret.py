#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The operator's secret of a run: who sees it, where it stays, what is refused.
import pathlib
import re
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, capos, remove, run_folder, runs  # noqa: E402
from keyboard import Session  # noqa: E402

SECRET = ROOT / "build/ship/user/authd/capos-secret"
SHOWN = re.compile(r"^operator secret: ([0-9a-z]{5}(?:-[0-9a-z]{5}){3}-[0-9a-z]{6})$", re.M)


class Secret(unittest.TestCase):
    def setUp(self):
        before = runs()
        self.addCleanup(lambda: remove(runs() - before))

    def short_run(self, *flags, world="sim"):
        """A run that stays up, as long as it takes to its first marker: what it said on both outputs, its folder's secret."""
        status, out, err = capos(world, "--until", "inventory", *flags)
        self.assertEqual(status, 0, out[-2000:] + err)
        folder = run_folder(err)
        kept = folder / "operator.secret"
        self.assertEqual(stat.S_IMODE(kept.stat().st_mode), 0o600)
        secret = kept.read_text(encoding="ascii").removesuffix("\n")
        for path in folder.iterdir():
            if path != kept and path.is_file():
                self.assertNotIn(secret.encode(), path.read_bytes(), path.name)
                self.assertNotIn(b"$argon2id$", path.read_bytes(), path.name)
        self.assertNotIn(secret, out)
        self.assertNotIn("$argon2id$", out + err)
        return secret, out, err

    def test_one_that_is_drawn_is_shown_once_and_another_each_time(self):
        seen = set()
        for _ in range(2):
            secret, _, err = self.short_run()
            self.assertEqual(SHOWN.findall(err), [secret])
            self.assertLess(err.index("operator secret: "), err.index("run: "))
            seen.add(secret)
        self.assertEqual(len(seen), 2)

    def test_a_seed_draws_the_same_again(self):
        first, second, other = (self.short_run("--seed", seed, "--backend", "script")[0] for seed in (7, 7, 8))
        self.assertEqual(first, second)
        self.assertNotEqual(first, other)

    def test_one_that_was_chosen_is_not_shown(self):
        with tempfile.NamedTemporaryFile("w", suffix=".secret") as file:
            file.write("correct horse battery staple\n")
            file.flush()
            secret, _, err = self.short_run("--secret-file", file.name)
            self.assertEqual(secret, "correct horse battery staple")
            self.assertNotIn("operator secret", err)
            self.assertNotIn(secret, err)

    def test_what_is_no_secret_is_refused_and_leaves_no_run(self):
        before = runs()
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "secret"
            for content in (b"", b"\n", b"seven77\n", b"x" * 129, b"two lines\nof it\n", b"not \xc3\xa4scii\n", b"a\ttab in it\n"):
                file.write_bytes(content)
                with self.subTest(content):
                    status, out, err = capos("sim", "--secret-file", file)
                    self.assertEqual((status, out, len(err.splitlines())), (4, "", 1), err)
            file.unlink()
            self.assertEqual(capos("sim", f"--secret-file={file}")[0], 3)
        self.assertEqual(runs(), before)

    def test_what_is_no_cost_is_refused_and_leaves_no_run(self):
        before = runs()
        for cost in ("", "4096", "4096,", ",3", "7,3", "4096,0", "4096,65", "1048577,1", "4096,3,1", "-8,3", "9" * 20 + ",3"):
            with self.subTest(cost):
                done = subprocess.run([str(SECRET), f"--secret-cost={cost}", "/dev/null"], capture_output=True, text=True,
                                      check=False)
                self.assertEqual((done.returncode, done.stdout, len(done.stderr.splitlines())), (2, "", 1), done.stderr)
        for world in ("sim", "qemu"):
            status, out, _ = capos(world, "--secret-cost=")
            self.assertEqual((status, out), (2, ""))
        self.assertEqual(capos("sim", "--secret-cost", "4096")[0], 2)
        self.assertEqual(runs(), before)

    def test_a_proof_has_none_and_the_door_makes_the_verifier(self):
        for world in ("sim", "qemu"):
            for flags in (("--proof", "--secret-file", "x"), ("--proof", "--secret-cost", "8,1"), ("--verifier", "x"),
                          ("--show-secret=x",)):
                with self.subTest(f"{world} {flags}"):
                    status, out, err = capos(world, *flags)
                    self.assertEqual((status, out), (2, ""), err)

    def test_in_qemu_as_well(self):
        secret, _, err = self.short_run(world="qemu")
        self.assertEqual(SHOWN.findall(err), [secret])


class Files(Session):
    def test_typed_it_is_in_no_file_of_the_run(self):
        self.secret_is_nowhere("sim", "--backend", "script")


if __name__ == "__main__":
    unittest.main()
