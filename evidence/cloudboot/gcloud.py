# SPDX-License-Identifier: BSD-2-Clause
# One call of gcloud: its words, its environment, what came of it, and the event that says so. Calls may be made by two threads; all
# that are under way can be ended at once, and the process dies with the thread that waits for it.
import contextlib
import ctypes
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import plan

CALL_SECONDS = 600  # of one call: an import of an image takes the longest
QUIET = {"CLOUDSDK_CORE_DISABLE_PROMPTS": "1", "CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK": "1"}
HARMLESS = re.compile(r"^WARNING: The following filter keys were not present in any resource.*$", re.M)
GONE = re.compile(r"was not found|not found: 404|NOT_FOUND|notFound|HTTPError 404|matched no objects|does not exist", re.I)
THERE = re.compile(r"already exists|alreadyExists|HTTPError 409|already own it", re.I)
FULL = re.compile(r"ZONE_RESOURCE_POOL_EXHAUSTED|does not have enough resources|stockout|QUOTA_EXCEEDED|"
                  r"Quota '[A-Z0-9_]+' exceeded", re.I)
DENIED = re.compile(r"Required '[^']+' permission|PERMISSION_DENIED|does not have permission|HTTPError 403", re.I)
PASSING = re.compile(r"\b50[0234]\b|backendError|Backend Error|Internal error|timed out|Connection (?:aborted|reset|refused)|"
                     r"RemoteDisconnected|Remote end closed|resourceNotReady|is not ready|operation in progress|"
                     r"resourceInUseByAnotherResource|is already being used|rateLimitExceeded|Could not reach", re.I)


class Stopped(Exception):
    """The calls were told to end."""


class Answer:
    """`status`: of the process. `why`: one word of what went wrong, as far as it can be told: gone, there, full, denied, passing or
    other; None if nothing did."""

    def __init__(self, status, out, said):
        self.status, self.out, self.said = status, out, said
        self.why = None
        if status != 0:
            kinds = (("full", FULL), ("there", THERE), ("denied", DENIED), ("gone", GONE), ("passing", PASSING))
            self.why = next((kind for kind, pattern in kinds if pattern.search(said)), "other")

    def json(self):
        """What it printed; None where that is no JSON."""
        try:
            return json.loads(self.out)
        except ValueError:
            return None

    def believable(self):
        """A list of which nobody was told that a part of it is missing: one that was refused is empty, with status 0."""
        rest = HARMLESS.sub("", self.said)
        return self.status == 0 and not re.search(r"WARNING|ERROR", rest) and isinstance(self.json(), list)

    def line(self):
        """The first line that says something."""
        lines = [line.strip() for line in self.said.splitlines() if line.strip() and not HARMLESS.match(line)]
        for at, line in enumerate(lines):
            if line.startswith("ERROR:"):
                return " ".join(lines[at:at + 3])[:400]
        return (lines[-1] if lines else f"gcloud ended with status {self.status}")[:400]


def found():
    """gcloud on PATH, or None."""
    return shutil.which("gcloud")


def die_with_thread():
    ctypes.CDLL(None).prctl(1, signal.SIGKILL)


class Gcloud:
    """`told(event)` is called at each call's end with its event."""

    def __init__(self, environment=None, told=lambda event: None):
        self.environment, self.told = {**os.environ, **QUIET, **(environment or {})}, told
        self.mutex, self.under_way, self.calls = threading.Lock(), set(), 0
        self.stopping, self.shielded = threading.Event(), False

    def begin(self, words, **more):
        with self.mutex:
            if self.stopping.is_set():
                raise Stopped()
            process = subprocess.Popen(["gcloud", *words], env=self.environment, stdin=subprocess.DEVNULL, start_new_session=True,
                                       preexec_fn=die_with_thread, **more)
            self.under_way.add(process)
            self.calls += 1
            return process

    def call(self, step, words, seconds=CALL_SECONDS):
        """An Answer, whatever comes. Stopped: it was ended from outside."""
        started = time.monotonic()
        process = self.begin(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, errors="replace")
        try:
            out, said = process.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            self.kill(process)
            out, said = process.communicate()
            said += f"\nERROR: timed out after {seconds} s"
        finally:
            if process.poll() is None:
                self.kill(process)
                process.communicate()
            with self.mutex:
                self.under_way.discard(process)
        if self.stopping.is_set() and process.returncode < 0:
            raise Stopped()
        answer = Answer(process.returncode, out, said)
        event = {"event": "gcloud", "of": step, "command": plan.text(words), "status": answer.status,
                 "seconds": round(time.monotonic() - started, 3)}
        self.told(event if answer.status == 0 else {**event, "why": answer.why, "said": answer.line()})
        return answer

    def kill(self, process):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)

    def end(self, process):
        """Of one that begin() began and nobody waits for."""
        self.kill(process)
        process.wait()
        with self.mutex:
            self.under_way.discard(process)

    def wait(self, seconds):
        """Stopped: it was ended from outside."""
        if self.stopping.wait(seconds):
            raise Stopped()

    def stop(self):
        """Ends all calls, and refuses new ones; not while what was created is being removed."""
        with self.mutex:
            if self.shielded:
                return
            self.stopping.set()
            for process in self.under_way:
                self.kill(process)

    def shield(self):
        """From here on nothing stops the calls: what was created is being removed."""
        with self.mutex:
            self.shielded = True
            self.stopping.clear()
