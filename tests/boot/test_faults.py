# SPDX-License-Identifier: BSD-2-Clause
# What the machine does when something breaks: each fault is named, its registers and its place are printed, and the machine is
# switched off, never reset. selftest.elf breaks one thing a boot, behind the same two rooms that the kernel image has.
import pathlib
import re
import sys
import unittest

import machine

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "door"))
import elf  # noqa: E402
import symbolise  # noqa: E402

SELFTEST = machine.BUILD / "tests/boot/selftest.elf"


class Faults(unittest.TestCase):
    def boot(self, test, cpu="max"):
        outcome = machine.run(line=f"test={test}", kernel=SELFTEST, cpu=cpu)
        self.assertTrue(outcome.switched_off(), outcome.report())  # one that hangs was killed, and is not
        return outcome

    def names(self, text):
        """The functions of the one backtrace in a console's text, innermost first."""
        lines = [line for line in text.split("\n") if line.startswith("backtrace:")]
        self.assertEqual(len(lines), 1, text)
        names = symbolise.Names(elf.Elf.read(SELFTEST)).backtrace(lines[0].encode())
        self.assertTrue(names, text)
        return [name.split("+")[0] for name in names]

    def numbers(self, test, cpu="max", **due):
        outcome = self.boot(test, cpu)
        self.assertIn("selftest done", outcome.lines(), outcome.report())
        said = dict(line.split("=", 1) for line in outcome.lines() if re.fullmatch(r"\w+=\d+", line))
        self.assertEqual(said, {name: str(value) for name, value in due.items()}, outcome.report())

    def exception(self, test, name, vector, error=0, inside=None, cpu="max"):
        """The exception, its error code, and the function that it happened in or was called from."""
        text = self.boot(test, cpu).console.decode("ascii", "replace").replace("\r", "")
        self.assertIn(f"capos: exception: {name} (vector {vector}), error {error:016x}\n", text)
        for register in ("rip", "rsp", "cr2", "cr3", "rax", "rdi", "r15"):
            self.assertRegex(text, rf"  {register} +[0-9a-f]{{16}}")
        self.assertNotIn("selftest came back", text)
        names = self.names(text)
        if inside is not None:
            self.assertIn(inside, names[:3], text)
            self.assertEqual(names[-1], "high_start", text)
        return text

    def test_an_interrupt_is_counted_in_the_trap_table_and_taken_in_a_turn_alone(self):
        self.numbers("interrupts", before=0, pending=0, interrupts=1, route3=2, route4=1, route5=0)

    def test_the_clock_never_runs_backwards(self):
        self.numbers("clock", backwards=0, moved=1)

    def test_entropy_differs_and_fills_no_more_than_asked(self):
        self.numbers("entropy", secret=1, differ=1, beyond=0)

    def test_entropy_of_a_machine_without_a_source_is_good_for_no_secret(self):
        self.numbers("entropy", cpu="qemu64", secret=0, differ=1, beyond=0)

    def test_registers_are_no_way_to_memory_and_no_page_is_writable_and_executable(self):
        self.numbers("registers", ram=0xffffffff, kept=0x5a, beyond=0xff, image_alias=0, violations=0)

    def test_code_cannot_be_written(self):
        self.exception("write-text", "page fault", 14, 3, "write_text")

    def test_constants_cannot_be_written(self):
        self.exception("write-rodata", "page fault", 14, 3, "write_rodata")

    def test_firmware_memory_cannot_be_written(self):
        self.exception("write-firmware", "page fault", 14, 3, "write_firmware")

    def test_low_addresses_are_not_mapped(self):
        self.exception("read-low", "page fault", 14, 0, "read_low")

    def test_data_cannot_be_executed(self):
        self.exception("execute-data", "page fault", 14, 0x11, "machine_main")

    def test_memory_cannot_be_executed(self):
        self.exception("execute-memory", "page fault", 14, 0x11, "machine_main")

    def test_protections_hold_on_the_barest_cpu_as_well(self):
        self.exception("write-text", "page fault", 14, 3, "write_text", cpu="qemu64")
        self.exception("execute-memory", "page fault", 14, 0x11, cpu="qemu64")

    def test_a_stack_that_overflows_meets_its_guard(self):
        text = self.exception("overflow", "page fault", 14, 2)
        guard = next(symbol.value for symbol in elf.Elf.read(SELFTEST).symbols() if symbol.name == "stacks_start")
        at = int(re.search(r"cr2 ([0-9a-f]{16})", text)[1], 16)
        self.assertTrue(guard <= at < guard + 0x1000, text)
        self.assertEqual(self.names(text), ["deeper"] * 16)  # no more than that is told of a stack however deep

    def test_every_other_exception_has_its_name(self):
        self.exception("undefined", "invalid opcode", 6, 0, "undefined")
        self.exception("divide", "divide error", 0, 0, "divide")
        self.exception("noncanonical", "general protection", 13, 0, "noncanonical")
        self.exception("breakpoint", "breakpoint", 3, 0, "breakpoint")
        self.exception("nmi", "NMI", 2, 0, "nmi")

    def test_a_fault_whose_stack_is_gone_is_a_double_fault_with_a_stack_of_its_own(self):
        self.exception("double-fault", "double fault", 8)

    def test_a_failed_assertion_says_where(self):
        text = self.boot("assertion").console.decode("ascii").replace("\r", "")
        self.assertRegex(text, r"capos: assertion failed: p == NULL, \S*tests/boot/selftest.c:\d+")
        self.assertEqual(self.names(text)[:2] + self.names(text)[-1:], ["capos_assert_failed", "assertion", "high_start"])

    def test_a_fault_while_one_is_told_still_switches_off(self):
        self.boot("nested")


if __name__ == "__main__":
    unittest.main()
