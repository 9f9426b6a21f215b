#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The record of a run: provider.json's members of a cloud, the signed statement, the check of all of it; and each way to spoil one
# of them, or the log, is refused with its own line.
import contextlib
import copy
import io
import json
import pathlib
import re
import shutil
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import runs  # noqa: E402
from runs import check, logs  # noqa: E402
import folder as folders  # noqa: E402
import shape  # noqa: E402
import statement  # noqa: E402

SCHEMA = shape.schema()
# Of a good run.json: the path of a member, what it is made, and what the refusal names. DROP: it is taken away.
DROP = object()
WRONG = [
    (("cloud",), [], "object"), (("cloud", "where"), "aws", "cloud.where"), (("cloud", "nonce"), "00", "cloud.nonce"),
    (("cloud", "nonce"), runs.NONCE + "\n", "cloud.nonce"), (("cloud", "zone"), 7, "cloud.zone"), (("cloud", "zone"), DROP, "zone"),
    (("cloud", "gcloud"), "", "cloud.gcloud"), (("cloud", "project"), "name", "'project' is not known"),
    (("cloud", "instance_id"), "x", "cloud.instance_id"), (("cloud", "network_ip"), "10.0.0", "cloud.network_ip"),
    (("cloud", "project_sha256"), None, "project_sha256"), (("cloud", "image", "sha256_disk"), "00", "image.sha256_disk"),
    (("cloud", "image", "sha256_archive"), DROP, "sha256_archive"), (("cloud", "image", "extra"), 1, "'extra' is not known"),
    (("cloud", "guest_os_features"), "GVNIC", "guest_os_features"), (("serial",), {}, "serial"),
    (("serial", 0, "port"), 5, "serial[0].port"), (("serial", 0, "port"), True, "serial[0].port"),
    (("serial", 0, "bytes"), -1, "serial[0].bytes"), (("serial", 1, "sha256"), DROP, "sha256"),
    (("serial", 0, "gaps"), [[1]], "serial[0].gaps[0]"), (("serial", 0, "gaps"), [[1, 2, 3]], "serial[0].gaps[0]"),
    (("serial", 0, "markers", 0, "offset"), 1.5, "markers[0].offset"), (("serial", 0, "markers", 0, "name"), "", "markers[0].name"),
    (("retries", 0, "reason"), None, "retries[0].reason"), (("retries", 0, "at"), 1, "'at' is not known"),
    (("cost", "estimate_usd"), -0.1, "cost.estimate_usd"), (("cost", "worst_usd"), "0.1", "cost.worst_usd"),
    (("cost", "basis"), DROP, "basis"), (("sweep", "disks"), {}, "sweep.disks"), (("sweep", "Disks"), [], "'Disks'"),
    (("sweep", "disks"), [1], "sweep.disks[0]"),
]


def changed(value, path, new):
    value = copy.deepcopy(value)
    place = value
    for step in path[:-1]:
        place = place[step]
    if new is DROP:
        del place[path[-1]]
    else:
        place[path[-1]] = new
    return value


def run_main(program, *words):
    """(status, standard output, standard error)."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            status = program.main([str(word) for word in words])
        except SystemExit as ended:
            status = ended.code
    return status, out.getvalue(), err.getvalue()


class InFolder(unittest.TestCase):
    def setUp(self):
        own = tempfile.TemporaryDirectory(prefix="capos-record-")
        self.addCleanup(own.cleanup)
        self.home = pathlib.Path(own.name)
        self.run_folder = self.home / "run"

    def finding(self, of, **more):
        judged = folders.judge(self.run_folder, **more)
        return judged, [(state, text) for name, state, text in judged.findings if name == of]

    def due(self, of, state, words, status, **more):
        """One finding of the thing, in this state and with these words, and the status of the whole."""
        judged, found = self.finding(of, **more)
        self.assertEqual([one for one, _ in found], [state], judged.findings)
        self.assertIn(words, found[0][1])
        self.assertNotIn("\n", found[0][1])
        self.assertEqual(judged.status(), status, judged.findings)
        return judged


class Shape(InFolder):
    def test_a_cloud_run_gives_a_valid_record_with_what_run_json_says(self):
        import jsonschema  # pylint: disable=import-outside-toplevel
        record = runs.cloud_run(self.run_folder)
        jsonschema.Draft202012Validator.check_schema(SCHEMA)
        jsonschema.Draft202012Validator(SCHEMA).validate(record)
        self.assertEqual((record["verdict"], record["reasons"]), ("pass", []))
        self.assertEqual(record["cloud"], runs.cloud())
        self.assertEqual(record["cost"]["estimate_usd"], 0.0009)
        run = check.read_run(self.run_folder / "run.json", required=True)
        for name in ("cloud", "serial", "retries", "cost", "sweep"):
            del run[name]
            runs.write_json(self.run_folder / "run.json", run)
            self.assertNotIn(name, runs.record(self.run_folder))

    def test_a_wrong_run_json_is_refused_with_one_line(self):
        import jsonschema  # pylint: disable=import-outside-toplevel
        record = runs.cloud_run(self.run_folder)
        run = shape.read_json(self.run_folder / "run.json")
        validator = jsonschema.Draft202012Validator(SCHEMA)
        for path, new, due in WRONG:
            with self.subTest(f"{path} {new}"):
                runs.write_json(self.run_folder / "run.json", changed(run, path, new))
                status, out, err = run_main(check, self.run_folder / "port1.log")
                self.assertEqual((status, out, err.count("\n")), (4, "", 1))
                self.assertIn(due, err)
                self.due("log", "refused", due, 4)
                if new != runs.NONCE + "\n":  # Python's own reading of $ lets it pass
                    self.assertFalse(validator.is_valid(changed(record, path, new)))
                with self.assertRaises(shape.Wrong):
                    shape.check_record(changed(record, path, new))

    def test_what_is_no_json_is_refused_with_one_line(self):
        runs.cloud_run(self.run_folder)
        for text in ("", "[]", "{", '{"a": NaN}', '{"a": 1e999}', '{"a": 1, "a": 2}', '{"a": "\\ud800"}', "[" * 100000,
                     '{"cost": {"estimate_usd": Infinity}}', "\xff"):
            with self.subTest(text[:20]):
                (self.run_folder / "run.json").write_bytes(text.encode("latin-1"))
                status, _, err = run_main(check, self.run_folder / "port1.log")
                self.assertEqual((status, err.count("\n")), (4, 1))

    def test_each_keyword_of_the_schema_is_known(self):
        def walk(rule):
            for word, due in rule.items():
                self.assertTrue(word in shape.Shape.IGNORED or hasattr(shape.Shape, "check_" + word.replace("$", "")), word)
                under = due.values() if word in ("properties", "$defs") else due if word in ("allOf", "oneOf") else [due]
                for one in under if word in ("properties", "$defs", "allOf", "oneOf", "items", "propertyNames",
                                             "additionalProperties") else []:
                    if isinstance(one, dict):
                        walk(one)
        walk(SCHEMA)


class Record(InFolder):
    def test_log_and_record_hold_unsigned(self):
        runs.cloud_run(self.run_folder)
        self.due("log", "holds", "port1.log with port2.log: 26 markers", 0)
        self.due("record", "holds", "serial ports 1, 2 by hash", 0)
        self.due("statement", "none", "not signed", 0)
        self.assertEqual(folders.judge(self.run_folder / "provider.json").status(), 0)

    def test_a_record_that_says_pass_over_a_log_that_does_not(self):
        good = runs.cloud_run(self.run_folder)
        bad = runs.cloud_run(self.run_folder, [(name, values.replace("faults=0", "faults=1")) for name, values in runs.facts()])
        self.assertEqual(bad["verdict"], "fail")
        self.due("record", "holds", "fail", 1)
        self.due("log", "fails", "frame-exchange: faults=1", 1)
        runs.write_json(self.run_folder / "provider.json", {**bad, "verdict": "pass", "reason": None, "reasons": []})
        self.due("record", "refused", "says verdict=pass, the log gives fail", 4)
        runs.write_json(self.run_folder / "provider.json", good)
        self.due("record", "refused", "says verdict=pass, the log gives fail", 4)

    def test_each_member_of_a_record_is_held_against_the_log(self):
        record = runs.cloud_run(self.run_folder)
        others = {"reasons": ["x"], "reason": "claim", "enumerated_device_classes": [], "dma_pool_grant": None,
                  "timings": {"a_ns": 1}, "interrupt_route_allocated": False, "interrupt_route_delivered": False,
                  "storage_bind_proof": "not-shown",
                  "not_attempted": [], "verdict": "fail", "gate": "landmark", "chain": "not-checked", "retries": [], "sweep": {},
                  "serial": [], "enumerated_device_inventory": [], "cost": {**record["cost"], "estimate_usd": 0},
                  "cloud": {**record["cloud"], "where": "gce"}, "hashes": {**record["hashes"], "log_sha256": "0" * 64},
                  "run": {**record["run"], "boot": "f" * 16}, "schema": "capos-provider-2",
                  "provider_nic_proof": {**record["provider_nic_proof"], "holds": False}}
        self.assertEqual(set(others), set(record))
        for name, value in others.items():
            if name in ("gate", "chain"):  # a weaker claim that holds as well
                continue
            with self.subTest(name):
                runs.write_json(self.run_folder / "provider.json", {**record, name: value})
                self.due("record", "refused", name.split("_")[0] if name != "schema" else "capos-provider-1", 4)
        for name in ("cloud", "verdict"):
            runs.write_json(self.run_folder / "provider.json", {key: record[key] for key in record if key != name})
            self.due("record", "refused", name, 4)

    def test_what_the_harness_says_did_not_hold(self):
        runs.cloud_run(self.run_folder)
        run = shape.read_json(self.run_folder / "run.json")
        runs.write_json(self.run_folder / "run.json", {**run, "holds": False, "reasons": ["port 1: bytes 0 to 9 were lost"]})
        self.due("record", "refused", "says verdict=pass, the log gives fail", 4)
        runs.record(self.run_folder)
        self.due("log", "fails", "the harness: port 1: bytes 0 to 9 were lost", 1)
        self.due("record", "holds", "fail", 1)

    def test_a_record_that_says_more_than_it_was_given(self):
        record = runs.cloud_run(self.run_folder)
        run = shape.read_json(self.run_folder / "run.json")
        del run["cost"]
        runs.write_json(self.run_folder / "run.json", run)
        self.due("record", "refused", "says cost, run.json does not", 4)
        runs.write_json(self.run_folder / "provider.json", {**record, "socket": 1})
        self.due("record", "refused", "'socket' is not known", 4)

    def test_marker_offsets_and_ports_are_compared(self):
        runs.cloud_run(self.run_folder)
        run = shape.read_json(self.run_folder / "run.json")
        for path, new, due in ((("serial", 0, "markers", 3, "offset"), 5, "no inventory at byte 5"),
                               (("serial", 1, "bytes"), 5, "port2.log is not the log"),
                               (("serial", 0, "sha256"), "0" * 64, "port1.log is not the log")):
            with self.subTest(due):
                runs.write_json(self.run_folder / "run.json", changed(run, path, new))
                runs.record(self.run_folder)
                self.due("record", "refused", due, 4)

    def test_without_key_log_or_record(self):
        runs.cloud_run(self.run_folder)
        key = self.run_folder / "chain.key"
        key.rename(self.home / "key")
        self.due("record", "fails", "without chain.key", 1)
        self.due("record", "holds", "pass", 0, key_file=self.home / "key")
        (self.home / "other").write_text(logs.OTHER_KEY.hex())
        self.due("log", "refused", "another key", 4, key_file=self.home / "other")
        (self.home / "key").rename(key)
        (self.run_folder / "provider.json").rename(self.home / "provider.json")
        self.due("record", "none", "no provider.json", 0)
        self.assertEqual(folders.judge(self.home / "provider.json").status(), 4)


@unittest.skipUnless(runs.HAVE_MINISIGN, runs.NO_MINISIGN)
class Statement(InFolder):
    def setUp(self):
        super().setUp()
        self.record = runs.cloud_run(self.run_folder)
        statement.write(self.run_folder, self.record, runs.FILES)

    def operator(self, name="operator"):
        key = self.home / name
        statement.new_key(key, f"{key}.pub")
        return key

    def spoil(self, name, change):
        path = self.run_folder / name
        data = path.read_bytes()
        new = change(data)
        self.assertNotEqual(new, data)
        path.write_bytes(new)

    def resign(self, change, key=None):
        """The statement changed and signed anew, as one who has a key could."""
        key = key or self.operator("forger")
        found = shape.read_json(self.run_folder / "statement.json")
        found["predicate"]["signed_by"]["public"] = statement.public_key(f"{key}.pub")[0]
        change(found)
        runs.write_json(self.run_folder / "statement.json", found)
        statement.sign(self.run_folder / "statement.json", key)
        shutil.copy(f"{key}.pub", self.run_folder / "statement.pub")

    def test_a_throwaway_key_signs_and_says_so(self):
        self.due("statement", "holds", "9 subjects: 4 are the files that were signed, not here: archive, disk, ", 0)
        judged = self.due("signature", "holds", "made for this run", 0)
        self.assertIn("who signed is not shown", judged.findings[-1][2])
        found = statement.verify(self.run_folder)
        self.assertEqual(found["predicate"]["signed_by"]["key"], "throwaway")
        self.assertEqual({one["name"] for one in found["subject"]},
                         {"port1.log", "port2.log", "run.json", "provider.json", *runs.FILES})
        self.assertEqual(found["_type"], "https://in-toto.io/Statement/v1")
        for path in self.run_folder.iterdir():
            self.assertNotIn(b"RWQAAEIy", path.read_bytes(), "a secret key without a password begins so")

    def test_the_operators_key_signs_and_is_held_against_the_named_one(self):
        key, other = self.operator(), self.operator("other")
        statement.write(self.run_folder, self.record, runs.FILES, key)
        self.due("signature", "holds", "the one that you named; the operator's key", 0, public=f"{key}.pub")
        self.due("signature", "holds", "--public-key", 0)
        self.due("signature", "refused", f"not by {statement.public_key(f'{other}.pub')[1]} of other.pub", 4, public=f"{other}.pub")

    def test_files_that_booted_are_compared_where_they_are_named(self):
        path = self.home / "disk.tar.gz"
        path.write_bytes(runs.IMAGE["archive"])
        self.due("statement", "holds", "5 are the files", 0, files=[("archive", path)])
        path.write_bytes(b"another")
        self.due("statement", "refused", "archive is not the file that was signed", 4, files=[("archive", path)])
        self.due("statement", "refused", "no subject initrd", 4, files=[("initrd", path)])

    def test_what_was_changed_after_signing_is_refused(self):
        for name, of, due, change in (
                ("port1.log", "statement", "port1.log is not the file", lambda data: data + b"more\r\n"),
                ("port2.log", "statement", "port2.log is not the file", lambda data: data[:-1]),
                ("run.json", "statement", "run.json is not the file", lambda data: data.replace(b"41.5", b"41.6")),
                ("provider.json", "statement", "provider.json is not the file", lambda data: data.replace(b"pass", b"fail")),
                ("statement.json", "signature", "does not verify", lambda data: data.replace(b"e2-small", b"e2-large")),
                ("statement.json", "signature", "does not verify", lambda data: data + b"\n"),
                ("statement.json.minisig", "signature", "cut off", lambda data: data[:-40]),
                ("statement.json.minisig", "signature", "cut off", lambda data: data[:100]),
                ("statement.json.minisig", "signature", "does not verify", lambda data: data.replace(b"capos run", b"capos ran")),
                ("statement.json.minisig", "signature", "not a signature", lambda _: b""),
                ("statement.pub", "signature", "not a public key", lambda data: data[:-5]),
                ("chain.key", "log", "another key", lambda _: logs.OTHER_KEY.hex().encode())):
            with self.subTest(f"{name}: {due}"):
                kept = (self.run_folder / name).read_bytes()
                self.spoil(name, change)
                self.due(of, "refused", due, 4)
                (self.run_folder / name).write_bytes(kept)
        self.due("signature", "holds", "made for this run", 0)

    def test_a_subject_that_was_changed_or_another_signature(self):
        self.spoil("statement.json", lambda data: data.replace(runs.FILES["kernel"].encode(), b"0" * 64))
        self.due("signature", "refused", "does not verify", 4)
        statement.write(self.run_folder, self.record, runs.FILES)
        first = (self.run_folder / "statement.json.minisig").read_bytes()
        statement.write(self.run_folder, self.record, runs.FILES)
        (self.run_folder / "statement.json.minisig").write_bytes(first)
        self.due("signature", "refused", "signed by key ", 4)

    def test_parts_that_are_missing(self):
        for name, of, due in (("statement.json.minisig", "signature", "no signature"),
                              ("statement.pub", "signature", "No such file"),
                              ("statement.json", "statement", "no statement.json, but statement.json.minisig")):
            with self.subTest(name):
                (self.run_folder / name).rename(self.home / name)
                self.due(of, "refused", due, 4)
                (self.home / name).rename(self.run_folder / name)
        for name in (statement.FILE, statement.SIGNATURE, statement.PUBLIC):
            (self.run_folder / name).unlink()
        self.due("statement", "refused", "no statement.json", 4, public=f"{self.operator()}.pub")

    def test_one_who_signs_anew_with_a_key_of_his_own(self):
        operator = self.operator()
        statement.write(self.run_folder, self.record, runs.FILES, operator)

        def without(name):
            return lambda found: found["subject"].remove(next(one for one in found["subject"] if one["name"] == name))
        changes = [(without("port1.log"), "port1.log is there, and the statement is not over it"),
                   (without("provider.json"), "provider.json is there"), (without("run.json"), "run.json is there"),
                   (lambda found: found["subject"].append(found["subject"][0]), "stands twice"),
                   (lambda found: found["subject"].append({"name": "../x", "digest": {"sha256": "0" * 64}}), "no subject has"),
                   (lambda found: found["subject"][0]["digest"].update(sha256="0" * 64), "archive is not the record's"),
                   (lambda found: found["predicate"].update(verdict="fail"), "is not what provider.json says"),
                   (lambda found: found["predicate"].update(more=1), "'more' is not known"),
                   (lambda found: found["predicate"]["signed_by"].update(key="Google"), "by whose key"),
                   (lambda found: found.update(predicateType="x"), "not of a run of capos"),
                   (lambda found: found.update(_type="x"), "not an in-toto statement"),
                   (lambda found: found.update(subject=[]), "subjects are due"),
                   (lambda found: found.update(subject=[{"name": "a"}]), "a subject is not")]
        forger = self.operator("forger")
        kept = {name: (self.run_folder / name).read_bytes() for name in (statement.FILE, statement.SIGNATURE, statement.PUBLIC)}
        for change, due in changes:
            with self.subTest(due):
                self.resign(change, forger)
                self.due("statement", "refused", due, 4)
                for name, data in kept.items():
                    (self.run_folder / name).write_bytes(data)
        self.resign(lambda found: None, forger)
        self.due("signature", "holds", "came with the folder", 0)
        self.due("signature", "refused", "signed by key", 4, public=f"{operator}.pub")
        self.resign(lambda found: found["predicate"]["signed_by"].update(public=statement.public_key(f"{operator}.pub")[0]), forger)
        self.due("signature", "refused", "names another key", 4)

    def test_a_key_that_would_ask_or_is_none_signs_nothing(self):
        key = self.operator()
        text = key.read_text().split("\n")
        raw = bytearray(statement.base64.b64decode(text[1]))
        raw[2:4] = b"Sc"
        for data, due in (("\n".join([text[0], statement.base64.b64encode(raw).decode(), ""]), "has a password"),
                          (key.read_text()[:60], "not a secret key"), ("", "not a secret key")):
            key.write_text(data)
            with self.assertRaisesRegex(statement.Refused, due):
                statement.write(self.run_folder, self.record, runs.FILES, key)
        self.due("signature", "holds", "made for this run", 0)  # the one that was there
        with self.assertRaisesRegex(statement.Refused, "is there already"):
            statement.new_key(key, f"{key}.pub")

    def test_without_minisign_nothing_is_called_signed(self):
        kept = statement.os.environ["PATH"]
        statement.os.environ["PATH"] = str(self.home)
        self.addCleanup(statement.os.environ.update, PATH=kept)
        judged = self.due("signature", "missing", "./capos setup cloudboot", 3)
        self.assertEqual(judged.verdict(), "not-judged")
        self.assertEqual(run_main(statement, "make", self.run_folder)[0], 3)
        (self.run_folder / "port1.log").write_bytes(b"x")
        self.due("signature", "missing", "minisign", 4)


class Mutations:
    """How one evidence line of a log is spoiled."""

    # way, change of (lines, at), the reasons of the refusals
    WAYS = [
        ("removed", lambda lines, at: lines.pop(at), {"sequence", "no-end"}),
        ("duplicated", lambda lines, at: lines.insert(at, lines[at]), {"sequence", "after-end"}),
        ("altered", lambda lines, at: lines.__setitem__(
            at, re.sub(r"(chain=[0-9a-f]{64},[a-z0-9_]+=)([^,]+)", r"\g<1>\g<2>0", lines[at])), {"chain", "fact-kind"}),
        ("chain altered", lambda lines, at: lines.__setitem__(
            at, re.sub("chain=(.)", lambda found: "chain=" + ("1" if found[1] == "0" else "0"), lines[at])), {"chain"}),
        ("of another boot", lambda lines, at: lines.__setitem__(at, lines[at].replace(logs.BOOT, "f" * 16)), {"boot-id", "chain"}),
        ("renumbered", lambda lines, at: lines.__setitem__(at, re.sub(r"seq=\d+", "seq=77", lines[at])), {"sequence"}),
        ("cut off", lambda lines, at: lines.__setitem__(at, lines[at][:90]), {"grammar"}),
        ("typed before it", lambda lines, at: lines.insert(at, f"{logs.PREFIX} end v1:seq={at},boot={logs.BOOT},chain={'0' * 64},"
                                                               f"count={at}"), {"chain", "after-end"}),
        ("text before it", lambda lines, at: lines.insert(at, f"{logs.PREFIX} all is well"), {"grammar"}),
    ]


class Gate(InFolder):
    """A run's folder whose log is spoiled: refused, with the reason, whatever record lies beside it."""

    def spoil_each(self, console, port, lines, names=None):
        for way, change, reasons in Mutations.WAYS:
            for at in range(len(lines)):
                if names and lines[at].split()[1] not in names:
                    continue
                spoiled = list(lines)
                change(spoiled, at)
                self.assertNotEqual(spoiled, lines, way)
                with self.subTest(f"{way}: {lines[at].split()[1]}"):
                    (self.run_folder / console).write_bytes(logs.console(spoiled, "\r\n"))
                    (self.run_folder / port).write_bytes(logs.port(spoiled))
                    judged = folders.judge(self.run_folder)
                    self.assertEqual((judged.status(), judged.result["verdict"]), (4, "refused"), judged.findings)
                    self.assertIn(judged.result["reason"], reasons)
                    self.assertEqual(dict((of, state) for of, state, _ in judged.findings)["record"], "refused")

    def test_markers_of_a_cloud_log_spoiled_in_each_way(self):
        """Those that the simulator's log below does not have."""
        runs.cloud_run(self.run_folder)
        names = ("storage-bound", "storage-read", "storage-package", "storage-teardown", "metadata-nonce", "access-path")
        self.spoil_each("port1.log", "port2.log", logs.evidence(runs.facts()), names)

    @unittest.skipUnless(runs.SIMULATOR.exists() and runs.PACKAGE.exists(), "the simulator is not built")
    def test_each_marker_of_a_real_log_spoiled_in_each_way(self):
        self.run_folder.mkdir()
        self.assertEqual(runs.simulator_run(self.run_folder)["verdict"], "pass")
        self.due("record", "holds", "pass", 0)
        lines = (self.run_folder / "evidence.log").read_text().splitlines()
        self.spoil_each("console.log", "evidence.log", lines)

    def log(self, lines):
        (self.run_folder / "port1.log").write_bytes(logs.console(lines, "\r\n"))
        (self.run_folder / "port2.log").write_bytes(logs.port(lines))

    def test_yesterdays_log_and_one_of_another_nonce(self):
        runs.cloud_run(self.run_folder)
        self.log(logs.evidence(runs.facts(), logs.OTHER_KEY))  # yesterday's: whole and sound, of another key
        self.due("log", "refused", "(chain)", 4)
        self.log(logs.evidence(runs.facts(), boot="f" * 16))
        self.due("log", "refused", "is not the run's 0123456789abcdef (boot-id)", 4)
        self.log(logs.evidence([(name, values.replace(runs.NONCE, "f" * 32)) for name, values in runs.facts()]))
        self.due("log", "refused", "the nonce of another run (nonce)", 4)

    def test_one_line_of_yesterdays_log(self):
        runs.cloud_run(self.run_folder)
        today, yesterday = logs.evidence(runs.facts()), logs.evidence(runs.facts(), logs.OTHER_KEY)
        for at in range(len(today)):
            with self.subTest(at):
                self.log(today[:at] + [yesterday[at]] + today[at + 1:])
                self.due("log", "refused", "(chain)", 4)

    def test_ports_that_do_not_carry_the_same(self):
        runs.cloud_run(self.run_folder)
        lines = logs.evidence([(name, values.replace("commit=abc", "commit=def")) for name, values in runs.facts()])
        (self.run_folder / "port2.log").write_bytes(logs.port(lines))
        self.due("log", "refused", "(ports-differ)", 4)

    def test_what_a_program_can_print_changes_nothing(self):
        """The console escapes what would start a line with the prefix; what is left of it is text."""
        runs.cloud_run(self.run_folder)
        lines = logs.evidence(runs.facts())
        for text in (f"> {lines[8]}", f"x\r{lines[8]}", f"\x1b[2K{lines[8]}", f" {lines[8]}", "\\" + lines[8], f"\v{lines[8]}",
                     f"\x00{lines[8]}", lines[8][1:]):
            with self.subTest(repr(text[:20])):
                rest = logs.console(lines[4:], "\r\n").split(b"\n", 1)[1]
                data = logs.console(lines[:4], "\r\n") + text.encode() + b"\r\n" + rest
                (self.run_folder / "port1.log").write_bytes(data)
                judged = folders.judge(self.run_folder)
                self.assertEqual([line.text for line in judged.result["lines"]], lines, judged.findings)
                self.assertEqual(judged.findings[0][1], "holds")


class CommandLine(InFolder):
    def test_one_line_for_each_thing_and_the_verdict(self):
        runs.cloud_run(self.run_folder)
        status, out, err = run_main(check, self.run_folder)
        self.assertEqual((status, err), (0, ""))
        self.assertEqual([line.split()[:2] for line in out.splitlines()],
                         [["log", "holds"], ["record", "holds"], ["statement", "none"], ["verdict:", "pass"]])
        self.assertEqual(run_main(check, self.run_folder / "provider.json")[1], out)
        status, out, _ = run_main(check, self.run_folder, "--json")
        found = json.loads(out)
        self.assertEqual((status, found["verdict"], [one["of"] for one in found["findings"]]),
                         (0, "pass", ["log", "record", "statement"]))

    def test_usage(self):
        runs.cloud_run(self.run_folder)
        for words in ((self.run_folder, "--out", "x"), (self.run_folder / "port1.log", "--public-key", "x"),
                      (self.run_folder, "--file", "x"), ()):
            self.assertEqual(run_main(check, *words)[0], 2)
        for words in ((self.home / "nothing",), (self.home / "no.json",), (self.home,)):
            self.assertEqual(run_main(check, *words)[0], 4)

    @unittest.skipUnless(runs.HAVE_MINISIGN, runs.NO_MINISIGN)
    def test_key_make_verify_and_sign(self):
        runs.cloud_run(self.run_folder)
        key = self.home / "operator"
        status, out, _ = run_main(statement, "key", key)
        self.assertEqual((status, key.stat().st_mode & 0o777), (0, 0o600))
        self.assertRegex(out, r"^key [0-9A-F]{16}: ")
        (self.home / "archive").write_bytes(runs.IMAGE["archive"])
        status, out, _ = run_main(statement, "make", self.run_folder, "--key", key, "--file", f"archive={self.home / 'archive'}")
        self.assertEqual(status, 0)
        self.assertRegex(out, r"^statement: 5 subjects, verdict pass, signed by a key of the operator, RW")
        self.assertEqual(run_main(statement, "verify", self.run_folder, "--public-key", f"{key}.pub")[0], 0)
        self.assertEqual(run_main(statement, "key", key)[0], 4)
        self.assertEqual(run_main(statement, "sign", self.home / "archive", "--key", key)[0], 0)
        statement.check_signature(self.home / "archive", f"{key}.pub")
        status, out, _ = run_main(check, self.run_folder, "--public-key", f"{key}.pub")
        self.assertEqual((status, out.splitlines()[3].split()[:2]), (0, ["signature", "holds"]))
        (self.run_folder / "port2.log").write_bytes(b"")
        self.assertEqual(run_main(statement, "verify", self.run_folder)[0], 4)
        self.assertEqual(run_main(statement, "verify", self.run_folder, "--file", "x")[0], 2)


if __name__ == "__main__":
    unittest.main()
