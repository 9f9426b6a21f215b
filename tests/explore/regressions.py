#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The lists of choices that once broke a property, tests/explore/regressions/: index.json says of each which step it must still
# reach (where the defect was met; what was mended may go on otherwise from there) and what the defect was; `mutant` names the
# patch of tests/mutants/explore/ that brings it back. A list that no longer reaches its step needs a new search: --renew plants
# each such defect again and takes the list that the explorer finds.
import json
import pathlib
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
LISTS = HERE / "regressions"
SECONDS_MAX = 60


def entries(folder=LISTS):
    return json.loads((folder / "index.json").read_text(encoding="utf-8"))


def replay(program, path, runs):
    """The report of one replay, or None when the list was refused, and what was said."""
    done = subprocess.run([program, "--replay", path, "--json", "--run-dir", runs], capture_output=True, text=True, check=False,
                          stdin=subprocess.DEVNULL, timeout=SECONDS_MAX)
    return (json.loads(done.stdout) if done.returncode in (0, 1) and done.stdout else None), done.stderr


def fault_of(entry, report, said):
    """What is wrong with one list, or None."""
    if report is None:
        return f"refused: {said.strip()}"
    if report["violation"]:
        return f"{report['violation']['property']} is broken again: {report['violation']['what']}"
    if report["steps_made"] < entry["step"]:
        return f"no longer reaches step {entry['step']}, it fits up to step {report['steps_made']}: search anew"
    return None


def faults(program, folder=LISTS):
    """{file: what is wrong, or None} of every list; a list without an entry and an entry without its list are faults."""
    out = {}
    with tempfile.TemporaryDirectory(prefix="capos-regressions-") as runs:
        for entry in entries(folder):
            path = folder / entry["file"]
            out[entry["file"]] = fault_of(entry, *replay(program, path, runs)) if path.is_file() else "the list is not there"
    for path in folder.glob("*.choices"):
        out.setdefault(path.name, "index.json does not say which step it reaches")
    return out


def renew():
    sys.path.insert(0, str(ROOT / "tests/mutants"))
    import explored
    with tempfile.TemporaryDirectory(prefix="capos-regressions-") as folder:
        tree = explored.Tree(folder)
        for entry in entries():
            if "mutant" not in entry:
                continue
            mutant = explored.Mutant(ROOT / "tests/mutants/explore" / (entry["mutant"] + ".patch"))
            result, detail, _ = explored.judge(tree, mutant)
            print(f"{entry['file']}: {result}: {detail}")
            if result == "killed":
                shutil.copy(tree.runs / (mutant.job.replace("/", "-") + ".choices"), LISTS / entry["file"])


if __name__ == "__main__":
    if sys.argv[1:] != ["--renew"]:
        sys.exit("usage: regressions.py --renew")
    renew()
