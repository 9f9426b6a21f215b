#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# ./capos sim from end to end: both transports, the gate, seeds, interruption, two runs at once.
import json
import os
import pathlib
import re
import signal
import stat
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, SECONDS_MAX, capos, environment, remove, run_folder, runs  # noqa: E402

SCHEMA = json.loads((ROOT / "evidence/provider.schema.json").read_text(encoding="utf-8"))
PACKAGE_AT = 102408 * 512  # of abi/disk.h
FEW = ("--exchanges", "50")


class Runs(unittest.TestCase):
    def setUp(self):
        self.before = runs()

    def tearDown(self):
        remove(runs() - self.before)

    def proof(self, *flags):
        status, out, err = capos("sim", "--proof", *flags)
        self.assertEqual(status, 0, out[-3000:] + err)
        folder = run_folder(err)
        self.assertIsNotNone(folder, err)
        return folder, out, err


class Proof(Runs):
    def whole_proof(self, nic, used_len):
        folder, out, _ = self.proof("--nic", nic)
        self.assertTrue(out.startswith("capos kernel starting\n"))
        first = re.search(r"^cloudboot-evidence: first-frame .*$", out, re.M)[0]
        self.assertIn("ethertype=0x0806", first)
        self.assertIn(f"used_len={used_len}", first)
        self.assertIn("interrupts=0", first)
        exchange = re.search(r"^cloudboot-evidence: frame-exchange .*$", out, re.M)[0]
        self.assertIn(",exchanges=10000,", exchange)
        self.assertIn("verdict: pass gate=provider-nic", out)
        self.assertIn("chain=verified", out)
        record = json.loads((folder / "provider.json").read_text(encoding="utf-8"))
        import jsonschema
        jsonschema.Draft202012Validator(SCHEMA).validate(record)
        self.assertTrue(record["provider_nic_proof"]["holds"])
        self.assertRegex(record["hashes"]["provider_object"], r"^sha256:[0-9a-f]{64}$")
        return folder, out

    def test_modern_proof_holds_with_all_its_markers(self):
        self.whole_proof("modern", 76)

    def test_legacy_proof_holds_with_all_its_markers(self):
        self.whole_proof("legacy", 74)

    def test_proof_holds_on_compute_engines_network(self):
        for nic, used_len, entries in (("modern", 72, 256), ("legacy", 70, 8192)):  # as long as queues are there
            with self.subTest(nic):
                folder, out, _ = self.proof("--backend", "vpc", "--nic", nic, "--queue-size", entries, *FEW)
                self.assertIn(f",qsize0={entries},qsize1={entries},mac=42:01:0a:4d:00:02,", out)
                self.assertIn(f"used_len={used_len},reply_mac=42:01:0a:4d:00:01,", out)
                self.assertIn(",address=10.77.0.2,bits=32,server=169.254.169.254,mtu=1460,lease_s=86400,", out)
                self.assertRegex(out, r"\ncloudboot-evidence: metadata-nonce .*,status=200,nonce=[0-9a-f]{32},")
                self.assertIn(",port=7,peer=35.235.240.1,", out)
                items = re.search(r",items=(\S+)", out)[1].split("+")
                self.assertNotIn("metadata", items)
                self.assertEqual(json.loads((folder / "run.json").read_text(encoding="utf-8"))["backend"], "vpc")

    def test_a_disk_is_read_and_its_package_compared(self):
        scsi = "virtio-{},unit=1,probed=2,identity=Google_PersistentDisk"
        kinds = {"scsi-legacy": scsi, "scsi-modern": scsi, "nvme": "{},unit=1,probed=1,identity=nvme_card-pd"}
        for kind, said_of_it in kinds.items():
            with self.subTest(kind):
                folder, out, _ = self.proof("--disk", kind, *FEW)
                self.assertIn(f",transport={said_of_it.format(kind)},block_bytes=512,", out)
                self.assertRegex(out, r"\ncloudboot-evidence: storage-package .*,bytes=[1-9]\d+,reads=[1-9]")
                self.assertRegex(out, r"\ncloudboot-evidence: storage-teardown .*,reset=confirmed,leftover=0,.*,quarantined=0,")
                items = re.search(r",items=(\S+)", out)[1].split("+")
                self.assertFalse({"storage", "storage-package"} & set(items))
                record = json.loads((folder / "provider.json").read_text(encoding="utf-8"))
                self.assertEqual({name: said["holds"] for name, said in record["storage_bind_proof"].items()},
                                 dict.fromkeys(("storage-bound", "storage-read", "storage-package", "storage-teardown"), True))

    def test_another_package_on_the_disk_fails_the_run(self):
        with tempfile.TemporaryDirectory(prefix="capos-disk-") as folder:
            disk = pathlib.Path(folder) / "disk"
            package = bytearray((ROOT / "build/ship/capos.pkg").read_bytes())
            package[-1] ^= 1
            with open(disk, "wb") as file:
                file.seek(PACKAGE_AT)
                file.write(package.ljust(-(-len(package) // 512) * 512, b"\0"))
            status, out, _ = capos("sim", "--proof", "--disk", "scsi-modern", "--disk-file", disk, *FEW)
        self.assertEqual(status, 1, out[-3000:])
        self.assertIn("\ndiskd: the kernel does not see a marker's condition hold\n", out)
        self.assertNotIn("cloudboot-evidence: storage-package", out)
        self.assertNotIn("storage-package", re.search(r",items=(\S+)", out)[1])
        self.assertIn("verdict: fail", out)
        self.assertIn("storage-package is missing, and not-attempted does not list storage-package", out)

    def test_a_disk_that_cannot_be_is_refused_in_one_line(self):
        with tempfile.NamedTemporaryFile(prefix="capos-disk-") as file:
            file.truncate(1000)
            for flags, status, said in (
                    (("--disk", "floppy"), 2, "--disk takes none, scsi-legacy, scsi-modern or nvme, not floppy"),
                    (("--disk-file", file.name), 2, "--disk-file goes with --disk scsi-legacy, scsi-modern or nvme"),
                    (("--disk", "scsi-legacy", "--disk-file", "/nonexistent/disk"), 4, "/nonexistent/disk: No such file"),
                    (("--disk", "scsi-modern", "--disk-file", file.name), 4, f"{file.name}: a disk is a file of sectors")):
                with self.subTest(flags):
                    code, out, err = capos("sim", "--proof", *flags)
                    self.assertEqual((code, out), (status, ""))
                    self.assertIn(said, err.splitlines()[-1])

    def test_on_another_network_the_nonce_is_named_as_not_attempted(self):
        _, out, _ = self.proof("--backend", "script", *FEW)
        self.assertIn("metadata", re.search(r",items=(\S+)", out)[1].split("+"))
        self.assertNotIn("metadata-nonce", out)

    def test_key_is_private_and_never_printed(self):
        folder, out, err = self.proof(*FEW)
        key = (folder / "chain.key").read_text(encoding="ascii").strip()
        self.assertRegex(key, r"^[0-9a-f]{64}$")
        self.assertEqual(stat.S_IMODE((folder / "chain.key").stat().st_mode), 0o600)
        for name in folder.iterdir():
            if name.name != "chain.key":
                self.assertNotIn(key.encode(), name.read_bytes(), name.name)
        self.assertNotIn(key, out + err)

    def test_log_can_be_judged_again_and_another_key_is_refused(self):
        folder, _, _ = self.proof(*FEW)
        again = ["evidence", "check", folder / "console.log", "--require-provider-nic-proof"]
        self.assertEqual(capos(*again)[0], 0)
        self.assertEqual(capos("evidence", "check", folder / "evidence.log")[0], 0)
        (folder / "other.key").write_text("0" * 64, encoding="ascii")
        status, out, _ = capos(*again, "--key-file", folder / "other.key")
        self.assertEqual(status, 4)
        self.assertIn("reason=chain", out)

    def test_altered_log_of_a_real_run_is_refused(self):
        folder, _, _ = self.proof(*FEW)
        log = folder / "console.log"
        log.write_bytes(log.read_bytes().replace(b"faults=0", b"faults=1"))
        self.assertEqual(capos("evidence", "check", log)[0], 4)

    def test_evidence_port_carries_evidence_alone(self):
        folder, _, _ = self.proof(*FEW)
        for line in (folder / "evidence.log").read_text(encoding="ascii").splitlines():
            self.assertTrue(line.startswith("cloudboot-evidence: "), line)

    def test_json_prints_one_object_and_nothing_else(self):
        _, out, _ = self.proof("--json", *FEW)
        self.assertTrue(json.loads(out)["holds"])

    def test_pcap_lands_where_the_caller_is(self):
        folder, _, _ = self.proof(*FEW)
        status, _, err = capos("sim", "--proof", *FEW, "--pcap", "frames.pcap", cwd=folder)
        self.assertEqual(status, 0, err)
        self.assertIn((folder / "frames.pcap").read_bytes()[:4], (b"\xd4\xc3\xb2\xa1", b"\x4d\x3c\xb2\xa1"))


class Seeds(Runs):
    def trace(self, seed, nic, backend="script"):
        folder, _, _ = self.proof("--seed", seed, "--nic", nic, "--backend", backend, *FEW)
        run = json.loads((folder / "run.json").read_text(encoding="utf-8"))
        return run["trace"], (folder / "evidence.log").read_bytes()

    def test_same_seed_gives_the_same_trace_and_the_same_log(self):
        for nic in ("modern", "legacy"):
            self.assertEqual(self.trace(7, nic), self.trace(7, nic))
        self.assertEqual(self.trace(7, "legacy", "vpc"), self.trace(7, "legacy", "vpc"))

    def test_another_seed_gives_another_trace(self):
        self.assertNotEqual(self.trace(7, "modern")[0], self.trace(8, "modern")[0])

    def test_run_without_seed_has_its_own_key_and_boot_id(self):
        keys = {(self.proof(*FEW)[0] / "chain.key").read_text(encoding="ascii") for _ in range(2)}
        self.assertEqual(len(keys), 2)

    def test_saved_choices_replay_to_the_same_trace(self):
        for backend in ("script", "vpc"):
            with self.subTest(backend):
                self.replayed(backend)

    def replayed(self, backend):
        folder, _, _ = self.proof("--seed", 9, "--backend", backend, *FEW)
        again, _, _ = self.proof_of_replay(folder / "replay")
        first, second = (json.loads((run / "run.json").read_text(encoding="utf-8"))["trace"] for run in (folder, again))
        self.assertEqual(first, second)
        self.assertEqual((folder / "evidence.log").read_bytes(), (again / "evidence.log").read_bytes())
        alone = folder / "alone"
        alone.mkdir()
        (alone / "list").write_bytes((folder / "replay").read_bytes())
        self.assertEqual((self.proof_of_replay(alone / "list")[0] / "evidence.log").read_bytes(),
                         (folder / "evidence.log").read_bytes())

    def proof_of_replay(self, path):
        status, out, err = capos("sim", "--replay", path)
        self.assertEqual(status, 0, out[-2000:] + err)
        return run_folder(err), out, err


class Lives(Runs):
    def start(self, *flags):
        return subprocess.Popen([str(ROOT / "capos"), "sim", *flags], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)

    def left_in_session(self, session):
        listed = subprocess.run(["ps", "-s", str(session), "-o", "pid="], capture_output=True, text=True, check=False).stdout
        return listed.split()

    def interrupt(self, number):
        process = self.start()
        line = process.stdout.readline()
        self.assertEqual(line, "capos kernel starting\n", process.stderr.read() if process.poll() is not None else line)
        os.kill(process.pid, number)
        process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 130)
        self.assertEqual(self.left_in_session(process.pid), [], "a process outlived the command")

    def test_interrupt_ends_a_staying_run_with_130_and_leaves_nothing(self):
        self.interrupt(signal.SIGINT)

    def test_termination_ends_a_staying_run_with_130_and_leaves_nothing(self):
        self.interrupt(signal.SIGTERM)

    def test_interrupted_run_leaves_a_log_that_ends_in_order_or_is_refused(self):
        self.interrupt(signal.SIGINT)
        (folder,) = runs() - self.before
        self.assertIn(capos("evidence", "check", folder / "console.log")[0], (0, 1, 4))
        self.assertFalse((folder / "provider.json").exists(), "an interrupted run was judged")

    def test_until_ends_in_order_at_its_marker(self):
        status, out, err = capos("sim", "--until", "inventory")
        self.assertEqual(status, 0, err)
        self.assertIn("cloudboot-evidence: end ", out)

    def test_two_runs_side_by_side_both_hold(self):
        processes = [self.start("--proof", *FEW) for _ in range(2)]
        folders = set()
        for process in processes:
            out, err = process.communicate(timeout=SECONDS_MAX)
            self.assertEqual(process.returncode, 0, out[-2000:] + err)
            folders.add(run_folder(err))
        self.assertEqual(len(folders), 2)


if __name__ == "__main__":
    unittest.main()
