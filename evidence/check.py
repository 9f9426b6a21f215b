#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The gate: judges a console log or an evidence-port log, offline, and writes provider.json. Trusts markers.json and the key file;
# every byte of the log is suspect. Of a run's folder it judges record, statement and signature too (folder.py). Exit status: 0 the
# gate passes, 1 the log is sound but does not carry the claim, 2 usage, 3 minisign is missing, 4 refused, with the reason.
import argparse
import hashlib
import hmac
import json
import pathlib
import re
import sys

import gen_markers
import shape
from provider_json import cloud_record, not_attempted_items, provider_record, web_nonce

CLAIM_FAILED = "claim failed: "
LANDMARK = "capos kernel starting"
LOG_BYTES_MAX = 64 << 20
KINDS = {
    "word": r"(?:[!-$&-+\--~]|%[0-9a-f]{2})+",
    "u64": r"0|[1-9][0-9]{0,19}",
    "hex16": r"0x[0-9a-f]{4}",
    "hex24": r"0x[0-9a-f]{6}",
    "hex64": r"0x[0-9a-f]{16}",
    "bdf": r"[0-9a-f]{2}:[01][0-9a-f]\.[0-7]",
    "mac": r"[0-9a-f]{2}(?::[0-9a-f]{2}){5}",
}
LINE = re.compile(r"(?P<head>[a-z0-9-]+: (?P<name>[a-z][a-z0-9-]*) v1:seq=(?P<seq>0|[1-9][0-9]{0,18}),boot=(?P<boot>[0-9a-f]{16}))"
                  r",chain=(?P<chain>[0-9a-f]{64})(?P<facts>(?:,[a-z0-9_]+=[^ ,\x00-\x1f\x7f-\xff]+)*)")


class Refused(Exception):
    """The log is not sound. `reason` is one word of a closed set; `number` the line, from 1."""

    def __init__(self, reason, text, number=None):
        super().__init__(text)
        self.reason, self.number = reason, number


class Line:
    """One evidence line, its grammar checked."""

    def __init__(self, text, number, markers):
        match = LINE.fullmatch(text)
        if not match:
            raise Refused("grammar", "starts with the prefix but is no evidence line", number)
        self.number, self.text = number, text
        self.name, self.seq, self.boot, self.chain = match["name"], int(match["seq"]), match["boot"], match["chain"]
        self.chained = (match["head"] + match["facts"]).encode("ascii")
        if self.name not in markers:
            raise Refused("unknown-marker", f"{self.name} is not in the list of markers", number)
        pairs = [pair.split("=", 1) for pair in match["facts"].split(",")[1:]]
        self.facts = self.check_facts(pairs, markers[self.name]["facts"])

    def check_facts(self, pairs, listed):
        kinds = dict(listed)
        for key, value in pairs:
            if key not in kinds:
                raise Refused("unknown-fact", f"{self.name} has no fact {key}", self.number)
            if not re.fullmatch(KINDS[kinds[key]], value) or (kinds[key] == "u64" and int(value) >= 1 << 64):
                raise Refused("fact-kind", f"{self.name}: {key}={value} is no {kinds[key]}", self.number)
        keys = [key for key, _ in pairs]
        for fact, _ in listed:
            if keys.count(fact) != 1:
                word = "misses" if fact not in keys else "repeats"
                raise Refused("facts", f"{self.name} {word} the fact {fact}", self.number)
        if keys != [fact for fact, _ in listed]:
            raise Refused("facts", f"{self.name} has its facts in another order than the list", self.number)
        return dict(pairs)


def split_log(data, prefix, port=False):
    """The evidence lines of a log as (number, text), and whether it is a console log (with its landmark). `port`: it is that of the
    evidence port, where firmware may have written before the kernel did; then the landmark says from where on."""
    lines = data.decode("latin-1").split("\n")
    rest = lines.pop()
    if rest.startswith(prefix):
        raise Refused("truncated", "the last line has no newline", len(lines) + 1)
    lines = [line[:-1] if line.endswith("\r") else line for line in lines]
    if not lines:
        raise Refused("empty", "the log has no line")
    evidence = [(at + 1, line) for at, line in enumerate(lines) if line.startswith(prefix)]
    landmarks = [at + 1 for at, line in enumerate(lines) if line == LANDMARK]
    if not landmarks and lines[0].startswith(prefix):
        for at, line in enumerate(lines):
            if not line.startswith(prefix):
                raise Refused("no-landmark", f"a console log must start with `{LANDMARK}`; an evidence port carries nothing else",
                              at + 1)
        return evidence, False
    if not landmarks:
        raise Refused("no-landmark", f"no line `{LANDMARK}`")
    if len(landmarks) > 1:
        raise Refused("second-landmark", "the kernel started twice in this log", landmarks[1])
    if evidence and evidence[0][0] < landmarks[0]:
        raise Refused("no-landmark", "evidence stands before the landmark", evidence[0][0])
    if port and len(evidence) != len(lines) - landmarks[0]:
        raise Refused("no-landmark", "an evidence port carries nothing else behind the landmark")
    return evidence, True


def check_chain(line, previous, key):
    expected = hmac.new(key, previous + line.chained, hashlib.sha256).digest()
    if not hmac.compare_digest(expected.hex(), line.chain):
        where = "from the first line on: another key" if line.seq == 0 else "here: altered, or spliced from another run"
        raise Refused("chain", f"{line.name}: the chain does not verify, {where}", line.number)
    return expected


def check_place(line, lines, order, markers):
    """Order, multiplicity and what must come before, for one line after those in `lines`."""
    if lines:
        if lines[-1].name == "end":
            raise Refused("after-end", f"{line.name} stands after the end", line.number)
        if line.boot != lines[0].boot:
            raise Refused("boot-id", f"boot {line.boot} in a log of boot {lines[0].boot}", line.number)
    if line.seq != len(lines):
        raise Refused("sequence", f"{line.name} has seq={line.seq} where {len(lines)} is due", line.number)
    seen = {other.name for other in lines}
    if line.name in seen and markers[line.name]["repeat"] == "once":
        raise Refused("repeated", f"{line.name} may appear once", line.number)
    if lines and order[line.name] < order[lines[-1].name]:
        raise Refused("order", f"{line.name} may not come after {lines[-1].name}", line.number)
    for need in markers[line.name].get("needs", []):
        if need not in seen:
            raise Refused("missing-marker", f"{line.name} needs {need} before it", line.number)


def check_log(data, listed, key, port=False):
    """All evidence lines of a sound log; raises Refused otherwise."""
    markers = {marker["name"]: marker for marker in listed["markers"]}
    order = {name: at for at, name in enumerate(markers)}
    evidence, console = split_log(data, listed["prefix"], port)
    lines, previous = [], bytes(32)
    for number, text in evidence:
        line = Line(text, number, markers)
        check_place(line, lines, order, markers)
        if key is not None:
            previous = check_chain(line, previous, key)
        lines.append(line)
    if not lines or lines[-1].name != "end":
        raise Refused("no-end", "the log has no end marker")
    if int(lines[-1].facts["count"]) != len(lines) - 1:
        raise Refused("end-count", f"end says {lines[-1].facts['count']} lines, there are {len(lines) - 1}", lines[-1].number)
    seen = {line.name for line in lines}
    for name, marker in markers.items():
        if marker.get("required") and name not in seen:
            raise Refused("missing-marker", f"{name} is missing")
        for other in marker.get("then", []) if name in seen else []:
            if other not in seen:
                raise Refused("missing-marker", f"{name} must be followed by {other}")
    return lines, console


def check_run(lines, run):
    """The log is of the run that run.json names, where it names one: its boot, and the nonce that its machine was given."""
    boot, nonce = run.get("boot"), (run.get("cloud") or {}).get("nonce")
    if isinstance(boot, str) and lines[0].boot != boot:
        raise Refused("boot-id", f"boot {lines[0].boot} is not the run's {boot[:16]}", lines[0].number)
    for line in lines:
        if line.name == "metadata-nonce" and nonce is not None and line.facts["nonce"] != nonce:
            raise Refused("nonce", "metadata-nonce holds the nonce of another run", line.number)


def unsaid(facts, markers):
    """Markers that are neither there nor listed as not attempted, or both: one sentence each."""
    items = not_attempted_items(facts)
    for name, marker in markers.items():
        if "unless" in marker and name in facts and marker["unless"] in items:
            yield f"{name} is there, and not-attempted lists {marker['unless']}"
        elif "unless" in marker and name not in facts and marker["unless"] not in items:
            yield f"{name} is missing, and not-attempted does not list {marker['unless']}"


def failed_claims(lines, listed, reply_bytes=(64,)):
    """What sound lines say that does not hold: one sentence each."""
    markers = {marker["name"]: marker for marker in listed["markers"]}
    out = []
    for line in lines:
        for fact, operator, value in markers[line.name].get("expect", []):
            if isinstance(value, str) and value.startswith("@"):
                value = line.facts[value[1:]]
            elif isinstance(value, str) and value.startswith("#"):
                value = sum(other.name == value[1:] for other in lines)
            have = line.facts[fact]
            holds = int(have) >= int(value) if operator == ">=" else have == str(value)
            if not holds:
                out.append(f"{line.name}: {fact}={have}, expected {operator} {value}")
    facts = {line.name: line.facts for line in lines}
    out += unsaid(facts, markers)
    # The first ARP reply of libslirp has 64 bytes, of another Ethernet peer 60; how GCE pads is not ours to say.
    if {"first-frame", "provider-nic-probed"} <= set(facts) and facts["platform"]["name"] in ("sim", "qemu"):
        due = [int(facts["provider-nic-probed"]["header_bytes"]) + frame for frame in reply_bytes]
        if int(facts["first-frame"]["used_len"]) not in due:
            out.append(f"first-frame: used_len={facts['first-frame']['used_len']}, expected == {' or '.join(map(str, due))}")
    return out


def console_says(data, run):
    """What the kernel's text lines say did not hold, and the run does not say too. Any program with a console can add such a line;
    none can take one away."""
    claims = [line.rstrip("\r")[len(CLAIM_FAILED):] for line in data.decode("latin-1").split("\n") if line.startswith(CLAIM_FAILED)]
    return [f"the log says: {CLAIM_FAILED}{claim}" for claim in claims if claim not in run.get("reasons", [])]


def read_key(path):
    text = pathlib.Path(path).read_text(encoding="ascii").strip()
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ValueError(f"{path}: a chain key is 64 hex digits")
    return bytes.fromhex(text)


def read_run(path, required):
    if not required and not pathlib.Path(path).exists():
        return {}
    run = shape.read_json(path)
    cloud_record(run)
    return run


def read_log(path):
    with open(path, "rb") as file:
        data = file.read(LOG_BYTES_MAX + 1)
    if len(data) > LOG_BYTES_MAX:
        raise Refused("empty", f"the log is larger than {LOG_BYTES_MAX} bytes")
    return data


def world_says(run):
    """What the simulator, or the harness of a cloud, held against the run, from run.json: it can only make a verdict worse."""
    reasons = run.get("reasons")
    if run.get("holds", True) is True:
        return []
    who = "the harness" if "cloud" in run else "the simulator"
    return [f"{who}: {reason}" for reason in reasons or ["the run does not hold"]]


def client_says(lines, run):
    """What a client outside saw that asked for the web, against the lines: one sentence each. Nothing without such a client."""
    web, nonce = run.get("web"), (run.get("cloud") or {}).get("nonce")
    if web is None:
        return []
    marker = next((line.facts for line in lines if line.name == "web-ui-l4"), None)
    out = list(web["reasons"])
    if nonce is not None and web["asked"] != web_nonce(nonce):
        out.append("web: the page was asked for another nonce than this run's")
    if not web["reasons"] and web["nonce"] != web["asked"]:
        out.append(f"web: the page showed the nonce {web['nonce']}, not this run's")
    for fact, seen in (("number", f"0x{web['number']}"), ("session", web["session"]), ("page", str(web["page_bytes"]))):
        if marker and marker[fact] != seen:
            out.append(f"web-ui-l4: {fact}={marker[fact]}, the client outside has {seen}")
    return out


def judge(data, listed, key=None, provider_gate=False, port_data=None, run=None):
    """Verdict over a log: a dict with verdict, reason, reasons, lines, console."""
    try:
        lines, console = check_log(data, listed, key)
        if port_data is not None:
            port, _ = check_log(port_data, listed, key, True)
            if [line.text for line in port] != [line.text for line in lines]:
                raise Refused("ports-differ", "console and evidence port do not carry the same lines")
        check_run(lines, run or {})
    except Refused as refusal:
        where = f"line {refusal.number}: " if refusal.number else ""
        return {"verdict": "refused", "reason": refusal.reason, "reasons": [where + str(refusal)], "lines": [], "console": None}
    backend = (run or {}).get("backend", "slirp")
    reasons = failed_claims(lines, listed, (64,) if backend == "slirp" else (60, 64)) + world_says(run or {})
    reasons += client_says(lines, run or {}) + console_says(data, run or {})
    if provider_gate:
        if not any(line.name == "provider-nic-bound" for line in lines):
            reasons.insert(0, "provider-nic-bound is missing")
        if key is None:
            reasons.insert(0, "the chain was not checked: the provider gate needs the key (--key-file)")
    return {"verdict": "fail" if reasons else "pass", "reason": "claim" if reasons else None, "reasons": reasons,
            "lines": lines, "console": console}


def parse(argv):
    parser = argparse.ArgumentParser(prog="capos evidence check", description="Judges a log, or all that a run left; offline.",
                                     epilog="Exit status: 0 holds, 1 a claim does not hold, 2 usage, 3 minisign is missing, "
                                     "4 refused.")
    parser.add_argument("log", metavar="RUNFOLDER|LOG|provider.json", help="a run's folder or its record: log, record, statement "
                        "and signature are judged; or a log alone, of the console or of the evidence port")
    parser.add_argument("--key-file", help="chain key of the run, 64 hex digits (default: chain.key beside the log)")
    parser.add_argument("--require-provider-nic-proof", action="store_true", help="the second gate (a folder: its record's)")
    parser.add_argument("--json", action="store_true", help="one object: of a log, provider.json; of a folder, what was judged")
    log = parser.add_argument_group("of a log")
    log.add_argument("--port-log", help="the same run's evidence-port log: must carry the same lines")
    log.add_argument("--run-json", help="run.json of the run: its backend, identity, timings (default: beside the log)")
    log.add_argument("--out", help="write provider.json here")
    folder = parser.add_argument_group("of a folder")
    folder.add_argument("--public-key", metavar="FILE", help="minisign's, of the operator: nobody else may have signed (default: "
                        "the folder's statement.pub, which cannot say who signed)")
    folder.add_argument("--file", action="append", default=[], metavar="NAME=PATH",
                        help="a file that is not in the folder, and its name in the statement: archive, disk, kernel, package")
    args = parser.parse_args(argv)
    of_folder = pathlib.Path(args.log).is_dir() or pathlib.Path(args.log).suffix == ".json"
    if of_folder and (args.port_log or args.run_json or args.out):
        parser.error("--port-log, --run-json and --out go with a log, not with a folder")
    if not of_folder and (args.public_key or args.file):
        parser.error("--public-key and --file go with a folder, not with a log")
    if not all(re.fullmatch(r"[a-z_]+=.+", word) for word in args.file):
        parser.error("--file takes NAME=PATH")
    return args, of_folder


def main_log(args):
    try:
        data = read_log(args.log)
        beside = pathlib.Path(args.log).parent / "chain.key"
        key_file = args.key_file or (beside if beside.exists() else None)
        key = read_key(key_file) if key_file else None
        port = read_log(args.port_log) if args.port_log else None
        run = read_run(args.run_json or pathlib.Path(args.log).parent / "run.json", required=bool(args.run_json))
    except (OSError, ValueError, Refused) as error:
        print(f"evidence: {error}", file=sys.stderr)
        return 4
    result = judge(data, gen_markers.load(), key, args.require_provider_nic_proof, port, run)
    gate = gate_name(args.require_provider_nic_proof)
    chain = "verified" if key is not None and result["lines"] else "not-checked"
    record = provider_record(result, gate, chain, data, run)
    text = json.dumps(record, indent=2) + "\n"
    if args.out:
        pathlib.Path(args.out).write_text(text, encoding="utf-8")
    if args.json:
        sys.stdout.write(text)
    else:
        print(verdict_line(result, gate, chain))
        for reason in result["reasons"]:
            print(f"  {reason}")
    return {"pass": 0, "fail": 1, "refused": 4}[result["verdict"]]


def gate_name(provider_gate):
    return "provider-nic" if provider_gate else "landmark"


def verdict_line(result, gate, chain):
    lines = result["lines"]
    return (f"verdict: {result['verdict']} gate={gate} markers={len(lines)} chain={chain} boot={lines[0].boot if lines else '-'}"
            + (f" reason={result['reason']}" if result["reason"] else ""))


def main(argv):
    args, of_folder = parse(argv)
    if not of_folder:
        return main_log(args)
    import folder  # pylint: disable=import-outside-toplevel; it uses this module
    return folder.main(args)


if __name__ == "__main__":
    sys.modules["check"] = sys.modules[__name__]  # one gate, whoever imports it
    sys.exit(main(sys.argv[1:]))
