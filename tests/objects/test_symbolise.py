# SPDX-License-Identifier: BSD-2-Clause
# Names of a backtrace's addresses, over the kernel image of the build; any other line passes as it is. And what ./capos qemu
# makes of a kernel's last words.
import contextlib
import io
import os
import pathlib
import subprocess
import sys
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAPOS_BUILD", ROOT / "build/ship"))
sys.path.insert(0, str(ROOT / "door"))
import elf  # noqa: E402
import qemu  # noqa: E402
import symbolise  # noqa: E402


class Symbolise(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        image = elf.Elf.read(BUILD / "kernel.elf")
        cls.names = symbolise.Names(image)
        cls.symbols = {symbol.name: symbol for symbol in image.symbols()}

    def at(self, name, offset=0):
        return self.symbols[name].value + offset

    def test_an_address_is_named_by_the_function_that_holds_it(self):
        self.assertEqual(self.names.name(self.at("kernel_main")), "kernel_main+0x0")
        self.assertEqual(self.names.name(self.at("kernel_main", 9)), "kernel_main+0x9")
        self.assertEqual(self.names.name(self.at("trap_common", 4)), "trap_common+0x4")  # assembly, a label alone

    def test_the_place_a_last_call_comes_back_to_belongs_to_its_caller(self):
        size = self.symbols["panic_text"].size
        self.assertEqual(self.names.name(self.at("panic_text", size), returns=True), f"panic_text+{size:#x}")
        line = f"backtrace: {self.at('kernel_main'):#x} {self.at('kernel_main', 5):#x}".encode()
        self.assertEqual(self.names.backtrace(line), ["kernel_main+0x0", "kernel_main+0x5"])

    def test_an_address_outside_of_code_has_no_name(self):
        last = max(symbol.value for symbol in self.names.symbols)
        for address in (0, 8, self.at("boot_cpu"), self.at("image_end"), last + (1 << 30), (1 << 64) - 1):
            self.assertEqual(self.names.name(address), f"{address:#x} (no code of this image)")
            self.assertEqual(self.names.name(address, returns=True), f"{address:#x} (no code of this image)")

    def test_a_line_that_only_looks_like_a_backtrace_is_left_alone(self):
        for line in (b"backtrace:", b"backtrace: 1234", b"backtrace: 0x12 zz", b"x backtrace: 0x12", b"backtrace: 0x" + b"1" * 17,
                     b"backtrace:" + b" 0x1" * 65, b"\xff\x00"):
            self.assertEqual(self.names.backtrace(line), [], line)

    def test_text_passes_with_the_names_behind_its_backtrace(self):
        program = [sys.executable, "-B", ROOT / "door/symbolise.py", "--image"]
        text = b"before\r\n  backtrace: %#x %#x\r\n\xff" % (self.at("kernel_main", 3), self.at("machine_main", 7))
        done = subprocess.run([*program, BUILD / "kernel.elf"], input=text, capture_output=True, timeout=30, check=True)
        lines = text.split(b"\xff")[0]
        self.assertEqual(done.stdout, lines + b"  at kernel_main+0x3\n  at machine_main+0x7\n\xff")
        for wrong in (BUILD / "kernel.map", BUILD / "no such file"):
            done = subprocess.run([*program, wrong], input=text, capture_output=True, timeout=30, check=False)
            self.assertEqual((done.returncode, done.stdout), (4, b""))

    def machine(self, *flags):
        return qemu.Machine(qemu.parse(["--kernel", str(BUILD / "kernel.elf"), *flags]), BUILD, [], None)

    def test_a_kernel_that_stops_is_a_failure_of_the_run_with_its_backtrace_named(self):
        machine, out = self.machine(), io.StringIO()
        with contextlib.redirect_stdout(out):
            machine.watch(b"capos kernel starting")
            self.assertEqual(machine.failures, [])
            machine.watch(b"capos: exception: page fault (vector 14), error 0000000000000002")
            machine.watch(b"backtrace: %#x %#x" % (self.at("kernel_main", 3), self.at("machine_main", 7)))
        self.assertEqual(machine.failures, ["the kernel stopped: exception: page fault (vector 14), error 0000000000000002"])
        self.assertEqual(out.getvalue(), "  at kernel_main+0x3\n  at machine_main+0x7\n")

    def test_names_stay_out_of_the_json_and_an_image_that_is_gone_is_said(self):
        out, words = io.StringIO(), io.StringIO()
        machine = self.machine("--json")
        machine.options.kernel = "no such image"
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(words):
            machine.watch(b"backtrace: 0x1")
        self.assertEqual(out.getvalue(), "")
        self.assertIn("no such image", words.getvalue())


if __name__ == "__main__":
    unittest.main()
