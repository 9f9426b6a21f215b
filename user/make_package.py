#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Compiles a manifest with program files and register tables into one boot package (abi/package.h). Equal inputs give equal bytes.
# The manifest is a user's file: each fault is one line, FILE: WHERE: REASON: WHAT, where REASON is the word that the kernel's check
# has for the same fault (package_error_name). Numbers come from abi/*.h, from nowhere else.
#   make_package.py --manifest FILE --markers FILE --tables FILE --programs DIR [--provider PROGRAM=OBJECT]... --out FILE
# Exit status: 0 made, 2 usage, 4 refused.
import argparse
import hashlib
import ipaddress
import json
import pathlib
import re
import struct
import sys

ABI = pathlib.Path(__file__).resolve().parents[1] / "abi"
HEADER, PROGRAM, SERVICE, GRANT, TABLE = "<8I8I32s", "<24sII32s32s", "<24sHHHBBHHIII", "<24sHHHH24sHHHHQH6x", "<24sIIIIII"
HEAD, ROW_BYTES, STEP_BYTES = "<HHBBBBIIIIB3xIIII", 24, 16
NAME = re.compile(r"[a-z0-9-]+")
KEY = re.compile(r"[a-z0-9_]+")
VALUE = re.compile(r"[!-~]+")
FIELDS = {  # of an object of the manifest: name, JSON type; those with * must be there
    "manifest": {"*init": str, "*programs": list, "*tables": list, "*services": list, "comment": list},
    "service": {"*name": str, "*program": str, "restart": str, "restart_budget": int, "when": str, "*pages": int,
                "parameters": dict, "boot": list, "*grants": list, "comment": str},
    "grant": {"*name": str, "kernel": str, "port": int, "device": dict, "service": str, "served": str, "serves": str,
              "optional": bool, "backlog": int, "from": str, "to": str, "evidence": list, "starts": str, "comment": str},
    "device": {"vendor": str, "class": str, "id": str, "number": int},
    "parameter": {"*table": str},
}
# A grant is one of these: the fields that it has beside name and comment.
KINDS = {"kernel": {"kernel", "port"}, "device": {"device"}, "serves": {"serves"}, "evidence": {"evidence"},
         "service": {"service", "served", "optional", "port", "backlog", "from", "to"}, "starts": {"starts"}}


class Refused(Exception):
    def __init__(self, where, reason, what):
        super().__init__(f"{where}: {reason}: {what}")
        self.reason = reason


def constants(header):
    """#define NAME number, of a header: {NAME: value}."""
    found = re.findall(r"^#define (\w+) +\(?(0x[0-9a-f]+|\d+)u(?: << (\d+)\))?", (ABI / header).read_text(encoding="utf-8"), re.M)
    return {name: int(number, 0) << int(shift or 0) for name, number, shift in found}


def enumeration(header, tag, prefix):
    """Names of an enum without prefix, in kebab case: {name: value}."""
    body = re.search(rf"enum {tag} \{{(.*?)\}};", (ABI / header).read_text(encoding="utf-8"), re.S)[1]
    body = re.sub(r"/\*.*?\*/", "", body, flags=re.S)
    values, at = {}, 0
    for name, number in re.findall(r"(\w+)(?: *= *(\d+))?", body):
        at = int(number) if number else at
        values[name.removeprefix(prefix).lower().replace("_", "-")] = at
        at += 1
    return values


LIMITS = {**constants("package.h"), **constants("startup.h")}
INTERFACES = enumeration("cap.h", "cap_interface", "CAP_IF_")
GRANT_KINDS = enumeration("package.h", "package_grant_kind", "GRANT_")
RESTARTS = enumeration("package.h", "package_restart", "RESTART_")
WHENS = enumeration("package.h", "package_when", "WHEN_")
REASONS = [name.removeprefix("package-e-") for name in enumeration("package.h", "package_error", "")][1:-1]
# What init gets from the kernel and hands on.
KERNEL = ["functions", "memory-source", "endpoint-source", "timer", "spawner", "serial", "audit", "system", "entropy",
          "inventory", "audit-note", "power"]
ANY = LIMITS["PACKAGE_ANY"]
BACKLOG, BACKLOG_MAX = 8, 64  # connections that may wait at a port
# What a service serves under a name; listeners, sockets and terminals come out of these.
SERVED = [*[name for name, value in INTERFACES.items() if INTERFACES["nic"] <= value <= INTERFACES["tcp-listen-authority"]],
          "login", "terminals", "terminal-maker", "network-status", "tcp-connect-authority", "supervisor-status"]
# Of the boot line, for the services that ask for them.
BOOT_WORDS = {"verifier": LIMITS["PACKAGE_BOOT_VERIFIER"], "terminal": LIMITS["PACKAGE_BOOT_TERMINAL"],
              "network": LIMITS["PACKAGE_BOOT_NETWORK"], "web": LIMITS["PACKAGE_BOOT_WEB"]}


def bounded(where, value, low, high):
    if isinstance(value, bool) or not low <= value <= high:
        raise Refused(where, "field", f"{value} is not from {low} to {high}")
    return value


def fields(where, value, kind):
    """The object has the fields of its kind, each of its type, and no other."""
    if not isinstance(value, dict):
        raise Refused(where, "field", "not an object")
    known = {name.lstrip("*"): type_ for name, type_ in FIELDS[kind].items()}
    for name, content in value.items():
        if name not in known:
            raise Refused(where, "field", f'unknown field "{name}"')
        if not isinstance(content, known[name]) or isinstance(content, bool) != (known[name] is bool):
            raise Refused(f"{where}.{name}", "field", f"not of type {known[name].__name__}")
    for name in FIELDS[kind]:
        if name.startswith("*") and name[1:] not in value:
            raise Refused(where, "field", f'no field "{name[1:]}"')


def named(where, name, before):
    """A name, well-formed and new among those before."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise Refused(where, "name", f'"{name}" is not of a to z, 0 to 9 and -')
    if len(name) >= LIMITS["PACKAGE_NAME_BYTES"]:
        raise Refused(where, "name", f'"{name}" is longer than {LIMITS["PACKAGE_NAME_BYTES"] - 1} characters')
    if name in before:
        raise Refused(where, "name", f'"{name}" is there already')
    return name


def counted(where, found, limit, least=0):
    if not least <= len(found) <= limit:
        raise Refused(where, "count", f"{len(found)} entries, from {least} to {limit} are allowed")
    return found


def one_of(where, word, allowed, reason="field"):
    if word not in allowed:
        raise Refused(where, reason, f'"{word}" is none of {", ".join(allowed)}')
    return word


def hex16(where, text):
    if not re.fullmatch(r"[0-9a-f]{4}", text):
        raise Refused(where, "field", f'"{text}" is not four hex digits')
    return int(text, 16)


def text_of(where, parameters, tables):
    """The start-up text: `key=value` words. A value {"table": NAME} is that table's number."""
    words = []
    for key, value in parameters.items():
        if isinstance(value, dict):
            fields(f"{where}.{key}", value, "parameter")
            value = list(tables).index(one_of(f"{where}.{key}", value["table"], tables, "table"))
        plain = isinstance(value, (int, str)) and not isinstance(value, bool)
        if not KEY.fullmatch(key) or not plain or not VALUE.fullmatch(str(value)):
            raise Refused(where, "field", f'"{key}" is no key with a value of one word')
        words.append(f"{key}={value}")
    text = " ".join(words)
    if len(text) >= LIMITS["STARTUP_TEXT_BYTES"]:
        raise Refused(where, "field", f"{len(text)} characters of parameters, {LIMITS['STARTUP_TEXT_BYTES'] - 1} are the limit")
    return text.encode("ascii")


def kind_of(where, grant):
    kinds = [kind for kind in KINDS if kind in grant]
    if len(kinds) != 1:
        raise Refused(where, "field", f"is one of {', '.join(KINDS)}, and {len(kinds)} are named")
    for name in grant:
        if name not in KINDS[kinds[0]] | {"name", "comment"}:
            raise Refused(where, "field", f'"{name}" does not go with "{kinds[0]}"')
    return kinds[0]


def kernel_grant(where, grant, manifest, out):
    out["interface"] = INTERFACES[one_of(f"{where}.kernel", grant["kernel"], KERNEL)]
    if grant["kernel"] == "serial":
        out["port"] = bounded(f"{where}.port", grant.get("port", 0), 1, LIMITS["PACKAGE_PORTS_MAX"])
    elif "port" in grant:
        raise Refused(f"{where}.port", "field", "only a serial port has a number")


def device_grant(where, grant, manifest, out):
    device = grant["device"]
    fields(f"{where}.device", device, "device")
    out["interface"] = INTERFACES["function"]
    for key, name in (("vendor", "vendor"), ("class", "class"), ("id", "device_id")):
        at = f"{where}.device.{key}"
        out[name] = bounded(at, hex16(at, device[key]), 0 if key == "class" else 1, ANY - 1) if key in device else ANY
    if "class" not in device and not {"vendor", "id"} <= set(device):
        raise Refused(f"{where}.device", "field", "names a class, or vendor and id")
    out["number"] = bounded(f"{where}.device.number", device.get("number", 0), 0, 0xffff)


def listen_grant(where, grant, interface, out):
    """Of the authority over a port: which, how many connections may wait there, and from where they may come."""
    if interface != "tcp-listen-authority":
        for name in ("backlog", "from") if interface == "tcp-connect-authority" else ("port", "backlog", "from"):
            if name in grant:
                raise Refused(f"{where}.{name}", "field", "only a tcp-listen-authority has it")
        return
    out["port"] = bounded(f"{where}.port", grant.get("port", 0), 1, 0xffff)
    backlog = bounded(f"{where}.backlog", grant.get("backlog", BACKLOG), 1, BACKLOG_MAX)
    out["listen"] = f"{backlog}"
    if "from" in grant:
        try:
            out["listen"] += f",{ipaddress.IPv4Network(grant['from'])}"
        except ValueError as error:
            raise Refused(f"{where}.from", "field", f"no IPv4 prefix: {error}") from None


def connect_grant(where, grant, interface, out):
    """Of the authority to connect: to which address and port."""
    if interface != "tcp-connect-authority":
        if "to" in grant:
            raise Refused(f"{where}.to", "field", "only a tcp-connect-authority has it")
        return
    out["port"] = bounded(f"{where}.port", grant.get("port", 0), 1, 0xffff)
    try:
        out["connect"] = str(ipaddress.IPv4Address(grant.get("to", "")))
    except ValueError as error:
        raise Refused(f"{where}.to", "field", f"no IPv4 address: {error}") from None


def served_grant(where, grant, manifest, out):
    name = grant.get("served", grant["name"])
    named(f"{where}.served", name, ())
    for at, service in enumerate(manifest["services"]):
        for other in service["grants"] if service["name"] == grant["service"] else ():
            if other.get("serves") and other["name"] == name:
                out.update(service=at, served=name, interface=INTERFACES[one_of(where, other["serves"], SERVED)])
                listen_grant(where, grant, other["serves"], out)
                connect_grant(where, grant, other["serves"], out)
                return
    raise Refused(where, "dangling", f'nobody called "{grant["service"]}" serves "{name}"')


def serves_grant(where, grant, manifest, out):
    out["interface"] = INTERFACES[one_of(f"{where}.serves", grant["serves"], SERVED)]


def evidence_grant(where, grant, manifest, out):
    out["interface"] = INTERFACES["evidence"]
    for name in grant["evidence"]:
        out["markers"] |= 1 << manifest["markers"].index(one_of(f"{where}.evidence", name, manifest["markers"]))
    if not grant["evidence"]:
        raise Refused(f"{where}.evidence", "field", "names no marker")


def starts_grant(where, grant, manifest, out):
    out["interface"] = INTERFACES["starter"]
    for at, service in enumerate(manifest["services"]):
        if service["name"] == grant["starts"] and service.get("when") == "asked":
            out["service"] = at
            return
    raise Refused(where, "dangling", f'no service called "{grant["starts"]}" runs when it is asked for')


GRANTS = {"kernel": kernel_grant, "device": device_grant, "service": served_grant, "serves": serves_grant,
          "evidence": evidence_grant, "starts": starts_grant}
KIND_NUMBERS = {"kernel": GRANT_KINDS["kernel"], "device": GRANT_KINDS["device"], "service": GRANT_KINDS["served"],
                "serves": GRANT_KINDS["serves"], "evidence": GRANT_KINDS["evidence"], "starts": GRANT_KINDS["starts"]}


def compile_grant(where, grant, manifest, names):
    named(f"{where}.name", grant["name"], names)
    kind = kind_of(where, grant)
    out = {"name": grant["name"], "kind": kind, "port": 0, "service": 0, "served": "", "vendor": 0, "class": 0, "number": 0,
           "device_id": 0, "optional": grant.get("optional", False), "markers": 0}
    GRANTS[kind](where, grant, manifest, out)
    return out


def check_init(where, grant):
    """Init runs always and hands out what it is given; it serves the supervisor alone, and waits for nobody."""
    own = [("serves", INTERFACES[name]) for name in ("supervisor", "supervisor-status")]
    if grant["kind"] not in ("kernel", "evidence") and (grant["kind"], grant["interface"]) not in own:
        raise Refused(where, "field", "init holds what the kernel makes, and serves the supervisor")


def check_asked(where, service, services):
    """What runs when it is asked for has one who asks, no other rule, no client, nobody to ask for and nothing to prove."""
    if service.get("when") != "asked":
        return
    if service.get("restart", "never") != "never" or service.get("restart_budget", 0) != 0:
        raise Refused(f"{where}.restart", "field", "who asks for it starts it again, nothing else does")
    for at, grant in enumerate(service["grants"]):
        if kind_of(where, grant) in ("serves", "starts", "evidence"):
            raise Refused(f"{where}.grants[{at}]", "field", "what is asked for serves, starts and proves nothing")
    if starter(service, services) is None:
        raise Refused(where, "dangling", "nobody starts it")


def starter(service, services):
    """Who asks for it."""
    return next((other for other in services for grant in other["grants"] if grant.get("starts") == service["name"]), None)


def check_when(where, grant, service, services):
    """Who serves it something runs whenever it does, or whenever that which asks for it does."""
    if grant["kind"] != "service":
        return
    server = services[grant["service"]]
    when = service.get("when", "always")
    if when == "asked":
        when = starter(service, services).get("when", "always")
    enough = ("always", when, "serve-probe") if when == "serve" else ("always", when)
    if when == "proof-first" or server.get("when", "always") not in enough:
        raise Refused(where, "dangling", f'"{server["name"]}" does not run whenever "{service["name"]}" does')


def check_source(where, grant, own):
    """What a service gets of init's, init has."""
    if grant["kind"] in ("kernel", "evidence") and not any(
            (other["kind"], other["interface"], other["port"]) == (grant["kind"], grant["interface"], grant["port"])
            and not grant["markers"] & ~other["markers"] for other in own):
        raise Refused(where, "dangling", f'init has no such grant to give "{grant["name"]}" from')


def check_claims(services):
    """What there is once, a device or a port of a server, is granted once."""
    claimed = {}
    for service in services:
        for at, grant in enumerate(service["compiled"]):
            if grant["kind"] == "device":
                what, key = "device", (grant["vendor"], grant["class"], grant["device_id"], grant["number"])
            elif grant["kind"] == "starts":
                what, key = "start", grant["service"]
            elif "listen" in grant:
                what, key = "port", (grant["service"], grant["port"])
            elif "connect" in grant:
                what, key = "connection", (grant["service"], grant["port"])
            else:
                continue
            where = f"services[{service['name']}].grants[{at}]"
            if (what, key) in claimed:
                raise Refused(where, "claim", f"the {what} is granted in {claimed[what, key]} already")
            claimed[what, key] = where


def check_cycle(services):
    needs = {at: {grant["service"] for grant in service["compiled"] if grant["kind"] == "service"}
             for at, service in enumerate(services)}
    while needs:
        ready = [at for at, others in needs.items() if not others & needs.keys()]
        if not ready:
            names = ", ".join(services[at]["name"] for at in needs)
            raise Refused("services", "cycle", f"these wait for each other: {names}")
        for at in ready:
            del needs[at]


def shape(manifest):
    """Fields, types and names, before anything refers to anything."""
    fields("manifest", manifest, "manifest")
    for kind, least in (("programs", 1), ("tables", 0), ("services", 1)):
        counted(kind, manifest[kind], LIMITS[f"PACKAGE_{kind.upper()}_MAX"], least)
    for kind in ("programs", "tables"):
        for at, name in enumerate(manifest[kind]):
            named(f"{kind}[{at}]", name, manifest[kind][:at])
    names = []
    for at, service in enumerate(manifest["services"]):
        fields(f"services[{at}]", service, "service")
        names.append(named(f"services[{at}].name", service["name"], names))
        counted(f"services[{service['name']}].grants", service["grants"], LIMITS["STARTUP_GRANTS_MAX"])
        for number, grant in enumerate(service["grants"]):
            fields(f"services[{service['name']}].grants[{number}]", grant, "grant")
    grants = sum(len(service["grants"]) for service in manifest["services"])
    if grants > LIMITS["PACKAGE_GRANTS_MAX"]:
        raise Refused("services", "count", f"{grants} grants, {LIMITS['PACKAGE_GRANTS_MAX']} are the limit")


def check_graph(manifest):
    """Services, grants and what they refer to; the compiled grants are left in each service."""
    services = manifest["services"]
    for service in services:
        where = f"services[{service['name']}]"
        one_of(f"{where}.program", service["program"], manifest["programs"], "program")
        one_of(f"{where}.restart", service.get("restart", "never"), RESTARTS)
        one_of(f"{where}.when", service.get("when", "always"), WHENS)
        bounded(f"{where}.restart_budget", service.get("restart_budget", 0), 0, LIMITS["PACKAGE_RESTARTS_MAX"])
        bounded(f"{where}.pages", service["pages"], 0, LIMITS["PACKAGE_PAGES_MAX"])
        service["boot_words"] = 0
        for word in service.get("boot", []):
            bit = BOOT_WORDS[one_of(f"{where}.boot", word, list(BOOT_WORDS))]
            if service["boot_words"] & bit:
                raise Refused(f"{where}.boot", "field", f'"{word}" is there already')
            service["boot_words"] |= bit
        names, service["compiled"] = [], []
        for at, grant in enumerate(service["grants"]):
            service["compiled"].append(compile_grant(f"{where}.grants[{at}]", grant, manifest, names))
            names.append(grant["name"])
    first = [service for service in services if service["program"] == manifest["init"]]
    if manifest["init"] not in manifest["programs"] or len(first) != 1:
        raise Refused("init", "program", f'"{manifest["init"]}" is the program of {len(first)} services, of one it must be')
    one_of(f"services[{first[0]['name']}].when", first[0].get("when", "always"), ["always"])
    for service in services:
        check_asked(f"services[{service['name']}]", service, services)
        for at, grant in enumerate(service["compiled"]):
            where = f"services[{service['name']}].grants[{at}]"
            if service is first[0]:
                check_init(where, grant)
            else:
                check_source(where, grant, first[0]["compiled"])
            check_when(where, grant, service, services)
    check_claims(services)
    check_cycle(services)


def read_tables(data):
    """What capos-tables-dump wrote: {name: (head, rows, steps)}."""
    tables, at = {}, 0
    while at < len(data):
        name = data[at:at + 24].rstrip(b"\0").decode("ascii")
        head = data[at + 24:at + 24 + struct.calcsize(HEAD)]
        rows, steps = struct.unpack_from("<HH", head)
        at += 24 + len(head)
        end = at + rows * ROW_BYTES
        tables[name] = (head, data[at:end], data[end:end + steps * STEP_BYTES])
        at = end + steps * STEP_BYTES
    return tables


class Bytes:
    """The package as it grows: parts 8-aligned, each an extent."""
    def __init__(self):
        self.data = bytearray(struct.calcsize(HEADER))

    def put(self, part):
        self.data += bytes(-len(self.data) % 8)
        at = len(self.data)
        self.data += part
        return at, len(part)


def pack_grant(grant):
    return struct.pack(GRANT, grant["name"].encode(), KIND_NUMBERS[grant["kind"]], grant["interface"], grant["service"],
                       grant["port"], grant["served"].encode(), grant["vendor"], grant["class"], grant["number"], grant["optional"],
                       grant["markers"], grant["device_id"])


def assemble(manifest, files, tables, providers):
    out = Bytes()
    programs = b"".join(struct.pack(PROGRAM, name.encode(), *out.put(files[name]), hashlib.sha256(files[name]).digest(),
                                    providers.get(name, b"")) for name in manifest["programs"])
    services, grants = b"", []
    for service in manifest["services"]:
        restart, when = RESTARTS[service.get("restart", "never")], WHENS[service.get("when", "always")]
        services += struct.pack(SERVICE, service["name"].encode(), manifest["programs"].index(service["program"]), len(grants),
                                len(service["compiled"]), restart, when, service.get("restart_budget", 0),
                                service["boot_words"], service["pages"],
                                *out.put(service["text"]))
        grants += service["compiled"]
    packed = b"".join(struct.pack(TABLE, name.encode(), *out.put(tables[name][0]), *out.put(tables[name][1]),
                                  *out.put(tables[name][2])) for name in manifest["tables"])
    lists = [part for content in (programs, services, b"".join(map(pack_grant, grants)), packed) for part in out.put(content)]
    out.put(b"")
    size = len(out.data)
    if size > LIMITS["PACKAGE_BYTES_MAX"]:
        raise Refused("package", "size", f"{size} bytes, {LIMITS['PACKAGE_BYTES_MAX']} are the limit")
    head = [LIMITS["PACKAGE_MAGIC"], LIMITS["PACKAGE_VERSION"], size, len(manifest["programs"]), len(manifest["services"]),
            len(grants), len(manifest["tables"]), manifest["programs"].index(manifest["init"]), *lists]
    struct.pack_into(HEADER, out.data, 0, *head, bytes(32))
    struct.pack_into(HEADER, out.data, 0, *head, hashlib.sha256(out.data).digest())
    return bytes(out.data)


def loaded(data):
    """A program file up to the last byte that is loaded: symbols, lines of the source and section headers are behind it. The
    kernel hashes each byte of a package before it runs one. What is no such file is left to the kernel's check."""
    if len(data) < 64 or data[:6] != b"\x7fELF\x02\x01":
        return data
    table, = struct.unpack_from("<Q", data, 32)
    size, count = struct.unpack_from("<HH", data, 54)
    if size != 56 or table + size * count > len(data):
        return data
    ends = [table + size * count]
    for at in range(table, table + size * count, size):
        offset, _, _, in_file = struct.unpack_from("<4Q", data, at + 8)
        ends.append(offset + in_file)
    return data[:max(ends)]


def no_duplicates(pairs):
    found = {}
    for key, value in pairs:
        if key in found:
            raise Refused("manifest", "field", f'"{key}" is given twice')
        found[key] = value
    return found


def make(text, markers, tables, read_program, providers=None):
    """The package of a manifest's text. read_program(name): the file's bytes, None if there is none; providers: {program: SHA-256
    of the provider object in it}. Raises Refused."""
    try:
        manifest = json.loads(text, object_pairs_hook=no_duplicates)
    except ValueError as error:
        raise Refused("manifest", "field", f"not JSON: {error}") from None
    shape(manifest)
    manifest["markers"] = markers
    for at, name in enumerate(manifest["tables"]):
        one_of(f"tables[{at}]", name, tables, "table")
    check_graph(manifest)
    for at, service in enumerate(manifest["services"]):
        ported = {f"{way}_{grant['port']}": grant[way] for client in manifest["services"] for grant in client["compiled"]
                  for way in ("listen", "connect") if way in grant and grant["service"] == at}
        service["text"] = text_of(f"services[{service['name']}].parameters", service.get("parameters", {}) | ported,
                                  manifest["tables"])
    files = {name: read_program(name) for name in manifest["programs"]}
    for at, name in enumerate(manifest["programs"]):
        if not files[name]:
            raise Refused(f"programs[{at}]", "program", f'there is no program file "{name}.elf", or nothing is in it')
    return assemble(manifest, files, tables, providers or {})


def main(argv):
    parser = argparse.ArgumentParser()
    for name in ("manifest", "markers", "tables", "programs", "out"):
        parser.add_argument(f"--{name}", type=pathlib.Path, required=True)
    parser.add_argument("--provider", action="append", default=[], help="PROGRAM=OBJECT: the provider object linked into it")
    args = parser.parse_args(argv)
    markers = [marker["name"] for marker in json.loads(args.markers.read_text(encoding="utf-8"))["markers"]]

    def read_program(name):
        path = args.programs / f"{name}.elf"
        return loaded(path.read_bytes()) if path.is_file() else None

    try:
        objects = dict(pair.split("=", 1) for pair in args.provider)
        providers = {name: hashlib.sha256(pathlib.Path(path).read_bytes()).digest() for name, path in objects.items()}
        package = make(args.manifest.read_text(encoding="utf-8"), markers, read_tables(args.tables.read_bytes()), read_program,
                       providers)
    except Refused as error:
        print(f"{args.manifest}: {error}", file=sys.stderr)
        return 4
    args.out.write_bytes(package)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
