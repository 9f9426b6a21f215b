# SPDX-License-Identifier: BSD-2-Clause
# The disk of ./capos qemu: which controller, and what is on it. An image is its own disk; with a kernel that QEMU loads itself, a
# disk is made that holds the boot package at its place (abi/disk.h), or the file that was given.
import pathlib

import image
import sparse

KINDS = ("none", "scsi-legacy", "scsi-modern", "nvme")
SCSI = {"scsi-legacy": "disable-legacy=off,disable-modern=on", "scsi-modern": "disable-legacy=on,disable-modern=off"}
BYTES_MAX = 1 << 40


def add_flags(parser):
    parser.add_argument("--disk", choices=KINDS, help="controller of the disk (none; with an image scsi-legacy)")
    parser.add_argument("--disk-file", metavar="FILE",
                        help="with direct: the disk's content, of which a copy is used (the boot package)")


def check_flags(parser, options):
    if options.profile:
        options.disk = "nvme" if options.profile == "gce-gen3" else "scsi-legacy"
    if options.disk is None:
        options.disk = "none" if options.firmware == "direct" and not options.disk_file else "scsi-legacy"
    if options.disk == "none" and (options.firmware != "direct" or options.disk_file):
        parser.error("--disk none goes with --firmware direct, and without --disk-file")
    if options.disk_file and options.firmware != "direct":
        parser.error("--disk-file goes with --firmware direct: an image is the disk")


def prepare(options, run):
    """The disk of the run, unless it is an image: run/disk.raw. ValueError: the file that was given cannot be one."""
    if options.disk == "none" or options.firmware != "direct":
        return
    disk = run / "disk.raw"
    if options.disk_file:
        path = pathlib.Path(options.disk_file)
        size = path.stat().st_size
        if not 0 < size <= BYTES_MAX or size % image.SECTOR:
            raise ValueError(f"{path}: a disk is a number of sectors of {image.SECTOR} bytes, at least one")
        sparse.copy(path, disk)
        return
    with open(disk, "wb") as file:
        file.truncate(image.DISK["DISK_BYTES"])
        if options.package:
            file.seek(image.DISK["DISK_PACKAGE_SECTOR"] * image.SECTOR)
            file.write(pathlib.Path(options.package).read_bytes())


def words(options, run):
    """QEMU's arguments: as on Google's machines in slot 3, a SCSI disk as target 1. It boots before all else."""
    if options.disk == "none":
        return []
    drive = ["-drive", f"if=none,id=disk,format=raw,file={run}/disk.raw"]
    boots = ",bootindex=1" if options.firmware != "direct" else ""
    if options.disk == "nvme":
        return [*drive, "-device", f"nvme,addr=3,drive=disk,serial=nvme_card-pd{boots}"]
    return [*drive, "-device", f"virtio-scsi-pci,addr=3,{SCSI[options.disk]}",
            "-device", f"scsi-hd,drive=disk,scsi-id=1,vendor=Google,product=PersistentDisk,ver=1{boots}"]
