#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Ports of the loopback that lead to services: which ./capos sim and ./capos qemu take, and which they refuse.
import pathlib
import socket
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, capos, remove, runs  # noqa: E402
from keyboard import SYSTEM_PACKAGE, Session  # noqa: E402

sys.path.insert(0, str(ROOT / "door"))
import listeners  # noqa: E402


class Ports(Session):
    def refused(self, status, word, *flags):
        before = runs()
        code, out, errors = capos(*flags)
        remove(runs() - before)
        self.assertEqual((code, out), (status, ""), errors)
        self.assertIn(word, errors)
        self.assertNotIn("Traceback", errors)

    def test_what_is_no_port_is_a_usage_error(self):
        for world in ("sim", "qemu"):
            for word in ("65536", "echod=", "E=7"):
                with self.subTest(f"{world} {word}"):
                    self.refused(2, "--port", world, "--port", word)

    def test_only_a_run_that_people_use_has_its_clock_moved_on(self):
        for flags in (("86401",), ("60", "--proof")):
            self.refused(2, "--skip", "sim", "--skip", *flags)

    def test_a_run_that_has_nobody_outside_takes_no_port(self):
        self.refused(2, "--port", "sim", "--port", "8007", "--backend", "script")
        self.refused(2, "--port", "sim", "--port", "8007", "--seed", "1", "--backend", "script")
        self.refused(2, "--port", "qemu", "--port", "8007", "--nics", "0")
        for world, *flags in (("sim",), ("qemu",), ("sim", "--proof", "--seed", "1"), ("qemu", "--proof", "--seed", "1"),
                              ("sim", "--proof", "--backend", "script"), ("qemu", "--proof", "--nics", "0")):
            self.refused(2, "--probe-web goes with --proof", world, "--probe-web", *flags)
        for world in ("sim", "qemu"):
            self.refused(2, "front door's own", world, "--proof", "--probe-web", "--probe", "0" * 32)

    def test_a_port_is_for_a_service_that_is_there_and_for_one(self):
        for world in ("sim", "qemu"):
            self.refused(4, "nobody" if world == "qemu" else "listens", world, "--port", "nobody=8007")
            self.refused(4, "port", world, "--port", "8007", "--port", "echod=8008")

    def test_a_port_that_somebody_has_is_refused(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            port = str(taken.getsockname()[1])
            self.refused(4, "port", "sim", "--port", port)
            self.refused(4, "port", "sim", "--backend", "vpc", "--port", port)
            self.refused(4, "Address already in use", "qemu", "--profile", "gce", "--firmware", "direct", "--port", port)

    def test_two_systems_side_by_side_on_ports_of_their_own(self):
        chosen = listeners.free_port()
        one = self.start("sim", "--package", str(SYSTEM_PACKAGE), "--port", f"echod={chosen}")
        two = self.start("sim", "--package", str(SYSTEM_PACKAGE))
        ports = [self.port_of(system) for system in (one, two)]
        self.assertEqual(ports[0], chosen)
        self.assertNotEqual(ports[0], ports[1])
        for system, port in zip((one, two), ports):
            self.due(system, "capos> ")
            self.echoed_again(port, system)
        for system in (one, two):
            self.power_off(system)

    def test_the_ports_of_a_package(self):
        package = SYSTEM_PACKAGE.read_bytes()
        self.assertEqual(listeners.listening(package, False), [("echod", 7), ("webd", 8080)])
        self.assertEqual(listeners.listening(package, True), [("echod", 7)])
        self.assertEqual(listeners.listening(package, True, True), [("echod", 7), ("webd", 8080)])
        found = listeners.forwards(package, [("echod", 8007)])
        self.assertEqual(found[0], ("echod", 8007, 7))
        self.assertEqual([(name, guest) for name, _, guest in found], [("echod", 7), ("webd", 8080)])
        self.assertEqual(listeners.web(listeners.forwards(package, [("webd", 8008)])), 8008)
        self.assertIsNone(listeners.web(listeners.forwards(package, [], True)))
        self.assertEqual(listeners.listening(b"no package", False), [])

    def test_a_proofs_client_knocks_until_a_service_is_in(self):
        with socket.create_server(("127.0.0.1", 0)) as port:
            knock = listeners.Knock(port.getsockname()[1])
            knock.begin()
            port.accept()[0].close()  # what a forward does for a port on which nobody in the guest listens yet
            inside, _ = port.accept()
            with inside:
                inside.sendall(inside.recv(listeners.Knock.BYTES))
        knock.thread.join()
        self.assertEqual(knock.reasons(), ["the evidence does not name the number that was sent"])
        knock.watch(b"l4-round-trip v1:seq=1,number=0x" + knock.number.hex().encode() + b",taken=8")
        self.assertEqual(knock.reasons(), [])


if __name__ == "__main__":
    unittest.main()
