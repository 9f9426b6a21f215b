#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The disk image's share of ./capos bench: time from QEMU's start to the landmark by SeaBIOS, by OVMF and without firmware's help,
# in turns in one run; what an image takes to make, and its archive's size. All under TCG.
import argparse
import json
import pathlib
import shutil
import statistics
import sys
import tempfile
import types

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench_qemu  # noqa: E402
import image  # noqa: E402
import qemu_disk  # noqa: E402
import qemu_firmware  # noqa: E402

RUNS, QUICK_RUNS = 5, 1
LANDMARK = "capos kernel starting"
LINE = "landmark"  # no boot line: the kernel refuses it behind its landmark, and switches off
WAYS = {"direct": "QEMU start to landmark, kernel by QEMU (PVH, SeaBIOS)", "bios": "QEMU start to landmark, image by SeaBIOS",
        "uefi": "QEMU start to landmark, image by OVMF"}
ASKED_MS = {"bios": 500}
MADE, ARCHIVE, ARCHIVE_KIB_MAX = "image, archive and list made", "archive", 2048
ROWS = []


def row(name, unit, got, asked=None, limit=None):
    found = {"name": name, "unit": unit, "got": round(got, 3)}
    if asked:
        found |= {"asked": asked, "ratio": round(got / asked, 3)}
        if got > asked and limit:
            found["limited_by"] = limit
    ROWS.append(found)


def start_to_landmark(firmware, options, run):
    way = types.SimpleNamespace(firmware=firmware, kernel=str(options.kernel), package=str(options.package), bios="seabios",
                                disk="none" if firmware == "direct" else "scsi-legacy")
    words = [*qemu_firmware.words(way, LINE, run), *qemu_disk.words(way, run)]
    seen = bench_qemu.boot(lambda folder: [
        "qemu-system-x86_64", "-accel", "tcg", "-M", "pc", "-cpu", "max", "-m", "128", "-nodefaults", "-no-user-config",
        "-display", "none", "-no-reboot", "-chardev", f"socket,id=s,path={folder}/s", "-serial", "chardev:s", *words],
        [LANDMARK])
    if set(seen.times) != {LANDMARK, "end"}:
        raise SystemExit(f"capos bench: the image did not boot by {firmware}: {seen.text.strip()!r}")
    return seen.times[LANDMARK]


def measure(options, runs):
    with tempfile.TemporaryDirectory(prefix="capos-") as name:
        run = pathlib.Path(name)
        found = [image.make(types.SimpleNamespace(out=run, kernel=options.kernel, package=options.package, commit="bench"))
                 for _ in range(runs)]
        image.write_run_block(run / "disk.raw", LINE)
        ways = dict(WAYS)
        if (qemu_firmware.OVMF / "OVMF_VARS_4M.fd").is_file():
            shutil.copyfile(qemu_firmware.OVMF / "OVMF_VARS_4M.fd", run / "uefi.vars")
        else:
            ways.pop("uefi")
        taken = {way: [] for way in ways}
        for _ in range(runs):
            for way in ways:
                taken[way].append(start_to_landmark(way, options, run))
    for way, text in WAYS.items():
        if way in taken:
            row(text, "ms", statistics.median(taken[way]) * 1e3, ASKED_MS.get(way), "SeaBIOS and GRUB under TCG")
        else:
            ROWS.append({"name": text, "unit": "ms", "not_measured": "OVMF is not installed (./capos setup uefi)"})
    row(MADE, "s", statistics.median(made["seconds"] for made in found))
    row(ARCHIVE, "KiB", found[-1]["archive_bytes"] / 1024, ARCHIVE_KIB_MAX, "kernel, boot package and two of GRUB")


def print_text():
    print(f"\n{'disk image in QEMU (TCG, pc)':<60} {'asked':>8} {'got':>10} {'ratio':>6}  unit")
    for r in ROWS:
        asked, ratio = (f"{value:.{digits}f}" if (value := r.get(name)) is not None else "-"
                        for name, digits in (("asked", 0), ("ratio", 2)))
        got = f"{r['got']:.1f}" if "got" in r else "-"
        notes = [f"; {word.replace('_', ' ')}: {r[word]}" for word in ("limited_by", "not_measured") if word in r]
        print(f"{r['name']:<60} {asked:>8} {got:>10} {ratio:>6}  {r['unit']}{''.join(notes)}")


def main():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument("kernel", type=pathlib.Path)
    p.add_argument("package", type=pathlib.Path)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json", action="store_true")
    options = p.parse_args()
    measure(options, QUICK_RUNS if options.quick else RUNS)
    if options.json:
        print(json.dumps({"world": "image", "rows": ROWS}))
    else:
        print_text()


if __name__ == "__main__":
    sys.exit(main())
