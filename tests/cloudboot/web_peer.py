# SPDX-License-Identifier: BSD-2-Clause
# In the place of a machine's web, for tests of the client outside alone: answers it as the web process does, but for what `wrong`
# names. It knows no rule of that process; what it is asked is kept.
import gzip
import hashlib
import http.server
import json

PART = "/assets/index-0123.js"
PAGE = gzip.compress(f'<script type="module" src="{PART}"></script>'.encode())
SCRIPT = gzip.compress(b"let a = 1;\n")
POLICY = "default-src 'none'; script-src 'self'; frame-ancestors 'none'"
COOKIE = "capos_remote_session=" + "A" * 43
SESSION = "0123456789abcdef"


class Peer(http.server.ThreadingHTTPServer):
    """`told(number, session, page bytes)` is called with what a client named."""
    daemon_threads = True

    def __init__(self, nonce, commit, secret=None, wrong="", told=lambda *_: None, port=0):
        super().__init__(("127.0.0.1", port), Handler)
        self.nonce, self.commit, self.secret, self.wrong, self.told = nonce, commit, secret, wrong, told
        self.alive, self.sent, self.asked = False, 0, []

    def handle_error(self, request, client_address):
        pass  # a client that is gone


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):  # pylint: disable=arguments-differ
        pass

    def say(self, status, body=b"", **fields):
        self.send_response(status)
        for name, value in {"X-Content-Type-Options": "nosniff", **fields}.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def refuse(self, status, word):
        self.say(status, json.dumps({"error": word}, separators=(",", ":")).encode())

    def say_json(self, value, **fields):
        self.say(200, b"{" if self.server.wrong == "json" else json.dumps(value).encode(), **fields)

    def do_GET(self):  # noqa: N802
        peer = self.server
        peer.asked.append((self.path, self.headers["Host"], self.headers["Origin"]))
        if self.path == "/":
            peer.sent += len(PAGE)
            self.say(200, PAGE, **({} if peer.wrong == "policy" else {"Content_Security_Policy": POLICY}))
        elif self.path == PART:
            peer.sent += len(SCRIPT)
            self.say(200, SCRIPT, ETag=f'"{hashlib.sha256(SCRIPT + b"x" * (peer.wrong == "part")).hexdigest()}"')
        elif not peer.alive or self.headers["Cookie"] != COOKIE:
            self.refuse(401, "login")
        elif self.path == "/api/session":
            self.say_json({"sessions": [{"id": "other", "current": False}, {"id": SESSION, "current": True}]})
        elif peer.wrong == "dies":
            self.close_connection = True
        else:
            self.say_json({"machine": {"world": "gce", "build": "other" if peer.wrong == "commit" else peer.commit,
                                       "nonce": "1" * 32 if peer.wrong == "nonce" else peer.nonce}})

    def do_POST(self):  # noqa: N802
        peer, body = self.server, json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        peer.asked.append((self.path, self.headers["Host"], self.headers["Origin"]))
        if self.path == "/api/login":
            if peer.secret not in (None, body["secret"]):
                self.refuse(401, "wrong")
                return
            peer.alive = True
            flags = "; SameSite=Strict; Path=/" if peer.wrong == "cookie" else "; HttpOnly; SameSite=Strict; Path=/"
            self.say_json({"csrf": "B" * 43}, Set_Cookie=COOKIE + flags)
        elif self.headers["X-CSRF-Token"] != "B" * 43 or self.headers["Cookie"] != COOKIE:
            self.refuse(403, "csrf")
        elif self.path == "/api/witness" and peer.wrong == "witness":
            self.refuse(404, "path")
        elif self.path == "/api/witness":
            peer.told(body["number"], SESSION, peer.sent)
            self.say(204)
        else:
            peer.alive = peer.wrong == "logout"
            self.say(204)
