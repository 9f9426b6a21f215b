# SPDX-License-Identifier: BSD-2-Clause
# The machines that come nearest to Compute Engine's: the whole rehearsal, word by word; a metadata server that gives another run's
# nonce; a service that answers through the network's forwards; and the generation whose NIC there is no driver for.
import contextlib
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

import machine

import image  # noqa: E402 - machine.py has put door/ on the path
import qemu_profile  # noqa: E402

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from door import capos, remove, run_folder, runs  # noqa: E402
from keyboard import SYSTEM_PACKAGE, Session  # noqa: E402

NONCE, OTHER = "00112233445566778899aabbccddeeff", "ffeeddccbbaa99887766554433221100"
VPC = machine.BUILD / "sim/capos-vpc"
FEW = ("--exchanges", "50")
MISSING = "boot: test_gce: GRUB's modules and mtools are not installed (./capos setup image)"
HAVE = all(map(shutil.which, ("grub-mkimage", "mcopy"))) and all((image.GRUB_FOLDER / name).is_dir() for name in image.GRUB)
DEEP = os.environ.get("CAPOS_DEEP") == "1"
# What the profile's machine and network are, as the markers say it.
SAID = {
    "inventory": {"nics": "1", "contains_rogue_device": "no"},
    "storage-read": {"bdf": "00:03.0", "transport": "virtio-scsi-legacy", "unit": "1", "identity": "Google_PersistentDisk",
                     "block_bytes": "512"},
    "provider-nic-probed": {"bdf": "00:04.0", "transport": "legacy", "qsize0": "1024", "qsize1": "256",
                            "mac": qemu_profile.NIC_MAC, "header_bytes": "10"},
    "first-frame": {"ethertype": "0x0806", "used_len": "70", "reply_mac": "42:01:0a:4d:00:01", "interrupts": "0"},
    "frame-exchange": {"exchanges": "50", "arp_replies": "50", "icmp_replies": "0", "faults": "0"},
    "dhcp-lease": {"address": "10.77.0.2", "bits": "32", "server": "169.254.169.254", "mtu": "1460", "lease_s": "86400"},
    "route": {"default_via": "10.77.0.1"},
    "neighbour": {"address": "10.77.0.1", "mac": "42:01:0a:4d:00:01"},
    "metadata-nonce": {"server": "169.254.169.254", "status": "200", "nonce": NONCE},
    "l4-round-trip": {"port": "7", "peer": "35.235.240.1", "taken": "8", "acknowledged": "8"},
}


@unittest.skipIf(machine.BUILD != machine.ROOT / "build/ship", "./capos qemu boots build/ship")
class Profile(Session):
    def proof(self, status, *flags):
        code, out, errors = capos("qemu", "--proof", *FEW, *flags)
        self.assertEqual(code, status, out[-3000:] + errors)
        return run_folder(errors), out.replace("\r", "")

    def facts(self, out, name):
        line = re.search(rf"^cloudboot-evidence: {name} v1:(\S+)$", out, re.M)
        self.assertIsNotNone(line, f"{name}: not in\n{out[-3000:]}")
        return dict(word.split("=", 1) for word in line[1].split(","))

    def rehearsed(self, *flags):
        folder, out = self.proof(0, "--profile", "gce", "--nonce", NONCE, *flags)
        for name, due in SAID.items():
            said = self.facts(out, name)
            self.assertEqual({key: said.get(key) for key in due}, due, name)
        # What the first live run is to settle; here it is what our own network and QEMU do.
        self.assertIn("\nnicd: first frame header=00000000000000000000\n", out)
        self.assertEqual(re.findall(r"^nicd: queue 2 size=(\d+)$", out, re.M), ["64"])
        options = "".join(re.findall(r"^netd: dhcp options at=\d+ ([0-9a-f]+)$", out, re.M))
        self.assertTrue(options.startswith("350105") and options.endswith("ff"), options)
        for option in ("3604a9fea9fe", "330400015180", "0104ffffffff", "03040a4d0001", "1a0205b4",
                       "790e200a4d000100000000000a4d0001"):
            self.assertIn(option, options)
        items = self.facts(out, "not-attempted")["items"].split("+")
        self.assertFalse({"storage", "storage-package", "dhcp", "metadata", "l4"} & set(items), items)
        self.assertRegex(out, r"\nmachine: acpi .* hpet=no\n")
        self.assertEqual(json.loads((folder / "run.json").read_text(encoding="utf-8"))["backend"], "vpc")

    @unittest.skipUnless(HAVE, MISSING)
    def test_the_first_generations_machine_passes_every_proof(self):
        self.rehearsed()

    @unittest.skipUnless(DEEP, "deep only")
    def test_it_does_so_by_the_other_ways_in(self):
        self.rehearsed("--firmware", "direct")
        self.rehearsed("--firmware", "uefi")

    def test_a_service_answers_behind_the_router(self):
        system = self.start("qemu", "--profile", "gce", "--firmware", "direct", "--package", str(SYSTEM_PACKAGE))
        data = bytes(range(256)) * 1024
        self.echoed_again(self.port_of(system), system)
        self.assertEqual(self.echo(self.port_of(system), data), data)
        self.power_off(system)

    @unittest.skipUnless(DEEP, "deep only")
    def test_it_answers_again_when_driver_stack_and_itself_were_killed(self):
        self.network("qemu", "--profile", "gce", "--firmware", "direct")

    def closed(self, *flags):
        folder, out = self.proof(1, "--profile", "gce-gen3", *flags)
        self.assertIn("\nnicd: no virtio network function was found\n", out)
        self.assertEqual(self.facts(out, "inventory")["nics"], "0")
        read, items = self.facts(out, "storage-read"), self.facts(out, "not-attempted")["items"].split("+")
        self.assertEqual([read[word] for word in ("bdf", "transport", "unit", "block_bytes")], ["00:03.0", "nvme", "1", "512"])
        self.assertRegex(out, r"\ndiskd: nvme cap=0x[0-9a-f]{16} version=0x00010400 entries=64\n")
        self.assertEqual(self.facts(out, "storage-teardown")["reset"], "confirmed")
        self.assertFalse({"storage", "storage-package"} & set(items), items)
        self.assertNotRegex(out, r"cloudboot-evidence: (provider-nic-bound|dhcp-lease|metadata-nonce) ")
        record = json.loads((folder / "provider.json").read_text(encoding="utf-8"))
        self.assertEqual((record["verdict"], record["provider_nic_proof"]["holds"]), ("fail", False))

    def test_the_third_generations_machine_has_no_nic_for_us_and_nothing_is_claimed(self):
        self.closed("--firmware", "direct")

    @unittest.skipUnless(DEEP, "deep only")
    def test_it_is_so_by_its_own_firmware(self):
        self.closed()

    def test_a_profile_decides_what_it_stands_for(self):
        for flags in (("--nic", "modern"), ("--machine=q35",), ("--net", "open"), ("--seed", "1"), ("--nics", "2"),
                      ("--nonce", NONCE[:-1]), ("--nonce", NONCE.upper())):
            with self.subTest(flags):
                done = subprocess.run([sys.executable, "-B", machine.ROOT / "door/qemu.py", "--check", "--profile", "gce", *flags],
                                      capture_output=True, text=True, check=False)
                self.assertEqual((done.returncode, done.stdout), (2, ""))
                self.assertIn(flags[0].split("=")[0], done.stderr.splitlines()[-1])


class Metadata(unittest.TestCase):
    """A machine of the tests' own, so that the server can know another nonce than the boot line."""

    @contextlib.contextmanager
    def network(self, nonce):
        with tempfile.TemporaryDirectory(prefix="capos-gce-") as folder:
            command = [VPC, "--socket", f"{folder}/vpc", "--nonce", nonce]
            with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True) as process:
                try:
                    self.assertEqual(process.stdout.readline(), "listening\n")
                    yield qemu_profile.nic_words(folder)
                    self.assertEqual(process.wait(machine.SECONDS_MAX), 0, "it ends with the machine")
                finally:
                    if process.poll() is None:
                        process.kill()

    def test_the_nonce_of_another_run_is_refused(self):
        line = machine.command_line(network="vpc", nonce=NONCE)
        with self.network(OTHER) as words:
            outcome = machine.run(["-initrd", str(machine.BUILD / "capos.pkg"), *words], "pc,hpet=off", line=line,
                                  wait_for=b"init: metad ended", during=lambda qmp: qmp.run("system_powerdown"))
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertIn("metad: what came is not the nonce of this run", outcome.lines())
        self.assertIn("neighbour", [marker.name for marker in outcome.judge()["lines"]])
        self.assertNotIn("metadata-nonce", [marker.name for marker in outcome.judge()["lines"]])
        self.assertEqual(outcome.judge()["verdict"], "fail")


if __name__ == "__main__":
    unittest.main()
