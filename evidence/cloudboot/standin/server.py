#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# A Compute Engine of one machine, on loopback: the calls of Compute and Storage that gcloud makes in the life of a run, resources
# and operations that take their time, QEMU in the place of the hypervisor. It judges what it is asked, as the cloud would, and
# keeps a ledger of what exists. Exit status: 0 nothing is left, 1 something is (it is named), 2 usage.
import argparse
import http.server
import json
import pathlib
import signal
import sys
import tempfile
import threading
import urllib.parse

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import compute  # noqa: E402
import environment  # noqa: E402
import instances  # noqa: E402
import misbehave  # noqa: E402
import routes  # noqa: E402
import storage  # noqa: E402
import world as worlds  # noqa: E402
from errors import ApiError  # noqa: E402

BODY_BYTES_MAX = 256 << 20
TEXT_BYTES_MAX = 1 << 20  # of a body that is kept in the list of requests
SOCKET_FOLDER_MAX = 80    # bytes of a path, so that a socket's name below it fits
LOOK_SECONDS = 0.02       # between two turns
# What gcloud sends along and nothing here depends on.
QUERY = {"alt", "fields", "projection", "project", "prefix", "name", "uploadType", "upload_id", "port", "start", "queryPath",
         "deviceName", "autoDelete", "filter", "maxResults", "pageToken", "returnPartialSuccess", "includeAllScopes", "delimiter",
         "versions", "softDeleted", "generation", "ifGenerationMatch", "ifMetagenerationMatch", "includeFoldersAsPrefixes", "key",
         "prettyPrint", "quotaUser", "enableObjectRetention", "pageSize", "requestId", "orderBy", "userProject",
         "includeTrailingDelimiter"}


class Ask:
    """One request, as those who answer see it."""

    def __init__(self, headers, query, body):
        self.headers, self.query, self.body = headers, query, body
        self.content_type = headers.get("Content-Type", "")
        self.status_back, self.headers_back, self.lose = 200, {}, False

    def json(self, data=None):
        try:
            return json.loads(self.body if data is None else data)
        except ValueError as error:
            raise ApiError(400, "parseError", "Parse Error") from error


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize, disable_nagle_algorithm = -1, True  # an answer goes out at once and whole

    def log_message(self, *_):
        pass  # the list of requests has it

    def read_body(self):
        """The body by its length or in chunks. ApiError: neither, or too much."""
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            data = b""
            while (size := int(self.rfile.readline(32).split(b";")[0], 16)) > 0:
                if len(data) + size > BODY_BYTES_MAX:
                    raise ApiError(413, "uploadTooLarge", "Too large")
                data += self.rfile.read(size)
                self.rfile.readline(3)
            self.rfile.readline(3)
            return data
        length = int(self.headers.get("Content-Length", "0"))
        if not 0 <= length <= BODY_BYTES_MAX:
            raise ApiError(413, "uploadTooLarge", "Too large")
        return self.rfile.read(length)

    def answer(self):
        url = urllib.parse.urlsplit(self.path)
        if self.command == "GET" and url.path in self.server.own:
            with self.server.world.lock:
                found = json.dumps(self.server.own[url.path]()).encode()
            self.send(200, found)
            return
        record, ask = {}, None
        try:
            body = self.read_body()
            ask = Ask(self.headers, dict(urllib.parse.parse_qsl(url.query, keep_blank_values=True)), body)
            with self.server.world.lock:
                record = self.server.world.note(self.command, self.path, ask.content_type, kept(body))
                found = self.judge(ask, url)
                data = b"" if found is None else json.dumps(found).encode()
            status = 204 if found is None else ask.status_back
        except ApiError as error:
            status, data = error.status, json.dumps(error.body()).encode()
        except (ValueError, TypeError, LookupError, AttributeError):  # words of another shape than any that are known
            status, data = 400, json.dumps(ApiError(400, "badRequest", "Bad Request").body()).encode()
        if ask and ask.lose:
            record["status"] = 0
            self.close_connection = True
            return
        record["status"] = status
        self.send(status, data, ask.headers_back if ask else {})

    def judge(self, ask, url):
        if self.headers.get("Authorization") != f"Bearer {environment.TOKEN}":
            raise ApiError(401, "authError", "Request had invalid authentication credentials. Expected OAuth 2 access token.")
        permission, function, names = routes.find(self.server.routes, self.command, url.path)
        strange = sorted(set(ask.query) - QUERY)
        if strange:
            raise ApiError(400, "badRequest",
                           f"Invalid JSON payload received. Unknown name \"{strange[0]}\": Cannot bind query parameter.")
        self.server.world.faults.on_request(permission, url.path.partition("/v1/")[2])
        return function(ask, **{name: urllib.parse.unquote(value) for name, value in names.items()})

    def send(self, status, data, more=()):
        self.send_response(status)
        for name, value in dict(more).items():
            self.send_header(name, value)
        if data:
            self.send_header("Content-Type", "application/json; charset=UTF-8")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = answer


def kept(body):
    """A body as the list of requests has it: byte for byte one character."""
    return body.decode("latin-1") if len(body) <= TEXT_BYTES_MAX else f"({len(body)} bytes)"


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, world, table, tunnels):
        super().__init__(("127.0.0.1", 0), Handler)
        self.world, self.routes = world, table
        self.own = {"/standin/ledger": world.ledger, "/standin/requests": lambda: world.requests, "/standin/tunnels": tunnels}
        world.base = f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request, client_address):
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def parse(words):
    p = argparse.ArgumentParser(prog="server.py", allow_abbrev=False, formatter_class=argparse.RawDescriptionHelpFormatter,
                                description="a Compute Engine of one machine on loopback, for gcloud",
                                epilog="misbehaviours:\n" + misbehave.words())
    p.add_argument("--folder", type=pathlib.Path, required=True, metavar="DIR",
                   help="for uploads, disks and serial logs; the caller's")
    p.add_argument("--vpc", metavar="PATH", help="the built capos-vpc: the network of a machine")
    p.add_argument("--misbehave", action="append", default=[], metavar="NAME[=VALUE]",
                   help="what goes wrong, may be given for each")
    p.add_argument("--delay", type=float, default=0.5, metavar="SECONDS", help="that an operation takes (0.5)")
    p.add_argument("--without-machines", action="store_true", help="start none: for tests of the resources alone")
    options = p.parse_args(words)
    if bool(options.vpc) == options.without_machines:
        p.error("--vpc or --without-machines is due, and not both")
    if not 0 <= options.delay <= 600:
        p.error("--delay takes 0 to 600")
    try:
        options.faults = misbehave.Faults(options.misbehave)
    except ValueError as error:
        p.error(f"--misbehave {error}")
    return options


def main(words):
    options = parse(words)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: stopped.set())
    options.folder = options.folder.resolve()
    options.folder.mkdir(parents=True, exist_ok=True)
    if len(str(options.folder)) < SOCKET_FOLDER_MAX:
        tempfile.tempdir = str(options.folder)  # then nothing of a server that was killed lies about elsewhere
    world = worlds.World(options.folder, options.faults, options.delay)
    store = storage.Storage(world)
    engine = compute.Compute(world, store)
    machines = instances.Instances(world, engine, options.vpc)
    server = Server(world, routes.table(engine, store, machines), machines.tunnels)
    threading.Thread(target=server.serve_forever, args=(LOOK_SECONDS,), daemon=True).start()
    print(f"listening: {server.server_address[1]}", flush=True)
    try:
        while not stopped.is_set():
            world.turn()
            stopped.wait(LOOK_SECONDS)
    finally:
        server.shutdown()
        with world.lock:
            machines.end()
            left = world.ledger()
    for resource in left:
        print(f"left: {resource['kind']} {resource['path']}", flush=True)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
