# SPDX-License-Identifier: BSD-2-Clause
# The record of a run: what may exist because of it, on disk before it can. Everything that removes works from this file, so that a
# run can be ended by whoever finds it, whatever became of the one that began it.
import datetime
import fcntl
import json
import os
import threading

import plan

SCHEMA = "capos-cloud-run-1"
NAME = "record.json"
STATES = ("intended", "exists", "gone", "left")  # of a resource


class Unreadable(Exception):
    """No record, or none of ours: the words say why."""


class UnderWay(Exception):
    """Another process works on this run."""


def now():
    return datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="milliseconds")


class Record:
    """`data` is the file. Two threads may write."""

    def __init__(self, folder, data):
        self.folder, self.data, self.mutex, self.held = folder, data, threading.RLock(), None

    @classmethod
    def begin(cls, folder, place, kind, local):
        """A new run's, with nothing that exists. The folder is made, for its owner alone."""
        folder.mkdir(mode=0o700, parents=True)
        record = cls(folder, {"schema": SCHEMA, "run": place.run, "kind": kind, "where": "standin" if local else "gce",
                              "project": place.project, "zone": place.zone, "machine_type": place.machine_type,
                              "seconds": place.seconds, "begun": now(), "state": "begun", "step": "begun", "resources": [],
                              "cleanup": [], "sweep": None, "exit": None})
        record.hold()
        record.save()
        return record

    @classmethod
    def read(cls, folder):
        try:
            data = json.loads((folder / NAME).read_text(encoding="utf-8"))
            if data["schema"] != SCHEMA or not plan.RUN.fullmatch(data["run"]) or not plan.ZONE.fullmatch(data["zone"]):
                raise ValueError("not the record of a run")
            if not plan.PROJECT.fullmatch(data["project"]) or not isinstance(data["resources"], list):
                raise ValueError("not the record of a run")
            for resource in data["resources"]:
                ours = resource["name"] in (data["run"], data["run"] + "-iap")
                if resource["kind"] not in plan.WORDS or not ours or resource["state"] not in STATES:
                    raise ValueError("it names what a run does not create")
        except (OSError, ValueError, LookupError, TypeError) as error:
            raise Unreadable(f"{folder / NAME}: {error}") from error
        return cls(folder, data)

    def hold(self):
        """Ours alone as long as this process lives. UnderWay: another's."""
        self.held = open(self.folder / "lock", "w", encoding="ascii")
        try:
            fcntl.flock(self.held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise UnderWay(f"{self.data['run']} is under way in another process: interrupt that one") from error

    def place(self):
        data = self.data
        return plan.Place(data["run"], data["project"], data["zone"], data["machine_type"], data["seconds"])

    def save(self):
        with self.mutex:
            new = self.folder / (NAME + ".new")
            with open(new, "w", encoding="utf-8") as file:
                json.dump(self.data, file, indent=1)
                file.write("\n")
                file.flush()
                os.fsync(file.fileno())
            os.replace(new, self.folder / NAME)

    def set(self, **values):
        with self.mutex:
            self.data.update(values)
            self.save()

    def intend(self, resource):
        """Before it is asked for. Gives the record's own entry of it."""
        with self.mutex:
            for entry in self.data["resources"]:
                if (entry["kind"], entry["name"], entry.get("zone")) == (resource["kind"], resource["name"], resource.get("zone")):
                    break
            else:
                entry = {**resource, "state": "intended"}
                self.data["resources"].append(entry)
            self.data["step"] = resource["kind"]
            self.save()
            return entry

    def mark(self, entry, state, **more):
        with self.mutex:
            entry.update(state=state, **more)
            self.save()

    def note_cleanup(self, entry, answer, tries, text=""):
        with self.mutex:
            self.data["cleanup"].append({"kind": entry["kind"], "name": entry["name"], "answer": answer, "tries": tries,
                                         "at": now(), **({"text": text} if text else {})})
            self.mark(entry, "left" if answer == "failed" else "gone")

    def remaining(self):
        return [entry for entry in self.data["resources"] if entry["state"] != "gone"]


def folders(out):
    """Run folders of this kind, the latest last."""
    return sorted((path.parent for path in out.glob(f"capos-*/{NAME}")), key=lambda path: path.stat().st_mtime)
