# SPDX-License-Identifier: BSD-2-Clause
# The harness against a fake of gcloud: what it leaves behind under each fault and each signal at each step (nothing), whether its
# record is truthful, and its exit status.
import concurrent.futures
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import sys
import unittest

import harness
from harness import KILLED, PLACE, Harness

ROOT = harness.ROOT
sys.path[:0] = [str(ROOT / "tests/boot"), str(ROOT / "evidence/cloudboot")]
import machine  # noqa: E402
import plan  # noqa: E402
import price  # noqa: E402

DEEP = os.environ.get("CAPOS_DEEP") == "1"
SECRET = machine.BUILD / "user/authd/capos-secret"
BESIDE = 3  # runs at a time: most of their time they wait for each other's processes
# Where a run can be struck: words of the call, in order.
STEPS = ("regions describe", "buckets create", "buckets update", "storage cp", "images create", "networks create",
         "subnets create", "firewall-rules create", "instances create", "get-serial-port-output", "instances describe")
CREATES = ("buckets create", "images create", "networks create", "subnets create", "firewall-rules create", "instances create")
CLEANING = ("instances delete", "subnets delete", "disks list")
FULL = "ZONE_RESOURCE_POOL_EXHAUSTED: The zone does not have enough resources available to fulfill the request."
HOW = ("hang-after", "hang-before")
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGKILL)


class Base(unittest.TestCase):
    def harness(self, *table, **more):
        made = Harness(table, **more)
        self.addCleanup(made.close)
        return made

    def clean(self, made, status):
        """Nothing is left, and the record says so and how it ended."""
        self.assertEqual(made.status, status, made.report())
        self.assertEqual(made.there(), [], made.report())
        record = made.record()
        self.assertEqual((record["state"], record["exit"]), ("clean", status), made.report())
        self.assertLessEqual({entry["state"] for entry in record["resources"]}, {"gone"})
        self.assertLessEqual({str(items) for items in record["sweep"].values()}, {"[]"})

    def beside(self, function, cases):
        with concurrent.futures.ThreadPoolExecutor(BESIDE) as pool:
            for done in [pool.submit(function, *case) for case in cases]:
                done.result()


class Whole(Base):
    def test_a_run_that_holds(self):
        made = self.harness()
        made.proof()
        self.clean(made, 0)
        self.assertEqual(set(made.record()["sweep"]), set(plan.WORDS))
        folder, run = made.run_folder(), made.read("run.json")
        self.assertEqual(made.read("provider.json")["verdict"], "pass")
        self.assertIn("web", made.read("provider.json")["not_attempted"])  # nobody asked for it: one tunnel, no secret
        self.assertEqual([call[3] for call in made.calls() if "start-iap-tunnel" in call], ["7"])
        self.assertFalse((made.run_folder() / "operator.secret").exists())
        done = subprocess.run(["/usr/bin/python3", "-B", ROOT / "evidence/check.py", folder], capture_output=True, text=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        self.assertEqual([(port["port"], port["gaps"]) for port in run["serial"]], [(1, []), (2, []), (3, []), (4, [])])
        self.assertEqual((run["cloud"]["status"], run["cloud"]["network_ip"]), ("TERMINATED", "10.77.0.2"))
        self.assertLess(run["cost"]["worst_usd"], 0.01)
        self.in_order(made.calls())
        self.secrets(made, ["chain.key"])

    def in_order(self, calls):
        """All four ports are fetched before the machine is deleted, and the machine goes first."""
        text = [" ".join(call) for call in calls]
        deleted = next(at for at, call in enumerate(text) if "instances delete" in call)
        for port in (1, 2, 3, 4):
            self.assertTrue(any(f"--port={port} " in call for call in text[:deleted]))
        self.assertFalse(any("get-serial" in call for call in text[deleted:]))
        self.assertFalse(any(" delete " in call for call in text[:deleted]))

    def secrets(self, made, names):
        """In no word of a call, no event, no output; in files for their owner alone."""
        folder = made.run_folder()
        told = [made.said, made.errors, json.dumps(made.calls())]
        told += [(folder / name).read_text() for name in ("events.jsonl", "record.json", "boot.line")]
        for name in names:
            secret = (folder / name).read_text().strip()
            self.assertGreater(len(secret), 20)
            self.assertFalse(any(secret in text for text in told), name)
            self.assertEqual(stat.S_IMODE((folder / name).stat().st_mode), 0o600)
        self.assertEqual(stat.S_IMODE(folder.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((folder / "disk.tar.gz").stat().st_mode), 0o600)

    def test_events_are_objects(self):
        made = self.harness()
        made.proof("--json")
        self.assertEqual(made.status, 0, made.report())
        events = [json.loads(line) for line in made.said.splitlines()]
        self.assertEqual((events[-1]["step"], events[-1]["status"]), ("exit", 0))
        self.assertEqual(sum(event.get("event") == "gcloud" for event in events), len(made.calls()) - 1)  # a tunnel has no end

    @unittest.skipUnless(SECRET.exists(), "cloudboot: test_harness: capos-secret is not built")
    def test_a_machine_to_use(self):
        made = self.harness(secret_program=SECRET)
        self.assertEqual(made.run("up", *PLACE, "--yes", "--for", "1h30m"), 0, made.report())
        run = made.run_folder().name
        self.assertIn(f"instance/{run}/us-central1-a", made.there())
        self.assertNotIn(f"bucket/{run}", made.there())
        self.assertEqual(made.record()["state"], "up")
        created = " ".join(next(call for call in made.calls() if "instances create" in " ".join(call)))
        for word in ("--max-run-duration=5400s", "--instance-termination-action=DELETE", "serial-port-enable=TRUE", "no-address"):
            self.assertIn(word, created)
        self.secrets(made, ["chain.key", "operator.secret"])
        self.assertIn(str(made.run_folder() / "operator.secret"), made.said)
        self.assertIn(" where=gce hosts=127.0.0.1:18080,localhost:18080", (made.run_folder() / "boot.line").read_text())
        self.assertEqual(made.run("status"), 0)
        self.assertRegex(made.said, f"{run} up up: .*instance")
        self.assertEqual(made.run("console"), 0)
        self.assertEqual(made.calls()[-1][:3], ["compute", "connect-to-serial-port", run])
        self.assertEqual(made.run("down"), 0, made.report())
        self.assertEqual((made.there(), made.record()["state"]), ([], "clean"))
        self.assertEqual(made.run("down", run), 0, made.report())  # once more: nothing is there, and that is success


@unittest.skipUnless(SECRET.exists(), "cloudboot: test_harness: capos-secret is not built")
class Web(Base):
    """A proof that is asked for the web: what the client outside saw is judged with the log."""

    def asked(self, status, *table):
        made = self.harness(*table, secret_program=SECRET)
        made.proof("--probe-web")
        self.clean(made, status)
        return made, made.read("provider.json")

    def test_a_run_that_is_asked_holds_and_says_what_was_seen(self):
        made, record = self.asked(0)
        web = record["web"]
        self.assertEqual((web["reasons"], web["host"], web["statuses"]["afterwards"]), ([], "127.0.0.1:18080", 401))
        self.assertEqual((web["nonce"], "web" in record["not_attempted"]), (web["asked"], False))
        self.assertNotIn(record["cloud"]["nonce"], json.dumps(web))
        self.assertIn(f"--{web['nonce']}, this run", made.run_folder().joinpath("page.html").read_text().replace("<dd>", "--"))
        tunnels = [call for call in made.calls() if "start-iap-tunnel" in call]
        self.assertEqual([call[3] for call in tunnels], ["7", "8080"])
        secret = (made.run_folder() / "operator.secret").read_text().strip()
        said = [made.said, made.errors, json.dumps(made.calls()), json.dumps(record)]
        said += [(made.run_folder() / name).read_text() for name in ("events.jsonl", "record.json", "boot.line", "run.json")]
        self.assertFalse(any(secret in text for text in said))

    def test_a_tunnel_that_ends_is_named_and_the_run_fails(self):
        made, record = self.asked(1, {"match": " 8080 ", "do": "fail",
                                      "said": "Error while connecting [4033: 'not authorized']"})
        self.assertIn("the harness: the tunnel to port 8080 ended by itself, with status 1", record["reasons"])
        self.assertIn("web: nobody answered", record["reasons"])
        self.assertIn("web-ui-l4 is missing, and not-attempted does not list web", record["reasons"])


class Struck(Base):
    def strike(self, step, how, number):
        made = self.harness({"match": step, "do": how})
        made.struck(number)
        what = f"{step} {how} {number.name}: {made.report()}"
        self.assertEqual(made.status, KILLED[number], what)
        if step == STEPS[0]:
            self.assertEqual((made.there(), made.creations(), made.run_folder()), ([], [], None), what)
            return
        if number == signal.SIGKILL:
            known = {(entry["kind"], entry["name"]) for entry in made.record()["resources"]}
            for key in made.there():  # it was in the record before it could exist
                self.assertIn(tuple(key.split("/")[:2]), known, what)
            made.rules([])
            again = ["down"] if how == "hang-after" else ["sweep", "--project", "my-project", "--older-than", "0", "--yes"]
            self.assertEqual(made.run(*again), 0, f"{what}\n{made.report()}")
        self.assertEqual((made.there(), made.record()["state"]), ([], "clean"), what)

    def test_at_each_step(self):
        # Each step meets one signal, before it had its effect or after.
        self.beside(self.strike, [(step, HOW[at % 2], SIGNALS[(at + 2) % 3]) for at, step in enumerate(STEPS)])

    @unittest.skipUnless(DEEP, "cloudboot: test_harness: every signal at every step, before and after its effect, deep only")
    def test_every_signal_at_every_step(self):
        self.beside(self.strike, [(step, how, number) for step in STEPS for how in HOW for number in (*SIGNALS, signal.SIGHUP)])

    def test_killed_while_it_cleans_up(self):
        self.beside(self.strike, [(step, "hang-before", signal.SIGKILL) for step in (CLEANING if DEEP else CLEANING[:1])])

    def test_a_signal_does_not_end_the_cleaning(self):
        made = self.harness({"match": "instances delete", "do": "slow"})
        made.struck(signal.SIGINT)
        self.assertEqual(made.there(), [], made.report())
        self.assertEqual(made.record()["state"], "clean")
        self.assertIn("instance", [entry["kind"] for entry in made.record()["cleanup"]])

    def test_who_works_on_a_run_has_it_alone(self):
        made = self.harness({"match": "instances create", "do": "slow"})
        process = made.begin(*PLACE, "--yes")
        while not (made.fake / "hangs").exists():
            self.assertIsNone(process.poll())
        self.assertEqual(made.run("down"), 4, made.report())
        self.assertIn("is under way in another process", made.errors)
        made.end(process)
        self.assertEqual(made.there(), [])


class Faults(Base):
    def refuse(self, step):
        made = self.harness({"match": step, "do": "fail", "times": 99, "said": "Required 'x.y.create' permission for 'projects/p'"})
        made.proof()
        self.clean(made, 1)
        self.assertIn("Required 'x.y.create' permission", made.said)

    def test_each_creation_refused(self):
        self.beside(self.refuse, [(step,) for step in ("storage cp", *CREATES)])

    def lose(self, step, how):
        made = self.harness({"match": step, "do": how, "said": "HTTPError 503: Backend Error"})
        made.proof()
        self.clean(made, 0)
        self.assertEqual(len(made.read("run.json")["retries"]), 1, made.report())

    def test_answers_that_are_lost_and_errors_that_pass(self):
        cases = [("instances create", "lose"), ("images create", "lose"), ("networks create", "fail")]
        self.beside(self.lose, [(step, how) for step in CREATES for how in ("lose", "fail")] if DEEP else cases)

    def test_a_full_zone(self):
        made = self.harness({"match": "instances create", "do": "fail", "said": FULL})
        made.proof()
        self.clean(made, 0)
        run = made.read("run.json")
        self.assertEqual((run["cloud"]["zone"], [entry["zone"] for entry in run["retries"]]), ("us-central1-b", ["us-central1-a"]))

    def test_three_full_zones(self):
        made = self.harness({"match": "instances create", "do": "fail", "times": 99, "said": FULL})
        made.proof()
        self.clean(made, 1)
        zones = [f"us-central1-{letter}" for letter in "abc"]
        self.assertEqual([entry["zone"] for entry in made.read("run.json")["retries"]], zones)
        deleted = [plan.text(call) for call in made.calls() if "instances delete" in " ".join(call)]
        self.assertEqual([sum(f"--zone={zone}" in call for call in deleted) for zone in zones], [1, 1, 1])  # whatever was answered

    def test_deletions_that_fail_twice(self):
        made = self.harness({"match": "subnets delete", "do": "fail", "times": 2, "said": "The resource is not ready"})
        made.proof()
        self.clean(made, 0)
        self.assertEqual([entry["tries"] for entry in made.record()["cleanup"] if entry["kind"] == "subnet"], [3])

    def test_a_deletion_that_never_works(self):
        made = self.harness({"match": "images delete", "do": "fail", "times": 999, "said": "The resource is not ready"})
        made.proof()
        run = made.run_folder().name
        self.assertEqual((made.status, made.there()), (1, [f"image/{run}"]), made.report())
        command = f"gcloud compute images delete {run} --project=my-project --quiet"
        self.assertIn(f"LEFT: image {run}; remove it with: {command}", made.said)
        self.assertEqual(made.record()["state"], "left")
        self.assertEqual(made.read("run.json")["sweep"]["image"], [run])
        made.rules([])
        self.assertEqual(made.run("down", run), 0, made.report())
        self.assertEqual((made.there(), made.record()["state"]), ([], "clean"))

    def test_a_list_that_was_refused_is_not_believed(self):
        said = "Some requests did not succeed:\n - Required 'compute.disks.list' permission for 'projects/my-project'"
        made = self.harness({"match": "disks list", "do": "warn", "times": 99, "said": said})
        made.proof()
        self.assertEqual((made.status, made.there()), (1, []), made.report())
        self.assertIn("whether a disk is left could not be looked at", made.said)
        self.assertNotIn("disk", made.record()["sweep"])

    def test_output_that_is_gone(self):
        made = self.harness()
        state = {**made.state(), "gap": 300}
        (made.fake / "state.json").write_text(json.dumps(state))
        made.proof()
        self.clean(made, 4)
        self.assertEqual([port["gaps"] for port in made.read("run.json")["serial"]][:2], [[[0, 300]], [[0, 300]]])

    def test_a_machine_that_stops_before_its_end(self):
        made = self.harness({"match": "instances describe", "do": "answer", "said": {"status": "TERMINATED"}},
                            {"match": "start-iap-tunnel", "do": "hang-before"})
        made.proof()
        self.clean(made, 4)
        self.assertEqual(made.read("provider.json")["reason"], "no-end")

    def test_a_machine_that_is_gone(self):
        gone = "The resource was not found"
        made = self.harness({"match": "instances describe", "do": "fail", "times": 99, "said": gone},
                            {"match": "get-serial", "do": "fail", "times": 99, "said": gone})
        made.proof()
        self.clean(made, 4)
        self.assertIn("the machine was gone before its output was fetched", made.read("run.json")["reasons"])

    def test_a_machine_that_is_never_done(self):
        made = self.harness({"match": "start-iap-tunnel", "do": "hang-before"})
        made.proof("--within", "1")
        self.clean(made, 4)
        self.assertIn("the machine was not done within 1 s", made.read("run.json")["reasons"])


class Before(Base):
    def nothing(self, made, status, text):
        self.assertEqual((made.status, made.creations(), made.run_folder()), (status, [], None), made.report())
        self.assertIn(text, made.errors)

    def preflight(self, step, said, text):
        made = self.harness({"match": step, "do": "answer", "said": said})
        made.proof()
        self.nothing(made, 3, text)

    def test_what_is_missing(self):
        full = [{"metric": "CPUS", "limit": 2, "usage": 2}]
        self.beside(self.preflight, [
            ("auth list", [], "nobody is logged in: gcloud auth login"),
            ("services list", [{"config": {"name": "compute.googleapis.com"}}], "gcloud services enable iap.googleapis.com"),
            ("regions describe", {"zones": ["x/us-central1-a"], "quotas": full}, "quota CPUS of us-central1: 0 left, 2 are needed"),
            ("regions describe", {"zones": ["x/us-central1-b"]}, "has no zone us-central1-a"),
            ("project-info", {"quotas": [{"metric": "NETWORKS", "limit": 5, "usage": 5}]}, "quota NETWORKS of the project")])

    def test_no_gcloud(self):
        made = self.harness()
        made.run(*PLACE, gcloud=False)
        self.nothing(made, 3, "https://cloud.google.com/sdk/docs/install")

    def test_nobody_agreed(self):
        made = self.harness()
        made.run(*PLACE)
        self.nothing(made, 130, "there is no terminal to answer on; --yes answers")
        self.assertIn("at worst 0.0", made.said)

    def test_usage(self):
        made = self.harness()
        for words in ([], ["--project", "my-project"], ["fly"], ["run", "capos-260101-00000000", *PLACE], ["up", "--local"],
                      ["up", *PLACE, "--probe-web"],
                      [*PLACE, "--misbehave", "quota"], ["sweep"], [*PLACE, "--longest", "2"], ["--project", "A;b", "--zone", "x"],
                      ["down", "../x"]):
            self.assertEqual(made.run(*words), 2, f"{words}: {made.report()}")
        self.assertEqual(made.calls(), [])

    def test_a_dry_run_runs_nothing(self):
        made = self.harness()
        for command in ("run", "up"):
            self.assertEqual(made.run(command, *PLACE, "--dry-run"), 0, made.report())
            self.assertIn("gcloud compute instances create capos-", made.said)
        self.assertEqual((made.calls(), made.out.exists()), ([], False))


class Sweep(Base):
    OLD = "2020-01-01T00:00:00.000-07:00"

    def sweep(self, made, *words):
        return made.run("sweep", "--project", "my-project", *words)

    def test_by_name_label_and_age(self):
        made, young = self.harness(), "capos-260101-0000000a"
        old = "capos-200101-0000000b"
        made.put(f"instance/{old}/us-central1-b", name=old, zone="x/us-central1-b", creationTimestamp=self.OLD,
                 labels={"capos-run": old})
        made.put(f"firewall/{old}-iap", name=f"{old}-iap", creationTimestamp=self.OLD)
        made.put(f"bucket/{old}", name=old, creation_time="2020-01-01T00:00:00+0000")
        made.put(f"network/{young}", name=young, creationTimestamp="2999-01-01T00:00:00.000-07:00")
        others = {"network/capos-mine": {"name": "capos-mine", "creationTimestamp": self.OLD},
                  "image/capos-200101-0000000c": {"name": "capos-200101-0000000c", "creationTimestamp": self.OLD,
                                                  "labels": {"capos-run": "another"}}}
        for key, item in others.items():
            made.put(key, **item)
        self.assertEqual(self.sweep(made), 130, made.report())  # nobody to ask
        self.assertEqual(self.sweep(made, "--dry-run"), 0)
        self.assertIn(f"{old}: to remove: instance {old}", made.said)
        self.assertEqual(len(made.there()), 6)
        self.assertEqual(self.sweep(made, "--yes"), 0, made.report())
        self.assertEqual(made.there(), sorted([*others, f"network/{young}"]))
        self.assertIn(f"{young}: left alone, not that old", made.said)
        self.assertEqual(self.sweep(made, "--yes", "--older-than", "0"), 0, made.report())
        self.assertEqual(made.there(), sorted(others))

    def test_a_record_that_names_something_else_is_refused(self):
        made = self.harness()
        made.proof()
        self.clean(made, 0)
        path = made.run_folder() / "record.json"
        record = made.record()
        record["resources"].append({"kind": "instance", "name": "production", "zone": "us-central1-a", "state": "exists"})
        path.write_text(json.dumps(record))
        before = len(made.calls())
        self.assertEqual(made.run("down", made.run_folder().name), 4, made.report())
        self.assertEqual(len(made.calls()), before)


class Words(unittest.TestCase):
    def all(self):
        for machine_type in ("e2-small", "n4-standard-2", "c3-standard-4"):
            place = plan.Place("capos-260101-00000000", "my-project", "us-central1-a", machine_type)
            for keys in (False, True):
                yield from plan.dry(place, "0" * 32, keys, True)
        yield "console", plan.console(place)

    def test_nothing_is_open_to_the_world(self):
        for _, words in self.all():
            text = " ".join(words)
            self.assertNotIn("0.0.0.0/0", text)
            if "firewall-rules create" in text:
                self.assertIn(f"--source-ranges={plan.TUNNELS} ", text)
            if "instances create" in text:
                for word in ("no-address", "--no-service-account", "--no-scopes", "--provisioning-model=STANDARD",
                             "--instance-termination-action=DELETE", "--labels=capos-run="):
                    self.assertIn(word, text)

    def test_who_asks_for_the_web_has_one_tunnel_more_and_opens_nothing(self):
        place = plan.Place("capos-260101-00000000", "my-project", "us-central1-a")
        without, asked = (plan.dry(place, "0" * 32, False, web) for web in (False, True))
        self.assertEqual([line for line in asked if line not in without], [("tunnel", plan.tunnel(place, 8080, 18080))])
        self.assertEqual([line for line in asked if line in without], without)

    @unittest.skipUnless(shutil.which("gcloud"), "cloudboot: test_harness: gcloud is not installed")
    def test_gcloud_parses_every_line(self):
        sdk = pathlib.Path(shutil.which("gcloud")).resolve().parents[1]
        python = next((path for path in sdk.glob("platform/bundledpythonunix/bin/python3")), "/usr/bin/python3")
        lines = {}
        for _, words in self.all():
            lines[(*words[:3], *(word.partition("=")[0] for word in words if word.startswith("--")))] = words
        lines = [*map(list, lines.values()), ["compute", "instances", "create", "x", "--nic-type=GVNIC"]]
        done = subprocess.run([python, "-B", harness.FAKE.parent / "parse_gcloud.py", sdk], input=json.dumps(lines), text=True,
                              capture_output=True, check=False, timeout=harness.SECONDS_MAX)
        self.assertEqual(done.returncode, 0, done.stderr)
        refused = [lines[at] for at, fault in enumerate(json.loads(done.stdout)) if fault]
        self.assertEqual(refused, lines[-1:], done.stdout)  # the last is none that gcloud knows

    def test_durations(self):
        self.assertEqual([plan.seconds_of(text) for text in ("20m", "2h", "1h30m", "90s")], [1200, 7200, 5400, 90])
        for text in ("", "2", "h", "1d", "30s", "25h", "-5m", "1m1h"):
            with self.assertRaises(ValueError):
                plan.seconds_of(text)

    def test_prices(self):
        for machine_type in price.Price(plan.Place("r", "p", "us-central1-a")).table["machine_hour"]:
            place = plan.Place("r", "p", "us-central1-a", machine_type)
            self.assertTrue(0 < price.Price(place).estimate() <= price.Price(place).worst() < 1)
        self.assertIsNone(price.Price(plan.Place("r", "p", "us-central1-a", "m9-huge-1")).worst())


if __name__ == "__main__":
    unittest.main()
