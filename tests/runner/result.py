# SPDX-License-Identifier: BSD-2-Clause
# What a suite came to, and how the output of Criterion under ctest and of unittest is counted. Output is text of programs that may
# have crashed: what is not understood counts as failed.
import re

ANSI = re.compile(r"\x1b\[[0-9;]*m")
CTEST_END = re.compile(r"^\s*\d+/\d+ Test\s+#(\d+): (\S+) \.*\s*(.*)$")
CTEST_LINE = re.compile(r"^(\d+): (.*)$")
SYNTHESIS = re.compile(r"\[====\] Synthesis: Tested: (\d+) \| Passing: (\d+) \| Failing: (\d+) \| Crashing: (\d+)")
CRITERION_FAIL = re.compile(r"\[FAIL\] (\S+)::(\S+?):")
CRITERION_SKIP = re.compile(r"\[SKIP\] (\S+)::(\S+?):")


class Result:
    def __init__(self):
        self.passed = self.failed = 0
        self.skipped, self.failures, self.notes, self.left_out = [], [], [], []
        self.seconds = 0.0

    def ok(self, count=1):
        self.passed += count

    def fail(self, what, count=1):
        self.failed += count
        self.failures.append(what)

    def check(self, holds, what):
        if holds:
            self.ok()
        else:
            self.fail(what)

    def as_dict(self):
        return {"passed": self.passed, "failed": self.failed, "skipped": self.skipped, "failures": self.failures,
                "notes": self.notes, "left_out": self.left_out, "seconds": round(self.seconds, 1)}


def add_criterion(result, name, text, ended_well):
    """Counts one Criterion program's output into `result`. Returns the number of tests that it ran."""
    text = ANSI.sub("", text)
    found = SYNTHESIS.findall(text)
    if len(found) != 1:
        result.fail(f"{name}: no synthesis: the program died or ran nothing\n" + tail(text))
        return 0
    tested, passing, failing, crashing = map(int, found[0])
    result.skipped += [f"{name} {suite}::{test}" for suite, test in CRITERION_SKIP.findall(text)]
    result.ok(passing)
    bad = max(failing, crashing)  # a crash counts as a failure too
    if bad:
        names = ", ".join(f"{suite}::{test}" for suite, test in CRITERION_FAIL.findall(text)) or "crashed"
        result.fail(f"{name}: {names}\n" + tail(text), bad)
    if tested == 0:
        result.fail(f"{name}: the program ran no test")
    if not ended_well and not bad:
        result.fail(f"{name}: all tests passed, but the program failed\n" + tail(text))
    return tested


def tail(text, lines=25):
    return "\n".join("         " + line for line in text.rstrip().splitlines()[-lines:])


def add_ctest(result, output, plain=()):
    """Counts `ctest -V` output: one Criterion program an entry, but for the names in `plain`: those are one test each, by
    their exit status."""
    texts, ends = {}, {}
    for line in output.splitlines():
        match = CTEST_LINE.match(line)
        if match:
            texts.setdefault(match[1], []).append(match[2])
            continue
        match = CTEST_END.match(line)
        if match:
            ends[match[1]] = (match[2], match[3].startswith("Passed"))
    for number, (name, ended_well) in ends.items():
        if name in plain:
            result.check(ended_well, f"{name}: ended badly\n" + tail("\n".join(texts.get(number, []))))
            continue
        add_criterion(result, name, "\n".join(texts.get(number, [])), ended_well)
    return len(ends)


def add_unittest(result, name, output, status):
    """Counts the output of `python3 -m unittest -v`."""
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    if not ran:
        result.fail(f"{name}: unittest did not finish\n" + tail(output))
        return
    bad = sum(map(int, re.findall(r"(?:failures|errors|unexpected successes)=(\d+)", output.splitlines()[-1])))
    skipped = re.findall(r"^(\S+) .*\.\.\. skipped (.*)$", output, re.M)
    result.skipped += [f"{name} {test}: {why}" for test, why in skipped]
    result.notes += re.findall(r"^ *figure: (.*)$", output, re.M)
    tests = set(re.findall(r"^(?:FAIL|ERROR|UNEXPECTED SUCCESS): (\S+ \(\S+\))", output, re.M))  # one for all of its parts
    failed = max(1, len(tests)) if bad else 0
    result.ok(max(0, int(ran[1]) - failed - len(skipped)))
    if failed:
        names = ", ".join(dict.fromkeys(re.findall(r"^(?:FAIL|ERROR): (\S+)", output, re.M)))
        result.fail(f"{name}: {names}\n" + tail(output), failed)
    elif status != 0:
        result.fail(f"{name}: exit status {status}\n" + tail(output))
