# SPDX-License-Identifier: BSD-2-Clause
# What exists: resources by their path, operations that are under way, and what was asked. Requests come from many threads, each
# under the lock; what time brings about (an operation's end, a machine's) is done by turn() of the main thread alone, which is
# also the parent of every machine: they die with it.
import datetime
import re
import threading
import time

from errors import ApiError, OperationError, invalid, not_found

REGIONS = {"us-central1": "abcf", "us-east1": "bcd", "us-east4": "abc", "us-west1": "abc", "europe-west1": "bcd",
           "europe-west3": "abc", "europe-west4": "abc", "asia-east1": "abc"}
ZONES = {f"{region}-{letter}": region for region, letters in REGIONS.items() for letter in letters}
# By name: CPUs and MiB.
MACHINE_TYPES = {"e2-micro": (2, 1024), "e2-small": (2, 2048), "e2-medium": (2, 4096), "n1-standard-1": (1, 3840),
                 "n4-standard-2": (2, 8192), "c3-standard-4": (4, 16384)}
NAME = re.compile(r"[a-z]([-a-z0-9]{0,61}[a-z0-9])?")
LABEL = re.compile(r"[a-z0-9_-]{0,63}")
REQUESTS_MAX = 20000   # of the list that is kept
WAIT_SECONDS = 120     # of operations.wait
LABELS_MAX = 64


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


def path_of(link):
    """projects/... of a link, whichever host it names."""
    found = re.search(r"(?:^|/)(projects/[A-Za-z0-9:.-]+/.+)$", link if isinstance(link, str) else "")
    return found[1] if found else ""


def check_name(name):
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise invalid("resource.name", name, "Must be a match of regex '(?:[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?)'")
    return name


def check_labels(labels):
    if not isinstance(labels, dict) or len(labels) > LABELS_MAX:
        raise invalid("resource.labels", labels, "Labels are at most 64 pairs.")
    for key, value in labels.items():
        if not LABEL.fullmatch(key) or not key[:1].isalpha() or not isinstance(value, str) or not LABEL.fullmatch(value):
            raise invalid("resource.labels", f"{key}={value}", "Lower-case letters, digits, _ and -, at most 63.")
    return labels


class World:
    """`folder`: the caller's. `delay`: seconds of an operation. `base`: the address that links begin with, set once it is known."""

    def __init__(self, folder, faults, delay):
        self.folder, self.faults, self.delay, self.base = folder, faults, delay, ""
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.resources, self.operations, self.requests, self.due = {}, {}, [], []
        self.numbers = 1000000000000000000
        self.watched = []  # called at each turn

    def number(self):
        self.numbers += 1
        return str(self.numbers)

    def link(self, path):
        return f"{self.base}/compute/v1/{path}"

    def get(self, path):
        if path not in self.resources:
            raise not_found(path)
        return self.resources[path]

    def under(self, prefix, kind):
        return [resource for path, resource in sorted(self.resources.items())
                if path.startswith(prefix) and resource["kind"] == kind]

    def add(self, path, kind, **fields):
        """A resource of Compute Engine, with what each of them has."""
        self.resources[path] = {"kind": kind, "id": self.number(), "creationTimestamp": now(), "selfLink": self.link(path),
                                **fields}
        return self.resources[path]

    def ledger(self):
        listed = []
        for path, resource in sorted(self.resources.items()):
            listed.append({"kind": resource["kind"].rpartition("#")[2], "name": resource["name"], "path": path})
        return listed

    def note(self, method, path, content_type, body):
        if len(self.requests) < REQUESTS_MAX:
            self.requests.append({"method": method, "path": path, "type": content_type, "body": body, "status": None})
            return self.requests[-1]
        return {}

    # Time

    def at(self, seconds, what):
        """what() by the main thread, that much later."""
        self.due.append((time.monotonic() + seconds, what))
        self.changed.notify_all()

    def turn(self):
        """What is due. Main thread, without the lock."""
        with self.lock:
            ready = [item for item in self.due if item[0] <= time.monotonic()]
            self.due = [item for item in self.due if item not in ready]
            for _, what in sorted(ready, key=lambda item: item[0]):
                what()
            for look in list(self.watched):
                look()

    # Operations

    def operation(self, where, kind, path, finish, target_id=None):
        """Begins one. `where`: projects/P/global, .../regions/R or .../zones/Z. finish(): by the main thread once it is over; what
        it raises as OperationError becomes the operation's end."""
        number = self.number()
        name = f"operation-{number}"
        operation = {"kind": "compute#operation", "id": number, "name": name, "operationType": kind, "targetLink": self.link(path),
                     "targetId": target_id or number, "status": "RUNNING", "progress": 0, "user": "operator@example.com",
                     "insertTime": now(), "startTime": now(), "selfLink": self.link(f"{where}/operations/{name}")}
        scope = where.split("/")[2:]
        if scope[0] in ("zones", "regions"):
            operation[scope[0][:-1]] = self.link(where)
        self.operations[f"{where}/operations/{name}"] = operation
        self.at(self.faults.delay(self.delay), lambda: self.end(operation, finish))
        return operation

    def end(self, operation, finish):
        try:
            finish()
        except (OperationError, OSError) as error:
            if isinstance(error, OSError):  # ours: the folder is full, or gone
                error = OperationError("INTERNAL_ERROR", f"the stand-in failed: {error}", 500)
            operation["error"] = {"errors": [{"code": error.code, "message": error.message}]}
            operation["httpErrorStatusCode"] = error.status
            operation["httpErrorMessage"] = {503: "SERVICE UNAVAILABLE", 403: "FORBIDDEN"}.get(error.status, "BAD REQUEST")
        operation.update(status="DONE", progress=100, endTime=now())
        self.changed.notify_all()

    def look_at_operation(self, path, wait):
        if path not in self.operations:
            raise not_found(path)
        operation = self.operations[path]
        if wait:
            self.changed.wait_for(lambda: operation["status"] == "DONE", WAIT_SECONDS)
        return operation


def check_place(zone=None, region=None):
    if zone is not None and zone not in ZONES:
        raise ApiError(400, "invalid", f"Invalid value for field 'zone': '{zone}'. Unknown zone.")
    if region is not None and region not in REGIONS:
        raise ApiError(400, "invalid", f"Invalid value for field 'region': '{region}'. Unknown region.")
