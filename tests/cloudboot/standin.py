# SPDX-License-Identifier: BSD-2-Clause
# The stand-in of Compute Engine for a test: its server as a process of its own, asked by hand or by gcloud, ended and looked at.
import gzip
import http.client
import json
import os
import pathlib
import shutil
import signal
import struct
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "evidence/cloudboot/standin"
sys.path[:0] = [str(FOLDER), str(ROOT / "door")]
import environment  # noqa: E402
import life  # noqa: E402
import sparse  # noqa: E402

GCLOUD = shutil.which("gcloud")
SECONDS_MAX = 180  # of a wait for what must come; a machine is slow where others run beside it
GIB = 1 << 30


class StandIn:
    """Started as `with StandIn(...)`; machines are started where `vpc` is given. What it leaves is in `left` once it has ended."""

    def __init__(self, *flags, vpc=None):
        self.temporary = tempfile.TemporaryDirectory(prefix="capos-standin-")
        self.folder = pathlib.Path(self.temporary.name)
        words = ["--vpc", str(vpc)] if vpc else ["--without-machines"]
        self.process = subprocess.Popen(["/usr/bin/python3", "-B", str(FOLDER / "server.py"), "--folder", f"{self.folder}/world",
                                         *words, *flags], stdout=subprocess.PIPE, text=True, start_new_session=True)
        line = self.process.stdout.readline()
        if not line.startswith("listening: "):
            self.process.wait()
            raise ConnectionError(f"the stand-in did not start: {line}")
        self.port, self.status, self.left = int(line.split()[1]), None, None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.status is None:
            self.end()
        self.temporary.cleanup()

    def end(self, number=signal.SIGTERM):
        self.process.send_signal(number)
        self.left = self.process.communicate(timeout=SECONDS_MAX)[0].splitlines()
        self.status = self.process.returncode
        return self.status

    def ask(self, method, path, body=None, content_type="application/json", token=environment.TOKEN, **headers):
        """(status, answer, headers of it); a body that is no bytes goes as JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS_MAX)
        if body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        sent = {"Authorization": f"Bearer {token}", "Content-Type": content_type, **headers}
        try:
            connection.request(method, path, body, sent)
            answer = connection.getresponse()
            data = answer.read()
            return answer.status, json.loads(data) if data else None, answer.headers
        finally:
            connection.close()

    def ledger(self):
        return self.ask("GET", "/standin/ledger")[1]

    def requests(self):
        return self.ask("GET", "/standin/requests")[1]

    def gcloud(self, command, archive=None):
        """One command of life.py: what subprocess.run gives."""
        (self.folder / "lifecycle.json").write_text(life.LIFECYCLE)
        words = life.argv(command, archive=archive, lifecycle=self.folder / "lifecycle.json")
        places = {**os.environ, **environment.environment(self.port, self.folder / "gcloud")}
        return subprocess.run(words, env=places, capture_output=True, text=True, check=False, timeout=4 * SECONDS_MAX)


def tiny_disk(path, size=GIB):
    with open(path, "wb") as file:
        file.truncate(size)
        file.write(b"no system at all")
    return path


def tiny_archive(folder):
    """The archive of a disk with nothing that boots: the smallest that an import takes."""
    archive = pathlib.Path(folder) / "disk.tar.gz"
    sparse.archive(tiny_disk(pathlib.Path(folder) / "disk.raw"), archive, 0)
    return archive


def tar(*members, magic=b"ustar  \0", kind=b"0"):
    """A gzip of a tar archive by hand: members are (name, bytes)."""
    data = b""
    for name, content in members:
        head = struct.pack("100s8s8s8s12s12s8s1s100s8s", name.encode(), b"0000644", b"0000000", b"0000000", b"%011o" % len(content),
                           b"%011o" % 0, b" " * 8, kind, b"", magic).ljust(512, b"\0")
        data += head[:148] + b"%06o\0 " % sum(head) + head[156:] + content + bytes(-len(content) % 512)
    return gzip.compress(data + bytes(1024), 1)


def process_with(text):
    """Ids of processes whose command line holds it."""
    found = []
    for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text.encode() in entry.read_bytes():
                found.append(int(entry.parent.name))
        except OSError:  # it has ended
            continue
    return found


def until(condition, seconds=SECONDS_MAX):
    """Whether it came true in time."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True
