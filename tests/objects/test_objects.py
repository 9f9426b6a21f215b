# SPDX-License-Identifier: BSD-2-Clause
# One source, one object, two worlds: every byte of a room object outside relocation fields is in each file linked from it. Each
# rule of the comparison finds the violation planted for it, in a copy of the linked file. Trusts the build in build/ship
# (CAPOS_BUILD names another folder).
import hashlib
import os
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BUILD = pathlib.Path(os.environ.get("CAPOS_BUILD", ROOT / "build/ship"))
sys.path[:0] = [str(HERE), str(ROOT / "door")]
import compare  # noqa: E402
import elf  # noqa: E402

SHARED = set(compare.KERNEL)  # what more than one world links
FILES = compare.linked_files(BUILD)
# A room that a program of the tests alone is linked from.
OF_TESTS = {"lwip_failing"}


class Linked:
    def __init__(self, name):
        self.name = name
        map_name, self.rooms = FILES[name]
        self.elf = elf.Elf(bytearray((BUILD / name).read_bytes()))
        self.placed = compare.placements((BUILD / map_name).read_text(encoding="utf-8"))

    def sections(self, rooms):
        """(room, room object, section, the room's part of the map) of all of them."""
        for room in self.rooms:
            where = compare.room_of(self.placed, room)
            for section in rooms[room].allocated():
                yield room, rooms[room], section, where


class Objects(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.rooms = {path.stem: elf.Elf.read(path) for path in sorted((BUILD / "rooms").glob("*.o"))}
        cls.rooms.update({room: elf.Elf.read(BUILD / compare.object_of(room))
                          for _, rooms in FILES.values() for room in rooms if "/" in room})
        cls.linked = [Linked(name) for name in FILES]

    def found(self, linked, room, section, where):
        return compare.compare_section(room, section, linked.elf, where.get(section.name, []), compare.Tally())

    def test_every_room_that_is_built_is_linked_somewhere_and_the_shared_ones_everywhere(self):
        self.assertEqual(set(self.rooms) - OF_TESTS, {room for linked in self.linked for room in linked.rooms})
        for linked in self.linked:
            self.assertLessEqual(SHARED if linked.name in compare.LINKED else {"rt"}, set(linked.rooms), linked.name)

    def test_every_room_lies_whole_in_every_file_linked_from_it(self):
        for linked in self.linked:
            for room in linked.rooms:
                with self.subTest(file=linked.name, room=room):
                    found, tally = compare.differences(self.rooms[room], linked.elf, compare.room_of(linked.placed, room))
                    self.assertEqual(found, [])
                    self.assertEqual(tally.compared + tally.relocated + tally.zeroed,
                                     sum(section.size for section in self.rooms[room].allocated()))
                    self.assertGreater(tally.compared, tally.relocated)

    def test_no_section_of_a_room_may_be_merged_with_another_rooms(self):
        for name, room in self.rooms.items():
            self.assertEqual([section.name for section in room.allocated() if section.flags & elf.MERGED], [], name)

    def test_no_room_lies_twice_in_a_file(self):
        for linked in self.linked:
            for room in linked.rooms:
                files = {path for path, _ in linked.placed if path.endswith("/" + compare.object_of(room))
                         or path == compare.object_of(room)}
                self.assertEqual(len(files), 1, (linked.name, files))

    def test_a_change_of_one_byte_is_found_wherever_it_is(self):
        """In each section of each room in each file: its first, middle and last byte that is no relocation field."""
        planted = 0
        for linked in self.linked:
            for room, data, section, where in linked.sections(self.rooms):
                if section.kind == elf.NOBITS:
                    continue
                skipped = compare.relocated(data, section)
                free = [n for n in range(section.size) if n not in skipped]
                at = linked.elf.offset_of(where[section.name][0][0])
                for n in {free[0], free[len(free) // 2], free[-1]} if free else ():
                    linked.elf.data[at + n] ^= 0x01
                    found = self.found(linked, data, section, where)
                    linked.elf.data[at + n] ^= 0x01
                    self.assertEqual(found, f"{section.name}: 1 bytes differ, the first at {n:#x}", (linked.name, room))
                    planted += 1
        self.assertGreater(planted, 1000)

    def test_the_comparison_of_files_fails_on_a_changed_copy(self):
        """The same through the program: a copy of the build's files, one byte changed in one of them."""
        with tempfile.TemporaryDirectory(prefix="capos-objects-") as folder:
            folder = pathlib.Path(folder)
            for name in (*FILES, *(row[0] for row in FILES.values()), *(compare.object_of(room) for room in self.rooms)):
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes((BUILD / name).read_bytes())
            self.assertEqual(self.program(folder)[0], 0)
            linked = self.linked[0]
            section = next(s for s in self.rooms["device"].allocated() if s.name == ".text.broker_take_in")
            where = compare.room_of(linked.placed, "device")[section.name]
            at = linked.elf.offset_of(where[0][0])
            changed = bytearray(linked.elf.data)
            changed[at] ^= 0x80
            (folder / linked.name).write_bytes(changed)
            status, text = self.program(folder)
            self.assertEqual(status, 1, text)
            self.assertIn(f"{linked.name}: device: {section.name}: 1 bytes differ, the first at 0x0\n", text)

    def program(self, folder):
        done = subprocess.run([sys.executable, "-B", str(HERE / "compare.py"), str(folder)], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def test_a_section_that_is_absent_or_cut_or_twice_there_is_found(self):
        for linked in self.linked:
            for room, data, section, where in linked.sections(self.rooms):
                (address, size), = where[section.name]
                for plant in ([], [(address, size - 1)], [(address, size)] * 2, [(address + (1 << 40), size)]):
                    self.assertIsNotNone(self.found(linked, data, section, {section.name: plant}), (linked.name, room))

    def test_a_file_that_ends_inside_a_section_is_found(self):
        linked = self.linked[0]
        for room, data, section, where in linked.sections(self.rooms):
            if section.kind == elf.NOBITS:
                continue
            whole, at = linked.elf.data, linked.elf.offset_of(where[section.name][0][0])
            linked.elf.data = whole[:at + section.size - 1]
            found = self.found(linked, data, section, where)
            linked.elf.data = whole
            self.assertEqual(found, f"{section.name}: the file holds no bytes of it, or not all", room)

    def test_code_that_is_loaded_writable_and_constants_that_are_executable_are_found(self):
        linked = self.linked[0]
        flags = [segment.flags for segment in linked.elf.segments]
        for room, data, section, where in linked.sections(self.rooms):
            if section.flags & elf.WRITE:
                continue
            for right in (elf.SEGMENT_WRITE, elf.SEGMENT_EXECUTED):
                for segment, before in zip(linked.elf.segments, flags):
                    segment.flags = before ^ right
                found = self.found(linked, data, section, where)
                for segment, before in zip(linked.elf.segments, flags):
                    segment.flags = before
                self.assertEqual(found, f"{section.name}: loaded with other rights than it has in the room", room)

    def test_a_relocation_that_is_not_known_is_no_excuse(self):
        room = elf.Elf(bytearray((BUILD / "rooms/provider.o").read_bytes()))
        section = next(section for section in room.allocated() if room.relocations(section))
        table = next(t for t in room.sections if t.kind == elf.RELA and t.info == section.index)
        room.data[table.offset + 8] = 0xfe
        with self.assertRaisesRegex(ValueError, "relocation type 254 is not known"):
            compare.relocated(room, section)

    def test_the_package_names_the_provider_object_of_each_program_that_has_one(self):
        due = hashlib.sha256((BUILD / "rooms/provider.o").read_bytes()).hexdigest()
        holders = {pathlib.Path(linked.name).stem for linked in self.linked
                   if linked.name.startswith("programs/") and "provider" in linked.rooms}
        self.assertIn("nicd", holders)
        self.assertEqual(compare.providers_named((BUILD / "capos.pkg").read_bytes()), {name: due for name in holders})

    def test_damaged_files_are_refused_and_not_followed(self):
        data = (BUILD / "rooms/format.o").read_bytes()
        for size in (0, 3, 63, len(data) // 2, len(data) - 70):
            with self.assertRaises(ValueError):
                elf.Elf(data[:size])
        for at, byte in ((4, 1), (5, 2), (18, 3)):  # 32 bits, big-endian, i386
            with self.assertRaises(ValueError):
                elf.Elf(data[:at] + bytes([byte]) + data[at + 1:])


if __name__ == "__main__":
    unittest.main()
