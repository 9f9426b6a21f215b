# SPDX-License-Identifier: BSD-2-Clause
# All that a run left in its folder, judged offline: the log by the gate, the record against the log, the statement against the
# files, the signature against a key. Trusts markers.json, the chain key, and the public key where the caller names one.
import json
import pathlib
import sys

import check
import gen_markers
import shape
import statement
from provider_json import provider_record

LOGS = (("port1.log", "port2.log"), ("console.log", "evidence.log"))  # of a cloud's serial ports; of QEMU and the simulator
RECORD = statement.RECORD
LENGTH_MAX = 240
# A finding's state, the worst first, and the exit status that it means. `none`: there is nothing of it to judge.
STATES = {"refused": 4, "missing": 3, "fails": 1, "holds": 0, "none": 0}
VERDICTS = {4: "refused", 3: "not-judged", 1: "fail", 0: "pass"}


class Judged:
    """What was judged: findings as (of, state, text), the gate's result on the log, record and statement as they lie there."""

    def __init__(self, path):
        self.path, self.findings = path, []
        self.log_name, self.port_name, self.data, self.port_data = None, None, b"", None
        self.key, self.run, self.record, self.statement, self.subjects = None, {}, None, None, {}
        self.gate, self.chain = False, "not-checked"
        self.result = {"verdict": "refused", "reason": "empty", "reasons": ["there is no log"], "lines": [], "console": None}

    def say(self, of, state, text):
        self.findings.append((of, state, one_line(text)))

    def status(self):
        return next((STATES[state] for state in STATES if any(state == found for _, found, _ in self.findings)), 0)

    def verdict(self):
        return VERDICTS[self.status()]


def one_line(text):
    """A name or a value in it may be anybody's: no control characters, bounded."""
    text = "".join(char if char.isprintable() else "?" for char in str(text))
    return text if len(text) <= LENGTH_MAX else text[:LENGTH_MAX] + "..."


def judge(path, provider_gate=False, key_file=None, public=None, files=()):
    """A run's folder, or the record in it. Every fault of what lies there is a finding; nothing is raised."""
    path = pathlib.Path(path)
    judged = Judged(path if path.is_dir() else path.parent)
    record_path = judged.path / RECORD if path.is_dir() else path
    judge_log(judged, record_path, provider_gate, key_file)
    judge_record(judged, record_path)
    judge_statement(judged, public, files)
    return judged


def judge_log(judged, record_path, provider_gate, key_file):
    """Reads the folder and judges its log by the gate that its record names, or by the provider gate where it is asked for."""
    folder = judged.path
    try:
        if record_path.is_file():
            judged.record = shape.read_json(record_path)
        judged.gate = provider_gate or (judged.record or {}).get("gate") == "provider-nic"
        judged.run = check.read_run(folder / "run.json", required=False)
        names = next((pair for pair in LOGS if (folder / pair[0]).is_file()), None)
        if names is None:
            judged.say("log", "refused", f"no {LOGS[0][0]} and no {LOGS[1][0]} in {folder}")
            return
        judged.log_name, judged.data = names[0], check.read_log(folder / names[0])
        if (folder / names[1]).is_file():
            judged.port_name, judged.port_data = names[1], check.read_log(folder / names[1])
        key_file = key_file or (folder / "chain.key" if (folder / "chain.key").exists() else None)
        judged.key = check.read_key(key_file) if key_file else None
    except (OSError, ValueError, check.Refused) as error:
        judged.say("log", "refused", error)
        return
    judged.result = result = check.judge(judged.data, gen_markers.load(), judged.key, judged.gate, judged.port_data,
                                         judged.run)
    judged.chain = "verified" if judged.key is not None and result["lines"] else "not-checked"
    where = judged.log_name + (f" with {judged.port_name}" if judged.port_name else ", without the evidence port's log")
    if result["verdict"] == "pass":
        judged.say("log", "holds", f"{where}: {len(result['lines'])} markers, boot {result['lines'][0].boot}, "
                   f"chain {judged.chain}, gate {check.gate_name(judged.gate)}")
    else:
        more = f" (and {len(result['reasons']) - 1} more)" if len(result["reasons"]) > 1 else ""
        reason = f" ({result['reason']})" if result["verdict"] == "refused" else ""
        judged.say("log", "refused" if reason else "fails", f"{where}: {result['reasons'][0]}{reason}{more}")


def judge_record(judged, path):
    """The record says what the log gives, no more and no less."""
    if judged.record is None:
        if not any(of == "log" and RECORD in text for of, _, text in judged.findings):  # else it was said
            judged.say("record", "none" if judged.log_name else "refused", f"no {path.name}")
        return
    record = judged.record
    try:
        shape.check_record(record)
        if judged.log_name is None:
            judged.say("record", "refused", "there is no log that it could be held against")
            return
        compare_record(judged, record)
        compare_serial(judged, record)
    except (shape.Wrong, OSError) as error:
        judged.say("record", "refused", error)
        return
    except check.Refused as refused:
        judged.say("record", "refused", refused)
        return
    if record["chain"] == "verified" and judged.key is None:
        judged.say("record", "fails", "it says that the chain was verified; without chain.key (--key-file) that cannot be judged")
        return
    ports = [str(port["port"]) for port in record.get("serial", []) if (judged.path / f"port{port['port']}.log").is_file()]
    judged.say("record", "holds", f"{path.name} says what the log gives: {record['verdict']}"
               + (f"; serial ports {', '.join(ports)} by hash" if ports else ""))


def compare_record(judged, record):
    """Made once more from the log by its own gate; member by member."""
    gate, key = record["gate"] == "provider-nic", judged.key if record["chain"] == "verified" else None
    chained = record["verdict"] == "refused" or record["chain"] == "not-checked" or key is not None
    result = check.judge(judged.data, gen_markers.load(), judged.key if record["verdict"] == "refused" else key, gate,
                         judged.port_data, judged.run)
    made = json.loads(json.dumps(provider_record(result, record["gate"], record["chain"], judged.data, judged.run)))
    if not chained:  # judged without the key: what hangs on it is not compared, and does not hold either
        made.update({name: record[name] for name in ("verdict", "reason", "reasons")})
    for name in made:
        if name not in record:
            raise check.Refused("record", f"{RECORD} misses {name}, which run.json has")
        if record[name] != made[name]:
            raise check.Refused("record", f"{RECORD} says {name}={brief(record[name])}, the log gives {brief(made[name])}")
    for name in record:
        if name not in made:
            raise check.Refused("record", f"{RECORD} says {name}, run.json does not")


def brief(value):
    text = value if isinstance(value, str) else json.dumps(value)
    return text if len(text) <= 50 else text[:50] + "..."


def compare_serial(judged, record):
    """Ports by size and hash, markers by their places."""
    for port in record.get("serial", []):
        path = judged.path / f"port{port['port']}.log"
        if not path.is_file():
            continue
        if path.stat().st_size != port["bytes"] or statement.sha256(path) != port["sha256"]:
            raise check.Refused("record", f"{path.name} is not the log that {RECORD} has by size and hash")
        data = path.read_bytes()
        for marker in port["markers"]:
            head = f"cloudboot-evidence: {marker['name']} ".encode()
            at = marker["offset"]
            if not data[at:].startswith(head) or at and data[at - 1:at] != b"\n":
                raise check.Refused("record", f"{path.name} has no {marker['name']} at byte {at}")


def judge_statement(judged, public, files):
    folder = judged.path
    path, beside = folder / statement.FILE, [folder / name for name in (statement.SIGNATURE, statement.PUBLIC)]
    if not path.exists():
        left = next((one.name for one in beside if one.exists()), None)
        if left or public or files:
            judged.say("statement", "refused", f"no {statement.FILE}" + (f", but {left}" if left else ""))
        else:
            judged.say("statement", "none", "the run is not signed (evidence sign)")
        return
    try:
        judged.statement, judged.subjects = statement.read(path)
        compared, absent = statement.check_subjects(judged.statement, judged.subjects, folder, files)
        judged.say("statement", "holds", f"{len(judged.subjects)} subjects: {len(compared)} are the files that were signed"
                   + (f", not here: {', '.join(absent)}" if absent else ""))
    except (statement.Refused, OSError) as error:
        judged.say("statement", "refused", error)
    try:
        judge_signature(judged, path, public)
    except statement.Missing as missing:
        judged.say("signature", "missing", missing)
    except (statement.Refused, OSError) as error:
        judged.say("signature", "refused", error)


def judge_signature(judged, path, public):
    used = public or judged.path / statement.PUBLIC
    key = statement.check_signature(path, used)
    if judged.statement is None:
        judged.say("signature", "refused", f"it is by key {key}, over a statement that is none")
        return
    kind = statement.check_signer(judged.statement, used)
    said = "the operator's key" if kind == "operator" else "a key made for this run and thrown away"
    if public:
        judged.say("signature", "holds", f"key {key}, the one that you named; {said}")
    else:
        judged.say("signature", "holds", f"key {key}, in its own words {said}; it came with the folder: nothing changed since, "
                   "who signed is not shown" + (" (--public-key)" if kind == "operator" else ""))


def as_object(judged):
    return {"schema": "capos-judged-1", "verdict": judged.verdict(), "gate": check.gate_name(judged.gate), "chain": judged.chain,
            "log": {"name": judged.log_name, "verdict": judged.result["verdict"], "reason": judged.result["reason"],
                    "reasons": judged.result["reasons"], "markers": len(judged.result["lines"]),
                    "boot": judged.result["lines"][0].boot if judged.result["lines"] else None},
            "findings": [{"of": of, "state": state, "text": text} for of, state, text in judged.findings],
            "record": judged.record}


def print_judged(judged):
    for of, state, text in judged.findings:
        print(f"{of:10} {state:8} {text}")
    lines = judged.result["lines"]
    print(f"verdict: {judged.verdict()} gate={check.gate_name(judged.gate)} markers={len(lines)} chain={judged.chain} "
          f"boot={lines[0].boot if lines else '-'}")
    for reason in judged.result["reasons"]:
        print(f"  {one_line(reason)}")


def main(args):
    """Of check.py, for a folder or its record."""
    if not pathlib.Path(args.log).exists():
        print(f"evidence: {args.log}: no such file or folder", file=sys.stderr)
        return 4
    judged = judge(args.log, args.require_provider_nic_proof, args.key_file, args.public_key,
                   [word.split("=", 1) for word in args.file])
    if args.json:
        print(json.dumps(as_object(judged)))
    else:
        print_judged(judged)
    return judged.status()
