#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The processes' share of ./capos bench: an empty cap_enter, a call and its answer between two processes, a start and an end, a
# killed driver until its next life serves, one frame out and its answer back, in QEMU and in the simulator, there in
# instructions as well; frames a second between a process and a tap; boot to init, to the link and, of the system as it ships, to
# the prompt of the log-in. For the others one boot package, driven
# from its console (sim/bench/programs): it says when a job begins and when it is done, and the lines' arrival is timed. With
# --peers Debian's kernel in the same machine beside it (bench_linux.py).
import argparse
import contextlib
import dataclasses
import json
import os
import pathlib
import re
import select
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench_linux  # noqa: E402
import bench_qemu  # noqa: E402
import tap  # noqa: E402

APPEND = f"mode=serve boot={bench_qemu.BOOT} chain_key={bench_qemu.KEY} commit=bench"
INIT, UP, BEGINS, DONE = "init: ", "bench: link=1", "bench: begins=", "bench: done="
WRONG = ("bench: failed", "bench: unknown", "bench: link=0", "claim failed: ", "panic")
ROUNDS, QUICK_ROUNDS = 7, 1
QUICK = 5  # so many times less work
PROMPT, PROMPT_ASKED = b"secret: ", 200  # ms
SETTLE = "enter 1000"  # meanwhile the audit log of the start is written


@dataclasses.dataclass(frozen=True)
class Job:
    name: str
    typed: str
    qemu: int    # how often, in one round
    sim: int
    steps: int   # under callgrind


ENTER = "empty cap_enter"
JOBS = [
    Job(ENTER, "enter", 20000, 500000, 2000),
    Job("CALL and RETURN between two processes", "call", 5000, 100000, 1000),
    Job("spawn: start, end, capability back", "spawn", 200, 2000, 20),
    Job("kill of the driver until its next life serves", "restart", 40, 20, 16),
    Job("one frame to the device, its answer back (ARP)", "trip", 2000, 10000, 200),
]
SEND = {32: 250e3, 128: 250e3}  # frames of one NIC_KICK, and frames a second asked for
RECEIVE = 180e3
FRAMES, QUICK_FRAMES = 50000, 10000  # on a host with other work a minute must do for them
PEER_SECONDS = 2
BARE = {batch: f"60 B frames from a loop in ring 0 into a tap, {batch} a kick" for batch in SEND}
SENDS = {batch: f"60 B frames from a process into a tap, batches of {batch}" for batch in SEND}
LINUX = {batch: f"60 B frames from Linux's pktgen into a tap, bursts of {batch}" for batch in SEND}
RECEIVES = "60 B frames from a tap to a process"
LINUX_RECEIVES = "60 B frames from a tap into Linux"
SEND_LIMIT = "three turns and two loads of CR3 a batch, then what the loop in ring 0 does too"
RECEIVE_LIMIT = "QEMU reads on only when it is told of new buffers, 128 of them at most"


class Failed(Exception):
    pass


class Rows(list):
    def add(self, name, unit, got, asked=None, lower=True, limit=None, beside=None):
        """`limit` is said where nothing was asked, or more than was got."""
        row = {"name": name, "unit": unit, "got": round(got, 3)}
        if asked:
            row |= {"asked": asked, "ratio": round(got / asked, 3)}
        if limit and (not asked or (got > asked) == lower):
            row["limited_by"] = limit
        beside = {key: round(got / value, 2) for key, value in (beside or {}).items() if value}
        if beside:
            row["beside"] = beside
        self.append(row)

    def missing(self, name, unit, why):
        self.append({"name": name, "unit": unit, "not_measured": str(why)})


@contextlib.contextmanager
def machine_of(boots, nic, fds=(), cpu=None):
    """A kernel and what it starts with in QEMU, its console a socket; on one core if that is named."""
    kernel, append, more = boots
    pinned = [] if cpu is None else ["taskset", "-c", str(cpu)]
    with tempfile.TemporaryDirectory(prefix="capos-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/s")
        door.listen(1)
        door.settimeout(bench_qemu.SECONDS_MAX)
        words = [*pinned, *bench_qemu.words(kernel, append, folder, nic), "-initrd", str(more)]
        start = time.monotonic()
        process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                   pass_fds=fds)
        try:
            port, _ = door.accept()
            with port:
                yield Machine(port, start)
        finally:
            process.kill()
            process.wait()


class Machine:
    """The console of a running machine."""

    def __init__(self, port, start):
        self.port, self.start, self.rest, self.seen = port, start, b"", []

    def line(self):
        """The next line, and when its end arrived."""
        until = time.monotonic() + bench_qemu.SECONDS_MAX
        while not self.seen:
            ready, _, _ = select.select([self.port], [], [], max(0, until - time.monotonic()))
            data = self.port.recv(65536) if ready else b""
            now = time.monotonic()
            if not data:
                what = "ended" if ready else f"said nothing for {bench_qemu.SECONDS_MAX} s"
                raise Failed(f"the machine {what}; the last of it: {self.rest[-300:]!r}")
            *whole, self.rest = (self.rest + data).split(b"\n")
            self.seen += [(line.decode("ascii", "replace").strip("\r"), now) for line in whole]
        return self.seen.pop(0)

    def wait(self, begin):
        """When a line that begins so arrived."""
        while True:
            line, now = self.line()
            if line.startswith(begin):
                return now
            if line.startswith(WRONG):
                raise Failed(line)

    def type(self, line):
        self.port.sendall(line.encode() + b"\n")

    def seconds(self, line):
        self.type(line)
        begun = self.wait(BEGINS)
        return self.wait(DONE) - begun


@dataclasses.dataclass
class Files:
    """What was built. What the share of the network (bench_network.py) does not need is not there."""
    kernel: pathlib.Path
    nothing: pathlib.Path
    flood: pathlib.Path = None
    package: pathlib.Path = None
    host: pathlib.Path = None
    sim: pathlib.Path = None
    system: pathlib.Path = None

    def boots(self):
        return self.kernel, APPEND, self.package


def times(job, world, quick):
    count = getattr(job, world)
    return max(1, count // QUICK) if quick else count


def add_world(rows, where, taken):
    """Medians of nanoseconds each, what the two lines cost taken off; and beside an empty cap_enter of the same rounds."""
    got = {job.name: statistics.median(taken[job.name]) for job in JOBS}
    for job in JOBS:
        beside = {} if job.name == ENTER else {"of an empty cap_enter": got[ENTER]}
        rows.add(f"{job.name}, {where}", "ns", got[job.name], beside=beside, limit=LIMITS[where][job.typed])


TURN = "turns of kernel, platform and device models"
LIMITS = {
    "QEMU": {"enter": "a turn of the kernel: everybody who waits is looked at",
             "call": "two turns and two loads of CR3, each of which empties TCG's translations of addresses",
             "spawn": "seven turns, pages zeroed and scrubbed, records of the log hashed",
             "restart": "the device's reset and start, its pages scrubbed, the provider's arena zeroed",
             "trip": "six turns, and QEMU's thread of devices woken for the frame and for its answer"},
    "simulator": {"enter": TURN, "call": TURN, "spawn": "the program's pages mapped a second time, one by one", "restart": TURN,
                  "trip": TURN},
}


def measure_qemu(files, rows, rounds, quick):
    """In turns: a kernel that does nothing, a boot, and each job in it. One core for QEMU, whose threads take turns."""
    cpu = min(os.sched_getaffinity(0))
    taken = {job.name: [] for job in JOBS}
    init, up = [], []
    for _ in range(rounds):
        floor = bench_qemu.run(files.nothing, "", ["!"]).times["!"]
        with machine_of(files.boots(), bench_qemu.USER_NIC, cpu=cpu) as machine:
            init.append(machine.wait(INIT) - machine.start - floor)
            up.append(machine.wait(UP) - machine.start - floor)
            machine.seconds(SETTLE)
            lines = statistics.median(machine.seconds("nothing 0") for _ in range(3))
            for job in JOBS:
                count = times(job, "qemu", quick)
                taken[job.name].append(max(0, machine.seconds(f"{job.typed} {count}") - lines) * 1e9 / count)
    add_world(rows, "QEMU", taken)
    limit = "SHA-256 of the package, its programs and the log, under TCG"
    rows.add("first kernel instruction to init's first word, QEMU", "ns", statistics.median(init) * 1e9, limit=limit)
    rows.add("first kernel instruction to the link, QEMU", "ns", statistics.median(up) * 1e9, limit=limit)


def run_host(files, typed, wrap=()):
    done = subprocess.run([*wrap, str(files.host), str(files.package), *typed], stdin=subprocess.DEVNULL, text=True,
                          capture_output=True, timeout=20 * bench_qemu.SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise Failed(f"the simulator ended with status {done.returncode}: {done.stderr[-400:].strip()}")
    return [tuple(map(int, line.split())) for line in done.stdout.splitlines()], done.stderr


def measure_sim(files, rows, rounds, quick):
    cpu = min(os.sched_getaffinity(0))
    taken = {job.name: [] for job in JOBS}
    init, up = [], []
    typed = [SETTLE, "nothing 0", *(f"{job.typed} {times(job, 'sim', quick)}" for job in JOBS)]
    for _ in range(rounds):
        said, _ = run_host(files, typed, ("taskset", "-c", str(cpu)))
        (to_init, to_link), _, (_, lines), *jobs = said
        init.append(to_init)
        up.append(to_link)
        for job, (count, ns) in zip(JOBS, jobs, strict=True):
            taken[job.name].append(max(0, ns - lines) / count)
    add_world(rows, "simulator", taken)
    limit = "SHA-256 of the package, its programs and the log: three quarters of the instructions"
    rows.add("first kernel instruction to init's first word, simulator", "ns", statistics.median(init), limit=limit)
    rows.add("first kernel instruction to the link, simulator", "ns", statistics.median(up), limit=limit)


def to_prompt(files):
    """Seconds from the kernel's first line to the first prompt, in the simulator as ./capos sim starts it."""
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        key = pathlib.Path(folder, "key")
        key.write_text(bench_qemu.KEY + "\n", encoding="ascii")
        child = subprocess.Popen([str(files.sim), "--package", str(files.system), "--run-dir", folder, "--key-file", str(key),
                                  "--boot", bench_qemu.BOOT, "--commit", "bench"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        said, began = b"", None
        try:
            while PROMPT not in said:
                come = select.select([child.stdout], [], [], bench_qemu.SECONDS_MAX)[0]
                if not come or not (piece := os.read(child.stdout.fileno(), 4096)):
                    raise Failed("the simulator came to no prompt")
                said += piece
                began = time.monotonic() if began is None else began
            return time.monotonic() - began
        finally:
            child.kill()
            child.communicate()


def measure_prompt(files, rows, rounds):
    taken = [to_prompt(files) for _ in range(rounds)]
    rows.add("the kernel's first line to the log-in's prompt, simulator", "ms", statistics.median(taken) * 1e3, PROMPT_ASKED,
             limit="SHA-256 of the package, its programs and the log, and eight starts")


def measure_steps(files, rows, quick):
    """Exact, in one run that is the same each time; what the two lines of a job execute is taken off."""
    names = {job.typed: f"{job.name}, simulator" for job in JOBS}
    if shutil.which("valgrind") is None:
        for name in names.values():
            rows.missing(name, "instructions", "valgrind is not installed (./capos setup bench)")
        return
    counts = {"nothing": 0} | {job.typed: times(job, "steps", quick) for job in JOBS}
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        run_host(files, [SETTLE, *(f"{name} {count}" for name, count in counts.items())],
                 ("valgrind", "--tool=callgrind", "--dump-before=bench_mark", f"--callgrind-out-file={folder}/part"))
        # Part n ends with the nth mark; there are two marks a job, and the first job settles.
        parts = [pathlib.Path(folder, f"part.{2 * job + 4}").read_text(encoding="ascii") for job in range(len(counts))]
    nothing, *totals = (int(re.search(r"^(?:totals|summary): (\d+)", part, re.M)[1]) for part in parts)
    got = {name: (total - nothing) / counts[name] for name, total in zip(names, totals, strict=True)}
    for name, per in got.items():
        beside = {} if name == "enter" else {"of an empty cap_enter": got["enter"]}
        rows.add(names[name], "instructions", per, beside=beside)


@contextlib.contextmanager
def on_a_tap(boots):
    with tap.Tap() as wire:
        nic = ("-netdev", f"tap,id=n,fd={wire.fd}", "-device", bench_qemu.NICS["modern"])
        with machine_of(boots, nic, (wire.fd,)) as machine:
            machine.wait(UP)
            yield wire, machine


def send_once(boots, batch, frames):
    with on_a_tap(boots) as (wire, machine):
        before = wire.received()
        seconds = machine.seconds(f"send {frames} {batch}")
        until = time.monotonic() + 2
        while wire.received() - before < frames and time.monotonic() < until:
            time.sleep(0.001)
        arrived = wire.received() - before
    if arrived < frames:
        raise Failed(f"{frames} frames were to be sent, {arrived} arrived")
    return frames / seconds


def receive_once(boots, frames):
    with on_a_tap(boots) as (wire, machine):
        machine.type(f"receive {frames}")
        with wire.flood():
            begun = machine.wait(BEGINS)
            return frames / (machine.wait(DONE) - begun)


def take_once(boots):
    """Frames a second that the machine reads of a tap, whatever becomes of them in it."""
    with on_a_tap(boots) as (wire, _), wire.flood():
        time.sleep(PEER_SECONDS / 4)
        before, start = wire.counters()[9], time.monotonic()
        time.sleep(PEER_SECONDS)
        return (wire.counters()[9] - before) / (time.monotonic() - start)


def peers(folder, rows):
    """What a Debian guest boots from, or None and the reason in the rows."""
    try:
        return bench_linux.make(folder)
    except bench_linux.Missing as why:
        for name in (*LINUX.values(), LINUX_RECEIVES):
            rows.missing(name, "frames/s", why)
        return None


def in_turns(files, linux, rounds, frames):
    """Frames a second of each row, one after the other in each round."""
    taken = {}
    for _ in range(rounds):
        for batch in SEND:
            taken.setdefault(BARE[batch], []).append(bench_qemu.flood_once(files.flood, "modern", batch, frames)[0])
            taken.setdefault(SENDS[batch], []).append(send_once(files.boots(), batch, frames))
            if linux:
                taken.setdefault(LINUX[batch], []).append(send_once(linux, batch, frames))
        taken.setdefault(RECEIVES, []).append(receive_once(files.boots(), frames))
        if linux:
            taken.setdefault(LINUX_RECEIVES, []).append(take_once(linux))
    return {name: statistics.median(values) for name, values in taken.items()}


def measure_tap(files, rows, rounds, options):
    """Last of all: the network namespace is for good. The bare loop and the peer in turns with the processes."""
    frames = QUICK_FRAMES if options.quick else FRAMES
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        linux = peers(folder, rows) if options.peers else None
        try:
            tap.enter_namespace()
            got = in_turns(files, linux, rounds, frames)
        except tap.Missing as why:
            for name in (*BARE.values(), *SENDS.values(), RECEIVES, *((*LINUX.values(), LINUX_RECEIVES) if linux else ())):
                rows.missing(name, "frames/s", why)
            return
    for batch, asked in SEND.items():
        beside = {"of the loop in ring 0": got[BARE[batch]], "of Linux": got.get(LINUX[batch])}
        rows.add(BARE[batch], "frames/s", got[BARE[batch]])
        rows.add(SENDS[batch], "frames/s", got[SENDS[batch]], asked, lower=False, beside=beside, limit=SEND_LIMIT)
    rows.add(RECEIVES, "frames/s", got[RECEIVES], RECEIVE, lower=False, beside={"of Linux": got.get(LINUX_RECEIVES)},
             limit=RECEIVE_LIMIT)
    for name in (*LINUX.values(), LINUX_RECEIVES) if linux else ():
        rows.add(name, "frames/s", got[name])


def print_text(rows, title):
    print(f"\n{title:<66} {'asked':>8} {'got':>12} {'ratio':>6}  unit")
    for r in rows:
        asked, ratio = (f"{value:.{digits}f}" if (value := r.get(name)) is not None else "-"
                        for name, digits in (("asked", 0), ("ratio", 2)))
        got = f"{r['got']:.1f}" if "got" in r else "-"
        notes = [f"; {times} {what}" for what, times in r.get("beside", {}).items()]
        notes += [f"; {word.replace('_', ' ')}: {r[word]}" for word in ("limited_by", "not_measured") if word in r]
        print(f"{r['name']:<66} {asked:>8} {got:>12} {ratio:>6}  {r['unit']}{''.join(notes)}")


def options_of(*files):
    """The words of a share of ./capos bench: its files, then flags."""
    p = argparse.ArgumentParser(allow_abbrev=False)
    for name in files:
        p.add_argument(name, type=pathlib.Path)
    for flag in ("--quick", "--json", "--peers"):
        p.add_argument(flag, action="store_true")
    return p.parse_args()


def told(options, title, measure):
    """What `measure` puts into rows, as text or JSON. The exit status."""
    rows = Rows()
    try:
        measure(rows)
    except Failed as why:
        print(f"capos bench: {why}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\ncapos bench: interrupted", file=sys.stderr)
        return 130
    if options.json:
        print(json.dumps({"worlds": ["qemu", "sim"], "rows": rows}))
    else:
        print_text(rows, title)
    return 0


def main():
    names = [field.name for field in dataclasses.fields(Files)]
    options = options_of(*names)
    files = Files(*(getattr(options, name) for name in names))
    rounds = QUICK_ROUNDS if options.quick else ROUNDS

    def measure(rows):
        measure_qemu(files, rows, rounds, options.quick)
        measure_sim(files, rows, rounds, options.quick)
        measure_prompt(files, rows, rounds)
        measure_steps(files, rows, options.quick)
        measure_tap(files, rows, rounds, options)

    return told(options, "processes", measure)


if __name__ == "__main__":
    sys.exit(main())
