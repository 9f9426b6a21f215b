#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# ./capos qemu from end to end: proof and gate, flags, the power button, interruption, seeds, two machines at once.
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, SECONDS_MAX, capos, environment, remove, run_folder, runs  # noqa: E402

FEW = ("--exchanges", "50")


def machines(folder):
    """Processes of QEMU whose serial ports lead to the run in this folder, by the key on their command line."""
    key = (folder / "chain.key").read_text(encoding="ascii").strip()
    listed = subprocess.run(["pgrep", "-f", f"qemu-system-x86_64.*chain_key={key}"], capture_output=True, text=True, check=False)
    return listed.stdout.split()


@unittest.skipIf(shutil.which("qemu-system-x86_64") is None, "qemu-system-x86_64 is not installed (./capos setup qemu)")
class Machine(unittest.TestCase):
    def setUp(self):
        self.before = runs()

    def tearDown(self):
        remove(runs() - self.before)

    def proof(self, *flags):
        status, out, err = capos("qemu", "--proof", *flags)
        self.assertEqual(status, 0, out[-3000:] + err)
        return run_folder(err), out

    def test_proof_holds_and_is_judged(self):
        for nic, used_len in (("modern", 76), ("legacy", 74)):
            folder, out = self.proof("--nic", nic, *FEW)
            self.assertTrue(out.replace("\r\n", "\n").startswith("capos kernel starting\n"), out[:200])
            self.assertIn(f"used_len={used_len},", out)
            self.assertIn("verdict: pass gate=provider-nic", out)
            record = json.loads((folder / "provider.json").read_text(encoding="utf-8"))
            self.assertTrue(record["provider_nic_proof"]["holds"])
            self.assertEqual(json.loads((folder / "run.json").read_text(encoding="utf-8"))["world"], "qemu")

    def test_same_seed_gives_the_same_log(self):
        logs = [self.proof("--seed", "3", *FEW)[1] for _ in range(2)]
        logs = [re.sub(r"^run: .*$", "", log, flags=re.M) for log in logs]
        self.assertEqual(logs[0], logs[1])

    def test_without_a_nic_the_claim_fails(self):
        status, out, err = capos("qemu", "--proof", "--nics", "0", *FEW)
        self.assertEqual(status, 1, out + err)
        self.assertIn("no virtio network function was found", out)

    def test_wrong_flags_are_usage_errors_and_leave_no_run(self):
        for words in (("--nic", "token-ring"), ("--memory", "1"), ("--exchanges", "0"), ("--kernel", "x"), ("--pro",), ("extra",)):
            status, _, err = capos("qemu", *words)
            self.assertEqual(status, 2, words)
            self.assertNotEqual(err, "", words)
        self.assertEqual(runs(), self.before)

    def test_until_presses_the_power_button(self):
        status, out, err = capos("qemu", "--until", "inventory")
        self.assertEqual(status, 0, out + err)
        self.assertIn("cloudboot-evidence: end ", out)
        self.assertEqual(machines(run_folder(err)), [])

    def ended_by(self, number):
        child = subprocess.Popen([str(ROOT / "capos"), "qemu"], cwd=ROOT, env=environment(), text=True, stdin=subprocess.DEVNULL,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for line in child.stdout:
            if "shell runs" in line:
                break
        child.send_signal(number)
        out, err = child.communicate(timeout=SECONDS_MAX)
        return child.returncode, out, err

    def test_signals_end_the_machine_in_order(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            status, out, err = self.ended_by(number)
            self.assertEqual(status, 130, out + err)
            self.assertIn("cloudboot-evidence: end ", out)
            self.assertEqual(machines(run_folder(err)), [])

    def staying(self, **streams):
        """./capos qemu with a secret that is known here: (child, what to type to log in)."""
        secret = "the machine's tests"
        file = tempfile.NamedTemporaryFile("w", prefix="capos-secret-")
        self.addCleanup(file.close)
        file.write(secret + "\n")
        file.flush()
        child = subprocess.Popen([str(ROOT / "capos"), "qemu", "--secret-file", file.name], cwd=ROOT, env=environment(),
                                 stderr=subprocess.PIPE, start_new_session=True, **streams)
        return child, secret.encode()

    def test_on_a_terminal_keys_go_to_the_guest_and_one_ends_the_run(self):
        ours, theirs = pty.openpty()
        child, secret = self.staying(stdin=theirs, stdout=theirs)
        os.close(theirs)
        said, typed = b"", [(b"secret: ", secret + b"\r"), (b"capos> ", b"us\x03usage\r"),  # Ctrl-C is a key as well
                            (b"interrupts ", b"\x1d")]
        try:
            while select.select([ours], [], [], SECONDS_MAX)[0] and (data := os.read(ours, 4096)):
                said += data
                if typed and typed[0][0] in said:
                    os.write(ours, typed.pop(0)[1])
        except OSError:
            pass  # the terminal's other end is closed
        finally:
            os.close(ours)
            if typed:
                os.killpg(child.pid, signal.SIGTERM)
        err = child.communicate(timeout=SECONDS_MAX)[1]
        self.assertEqual(child.returncode, 0, said + err)
        self.assertEqual(typed, [])
        self.assertTrue(said.startswith(b"Ctrl-] quits\r\ncapos kernel starting"), said[:100])
        self.assertIn(b"cloudboot-evidence: end ", said)

    def test_a_terminal_that_goes_ends_the_machine_in_order(self):
        ours, theirs = pty.openpty()
        child, _ = self.staying(stdin=theirs, stdout=theirs)
        os.close(theirs)
        said = b""
        while b"secret: " not in said and select.select([ours], [], [], SECONDS_MAX)[0]:
            said += os.read(ours, 4096)
        os.close(ours)
        err = child.communicate(timeout=SECONDS_MAX)[1].decode()
        self.assertEqual(child.returncode, 130, err)
        self.assertNotIn("Traceback", err)
        self.assertIn(b"cloudboot-evidence: end ", (run_folder(err) / "console.log").read_bytes())

    def test_a_file_is_typed_whole_and_its_end_ends_nothing(self):
        with tempfile.TemporaryFile() as keys:
            child, secret = self.staying(stdin=keys, stdout=subprocess.PIPE)
            os.pwrite(keys.fileno(), secret + b"\nusage\npoweroff\n", 0)
            out, err = child.communicate(timeout=SECONDS_MAX)
        self.assertEqual(child.returncode, 0, out + err)
        self.assertIn(b"\ndenials ", out)

    def test_what_is_no_package_is_refused_and_leaves_no_run(self):
        for words, due in ((("--package", "/no/such/file"), "no file"), (("--package", "/dev/null"), "no file")):
            status, _, err = capos("qemu", *words)
            self.assertEqual(status, 4, err)
            self.assertIn(due, err)
        self.assertEqual(runs(), self.before)

    def test_the_kernel_refuses_a_file_that_is_no_package(self):
        status, out, _ = capos("qemu", "--package", ROOT / "LICENSE")
        self.assertEqual(status, 4)
        self.assertIn("boot package refused: magic at", out)

    def test_two_machines_side_by_side(self):
        children = [subprocess.Popen([str(ROOT / "capos"), "qemu", "--proof", *FEW], cwd=ROOT, env=environment(), text=True,
                                     stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(2)]
        for child in children:
            out, err = child.communicate(timeout=SECONDS_MAX)
            self.assertEqual(child.returncode, 0, out + err)

    def test_debugger_is_told_how_to_attach(self):
        child = subprocess.Popen([str(ROOT / "capos"), "qemu", "--gdb"], cwd=ROOT, env=environment(), text=True,
                                 stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = ""
        while not line.startswith("gdb ") and (line := child.stderr.readline()):
            pass
        self.assertRegex(line, r"^gdb -ex 'file \S+kernel\.elf' -ex 'target remote 127\.0\.0\.1:\d+'$")
        time.sleep(0.5)  # the machine stands: nothing runs before the debugger says so
        child.send_signal(signal.SIGTERM)
        out, _ = child.communicate(timeout=SECONDS_MAX)
        self.assertEqual(out, "")
        self.assertEqual(child.returncode, 130)


if __name__ == "__main__":
    unittest.main()
