# SPDX-License-Identifier: BSD-2-Clause
# A staying run from its keyboard: what is typed, what is waited for, the audit log's chain. For the tests of the programs in
# each world.
import hashlib
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import tempfile
import threading
import unittest

from door import ROOT, SECONDS_MAX, environment, package, remove, run_folder, runs

FRAMES = "frames: sent 8, arp replies 4, echo replies 4, others 0\n"
SYSTEM_PACKAGE = ROOT / "build/ship/capos.pkg"
FRAMES_PACKAGE = ROOT / "build/ship/user/frames/frames.pkg"
TRIES_MAX = 600  # connections
PROMPT = "capos> "
SECRET = "tests: open, please"  # the operator's, in runs that tests start
NO_BDF = 0xFFFF
LINE = re.compile(r"audit: seq=(\d+) owner=(\d+) kind=(\d+) interface=(\d+) handle=(\d+)\.(\d+) bdf=(\S+) result=(\d+) "
                  r"chain=([0-9a-f]{64})")


def bdf_of(text):
    if text == "none":
        return NO_BDF
    bus, rest = text.split(":")
    device, function = rest.split(".")
    return int(bus, 16) << 8 | int(device, 16) << 3 | int(function, 16)


def broken_at(text):
    """The sequence number at which an audit log's chain breaks, or None."""
    chain, expected = bytes(32), 1
    for line in text.splitlines():
        match = LINE.fullmatch(line)
        if not match:
            return expected
        seq, owner, kind, interface, index, generation = (int(match[n]) for n in range(1, 7))
        record = struct.pack("<QIIHHBBB", seq, index, generation, owner, bdf_of(match[7]), kind, interface, int(match[8]))
        chain = hashlib.sha256(chain + record).digest()
        if seq != expected or chain.hex() != match[9]:
            return expected
        expected += 1
    return None


def carried(console, log):
    """None: the audit log at its port is whole, and is what the end of the console says of it. Else why not."""
    at = broken_at(log)
    if at is not None:
        return f"the audit log's chain is broken at record {at}"
    count, head = len(log.splitlines()), LINE.fullmatch(log.splitlines()[-1])[9]
    said = re.findall(r"^cloudboot-evidence: audit v1:.*,records=(\d+),head=([0-9a-f]{64})\r?$", console, re.M)
    return None if said == [(str(count), head)] else f"the port has {count} records up to {head}, the console says {said}"


def parts_of(secret):
    """A part of it is as bad."""
    return [secret[at:at + 8].encode() for at in range(len(secret) - 7)]


class Keyboard:
    """A staying run of ./capos sim or ./capos qemu with a pipe for its keys."""

    def __init__(self, command, *flags):
        self.text, self.changed = "", threading.Condition()
        self.process = subprocess.Popen([str(ROOT / "capos"), command, *flags], cwd=ROOT, env=environment(), stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while piece := os.read(self.process.stdout.fileno(), 4096):
            with self.changed:
                self.text += piece.decode("ascii", "replace").replace("\r", "")
                self.changed.notify_all()

    def wait(self, text, times=1):
        with self.changed:
            return self.changed.wait_for(lambda: self.text.count(text) >= times, timeout=SECONDS_MAX)

    def type(self, line, end="\n"):
        self.process.stdin.write((line + end).encode())
        self.process.stdin.flush()

    def wait_since(self, mark, text):
        """`text` after the last `mark`."""
        with self.changed:
            return self.changed.wait_for(lambda: mark in self.text and text in self.text.rpartition(mark)[2], timeout=SECONDS_MAX)

    def at_prompt(self):
        """Waits until nothing stands behind the shell's prompt, and returns where that begins; -1: it does not come."""
        with self.changed:
            come = self.changed.wait_for(lambda: self.text.endswith(PROMPT), timeout=SECONDS_MAX)
            return len(self.text) - len(PROMPT) if come else -1

    def wait_from(self, place, text):
        """`text` from that place on."""
        with self.changed:
            return self.changed.wait_for(lambda: text in self.text[place:], timeout=SECONDS_MAX)

    def simulator(self):
        """Process id of the capos-sim that ./capos sim runs."""
        children = pathlib.Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text(encoding="ascii").split()
        (pid,) = [int(child) for child in children if os.readlink(f"/proc/{child}/exe").endswith("/capos-sim")]
        return pid

    def end(self):
        self.reader.join(SECONDS_MAX)
        if self.reader.is_alive():  # it does not end: its status will say that it was killed
            os.killpg(self.process.pid, signal.SIGKILL)
        errors = self.process.stderr.read().decode()
        status = self.process.wait(SECONDS_MAX)
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            pipe.close()
        return status, errors

    def kill(self):
        """At the end of a test, whatever came of it."""
        if self.process.poll() is None:
            self.process.terminate()
            self.end()


class Session(unittest.TestCase):
    """What an operator does, from the first prompt to power-off, whatever the world."""

    def setUp(self):
        self.before = runs()
        self.secret = tempfile.NamedTemporaryFile("w", prefix="capos-secret-")
        self.addCleanup(self.secret.close)
        self.secret.write(SECRET + "\n")
        self.secret.flush()

    def tearDown(self):
        remove(runs() - self.before)

    def start(self, *words, login=True):
        """Frames and their answers go by the small client, unless another package is named. The operator is logged in."""
        if "--package" not in words:
            words = (*words, "--package", str(FRAMES_PACKAGE))
        system = Keyboard(*words, "--secret-file", self.secret.name)
        self.addCleanup(system.kill)
        if login:
            self.log_in(system)
        return system

    def log_in(self, system, times=1):
        """At the console, for the `times`th time in this run of the system."""
        self.due(system, "secret: ", times)
        system.type(SECRET)
        self.due(system, "help says what there is to do\n", times)

    def due(self, system, text, times=1):
        self.assertTrue(system.wait(text, times), f"not {times} times {text!r}:\n{system.text[-3000:]}")

    def power_off(self, system):
        """Returns the run's folder."""
        system.type("poweroff")
        status, errors = system.end()
        self.assertEqual(status, 0, system.text[-2000:] + errors)
        self.assertNotIn("claim failed", system.text)
        self.assertRegex(system.text, r"cloudboot-evidence: end v1:.*,count=\d+\n")
        folder = run_folder(errors[errors.rfind("run: "):])
        last_run = system.text.rpartition("capos kernel starting\n")[2]
        self.assertIsNone(carried(last_run, (folder / "audit.log").read_text(encoding="ascii")))
        return folder

    def port_of(self, system, service="echod"):
        """Of the host's loopback, that leads to the service."""
        self.due(system, f"listening: {service} 127.0.0.1:")
        return int(re.search(rf"listening: {service} 127\.0\.0\.1:(\d+)\n", system.text)[1])

    def echo(self, port, data):
        """Sends `data` to the port and its end, and returns what comes back until the other side ends."""
        with socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX) as s:
            sender = threading.Thread(target=lambda: (s.sendall(data), s.shutdown(socket.SHUT_WR)), daemon=True)
            sender.start()
            back = b""
            while piece := s.recv(65536):
                back += piece
            sender.join(SECONDS_MAX)
            return back

    def echoed_again(self, port, system):
        """One connection after the other until one is answered: each that is not must at least end."""
        for _ in range(TRIES_MAX):
            try:
                if self.echo(port, b"still there?") == b"still there?":
                    return
            except OSError:
                pass
        self.fail(f"nobody answers any more:\n{system.text[-3000:]}")

    def network(self, *words):
        """A service that holds one port answers; it does so again when the driver, the stack and itself were killed."""
        system = self.start(*words, "--package", str(SYSTEM_PACKAGE))
        port = self.port_of(system)
        self.due(system, "capos> ")
        self.echoed_again(port, system)
        data = bytes(range(256)) * 1024
        self.assertEqual(self.echo(port, data), data)
        for service in ("nicd", "netd", "echod"):
            starts = system.text.count(f"init: {service} was killed\n")
            system.type(f"kill {service}")
            self.due(system, f"init: {service} was killed\n", starts + 1)
            self.echoed_again(port, system)
        self.power_off(system)

    def two_clients(self, *words):
        """Two services attach to the driver in turn, each once the other has ended."""
        def second(services):
            services["other"] = services["frames"]

        with tempfile.TemporaryDirectory(prefix="capos-") as folder:
            system = self.start(*words, "--package", str(package(folder, "user/frames/manifest.json", "programs", second)))
            self.due(system, "init: frames ended with code ")
            self.due(system, "init: other ended with code ")
            for service in ("other", "frames", "frames", "other"):
                over = f"init: {service} ended with code "
                ends, all_answered = system.text.count(over), system.text.count(FRAMES)
                system.type(f"restart {service}")
                self.due(system, over, ends + 1)
                self.assertEqual(system.text.count(FRAMES), all_answered + 1, system.text[-3000:])
            self.power_off(system)

    def files_with_the_secret(self, folder):
        """Names of the run's files that hold eight bytes of it in a row; the one that is made for it is not looked at."""
        parts = parts_of(SECRET)
        return [path.name for path in sorted(folder.iterdir()) if path.is_file() and path.name != "operator.secret"
                and any(part in path.read_bytes() for part in parts)]

    def secret_is_nowhere(self, *words, memory=None):
        """Typed as a secret it is in no file of the run afterwards, nor in `memory(system)`, the machine's; as a command it is."""
        def remembered():
            data = memory(system) if memory else b""
            return any(part in data for part in parts_of(SECRET))

        system = self.start(*words, login=False)
        self.due(system, "secret: ")
        system.type("not the secret")
        self.due(system, "that is not the secret\n")
        if memory:  # it is found while it is typed
            system.type(SECRET, "")
            self.assertTrue(any(remembered() for _ in range(TRIES_MAX)))
            system.type("\x15", "")
        self.log_in(system)
        self.assertFalse(remembered())
        (folder,) = runs() - self.before
        self.assertEqual(self.files_with_the_secret(folder), [])
        system.type(SECRET)
        self.due(system, "no such command")
        self.assertEqual(remembered(), memory is not None)
        self.assertEqual(self.files_with_the_secret(self.power_off(system)), ["console.log"])

    def shell_without_driver(self, *words):
        """A shell that ends while the driver is down comes back without what the driver served it."""
        with tempfile.TemporaryDirectory(prefix="capos-") as folder:
            file = package(folder, "user/frames/manifest.json", "programs",
                           lambda services: services["nicd"].update(restart="never"))
            system = self.start(*words, "--package", str(file))
            self.due(system, "init: frames ended with code 0\n")
            system.type("kill nicd")
            self.due(system, "init: nicd was killed\n")
            for times, said in enumerate(("nicd was down when this shell started: restart nicd, then shell\n", "frames sent "), 1):
                system.type("kill shell")
                self.due(system, "init: shell was killed\n", times)
                self.log_in(system, 1 + times)
                system.type("nic")
                self.due(system, said)
                system.type("restart nicd")
                self.due(system, "init: nicd runs as process ", 1 + times)
            self.power_off(system)

    def session(self, nic, *words):
        """Frames, the tables, a driver killed and back, frames again. Returns the audit log."""
        system = self.start(*words, "--nic", nic)
        self.due(system, FRAMES)
        self.due(system, "init: frames ended with code 0\n")
        system.type("ps")
        self.due(system, "capos> ps\n")
        system.type("nic")
        self.due(system, "frames sent                        8\n")
        for name in ("init", "nicd", "auditd", "authd", "termd", "shell"):
            self.assertRegex(system.text, rf"\n  \d {name} +\d+ +\d+ +\d+ +\d+ +0 +\d+\n")
        system.type("kill nicd")
        self.due(system, "init: nicd was killed\n")
        self.due(system, f"nicd: 52:54:00:12:34:56 at 00:04.0, {nic}, polled\n", 2)
        system.type("restart frames")
        self.due(system, FRAMES, 2)
        self.due(system, "init: frames ended with code 0\n", 2)
        system.type("no-such-command")
        self.due(system, "no such command: help lists them\n")
        folder = self.power_off(system)
        for line in system.text.splitlines():
            if not line.startswith(("cloudboot-evidence: ", "machine: ", "provider_object=", "wire: ", "trace=")):
                self.assertLessEqual(len(line), 80, line)
        log = (folder / "audit.log").read_text(encoding="ascii")
        self.assertGreater(len(log.splitlines()), 50)
        return log
