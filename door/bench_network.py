#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The network's share of ./capos bench: QEMU's start to a TCP answer, and one TCP stream into the guest and one out of it through
# forwarded ports of the loopback; in the simulator a segment from the wire to a program. With --peers Debian's kernel in the same
# machine beside it, in turns in one run. The guests' network is closed (restrict): they see libslirp and nobody else.
import contextlib
import json
import os
import pathlib
import re
import select
import shutil
import socket
import statistics
import struct
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench_linux  # noqa: E402
import bench_programs  # noqa: E402
import bench_qemu  # noqa: E402
import listeners  # noqa: E402

MIB = 256
ECHO, TAKES, GIVES = 7, 9, 19  # RFC 862, 863, 864; sim/bench/network/manifest.json
ROUNDS, QUICK_ROUNDS = 5, 1
BYTES, QUICK_BYTES = 96 << 20, 16 << 20
PIECE = 256 << 10
SECONDS_MAX = 120
EVERY = 0.05    # seconds from one try to the next that nothing asks for
SOON = 0.005    # seconds that a guest is given to take its address
OPEN_MAX = 10   # tries that wait at once
LOOK = 0.001    # seconds
QUIET = 0.2     # seconds in which a guest without a listener would have refused
FILE_HEADER, RECORD = 24, struct.Struct("=4I")  # pcap-savefile(5)
UDP, DHCP_ANSWER, ACK = b"\x11", bytes([0, 67, 0, 68]), bytes([53, 1, 5])
ACK_AT = 14 + 20 + 8 + 236 + 4  # libslirp's first option: the message type
NUMBER = bytes(range(8))
SEGMENTS, STEP_SEGMENTS = 50000, 2000
MBIT = 1e6 / 8
ANSWER, IN, OUT = "QEMU start to a TCP answer", "TCP stream into the guest", "TCP stream out of the guest"
ASKED = {ANSWER: 120, IN: 744, OUT: 217}
UNITS = {ANSWER: "ms", IN: "Mbit/s", OUT: "Mbit/s"}
LIMITS = {ANSWER: "a kernel that does nothing, and SHA-256 of package, programs and log under TCG",
          IN: "checksum and three copies of each byte under TCG, QEMU's thread of devices",
          OUT: "checksum and three copies of each byte under TCG, QEMU's thread of devices"}
SEGMENT = "a TCP segment of 1460 bytes from the wire to a program, simulator"
SEGMENT_LIMIT = "turns of kernel, platform and device models, the client that made it, the answer to every other one"
Failed = bench_programs.Failed


class Frames:
    """What passes the guest's card, read from QEMU as it passes, until the guest is given an address (RFC 2131)."""

    def __init__(self, folder):
        self.path, self.rest, self.bound = f"{folder}/frames", b"", False
        os.mkfifo(self.path)
        self.fd = os.open(self.path, os.O_RDWR | os.O_NONBLOCK)  # before QEMU opens its end, and never at its end

    def words(self):
        return ("-object", f"filter-dump,id=d,netdev=n,file={self.path},maxlen=512")

    def look(self):
        """True once the DHCP server has acknowledged; libpcap 2.4."""
        try:
            self.rest += os.read(self.fd, 65536)
        except BlockingIOError:
            pass
        at = FILE_HEADER
        while len(self.rest) >= at + RECORD.size:
            kept = RECORD.unpack_from(self.rest, at)[2]
            frame = self.rest[at + RECORD.size:at + RECORD.size + kept]
            self.bound |= frame[23:24] == UDP and frame[34:38] == DHCP_ANSWER and frame[ACK_AT:ACK_AT + len(ACK)] == ACK
            at += RECORD.size + kept
        return self.bound

    def close(self):
        """QEMU writes no more of them."""
        os.close(self.fd)


def same(back):
    """Has the number come back?"""
    if back != NUMBER:
        raise Failed(f"what came back is not what was sent: {back!r}")
    return True


class Tries:
    """Connections, each with something to say, until one of them has its answer. QEMU takes each at once, and asks for the guest
    then: a guest without an address drops what it gets. So there is one soon after it is given one, one again when it was refused,
    and else few, which live long: a guest that is asked all the time has no time to answer."""

    def __init__(self, port, said=NUMBER, whole=same):
        self.port, self.said, self.whole, self.open, self.due = port, said, whole, {}, 0.0

    def begin(self):
        if time.monotonic() < self.due:
            return
        self.due = time.monotonic() + EVERY
        if len(self.open) == OPEN_MAX:
            oldest = next(iter(self.open))
            del self.open[oldest]
            oldest.close()
        s = socket.socket()
        try:
            s.connect(("127.0.0.1", self.port))
            s.sendall(self.said)
        except OSError:  # QEMU does not listen yet
            s.close()
            return
        self.open[s] = b""

    def answered(self, others):
        """Did one come back within a short while? What else there is to see ends the wait."""
        for s in select.select([*self.open, *others], [], [], LOOK)[0]:
            if s in others:
                continue
            try:
                back = s.recv(65536)
            except OSError:
                back = b""
            if back:
                self.open[s] += back
                if self.whole(self.open[s]):
                    return True
                continue
            s.close()  # refused: the address is there, nobody listens yet
            del self.open[s]
            self.due = min(self.due, time.monotonic() + LOOK)
        return False

    def close(self):
        for s in self.open:
            s.close()


def answered(port, start, console, frames, said=NUMBER, whole=same):
    """Seconds from the start to the first answer: `whole` is given what came of one, and raises Failed if that is none. The
    console is read: the guest would wait for that."""
    tries, told = Tries(port, said, whole), False
    with contextlib.closing(tries):
        while time.monotonic() - start < SECONDS_MAX:
            if not told and frames.look():
                told, tries.due = True, time.monotonic() + SOON
            tries.begin()
            if tries.answered([console] if told else [console, frames.fd]):
                return time.monotonic() - start
            with contextlib.suppress(BlockingIOError):
                console.recv(65536, socket.MSG_DONTWAIT)
    raise Failed(f"no TCP answer within {SECONDS_MAX} s")


def await_listener(port):
    """Until a connection is neither refused nor reset; echod may be there before the others are."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as s:
            try:
                if not select.select([s], [], [], QUIET)[0] or s.recv(1):
                    return
            except OSError:
                pass
        time.sleep(LOOK)
    raise Failed(f"nobody listens on a port of the guest within {SECONDS_MAX} s")


def taken(port, count):
    """Bytes a second into the guest, until its end of the stream says that all were taken."""
    data, left = bytes(PIECE), count
    with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as s:
        begun = time.monotonic()
        while left > 0:
            s.sendall(data[:min(PIECE, left)])
            left -= min(PIECE, left)
        s.shutdown(socket.SHUT_WR)
        if s.recv(1) != b"":
            raise Failed("the program that takes has sent something")
        return count / (time.monotonic() - begun)


def given(port, count):
    """Bytes a second out of the guest, from the first to the last of `count`."""
    piece, got = bytearray(PIECE), 0
    with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as s:
        begun = None
        while got < count:
            some = s.recv_into(piece)
            if some == 0:
                raise Failed("the program that gives has ended the stream")
            got += some if begun else 0
            begun = begun or time.monotonic()
        return got / (time.monotonic() - begun)


def once(boots, count):
    """One boot: {row: value}."""
    kernel, append, more = boots
    ports = {guest: listeners.free_port() for guest in (ECHO, TAKES, GIVES)}
    forwards = "".join(f",hostfwd=tcp:127.0.0.1:{host}-:{guest}" for guest, host in ports.items())
    nic = ("-netdev", f"user,id=n,restrict=on,ipv6=off{forwards}", "-device", bench_qemu.NICS["modern"], "-initrd", str(more))
    with tempfile.TemporaryDirectory(prefix="capos-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/s")
        door.listen(1)
        door.settimeout(SECONDS_MAX)
        frames = Frames(folder)
        start = time.monotonic()
        with subprocess.Popen(bench_qemu.words(kernel, append, folder, (*nic, *frames.words()), MIB), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as machine:
            try:
                console, _ = door.accept()
                with console, contextlib.closing(frames):
                    got = {ANSWER: answered(ports[ECHO], start, console, frames) * 1e3}
                for row, stream, port in ((IN, taken, TAKES), (OUT, given, GIVES)):
                    await_listener(ports[port])
                    got[row] = stream(ports[port], count) / MBIT
                return got
            except OSError as error:
                raise Failed(f"a stream broke: {error}") from None
            finally:
                machine.kill()


def measure_qemu(files, rows, rounds, options):
    """In turns: a kernel that does nothing, ours, Linux; start, stream in and stream out of one boot each."""
    count = QUICK_BYTES if options.quick else BYTES
    ours, theirs, floor = [], [], []
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        linux, why = None, "only with --peers"
        if options.peers:
            try:
                linux = bench_linux.make(folder, bench_linux.DRIVER, bench_linux.STREAMS_SCRIPT)
            except bench_linux.Missing as missing:
                why = missing
        for _ in range(rounds):
            floor.append(bench_qemu.run(files.nothing, "", ["!"]).times["!"] * 1e3)
            ours.append(once(files.boots(), count))
            if linux:
                theirs.append(once(linux, count))
    for name, asked in ASKED.items():
        got = statistics.median(each[name] for each in ours)
        beside = {"of Linux": statistics.median(each[name] for each in theirs)} if theirs else {}
        if name == ANSWER:
            beside["of a kernel that does nothing, to its first byte"] = statistics.median(floor)
        rows.add(name, UNITS[name], got, asked, lower=name == ANSWER, limit=LIMITS[name], beside=beside)
        if theirs:
            rows.add(f"{name}, Linux", UNITS[name], beside["of Linux"])
        elif options.peers:
            rows.missing(f"{name}, Linux", UNITS[name], why)


def stream_in_simulator(files, segments, wrap=()):
    done = subprocess.run([*wrap, str(files.host), "--stream", str(segments), str(files.package)], stdin=subprocess.DEVNULL,
                          text=True, capture_output=True, timeout=20 * bench_qemu.SECONDS_MAX, check=False)
    if done.returncode != 0:
        raise Failed(f"the simulator ended with status {done.returncode}: {done.stderr[-400:].strip()}")
    count, ns = map(int, done.stdout.split())
    return ns / count


def measure_sim(files, rows, rounds, quick):
    pinned = ("taskset", "-c", str(min(os.sched_getaffinity(0))))
    segments = SEGMENTS // 5 if quick else SEGMENTS
    got = [stream_in_simulator(files, segments, pinned) for _ in range(rounds)]
    rows.add(SEGMENT, "ns", statistics.median(got), limit=SEGMENT_LIMIT)
    if shutil.which("valgrind") is None:
        rows.missing(SEGMENT, "instructions", "valgrind is not installed (./capos setup bench)")
        return
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        stream_in_simulator(files, STEP_SEGMENTS, ("valgrind", "--tool=callgrind", "--dump-before=bench_mark",
                                                   f"--callgrind-out-file={folder}/part"))
        part = pathlib.Path(folder, "part.2").read_text(encoding="ascii")  # from the first mark to the second
    rows.add(SEGMENT, "instructions", int(re.search(r"^(?:totals|summary): (\d+)", part, re.M)[1]) / STEP_SEGMENTS,
             limit=SEGMENT_LIMIT)


def main():
    options = bench_programs.options_of("kernel", "nothing", "package", "host")
    files = bench_programs.Files(kernel=options.kernel, nothing=options.nothing, package=options.package, host=options.host)
    rounds = QUICK_ROUNDS if options.quick else ROUNDS

    def measure(rows):
        measure_qemu(files, rows, rounds, options)
        measure_sim(files, rows, rounds, options.quick)

    return bench_programs.told(options, "network", measure)


if __name__ == "__main__":
    sys.exit(main())
