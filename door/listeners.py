# SPDX-License-Identifier: BSD-2-Clause
# Which services of a boot package listen on a TCP port, and which port of the host's loopback leads to each. The package is judged
# by the kernel, not here: one that makes no sense has no listeners.
import argparse
import os
import pathlib
import re
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "user"))
import make_package as maker  # noqa: E402


WEB_PORT = 8080  # where the web process listens


def word(text):
    """PORT or SERVICE=PORT of the command line: (service or None, port)."""
    found = re.fullmatch(r"(?:([a-z0-9-]{1,23})=)?([0-9]{1,5})", text)
    if not found or not 1 <= int(found[2]) <= 65535:
        raise argparse.ArgumentTypeError(f"{text} is not PORT or SERVICE=PORT, 1 to 65535")
    return found[1], int(found[2])


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def entries(package, offset, count, layout):
    size = struct.calcsize(layout)
    return [struct.unpack_from(layout, package, offset + at * size) for at in range(count)]


def listening(package, proof, probe=False):
    """[(service, TCP port)] of the services that a run in mode serve, or proof, starts. `probe`: a proof that is asked for the
    web."""
    others = ["proof-first", "serve" if proof else "proof", *(["serve-probe"] if proof and not probe else [])]
    others = [maker.WHENS[when] for when in others]
    try:
        head = struct.unpack_from(maker.HEADER, package)
        services = entries(package, head[10], head[4], maker.SERVICE)
        grants = entries(package, head[12], head[5], maker.GRANT)
        found = []
        for name, _, first, count, _, when, *_ in services:
            for grant in grants[first:first + count]:
                served = (grant[1], grant[2]) == (maker.GRANT_KINDS["served"], maker.INTERFACES["tcp-listen-authority"])
                if served and when not in others:
                    found.append((name.rstrip(b"\0").decode("ascii"), grant[4]))
        return found
    except (struct.error, UnicodeDecodeError):
        return []


def forwards(package, words, proof=False, probe=False):
    """[(service, host port, guest port)]; a word without a service is for the first. Raises ValueError."""
    found, chosen = listening(package, proof, probe), {}
    for service, port in words:
        at = next((at for at, (name, _) in enumerate(found) if service in (None, name)), None)
        if at is None:
            name = f' under the name "{service}"' if service else ""
            raise ValueError(f"--port {port}: no service of the package listens{name}")
        if at in chosen:
            raise ValueError(f"--port {port}: {found[at][0]} has port {chosen[at]} already")
        chosen[at] = port
    return [(name, chosen.get(at) or free_port(), guest) for at, (name, guest) in enumerate(found)]


def web(found):
    """Of forwards: the port of the host that leads to the web process, or None."""
    return next((host for _, host, guest in found if guest == WEB_PORT), None)


class Knock:
    """A proof's client outside: sends a number that nobody inside can know to a port of the loopback, and takes what comes back.
    It knocks until somebody is in: the forward takes a connection before the guest does, so that a port on which no service
    listens yet shows as a connection that ends without a byte."""
    BYTES, SECONDS, PAUSE = 8, 60, 0.1

    def __init__(self, port):
        self.port, self.number, self.back, self.named = port, os.urandom(self.BYTES), b"", False
        self.thread = threading.Thread(target=self.run, daemon=True)

    def begin(self):
        if not self.thread.ident:
            self.thread.start()

    def run(self):
        until = time.monotonic() + self.SECONDS
        while not self.back and time.monotonic() < until:
            self.once()
            time.sleep(self.PAUSE)

    def once(self):
        try:
            with socket.create_connection(("127.0.0.1", self.port), self.SECONDS) as s:
                s.sendall(self.number)
                while len(self.back) < self.BYTES and (piece := s.recv(self.BYTES)):
                    self.back += piece
                s.recv(1)  # the connection stays until the other side ends
        except OSError:
            pass  # what came back says it

    def watch(self, line):
        """A line of the evidence."""
        if line.startswith(b"neighbour "):
            self.begin()
        elif line.startswith(b"l4-round-trip "):
            self.named = b",number=0x" + self.number.hex().encode() + b"," in line

    def reasons(self):
        if self.back != self.number:
            return ["the number that was sent to a service did not come back"]
        return [] if self.named else ["the evidence does not name the number that was sent"]
