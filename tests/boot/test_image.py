# SPDX-License-Identifier: BSD-2-Clause
# The disk image: the same bytes twice, the archive as a cloud's import wants it, the list of what it ships; and that it boots to
# the evidence that a direct boot gives (each other way: test_paths.py), with a run block that is checked before it is believed.
import gzip
import hashlib
import json
import os
import pathlib
import shutil
import struct
import subprocess
import tempfile
import unittest
import zlib

import machine

import image  # noqa: E402 - machine.py has put door/ on the path
import sbom
import sparse

CAPOS = machine.ROOT / "capos"
MISSING = "boot: test_image: GRUB's modules and mtools are not installed (./capos setup image)"
HAVE = all(map(shutil.which, ("grub-mkimage", "mcopy"))) and all((image.GRUB_FOLDER / name).is_dir() for name in image.GRUB)
RUN_AT = image.DISK["DISK_RUN_SECTOR"] * image.SECTOR
PACKAGE_AT = image.DISK["DISK_PACKAGE_SECTOR"] * image.SECTOR


def change(path, at, data):
    with open(path, "r+b") as file:
        file.seek(at)
        file.write(data)


def byte_of(path, at):
    with open(path, "rb") as file:
        file.seek(at)
        return file.read(1)[0]


@unittest.skipUnless(HAVE, MISSING)
class Made(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="capos-image-")
        cls.one, cls.two = (pathlib.Path(cls.folder.name) / name for name in ("one", "two"))
        done = subprocess.run([CAPOS, "image", "--json", "--out", cls.one], capture_output=True, check=False)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        cls.made = json.loads(done.stdout)

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def test_two_images_are_the_same_bytes_and_nothing_else_is_left(self):
        self.two.mkdir()
        image.make_disk(self.two / "disk.raw", machine.KERNEL, machine.BUILD / "capos.pkg", self.two)
        sparse.archive(self.two / "disk.raw", self.two / "disk.tar.gz", image.EPOCH)
        self.assertEqual(sparse.pieces(self.one / "disk.raw"), sparse.pieces(self.two / "disk.raw"))
        packed, again = ((folder / "disk.tar.gz").read_bytes() for folder in (self.one, self.two))
        self.assertEqual(packed, again)
        self.assertEqual(self.made["archive_sha256"], hashlib.sha256(packed).hexdigest())
        self.assertEqual(self.made["archive_bytes"], len(packed))
        self.assertEqual(sorted(os.listdir(self.one)), ["disk.raw", "disk.tar.gz", "sbom.spdx.json"])

    def test_holes_count_as_zero_in_a_hash(self):
        data = bytes(5000) + b"x" * 3000 + bytes(3 << 20) + b"y" + bytes(4095)
        path = pathlib.Path(self.folder.name) / "holes"
        with open(path, "wb") as file:
            file.truncate(len(data))
            for at, piece in ((5000, b"x" * 3000), (8000 + (3 << 20), b"y")):
                file.seek(at)
                file.write(piece)
        self.assertEqual(sparse.sha256(path), hashlib.sha256(data).hexdigest())

    def test_the_archive_has_one_sparse_member_in_the_old_gnu_format(self):
        packed = (self.one / "disk.tar.gz").read_bytes()
        self.assertEqual(packed[3:8], bytes(5), "no name and no time in the gzip header")
        self.assertLess(len(packed), 2 << 20)
        head = gzip.decompress(packed)[:512]
        self.assertEqual((head[257:265], head[156:157], int(head[483:494], 8)), (b"ustar  \0", b"S", 1 << 30))
        listed = subprocess.run(["tar", "-tzf", self.one / "disk.tar.gz"], capture_output=True, check=True).stdout
        self.assertEqual(listed, b"disk.raw\n")
        with tempfile.TemporaryDirectory(prefix="capos-image-") as folder:
            subprocess.run(["tar", "-C", folder, "-xzf", self.one / "disk.tar.gz"], check=True)
            out = pathlib.Path(folder) / "disk.raw"
            self.assertEqual(out.stat().st_size, 1 << 30)
            self.assertEqual(sparse.pieces(out), sparse.pieces(self.one / "disk.raw"))

    def test_both_partition_tables_hold_and_the_run_block_is_empty(self):
        with open(self.one / "disk.raw", "rb") as disk:
            def sectors(first, count):
                disk.seek(first * 512)
                return disk.read(count * 512)
            last = (1 << 30) // 512 - 1
            for own, other, entries_at in ((1, last, 2), (last, 1, last - 32)):
                head = sectors(own, 1)[:92]
                self.assertEqual(struct.unpack_from("<QQ", head, 24), (own, other))
                self.assertEqual(struct.unpack_from("<Q", head, 72)[0], entries_at)
                self.assertEqual(zlib.crc32(head[:16] + bytes(4) + head[20:]), struct.unpack_from("<I", head, 16)[0])
                entries = sectors(entries_at, 32)
                self.assertEqual(zlib.crc32(entries), struct.unpack_from("<I", head, 88)[0])
            places = [struct.unpack_from("<QQ", entries, 128 * n + 32) for n in range(3)]
            self.assertEqual([first for first, _ in places], [2048, 4096, 102400])
            self.assertEqual(sectors(102400, 8), bytes(4096))
            self.assertEqual(sectors(102408, 1)[:4], b"capk")

    def test_the_list_and_the_page_name_all_that_is_shipped(self):
        page = (machine.ROOT / "THIRD-PARTY.md").read_text(encoding="utf-8")
        listed = json.loads((self.one / "sbom.spdx.json").read_text(encoding="utf-8"))
        packages = {package["name"]: package for package in listed["packages"]}
        locked = sbom.locked()
        npm = sbom.npm_locked()
        self.assertEqual(set(packages), {"capos", *locked, *npm, *sbom.PACKAGES})
        for name, (version, _, digest) in locked.items():
            self.assertEqual((packages[name]["versionInfo"], packages[name]["checksums"][0]["checksumValue"]), (version, digest))
        for name, (version, digest) in npm.items():
            self.assertEqual((packages[name]["versionInfo"], packages[name]["checksums"][0]["checksumValue"]), (version, digest))
        for name in {*locked, *npm, *sbom.PACKAGES}:
            row = next((line for line in page.splitlines() if line.startswith(f"| {name} ")), "")
            self.assertIn(f" {packages[name]['licenseDeclared']} ", row, f"THIRD-PARTY.md: {name}")
        self.assertEqual(packages["capos"]["checksums"][0]["checksumValue"], self.made["archive_sha256"])
        files = {file["fileName"]: file for file in listed["files"]}
        self.assertEqual(set(files), {f"./{name}" for name in ("boot.img", "core.img", "BOOTX64.EFI", "kernel.elf", "capos.pkg")})
        self.assertEqual(files["./kernel.elf"]["checksums"][1]["checksumValue"], self.made["kernel_sha256"])
        known = {thing["SPDXID"] for thing in (listed, *listed["packages"], *listed["files"])}
        for link in listed["relationships"]:
            self.assertLessEqual({link["spdxElementId"], link["relatedSpdxElement"]}, known)


    def test_the_front_door_boots_a_copy_with_the_run_in_its_block(self):
        made = self.one / "disk.raw"
        done = subprocess.run([CAPOS, "qemu", "--proof", "--firmware", "bios", "--image", made, "--exchanges", "20", "--json"],
                              capture_output=True, check=False, env=dict(os.environ, CAPOS_OUT=f"{self.folder.name}/runs"))
        self.assertEqual(done.returncode, 0, done.stderr.decode())
        said = json.loads(done.stdout)
        self.assertEqual((said["holds"], said["firmware"], said["mode"]), (True, "bios", "proof"))
        run, = (pathlib.Path(self.folder.name) / "runs").iterdir()
        before, after = dict(sparse.pieces(made)), dict(sparse.pieces(run / "disk.raw"))
        changed = {at for at in before.keys() | after.keys() if before.get(at) != after.get(at)}
        self.assertEqual(changed, {RUN_AT, PACKAGE_AT}, "block and package are one piece now")
        self.assertEqual(after[RUN_AT][PACKAGE_AT - RUN_AT:], before[PACKAGE_AT])
        self.assertEqual(sparse.sha256(made), self.made["sha256"])

    def test_an_image_without_a_package_is_refused_before_anything_runs(self):
        path = pathlib.Path(self.folder.name) / "empty.raw"
        with open(path, "wb") as file:
            file.truncate(1 << 30)
        done = subprocess.run([CAPOS, "qemu", "--proof", "--firmware", "bios", "--image", path], capture_output=True, check=False,
                              env=dict(os.environ, CAPOS_OUT=f"{self.folder.name}/none"))
        self.assertEqual(done.returncode, 4, done.stderr.decode())
        self.assertIn(b"no boot package at its place", done.stderr)
        self.assertEqual(os.listdir(f"{self.folder.name}/none"), [])


@unittest.skipUnless(HAVE, MISSING)
class Boots(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix="capos-image-")
        cls.made = pathlib.Path(cls.folder.name) / "made.raw"
        image.make_disk(cls.made, machine.KERNEL, machine.PACKAGE, pathlib.Path(cls.folder.name))

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def disk(self, line=None):
        path = pathlib.Path(self.folder.name) / f"{self.id()}.raw"
        path.unlink(missing_ok=True)
        sparse.copy(self.made, path)
        if line is not None:
            image.write_run_block(path, line)
        return path

    def proven(self, outcome):
        self.assertTrue(outcome.switched_off(), outcome.report())
        verdict = outcome.judge()
        self.assertEqual((verdict["verdict"], verdict["reasons"]), ("pass", []), outcome.report())
        self.assertIn("capos kernel starting", outcome.lines())
        return [line.name for line in verdict["lines"]]

    def refused(self, path, said):
        outcome = machine.run([*machine.disk(path), *machine.nic("modern")], machine="pc", kernel=None)
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertIn(said, outcome.lines())
        self.assertNotIn(b"cloudboot-evidence: ", outcome.console)

    def test_seabios_brings_it_to_what_a_direct_boot_shows(self):
        path = self.disk(machine.command_line())
        outcomes = [machine.run([*machine.disk(path), *machine.nic("legacy")], machine="pc", kernel=kernel)
                    for kernel in (None, machine.KERNEL)]
        self.assertEqual(*map(self.proven, outcomes))
        self.assertEqual(outcomes[1].lines()[0], "capos kernel starting")

    def test_an_image_as_it_was_made_stays_up_until_it_is_asked_to_end(self):
        outcome = machine.run([*machine.disk(self.disk()), *machine.nic("modern")], machine="pc", kernel=None,
                              during=lambda qmp: qmp.run("system_powerdown"), wait_for=b"init: ")
        self.assertTrue(outcome.switched_off(), outcome.report())
        self.assertIn(b"cloudboot-evidence: end ", outcome.console)

    def test_a_run_block_that_was_changed_is_refused(self):
        path = self.disk(machine.command_line())
        change(path, RUN_AT + 16 + 32, b"M")
        self.refused(path, "boot parameters refused: run block: hash does not hold")

    def test_a_boot_package_that_was_changed_is_refused(self):
        path = self.disk(machine.command_line())
        at = PACKAGE_AT + machine.PACKAGE.stat().st_size - 1
        change(path, at, bytes([byte_of(path, at) ^ 1]))
        self.refused(path, "boot package refused: hash at header 0")


if __name__ == "__main__":
    unittest.main()
