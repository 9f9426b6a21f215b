#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The disk image: a GPT with GRUB for SeaBIOS and for UEFI, and a partition without file system for run block, boot package (at the
# places of abi/disk.h) and kernel; and the archive that a cloud takes. Made of files alone: no root, no loop device, no mount. The
# same input makes the same bytes. Trusts Debian's tools; what they print is shown when they fail.
import argparse
import contextlib
import hashlib
import json
import os
import pathlib
import re
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import gpt  # noqa: E402
import sbom  # noqa: E402
import sparse  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parent.parent
SECTOR = 512
BIOS_SECTOR, ESP_SECTOR = 2048, 4096  # partitions 1 and 2; the third is DISK_CAPOS_SECTOR
BIOS_BYTES_MAX = (ESP_SECTOR - BIOS_SECTOR) * SECTOR
ESP_SECTORS = 48 << 11
KERNEL_OFFSET = 24576  # sectors into the third partition: behind the largest boot package
EPOCH = 1767225600  # 2026-01-01, of every file in the image: a date would make two of them differ
GUIDS = ("6a2f0f0c-9d53-4e0b-8f2b-0c7a5b1e6d00", "6a2f0f0c-9d53-4e0b-8f2b-0c7a5b1e6d01", "6a2f0f0c-9d53-4e0b-8f2b-0c7a5b1e6d02",
         "6a2f0f0c-9d53-4e0b-8f2b-0c7a5b1e6d03")
# Types and names: BIOS boot (GRUB's), EFI system (UEFI 2.10, 5.3.3), and one of our own, which nobody mounts.
PARTITIONS = (("21686148-6449-6e6f-744e-656564454649", "bios"), ("c12a7328-f81f-11d2-ba4b-00a0c93ec93b", "esp"),
              ("0b4f7a10-3c1e-4a57-9a55-6b1d0e5f2c01", "capos"))
VOLUME = "ca905b07"
CORE_FIRST_SECTOR, CORE_LIST = 2049, 0x1f4  # GRUB's diskboot.S: where the rest of core.img lies
BOOT_CODE_BYTES, BOOT_CORE = 440, 0x5c      # GRUB's boot.S: where core.img begins
MODULES = ("part_gpt", "multiboot2", "boot", "serial", "terminal")
GRUB = {"i386-pc": (*MODULES, "biosdisk"), "x86_64-efi": MODULES}
GRUB_ROOT = "(,gpt3)/"  # of the disk that it was started from, whichever that is: $root
GRUB_FOLDER = pathlib.Path("/usr/lib/grub")
# Words of a loader without a menu, which knows places and no file system.
CONFIG = """serial --unit=0 --speed=115200
terminal_output serial
multiboot2 ($root){kernel}
module2 ($root){run_block} run-block
module2 ($root){package} package
boot
"""


class Failed(Exception):
    """The image cannot be made: the words say why."""


def numbers():
    """The numbers of abi/disk.h and abi/package.h, by name. They may be sums and quotients of each other."""
    words, found = {}, {}
    for name in ("disk.h", "package.h"):
        for line in (ROOT / "abi" / name).read_text(encoding="ascii").splitlines():
            match = re.match(r"#define +(\w+) +([\w+*/()<\- ]+?)(?: */\*.*)?$", line)
            if match:
                words[match[1]] = re.sub(r"\b(0x[0-9a-fA-F]+|\d+)[ul]+\b", r"\1", match[2]).replace("/", "//")
    for _ in range(3):  # a number may be said with one that comes behind it
        for name, text in words.items():
            with contextlib.suppress(NameError, SyntaxError, TypeError):
                found[name] = eval(text, {"__builtins__": {}}, dict(found))
    return found


DISK = numbers()


def run(*words, stdin=None, **more):
    environment = dict(os.environ, SOURCE_DATE_EPOCH=str(EPOCH), TZ="UTC", LC_ALL="C", MTOOLSRC=os.devnull, MTOOLS_SKIP_CHECK="1")
    done = subprocess.run([str(word) for word in words], input=stdin, capture_output=True, env=environment, check=False, **more)
    if done.returncode != 0:
        said = (done.stderr + done.stdout).decode("utf-8", "replace").strip()
        raise Failed(f"{words[0]} failed: {said or done.returncode}")
    return done.stdout


def run_block(line):
    """The block of a run: its boot line, behind a head that holds the hash of the whole."""
    text = line.encode("ascii")
    if not 0 < len(text) <= DISK["RUN_BLOCK_TEXT_BYTES"]:
        raise Failed(f"a boot line of {len(text)} bytes finds no room in the run block")
    head = struct.pack("<4I", DISK["RUN_BLOCK_MAGIC"], DISK["RUN_BLOCK_VERSION"], len(text), 0)
    rest = text.ljust(DISK["RUN_BLOCK_TEXT_BYTES"], b"\0")
    return head + hashlib.sha256(head + bytes(32) + rest).digest() + rest


def write_run_block(disk, line):
    with open(disk, "r+b") as file:
        file.seek(DISK["DISK_RUN_SECTOR"] * SECTOR)
        file.write(run_block(line))


def place(first, size):
    """GRUB's word for the sectors of so many bytes."""
    return f"{first}+{-(-size // SECTOR)}"


def grub(folder, kernel_bytes, package_bytes):
    """Makes core.img and BOOTX64.EFI in the folder: by platform of GRUB, the file."""
    config, run_bytes = folder / "grub.cfg", DISK["RUN_BLOCK_BYTES"]
    config.write_text(CONFIG.format(kernel=place(KERNEL_OFFSET, kernel_bytes), run_block=place(0, run_bytes),
                                    package=place(run_bytes // SECTOR, package_bytes)))
    made = {"i386-pc": folder / "core.img", "x86_64-efi": folder / "BOOTX64.EFI"}
    for platform, modules in GRUB.items():
        run("grub-mkimage", "-O", platform, "-p", GRUB_ROOT, "-c", config, "-o", made[platform], *modules)
    return made


def write_bios(disk, core):
    data = bytearray(core.read_bytes())
    if len(data) > BIOS_BYTES_MAX:
        raise Failed(f"GRUB's core.img has {len(data)} bytes, the partition {BIOS_BYTES_MAX}")
    struct.pack_into("<Q", data, CORE_LIST, CORE_FIRST_SECTOR)
    code = bytearray((GRUB_FOLDER / "i386-pc/boot.img").read_bytes()[:BOOT_CODE_BYTES])
    struct.pack_into("<Q", code, BOOT_CORE, BIOS_SECTOR)
    with open(disk, "r+b") as file:
        file.write(code)
        file.seek(BIOS_SECTOR * SECTOR)
        file.write(data)


def write_esp(disk, loader):
    where = f"{disk}@@{ESP_SECTOR * SECTOR}"
    run("mformat", "-i", where, "-F", "-c", "1", "-T", ESP_SECTORS, "-h", "64", "-s", "32", "-v", "CAPOS", "-N", VOLUME, "::")
    run("mmd", "-i", where, "::/EFI", "::/EFI/BOOT")
    os.utime(loader, (EPOCH, EPOCH))
    run("mcopy", "-m", "-i", where, loader, "::/EFI/BOOT/BOOTX64.EFI")


def make_disk(disk, kernel, package, folder):
    """Writes the image `disk` with an empty run block; gives the files that are in it, by name."""
    package_bytes, stripped = package.stat().st_size, folder / "kernel.elf"
    run("objcopy", "--strip-all", kernel, stripped)  # the loader would read what is for a debugger, too
    if not 0 < package_bytes <= min(KERNEL_OFFSET * SECTOR - DISK["RUN_BLOCK_BYTES"], DISK["PACKAGE_BYTES_MAX"]):
        raise Failed(f"{package}: not a boot package by its size")
    if stripped.stat().st_size > (DISK["DISK_CAPOS_SECTORS"] - KERNEL_OFFSET) * SECTOR:
        raise Failed(f"{kernel}: larger than its place")
    loaders = grub(folder, stripped.stat().st_size, package_bytes)
    with open(disk, "wb") as file:
        file.truncate(DISK["DISK_BYTES"])
    capos = DISK["DISK_CAPOS_SECTOR"]
    places = ((BIOS_SECTOR, ESP_SECTOR - BIOS_SECTOR), (ESP_SECTOR, ESP_SECTORS), (capos, DISK["DISK_CAPOS_SECTORS"]))
    gpt.write(disk, GUIDS[0], [(kind, guid, *place, name) for (kind, name), guid, place in zip(PARTITIONS, GUIDS[1:], places)])
    write_bios(disk, loaders["i386-pc"])
    write_esp(disk, loaders["x86_64-efi"])
    with open(disk, "r+b") as file:
        for sector, what in ((DISK["DISK_PACKAGE_SECTOR"], package), (capos + KERNEL_OFFSET, stripped)):
            file.seek(sector * SECTOR)
            file.write(what.read_bytes())
    return {"boot.img": GRUB_FOLDER / "i386-pc/boot.img", "core.img": loaders["i386-pc"],
            "BOOTX64.EFI": loaders["x86_64-efi"], "kernel.elf": stripped, "capos.pkg": package}


def make(options):
    """The image, its archive and the list of what they ship, in the folder; complete or not there."""
    started = time.monotonic()
    options.out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".image-", dir=options.out) as folder:
        folder = pathlib.Path(folder)
        disk, archive, listed = folder / "disk.raw", folder / "disk.tar.gz", folder / "sbom.spdx.json"
        files = make_disk(disk, options.kernel, options.package, folder)
        sparse.archive(disk, archive, EPOCH)
        found = {"path": str(options.out / disk.name), "bytes": disk.stat().st_size, "sha256": sparse.sha256(disk),
                 "archive": str(options.out / archive.name), "archive_bytes": archive.stat().st_size,
                 "archive_sha256": sparse.sha256(archive), "sbom": str(options.out / listed.name), "commit": options.commit,
                 "kernel_sha256": sparse.sha256(files["kernel.elf"]), "package_sha256": sparse.sha256(options.package)}
        listed.write_text(json.dumps(sbom.document(files, found, EPOCH), indent=1) + "\n")
        for file in (disk, archive, listed):
            os.replace(file, options.out / file.name)
    return found | {"seconds": round(time.monotonic() - started, 3)}


def main(words):
    p = argparse.ArgumentParser(prog="capos image", allow_abbrev=False,
                                description="the disk image for BIOS and UEFI, and the archive that a cloud takes")
    p.add_argument("--out", type=pathlib.Path, metavar="DIR", help="for disk.raw, disk.tar.gz and sbom.spdx.json (out/image)")
    p.add_argument("--json", action="store_true", help="one JSON object on standard output")
    p.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    for own in ("--kernel", "--package"):
        p.add_argument(own, type=pathlib.Path, help=argparse.SUPPRESS)
    p.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    options = p.parse_args(words)
    if options.check:
        return 0
    try:
        found = make(options)
    except (Failed, OSError) as error:
        print(f"capos image: {error}", file=sys.stderr)
        return 1
    if options.json:
        print(json.dumps(found))
        return 0
    for name, digest, size in (("path", "sha256", "bytes"), ("archive", "archive_sha256", "archive_bytes")):
        print(f"{found[name]}: {found[size]} bytes, sha256 {found[digest]}")
    print(f"{found['sbom']}: what they ship\nmade in {found['seconds']} s")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
