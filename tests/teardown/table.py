#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The teardown matrix as a table, from the four files that teardown-matrix wrote (./capos test teardown runs it).

table.py [FOLDER]          checks the run and docs/teardown.md against it, writes teardown-matrix.txt and .json beside the files
table.py --json [FOLDER]   prints the whole matrix as one JSON object
table.py --write [FOLDER]  writes docs/teardown.md
Exit status: 0 complete, as the rules say, page fresh; 1 not, with a line for each fault. FOLDER: build/sanitize/tests/teardown.
"""
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/teardown.md"
FOLDER = ROOT / "build/sanitize/tests/teardown"
PARTS = [(author, transport) for author in ("brokered", "direct") for transport in ("legacy", "modern")]
AXES = ("causes", "phases", "loads", "confirms")
FIELDS = ("cause", "phase", "load", "confirm", "rule", "kind", "end", "error", "restored", "pages", "again", "ok")
NO_CELL = "·"


def load(folder):
    """{(author, transport): part}; parts that are missing or cut short are left out."""
    parts = {}
    for author, transport in PARTS:
        try:
            part = json.loads((folder / f"matrix-{author}-{transport}.json").read_text())
        except (OSError, ValueError):
            continue
        part["cells"] = {tuple(cell[:4]): dict(zip(FIELDS, cell)) for cell in part["cells"]}
        parts[author, transport] = part
    return parts


def counts(parts):
    cells = [cell for part in parts.values() for cell in part["cells"].values()]
    impossible = sum(cell["kind"] == "impossible" for cell in cells)
    wrong = sum(not cell["ok"] for cell in cells)
    return len(cells) - impossible, impossible, wrong


def faults(parts):
    for part in PARTS:
        if part not in parts:
            yield f"{', '.join(part)}: no complete file of this part"
            continue
        due = 1
        for axis in AXES:
            due *= len(parts[part][axis])
        if len(parts[part]["cells"]) != due:
            yield f"{', '.join(part)}: {len(parts[part]['cells'])} cells, {due} are due"
    if not parts:
        return
    first = next(iter(parts.values()))
    used = {cell["rule"] for part in parts.values() for cell in part["cells"].values()}
    yield from (f"rule {rule['name']} fits no cell" for at, rule in enumerate(first["rules"]) if at not in used)
    for part in parts.values():
        for at, cell in part["cells"].items():
            names = ", ".join(part[axis][index]["title"] for axis, index in zip(AXES, at))
            where = f"{part['author']}, {part['transport']}, {names}"
            if not cell["ok"]:
                yield f"{where}: not as rule {first['rules'][cell['rule']]['name']} says"
            removed = first["causes"][cell["cause"]]["name"] == "REMOVAL"
            if cell["kind"] != "impossible" and cell["ok"] and not cell["again"] and not removed:
                yield f"{where}: no life after it"


def letter(cell):
    if cell["kind"] == "impossible":
        return NO_CELL
    if not cell["restored"]:
        return "Q"
    return "S" if cell["end"] == "stopped" else "R"


def impossible_marks(first):
    reasons = [at for at, rule in enumerate(first["rules"]) if rule["kind"] == "impossible"]
    return {at: chr(ord("a") + number) for number, at in enumerate(reasons)}


def one(part, marks, cause, phase, column):
    """The four confirmations of one place: the provider's way and a letter each, or why it cannot be."""
    cells = [part["cells"][cause, phase, column, confirm] for confirm in range(len(part["confirms"]))]
    kinds = sorted({cell["kind"] for cell in cells} - {"impossible"})
    if not kinds:
        return "– " + "".join(sorted({marks[cell["rule"]] for cell in cells}))
    return "/".join(kinds) + " " + "".join(letter(cell) for cell in cells)


def both(parts, author, marks, cause, phase, column):
    legacy, modern = (one(parts[author, transport], marks, cause, phase, column) for transport in ("legacy", "modern"))
    return legacy if legacy == modern else f"legacy: {legacy}; modern: {modern}"


def tables(parts):
    """(author, cause, [header, rows...]) for each author and cause; a cause that is impossible throughout has no rows."""
    first = next(iter(parts.values()))
    marks = impossible_marks(first)
    for author in ("brokered", "direct"):
        for cause, title in enumerate(first["causes"]):
            rows = [["phase"] + [column["title"] for column in first["loads"]]]
            for phase, name in enumerate(first["phases"]):
                rows.append([name["title"]] + [both(parts, author, marks, cause, phase, column)
                                               for column in range(len(first["loads"]))])
            yield author, title, rows


def text(parts):
    out = []
    for author, cause, rows in tables(parts):
        widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
        out += [f"{author}: {cause['title']}"]
        out += ["  " + "  ".join(word.ljust(width) for word, width in zip(row, widths)).rstrip() for row in rows] + [""]
    return "\n".join(out) + summary(parts) + "\n"


def summary(parts):
    ran, impossible, wrong = counts(parts)
    return f"teardown matrix: {ran + impossible} cells: {ran} run, {impossible} impossible and shown to be, {wrong} wrong"


def markdown(rows):
    return ["| " + " | ".join(row) + " |" for row in (rows[0], ["---"] * len(rows[0]), *rows[1:])]


def titled(entries):
    return [f"- *{entry['title']}*: {entry['text']}" for entry in entries]


def folded(rows):
    """Neighbouring phases with equal rows as one: their first and last name."""
    out = [rows[0]]
    for row in rows[1:]:
        if out[-1][1:] == row[1:]:
            out[-1] = [out[-1][0].split(" to ")[0] + " to " + row[0], *row[1:]]
        else:
            out.append(row)
    return out


def grouped(parts):
    """{(author, rows as text): ([causes], rows)}: causes of one author that come to the same share a table."""
    groups = {}
    for author, cause, rows in tables(parts):
        groups.setdefault((author, repr(rows)), ([], folded(rows)))[0].append(cause["title"])
    return groups


def page(parts):
    first = next(iter(parts.values()))
    marks = impossible_marks(first)
    ran, impossible, _ = counts(parts)
    fits = [0] * len(first["rules"])
    for part in parts.values():
        for cell in part["cells"].values():
            fits[cell["rule"]] += 1
    lines = [
        "<!-- SPDX-License-Identifier: BSD-2-Clause -->",
        "<!-- Made by tests/teardown/table.py --write from the run of tests/teardown/matrix.def. -->",
        "# Teardown: every way out, from everywhere",
        "",
        f"{ran + impossible} cells: {ran} run and as their rule says, {impossible} impossible and shown to be. Each is a life in a",
        "world of its own: kernel, device authority and provider as they ship, against the device models with ledger and monitors",
        "on, by both authors (*brokered*: a program through capabilities, with an interrupt route; *direct*: the kernel's own",
        "driver), on a legacy and on a modern device. `./capos test teardown` runs them all, stores the table as",
        "`build/sanitize/tests/teardown/teardown-matrix.txt` and `.json`, and fails when a cell differs, when a rule fits no",
        "cell, or when this page is stale. Rows, columns and rules are data: `tests/teardown/matrix.def`.",
        "",
        "After each cell: every counter of the kernel as before, or exactly the known pages in quarantine and charged to their",
        "owner while it lives; nothing published; bus mastering, INTx and MSI-X off; every old handle refused before any side",
        "effect; published pages sticky to their function; no ledger violation, no broken monitor; one audit record for a",
        "quarantine, none without. In quarantine a claim is refused until the privileged release, which frees exactly what was",
        "kept. Then the device is claimed again, frames pass, and everything is given back. A function that was pulled out stays",
        "in quarantine: its release is refused, because its bus mastering cannot be read as off.",
        "",
        "## Causes", "", *titled(first["causes"]), "",
        "## Phases", "", *titled(first["phases"]), "",
        "## In flight", "", *titled(first["loads"]), "",
        "## The reset is confirmed", "", *titled(first["confirms"]), "",
        "## What comes of it",
        "",
        "A cell names what the provider comes to, then a letter for each of the four confirmations, in the order above:",
        "**S** the provider got its reset confirmed (STOPPED), everything is as before; **R** the kernel got it confirmed,",
        "everything is as before; **Q** nobody did: quarantine; **·** this confirmation is impossible. Providers: *goes on*",
        "(frames pass again, then an orderly stop), *stops* (by itself), *orderly* (asked to), *cut off* (its calls are refused:",
        "QUARANTINED), *lost* (no answer makes sense: QUARANTINED), *let go* (nobody runs it any more), *keeps* (it was at its",
        "end before), *none* (there is none). A dash is a place that cannot be; its letter says why:",
        "",
        *[f"- {marks[at]}: {rule['text']}" for at, rule in enumerate(first["rules"]) if at in marks],
    ]
    for (author, _), (causes, rows) in grouped(parts).items():
        lines += ["", f"### {author}: {', '.join(causes)}", ""]
        if all(word.startswith("– ") and word == rows[1][1] for row in rows[1:] for word in row[1:]):
            lines += [f"Impossible throughout: {rows[1][1][2:]}."]
        else:
            lines += markdown(rows)
    lines += ["", "## Rules", "", "The first rule that fits a cell says what must come of it.", ""]
    lines += markdown([["Rule", "Cells", "The provider", "Why"]] +
                      [[f"`{rule['name']}`", str(fits[at]), rule["kind"], rule["text"]] for at, rule in enumerate(first["rules"])])
    return "\n".join(lines) + "\n"


def whole(parts):
    ran, impossible, wrong = counts(parts)
    first = next(iter(parts.values()))
    axes = {axis: first[axis] for axis in (*AXES, "rules")}
    cells = [{"author": part["author"], "transport": part["transport"], **cell}
             for part in parts.values() for cell in part["cells"].values()]
    return {"run": ran, "impossible": impossible, "wrong": wrong, **axes, "cells": cells}


def main(argv):
    flags = [word for word in argv if word.startswith("--")]
    folder = pathlib.Path(next((word for word in argv if not word.startswith("--")), FOLDER))
    parts = load(folder)
    found = list(faults(parts))
    if len(parts) == len(PARTS):
        if "--json" in flags:
            print(json.dumps(whole(parts)))
            return 1 if found else 0
        if "--write" in flags and not found:
            PAGE.write_text(page(parts))
        (folder / "teardown-matrix.txt").write_text(text(parts))
        (folder / "teardown-matrix.json").write_text(json.dumps(whole(parts)))
        if not PAGE.exists() or PAGE.read_text() != page(parts):
            found.append("docs/teardown.md is stale: run tests/teardown/table.py --write")
        print(summary(parts))
    for fault in found:
        print(fault)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
