# SPDX-License-Identifier: BSD-2-Clause
# The web process on the wire, in the simulator: who is let in and who is not, what a session's end ends, peers that are slow,
# many or wrong. What its parts decide is tests/unit/web; here it is the process, over its network.
import base64
import itertools
import json
import os
import pathlib
import re
import select
import signal
import socket
import struct
import sys
import threading
import time
import unittest

import jsonschema

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "cli"))
from door import ROOT, SECONDS_MAX  # noqa: E402
from keyboard import SECRET, SYSTEM_PACKAGE, Session  # noqa: E402

DEEP = os.environ.get("CAPOS_DEEP") == "1"
LOOK_SECONDS = 0.5
OVER, SHELL_ENDED, TAKEN_OVER = 4001, 4002, 4003
# What a browser is never told, whatever it asks: handles as the shell lists them, PCI and physical addresses, the secret.
NEVER = re.compile(rb"\b\d\d:[01][0-9a-f]\.[0-7]\b|0x[0-9a-f]{6,}|cap[_ ]?id|handle|verifier|argon2|" + SECRET.encode())


class Answer:
    def __init__(self, head, body):
        first, *fields = head.decode("ascii").split("\r\n")
        self.status, self.body = int(first.split()[1]), body
        self.fields = {name.lower(): value.strip() for name, _, value in (field.partition(":") for field in fields)}

    def json(self):
        return json.loads(self.body)


class Peer:
    """A connection of our own making."""

    def __init__(self, port):
        self.taken = 0
        self.port, self.socket, self.data = port, socket.create_connection(("127.0.0.1", port), timeout=SECONDS_MAX), b""

    def send(self, data):
        self.socket.sendall(data)

    def more(self):
        piece = self.socket.recv(65536)
        self.data += piece
        return bool(piece)

    def head(self):
        while b"\r\n\r\n" not in self.data:
            if not self.more():
                raise EOFError(self.data)
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        return head

    def answer(self):
        made = Answer(self.head(), b"")
        while len(self.data) < int(made.fields.get("content-length", 0)):
            if not self.more():
                raise EOFError(self.data)
        length = int(made.fields.get("content-length", 0))
        made.body, self.data = self.data[:length], self.data[length:]
        return made

    def ended(self):
        try:
            while self.more():
                pass
        except ConnectionError:
            pass
        return True

    def frame(self):
        """(opcode, payload) of the next frame."""
        while True:
            if len(self.data) >= 2:
                length, at = self.data[1] & 127, 2
                if length == 126 and len(self.data) >= 4:
                    length, at = struct.unpack_from(">H", self.data, 2)[0], 4
                if length < 126 or at == 4:
                    if len(self.data) >= at + length:
                        made = self.data[0] & 15, self.data[at:at + length]
                        self.data = self.data[at + length:]
                        return made
            if not self.more():
                raise EOFError(self.data)

    def say(self, payload, opcode=2):
        mask = os.urandom(4)
        size = bytes([128 | len(payload)]) if len(payload) < 126 else bytes([254]) + struct.pack(">H", len(payload))
        self.send(bytes([128 | opcode]) + size + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload)))

    def closed(self):
        """The code of the close frame that comes."""
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                return struct.unpack(">H", payload[:2])[0]


def request(method, path, fields, body=None):
    data = b"" if body is None else json.dumps(body).encode()
    if method == "POST":
        fields = {**fields, "Content-Length": str(len(data))}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items() if value is not None)]
    return "\r\n".join([*lines, "", ""]).encode() + data


class Web(Session):
    def setUp(self):
        super().setUp()
        self.peers = []
        self.addCleanup(lambda: [peer.socket.close() for peer in self.peers])
        self.system = self.start("sim", "--package", str(SYSTEM_PACKAGE), "--skip", "1801", login=False)
        self.due(self.system, "web: http://127.0.0.1:")
        self.port = int(re.search(r"^web: http://127\.0\.0\.1:(\d+)/$", self.system.text, re.M)[1])
        self.due(self.system, "init: webd runs as process ")
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"http://{self.host}"
        until = time.monotonic() + SECONDS_MAX
        while not self.answers():
            self.assertLess(time.monotonic(), until, "no page")

    def peer(self):
        self.peers.append(Peer(self.port))
        return self.peers[-1]

    def answers(self):
        """The forward takes a connection before the stack has an address: one that was asked then is asked again by libslirp
        after six seconds, a new one at once."""
        try:
            peer = self.peer()
            peer.socket.settimeout(LOOK_SECONDS)
            peer.send(request("GET", "/", {"Host": self.host}))
            return peer.answer().status == 200
        except (EOFError, OSError):
            time.sleep(0.05)
            return False

    def ask(self, method, path, body=None, **fields):
        peer = self.peer()
        given = {"Host": self.host, "Origin": self.origin if method == "POST" else None,
                 "Content-Type": "application/json" if method == "POST" else None, **fields}
        peer.send(request(method, path, given, body))
        try:
            return peer.answer()
        finally:
            peer.socket.close()

    def let_in(self):
        answer = self.ask("POST", "/api/login", {"secret": SECRET})
        self.assertEqual(answer.status, 200, answer.body)
        return {"Cookie": answer.fields["set-cookie"].partition(";")[0], "X-CSRF-Token": answer.json()["csrf"]}

    def upgrade(self, path, **fields):
        peer = self.peer()
        key = base64.b64encode(os.urandom(16)).decode()
        peer.send(request("GET", path, {"Host": self.host, "Origin": self.origin, "Upgrade": "websocket", "Connection": "Upgrade",
                                        "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": key, **fields}))
        return peer, Answer(peer.head(), b"").status

    def ticket(self, who, what="live", **more):
        answer = self.ask("POST", "/api/ticket", {"for": what, **more}, **who)
        self.assertEqual(answer.status, 200, answer.body)
        return answer.json()

    def socket(self, who, what="live", **more):
        given = self.ticket(who, what, **more)
        peer, status = self.upgrade(f"/api/{what}?ticket={given['ticket']}", Cookie=who["Cookie"])
        self.assertEqual(status, 101)
        return peer, given

    def until_shown(self, peer, text):
        shown = b""
        while text not in shown:
            opcode, payload = peer.frame()
            self.assertEqual(opcode, 2, payload)
            if payload[0] == 2:  # so many typed bytes were taken
                peer.taken += struct.unpack("<I", payload[1:])[0]
                continue
            self.assertEqual(payload[:1], b"\0", payload)
            shown += payload[1:]
        return shown

    def test_only_the_exact_origin_and_its_own_cookie_and_token_pass(self):
        who, other = self.let_in(), self.let_in()
        origins = {"exact": self.origin, "none": None, "null": "null", "port": f"http://127.0.0.1:{self.port + 1}",
                   "name": f"http://localhost:{self.port}", "below": f"http://x.{self.host}", "case": self.origin.upper(),
                   "dot": f"http://127.0.0.1.:{self.port}", "scheme": f"https://{self.host}", "slash": f"{self.origin}/"}
        cookies = {"own": who["Cookie"], "none": None, "wrong": who["Cookie"][:-1] + ("A" if who["Cookie"][-1] != "A" else "B"),
                   "twice": f"{who['Cookie']}; {who['Cookie']}"}
        tokens = {"own": who["X-CSRF-Token"], "none": None, "other": other["X-CSRF-Token"]}
        for (o, origin), (c, cookie), (t, token) in itertools.product(origins.items(), cookies.items(), tokens.items()):
            with self.subTest(origin=o, cookie=c, token=t):
                fields = {"Origin": origin, "Cookie": cookie, "X-CSRF-Token": token}
                answer = self.ask("POST", "/api/ticket", {"for": "live"}, **fields)
                self.assertEqual(answer.status == 200, (o, c, t) == ("exact", "own", "own"), answer.body)
        for (o, origin), (c, cookie) in itertools.product(origins.items(), cookies.items()):
            for kind in ("own", "used", "other's", "none"):
                with self.subTest(socket=o, cookie=c, ticket=kind):
                    given = self.ticket(other if kind == "other's" else who)["ticket"]
                    if kind == "used":
                        self.upgrade(f"/api/live?ticket={given}", Cookie=who["Cookie"])[0].socket.close()
                    path = "/api/live" if kind == "none" else f"/api/live?ticket={given}"
                    peer, status = self.upgrade(path, Origin=origin, Cookie=cookie)
                    peer.socket.close()
                    self.assertEqual(status == 101, (o, c, kind) == ("exact", "own", "own"))
        for host in (f"localhost:{self.port}", f"127.0.0.1:{self.port + 1}", "127.0.0.1", f"x.{self.host}", None):
            with self.subTest(host=host):
                status = self.ask("GET", "/", Host=host).status
                self.assertEqual(status, 200 if host == f"localhost:{self.port}" else 400 if host is None else 421)

    def test_what_a_browser_is_told(self):
        who = self.let_in()
        nobody = self.ask("POST", "/api/witness", {"number": "0" * 16}, **who)  # this is no proof
        self.assertEqual((nobody.status, nobody.json()), (404, {"error": "path"}))
        whole = self.ask("GET", "/api/overview", Cookie=who["Cookie"])
        schema = json.loads((ROOT / "webui/overview.schema.json").read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator(schema).validate(whole.json())
        peer, _ = self.socket(who)
        opcode, full = peer.frame()
        self.assertEqual((opcode, set(json.loads(full))), (1, {"full"}))
        jsonschema.Draft202012Validator(schema).validate(json.loads(full)["full"])
        delta = json.loads(peer.frame()[1])["delta"]
        self.assertIn("uptime_s", delta)
        self.assertNotIn("machine", delta)
        told = [whole.body, full, self.ask("GET", "/api/session", Cookie=who["Cookie"]).body]
        for method, path in (("GET", "/"), ("GET", "/shell"), ("GET", "/x"), ("POST", "/api/login"), ("GET", "/api/overview")):
            answer = self.ask(method, path, {} if method == "POST" else None)
            told.append(answer.body)
            self.assertIn("default-src 'none'", answer.fields["content-security-policy"], path)
            self.assertNotIn("unsafe", answer.fields["content-security-policy"])
            self.assertEqual((answer.fields["x-content-type-options"], answer.fields["cache-control"]), ("nosniff", "no-store"))
        for body in told:
            self.assertIsNone(NEVER.search(body), body)
        second = self.let_in()
        self.assertNotEqual(who["Cookie"], second["Cookie"])

    def test_who_is_known_is_no_stranger_for_asking_for_a_page(self):
        who, peers = self.let_in(), []
        for _ in range(12):  # more than may be strangers
            peers.append(self.peer())
            peers[-1].send(request("GET", "/shell", {"Host": self.host, "Cookie": who["Cookie"]}))
            self.assertEqual(peers[-1].answer().status, 200)
        for peer in peers:
            peer.send(request("GET", "/shell", {"Host": self.host, "Cookie": who["Cookie"]}))
            self.assertEqual(peer.answer().status, 200)

    def test_wrong_secrets_are_delayed_and_a_session_goes_on(self):
        who, statuses = self.let_in(), []
        while 429 not in statuses:
            answer = self.ask("POST", "/api/login", {"secret": f"wrong number {len(statuses)}"})
            statuses.append(answer.status)
            self.assertLess(len(statuses), 20)
        self.assertGreater(answer.json()["wait_ms"], 0)
        self.assertEqual(set(statuses), {401, 429})
        self.assertEqual(self.ask("GET", "/api/overview", Cookie=who["Cookie"]).status, 200)

    def test_logging_out_and_half_an_hour_unused_end_sockets_and_shells(self):
        who, other = self.let_in(), self.let_in()
        live, (shell, _), kept = self.socket(who)[0], self.socket(who, "shell", shell=0), self.socket(other)[0]
        self.until_shown(shell, b"capos> ")
        self.assertEqual(self.ask("POST", "/api/logout", {}, **who).status, 204)
        at = time.monotonic()
        self.assertEqual((live.closed(), shell.closed()), (OVER, OVER))
        cut = (time.monotonic() - at) * 1000
        print(f"\nfigure: {cut:.1f} ms from the answer to a log-out to the end of both its sockets (100 asked for)")
        self.due(self.system, "init: shell-web-1 was killed\n")
        self.assertEqual(self.ask("GET", "/api/session", Cookie=who["Cookie"]).status, 401)
        kept.frame()
        kept.frame()
        os.kill(self.system.simulator(), signal.SIGUSR1)  # half an hour later
        self.assertEqual(kept.closed(), OVER)
        self.assertEqual(self.ask("GET", "/api/session", Cookie=other["Cookie"]).status, 401)
        self.let_in()

    def test_shells(self):
        who = self.let_in()
        shells = [self.socket(who, "shell", shell=0) for _ in range(4)]
        self.assertEqual(self.ask("POST", "/api/ticket", {"for": "shell", "shell": 0}, **who).status, 409)
        for peer, _ in shells:
            self.until_shown(peer, b"capos> ")
        first, given = shells[0]
        first.say(b"\0ping 10.0.2.2\r")  # it takes ^C alone, and a second from one to the next
        self.until_shown(first, b"answer from")
        for _ in range(3):
            first.say(b"\0" + (b"x" * 63 + b"\r") * 64)  # a paste
        first.say(b"\1" + struct.pack("<HH", 19, 3))  # no size: it changes nothing
        first.say(b"\0\3")  # gets past the paste
        first.say(b"\0usage\r")
        self.assertEqual(self.until_shown(first, b"devices claimed").count(b"xx"), 0)
        self.assertGreater(first.taken, 3 * 4096)
        second, _ = self.socket(who, "shell", shell=given["shell"])
        self.assertEqual(first.closed(), TAKEN_OVER)
        second.say(b"\0services\r")
        self.assertRegex(self.until_shown(second, b"shell-web-4"), rb"shell-web-1 +runs")
        second.say(b"\2")
        self.assertEqual(second.closed(), SHELL_ENDED)
        self.due(self.system, "init: shell-web-1 was killed\n")
        self.assertEqual(self.ask("POST", "/api/ticket", {"for": "shell", "shell": given["shell"]}, **who).status, 409)
        third = shells[1][0]
        third.say(b"\0logout\r")
        self.assertEqual(third.closed(), SHELL_ENDED)
        self.socket(who, "shell", shell=0)

    def test_a_secret_is_changed_and_other_sessions_end(self):
        who, other = self.let_in(), self.let_in()
        change = {"old": SECRET, "new": "another one, longer"}
        self.assertEqual(self.ask("POST", "/api/secret", {**change, "old": "not the old one"}, **who).status, 401)
        self.assertEqual(self.ask("POST", "/api/secret", {**change, "new": "short"}, **who).status, 400)
        self.assertEqual(self.ask("POST", "/api/secret", change, **who).status, 204)
        self.assertEqual(self.ask("GET", "/api/session", Cookie=other["Cookie"]).status, 401)
        self.assertEqual(self.ask("GET", "/api/session", Cookie=who["Cookie"]).status, 200)
        self.assertEqual(self.ask("POST", "/api/login", {"secret": SECRET}).status, 401)
        self.assertEqual(self.ask("POST", "/api/login", {"secret": change["new"]}).status, 200)

    def counts(self, who, peer=None):
        peer = peer or self.peer()
        peer.send(request("GET", "/api/overview", {"Host": self.host, "Cookie": who["Cookie"]}))
        return peer.answer().json()["web"]

    def test_others_do_not_notice_those_that_are_slow_or_many(self):
        who = self.let_in()
        before = self.counts(who)
        os.kill(self.system.simulator(), signal.SIGSTOP)  # all at once, as a browser comes with six
        crowd = [self.peer() for _ in range(30)]  # three times as many as may be strangers
        os.kill(self.system.simulator(), signal.SIGCONT)
        for peer in crowd[::2]:
            try:
                peer.send(b"GET / HTTP/1.1\r\nHost: ")  # and no more
            except ConnectionError:
                pass
        for _ in range(20):
            self.assertEqual(self.ask("GET", "/api/overview", Cookie=who["Cookie"]).status, 200)
        slow = self.peer()
        fields = {"Host": self.host, "Origin": self.origin, "Content-Type": "application/json"}
        slow.send(request("POST", "/api/login", fields, {})[:-1])
        self.assertEqual(self.ask("GET", "/shell").status, 200)
        self.assertTrue(slow.ended())  # its time runs out
        for peer in crowd:
            self.assertTrue(peer.ended())
        counts = self.counts(who)
        self.assertGreater(counts["too_slow"], before["too_slow"])
        self.assertGreaterEqual(counts["gave_way"], before["gave_way"] + 20)
        self.assertGreaterEqual(counts["connections"], before["connections"] + 53)

    def crowd(self, over, many):
        """So many connections at any time until it is over, each with nothing, a part of a head, or of a body."""
        fields = {"Host": self.host, "Origin": self.origin, "Content-Type": "application/json"}
        parts = (b"", b"GET / HTTP/1.1\r\nHost: ", request("POST", "/api/login", fields, {})[:-1])
        held, made = [], 0
        while not over.is_set():
            try:
                held.append(socket.create_connection(("127.0.0.1", self.port), timeout=SECONDS_MAX))
                held[-1].sendall(parts[made % len(parts)])
            except OSError:
                pass
            made += 1
            time.sleep(0.5)
            while len(held) >= many and not over.is_set():  # until the machine ends one
                ended = select.select(held, [], [], 0.1)[0]
                held = [one for one in held if one not in ended or one.close()]
        for one in held:
            one.close()

    def takes_nothing(self, peer):
        """Lets a shell say more and more, until the machine has enough of it."""
        try:
            while True:
                peer.say(b"\0" + (b"x" * 7 + b"\r") * 512)
        except OSError:
            pass

    @unittest.skipUnless(DEEP, "deep only: 200 connections, and readers that take nothing")
    def test_two_hundred_and_slow_readers(self):
        who, over, took, kept, ended = self.let_in(), threading.Event(), {"kept": [], "new": []}, self.peer(), 0
        before = self.counts(who, kept)
        threads = [threading.Thread(target=self.crowd, args=[over, 10]) for _ in range(20)]
        for _ in range(2):
            shell, _ = self.socket(who, "shell", shell=0)
            threads.append(threading.Thread(target=self.takes_nothing, args=[shell]))
        for thread in threads:
            thread.start()
        try:
            ends = time.monotonic() + 40
            while time.monotonic() < ends:
                for connection, times in took.items():
                    at = time.monotonic()
                    while True:
                        try:
                            self.counts(who, kept if connection == "kept" else None)
                            break
                        except (EOFError, ConnectionError):  # it gave way before its request came
                            self.assertEqual(connection, "new")
                            ended += 1
                    times.append(time.monotonic() - at)
                time.sleep(0.05)
        finally:
            over.set()
            for thread in threads:
                thread.join(SECONDS_MAX)
        counts = self.counts(who)
        self.assertGreater(counts["too_slow"], before["too_slow"])
        self.assertGreater(counts["gave_way"], before["gave_way"] + 200)
        for connection, times in took.items():
            p50, p99 = (sorted(times)[len(times) * part // 100] * 1000 for part in (50, 99))
            print(f"\nfigure: {len(times)} requests, {connection} connection, beside 200 and 2 readers that take nothing: "
                  f"p50 {p50:.0f} ms, p99 {p99:.0f} ms (2000 asked for)")
        print(f"figure: {counts['gave_way']} of {counts['connections']} connections gave way, {ended} of them with a good request")

    def test_who_sends_without_end_keeps_nobody_waiting(self):
        who, flooding = self.let_in(), self.peer()
        flooding.send(b"\0\r\n\r\n")  # is answered, and then nobody listens

        def flood():
            try:
                while True:
                    flooding.send(bytes(65536))
            except ConnectionError:
                pass
        thread = threading.Thread(target=flood, daemon=True)
        thread.start()
        for _ in range(20):
            self.assertEqual(self.ask("GET", "/api/overview", Cookie=who["Cookie"]).status, 200)
        thread.join(SECONDS_MAX)  # its time is over, and the connection too
        self.assertFalse(thread.is_alive())

    def test_what_is_no_request_is_refused_and_the_connection_ends(self):
        for data, status in ((b"GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n", 400), (b"GET / HTTP/1.0\r\n\r\n", 505),
                             (b"\0\r\n\r\n", 400),
                             (b"GET /" + b"x" * 3000 + b" HTTP/1.1\r\n\r\n", 414), (b"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405),
                             (b"GET / HTTP/1.1\r\nX: " + b"x" * 9000 + b"\r\n\r\n", 431)):
            with self.subTest(data[:30]):
                peer = self.peer()
                peer.send(data)
                self.assertEqual(peer.answer().status, status)
                self.assertTrue(peer.ended())
        peer = self.peer()
        peer.send(request("GET", "/", {"Host": self.host}) * 2)  # pipelined: the first is answered, and that is all
        answer = peer.answer()
        self.assertEqual((answer.status, answer.fields["connection"]), (200, "close"))
        self.assertTrue(peer.ended())
        self.assertEqual(peer.data, b"")


if __name__ == "__main__":
    unittest.main()
