# SPDX-License-Identifier: BSD-2-Clause
# A machine to use, and what becomes of runs: up, console, connect, down, status, sweep. All of it works from the record on disk,
# and sweep from what the cloud lists as well.
import datetime
import os
import re
import time

import cleanup
import plan
import record as records
import run as runs

PLAIN = re.compile(r"(capos-\d{6}-[0-9a-f]{8})(?:-iap)?")
UP_SECONDS = 300      # until it says that somebody may log in
LISTENS = b"log in as operator"
LABELLED = ("instance", "image")  # that can be found by label as well


class Usage(Exception):
    """What was asked for makes no sense: the words say why."""


def opened(out, name, up=False):
    """The record of a run by its name; without a name, of the only one that is not over. Unreadable, Usage."""
    if name:
        if not plan.RUN.fullmatch(name):
            raise Usage(f"{name}: no name of a run")
        return records.Record.read(out / name)
    found = [record for record in every(out) if record.data["state"] != "clean" and (not up or record.data["kind"] == "up")]
    if len(found) != 1:
        names = ", ".join(record.data["run"] for record in found) or "none"
        raise Usage(f"which run? There are: {names}")
    return found[0]


def every(out):
    found = []
    for folder in records.folders(out):
        try:
            found.append(records.Record.read(folder))
        except records.Unreadable:
            continue
    return found


# up

def up(run):
    """The machine, as far as somebody may log in. It stays."""
    run.build()
    until, port, turn = time.monotonic() + UP_SECONDS, run.serial.ports[1], 0
    while LISTENS not in port.path.read_bytes():
        turn += 1
        run.progress.doing("the machine starts")
        run.serial.poll(run.place, 1)
        if turn % runs.LOOK_EVERY == 0 and run.look() not in ("RUNNING", "PROVISIONING", "STAGING"):
            raise runs.Failed("machine", f"it is {run.status}")
        if time.monotonic() > until:
            raise runs.Failed("machine", f"nobody could log in within {UP_SECONDS} s")
        run.gcloud.wait(run.options.pause)
    over = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(seconds=run.place.seconds)
    run.record.set(state="up", step="up", until=over.isoformat(timespec="seconds"))


def tell(run):
    name, folder = run.place.run, run.folder
    run.progress.say(f"{name} is up; Compute Engine deletes the machine at {run.record.data['until']}", step="up", run=name)
    run.progress.plain(f"  ./capos cloudboot console {name}   its serial console\n"
                       f"  ./capos cloudboot connect {name}   a port of this machine that leads to its web port\n"
                       f"  ./capos cloudboot down {name}      removes all of it; image and network have no time limit\n"
                       f"  the operator's secret: {folder / 'operator.secret'}")


def console(record):
    """Becomes gcloud."""
    words = plan.console(record.place())
    os.execvp("gcloud", ["gcloud", *words])


def connect(record, port, local):
    """Becomes gcloud."""
    secret = record.folder / "operator.secret"
    print(f"http://127.0.0.1:{local}/ leads to port {port} of {record.data['run']} (identity-aware proxy); Ctrl-C ends it")
    print(f"the operator's secret: {secret}", flush=True)
    os.execvp("gcloud", ["gcloud", *plan.tunnel(record.place(), port, local)])


def down(cleaner, record):
    """True: nothing is left."""
    record.hold()
    if record.data["where"] == "standin":  # it lived in a process that is gone, and all of its machines with it
        for entry in record.remaining():
            record.mark(entry, "gone")
        record.set(state="clean", sweep={})
        cleaner.progress.say("its cloud was a stand-in on this machine, and ended with it: nothing is left")
        return True
    return cleaner.clean(record)


def status(out, cleaner, project):
    """Runs that are on record, and with a project what the cloud has."""
    for record in every(out):
        left = ", ".join(f"{entry['kind']} {entry['name']}" for entry in record.remaining())
        cleaner.progress.say(f"{record.data['run']} {record.data['kind']} {record.data['state']}: {left or 'nothing of it exists'}",
                             step="status", run=record.data["run"], state=record.data["state"],
                             remaining=[entry["kind"] for entry in record.remaining()])
    if not project:
        return True
    found, blind = ours(cleaner, project)
    for run, items in sorted(found.items()):
        for item in items:
            made = item.get("created", "at an unknown time")
            cleaner.progress.say(f"{project} has {item['kind']} {item['name']}, created {made}", step="there", **item)
    if not found and not blind:
        cleaner.progress.say(f"{project} has nothing of ours", step="there", project=project)
    for kind, why in blind.items():
        cleaner.progress.say(f"whether there is a {kind} could not be looked at: {why}", step="there", kind=kind, blind=why)
    return not blind


# sweep

def ours(cleaner, project):
    """({run: [what it has in the project]}, what could not be looked at), by name and by label."""
    place = plan.Place("capos-000000-00000000", project, "us-central1-a")
    found, blind = cleaner.look(place, "capos-")
    for kind in LABELLED:
        more = ["--no-standard-images"] if kind == "image" else []
        answer = cleaner.gcloud.call(f"list {kind} by label", [*plan.WORDS[kind], "list", plan.project(place), *more,
                                                               f"--filter=labels.{plan.LABEL}:*", "--format=json"])
        if answer.believable():
            have = {(item["name"], item.get("zone")) for item in found.get(kind, [])}
            items = [cleanup.short(kind, item) for item in answer.json()]
            found.setdefault(kind, []).extend(item for item in items if (item["name"], item.get("zone")) not in have)
        else:
            blind[kind] = answer.line()
    by_run = {}
    for items in found.values():
        for item in items:
            match = PLAIN.fullmatch(item["name"])
            if match and item.get("run", match[1]) == match[1]:  # a name of ours with another run's label is not ours
                by_run.setdefault(match[1], []).append(item)
    return by_run, blind


def age(item, now):
    """Seconds, or None where nobody says."""
    try:
        made = datetime.datetime.fromisoformat(item["created"].replace("Z", "+00:00"))
    except (LookupError, ValueError):
        return None
    return (now - (made if made.tzinfo else made.replace(tzinfo=datetime.timezone.utc))).total_seconds()


def old(items, seconds):
    """Is everything of it that old? What has no age is, where any age will do."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return all(seconds == 0 or (age(item, now) is not None and age(item, now) >= seconds) for item in items)


def record_of(out, run, project, items):
    """The record on disk, or one that is begun now. UnderWay: another process works on it."""
    zone = next((item["zone"] for item in items if item.get("zone")), None)
    region = next((item["region"] for item in items if item.get("region")), "us-central1")
    try:
        record = records.Record.read(out / run)
        if record.data["project"] != project:
            raise Usage(f"{run} is on record for the project {record.data['project']}")
        record.hold()
    except records.Unreadable:
        folder = out / run if not (out / run).exists() else out / f"{run}-swept-{os.getpid()}"
        record = records.Record.begin(folder, plan.Place(run, project, zone or f"{region}-a"), "swept", False)
    for item in items:
        where = {level: item[level] for level in ("zone", "region") if item.get(level)}
        record.mark(record.intend({"kind": item["kind"], "name": item["name"], **where}), "exists")
    return record


def finish(out, cleaner, project, seconds, found):
    """Records whose run was killed when nothing of it was there, or nothing was left: they say so from now on."""
    for record in every(out):
        data = record.data
        if data["project"] != project or data["where"] != "gce" or data["run"] in found or data["state"] in ("clean", "up") \
                or not old([{"created": data["begun"]}], seconds):
            continue
        try:
            record.hold()
        except records.UnderWay:
            continue  # it is at it
        cleaner.progress.say(f"{data['run']}: was cut off, and has nothing left", step="finished", run=data["run"])
        cleaner.clean(record)


def sweep(out, cleaner, project, seconds, agree, dry=False):
    """Finds and removes. `agree(text)`: asks. (what is left or could not be looked at, whether it was agreed to)."""
    found, blind = ours(cleaner, project)
    for record in every(out):  # killed before its first create, or all of it is gone meanwhile
        if record.data["project"] == project and record.data["where"] == "gce" and record.remaining():
            found.setdefault(record.data["run"], [{"kind": entry["kind"], "name": entry["name"], "created": record.data["begun"],
                                                   **{level: entry[level] for level in ("zone", "region") if entry.get(level)}}
                                                  for entry in record.remaining()])
    due = {run: items for run, items in sorted(found.items()) if old(items, seconds)}
    for run, items in sorted(found.items()):
        word = "to remove" if run in due else "left alone, not that old"
        names = ", ".join(f"{item['kind']} {item['name']}" for item in items)
        cleaner.progress.say(f"{run}: {word}: {names}", step="found", run=run,
                             due=run in due, items=[item["kind"] for item in items])
    for kind, why in blind.items():
        cleaner.progress.say(f"whether there is a {kind} could not be looked at: {why}", step="found", kind=kind, blind=why)
    if dry:
        return not blind
    finish(out, cleaner, project, seconds, found)
    if not due:
        cleaner.progress.say("nothing to remove", step="swept", runs=[])
        return not blind
    if not agree(f"Remove {len(due)} {'run' if len(due) == 1 else 'runs'}? [y/N] "):
        raise KeyboardInterrupt
    clean = not blind
    for run, items in due.items():
        try:
            clean &= cleaner.clean(record_of(out, run, project, items))
        except (records.UnderWay, Usage) as error:
            cleaner.progress.say(str(error), step="under-way", run=run)
            clean = False
    return clean
