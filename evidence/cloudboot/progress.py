# SPDX-License-Identifier: BSD-2-Clause
# What a run says while it goes on: each event a line of events.jsonl, and for whoever looks a line of text, or with --json the
# event itself. A secret is in no event: none is in what gcloud is called with, and none is handed in here.
import json
import sys
import threading
import time

CLEAR = "\r\x1b[K"


class Progress:
    """`cost()`: US dollars so far, or None. Without a folder nothing is written."""

    def __init__(self, folder=None, as_json=False, cost=lambda: None):
        self.as_json, self.cost, self.started = as_json, cost, time.monotonic()
        self.mutex, self.file = threading.Lock(), open(folder / "events.jsonl", "a", encoding="utf-8") if folder else None
        self.live = not as_json and sys.stdout.isatty()
        self.now = None

    def elapsed(self):
        return time.monotonic() - self.started

    def so_far(self):
        """Time and money."""
        spent = self.cost()
        return f"[{self.elapsed():5.0f} s{f'  {spent:.4f} $' if spent else ''}]"

    def event(self, **event):
        """Written, and printed with --json."""
        line = json.dumps({"t": round(self.elapsed(), 3), **event})
        with self.mutex:
            if self.file:
                self.file.write(line + "\n")
                self.file.flush()
            if self.as_json:
                self.out(line)

    def called(self, event):
        """Of a call of gcloud."""
        self.event(**event)

    def say(self, text, **event):
        """A line for people, and its event."""
        if event:
            self.event(**event)
        if self.as_json:
            return
        with self.mutex:
            self.out(f"{CLEAR if self.live else ''}{self.so_far()} {text}")

    def doing(self, text):
        """What is under way, on a terminal alone: the next line takes its place."""
        if self.live:
            with self.mutex:
                self.out(f"{CLEAR}{self.so_far()} {text} …"[:120], end="")

    def plain(self, text=""):
        if not self.as_json:
            with self.mutex:
                self.out(text)

    def out(self, text, end="\n"):
        try:
            print(text, end=end, flush=True)
        except OSError:  # nobody reads any more; what is created has to be removed all the same
            self.live, self.as_json = False, True
            sys.stdout = open("/dev/null", "w", encoding="utf-8")
