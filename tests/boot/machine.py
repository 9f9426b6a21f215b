# SPDX-License-Identifier: BSD-2-Clause
# One QEMU for a boot test: always emulated, without network beyond libslirp's own, under a hard timeout, killed by its id.
# Trusts the build in build/ship (CAPOS_BUILD names another folder).
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAPOS_BUILD", ROOT / "build/ship"))
KERNEL = BUILD / "kernel.elf"
PACKAGE = BUILD / "user/frames/frames.pkg"  # whole but for the network stack, which wants a client outside
SECONDS_MAX = 30
TOLD = "diskd: nvme cap="  # what a controller says of itself: no claim
DISK_PACKAGE = BUILD / "tests/boot/storage/storage.pkg"  # disk and network card alone
KEY = "00112233445566778899aabbccddeeff" * 2
BOOT = "0123456789abcdef"
NIC = {"modern": "virtio-net-pci,disable-legacy=on", "legacy": "virtio-net-pci,disable-modern=on"}
SCSI = ["-device", "scsi-hd,drive=disk,scsi-id=1,vendor=Google,product=PersistentDisk,ver=1,bootindex=1"]
DISK = {"scsi-legacy": ["-device", "virtio-scsi-pci,addr=3,disable-modern=on", *SCSI],
        "scsi-modern": ["-device", "virtio-scsi-pci,addr=3,disable-legacy=on", *SCSI],
        "nvme": ["-device", "nvme,drive=disk,serial=capos,addr=3,bootindex=1"]}
TRANSPORT = {"scsi-legacy": "virtio-scsi-legacy", "scsi-modern": "virtio-scsi-modern", "nvme": "nvme"}  # as storage-read has it

sys.path[:0] = [str(ROOT / "evidence"), str(ROOT / "door")]
import check  # noqa: E402
import elf  # noqa: E402
import gen_markers  # noqa: E402


@dataclasses.dataclass
class Outcome:
    status: int | None  # of QEMU; None: it had to be killed
    ended_by: str  # why the machine stopped, in QEMU's words: guest-shutdown is S5, guest-reset a triple fault or worse
    console: bytes
    evidence: bytes
    complaints: str  # QEMU's own

    def switched_off(self):
        return (self.status, self.ended_by) == (0, "guest-shutdown")

    def report(self):
        return f"status {self.status}, {self.ended_by}\n{self.complaints}{self.console.decode('ascii', 'replace')}"

    def lines(self):
        return self.console.decode("ascii", "replace").replace("\r\n", "\n").split("\n")

    def words(self):
        """What the kernel says of the machine in one line once the proof is over: word by word."""
        line = next(line for line in self.lines() if line.startswith("machine: apic="))
        return dict(word.split("=", 1) for word in line.split()[1:])

    def judge(self, proof=True, log=None):
        return check.judge(log or self.console, gen_markers.load(), bytes.fromhex(KEY), proof, self.evidence)

    def claims(self, by="nicd: "):
        """What did not hold, in the words of a driver process and of the kernel; of the latter's verdict on a proof, whether."""
        said = [line.split(": ", 1)[1] for line in self.lines()
                if line.startswith((by, "claim failed: ")) and not line.startswith(TOLD)]
        return said[:-1] if said[-1:] == ["a proof of the programs did not hold"] else said

    def facts(self, name):
        return next(line.facts for line in self.judge()["lines"] if line.name == name)


def command_line(**changes):
    words = {"mode": "proof", "boot": BOOT, "chain_key": KEY, "exchanges": 20, "commit": "x"} | changes
    return " ".join(f"{key}={value}" for key, value in words.items() if value is not None)


def nic(transport, name="n", **properties):
    """Arguments of one NIC with a closed user network of its own."""
    device = ",".join([NIC[transport], f"netdev={name}"] + [f"{key}={value}" for key, value in properties.items()])
    return ["-netdev", f"user,id={name},restrict=on,ipv6=off", "-device", device]


def disk(path, kind="scsi-legacy"):
    """Arguments of a disk where Compute Engine has it, before all else that boots; what a guest writes is lost."""
    return ["-drive", f"if=none,id=disk,format=raw,snapshot=on,file={path}", *DISK[kind]]


def arguments(folder, machine, cpu, line, kernel, more):
    if kernel == KERNEL and "-initrd" not in more:  # the boot package; the kernels of tests run none
        more = ["-initrd", str(PACKAGE), *more]
    loaded = ["-kernel", str(kernel), "-append", line] if kernel else []
    return ["qemu-system-x86_64", "-accel", "tcg", "-machine", machine, "-cpu", cpu, "-m", "128", "-nodefaults", "-display", "none",
            "-no-reboot", "-no-user-config", *loaded, "-serial", f"file:{folder}/console.log",
            "-serial", f"file:{folder}/evidence.log", "-qmp", f"unix:{folder}/qmp,server=on,wait=off", "-S", *more]


class Qmp:
    """QEMU's monitor. The machine waits for `cont`, so that no event is missed."""

    def __init__(self, process, path):
        self.ended_by = ""
        until = time.monotonic() + SECONDS_MAX
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS_MAX)
        while self.socket.connect_ex(str(path)) != 0:  # not there, or not listening yet
            if process.poll() is not None or time.monotonic() > until:
                raise ConnectionError("QEMU does not answer")
            time.sleep(0.002)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.run("qmp_capabilities")

    def note(self, answer):
        if answer.get("event") == "SHUTDOWN":
            self.ended_by = answer["data"]["reason"]

    def run(self, command, **values):
        self.file.write(json.dumps({"execute": command, "arguments": values}) + "\n")
        self.file.flush()
        for text in self.file:
            answer = json.loads(text)
            if "event" not in answer:
                return answer
            self.note(answer)
        return {"error": "gone"}

    def monitor(self, line):
        answer = self.run("human-monitor-command", **{"command-line": line})
        if "return" not in answer:
            raise ConnectionError(f"the monitor refused {line}: {answer}")
        return answer["return"].strip()

    def pci_read(self, device, offset, width):
        """Configuration space of a device on bus 0 as firmware sees it, by mechanism 1. Width: h for 2 bytes, w for 4."""
        self.monitor(f"o /w 0xcf8 {0x80000000 | device << 11 | offset & 0xfc:#x}")
        return int(self.monitor(f"i /{width} {0xcfc + (offset & 3):#x}").split("=")[1], 16)

    def pci_write(self, device, offset, width, value):
        self.monitor(f"o /w 0xcf8 {0x80000000 | device << 11 | offset & 0xfc:#x}")
        self.monitor(f"o /{width} {0xcfc + (offset & 3):#x} {value:#x}")

    def close(self):
        """Reads what is left, until QEMU has closed its end."""
        for text in self.file:
            self.note(json.loads(text))
        self.socket.close()


class Stub:
    """QEMU's debugging stub, for one thing: to stop between firmware and kernel."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS_MAX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rwb", buffering=0)

    def ask(self, words):
        self.file.write(b"$%s#%02x" % (words, sum(words) % 256))
        while self.file.read(1) not in (b"$", b""):
            pass
        answer = b""
        while not answer.endswith(b"#"):
            answer += self.file.read(1) or b"#"
        self.file.read(2)
        return answer[:-1]

    def due(self, words, answer):
        if not self.ask(words).startswith(answer):
            raise ConnectionError(f"the debugging stub refused {words}")
        if words != b"D":  # the machine goes on, and may be over: nobody waits for this
            self.file.write(b"+")

    def run_to(self, address):
        self.due(b"Z1,%x,1" % address, b"OK")
        self.due(b"c", b"T05")
        self.due(b"z1,%x,1" % address, b"OK")

    def leave(self):
        self.due(b"D", b"OK")
        self.socket.close()


def entry(kernel):
    return next(symbol.value for symbol in elf.Elf.read(kernel).symbols() if symbol.name == "pvh_start")


def run(more=(), machine="q35", cpu="max", line=None, kernel=KERNEL, during=None, wait_for=None, seconds=SECONDS_MAX,
        firmware=None):
    """Boots, without a kernel what firmware finds, waits for the machine to switch itself off. `during(qmp)` is called once the
    console holds `wait_for`; `firmware(qmp)` when firmware is done, before the first instruction of the kernel."""
    ended_by = ""
    with tempfile.TemporaryDirectory(prefix="capos-boot-") as folder:
        folder = pathlib.Path(folder)
        if firmware is not None:
            more = [*more, "-gdb", f"unix:{folder}/gdb,server=on,wait=off"]
        started = arguments(folder, machine, cpu, command_line() if line is None else line, kernel, more)
        with (open(folder / "complaints", "wb") as complaints,
              subprocess.Popen(started, stdin=subprocess.DEVNULL, stdout=complaints, stderr=complaints) as process):
            try:
                qmp = Qmp(process, folder / "qmp")
                qmp.socket.settimeout(seconds)
                if firmware is None:
                    qmp.run("cont")
                else:
                    stub = Stub(folder / "gdb")
                    stub.run_to(entry(kernel))
                    firmware(qmp)
                    stub.leave()
                if during is not None:
                    seen(process, folder / "console.log", wait_for)
                    during(qmp)
                qmp.close()
                ended_by = qmp.ended_by
                status = process.wait(timeout=seconds)
            except (TimeoutError, ConnectionError, FileNotFoundError, subprocess.TimeoutExpired):
                status = None
            finally:
                if process.poll() is None:
                    process.kill()
        console, evidence, said = (read(folder / name) for name in ("console.log", "evidence.log", "complaints"))
    return Outcome(status, ended_by, console, evidence, said.decode("utf-8", "replace"))


def read(path):
    return path.read_bytes() if path.exists() else b""


def seen(process, path, text):
    """Waits, bounded, until the file holds the text or the process has ended."""
    until = time.monotonic() + SECONDS_MAX
    while text not in read(path) and process.poll() is None:
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired(process.args, SECONDS_MAX)
        time.sleep(0.01)
