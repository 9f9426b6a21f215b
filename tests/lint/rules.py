# SPDX-License-Identifier: BSD-2-Clause
# The rules of the house, each a function from a file's path and text to a list of (line, what is wrong). Text is read as text: the
# rules need no compiler, and a violation planted in a string of a test is found like one in a file.
import json
import re

LINE_COLUMNS_MAX = 110
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 600
FREESTANDING = {"stdint.h", "stddef.h", "stdbool.h", "stdarg.h", "stdalign.h", "limits.h"}
CODE = (".c", ".h", ".def")
SCRIPTS = (".py", ".sh", ".cmake", "CMakeLists.txt", ".ts", ".js", ".mjs", ".css")
# Written in two halves, so that this file does not break its own rule.
FORBIDDEN_WORDS = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
MACHINE_PATHS = re.compile(r"(?<![\w./])/(?:wo" + r"rk|ho" + r"me|ro" + r"ot|Users)(?:/|\b)|\bdeb\.debian\.org|\bpypi\.org|"
                           r"\bregistry\.npmjs|\bsnapshot\.debian|\.\./sha" + "red")

# Rooms: who may include what. A room is matched by the longest prefix. None: anything of the tree.
# `tree` are prefixes of quoted includes, `system` are allowed <> headers (None: any).
ROOMS = {
    "abi/": {"tree": ("abi/",), "system": FREESTANDING},
    "platform/platform.h": {"tree": ("abi/",), "system": FREESTANDING},
    "platform/ship/": {"tree": ("abi/",), "system": FREESTANDING},
    "platform/explore/": {"tree": ("abi/", "platform/explore/", "platform/platform.h"), "system": FREESTANDING},
    "provider/": {"tree": ("abi/", "platform/platform.h", "ringmem.h", "provider/"), "system": FREESTANDING},
    "kernel/core/": {"tree": ("abi/", "kernel/core/"), "system": FREESTANDING, "also": {"kernel/core/digest.c": {"bearssl_hash.h",
                     "bearssl_hmac.h", "bearssl.h"}}},
    "kernel/device/": {"tree": ("abi/", "platform/platform.h", "ringmem.h", "provider/format/", "kernel/core/",
                                "kernel/device/", "kernel/kernel.h"), "system": FREESTANDING},
    "kernel/calls/": {"tree": ("abi/", "platform/platform.h", "evidence/", "kernel/core/", "kernel/calls/", "kernel/kernel.h"),
                      "system": FREESTANDING},
    "kernel/": {"tree": ("abi/", "platform/platform.h", "ringmem.h", "provider/", "kernel/", "evidence/"), "system": FREESTANDING},
    "user/rt/": {"tree": ("abi/", "user/rt/"), "system": FREESTANDING, "also": {"user/rt/no_platform.c": {"platform/platform.h"}}},
    "user/terminal/": {"tree": ("abi/", "user/terminal/"), "system": FREESTANDING},
    "user/webd/protocol/": {"tree": ("abi/", "user/webd/protocol/", "evidence/text.h", "bearssl_hash.h", "picohttpparser.h",
                                     "jsmn.h"), "system": FREESTANDING},
    "stack/": {"tree": ("abi/", "user/rt/", "stack/", "evidence/text.h", "evidence/markers.h",
                        "lwip/", "netif/", "hooks.h", "bearssl_"),
               "system": FREESTANDING},
    "evidence/": {"tree": ("abi/", "platform/platform.h", "kernel/core/digest.h", "evidence/"), "system": FREESTANDING},
    "devmodel/": {"tree": ("capos/", "devmodel/", "<own folder>"), "system": None},
}
# kernel/core/: no I/O, no assembly.
CORE_FORBIDDEN = re.compile(r"\b(?:asm|__asm__|platform_\w+|printf|volatile|inb|outb)\b")


def strip_comments(text):
    """Comments and string literals blanked, line structure kept."""
    def blank(match):
        token = match[0]
        if token.startswith("/"):
            return re.sub(r"[^\n]", " ", token)
        return token[0] + " " * (len(token) - 2) + token[-1]
    return re.sub(r'/\*.*?\*/|//[^\n]*|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', blank, text, flags=re.S)


def numbered(text, pattern, what):
    return [(at, what) for at, line in enumerate(text.split("\n"), 1) if re.search(pattern, line)]


def spdx(path, text):
    if path == "LICENSE" or (not path.endswith(CODE + SCRIPTS) and "." in path.rsplit("/", 1)[-1]):
        return []
    first = text.split("\n", 3)[:2]
    return [] if any("SPDX-License-Identifier: BSD-2-Clause" in line for line in first) else [(1, "no SPDX line")]


def columns(path, text):
    limit = LINE_COLUMNS_MAX if path.endswith(CODE) else 132
    if not path.endswith(CODE + SCRIPTS):
        return []
    return [(at, f"{len(line)} columns, {limit} are the limit")
            for at, line in enumerate(text.split("\n"), 1) if len(line) > limit]


def file_length(path, text):
    lines = text.count("\n")
    if not path.endswith(CODE + SCRIPTS) or lines <= FILE_LINES_MAX:
        return []
    return [(lines, f"{lines} lines, {FILE_LINES_MAX} are the limit")]


def function_length(path, text):
    """Bodies in C start with a brace in the first column, or after the head of a Test(...)."""
    if not path.endswith((".c", ".h")):
        return []
    out, start = [], None
    for at, line in enumerate(text.split("\n"), 1):
        if line == "{":
            start = at
        elif line == "}" and start is not None:
            if at - start - 1 > FUNCTION_LINES_MAX:
                out.append((start, f"a function of {at - start - 1} lines, {FUNCTION_LINES_MAX} are the limit"))
            start = None
    return out


def forbidden_words(path, text):
    return numbered(text, r"\b(?:" + "|".join(FORBIDDEN_WORDS) + r")\b", "unfinished work marked in the tree")


def machine_paths(path, text):
    return numbered(text, MACHINE_PATHS, "a path of one machine, or a package host")


def bare_volatile(path, text):
    """`volatile` orders nothing between threads or devices. Where it is right (ringmem.h, platform), the file is named here."""
    if not path.endswith(CODE) or path.startswith(("platform/", "tests/")):
        return []
    return numbered(strip_comments(text), r"\bvolatile\b(?!\s*\()", "bare volatile")


def ifdef_in_body(path, text):
    if not path.endswith((".c", ".h")):
        return []
    out, inside = [], False
    for at, line in enumerate(strip_comments(text).split("\n"), 1):
        if line == "{":
            inside = True
        elif line == "}":
            inside = False
        elif inside and re.match(r"\s*#\s*(?:if|ifdef|ifndef|elif|else)\b", line):
            out.append((at, "conditional compilation inside a body"))
    return out


def room_of(path):
    fits = [prefix for prefix in ROOMS if path.startswith(prefix)]
    return max(fits, key=len) if fits else None


def includes(path, text):
    """The include rules between rooms."""
    room = room_of(path)
    if room is None or not path.endswith(CODE):
        return []
    rule = ROOMS[room]
    out = []
    for at, line in enumerate(text.split("\n"), 1):
        match = re.match(r'\s*#\s*include\s*([<"])([^>"]+)[>"]', line)
        if not match:
            continue
        kind, name = match.groups()
        if name in rule.get("also", {}).get(path, ()):
            continue
        if kind == "<" and rule["system"] is not None and name not in rule["system"]:
            out.append((at, f"{room} may not include <{name}>"))
        if kind == '"' and not name.startswith(rule["tree"]) and not ("<own folder>" in rule["tree"] and "/" not in name):
            out.append((at, f"{room} may not include \"{name}\""))
        if kind == "<" and room == "devmodel/" and name.startswith(("abi/", "kernel/", "provider/", "platform/", "evidence/")):
            out.append((at, f"{room} may not include <{name}>"))
    return out


def core_is_pure(path, text):
    if not path.startswith("kernel/core/") or not path.endswith(CODE):
        return []
    return numbered(strip_comments(text), CORE_FORBIDDEN, "kernel/core/ has no I/O and no assembly")


def tests_run(path, text):
    """A test that is switched off proves nothing."""
    if not path.startswith("tests/") or not path.endswith(".c"):
        return []
    return numbered(strip_comments(text), r"\bcr_skip(?:_test)?\b|\.disabled\b", "a test that is switched off")


def sleeps_in_tests(path, text):
    if not path.startswith("tests/") or not path.endswith(".c"):
        return []
    return numbered(strip_comments(text), r"\b(?:u?sleep|nanosleep)\s*\(", "a test waits for the wall clock")


def simulator_switch(path, text):
    if not path.endswith(CODE):
        return []
    return numbered(strip_comments(text), r"#\s*if.*\b(?:SIM|CAPOS_SIM|SIMULATOR)\b",
                    "the linked folder is the switch, not a macro")


def process_words(path, text):
    """Machinery of how the tree was made does not belong into it."""
    return numbered(text, r"\bissue #\d+\b", "refers to a tracker")


def lock_files(path, text):
    """What npm installs is pinned by hash, from whatever registry it is set to: no file names one."""
    if not path.endswith("package-lock.json"):
        return []
    out = numbered(text, r'"resolved":', "a lock file that says where a package is from")
    packages = json.loads(text).get("packages", {})
    return out + [(1, f"{name} is not pinned by SHA-512") for name, entry in packages.items()
                  if name and not entry.get("integrity", "").startswith("sha512-")]


RULES = [spdx, columns, file_length, function_length, forbidden_words, machine_paths, bare_volatile, ifdef_in_body, includes,
         core_is_pure, tests_run, sleeps_in_tests, simulator_switch, process_words, lock_files]


def violations(path, text):
    return [f"{path}:{line}: {what} ({rule.__name__})" for rule in RULES for line, what in rule(path, text)]
