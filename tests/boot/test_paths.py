# SPDX-License-Identifier: BSD-2-Clause
# Every way in on every machine: {direct, SeaBIOS, OVMF} x {pc, q35} x {modern, legacy NIC} x {three disks; none with direct}. Each
# must pass both gates, say what it says with exact numbers, read its disk where it has one, and switch itself off.
import os
import pathlib
import shutil
import tempfile
import unittest

import machine

import image  # noqa: E402 - machine.py has put door/ on the path

OVMF = pathlib.Path("/usr/share/OVMF")
LACKS = {"direct": (), "bios": ("grub-mkimage", "mcopy"), "uefi": ("grub-mkimage", "mcopy")}
USED_LENGTH = {"modern": "76", "legacy": "74"}  # header and 64 bytes of libslirp's first ARP reply
NIC_SLOT = "0x4"
# One of each word of a way at least; the rest with --deep alone.
DAILY = {("direct", "q35", "modern", "scsi-modern"), ("direct", "pc", "legacy", "nvme"), ("bios", "q35", "modern", "nvme"),
         ("bios", "pc", "legacy", "scsi-modern"), ("uefi", "q35", "legacy", "scsi-legacy")}


def missing(firmware):
    if not all(map(shutil.which, LACKS[firmware])) or not all((image.GRUB_FOLDER / name).is_dir() for name in image.GRUB):
        return "GRUB's modules and mtools are not installed (./capos setup image)"
    if firmware == "uefi" and not (OVMF / "OVMF_CODE_4M.fd").is_file():
        return "OVMF is not installed (./capos setup uefi)"
    return ""


class Paths(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="capos-paths-")
        cls.disk = pathlib.Path(cls.folder.name) / "disk.raw"
        if not missing("bios"):
            image.make_disk(cls.disk, machine.KERNEL, machine.DISK_PACKAGE, pathlib.Path(cls.folder.name))
            image.write_run_block(cls.disk, machine.command_line())

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def proof(self, firmware, chipset, transport, disk):
        if firmware != "direct" or disk != "none":
            lacks = missing("bios" if firmware == "direct" else firmware)
            if lacks:
                self.skipTest(f"boot: test_paths: {lacks}")
        words = machine.nic(transport, addr=NIC_SLOT)
        # SeaBIOS's NVMe driver keeps pages at the end of memory, just where QEMU puts the boot package; qboot leaves BARs to us.
        qboot = firmware == "direct" and disk == "nvme"
        if qboot:
            words += ["-bios", "qboot.rom"]
        if disk != "none":
            words += machine.disk(self.disk, disk)
        if firmware == "uefi":  # both read-only: what it would remember is of no use to the next
            for unit, name in enumerate(("OVMF_CODE_4M.fd", "OVMF_VARS_4M.fd")):
                words += ["-drive", f"if=pflash,unit={unit},format=raw,readonly=on,file={OVMF / name}"]
        if firmware == "direct":
            words += ["-initrd", str(machine.DISK_PACKAGE)]
        outcome = machine.run(words, machine=chipset, kernel=machine.KERNEL if firmware == "direct" else None)
        self.assertTrue(outcome.switched_off(), outcome.report())
        verdict = outcome.judge()
        self.assertEqual((verdict["verdict"], verdict["reasons"]), ("pass", []), outcome.report())
        self.assertEqual(outcome.lines().count("capos kernel starting"), 1)
        probed, first = outcome.facts("provider-nic-probed"), outcome.facts("first-frame")
        self.assertEqual((probed["bdf"], probed["transport"]), ("00:04.0", transport))
        self.assertEqual((first["used_len"], first["interrupts"]), (USED_LENGTH[transport], "0"))
        self.assertEqual(outcome.facts("inventory")["nics"], "1")
        self.storage(outcome, disk)
        said = outcome.words()
        self.assertEqual((said["power"], said["bars_assigned"] != "0"), ("acpi-s5", qboot))

    def storage(self, outcome, disk):
        items = outcome.facts("not-attempted")["items"].split("+")
        if disk == "none":
            self.assertIn("diskd: this machine has no disk for it", outcome.lines())
            self.assertLessEqual({"storage", "storage-package"}, set(items))
            return
        self.assertFalse({"storage", "storage-package"} & set(items))
        read, package = outcome.facts("storage-read"), outcome.facts("storage-package")
        self.assertEqual([read[word] for word in ("bdf", "transport", "unit", "blocks")],
                         ["00:03.0", machine.TRANSPORT[disk], "1", str(image.DISK["DISK_BYTES"] // image.SECTOR)])
        self.assertEqual(package["bytes"], str(machine.DISK_PACKAGE.stat().st_size))
        self.assertEqual(outcome.facts("storage-teardown")["quarantined"], "0")


def add(*way):
    def test(self):
        self.proof(*way)
    if way not in DAILY:
        test = unittest.skipUnless(os.environ.get("CAPOS_DEEP") == "1", "deep only")(test)
    setattr(Paths, "test_" + "_".join(way).replace("-", "_"), test)


for one_firmware in ("direct", "bios", "uefi"):
    for one_chipset in ("pc", "q35"):
        for one_transport in ("modern", "legacy"):
            for one_disk in ("scsi-legacy", "scsi-modern", "nvme") + (("none",) if one_firmware == "direct" else ()):
                add(one_firmware, one_chipset, one_transport, one_disk)

if __name__ == "__main__":
    unittest.main()
