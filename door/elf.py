# SPDX-License-Identifier: BSD-2-Clause
# Reads ELF64 files of this machine: sections, segments, symbols, relocations. Trusts nothing of the file: what does not
# fit is a ValueError. Sources: System V ABI, object files; AMD64 supplement, 4.4.
import dataclasses
import struct

PROGBITS, SYMTAB, RELA, NOBITS = 1, 2, 4, 8
WRITE, ALLOCATED, EXECUTED, MERGED = 1, 2, 4, 0x10
LOADED, SEGMENT_EXECUTED, SEGMENT_WRITE = 1, 1, 2
NO_TYPE, OBJECT, FUNCTION = 0, 1, 2
UNDEFINED, FIRST_RESERVED = 0, 0xff00
HEADER = struct.Struct("<6sBBB7xHHIQQQIHHHHHH")
SEGMENT = struct.Struct("<IIQQQQQQ")
SECTION = struct.Struct("<IIQQQQIIQQ")
SYMBOL = struct.Struct("<IBBHQQ")
RELOCATION = struct.Struct("<QIIq")


@dataclasses.dataclass
class Section:
    index: int
    name: str
    kind: int
    flags: int
    address: int
    offset: int  # in the file; of no meaning for NOBITS
    size: int
    link: int
    info: int
    align: int


@dataclasses.dataclass
class Segment:
    flags: int
    offset: int
    address: int
    file_size: int
    size: int


@dataclasses.dataclass
class Symbol:
    name: str
    value: int
    size: int
    kind: int
    section: int


class Elf:
    """`data` is kept as it is: a bytearray may be changed under us, as tests do."""

    def __init__(self, data):
        self.data = data
        try:
            header = HEADER.unpack_from(data)
            if header[0] != b"\x7fELF\x02\x01" or header[5] != 62:
                raise ValueError("no little-endian ELF64 file for x86-64")
            at, entry, count, names = header[9], header[14], header[15], header[16]
            rows = [SECTION.unpack_from(data, at + n * entry) for n in range(count)]
            text = rows[names]
            loads = [SEGMENT.unpack_from(data, header[8] + n * header[12]) for n in range(header[13])]
        except (struct.error, IndexError) as error:
            raise ValueError(f"cut short or damaged: {error}") from None
        self.sections = [Section(n, self._string(text[4] + row[0]), row[1], row[2], row[3], row[4], row[5], row[6], row[7],
                                 max(row[8], 1)) for n, row in enumerate(rows)]
        self.segments = [Segment(row[1], row[2], row[3], row[5], row[6]) for row in loads if row[0] == LOADED]

    @classmethod
    def read(cls, path):
        with open(path, "rb") as file:
            return cls(file.read())

    def _string(self, at):
        end = self.data.find(b"\0", at)
        if at < 0 or end < 0:
            raise ValueError("a name lies outside of the file")
        return bytes(self.data[at:end]).decode("utf-8", "replace")

    def bytes_of(self, section):
        """Zeroes for what the file does not hold."""
        if section.kind == NOBITS:
            return bytes(section.size)
        if section.offset + section.size > len(self.data):
            raise ValueError(f"{section.name} lies outside of the file")
        return bytes(self.data[section.offset:section.offset + section.size])

    def allocated(self):
        return [section for section in self.sections if section.flags & ALLOCATED and section.size > 0]

    def segment_at(self, address, size=1):
        """The segment that is loaded over all of these addresses, or None."""
        for segment in self.segments:
            if segment.address <= address and address + size <= segment.address + segment.size:
                return segment
        return None

    def offset_of(self, address, size=1):
        """Where in the file the bytes loaded at these addresses lie; None when it holds none, or not all."""
        segment = self.segment_at(address, size)
        if segment is None or address + size > segment.address + segment.file_size:
            return None
        offset = segment.offset + address - segment.address
        return offset if offset + size <= len(self.data) else None

    def symbols(self):
        out = []
        for table in self.sections:
            if table.kind != SYMTAB:
                continue
            if table.link >= len(self.sections):
                raise ValueError(f"{table.name} has no names")
            names = self.sections[table.link].offset
            for name, info, _, section, value, size in SYMBOL.iter_unpack(self._whole(table, SYMBOL)):
                out.append(Symbol(self._string(names + name), value, size, info & 15, section))
        return out

    def relocations(self, section):
        """(offset, type) of each of the section's."""
        out = []
        for table in self.sections:
            if table.kind == RELA and table.info == section.index:
                out += [(offset, kind) for offset, kind, _, _ in RELOCATION.iter_unpack(self._whole(table, RELOCATION))]
        return out

    def _whole(self, table, record):
        data = self.bytes_of(table)
        if len(data) % record.size != 0:
            raise ValueError(f"{table.name} is no whole number of entries")
        return data
