# SPDX-License-Identifier: BSD-2-Clause
"""The part of docs/hostile.md on disks: tests/hostile/disks.def, which disks_test.c lives through and holds exactly, as a table."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEVMODEL = ROOT / "devmodel/include/capos/devmodel"
ROW = r"^ROW\((\w+), (\w+), (\d+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+)\)$"
HEAD = ["Attack", "What the device does", "From when on", "Legacy", "Modern"]


def matches(path, pattern):
    return re.findall(pattern, path.read_text(encoding="utf-8"), re.M)


def rows():
    return matches(ROOT / "tests/hostile/disks.def", ROW)


def outcome(start, read, words):
    if start != "OK":
        return f"start refused (`{words[start]}`)"
    return "survived" if read == "OK" else f"read refused (`{words[read]}`)"


def cells(row, does, words):
    of, attack, at, times, value, *ends = row
    what = does[of, attack].replace("the value", "`value`")
    often = "" if times == "ALWAYS" else ", once" if times == "1" else f", {times} times"
    return [f"`{attack}`", what + (f"; `value`: {value}" if "`value`" in what else ""), at + often,
            outcome(ends[0], ends[1], words), outcome(ends[2], ends[3], words)]


def section():
    words = dict(matches(ROOT / "provider/errors.c", r'\[PROVIDER_E_(\w+)\] = "([\w-]+)"')) | {"SILENT": "silence"}
    does = {("DISK", name): text for name, text in matches(DEVMODEL / "disk_attacks.def", r'DM_DISK_ATTACK\((\w+), "(.*)"\)')}
    does |= {("RING", name): text for name, text in matches(DEVMODEL / "attacks.def", r'DM_ATTACK\((\w+), "\w+", "(.*)"\)')}
    found = rows()
    return [
        "",
        "# Disks that lie",
        "",
        f"{len(found)} rows of `tests/hostile/disks.def`, each lived through by the virtio-scsi provider over the kernel's",
        "authority, on a legacy and a modern host (`disks_test.c`): it starts, scans the targets, and reads three blocks.",
        "The refusal is the one named, at the start or at a read; a block that is handed out is the one that lies there;",
        "then it is stopped, and no page, budget or handle is left. `silence`: the driver waits within its bounds, and",
        "its caller gives up. *From when on* counts from 0: commands (INQUIRY of each target until one is a disk, TEST",
        "UNIT READY, READ CAPACITY, then reads), or what the lies of [the ring](#devices-that-lie) count.",
        "",
        "`DATA_SHORT_IN_SILENCE` on a legacy host is not seen: its used length is of no use (virtio 1.2, 2.7.8.2), and",
        "the host says nothing else. What stands in the place of the missing bytes comes from the driver's own buffer.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *["| " + " | ".join(cells(row, does, words)) + " |" for row in found],
    ]
