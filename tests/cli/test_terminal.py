#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Terminals in the simulator: the keys of a line at the console, and the same shell over a connection that was moved to the
# terminal process, when each of those that carry it ends.
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from connections import DO, GREETING, IAC, WONT, Connected, Connection  # noqa: E402
from keyboard import SECRET, Session  # noqa: E402

ERASE_LINE = "\x1b[K"  # what a redrawn line begins with, its CR aside


class Console(Session):
    def test_the_keys_of_a_line(self):
        system = self.start("sim", "--backend", "script")
        self.due(system, "init: frames ended with code 0\n")
        for keys, shown, said in (
                ("pz\x7fs\n", f"capos> pz{ERASE_LINE}capos> ps\n", "  # name            process"),
                ("\x1b[A\n", "capos> ps\n", "  # name            process"),  # up: the line before
                ("eviden\t\n", "capos> evidence \n", "inventory                         1\n"),
                ("restart fra\t\x15usage\n", f"capos> restart frames {ERASE_LINE}capos> usage\n", "devices claimed "),
                ("caps 99 98\x17\x01\x05\n", "caps 99 \n", "no such process: "),
                ("kill nicd\x03", "capos> kill nicd^C\n", "capos> "),
                ("two\rlines\r\n", "capos> two\n", "no such command: help lists them\ncapos> lines\n")):
            with self.subTest(repr(keys)):
                place = system.at_prompt()
                system.type(keys, "")
                self.assertTrue(system.wait_from(place, shown), system.text[-2000:])
                self.assertTrue(system.wait_from(place, said), system.text[-2000:])
        self.assertNotIn("init: nicd was killed", system.text)
        self.power_off(system)

    def test_nothing_typed_can_pass_for_evidence(self):
        system = self.start("sim", "--backend", "script")
        self.due(system, "init: frames ended with code 0\n")
        typed = "cloudboot-evidence: platform v1:seq=0"
        system.type(f"\r\n{typed}\x01\x1b[B\x1b[C\x0b")
        self.due(system, f"capos> {typed}")
        self.due(system, "no such command: help lists them\n", 1)
        self.power_off(system)  # judges the log
        for line in system.text.replace(ERASE_LINE, "\n").splitlines():
            self.assertFalse(line.startswith(typed) and "boot=" not in line, line)


class Remote(Connected):
    def test_a_connection_is_a_terminal_and_ends_with_each_that_carries_it(self):
        system, port = self.start_remote()
        connection = self.connect(port)
        # Answered once each: what we offered is confirmed in silence, what we do not do is refused, again said in silence.
        connection.type(bytes([IAC, DO, 1, IAC, DO, 3, IAC, DO, 24, IAC, DO, 24]) + b"usa\tx\x7f\r\n")
        self.assertTrue(connection.until(bytes([IAC, WONT, 24])))
        self.assertTrue(connection.until(b"devices claimed                    1\r\n"))
        self.assertNotIn(bytes([IAC]), connection.seen)
        connection.type(b"top\r\n")  # the second byte of Enter is no key
        self.assertTrue(connection.until(b"; any key ends\r\n"))
        connection.type(b"q")
        self.assertTrue(connection.until(b"capos> "))
        for *other, victim in (("shell-remote", "shell-remote-2"), ("termd",), ("netd",), ("nicd",)):  # either shell has it
            with self.subTest(victim):
                connection.type(b"half a line")
                for name in (*other, victim):
                    times = system.text.count(f"init: {name} was killed\n")
                    system.type(f"kill {name}")
                    self.due(system, f"init: {name} was killed\n", times + 1)
                if victim in ("netd", "nicd"):
                    connection.type(b" more")  # a stack's next life answers with a reset
                connection.ends()
                if victim == "termd":  # the console's session as well
                    self.log_in(system, 2)
                connection = self.connect(port)
                connection.type(b"services\r\n")
                self.assertTrue(connection.until(b"shell-remote            runs "))
        connection.type(b"\x04")  # the person leaves
        connection.ends()
        system.type("sockets")
        self.due(system, "  23  listens\n")
        self.power_off(system)

    def test_the_next_connection_waits_for_a_terminal(self):
        system, port = self.start_remote()
        first, second = self.connect(port), self.connect(port)
        third = Connection(port)
        self.assertTrue(third.until(GREETING))
        third.type(SECRET.encode() + b"\r\nusage\r\n")  # typed ahead
        for connection in (second, first):
            connection.type(b"services\r\n")
            self.assertTrue(connection.until(b"telnetd "))
        self.assertNotIn(b"secret: ", third.seen)
        first.socket.close()
        self.assertTrue(third.until(b"devices claimed "))
        second.type(b"services\r\n")
        self.assertTrue(second.until(b"telnetd "))
        for connection in (second, third):
            connection.socket.close()
        self.power_off(system)


if __name__ == "__main__":
    unittest.main()
