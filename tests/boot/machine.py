# SPDX-License-Identifier: BSD-2-Clause
# One QEMU for a boot test: always emulated, without network beyond libslirp's own, under a hard timeout, killed by its id. Trusts the
# build in build/ship (CAPOS_BUILD names another folder).
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
SECONDS_MAX = 30
KEY = "00112233445566778899aabbccddeeff" * 2
BOOT = "0123456789abcdef"
NIC = {"modern": "virtio-net-pci,disable-legacy=on", "legacy": "virtio-net-pci,disable-modern=on"}

sys.path.insert(0, str(ROOT / "evidence"))
import check  # noqa: E402
import gen_markers  # noqa: E402


@dataclasses.dataclass
class Outcome:
    status: int | None  # of QEMU; None: it had to be killed
    console: bytes
    evidence: bytes
    complaints: str  # QEMU's own

    def lines(self):
        return self.console.decode("ascii", "replace").replace("\r\n", "\n").split("\n")

    def judge(self):
        return check.judge(self.console, gen_markers.load(), bytes.fromhex(KEY), True, self.evidence)

    def facts(self, name):
        return next(line.facts for line in self.judge()["lines"] if line.name == name)


def command_line(**changes):
    words = {"mode": "proof", "boot": BOOT, "chain_key": KEY, "exchanges": 20, "commit": "x"} | changes
    return " ".join(f"{key}={value}" for key, value in words.items() if value is not None)


def nic(transport, name="n", **properties):
    """Arguments of one NIC with a closed user network of its own."""
    device = ",".join([NIC[transport], f"netdev={name}"] + [f"{key}={value}" for key, value in properties.items()])
    return ["-netdev", f"user,id={name},restrict=on,ipv6=off", "-device", device]


def arguments(folder, machine, cpu, line, kernel, more):
    return ["qemu-system-x86_64", "-accel", "tcg", "-machine", machine, "-cpu", cpu, "-m", "128", "-nodefaults", "-display", "none",
            "-no-reboot", "-no-user-config", "-kernel", str(kernel), "-append", line, "-serial", f"file:{folder}/console.log",
            "-serial", f"file:{folder}/evidence.log", "-qmp", f"unix:{folder}/qmp,server=on,wait=off", *more]


class Qmp:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(SECONDS_MAX)
        self.socket.connect(str(path))
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.run("qmp_capabilities")

    def run(self, command, **values):
        self.file.write(json.dumps({"execute": command, "arguments": values}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline() or '{"error": "gone"}')
            if "event" not in answer:
                return answer

    def close(self):
        self.file.close()
        self.socket.close()


def run(more=(), machine="q35", cpu="max", line=None, kernel=KERNEL, during=None, wait_for=None):
    """Boots, waits for the machine to switch itself off. `during(qmp)` is called once the console holds `wait_for`."""
    with tempfile.TemporaryDirectory(prefix="capos-boot-") as folder:
        started = arguments(folder, machine, cpu, command_line() if line is None else line, kernel, more)
        with subprocess.Popen(started, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                if during is not None:
                    seen(process, pathlib.Path(folder) / "console.log", wait_for)
                    qmp = Qmp(f"{folder}/qmp")
                    during(qmp)
                    qmp.close()
                complaints, _ = process.communicate(timeout=SECONDS_MAX)
                status = process.returncode
            except subprocess.TimeoutExpired:
                process.kill()
                complaints, _ = process.communicate()
                status = None
            finally:
                if process.poll() is None:
                    process.kill()
        console, evidence = (read(pathlib.Path(folder) / name) for name in ("console.log", "evidence.log"))
    return Outcome(status, console, evidence, complaints.decode("utf-8", "replace"))


def read(path):
    return path.read_bytes() if path.exists() else b""


def seen(process, path, text):
    """Waits, bounded, until the file holds the text or the process has ended."""
    until = time.monotonic() + SECONDS_MAX
    while text not in read(path) and process.poll() is None:
        if time.monotonic() > until:
            raise subprocess.TimeoutExpired(process.args, SECONDS_MAX)
        time.sleep(0.01)
