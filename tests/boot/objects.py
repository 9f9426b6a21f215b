# SPDX-License-Identifier: BSD-2-Clause
# Finds the sections of a room object in a file linked from it, by the link map, and compares all bytes outside relocation fields. What
# the linker may merge (strings, constants) is compared piece by piece: each must be in the file. Reads ELF64 for x86-64 and GNU ld's map.
import dataclasses
import re
import struct

FLAG_ALLOCATED, FLAG_MERGE, FLAG_STRINGS = 2, 0x10, 0x20
TYPE_PROGRAM, TYPE_RELA = 1, 4
# Bytes from the relocated place on, and before it where the linker may turn a load from the table of addresses into another instruction.
FIELDS = {1: (0, 8), 2: (0, 4), 4: (0, 4), 10: (0, 4), 11: (0, 4), 9: (0, 4), 41: (2, 4), 42: (3, 4)}


@dataclasses.dataclass
class Section:
    name: str
    kind: int
    flags: int
    address: int
    data: bytes
    size: int
    info: int
    index: int
    entry: int


class Elf:
    def __init__(self, data):
        if data[:6] != b"\x7fELF\x02\x01":
            raise ValueError("no little-endian ELF64")
        self.data = data
        at, = struct.unpack_from("<Q", data, 0x28)
        size, count, names = struct.unpack_from("<HHH", data, 0x3a)
        rows = [struct.unpack_from("<IIQQQQIIQQ", data, at + i * size) for i in range(count)]
        text = data[rows[names][4]:rows[names][4] + rows[names][5]]
        self.sections = [Section(text[row[0]:text.index(b"\0", row[0])].decode(), row[1], row[2], row[3],
                                 b"" if row[1] == 8 else data[row[4]:row[4] + row[5]], row[5], row[7], i, row[9])
                         for i, row in enumerate(rows)]

    def relocated(self, section):
        """The offsets of the section's bytes that the linker fills in."""
        out = set()
        for rela in self.sections:
            if rela.kind != TYPE_RELA or rela.info != section.index:
                continue
            for at in range(0, len(rela.data), 24):
                offset, info, _ = struct.unpack_from("<QQq", rela.data, at)
                before, after = FIELDS[info & 0xffffffff]
                out.update(range(offset - before, offset + after))
        return out

    def loaded(self, address, size):
        """What stands at an address of the linked file."""
        for section in self.sections:
            if section.flags & FLAG_ALLOCATED and section.kind != 8 and section.address <= address and \
                    address + size <= section.address + section.size:
                return section.data[address - section.address:address - section.address + size]
        return None


def placed(link_map, room):
    """Name to address of each section of rooms/ROOM.o that the map placed."""
    joined = re.sub(r"^( \.\S+)\n +", r"\1 ", link_map, flags=re.M)
    found = re.finditer(rf"^ (\.\S+) +0x([0-9a-f]+) +0x([0-9a-f]+)(?: \S*/| )rooms/{room}\.o$", joined, re.M)
    return {match[1]: int(match[2], 16) for match in found if int(match[3], 16) > 0 or match[1] not in (".text", ".data", ".bss")}


def pieces(section):
    """What a merged section is made of."""
    if section.flags & FLAG_STRINGS:
        return [piece + b"\0" for piece in section.data.split(b"\0") if piece]
    size = section.entry or 1
    return [section.data[at:at + size] for at in range(0, len(section.data), size)]


def differences(room_object, linked, link_map, room):
    """One sentence for each difference, and how many bytes were compared."""
    out, compared = [], 0
    where = placed(link_map, room)
    constants = b"".join(section.data for section in linked.sections if section.name.startswith((".rodata", ".text")))
    for section in room_object.sections:
        if section.kind != TYPE_PROGRAM or not section.flags & FLAG_ALLOCATED or not section.data:
            continue
        if section.flags & FLAG_MERGE:
            out += [f"{section.name}: {piece!r} is not in the file" for piece in pieces(section) if piece not in constants]
            compared += len(section.data)
            continue
        there = linked.loaded(where[section.name], section.size) if section.name in where else None
        if there is None:
            out.append(f"{section.name} is not in the file")
            continue
        skipped = room_object.relocated(section)
        wrong = [at for at in range(section.size) if at not in skipped and there[at] != section.data[at]]
        if wrong:
            out.append(f"{section.name}: {len(wrong)} bytes differ, the first at {wrong[0]:#x}")
        compared += section.size - len(skipped)
    return out, compared
