# SPDX-License-Identifier: BSD-2-Clause
"""The part of docs/hostile.md on disks, as tables: disks.def and nvme.def of tests/hostile, which disks_test.c and nvme_test.c
live through and hold exactly."""
import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEVMODEL = ROOT / "devmodel/include/capos/devmodel"
ROW = r"^ROW\((\w+), (\w+), (\d+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+)\)$"
NVME_ROW = r"^ROW\((\w+), (\d+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+), (\w+)\)$"
HEAD = ["Attack", "What the device does", "From when on", "Legacy", "Modern"]
NVME_HEAD = HEAD[:3] + ["Queues of 1,024", "Queues of four", "Its end"]


def matches(path, pattern):
    return re.findall(pattern, path.read_text(encoding="utf-8"), re.M)


def rows(name, pattern):
    path = ROOT / "tests/hostile" / name
    found = matches(path, pattern)
    if len(found) != len(matches(path, r"^ROW\(.*$")):
        raise SystemExit(f"{path}: a row that is none")
    return found


def outcome(start, read, words):
    if start != "OK":
        return f"start refused (`{words[start]}`)"
    return "survived" if read == "OK" else f"read refused (`{words[read]}`)"


def device(attack, at, times, value, text):
    what = text.replace("the value", "`value`")
    often = "" if times == "ALWAYS" else ", once" if times == "1" else f", {times} times"
    return [f"`{attack}`", what + (f"; `value`: {value}" if "`value`" in what else ""), at + often]


def scsi_cells(row, does, words):
    of, attack, at, times, value, *ends = row
    return device(attack, at, times, value, does[of, attack]) + [outcome(*ends[:2], words), outcome(*ends[2:], words)]


def nvme_cells(row, does, words):
    attack, at, times, value, *ends, end = row
    ended = {"STOPPED": "stopped", "QUARANTINED": "quarantined", "NEVER": "never: no opportunity"}[end]
    return device(attack, at, times, value, does[attack]) + [outcome(*ends[:2], words), outcome(*ends[2:], words), ended]


def table(head, lines):
    return ["| " + " | ".join(head) + " |", "|" + "---|" * len(head), *["| " + " | ".join(line) + " |" for line in lines]]


def words():
    return dict(matches(ROOT / "provider/errors.c", r'\[PROVIDER_E_(\w+)\] = "([\w-]+)"')) | {"SILENT": "silence"}


def nvme_section():
    does = dict(matches(DEVMODEL / "nvme_attacks.def", r'DM_NVME_ATTACK\((\w+), "(.*)"\)'))
    found = rows("nvme.def", NVME_ROW)
    return [
        "",
        "# NVMe controllers that lie",
        "",
        f"{len(found)} rows of `tests/hostile/nvme.def`, each lived through by the NVMe provider over the kernel's authority, on a",
        "controller with queues of 1,024 entries, of which 64 are taken, and on one with queues of four (`nvme_test.c`): it",
        "starts, and reads five blocks and the last one. Refusals, `silence` and what holds of a block that is handed out are as",
        "above; then it is stopped: a reset that the controller confirms, and nothing is left, or its pages in quarantine. *From",
        "when on* counts from 0 what the lie is about: completions and commands (five of the start: the controller, the",
        "namespace, how many queues, the two halves of one; then reads), of others the occasions for this one alone.",
        "",
        "What is not seen: data that a controller says it wrote and did not (`DATA_UNWRITTEN` of a read, `BLOCK_SHIFT` beyond the",
        "truth); what stands in their place comes from the driver's own buffer. What it moves unasked (`DATA_BEYOND`,",
        "`OLD_COMMAND`) finds no address in an entry or a list whose completion the kernel took in, and never one of another",
        "owner; a device that looks for none can write wherever no IOMMU stands between.",
        "",
        *table(NVME_HEAD, [nvme_cells(row, does, words()) for row in found]),
    ]


def section():
    does = {("DISK", name): text for name, text in matches(DEVMODEL / "disk_attacks.def", r'DM_DISK_ATTACK\((\w+), "(.*)"\)')}
    does |= {("RING", name): text for name, text in matches(DEVMODEL / "attacks.def", r'DM_ATTACK\((\w+), "\w+", "(.*)"\)')}
    found = rows("disks.def", ROW)
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
        *table(HEAD, [scsi_cells(row, does, words()) for row in found]),
        *nvme_section(),
    ]
