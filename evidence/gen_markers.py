#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# From evidence/markers.json makes the emitter's marker code and the table of docs/evidence.md. Trusts markers.json, a file of
# ours: a mistake in it stops the build with its place.
#   gen_markers.py --out DIR        writes DIR/evidence/markers.h and markers.c, only when they change
#   gen_markers.py --docs FILE      rewrites the table between the two marks in FILE
#   gen_markers.py --docs FILE --check    exit 1 when the table is stale
import argparse
import json
import pathlib
import re
import sys

HERE = pathlib.Path(__file__).resolve().parent
KINDS = {  # kind: (C declaration, comment)
    "word": ("const char *{};", "text; ASCII is best, other bytes are escaped"),
    "u64": ("uint64_t {};", ""),
    "hex16": ("uint16_t {};", "written 0x and 4 digits"),
    "hex24": ("uint32_t {};", "written 0x and 6 digits; below 2^24"),
    "hex64": ("uint64_t {};", "written 0x and 16 digits"),
    "bdf": ("uint16_t {};", "bus << 8 | device << 3 | function"),
    "mac": ("uint8_t {}[6];", ""),
}
HEAD = "/* SPDX-License-Identifier: BSD-2-Clause */\n/* Generated from evidence/markers.json: do not edit. {} */\n"
BEGIN, END = "<!-- markers: begin (generated) -->", "<!-- markers: end -->"


def load(path=HERE / "markers.json"):
    data = json.loads(pathlib.Path(path).read_text(encoding="utf-8"))
    names = [marker["name"] for marker in data["markers"]]
    if len(set(names)) != len(names):
        raise ValueError("a marker is listed twice")
    if names[-1] != "end":
        raise ValueError("the last marker must be `end`")
    for marker in data["markers"]:
        check_marker(marker, names)
    return data


def check_marker(marker, names):
    name = marker["name"]
    facts = [fact for fact, _ in marker["facts"]]
    if not re.fullmatch(r"[a-z][a-z0-9-]*", name):
        raise ValueError(f"{name}: bad marker name")
    if marker["repeat"] not in ("once", "many"):
        raise ValueError(f"{name}: repeat is once or many")
    for fact, kind in marker["facts"]:
        if not re.fullmatch(r"[a-z0-9_]+", fact) or fact in ("seq", "boot", "chain") or kind not in KINDS:
            raise ValueError(f"{name}: bad fact {fact} of kind {kind}")
    if len(set(facts)) != len(facts):
        raise ValueError(f"{name}: a fact is listed twice")
    for other in marker.get("needs", []) + marker.get("then", []):
        if other not in names:
            raise ValueError(f"{name}: no marker {other}")
    if not re.fullmatch(r"[a-z0-9-]+", marker.get("unless", "x")):
        raise ValueError(f"{name}: bad item {marker['unless']}")
    for fact in marker.get("kernel", []):
        if fact not in facts:
            raise ValueError(f"{name}: the kernel is to fill in {fact}, no fact of it")
    for fact, operator, _ in marker.get("expect", []):
        if fact not in facts or operator not in ("==", ">="):
            raise ValueError(f"{name}: bad expectation of {fact}")


def ident(name):
    return name.replace("-", "_")


def expectation(marker, fact):
    words = [f"{operator} {value}" for name, operator, value in marker.get("expect", []) if name == fact]
    return "the gate expects " + ", ".join(words).replace("@", "") if words else ""


def header(data):
    out = [HEAD.format("Facts a marker carries, and the function that emits it."),
           "#ifndef CAPOS_EVIDENCE_MARKERS_H\n#define CAPOS_EVIDENCE_MARKERS_H\n",
           '#include "evidence/emit.h"\n', f'#define EVIDENCE_PREFIX "{data["prefix"]}"\n', "enum evidence_marker {"]
    out += [f"    EVIDENCE_{ident(m['name']).upper()}," for m in data["markers"]]
    out += ["    EVIDENCE_MARKER_COUNT", "};", "",
            "_Static_assert(EVIDENCE_MARKER_COUNT <= EVIDENCE_MARKERS_MAX, \"raise EVIDENCE_MARKERS_MAX\");", ""]
    for marker in data["markers"]:
        out.append(f"/* {marker['name']}: {marker['says']}. */")
        out.append(f"struct evidence_{ident(marker['name'])} {{")
        for fact, kind in marker["facts"]:
            declaration, remark = KINDS[kind]
            remark = "; ".join(part for part in (remark, expectation(marker, fact)) if part)
            out.append("    " + declaration.format(fact) + (f" /* {remark} */" if remark else ""))
        out += ["};", f"enum evidence_status evidence_emit_{ident(marker['name'])}(struct evidence *ev,",
                f"    const struct evidence_{ident(marker['name'])} *facts);", ""]
    out += ["/* Name of a marker as it stands in a line. */",
            "const char *evidence_marker_name(enum evidence_marker marker);", "",
            "enum evidence_kind {", *[f"    EVIDENCE_KIND_{kind.upper()}," for kind in KINDS], "};", "",
            "struct evidence_fact {", "    const char *name;", "    uint8_t kind; /* enum evidence_kind */",
            "    bool by_kernel; /* a program that emits the marker leaves it to the kernel */", "};", "",
            "/* Facts of a marker that programs may emit, in their order. 0: only the kernel emits it. */",
            "uint32_t evidence_program_facts(enum evidence_marker marker, const struct evidence_fact **facts);", "", "#endif", ""]
    return "\n".join(out)


def source(data):
    out = [HEAD.format("One function a marker."), '#include "evidence/markers.h"\n',
           '#include "abi/assert.h"\n#include "evidence/line.h"\n',
           "static const struct evidence_rule rules[EVIDENCE_MARKER_COUNT] = {"]
    for marker in data["markers"]:
        many = "true" if marker["repeat"] == "many" else "false"
        out.append(f"    {{\"{marker['name']}\", {many}}},")
    out += ["};", "", "const char *evidence_marker_name(enum evidence_marker marker)", "{",
            "    ASSERT(marker < EVIDENCE_MARKER_COUNT);", "    return rules[marker].name;", "}", ""]
    out += program_facts(data)
    for marker in data["markers"]:
        name = ident(marker["name"])
        out += [f"enum evidence_status evidence_emit_{name}(struct evidence *ev, const struct evidence_{name} *facts)",
                "{", "    struct evidence_line line;",
                f"    evidence_line_begin(&line, EVIDENCE_{name.upper()}, &rules[EVIDENCE_{name.upper()}]);"]
        out += [f"    evidence_fact_{kind}(&line, \"{fact}\", facts->{fact});" for fact, kind in marker["facts"]]
        out += [f"    return evidence_line_emit(ev, &line, EVIDENCE_{name.upper()} == EVIDENCE_MARKER_COUNT - 1);", "}", ""]
    return "\n".join(out)


def program_facts(data):
    programs = [marker for marker in data["markers"] if "kernel" in marker]
    out = []
    for marker in programs:
        out.append(f"static const struct evidence_fact facts_of_{ident(marker['name'])}[] = {{")
        out += [f"    {{\"{fact}\", EVIDENCE_KIND_{kind.upper()}, {'true' if fact in marker['kernel'] else 'false'}}},"
                for fact, kind in marker["facts"]]
        out += ["};", ""]
    out += ["uint32_t evidence_program_facts(enum evidence_marker marker, const struct evidence_fact **facts)", "{",
            "    switch (marker) {"]
    for marker in programs:
        name = ident(marker["name"])
        out += [f"    case EVIDENCE_{name.upper()}:", f"        *facts = facts_of_{name};",
                f"        return {len(marker['facts'])};"]
    out += ["    default:", "        *facts = NULL;", "        return 0;", "    }", "}", "",
            "void evidence_line_of(struct evidence_line *line, enum evidence_marker marker)", "{",
            "    ASSERT(marker < EVIDENCE_MARKER_COUNT);", "    evidence_line_begin(line, marker, &rules[marker]);", "}", ""]
    return out


def table(data):
    out = ["| marker | times | says | facts | the gate expects |", "|---|---|---|---|---|"]
    for marker in data["markers"]:
        times = marker["repeat"] + (", required" if marker.get("required") else "")
        facts = ", ".join(f"`{fact}` {kind}" for fact, kind in marker["facts"])
        expect = [f"`{a} {op} {str(b).lstrip('@')}`" for a, op, b in marker.get("expect", [])]
        expect += [f"after `{other}`" for other in marker.get("needs", [])]
        expect += [f"`{other}` follows" for other in marker.get("then", [])]
        expect += [f"or `not-attempted` lists `{item}`" for item in [marker.get("unless")] if item]
        out.append(f"| `{marker['name']}` | {times} | {marker['says']} | {facts} | {', '.join(expect)} |")
    return "\n".join(out)


def write_if_changed(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.exists() or path.read_text(encoding="utf-8") != text:
        path.write_text(text, encoding="utf-8")


def with_table(text, data):
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    return f"{before}{BEGIN}\n{table(data)}\n{END}{after}"


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--docs", type=pathlib.Path)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--list", action="store_true")
    args = parser.parse_args(argv)
    data = load()
    if args.list:
        for marker in data["markers"]:
            print(f"{marker['name']:24} {marker['repeat']:5} {marker['says']}")
    if args.out:
        write_if_changed(args.out / "evidence/markers.h", header(data))
        write_if_changed(args.out / "evidence/markers.c", source(data))
    if args.docs:
        old = args.docs.read_text(encoding="utf-8")
        new = with_table(old, data)
        if args.check and old != new:
            print(f"{args.docs}: the marker table is stale: run evidence/gen_markers.py --docs {args.docs}", file=sys.stderr)
            return 1
        write_if_changed(args.docs, new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
