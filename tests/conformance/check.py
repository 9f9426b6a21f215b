#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
"""The table of virtio obligations: checks rows.json against what it names, and makes docs/conformance.md from it.

check.py            checks coverage, names and the page; exit status 1 with a line for each fault
check.py --write    writes docs/conformance.md
check.py --header F writes the rules that an ordinary life must exercise as a C list
"""
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PAGE = ROOT / "docs/conformance.md"
MODELS = ROOT / "devmodel/include/capos/devmodel"
APPLIES = {"S": "modern, polled", "L": "legacy", "I": "interrupts", "F": "once negotiated", "Z": "hostile device"}
GATED = ("S", "L", "Z")
TEST = re.compile(r"^(?:Test|ParameterizedTest)\((?:[^,()]*\*\s*\w+\s*,\s*)?(\w+),\s*(\w+)", re.M)


def definitions(name, macro):
    """{name: row} of a .def list."""
    text = (MODELS / name).read_text()
    return dict(re.findall(rf'^{macro}\((\w+), "(\w+)"', text, re.M))


def tests():
    found = set()
    for path in (ROOT / "tests").rglob("*.c"):
        found.update(f"{suite}::{name}" for suite, name in TEST.findall(path.read_text()))
    matrix = (ROOT / "tests/teardown/matrix.def").read_text()
    found.update(f"matrix::{name}" for name in re.findall(r"^RULE\((\w+),", matrix, re.M))
    return found


def faults(table):
    rules, attacks, known = definitions("rules.def", "DM_RULE"), definitions("attacks.def", "DM_ATTACK"), tests()
    seen = set()
    gated = sum(row["app"] in GATED for row in table["rows"])
    if gated != table["gated"]:
        yield f"{gated} rows apply to this version, {table['gated']} must: one was lost, or added without its count"
    for row in table["rows"]:
        name = row["row"]
        if name in seen:
            yield f"{name}: listed twice"
        seen.add(name)
        if not any(row.get(key) for key in ("rules", "attacks", "tests", "reason")):
            yield f"{name}: nothing covers it"
        only = row.get("rules", [])
        if only and set(only) <= set(table["unexercised"]) and not (row.get("attacks") or row.get("tests")):
            yield f"{name}: its monitors are never exercised, and nothing else covers it"
        yield from (f"{name}: {rule} is no rule of rules.def" for rule in only if rule not in rules)
        yield from (f"{name}: {entry} is no attack of attacks.def" for entry in row.get("attacks", []) if entry not in attacks)
        yield from (f"{name}: no test is called {test}" for test in row.get("tests", []) if test not in known)
    for kind, names, key in (("rule", rules, "rules"), ("attack", attacks, "attacks")):
        named = {entry for row in table["rows"] for entry in row.get(key, [])}
        for entry, row in names.items():
            if row not in seen:
                yield f"{kind} {entry}: its row {row} is not in the table"
            if entry not in named:
                yield f"{kind} {entry}: no row names it"
    yield from (f"unexercised: {rule} is no rule of rules.def" for rule in table["unexercised"] if rule not in rules)


def cell(row):
    parts = []
    if row.get("rules"):
        parts.append("monitor " + ", ".join(f"`{rule}`" for rule in row["rules"]))
    if row.get("attacks"):
        parts.append("attack " + ", ".join(f"`{attack}`" for attack in row["attacks"]))
    if row.get("tests"):
        parts.append("test " + ", ".join(f"`{test}`" for test in row["tests"]))
    if row.get("reason"):
        parts.append("not observed: " + row["reason"])
    return "; ".join(parts)


def page(table):
    rows = table["rows"]
    count = {app: sum(row["app"] == app for row in rows) for app in APPLIES}
    lines = [
        "<!-- SPDX-License-Identifier: BSD-2-Clause -->",
        "<!-- Made by tests/conformance/check.py --write from tests/conformance/rows.json. -->",
        "# Conformance: virtio 1.2, row by row",
        "",
        "One row an obligation of the specification (clauses of virtio 1.2), or a rule of our own for devices that lie (Z).",
        "*Monitors* run in every simulated life and end the test that breaks one; *attacks* break a device's obligation on",
        "purpose and have a defined outcome ([hostile.md](hostile.md)); *tests* are named, `matrix::` by their rule of the",
        "teardown matrix ([teardown.md](teardown.md)). The suite `conformance` fails when a row lacks cover, when a name does",
        "not exist, or when this page is stale.",
        "",
        "Rows: " + ", ".join(f"{count[app]} {label}" for app, label in APPLIES.items()) + ".",
        "Rows of features that are never accepted are listed where a monitor or an attack exists; packed rings, block and SCSI",
        "devices are not here.",
        "",
        "| Row | Clause | Whose | Applies | Obligation | Covered by |",
        "|---|---|---|---|---|---|",
    ]
    for row in rows:
        cells = [row["row"], row["clause"], row["side"], APPLIES[row["app"]], row["text"], cell(row)]
        lines.append("| " + " | ".join(cells) + " |")
    lines += ["", "## Monitors that an ordinary life does not exercise", "",
              "Each of them is broken once on purpose by the tests of the device models (`net_rules`).", "",
              "| Monitor | Why |", "|---|---|"]
    lines += [f"| `{rule}` | {why} |" for rule, why in table["unexercised"].items()]
    return "\n".join(lines) + "\n"


def header(table):
    rules = [rule for rule in definitions("rules.def", "DM_RULE") if rule not in table["unexercised"]]
    head = ("/* SPDX-License-Identifier: BSD-2-Clause */\n"
            "/* Made by tests/conformance/check.py: monitors that ordinary lives exercise. */\n")
    return head + "".join(f"ORDINARY_RULE({rule})\n" for rule in rules)


def main(argv):
    table = json.loads((HERE / "rows.json").read_text())
    if argv[:1] == ["--header"]:
        pathlib.Path(argv[1]).write_text(header(table))
        return 0
    if argv[:1] == ["--write"]:
        PAGE.write_text(page(table))
        return 0
    found = list(faults(table))
    if not PAGE.exists() or PAGE.read_text() != page(table):
        found.append("docs/conformance.md is stale: run tests/conformance/check.py --write")
    for fault in found:
        print(fault)
    print(f"{len(table['rows'])} rows, {len(found)} faults")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
