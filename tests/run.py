#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# Runs suites and closes with `N passed, N failed, N skipped`. A suite that runs no test has failed; a Criterion program that ends
# without its synthesis has failed. Exit status: 0 all passed, 1 something failed, 2 usage, 130 interrupted.
import argparse
import datetime
import json
import os
import pathlib
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(HERE / "runner"))
import suites  # noqa: E402
from context import BuildFailed, Context  # noqa: E402
from result import Result  # noqa: E402

DEEP_LOG = HERE / "deep-log"


def parse(argv):
    parser = argparse.ArgumentParser(prog="capos test", epilog="Exit status: 0 all passed, 1 something failed, 2 usage.")
    parser.add_argument("suite", nargs="*", help=", ".join(suites.SUITES))
    parser.add_argument("--deep", action="store_true", help="everything, also what the daily tier leaves out")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output; the text goes to standard error")
    parser.add_argument("--seed", type=int, help="seed of the samples (default: the day's date, the same all day)")
    args = parser.parse_args(argv)
    for name in args.suite:
        if name not in suites.SUITES:
            parser.error(f"unknown suite: {name} (there are: {', '.join(suites.SUITES)})")
    return args


def run_one(name, context):
    started = time.monotonic()
    try:
        result = suites.SUITES[name](context)
    except BuildFailed as error:
        result = Result()
        result.fail(f"{name}: {error}")
    if result.passed + result.failed + len(result.skipped) == 0 and (context.deep or context.chosen or not result.left_out):
        result.fail(f"{name}: the suite ran no test")
    result.seconds = time.monotonic() - started
    return result


def report(name, result, out):
    state = "FAIL" if result.failed else "ok  " if result.passed + len(result.skipped) else "left"  # to the deep tier
    counts = f"{result.passed} passed, {result.failed} failed, {len(result.skipped)} skipped"
    print(f"{state} {name:12} {counts}  ({result.seconds:.1f} s)", file=out, flush=True)
    for line in result.notes:
        print(f"     {line}", file=out)
    for line in result.failures:
        print(f"     failed: {line}", file=out)
    for line in result.skipped:
        print(f"     skipped: {line}", file=out)


def log_deep(suites_alone, totals):
    commit = subprocess.run(["git", "-C", str(ROOT), "describe", "--always", "--dirty"], capture_output=True, text=True,
                            check=False)
    day = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    if suites_alone:
        totals = f"{', '.join(suites_alone)}: {totals} (of the deep tier, alone)"
    with DEEP_LOG.open("a", encoding="utf-8") as file:
        file.write(f"{day}  {commit.stdout.strip() or 'unknown'}  {totals}\n")


def main(argv):
    args = parse(argv)
    day = datetime.datetime.now(datetime.timezone.utc).date()
    seed = args.seed if args.seed is not None else day.year * 10000 + day.month * 100 + day.day
    context = Context(root=ROOT, deep=args.deep, seed=seed, jobs=os.cpu_count() or 1,
                             chosen=bool(args.suite))
    os.environ["CAPOS_DEEP"] = "1" if args.deep else "0"  # test programs and tests in Python read the tier there
    if not args.deep:  # a third of what a small test program takes
        os.environ.setdefault("ASAN_OPTIONS", "detect_leaks=0")
    os.environ["CAPOS_SEED"] = str(seed)
    out = sys.stderr if args.json else sys.stdout
    chosen = args.suite or list(suites.SUITES)
    print(f"seed of the samples: {seed}", file=out, flush=True)
    results = {}
    for name in chosen:
        results[name] = run_one(name, context)
        report(name, results[name], out)
    passed = sum(result.passed for result in results.values())
    failed = sum(result.failed for result in results.values())
    skipped = [line for result in results.values() for line in result.skipped]
    left_out = [] if args.deep else [line for result in results.values() for line in result.left_out]
    for line in left_out:
        print(f"left out of the daily tier (--deep runs it): {line}", file=out)
    totals = f"{passed} passed, {failed} failed, {len(skipped)} skipped"
    if args.deep:
        log_deep(args.suite, totals)
    if args.json:
        print(json.dumps({"passed": passed, "failed": failed, "skipped": len(skipped), "skipped_names": skipped, "seed": seed,
                          "left_out": left_out, "suites": {name: result.as_dict() for name, result in results.items()}}, indent=2))
    print(totals, file=out)
    return 1 if failed else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
