# SPDX-License-Identifier: BSD-2-Clause
# Programs in ring 3 on the machine's processor: what they may do, every way in which they fail, and that the kernel goes on.
# userland.elf runs them through struct processor_ops; this file knows what is due, and counts it.
import pathlib
import re
import tempfile
import unittest

import machine

USERLAND = machine.BUILD / "tests/boot/userland.elf"
HERE = pathlib.Path(__file__).resolve().parent
SCENARIOS = """calls call-keeps-registers preemption-keeps-registers preemption-keeps-flags loop-is-preempted
    loop-is-preempted-by-an-early-timer
    device-interrupt-is-counted flags-over-call flags-over-fault step-into-call segments strange-stacks strange-entries unmap-small
    unmap-large narrowed-at-once spaces-are-apart destroyed-space-is-gone tables-run-out kernel-grows tables-are-hidden
    returns-to-kernel memory-is-apart console-reads audit-port""".split()
FAULTS_MIN = 70
PROGRAM = 0x1000003000  # where the first page of a program comes to lie: behind the stubs
KERNEL_CODE, USER_CODE = 0x08, 0x3b


def faults():
    return re.findall(r"^FAULT\((\w+),", (HERE / "user_faults.def").read_text(encoding="utf-8"), re.M)


class Userland(unittest.TestCase):
    def boot(self, line, **more):
        outcome = machine.run(line=line, kernel=USERLAND, **more)
        self.assertTrue(outcome.switched_off(), outcome.report())
        return outcome

    def all_hold(self, *more, cpu="max"):
        outcome = self.boot("", cpu=cpu, more=list(more))
        self.assertIn("userland done", outcome.lines(), outcome.report())
        said = [line for line in outcome.lines() if re.match(r"(not )?ok ", line)]
        due = [f"ok {name}" for name in SCENARIOS] + [f"ok fault-{name}" for name in faults()]
        self.assertEqual(said, due, outcome.report())
        self.assertGreater(len(due), len(SCENARIOS) + FAULTS_MIN)
        return outcome

    def test_on_a_cpu_with_every_protection(self):
        outcome = self.all_hold()
        self.assertIn(" smep=1 smap=1 umip=1 ", outcome.console.decode("ascii"))

    def test_on_the_barest_cpu(self):
        outcome = self.all_hold(cpu="qemu64")
        self.assertIn(" smep=0 smap=0 umip=0 ", outcome.console.decode("ascii"))

    def test_in_32_mib_of_memory(self):
        self.all_hold("-m", "32")

    def test_the_audit_port_is_the_third(self):
        with tempfile.TemporaryDirectory(prefix="capos-audit-") as folder:
            log = pathlib.Path(folder) / "audit.log"
            outcome = self.all_hold("-serial", f"file:{log}")
            self.assertEqual(log.read_bytes(), b"audit port\n")
            self.assertNotIn(b"audit port", outcome.console.replace(b"ok audit-port", b"") + outcome.evidence)

    def panics(self, outcome, what):
        text = outcome.console.decode("ascii", "replace").replace("\r", "")
        self.assertIn(f"capos: exception: {what}", text)
        self.assertEqual(text.count("capos: exception"), 1, text)
        return text

    def test_a_fault_of_the_kernels_own_still_ends_the_machine(self):
        self.panics(self.boot("test=kernel-fault"), "invalid opcode (vector 6)")

    def test_an_nmi_in_a_program_or_on_its_way_ends_the_machine(self):
        """Where the debugging stub stops: in the program; and where GS is the program's in ring 0, between SYSCALL and SWAPGS and
        at the two instructions that leave."""
        symbols = {symbol.name: symbol.value for symbol in machine.elf.Elf.read(USERLAND).symbols()}
        places = [("test=loops", PROGRAM, USER_CODE), ("test=enters", symbols["user_syscall"], KERNEL_CODE),
                  ("test=enters", symbols["user_run_sysret"], KERNEL_CODE), ("test=loops", symbols["user_run_iret"], KERNEL_CODE)]
        for line, at, code in places:
            with self.subTest(at=f"{at:#x}"), tempfile.TemporaryDirectory(prefix="capos-nmi-") as folder:
                def strike(qmp, at=at, path=f"{folder}/gdb"):
                    qmp.run("stop")
                    stub = machine.Stub(path)
                    stub.run_to(at)
                    qmp.monitor("nmi")
                    stub.leave()
                outcome = self.boot(line, wait_for=b"runs", during=strike, more=["-gdb", f"unix:{folder}/gdb,server=on,wait=off"])
                text = self.panics(outcome, "NMI (vector 2)")
                self.assertIn(f"  rip {at:016x}", text)
                self.assertIn(f"  cs {code:016x}", text)

    def test_the_power_button_is_seen_while_a_program_loops(self):
        outcome = self.boot("test=loops", wait_for=b"runs", during=lambda qmp: qmp.run("system_powerdown"))
        self.assertNotIn(b"exception", outcome.console)


class Package(unittest.TestCase):
    def boot(self, content, *more):
        with tempfile.NamedTemporaryFile(prefix="capos-package-") as file:
            file.write(content)
            file.flush()
            outcome = machine.run(["-initrd", file.name, *more], line="test=package", kernel=USERLAND)
        self.assertTrue(outcome.switched_off(), outcome.report())
        return outcome

    def arrives(self, content, *more):
        outcome = self.boot(content, *more)
        total = 0
        for byte in content:
            total = (total * 31 + byte) % (1 << 64)
        first = int.from_bytes(content[:8].ljust(8, b"\0"), "little")
        for line in (f"package_bytes={len(content)}", f"package_sum={total}", f"package_first={first}"):
            self.assertIn(line, outcome.lines(), outcome.report())

    def test_a_package_arrives_whole_and_a_program_reads_it(self):
        for content in (b"capos-package " * 1000, b"k", bytes(range(256)) * 16):
            with self.subTest(bytes=len(content)):
                self.arrives(content)

    def test_a_package_arrives_in_little_memory_and_in_much(self):
        self.arrives(b"small room" * 200000, "-m", "32")
        self.arrives(b"large room" * 2000, "-m", "5G")

    def test_a_package_of_the_largest_size_is_taken_and_a_larger_one_is_refused(self):
        content = bytes((at * at >> 7) & 0xff for at in range(8 << 20))
        self.arrives(content)
        outcome = self.boot(content + b"+")
        self.assertIn("capos: the boot package is no whole pages of memory, or too large", outcome.lines(), outcome.report())

    def test_without_one_there_is_none(self):
        outcome = machine.run(line="test=package", kernel=USERLAND)
        self.assertIn("package_bytes=0", outcome.lines(), outcome.report())


if __name__ == "__main__":
    unittest.main()
