#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# ./capos explore from outside: flags, table, JSON, lists that are refused, lists that no longer fit, interruption, a worker that
# is killed, memory that runs out.
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent / "cli"))
import lists  # noqa: E402
import regressions  # noqa: E402
from door import ROOT, SECONDS_MAX, capos, environment, remove, runs  # noqa: E402

PROGRAM = ROOT / "build/explore/sim/explore/capos-explore"
SCHEMA = json.loads((ROOT / "sim/explore/explore.schema.json").read_text(encoding="utf-8"))
SMALL = "X1/q1/tso/0x0000"
LARGE = "X1/q8/weak/0xfffc"  # closes in no time that a test has
BROKEN_LIST = HERE / "regressions/zoo-24.choices"


class Folder(unittest.TestCase):
    """A folder of the test's own; no run is left in out/."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="capos-explore-"))
        self.before = runs()

    def tearDown(self):
        left = runs() - self.before
        remove(left)
        shutil.rmtree(self.folder)

    def explore(self, *flags, status=0):
        """Runs the program itself; returns standard output and standard error."""
        done = subprocess.run([PROGRAM, *map(str, flags), "--run-dir", self.folder / "run"], capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, timeout=SECONDS_MAX, check=False)
        self.assertEqual(done.returncode, status, done.stdout[-2000:] + done.stderr)
        return done.stdout, done.stderr

    def report(self, *flags, status=0):
        import jsonschema
        report = json.loads(self.explore(*flags, "--json", status=status)[0])
        jsonschema.Draft202012Validator(SCHEMA).validate(report)
        return report


class Flags(Folder):
    def test_help_names_every_flag(self):
        status, out, _ = capos("explore", "--help")
        self.assertEqual(status, 0)
        for flag in ("--driver", "--world", "--run", "--deep", "--jobs", "--mem", "--list", "--verbose", "--json",
                     "--replay", "--strict"):
            self.assertIn(flag, out)
        self.assertEqual(self.explore("--help")[0], out, "the front door shows the program's own help")

    def test_wrong_flags_end_with_2_and_one_line(self):
        for flags in (["--nothing"], ["stray"], ["--jobs", "0"], ["--jobs", "257"], ["--jobs", "two"], ["--mem", "0"],
                      ["--mem", "4X"],
                      ["--mem", "G"], ["--mem"], ["--world", "none"], ["--run", "X99"], ["--run", "X1/q8/*"], ["--wor", "ring"],
                      ["--run", "X1", "--run", "!X1"], ["--run", "!X99"], ["--replay", "f", "--run", "X1"],
                      ["--replay", "f", "--deep"], ["--strict"]):
            with self.subTest(flags=flags):
                out, err = self.explore(*flags, status=2)
                self.assertEqual(out, "")
                self.assertRegex(err, r"\Acapos explore: .*; see \./capos explore --help\n\Z")

    def test_front_door_keeps_its_own_flags(self):
        self.assertEqual(capos("explore", "--run-dir", "x")[0], 2)
        self.assertEqual(capos("explore", "--commit=x")[0], 2)

    def test_list_shows_each_job_once_and_deep_ones_only_when_asked(self):
        daily = [line.split()[0] for line in self.explore("--list")[0].splitlines()]
        deep = [line.split()[0] for line in self.explore("--list", "--deep")[0].splitlines()]
        self.assertEqual(len(deep), len(set(deep)))
        self.assertLess(set(daily), set(deep))
        self.assertIn(SMALL, daily)
        self.assertNotIn(LARGE, daily)
        self.assertIn(LARGE, self.explore("--list", "--run", LARGE)[0], "a job named whole needs no --deep")

    def test_patterns_choose_and_leave_out(self):
        out = self.explore("--list", "--run", "X1/q1/*", "--run", "!X1/q1/weak/*", "--run", "!*/0xfff?")[0]
        names = [line.split()[0] for line in out.splitlines()]
        self.assertIn(SMALL, names)
        for name in names:
            self.assertRegex(name, r"^X1/q1/(sequential|tso)/")
            self.assertNotRegex(name, r"/0xfff.$")

    def test_world_leaves_the_others_out(self):
        worlds = {line.split()[1] for line in self.explore("--list", "--world", "nic")[0].splitlines()}
        self.assertEqual(worlds, {"nic"})


class Reports(Folder):
    def test_table_fits_80_columns_and_sums_starts(self):
        out = self.explore("--run", "X1/q1/tso/*")[0]
        table = out.split("\n\n")[0].splitlines()
        for line in table:
            self.assertLessEqual(len(line), 80, line)
        rows = [line.split() for line in table[1:]]
        self.assertEqual(rows[0][0], "X1/q1/tso")
        verbose = [line.split() for line in self.explore("--run", "X1/q1/tso/*", "--verbose")[0].split("\n\n")[0].splitlines()[1:]]
        self.assertGreater(len(verbose), len(rows))
        for column in (1, 2, 3):
            self.assertEqual(sum(int(row[column]) for row in rows), sum(int(row[column]) for row in verbose))
        self.assertIn("fingerprints of 62 bits: ", out)
        self.assertRegex(out, r"\bprovider_object=sha256:[0-9a-f]{64}\b")
        self.assertTrue(out.endswith("\nholds\n"))

    def test_json_keeps_to_its_schema_and_adds_up(self):
        report = self.report("--run", "X1/q1/*/0x0000")
        self.assertTrue(report["holds"])
        self.assertEqual(sum(job["states"] for job in report["worlds"]), report["totals"]["states"])
        for job in report["worlds"]:
            self.assertTrue(job["closed"])
            self.assertIsNone(job["cut"])
            self.assertGreater(job["transitions"], job["states"])

    def test_counts_do_not_depend_on_how_many_processes_share_the_jobs(self):
        counted = [[(job["name"], job["states"], job["transitions"], job["depth"]) for job in
                    self.report("--run", "X1/q1/*", "--jobs", jobs)["worlds"]] for jobs in (1, 3)]
        self.assertEqual(*counted)

    def test_memory_that_runs_out_cuts_and_fails(self):
        report = self.report("--run", LARGE, "--run", SMALL, "--mem", "16M", status=1)
        jobs = {job["name"]: job for job in report["worlds"]}
        self.assertEqual(jobs[LARGE]["cut"], "memory")
        self.assertFalse(jobs[LARGE]["closed"])
        self.assertGreater(jobs[LARGE]["states"], 1000, "what was covered so far counts")
        self.assertLessEqual(jobs[LARGE]["memory_bytes"], 8 << 20)
        self.assertTrue(jobs[SMALL]["closed"])
        self.assertFalse(report["holds"])
        out, _ = self.explore("--run", LARGE, "--mem", "16M", status=1)
        self.assertIn(f"{LARGE}: cut: memory, after ", out)
        self.assertTrue(out.endswith("\ndoes not hold\n"))


class Lives(Folder):
    def start(self, *flags):
        # What runs the tests may ignore interrupts; a shell cannot undo that for itself.
        return subprocess.Popen([str(ROOT / "capos"), "explore", *flags], cwd=ROOT, env=environment(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
                                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))

    def in_session(self, session):
        listed = subprocess.run(["ps", "-s", str(session), "-o", "pid=,ppid=,comm="], capture_output=True, text=True, check=False)
        return [line.split(None, 2) for line in listed.stdout.splitlines()]

    def workers(self, session, count):
        """The worker processes, once there are so many: programs that are another's child of the same name."""
        until = time.monotonic() + SECONDS_MAX
        while time.monotonic() < until:
            programs = {pid: ppid for pid, ppid, name in self.in_session(session) if name.startswith("capos-explore")}
            found = [int(pid) for pid, ppid in programs.items() if ppid in programs]
            if len(found) >= count:
                return sorted(found)
            time.sleep(0.05)
        self.fail("no workers came up")

    def test_interrupt_ends_with_130_says_what_was_covered_and_leaves_nothing(self):
        for number in (signal.SIGINT, signal.SIGTERM):
            with self.subTest(signal=number):
                process = self.start("--run", LARGE, "--run", "X1/q8/tso/0xfffc", "--run", "X1/q8/sequential/0xfffc", "--jobs", "2",
                                     "--json")
                self.workers(process.pid, 2)
                os.kill(process.pid, number)
                out, err = process.communicate(timeout=SECONDS_MAX)
                self.assertEqual(process.returncode, 130, err)
                report = json.loads(out)
                self.assertTrue(report["interrupted"])
                self.assertFalse(report["holds"])
                self.assertEqual(sorted(job["cut"] for job in report["worlds"]), ["interrupted", "interrupted", "not started"])
                self.assertEqual(self.in_session(process.pid), [], "a process outlived the command")
                self.assertEqual(runs() - self.before, set(), "a folder was left")

    def test_killed_worker_fails_its_job_by_name_and_no_other(self):
        process = self.start("--run", LARGE, "--run", SMALL, "--jobs", "1", "--json")
        (worker,) = self.workers(process.pid, 1)
        os.kill(worker, signal.SIGKILL)
        out, err = process.communicate(timeout=SECONDS_MAX)
        self.assertEqual(process.returncode, 1, err)
        jobs = {job["name"]: job for job in json.loads(out)["worlds"]}
        self.assertRegex(jobs[LARGE]["failed"], "signal 9")
        self.assertTrue(jobs[SMALL]["closed"])
        self.assertEqual(self.in_session(process.pid), [])

    def test_workers_die_with_a_killed_command(self):
        process = self.start("--run", LARGE, "--jobs", "1")
        (worker,) = self.workers(process.pid, 1)
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=SECONDS_MAX)
        until = time.monotonic() + SECONDS_MAX
        while self.in_session(process.pid) and time.monotonic() < until:
            time.sleep(0.05)
        self.assertEqual(self.in_session(process.pid), [], worker)


class Replays(Folder):
    def refused(self, text, why):
        path = self.folder / "list"
        path.write_text(text, encoding="ascii")
        out, err = self.explore("--replay", path, status=4)
        self.assertEqual(out, "")
        self.assertRegex(err, why)
        self.assertFalse((self.folder / "run").exists(), "a refused list left something")

    def test_truncated_and_edited_lists_are_refused_with_the_offset(self):
        text = BROKEN_LIST.read_text(encoding="ascii")
        lines = text.splitlines(keepends=True)
        at = sum(map(len, lines[:7]))
        self.refused(text[:at], rf": line 8, byte {at}: ")
        self.refused(text[:at + 3], rf": line 8, byte {at}: ")
        self.refused(text[:len(text) - 1], rf": line {len(lines)}, byte {len(text) - len(lines[-1])}: ")
        tag, n, picked, check = lines[7].split()
        self.refused(text.replace(lines[7], f"{tag} {n} {int(picked) + 1} {check}\n", 1), rf": line 8, byte {at}: ")
        self.refused(text.replace("job=X2", "job=X1", 1), r": line 6, byte \d+: ")
        self.refused("", r": line 1, byte 0: ")
        self.refused(text + "\n", rf": line {len(lines)}, byte ")

    def test_lists_of_no_job_are_refused(self):
        path = self.folder / "list"
        for setup in ("job=X1/q3/tso/0x0000 steps=1 breaks=P1 in=step", "nic=modern backend=script exchanges=1 queue-size=0",
                      f"job={SMALL} steps=1 breaks=P1 in=step more"):
            lists.write(path, setup, [("who", 1, 0)])
            self.explore("--replay", path, status=4)
        self.assertIn("No such file", self.explore("--replay", self.folder / "none", status=4)[1])

    def test_list_of_another_build_replays_with_a_warning_and_strict_refuses_it(self):
        out, err = self.explore("--replay", BROKEN_LIST)
        self.assertIn("warning: the list is from commit unknown, another build", err)
        self.assertRegex(out, r"\nholds: 9 steps, \d+ choices, nothing is broken\n")
        out, err = self.explore("--replay", BROKEN_LIST, "--strict", status=4)
        self.assertEqual(out, "")
        self.assertIn("another build", err)

    def test_list_that_no_longer_fits_stops_at_its_step(self):
        setup, choices, commit, provider = lists.read(BROKEN_LIST)
        path = self.folder / "list"
        steps = [at for at, choice in enumerate(choices) if choice[0] == "who"]
        for step, at in ((1, steps[0]), (4, steps[3])):
            tag, n, picked = choices[at]
            lists.write(path, setup, [*choices[:at], (tag, n + 1, picked), *choices[at + 1:]], commit, provider)
            out, _ = self.explore("--replay", path, status=1)
            self.assertIn(f"\nstep {step}: the list no longer fits (choice {at + 1} of {len(choices)}): search again\n", out)
            self.assertNotIn(f"\nstep {step + 1}\n", out, "it went on")
            report = json.loads(self.explore("--replay", path, "--json", status=1)[0])
            self.assertEqual(report["diverged_at_step"], step)
            self.assertFalse(report["holds"])

    def test_trace_names_ring_words_and_the_timeline_has_a_lane_for_each_party(self):
        out, _ = self.explore("--replay", BROKEN_LIST)
        self.assertRegex(out, r"\n  driver +stores avail\.idx: 0x1\n")
        self.assertRegex(out, r"\n  device +LIE: ")
        self.assertIn("\nhonest continuation\n", out)
        timeline = json.loads((self.folder / "run/timeline.json").read_text(encoding="utf-8"))
        events = timeline["traceEvents"]
        lanes = {event["args"]["name"]: event["tid"] for event in events if event["name"] == "thread_name"}
        self.assertLessEqual({"driver", "memory", "device", "authority", "ring contents"}, set(lanes))
        for name in ("driver", "device", "ring contents"):
            self.assertTrue(any(event["ph"] == "X" and event["tid"] == lanes[name] for event in events), name)
        for event in events:
            self.assertIn(event["ph"], "MXC")
            if event["ph"] == "X":
                self.assertGreaterEqual(event["dur"], 1)
        counters = [event for event in events if event["ph"] == "C" and event["name"] == "driver avail"]
        self.assertEqual({event["args"]["value"] for event in counters}, {0, 1})
        self.assertEqual(sum(event["ph"] == "X" and event["name"].startswith("step ") for event in events),
                         len(re.findall(r"^step \d+$", out, re.M)))


class Found(Folder):
    """From a planted bug to its replay, by nothing but what is printed."""

    def test_counterexample_is_short_and_the_printed_line_replays_it(self):
        job = "BYD/toy/q1/honest/tso"
        status, out, err = capos("explore", "--driver", "devmodel/examples/toy-driver", "--run", job)
        self.assertEqual(status, 1, out + err)
        self.assertIn(f"\n{job}: P3 is broken in the honest continuation: ", out)
        choices, steps = map(int, re.search(r"^  shrunk from \d+ choices in \d+ steps to (\d+) in (\d+)$", out, re.M).groups())
        self.assertLessEqual(choices, 50)
        line = re.search(r"^  \./capos (explore .*--replay \S+)$", out, re.M)[1].split()
        status, out, err = capos(*line)
        self.assertEqual(status, 1, err)
        self.assertNotIn("warning", err)
        self.assertEqual(len(re.findall(r"^step \d+$", out, re.M)), steps)
        self.assertRegex(out, r"\nP3 is broken in the honest continuation: ")
        timeline = ROOT / re.search(r"^timeline: (\S+)$", out, re.M)[1]
        self.assertTrue(json.loads(timeline.read_text(encoding="utf-8"))["traceEvents"])
        self.assertEqual(capos(*line, "--strict")[0], 1, "its own build is not another one")

    def test_two_jobs_that_break_leave_two_lists_in_one_folder(self):
        status, out, _ = capos("explore", "--driver", "devmodel/examples/toy-driver", "--run", "BYD/*/tso", "--json")
        self.assertEqual(status, 1)
        files = [job["violation"]["file"] for job in json.loads(out)["worlds"] if job["violation"]]
        self.assertEqual(len(files), 2)
        self.assertEqual(len({pathlib.Path(file).parent for file in files}), 1)
        for file in files:
            self.assertTrue((ROOT / file).is_file())


class Regressions(Folder):
    def test_every_list_reaches_its_step_and_holds(self):
        found = regressions.faults(PROGRAM)
        self.assertTrue(found)
        for name, fault in found.items():
            self.assertIsNone(fault, f"{name}: {fault}")

    def test_a_list_that_does_not_is_found(self):
        entry = {"file": "list.choices", "step": 4, "was": "-"}
        (self.folder / "index.json").write_text(json.dumps([entry, {**entry, "file": "gone.choices"}]), encoding="utf-8")
        setup, choices, commit, provider = lists.read(BROKEN_LIST)
        spoiled = [(tag, n + 1, picked) for tag, n, picked in choices]
        lists.write(self.folder / "list.choices", setup, spoiled, commit, provider)
        lists.write(self.folder / "stray.choices", setup, choices, commit, provider)
        found = regressions.faults(PROGRAM, self.folder)
        self.assertIn("no longer reaches step 4", found["list.choices"])
        self.assertIn("search anew", found["list.choices"])
        self.assertIn("not there", found["gone.choices"])
        self.assertIn("index.json", found["stray.choices"])
        broken = {"violation": {"property": "P3", "what": "lost"}, "steps_made": 9}
        self.assertIn("P3 is broken again", regressions.fault_of(entry, broken, ""))


if __name__ == "__main__":
    unittest.main()
