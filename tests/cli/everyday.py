#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Recorded terminal sessions, tests/everyday/*.txt: what an operator types in a terminal of 80 columns and 24 lines, and what then
# is seen there. The terminal is tmux: it gets the keys, and it is asked for its screen.
#
#     begins: prompt                 what is there before: `secret` (asked for), `prompt` (logged in), `lease` (an address, too)
#     where: console telnet          where it is played: at the console of simulator and QEMU, over a connection
#     > kill nicd<Enter>             what is typed; <Name> is a key as tmux calls it, <secret> the operator's secret
#     | capos> kill nicd             the whole screen after that, line by line; it was empty but for the prompt
#     * init: nicd was killed        each of such lines once, in any order, the line under way shown again between them
#     telnet| tcp  23  open          a line of one place alone; `console* ...` likewise
#     | capos>
#     ^       ^                      the cursor's column in the last line
#
# In a line, @@@@ is a number at the right end of so many columns, {n} a number, {hex} one in hexadecimal, {at} an address of a
# PCI function; a line `...` stands for any lines. All else is as it stands. `clear` empties the screen; after `later` stands what
# another screen than the one before shows, with nothing typed.
#
# tests/cli/everyday.py --record FILE [PLACE] plays a file and prints it with what came where it was not what is expected.
import difflib
import itertools
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import time
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, SECONDS_MAX, environment, remove, runs  # noqa: E402

RECORDINGS = ROOT / "tests/everyday"
COLUMNS, LINES = 80, 24
POLL_S = 0.03
RECORD_S = 6.0  # what never rests is recorded as it is then
SECRET = "please, let me in"
TELNET_PACKAGE = ROOT / "build/ship/user/telnetd/telnetd.pkg"
CARD = "nicd: 52:54:00:12:34:56 at "
PROMPTS = {"prompt": "capos>", "lease": "capos>", "secret": "secret:"}
FOR_MACHINES = ("cloudboot-evidence: ", "machine: ", "provider_object=")  # lines that may be longer than a screen is wide
TORN = re.compile(r".(capos>|secret:|init: |nicd: |cloudboot-evidence: )")
PATTERNS = (("{n}", r"\d+"), ("{hex}", "[0-9a-f]+"), ("{at}", r"[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]"))
LINE = re.compile(r"(console|telnet|)([|*^])(?: (.*))?")


class Recording:
    """A file: its steps are pairs of the line that says what is done, and the screen after it, as (place, kind, text)."""

    def __init__(self, path):
        self.lines = path.read_text(encoding="ascii").splitlines()
        self.begins, self.where, self.steps = None, (), []
        for number, line in enumerate(self.lines, 1):
            kind, _, text = line.partition(" ")
            seen = LINE.fullmatch(line)
            if kind == "begins:" and text in PROMPTS:
                self.begins = text
            elif kind == "where:":
                self.where = tuple(text.split())
            elif kind in (">", "clear", "later"):
                self.steps.append((line, []))
            elif seen:
                self.steps[-1][1].append(seen.groups(""))
            elif line and not line.startswith("#"):
                raise ValueError(f"{path.name}:{number}: what is this? {line}")


def fits(expected, line):
    """A line of the screen against a line of a recording."""
    pattern = ""
    for part in re.split(r"(@+|\{\w+\})", expected):
        if part.startswith("@"):
            pattern += rf"(?=[ \d]{{{len(part)}}}(?!\d)) *\d+"
        else:
            pattern += dict(PATTERNS).get(part, re.escape(part))
    return re.fullmatch(pattern, line) is not None


def matches(expected, screen):
    """All lines of the screen against (kind, text) of a recording: `|` a line, `*` a line of others."""
    if not expected:
        return not screen
    kind, text = expected[0]
    if text == "...":
        return any(matches(expected[1:], screen[n:]) for n in range(len(screen) + 1))
    if kind == "|":
        return bool(screen) and fits(text, screen[0]) and matches(expected[1:], screen[1:])
    others = [text for _, text in itertools.takewhile(lambda item: item[0] == "*", expected)]
    rest = expected[len(others):]
    under_way = rest[0][1] if rest else ""
    for at, line in enumerate(screen):
        found = next((text for text in others if fits(text, line)), None)
        if found is not None:
            others.remove(found)
        elif not (line.startswith(tuple(PROMPTS.values())) and under_way.startswith(line)):
            return False
        if not others:
            return matches(rest, screen[at + 1:])
    return False


class Terminal:
    """A program at a terminal of its own."""

    def __init__(self, *command):
        self.folder = tempfile.TemporaryDirectory(prefix="capos-tmux-")
        self.text, self.screen, self.cursor, self.status = [], [], 0, None
        self.tmux("new-session", "-d", "-x", str(COLUMNS), "-y", str(LINES), *map(str, command), ";",
                  "set-option", "remain-on-exit", "on", ";", "set-option", "remain-on-exit-format", "")

    def tmux(self, *words):
        done = subprocess.run(["tmux", "-S", f"{self.folder.name}/socket", "-f", "/dev/null", *words], cwd=ROOT,
                              env=environment(TERM="screen"), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
                              timeout=SECONDS_MAX)
        if done.returncode != 0:
            raise OSError(f"tmux {' '.join(words)}: {done.stderr}")
        return done.stdout

    def look(self):
        """Reads the screen. `text`: all there ever was; in both a line is whole that the terminal broke at its last column."""
        mark = "== no line of a terminal =="
        out = self.tmux("capture-pane", "-p", "-J", "-S", "-", ";", "display-message", "-p",
                        mark + "#{cursor_x},#{pane_dead},#{pane_dead_status}", ";", "capture-pane", "-p", "-J")
        text, _, out = out.partition(mark)
        told, _, screen = out.partition("\n")
        cursor, dead, status = told.split(",")
        self.text = [line.rstrip() for line in text.splitlines()]
        self.screen = [line.rstrip() for line in screen.rstrip().splitlines()]
        self.cursor, self.status = int(cursor), int(status or -1) if dead == "1" else None

    def last(self):
        return self.screen[-1] if self.screen else ""

    def type(self, keys):
        words = []
        for part in filter(None, re.split(r"(<[\w-]+>)", keys)):
            named = part != "<secret>" and re.fullmatch(r"<[\w-]+>", part)
            words += ["send-keys", part[1:-1], ";"] if named else ["send-keys", "-l", part.replace("<secret>", SECRET), ";"]
        self.tmux(*words[:-1])

    def clear(self):
        """An empty screen but for the line under way; what scrolled away stays in `text`."""
        self.tmux("send-keys", "-R", ";", "send-keys", "C-l")

    def end(self):
        subprocess.run(["tmux", "-S", f"{self.folder.name}/socket", "kill-server"], capture_output=True, check=False,
                       timeout=SECONDS_MAX)
        self.folder.cleanup()


def wrong(terminal):
    """What no screen may show, or None."""
    for line in terminal.text:
        if SECRET in line:
            return "the secret is on the screen"
        if len(line) > COLUMNS and not line.startswith(FOR_MACHINES):
            return f"a line of {len(line)} columns: {line}"
        if TORN.search(line):
            return f"a torn line: {line}"
    return None


class Everyday(unittest.TestCase):
    """Plays recordings in one place. They share a system as long as it stands; each starts one when there is none."""
    place, command = None, ()
    console = terminal = secret = None

    @classmethod
    def setUpClass(cls):
        cls.before = runs()
        cls.secret = tempfile.NamedTemporaryFile("w", prefix="capos-secret-")
        cls.secret.write(SECRET + "\n")
        cls.secret.flush()

    @classmethod
    def tearDownClass(cls):
        cls.put_away()
        cls.secret.close()
        remove(runs() - cls.before)

    @classmethod
    def put_away(cls):
        for terminal in {cls.console, cls.terminal} - {None}:
            terminal.end()
        cls.console = cls.terminal = None

    def wait(self, terminal, what, condition):
        """Looks until it holds. Each screen on the way must be one that may be seen."""
        until = time.monotonic() + SECONDS_MAX
        while True:
            terminal.look()
            fault = wrong(terminal)
            if fault:
                self.fail("\n".join([fault, *self.framed(terminal)]))
            if condition():
                return
            if time.monotonic() > until or terminal.status is not None:
                self.fail("\n".join([f"this does not come: {what}", *self.framed(terminal)]))
            time.sleep(POLL_S)

    def framed(self, terminal):
        edge = "+" + "-" * COLUMNS + "+"
        return [edge, *(f"|{line:{COLUMNS}}|" for line in terminal.screen), edge, f"cursor in column {terminal.cursor}"]

    def boot(self):
        """A system with its secret asked for, and nothing more to come by itself."""
        cls = type(self)
        cls.console = cls.terminal = Terminal(ROOT / "capos", *self.command, "--secret-file", self.secret.name)
        self.wait(self.console, "the system",
                  lambda: any(line.startswith(CARD) for line in self.console.text) and self.console.last() == "secret:")

    def reach(self, begins):
        """What a recording begins with, on an empty screen."""
        if self.console is None:
            self.boot()
        self.terminal.look()
        prompt = self.terminal.last()
        if begins == "secret" and prompt == "capos>":
            self.terminal.type("logout<Enter>")
        elif begins != "secret" and prompt == "secret:":
            self.terminal.type("<secret><Enter>")
        self.wait(self.terminal, PROMPTS[begins], lambda: self.terminal.last() == PROMPTS[begins])
        while begins == "lease" and not re.search(r"^state +bound$", "\n".join(self.terminal.screen), re.M):
            self.clear()
            self.terminal.type("dhcp<Enter>")
            self.wait(self.terminal, "dhcp's answer", lambda: len(self.terminal.screen) > 1 and self.terminal.last() == "capos>")
        self.clear()

    def clear(self):
        self.terminal.clear()
        self.wait(self.terminal, "an empty screen", lambda: self.terminal.screen in [[prompt] for prompt in PROMPTS.values()])

    def play(self, name):
        recording = Recording(RECORDINGS / f"{name}.txt")
        try:
            self.reach(recording.begins)
            for what, lines in recording.steps:
                self.step(what, lines)
        except BaseException:
            self.put_away()
            raise
        if self.terminal.status is not None:
            self.assertEqual(self.terminal.status, 0)
            self.put_away()

    def expected(self, lines):
        """Those of this place, and the cursor's column or None."""
        own = [(kind, text) for place, kind, text in lines if place in ("", self.place)]
        carets = [text.index("^") for kind, text in own if kind == "^"]
        return [item for item in own if item[0] != "^"], carets[0] if carets else None

    def act(self, what):
        if what == "clear":
            self.clear()
        elif what != "later":
            self.terminal.type(what[2:])

    def step(self, what, lines):
        expected, column = self.expected(lines)
        terminal, before = self.terminal, self.terminal.screen

        def seen():
            changed = what != "later" or terminal.screen != before
            return changed and matches(expected, terminal.screen) and column in (None, terminal.cursor)
        self.act(what)
        if not lines:
            return
        try:
            self.wait(terminal, "the screen that is due", seen)
        except AssertionError as error:
            texts = [next((line for line in terminal.screen if fits(text, line)), text) for _, text in expected]
            diff = difflib.unified_diff(texts, terminal.screen, "expected", "seen", lineterm="", n=1)
            due = [] if column is None else [f"due is the cursor in column {column}"]
            raise AssertionError("\n".join([f"after `{what}`:", *diff, *due, str(error)])) from None


class Sim(Everyday):
    place, command = "console", ("sim",)


class Qemu(Everyday):
    place, command = "console", ("qemu",)


class Telnet(Everyday):
    """The system in the simulator, seen through a telnet client that is somebody else's work."""
    place, command = "telnet", ("sim", "--package", TELNET_PACKAGE)

    def boot(self):
        super().boot()
        listens = re.search(r"listening: telnetd 127\.0\.0\.1:(\d+)", "\n".join(self.console.text))
        for _ in range(600):  # a stack without a lease ends connections
            type(self).terminal = Terminal("busybox", "telnet", "127.0.0.1", listens[1])
            try:
                self.wait(self.terminal, "telnet", lambda: self.terminal.last() == "secret:")
                return
            except AssertionError:
                if self.terminal.status is None:
                    raise
                self.terminal.end()
        self.fail("no connection is asked for a secret")


def give(player, *daily):
    """A test for each recording of its place, in their order; `daily`: the names of those that are not deep, all when none is."""
    for path in sorted(RECORDINGS.glob("*.txt")):
        name = path.stem
        if player.place not in Recording(path).where:
            continue

        def test(self, name=name):
            self.play(name)
        skips = daily and name not in daily and os.environ.get("CAPOS_DEEP") != "1"
        setattr(player, "test_" + name.replace("-", "_"), unittest.skip("deep only")(test) if skips else test)


def record(path, place):
    """Plays a file and prints it anew: where the screen is not as expected, as it is once it is at rest for a second."""
    player = {"sim": Sim, "qemu": Qemu, "telnet": Telnet}[place]("play")
    recording = Recording(path)
    player.setUpClass()
    try:
        player.reach(recording.begins)
        print("\n".join(itertools.takewhile(lambda line: line not in dict(recording.steps), recording.lines)))
        for what, lines in recording.steps:
            print(what)
            player.act(what)
            if what == "clear":
                continue
            before, at_rest = None, 0.0
            until = time.monotonic() + RECORD_S
            while at_rest < 1.0 and time.monotonic() < until:
                player.terminal.look()
                at_rest = at_rest + POLL_S if before == player.terminal.screen else 0.0
                before = player.terminal.screen
                time.sleep(POLL_S)
            good = lines and matches(player.expected(lines)[0], before)
            for place, kind, text in lines if good else [("", "|", line) for line in before]:
                print(f"{place}{kind} {text}".rstrip())
    finally:
        player.tearDownClass()


if __name__ == "__main__":
    if len(sys.argv) not in (3, 4) or sys.argv[1] != "--record":
        sys.exit("usage: tests/cli/everyday.py --record FILE [sim|qemu|telnet]")
    record(pathlib.Path(sys.argv[2]), sys.argv[3] if len(sys.argv) == 4 else "sim")
