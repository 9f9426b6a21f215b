#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Finds every allocated section of a room object in a file linked from it, by the linker's map, and compares all bytes outside
# relocation fields. A section that is absent, cut, not loaded, or loaded with other rights is a difference. Trusts the map for
# addresses only: the bytes that a loader would place there decide. Reads GNU ld's maps.
import argparse
import dataclasses
import pathlib
import re
import struct
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "door"))
import elf  # noqa: E402

# Bytes that a relocation fills in, by its type (AMD64 supplement, table 4.9). The links are made without relaxation, so that
# no type lets the linker write before its field. A type that is not listed is an error.
FIELDS = {1: 8, 2: 4, 4: 4, 9: 4, 10: 4, 11: 4, 24: 8, 41: 4, 42: 4}

# Which rooms a linked file is made of, the file's map, and where both lie in the build folder.
KERNEL = ("bearssl", "boot", "calls", "core", "device", "evidence", "format")
LINKED = {
    "kernel.elf": ("kernel.map", KERNEL + ("arch", "pc")),
    "sim/capos-sim": ("sim/capos-sim.map", KERNEL),
    "sim/capos-bench": ("sim/capos-bench.map", KERNEL + ("provider",)),
    "tests/tie/capos-tie": ("tests/tie/capos-tie.map", KERNEL + ("provider",)),
    "tests/tie/capos-steps": ("tests/tie/capos-steps.map", KERNEL + ("provider",)),
}

# User programs: their own object beside the rooms that their map names. Those of the tests are compared as well.
PROGRAMS = ("programs/*.elf", "test-programs/*.elf")
LINKED_ROOM = re.compile(r"^LOAD (?:.*/)?rooms/(\w+)\.o$", re.M)
PLACED = re.compile(r"^ (\.\S+)(?:\n)? +0x([0-9a-f]+) +0x([0-9a-f]+) (\S.*)$", re.M)
MAP_BEGINS = "\nLinker script and memory map\n"


def linked_files(build):
    """LINKED, and the programs of this build: file to (map, rooms)."""
    out = dict(LINKED)
    for path in sorted(path for pattern in PROGRAMS for path in build.glob(pattern)):
        rooms = LINKED_ROOM.findall(path.with_suffix(".map").read_text(encoding="utf-8"))
        name = path.relative_to(build).with_suffix("").as_posix()
        out[name + ".elf"] = (name + ".map", (*rooms, name))
    return out


def object_of(room):
    """A room's object, or a program's own, in the build folder."""
    return f"{room}.o" if "/" in room else f"rooms/{room}.o"


@dataclasses.dataclass
class Tally:
    sections: int = 0
    compared: int = 0   # bytes that are equal
    relocated: int = 0  # bytes of relocation fields: not compared
    zeroed: int = 0     # bytes that no file holds

    def __str__(self):
        return (f"{self.sections} sections, {self.compared} bytes equal, {self.relocated} in relocation fields, "
                f"{self.zeroed} zeroed at start")


def placements(link_map):
    """(file, section) to a list of (address, size), of all that the map says was placed."""
    before, found, placed = link_map.partition(MAP_BEGINS)
    if not found:
        raise ValueError("no map of GNU ld")
    out = {}
    for name, address, size, path in PLACED.findall(placed):
        if int(size, 16) > 0:
            out.setdefault((path, name), []).append((int(address, 16), int(size, 16)))
    return out


def room_of(placed, room):
    """The placements of a room's object, by section name. Sections of one name in a room have been joined when it was made."""
    ends = object_of(room)
    return {name: where for (path, name), where in placed.items() if path == ends or path.endswith("/" + ends)}


def relocated(room, section):
    out = set()
    for offset, kind in room.relocations(section):
        if kind not in FIELDS:
            raise ValueError(f"{section.name}: relocation type {kind} is not known")
        out.update(range(offset, offset + FIELDS[kind]))
    return out


def compare_section(room, section, linked, where, tally):
    """One sentence when the section is not in the linked file as it is in the room, else None."""
    if len(where) != 1 or where[0][1] != section.size:
        return f"{section.name}: {section.size} bytes in the room, the map places {[size for _, size in where]}"
    address, size = where[0]
    home = linked.segment_at(address, size)
    if home is None or address % section.align != 0:
        return f"{section.name}: not whole in a loaded segment at {address:#x}"
    if bool(home.flags & elf.SEGMENT_EXECUTED) != bool(section.flags & elf.EXECUTED) or \
            home.flags & elf.SEGMENT_WRITE and not section.flags & elf.WRITE:
        return f"{section.name}: loaded with other rights than it has in the room"
    tally.sections += 1
    at = linked.offset_of(address, size)
    if section.kind == elf.NOBITS:
        tally.zeroed += size
        return None if linked.offset_of(address) is None else f"{section.name}: bytes in the file, none in the room"
    if at is None:
        return f"{section.name}: the file holds no bytes of it, or not all"
    ours, theirs, fields = room.bytes_of(section), linked.data[at:at + size], relocated(room, section)
    wrong = [n for n in range(size) if ours[n] != theirs[n] and n not in fields]
    tally.relocated += len(fields)
    tally.compared += size - len(fields) - len(wrong)
    return f"{section.name}: {len(wrong)} bytes differ, the first at {wrong[0]:#x}" if wrong else None


def differences(room, linked, where):
    """Sentences, and the tally. `where`: the room's part of the map."""
    tally = Tally()
    found = [compare_section(room, section, linked, where.get(section.name, []), tally) for section in room.allocated()]
    if tally.sections == 0:
        found.append("the room has no section to compare")
    return [sentence for sentence in found if sentence], tally


def providers_named(package):
    """What a boot package says of its programs: {name: SHA-256 of the provider object in it}, those that have one."""
    count, at = struct.unpack_from("<I", package, 12)[0], struct.unpack_from("<I", package, 32)[0]
    entries = [struct.unpack_from("<24sII32s32s", package, at + 96 * n) for n in range(count)]
    return {entry[0].rstrip(b"\0").decode("ascii"): entry[4].hex() for entry in entries if any(entry[4])}


def main(words):
    parser = argparse.ArgumentParser(prog="compare.py", description="rooms against the files linked from them")
    parser.add_argument("build", type=pathlib.Path, help="build folder")
    build = parser.parse_args(words).build
    status = 0
    for name, (map_name, rooms) in linked_files(build).items():
        linked, placed = elf.Elf.read(build / name), placements((build / map_name).read_text(encoding="utf-8"))
        total = Tally()
        for room in rooms:
            found, tally = differences(elf.Elf.read(build / object_of(room)), linked, room_of(placed, room))
            total = Tally(*(a + b for a, b in zip(dataclasses.astuple(total), dataclasses.astuple(tally))))
            for sentence in found:
                print(f"{name}: {room}: {sentence}")
                status = 1
        print(f"{name}: {len(rooms)} rooms: {total}")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
