# SPDX-License-Identifier: BSD-2-Clause
# How ./capos qemu brings the kernel into the machine: by QEMU itself (PVH), or from a disk image by way of SeaBIOS or OVMF, GRUB
# and multiboot2. The boot line of the run is QEMU's argument in the one case, in the image's run block in the other.
import pathlib
import re
import shutil
import struct
import tempfile

import image
import sparse

KINDS = ("direct", "bios", "uefi")
BIOS = {"seabios": [], "qboot": ["-bios", "qboot.rom"]}
OVMF = pathlib.Path("/usr/share/OVMF")
MEMORY_MIB_MIN = {"direct": 32, "bios": 32, "uefi": 128}
PACKAGE_HEAD = struct.Struct("<3I")  # magic, version, bytes: struct package_header


def add_flags(parser):
    parser.add_argument("--firmware", choices=KINDS, default="direct",
                        help="what loads the kernel: QEMU, or GRUB of the image by SeaBIOS or OVMF (direct)")
    parser.add_argument("--image", metavar="FILE", help="with bios or uefi: boot a copy of this disk image (one that is made)")
    parser.add_argument("--bios", choices=sorted(BIOS), help="with direct: firmware that runs first (seabios; with NVMe qboot)")


def check_flags(parser, options):
    if options.firmware == "direct" and options.image:
        parser.error("--image goes with --firmware bios or uefi")
    if options.firmware != "direct" and options.bios == "qboot":
        parser.error("--bios qboot goes with --firmware direct")
    # SeaBIOS's NVMe driver keeps pages at the end of memory, just where QEMU puts the boot package.
    contested = options.firmware == "direct" and options.disk == "nvme"
    if contested and options.bios == "seabios":
        parser.error("--bios seabios keeps memory of the boot package where there is an NVMe disk: qboot does not")
    options.bios = options.bios or ("qboot" if contested else "seabios")
    if options.memory < MEMORY_MIB_MIN[options.firmware]:
        parser.error(f"--firmware {options.firmware} takes --memory {MEMORY_MIB_MIN[options.firmware]} or more")


def harmless(data, landmark):
    """What is shown of a console until the kernel has spoken: firmware would clear the screen, and with it what was said before."""
    at = data.find(landmark)
    before, rest = (data, b"") if at < 0 else (data[:at], data[at:])
    return re.sub(rb"[^ -~\r\n\t]", b"", re.sub(rb"\x1b\[[0-9;=?]*[A-Za-z]", b"", before)) + rest


def package(options):
    """The boot package of this run: of the file, of the image, or none. ValueError: there is none where one must be."""
    if not options.image:
        return pathlib.Path(options.package).read_bytes() if options.package else b""
    with open(options.image, "rb") as file:
        file.seek(image.DISK["DISK_PACKAGE_SECTOR"] * image.SECTOR)
        head = file.read(PACKAGE_HEAD.size)
        magic, _, length = PACKAGE_HEAD.unpack(head) if len(head) == PACKAGE_HEAD.size else (0, 0, 0)
        if magic != image.DISK["PACKAGE_MAGIC"] or not len(head) < length <= image.DISK["PACKAGE_BYTES_MAX"]:
            raise ValueError(f"{options.image}: no boot package at its place")
        return head + file.read(length - len(head))


def prepare(options, line, run):
    """What has to be there before QEMU starts: the disk of the run, with its boot line in the run block."""
    if options.firmware == "direct":
        return
    disk = run / "disk.raw"
    if options.image:
        sparse.copy(pathlib.Path(options.image), disk)
    else:
        with tempfile.TemporaryDirectory(prefix="capos-image-") as folder:
            image.make_disk(disk, pathlib.Path(options.kernel), pathlib.Path(options.package), pathlib.Path(folder))
    image.write_run_block(disk, line)
    if options.firmware == "uefi":
        shutil.copyfile(OVMF / "OVMF_VARS_4M.fd", run / "uefi.vars")


def words(options, line, run):
    """QEMU's arguments, but for the disk that an image is."""
    if options.firmware == "direct":
        package_words = ["-initrd", options.package] if options.package else []
        return ["-kernel", options.kernel, "-append", line, *BIOS[options.bios], *package_words]
    flash = []
    if options.firmware == "uefi":
        for number, (file, mode) in enumerate(((OVMF / "OVMF_CODE_4M.fd", "on"), (run / "uefi.vars", "off"))):
            flash += ["-drive", f"if=pflash,unit={number},format=raw,readonly={mode},file={file}"]
    return flash
