# SPDX-License-Identifier: BSD-2-Clause
# The network-stack process and the echo service killed in QEMU under a client's connection from outside, at a while of the
# generator's after bytes went through it: each time the port answers anew and what is held is what was held before.
import os
import pathlib
import random
import re
import socket
import sys
import time
import unittest

import machine

sys.path.append(str(pathlib.Path(__file__).resolve().parents[1] / "cli"))  # behind: it has a test_programs too
from door import SECONDS_MAX  # noqa: E402
from keyboard import SYSTEM_PACKAGE, Session  # noqa: E402

KILLS = 25
VICTIMS = ("netd", "echod")
SEED = 20261127
TRY_S = 0.1  # an answer that is not there by then is asked for by a new connection
LATER_S = 0.02  # a kill comes within so much of the last answer
LOOKS = 50  # at what is held: connections given up are still closing
HELD = ("processes", "handles", "pages of programs, used", "DMA pages, used", "devices claimed", "devices in quarantine")


@unittest.skipIf(machine.BUILD != machine.ROOT / "build/ship", "./capos qemu boots build/ship")
class NetKills(Session):
    def answered(self, connection, data):
        """Sends `data` and takes all of it back. False: it ends, or nothing comes for the connection's time-out."""
        try:
            connection.sendall(data)
            back = b""
            while len(back) < len(data):
                piece = connection.recv(len(data) - len(back))
                if not piece:
                    return False
                back += piece
        except OSError:
            return False
        self.assertEqual(back, data)
        return True

    def connected(self, port, data):
        """A connection that has answered; those before it that did not are given up."""
        until = time.monotonic() + SECONDS_MAX
        while time.monotonic() < until:
            connection = socket.create_connection(("127.0.0.1", port), timeout=TRY_S)
            if self.answered(connection, data):
                connection.settimeout(SECONDS_MAX)
                return connection
            connection.close()
        self.fail("nobody answers any more")

    def ended(self, connection):
        """By what it is told, at the latest, when it sends: a connection has no second life."""
        try:
            connection.sendall(b"old")
            return connection.recv(1) == b""
        except ConnectionError:
            return True

    def held(self, system):
        asked = system.text.count("capos> usage\n")
        system.type("usage")
        self.due(system, "capos> usage\n", asked + 1)
        self.assertTrue(system.wait_since("capos> usage\n", "denials "), system.text[-3000:])
        said = system.text.rpartition("capos> usage\n")[2]
        return {name: int(re.search(rf"^{name} +(\d+)$", said, re.M)[1]) for name in HELD}

    def killed(self, kills, seed):
        chance = random.Random(seed)
        system = self.start("qemu", "--package", str(SYSTEM_PACKAGE))
        port = self.port_of(system)
        self.due(system, "capos> ")
        connection = self.connected(port, b"first")
        before = self.held(system)
        done = dict.fromkeys(VICTIMS, 0)
        for number in range(kills):
            victim = chance.choice(VICTIMS)
            self.assertTrue(self.answered(connection, chance.randbytes(chance.randrange(1, 30000))), f"kill {number}")
            time.sleep(chance.random() * LATER_S)
            system.type(f"kill {victim}")
            done[victim] += 1
            self.due(system, f"init: {victim} was killed\n", done[victim])
            anew = self.connected(port, b"again %d" % number)
            self.assertTrue(self.ended(connection), "a connection outlived its service")
            connection.close()
            connection = anew
            looks = 0
            while (now := self.held(system)) != before:
                looks += 1
                self.assertLess(looks, LOOKS, f"kill {number}, of {victim}: {now}, before {before}")
        connection.close()
        folder = self.power_off(system)
        for word in ("exception", "faulted", "ended with code"):
            self.assertNotIn(word, system.text)
        judged = machine.check.judge((folder / "console.log").read_bytes(), machine.gen_markers.load(),
                                     bytes.fromhex((folder / "chain.key").read_text().strip()), False)
        self.assertEqual((judged["verdict"], judged["reasons"]), ("pass", []))
        print("kills under a connection: " + ", ".join(f"{name} {done[name]}" for name in VICTIMS))

    def test_the_port_answers_again_after_each_kill_of_stack_and_service(self):
        self.killed(KILLS, SEED)

    @unittest.skipUnless(os.environ.get("CAPOS_DEEP") == "1", "deep only")
    def test_the_port_answers_again_after_each_of_500_kills(self):
        self.killed(500, SEED + 1)


if __name__ == "__main__":
    unittest.main()
