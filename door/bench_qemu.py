#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The machine's share of ./capos bench: time from QEMU's start to the landmark beside a kernel that does nothing, to the
# first frame, a polled round trip, power-off; image size and memory. Medians of runs in turns; all under TCG.
import argparse
import json
import os
import pathlib
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time

KEY, BOOT = "00" * 32, "00" * 8
RUNS = 9
EXCHANGES = 2000
SECONDS_MAX = 60
ROWS = []


def row(name, unit, got, asked=None, limit=None, lower=True):
    found = {"name": name, "unit": unit, "got": round(got, 3)}
    if asked:
        found |= {"asked": asked, "ratio": round(got / asked, 3)}
        if limit and (got > asked) == lower:
            found["limited_by"] = limit
    ROWS.append(found)


def run(kernel, append, nic, until):
    """Seconds from the start of QEMU to the arrival of each wanted text on the first serial port, and to its end."""
    with tempfile.TemporaryDirectory(prefix="capos-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/s")
        door.listen(1)
        door.settimeout(SECONDS_MAX)
        words = ["qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "max", "-m", "128", "-nodefaults", "-no-user-config",
                 "-display", "none", "-no-reboot", "-bios", "qboot.rom", "-kernel", str(kernel), "-append", append,
                 "-chardev", f"socket,id=s,path={folder}/s", "-serial", "chardev:s"]
        if nic:
            words += ["-netdev", "user,id=n,restrict=on,ipv6=off", "-device", f"virtio-net-pci,netdev=n,{nic}"]
        start = time.monotonic()
        machine = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            port, _ = door.accept()
            with port:
                return watch(port, machine, start, until)
        finally:
            machine.kill()
            machine.wait()


def watch(port, machine, start, until):
    seen, text, peak = {}, b"", 0
    while time.monotonic() - start < SECONDS_MAX:
        ready, _, _ = select.select([port], [], [], 1)
        data = port.recv(65536) if ready else None
        now = time.monotonic() - start
        if data == b"":
            seen["end"] = now
            break
        text += data or b""
        for word in until:
            if word not in seen and word.encode() in text:
                seen[word] = now
        if "!" in seen:
            break
        peak = resident(machine.pid) or peak
    return seen, peak


def resident(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0


MARKS = ["capos kernel starting", "first-frame v1:", "frame-exchange v1:", "end v1:"]


def measure(kernel, nothing, quick):
    append = f"mode=proof boot={BOOT} chain_key={KEY} exchanges={EXCHANGES} commit=bench"
    floor, real, ratios = [], [], []
    for _ in range(3 if quick else RUNS):
        floor.append(run(nothing, "", None, ["!"])[0]["!"])
        seen, peak = run(kernel, append, "disable-legacy=on", MARKS)
        if set(seen) != {*MARKS, "end"}:
            raise SystemExit(f"capos bench: the machine did not get to its end: {sorted(seen)}")
        real.append((seen, peak))
        ratios.append(seen[MARKS[0]] - floor[-1])
    landmark = statistics.median(s[MARKS[0]] for s, _ in real)
    row("QEMU start to the first byte, a kernel that does nothing", "ms", statistics.median(floor) * 1e3)
    row("QEMU start to landmark", "ms", landmark * 1e3)
    row("landmark beyond the kernel that does nothing", "ms", statistics.median(ratios) * 1e3, 3,
        "a larger image to load, page tables, the PCI bus of a machine with a NIC")
    row("landmark to the first ARP reply, calibration included", "ms",
        statistics.median(s[MARKS[1]] - s[MARKS[0]] for s, _ in real) * 1e3, 40, "the bind proof and its hashes under TCG")
    row("one polled round trip (ARP or echo)", "us",
        statistics.median((s[MARKS[2]] - s[MARKS[1]]) / (2 * EXCHANGES) for s, _ in real) * 1e6, 76,
        "broker checks and the frame's checksums under TCG")
    row("end of the log to power off", "ms", statistics.median(s["end"] - s[MARKS[3]] for s, _ in real) * 1e3)
    row("kernel image", "KiB", kernel.stat().st_size / 1024)
    row("QEMU's resident memory at most, 128 MiB guest", "MiB", max(peak for _, peak in real) / (1 << 20))


def main():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument("kernel", type=pathlib.Path)
    p.add_argument("nothing", type=pathlib.Path)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json", action="store_true")
    options = p.parse_args()
    measure(options.kernel, options.nothing, options.quick)
    if options.json:
        print(json.dumps({"world": "qemu", "rows": ROWS}))
        return
    print(f"\n{'in QEMU (TCG, q35, qboot)':<60} {'asked':>8} {'got':>10} {'ratio':>6}  unit")
    for r in ROWS:
        asked, ratio = (f"{r['asked']:.0f}", f"{r['ratio']:.2f}") if "asked" in r else ("-", "-")
        limit = f"; limited by: {r['limited_by']}" if "limited_by" in r else ""
        print(f"{r['name']:<60} {asked:>8} {r['got']:>10.1f} {ratio:>6}  {r['unit']}{limit}")


if __name__ == "__main__":
    sys.exit(main())
