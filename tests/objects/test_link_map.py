# SPDX-License-Identifier: BSD-2-Clause
# What the kernel is made of, by the maps of its links: the image of these room objects and of the entry code, each room of
# sources of these folders. Of the provider it holds format/ and nothing else. An allow-list: whatever is new is found, whatever
# its name is. Trusts the build in build/ship (CAPOS_BUILD names another folder).
import os
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAPOS_BUILD", ROOT / "build/ship"))
# Of an input: what stands in the build folder before the name of the object. Sources of a room lie in one folder, or two.
ENTRY = r"kernel/arch/x86_64/CMakeFiles/arch_entry\.dir"
ROOMS = {
    "boot": [r"kernel/CMakeFiles/room_boot_parts\.dir"],
    "core": [r"kernel/core/CMakeFiles/room_core_parts\.dir"],
    "device": [r"kernel/device/CMakeFiles/room_device_parts\.dir"],
    "calls": [r"kernel/calls/CMakeFiles/room_calls_parts\.dir"],
    "arch": [r"kernel/arch/x86_64/CMakeFiles/room_arch_parts\.dir"],
    "pc": [r"platform/pc/CMakeFiles/room_pc_parts\.dir"],
    "evidence": [r"evidence/CMakeFiles/room_evidence_parts\.dir",
                 r"evidence/CMakeFiles/room_evidence_parts\.dir/__/generated/evidence"],
    "format": [r"provider/CMakeFiles/room_format_parts\.dir/format"],
    "bearssl": [r"CMakeFiles/thirdparty_bearssl_parts\.dir/.*/src/(?:codec|hash|mac)"],
}


def inputs(link_map):
    """Paths of all files that the link read, those in the build folder relative to it."""
    prefix = str(BUILD) + "/"
    return [path.removeprefix(prefix).replace("/./", "/") for path in re.findall(r"^LOAD (.+)$", link_map, re.M)]


def foreign(paths, allowed):
    """Those that are not on the list, and entries of the list that nothing fits."""
    patterns = [re.compile(rf"(?:{pattern})/[^/]+\.o") for pattern in allowed]
    return ([path for path in paths if not any(pattern.fullmatch(path) for pattern in patterns)],
            [pattern.pattern for pattern in patterns if not any(pattern.fullmatch(path) for path in paths)])


def image_inputs():
    return inputs((BUILD / "kernel.map").read_text(encoding="utf-8"))


def room_inputs(room):
    return inputs((BUILD / f"rooms/{room}.map").read_text(encoding="utf-8"))


class LinkMap(unittest.TestCase):
    def test_the_image_is_made_of_these_rooms_and_its_entry_code(self):
        rooms = sorted(path for path in image_inputs() if path.startswith("rooms/"))
        self.assertEqual(rooms, sorted(f"rooms/{name}.o" for name in ROOMS))
        self.assertEqual(foreign([path for path in image_inputs() if path not in rooms], [ENTRY]), ([], []))

    def test_each_room_is_made_of_its_own_folder(self):
        for room, allowed in ROOMS.items():
            with self.subTest(room=room):
                self.assertGreater(len(room_inputs(room)), 0)
                self.assertEqual(foreign(room_inputs(room), allowed), ([], []))

    def test_what_does_not_belong_is_found(self):
        for planted in ("provider/CMakeFiles/room_provider_parts.dir/probe.c.o", "/tmp/x.o",
                        "kernel/CMakeFiles/room_boot_parts.dir/__/provider/probe.c.o",
                        "provider/CMakeFiles/room_format_parts.dir/virtq.c.o"):
            for room, allowed in ROOMS.items():
                self.assertEqual(foreign([*room_inputs(room), planted], allowed)[0], [planted])
            self.assertEqual(foreign([*image_inputs(), planted], [ENTRY, "rooms"])[0], [planted])
        self.assertEqual(foreign([], ["rooms"])[1], ["(?:rooms)/[^/]+\\.o"])


if __name__ == "__main__":
    unittest.main()
