#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The manifest and the boot package made of it: each fault is planted twice, in the manifest, where the host tool refuses it, and in
# a package with its hashes made anew, where the kernel's check does. Both give the same reason. Needs build/ship.
import copy
import hashlib
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

import jsonschema

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / "build/ship"
sys.path.insert(0, str(ROOT / "user"))
import make_package as tool  # noqa: E402

MARKERS = ["platform", "inventory", "audit"]
TABLES = tool.read_tables((BUILD / "user/tables.bin").read_bytes())
FILES = {"init": b"init's file", "nicd": b"nicd's", "shell": b"the shell's"}
SAMPLE = {
    "init": "init", "programs": ["init", "nicd", "shell"], "tables": ["virtio-net-legacy", "virtio-net-modern"],
    "services": [
        {"name": "init", "program": "init", "pages": 8, "grants": [
            {"name": "spawner", "kernel": "spawner"}, {"name": "console", "kernel": "serial", "port": 1},
            {"name": "sink", "evidence": ["platform", "inventory"]}, {"name": "supervisor", "serves": "supervisor"}]},
        {"name": "nicd", "program": "nicd", "pages": 64, "restart": "always", "restart_budget": 5,
         "parameters": {"modern": {"table": "virtio-net-modern"}, "poll": 64}, "grants": [
             {"name": "function", "device": {"vendor": "1af4", "class": "0200", "number": 1}}, {"name": "nic", "serves": "nic"}]},
        {"name": "shell", "program": "shell", "pages": 4, "restart": "always", "restart_budget": 5, "grants": [
            {"name": "console", "kernel": "serial", "port": 1}, {"name": "net", "service": "nicd", "served": "nic"},
            {"name": "supervisor", "service": "init"}, {"name": "sink", "evidence": ["inventory"]}]},
    ],
}
INIT, NICD, SHELL = range(3)
META = "169.254.169.254"


class Bytes:
    """A package to be patched: entries of its lists by number, as lists of their fields."""
    LISTS = {"program": (8, tool.PROGRAM), "service": (10, tool.SERVICE), "grant": (12, tool.GRANT), "table": (14, tool.TABLE)}

    def __init__(self, data):
        self.data = bytearray(data)

    def header(self, field, value):
        struct.pack_into("<I", self.data, 4 * field, value)

    def entry(self, kind, number, field, value):
        at_field, layout = self.LISTS[kind]
        at = struct.unpack_from("<I", self.data, 4 * at_field)[0] + number * struct.calcsize(layout)
        values = list(struct.unpack_from(layout, self.data, at))
        values[field] = value
        struct.pack_into(layout, self.data, at, *values)

    def hashed(self):
        self.data[64:96] = bytes(32)
        self.data[64:96] = hashlib.sha256(self.data).digest()
        return bytes(self.data)


def grant(manifest, service, number):
    return manifest["services"][service]["grants"][number]


def service(manifest, number):
    return manifest["services"][number]


def cycle(manifest):
    grant(manifest, SHELL, 3).clear()
    grant(manifest, SHELL, 3).update(name="talk", serves="nic")
    grant(manifest, NICD, 0).clear()
    grant(manifest, NICD, 0).update(name="talk", service="shell")


def cycle_bytes(package):
    nic = tool.INTERFACES["nic"]
    for field, value in ((1, tool.GRANT_KINDS["serves"]), (2, nic), (10, 0)):  # shell's sink serves
        package.entry("grant", 9, field, value)
    for field, value in ((1, tool.GRANT_KINDS["served"]), (2, nic), (3, SHELL), (5, b"sink"), (6, 0), (7, 0), (8, 0), (11, 0)):
        package.entry("grant", 4, field, value)  # and nicd asks for it


def twice(items):
    items.append(copy.deepcopy(items[-1]))


def claim(manifest):
    service(manifest, SHELL)["grants"].append({"name": "mine", "device": grant(manifest, NICD, 0)["device"]})


def claim_bytes(package):
    kind, function = tool.GRANT_KINDS["device"], tool.INTERFACES["function"]
    for field, value in ((1, kind), (2, function), (6, 0x1af4), (7, 0x0200), (8, 1), (10, 0), (11, tool.ANY)):
        package.entry("grant", 9, field, value)


def listen(manifest, name, **fields):
    """The shell gets an authority over a port, of nicd, which serves it then."""
    if not any(other["name"] == "listen" for other in service(manifest, NICD)["grants"]):
        service(manifest, NICD)["grants"].append({"name": "listen", "serves": "tcp-listen-authority"})
    service(manifest, SHELL)["grants"].append({"name": name, "service": "nicd", "served": "listen", **fields})


def connect(manifest, name, **fields):
    """The same of an authority to connect."""
    if not any(other["name"] == "connect" for other in service(manifest, NICD)["grants"]):
        service(manifest, NICD)["grants"].append({"name": "connect", "serves": "tcp-connect-authority"})
    service(manifest, SHELL)["grants"].append({"name": name, "service": "nicd", "served": "connect", **fields})


def port_bytes(interface, *ports):
    """nicd's nic becomes such an authority; what shell was given last are clients of it."""
    authority = tool.INTERFACES[interface]

    def change(package):
        package.entry("grant", 5, 2, authority)
        package.entry("grant", 7, 2, authority)
        package.entry("grant", 7, 4, ports[0])
        if len(ports) > 1:
            for field, value in ((1, tool.GRANT_KINDS["served"]), (2, authority), (3, NICD), (4, ports[1]), (5, b"nic"), (10, 0)):
                package.entry("grant", 9, field, value)
    return change


def asked(manifest, *names, **fields):
    """The shell runs when nicd asks for it, which has a grant for it under each of the names."""
    service(manifest, SHELL).update({"when": "asked", "restart": "never", "restart_budget": 0, **fields})
    service(manifest, SHELL)["grants"].pop()
    for name in names:
        service(manifest, NICD)["grants"].append({"name": name, "starts": "shell"})


def asked_bytes(package, *starters, kinds=None):
    """The same; `starters`: grants that become such. The shell is a client of init's alone then."""
    for field, value in ((4, 0), (5, 4), (6, 0)):
        package.entry("service", SHELL, field, value)
    serial, supervisor = tool.INTERFACES["serial"], tool.INTERFACES["supervisor"]
    for at, kind, interface, port, served in ((7, "kernel", serial, 1, b""), (9, "served", supervisor, 0, b"supervisor")):
        for field, value in ((1, tool.GRANT_KINDS[kind]), (2, interface), (3, INIT), (4, port), (5, served), (10, 0)):
            package.entry("grant", at, field, value)
    for at in starters:
        for field, value in ((1, tool.GRANT_KINDS["starts"]), (2, tool.INTERFACES["starter"]), (3, SHELL), (6, 0), (7, 0), (8, 0),
                             (10, 0), (11, 0)):
            package.entry("grant", at, field, value)


def starts_what_runs(package):
    for field, value in ((1, tool.GRANT_KINDS["starts"]), (2, tool.INTERFACES["starter"]), (3, NICD), (10, 0)):
        package.entry("grant", 9, field, value)


def asked_and_serves(package):
    asked_bytes(package, 5)
    for field, value in ((1, tool.GRANT_KINDS["serves"]), (2, tool.INTERFACES["nic"]), (3, 0), (5, b"")):
        package.entry("grant", 9, field, value)


# reason, what, change of the manifest (None: no manifest can say it), change of the package (None: no package can hold it)
FAULTS = [
    ("size", "too long", "big", lambda p: p.data.extend(bytes(8 << 20))),
    ("size", "too short", None, lambda p: p.data.__delitem__(slice(-8, None))),
    ("magic", "no package", None, lambda p: p.header(0, 0)),
    ("version", "another version", None, lambda p: p.header(1, 1)),
    ("hash", "other bytes", None, "unhashed"),
    ("extent", "a list that leaves", None, lambda p: p.header(8, 0xfffffff8)),
    ("count", "no program", lambda m: m["programs"].clear(), lambda p: p.header(3, 0)),
    ("count", "too many services", lambda m: m.update(services=m["services"] * 6), lambda p: p.header(4, 17)),
    ("count", "too many grants", lambda m: service(m, SHELL)["grants"].extend([{"name": "x"}] * 30),
     lambda p: p.entry("service", SHELL, 3, 33)),
    ("name", "a program twice", lambda m: m["programs"].append("shell"), lambda p: p.entry("program", 2, 0, b"init")),
    ("name", "a service twice", lambda m: twice(m["services"]), lambda p: p.entry("service", SHELL, 0, b"nicd")),
    ("name", "a grant twice", lambda m: twice(service(m, SHELL)["grants"]), lambda p: p.entry("grant", 9, 0, b"net")),
    ("name", "a table twice", lambda m: twice(m["tables"]), lambda p: p.entry("table", 1, 0, b"virtio-net-legacy")),
    ("name", "a name with a capital", lambda m: service(m, SHELL).update(name="Shell"),
     lambda p: p.entry("service", SHELL, 0, b"Shell")),
    ("name", "a name too long", lambda m: service(m, SHELL).update(name="x" * 24),
     lambda p: p.entry("service", SHELL, 0, b"x" * 24)),
    ("program", "no such program", lambda m: service(m, SHELL).update(program="sh"), lambda p: p.entry("service", SHELL, 1, 3)),
    ("program", "no such file", lambda m: m["programs"].append("absent"), lambda p: p.entry("program", 1, 3, bytes(32))),
    ("program", "init is nobody's", lambda m: m.update(init="none"), lambda p: p.header(7, 3)),
    ("program", "init is two services'", lambda m: service(m, SHELL).update(program="init"),
     lambda p: p.entry("service", SHELL, 1, 0)),
    ("field", "an unknown field", lambda m: service(m, SHELL).update(restrat="always"), None),
    ("field", "an unknown field of a grant", lambda m: grant(m, SHELL, 0).update(prot=1), None),
    ("field", "a field of another kind", lambda m: grant(m, NICD, 1).update(port=1), lambda p: p.entry("grant", 5, 4, 1)),
    ("field", "a port of what has none", lambda m: grant(m, SHELL, 1).update(port=1), lambda p: p.entry("grant", 7, 4, 1)),
    ("field", "a listen authority over no port", lambda m: listen(m, "shell", port=0),
     port_bytes("tcp-listen-authority", 0)),
    ("field", "a port beyond the last", lambda m: listen(m, "shell", port=0x10000), None),
    ("field", "a backlog too large", lambda m: listen(m, "shell", port=7, backlog=65), None),
    ("field", "a source that is no prefix", lambda m: listen(m, "shell", **{"port": 7, "from": "10.0.2.1/24"}), None),
    ("field", "a connect authority to no port", lambda m: connect(m, "shell", port=0, to=META),
     port_bytes("tcp-connect-authority", 0)),
    ("field", "a connect authority to no address", lambda m: connect(m, "shell", port=80), None),
    ("field", "a connect authority to a name", lambda m: connect(m, "shell", port=80, to="metadata.google.internal"), None),
    ("field", "a connect authority with a backlog", lambda m: connect(m, "shell", port=80, to=META, backlog=1), None),
    ("field", "a listen authority to an address", lambda m: listen(m, "shell", port=80, to=META), None),
    ("field", "a socket to be served by name", lambda m: grant(m, NICD, 1).update(serves="tcp-socket"),
     lambda p: p.entry("grant", 5, 2, tool.INTERFACES["tcp-socket"])),
    ("field", "an optional console", lambda m: grant(m, SHELL, 0).update(optional=True), lambda p: p.entry("grant", 6, 9, 1)),
    ("field", "optional in part", lambda m: grant(m, SHELL, 1).update(optional=2), lambda p: p.entry("grant", 7, 9, 2)),
    ("field", "an unknown restart rule", lambda m: service(m, SHELL).update(restart="often"),
     lambda p: p.entry("service", SHELL, 4, 2)),
    ("field", "an unknown kind of run", lambda m: service(m, SHELL).update(when="never"),
     lambda p: p.entry("service", SHELL, 5, 6)),
    ("field", "init left out of a run", lambda m: service(m, INIT).update(when="serve"),
     lambda p: p.entry("service", INIT, 5, 1)),
    ("dangling", "a service that runs when its server does not", lambda m: service(m, NICD).update(when="proof"),
     lambda p: p.entry("service", NICD, 5, 2)),
    ("field", "a budget too large", lambda m: service(m, SHELL).update(restart_budget=17),
     lambda p: p.entry("service", SHELL, 6, 17)),
    ("field", "pages too many", lambda m: service(m, SHELL).update(pages=16385), lambda p: p.entry("service", SHELL, 8, 16385)),
    ("field", "a word of the boot line for nobody", lambda m: service(m, SHELL).update(boot=["chain_key"]),
     lambda p: p.entry("service", SHELL, 7, 16)),
    ("field", "no kind of grant", lambda m: grant(m, SHELL, 0).pop("kernel"), lambda p: p.entry("grant", 6, 1, 0)),
    ("field", "a port too high", lambda m: grant(m, SHELL, 0).update(port=5), lambda p: p.entry("grant", 6, 4, 5)),
    ("field", "an interface that is not init's to give", lambda m: grant(m, SHELL, 0).update(kernel="device"),
     lambda p: p.entry("grant", 6, 2, tool.INTERFACES["device"])),
    ("field", "a vendor that is none", lambda m: grant(m, NICD, 0)["device"].update(vendor="ffff"),
     lambda p: p.entry("grant", 4, 6, 0)),
    ("field", "a device of which nothing is named", lambda m: grant(m, NICD, 0)["device"].pop("class"),
     lambda p: p.entry("grant", 4, 7, tool.ANY)),
    ("dangling", "one that comes first and waits for another", lambda m: service(m, SHELL).update(when="proof-first"),
     lambda p: p.entry("service", SHELL, 5, 3)),
    ("field", "a sink over nothing", lambda m: grant(m, SHELL, 3).update(evidence=[]), lambda p: p.entry("grant", 9, 10, 0)),
    ("field", "parameters too long", lambda m: service(m, NICD)["parameters"].update(word="x" * 512),
     lambda p: p.entry("service", NICD, 10, 512)),
    ("dangling", "a service that is not there", lambda m: grant(m, SHELL, 1).update(service="netd"),
     lambda p: p.entry("grant", 7, 3, 3)),
    ("dangling", "a name that it does not serve", lambda m: grant(m, SHELL, 1).update(served="nid"),
     lambda p: p.entry("grant", 7, 5, b"nid")),
    ("dangling", "a port that init has not", lambda m: grant(m, SHELL, 0).update(port=2), lambda p: p.entry("grant", 6, 4, 2)),
    ("dangling", "a marker that init has not", lambda m: grant(m, SHELL, 3).update(evidence=["audit"]),
     lambda p: p.entry("grant", 9, 10, 4)),
    ("cycle", "two that wait for each other", cycle, cycle_bytes),
    ("claim", "a device twice", claim, claim_bytes),
    ("claim", "a port twice", lambda m: (listen(m, "one", port=7), listen(m, "two", port=7)),
     port_bytes("tcp-listen-authority", 7, 7)),
    ("claim", "a way out twice", lambda m: (connect(m, "one", port=80, to=META), connect(m, "two", port=80, to=META)),
     port_bytes("tcp-connect-authority", 80, 80)),
    ("claim", "one that two ask for", lambda m: asked(m, "one", "two"), lambda p: asked_bytes(p, 4, 5)),
    ("field", "asked for, and started again", lambda m: asked(m, "one", restart="always"),
     lambda p: (asked_bytes(p, 5), p.entry("service", SHELL, 4, 1))),
    ("field", "asked for, with a budget", lambda m: asked(m, "one", restart_budget=1),
     lambda p: (asked_bytes(p, 5), p.entry("service", SHELL, 6, 1))),
    ("field", "asked for, and serves",
     lambda m: (asked(m, "one"), service(m, SHELL)["grants"].append({"name": "x", "serves": "nic"})), asked_and_serves),
    ("dangling", "asked for by nobody", asked, asked_bytes),
    ("dangling", "a start of what always runs",
     lambda m: service(m, SHELL)["grants"].append({"name": "go", "starts": "nicd"}), starts_what_runs),
    ("field", "a start that init has", lambda m: (asked(m), service(m, INIT)["grants"].append({"name": "go", "starts": "shell"})),
     lambda p: asked_bytes(p, 3)),
    ("table", "no such table", lambda m: m["tables"].append("gve"), lambda p: p.entry("table", 1, 4, 24)),
]


def make(manifest, files=None):
    return tool.make(json.dumps(manifest), MARKERS, TABLES, {**FILES, **(files or {})}.get)


def check(package):
    with tempfile.NamedTemporaryFile() as file:
        file.write(package)
        file.flush()
        return subprocess.run([BUILD / "user/capos-package-check", file.name], capture_output=True, text=True, check=False)


class Manifest(unittest.TestCase):
    def refused(self, manifest, files=None):
        with self.assertRaises(tool.Refused) as caught:
            make(manifest, files)
        self.assertNotIn("\n", str(caught.exception))
        return caught.exception

    def test_sample_is_accepted_by_the_kernels_check(self):
        done = check(make(SAMPLE))
        self.assertEqual((done.returncode, done.stdout), (0, "ok\n"))

    def test_each_fault_is_refused_in_the_manifest(self):
        for reason, what, change, _ in FAULTS:
            if change is None:
                continue
            with self.subTest(what):
                manifest = copy.deepcopy(SAMPLE)
                files = {"shell": bytes(8 << 20)} if change == "big" else None
                if files is None:
                    change(manifest)
                self.assertEqual(self.refused(manifest, files).reason, reason)

    def test_each_fault_is_refused_in_the_package(self):
        for reason, what, _, change in FAULTS:
            if change is None:
                continue
            with self.subTest(what):
                package = Bytes(make(SAMPLE))
                if change == "unhashed":
                    package.data[-1] ^= 1
                    data = bytes(package.data)
                else:
                    change(package)
                    data = package.hashed()
                done = check(data)
                self.assertEqual(done.returncode, 4, done.stdout)
                self.assertEqual(done.stdout.split(": ")[:2], ["refused", reason])

    def test_every_reason_is_planted_and_those_of_a_manifest_both_ways(self):
        self.assertEqual({reason for reason, *_ in FAULTS}, set(tool.REASONS))
        both = {reason for reason, _, manifest, package in FAULTS if manifest and package}
        self.assertEqual(set(tool.REASONS) - both, {"magic", "version", "hash", "extent"})

    def test_the_line_names_place_reason_and_thing(self):
        manifest = copy.deepcopy(SAMPLE)
        grant(manifest, SHELL, 1)["service"] = "netd"
        self.assertEqual(str(self.refused(manifest)), 'services[shell].grants[1]: dangling: nobody called "netd" serves "nic"')

    def test_fields_of_the_wrong_type_and_text_that_is_no_json(self):
        for change in (lambda m: m.update(services={}), lambda m: service(m, SHELL).update(pages="4"),
                       lambda m: m["services"].append(7),
                       lambda m: service(m, SHELL).update(pages=True), lambda m: service(m, SHELL).pop("pages"),
                       lambda m: service(m, SHELL)["grants"].append(None), lambda m: service(m, NICD)["parameters"].update(a=[])):
            manifest = copy.deepcopy(SAMPLE)
            change(manifest)
            self.assertEqual(self.refused(manifest).reason, "field")
        for text in ("{", "[]", "1", '{"init": "a", "init": "b"}'):
            with self.assertRaises(tool.Refused):
                tool.make(text, MARKERS, TABLES, FILES.get)

    def test_equal_inputs_give_equal_bytes_in_any_order_of_fields(self):
        manifest = json.loads(json.dumps(SAMPLE))
        manifest = dict(reversed(manifest.items()))
        manifest["services"] = [dict(reversed(item.items())) for item in manifest["services"]]
        self.assertEqual(make(manifest), make(SAMPLE))

    def test_parameters_name_tables_by_number(self):
        self.assertIn(b"modern=1 poll=64", make(SAMPLE))

    def test_the_server_of_ports_is_told_of_each(self):
        manifest = copy.deepcopy(SAMPLE)
        listen(manifest, "echo", port=7)
        listen(manifest, "web", **{"port": 8080, "backlog": 4, "from": "10.0.2.0/24"})
        package = make(manifest)
        self.assertIn(b"modern=1 poll=64 listen_7=8 listen_8080=4,10.0.2.0/24", package)
        self.assertEqual(check(package).stdout, "ok\n")

    def test_a_service_that_is_asked_for(self):
        manifest = copy.deepcopy(SAMPLE)
        asked(manifest, "go")
        self.assertEqual(check(make(manifest)).stdout, "ok\n")
        service(manifest, NICD)["when"] = "proof"  # its server runs whenever it may
        self.assertEqual(check(make(manifest)).stdout, "ok\n")

    def test_who_may_connect_where_is_in_its_servers_words(self):
        manifest = copy.deepcopy(SAMPLE)
        connect(manifest, "metadata", port=80, to=META)
        package = make(manifest)
        self.assertIn(b"modern=1 poll=64 connect_80=169.254.169.254", package)
        self.assertEqual(check(package).stdout, "ok\n")

    def test_of_a_program_file_goes_in_what_is_loaded(self):
        """Two segments, the second of which is longer in memory, then symbols: the loader needs no byte behind the segments."""
        segments = b"".join(struct.pack("<IIQQQQQQ", 1, 5, at, at, at, size, size + more, 1)
                            for at, size, more in ((0, 176, 0), (184, 9, 100)))
        head = struct.pack("<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, 300, 0, 64, 56, 2, 64, 5, 4)
        whole = (head + segments).ljust(184, b"\xaa") + b"last data" + b"symbols and lines".ljust(500, b".")
        kept = tool.loaded(whole)
        self.assertEqual(kept, whole[:193])
        self.assertEqual(tool.loaded(kept), kept)
        for other in (b"", b"init's file", whole[:100], b"\x7fELF\x01" + whole[5:]):  # no such file: as it is
            self.assertEqual(tool.loaded(other), other)

    def test_command_line(self):
        with tempfile.TemporaryDirectory() as folder:
            home = pathlib.Path(folder)
            services = [dict(item, grants=[g for g in item["grants"] if "evidence" not in g]) for item in SAMPLE["services"]]
            (home / "manifest.json").write_text(json.dumps(dict(SAMPLE, services=services)), encoding="utf-8")
            for name, data in FILES.items():
                (home / f"{name}.elf").write_bytes(data)
            command = [sys.executable, "-B", ROOT / "user/make_package.py", "--manifest", home / "manifest.json", "--markers",
                       ROOT / "evidence/markers.json", "--tables", BUILD / "user/tables.bin", "--programs", home, "--out"]
            for name in ("one", "two"):
                self.assertEqual(subprocess.run([*command, home / name], check=False).returncode, 0)
            self.assertEqual((home / "one").read_bytes(), (home / "two").read_bytes())
            (home / "shell.elf").unlink()
            done = subprocess.run([*command, home / "three"], capture_output=True, text=True, check=False)
            self.assertEqual(done.returncode, 4)
            self.assertRegex(done.stderr, r'\A\S+manifest\.json: programs\[2\]: program: there is no .* "shell\.elf".*\n\Z')
            self.assertFalse((home / "three").exists())


class Schema(unittest.TestCase):
    """What the schema refuses, the tool refuses; what it cannot say (references) is the tool's."""
    schema = json.loads((ROOT / "user/manifest.schema.json").read_text(encoding="utf-8"))
    BEYOND = {"a service twice", "a grant twice", "no such program", "no such file", "init is nobody's", "init is two services'",
              "a vendor that is none", "parameters too long", "a service that is not there", "a name that it does not serve",
              "a port that init has not", "a marker that init has not", "two that wait for each other", "a device twice",
              "init left out of a run", "a port of what has none", "a port twice", "a source that is no prefix",
              "a connect authority to no address", "a listen authority to an address", "a way out twice",
              "a service that runs when its server does not", "a device of which nothing is named",
              "one that comes first and waits for another", "one that two ask for", "asked for by nobody",
              "a start of what always runs", "a start that init has",
              "no such table", "too long"}

    def valid(self, manifest):
        return jsonschema.Draft202012Validator(self.schema).is_valid(manifest)

    def test_the_schema_and_the_manifest_of_the_tree(self):
        jsonschema.Draft202012Validator.check_schema(self.schema)
        self.assertTrue(self.valid(json.loads((ROOT / "user/manifest.json").read_text(encoding="utf-8"))))
        self.assertTrue(self.valid(SAMPLE))

    def test_the_manifest_of_the_tree_compiles(self):
        markers = [m["name"] for m in json.loads((ROOT / "evidence/markers.json").read_text(encoding="utf-8"))["markers"]]
        text = (ROOT / "user/manifest.json").read_text(encoding="utf-8")
        self.assertEqual(check(tool.make(text, markers, TABLES, lambda name: name.encode())).stdout, "ok\n")

    def test_each_fault_of_form_is_refused_by_the_schema(self):
        for _, what, change, _ in FAULTS:
            if change is None or what in self.BEYOND:
                continue
            with self.subTest(what):
                manifest = copy.deepcopy(SAMPLE)
                change(manifest)
                self.assertFalse(self.valid(manifest))

    def test_words_of_the_schema_are_those_of_the_headers(self):
        defs = self.schema["$defs"]
        kernel, _, _, serves, _, _ = defs["grant"]["oneOf"]
        self.assertEqual(kernel["properties"]["kernel"]["enum"], tool.KERNEL)
        self.assertEqual(serves["properties"]["serves"]["enum"], tool.SERVED)
        self.assertEqual(kernel["properties"]["port"]["maximum"], tool.LIMITS["PACKAGE_PORTS_MAX"])
        self.assertEqual(defs["service"]["properties"]["restart"]["enum"], list(tool.RESTARTS))
        self.assertEqual(defs["service"]["properties"]["when"]["enum"], list(tool.WHENS))
        self.assertEqual(defs["service"]["properties"]["boot"]["items"]["enum"], list(tool.BOOT_WORDS))
        self.assertEqual(defs["service"]["properties"]["pages"]["maximum"], tool.LIMITS["PACKAGE_PAGES_MAX"])
        self.assertEqual(defs["service"]["properties"]["restart_budget"]["maximum"], tool.LIMITS["PACKAGE_RESTARTS_MAX"])
        self.assertEqual(defs["service"]["properties"]["grants"]["maxItems"], tool.LIMITS["STARTUP_GRANTS_MAX"])
        self.assertEqual(self.schema["properties"]["services"]["maxItems"], tool.LIMITS["PACKAGE_SERVICES_MAX"])


if __name__ == "__main__":
    unittest.main()
