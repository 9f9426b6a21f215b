#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The web's share of ./capos bench: requests a second of one page of about 1 KiB, on connections that are kept and on new ones,
# with the times that they take; QEMU's start to the first page; what the pages weigh. In QEMU, in the simulator and, with
# --peers, by nginx in a Debian guest of the same flags, in turns in one run. The guests' network is closed (restrict).
import contextlib
import dataclasses
import errno
import gzip
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
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bench_linux  # noqa: E402
import bench_network  # noqa: E402
import bench_programs  # noqa: E402
import bench_qemu  # noqa: E402
import listeners  # noqa: E402

MIB = 256
CONNECTIONS = 16  # at a time
ROUNDS, QUICK_ROUNDS = 5, 1
SECONDS, QUICK_SECONDS = 3, 1
WARM = 0.3        # seconds that are not counted
SECONDS_MAX = 120
NGINX_PORT = 80
UNPACKED = "capos/packages/nginx/usr/sbin/nginx"  # of the cache (door/lib.sh)
FIRST_PATH, PATH = "/", "/shell"  # the second has about 1 KiB
SECRET = "a secret of the bench"
EVENTS_MAX = 64
LOOK = 0.001      # seconds from one try to the next
KEPT, NEW = f"{CONNECTIONS} kept connections", f"{CONNECTIONS} new ones at a time"
TIMES = {KEPT: 4, NEW: 2}  # so often nginx's are asked for
QEMU, LINUX, SIMULATOR = "QEMU", "nginx in a Debian guest", "simulator"
HOST = "nginx on the host"  # what the client itself can do
WHAT = ("pages a second", "p50 of a page", "p99 of a page", "connections of 1000 that gave way")
UNITS = ("1/s", "ms", "ms", "")
FIRST, FIRST_ASKED = "QEMU start to the first page", 250
WEIGHT, WEIGHT_ASKED = "pages, scripts and terminal, compressed", 300
LIMIT = "turns of kernel, driver, stack and web process under TCG, libslirp in QEMU's other thread, the client beside both"
FIRST_LIMIT = "QEMU's and the kernel's own start, a lease of libslirp, eight starts before the web process's: not told apart"
Failed = bench_programs.Failed

# Debian's own settings, without its log; `{}` is where it listens. One process: the guest has one processor.
NGINX = """daemon off; master_process off; pid run/nginx.pid; error_log stderr crit;
events {{ worker_connections 256; }}
http {{
    access_log off; sendfile on; tcp_nopush on; keepalive_timeout 65; keepalive_requests 1000000000;
    client_body_temp_path run/b; proxy_temp_path run/p; fastcgi_temp_path run/f; uwsgi_temp_path run/u; scgi_temp_path run/s;
    types {{ text/html html; }}
    server {{ listen {}; root www; location = /shell {{ try_files /shell.html =404; }} }}
}}
"""
SCRIPT = f"""#!/bin/busybox sh
for module in /modules/*; do busybox insmod $module; done
busybox ip link set lo up
busybox ip addr add 10.0.2.15/24 dev eth0
busybox ip link set eth0 up
LD_LIBRARY_PATH=/lib /bin/nginx -e stderr -p / -c /nginx.conf
while true; do busybox sleep 1000; done
"""


def nginx():
    """Debian's, and the libraries that it needs."""
    cache = os.environ.get("XDG_CACHE_HOME") or pathlib.Path.home() / ".cache"
    found = shutil.which("nginx") or pathlib.Path(cache, UNPACKED)
    if not os.path.exists(found):
        raise bench_linux.Missing("nginx is not there (./capos setup peers)")
    said = subprocess.run(["ldd", str(found)], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False).stdout
    libraries = re.findall(r"^\s(?:\S+ => )?(/\S+) \(", said, re.M)
    if "not found" in said or not libraries:
        raise bench_linux.Missing("a library that nginx needs is not there (./capos setup peers)")
    return pathlib.Path(found), [pathlib.Path(path) for path in libraries]


def linux(folder, pages):
    """What a Debian guest with nginx boots from."""
    binary, libraries = nginx()
    files = {f"www/{name}": page for name, page in pages.items()}
    files |= {"bin/nginx": binary.read_bytes(), "nginx.conf": NGINX.format(NGINX_PORT).encode(),
              "etc/passwd": b"root:x:0:0::/:\nnobody:x:1:1::/:\n", "etc/group": b"root:x:0:\nnogroup:x:1:\n"}
    for path in libraries:  # the loader's place is written into the program
        files[f"{'lib64' if path.name.startswith('ld-') else 'lib'}/{path.name}"] = path.read_bytes()
    return bench_linux.make(folder, bench_linux.DRIVER, SCRIPT, files, ("etc", "lib", "lib64", "run", "www"))


def request(port, path, cookie=None, close=False):
    more = (f"Cookie: {cookie}\r\n" if cookie else "") + ("Connection: close\r\n" if close else "")
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{more}\r\n".encode()


def whole(data):
    """Is this a whole answer?"""
    head, end, body = data.partition(b"\r\n\r\n")
    if not end:
        return False
    length = re.search(rb"^content-length: (\d+)\r?$", head, re.M | re.I)
    if not head.startswith(b"HTTP/1.1 20") or (not length and b"204" not in head[:13]):
        raise Failed(f"that is no page: {head[:200]!r}")
    return len(body) >= int(length[1] if length else 0)


def ask(port, data):
    """One request on a connection of its own: the whole answer."""
    got = b""
    with socket.create_connection(("127.0.0.1", port), SECONDS_MAX) as s:
        s.sendall(data)
        while not whole(got):
            piece = s.recv(65536)
            if not piece:
                raise Failed(f"an answer ends early: {got[:200]!r}")
            got += piece
    return got


def log_in(port):
    """The cookie of a session: connections without one are few (docs/web.md)."""
    body = json.dumps({"secret": SECRET})
    got = ask(port, (f"POST /api/login HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nOrigin: http://127.0.0.1:{port}\r\n"
                     f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}").encode())
    cookie = re.search(rb"^set-cookie: ([^;\r]+)", got, re.M | re.I)
    if not cookie:
        raise Failed(f"a log-in gives no cookie: {got[:200]!r}")
    return cookie[1].decode("ascii")


@dataclasses.dataclass
class Slot:
    begun: float
    sent: bool = False
    got: int = 0


class Load:
    """Requests on so many connections at a time, for a while. An answer is whole when it has as many bytes as the first had. The
    forward's queue is two connections long (libslirp): one that finds it full is begun anew within a millisecond, where the
    host's kernel would let it wait for a second. Its time goes on meanwhile."""

    def __init__(self, port, data, size, fresh):
        self.port, self.data, self.size, self.fresh = port, data, size, fresh
        self.epoll, self.slots, self.took = select.epoll(), {}, []
        self.due = []  # when those that are still to be opened were to be
        self.lost = 0  # that ended before their answer: they gave way to others

    def open(self):
        """As many of those as the queue takes."""
        while self.due:
            s = socket.socket()
            s.setblocking(False)
            s.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            begun = s.connect_ex(("127.0.0.1", self.port))
            if begun not in (0, errno.EINPROGRESS) or not select.select([], [s], [], 0)[1]:
                s.close()
                return
            self.slots[s.fileno()] = s, Slot(self.due.pop(0))
            self.epoll.register(s, select.EPOLLOUT)

    def moved(self, s, slot):
        """Something can be sent or received."""
        try:
            if not slot.sent:
                slot.sent = s.send(self.data) == len(self.data)
                self.epoll.modify(s, select.EPOLLIN)
                return
            piece = s.recv(65536)
        except ConnectionError:
            piece = b""
        slot.got += len(piece)
        if slot.got > self.size or (slot.got == len(piece) and not b"HTTP/1.1 200".startswith(piece[:12])):
            raise Failed(f"an answer of {slot.got} bytes is not the page: {piece[:100]!r}")
        now = time.monotonic()
        if not piece:
            self.end(s)
            whole_one = slot.got == self.size
            self.lost += not whole_one
            self.due.append(now if whole_one else slot.begun)
        elif slot.got == self.size:
            self.took.append((now, now - slot.begun))
            if not self.fresh:
                self.slots[s.fileno()] = s, Slot(now)
                self.epoll.modify(s, select.EPOLLOUT)

    def end(self, s):
        del self.slots[s.fileno()]
        self.epoll.unregister(s)
        s.close()

    def run(self, seconds):
        """(answers a second, seconds of half of them at most, of 99 of 100, connections of 1000 that were lost)"""
        start = now = time.monotonic()
        self.due = [start] * CONNECTIONS
        try:
            while now < start + WARM + seconds:
                self.open()
                for fd, _ in self.epoll.poll(LOOK if self.due else 1, EVENTS_MAX):
                    self.moved(*self.slots[fd])
                now = time.monotonic()
        except OSError as error:
            raise Failed(f"a connection broke: {error}") from None
        finally:
            for s, _ in list(self.slots.values()):
                self.end(s)
            self.epoll.close()
        counted = sorted(took for at, took in self.took if at >= start + WARM)
        if len(counted) < 2:
            raise Failed(f"{len(counted)} answers in {seconds} s")
        return (len(counted) / (now - start - WARM), counted[len(counted) // 2], counted[len(counted) * 99 // 100],
                1000 * self.lost / (self.lost + len(self.took)))


def loaded(port, cookie, seconds):
    """{which connections: what Load gives}"""
    got = {}
    for which, fresh in ((KEPT, False), (NEW, True)):
        data = request(port, PATH, cookie, fresh)
        got[which] = Load(port, data, len(ask(port, data)), fresh).run(seconds)
    return got


def drain(console):
    """The guest would wait for its console."""
    def read():
        with contextlib.suppress(OSError):
            while console.recv(65536):
                pass
    threading.Thread(target=read, daemon=True).start()


def in_qemu(boots, guest, seconds, enter):
    """One boot: seconds to the first page, and what `loaded` gives. `boots` is given the port of the host; `enter` gives a
    cookie."""
    port = listeners.free_port()
    kernel, append, more = boots(port)
    nic = ("-netdev", f"user,id=n,restrict=on,ipv6=off,hostfwd=tcp:127.0.0.1:{port}-:{guest}", "-device", bench_qemu.NICS["modern"],
           "-initrd", str(more))
    with tempfile.TemporaryDirectory(prefix="capos-") as folder, socket.socket(socket.AF_UNIX) as door:
        door.bind(f"{folder}/s")
        door.listen(1)
        door.settimeout(SECONDS_MAX)
        frames = bench_network.Frames(folder)
        start = time.monotonic()
        with subprocess.Popen(bench_qemu.words(kernel, append, folder, (*nic, *frames.words()), MIB), stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as machine:
            try:
                console, _ = door.accept()
                with console:
                    with contextlib.closing(frames):  # nobody reads them then, and QEMU writes no more
                        first = bench_network.answered(port, start, console, frames, request(port, FIRST_PATH), whole)
                    drain(console)
                    return first, loaded(port, enter(port), seconds)
            finally:
                machine.kill()


def in_simulator(files, verifier, seconds):
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        key = pathlib.Path(folder, "key")
        key.write_text(bench_qemu.KEY + "\n", encoding="ascii")
        with subprocess.Popen([str(files.sim), "--package", str(files.package), "--run-dir", folder, "--key-file", str(key),
                               "--boot", bench_qemu.BOOT, "--commit", "bench", "--verifier", verifier],
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as child:
            try:
                said, until = b"", time.monotonic() + SECONDS_MAX
                while not (found := re.search(rb"^web: http://127\.0\.0\.1:(\d+)/\r?$", said, re.M)) or b"secret: " not in said:
                    come = select.select([child.stdout], [], [], max(0, until - time.monotonic()))[0]
                    if not come or not (piece := os.read(child.stdout.fileno(), 4096)):
                        raise Failed(f"the simulator came to no page: {said[-300:]!r}")
                    said += piece
                threading.Thread(target=child.stdout.read, daemon=True).start()
                port = int(found[1])
                first_page(port)
                return loaded(port, log_in(port), seconds)
            finally:
                child.kill()


def await_listener(port):
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionError), socket.create_connection(("127.0.0.1", port), SECONDS_MAX):
            return
        time.sleep(LOOK)
    raise Failed("nginx on the host does not listen")


def first_page(port):
    """The forward takes a connection before the stack has an address: until one is answered."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        with contextlib.suppress(ConnectionError, Failed):
            ask(port, request(port, FIRST_PATH))
            return
        time.sleep(LOOK)
    raise Failed(f"no page within {SECONDS_MAX} s")


@contextlib.contextmanager
def on_the_host(pages):
    """nginx beside the client: its port."""
    binary, _ = nginx()
    port = listeners.free_port()
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        for name in ("run", "www"):
            pathlib.Path(folder, name).mkdir(mode=0o755)
        for name, page in pages.items():
            pathlib.Path(folder, "www", name).write_bytes(page)
        pathlib.Path(folder, "nginx.conf").write_text(NGINX.format(f"127.0.0.1:{port}"), encoding="ascii")
        with subprocess.Popen([str(binary), "-e", "stderr", "-p", folder, "-c", f"{folder}/nginx.conf"], stdin=subprocess.DEVNULL,
                              stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as server:
            try:
                await_listener(port)
                yield port
            finally:
                server.kill()


def name_of(what, which, where):
    return f"{what}, {which}, {where}"


def add_load(rows, where, taken, peer=None):
    """Medians of the rounds; beside nginx's where there are any."""
    for which, times in TIMES.items():
        got, half, most, lost = (statistics.median(each[which][at] for each in taken) for at in range(4))
        beside = statistics.median(each[which][0] for each in peer) if peer else None
        rows.add(name_of(WHAT[0], which, where), "1/s", got, asked=times * beside if beside else None, lower=False,
                 limit=LIMIT if where == QEMU else None, beside={"of nginx": beside})
        for what, unit, value in zip(WHAT[1:], UNITS[1:], (half * 1e3, most * 1e3, lost), strict=True):
            rows.add(name_of(what, which, where), unit, value)


def missing_load(rows, where, why):
    for which in TIMES:
        for what, unit in zip(WHAT, UNITS, strict=True):
            rows.missing(name_of(what, which, where), unit, why)


def measure(files, rows, rounds, options):
    seconds = QUICK_SECONDS if options.quick else SECONDS
    pages = {name: gzip.compress((files.pages / "dist" / name).read_bytes(), mtime=0) for name in ("index.html", "shell.html")}
    ours, theirs, simulated, ceiling, peer, why = [], [], [], [], None, None
    with tempfile.TemporaryDirectory(prefix="capos-") as folder:
        secret = pathlib.Path(folder, "secret")
        secret.write_text(SECRET + "\n", encoding="ascii")
        verifier = subprocess.run([str(files.secret), "--secret-file", str(secret), f"{folder}/copy"], check=True,
                                  stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout.strip()
        if options.peers:
            try:
                peer = linux(folder, pages)
            except bench_linux.Missing as missing:
                why = missing

        def boots(port):
            return files.kernel, f"{bench_programs.APPEND} where=qemu hosts=127.0.0.1:{port} verifier={verifier}", files.package

        for _ in range(rounds):
            ours.append(in_qemu(boots, listeners.WEB_PORT, seconds, log_in))
            if peer:
                theirs.append(in_qemu(lambda _: peer, NGINX_PORT, seconds, lambda _: None))
                with on_the_host(pages) as port:
                    ceiling.append(loaded(port, None, seconds))
            simulated.append(in_simulator(files, verifier, seconds))
    first = statistics.median(each[0] for each in ours) * 1e3
    their_first = statistics.median(each[0] for each in theirs) * 1e3 if theirs else None
    rows.add(FIRST, "ms", first, FIRST_ASKED, limit=FIRST_LIMIT, beside={"of nginx": their_first})
    add_load(rows, QEMU, [each[1] for each in ours], [each[1] for each in theirs])
    if theirs:
        rows.add(f"{FIRST}, {LINUX}", "ms", their_first)
        add_load(rows, LINUX, [each[1] for each in theirs])
        add_load(rows, HOST, ceiling)
    elif options.peers:
        rows.missing(f"{FIRST}, {LINUX}", "ms", why)
        missing_load(rows, LINUX, why)
        missing_load(rows, HOST, why)
    add_load(rows, SIMULATOR, simulated)
    weight = sum(path.stat().st_size for path in (files.pages / "packed").rglob("*") if path.is_file())
    rows.add(WEIGHT, "KiB", weight / 1024, WEIGHT_ASKED)


@dataclasses.dataclass
class Files:
    """What was built; `pages`: the folder of the pages, with dist/ and packed/ (compressed)."""
    kernel: pathlib.Path
    package: pathlib.Path
    sim: pathlib.Path
    secret: pathlib.Path
    pages: pathlib.Path


def main():
    names = [field.name for field in dataclasses.fields(Files)]
    options = bench_programs.options_of(*names)
    files = Files(*(getattr(options, name) for name in names))
    rounds = QUICK_ROUNDS if options.quick else ROUNDS
    return bench_programs.told(options, "web", lambda rows: measure(files, rows, rounds, options))


if __name__ == "__main__":
    sys.exit(main())
