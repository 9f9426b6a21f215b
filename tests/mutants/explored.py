#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Plants one bug at a time in a copy of the tree and lets the explorer alone look for it. A mutant is a patch,
# tests/mutants/explore/*.patch; its head is that of tests/mutants/run.py with one line instead of `fails:`
#     explored: X1/q1/tso/0x0000 P3       the job that must find it, and the property that it must name
# Before any bug is planted, the named jobs must hold. Killed: the job names that property, and its choices, shrunk, break it again.
# Exit status: 0 all killed, 1 not, 2 usage.
import argparse
import json
import os
import pathlib
import random
import re
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import run as plain  # noqa: E402
import suites  # noqa: E402

JOB_SECONDS_MAX = 600
PROGRAM = "capos-explore"


class Mutant:
    def __init__(self, path):
        self.path, self.name = path, path.stem
        head = re.split(r"^--- ", path.read_text(encoding="utf-8"), maxsplit=1, flags=re.M)[0]
        fields = dict(re.findall(r"^(?:# )?(zoo|bug|property|explored): (.+)$", head, re.M))
        missing = {"zoo", "bug", "property", "explored"} - set(fields)
        if missing or len(fields["explored"].split()) != 2:
            raise SystemExit(f"{path}: the head lacks {', '.join(sorted(missing)) or 'the property after the job'}")
        self.bug = fields["bug"]
        self.job, self.broken = fields["explored"].split()


class Tree(plain.Tree):
    """A copy of the tree with the observed build configured."""

    def __init__(self, folder):
        self.tree, self.build = pathlib.Path(folder) / "tree", pathlib.Path(folder) / "build"
        self.runs = pathlib.Path(folder) / "runs"
        suites.copy_tree(plain.ROOT, self.tree)
        self.must(["cmake", "-S", self.tree, "-B", self.build, "-G", "Ninja", "-DCAPOS_KIND=ship", "-DCAPOS_OBSERVED=ON",
                   "-DCAPOS_TESTS=OFF"])

    def explore(self, jobs):
        """The report's worlds by name; None and the output when there is no report."""
        command = [self.build / "sim/explore" / PROGRAM, "--json", "--run-dir", self.runs]
        for job in jobs:
            command += ["--run", job]
        try:
            _, output = suites.run(command, self.tree, timeout=JOB_SECONDS_MAX)
        except plain.subprocess.TimeoutExpired:
            return None, f"no end within {JOB_SECONDS_MAX} s"
        try:
            return {world["name"]: world for world in json.loads(output[output.index("{"):])["worlds"]}, output
        except ValueError:
            return None, output


def result_of(mutant, world):
    """What the job's report makes of the mutant, and in which words."""
    violation = world["violation"]
    if violation is None:
        state = world["failed"] or ("closed without a violation" if world["closed"] else f"cut: {world['cut']}")
        return "survived", f"{mutant.job}: {state}"
    found = (f"{violation['property']} in {violation['choices']} choices, shrunk from {violation['choices_before']}: "
             f"{violation['what']}")
    if violation["property"] != mutant.broken:
        return "another-property", f"{mutant.job}: {mutant.broken} is due, found {found}"
    return ("killed" if violation["replays"] else "does-not-replay"), f"{mutant.job}: {found}"


def judge(tree, mutant):
    """result, detail and choices of one mutant; the tree is as before afterwards."""
    status, output = tree.patch(mutant, "--dry-run")
    if status == 0:
        status, output = tree.patch(mutant)
    if status != 0:
        return "does-not-apply", output.strip().splitlines()[0] if output.strip() else "patch failed", None
    try:
        status, output = tree.ninja([PROGRAM])
        if status != 0:
            return "does-not-compile", next((line for line in output.splitlines() if " error: " in line), "build failed"), None
        worlds, output = tree.explore([mutant.job])
    finally:
        status, undone = tree.patch(mutant, "-R")
        if status != 0:
            raise SystemExit(f"mutants: {mutant.name} could not be taken out again: {undone}")
    if worlds is None:
        return "no-report", suites.tail(output), None
    world = worlds[mutant.job]
    return *result_of(mutant, world), world["violation"] and world["violation"]["choices"]


def baseline(tree, mutants):
    """{job: why} of the jobs that do not hold without any bug."""
    status, output = tree.ninja([PROGRAM])
    if status != 0:
        raise SystemExit("mutants: the tree itself does not build\n" + suites.tail(output))
    jobs = sorted({mutant.job for mutant in mutants})
    _, listed = suites.run([tree.build / "sim/explore" / PROGRAM, "--list", "--deep"], tree.tree)
    there = [job for job in jobs if job in {line.split()[0] for line in listed.splitlines() if line.strip()}]
    worlds, output = tree.explore(there) if there else ({}, "")
    if worlds is None:
        raise SystemExit("mutants: the explorer says nothing of the tree itself\n" + suites.tail(output))
    return {job: "is not there" if job not in worlds else "does not hold" for job in jobs
            if job not in worlds or worlds[job]["violation"] or not (worlds[job]["closed"] or worlds[job]["bounded"])}


def main(argv):
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*", help="patches by name; all of them when none is given")
    parser.add_argument("--sample", type=int, help="only this many, drawn by --seed")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--from", dest="folder", type=pathlib.Path, default=HERE / "explore", help="folder of the patches")
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
        with tempfile.TemporaryDirectory(prefix="capos-explored-") as folder:
            tree = Tree(folder)
            unfit = baseline(tree, mutants)
            for mutant in mutants:
                result, detail, choices = ("no-baseline", f"{mutant.job} {unfit[mutant.job]} without the bug", None) \
                    if mutant.job in unfit else judge(tree, mutant)
                report.append({"name": mutant.name, "bug": mutant.bug, "result": result, "detail": detail, "choices": choices})
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
