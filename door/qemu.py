#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Runs the kernel image in QEMU: serial ports to standard output and the run's logs, keys to the first of them, Ctrl-] and
# signals to an orderly end, a hard limit on everything. Trusts the image no further than its text: it is a guest. The network is
# closed unless asked.
import argparse
import contextlib
import ctypes
import json
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import sys
import tempfile
import termios
import time
import tty

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import elf  # noqa: E402
import image  # noqa: E402
import listeners  # noqa: E402
import qemu_disk  # noqa: E402
import qemu_firmware  # noqa: E402
import qemu_profile  # noqa: E402
import symbolise  # noqa: E402
import web_probe  # noqa: E402

NIC = {"modern": "disable-legacy=on,disable-modern=off", "legacy": "disable-legacy=off,disable-modern=on",
       "transitional": "disable-legacy=off,disable-modern=off"}
LOGS = {"main": "console.log", "evidence": "evidence.log", "audit": "audit.log"}
LOOK_SECONDS = 0.02      # between looks at the console's file
PREFIX = b"cloudboot-evidence: "
KEY_QUIT = 0x1d          # Ctrl-]
STOP_SECONDS = 5         # for a guest that was asked to end
PROOF_SECONDS = 120      # hard limit of a proof; a system that stays up has none
LINE_BYTES_MAX = 4096
LANDMARK = b"capos kernel starting"  # from here on its first port takes what is typed
RESTARTS = b"machine: restarts"  # its last word before a reset
PACKAGE_BYTES_MAX = 8 << 20  # abi/package.h
KEYS_BYTES_MAX = 1 << 20     # of a file in the place of a keyboard


def parse(words):
    p = argparse.ArgumentParser(prog="capos qemu", allow_abbrev=False, description="the same objects in QEMU, under TCG")
    p.add_argument("--proof", action="store_true", help="run every proof, tear down, power off; without it, stay up")
    p.add_argument("--probe-web", action="store_true", help="in a proof: the web is served too, and asked for as a browser does")
    p.add_argument("--nic", choices=sorted(NIC), default="modern", help="virtio transport of the NIC (modern)")
    p.add_argument("--nics", type=int, choices=(0, 1, 2), default=1, help="how many (1)")
    qemu_firmware.add_flags(p)
    qemu_disk.add_flags(p)
    qemu_profile.add_flags(p)
    p.add_argument("--machine", choices=("q35", "pc"), default="q35")
    p.add_argument("--cpu", choices=("max", "qemu64"), default="max")
    p.add_argument("--memory", type=int, default=128, metavar="MIB", help="32 to 16384 (128)")
    p.add_argument("--package", metavar="FILE", help="boot package: without --proof its programs run (the one that was built)")
    p.add_argument("--exchanges", type=int, default=10000, metavar="N", help="exchanges of the proof (10000)")
    p.add_argument("--port", action="append", default=[], metavar="[SERVICE=]PORT", type=listeners.word,
                   help="port of 127.0.0.1 that leads to a service (a free one); may be given for each")
    p.add_argument("--pcap", metavar="FILE", help="write the frames of both directions")
    p.add_argument("--until", metavar="MARKER", help="end in order once this evidence marker was printed")
    p.add_argument("--seed", type=int, metavar="N",
                   help="count instructions as time: same seed, same log; without the network stack, which wants a client outside")
    p.add_argument("--secret-file", metavar="FILE", help="take the operator's secret from it; else draw and show one")
    p.add_argument("--secret-cost", metavar="KIB,PASSES", help="what a check of it costs, within the manifest's memory_kib")
    p.add_argument("--net", choices=("closed", "open"), default="closed", help="open lets the guest out (closed)")
    p.add_argument("--accel", choices=("tcg", "kvm"), default="tcg", help="kvm only where the host really has it (tcg)")
    p.add_argument("--gdb", action="store_true", help="wait for a debugger on a free port and print how to attach")
    p.add_argument("--json", action="store_true", help="one JSON object on standard output instead of the console")
    for own in ("--kernel", "--vpc", "--run-dir", "--boot", "--commit", "--verifier", "--probe", "--show-secret"):
        p.add_argument(own, help=argparse.SUPPRESS)
    p.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = p.parse_args(words)
    qemu_profile.apply(p, options, words)
    qemu_disk.check_flags(p, options)
    if not 32 <= options.memory <= 16384:
        p.error("--memory takes 32 to 16384")
    qemu_firmware.check_flags(p, options)
    if not 1 <= options.exchanges <= 10000000:
        p.error("--exchanges takes 1 to 10000000")
    if options.port and (options.proof or options.nics == 0):
        p.error("--port goes with a run that stays up and has a NIC")
    if options.probe_web and (not options.proof or options.nics == 0 or options.seed is not None):
        p.error("--probe-web goes with --proof and a NIC, without --seed")
    if "" in (options.secret_file, options.secret_cost):
        p.error("--secret-file and --secret-cost have a value")
    if (options.secret_file or options.secret_cost) and options.proof:
        p.error("--secret-file and --secret-cost go with a run that stays up: nobody logs in to a proof")
    own = (options.kernel, options.vpc, options.run_dir, options.boot, options.commit, options.verifier, options.probe,
           options.show_secret)
    if options.check and any(own):
        p.error("--kernel, --vpc, --run-dir, --boot, --commit, --verifier, --probe and --show-secret are the front door's own")
    return options


def command_line(options, run, forwards):
    key = (run / "chain.key").read_text().strip()
    mode = "proof" if options.proof else "serve"
    line = f"mode={mode} boot={options.boot} chain_key={key} exchanges={options.exchanges} commit={options.commit}"
    line += " where=qemu"
    if listeners.web(forwards):
        line += f" hosts=127.0.0.1:{listeners.web(forwards)},localhost:{listeners.web(forwards)}"
    if options.verifier:
        line += f" verifier={options.verifier}"
    if options.probe:
        line += f" probe={options.probe}"
    if not options.proof and options.seed is None and os.isatty(1):
        columns, rows = os.get_terminal_size(1)
        if 20 <= columns <= 512 and 5 <= rows <= 512:
            line += f" columns={columns} rows={rows}"
    return line + qemu_profile.boot_words(options)


def arguments(options, run, folder, gdb_port, forwards, network):
    words = ["qemu-system-x86_64", "-accel", options.accel, "-M", qemu_profile.machine(options), "-cpu", options.cpu,
             "-m", str(options.memory), "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
             *qemu_firmware.words(options, command_line(options, run, forwards), run), *qemu_disk.words(options, run),
             "-qmp", f"unix:{folder}/qmp,server=on,wait=off"]
    for port in ("main", "evidence") if options.proof else LOGS:
        # Files: they never make the guest wait, so that counted instructions stay the same on a busy host. The `out` of the pipe
        # is such a file as well.
        typed = port == "main" and not options.proof
        kind = f"pipe,id={port},path={folder}/main" if typed else f"file,id={port},path={run}/{LOGS[port]}"
        words += ["-chardev", kind, "-serial", f"chardev:{port}"]
    words += qemu_profile.words(options)
    for n in range(options.nics):
        closed = "on" if options.net == "closed" else "off"
        ports = "".join(f",hostfwd=tcp:127.0.0.1:{host}-:{guest}" for _, host, guest in forwards) if n == 0 else ""
        words += qemu_profile.nic_words(network.folder.name) if options.profile else [
            "-netdev", f"user,id=n{n},restrict={closed},ipv6=off{ports}",
            "-device", f"virtio-net-pci,netdev=n{n},addr={4 + n},{NIC[options.nic]}"]
        if options.pcap and n == 0:
            words += ["-object", f"filter-dump,id=tap,netdev=n0,file={options.pcap}"]
    if options.seed is not None:
        words += ["-icount", "shift=0,sleep=off", "-rtc", "clock=vm,base=2026-01-01"]
    if gdb_port:
        words += ["-gdb", f"tcp:127.0.0.1:{gdb_port}", "-S"]
    return words


def die_with_parent():
    """In QEMU before it starts: whatever ends us, by whatever signal, ends the machine (prctl PR_SET_PDEATHSIG)."""
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def make_probe(options, run, forwards):
    """The client outside that asks for the web, or None."""
    port = listeners.web(forwards)
    if not options.probe_web or not port:
        return None
    secret = (run / "operator.secret").read_text(encoding="ascii").strip()
    return web_probe.Probe(port, f"127.0.0.1:{port}", secret, options.probe, options.commit)


class Machine:
    """QEMU under our hands: killed by its pid at the latest when this ends."""

    def __init__(self, options, run, forwards, network):
        self.options, self.run, self.forwards = options, run, forwards
        self.knock = listeners.Knock(forwards[0][1]) if options.proof and forwards else None
        self.probe = make_probe(options, run, forwards)
        self.partial, self.failures, self.until_seen = b"", [], False
        self.refused, self.restarts = False, False
        self.quit, self.asked_at, self.interrupted, self.timed_out = False, None, False, False
        self.terminal, self.keyboard, self.typed, self.listens = None, None, b"", False
        self.told, self.network = False, network

    def __enter__(self):
        self.temporary = tempfile.TemporaryDirectory(prefix="capos-")
        folder = pathlib.Path(self.temporary.name)
        port = listeners.free_port() if self.options.gdb else 0
        if not self.options.proof:
            self.open_keyboard(folder)
        self.stderr = open(self.run / "qemu.log", "w+b")
        self.process = subprocess.Popen(arguments(self.options, self.run, folder, port, self.forwards, self.network),
                                        stdin=subprocess.DEVNULL, stdout=self.stderr, stderr=self.stderr,
                                        start_new_session=True, preexec_fn=die_with_parent)
        if port:
            print(f"gdb -ex 'file {self.options.kernel}' -ex 'target remote 127.0.0.1:{port}'", file=sys.stderr, flush=True)
        self.qmp = folder / "qmp"
        self.console = open(self.run / LOGS["main"], "a+b", buffering=0)  # there whoever of us two comes first
        self.console.seek(0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self.on_signal)
        if not self.options.proof and sys.stdin.isatty():
            self.terminal = termios.tcgetattr(0)
            tty.setcbreak(0)
            raw = termios.tcgetattr(0)
            raw[3] &= ~termios.ISIG
            termios.tcsetattr(0, termios.TCSANOW, raw)
            print("Ctrl-] quits", flush=True)
        return self

    def open_keyboard(self, folder):
        """Two ends of QEMU's pipe: what is typed goes in by a named pipe, what the guest says comes out into the log's file."""
        (self.run / LOGS["main"]).touch()
        (folder / "main.out").symlink_to((self.run / LOGS["main"]).resolve())
        os.mkfifo(folder / "main.in", 0o600)
        self.keyboard = os.open(folder / "main.in", os.O_RDWR | os.O_NONBLOCK)  # never at its end, whatever ours does

    def __exit__(self, *_):
        if self.terminal:
            with contextlib.suppress(termios.error):  # it may be gone
                termios.tcsetattr(0, termios.TCSANOW, self.terminal)
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.network:
            self.network.end()
        for thing in (self.console, self.stderr):
            thing.close()
        if self.keyboard is not None:
            os.close(self.keyboard)
        self.temporary.cleanup()

    def said(self):
        self.stderr.flush()
        text = (self.run / "qemu.log").read_text(errors="replace").strip()
        return text.splitlines()[-1] if text else "it said nothing"

    def on_signal(self, *_):
        self.interrupted = self.quit = True

    def press_power_button(self):
        self.asked_at = time.monotonic()
        if self.options.gdb:  # it may stand at a breakpoint: there is nobody to ask
            self.process.kill()
            return
        try:
            with socket.socket(socket.AF_UNIX) as s:
                s.settimeout(2)
                s.connect(str(self.qmp))
                answers = s.makefile("r")
                for word in ("qmp_capabilities", "system_powerdown"):
                    s.sendall(json.dumps({"execute": word}).encode() + b"\n")
                    while '"return"' not in answers.readline():  # ends by the time limit at the latest
                        pass
        except OSError:
            self.process.kill()  # no control over it: the wire is pulled

    def take(self):
        data = self.console.read(65536)
        if not data:
            return False
        if not self.options.json:
            self.show(data)
        *lines, self.partial = (self.partial + data).split(b"\n")
        self.partial = self.partial[-LINE_BYTES_MAX:]
        for line in lines:
            self.watch(line.rstrip(b"\r"))
        if self.listens and not self.told and not self.partial:
            self.tell()
        return True

    def show(self, data):
        if not self.listens and self.options.firmware != "direct":
            data = qemu_firmware.harmless(data, LANDMARK)
        try:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
        except OSError:  # terminal or pipe are gone, and nobody looks: the system ends as by a signal
            self.interrupted = self.quit = True
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)

    def tell(self):
        """Behind the kernel's first line, between two of its lines."""
        self.told = True
        if not self.options.json and not self.options.proof:
            for service, host, _ in self.forwards:
                print(f"listening: {service} 127.0.0.1:{host}", flush=True)
            if listeners.web(self.forwards):
                print(f"web: http://127.0.0.1:{listeners.web(self.forwards)}/", flush=True)

    def watch(self, line):
        self.listens |= line == LANDMARK
        self.restarts |= line == RESTARTS
        if line.startswith((b"boot package refused: ", b"boot parameters refused: ")):
            self.refused = True
            self.failures.append(line.decode("ascii", "replace"))
        if line.startswith(b"claim failed: "):
            self.failures.append(line[14:].decode("ascii", "replace"))
        if line.startswith(b"capos: "):  # its last words: a fault, a failed assertion, what it cannot run on
            self.failures.append("the kernel stopped: " + line[7:].decode("ascii", "replace"))
        if self.knock and line.startswith(PREFIX):
            self.knock.watch(line[len(PREFIX):])
        if self.probe:
            self.probe.watch(line)
        if line.startswith(b"backtrace:"):
            self.say_names(line)
        if self.options.until and line.startswith(PREFIX + self.options.until.encode() + b" "):
            self.until_seen = self.quit = True

    def say_names(self, line):
        try:
            names = symbolise.Names(elf.Elf.read(self.options.kernel)).backtrace(line)
        except (OSError, ValueError) as error:
            names = [f"{self.options.kernel}: {error}"]
        for name in names:
            print(f"  at {name}", file=sys.stderr if self.options.json else sys.stdout, flush=True)

    def keys(self, selector):
        try:
            data = os.read(0, 256)
        except OSError:  # the terminal is gone
            data = b""
        if not data:
            selector.unregister(0)  # end of input is no input: the system stays up
        elif self.terminal and KEY_QUIT in data:
            self.quit = True
        self.typed += data

    def type(self):
        """To the guest, once it listens: before that its port would lose it."""
        while self.typed and self.listens:
            try:
                self.typed = self.typed[os.write(self.keyboard, self.typed):]
            except BlockingIOError:
                return

    def take_input(self, selector):
        try:
            selector.register(0, selectors.EVENT_READ)
        except PermissionError:  # a regular file: all of it was typed
            self.typed = sys.stdin.buffer.read(KEYS_BYTES_MAX)

    def serve(self):
        """Until the machine has powered itself off, or its time is over."""
        started = time.monotonic()
        with selectors.DefaultSelector() as selector:
            if not self.options.proof:
                self.take_input(selector)
            running = True
            while running:
                running = self.process.poll() is None  # asked before the last look at its console
                if len(self.typed) > KEYS_BYTES_MAX:  # the guest does not take them
                    time.sleep(LOOK_SECONDS)
                elif selector.select(LOOK_SECONDS if running else 0):
                    self.keys(selector)
                self.type()
                while self.take():
                    pass
                self.end_in_time(started)
        self.process.wait()
        self.failures += self.network.end() if self.network else []

    def end_in_time(self, started):
        now = time.monotonic()
        if self.probe and self.probe.failed():
            self.quit = True  # nothing is waited for
        if self.quit and self.asked_at is None:
            self.press_power_button()
        late = self.asked_at is not None and now - self.asked_at > STOP_SECONDS
        over = self.options.proof and not self.options.gdb and now - started > PROOF_SECONDS
        if (late or over) and self.process.poll() is None:
            self.timed_out = True
            self.process.kill()


def report(machine, options, started):
    reasons = list(machine.failures)
    if machine.timed_out:
        reasons.append("the machine did not power off in time and was killed")
    elif machine.process.returncode != 0 and not (options.gdb and machine.asked_at):
        reasons.append(f"QEMU ended with status {machine.process.returncode}: {machine.said()}")
    if machine.knock:
        reasons += machine.knock.reasons()
    if machine.interrupted and options.proof:
        reasons.append("interrupted")
    asked = {name: getattr(options, name) for name in ("seed", "profile", "nonce") if getattr(options, name) is not None}
    web = {"web": machine.probe.end()} if machine.probe else {}
    return {"world": "qemu", "nic": options.nic, "backend": "vpc" if options.nonce else "slirp",
            "mode": "proof" if options.proof else "serve", "machine": options.machine, "firmware": options.firmware,
            "bios": options.bios, "disk": options.disk, "cpu": options.cpu, "accel": options.accel, "memory_mib": options.memory,
            **asked, **web, "commit": options.commit, "seconds": round(time.monotonic() - started, 3), "holds": not reasons,
            "reasons": reasons}


def main(words):
    options = parse(words)
    if options.check:
        return 0
    if options.package:
        path = pathlib.Path(options.package)
        if not path.is_file() or not 0 < path.stat().st_size <= PACKAGE_BYTES_MAX:
            print(f"capos qemu: {path}: no file, or not a boot package by its size", file=sys.stderr)
            return 4
    run, started, forwards = pathlib.Path(options.run_dir), time.monotonic(), []
    try:
        package = qemu_firmware.package(options)
        if package and options.nics > 0:
            forwards = listeners.forwards(package, options.port, options.proof, options.probe_web)
        qemu_firmware.prepare(options, command_line(options, run, forwards), run)
        qemu_disk.prepare(options, run)
        if options.probe_web and not listeners.web(forwards):
            raise ValueError("--probe-web: no service of the package serves the web")
        network = qemu_profile.Network(options, forwards) if options.nonce else None
    except (ValueError, OSError, image.Failed) as error:
        print(f"capos qemu: {error}", file=sys.stderr)
        return 4
    if options.show_secret:
        secret = pathlib.Path(options.show_secret).read_text(encoding="ascii").strip()
        print(f"operator secret: {secret}", file=sys.stderr, flush=True)
    with Machine(options, run, forwards, network) as machine:
        machine.serve()
        result = report(machine, options, started)
    if machine.restarts and not machine.quit and result["holds"]:
        (run / "reboot").touch()  # the front door begins another run
    (run / "run.json").write_text(json.dumps(result) + "\n")
    if options.json:
        print(json.dumps(result))
    else:
        for reason in result["reasons"]:
            print(f"failed: {reason}")
        if options.proof:
            print("holds" if result["holds"] else "does not hold")
    if machine.interrupted:
        return 130
    return 4 if machine.refused else 0 if result["holds"] else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
