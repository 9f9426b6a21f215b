#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Ten everyday tasks of an operator in a terminal, as recorded in tests/everyday, in the simulator: at its console, and over a
# connection.
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import everyday  # noqa: E402


class Console(everyday.Sim):
    pass


class Connection(everyday.Telnet):
    pass


class Checks(unittest.TestCase):
    """What the others go by can say no."""

    def test_lines_and_patterns(self):
        for expected, line, good in (("as it is", "as it is", True), ("as it is", "as it  is", False), ("a.c", "abc", False),
                                     ("n @@@@", "n   12", True), ("n @@@@", "n   1 ", False), ("n @@@@", "n 12345", False),
                                     ("n @@@@", "n     ", False), ("up {n} s", "up 12 s", True), ("up {n} s", "up  s", False),
                                     ("{hex},", "0af,", True), ("{hex},", "0ag,", False), ("at {at}", "at 00:04.0", True)):
            with self.subTest(expected, line=line):
                self.assertEqual(everyday.fits(expected, line), good)

    def test_screens(self):
        kill = [("|", "capos> kill"), ("*", "init: killed"), ("*", "done"), ("|", "capos> typ")]
        for screen, good in ((["capos> kill", "init: killed", "done", "capos> typ"], True),
                             (["capos> kill", "done", "capos> t", "init: killed", "capos> typ"], True),
                             (["capos> kill", "done", "init: killed", "capos> typ", "capos> typ"], False),
                             (["capos> kill", "done", "done", "init: killed", "capos> typ"], False),
                             (["capos> kill", "done", "capos> typ"], False),
                             (["capos> kill", "done", "capos> x", "init: killed", "capos> typ"], False),
                             (["capos> kill", "init: killed", "done"], False), ([], False)):
            with self.subTest(screen=screen):
                self.assertEqual(everyday.matches(kill, screen), good)
        end = [("|", "..."), ("|", "end")]
        self.assertTrue(everyday.matches(end, ["a", "b", "end"]))
        self.assertFalse(everyday.matches(end, ["a", "end", "b"]))

    def test_what_no_screen_may_show(self):
        terminal = everyday.Terminal.__new__(everyday.Terminal)
        for line, good in (("capos> ps", True), ("x" * 80, True), ("x" * 81, False), ("cloudboot-evidence: " + "x" * 80, True),
                           (f"secret: {everyday.SECRET}", False), ("capos> secapos> ser", False), ("servinit: nicd", False)):
            with self.subTest(line):
                terminal.text = [line]
                self.assertEqual(everyday.wrong(terminal) is None, good)


everyday.give(Console)
everyday.give(Connection, "02-find-ones-way", "04-top")

if __name__ == "__main__":
    unittest.main()
