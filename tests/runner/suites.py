# SPDX-License-Identifier: BSD-2-Clause
# The suites of ./capos test, in the order of the daily tier. Each takes a Context and returns a Result.
import concurrent.futures
import hashlib
import importlib.util
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile

from context import build, run
from fuzz import fuzz
from result import ANSI, Result, add_criterion, add_ctest, add_unittest, tail

LINE_COVERAGE_MIN = 95.0
COVERED = {"provider": "provider/", "devmodel": "devmodel/src/", "kernel/device": "kernel/device/"}
CTEST_SECONDS_MAX = 7200  # deep: 10,000 kills under the sanitizers; each program has a bound of its own
MUTANTS_DAILY = 8
EXPLORED_DAILY = 4


def run_ctest(context, result, folder, *flags):
    """Runs the programs of a build; those with the label `plain` are no Criterion programs. Returns how many ran."""
    _, listed = run(["ctest", "-N", "-L", "^plain$"], folder)
    _, output = run(["ctest", "-V", "-j", context.jobs, *flags], folder, timeout=CTEST_SECONDS_MAX)
    return add_ctest(result, output, set(re.findall(r"Test +#\d+: (\S+)", listed)))


def criterion_suite(label):
    def suite(context):
        result = Result()
        for preset in ["sanitize"] + (["ship"] if context.deep else []):
            build(context, preset)
            folder = context.root / "build" / preset
            if run_ctest(context, result, folder, "-L", f"^{label}$") == 0:
                result.fail(f"{label}: no test program on preset {preset}")
        result.left_out.append(f"{label} on the ship build, and what its programs leak")
        return result
    return suite


def with_table(label, script, *left_out):
    """The programs of a suite, then the table that its script makes of what they wrote, and the page made of that. `left_out`:
    what the programs do with CAPOS_DEEP=1 alone."""
    def suite(context):
        result = criterion_suite(label)(context)
        folder = context.root / "build/sanitize/tests" / label
        status, output = run(["/usr/bin/python3", "-B", context.root / "tests" / label / script, folder], context.root)
        result.check(status == 0, f"{label}: the table has faults\n" + tail(output))
        result.notes += output.splitlines()[:1]
        result.left_out += left_out
        return result
    return suite


EXPLORE_MEMORY = "6G"


def explore_programs(context, result):
    """The explorer's own tests: its reductions against searches without them, its engine, world pci, random runs."""
    for preset in ("explore", "explore-sanitize") if context.deep else ("explore",):
        build(context, preset)
        if run_ctest(context, result, context.root / "build" / preset, "-L", "^explore$") == 0:
            result.fail(f"explore: no test program on preset {preset}")
    result.left_out.append("the explorer's own tests under the sanitizers (its worlds are under them in suite fuzz)")


def explore_jobs(context, result):
    """The jobs themselves: each must close, or reach its bound, with nothing broken."""
    program = context.root / "build/explore/sim/explore/capos-explore"
    listed = [set(run([program, "--list", *flags], context.root)[1].splitlines()) for flags in ([], ["--deep"])]
    with tempfile.TemporaryDirectory(prefix="capos-explore-") as folder:
        _, output = run([program, "--json", "--jobs", context.jobs, "--mem", EXPLORE_MEMORY, "--run-dir", folder,
                         *(["--deep"] if context.deep else [])], context.root)
        try:
            report = json.loads(output[output.index('{"worlds"'):])
        except ValueError:
            result.fail("explore: no report\n" + tail(output))
            return
        for path in pathlib.Path(folder).glob("*.choices"):  # kept: what the report names is gone with the folder
            shutil.copy2(path, context.root / "build/explore")
    jobs = report["worlds"]
    for job in jobs:
        broken = job["violation"] and f"{job['violation']['property']}: {job['violation']['what']} (list in build/explore)"
        fault = broken or job["failed"] or (job["cut"] and f"cut: {job['cut']}")
        result.check(not fault and (job["closed"] or job["bounded"]), f"{job['name']}: {fault or 'did not close'}")
    result.check(len(jobs) == len(listed[context.deep]), f"explore: {len(jobs)} jobs, {len(listed[context.deep])} are due")
    result.notes += explore_table(report)
    result.left_out.append(f"{len(listed[1] - listed[0])} deep jobs of ./capos explore (--list --deep names them)")


def explore_table(report):
    """A line for each run of verification: its jobs summed."""
    totals = report["totals"]
    lines = [f"{'run':5} jobs {'states':>11} {'transitions':>12} {'MB':>5} {'seconds':>8}"]
    for name in dict.fromkeys(job["run"] for job in report["worlds"]):
        jobs = [job for job in report["worlds"] if job["run"] == name]
        ends = {"closed": sum(job["closed"] for job in jobs), "bounded": sum(job["bounded"] and not job["closed"] for job in jobs)}
        lines.append(f"{name:5} {len(jobs):4} {sum(job['states'] for job in jobs):11} {sum(job['transitions'] for job in jobs):12} "
                     f"{max(job['memory_bytes'] for job in jobs) >> 20:5} {sum(job['seconds'] for job in jobs):8.1f} "
                     + ", ".join(f"{count} {end}" for end, count in ends.items() if count))
    return [*lines, f"{totals['states']} states in {totals['seconds']:.0f} s by {report['workers']} processes, "
            f"{totals['missed_expected']:.2g} expected to be taken for another one; {totals['violations']} violations"]


def explore(context):
    """Every order of events: the explorer's own tests, its command from outside, and the jobs."""
    result = Result()
    explore_programs(context, result)
    outside = python_suite("explore")(context)
    result.passed += outside.passed
    result.failed += outside.failed
    result.failures += outside.failures
    result.skipped += outside.skipped
    explore_jobs(context, result)
    return result


def conformance(context):
    """The Criterion programs, and the table of obligations: each row names what shows it, and the page is fresh."""
    result = criterion_suite("conformance")(context)
    status, output = run(["/usr/bin/python3", "-B", context.root / "tests/conformance/check.py"], context.root)
    result.check(status == 0, "conformance: the table of obligations has faults\n" + tail(output))
    return result


def canary(context):
    """A program with one test that fails, one that crashes and one that passes, and one that dies before its synthesis: the
    counting must see each."""
    result = Result()
    build(context, "sanitize", "test_canary")
    program = context.root / "build/sanitize/tests/canary/test_canary"
    status, output = run([program, "-j1"], context.root)
    counted = Result()
    add_criterion(counted, "canary", output, status == 0)
    result.check(status != 0, "canary: a program with failing tests ended with status 0")
    result.check((counted.passed, counted.failed) == (1, 2), f"canary: counted {counted.passed} passed, {counted.failed} failed, "
                 "not 1 and 2")
    silent = Result()
    add_criterion(silent, "canary", ANSI.sub("", output).split("[====]")[0], True)
    result.check(silent.failed == 1, "canary: a program that dies before its synthesis was not counted as failed")
    unit = Result()
    add_unittest(unit, "canary", "ERROR: test_x\n\nRan 2 tests in 0.1s\n\nFAILED (errors=1)", 1)
    result.check((unit.passed, unit.failed) == (1, 1), "canary: a failing unittest was not counted")
    parts = Result()
    add_unittest(parts, "canary", "FAIL: test_x (a.B.test_x) (i=1)\nFAIL: test_x (a.B.test_x) (i=2)\n\nRan 2 tests in 0.1s\n\n"
                 "FAILED (failures=2)", 1)
    result.check((parts.passed, parts.failed) == (1, 1), "canary: a unittest of which two parts fail was not counted as one")
    mutant_canary(context, result)
    return result


def run_mutants(context, program, *flags):
    status, output = run(["/usr/bin/python3", "-B", context.root / "tests/mutants" / program, "--json", *flags], context.root)
    try:
        return status, json.loads(output[output.index("{"):]), output
    except ValueError:
        return status, None, output


def mutant_canary(context, result):
    """Each runner of mutants must tell a killed one from each kind that is not: the file names say what is due."""
    both = {"survives": "survived", "does-not-compile": "does-not-compile", "does-not-apply": "does-not-apply", "killed": "killed"}
    runners = (("run.py", "mutants", {"names-no-test": "no-baseline"}),
               ("explored.py", "explored", {"names-no-job": "no-baseline", "names-another-property": "another-property"}))
    result.left_out.append("the canary of explored.py")
    for program, folder, more in runners if context.deep else runners[:1]:
        status, report, output = run_mutants(context, program, "--from", context.root / "tests/canary" / folder)
        if report is None:
            result.fail(f"canary: {program} died with status {status}\n" + tail(output))
            continue
        got = {mutant["name"]: mutant["result"] for mutant in report["mutants"]}
        result.check(got == {**both, **more}, f"canary: mutants of {program} came out as {got}")
        result.check(status == 1, f"canary: {program} ended with status {status} although some were not killed")


def add_mutants(context, result, program, daily):
    sample = [] if context.deep else ["--sample", str(daily), "--seed", context.seed]
    status, report, output = run_mutants(context, program, *sample)
    if report is None:
        result.fail(f"{program}: the runner died with status {status}\n" + tail(output))
        return
    for mutant in report["mutants"]:
        result.check(mutant["result"] == "killed", f"{mutant['name']}: {mutant['result']}: {mutant['detail']}")
    result.notes.append(", ".join(mutant["name"] + " " + (f"killed in {mutant['choices']} choices" if mutant.get("choices")
                                                          else mutant["result"]) for mutant in report["mutants"]))
    if report["left_out"]:
        result.left_out.append(f"{report['left_out']} of {report['left_out'] + len(report['mutants'])} of {program}")


def mutants(context):
    """Planted bugs: those that tests must notice, and those that the explorer alone must find."""
    result = Result()
    add_mutants(context, result, "run.py", MUTANTS_DAILY)
    add_mutants(context, result, "explored.py", EXPLORED_DAILY)
    return result


def coverage(context):
    """All test programs once more on a build that counts lines and branches: deep alone, it takes as long as all of unit."""
    result = Result()
    result.left_out.append("lines and branches covered")
    if not context.deep and not context.chosen:
        return result
    build(context, "coverage")
    folder = context.root / "build/coverage"
    for counters in folder.rglob("*.gcda"):
        counters.unlink()
    tests = Result()
    run_ctest(context, tests, folder)
    result.check(tests.failed == 0, "coverage: tests failed on this build: " + "; ".join(tests.failures)[:2000])
    for room, path in COVERED.items():
        status, output = run(["gcovr", "-r", context.root, "--object-directory", folder, "--filter", context.root / path,
                              "--json-summary", "-", "--exclude-unreachable-branches", folder], folder)
        try:
            summary = json.loads(output[output.index("{"):])
        except ValueError:
            result.fail(f"coverage: gcovr failed on {room} with status {status}\n" + tail(output))
            continue
        line, lines = summary["line_percent"] or 0.0, summary["line_total"]
        branch, branches = summary["branch_percent"] or 0.0, summary["branch_total"]
        result.notes.append(f"{room:14} lines {line:5.1f} % of {lines}, branches {branch:5.1f} % of {branches}")
        worst = sorted(summary["files"], key=lambda file: file["line_percent"] or 0.0)[:3]
        low = ", ".join(f"{file['filename']} {file['line_percent']} %" for file in worst)
        result.check(lines > 0 and line >= LINE_COVERAGE_MIN,
                     f"{room}: {line} % of lines, {LINE_COVERAGE_MIN} are due; lowest: {low}")
    return result


# What the tests of a folder run from the ship build.
PYTHON_NEEDS = {"cli": ["capos-sim", "capos-bench", "capos-secret", "capos_pkg", "frames_pkg", "telnetd_pkg"],
                "manifest": ["capos-package-check", "tables"],
                "browser": ["webui_client", "room_web_assets_object", "capos-sim", "capos-secret", "capos_pkg", "kernel"]}

ALONE = {"test_wire.py"}  # its wires and its DHCP server's clock are real time: nothing else runs beside


def python_suite(folder):
    def suite(context):
        result = Result()
        if folder in PYTHON_NEEDS:
            build(context, "ship", *PYTHON_NEEDS[folder])
        environment = dict(os.environ, PYTHONDONTWRITEBYTECODE="1")
        modules = sorted((context.root / "tests" / folder).glob("test*.py"), key=lambda path: -path.stat().st_size)

        def run_module(module):
            with tempfile.TemporaryDirectory(prefix="capos-runs-") as runs:  # it looks at what is left there
                return run(["/usr/bin/python3", "-B", "-m", "unittest", "discover", "-v", "-s", f"tests/{folder}",
                            "-p", module.name],
                           context.root, env=dict(environment, CAPOS_OUT=runs))

        # Side by side: most of their time they wait for what they started.
        alone = [module for module in modules if module.name in ALONE]
        beside = [module for module in modules if module.name not in ALONE]
        for group, jobs in ((alone, 1), (beside, context.jobs)):
            with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
                for module, (status, output) in zip(group, pool.map(run_module, group)):
                    add_unittest(result, f"{folder}/{module.stem}", output, status)
        result.left_out += [line for line in result.skipped if "deep only" in line]
        result.skipped = [line for line in result.skipped if "deep only" not in line]
        return result
    return suite


def lwip(context):
    """lwIP's own tests, with the sizes that they are written for and with ours. A skip names its reason."""
    result = Result()
    build(context, "ship", "lwip_tests_own", "lwip_tests_shipped")
    for kind in ("own", "shipped"):
        status, output = run([context.root / f"build/ship/tests/lwip/lwip_tests_{kind}"], context.root,
                             timeout=CTEST_SECONDS_MAX)
        told = re.findall(r"^(passed|failed|skipped) (.*)$", output, re.M)
        for state, name in told:
            if state == "passed":
                result.passed += 1
            elif state == "failed":
                result.fail(f"{kind} sizes: {name}")
            else:
                result.skipped.append(f"{kind} sizes: {name}")
        if status != 0 and not any(state == "failed" for state, _ in told):
            result.fail(f"{kind} sizes: exit status {status}: {tail(output)}")
    return result


def tree_files(root):
    listed = subprocess.run(["git", "-C", str(root), "ls-files", "-co", "--exclude-standard", "-z"], capture_output=True,
                            check=False)
    if listed.returncode == 0:
        names = [name for name in listed.stdout.decode().split("\0") if name]
    else:  # an unpacked archive
        names = [str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()]
        names = [name for name in names if not name.startswith(("build/", "out/", ".git/"))]
    return [name for name in names if (root / name).is_file()]


def copy_tree(root, target):
    for name in tree_files(root):
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target / name)


def built_hashes(folder):
    files = [*sorted(folder.glob("rooms/*.o")), folder / "kernel.elf"]
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files if path.exists()}


def repro(context):
    """Two clean builds of rooms and kernel image, from copies of the tree in folders of different names, and the build that the
    simulator is linked from: equal byte for byte."""
    result = Result()
    build(context, "ship", "rooms", "kernel")
    hashes = [built_hashes(context.root / "build/ship")]
    with tempfile.TemporaryDirectory(prefix="capos-repro-") as folder:
        for name in ("a", "another/place with blanks"):
            tree = pathlib.Path(folder) / name
            copy_tree(context.root, tree)
            status, output = run(["cmake", "--preset", "ship", "-DCAPOS_TESTS=OFF"], tree)
            if status == 0:
                status, output = run(["ninja", "-C", "build/ship", "rooms", "kernel"], tree)
            if status != 0:
                result.fail(f"repro: the build in a copy failed\n" + tail(output))
                return result
            hashes.append(built_hashes(tree / "build/ship"))
    for name in sorted({"kernel.elf", "provider.o"}.union(*hashes[1:])):  # a room of the tests is in none of the copies
        found = [each.get(name) for each in hashes]
        result.check(None not in found and len(set(found)) == 1, f"{name} differs: {found}")
    return result


def objects(context):
    """Every room object, byte for byte, in every file linked from it."""
    build(context, "ship", "kernel", "capos-sim", "capos-bench", "capos-tie", "capos-steps", "programs", "capos_pkg")
    result = python_suite("objects")(context)
    program = context.root / "tests/objects/compare.py"
    _, output = run(["/usr/bin/python3", "-B", program, context.root / "build/ship"], context.root)
    result.notes += output.splitlines()
    return result


def clang(context):
    result = Result()
    build(context, "clang-tests" if context.deep else "clang")
    result.ok()
    result.notes.append(f"everything {'' if context.deep else 'but the tests '}compiles and links with clang-14 -Werror")
    result.left_out.append("the tests' own code by clang-14")
    return result


def package(context):
    """Installs the device models and builds the example driver by nothing but pkg-config, as their user would."""
    result = Result()
    build(context, "ship", "capos_devmodel")
    with tempfile.TemporaryDirectory(prefix="capos-package-") as folder:
        status, output = run(["cmake", "--install", context.root / "build/ship", "--component", "devmodel", "--prefix", folder],
                             context.root)
        result.check(status == 0, "package: cmake --install failed\n" + tail(output))
        found = list(pathlib.Path(folder).rglob("capos-devmodel.pc"))
        result.check(len(found) == 1, "package: no capos-devmodel.pc was installed")
        if result.failed:
            return result
        environment = dict(os.environ, PKG_CONFIG_PATH=str(found[0].parent))
        _, flags = run(["pkg-config", "--cflags", "--libs", "--static", "capos-devmodel"], context.root, env=environment)
        sources = sorted((context.root / "devmodel/examples/toy-driver").glob("toy_*.c"))
        result.check(bool(sources), "package: devmodel/examples/toy-driver has no source")
        program = pathlib.Path(folder) / "toy-driver"
        status, output = run(["gcc", "-Wall", "-Wextra", "-Werror", "-o", program, *sources, *flags.split()], folder)
        result.check(status == 0, "package: the toy driver does not build against the installed library\n" + tail(output))
        if status == 0:
            status, output = run([program], folder, timeout=60)
            result.check(status == 0, f"package: the toy driver ended with status {status}\n" + tail(output))
    return result


DIFF_CONFIGS = 36
DIFF_SECONDS_MAX = 300
QEMU = "qemu-system-x86_64"


def load_module(path):
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def diff_canary(compare, devmodel, qemu, allowed, result):
    """A changed value, a missing line and an entry that nothing uses must each be seen."""
    line = next(text for text in qemu.splitlines() if text.split(" ", 1)[1] in {l.split(" ", 1)[1] for l in devmodel.splitlines()})
    planted = {"a changed value": qemu.replace(line, line + "0", 1), "a missing line": qemu.replace(line + "\n", "", 1)}
    for what, text in planted.items():
        found, _, _ = compare(devmodel, text, allowed)
        result.check(sum(map(len, found.values())) == 1, f"diff: {what} was not seen")
    entry = {**allowed[0], "key": "no such key"}
    result.check(compare(devmodel, qemu, allowed + [entry])[1] == [entry], "diff: an entry that nothing uses was not seen")


def diff(context):
    """One script over the device models and over QEMU's devices: equal transcripts but for what tests/diff/allowed.json lists."""
    result = Result()
    if shutil.which(QEMU) is None:
        result.skipped.append(f"diff: {QEMU} is not installed (./capos setup qemu)")
        return result
    build(context, "ship", "diff-devmodel", "diff-qemu")
    folder = context.root / "build/ship/tests/diff"
    texts = []
    for program in ("diff-devmodel", "diff-qemu"):
        done = subprocess.run([folder / program], capture_output=True, text=True, timeout=DIFF_SECONDS_MAX, check=False,
                              stdin=subprocess.DEVNULL)
        result.check(done.returncode == 0, f"diff: {program} ended with status {done.returncode}\n" + tail(done.stderr))
        texts.append(done.stdout)
    if result.failed:
        return result
    compare = load_module(context.root / "tests/diff/compare.py").compare
    allowed = json.loads((context.root / "tests/diff/allowed.json").read_text(encoding="utf-8"))["allowed"]
    found, unused, listed = compare(*texts, allowed)
    result.check(len(found) == DIFF_CONFIGS, f"diff: {len(found)} configurations, {DIFF_CONFIGS} are due")
    for config, differences in found.items():
        result.check(not differences, f"{config}: differs from QEMU\n" + tail("\n".join(differences)))
    result.check(not unused, f"diff: listed in allowed.json, but no difference any more: {[entry['key'] for entry in unused]}")
    diff_canary(compare, *texts, allowed, result)
    result.notes.append(f"{texts[0].count(chr(10))} lines, {listed} of them differ as {len(allowed)} entries allow")
    return result


TIE_SEEDS = 1000
TIE_SEEDS_DEEP = 100000


def tie(context):
    """What ties the shipped build to the observed one: equal lives, equal accesses, planted differences found."""
    result = Result()
    for preset in ("ship", "explore"):
        build(context, preset, "capos-tie", "capos-steps")
    tied = load_module(context.root / "tests/tie/tie.py")
    try:
        first = context.seed * TIE_SEEDS  # no seed of yesterday's
        ours = tied.lives(context.root, result, first, TIE_SEEDS_DEEP if context.deep else TIE_SEEDS)
        tied.other_seed(context.root, result, ours)
        tied.steps(context.root, result, context.jobs)
        tied.plant(context.root, result, context.jobs)
    except (tied.Failed, subprocess.TimeoutExpired) as failure:
        result.fail(f"tie: {failure}")
    result.left_out.append(f"lives beyond the first {TIE_SEEDS} of {TIE_SEEDS_DEEP}")
    return result


def boot(context):
    """The kernel image in QEMU: the matrix of machines, and what each world's evidence and objects have in common."""
    result = Result()
    if shutil.which("qemu-system-x86_64") is None:
        result.skipped.append("boot: qemu-system-x86_64 is not installed (./capos setup qemu)")
        return result
    build(context, "ship", "kernel", "capos-sim", "capos_pkg", "frames_pkg", "selftest", "userland", "boot-unconfirmed",
          "hostile_pkg", "hostile-rows", "audit_pkg", "killer_pkg", "wire_pkg", "storage_pkg", "wire-relay", "capos-secret",
          "capos-vpc")
    return python_suite("boot")(context)


def cloudboot(context):
    """The harness and its stand-in of Compute Engine. What wants gcloud is skipped by name where it is not on PATH."""
    build(context, "ship", "kernel", "capos_pkg", "no_driver_pkg", "revoked_pkg", "telnetd_pkg", "capos-sim", "capos-vpc",
          "capos-secret")
    return python_suite("cloudboot")(context)


def browser(context):
    """The web client: its two documents in Chromium against a stand-in, and what the build makes of them."""
    result = python_suite("browser")(context)
    result.left_out.append("browser: the views at 360 pixels in dark and at 1600 pixels in light")
    return result


SUITES = {
    "unit": criterion_suite("unit"),
    "lwip": lwip,
    "hostile": with_table("hostile", "table.py",
                          "hostile: 10,000 kills of the driver under frames, 10,200 under connections; intrusions beyond 1,000 "
                          "frames of 15,000 of each kind; DHCP messages cut at each byte",
                          "hostile: 10 MiB over each of 24 wires, instead of 64 KiB over three",
                          "hostile: exhaustion beyond a tenth of its frames and connections, peers that fall silent",
                          "hostile: failing allocations beyond every seventh",
                          "hostile: seven of eight orders of who ends under a terminal and when; 2,850 of 3,000 typed forgeries"),
    "teardown": with_table("teardown", "table.py"),
    "explore": explore,
    "conformance": conformance,
    "diff": diff,
    "tie": tie,
    "objects": objects,
    "boot": boot,
    "canary": canary,
    "evidence": python_suite("evidence"),
    "cloudboot": cloudboot,
    "manifest": python_suite("manifest"),
    "lint": python_suite("lint"),
    "cli": python_suite("cli"),
    "browser": browser,
    "repro": repro,
    "clang": clang,
    "package": package,
    "coverage": coverage,
    "fuzz": fuzz,
    "mutants": mutants,
}
