#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# ./capos bench from end to end: every figure has its row, or the reason why it has none. No figure is judged here.
import contextlib
import itertools
import json
import os
import pathlib
import shutil
import socket
import struct
import sys
import tempfile
import threading
import time
import unittest
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from door import ROOT, capos  # noqa: E402

sys.path.insert(0, str(ROOT / "door"))
import bench_image  # noqa: E402
import bench_network  # noqa: E402
import bench_programs  # noqa: E402
import bench_qemu  # noqa: E402
import bench_web  # noqa: E402
import tap  # noqa: E402

KICKS = [f"60 B frames into a tap, {transport}, {kick} a kick" for transport in ("legacy", "modern") for kick in (1, 32, 128)]


class Bench(unittest.TestCase):
    @unittest.skipIf(shutil.which("qemu-system-x86_64") is None, "qemu-system-x86_64 is not installed (./capos setup qemu)")
    @unittest.skipUnless(os.environ.get("CAPOS_DEEP") == "1", "deep only")  # it takes three minutes
    def test_json_is_one_object_with_a_row_for_each_figure(self):
        status, out, err = capos("bench", "--quick", "--json")
        self.assertEqual(status, 0, err)
        said = json.loads(out)
        self.assertEqual(set(said), {"host", "machine", "programs", "network", "image", "disk", "web", "explore"})
        self.assertTrue(said["host"]["rows"])
        self.assertEqual({row["name"] for row in said["image"]["rows"]},
                         {*bench_image.WAYS.values(), bench_image.MADE, bench_image.ARCHIVE})
        rows = {row["name"]: row for row in said["machine"]["rows"]}
        for name in ("QEMU start to landmark", "end of the log to power off, the slowest",
                     "a fault to power off, the slowest", "kernel image", *KICKS):
            self.assertTrue(rows[name].get("got", 0) > 0 or rows[name].get("not_measured"), rows[name])
        for row in (rows[name] for name in KICKS if "got" in rows[name]):
            self.assertGreater(row["bells_a_kick"], 0, row)
        self.programs(said["programs"]["rows"])
        self.network(said["network"]["rows"])
        self.web(said["web"]["rows"])

    def web(self, found):
        self.assertEqual([row["name"] for row in found], [
            bench_web.FIRST, *(bench_web.name_of(what, which, where) for where in (bench_web.QEMU, bench_web.SIMULATOR)
                               for which in bench_web.TIMES for what in bench_web.WHAT), bench_web.WEIGHT])
        for row in found:
            self.assertTrue(row["got"] > 0 or row["name"].startswith(bench_web.WHAT[-1]), row)

    def network(self, found):
        self.assertEqual([(row["name"], row["unit"]) for row in found], [
            *((name, bench_network.UNITS[name]) for name in bench_network.ASKED),
            (bench_network.SEGMENT, "ns"), (bench_network.SEGMENT, "instructions")])
        for row in found:
            self.assertTrue(row.get("got", 0) > 0 or row.get("not_measured"), row)

    def programs(self, found):
        """Each figure of the processes, in each of its worlds."""
        rows = {(row["name"], row["unit"]): row for row in found}
        jobs = [job.name for job in bench_programs.JOBS]
        boots = ["first kernel instruction to init's first word", "first kernel instruction to the link"]
        frames = ["60 B frames from a tap to a process",
                  *(f"60 B frames from a process into a tap, batches of {batch}" for batch in (32, 128)),
                  *(f"60 B frames from a loop in ring 0 into a tap, {batch} a kick" for batch in (32, 128))]
        due = [(f"{name}, {world}", "ns") for name in jobs + boots for world in ("QEMU", "simulator")]
        due += [(f"{name}, simulator", "instructions") for name in jobs] + [(name, "frames/s") for name in frames]
        due.append(("the kernel's first line to the log-in's prompt, simulator", "ms"))
        self.assertEqual(set(rows), set(due))
        for row in found:
            self.assertTrue(row.get("got", 0) > 0 or row.get("not_measured"), row)

    def test_json_of_one_group_is_the_same_object_without_the_machine(self):
        status, out, err = capos("bench", "--only", "lives", "--quick", "--json")
        self.assertEqual(status, 0, err)
        said = json.loads(out)
        self.assertTrue(said["host"]["rows"])
        self.assertIsNone(said["machine"])
        self.assertIsNone(said["programs"])
        self.assertIsNone(said["network"])
        self.assertIsNone(said["image"])
        self.assertIsNone(said["disk"])
        self.assertIsNone(said["web"])
        self.assertIsNone(said["explore"])

    @unittest.skipIf(shutil.which("qemu-system-x86_64") is None, "qemu-system-x86_64 is not installed (./capos setup qemu)")
    @unittest.skipIf(shutil.which("grub-mkimage") is None, "GRUB is not installed (./capos setup image)")
    def test_the_image_boots_by_every_way_that_is_measured(self):
        status, out, err = capos("bench", "--only", "image", "--quick", "--json")
        self.assertEqual(status, 0, err)
        rows = {row["name"]: row for row in json.loads(out)["image"]["rows"]}
        self.assertEqual(set(rows), {*bench_image.WAYS.values(), bench_image.MADE, bench_image.ARCHIVE})
        for row in rows.values():
            self.assertTrue(row.get("got", 0) > 0 or row.get("not_measured"), row)

    @unittest.skipIf(shutil.which("spin") is None, "spin is not installed (./capos setup bench)")
    @unittest.skipUnless(os.environ.get("CAPOS_DEEP") == "1", "deep only")  # it builds two presets and explores
    def test_exploring_has_a_row_for_each_figure_beside_spins(self):
        status, out, err = capos("bench", "--only=explore", "--quick", "--json")
        self.assertEqual(status, 0, err)
        said = json.loads(out)
        self.assertIsNone(said["host"])
        rows = {row["name"]: row for row in said["explore"]["rows"]}
        for order in ("sequential", "tso"):
            spin, ours = (rows[f"{what}, {order}"]
                          for what in ("SPIN, ring.pml, queue size 2", "explored, world ring, queue size 4"))
            self.assertAlmostEqual(ours["asked"], spin["got"] / 2, delta=1)
            self.assertGreater(spin["states"], 1000)
        self.assertGreater(rows["random lives, world nic, all monitors on"]["steps_a_life"], 1)
        fuzzed = rows["fuzzer executions, world nic, sanitizers on"]
        self.assertTrue(fuzzed.get("got", 0) > 0 or fuzzed.get("not_measured"), fuzzed)

    def test_the_address_is_seen_when_it_is_given_and_not_before(self):
        def frame(start, kind):
            whole = bytearray(400)
            whole[12:14], whole[23:24], whole[34:38] = b"\x08\x00", b"\x11", start
            whole[282:285] = bytes([53, 1, kind])
            return struct.pack("=4I", 0, 0, len(whole), len(whole)) + whole

        offer, ack, other = (frame(*of) for of in ((b"\0C\0D", 2), (b"\0C\0D", 5), (b"\0D\0C", 5)))
        with tempfile.TemporaryDirectory() as folder, contextlib.closing(bench_network.Frames(folder)) as frames:
            with open(f"{folder}/frames", "wb", buffering=0) as qemu:
                for piece, seen in ((bytes(24), False), (offer, False), (other, False), (ack[:300], False), (ack[300:], True)):
                    qemu.write(piece)
                    self.assertEqual(frames.look(), seen)

    def test_the_number_has_to_come_back(self):
        """A host's port that refuses once, then echoes, then is wrong."""
        with socket.create_server(("127.0.0.1", 0)) as server:
            def serve():
                for change in (None, 0, 1):
                    with server.accept()[0] as s:
                        if change is not None:
                            s.sendall(bytes(byte + change for byte in s.recv(8)))

            thread = threading.Thread(target=serve)
            thread.start()
            frames = mock.Mock(fd=0, look=lambda: True)
            console = socket.socketpair()
            with console[0], console[1]:
                port = server.getsockname()[1]
                self.assertGreater(bench_network.answered(port, time.monotonic(), console[0], frames), 0)
                with self.assertRaisesRegex(bench_network.Failed, "not what was sent"):
                    bench_network.answered(port, time.monotonic(), console[0], frames)
            thread.join()

    def test_pages_are_counted_and_so_are_connections_that_gave_way(self):
        """A host's port that answers each connection's first request, but for every fourth, and takes another one where it may."""
        answer = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc"
        self.assertFalse(bench_web.whole(answer[:-1]))
        self.assertTrue(bench_web.whole(answer))
        with self.assertRaisesRegex(bench_web.Failed, "no page"):
            bench_web.whole(answer.replace(b"200", b"404"))

        def one(s, at):
            with s, contextlib.suppress(ConnectionError):
                while at % 4 and (asked := s.recv(4096)):
                    s.sendall(answer)
                    if b"close" in asked:
                        return

        def serve(server):
            with contextlib.suppress(OSError):
                for at in itertools.count():
                    threading.Thread(target=one, args=(server.accept()[0], at), daemon=True).start()

        with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
            threading.Thread(target=serve, args=(server,), daemon=True).start()
            port = server.getsockname()[1]
            for close in (False, True):
                data = bench_web.request(port, "/", None, close)
                rate, half, most, lost = bench_web.Load(port, data, len(answer), close).run(0.1)
                self.assertGreater(rate, 0)
                self.assertLessEqual(half, most)
                self.assertGreater(lost, 0)
                with self.assertRaisesRegex(bench_web.Failed, "not the page"):
                    bench_web.Load(port, data, len(answer) - 1, close).run(0.1)

    def test_without_namespace_or_device_the_rows_say_so(self):
        for what in ("enter_namespace", "Tap"):
            with mock.patch.object(bench_qemu, "ROWS", []) as rows, mock.patch.object(tap, "enter_namespace"), \
                    mock.patch.object(tap, what, side_effect=tap.Missing("not to be had here")):
                bench_qemu.measure_tap(ROOT / "no-such-image", 1, True)
            self.assertEqual([(row["name"], row["not_measured"]) for row in rows], [(name, "not to be had here") for name in KICKS])
            self.assertFalse([row for row in rows if "got" in row])


if __name__ == "__main__":
    unittest.main()
