#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# What the front door says and returns: usage, unknown words, what is missing, sources. Nothing is installed or fetched here.
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, capos, environment, path_without, run_folder, runs  # noqa: E402

COMMANDS = ["setup", "sim", "qemu", "image", "test", "bench", "evidence", "clean"]


class Usage(unittest.TestCase):
    def test_no_command_and_unknown_commands_are_usage_errors_on_stderr(self):
        for words in [(), ("frobnicate",), ("--frobnicate",)]:
            status, out, err = capos(*words)
            self.assertEqual((status, out), (2, ""), words)
            self.assertIn("usage: ./capos", err)

    def test_help_of_the_door_names_every_command(self):
        status, out, err = capos("--help")
        self.assertEqual((status, err), (0, ""))
        for command in COMMANDS:
            self.assertRegex(out, rf"(?m)^  {command} ")

    def test_each_command_has_help(self):
        for command in COMMANDS:
            status, out, _ = capos(command, "--help")
            self.assertEqual(status, 0, command)
            self.assertTrue(out.strip(), command)

    def test_help_of_the_door_is_the_help_of_the_programs(self):
        for command, program in [("sim", "capos-sim"), ("bench", "capos-bench")]:
            said = subprocess.run([str(ROOT / "build/ship/sim" / program), "--help"], capture_output=True, text=True, check=True)
            self.assertEqual(capos(command, "--help")[1], said.stdout)

    def test_version_names_version_commit_and_abi(self):
        status, out, _ = capos("--version")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^capos \d+\.\d+\.\d+ commit ([0-9a-f]{12}(-dirty)?|unknown) abi \d+\n$")

    def test_version_is_the_one_of_the_build(self):
        project = re.search(r"project\(capos VERSION (\S+)", (ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]
        self.assertIn(f"capos {project} ", capos("--version")[1])

    def test_wrong_arguments_are_usage_errors(self):
        for words in [("setup", "everything"), ("clean", "--most"), ("evidence",), ("evidence", "forge"), ("test", "nosuchsuite"),
                      ("test", "--nosuchflag"), ("evidence", "list", "x"), ("evidence", "check"),
                      ("sim", "--run-dir", "x"), ("sim", "--key-file=x"), ("bench", "--nosuchflag"),
                      ("image", "--nosuchflag"), ("image", "x"), ("qemu", "--image", "x"),
                      ("qemu", "--firmware", "uefi", "--memory", "64"), ("qemu", "--firmware=bios", "--bios=qboot"),
                      ("qemu", "--disk=nvme", "--bios=seabios")]:
            status, _, err = capos(*words)
            self.assertEqual(status, 2, words)
            self.assertTrue(err.strip(), words)

    def test_wrong_simulator_flags_leave_no_run_behind(self):
        before = runs()
        for words in [("--nic", "token-ring"), ("--nosuchflag",), ("--seed", "x"), ("--exchanges", "0"), ("stray",)]:
            status, out, err = capos("sim", *words)
            self.assertEqual((status, out), (2, ""), words)
            self.assertIsNone(run_folder(err))
        self.assertEqual(runs(), before)

    def test_unreadable_replay_is_refused_and_leaves_no_run_behind(self):
        before = runs()
        self.assertEqual(capos("sim", "--replay", "/nonexistent")[0], 4)
        self.assertEqual(runs(), before)

    def test_door_works_from_another_folder_and_through_a_link(self):
        with tempfile.TemporaryDirectory() as folder:
            link = pathlib.Path(folder) / "link"
            link.symlink_to(ROOT / "capos")
            done = subprocess.run([link, "--version"], cwd=folder, env=environment(), capture_output=True, check=False)
            self.assertEqual(done.returncode, 0)

    def test_evidence_list_prints_every_marker(self):
        status, out, _ = capos("evidence", "list")
        self.assertEqual(status, 0)
        for marker in ("platform", "provider-nic-bound", "end"):
            self.assertRegex(out, rf"(?m)^{marker} ")


class Missing(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.bin = pathlib.Path(self.folder.name)

    def tearDown(self):
        self.folder.cleanup()

    def test_missing_package_is_listed_and_never_installed_when_forbidden(self):
        path_without(self.bin, "cmake", **{"apt-get": "#!/bin/bash\ncase \"$*\" in *print-uris*) exit 0 ;; esac\n"
                                                      "echo installed > \"$(dirname \"$0\")/called\"\n"})
        for extra in [{}, {"CI": "true"}]:
            status, _, err = capos("sim", "--proof", PATH=self.bin, CAPOS_NO_INSTALL=1, **extra)
            self.assertEqual(status, 3)
            self.assertRegex(err, r"(?m)^  cmake \(")
            self.assertNotIn("ninja-build", err)
            self.assertFalse((self.bin / "called").exists(), "apt-get was called to install")

    def test_without_terminal_nothing_is_installed_unasked(self):
        path_without(self.bin, "cmake", **{"apt-get": "#!/bin/bash\ncase \"$*\" in *print-uris*) exit 0 ;; esac\n"
                                                      "echo installed > \"$(dirname \"$0\")/called\"\n"})
        status, _, err = capos("sim", "--proof", PATH=self.bin)
        self.assertEqual(status, 3)
        self.assertIn("--yes", err)
        self.assertFalse((self.bin / "called").exists())

    def test_yes_and_ci_install_what_is_missing_and_only_that(self):
        script = ("#!/bin/bash\ncase \"$*\" in *print-uris*) exit 0 ;; esac\n"
                  "echo \"$@\" >> \"$(dirname \"$0\")/called\"\nexit 1\n")
        sudo = "#!/bin/bash\nexec \"$@\"\n"
        path_without(self.bin, "cmake", **{"apt-get": script, "sudo": sudo})
        for words, extra in [(("--yes",), {}), ((), {"CI": "true"})]:
            status, _, err = capos("sim", "--proof", *words, PATH=self.bin, **extra)
            self.assertEqual(status, 3, "the planted apt-get fails")
            called = (self.bin / "called").read_text(encoding="utf-8").strip().splitlines()
            self.assertRegex(called[-1], r"^install .* cmake$")
            self.assertIn("failed", err)

    def test_old_version_on_path_is_not_sufficient(self):
        path_without(self.bin, cmake="#!/bin/bash\necho cmake version 3.18.4\n")
        status, _, err = capos("sim", PATH=self.bin, CAPOS_NO_INSTALL=1)
        self.assertEqual(status, 3)
        self.assertIn("cmake", err)

    def test_other_platforms_are_refused_in_one_line(self):
        path_without(self.bin, uname="#!/bin/bash\n[ \"$1\" = -s ] && echo Darwin || echo arm64\n")
        status, _, err = capos("sim", PATH=self.bin)
        self.assertEqual(status, 3)
        self.assertEqual(len(err.strip().splitlines()), 1)
        self.assertIn("x86-64 Linux", err)

    def test_evidence_needs_neither_compiler_nor_cmake(self):
        path_without(self.bin, "cmake", "gcc", "ninja", "pkg-config")
        self.assertEqual(capos("evidence", "list", PATH=self.bin, CAPOS_NO_INSTALL=1)[0], 0)

    def test_every_package_line_has_group_name_and_a_known_check(self):
        for line in (ROOT / "packages").read_text(encoding="utf-8").splitlines():
            if line and not line.startswith("#"):
                self.assertRegex(line, r"^(build|test|evidence|qemu|image|uefi|cloudboot|bench|peers|browser) +[a-z0-9.+-]+ "
                                       r"+(deb|(cmd|pc|py|header|fetch|unpack):\S+)$")


class Sources(unittest.TestCase):
    def fetch(self, name, **changes):
        done = subprocess.run([str(ROOT / "cmake/fetch_source.sh"), name], env=environment(**changes), text=True,
                              capture_output=True, check=False)
        return done.returncode, done.stdout, done.stderr

    def test_folder_of_sources_takes_the_place_of_fetching(self):
        status, cached, err = self.fetch("bearssl")
        self.assertEqual(status, 0, err)
        with tempfile.TemporaryDirectory() as folder:
            status, _, err = self.fetch("bearssl", CAPOS_SOURCES=folder)
            self.assertEqual((status, len(err.strip().splitlines())), (3, 1))
            copy = pathlib.Path(shutil.copy(cached.strip(), folder))
            self.assertEqual(self.fetch("bearssl", CAPOS_SOURCES=folder)[:2], (0, f"{copy}\n"))
            copy.write_bytes(copy.read_bytes()[:-1] + b"x")
            status, _, err = self.fetch("bearssl", CAPOS_SOURCES=folder)
            self.assertEqual(status, 3)
            self.assertIn("SHA-256", err)

    def test_a_source_of_another_release_is_asked_of_that_release_alone(self):
        script = ("#!/bin/bash\nfor word; do case $word in Dir::Etc::sourcelist=*)\n"
                  "cp \"${word#*=}\" \"$(dirname \"$0\")/asked\" ;; esac; done\nexit 1\n")
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "apt-get").write_text(script, encoding="utf-8")
            (place / "apt-get").chmod(0o755)
            changes = {"XDG_CACHE_HOME": folder, "PATH": f"{folder}:{os.environ['PATH']}", "CAPOS_SOURCES": ""}
            status, _, err = self.fetch("lwip", **changes)
            self.assertEqual((status, len(err.strip().splitlines())), (3, 1), "the planted apt-get fails")
            asked = (place / "asked").read_text(encoding="utf-8")
            suites = re.findall(r"^Suites: (.*)$|^deb-src (?:\[.*\] )?\S+ (\S+)", asked, re.M)
            words = {word for found in suites for word in " ".join(found).split()}
            self.assertIn("trixie", words)
            self.assertLessEqual(words, {"trixie", "trixie-security"})
            self.assertNotRegex(asked, r"(?m)^(deb |Types:.*\bdeb\b(?!-))")

    def test_a_source_of_npm_is_asked_of_npm_and_not_believed(self):
        with tempfile.TemporaryDirectory() as folder:
            place = pathlib.Path(folder)
            (place / "npm").write_text("#!/bin/bash\necho \"$*\" >\"$(dirname \"$0\")/asked\"\necho x >argon2-0.45.1.tgz\n",
                                       encoding="utf-8")
            (place / "npm").chmod(0o755)
            changes = {"XDG_CACHE_HOME": folder, "PATH": f"{folder}:{os.environ['PATH']}", "CAPOS_SOURCES": ""}
            status, _, err = self.fetch("argon2", **changes)
            self.assertEqual((status, len(err.strip().splitlines())), (3, 1))
            self.assertIn("SHA-256", err)
            self.assertIn("argon2@0.45.1", (place / "asked").read_text(encoding="utf-8"))
            self.assertEqual(sorted(path.name for path in (place / "capos/sources").iterdir()), [], "nothing is kept")
            (place / "asked").unlink()
            done = subprocess.run([str(ROOT / "cmake/fetch_source.sh"), "--here", "argon2"], env=environment(**changes),
                                  capture_output=True, check=False)
            self.assertEqual(done.returncode, 3)
            self.assertFalse((place / "asked").exists(), "--here asks nobody")

    def test_unknown_source_and_usage(self):
        self.assertEqual(self.fetch("nosuchsource")[0], 3)
        done = subprocess.run([str(ROOT / "cmake/fetch_source.sh")], capture_output=True, check=False)
        self.assertEqual(done.returncode, 2)


class Clean(unittest.TestCase):
    def test_clean_removes_builds_and_all_removes_runs_too(self):
        with tempfile.TemporaryDirectory() as folder:
            copy = pathlib.Path(folder)
            shutil.copy(ROOT / "capos", copy)
            shutil.copytree(ROOT / "door", copy / "door")

            def made():
                return {name for name in ("build", "out", "cache/capos") if (copy / name).exists()}
            for name in ("build/ship", "out/run", "cache/capos/sources"):
                (copy / name).mkdir(parents=True)
            for words, left in [((), {"out", "cache/capos"}), (("--all",), set())]:
                done = subprocess.run([str(copy / "capos"), "clean", *words], env=environment(XDG_CACHE_HOME=copy / "cache"),
                                      check=False)
                self.assertEqual((done.returncode, made()), (0, left))


if __name__ == "__main__":
    unittest.main()
