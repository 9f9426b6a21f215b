#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The machine's share of ./capos bench: time from QEMU's start to the landmark beside a kernel that does nothing, to the
# first frame, a polled round trip, power-off; frames a second into a tap; image size and memory. Medians of runs in turns;
# all under TCG.
import argparse
import dataclasses
import json
import os
import pathlib
import re
import select
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tap  # noqa: E402

KEY, BOOT = "00" * 32, "00" * 8
RUNS, QUICK_RUNS = 9, 3
EXCHANGES = 2000
SECONDS_MAX = 60
NICS = {"modern": "virtio-net-pci,netdev=n,disable-legacy=on", "legacy": "virtio-net-pci,netdev=n,disable-modern=on"}
OFF_MS_MAX = 2000
BUTTON_MS_MAX = 5000
FAULT = "fault follows"
UP = "modern, polled"
USER_NIC = ("-netdev", "user,id=n,restrict=on,ipv6=off", "-device", NICS["modern"])
# Transport and frames offered at once, to what a bare loop with one bell for so many sends a second, and how many are sent. A
# legacy device gets a bell with each publication, of which 128 frames are two; a modern one while it asks for bells, which it
# does not while it is busy: a row says how many there were. The bare loop's figure is beside those that ring about as it did
# on a host with nothing else to do.
KICKS = {("legacy", 1): (90e3, 100_000), ("legacy", 32): (270e3, 300_000), ("legacy", 128): (335e3, 300_000),
         ("modern", 1): (None, 300_000), ("modern", 32): (None, 300_000), ("modern", 128): (335e3, 300_000)}
ROWS = []


def row(name, unit, got, asked=None, limit=None, lower=True):
    found = {"name": name, "unit": unit, "got": round(got, 3)}
    if asked:
        found |= {"asked": asked, "ratio": round(got / asked, 3)}
        if limit and (got > asked) == lower:
            found["limited_by"] = limit
    ROWS.append(found)


@dataclasses.dataclass
class Seen:
    times: dict  # seconds from QEMU's start to the arrival of each wanted text on the first serial port, and to its end
    peak: int    # bytes of QEMU resident at most
    text: str


def words(kernel, append, folder, nic, mib=128):
    """QEMU's, with the first serial port at the socket `s` of the folder."""
    return ["qemu-system-x86_64", "-accel", "tcg", "-M", "q35", "-cpu", "max", "-m", str(mib), "-nodefaults", "-no-user-config",
            "-display", "none", "-no-reboot", "-bios", "qboot.rom", "-kernel", str(kernel), "-append", append,
            "-chardev", f"socket,id=s,path={folder}/s", "-serial", "chardev:s", *nic]


def run(kernel, append, until, nic=(), fds=(), last="!"):
    return boot(lambda folder: words(kernel, append, folder, nic), until, fds, last=last)


def boot(words_in, until, fds=(), then=None, last="!"):
    """QEMU by its words, which are given the folder of the socket `s` for the first serial port. `then(folder)`: what is done once
    all texts of `until` have come. `last`: the text after which nothing is waited for."""
    with tempfile.TemporaryDirectory(prefix="capos-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/s")
        door.listen(1)
        door.settimeout(SECONDS_MAX)
        start = time.monotonic()
        machine = subprocess.Popen(words_in(folder), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL, pass_fds=fds)
        try:
            port, _ = door.accept()
            with port:
                return watch(port, machine, start, until, None if then is None else lambda: then(folder), last)
        finally:
            machine.kill()
            machine.wait()


def watch(port, machine, start, until, then=None, last="!"):
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
        if then is not None and len(seen) == len(until):
            then()
            then = None
        if last in seen:
            break
        peak = resident(machine.pid) or peak
    return Seen(seen, peak, text.decode("ascii", "replace"))


def resident(pid):
    try:
        words = pathlib.Path(f"/proc/{pid}/statm").read_text().split()
    except OSError:
        return 0
    return int(words[1]) * os.sysconf("SC_PAGE_SIZE") if len(words) > 1 else 0


MARKS = ["capos kernel starting", "first-frame v1:", "frame-exchange v1:", "end v1:"]


def measure(kernel, nothing, runs):
    append = f"mode=proof boot={BOOT} chain_key={KEY} exchanges={EXCHANGES} commit=bench"
    floor, real, ratios = [], [], []
    for _ in range(runs):
        floor.append(run(nothing, "", ["!"]).times["!"])
        seen = run(kernel, append, MARKS, [*USER_NIC, "-initrd", str(kernel.with_name("user") / "frames/frames.pkg")])
        if set(seen.times) != {*MARKS, "end"}:
            raise SystemExit(f"capos bench: the machine did not get to its end: {sorted(seen.times)}")
        real.append(seen)
        ratios.append(seen.times[MARKS[0]] - floor[-1])
    times = [seen.times for seen in real]
    row("QEMU start to the first byte, a kernel that does nothing", "ms", statistics.median(floor) * 1e3)
    row("QEMU start to landmark", "ms", statistics.median(t[MARKS[0]] for t in times) * 1e3)
    row("landmark beyond the kernel that does nothing", "ms", statistics.median(ratios) * 1e3, 3,
        "a larger image to load, page tables, the PCI bus of a machine with a NIC")
    row("landmark to the first ARP reply, calibration included", "ms",
        statistics.median(t[MARKS[1]] - t[MARKS[0]] for t in times) * 1e3, 40, "the bind proof and its hashes under TCG")
    row("one polled round trip (ARP or echo)", "us",
        statistics.median((t[MARKS[2]] - t[MARKS[1]]) / (2 * EXCHANGES) for t in times) * 1e6, 76,
        "broker checks and the frame's checksums under TCG")
    off = [t["end"] - t[MARKS[3]] for t in times]
    row("end of the log to power off, the slowest", "ms", max(off) * 1e3, OFF_MS_MAX)
    row("kernel image", "KiB", kernel.stat().st_size / 1024)
    row("QEMU's resident memory at most, 128 MiB guest", "MiB", max(seen.peak for seen in real) / (1 << 20))


def measure_fault(kernel, runs):
    """From the words before an invalid instruction to the machine off: registers and backtrace are printed on the way."""
    took = []
    for _ in range(runs):
        seen = run(kernel, "fault=1", [FAULT, "capos: exception: "])
        if set(seen.times) != {FAULT, "capos: exception: ", "end"}:
            raise SystemExit(f"capos bench: the machine did not switch itself off after a fault: {seen.text.strip()!r}")
        took.append(seen.times["end"] - seen.times[FAULT])
    row("a fault to power off, the slowest", "ms", max(took) * 1e3, OFF_MS_MAX)


def press(folder):
    """The power button, by QEMU's monitor."""
    with socket.socket(socket.AF_UNIX) as monitor:
        monitor.settimeout(SECONDS_MAX)
        monitor.connect(f"{folder}/qmp")
        with monitor.makefile("rw") as lines:
            for command in ("qmp_capabilities", "system_powerdown"):
                lines.readline()  # its greeting, or the answer to the one before
                lines.write(json.dumps({"execute": command}) + "\n")
                lines.flush()
            lines.readline()


def measure_button(kernel, runs):
    """From the power button to the machine off, of a system that stays up: every program is ended, every device taken back."""
    append = f"mode=serve boot={BOOT} chain_key={KEY} commit=bench"
    more = [*USER_NIC, "-initrd", str(kernel.with_name("user") / "frames/frames.pkg")]
    took = []
    for _ in range(runs):
        seen = boot(lambda folder: words(kernel, append, folder, [*more, "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]),
                    [UP], then=press)
        if set(seen.times) != {UP, "end"}:
            raise SystemExit(f"capos bench: the power button did not end the machine: {seen.text.strip()!r}")
        took.append(seen.times["end"] - seen.times[UP])
    row("the power button to power off, the slowest", "ms", max(took) * 1e3, BUTTON_MS_MAX)


FLOOD_BEGINS, FLOOD_ENDS = "flood begins", "flood ends:"


def flood_once(kernel, transport, kick, frames):
    """(frames a second, bells a kick) of one boot, by the tap's counter and the arrival of the guest's two lines."""
    with tap.Tap() as wire:
        nic = ("-netdev", f"tap,id=n,fd={wire.fd}", "-device", NICS[transport])
        seen = run(kernel, f"kick={kick} frames={frames}", [FLOOD_BEGINS, FLOOD_ENDS], nic, (wire.fd,))
        arrived = wire.received()
    said = {name: int(value) for name, value in re.findall(r"(frames|sends|bells)=(\d+)", seen.text)}
    if set(seen.times) != {FLOOD_BEGINS, FLOOD_ENDS, "end"} or said.get("frames") != frames or arrived != frames:
        raise SystemExit(f"capos bench: {frames} frames were to be sent, {arrived} arrived: {seen.text.strip()!r}")
    return frames / (seen.times[FLOOD_ENDS] - seen.times[FLOOD_BEGINS]), said["bells"] * kick / frames


def measure_tap(kernel, runs, quick):
    """Last of all: the network namespace is for good."""
    names = {(transport, kick): f"60 B frames into a tap, {transport}, {kick} a kick" for transport, kick in KICKS}
    taken = {which: [] for which in KICKS}
    try:
        tap.enter_namespace()
        for _ in range(runs):
            for which, (_, frames) in KICKS.items():
                taken[which].append(flood_once(kernel, *which, frames // 10 if quick else frames))
    except tap.Missing as missing:
        ROWS.extend({"name": name, "unit": "frames/s", "not_measured": str(missing)} for name in names.values())
        return
    for which, (asked, _) in KICKS.items():
        rate, bells = (statistics.median(column) for column in zip(*taken[which]))
        limit = "woken by each bell" if which[1] == 1 else "most of its time in the system call that writes a frame"
        row(names[which], "frames/s", rate, asked, f"QEMU's thread of devices, {limit}", lower=False)
        ROWS[-1]["bells_a_kick"] = round(bells, 2)


def print_text():
    print(f"\n{'in QEMU (TCG, q35, qboot)':<60} {'asked':>8} {'got':>10} {'ratio':>6}  unit")
    for r in ROWS:
        asked, ratio = (f"{value:.{digits}f}" if (value := r.get(name)) is not None else "-"
                        for name, digits in (("asked", 0), ("ratio", 2)))
        got = f"{r['got']:.1f}" if "got" in r else "-"
        notes = [f"; {word.replace('_', ' ')}: {r[word]}" for word in ("bells_a_kick", "limited_by", "not_measured") if word in r]
        print(f"{r['name']:<60} {asked:>8} {got:>10} {ratio:>6}  {r['unit']}{''.join(notes)}")


def main():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument("kernel", type=pathlib.Path)
    p.add_argument("nothing", type=pathlib.Path)
    p.add_argument("flood", type=pathlib.Path)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json", action="store_true")
    options = p.parse_args()
    runs = QUICK_RUNS if options.quick else RUNS
    measure(options.kernel, options.nothing, runs)
    measure_fault(options.flood, runs)
    measure_button(options.kernel, runs)
    measure_tap(options.flood, QUICK_RUNS, options.quick)
    if options.json:
        print(json.dumps({"world": "qemu", "rows": ROWS}))
    else:
        print_text()


if __name__ == "__main__":
    sys.exit(main())
