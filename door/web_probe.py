#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The client outside of a proof that is asked for the web as well: what a browser does, once, on one connection. It takes the page
# and a part of it, logs in with the run's secret, reads the overview, names a number that it drew, logs out, and tries the old
# cookie again. What comes is anything until it was looked at. Standard library only.
#   web_probe.py RUN --port PORT --nonce HEX --commit WORD    knocks once RUN/evidence.log says that somebody can answer, until
#                                                             RUN/over is there; writes RUN/web.json
#   web_probe.py RUN --into-run-json                          what is in RUN/web.json into RUN/run.json
import argparse
import gzip
import hashlib
import http.client
import json
import os
import pathlib
import re
import secrets
import sys
import threading
import time

BEGINS = b"cloudboot-evidence: l4-round-trip "  # the marker behind which the web's comes
BYTES_MAX = 1 << 20   # of one answer
SECONDS = 20          # of one answer, and of one attempt to reach the port
LONGEST = 300         # of knocking
PAUSE = 0.1
PART = re.compile(rb'(?:src|href)="(/assets/[A-Za-z0-9._-]+)"')
POLICY = ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'")
COOKIE = re.compile(r"capos_remote_session=([A-Za-z0-9_-]{43}); HttpOnly; SameSite=Strict; Path=/")


class Wrong(Exception):
    """What came is not what has to come: the words say what."""


class Gone(Exception):
    """The connection ended."""


def json_of(body, step):
    try:
        value = json.loads(body)
    except ValueError as error:
        raise Wrong(f"{step}: no JSON came") from error
    if not isinstance(value, dict):
        raise Wrong(f"{step}: no JSON object came")
    return value


def word(value):
    """Of what came, as far as a record takes it."""
    return value if isinstance(value, str) and re.fullmatch(r"[!-~]{1,64}", value) else "none"


class Probe:
    """`host`: what the machine was told that it is called. `secret`: the operator's. `nonce`: what the page has to show."""

    def __init__(self, port, host, secret, nonce, commit):
        self.port, self.host, self.secret, self.wanted, self.commit = port, host, secret, nonce, commit
        self.number, self.connection, self.answered = secrets.token_hex(8), None, False
        self.record = {"host": host, "asked": nonce, "number": self.number, "nonce": "none", "session": "none", "page_bytes": 0,
                       "statuses": {}, "times_ms": {}, "reasons": []}
        self.thread, self.over = threading.Thread(target=self.run, daemon=True), threading.Event()

    def begin(self):
        if not self.thread.ident:
            self.thread.start()

    def watch(self, line):
        """A line of the evidence."""
        if line.startswith(BEGINS):
            self.begin()

    def end(self):
        """Nobody waits for it any more. What it saw."""
        self.over.set()
        if self.thread.ident:
            self.thread.join(SECONDS)
        elif not self.record["reasons"]:
            self.record["reasons"].append("web: nobody could be asked: the run did not come that far")
        return self.record

    def failed(self):
        """It was answered, and not as it should be: there is nothing to wait for."""
        return bool(self.record["reasons"])

    # One exchange

    def ask(self, step, method, path, body=None, **fields):
        began = time.monotonic()
        fields = {"Host": self.host, "Accept-Encoding": "gzip", **{name.replace("_", "-"): text for name, text in fields.items()}}
        if method == "POST":
            fields |= {"Origin": f"http://{self.host}", "Content-Type": "application/json"}
        try:
            self.connection.request(method, path, body, fields)
            answer = self.connection.getresponse()
            data = answer.read(BYTES_MAX)
        except (OSError, http.client.HTTPException) as error:
            raise Gone(f"{step}: the connection ended: {type(error).__name__}") from error
        self.answered = True
        self.record["statuses"][step] = answer.status
        self.record["times_ms"][step] = round((time.monotonic() - began) * 1000, 1)
        return answer, data

    def expect(self, step, status, method, path, body=None, **fields):
        answer, data = self.ask(step, method, path, body, **fields)
        if answer.status != status:
            said = re.fullmatch(rb'\{"error":"([a-z-]{1,32})".*\}', data)
            raise Wrong(f"{step}: status {answer.status}{' ' + said[1].decode() if said else ''}, not {status}")
        return answer, data

    def page(self):
        answer, packed = self.expect("page", 200, "GET", "/")
        missing = [part for part in POLICY if part not in (answer.headers["Content-Security-Policy"] or "")]
        if missing or answer.headers["X-Content-Type-Options"] != "nosniff":
            raise Wrong("page: it came without its policy")
        try:
            parts = PART.findall(gzip.decompress(packed))
        except (OSError, EOFError) as error:
            raise Wrong("page: it is not packed as it says") from error
        if not parts:
            raise Wrong("page: it names no part of itself")
        self.record["page_bytes"] += len(packed)
        return parts[0].decode("ascii")

    def part(self, path):
        answer, packed = self.expect("part", 200, "GET", path)
        if answer.headers["ETag"] != f'"{hashlib.sha256(packed).hexdigest()}"':
            raise Wrong("part: its hash is not the one that it is named by")
        self.record["page_bytes"] += len(packed)

    def login(self):
        answer, data = self.expect("login", 200, "POST", "/api/login", json.dumps({"secret": self.secret}))
        cookie, token = COOKIE.fullmatch(answer.headers["Set-Cookie"] or ""), json_of(data, "login").get("csrf")
        if not cookie or not isinstance(token, str):
            raise Wrong("login: no cookie came, or no token")
        return {"Cookie": f"capos_remote_session={cookie[1]}"}, {"X_CSRF_Token": token}

    def overview(self, cookie):
        machine = json_of(self.expect("overview", 200, "GET", "/api/overview", **cookie)[1], "overview").get("machine")
        machine = machine if isinstance(machine, dict) else {}
        self.record["nonce"] = word(machine.get("nonce"))
        if machine.get("nonce") != self.wanted:
            raise Wrong(f"overview: it shows the nonce {self.record['nonce']}, not this run's")
        if machine.get("build") != self.commit:
            raise Wrong(f"overview: it shows the commit {word(machine.get('build'))}, not this run's")

    def session(self, cookie):
        listed = json_of(self.expect("session", 200, "GET", "/api/session", **cookie)[1], "session").get("sessions")
        listed = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
        own = [one.get("id") for one in listed if one.get("current") is True]
        if len(own) != 1 or word(own[0]) != own[0]:
            raise Wrong("session: its own is not in the list")
        self.record["session"] = own[0]

    def whole(self):
        self.connection.connect()
        self.connection.auto_open = 0  # all of it on this one
        self.part(self.page())
        cookie, token = self.login()
        self.overview(cookie)
        self.session(cookie)
        self.expect("witness", 204, "POST", "/api/witness", json.dumps({"number": self.number}), **cookie, **token)
        self.expect("logout", 204, "POST", "/api/logout", "{}", **cookie, **token)
        self.expect("afterwards", 401, "GET", "/api/overview", **cookie)

    # Until somebody is in

    def attempt(self):
        """True: there is nothing left to try. The forward takes a connection before the guest does: one that ends without a byte
        is a port on which nobody listens yet."""
        self.connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            self.whole()
        except Wrong as error:
            self.record["reasons"].append(f"web: {error}")
        except (Gone, OSError) as error:
            if not self.answered:
                return False
            self.record["reasons"].append(f"web: {error}")
        finally:
            self.connection.close()
        return True

    def run(self):
        until = time.monotonic() + LONGEST
        while not self.attempt():
            if time.monotonic() > until or self.over.wait(PAUSE):
                self.record["reasons"].append("web: nobody answered")
                return


# Beside a run in another program

def beside(run, port, nonce, commit):
    secret = (run / "operator.secret").read_text(encoding="ascii").strip()
    probe, log = Probe(port, f"127.0.0.1:{port}", secret, nonce, commit), run / "evidence.log"
    until, parent = time.monotonic() + LONGEST, os.getppid()
    while not (run / "over").exists() and time.monotonic() < until and os.getppid() == parent:
        if not probe.thread.ident and log.exists() and any(line.startswith(BEGINS) for line in log.read_bytes().splitlines()):
            probe.begin()
        if probe.thread.ident and not probe.thread.is_alive():
            break
        time.sleep(PAUSE)
    (run / "web.json").write_text(json.dumps(probe.end()) + "\n", encoding="ascii")


def into_run_json(run):
    facts = json.loads((run / "run.json").read_text(encoding="utf-8"))
    facts["web"] = json.loads((run / "web.json").read_text(encoding="utf-8"))
    (run / "run.json").write_text(json.dumps(facts) + "\n", encoding="utf-8")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("run", type=pathlib.Path)
    parser.add_argument("--port", type=int)
    parser.add_argument("--nonce")
    parser.add_argument("--commit")
    parser.add_argument("--into-run-json", action="store_true")
    args = parser.parse_args()
    try:
        if args.into_run_json:
            into_run_json(args.run)
        else:
            beside(args.run, args.port, args.nonce, args.commit)
    except (OSError, ValueError) as error:
        print(f"capos: the client outside: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
