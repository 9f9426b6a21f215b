# SPDX-License-Identifier: BSD-2-Clause
# Disks as QEMU has them, found and odd: each to its facts, or to the refusal that says why; each machine switches itself off.
# What a device could only do on purpose is in tests/hostile/disks.def.
import hashlib
import os
import pathlib
import tempfile
import unittest

import machine

import image  # noqa: E402 - machine.py has put door/ on the path

PACKAGE_AT = image.DISK["DISK_PACKAGE_SECTOR"] * image.SECTOR
KINDS = ("scsi-legacy", "scsi-modern", "nvme")
CONTROLLER = {kind: machine.DISK[kind][:2] for kind in KINDS[:2]}
READ = ("storage-bound", "storage-read", "storage-teardown")
STORAGE = ("storage-bound", "storage-read", "storage-package", "storage-teardown")


class Disks(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="capos-disk-")
        self.addCleanup(folder.cleanup)
        self.path = pathlib.Path(folder.name) / "disk.raw"

    def content(self, data, at=PACKAGE_AT, size=PACKAGE_AT + (64 << 20)):
        with open(self.path, "wb") as file:
            file.truncate(size)
            file.seek(at)
            file.write(data)

    def boot(self, kind, device="", drive=None, more=()):
        words = ["-drive", drive or f"if=none,id=disk,format=raw,snapshot=on,file={self.path}"] if drive != "" else []
        if kind == "nvme":  # with SeaBIOS's driver the package would lose its pages (test_paths)
            words += ["-bios", "qboot.rom", "-device", device or "nvme,serial=1,addr=3,drive=disk"]
        else:
            words += [*CONTROLLER[kind], "-device", device or "scsi-hd,drive=disk,scsi-id=1"]
        words += [word for one in more for word in ("-device", one)]
        outcome = machine.run([*machine.nic("modern", addr="4"), *words, "-initrd", str(machine.DISK_PACKAGE)])
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.said = {line.name: line.facts for line in outcome.judge()["lines"]}
        return outcome

    def holds(self, outcome, *names):
        """The proof holds with these markers of the disk and no other."""
        self.assertEqual((outcome.judge()["verdict"], outcome.claims("diskd: ")), ("pass", []), outcome.report())
        self.assertEqual([name for name in STORAGE if name in self.said], list(names))

    def refused(self, outcome, claim, *names):
        self.assertEqual(outcome.claims("diskd: "), [claim], outcome.report())
        self.assertEqual([name for name in STORAGE if name in self.said], list(names))
        self.assertNotEqual(outcome.judge()["verdict"], "pass")
        self.assertNotEqual(outcome.judge(log=outcome.evidence)["verdict"], "pass", "what the evidence port says by itself")
        self.assertIn("end", self.said)

    def test_what_was_read_is_what_is_there(self):
        package = machine.DISK_PACKAGE.read_bytes()
        self.content(package)
        some = "scsi-hd,drive=disk,scsi-id=3,vendor=Some,product=Disk"
        for kind, device, unit, identity in (("scsi-legacy", some, "3", "Some_Disk"), ("scsi-modern", some, "3", "Some_Disk"),
                                             ("nvme", "", "1", "QEMU_NVMe_Ctrl")):
            with self.subTest(kind):
                self.holds(self.boot(kind, device), *STORAGE)
                read = self.said["storage-read"]
                self.assertEqual([read[name] for name in ("transport", "unit", "identity", "block_bytes", "lba", "bytes", "block")],
                                 [machine.TRANSPORT[kind], unit, identity, "512", str(image.DISK["DISK_PACKAGE_SECTOR"]), "512",
                                  hashlib.sha256(package[:512]).hexdigest()])
                self.assertEqual(read["blocks"], str(self.path.stat().st_size // 512))
                self.assertEqual(self.said["storage-package"]["bytes"], str(len(package)))
                self.assertEqual(self.said["storage-teardown"]["stale_refused"], self.said["storage-teardown"]["stale_tried"])

    def test_blocks_of_4096_bytes(self):
        self.content(machine.DISK_PACKAGE.read_bytes())
        large = "drive=disk,logical_block_size=4096,physical_block_size=4096"
        for kind, device in (("scsi-modern", f"scsi-hd,scsi-id=1,{large}"), ("nvme", f"nvme,serial=1,addr=3,{large}")):
            with self.subTest(kind):
                self.holds(self.boot(kind, device), *STORAGE)
                self.assertEqual((self.said["storage-read"]["block_bytes"], self.said["storage-read"]["lba"]),
                                 ("4096", str(PACKAGE_AT // 4096)))

    def test_a_disk_without_a_package_is_read_and_no_package_claimed(self):
        self.content(b"something else")
        for kind in ("scsi-legacy", "nvme"):
            with self.subTest(kind):
                self.holds(self.boot(kind), *READ)
                self.assertIn("storage-package", self.said["not-attempted"]["items"].split("+"))

    def test_a_disk_that_ends_before_the_packages_place_is_read_from_its_start(self):
        self.content(b"small", at=0, size=1 << 20)
        self.holds(self.boot("scsi-modern"), *READ)
        self.assertEqual((self.said["storage-read"]["lba"], self.said["storage-read"]["block"]),
                         ("0", hashlib.sha256(b"small".ljust(512, b"\0")).hexdigest()))

    def test_another_package_than_the_one_that_runs_is_refused(self):
        package = bytearray(machine.DISK_PACKAGE.read_bytes())
        package[-1] ^= 1
        self.content(package)
        self.refused(self.boot("scsi-legacy"), "the kernel does not see a marker's condition hold", *READ)

    def test_a_package_whose_size_cannot_be(self):
        package = machine.DISK_PACKAGE.read_bytes()
        self.content(package)
        os.truncate(self.path, PACKAGE_AT + len(package) // 512 * 512 - 512)
        self.refused(self.boot("scsi-modern"), "the package on the disk has an impossible size", *READ)

    def test_a_host_without_a_disk(self):
        for kind in KINDS:
            with self.subTest(kind):
                device = "nvme,serial=1,addr=3" if kind == "nvme" else "scsi-cd,scsi-id=1"  # no namespace at all
                self.refused(self.boot(kind, device, drive=""), "no-disk", "storage-bound")

    def test_the_namespace_that_is_there_and_not_the_empty_ones_before_it(self):
        self.content(machine.DISK_PACKAGE.read_bytes())
        drive = f"if=none,id=disk,format=raw,snapshot=on,file={self.path}"
        self.holds(self.boot("nvme", "nvme,serial=1,addr=3", drive=drive, more=("nvme-ns,drive=disk,nsid=5",)), *STORAGE)
        self.assertEqual((self.said["storage-read"]["unit"], self.said["storage-read"]["probed"]), ("5", "5"))

    def test_protection_information_is_refused_for_its_metadata(self):
        self.content(machine.DISK_PACKAGE.read_bytes())
        drive = f"if=none,id=disk,format=raw,snapshot=on,file={self.path}"
        self.refused(self.boot("nvme", "nvme,serial=1,addr=3", drive=drive, more=("nvme-ns,drive=disk,nsid=1,ms=8",)), "answer",
                     "storage-bound")

    def test_a_block_that_the_disk_cannot_read(self):
        self.content(machine.DISK_PACKAGE.read_bytes())
        bad = image.DISK["DISK_PACKAGE_SECTOR"] + 100
        drive = ("if=none,id=disk,driver=raw,rerror=report,file.driver=blkdebug,file.image.driver=file,"
                 f"file.image.filename={self.path},file.inject-error.0.event=read_aio,file.inject-error.0.sector={bad},"
                 "file.inject-error.0.errno=5")
        for kind in ("scsi-modern", "nvme"):
            with self.subTest(kind):
                self.refused(self.boot(kind, drive=drive), "io", *READ)


if __name__ == "__main__":
    unittest.main()
