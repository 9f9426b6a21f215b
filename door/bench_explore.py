#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# The explorer's share of ./capos bench: states a second on the provider's C beside SPIN on a model of the same ring
# (sim/bench/ring.pml), random lives, a fuzzer's executions. By processor time, in turns, medians: other load on the
# machine changes them little.
import argparse
import json
import pathlib
import re
import resource
import statistics
import subprocess
import sys
import tempfile

RUNS, QUICK_RUNS = 3, 1
LIVES, QUICK_LIVES = 40_000, 2_000
EXECUTIONS, QUICK_EXECUTIONS = 200_000, 5_000
STEPS_AN_HOUR, EXECUTIONS_A_SECOND = 1e9, 20_000
# SPIN does not take interchangeable slots for one another: with four descriptors it needs more memory than a bench may have.
SPIN_SIZE, QUICK_SPIN_SIZE, SIZE = 3, 2, 4
SPIN_DEPTH, SPIN_TABLE, SPIN_MEGABYTES = 2_000_000, 22, 2048
SECONDS_MAX = 1800
ROWS = []


def row(name, unit, got, asked=None, **notes):
    found = {"name": name, "unit": unit, "got": round(got, 3), **notes}
    if asked:
        found |= {"asked": asked, "ratio": round(got / asked, 3)}
    ROWS.append(found)


def run(words, cwd=None):
    """Output and processor seconds of a command that must succeed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([str(w) for w in words], cwd=cwd, capture_output=True, text=True, timeout=SECONDS_MAX, check=False,
                          stdin=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != 0:
        raise SystemExit(f"capos bench: {words[0]} ended with status {done.returncode}\n{(done.stdout + done.stderr)[-800:]}")
    return done.stdout + done.stderr, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def make_spin(folder, model, size, tso, fence):
    """The verifier of one instance of the model."""
    at = folder / f"{size}-{tso}-{fence}"
    at.mkdir()
    run(["spin", "-a", f"-DQS={size}", f"-DTSO={tso}", f"-DFENCE={fence}", model], at)
    run(["gcc", "-O2", "-w", "-DSAFETY", f"-DMEMLIM={SPIN_MEGABYTES}", "-o", "pan", "pan.c"], at)
    return at / "pan"


def spin(pan):
    """States, processor seconds, errors."""
    out, seconds = run([pan, f"-m{SPIN_DEPTH}", f"-w{SPIN_TABLE}"], pan.parent)
    states, errors = re.search(r"(\d+) states, stored", out), re.search(r"errors: (\d+)", out)
    if not states or not errors or "reached" in out and "max search depth too small" in out:
        raise SystemExit(f"capos bench: SPIN did not come to its end\n{out[-800:]}")
    return int(states[1]), seconds, int(errors[1])


def explore(program, job):
    """States and processor seconds of one job."""
    out, seconds = run([program, "--run", job, "--jobs", "1", "--json"])
    said = json.loads(out)
    if said["totals"]["closed"] != 1:
        raise SystemExit(f"capos bench: {job} did not close")
    return said["totals"]["states"], seconds


def measure_states(root, runs, size):
    program = root / "build/explore/sim/explore/capos-explore"
    with tempfile.TemporaryDirectory(prefix="capos-") as name:
        folder = pathlib.Path(name)
        model = root / "sim/bench/ring.pml"
        if spin(make_spin(folder, model, 2, 1, 0))[2] == 0:
            raise SystemExit("capos bench: SPIN finds no lost wake-up in the model without its fence")
        for tso, order in enumerate(("sequential", "tso")):
            pan = make_spin(folder, model, size, tso, 1)
            ours, theirs = [], []
            for _ in range(runs):
                states, seconds, errors = spin(pan)
                if errors:
                    raise SystemExit("capos bench: SPIN finds an error in the model")
                theirs.append(states / seconds)
                found, seconds = explore(program, f"X1/q{SIZE}/{order}/0x0000")
                ours.append(found / seconds)
            beside = statistics.median(theirs)
            row(f"SPIN, ring.pml, queue size {size}, {order}", "states/s", beside, states=states)
            row(f"explored, world ring, queue size {SIZE}, {order}", "states/s", statistics.median(ours), beside / 2, states=found)


def measure_lives(root, runs, lives):
    steps = []
    for _ in range(runs):
        out, seconds = run([root / "build/explore/sim/explore/capos-bench-lives", lives])
        said = json.loads(out)
        steps.append(said["device_steps"] / seconds * 3600)
    row("random lives, world nic, all monitors on", "device steps/hour", statistics.median(steps), STEPS_AN_HOUR,
        steps_a_life=round(said["device_steps"] / said["lives"], 1))


def measure_fuzz(root, executions):
    program = root / "build/fuzz/sim/explore/capos-fuzz-nic"
    name, unit = "fuzzer executions, world nic, sanitizers on", "executions/s"
    if not program.exists():
        ROWS.append({"name": name, "unit": unit, "not_measured": "clang-14 is not installed (./capos setup test)"})
        return
    with tempfile.TemporaryDirectory(prefix="capos-") as corpus:
        out, seconds = run([program, f"-runs={executions}", "-seed=1", "-max_len=400", "-entropic=0", corpus], corpus)
    lives, steps = (int(re.search(rf"^lives:.*\b{word}=(\d+)", out, re.M)[1]) for word in ("lives", "device_steps"))
    row(name, unit, lives / seconds, EXECUTIONS_A_SECOND, steps_a_life=round(steps / lives, 1))


def print_text():
    print(f"\n{'exploring, by processor time of one core':<60} {'asked':>12} {'got':>14} {'ratio':>6}  unit")
    for r in ROWS:
        asked, ratio = (f"{r[name]:.{digits}f}" if name in r else "-" for name, digits in (("asked", 0), ("ratio", 2)))
        got = f"{r['got']:.0f}" if "got" in r else "-"
        notes = [f"; {word.replace('_', ' ')}: {r[word]}" for word in ("states", "steps_a_life", "not_measured") if word in r]
        print(f"{r['name']:<60} {asked:>12} {got:>14} {ratio:>6}  {r['unit']}{''.join(notes)}")


def main():
    p = argparse.ArgumentParser(allow_abbrev=False)
    p.add_argument("root", type=pathlib.Path)
    p.add_argument("--quick", action="store_true")
    p.add_argument("--json", action="store_true")
    options = p.parse_args()
    runs = QUICK_RUNS if options.quick else RUNS
    measure_states(options.root, runs, QUICK_SPIN_SIZE if options.quick else SPIN_SIZE)
    measure_lives(options.root, runs, QUICK_LIVES if options.quick else LIVES)
    measure_fuzz(options.root, QUICK_EXECUTIONS if options.quick else EXECUTIONS)
    if options.json:
        print(json.dumps({"world": "explore", "rows": ROWS}))
    else:
        print_text()


if __name__ == "__main__":
    sys.exit(main())
