#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The hostile catalogue as a table, from the file that hostile-catalogue wrote (./capos test hostile runs it).

table.py [FOLDER]          checks the run and docs/hostile.md against it, writes hostile-catalogue.txt beside the file
table.py --json [FOLDER]   prints the whole catalogue as one JSON object
table.py --write [FOLDER]  writes docs/hostile.md
Exit status: 0 complete, as the rows say, page fresh; 1 not, with a line for each fault. FOLDER: build/sanitize/tests/hostile.
"""
import json
import pathlib
import re
import sys

import disk_rows

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/hostile.md"
FOLDER = ROOT / "build/sanitize/tests/hostile"
ATTACKS = ROOT / "devmodel/include/capos/devmodel/attacks.def"
TRANSPORTS, AUTHORS = ("legacy", "modern"), ("brokered", "direct")
NEVER = "never"
ATTACKS_MIN = 40


def load(folder):
    try:
        return json.loads((folder / "catalogue.json").read_text())
    except (OSError, ValueError):
        return None


def fired(catalogue):
    return {row["attack"] for row in catalogue["rows"] if any(life["fired"] for life in row["lives"])}


def faults(catalogue):
    due = set(re.findall(r"^DM_ATTACK\((\w+),", ATTACKS.read_text(), re.M))
    names = [row["name"] for row in catalogue["rows"]]
    yield from (f"{name}: two rows have this name" for name in sorted({name for name in names if names.count(name) > 1}))
    yield from (f"{attack} never fired" for attack in sorted(due - fired(catalogue)))
    if len(due) < ATTACKS_MIN:
        yield f"{len(due)} attacks, {ATTACKS_MIN} are due"
    for row in catalogue["rows"]:
        lives = [(life["transport"], life["author"]) for life in row["lives"]]
        if lives != [(transport, author) for transport in TRANSPORTS for author in AUTHORS]:
            yield f"{row['name']}: not every transport and author was run"
        yield from (f"{row['name']}, {life['transport']}, {life['author']}: not as the catalogue says"
                    for life in row["lives"] if not life["ok"])


def outcome(life):
    if life["outcome"] == NEVER:
        return "never: " + life["reason"]
    said = life["outcome"] + (f" (`{life['error']}`)" if life["error"] != "ok" else "")
    return said + (f", {life['pages']} pages" if life["pages"] else "")


def by_author(lives, tell):
    brokered, direct = (tell(life) for life in lives)
    return brokered if brokered == direct else f"brokered: {brokered}; direct: {direct}"


def of(row, transport):
    return [life for life in row["lives"] if life["transport"] == transport]


def counted(row):
    """The counters of every life of the row; those that only some of them have, with whose they are."""
    lives = [life for life in row["lives"] if life["outcome"] != NEVER]
    out = []
    for counter in dict.fromkeys(counter for life in lives for counter in life["counters"]):
        has = [life for life in lives if counter in life["counters"]]
        where = ""
        if len(has) < len(lives):
            for axis in ("author", "transport"):
                values = {life[axis] for life in has}
                if len(values) == 1 and has == [life for life in lives if life[axis] in values]:
                    where = f" ({values.pop()})"
        out.append(counter + where)
    return ", ".join(out) or "–"


def again(row):
    lives = [life for life in row["lives"] if life["outcome"] != NEVER]
    if all(life["again"] for life in lives):
        return "yes"
    stays = sorted({life["transport"] for life in lives if not life["again"]})
    return "no: refused again" + ("" if len(stays) == len({life["transport"] for life in lives}) else f" on {', '.join(stays)}")


def cells(row):
    does = row["does"]
    if row["text"]:
        does += f"; `value`: {row['text']}" if "`value`" in does else f": {row['text']}"
    return [f"`{row['name']}`", row["row"], does, by_author(of(row, "legacy"), outcome), by_author(of(row, "modern"), outcome),
            counted(row), again(row)]


HEAD = ["Attack", "Row", "What the device does", "Legacy", "Modern", "Counted by", "Traffic again"]


def summary(catalogue):
    lives = [life for row in catalogue["rows"] for life in row["lives"]]
    never = sum(life["outcome"] == NEVER for life in lives)
    wrong = sum(not life["ok"] for life in lives)
    return (f"hostile catalogue: {len(fired(catalogue))} attacks fired in {len(catalogue['rows'])} rows, {len(lives)} lives: "
            f"{len(lives) - never} attacked, {never} without an opportunity, {wrong} wrong")


def text(catalogue):
    rows = [HEAD] + [cells(row) for row in catalogue["rows"]]
    widths = [max(len(row[at]) for row in rows) for at in range(len(HEAD))]
    return "\n".join("  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows) + "\n"


def page(catalogue):
    lives = [life for row in catalogue["rows"] for life in row["lives"]]
    never = sum(life["outcome"] == NEVER for life in lives)
    attacked = len(lives) - never
    seen = {life["outcome"] for life in lives}
    attacks, rows = len(fired(catalogue)), len(catalogue["rows"])
    lines = [
        "<!-- SPDX-License-Identifier: BSD-2-Clause -->",
        "<!-- Made by tests/hostile/table.py --write from the run of tests/hostile/catalogue.def. -->",
        "# Devices that lie",
        "",
        f"{attacks} attacks of the device models in {rows} rows. Each row is lived through four times: on a legacy and a modern",
        f"device, by the broker and by the direct author: {attacked} lives under attack, and {never} in which the attack has no",
        "opportunity, says why, and must not fire. The whole system runs, with ledger and monitors on:",
        "kernel, device authority, provider. Then the attack is cleared and the device is used again. `./capos test hostile` runs",
        "them all, stores this table as `build/sanitize/tests/hostile/hostile-catalogue.txt`, and fails when an outcome, an error",
        "or a counter differs from its row in `tests/hostile/catalogue.def`, when an attack never fired, when something was not",
        "given back, or when this page is stale. *Row* is the obligation in [conformance.md](conformance.md).",
        "",
        *[f"- *{title}*: {meaning}" for title, meaning in catalogue["outcomes"].items() if title in seen],
        "",
        "*Counted by* names every counter that rises, and no other one may: the provider's own, a virtqueue's by kind of fault,",
        "and, where a broker is there to count, the kernel's. A start that is refused keeps its reason; what nothing counts",
        "does no harm. Registers that nobody reads are read by the test, so that the lie is told.",
        "",
        "| " + " | ".join(HEAD) + " |",
        "|" + "---|" * len(HEAD),
        *["| " + " | ".join(cells(row)) + " |" for row in catalogue["rows"]],
        *disk_rows.section(),
    ]
    return "\n".join(lines) + "\n"


def main(argv):
    flags = [word for word in argv if word.startswith("--")]
    folder = pathlib.Path(next((word for word in argv if not word.startswith("--")), FOLDER))
    catalogue = load(folder)
    if catalogue is None:
        print("no complete catalogue.json: hostile-catalogue did not finish")
        return 1
    found = list(faults(catalogue))
    if "--json" in flags:
        print(json.dumps(catalogue))
        return 1 if found else 0
    if "--write" in flags and not found:
        PAGE.write_text(page(catalogue))
    (folder / "hostile-catalogue.txt").write_text(text(catalogue))
    if not PAGE.exists() or PAGE.read_text() != page(catalogue):
        found.append("docs/hostile.md is stale: run tests/hostile/table.py --write")
    print(summary(catalogue))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
