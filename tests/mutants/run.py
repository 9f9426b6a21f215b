#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Plants one bug at a time in a copy of the tree and runs the tests that must notice. A mutant is a patch,
# tests/mutants/*.patch; the lines before its diff say what it is:
#     zoo: 15                          row of the bug zoo, or a word
#     bug: queue-full test off by one
#     property: P1                     what it violates
#     fails: test_virtq virtq/full_queue_refuses       program and Criterion test that must fail (more lines: all must)
# Before any bug is planted, the named tests must pass. Killed: each named test fails. Survived: one passes. A patch that does not
# apply, does not compile, or names a test that is not there is an error. Exit status: 0 all killed, 1 not, 2 usage.
import argparse
import json
import os
import pathlib
import random
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent / "runner"))
import suites  # noqa: E402

TEST_SECONDS_MAX = 60
KIND = "debug"  # no sanitizers: a mutant dies of the property it violates, not of the stray access that may follow


class Mutant:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = re.split(r"^--- ", path.read_text(encoding="utf-8"), maxsplit=1, flags=re.M)[0]
        pairs = re.findall(r"^(?:# )?(zoo|bug|property|fails): (.+)$", head, re.M)
        self.fails = [tuple(value.split(None, 1)) for key, value in pairs if key == "fails"]
        fields = {key: value for key, value in pairs}
        missing = {"zoo", "bug", "property", "fails"} - set(fields)
        if missing or any(len(pair) != 2 for pair in self.fails):
            raise SystemExit(f"{path}: the head lacks {', '.join(sorted(missing)) or 'the test after the program'}")
        self.bug = fields["bug"]

    def programs(self):
        return sorted({program for program, _ in self.fails})


class Tree:
    """A copy of the tree with one configured build, into which bugs are planted in turn."""

    def __init__(self, folder):
        self.tree, self.build = pathlib.Path(folder) / "tree", pathlib.Path(folder) / "build"
        suites.copy_tree(ROOT, self.tree)
        self.must(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", f"-DCAPOS_KIND={KIND}", "-DCAPOS_TESTS=ON"])

    def must(self, command):
        status, output = suites.run(command, self.tree)
        if status != 0:
            raise SystemExit("mutants: " + " ".join(map(str, command)) + " failed\n" + suites.tail(output))

    def ninja(self, programs):
        return suites.run(["ninja", "-C", self.build, *programs], self.tree)

    def patch(self, mutant, *flags):
        return suites.run(["patch", "-p1", "--no-backup-if-mismatch", "-s", *flags, "-i", mutant.path], self.tree)

    def test(self, program, pattern):
        """passed, failed, timeout, or absent when no test has that name."""
        found = list(self.build.rglob(program))
        if not found:
            return "absent"
        try:
            status, output = suites.run([found[0], "-j1", "--short-filename", "--filter", pattern], self.tree,
                                        timeout=TEST_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            return "timeout"
        tested = re.search(r"Synthesis: Tested: (\d+)", suites.ANSI.sub("", output))
        if not tested or tested[1] == "0":
            return "absent"
        return "passed" if status == 0 else "failed"


def judge(tree, mutant):
    """result and detail of one mutant; the tree is as before afterwards."""
    status, output = tree.patch(mutant, "--dry-run")
    if status == 0:
        status, output = tree.patch(mutant)
    if status != 0:
        return "does-not-apply", output.strip().splitlines()[0] if output.strip() else "patch failed"
    try:
        status, output = tree.ninja(mutant.programs())
        if status != 0:
            return "does-not-compile", next((line for line in output.splitlines() if " error: " in line), "build failed")
        results = [(test, tree.test(program, test)) for program, test in mutant.fails]
    finally:
        status, output = tree.patch(mutant, "-R")
        if status != 0:
            raise SystemExit(f"mutants: {mutant.name} could not be taken out again: {output}")
    unharmed = [test for test, result in results if result not in ("failed", "timeout")]
    if unharmed:
        return "survived", "not noticed by " + ", ".join(unharmed)
    return "killed", ", ".join(f"{test} {result}" for test, result in results)


def baseline(tree, mutants):
    """Names of the tests that do not pass without any bug: a kill by them would say nothing."""
    programs = sorted({program for mutant in mutants for program in mutant.programs()})
    status, output = tree.ninja(programs)
    if status != 0:
        raise SystemExit("mutants: the tree itself does not build\n" + suites.tail(output))
    wanted = sorted({pair for mutant in mutants for pair in mutant.fails})
    return {pair: result for pair in wanted if (result := tree.test(*pair)) != "passed"}


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="patches by name; all of them when none is given")
    parser.add_argument("--sample", type=int, help="only this many, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="folder", type=pathlib.Path, default=HERE, help="folder of the patches")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(argv)
    paths = sorted(args.folder.resolve().glob("*.patch"))
    if args.names:
        unknown = set(args.names) - {path.stem for path in paths}
        if unknown:
            parser.error("unknown mutant: " + ", ".join(sorted(unknown)))
        paths = [path for path in paths if path.stem in args.names]
    everything = len(paths)
    if args.sample and args.sample < everything:
        paths = sorted(random.Random(args.seed).sample(paths, args.sample))
    mutants = [Mutant(path) for path in paths]
    report = []
    if mutants:
        with tempfile.TemporaryDirectory(prefix="capos-mutants-") as folder:
            tree = Tree(folder)
            unfit = baseline(tree, mutants)
            for mutant in mutants:
                bad = [f"{test} is {unfit[program, test]} without the bug" for program, test in mutant.fails
                       if (program, test) in unfit]
                result, detail = ("no-baseline", ", ".join(bad)) if bad else judge(tree, mutant)
                report.append({"name": mutant.name, "bug": mutant.bug, "result": result, "detail": detail})
                print(f"{result:12} {mutant.name}: {detail}", file=sys.stderr, flush=True)
    killed = sum(mutant["result"] == "killed" for mutant in report)
    if args.json:
        print(json.dumps({"mutants": report, "killed": killed, "left_out": everything - len(report)}))
    else:
        print(f"{killed} of {len(report)} killed, {everything - len(report)} left out")
    return 0 if report and killed == len(report) else 1


if __name__ == "__main__":
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    sys.exit(main(sys.argv[1:]))
