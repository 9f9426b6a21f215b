#!/usr/bin/python3
# SPDX-License-Identifier: BSD-2-Clause
# ./capos cloudboot: the image on Compute Engine, by the installed gcloud; its serial output judged; nothing left. With --local all
# of it against a stand-in on this machine. Whatever happens, what was created is removed, from a record that is written before.
# Exit status: 0 holds, 1 a claim failed or something is left, 2 usage, 3 something needed is missing, 4 refused, 130 interrupted.
import argparse
import hashlib
import pathlib
import signal
import sys
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cleanup  # noqa: E402
import gcloud  # noqa: E402
import disk  # noqa: E402
import local  # noqa: E402
import plan  # noqa: E402
import preflight  # noqa: E402
import price as prices  # noqa: E402
import progress as progresses  # noqa: E402
import record as records  # noqa: E402
import run as runs  # noqa: E402
import use  # noqa: E402
import verdict  # noqa: E402
from gcloud import Stopped  # noqa: E402

COMMANDS = ("run", "up", "console", "connect", "down", "status", "sweep")
EPILOG = """commands:
  run      (the default) boots a proof, judges it, removes everything
  up       a machine to use, until --for is over; console, connect and down are for it
  console [RUN], connect [RUN], down [RUN]   RUN may be left out where there is only one
  status   what is on record, and with --project what the cloud has
  sweep    finds and removes leftovers by label, name and age

Exit status: 0 holds, 1 a claim failed or something is left, 2 usage, 3 something needed is missing, 4 refused, 130 interrupted."""
LOOK_SECONDS = 0.1


def parse(words):
    p = argparse.ArgumentParser(prog="capos cloudboot", allow_abbrev=False, epilog=EPILOG,
                                formatter_class=argparse.RawDescriptionHelpFormatter,
                                description="boots the image on Compute Engine by the installed gcloud, and leaves nothing there")
    p.add_argument("command", nargs="?", default="run", metavar="COMMAND", help="below")
    p.add_argument("run", nargs="?", metavar="RUN", help="name of a run")
    p.add_argument("--local", action="store_true", help="against a stand-in of Compute Engine on this machine: costs nothing")
    p.add_argument("--require-provider-nic-proof", action="store_true", help="the second gate: a valid provider-nic-bound")
    p.add_argument("--probe-web", action="store_true", help="the machine's web is asked for as well, through a tunnel: "
                   "page, log-in, overview, log-out")
    p.add_argument("--project", help="of the cloud, given for each run")
    p.add_argument("--zone", help="of the cloud, given for each run; if it is full, two others of its region are tried")
    p.add_argument("--machine-type", default="e2-small", help="e2-small")
    p.add_argument("--longest", default="20m", metavar="TIME", help="after which Compute Engine deletes the machine of a run (20m)")
    p.add_argument("--within", type=int, default=600, metavar="SECONDS", help="in which the machine of a run has to be done (600)")
    p.add_argument("--for", dest="time", default="2h", metavar="TIME", help="the same for up (2h)")
    p.add_argument("--older-than", default="2h", metavar="TIME", help="for sweep: younger ones are left alone (2h); 0: none")
    p.add_argument("--port", type=int, default=plan.PORTS[1], help="for connect: of the machine (8080)")
    p.add_argument("--local-port", type=int, default=18080, metavar="PORT",
                   help="for connect, and for up, which tells the machine: of 127.0.0.1 (18080)")
    p.add_argument("--key", type=pathlib.Path, metavar="FILE", help="minisign's secret key, to sign with (one for this run)")
    p.add_argument("--image", type=pathlib.Path, metavar="FILE", help="a disk image instead of the one that is built")
    p.add_argument("--hold", type=int, metavar="SECONDS", help="that the machine stays on behind the last line of its log, so that "
                   "all of it can be fetched (20, with --local 5)")
    p.add_argument("--exchanges", type=int, default=runs.EXCHANGES, metavar="N", help=f"of the proof ({runs.EXCHANGES})")
    p.add_argument("--dry-run", action="store_true", help="print every command, run none (sweep: look, remove nothing)")
    p.add_argument("--json", action="store_true", help="one JSON event a line")
    p.add_argument("--yes", action="store_true", help="do not ask")
    p.add_argument("--misbehave", action="append", default=[], metavar="NAME[=VALUE]",
                   help="with --local: what goes wrong there (docs/cloudboot.md)")
    for own in ("--kernel", "--package", "--vpc", "--secret-program", "--out"):
        p.add_argument(own, type=pathlib.Path, help=argparse.SUPPRESS)
    p.add_argument("--commit", default="unknown", help=argparse.SUPPRESS)
    p.add_argument("--pause", type=float, help=argparse.SUPPRESS)
    p.add_argument("--check", action="store_true", help=argparse.SUPPRESS)
    options = p.parse_args(words)
    check_options(p, options)
    return options


def check_options(p, options):
    if options.command not in COMMANDS:
        p.error(f"{options.command}: no command; there are {', '.join(COMMANDS)}")
    if options.run and options.command not in ("console", "connect", "down"):
        p.error(f"{options.command} takes no name of a run")
    if options.local and options.command != "run":
        p.error("--local goes with a run: what it stands in for ends with it")
    if options.probe_web and options.command != "run":
        p.error("--probe-web goes with a run: for up, connect leads there")
    if options.misbehave and not options.local:
        p.error("--misbehave goes with --local")
    if options.local:
        options.project, options.zone = options.project or local.PROJECT, options.zone or local.ZONE
    if options.command in ("run", "up") and not (options.project and options.zone):
        p.error("--project and --zone are due (or --local)")
    if options.command == "sweep" and not options.project:
        p.error("--project is due")
    for value, pattern, flag in ((options.project, plan.PROJECT, "--project"), (options.zone, plan.ZONE, "--zone"),
                                 (options.machine_type, plan.MACHINE, "--machine-type")):
        if value is not None and not pattern.fullmatch(value):
            p.error(f"{flag} {value}: no such name")
    try:
        options.seconds = plan.seconds_of(options.time if options.command == "up" else options.longest)
        options.older = 0 if options.older_than == "0" else plan.seconds_of(options.older_than)
    except ValueError as error:
        p.error(str(error))
    if not 1 <= options.exchanges <= 10000000 or not 1 <= options.within <= 24 * 3600:
        p.error("--exchanges takes 1 to 10000000, --within 1 to 86400")
    if not all(1 <= port <= 65535 for port in (options.port, options.local_port)):
        p.error("a port is 1 to 65535")
    if options.pause is None:
        options.pause = 0.3 if options.local else 2.0
    if options.hold is None:
        options.hold = 5 if options.local else 20
    if not 1 <= options.hold <= 600:
        p.error("--hold takes 1 to 600")


class Signals:
    """The first one ends what is under way; while things are being removed, none does."""

    def __init__(self):
        self.number = None

    def __enter__(self):
        self.before = {number: signal.signal(number, self.note) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        return self

    def note(self, number, _):
        self.number = number

    def __exit__(self, *_):
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def supervise(self, calls, body):
        """body() in a thread of its own; this one takes the signals. What body gives, or raises."""
        outcome, over = {}, threading.Event()

        def work():
            try:
                outcome["value"] = body()
            except BaseException as error:  # pylint: disable=broad-exception-caught; it is raised again below
                outcome["error"] = error
            finally:
                over.set()
        thread = threading.Thread(target=work)
        thread.start()
        while not over.wait(LOOK_SECONDS):
            if self.number is not None:
                calls.stop()
        thread.join()
        if "error" in outcome:
            raise outcome["error"]
        return outcome["value"]


class Command:
    """One of them, with all that it needs."""

    def __init__(self, options, signals):
        self.options, self.signals = options, signals
        self.progress, self.calls, self.standin, self.run = progresses.Progress(None, options.json), None, None, None

    def place(self):
        return plan.Place(plan.new_run(), self.options.project, self.options.zone, self.options.machine_type, self.options.seconds)

    def begin_calls(self, environment=None):
        self.calls = gcloud.Gcloud(environment, lambda event: self.progress.called(event))
        return self.calls

    def agree(self, question):
        if self.options.yes:
            return True
        if not sys.stdin.isatty():
            print(f"capos cloudboot: {question.strip()}: there is no terminal to answer on; --yes answers", file=sys.stderr)
            return False
        print(question, end="", file=sys.stderr, flush=True)
        return sys.stdin.readline().strip() in ("y", "Y", "yes")

    def dry(self):
        place = self.place()
        for step, words in plan.dry(place, "0" * 32, self.options.command == "up", self.options.probe_web):
            if self.options.json:
                self.progress.event(step=step, command=plan.text(words))
            else:
                print(plan.text(words))
        return 0

    def ready(self, place, cost):
        """Preflight, what will exist, what it may cost. A Found, or the exit status."""
        found = self.signals.supervise(self.calls, lambda: preflight.look(self.calls, place, self.options.local))
        for note in found.notes:
            self.progress.say(f"note: {note}", step="preflight", note=note)
        for reason in found.reasons:
            self.progress.event(step="preflight", reason=reason)
            print(f"capos cloudboot: {reason}", file=sys.stderr)
        if found.reasons:
            return 3
        self.progress.say(f"gcloud {found.version}, project {place.project}, zone {place.zone}: ready", step="ready",
                          gcloud=found.version)
        usual, worst = (f"{money:.4f} $" if cost.known else "unknown: the table of prices does not have this machine type"
                        for money in (cost.estimate(), cost.worst() or 0))
        what = "bucket, image, network, subnetwork, firewall rule (from the identity-aware proxy alone) and machine"
        self.progress.say(f"will exist, each under the name {place.run}: {what} ({place.machine_type}, at most {place.seconds} s)",
                          step="plan", run=place.run)
        where = "on Compute Engine; here it costs nothing" if self.options.local else "and everything is removed at the end" \
            if self.options.command == "run" else f"and `down {place.run}` removes it"
        self.progress.say(f"cost: about {usual}, at worst {worst}, {where}", step="cost", **cost.record())
        if not self.options.local and not self.agree("Proceed? [y/N] "):
            return 130
        return found

    def create(self):
        """run and up."""
        place, options = self.place(), self.options
        cost = prices.Price(place)
        if not gcloud.found():
            print(f"capos cloudboot: {preflight.WITHOUT}", file=sys.stderr)
            return 3
        if options.local:
            self.standin = local.StandIn(options.vpc, options.misbehave)
        self.begin_calls(self.standin.environment if self.standin else None)
        try:
            found = self.ready(place, cost)
            if isinstance(found, int):
                return found
            record = records.Record.begin(options.out / place.run, place, options.command, options.local)
            self.progress.file = open(record.folder / "events.jsonl", "a", encoding="utf-8")
            self.run = runs.Run(options, record, self.calls, self.progress, cost, found, self.standin, options.command == "up")
            self.progress.cost = self.run.spent
            status = self.signals.supervise(self.calls, self.up if options.command == "up" else self.proof)
            record.set(exit=status)
            self.progress.event(step="exit", status=status)
            return status
        except Stopped:
            return 130
        finally:
            if self.standin:
                self.standin.end()

    def attempt(self, function):
        """The run's part; the exit status that its end means, or None if it came to its end."""
        try:
            function()
        except Stopped:
            self.progress.say("interrupted: what was created is removed", step="interrupted")
            return 130
        except runs.Failed as failed:
            self.progress.say(f"failed: {failed.args[0]}: {failed.why()}", step="failed", of=failed.args[0], why=failed.why())
            return 1
        except (OSError, disk.image.Failed) as error:
            self.progress.say(f"failed: {error}", step="failed", of="files", why=str(error))
            return 1
        return None

    def clean(self):
        clean = cleanup.Cleaner(self.calls, self.progress, self.options.pause / 2).clean(self.run.record)
        if self.standin:
            left = self.standin.ask("ledger")
            self.progress.say(f"the stand-in's ledger: {'empty' if not left else left}", step="ledger", left=left)
            clean &= not left
        return clean

    def proof(self):
        run, started, status, clean = self.run, time.monotonic(), 1, False
        try:
            status = self.attempt(run.proof)
        finally:
            clean = self.clean()
        digest = hashlib.sha256(self.options.project.encode()).hexdigest()
        facts = run.facts(self.options.commit, time.monotonic() - started, digest)
        runs.write_json(run.folder / "run.json", facts)
        if status is None:
            status = self.judge(facts)
        return status if status in (4, 130) else status or (0 if clean else 1)

    def judge(self, facts):
        run, say = self.run, self.progress.say
        result, record = verdict.judge(run.folder, self.options.require_provider_nic_proof, facts)
        for reason in result["reasons"]:
            say(f"  {reason}", step="reason", reason=reason)
        signed, text = verdict.sign(run.folder, record, run.hashes, self.options.key)
        say(text, step="signed", signed=signed, said=text)
        spent = facts.get("cost", {}).get("estimate_usd")
        money = f", about {spent:.4f} ${' there, nothing here' if self.standin else ''}" if spent else ""
        say(f"verdict: {result['verdict']}, gate {record['gate']}, {len(result['lines'])} markers{money}", step="verdict",
            verdict=result["verdict"], gate=record["gate"], reason=result["reason"], reasons=result["reasons"], estimate_usd=spent)
        self.took(facts)
        page = verdict.page(run.folder, self.options.require_provider_nic_proof)
        self.progress.plain(f"run: {run.folder}" + (f"\npage: {page}" if page else ""))
        return verdict.STATUS[result["verdict"]] or (0 if signed else 3)

    def took(self, facts):
        """What is the harness's own, and what the machine's, from its creation to its power-off."""
        machine = facts["machine_seconds"]
        said = f", {machine:.0f} s of them the machine's" if machine else ""
        self.progress.say(f"took: {facts['seconds']:.0f} s{said}; {facts['calls']} calls of gcloud", step="took",
                          seconds=facts["seconds"], machine_seconds=machine, calls=facts["calls"])

    def up(self):
        status = None
        try:
            status = self.attempt(lambda: use.up(self.run))
        finally:
            if status is not None or self.run.record.data["state"] != "up":
                self.clean()
        if status is None:
            use.tell(self.run)
        return status or 0

    def other(self):
        """Commands for what is there."""
        options = self.options
        if not gcloud.found() and not (options.command == "status" and not options.project):
            print(f"capos cloudboot: {preflight.WITHOUT}", file=sys.stderr)
            return 3
        cleaner = cleanup.Cleaner(self.begin_calls(), self.progress, options.pause / 2)
        if options.command in ("console", "connect"):
            record = use.opened(options.out, options.run, up=True)
            if options.command == "console":
                use.console(record)
            use.connect(record, options.port, options.local_port)
        if options.command == "down":
            record = use.opened(options.out, options.run)
            return 0 if self.signals.supervise(self.calls, lambda: use.down(cleaner, record)) else 1
        if options.command == "status":
            return 0 if self.signals.supervise(self.calls, lambda: use.status(options.out, cleaner, options.project)) else 1
        done = self.signals.supervise(self.calls, lambda: use.sweep(options.out, cleaner, options.project, options.older,
                                                                    self.agree, options.dry_run))
        return 0 if done else 1

    def main(self):
        if self.options.dry_run and self.options.command in ("run", "up"):
            return self.dry()
        return self.create() if self.options.command in ("run", "up") else self.other()


def main(words):
    options = parse(words)
    if options.check:
        return 0
    if options.out is None:
        options.out = pathlib.Path(__file__).resolve().parents[2] / "out"
    options.out = options.out.resolve()
    with Signals() as signals:
        try:
            return Command(options, signals).main()
        except use.Usage as error:
            print(f"capos cloudboot: {error}", file=sys.stderr)
            return 2
        except (records.Unreadable, records.UnderWay) as error:
            print(f"capos cloudboot: {error}", file=sys.stderr)
            return 4
        except local.Failed as error:
            print(f"capos cloudboot: {error}", file=sys.stderr)
            return 1
        except (KeyboardInterrupt, Stopped):
            return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
