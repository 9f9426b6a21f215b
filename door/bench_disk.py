#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The disk's share of ./capos bench: how fast one program reads a disk from its first block on, through buffers that the kernel
# names to the device; with --peers beside Debian's kernel on the same file in the same machine, in turns. All under TCG.
import argparse
import json
import pathlib
import random
import statistics
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench_linux  # noqa: E402
import bench_qemu  # noqa: E402

RUNS, QUICK_RUNS = 5, 1
MIB = 256                 # the manifest's `mib` (sim/bench/disk)
BEGINS, DONE = "bench: begins=", "bench: done="
SCSI_DISK = ("-device", "scsi-hd,drive=disk,scsi-id=1")
DISKS = {"virtio-scsi legacy": ("-device", "virtio-scsi-pci,addr=3,disable-modern=on", *SCSI_DISK),
         "virtio-scsi modern": ("-device", "virtio-scsi-pci,addr=3,disable-legacy=on", *SCSI_DISK),
         "NVMe": ("-device", "nvme,addr=3,serial=bench,drive=disk")}
MODULES = ("virtio_pci", "virtio_scsi", "sd_mod", "nvme")
# Read ahead as the kernel does by itself; each byte goes to a program's buffer once, as ours do to the driver's.
SCRIPT = rf"""#!/bin/busybox sh
busybox mount -t proc proc /proc
busybox mount -t sysfs sys /sys
busybox mount -t devtmpfs dev /dev
for module in /modules/*; do busybox insmod $module; done
disk=
while [ -z "$disk" ]; do
    for each in /dev/sda /dev/nvme0n1; do [ ! -b $each ] || disk=$each; done
    busybox sleep 0.1
done
echo "{BEGINS}0"
busybox dd if=$disk of=/dev/null bs=256k count={MIB * 4} 2>/dev/null
echo "{DONE}{MIB << 20}"
busybox sleep 1000
"""
ROWS = []


def row(name, unit, got, **more):
    ROWS.append({"name": name, "unit": unit, "got": round(got, 3), **more})


def rate(kernel, append, files, device, disk):
    """MiB a second between the two lines, as they arrive."""
    words = ["-drive", f"if=none,id=disk,format=raw,readonly=on,file={disk}", *device, "-initrd", str(files)]
    seen = bench_qemu.run(kernel, append, [BEGINS, DONE], words, last=DONE)
    if not {BEGINS, DONE} <= set(seen.times):
        raise SystemExit(f"capos bench: the disk was not read to its end: {seen.text.strip()[-400:]!r}")
    return MIB / (seen.times[DONE] - seen.times[BEGINS])


def measure(options, runs, folder):
    disk, linux = folder / "disk.raw", None
    with open(disk, "wb") as file:  # bytes of a seed: nothing in them that a file system or a cache could make short
        bytes_of = random.Random(1)
        for _ in range(MIB):
            file.write(bytes_of.randbytes(1 << 20))
    if options.peers:
        linux = bench_linux.make(folder, MODULES, SCRIPT)
    append = f"mode=serve boot={bench_qemu.BOOT} chain_key={bench_qemu.KEY} commit=bench"
    for name, device in DISKS.items():
        ours, theirs = [], []
        for _ in range(runs):
            ours.append(rate(options.kernel, append, options.package, device, disk))
            if linux:
                theirs.append(rate(linux[0], linux[1], linux[2], device, disk))
        got = statistics.median(ours)
        row(f"{name}: sequential read of {MIB} MiB through brokered buffers", "MiB/s", got)
        if linux:
            peer = statistics.median(theirs)
            row(f"{name}: the same by Debian's kernel, dd", "MiB/s", peer)
            row(f"{name}: ours to Debian's", "times", got / peer)


def main(argv):
    p = argparse.ArgumentParser(prog="capos bench --only disk", description="sequential reads of a disk")
    p.add_argument("kernel", type=pathlib.Path)
    p.add_argument("package", type=pathlib.Path)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json", action="store_true")
    p.add_argument("--peers", action="store_true")
    options = p.parse_args(argv)
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        try:
            measure(options, QUICK_RUNS if options.quick else RUNS, pathlib.Path(folder))
        except bench_linux.Missing as error:
            print(f"capos bench: {error}", file=sys.stderr)
            return 3
    if options.json:
        print(json.dumps({"world": "disk", "rows": ROWS}))
        return 0
    for each in ROWS:
        print(f"{each['name']:66} {each['got']:10.1f} {each['unit']}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
