# SPDX-License-Identifier: BSD-2-Clause
# One source, one object, two worlds: the bytes of each room object are those in the kernel image and those in the simulator.
import unittest

import machine
import objects

ROOMS = ("boot", "evidence", "device", "core", "provider", "format", "bearssl", "facts")
LINKED = (("kernel.elf", "kernel.map"), ("sim/capos-sim", "sim/capos-sim.map"))


class Objects(unittest.TestCase):
    def setUp(self):
        self.rooms = {room: (machine.BUILD / f"rooms/{room}.o").read_bytes() for room in ROOMS}

    def test_every_room_lies_whole_in_both_worlds(self):
        for name, map_name in LINKED:
            linked = objects.Elf((machine.BUILD / name).read_bytes())
            link_map = (machine.BUILD / map_name).read_text(encoding="utf-8")
            for room, data in self.rooms.items():
                with self.subTest(file=name, room=room):
                    found, compared = objects.differences(objects.Elf(data), linked, link_map, room)
                    self.assertEqual(found, [])
                    self.assertGreater(compared, 60)

    def test_a_change_of_one_byte_is_found_in_each_room(self):
        """In the object, at the middle of its largest section that is no relocation field: the linked files no longer hold it."""
        for name, map_name in LINKED:
            linked = objects.Elf((machine.BUILD / name).read_bytes())
            link_map = (machine.BUILD / map_name).read_text(encoding="utf-8")
            for room, data in self.rooms.items():
                with self.subTest(file=name, room=room):
                    changed = objects.Elf(data)
                    largest = max((section for section in changed.sections if section.kind == objects.TYPE_PROGRAM
                                   and section.flags & objects.FLAG_ALLOCATED), key=lambda section: section.size)
                    skipped = changed.relocated(largest)
                    at = next(at for at in range(largest.size // 2, largest.size) if at not in skipped)
                    largest.data = largest.data[:at] + bytes([largest.data[at] ^ 0x10]) + largest.data[at + 1:]
                    found, _ = objects.differences(changed, linked, link_map, room)
                    self.assertEqual(len(found), 1, found)


if __name__ == "__main__":
    unittest.main()
