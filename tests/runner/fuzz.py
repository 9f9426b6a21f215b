# SPDX-License-Identifier: BSD-2-Clause
# Suite fuzz: each target of tests/fuzz and sim/explore for its time, and what it must have met by then.
import pathlib
import re
import struct
import tempfile

from context import build, run
from result import Result, tail

FUZZ_SECONDS, FUZZ_SECONDS_DEEP = 30, 900
FUZZ_MARKS = ("lives", "device_steps", "sent", "received", "stopped", "quarantined")


# One change each, by kind of place, place, field, value (sim/explore/fuzz_elf.c): reasons that chance rarely meets.
FUZZ_ELF_SEEDS = ((1, 5, 1, 7), (1, 5, 0, 3), (0, 33, 0, 4))
FUZZ_ELF_ERRORS = 17  # reasons to refuse a file's bytes; the other two are of its surroundings


PACKAGE_MARKS = ("ok", "size", "magic", "version", "hash", "extent", "count", "name", "program", "field", "dangling", "cycle",
                 "claim", "table")
# What chance rarely meets, by one byte of one grant (tests/fuzz/fuzz_package.c, tests/support/package_build.c): the server made a
# client of its own client, a cycle; the number of one device made that of another, two claims.
PACKAGE_SEEDS = (b"\0" + (1420).to_bytes(2, "big") + b"\1\0\0", b"\0" + (1212).to_bytes(2, "big") + b"\1\1\0")


# Of a terminal: a line and one byte more than it holds, a secret, a walk through the history, completion, Telnet's commands, a
# subnegotiation without end. The first byte says how (tests/fuzz/fuzz_terminal.c).
FUZZ_TERMINAL_SEEDS = (
    b"\x11" + b"a" * 256 + b"\r", b"\x15ps\r\nsecret\r\0ls\n", b"\x01a\nb\n\x10\x10\x0e\x1b[A\x1bOB\n",
    b"\x01p\t\tkill n\t\t\x03\x04", b"\0\xff\xfa" + b"x" * 512,
    b"\x20\xff\xfd\x01\xff\xfb\x18\xff\xfa\x18\x01\xff\xf0\xff\xf4\xff\xf7\xff\xf8\xff\xf6a\xff\xff")
FUZZ_TYPED_SECONDS, FUZZ_TYPED_SECONDS_DEEP = 3, 180
TERMINAL_MARKS = ("lines", "secrets", "interrupts", "history", "choices", "swallowed", "refused", "commands", "answers", "closed")


def fuzz_target(context, result, program, seconds, *flags, seeds=()):
    """Runs one target; gives the numbers of its last line `word: name=N ...`."""
    kept = context.root / "build/fuzz"
    name = pathlib.Path(program).name
    with tempfile.TemporaryDirectory(prefix="capos-fuzz-") as corpus:
        for number, seed in enumerate(seeds):
            (pathlib.Path(corpus) / f"seed-{number}").write_bytes(seed)
        status, output = run([kept / program, f"-max_total_time={seconds}", f"-seed={context.seed}", *flags,
                              f"-artifact_prefix={kept}/", corpus], context.root, timeout=seconds + 120)
    result.check(status == 0, f"fuzz: {name} ended with status {status}; the input is kept in build/fuzz\n" + tail(output))
    told = re.findall(r"^(?:lives|files|packages|terminals|logins|loaders|tables|answers|requests|frames|texts): .*", output,
                      re.M) or [""]
    return dict(re.findall(r"(\w+)=(\d+)", told[-1]))


def fuzz_files(context, result):
    """Program files: a good one with changes of the fuzzer's, or its bytes alone. A twentieth of the time."""
    seconds = (FUZZ_SECONDS_DEEP if context.deep else FUZZ_SECONDS) // 20 + 3
    seeds = [bytes([1, kind, place, field]) + value.to_bytes(8, "little") for kind, place, field, value in FUZZ_ELF_SEEDS]
    counts = fuzz_target(context, result, "sim/explore/capos-fuzz-elf", seconds, "-max_len=200", seeds=seeds)
    result.check(int(counts.get("loaded", 0)) > 0, "fuzz: no program file was loaded in the whole run")
    result.check(int(counts.get("errors", 0)) == FUZZ_ELF_ERRORS,
                 f"fuzz: {counts.get('errors', 0)} of {FUZZ_ELF_ERRORS} reasons to refuse a program file were met")
    if counts:
        result.notes.append(f"{counts['inputs']} program files, {counts['loaded']} of them loaded")


def fuzz_packages(context, result):
    """Boot packages: a good one with changes of the fuzzer's, or its bytes alone; hashed anew. A fifth of the time."""
    seconds = (FUZZ_SECONDS_DEEP if context.deep else FUZZ_SECONDS) // 5
    alone = fuzz_target(context, result, "tests/fuzz/capos-fuzz-package", seconds, "-runs=0", seeds=PACKAGE_SEEDS)
    for mark in ("cycle", "claim"):
        result.check(int(alone.get(mark, 0)) > 0, f"fuzz: no seed is a boot package judged `{mark}`: did its layout change?")
    counts = fuzz_target(context, result, "tests/fuzz/capos-fuzz-package", seconds, "-max_len=512", seeds=PACKAGE_SEEDS)
    for mark in PACKAGE_MARKS:
        result.check(int(counts.get(mark, 0)) > 0, f"fuzz: no boot package was judged `{mark}` in the whole run")
    if counts:
        result.notes.append(f"{sum(map(int, counts.values()))} boot packages, {counts['ok']} of them hold")


def fuzz_typed(context, result, name, seeds, marks, *flags):
    """Bytes that are typed, or said by a loader, to a target that takes them: fuzz_NAME.c. What of `marks` was not met fails."""
    seconds = FUZZ_TYPED_SECONDS_DEEP if context.deep else FUZZ_TYPED_SECONDS
    counts = fuzz_target(context, result, f"tests/fuzz/capos-fuzz-{name}", seconds, "-len_control=0", *flags, seeds=seeds)
    for mark in marks:
        result.check(int(counts.get(mark, 0)) > 0, f"fuzz: no {mark} of a {name} in the whole run")
    if counts:
        result.notes.append(f"{counts.pop('inputs')} inputs of a {name}: "
                            + ", ".join(f"{count} {mark}" for mark, count in counts.items()))
    return counts


def login_keys(source, keys):
    """A step of tests/fuzz/fuzz_login.c: what is typed at one place, 36 bytes at most."""
    return bytes([7 * len(keys), source]) + keys


def login_change(source, to, knows=True):
    """A step of the same: eight bytes are to be the secret."""
    return bytes([6, 0, source, int(knows)]) + to


# Right; wrong until it is told to wait; from many places; right into a full log, and wrong again; while one is held; without a
# verifier; any call; changed by who knows it and by who does not, and where no salt is to be had.
RIGHT, WRONG, TEN_SECONDS, FULL, ROOM = b"QWXZJKVB\r", b"QWXZJKVA\r", bytes([2, 200]), bytes([5, 0, 1]), bytes([5, 1, 1])
FUZZ_LOGIN_SEEDS = (
    b"\1" + login_keys(5, RIGHT) + login_keys(5, b"QW\x03QWXZ\x15" + RIGHT) + login_keys(0, b"\r\n\n" + RIGHT),
    b"\1" + (login_keys(0, WRONG) + TEN_SECONDS) * 9 + login_keys(0, RIGHT), b"\1" + login_keys(0, WRONG) * 5,
    b"\1" + b"".join(login_keys(source, WRONG) for source in range(1, 20)) + login_keys(1, RIGHT),
    b"\1" + login_keys(0, WRONG) + FULL + login_keys(0, RIGHT) + ROOM + login_keys(0, WRONG) * 3,
    b"\1" + login_keys(0, WRONG) * 3 + FULL + login_keys(0, RIGHT) + TEN_SECONDS, b"\0" + login_keys(0, RIGHT),
    b"\1\1\0\0\x08\0\1\x10\2\x10\0\1\x08\1\x02\2\0\1\x02\0\0\0",
    b"\1" + login_change(5, b"JKVBQWXZ") + login_keys(5, RIGHT) + login_keys(5, b"JKVBQWXZ\r") + login_change(5, b"JKVBQWXZ")
    + login_change(5, b"QWXZJKVB", knows=False) + login_change(5, b"QWXZJKVB") + login_keys(5, RIGHT),
    b"\1" + bytes([5, 1, 0]) + login_change(0, b"JKVBQWXZ") + login_keys(0, RIGHT))
LOGIN_MARKS = ("accepted", "wrong", "waits", "held", "values", "busy", "unrecorded", "nobody", "changed", "dry")


def tag(kind, data):
    return struct.pack("<II", kind, 8 + len(data)) + data + bytes(-len(data) % 8)


def memory_map(*ranges):
    return tag(6, struct.pack("<II", 24, 0) + b"".join(struct.pack("<QQII", *one, 0) for one in ranges))


def module(first, behind, name):
    return tag(3, struct.pack("<II", first, behind) + name + b"\0")


# What GRUB says on BIOS and on UEFI, and one of each that is refused for a reason that chance rarely meets
# (tests/fuzz/fuzz_multiboot2.c).
MAP = memory_map((0, 0x9f000, 1), (0x9f000, 0x61000, 2), (0x100000, 0x7f00000, 1), (0x7fe0000, 0x20000, 3))
RSDP = b"RSD PTR " + bytes(12)
END = tag(0, b"")
MODULES = module(0x800000, 0x801000, b"run-block") + module(0x801000, 0x865000, b"package")
EFI_MAP = tag(17, struct.pack("<II", 48, 1) + b"".join(
    struct.pack("<IIQQQQQ", kind, 0, base, 0, pages, 15, 0) for kind, base, pages in
    ((7, 0, 0xa0), (7, 0x100000, 0x700), (10, 0x800000, 8), (4, 0x808000, 0x1000), (9, 0x7b7e000, 0x30), (6, 0x7bff000, 0x100))))
MULTIBOOT2_SEEDS = tuple(bytes(8) + tags for tags in (
    tag(1, b"\0") + tag(2, b"GRUB 2.06\0") + MODULES + MAP + tag(14, RSDP) + END,
    tag(1, b"mode=proof\0") + MAP + tag(15, RSDP + bytes(16)) + tag(14, RSDP) + END, EFI_MAP + tag(14, RSDP) + END,
    MAP + tag(18, b"") + END, memory_map(*[(page << 12, 4096, 1) for page in range(129)]) + END,
    MAP + module(0x800000, 0x801000, b"initrd") + END, MAP + module(0x800000, 0x800800, b"run-block") + END,
    MAP + module(0x800100, 0x801000, b"package") + END, tag(1, b"mode=proof") + MAP + END, END))
MULTIBOOT2_MARKS = ("ok", "packages", "unreadable", "tags", "runs", "no_map", "large_map", "modules", "run_block", "package")



# What QEMU's PVH loader says, and one of each that is refused (tests/fuzz/fuzz_pvh.c): start info at 0x8000, behind it the map at
# 0x8038, the module at 0x8800, the boot line at 0x8900.
def start_info(ranges, count=None, magic=0x336ec578, version=1, line=0x8900, package=None):
    info = struct.pack("<IIIIQQQQII", magic, version, 0, 0 if package is None else 1, 0x8800, line, 0xf27c0, 0x8038,
                       len(ranges) if count is None else count, 0)
    body = info + b"".join(struct.pack("<QQII", *one, 0) for one in ranges)
    return body.ljust(0x800, b"\0") + struct.pack("<QQQQ", *(package or (0, 0)), 0, 0).ljust(0x100, b"\0") + b"mode=proof\0"


GCE_MAP = ((0, 0x9fc00, 1), (0x9fc00, 0x400, 2), (0xf0000, 0x10000, 2), (0x100000, 0xbfeee000, 1), (0xbffee000, 0x12000, 2),
           (0xfffbc000, 0x44000, 2), (0x100000000, 0x340000000, 1))
PVH_SEEDS = (start_info(GCE_MAP), start_info(GCE_MAP, package=(0x200000, 0x4000)), start_info(GCE_MAP, package=(0x200100, 0x4000)),
             start_info(GCE_MAP, count=129), start_info(GCE_MAP, magic=1), start_info(GCE_MAP, version=0), start_info(()),
             start_info(GCE_MAP, line=0x7000), start_info(GCE_MAP[4:6]))
PVH_MARKS = ("ok", "packages", "unreadable", "magic", "no_map", "large_map", "package")


# Tables in the form of tests/fuzz/fuzz_acpi.c: the root pointer, then each table with its length before it. They lie one behind
# the other from 0xe0040 on, each at the next 16 bytes; lengths and sums in them are the target's to set.
def tables(*of, rsdp=None):
    return (rsdp or b"RSD PTR ".ljust(15) + b"\0" + struct.pack("<I", 0xe0040)).ljust(36, b"\0") + b"".join(
        struct.pack("<H", len(one)) + one for one in of)


def acpi(signature, data, revision=1):
    return signature + bytes(4) + bytes([revision]) + bytes(27) + data


def fixed(dsdt, control=0xb004, reset=0):
    old = struct.pack("<IIBBHIBBBBIIIIIIII", 0, dsdt, 0, 0, 9, 0xb2, 0xf1, 0xf0, 0, 0, 0xb000, 0, control, 0, 0, 0xb008, 0, 0)
    rest = b"\4\2\0\4".ljust(24, b"\0") + struct.pack("<IBBBBQB", reset << 10, 1, 8, 0, 0, 0xcf9, 6)
    return acpi(b"FACP", (old + rest).ljust(208, b"\0"), 2)


def root(*entries):
    return acpi(b"RSDT", struct.pack(f"<{len(entries)}I", *entries))


MADT = struct.pack("<II", 0xfee00000, 1) + bytes((0, 8, 0, 0, 1, 0, 0, 0))
MADT += bytes((1, 12, 0, 0)) + struct.pack("<II", 0xfec00000, 0)
MADT += b"".join(bytes((2, 10, 0, irq)) + struct.pack("<IH", irq, 13) for irq in (5, 9, 10, 11))
S5 = b"\x08_S5_\x12\x06\x04\0\0\0\0"
# 0xe0040 root (48 bytes), 0xe0070 fixed (244), 0xe0170 definition block (48), 0xe01a0 interrupts
ROOT = root(0xe0070, 0xe01a0, 0xe0170)
ACPI_SEEDS = (tables(ROOT, fixed(0xe0170), acpi(b"DSDT", S5), acpi(b"APIC", MADT)),
              tables(ROOT, fixed(0xe0170, reset=1), acpi(b"DSDT", S5), acpi(b"APIC", MADT + b"\2\0")),
              tables(ROOT, fixed(0xe0170), acpi(b"DSDT", S5[1:] + b"\0")), tables(ROOT, fixed(0xe0170, control=0)),
              tables(ROOT), tables(acpi(b"XXXX", b"")), tables(rsdp=bytes(36)),
              tables(acpi(b"XSDT", struct.pack("<QQ", 0xe0080, 0xe0180)), fixed(0xe0180), acpi(b"SSDT", S5),
                     rsdp=b"RSD PTR ".ljust(15) + b"\2" + struct.pack("<IIQ", 0, 36, 0xe0040)))
ACPI_MARKS = ("ok", "no_root", "root_table", "no_fixed", "no_control", "no_s5", "wide", "overrides", "ioapics", "cut", "resets")


# What a SCSI host answers (tests/fuzz/fuzz_scsi.c): done; not there; nothing in it; not a command it knows; a disk; its size.
def scsi_answer(response=0, status=0, sense=b"", asked=512):
    head = struct.pack("<BHI", 0, asked, 108 + asked) + struct.pack("<IIHBB", len(sense), 0, 0, status, response)
    return head + sense.ljust(96, b"\0")


SCSI_SEEDS = (scsi_answer(), scsi_answer(response=3), scsi_answer(status=2, sense=b"\x70\0\2".ljust(12, b"\0") + b"\x3a\0"),
              scsi_answer(status=2, sense=b"\x72\5\x20\0"), bytes([1] + [0] * 14) + b"Google  PersistentDisk  1   ",
              bytes([1] + [0] * 6 + [5] + [0] * 7) + b"QEMU    QEMU CD-ROM     2.5+",
              bytes([2] + [0] * 6) + struct.pack(">II", 99, 512),
              bytes([2] + [0] * 6) + struct.pack(">II", 0xffffffff, 512), bytes([3] + [0] * 6) + struct.pack(">QI", 1 << 33, 4096))
SCSI_MARKS = ("done", "no_target", "again", "no_medium", "refused", "failed", "malformed", "disks", "others", "capacities",
              "more_blocks", "impossible")


# What a driver asks an NVMe controller for, and what it answers (tests/fuzz/fuzz_nvme.c).
def nvme_command(opcode, nsid=0, *words):
    return (struct.pack("<II", opcode, nsid) + bytes(32) + struct.pack(f"<{len(words)}I", *words)).ljust(64, b"\0")


def nvme_page(*parts):
    page = bytearray(520)
    for at, part in parts:
        page[at:at + len(part)] = part
    return bytes(page)


NVME_SEEDS = (b"\0" + nvme_command(2, 1, 7, 0, 8), b"\1" + nvme_command(6, 0, 1), b"\1" + nvme_command(6, 1),
              b"\1" + nvme_command(9, 0, 7, 0), b"\1" + nvme_command(5, 0, 0x3f0001, 1),
              b"\1" + nvme_command(1, 0, 0x3f0001, 0x10001), b"\0" + nvme_command(1, 1),
              b"\2" + nvme_page((24, b"nvme_card-pd".ljust(40)), (77, b"\6"), (512, b"\x66\x44"), (516, b"\1")),
              b"\2" + nvme_page((512, b"\x77\x44")), b"\3" + nvme_page((0, b"\0\1"), (130, b"\t")),
              b"\3" + nvme_page((0, b"\1"), (128, b"\b")),
              b"\4" + struct.pack("<4I", 0, 0, 1, 1 << 16) + struct.pack("<4I", 0, 0, 1, 5 << 17))
NVME_MARKS = ("commands", "strange", "controllers", "sizes", "spaces", "impossible", "completions", "early")


# What a metadata server answers (tests/fuzz/fuzz_metadata.c).
FLAVORED = b"HTTP/1.1 200 OK\r\nMetadata-Flavor: Google\r\nContent-Length: 32\r\n\r\n"
METADATA_SEEDS = (FLAVORED + b"00112233445566778899aabbccddeeff", FLAVORED + b"0" * 31, FLAVORED + b"0" * 5000,
                  b"SSH-2.0-OpenSSH\r\n\r\n", b"HTTP/1.1 404 Not Found\r\nMetadata-Flavor: Google\r\n\r\n",
                  b"HTTP/1.1 200 OK\r\n\r\n" + b"0" * 32, FLAVORED.replace(b"Content-Length: 32\r\n", b"") + b"x" * 32)
METADATA_MARKS = ("ok", "short", "status", "code", "flavor", "body", "long")


# Requests (tests/fuzz/fuzz_http.c): the length of a piece, whether the sender has a session, the bytes; the words with an @ are put
# in by the target. Each line of the gate's table, and one of each reason to refuse.
def request(line, *fields, body=b"", has=True, host=b"127.0.0.1:8080"):
    head = b"\r\n".join((line + b" HTTP/1.1", b"Host: " + host, *fields))
    return bytes((2, 0 if has else 1)) + head + b"\r\n\r\n" + body


ORIGIN, COOKIE, CSRF = b"Origin: http://127.0.0.1:8080", b"Cookie: capos_remote_session=@COOKIE", b"X-CSRF-Token: @CSRF"
TYPE, LENGTH = b"Content-Type: application/json", b"Content-Length: 2"
SOCKET = (b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13",
          b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
CHANGE, SHELL = (ORIGIN, COOKIE, TYPE, LENGTH), b"GET /api/shell?ticket=@TICKET"
HTTP_SEEDS = (
    request(b"GET /"), request(b"HEAD /assets/x.js", b"If-None-Match: \"x\""), request(b"GET /api/overview", COOKIE),
    request(b"POST /api/login", ORIGIN, TYPE, LENGTH, body=b"{}"), request(b"POST /api/logout", *CHANGE, CSRF, body=b"{}"),
    request(SHELL, ORIGIN, COOKIE, *SOCKET), request(SHELL, ORIGIN, COOKIE), request(SHELL[:-7], ORIGIN, COOKIE, *SOCKET),
    request(b"GET /", host=b"localhost"), request(b"GET /", b"Origin: null"), request(b"GET /x"),
    request(b"POST /", *CHANGE, body=b"{}"),
    request(b"GET /api/session", COOKIE, has=False), request(b"POST /api/secret", *CHANGE, body=b"{}"),
    request(b"POST /api/login", ORIGIN, LENGTH, body=b"{}"), request(b"GET /") + request(b"GET /")[2:], b"\0\1GET / HTTP/1.1\n",
    b"\0\1GET / HTTP/1.1\r\n x", b"\0\1x y\r\n\r\n", b"\xff\1GET /" + b"a" * 2100, request(b"GET /", b"A: " + b"a" * 8200),
    b"\0\1GET / HTTP/1.0\r\n\r\n", request(b"GOT /"), request(b"PUT /"), request(b"GET *"), request(b"GET /", b"A : b"),
    request(b"GET /", b"Host: a"), b"\0\1GET / HTTP/1.1\r\nA: b\r\n\r\n", request(b"POST /", b"Content-Length: +1"),
    request(b"POST /"), request(b"GET /", LENGTH), request(b"POST /", b"Content-Length: 65537"),
    request(b"POST /", b"Transfer-Encoding: chunked"),
    request(b"POST /", b"Transfer-Encoding: chunked", LENGTH), request(b"POST /", b"Expect: 100-continue", LENGTH))
HTTP_MARKS = ("heads", "ready", "bodies", "pipelined", "passed", "sockets")
HTTP_ERRORS, GATE_ERRORS = 19, 9  # reasons to refuse bytes; reasons to refuse a head that holds


# Frames (tests/fuzz/fuzz_websocket.c): the length of a piece, the room of a message in units of 17 bytes, the bytes.
def masked(first, payload, mask=b"\x37\xfa\x21\x3d"):
    length = bytes((128 + len(payload),)) if len(payload) < 126 else b"\xfe" + struct.pack(">H", len(payload))
    return bytes((first,)) + length + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


WEBSOCKET_SEEDS = tuple(b"\2\x10" + frames for frames in (
    masked(0x81, b"Hello"),
    masked(1, b"gr\xc3") + masked(0x89, b"x") + masked(0x80, b"\xbc\xc3\x9f") + masked(0x88, b"\3\xe8bye"),
    masked(0x82, bytes(200)) + masked(0x8a, b"") + masked(0x88, b""), masked(0x82, bytes(300)), masked(0x81, b"\xff"),
    b"\x81\5Hello", masked(0x80, b"x"), masked(0x88, b"\3"), masked(0x88, b"\3\xed"), b"\x82\xff" + bytes(8) + b"\0\0\0\0"))
WEBSOCKET_MARKS = ("texts", "binaries", "pings", "pongs", "closes", "without_code", "protocol", "data", "large")

# Texts (tests/fuzz/fuzz_json.c): what a browser sends, and one of each reason to refuse; ff at the beginning: one that is too long.
JSON_SEEDS = (
    b'{"secret":"a\\"b\\u00e4\\ud83d\\ude00\\u0000"}', b'{"for":"shell","shell":0}',
    b'{"a":[1,-2.5e3,true,false,null,{"b":{}},[[]]]}',
    b'{"a":"\\u0000","b":"x"}', b"\xff", b'{"a":"\xff"}', b"{", b'{"a":' + b"[" * 9 + b"]" * 9 + b"}",
    b'{"a":[' + b"0," * 70 + b"0]}", b'{"\\u0061":1}', b'{"a":1,"a":2}', b'{"a":"\\ud800"}')
JSON_MARKS = ("ok", "long", "utf8", "syntax", "depth", "tokens", "name", "twice", "strings", "numbers")


def fuzz_web(context, result):
    """What a browser sends: requests with the gate behind them, frames, texts."""
    counts = fuzz_typed(context, result, "http", HTTP_SEEDS, HTTP_MARKS, "-max_len=10000")
    result.check(int(counts.get("errors", 0)) == HTTP_ERRORS,
                 f"fuzz: {counts.get('errors', 0)} of {HTTP_ERRORS} reasons to refuse a request were met")
    result.check(int(counts.get("gate", 0)) == GATE_ERRORS,
                 f"fuzz: {counts.get('gate', 0)} of {GATE_ERRORS} reasons to turn a request away at the gate were met")
    fuzz_typed(context, result, "websocket", WEBSOCKET_SEEDS, WEBSOCKET_MARKS, "-max_len=1000")
    fuzz_typed(context, result, "json", JSON_SEEDS, JSON_MARKS, "-max_len=1000")


def fuzz(context):
    """Lives of a network driver in world `nic`, the choices being a fuzzer's bytes; program files; boot packages; what is
    typed at a terminal, and at the log-in; what loaders say, tables of firmware; what disks and a metadata
    server answer; what browsers send. Under the sanitizers."""
    result = Result()
    build(context, "fuzz", "capos-fuzz-nic", "capos-fuzz-elf", "capos-fuzz-package", "capos-fuzz-terminal",
          "capos-fuzz-login", "capos-fuzz-multiboot2", "capos-fuzz-pvh", "capos-fuzz-acpi", "capos-fuzz-scsi",
          "capos-fuzz-nvme", "capos-fuzz-metadata", "capos-fuzz-http", "capos-fuzz-websocket", "capos-fuzz-json")
    fuzz_files(context, result)
    fuzz_packages(context, result)
    fuzz_typed(context, result, "terminal", FUZZ_TERMINAL_SEEDS, TERMINAL_MARKS, "-max_len=700")
    fuzz_typed(context, result, "login", FUZZ_LOGIN_SEEDS, LOGIN_MARKS, "-max_len=400")
    fuzz_typed(context, result, "multiboot2", MULTIBOOT2_SEEDS, MULTIBOOT2_MARKS, "-max_len=4096")
    fuzz_typed(context, result, "pvh", PVH_SEEDS, PVH_MARKS, "-max_len=4096")
    fuzz_typed(context, result, "acpi", ACPI_SEEDS, ACPI_MARKS, "-max_len=2048")
    fuzz_typed(context, result, "scsi", SCSI_SEEDS, SCSI_MARKS, "-max_len=160")
    fuzz_typed(context, result, "nvme", NVME_SEEDS, NVME_MARKS, "-max_len=560")
    fuzz_typed(context, result, "metadata", METADATA_SEEDS, METADATA_MARKS, "-max_len=5000")
    fuzz_web(context, result)
    seconds = FUZZ_SECONDS_DEEP if context.deep else FUZZ_SECONDS
    marks = fuzz_target(context, result, "sim/explore/capos-fuzz-nic", seconds, "-max_len=400", "-entropic=0")
    for mark in FUZZ_MARKS:
        result.check(int(marks.get(mark, 0)) > 0, f"fuzz: no {mark} in the whole run")
    if not result.failed:
        lives = int(marks["lives"])
        result.notes.append(f"{lives} lives, {lives // seconds} a second, {int(marks['device_steps']) // lives} device steps each")
    result.left_out.append(f"fuzz for {FUZZ_SECONDS_DEEP} s instead of {FUZZ_SECONDS}")
    return result
