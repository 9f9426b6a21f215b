# SPDX-License-Identifier: BSD-2-Clause
# User programs hold no way to the machine, to time or to chance but the two entries of their start-up page, and no register
# that their processor does not keep for them: every instruction of every program is looked at. The tests' own program that
# breaks the rules is found. Reads the output of GNU objdump; trusts the build in build/ship (CAPOS_BUILD names another folder).
import os
import pathlib
import re
import subprocess
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("CAPOS_BUILD", ROOT / "build/ship"))
INSTRUCTION = re.compile(r"^ +[0-9a-f]+:\t(?:(?:data16|cs|ds|es|ss|fs|gs|rep\w*|lock|bnd|notrack|addr32|rex\S*) )*(\S+)(.*)$", re.M)
FORBIDDEN = {
    "a system call": re.compile(r"^(?:syscall|sysenter|sysexit\w?|sysret\w?|int[13]?|into|iret\w?)$"),
    "a clock": re.compile(r"^(?:rdtscp?|rdpmc|umwait|tpause)$"),
    "chance": re.compile(r"^(?:rdrand|rdseed)$"),
    "what the processor is": re.compile(r"^(?:cpuid|xgetbv|rdpid|s[gil]dt\w?|str|smsw\w?)$"),
    "a port": re.compile(r"^(?:in|out|ins|outs)[bwlq]?$"),
    "a privileged instruction": re.compile(r"^(?:hlt|cli|sti|rdmsr|wrmsr|l[gil]dt\w?|ltr|lmsw|clts|invlpg|wbinvd|invd|swapgs|"
                                           r"[rw]r[fg]sbase)$"),
    "floating point": re.compile(r"^(?:f\w+|emms|ldmxcsr|stmxcsr|fxsave\w*|fxrstor\w*|xsave\w*|xrstor\w*)$"),
    "bytes that are no instruction": re.compile(r"^\(bad\)$"),
}
VECTOR = re.compile(r"%(?:[xyz]?mm\d+|st\b|cr\d|dr\d|[fg]s:)")


def findings(path):
    done = subprocess.run(["objdump", "-d", "--no-show-raw-insn", "-w", str(path)], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL)
    found, count = set(), 0
    for name, operands in INSTRUCTION.findall(done.stdout):
        count += 1
        found.update(what for what, pattern in FORBIDDEN.items() if pattern.match(name))
        if VECTOR.search(operands):
            found.add("a register that no program has")
    return found, count


class Programs(unittest.TestCase):
    def test_no_program_holds_a_forbidden_instruction(self):
        programs = sorted(BUILD.glob("programs/*.elf")) + [BUILD / f"test-programs/test_{name}.elf" for name in ("hello", "nic")]
        for path in programs:
            with self.subTest(program=path.name):
                found, count = findings(path)
                self.assertEqual(found, set())
                self.assertGreater(count, 200)

    def test_a_program_that_holds_them_is_found(self):
        found, _ = findings(BUILD / "test-programs/test_forbidden.elf")
        self.assertEqual(found, set(FORBIDDEN) - {"bytes that are no instruction"} | {"a register that no program has"})

    def test_each_of_them_is_found_by_itself(self):
        for name in ("syscall", "int", "int3", "rdtsc", "rdtscp", "rdrand", "rdseed", "cpuid", "in", "out", "outsb", "hlt", "fld",
                     "(bad)", "xgetbv"):
            with self.subTest(instruction=name):
                self.assertEqual(len([what for what, pattern in FORBIDDEN.items() if pattern.match(name)]), 1)
        for name in ("inc", "incl", "imul", "call", "jmp", "ret", "mov", "ud2", "leave", "pause", "mfence", "shrd"):
            with self.subTest(instruction=name):
                self.assertEqual([what for what, pattern in FORBIDDEN.items() if pattern.match(name)], [])


if __name__ == "__main__":
    unittest.main()
